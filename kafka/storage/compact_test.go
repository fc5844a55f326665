package storage_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

var (
	tiny    = storage.LogConfig{SegmentBytes: 400, RetentionBytes: -1, RetentionAge: -1, IndexIntervalBytes: 100}
	compact = storage.CompactionConfig{DirtyRatio: 0.5, DeleteRetention: time.Hour}
)

// pair is a record of a compacted log; an empty value is a tombstone.
type pair struct{ key, value string }

func pairs(codec record.Codec, producer int64, sequence int32, at time.Time, list ...pair) record.Batch {
	b := record.NewBuilder(record.BuilderOptions{Codec: codec, ProducerID: producer, BaseSequence: sequence, Idempotent: producer >= 0})
	for _, p := range list {
		p.add(b, at)
	}
	return b.Batch()
}

func (p pair) add(b *record.Builder, at time.Time) {
	var value []byte
	if p.value != "" {
		value = []byte(p.value)
	}
	b.Add(at.UnixMilli(), []byte(p.key), value, record.Header{Key: "h", Value: []byte(p.key)})
}

// contents reads a whole log as a read_committed consumer does, batch by batch,
// and checks that offsets rise and that reading goes on from any offset, also
// one that has no record any more.
func contents(t *testing.T, l *storage.Log) map[int64]pair {
	t.Helper()
	out := make(map[int64]pair)
	next, stable := l.StartOffset(), l.StableOffset(l.EndOffset())
	for at := next; at < stable; at = next {
		data, aborted, err := l.ReadCommitted(at, stable, storage.Want{One: true})
		if err != nil {
			t.Fatal(err)
		}
		b, rest, err := record.Split(data)
		if err != nil || len(rest) > 0 || b.Check() != nil || b.LastOffset() < at {
			t.Fatalf("read at %d: %v, %d more bytes, last offset %d, %v", at, err, len(rest), b.LastOffset(), b.Check())
		}
		next = b.LastOffset() + 1
		if b.Control() || b.Transactional() && slices.ContainsFunc(aborted, func(a storage.AbortedTransaction) bool { return a.ProducerID == b.ProducerID() }) {
			continue
		}
		err = b.Walk(0, func(r *record.Record) error {
			if len(r.Headers) != 1 || string(r.Headers[0].Value) != string(r.Key) {
				t.Errorf("offset %d has headers %v", r.Offset, r.Headers)
			}
			out[r.Offset] = pair{string(r.Key), string(r.Value)}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// latest is what a reader of the log knows at its end.
func latest(records map[int64]pair) map[string]string {
	out := make(map[string]string)
	for _, at := range slices.Sorted(maps.Keys(records)) {
		p := records[at]
		out[p.key] = p.value
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

func mustCompact(t *testing.T, l *storage.Log, now time.Time) storage.Compacted {
	t.Helper()
	waitDurable(t, l)
	done, err := l.Compact(t.Context(), l.StableOffset(l.EndOffset()), compact, now)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// TestCompact overwrites keys and deletes one: the last record of each key
// stays at its offset, the tombstone until its horizon has passed.
func TestCompact(t *testing.T) {
	for codec := record.None; codec <= record.Zstd; codec++ {
		t.Run(codec.String(), func(t *testing.T) {
			d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
			defer d.Close()
			l := openLog(t, d, tiny)
			put := func(list ...pair) { appendTo(t, l, pairs(codec, -1, 0, epoch0, list...)) }
			for i := range 30 {
				put(pair{"a", fmt.Sprint("a", i)}, pair{"b", fmt.Sprint("b", i)}, pair{fmt.Sprint("k", i), "once"})
			}
			put(pair{"b", ""})
			for i := range 10 {
				put(pair{"filler", fmt.Sprint(i)}, pair{"filler", "again"})
			}
			waitDurable(t, l)
			if !l.CompactionDue(l.EndOffset(), compact, epoch0) {
				t.Fatal("a log that was never compacted is not due")
			}
			before, size := contents(t, l), l.Size()
			done := mustCompact(t, l, epoch0)
			after := contents(t, l)
			if done.Segments < 2 || done.After >= done.Before || l.Size() >= size {
				t.Errorf("compacted %+v, from %d to %d bytes", done, size, l.Size())
			}
			if got, want := latest(after), latest(before); !maps.Equal(got, want) {
				t.Errorf("latest values %v, want %v", got, want)
			}
			for at, p := range after {
				if before[at] != p {
					t.Errorf("offset %d became %v, was %v", at, p, before[at])
				}
			}
			seen := map[string]int{}
			for at, p := range after {
				if at < done.Upto {
					seen[p.key]++
				}
			}
			if seen["a"] != 1 || seen["b"] != 1 || seen["k3"] != 1 {
				t.Errorf("records by key: %v", seen)
			}
			if l.CompactionDue(l.EndOffset(), compact, epoch0) {
				t.Error("due again with nothing dirty")
			}
			for i := range 20 {
				put(pair{"filler", fmt.Sprint(i)}, pair{"filler", "again"})
			}
			mustCompact(t, l, epoch0.Add(59*time.Minute))
			if !hasTombstone(contents(t, l)) {
				t.Error("the tombstone went before its horizon")
			}
			for i := range 20 {
				put(pair{"filler", fmt.Sprint(i)}, pair{"filler", "again"})
			}
			mustCompact(t, l, epoch0.Add(61*time.Minute))
			if hasTombstone(contents(t, l)) {
				t.Error("the tombstone outlived its horizon")
			}
		})
	}
}

func hasTombstone(records map[int64]pair) bool {
	for _, p := range records {
		if p.value == "" {
			return true
		}
	}
	return false
}

// TestCompactionLag leaves alone what is younger than min.compaction.lag.ms and
// takes what is older than max.compaction.lag.ms.
func TestCompactionLag(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	l := openLog(t, d, tiny)
	for i := range 40 {
		appendTo(t, l, pairs(record.None, -1, 0, epoch0.Add(time.Duration(i)*time.Minute), pair{"k", fmt.Sprint(i)}))
	}
	waitDurable(t, l)
	end := epoch0.Add(40 * time.Minute)
	young := storage.CompactionConfig{MinLag: time.Hour}
	if l.CompactionDue(l.EndOffset(), young, end) {
		t.Error("due before min.compaction.lag.ms")
	}
	if done, err := l.Compact(t.Context(), l.EndOffset(), young, end); err != nil || done.Segments != 0 {
		t.Errorf("compacted %+v, %v", done, err)
	}
	lazy := storage.CompactionConfig{DirtyRatio: 1, MaxLag: 41 * time.Minute}
	if l.CompactionDue(l.EndOffset(), lazy, end) {
		t.Error("due before max.compaction.lag.ms")
	}
	if lazy.MaxLag = 39 * time.Minute; !l.CompactionDue(l.EndOffset(), lazy, end) {
		t.Error("not due after max.compaction.lag.ms")
	}
}

// compactRun appends at random and compacts now and then.
type compactRun struct {
	rng      *rand.Rand
	l        *storage.Log
	appended map[int64]pair    // all that ever was, but for what was aborted
	sequence map[int64]int32   // next, by producer
	open     map[int64][]int64 // offsets of a producer's open transaction
	now      time.Time
}

func newCompactRun(seed int64, l *storage.Log) *compactRun {
	return &compactRun{rng: rand.New(rand.NewPCG(uint64(seed), 5)), l: l, appended: map[int64]pair{}, sequence: map[int64]int32{}, open: map[int64][]int64{}, now: epoch0}
}

func (c *compactRun) append(t *testing.T, n int) {
	t.Helper()
	for range n {
		list := make([]pair, 1+c.rng.IntN(4))
		for i := range list {
			list[i].key = fmt.Sprint("k", c.rng.IntN(12))
			if c.rng.IntN(5) > 0 {
				list[i].value = fmt.Sprint(c.rng.Uint32())
			}
		}
		producer := int64(1 + c.rng.IntN(5))
		c.now = c.now.Add(time.Minute)
		transactional := producer > 3
		if transactional && len(c.open[producer]) > 0 && c.rng.IntN(3) == 0 {
			c.end(t, producer, c.rng.IntN(2) == 0)
			continue
		}
		builder := record.NewBuilder(record.BuilderOptions{
			Codec: record.Codec(c.rng.IntN(5)), ProducerID: producer, BaseSequence: c.sequence[producer], Idempotent: true, Transactional: transactional,
		})
		for _, p := range list {
			p.add(builder, c.now)
		}
		c.sequence[producer] += int32(len(list))
		a := c.put(t, builder.Batch())
		for i, p := range list {
			at := a.BaseOffset + int64(i)
			c.appended[at] = p
			if transactional {
				c.open[producer] = append(c.open[producer], at)
			}
		}
	}
}

func (c *compactRun) put(t *testing.T, b record.Batch) storage.Appended {
	t.Helper()
	if b.Control() {
		a, err := c.l.Append(b, 1, epoch0, storage.Coordinator)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	v, _ := c.l.Verify(b.ProducerID(), 0)
	a, err := c.l.AppendVerified(b, 1, epoch0, v)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// end ends a producer's transaction; aborted records never were.
func (c *compactRun) end(t *testing.T, producer int64, commit bool) {
	t.Helper()
	c.put(t, record.MarkerBatch(producer, 0, record.Marker{Commit: commit}, c.now))
	if !commit {
		for _, at := range c.open[producer] {
			delete(c.appended, at)
		}
	}
	delete(c.open, producer)
}

// endAll leaves no transaction open.
func (c *compactRun) endAll(t *testing.T) {
	t.Helper()
	for _, producer := range []int64{4, 5} {
		if len(c.open[producer]) > 0 {
			c.end(t, producer, c.rng.IntN(2) == 0)
		}
	}
}

// check compares a log with all that was appended to it and not aborted, and is
// decided.
func (c *compactRun) check(t *testing.T, l *storage.Log) {
	t.Helper()
	want := make(map[int64]pair)
	for at, p := range c.appended {
		if at < l.StableOffset(l.EndOffset()) {
			want[at] = p
		}
	}
	got := contents(t, l)
	for at, p := range got {
		if want[at] != p {
			t.Fatalf("offset %d has %v, want %v", at, p, want[at])
		}
	}
	if !maps.Equal(latest(got), latest(want)) {
		t.Fatalf("latest values %v, want %v", latest(got), latest(want))
	}
}

// TestCompactRandom compacts a log again and again, with reopens in between: a
// reader never sees a changed record nor an old value, and producers go on with
// their next sequence.
func TestCompactRandom(t *testing.T) {
	for seed := range int64(20) {
		disk := vfs.NewMemory()
		d := openDir(t, disk, storage.DirOptions{})
		c := newCompactRun(seed, openLog(t, d, tiny))
		for range 6 {
			c.append(t, 1+c.rng.IntN(60))
			mustCompact(t, c.l, c.now)
			c.check(t, c.l)
			if c.rng.IntN(2) == 0 {
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
				d = openDir(t, disk, storage.DirOptions{})
				c.l = openLog(t, d, tiny)
				c.check(t, c.l)
			}
		}
		d.Close()
	}
}

// TestCompactPowerCuts cuts the power at every operation of a pass: whatever
// image is left opens with everything that was durable.
func TestCompactPowerCuts(t *testing.T) {
	images := 0
	for seed := range int64(2) {
		disk := vfs.NewMemory()
		var mu sync.Mutex // commits run beside a pass
		var cut func()    // guarded by mu
		at := func(do func()) {
			mu.Lock()
			defer mu.Unlock()
			cut = do
		}
		fsys := vfs.NewFaulty(disk, func(op vfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if cut != nil && op.Kind != "read" {
				cut()
			}
			return nil
		})
		d := openDir(t, fsys, storage.DirOptions{})
		c := newCompactRun(seed, openLog(t, d, tiny))
		for range 3 {
			c.append(t, 40)
			c.endAll(t)
			waitDurable(t, c.l)
			end := c.l.EndOffset()
			at(func() {
				if images++; testing.Short() && images%8 != 0 {
					return
				}
				again := openDir(t, disk.Crash(int64(images)), storage.DirOptions{})
				defer again.Close()
				l := openLog(t, again, tiny)
				if l.EndOffset() != end {
					t.Fatalf("image %d ends at %d, want %d", images, l.EndOffset(), end)
				}
				c.check(t, l)
			})
			mustCompact(t, c.l, c.now)
			at(nil)
			c.check(t, c.l)
		}
		d.Close()
	}
	t.Logf("%d images, nothing lost", images)
}

// TestCompactFaults fails every operation of a pass once: no record is lost and
// no old value comes back.
func TestCompactFaults(t *testing.T) {
	kinds := []string{"write", "sync", "syncdir", "open", "rename", "remove", "read"}
	for n := 1; ; n++ {
		disk := vfs.NewMemory()
		f := &fault{kinds: kinds, err: errors.New("injected"), n: 0}
		var on atomic.Bool // commits go on beside the pass
		d := openDir(t, vfs.NewFaulty(disk, func(op vfs.Op) error {
			if !on.Load() {
				return nil
			}
			return f.ask(op)
		}), storage.DirOptions{})
		c := newCompactRun(1, openLog(t, d, tiny))
		c.append(t, 40)
		c.endAll(t)
		waitDurable(t, c.l)
		end := c.l.EndOffset()
		f.n = n
		on.Store(true)
		_, err := c.l.Compact(t.Context(), c.l.StableOffset(end), compact, c.now)
		on.Store(false)
		hit, _ := f.result()
		if !hit && err != nil {
			t.Fatal(err)
		}
		d.Close()
		again := openDir(t, disk.Crash(int64(n)), storage.DirOptions{})
		l := openLog(t, again, tiny)
		if l.EndOffset() != end {
			t.Fatalf("fault %d: the log ends at %d, want %d", n, l.EndOffset(), end)
		}
		c.check(t, l)
		again.Close()
		if !hit {
			t.Logf("%d operations, each failed once", n-1)
			return
		}
	}
}

// TestCompactBesideRemovals lets retention and the removal of the log run in
// between: a pass gives way.
func TestCompactBesideRemovals(t *testing.T) {
	disk := vfs.NewMemory()
	var during func()
	fsys := vfs.NewFaulty(disk, func(op vfs.Op) error {
		if op.Kind == "sync" && during != nil {
			do := during
			during = nil
			do()
		}
		return nil
	})
	d := openDir(t, fsys, storage.DirOptions{})
	defer d.Close()
	c := newCompactRun(3, openLog(t, d, tiny))
	c.append(t, 60)
	c.endAll(t)
	waitDurable(t, c.l)
	during = func() {
		if err := c.l.DeleteBefore(c.l.EndOffset() - 10); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.l.Compact(t.Context(), c.l.StableOffset(c.l.EndOffset()), compact, c.now); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, c.l); len(got) == 0 {
		t.Error("nothing left")
	}
	if left := names(t, disk, "/data/t-0", ".cleaned"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	c.append(t, 60)
	c.endAll(t)
	waitDurable(t, c.l)
	during = func() {
		if err := d.Remove("t-0"); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.l.Compact(t.Context(), c.l.StableOffset(c.l.EndOffset()), compact, c.now); err == nil {
		t.Error("a pass over a removed log succeeded")
	}
	if left := d.Names(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestCompactStops ends a pass with its context.
func TestCompactStops(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	c := newCompactRun(4, openLog(t, d, tiny))
	c.append(t, 40)
	c.endAll(t)
	waitDurable(t, c.l)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.l.Compact(ctx, c.l.StableOffset(c.l.EndOffset()), compact, c.now); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	c.check(t, c.l)
}

// TestCompactMaxTimestamp looks for the latest record where compaction has left
// a batch without records that was later.
func TestCompactMaxTimestamp(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	l := openLog(t, d, tiny)
	appendTo(t, l, pairs(record.None, 1, 0, epoch0.Add(time.Hour), pair{"k", "latest, and replaced"}))
	for i := range int32(10) {
		appendTo(t, l, pairs(record.None, 2, i, epoch0.Add(time.Duration(i)*time.Second), pair{"k", "older"}))
	}
	mustCompact(t, l, epoch0)
	offset, ts, _, ok, err := l.MaxTimestamp(l.EndOffset())
	if offset != 10 || ts != epoch0.Add(9*time.Second).UnixMilli() || !ok || err != nil {
		t.Errorf("latest record at %d, %d, %v, %v", offset, ts, ok, err)
	}
}
