// Package vfstest is what every vfs.FS must do, as a test. The tests of each
// implementation call Run; nothing else imports it.
package vfstest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/millrace/millrace/vfs"
)

// Run tests a file system. newFS makes one and names a directory in it that is
// empty or does not exist; Run calls it once for each of its parts.
func Run(t *testing.T, newFS func(t *testing.T) (fsys vfs.FS, root string)) {
	for _, part := range []struct {
		name string
		test func(t *testing.T, fsys vfs.FS, root string)
	}{
		{"content", content}, {"flags", flags}, {"names", names}, {"closed", closed}, {"replace", replace},
	} {
		t.Run(part.name, func(t *testing.T) {
			fsys, root := newFS(t)
			if err := fsys.MkdirAll(root+"/a/b", 0o755); err != nil {
				t.Fatal(err)
			}
			part.test(t, fsys, root)
		})
	}
}

func open(t *testing.T, fsys vfs.FS, name string, flag int) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, flag, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, f vfs.File, text string) {
	t.Helper()
	if n, err := f.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("write %q: %d, %v", text, n, err)
	}
}

func want(t *testing.T, fsys vfs.FS, name, text string) {
	t.Helper()
	if got, err := vfs.ReadFile(fsys, name); err != nil || string(got) != text {
		t.Errorf("%s holds %q, %v; want %q", name, got, err, text)
	}
}

