package storage_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

func TestAllocations(t *testing.T) {
	for _, tc := range []struct {
		name      string
		pageCache bool
		most      float64 // for each batch of 100 records, the commit's share included
	}{{"page cache", true, 0}, {"durable", false, 8}} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := storage.OpenDir(vfs.OS, t.TempDir(), storage.DirOptions{PageCache: tc.pageCache})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			l := openLog(t, d, storage.LogConfig{RetentionBytes: -1, RetentionAge: -1})
			b := batch(-1, 0, make([]uint64, 100)...)
			appendTo(t, l, b)
			if got := testing.AllocsPerRun(200, func() { appendTo(t, l, b) }); got > tc.most {
				t.Errorf("an append allocates %v times, want at most %v", got, tc.most)
			}
			if !tc.pageCache {
				return
			}
			if got := testing.AllocsPerRun(200, func() {
				if data, err := l.Read(9050, l.EndOffset(), 4*len(b)); err != nil || len(data) != 4*len(b) {
					t.Fatal(len(data), err)
				}
			}); got > 1 {
				t.Errorf("a read allocates %v times, want the result only", got)
			}
		})
	}
}

// TestIdleLogs opens many logs that nobody writes to: nothing comes on disk, and
// the memory for each is small.
func TestIdleLogs(t *testing.T) {
	const n = 2000
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	defer d.Close()
	logs := make([]*storage.Log, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range logs {
		logs[i] = openNamed(t, d, i, forever)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; each > 1024 {
		t.Errorf("an idle log takes %d bytes", each)
	}
	if got := d.Names(); len(got) != 0 {
		t.Errorf("%d logs are on disk before they were written to", len(got))
	}
	if data, err := logs[7].Read(0, 1, 100); len(data) != 0 || err != nil {
		t.Errorf("read of an empty log: %d bytes, %v", len(data), err)
	}
	if n, err := logs[7].Retain(1<<40, epoch0); n != 0 || err != nil {
		t.Errorf("retention of an empty log: %d, %v", n, err)
	}
	appendTo(t, logs[7], batch(-1, 0, 0))
	waitDurable(t, logs[7])
	if got := d.Names(); !slices.Equal(got, []string{"t-7"}) {
		t.Errorf("on disk are %v, want t-7", got)
	}
	runtime.KeepAlive(logs)
}

// TestReadersBesideTheWriter reads while segments come and go. Memory refuses
// what is done to a closed file.
func TestReadersBesideTheWriter(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	l := openLog(t, d, storage.LogConfig{SegmentBytes: 500, RetentionBytes: 2000, RetentionAge: -1, IndexIntervalBytes: 100})
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				from := max(l.StartOffset(), l.EndOffset()-10)
				data, err := l.Read(from, l.EndOffset(), 300)
				if err != nil && !errors.Is(err, kerr.OffsetOutOfRange) {
					t.Errorf("read at %d: %v", from, err)
					return
				}
				if b, _, err := record.Split(data); len(data) > 0 && (err != nil || b.Check() != nil || b.BaseOffset() != from) {
					t.Errorf("read at %d gives a batch at %d, %v", from, b.BaseOffset(), err)
					return
				}
				if _, _, _, _, err := l.LookupTimestamp(epoch0.UnixMilli()+from, l.EndOffset()); err != nil {
					t.Errorf("lookup: %v", err)
					return
				}
			}
		})
	}
	for i := range uint64(800) {
		appendTo(t, l, batch(5, int32(i), i))
		if i%20 == 0 {
			if _, err := l.Retain(1<<40, epoch0); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	readers.Wait()
	waitDurable(t, l)
}

// mounted is a directory that claims a file system of its own.
type mounted struct {
	vfs.FS
	mount string
}

func (m mounted) Mount(string) (*vfs.Mount, error) {
	return vfs.OS.(interface {
		Mount(string) (*vfs.Mount, error)
	}).Mount(m.mount)
}

// TestManyDirtyLogs commits groups of many logs at once, with and without a
// mount of their own.
func TestManyDirtyLogs(t *testing.T) {
	for _, tc := range []struct {
		name string
		fsys vfs.FS
	}{{"file by file", vfs.OS}, {"syncfs", mounted{vfs.OS, "/dev/shm"}}} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := os.Stat("/dev/shm"); errors.Is(err, fs.ErrNotExist) {
				t.Skip("there is no /dev/shm to be a mount")
			}
			root := t.TempDir()
			d, err := storage.OpenDir(tc.fsys, root, storage.DirOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var logs []*storage.Log
			for i := range 60 {
				logs = append(logs, openNamed(t, d, i, forever))
			}
			for i := range uint64(3) {
				for _, l := range logs {
					appendTo(t, l, batch(1, int32(i), i))
				}
			}
			for _, l := range logs {
				waitDurable(t, l)
			}
			d2, err := storage.OpenDir(tc.fsys, root, storage.DirOptions{}) // as after kill -9
			if err != nil {
				t.Fatal(err)
			}
			for i := range logs {
				if got := values(t, openNamed(t, d2, i, forever)); len(got) != 3 {
					t.Errorf("log %d has %d records, want 3", i, len(got))
				}
			}
			if err := errors.Join(d2.Close(), d.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAdoptsADirectoryOfKafka opens files whose first begins beyond 0, as Kafka
// leaves them after retention, without anything of Millrace's beside them.
func TestAdoptsADirectoryOfKafka(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	l := openLog(t, d, small)
	fill(t, l, 0, 9)
	if err := errors.Join(l.DeleteBefore(4), d.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"durable-offsets", "log-start-offset-checkpoint"} {
		if err := disk.Remove("/data/" + name); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // and it stays so
		d = openDir(t, disk, storage.DirOptions{})
		if got := values(t, openLog(t, d, small)); len(got) != 5 || got[4] != 4 || got[8] != 8 {
			t.Errorf("adopted: %v, want offsets 4 to 8", got)
		}
	}
}

func TestSegmentsRoll(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	defer d.Close()
	hourly := storage.LogConfig{SegmentAge: time.Hour, RetentionBytes: -1, RetentionAge: -1}
	l := openLog(t, d, hourly)
	segments := 0
	at := func(stamp, now time.Duration) int {
		t.Helper()
		b := record.NewBuilder(record.BuilderOptions{ProducerID: -1})
		ms := int64(-1)
		if stamp >= 0 {
			ms = epoch0.Add(stamp).UnixMilli()
		}
		b.Add(ms, nil, nil)
		if _, err := l.Append(b.Batch(), 1, epoch0.Add(now), storage.Client); err != nil {
			t.Fatal(err)
		}
		before := segments
		segments = len(names(t, disk, "/data/t-0", ".log"))
		return segments - before
	}
	const none = -1 // no timestamp
	for i, step := range []struct {
		stamp, now time.Duration
		rolls      int
	}{
		{0, 0, 1}, {time.Hour, 0, 0}, {time.Hour + time.Millisecond, 0, 1}, // by the records' time
		{time.Minute, 9 * time.Hour, 0}, // whatever the clock says
		{none, 9 * time.Hour, 0},
		{3 * time.Hour, 9 * time.Hour, 1},
		{9 * time.Hour, 9 * time.Hour, 1}, {none, 9 * time.Hour, 0},
	} {
		if got := at(step.stamp, step.now); got != step.rolls {
			t.Errorf("step %d: %d new segments, want %d", i, got, step.rolls)
		}
	}
	l.Configure(storage.LogConfig{SegmentBytes: 1, RetentionBytes: -1, RetentionAge: -1})
	at(none, 0) // begins a segment without timestamps
	l.Configure(hourly)
	if got := [...]int{at(time.Hour, time.Hour), at(time.Hour, time.Hour+time.Millisecond)}; got != [...]int{0, 1} {
		t.Errorf("by the clock: %v new segments, want 0 and 1", got)
	}
	jittery := hourly
	jittery.SegmentJitter = 24 * time.Hour // of which only the age itself counts
	l.Configure(jittery)
	at(3*time.Hour, 0) // the segment that this begins is cut short, if only by a little
	if got := at(4*time.Hour-time.Millisecond, 0); got != 1 {
		t.Errorf("with jitter: %d new segments before the hour, want 1", got)
	}
	l.Configure(storage.LogConfig{IndexBytes: 40, IndexIntervalBytes: 1, RetentionBytes: -1, RetentionAge: -1})
	rolled := 0
	for range 12 {
		rolled += at(0, 0)
	}
	if rolled != 2 {
		t.Errorf("with room for 5 entries of an index, 12 batches have made %d segments, want 2", rolled)
	}
	before := segments
	l.Configure(storage.LogConfig{SegmentBytes: 100, RetentionBytes: -1, RetentionAge: -1})
	if got := at(0, 0); got != 1 {
		t.Errorf("%d new segments with 100 bytes for each, want 1", got)
	}
	// A batch may claim as many offsets as it likes: relative offsets have 31 bits.
	l.Configure(storage.LogConfig{RetentionBytes: -1, RetentionAge: -1})
	for i := range 3 {
		b := batch(-1, 0, 0)
		copy(b[23:27], []byte{0x7f, 0xff, 0xff, 0x00}) // last offset delta, as compaction leaves it
		if _, err := l.Append(b, 1, epoch0, storage.Coordinator); err != nil {
			t.Fatal(err)
		}
		if got := len(names(t, disk, "/data/t-0", ".log")); got != before+1+i {
			t.Errorf("%d segments after %d wide batches, want %d", got, i+1, before+1+i)
		}
	}
}

func TestLeaderEpochs(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	l := openLog(t, d, small)
	for i, epoch := range []int32{2, 2, 5, 9} {
		if _, err := l.Append(batch(-1, 0, uint64(i)), epoch, epoch0, storage.Client); err != nil {
			t.Fatal(err)
		}
	}
	waitDurable(t, l)
	want := func(l *storage.Log) {
		t.Helper()
		for _, tc := range []struct {
			ask, epoch int32
			end        int64
		}{{-1, -1, -1}, {1, 1, 0}, {2, 2, 2}, {4, 2, 2}, {5, 5, 3}, {9, 9, 4}, {10, -1, -1}} {
			if epoch, end := l.EndOffsetForEpoch(tc.ask); epoch != tc.epoch || end != tc.end {
				t.Errorf("epoch %d: %d ends at %d, want %d at %d", tc.ask, epoch, end, tc.epoch, tc.end)
			}
		}
		if l.LatestEpoch() != 9 || l.EpochAt(2) != 5 {
			t.Errorf("latest epoch %d, at offset 2 %d", l.LatestEpoch(), l.EpochAt(2))
		}
	}
	want(l)
	d = openDir(t, disk, storage.DirOptions{})
	want(openLog(t, d, small))
	if err := disk.Remove("/data/t-0/leader-epoch-checkpoint"); err != nil {
		t.Fatal(err)
	}
	d = openDir(t, disk, storage.DirOptions{})
	want(openLog(t, d, small)) // made again from the batches
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(names(t, disk, "/data", "")); got != "[.kafka_cleanshutdown durable-offsets t-0]" {
		t.Errorf("files %s", got)
	}
}
