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

// spot is an index entry: the batch at position pos ends at the relative offset
// rel. The zero value is the beginning of a segment.
type spot struct{ rel, pos int64 }

// floor is the last entry at or below relative, or the beginning.
func (x *index) floor(relative int64) spot {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return floorIn(x.data, relative)
}

func floorIn(data []byte, relative int64) spot {
	i := sort.Search(len(data)/indexEntry, func(i int) bool {
		return int64(binary.BigEndian.Uint32(data[i*indexEntry:])) > relative
	})
	if i == 0 {
		return spot{}
	}
	entry := data[(i-1)*indexEntry:]
	return spot{int64(binary.BigEndian.Uint32(entry)), int64(binary.BigEndian.Uint32(entry[4:]))}
}

func (x *index) bytes() []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.data[:len(x.data):len(x.data)]
}

// size is how many bytes there are.
func (x *index) size() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.data)
}

// drop frees what is on disk by now.
func (x *index) drop() {
	x.mu.Lock()
	x.data = nil
	x.mu.Unlock()
}

// validIndex reports whether data can be the index of a log file of size bytes.
func validIndex(data []byte, size int64) bool {
	last, lastPos := int64(-1), int64(-1)
	if len(data)%indexEntry != 0 {
		return false
	}
	for at := 0; at < len(data); at += indexEntry {
		rel, pos := int64(binary.BigEndian.Uint32(data[at:])), int64(binary.BigEndian.Uint32(data[at+4:]))
		if rel <= last || pos <= lastPos || pos >= size {
			return false
		}
		last, lastPos = rel, pos
	}
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
	return beforeIn(x.data, ts)
}

func beforeIn(data []byte, ts int64) int64 {
	i := sort.Search(len(data)/timeIndexEntry, func(i int) bool {
		return int64(binary.BigEndian.Uint64(data[i*timeIndexEntry:])) >= ts
	})
	if i == 0 {
		return 0
	}
	return int64(binary.BigEndian.Uint32(data[(i-1)*timeIndexEntry+8:]))
}

func (x *timeIndex) bytes() []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.data[:len(x.data):len(x.data)]
}

// size is how many bytes the entries have.
func (x *timeIndex) size() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.data)
}

// drop frees what is on disk by now.
func (x *timeIndex) drop() {
	x.mu.Lock()
	x.data = nil
	x.mu.Unlock()
}

// validTimeIndex reports whether data can be a time index.
func validTimeIndex(data []byte) bool {
	last := int64(-1)
	for at := 0; at+timeIndexEntry <= len(data); at += timeIndexEntry {
		ts := int64(binary.BigEndian.Uint64(data[at:]))
		if ts <= last {
			return false
		}
		last = ts
	}
	return len(data)%timeIndexEntry == 0
}
