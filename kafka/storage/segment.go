package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
)

const (
	logSuffix       = ".log"
	indexSuffix     = ".index"
	timeIndexSuffix = ".timeindex"
	snapshotSuffix  = ".snapshot"
)

// segment is one file of a log and its indexes. The writer holds the log's
// lock; readers use what size has published.
type segment struct {
	dir   string
	base  int64
	file  vfs.File
	size  atomic.Int64 // bytes that readers may see
	next  atomic.Int64 // offset after the last record
	refs  atomic.Int32 // 1 for the log, 1 for each reader; 0 closes the file
	maxTS atomic.Int64 // greatest timestamp in milliseconds, -1 for none

	offsets index       // by last offset of a batch; empty once closed
	times   timeIndex   // by greatest timestamp so far; empty once closed
	aborts  txnIndex    // transactions with their abort marker here; empty once closed, but for the count
	closed  atomic.Bool // no longer written to: its indexes are on disk
	indexes *cached     // those of a closed segment; guarded by indexCache.mu
	plain   int         // bytes since the last index entry; under the log's lock
	began   time.Time   // of the first append, as this process knows; under the log's lock
	firstTS int64       // greatest timestamp of the first batch, -1 for none; under the log's lock

	jitter time.Duration // it is rolled earlier by so much; under the log's lock
}

func fileName(base int64, suffix string) string { return fmt.Sprintf("%020d%s", base, suffix) }

// parseName takes the base offset from a file name with the given suffix.
func parseName(name, suffix string) (base int64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	base, err := strconv.ParseInt(digits, 10, 64)
	return base, err == nil && base >= 0
}