// content is reading, writing, truncating and syncing one file.
func content(t *testing.T, fsys vfs.FS, root string) {
	name := root + "/a/f"
	f := open(t, fsys, name, os.O_CREATE|os.O_RDWR)
	if _, err := f.WriteAt([]byte("world"), 6); err != nil {
		t.Error(err)
	}
	want(t, fsys, name, "\x00\x00\x00\x00\x00\x00world") // what was skipped is zero
	write(t, f, "hel")
	write(t, f, "lo ")
	want(t, fsys, name, "hello world")
	buf := make([]byte, 8)
	if n, err := f.ReadAt(buf, 6); n != 5 || err != io.EOF || string(buf[:n]) != "world" {
		t.Errorf("a read over the end: %q, %v", buf[:n], err)
	}
	if n, err := f.ReadAt(buf, 11); n != 0 || err != io.EOF {
		t.Errorf("a read at the end: %d, %v", n, err)
	}
	if n, err := f.ReadAt(buf[:5], 0); n != 5 || err != nil {
		t.Errorf("a whole read: %d, %v", n, err)
	}
	if err := errors.Join(f.Truncate(5), f.Truncate(7), f.Sync(), f.Datasync()); err != nil {
		t.Error(err)
	}
	want(t, fsys, name, "hello\x00\x00")
	if st, err := f.Stat(); err != nil || st.Size() != 7 || st.IsDir() || st.Name() != "f" || f.Name() != name {
		t.Errorf("stat %+v, %v; name %q", st, err, f.Name())
	}
	old := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	err := fsys.SetModified(name, old)
	if st, statErr := f.Stat(); err != nil || statErr != nil || !st.ModTime().Equal(old) {
		t.Errorf("modified %v, want %v; %v, %v", st.ModTime(), old, err, statErr)
	}
	write(t, f, "!")
	if st, err := f.Stat(); err != nil || time.Since(st.ModTime()) > time.Minute {
		t.Errorf("modified %v after a write; %v", st.ModTime(), err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// flags is what os.O_* flags mean.
func flags(t *testing.T, fsys vfs.FS, root string) {
	name := root + "/a/f"
	if _, err := fsys.OpenFile(name, os.O_RDWR, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file without O_CREATE: %v", err)
	}
	if _, err := fsys.OpenFile(root+"/no/f", os.O_CREATE|os.O_RDWR, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file without a directory: %v", err)
	}
	f := open(t, fsys, name, os.O_CREATE|os.O_EXCL|os.O_WRONLY)
	write(t, f, "old text")
	if _, err := fsys.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644); !errors.Is(err, fs.ErrExist) {
		t.Errorf("O_EXCL over a file: %v", err)
	}
	reader := open(t, fsys, name, os.O_RDONLY)
	if _, err := reader.WriteAt([]byte("x"), 0); err == nil {
		t.Error("a file that is open for reading was written")
	}
	appender := open(t, fsys, name, os.O_APPEND|os.O_WRONLY)
	write(t, appender, ", more")
	want(t, fsys, name, "old text, more")
	again := open(t, fsys, name, os.O_TRUNC|os.O_WRONLY)
	want(t, fsys, name, "")
	if err := errors.Join(f.Close(), reader.Close(), appender.Close(), again.Close()); err != nil {
		t.Error(err)
	}
}

// names is directories, renaming and removing.
func names(t *testing.T, fsys vfs.FS, root string) {
	for _, name := range []string{root + "/a/b/f", root + "/a/g"} {
		f := open(t, fsys, name, os.O_CREATE|os.O_RDWR)
		write(t, f, name)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(fsys.MkdirAll(root+"/a/b", 0o755), fsys.Rename(root+"/a/b/f", root+"/a/g"), fsys.SyncDir(root+"/a")); err != nil {
		t.Error(err) // a directory may be there already; a file is replaced
	}
	want(t, fsys, root+"/a/g", root+"/a/b/f")
	if err := fsys.Rename(root+"/a/b/f", root+"/a/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("rename of what is gone: %v", err)
	}
	if err := fsys.Rename(root+"/a", root+"/c"); err != nil {
		t.Fatal(err)
	}
	want(t, fsys, root+"/c/g", root+"/a/b/f") // what is in a directory moves with it
	entries, err := fsys.ReadDir(root + "/c")
	if err != nil || len(entries) != 2 || entries[0].Name() != "b" || !entries[0].IsDir() || entries[1].Name() != "g" || entries[1].IsDir() {
		t.Errorf("entries %v, %v", entries, err)
	}
	if err := fsys.Remove(root + "/c"); err == nil {
		t.Error("a directory that is not empty was removed")
	}
	if err := errors.Join(fsys.Remove(root+"/c/b"), fsys.RemoveAll(root+"/c"), fsys.RemoveAll(root+"/c")); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"stat": second(fsys.Stat(root + "/c/g")), "set modified": fsys.SetModified(root+"/c/g", time.Now()), "list": second(fsys.ReadDir(root + "/c")),
		"remove": fsys.Remove(root + "/c"), "sync": fsys.SyncDir(root + "/c"),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of what is gone: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// closed is that a removed file lives as long as it is open, and no longer.
func closed(t *testing.T, fsys vfs.FS, root string) {
	f := open(t, fsys, root+"/a/f", os.O_CREATE|os.O_RDWR)
	write(t, f, "text")
	if err := fsys.Remove(root + "/a/f"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4)
	if _, err := f.ReadAt(buf, 0); err != nil || string(buf) != "text" {
		t.Errorf("a removed open file holds %q, %v", buf, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	_, read := f.ReadAt(buf, 0)
	_, written := f.WriteAt(buf, 0)
	for what, err := range map[string]error{"read": read, "write": written, "sync": f.Sync(), "close": f.Close()} {
		if err == nil {
			t.Errorf("%s of a closed file succeeded", what)
		}
	}
}

// replace is vfs.Replace and the promise it rests on.
func replace(t *testing.T, fsys vfs.FS, root string) {
	for _, text := range []string{"one", "another"} {
		if err := vfs.Replace(fsys, root+"/a", "f", []byte(text)); err != nil {
			t.Fatal(err)
		}
		want(t, fsys, root+"/a/f", text)
	}
	if entries, err := fsys.ReadDir(root + "/a"); err != nil || len(entries) != 2 {
		t.Errorf("entries %v, %v; want b and f", entries, err)
	}
}
