package storage

import (
	"container/list"
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
	at             *list.Element
}

func (c *cached) size() int { return len(c.offsets) + len(c.times) }

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
	for x.bytes += c.size(); x.bytes > indexCacheBytes && x.recent.Len() > 1; {
		x.remove(x.recent.Back().Value.(*cached))
	}
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
