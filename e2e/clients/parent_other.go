//go:build !linux

package clients

import "syscall"

// endsWithParent is for Linux alone: elsewhere a child outlives a parent that
// was killed.
func endsWithParent() *syscall.SysProcAttr { return nil }
