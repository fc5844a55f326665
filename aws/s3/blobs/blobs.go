// Package blobs keeps the contents of objects in files: written once, encrypted,
// synced before they count, and read in any part.
//
// aws/s3 calls it and remembers which blobs there are; a file that it does not
// remember is removed by Sweep. Every blob has a data key of its own, sealed by
// aws/seal at the head of its file; AES-256 in counter mode lets ranges be read
// without what stands before them. It protects what is on the disk from being
// read, not from being changed. The bytes are described in docs/formats/s3.md.
package blobs

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/vfs"
)

const (
	idBytes   = 16
	keyBytes  = 32                           // AES-256
	headBytes = 1 + keyBytes + seal.Overhead // before the content
	version   = 1

	// Reserve is how much of the file system stays free of blobs, in bytes, so
	// that brokers and the control plane can go on.
	Reserve    = 256 << 20
	spaceEvery = 64 << 20 // bytes written between looks at the space left
)

// ErrFull says that a blob would use the last Reserve bytes of the disk.
var ErrFull = errors.New("the file system is full")

// spacer is a file system that tells its space; vfs.OS does.
type spacer interface {
	Space(path string) (total, usable int64, err error)
}

// Store is a directory of blobs. Its methods may be called concurrently.
type Store struct {
	fs     vfs.FS
	dir    string
	ring   *seal.Ring
	random io.Reader

	mu      sync.Mutex
	made    map[string]bool // subdirectories that exist durably
	writing map[string]bool // blobs that nobody remembers yet
}

// Open makes the directory when it is missing.
func Open(fsys vfs.FS, dir string, ring *seal.Ring, random io.Reader) (*Store, error) {
	if err := vfs.MakeDirs(fsys, dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of objects: %w", err)
	}
	return &Store{fs: fsys, dir: dir, ring: ring, random: random, made: map[string]bool{}, writing: map[string]bool{}}, nil
}

func (s *Store) sub(id string) string  { return s.dir + "/" + id[:2] }
func (s *Store) path(id string) string { return s.sub(id) + "/" + id }

// name is what a blob's key is sealed under.
func name(id string) string { return "s3/blob/" + id }

// Writer writes one blob. It is for one goroutine.
type Writer struct {
	s      *Store
	id     string
	f      vfs.File
	stream cipher.Stream
	buf    []byte
	size   int64
	synced bool
}

// Create begins a blob. The caller ends it with Keep or Drop.
func (s *Store) Create() (*Writer, error) {
	if err := s.room(); err != nil {
		return nil, err
	}
	secret := make([]byte, idBytes+keyBytes)
	if _, err := io.ReadFull(s.random, secret); err != nil {
		return nil, fmt.Errorf("draw a blob's key: %w", err)
	}
	id, key := hex.EncodeToString(secret[:idBytes]), secret[idBytes:]
	sealed, err := s.ring.Seal(name(id), key)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(id); err != nil {
		return nil, err
	}
	f, err := s.fs.OpenFile(s.path(id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		s.forget(id)
		return nil, fmt.Errorf("create a blob: %w", err)
	}
	w := &Writer{s: s, id: id, f: f, stream: newStream(key, 0)}
	if _, err := f.Write(append([]byte{version}, sealed...)); err != nil {
		return nil, errors.Join(fmt.Errorf("write a blob: %w", err), w.Drop())
	}
	return w, nil
}

// prepare makes the blob's directory and marks the blob as being written.
func (s *Store) prepare(id string) error {
	dir := s.sub(id)
	s.mu.Lock()
	s.writing[id] = true
	made := s.made[dir]
	s.mu.Unlock()
	if made {
		return nil
	}
	if err := vfs.MakeDirs(s.fs, dir, 0o700); err != nil {
		s.forget(id)
		return fmt.Errorf("make a directory of objects: %w", err)
	}
	s.mu.Lock()
	s.made[dir] = true
	s.mu.Unlock()
	return nil
}

func (s *Store) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writing, id)
}

// room refuses when the disk is nearly full.
func (s *Store) room() error {
	sp, ok := s.fs.(spacer)
	if !ok {
		return nil
	}
	_, usable, err := sp.Space(s.dir)
	if err == nil && usable < Reserve {
		err = ErrFull
	}
	return err
}

