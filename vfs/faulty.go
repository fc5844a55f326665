package vfs

import (
	"errors"
	"io"
	"io/fs"
)

// Op is one operation that a Faulty file system asks about before it does it.
type Op struct {
	Kind string // open, mkdir, remove, rename, syncdir, read, write, truncate, sync
	Name string
}

type faulty struct {
	FS
	fail func(Op) error
}

// NewFaulty returns fsys with errors: an operation for which fail returns one
// is not done. A write that fails with io.ErrShortWrite does its first half, as
// on a full disk. fail may be called concurrently.
func NewFaulty(fsys FS, fail func(op Op) error) FS { return faulty{fsys, fail} }

func (f faulty) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := f.fail(Op{"open", name}); err != nil {
		return nil, err
	}
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return faultyFile{file, f.fail}, nil
}

func (f faulty) MkdirAll(path string, perm fs.FileMode) error {
	if err := f.fail(Op{"mkdir", path}); err != nil {
		return err
	}
	return f.FS.MkdirAll(path, perm)
}

func (f faulty) Remove(name string) error {
	if err := f.fail(Op{"remove", name}); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f faulty) RemoveAll(path string) error {
	if err := f.fail(Op{"remove", path}); err != nil {
		return err
	}
	return f.FS.RemoveAll(path)
}

func (f faulty) Rename(oldName, newName string) error {
	if err := f.fail(Op{"rename", oldName}); err != nil {
		return err
	}
	return f.FS.Rename(oldName, newName)
}

func (f faulty) SyncDir(path string) error {
	if err := f.fail(Op{"syncdir", path}); err != nil {
		return err
	}
	return f.FS.SyncDir(path)
}

type faultyFile struct {
	File
	fail func(Op) error
}

func (f faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fail(Op{"read", f.Name()}); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f faultyFile) Write(p []byte) (int, error) {
	if err := f.fail(Op{"write", f.Name()}); err != nil {
		return half(err, p, f.File.Write)
	}
	return f.File.Write(p)
}

func (f faultyFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fail(Op{"write", f.Name()}); err != nil {
		return half(err, p, func(p []byte) (int, error) { return f.File.WriteAt(p, off) })
	}
	return f.File.WriteAt(p, off)
}

// half does the first half of a write that fails short.
func half(err error, p []byte, write func([]byte) (int, error)) (int, error) {
	if !errors.Is(err, io.ErrShortWrite) {
		return 0, err
	}
	n, _ := write(p[:len(p)/2]) // err is what the caller asked for
	return n, err
}

func (f faultyFile) Truncate(size int64) error {
	if err := f.fail(Op{"truncate", f.Name()}); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f faultyFile) Sync() error {
	if err := f.fail(Op{"sync", f.Name()}); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f faultyFile) Datasync() error {
	if err := f.fail(Op{"sync", f.Name()}); err != nil {
		return err
	}
	return f.File.Datasync()
}
