package storage_test

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

// entry is one batch of a model log. Record i of a log has value i, and so
// belongs at offset i; markers take offsets too.
type entry struct {
	producer    int64 // -1: none
	epoch       int16
	sequence    int32
	txn         bool
	marker      bool
	m           record.Marker
	first, last int64
	pad         int // bytes more of each value
}

func (e entry) batch() record.Batch {
	if e.marker {
		return record.MarkerBatch(e.producer, e.epoch, e.m, epoch0)
	}
	b := record.NewBuilder(record.BuilderOptions{
		ProducerID: e.producer, ProducerEpoch: e.epoch, BaseSequence: e.sequence, Idempotent: e.producer >= 0, Transactional: e.txn,
	})
	for v := e.first; v <= e.last; v++ {
		value := binary.BigEndian.AppendUint64(nil, uint64(v))
		b.Add(epoch0.UnixMilli(), value, append(value, make([]byte, e.pad)...)) // keys that compaction leaves
	}
	return b.Batch()
}

// span is a transaction of the model.
type span struct {
	producer, first, last int64 // last: of the marker, -1 while it is open
	aborted               bool
}

// model is everything that a log was given.
type model []entry

// upTo is what a log that ends at end holds.
func (m model) upTo(end int64) model {
	return m[:m.index(end)]
}

func (m model) index(end int64) int {
	i, _ := slices.BinarySearchFunc(m, end, func(e entry, end int64) int { return cmp.Compare(e.first, end) })
	return i
}

// replay is the state that the entries lead to, by the plainest means.
func (m model) replay() (spans []span, producers map[int64]storage.ProducerState) {
	producers = map[int64]storage.ProducerState{}
	for _, e := range m {
		if e.producer < 0 {
			continue
		}
		p, ok := producers[e.producer]
		if !ok || p.Epoch != e.epoch {
			start, coordinator := int64(-1), int32(-1)
			if ok {
				start, coordinator = p.TransactionStart, p.CoordinatorEpoch
			}
			p = storage.ProducerState{ID: e.producer, Epoch: e.epoch, FirstSequence: -1, LastSequence: -1, LastOffset: -1, CoordinatorEpoch: coordinator, TransactionStart: start}
		}
		p.LastTimestamp = epoch0.UnixMilli()
		switch {
		case e.marker:
			p.CoordinatorEpoch = e.m.CoordinatorEpoch
			for i := range spans {
				if s := &spans[i]; s.producer == e.producer && s.last < 0 {
					s.last, s.aborted = e.first, !e.m.Commit
				}
			}
			p.TransactionStart = -1
		default:
			p.FirstSequence, p.LastSequence, p.LastOffset = e.sequence, e.sequence+int32(e.last-e.first), e.last
			if e.txn && p.TransactionStart < 0 {
				p.TransactionStart = e.first
				spans = append(spans, span{e.producer, e.first, -1, false})
			}
		}
		producers[e.producer] = p
	}
	return spans, producers
}

func (m model) stable(start, highWatermark int64) int64 {
	at := highWatermark
	spans, _ := m.replay()
	for _, s := range spans {
		if s.last < 0 || s.last >= highWatermark {
			at = min(at, s.first)
		}
	}
	return min(highWatermark, max(at, start))
}

func (m model) aborted(from, below int64) (out []storage.AbortedTransaction) {
	spans, _ := m.replay()
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.last, b.last) })
	for _, s := range spans {
		if s.aborted && s.last >= from && s.first < below {
			out = append(out, storage.AbortedTransaction{ProducerID: s.producer, FirstOffset: s.first})
		}
	}
	return out
}

// committed is the values in [from, below) that a read_committed reader is to
// see.
func (m model) committed(from, below int64) (values []uint64) {
	spans, _ := m.replay()
	for _, e := range m {
		if e.marker || e.txn && slices.ContainsFunc(spans, func(s span) bool {
			return s.producer == e.producer && s.first <= e.first && s.last > e.last && s.aborted
		}) {
			continue
		}
		for v := max(e.first, from); v <= e.last && v < below; v++ {
			values = append(values, uint64(v))
		}
	}
	return values
}

