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

// Mount opens the file system that is mounted at path, or returns nil when path
// is not where one is mounted: a sync would write other people's data too.
func (osFS) Mount(path string) (*Mount, error) {
	self, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	parent, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	a, okA := self.Sys().(*syscall.Stat_t)
	b, okB := parent.Sys().(*syscall.Stat_t)
	if !okA || !okB || a.Dev == b.Dev {
		return nil, nil
	}
	root, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &Mount{root}, nil
}

func syncMount(root *os.File) error { return unix.Syncfs(int(root.Fd())) }
