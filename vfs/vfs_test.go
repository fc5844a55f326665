package vfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/millrace/millrace/vfs"
)

// conform is what every file system must do; root is an empty directory in it.
func conform(t *testing.T, fsys vfs.FS, root string) {
	t.Helper()
	name := root + "/a/b/file"
	if _, err := fsys.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file without a directory: %v", err)
	}
	if err := fsys.MkdirAll(root+"/a/b", 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("world"), 6); err != nil {
		t.Error(err)
	}
	if _, err := f.Write([]byte("hello ")); err != nil {
		t.Error(err)
	}
	if err := errors.Join(f.Sync(), f.Datasync(), fsys.SyncDir(root+"/a/b")); err != nil {
		t.Error(err)
	}
	if got, err := vfs.ReadFile(fsys, name); err != nil || string(got) != "hello world" {
		t.Errorf("read %q, %v", got, err)
	}
	if err := errors.Join(f.Truncate(5), f.Truncate(7), f.Close()); err != nil {
		t.Error(err)
	}
	if err := fsys.Rename(name, root+"/a/moved"); err != nil {
		t.Error(err)
	}
	if got, err := vfs.ReadFile(fsys, root+"/a/moved"); err != nil || !bytes.Equal(got, []byte("hello\x00\x00")) {
		t.Errorf("after truncate and rename: %q, %v", got, err)
	}
	if err := vfs.Replace(fsys, root+"/a", "moved", []byte("new")); err != nil {
		t.Error(err)
	}
	entries, err := fsys.ReadDir(root + "/a")
	if err != nil || len(entries) != 2 || entries[0].Name() != "b" || !entries[0].IsDir() || entries[1].Name() != "moved" {
		t.Errorf("entries %v, %v", entries, err)
	}
	if err := fsys.Remove(root + "/a"); err == nil {
		t.Error("a directory that is not empty was removed")
	}
	if err := fsys.RemoveAll(root + "/a"); err != nil {
		t.Error(err)
	}
	if _, err := fsys.Stat(root + "/a/moved"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of what was removed: %v", err)
	}
}

func TestConformance(t *testing.T) {
	t.Run("os", func(t *testing.T) { conform(t, vfs.OS, t.TempDir()) })
	t.Run("memory", func(t *testing.T) { conform(t, vfs.NewMemory(), "/r") })
	t.Run("faulty", func(t *testing.T) {
		conform(t, vfs.NewFaulty(vfs.NewMemory(), func(vfs.Op) error { return nil }), "/r")
	})
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	m := vfs.NewMemory()
	if err := errors.Join(m.MkdirAll("/d", 0o755), m.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	write := func(name, content string, sync bool) {
		t.Helper()
		f, err := m.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if sync {
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("/d/kept", "kept", true)
	write("/d/torn", "torn", false)
	if err := m.SyncDir("/d"); err != nil {
		t.Fatal(err)
	}
	write("/d/nameless", "nameless", true)
	lost := map[string]bool{}
	for seed := range int64(50) {
		image := m.Crash(seed)
		if got, err := vfs.ReadFile(image, "/d/kept"); err != nil || string(got) != "kept" {
			t.Errorf("seed %d: synced content is %q, %v", seed, got, err)
		}
		if got, _ := vfs.ReadFile(image, "/d/torn"); string(got) != "torn" {
			lost["content"] = true
		}
		if _, err := image.Stat("/d/nameless"); err != nil {
			lost["name"] = true
		}
	}
	if !lost["content"] || !lost["name"] {
		t.Errorf("50 power cuts never lost unsynced content and names: %v", lost)
	}
}
