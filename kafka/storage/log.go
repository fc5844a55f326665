package storage

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
)

// LogConfig is the settings of one log. Configure changes them at any time.
type LogConfig struct {
	SegmentBytes       int64         // roll before a segment grows beyond; 0 means 1 GiB, at most 2 GiB - 1
	SegmentAge         time.Duration // roll a segment older than this, by its records' timestamps; 0 means never
	SegmentJitter      time.Duration // each segment is rolled earlier by up to so much, at random
	IndexBytes         int           // roll a segment whose indexes are as large; 0 means 10 MiB
	RetentionBytes     int64         // keep at most about this much; -1 means no limit
	RetentionAge       time.Duration // remove what is older; negative means never
	IndexIntervalBytes int           // bytes between index entries; 0 means 4096
	ProducerExpiry     time.Duration // forget producers idle for longer; 0 means never
}

const (
	defaultSegmentBytes  = 1 << 30
	defaultIndexInterval = 4096
	defaultIndexBytes    = 10 << 20
)

func (c LogConfig) complete() LogConfig {
	if c.SegmentBytes <= 0 {
		c.SegmentBytes = defaultSegmentBytes
	}
	c.SegmentBytes = min(c.SegmentBytes, math.MaxInt32) // positions in an index have 31 bits
	if c.IndexIntervalBytes <= 0 {
		c.IndexIntervalBytes = defaultIndexInterval
	}
	if c.IndexBytes <= 0 {
		c.IndexBytes = defaultIndexBytes
	}
	return c
}

// Origin says who appends a batch.
type Origin int

// Origins of batches: a client's has its producer's epoch and sequence checked,
// and that its transaction is verified; a coordinator's (markers, offset commits
// of a transaction) the epoch only.
const (
	Client Origin = iota
	Coordinator
)

// Log is one partition's log. Its methods may be called concurrently.
type Log struct {
	dir  *Dir
	name string
	path string
	id   [16]byte

	segments atomic.Pointer[[]*segment] // ascending; the last is written to; changed under mu
	start    atomic.Int64
	end      atomic.Int64 // written
	durable  atomic.Int64 // synced

	onDurable atomic.Pointer[func(int64)]
	closed    atomic.Bool // removed, or the directory is closed

	compacting sync.Mutex // held by a pass of Compact; taken before all others
	files      sync.Mutex // held while files of segments are removed or replaced; taken before mu

	mu        sync.Mutex // the append lock; guards what follows
	cfg       LogConfig
	made      bool // the directory exists
	sealed    bool // no more appends: the directory is closing
	epochs    epochs
	producers *producers // the same from the opening on
	unsynced  []*segment // written to since the last commit
	helpers   []string   // files of closed segments, not yet synced
	newNames  bool       // files were made since the last commit
	newEpoch  bool       // the epoch checkpoint is behind
	compacted int64      // records below were compacted
}

// Appended is where a batch went.
type Appended struct {
	BaseOffset, LastOffset, LogStartOffset int64
	Duplicate                              bool // it was there already
}

// Append writes a batch at the log's end, stamping its offsets and the leader
// epoch in place, and starts its commit. The batch must have passed
// record.Validate (or come from a coordinator's Builder). It returns when the
// page cache has it: DurableOffset and OnDurable say when the disk has.
//
// A coordinator's control batch with a marker ends the producer's transaction.
// A client's batch does not open one: see AppendVerified.
//
// Errors: kerr.InvalidProducerEpoch, kerr.OutOfOrderSequenceNumber,
// kerr.InvalidTxnState (records outside the transaction that is open),
// ErrUnverified and kerr.TransactionCoordinatorFenced (a marker of an older
// coordinator) from the producer's state, kerr.KafkaStorageError when the log
// directory has failed.
func (l *Log) Append(b record.Batch, leaderEpoch int32, now time.Time, o Origin) (Appended, error) {
	return l.appendBy(b, leaderEpoch, now, o, Verification{})
}

// AppendVerified is Append for a client's batch that may open a transaction by
// v.
func (l *Log) AppendVerified(b record.Batch, leaderEpoch int32, now time.Time, v Verification) (Appended, error) {
	return l.appendBy(b, leaderEpoch, now, Client, v)
}

func (l *Log) appendBy(b record.Batch, leaderEpoch int32, now time.Time, o Origin, v Verification) (Appended, error) {
	l.mu.Lock()
	a, err := l.append(b, leaderEpoch, now, o, v)
	l.mu.Unlock()
	if err != nil || a.Duplicate {
		return a, err
	}
	if l.dir.o.PageCache {
		l.committed(a.LastOffset + 1)
	}
	l.dir.commit.wake()
	return a, nil
}

