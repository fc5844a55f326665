package blobs_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/millrace/millrace/aws/s3/blobs"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/vfs"
)

func open(t *testing.T, disk vfs.FS, ring *seal.Ring) *blobs.Store {
	t.Helper()
	s, err := blobs.Open(disk, "/blobs", ring, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPartsOfBlobs(t *testing.T) {
	s := open(t, vfs.NewMemory(), seal.New())
	text := []byte("0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz")
	w, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{text[:7], text[7:40], text[40:]} {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Sync(), w.Keep()); err != nil || w.Size() != int64(len(text)) {
		t.Fatal(err)
	}
	for from := range len(text) {
		for to := from; to <= len(text); to++ {
			r, err := s.Open(w.ID(), int64(from), int64(to-from))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text[from:to]) {
				t.Fatalf("%d to %d is %q, %v", from, to, got, err)
			}
			r.Close()
		}
	}
}

// TestBlobsOverAPowerCut: what was synced is there, what nobody remembers goes,
// and what is being written stays.
func TestBlobsOverAPowerCut(t *testing.T) {
	disk, ring := vfs.NewMemory(), seal.New()
	s := open(t, disk, ring)
	kept, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Write([]byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(kept.Sync(), kept.Keep()); err != nil {
		t.Fatal(err)
	}
	lost, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(lost.Sync(), lost.Keep()); err != nil {
		t.Fatal(err)
	}
	after := disk.Crash(1)
	s = open(t, after, ring)
	writing, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(func(id string) (bool, error) { return id == kept.ID(), nil }); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{kept.ID(): true, lost.ID(): false, writing.ID(): true} {
		r, err := s.Open(id, 0, 4)
		if (err == nil) != want || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
		if err == nil {
			r.Close()
		}
	}
}