// readCommitted reads as Kafka's consumer does, in many fetches.
func readCommitted(l *storage.Log, from, below int64, maxBytes int) (values []uint64, err error) {
	for next := from; next < below; {
		data, aborted, err := l.ReadCommitted(next, below, storage.Want{Bytes: maxBytes, One: true})
		if err != nil || len(data) == 0 {
			return values, err
		}
		slices.SortStableFunc(aborted, func(a, b storage.AbortedTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
		out := map[int64]bool{}
		for len(data) > 0 {
			var b record.Batch
			if b, data, err = record.Split(data); err != nil {
				return nil, err
			}
			next = b.LastOffset() + 1
			for ; len(aborted) > 0 && aborted[0].FirstOffset <= b.LastOffset(); aborted = aborted[1:] {
				out[aborted[0].ProducerID] = true
			}
			if b.Control() {
				if m, err := b.Marker(); err == nil && !m.Commit {
					delete(out, b.ProducerID())
				}
				continue
			}
			if b.Transactional() && out[b.ProducerID()] {
				continue
			}
			if err := b.Walk(0, func(r *record.Record) error {
				if r.Offset >= from {
					values = append(values, binary.BigEndian.Uint64(r.Value))
				}
				return nil
			}); err != nil {
				return nil, err
			}
		}
	}
	return values, nil
}

// story is a log with transactions at random, and its model.
type story struct {
	rng   *rand.Rand
	disk  *vfs.Memory
	dir   *storage.Dir
	log   *storage.Log
	c     storage.LogConfig
	model model
	pad   int // bytes of each value
	// compact has the log compacted now and then: what was aborted may be gone,
	// from the files and so from the lists.
	compact bool
}

func newStory(t *testing.T, seed uint64, pad int) *story {
	t.Helper()
	s := &story{rng: rand.New(rand.NewPCG(seed, 2)), disk: vfs.NewMemory(), pad: pad}
	s.c = storage.LogConfig{SegmentBytes: int64(pad+100) * (2 + s.rng.Int64N(15)), RetentionBytes: -1, RetentionAge: -1, IndexIntervalBytes: 150}
	s.open(t)
	return s
}

func (s *story) open(t *testing.T) {
	t.Helper()
	s.dir = openDir(t, s.disk, storage.DirOptions{})
	s.log = openLog(t, s.dir, s.c)
}

// next is a batch that the log must take.
func (s *story) next() entry {
	_, producers := s.model.replay()
	e := entry{producer: int64(s.rng.IntN(5)), first: s.log.EndOffset(), sequence: s.rng.Int32N(9), pad: s.pad}
	e.last = e.first + s.rng.Int64N(3)
	p, known := producers[e.producer]
	if known {
		e.epoch, e.sequence = p.Epoch, p.LastSequence+1
	}
	switch {
	case e.producer == 0:
		e.producer, e.epoch, e.sequence = -1, 0, 0
	case e.producer == 1: // never in a transaction
	case s.rng.IntN(3) == 0: // ends its transaction, if it has one; as v2 does, or v1
		e.last, e.marker = e.first, true
		e.epoch += int16(s.rng.IntN(2))
		e.m = record.Marker{Commit: s.rng.IntN(2) == 0, CoordinatorEpoch: max(0, p.CoordinatorEpoch) + s.rng.Int32N(2)}
	default:
		e.txn = true
	}
	return e
}

func (s *story) append(t *testing.T) {
	t.Helper()
	if err := s.tryAppend(); err != nil {
		t.Fatal(err)
	}
}

// tryAppend appends the next batch; the model has it when the log has.
func (s *story) tryAppend() error {
	e := s.next()
	var a storage.Appended
	var err error
	if e.marker {
		a, err = s.log.Append(e.batch(), 1, epoch0, storage.Coordinator)
	} else {
		v, _ := s.log.Verify(e.producer, e.epoch)
		a, err = s.log.AppendVerified(e.batch(), 1, epoch0, v)
	}
	if err != nil {
		return err
	}
	if a.Duplicate || a.BaseOffset != e.first || a.LastOffset != e.last {
		return fmt.Errorf("%+v went to %+v", e, a)
	}
	s.model = append(s.model, e)
	return nil
}

// step does something to the log, mostly appends.
func (s *story) step(t *testing.T) {
	t.Helper()
	switch s.rng.IntN(40) {
	case 0:
		waitDurable(t, s.log)
	case 1:
		if start := s.log.StartOffset(); start < s.log.DurableOffset() {
			to := start + s.rng.Int64N(s.log.DurableOffset()-start+1)/(1+s.rng.Int64N(4))
			if err := s.log.DeleteBefore(to); err != nil {
				t.Fatal(err)
			}
		}
	case 2:
		c := s.c
		c.RetentionBytes = int64(s.pad+100) * (5 + s.rng.Int64N(100))
		s.log.Configure(c)
		if _, err := s.log.Retain(1<<40, epoch0); err != nil {
			t.Fatal(err)
		}
		s.log.Configure(s.c)
	case 3:
		if err := s.dir.Close(); err != nil {
			t.Fatal(err)
		}
		s.open(t)
	case 4:
		if !s.compact {
			break
		}
		now := epoch0.Add(time.Duration(s.rng.IntN(3)) * 24 * time.Hour)
		if _, err := s.log.Compact(t.Context(), s.log.StableOffset(s.log.DurableOffset()), storage.CompactionConfig{DeleteRetention: time.Hour}, now); err != nil {
			t.Fatal(err)
		}
	default:
		s.append(t)
	}
}

// cut takes the power and goes on with what is left.
func (s *story) cut(t *testing.T) {
	t.Helper()
	durable, start := s.log.DurableOffset(), s.log.StartOffset()
	old := s.dir
	s.disk = s.disk.Crash(s.rng.Int64())
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	if s.log.EndOffset() < durable || s.log.StartOffset() < start {
		t.Fatalf("the log goes from %d to %d, want the start at %d or beyond, the end at %d or beyond", s.log.StartOffset(), s.log.EndOffset(), start, durable)
	}
	s.model = s.model.upTo(s.log.EndOffset())
}

// check compares the log with its model.
func (s *story) check() error {
	l := s.log
	start, hw := l.StartOffset(), l.DurableOffset()
	stable := l.StableOffset(hw)
	if want := s.model.stable(start, hw); stable != want {
		return fmt.Errorf("the stable offset is %d, want %d; the log goes from %d to %d", stable, want, start, hw)
	}
	from := start + s.rng.Int64N(max(1, stable-start))
	got, err := readCommitted(l, from, stable, 1+s.rng.IntN(900))
	if want := s.model.committed(from, stable); err != nil || !slices.Equal(got, want) {
		return fmt.Errorf("committed in [%d, %d): %v, %v; want %v", from, stable, got, err, want)
	}
	if s.compact {
		return nil
	}
	for range 5 {
		from := start + s.rng.Int64N(max(1, stable-start))
		below := from + s.rng.Int64N(max(1, stable-from+1))
		got, err := l.Aborted(from, below)
		if want := s.model.aborted(from, below); err != nil || !slices.Equal(got, want) {
			return fmt.Errorf("aborted in [%d, %d): %v, %v; want %v", from, below, got, err, want)
		}
	}
	return s.checkProducers()
}

func (s *story) checkProducers() error {
	_, producers := s.model.replay()
	list := s.log.Producers()
	for _, p := range list {
		if want := producers[p.ID]; p != want {
			return fmt.Errorf("producer %+v, want %+v", p, want)
		}
	}
	if len(list) != len(producers) {
		return fmt.Errorf("%d producers, want %d", len(list), len(producers))
	}
	return nil
}

// TestTransactionsByModel interleaves transactions of several producers,
// deletions, clean stops and power cuts, and compares with a plain model. Of
// large records the indexes of aborted transactions are believed at a start;
// segments of small ones are all read again.
func TestTransactionsByModel(t *testing.T) {
	for _, tc := range []struct {
		name                     string
		pad, steps, runs, inTime int // inTime: runs of a short test
		compact                  bool
	}{{"small", 0, 150, 120, 30, false}, {"large", 150 << 10, 150, 8, 2, false}, {"compacted", 0, 150, 120, 30, true}} {
		t.Run(tc.name, func(t *testing.T) {
			runs := tc.runs
			if testing.Short() {
				runs = tc.inTime
			}
			for seed := range uint64(runs) {
				s := newStory(t, seed, tc.pad)
				s.compact = tc.compact
				for i := range tc.steps {
					s.step(t)
					if s.rng.IntN(25) == 0 {
						s.cut(t)
					}
					if err := s.check(); err != nil {
						t.Fatalf("seed %d, step %d: %v", seed, i, err)
					}
				}
				if err := s.dir.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestDamagedTxnIndex damages what a clean stop leaves of segments that a start
// does not read again: the lists of aborted transactions must be right after
// it, and after the start that follows.
func TestDamagedTxnIndex(t *testing.T) {
	for _, tc := range []struct {
		name, suffix string
		damage       func(t *testing.T, disk *vfs.Memory, name string)
	}{
		{"torn", ".txnindex", func(t *testing.T, disk *vfs.Memory, name string) { damageTail(t, disk, name) }},
		{"of another version", ".txnindex", func(t *testing.T, disk *vfs.Memory, name string) {
			f := openFile(t, disk, name)
			defer f.Close()
			if _, err := f.WriteAt([]byte{0, 1}, 0); err != nil {
				t.Fatal(err)
			}
		}},
		{"with another index missing", ".index", func(t *testing.T, disk *vfs.Memory, name string) {
			if err := disk.Remove(name); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStory(t, 5, 150<<10)
			for range 200 {
				s.append(t)
			}
			for range 3 {
				if err := s.dir.Close(); err != nil {
					t.Fatal(err)
				}
				files := names(t, s.disk, "/data/t-0", tc.suffix)
				if len(files) < 5 {
					t.Fatalf("only %d files %s", len(files), tc.suffix)
				}
				tc.damage(t, s.disk, "/data/t-0/"+files[1])
				for range 2 {
					s.open(t)
					if err := s.check(); err != nil {
						t.Fatal(err)
					}
					if err := s.dir.Close(); err != nil {
						t.Fatal(err)
					}
				}
				s.open(t)
			}
			s.dir.Close()
		})
	}
}

// TestUnreadableTxnIndex has a reader get an error, never a list that lacks
// something.
func TestUnreadableTxnIndex(t *testing.T) {
	s := newStory(t, 5, 150<<10)
	defer s.dir.Close()
	for range 100 {
		s.append(t)
	}
	s.log.Configure(storage.LogConfig{SegmentBytes: 1, RetentionBytes: -1, RetentionAge: -1}) // each batch closes a segment
	s.append(t)
	waitDurable(t, s.log)
	stable := s.log.StableOffset(s.log.DurableOffset())
	files := names(t, s.disk, "/data/t-0", ".txnindex")
	damageTail(t, s.disk, "/data/t-0/"+files[0])
	if data, aborted, err := s.log.ReadCommitted(0, stable, storage.Want{Bytes: 1 << 30, One: true}); !errors.Is(err, kerr.KafkaStorageError) {
		t.Errorf("%d bytes with %v aborted, %v; want %v", len(data), aborted, err, kerr.KafkaStorageError)
	}
	truncate(t, s.disk, "/data/t-0/"+files[0], 0)
	if _, err := s.log.Aborted(0, stable); !errors.Is(err, kerr.KafkaStorageError) {
		t.Errorf("of an emptied index: %v, want %v", err, kerr.KafkaStorageError)
	}
}

// TestTransactionsOverEveryFault fails the n-th operation for n = 1, 2, 3 … of a
// log with transactions, takes the power, and compares what is left with the
// model.
func TestTransactionsOverEveryFault(t *testing.T) {
	broken := errors.New("injected")
	for _, kinds := range [][]string{{"write"}, {"sync", "syncdir"}, {"open", "rename", "remove"}, {"read"}} {
		t.Run(kinds[0], func(t *testing.T) {
			for n := 1; n < 2000; n++ {
				f := &fault{kinds: kinds, err: broken, n: n}
				s := &story{rng: rand.New(rand.NewPCG(uint64(n%7), 3)), disk: vfs.NewMemory()}
				s.c = storage.LogConfig{SegmentBytes: 400, RetentionBytes: -1, RetentionAge: -1}
				durable := s.runToFault(vfs.NewFaulty(s.disk, f.ask))
				hit, _ := f.result()
				s.disk = s.disk.Crash(int64(n))
				s.open(t)
				s.model = s.model.upTo(s.log.EndOffset())
				if err := s.check(); err != nil || s.log.EndOffset() < durable {
					t.Fatalf("fault %d: the end is %d of %d durable: %v", n, s.log.EndOffset(), durable, err)
				}
				if err := s.dir.Close(); err != nil {
					t.Fatal(err)
				}
				if !hit {
					t.Logf("%d operations, each failed once", n-1)
					return
				}
			}
			t.Error("the run never came to its end")
		})
	}
}

// runToFault appends, deletes, stops and starts until something fails, and
// returns how far the log was durable.
func (s *story) runToFault(fsys vfs.FS) (durable int64) {
	for range 2 {
		moved := make(chan struct{}, 1)
		wake := func() {
			select {
			case moved <- struct{}{}:
			default:
			}
		}
		var err error
		if s.dir, err = storage.OpenDir(fsys, "/data", storage.DirOptions{OnFail: func(error) { wake() }}); err != nil {
			return durable
		}
		if s.log, err = s.dir.OpenLog("t-0", topicID, s.c); err == nil {
			s.log.OnDurable(func(int64) { wake() })
			for i := 0; i < 16 && err == nil; i++ {
				if err = s.tryAppend(); err != nil {
					break
				}
				for i%4 == 3 && s.log.DurableOffset() < s.log.EndOffset() && s.dir.Err() == nil {
					<-moved
				}
			}
			if err == nil {
				err = s.log.DeleteBefore(max(0, s.log.DurableOffset()-12))
			}
			durable = max(durable, s.log.DurableOffset())
		}
		if closeErr := s.dir.Close(); err != nil || closeErr != nil {
			return durable
		}
	}
	return durable
}

// TestForgottenTransactionsAreCaught is the control: a start that forgets the
// producers must be seen to show what is not decided.
func TestForgottenTransactionsAreCaught(t *testing.T) {
	caught := 0
	for seed := range uint64(10) {
		s := newStory(t, seed, 0)
		for range 60 {
			s.append(t)
		}
		if err := s.dir.Close(); err != nil {
			t.Fatal(err)
		}
		s.dir = openDir(t, s.disk, storage.DirOptions{ForgetProducers: true})
		s.log = openLog(t, s.dir, s.c)
		if err := s.check(); err != nil {
			caught++
		}
		s.dir.Close()
	}
	if caught == 0 {
		t.Error("nothing was missed: the test sees nothing")
	}
	t.Logf("%d of 10 caught", caught)
}

// TestOpenTransactionsDoNotExpire, and a producer that has expired takes no
// verification with it that was begun before its last marker.
func TestOpenTransactionsDoNotExpire(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	c := forever
	c.ProducerExpiry = time.Hour
	l := openLog(t, d, c)
	data := func(producer int64) record.Batch {
		return entry{producer: producer, txn: true, first: l.EndOffset(), last: l.EndOffset()}.batch()
	}
	v, _ := l.Verify(1, 0)
	if _, err := l.AppendVerified(data(1), 1, epoch0, v); err != nil {
		t.Fatal(err)
	}
	old, _ := l.Verify(2, 0)
	if _, err := l.Append(record.MarkerBatch(2, 0, record.Marker{}, epoch0), 1, epoch0, storage.Coordinator); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Retain(1<<40, epoch0.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := l.Producers(); len(got) != 1 || got[0].ID != 1 || got[0].TransactionStart != 0 {
		t.Errorf("left are %+v, want producer 1 with its transaction", got)
	}
	if at := l.StableOffset(l.EndOffset()); at != 0 {
		t.Errorf("the stable offset is %d, want 0", at)
	}
	if _, err := l.AppendVerified(data(2), 1, epoch0, old); !errors.Is(err, storage.ErrUnverified) {
		t.Errorf("by a verification from before the marker: %v", err)
	}
}

// TestTransactionalAppendsDoNotAllocate: nothing for each record, and nothing
// for each batch of a producer that is known.
func TestTransactionalAppendsDoNotAllocate(t *testing.T) {
	d, err := storage.OpenDir(vfs.OS, t.TempDir(), storage.DirOptions{PageCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	l := openLog(t, d, forever)
	v, _ := l.Verify(3, 0)
	var batches []record.Batch
	for i := range int32(250) {
		batches = append(batches, entry{producer: 3, txn: true, sequence: i * 100, last: 99}.batch())
	}
	next := func() {
		if _, err := l.AppendVerified(batches[0], 1, epoch0, v); err != nil {
			t.Fatal(err)
		}
		batches = batches[1:]
	}
	next()
	if got := testing.AllocsPerRun(200, next); got > 0 {
		t.Errorf("an append allocates %v times", got)
	}
	if got := testing.AllocsPerRun(200, func() { l.StableOffset(l.DurableOffset()) }); got > 0 {
		t.Errorf("the stable offset allocates %v times", got)
	}
}

// TestCommittedReadersBesideTheWriter reads while transactions end, segments
// come, go and are compacted: an aborted record must never be seen.
func TestCommittedReadersBesideTheWriter(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	c := storage.LogConfig{SegmentBytes: 1500, RetentionBytes: 60_000, RetentionAge: -1, IndexIntervalBytes: 100}
	l := openLog(t, d, c)
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for i := range uint64(2) {
		rng := rand.New(rand.NewPCG(i, 4))
		workers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				stable, start := l.StableOffset(l.DurableOffset()), l.StartOffset()
				from := max(start, stable-1-rng.Int64N(200))
				values, err := readCommitted(l, from, stable, 1+rng.IntN(5000))
				if err != nil && !errors.Is(err, kerr.OffsetOutOfRange) {
					t.Errorf("read from %d: %v", from, err)
					return
				}
				if i := slices.IndexFunc(values, func(v uint64) bool { return v%2 == 1 }); i >= 0 {
					t.Errorf("record %d of the read from %d to %d was aborted", i, from, stable)
					return
				}
			}
		})
	}
	workers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := l.Compact(t.Context(), l.StableOffset(l.DurableOffset()), storage.CompactionConfig{}, epoch0); err != nil && !errors.Is(err, kerr.OffsetOutOfRange) {
				t.Errorf("compact: %v", err)
				return
			}
			if _, err := l.Retain(1<<40, epoch0); err != nil {
				t.Errorf("retain: %v", err)
				return
			}
		}
	})
	rng := rand.New(rand.NewPCG(1, 5))
	sequences := map[int64]int32{}
	for i := range uint64(3000) {
		producer := rng.Int64N(4)
		abort := uint64(producer) % 2 // 1 and 3 always abort
		if rng.IntN(4) == 0 {
			m := record.MarkerBatch(producer, 0, record.Marker{Commit: abort == 0}, epoch0)
			if _, err := l.Append(m, 1, epoch0, storage.Coordinator); err != nil {
				t.Fatal(err)
			}
			continue
		}
		b := record.NewBuilder(record.BuilderOptions{ProducerID: producer, BaseSequence: sequences[producer], Idempotent: true, Transactional: true})
		b.Add(epoch0.UnixMilli(), binary.BigEndian.AppendUint64(nil, i%50), binary.BigEndian.AppendUint64(nil, i*2+abort))
		v, _ := l.Verify(producer, 0)
		if _, err := l.AppendVerified(b.Batch(), 1, epoch0, v); err != nil {
			t.Fatal(err)
		}
		sequences[producer]++
	}
	close(stop)
	workers.Wait()
	waitDurable(t, l)
}
