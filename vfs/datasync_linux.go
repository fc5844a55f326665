package vfs

import (
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Datasync is fdatasync(2). An interrupted call is made again; no other error
// may be retried, because Linux drops the pages it could not write.
func (f osFile) Datasync() error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}

// SyncAll writes everything of the file system that holds path to disk, with
// one syncfs(2). It reports write-back errors since Linux 5.8.
func (osFS) SyncAll(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}

// OwnFileSystem reports whether path is where a file system is mounted, so that
// SyncAll writes nobody else's data.
func (osFS) OwnFileSystem(path string) bool {
	self, err := os.Stat(path)
	if err != nil {
		return false
	}
	parent, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return false
	}
	a, okA := self.Sys().(*syscall.Stat_t)
	b, okB := parent.Sys().(*syscall.Stat_t)
	return okA && okB && a.Dev != b.Dev
}
