package storage

import (
	"encoding/binary"
	"sort"
	"sync"
)

const (
	indexEntry     = 8  // relative offset i32, position i32
	timeIndexEntry = 12 // timestamp i64, relative offset i32
)

// index maps offsets to positions in Kafka's .index format, flat in memory. One
// goroutine adds; any may look up.
type index struct {
	mu   sync.RWMutex
	data []byte // guarded by mu
}

func (x *index) add(relative, position int64) {
	x.mu.Lock()
	x.data = binary.BigEndian.AppendUint32(x.data, uint32(relative))
	x.data = binary.BigEndian.AppendUint32(x.data, uint32(position))
	x.mu.Unlock()
}

// floor is the position of the last entry at or below relative, or 0.
func (x *index) floor(relative int64) int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := len(x.data) / indexEntry
	i := sort.Search(n, func(i int) bool {
		return int64(binary.BigEndian.Uint32(x.data[i*indexEntry:])) > relative
	})
	if i == 0 {
		return 0
	}
	return int64(binary.BigEndian.Uint32(x.data[(i-1)*indexEntry+4:]))
}

func (x *index) bytes() []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.data[:len(x.data):len(x.data)]
}

// load takes the bytes of an index file; false when they cannot be an index of
// a log file of the given size.
func (x *index) load(data []byte, size int64) bool {
	last, lastPos := int64(-1), int64(-1)
	if len(data)%indexEntry != 0 || len(data) == 0 {
		return false
	}
	for at := 0; at < len(data); at += indexEntry {
		rel, pos := int64(binary.BigEndian.Uint32(data[at:])), int64(binary.BigEndian.Uint32(data[at+4:]))
		if rel <= last || pos <= lastPos || pos >= size {
			return false
		}
		last, lastPos = rel, pos
	}
	x.data = data
	return true
}

// timeIndex maps timestamps to offsets in Kafka's .timeindex format: entries
// say that no record at or before an offset is later than a timestamp.
type timeIndex struct {
	mu       sync.RWMutex
	data     []byte // guarded by mu
	ts, rel  int64  // greatest so far, not yet an entry; guarded by mu
	unstored bool   // guarded by mu
}

func (x *timeIndex) pending(ts, relative int64) {
	x.mu.Lock()
	x.ts, x.rel, x.unstored = ts, relative, true
	x.mu.Unlock()
}

// flush makes the greatest timestamp so far an entry.
func (x *timeIndex) flush() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.unstored {
		return
	}
	x.data = binary.BigEndian.AppendUint64(x.data, uint64(x.ts))
	x.data = binary.BigEndian.AppendUint32(x.data, uint32(x.rel))
	x.unstored = false
}

// before is the relative offset up to which no record is as late as ts.
func (x *timeIndex) before(ts int64) int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := len(x.data) / timeIndexEntry
	i := sort.Search(n, func(i int) bool {
		return int64(binary.BigEndian.Uint64(x.data[i*timeIndexEntry:])) >= ts
	})
	if i == 0 {
		return 0
	}
	return int64(binary.BigEndian.Uint32(x.data[(i-1)*timeIndexEntry+8:]))
}

func (x *timeIndex) bytes() []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.data[:len(x.data):len(x.data)]
}

func (x *timeIndex) load(data []byte) (maxTS int64, ok bool) {
	if len(data)%timeIndexEntry != 0 {
		return -1, false
	}
	maxTS = -1
	for at := 0; at < len(data); at += timeIndexEntry {
		ts := int64(binary.BigEndian.Uint64(data[at:]))
		if ts <= maxTS {
			return -1, false
		}
		maxTS = ts
	}
	x.data = data
	return maxTS, true
}
