package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
)

// AbortedTransaction is one entry of what a read_committed reader must leave
// out: the producer's batches from FirstOffset up to its next abort marker.
type AbortedTransaction struct{ ProducerID, FirstOffset int64 }

const (
	txnIndexSuffix  = ".txnindex"
	txnIndexEntry   = 34 // version i16, producer id, first, last and last stable offset i64
	txnIndexVersion = 0
)

// aborted is a transaction in the index of the segment that has its marker.
type aborted struct {
	producer    int64
	first, last int64 // of its records; of its marker
	stable      int64 // last stable offset after the marker: what began below had ended
}

func (a aborted) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, txnIndexVersion)
	for _, v := range [...]int64{a.producer, a.first, a.last, a.stable} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(v))
	}
	return dst
}

// abortedAt reads entry i of an index.
func abortedAt(data []byte, i int) aborted {
	e := data[i*txnIndexEntry:]
	v := func(at int) int64 { return int64(binary.BigEndian.Uint64(e[at:])) }
	return aborted{producer: v(2), first: v(10), last: v(18), stable: v(26)}
}

// validTxnIndex reports whether data can be the index of a segment with the
// offsets from base to next.
func validTxnIndex(data []byte, base, next int64) bool {
	prev := aborted{last: base - 1}
	for at := 0; at+txnIndexEntry <= len(data); at += txnIndexEntry {
		a := abortedAt(data, at/txnIndexEntry)
		if binary.BigEndian.Uint16(data[at:]) != txnIndexVersion || a.producer < 0 || a.first < 0 || a.first > a.last ||
			a.last <= prev.last || a.last >= next || a.stable < prev.stable || a.stable > a.last+1 {
			return false
		}
		prev = a
	}
	return len(data)%txnIndexEntry == 0
}

// collect appends to out what overlaps [from, below) and reports whether later
// entries need no look: all that began below had ended. Kafka
// TransactionIndex.collectAbortedTxns.
func collect(out []AbortedTransaction, data []byte, from, below int64) (_ []AbortedTransaction, done bool) {
	n := len(data) / txnIndexEntry
	for i := sort.Search(n, func(i int) bool { return abortedAt(data, i).last >= from }); i < n; i++ {
		a := abortedAt(data, i)
		if a.first < below {
			out = append(out, AbortedTransaction{a.producer, a.first})
		}
		if a.stable >= below {
			return out, true
		}
	}
	return out, false
}

// txnIndex lists a segment's aborted transactions in Kafka's .txnindex format,
// ordered by their markers. One goroutine adds; any may read.
type txnIndex struct {
	count atomic.Int64 // of entries, also once they are on disk only
	mu    sync.RWMutex
	data  []byte // guarded by mu
}

func (x *txnIndex) add(a aborted) {
	x.mu.Lock()
	x.data = a.append(x.data)
	x.mu.Unlock()
	x.count.Add(1)
}

func (x *txnIndex) set(data []byte) {
	x.mu.Lock()
	x.data = data
	x.mu.Unlock()
	x.count.Store(int64(len(data) / txnIndexEntry))
}

func (x *txnIndex) bytes() []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.data[:len(x.data):len(x.data)]
}

// drop frees what is on disk by now.
func (x *txnIndex) drop() {
	x.mu.Lock()
	x.data = nil
	x.mu.Unlock()
}

// Aborted lists the aborted transactions with records in [from, below), in the
// order of their markers, wherever those are. It may run beside appends.
// kerr.OffsetOutOfRange when from has been deleted, kerr.KafkaStorageError when
// an index cannot be read: a list that lacks an entry would show aborted
// records to consumers.
func (l *Log) Aborted(from, below int64) ([]AbortedTransaction, error) {
	return l.aborted(*l.segments.Load(), from, below)
}

func (l *Log) aborted(list []*segment, from, below int64) (out []AbortedTransaction, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	if from < list[0].base {
		return nil, kerr.OffsetOutOfRange
	}
	for _, s := range list[segmentAt(list, from):] {
		if s.aborts.count.Load() == 0 {
			continue
		}
		data, err := s.abortedEntries(&l.dir.indexes)
		if err != nil && (l.closed.Load() || from >= l.start.Load()) {
			return nil, errors.Join(err, kerr.KafkaStorageError)
		}
		if err != nil {
			return nil, kerr.OffsetOutOfRange // the segment has been deleted
		}
		var done bool
		if out, done = collect(out, data, from, below); done {
			break
		}
	}
	return out, nil
}

// abortedEntries is the segment's index, from memory or from its file.
func (s *segment) abortedEntries(x *indexCache) ([]byte, error) {
	if data := s.aborts.bytes(); len(data) > 0 {
		return data, nil
	}
	return x.aborted(s)
}

// ReadCommitted is ReadWant together with the aborted transactions of the range
// that data covers. Both come from the same segments.
func (l *Log) ReadCommitted(from, below int64, w Want) (data []byte, out []AbortedTransaction, err error) {
	for {
		list := l.segments.Load()
		data, err = l.ReadWant(from, below, w)
		if err == nil && len(data) > 0 {
			out, err = l.aborted(*list, from, dataEnd(data))
		}
		if l.segments.Load() != list {
			continue // rolled, retained or compacted meanwhile
		}
		if err != nil {
			return nil, nil, err
		}
		return data, out, nil
	}
}

// dataEnd is the offset after the last of whole batches.
func dataEnd(data []byte) int64 {
	for {
		size := batchSize(record.Batch(data))
		if size >= len(data) {
			return record.Batch(data).LastOffset() + 1
		}
		data = data[size:]
	}
}

// saveAborts writes the segment's index, or removes what an earlier end of the
// segment has left: without a file there are no aborted transactions.
func (s *segment) saveAborts(fsys vfs.FS) (written []string, err error) {
	name := path.Join(s.dir, fileName(s.base, txnIndexSuffix))
	if s.aborts.count.Load() == 0 {
		return nil, removeIfThere(fsys, name)
	}
	return []string{name}, writeWhole(fsys, name, s.aborts.bytes())
}

func removeIfThere(fsys vfs.FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// readAborts reads the index file of a segment that ends at next.
func (s *segment) readAborts(fsys vfs.FS, next int64) ([]byte, error) {
	name := path.Join(s.dir, fileName(s.base, txnIndexSuffix))
	data, err := vfs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	if !validTxnIndex(data, s.base, next) {
		return nil, fmt.Errorf("%s of %d bytes is no index of aborted transactions: %w", name, len(data), errDamaged)
	}
	return data, nil
}