// openSegment opens or makes the file of a segment; its size is not published
// yet.
func openSegment(fsys vfs.FS, dir string, base int64) (*segment, error) {
	f, err := fsys.OpenFile(path.Join(dir, fileName(base, logSuffix)), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	return newSegment(dir, base, f), nil
}

func newSegment(dir string, base int64, f vfs.File) *segment {
	s := &segment{dir: dir, base: base, file: f}
	s.refs.Store(1)
	s.next.Store(base)
	s.maxTS.Store(-1)
	return s
}

// acquire takes a reader's reference; false when the segment is gone.
func (s *segment) acquire() bool {
	for {
		n := s.refs.Load()
		if n == 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives a reference back; the last one closes the file. Nothing is lost
// by an error there: what counts was synced.
func (s *segment) release() {
	if s.refs.Add(-1) == 0 {
		_ = s.file.Close()
	}
}

// note records an appended batch of size bytes, of which b is at least the
// header, in the indexes and publishes it.
func (s *segment) note(b record.Batch, size, interval int) {
	at := s.size.Load()
	if at == 0 {
		s.firstTS = b.MaxTimestamp()
	}
	if ts := b.MaxTimestamp(); ts > s.maxTS.Load() {
		s.maxTS.Store(ts)
		s.times.pending(ts, b.LastOffset()-s.base)
	}
	if s.plain >= interval || at == 0 {
		s.offsets.add(b.LastOffset()-s.base, at)
		s.times.flush()
		s.plain = 0
	}
	s.plain += size
	s.next.Store(b.LastOffset() + 1)
	s.size.Store(at + int64(size))
}

// age is how many milliseconds a segment has waited to be rolled when b comes:
// by the timestamps of the first batch and of b, or by the clock when the first
// has none. (LogSegment.timeWaitedForRoll)
func (s *segment) age(b record.Batch, now time.Time) int64 {
	if s.firstTS >= 0 {
		return b.MaxTimestamp() - s.firstTS
	}
	if s.began.IsZero() {
		return 0
	}
	return now.Sub(s.began).Milliseconds()
}

// indexesFull reports whether one of the indexes has as many entries as most
// bytes hold. Kafka's begin with the second entry of these, and its time index
// keeps room for the last one.
func (s *segment) indexesFull(most int) bool {
	return s.offsets.size()-indexEntry >= most/indexEntry*indexEntry || s.times.size() >= most/timeIndexEntry*timeIndexEntry
}

// latest is the greatest timestamp of a segment's records in milliseconds, or
// when none has one, when its file was last written to. (LogSegment.largestTimestamp)
func (s *segment) latest() (int64, error) {
	if ts := s.maxTS.Load(); ts >= 0 {
		return ts, nil
	}
	st, err := s.file.Stat()
	if err != nil {
		return 0, err
	}
	return st.ModTime().UnixMilli(), nil
}

// header reads the batch header at a position.
func (s *segment) header(pos int64, buf *[record.HeaderSize]byte) (record.Batch, error) {
	if pos+record.HeaderSize > s.size.Load() {
		return nil, io.EOF
	}
	if _, err := s.file.ReadAt(buf[:], pos); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", s.file.Name(), pos, err)
	}
	return record.Batch(buf[:]), nil
}

// near is where to search for the batch that holds offset.
func (s *segment) near(x *indexCache, offset int64) spot {
	if s.closed.Load() {
		offsets, _ := x.of(s)
		return floorIn(offsets, offset-s.base)
	}
	return s.offsets.floor(offset - s.base)
}

// before is an offset before which no record is as late as ts.
func (s *segment) before(x *indexCache, ts int64) int64 {
	if s.closed.Load() {
		_, times := x.of(s)
		return s.base + beforeIn(times, ts)
	}
	return s.base + s.times.before(ts)
}

// find returns the position and size of the batch that holds offset, or of the
// first one after it (compaction leaves gaps), searching from near on.
// io.EOF when there is none. buf is scratch space.
func (s *segment) find(near spot, offset int64, buf *[record.HeaderSize]byte) (pos int64, size int, err error) {
	for pos = near.pos; ; pos += int64(size) {
		b, err := s.header(pos, buf)
		if pos > 0 && pos == near.pos && (err == io.EOF || err == nil && !s.batchAt(near, b)) {
			near, pos, size = spot{}, 0, 0 // the index is wrong: do without
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		size = batchSize(b)
		if size < record.HeaderSize {
			return 0, 0, fmt.Errorf("read %s at %d: batch of %d bytes", s.file.Name(), pos, size)
		}
		if b.LastOffset() >= offset {
			return pos, size, nil
		}
	}
}

// batchAt reports whether the bytes where an index entry points can be the
// header of its batch: the files of indexes have no checksum.
func (s *segment) batchAt(entry spot, header record.Batch) bool {
	size := int64(batchSize(header))
	return header.Magic() == 2 && size >= record.HeaderSize && entry.pos+size <= s.size.Load() &&
		header.BaseOffset() >= s.base && header.LastOffset() == s.base+entry.rel
}

// batchSize is the whole size that a batch header states.
func batchSize(header record.Batch) int {
	return int(int32(uint32(header[8])<<24|uint32(header[9])<<16|uint32(header[10])<<8|uint32(header[11]))) + 12
}

// read returns whole batches from the one that holds from, all below below, up
// to maxBytes but at least one, searching from near on. The result is the
// caller's, in the room that w makes; scratch is not kept.
func (s *segment) read(near spot, from, below int64, w Want, scratch *[record.HeaderSize]byte) ([]byte, error) {
	pos, first, err := s.find(near, from, scratch)
	if err != nil {
		return nil, err
	}
	if first > w.Bytes && !w.One {
		return nil, nil
	}
	n := int(min(int64(max(first, w.Bytes)), s.size.Load()-pos))
	var buf []byte
	if w.Room != nil {
		buf = w.Room(n)
	} else {
		buf = make([]byte, n)
	}
	if _, err := s.file.ReadAt(buf, pos); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", s.file.Name(), pos, err)
	}
	end := 0
	for end+record.HeaderSize <= len(buf) {
		b := record.Batch(buf[end:])
		size := batchSize(b)
		if size < record.HeaderSize {
			return nil, fmt.Errorf("read %s at %d: batch of %d bytes", s.file.Name(), pos+int64(end), size)
		}
		if end+size > len(buf) || b.LastOffset() >= below {
			break
		}
		end += size
	}
	return buf[:end:end], nil
}

// batch reads one whole batch.
func (s *segment) batch(pos int64, size int) (record.Batch, error) {
	if size < record.HeaderSize || pos+int64(size) > s.size.Load() {
		return nil, fmt.Errorf("read %s at %d: batch of %d bytes", s.file.Name(), pos, size)
	}
	buf := make([]byte, size)
	if _, err := s.file.ReadAt(buf, pos); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", s.file.Name(), pos, err)
	}
	return record.Batch(buf), nil
}

// saveIndexes writes the index files and returns their names. They are only
// ever a help: what is damaged is made again from the log.
func (s *segment) saveIndexes(fsys vfs.FS) (written []string, err error) {
	s.times.flush()
	offsets, times := path.Join(s.dir, fileName(s.base, indexSuffix)), path.Join(s.dir, fileName(s.base, timeIndexSuffix))
	if err := writeWhole(fsys, offsets, s.offsets.bytes()); err != nil {
		return nil, err
	}
	if err := writeWhole(fsys, times, s.times.bytes()); err != nil {
		return nil, err
	}
	written, err = s.saveAborts(fsys)
	return append(written, offsets, times), err
}

// retire ends a segment whose indexes are on disk: they leave the memory.
func (s *segment) retire() {
	s.closed.Store(true)
	s.offsets.drop()
	s.times.drop()
	s.aborts.drop()
}

// writeWhole writes a file that need not be durable yet.
func writeWhole(fsys vfs.FS, name string, data []byte) error {
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// syncNamed makes files durable by name; those that are gone need not be.
func syncNamed(fsys vfs.FS, names []string) error {
	for _, name := range names {
		f, err := fsys.OpenFile(name, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = f.Datasync()
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// remove deletes the segment's files; readers that hold it go on.
func (s *segment) remove(fsys vfs.FS, x *indexCache) error {
	defer s.release()
	defer x.forget(s)
	for _, suffix := range []string{indexSuffix, timeIndexSuffix, txnIndexSuffix, snapshotSuffix} {
		_ = fsys.Remove(path.Join(s.dir, fileName(s.base, suffix))) // helpers of the log file; may be absent
	}
	return fsys.Remove(path.Join(s.dir, fileName(s.base, logSuffix)))
}
