//go:build unix

package vfs

import "golang.org/x/sys/unix"

// Space is how large the file system of a path is, and how much of it this
// process may still use, in bytes. Only OS has this method.
func (osFS) Space(path string) (total, usable int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, 0, err
	}
	size := int64(s.Bsize)
	return int64(s.Blocks) * size, int64(s.Bavail) * size, nil
}