// ID is the blob's name: 32 hexadecimal digits.
func (w *Writer) ID() string { return w.id }

// Size is the bytes of content written.
func (w *Writer) Size() int64 { return w.size }

// Write adds content.
func (w *Writer) Write(p []byte) (int, error) {
	if (w.size+int64(len(p)))/spaceEvery != w.size/spaceEvery {
		if err := w.s.room(); err != nil {
			return 0, err
		}
	}
	if cap(w.buf) < len(p) {
		w.buf = make([]byte, len(p))
	}
	out := w.buf[:len(p)]
	w.stream.XORKeyStream(out, p)
	n, err := w.f.Write(out)
	w.size += int64(n)
	return n, err
}

// Sync makes the blob durable; nothing is written after it.
func (w *Writer) Sync() error {
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("sync a blob: %w", err)
	}
	if err := w.s.fs.SyncDir(w.s.sub(w.id)); err != nil {
		return fmt.Errorf("sync a directory of objects: %w", err)
	}
	w.synced = true
	return nil
}

// Keep ends the writing of a synced blob whose id its owner remembers, or may:
// when that is in doubt, Sweep finds it after the next start.
func (w *Writer) Keep() error {
	if !w.synced {
		panic("blobs: a blob is kept that was not synced")
	}
	defer w.s.forget(w.id)
	return w.f.Close()
}

// Drop removes a blob that nobody remembers.
func (w *Writer) Drop() error {
	defer w.s.forget(w.id)
	return errors.Join(w.f.Close(), w.s.Remove(w.id))
}

// newStream is the key stream from a byte of the content on.
func newStream(key []byte, offset int64) cipher.Stream {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // cannot fail for 32 bytes
	}
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], uint64(offset)/aes.BlockSize)
	stream := cipher.NewCTR(block, iv[:])
	skip := make([]byte, offset%aes.BlockSize)
	stream.XORKeyStream(skip, skip)
	return stream
}

// Reader reads a part of a blob. It is for one goroutine.
type Reader struct {
	f      vfs.File
	in     io.Reader
	stream cipher.Stream
}

// Open reads length bytes of a blob's content from offset on. A blob that is not
// there is an error for which errors.Is(err, fs.ErrNotExist) holds.
func (s *Store) Open(id string, offset, length int64) (*Reader, error) {
	f, err := s.fs.OpenFile(s.path(id), os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open a blob: %w", err)
	}
	head := make([]byte, headBytes)
	if n, err := f.ReadAt(head, 0); n < headBytes || head[0] != version {
		return nil, errors.Join(fmt.Errorf("the blob %s has no head of version %d", s.path(id), version), err, f.Close())
	}
	key, err := s.ring.Open(name(id), head[1:])
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the blob %s: %w", s.path(id), err), f.Close())
	}
	return &Reader{f, io.NewSectionReader(f, headBytes+offset, length), newStream(key, offset)}, nil
}

// Read reads content.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	r.stream.XORKeyStream(p[:n], p[:n])
	return n, err
}

// Close ends the reading.
func (r *Reader) Close() error { return r.f.Close() }

// Remove removes a blob; one that is not there is no error.
func (s *Store) Remove(id string) error {
	if err := s.fs.Remove(s.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a blob: %w", err)
	}
	return nil
}

// Sweep removes every blob that is not being written and that known does not
// know. It ends with the first error.
func (s *Store) Sweep(known func(id string) (bool, error)) error {
	dirs, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("list the objects: %w", err)
	}
	for _, d := range dirs {
		if !d.IsDir() || !isHex(d.Name(), 2) {
			continue
		}
		files, err := s.fs.ReadDir(s.dir + "/" + d.Name())
		if err != nil {
			return fmt.Errorf("list the objects: %w", err)
		}
		for _, f := range files {
			if err := s.sweepOne(f.Name(), known); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) sweepOne(id string, known func(id string) (bool, error)) error {
	if !isHex(id, 2*idBytes) {
		return nil
	}
	s.mu.Lock()
	writing := s.writing[id]
	s.mu.Unlock()
	if writing {
		return nil
	}
	ok, err := known(id) // after the look at writing: what was kept meanwhile is remembered
	if err != nil || ok {
		return err
	}
	return s.Remove(id)
}

func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}
