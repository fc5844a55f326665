package storage_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

var (
	topicID = [16]byte{1, 2, 3}
	forever = storage.LogConfig{SegmentBytes: 1 << 20, RetentionBytes: -1, RetentionAge: -1}
	epoch0  = time.UnixMilli(1_700_000_000_000)
)

func batch(producer int64, sequence int32, values ...uint64) record.Batch {
	b := record.NewBuilder(record.BuilderOptions{ProducerID: producer, BaseSequence: sequence, Idempotent: producer >= 0})
	for _, v := range values {
		b.Add(epoch0.UnixMilli()+int64(v), nil, binary.BigEndian.AppendUint64(nil, v))
	}
	return b.Batch()
}

func openDir(t *testing.T, fsys vfs.FS, o storage.DirOptions) *storage.Dir {
	t.Helper()
	d, err := storage.OpenDir(fsys, "/data", o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func openLog(t *testing.T, d *storage.Dir, c storage.LogConfig) *storage.Log {
	t.Helper()
	l, err := d.OpenLog("t-0", topicID, c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func appendTo(t *testing.T, l *storage.Log, b record.Batch) storage.Appended {
	t.Helper()
	a, err := l.Append(b, 1, epoch0, storage.Client)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// waitDurable waits until the log's end is durable.
func waitDurable(t *testing.T, l *storage.Log) {
	t.Helper()
	moved := make(chan struct{}, 1)
	l.OnDurable(func(int64) {
		select {
		case moved <- struct{}{}:
		default:
		}
	})
	for l.DurableOffset() < l.EndOffset() {
		select {
		case <-moved:
		case <-time.After(10 * time.Second):
			t.Fatalf("durable offset stays at %d of %d", l.DurableOffset(), l.EndOffset())
		}
	}
}

// values reads every record of a log by offset.
func values(t *testing.T, l *storage.Log) map[int64]uint64 {
	t.Helper()
	got := map[int64]uint64{}
	for from := l.StartOffset(); from < l.EndOffset(); {
		data, err := l.Read(from, l.EndOffset(), 700)
		if err != nil || len(data) == 0 {
			t.Fatalf("read at %d of %d: %d bytes, %v", from, l.EndOffset(), len(data), err)
		}
		for len(data) > 0 {
			var b record.Batch
			if b, data, err = record.Split(data); err != nil {
				t.Fatal(err)
			}
			if err := b.Check(); err != nil {
				t.Fatal(err)
			}
			from = b.LastOffset() + 1
			if err := b.Walk(0, func(r *record.Record) error {
				got[r.Offset] = binary.BigEndian.Uint64(r.Value)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return got
}

func TestAppendReadReopen(t *testing.T) {
	for _, tc := range []struct {
		name  string
		clean bool
	}{{"clean stop", true}, {"kill", false}} {
		t.Run(tc.name, func(t *testing.T) {
			disk := vfs.NewMemory()
			d := openDir(t, disk, storage.DirOptions{})
			l := openLog(t, d, storage.LogConfig{SegmentBytes: 600, RetentionBytes: -1, RetentionAge: -1, IndexIntervalBytes: 100})
			for i := range int32(40) {
				a := appendTo(t, l, batch(7, i*2, uint64(i)*2, uint64(i)*2+1))
				if a.BaseOffset != int64(i)*2 || a.LastOffset != int64(i)*2+1 {
					t.Fatalf("batch %d went to %+v", i, a)
				}
			}
			waitDurable(t, l)
			if tc.clean {
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
			}
			d = openDir(t, disk, storage.DirOptions{})
			defer d.Close()
			l = openLog(t, d, forever)
			got := values(t, l)
			if len(got) != 80 || got[0] != 0 || got[79] != 79 {
				t.Errorf("%d records, first %d, last %d; want 80, 0, 79", len(got), got[0], got[79])
			}
			for back := range int32(5) { // the window of five batches survives
				i := 39 - back
				if a := appendTo(t, l, batch(7, i*2, uint64(i)*2, uint64(i)*2+1)); !a.Duplicate || a.BaseOffset != int64(i)*2 {
					t.Errorf("retry of batch %d: %+v, want a duplicate at %d", i, a, i*2)
				}
			}
			if a := appendTo(t, l, batch(7, 80, 80)); a.BaseOffset != 80 {
				t.Errorf("next batch went to %d, want 80", a.BaseOffset)
			}
			if e, end := l.EndOffsetForEpoch(1); e != 1 || end != 81 {
				t.Errorf("epoch 1 ends at %d (epoch %d), want 81", end, e)
			}
			if off, _, _, ok, err := l.LookupTimestamp(epoch0.UnixMilli()+41, 81); off != 41 || !ok || err != nil {
				t.Errorf("first record not before +41 ms: %d %v %v", off, ok, err)
			}
			if off, ts, _, ok, err := l.MaxTimestamp(81); off != 80 || ts != epoch0.UnixMilli()+80 || !ok || err != nil {
				t.Errorf("latest record: %d at %d, %v %v", off, ts, ok, err)
			}
		})
	}
}

func TestProducerSequences(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	l := openLog(t, d, forever)
	withEpoch := func(b record.Batch, epoch int16) record.Batch {
		nb := record.NewBuilder(record.BuilderOptions{ProducerID: b.ProducerID(), ProducerEpoch: epoch, BaseSequence: b.BaseSequence(), Idempotent: true})
		nb.Add(epoch0.UnixMilli(), nil, nil)
		return nb.Batch()
	}
	for _, step := range []struct {
		name string
		b    record.Batch
		want error
		dup  bool
	}{
		{"an unknown producer begins anywhere", batch(1, 5, 0), nil, false},
		{"the next sequence", batch(1, 6, 0), nil, false},
		{"a retry", batch(1, 5, 0), nil, true},
		{"a gap", batch(1, 8, 0), kerr.OutOfOrderSequenceNumber, false},
		{"a new epoch begins at 0", withEpoch(batch(1, 3, 0), 1), kerr.OutOfOrderSequenceNumber, false},
		{"a new epoch", withEpoch(batch(1, 0, 0), 1), nil, false},
		{"the old epoch", batch(1, 7, 0), kerr.InvalidProducerEpoch, false},
		{"sequences go on at 0 after 2^31-1", batch(2, 2147483647, 0), nil, false},
		{"after the end", batch(2, 0, 0), nil, false},
	} {
		a, err := l.Append(step.b, 1, epoch0, storage.Client)
		if !errors.Is(err, step.want) || a.Duplicate != step.dup {
			t.Errorf("%s: %+v, %v; want %v, duplicate %v", step.name, a, err, step.want, step.dup)
		}
	}
}

func TestRetention(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	l := openLog(t, d, storage.LogConfig{SegmentBytes: 200, RetentionBytes: 500, RetentionAge: time.Hour})
	for i := range uint64(20) {
		appendTo(t, l, batch(-1, 0, i))
	}
	waitDurable(t, l)
	if n, err := l.Retain(1<<40, epoch0); err != nil || n == 0 || l.Size() < 500 {
		t.Errorf("by size: %d segments, %v, %d bytes left", n, err, l.Size())
	}
	if err := l.DeleteBefore(18); err != nil || l.StartOffset() != 18 {
		t.Errorf("delete before 18: start %d, %v", l.StartOffset(), err)
	}
	if err := l.DeleteBefore(99); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("delete beyond the end: %v", err)
	}
	d = openDir(t, disk.Crash(1), storage.DirOptions{})
	if l = openLog(t, d, forever); l.StartOffset() != 18 || l.EndOffset() != 20 {
		t.Errorf("after a power cut: %d to %d, want 18 to 20", l.StartOffset(), l.EndOffset())
	}
	l.Configure(storage.LogConfig{RetentionBytes: -1, RetentionAge: time.Hour})
	if n, err := l.Retain(1<<40, epoch0.Add(2*time.Hour)); err != nil || n == 0 || l.StartOffset() != 20 {
		t.Errorf("by age: %d segments, %v, start %d; want all gone", n, err, l.StartOffset())
	}
	if a := appendTo(t, l, batch(-1, 0, 20)); a.BaseOffset != 20 {
		t.Errorf("the offset after retention is %d, want 20", a.BaseOffset)
	}
	if err := d.Remove("t-0"); err != nil {
		t.Error(err)
	}
	if l = openLog(t, d, forever); l.EndOffset() != 0 {
		t.Errorf("a removed log has end %d", l.EndOffset())
	}
	d.Close()
}

// TestRetentionWithoutTimestamps goes by when the segments were last written to,
// also when they were compacted since and the log was opened again.
func TestRetentionWithoutTimestamps(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	config := storage.LogConfig{SegmentBytes: 200, RetentionBytes: -1, RetentionAge: time.Hour}
	l := openLog(t, d, config)
	for range 10 {
		b := record.NewBuilder(record.BuilderOptions{ProducerID: -1})
		b.Add(-1, []byte("key"), []byte("value"))
		appendTo(t, l, b.Batch())
	}
	waitDurable(t, l)
	written := time.Now()
	if _, err := l.Compact(t.Context(), 10, storage.CompactionConfig{}, written); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := l.Retain(10, written.Add(time.Hour-time.Minute)); n > 0 || err != nil {
			t.Errorf("within the hour: %d segments removed, %v", n, err)
		}
		d.Close()
		d = openDir(t, disk, storage.DirOptions{})
		l = openLog(t, d, config)
	}
	defer d.Close()
	if n, err := l.Retain(9, written.Add(time.Hour+time.Minute)); l.StartOffset() > 9 || err != nil {
		t.Errorf("not all committed: %d segments removed, start %d, %v", n, l.StartOffset(), err)
	}
	if n, err := l.Retain(10, written.Add(time.Hour+time.Minute)); l.StartOffset() != 10 || err != nil {
		t.Errorf("after the hour: %d segments removed, start %d, %v", n, l.StartOffset(), err)
	}
}

func TestDamageBelowTheFloorIsNotCut(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	l := openLog(t, d, forever)
	for i := range uint64(10) {
		appendTo(t, l, batch(-1, 0, i))
		waitDurable(t, l)
	}
	f, err := disk.OpenFile("/data/t-0/00000000000000000000.log", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0x55}, 200); err != nil {
		t.Fatal(err)
	}
	d = openDir(t, disk, storage.DirOptions{}) // as after kill -9: no clean stop
	if _, err := d.OpenLog("t-0", topicID, forever); err == nil || d.Err() == nil {
		t.Errorf("a damaged durable record was accepted: %v", err)
	} else {
		t.Log(err)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 16 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			d, err := storage.OpenDir(vfs.OS, b.TempDir(), storage.DirOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			l, err := d.OpenLog("t-0", topicID, storage.LogConfig{RetentionBytes: -1, RetentionAge: -1})
			if err != nil {
				b.Fatal(err)
			}
			bld := record.NewBuilder(record.BuilderOptions{ProducerID: -1})
			bld.Add(epoch0.UnixMilli(), nil, make([]byte, size))
			one := bld.Batch()
			b.SetBytes(int64(len(one)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Append(one, 1, epoch0, storage.Coordinator); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