func (l *Log) append(b record.Batch, leaderEpoch int32, now time.Time, o Origin, v Verification) (Appended, error) {
	if !l.writable() {
		return Appended{}, kerr.KafkaStorageError
	}
	old, err := l.producers.check(b, o, v)
	if err != nil {
		return Appended{}, err
	}
	if old != nil {
		return Appended{old.lastOffset - int64(old.delta), old.lastOffset, l.start.Load(), true}, nil
	}
	base := l.end.Load()
	if base > math.MaxInt64-math.MaxInt32 {
		return Appended{}, kerr.KafkaStorageError
	}
	s, err := l.active(base, b, now)
	if err != nil {
		return Appended{}, l.dir.fail(fmt.Errorf("roll %s at offset %d: %w", l.name, base, err))
	}
	b.SetBaseOffset(base)
	b.SetLeaderEpoch(leaderEpoch)
	if n, err := s.file.WriteAt(b, s.size.Load()); err != nil || n < len(b) {
		return Appended{}, l.dir.fail(fmt.Errorf("write %d bytes to %s: %w", len(b), s.file.Name(), shortWrite(err)))
	}
	l.newEpoch = l.epochs.note(leaderEpoch, base) || l.newEpoch
	if a, ok := l.producers.update(b); ok {
		s.aborts.add(a)
	}
	s.note(b, len(b), l.cfg.IndexIntervalBytes)
	l.end.Store(b.LastOffset() + 1)
	l.dirty(s)
	return Appended{BaseOffset: base, LastOffset: b.LastOffset(), LogStartOffset: l.start.Load()}, nil
}

// writable reports whether the log still takes changes. Called under mu.
func (l *Log) writable() bool { return !l.closed.Load() && !l.sealed && l.dir.Err() == nil }

func shortWrite(err error) error {
	if err == nil {
		return io.ErrShortWrite
	}
	return err
}

// dirty queues a segment for the next commit.
func (l *Log) dirty(s *segment) {
	if n := len(l.unsynced); n == 0 {
		l.dir.commit.add(l)
	} else if l.unsynced[n-1] == s {
		return
	}
	l.unsynced = append(l.unsynced, s)
}

// active is the segment to write b to: the last one, or a new one when it is
// full or too old. Called under mu.
func (l *Log) active(base int64, b record.Batch, now time.Time) (*segment, error) {
	list := *l.segments.Load()
	if len(list) > 0 {
		s := list[len(list)-1]
		if !l.full(s, base, b, now) {
			if s.began.IsZero() {
				s.began = now
			}
			return s, nil
		}
	}
	return l.roll(base, now)
}

// full is Kafka's LogSegment.shouldRoll. Of a log without records there is
// nothing to roll.
func (l *Log) full(s *segment, base int64, b record.Batch, now time.Time) bool {
	size := s.size.Load()
	if size == 0 {
		return false
	}
	return size+int64(len(b)) > l.cfg.SegmentBytes ||
		l.cfg.SegmentAge > 0 && s.age(b, now) > (l.cfg.SegmentAge-s.jitter).Milliseconds() ||
		s.indexesFull(l.cfg.IndexBytes) ||
		base+int64(b.LastOffsetDelta())-s.base > math.MaxInt32
}

// jitter is what a new segment's age is cut by (LogConfig.randomSegmentJitter).
func (c LogConfig) jitter() time.Duration {
	most := c.SegmentJitter
	if c.SegmentAge > 0 {
		most = min(most, c.SegmentAge)
	}
	if most <= 0 {
		return 0
	}
	return rand.N(most)
}

// saveHelpers writes what helps the next start: a segment's indexes and a
// snapshot of the producers. They are not durable before they are synced.
func (l *Log) saveHelpers(s *segment, end int64) (written []string, err error) {
	if written, err = s.saveIndexes(l.dir.fs); err != nil {
		return nil, err
	}
	snapshot := path.Join(l.path, fileName(end, snapshotSuffix))
	return append(written, snapshot), writeWhole(l.dir.fs, snapshot, l.producers.encode())
}

// roll makes a new last segment and retires the one before; the first one makes
// the directory too. Called under mu.
func (l *Log) roll(base int64, now time.Time) (*segment, error) {
	if !l.made {
		if err := l.make(); err != nil {
			return nil, err
		}
	}
	list := *l.segments.Load()
	if len(list) > 0 {
		old := list[len(list)-1]
		written, err := l.saveHelpers(old, base)
		if err != nil {
			return nil, err
		}
		l.helpers = append(l.helpers, written...)
		old.retire()
	}
	s, err := openSegment(l.dir.fs, l.path, base)
	if err != nil {
		return nil, err
	}
	s.began, s.jitter = now, l.cfg.jitter()
	l.newNames = true
	list = append(slices.Clone(list), s)
	l.segments.Store(&list)
	return s, nil
}

