// Package vfs is the file system under everything that is kept: the operating
// system's, one in memory that can lose power, and one that fails on demand.
//
// kafka/storage is its user. It offers only what a log needs, and it promises
// what a disk promises: nothing is durable before the file is synced, and a
// new, renamed or removed name is not durable before its directory is.
package vfs

import (
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// FS is a file system. Names are slash-separated paths. Implementations may be
// called concurrently.
type FS interface {
	// OpenFile opens a file with os.O_* flags.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	MkdirAll(path string, perm fs.FileMode) error
	Remove(name string) error
	RemoveAll(path string) error
	Rename(oldName, newName string) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(path string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
	// SetModified sets when a file was last written to; a power cut may lose it.
	SetModified(name string, at time.Time) error
	// SyncDir makes the names in a directory durable.
	SyncDir(path string) error
}

// File is an open file. ReadAt, WriteAt and the syncs may be called
// concurrently with each other.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Writer // at the file's cursor, or its end with os.O_APPEND
	io.Closer
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	Sync() error     // content and metadata
	Datasync() error // content and size
	Name() string
}

// OS is the operating system's file system.
var OS FS = osFS{}

type osFS struct{}

type osFile struct{ *os.File }

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) MkdirAll(path string, perm fs.FileMode) error { return os.MkdirAll(path, perm) }
func (osFS) Remove(name string) error                     { return os.Remove(name) }
func (osFS) RemoveAll(path string) error                  { return os.RemoveAll(path) }
func (osFS) Rename(oldName, newName string) error         { return os.Rename(oldName, newName) }
func (osFS) ReadDir(path string) ([]fs.DirEntry, error)   { return os.ReadDir(path) }
func (osFS) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }

func (osFS) SetModified(name string, at time.Time) error { return os.Chtimes(name, time.Time{}, at) }

func (osFS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Mount is a mounted file system of OS that can be synced as a whole. OS opens
// one with its method Mount(path string) (*Mount, error).
type Mount struct{ root *os.File }

// Sync writes everything of the file system to disk with one syncfs(2). It
// reports write-back errors since the Mount was opened or last synced, whoever
// else has seen them, on Linux 5.8 and later.
func (m *Mount) Sync() error { return syncMount(m.root) }

// Close closes the Mount.
func (m *Mount) Close() error { return m.root.Close() }

// MakeDirs makes a directory and its parents durably: the name of each that was
// missing is synced, and that of the directory always, since whoever made it
// may have died before that.
func MakeDirs(fsys FS, dir string, perm fs.FileMode) error {
	toSync := []string{path.Dir(dir)}
	for d := path.Dir(dir); d != path.Dir(d); d = path.Dir(d) {
		if _, err := fsys.Stat(d); err == nil {
			break
		}
		toSync = append(toSync, path.Dir(d))
	}
	if err := fsys.MkdirAll(dir, perm); err != nil {
		return err
	}
	for _, d := range toSync {
		if err := fsys.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// ReadFile reads a whole file.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, st.Size())
	if n, err := f.ReadAt(data, 0); err != nil && !(err == io.EOF && n == len(data)) {
		return nil, err
	}
	return data, nil
}

// Replace writes a file whole and durably: a temporary file beside it is
// written, synced and renamed, and the directory is synced.
func Replace(fsys FS, dir, name string, data []byte) error {
	path, tmp := dir+"/"+name, dir+"/"+name+".tmp"
	f, err := fsys.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = fsys.Rename(tmp, path)
	}
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	return err
}
