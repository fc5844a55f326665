package clients

import "syscall"

// endsWithParent kills a child when its parent ends in whatever way: a test that
// ran out of time runs no cleanup.
func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
