package vfs_test

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/vfstest"
)

func TestConformance(t *testing.T) {
	memory := func(*testing.T) (vfs.FS, string) { return vfs.NewMemory(), "/r" }
	t.Run("os", func(t *testing.T) {
		vfstest.Run(t, func(t *testing.T) (vfs.FS, string) { return vfs.OS, t.TempDir() })
	})
	t.Run("memory", func(t *testing.T) { vfstest.Run(t, memory) })
	t.Run("faulty", func(t *testing.T) {
		vfstest.Run(t, func(t *testing.T) (vfs.FS, string) {
			fsys, root := memory(t)
			return vfs.NewFaulty(fsys, func(vfs.Op) error { return nil }), root
		})
	})
}

func TestFaultyWritesHalf(t *testing.T) {
	m := vfs.NewMemory()
	f, err := vfs.NewFaulty(m, func(op vfs.Op) error {
		if op.Kind == "write" {
			return io.ErrShortWrite
		}
		return nil
	}).OpenFile("/f", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.WriteAt([]byte("abcd"), 0); n != 2 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if got, err := vfs.ReadFile(m, "/f"); string(got) != "ab" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
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

// TestCrashTearsWrites wants every kind of tear of one long write: none of it,
// all of it, and some of its sectors.
func TestCrashTearsWrites(t *testing.T) {
	m := vfs.NewMemory()
	f, err := m.OpenFile("/f", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	whole := make([]byte, 4096)
	for i := range whole {
		whole[i] = 1
	}
	if _, err := f.WriteAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for seed := range int64(60) {
		got, err := vfs.ReadFile(m.Crash(seed), "/f")
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, b := range got {
			sum += int(b)
		}
		switch {
		case sum == 0:
			seen["lost"] = true
		case sum == len(whole):
			seen["whole"] = true
		case sum%512 == 0:
			seen["torn"] = true
		default:
			t.Fatalf("seed %d: %d bytes survive, not whole sectors", seed, sum)
		}
	}
	if len(seen) != 3 {
		t.Errorf("60 power cuts made only %v", seen)
	}
}

// TestPowerOff: nothing becomes durable after the image was taken.
func TestPowerOff(t *testing.T) {
	m := vfs.NewMemory()
	f, err := m.OpenFile("/f", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.SyncDir("/"), f.Sync()); err != nil {
		t.Fatal(err)
	}
	image := m.PowerOff(1)
	_, open := m.OpenFile("/g", os.O_CREATE|os.O_RDWR, 0o644)
	_, write := f.Write([]byte("x"))
	_, stat := m.Stat("/f")
	for what, err := range map[string]error{
		"write": write, "sync": f.Sync(), "open": open, "stat": stat, "mkdir": m.MkdirAll("/d", 0o755), "rename": m.Rename("/f", "/h"), "syncdir": m.SyncDir("/"),
	} {
		if !errors.Is(err, vfs.ErrPowerOff) {
			t.Errorf("%s after the power went: %v", what, err)
		}
	}
	if _, err := image.Stat("/f"); err != nil {
		t.Errorf("the image: %v", err)
	}
}

// TestMakeDirsOutlivesAPowerCut: at every level, also over parents that were
// made and not synced.
func TestMakeDirsOutlivesAPowerCut(t *testing.T) {
	for _, made := range []string{"/", "/a/b", "/a/b/c/d"} {
		m := vfs.NewMemory()
		if err := vfs.MakeDirs(m, made, 0o755); made != "/" && err != nil {
			t.Fatal(err)
		}
		if err := vfs.MakeDirs(m, "/a/b/c/d", 0o755); err != nil {
			t.Fatal(err)
		}
		for seed := range int64(20) {
			if _, err := m.Crash(seed).Stat("/a/b/c/d"); err != nil {
				t.Errorf("with %s before, seed %d: %v", made, seed, err)
			}
		}
	}
}