func (l *Log) make() error {
	if err := l.dir.fs.MkdirAll(l.path, 0o755); err != nil {
		return err
	}
	l.made = true
	return nil
}

// StartOffset is the first offset that can be read.
func (l *Log) StartOffset() int64 { return l.start.Load() }

// EndOffset is the offset after the last record written.
func (l *Log) EndOffset() int64 { return l.end.Load() }

// DurableOffset is the offset after the last record that a power cut cannot
// take; EndOffset when the directory is opened with PageCache.
func (l *Log) DurableOffset() int64 { return l.durable.Load() }

// OnDurable sets the function that is called after DurableOffset has moved,
// with no lock held. It must not block. Calls come in order from the commits;
// with PageCache they come from the appends and may overlap.
func (l *Log) OnDurable(fn func(durable int64)) { l.onDurable.Store(&fn) }

func (l *Log) committed(offset int64) {
	for {
		old := l.durable.Load()
		if offset <= old {
			return
		}
		if l.durable.CompareAndSwap(old, offset) {
			break
		}
	}
	if fn := l.onDurable.Load(); fn != nil {
		(*fn)(offset)
	}
}

// Configure changes the settings.
func (l *Log) Configure(c LogConfig) {
	l.mu.Lock()
	l.cfg = c.complete()
	l.mu.Unlock()
}

// Size is the bytes of all segments.
func (l *Log) Size() (bytes int64) {
	for _, s := range *l.segments.Load() {
		bytes += s.size.Load()
	}
	return bytes
}

// Segments is how many segments there are.
func (l *Log) Segments() int { return len(*l.segments.Load()) }

// Producers lists what is known of idempotent producers, by id.
func (l *Log) Producers() []ProducerState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.producers.list()
}

// LatestEpoch is the leader epoch of the last record, -1 for none.
func (l *Log) LatestEpoch() int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.epochs) == 0 {
		return -1
	}
	return l.epochs[len(l.epochs)-1].epoch
}

// EpochAt is the leader epoch of the record at offset, -1 when unknown.
func (l *Log) EpochAt(offset int64) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epochs.at(offset)
}

// EndOffsetForEpoch is the greatest epoch at or below the asked one and where
// it ended (KIP-279), or the asked one and the first known start when it is
// below all; -1, -1 for -1, an empty log, and epochs of the future.
func (l *Log) EndOffsetForEpoch(epoch int32) (found int32, end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epochs.end(epoch, l.end.Load())
}

// segmentAt is the index in list of the segment that holds offset.
func segmentAt(list []*segment, offset int64) int {
	return max(0, sort.Search(len(list), func(i int) bool { return list[i].base > offset })-1)
}

// Read returns whole batches from the one that holds from, all below below, up
// to maxBytes but at least one when there is one. It allocates the result only,
// and it may run beside appends. kerr.OffsetOutOfRange when from is not between
// StartOffset and EndOffset, kerr.KafkaStorageError when the log is closed or
// cannot be read.
func (l *Log) Read(from, below int64, maxBytes int) ([]byte, error) {
	return l.ReadWant(from, below, Want{Bytes: maxBytes, One: true})
}

// Want is how much a reader takes: up to Bytes, but one batch at least if One.
// Otherwise it gets nothing when the first batch is larger. Room makes the memory
// that is read to; nil: new memory.
type Want struct {
	Bytes int
	One   bool
	Room  func(bytes int) []byte
}

// ReadWant is Read for as much as is wanted.
func (l *Log) ReadWant(from, below int64, w Want) ([]byte, error) {
	for {
		if l.closed.Load() {
			return nil, kerr.KafkaStorageError
		}
		if from < l.start.Load() || from > l.end.Load() {
			return nil, kerr.OffsetOutOfRange
		}
		list := *l.segments.Load()
		if len(list) == 0 || from >= below {
			return nil, nil
		}
		data, gone, err := l.readFrom(list[segmentAt(list, from):], from, below, w)
		if gone {
			continue // retention took the segment meanwhile: look again
		}
		if err != nil {
			return nil, errors.Join(err, kerr.KafkaStorageError)
		}
		return data, nil
	}
}

func (l *Log) readFrom(list []*segment, from, below int64, w Want) (data []byte, gone bool, err error) {
	scratch := l.dir.headers.Get().(*[record.HeaderSize]byte)
	defer l.dir.headers.Put(scratch)
	for _, s := range list {
		if !s.acquire() {
			return nil, true, nil
		}
		data, err = s.read(s.near(&l.dir.indexes, from), from, below, w, scratch)
		s.release()
		if err != io.EOF {
			return data, false, err
		}
	}
	return nil, false, nil
}
