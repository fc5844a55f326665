package storage

import (
	"container/list"
	"fmt"
	"path"
	"sync"

	"github.com/millrace/millrace/vfs"
)

// indexCacheBytes bounds the indexes of closed segments that a directory holds
// in memory; those of the segments that are written to come on top.
const indexCacheBytes = 64 << 20

// indexCache holds the indexes of closed segments that were looked up lately.
// Its methods may be called concurrently.
type indexCache struct {
	fs vfs.FS

	mu     sync.Mutex
	recent list.List // of *cached, the latest in front; guarded by mu
	bytes  int       // guarded by mu
}

// cached is the indexes of one closed segment.
type cached struct {
	of             *segment
	offsets, times []byte
	aborted        []byte // nil until it is asked for
	at             *list.Element
}

func (c *cached) size() int { return len(c.offsets) + len(c.times) + len(c.aborted) }

// of returns a closed segment's indexes, empty when they cannot be used: a
// lookup then walks the segment from its beginning.
func (x *indexCache) of(s *segment) (offsets, times []byte) {
	x.mu.Lock()
	if c := s.indexes; c != nil {
		x.recent.MoveToFront(c.at)
		x.mu.Unlock()
		return c.offsets, c.times
	}
	x.mu.Unlock()
	c := x.load(s)
	x.mu.Lock()
	defer x.mu.Unlock()
	if s.indexes == nil {
		x.add(c)
	}
	return c.offsets, c.times
}

func (x *indexCache) load(s *segment) *cached {
	c := &cached{of: s}
	if data, err := vfs.ReadFile(x.fs, path.Join(s.dir, fileName(s.base, indexSuffix))); err == nil && validIndex(data, s.size.Load()) {
		c.offsets = data
	}
	if data, err := vfs.ReadFile(x.fs, path.Join(s.dir, fileName(s.base, timeIndexSuffix))); err == nil && validTimeIndex(data) {
		c.times = data
	}
	return c
}

// add keeps a segment's indexes and forgets those not used for longest. Called
// under mu.
func (x *indexCache) add(c *cached) {
	c.at = x.recent.PushFront(c)
	c.of.indexes = c
	x.grow(c.size())
}

// grow counts bytes that were added to the latest and makes room. Called under
// mu.
func (x *indexCache) grow(bytes int) {
	for x.bytes += bytes; x.bytes > indexCacheBytes && x.recent.Len() > 1; {
		x.remove(x.recent.Back().Value.(*cached))
	}
}

// aborted returns the entries of a closed segment that has aborted
// transactions. Unlike of, it is an error when they cannot be used.
func (x *indexCache) aborted(s *segment) ([]byte, error) {
	x.mu.Lock()
	if c := s.indexes; c != nil && c.aborted != nil {
		x.recent.MoveToFront(c.at)
		x.mu.Unlock()
		return c.aborted, nil
	}
	x.mu.Unlock()
	data, err := s.readAborts(x.fs, s.next.Load())
	if err != nil {
		return nil, err
	}
	if n := s.aborts.count.Load(); int64(len(data)) != n*txnIndexEntry {
		return nil, fmt.Errorf("%d bytes of aborted transactions in %s, want %d entries: %w", len(data), s.file.Name(), n, errDamaged)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if s.indexes == nil {
		return data, nil // kept with the other indexes of the segment only
	}
	if c := s.indexes; c.aborted == nil {
		c.aborted = data
		x.recent.MoveToFront(c.at)
		x.grow(len(data))
	}
	return data, nil
}

// forget drops the indexes of a segment that is removed.
func (x *indexCache) forget(s *segment) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s.indexes != nil {
		x.remove(s.indexes)
	}
}

func (x *indexCache) remove(c *cached) {
	x.recent.Remove(c.at)
	c.of.indexes = nil
	x.bytes -= c.size()
}
