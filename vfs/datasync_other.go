//go:build !linux

package vfs

import (
	"errors"
	"os"
)

// Datasync is fsync where there is no fdatasync.
func (f osFile) Datasync() error { return f.Sync() }

// Mount returns nil: there is no syncfs here, and files are synced one by one.
func (osFS) Mount(string) (*Mount, error) { return nil, nil }

func syncMount(*os.File) error { return errors.ErrUnsupported }
