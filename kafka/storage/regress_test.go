package storage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

// small makes a segment of about two batches.
var small = storage.LogConfig{SegmentBytes: 200, RetentionBytes: -1, RetentionAge: -1}

// fill appends numbered records from one to the other and waits until they are
// durable.
func fill(t *testing.T, l *storage.Log, from, to uint64) {
	t.Helper()
	for i := from; i < to; i++ {
		appendTo(t, l, batch(-1, 0, i))
	}
	waitDurable(t, l)
}

func TestReadOfAClosedLogEnds(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	l := openLog(t, d, small)
	fill(t, l, 0, 3)
	if err := d.Remove("t-0"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := l.Read(0, 3, 100); done <- err }()
	select {
	case err := <-done:
		if !errors.Is(err, kerr.KafkaStorageError) {
			t.Errorf("read of a removed log: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("read of a removed log never returns")
	}
}

// TestANewLogInheritsNothing deletes a log whose start had moved and makes one
// of the same name and id: neither its start nor its floor may come back.
func TestANewLogInheritsNothing(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	l := openLog(t, d, small)
	fill(t, l, 0, 20)
	if err := l.DeleteBefore(18); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove("t-0"); err != nil {
		t.Fatal(err)
	}
	fill(t, openLog(t, d, small), 0, 10)
	d = openDir(t, disk, storage.DirOptions{}) // as after kill -9
	defer d.Close()
	l = openLog(t, d, small)
	if got := values(t, l); l.StartOffset() != 0 || len(got) != 10 {
		t.Errorf("the new log has %d records from offset %d, want 10 from 0", len(got), l.StartOffset())
	}
}

// TestACleanStopVouchesOnlyForWhatWasOpen leaves a log with a torn tail closed
// over a clean stop: the marker must not call it clean.
func TestACleanStopVouchesOnlyForWhatWasOpen(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	fill(t, openLog(t, d, forever), 0, 5)
	damageTail(t, disk, "/data/t-0/00000000000000000000.log")
	d = openDir(t, disk, storage.DirOptions{})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = openDir(t, disk, storage.DirOptions{})
	defer d.Close()
	if got := values(t, openLog(t, d, forever)); len(got) != 5 {
		t.Errorf("%d records, want 5", len(got))
	}
}

// TestNothingIsDeletedWhenDurableRecordsAreMissing shortens a segment below the
// floor: the segments after it must stay for the operator.
func TestNothingIsDeletedWhenDurableRecordsAreMissing(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	l := openLog(t, d, small)
	for i := range uint64(5) {
		fill(t, l, i, i+1)
	}
	before := len(names(t, disk, "/data/t-0", ".log"))
	truncate(t, disk, "/data/t-0/00000000000000000002.log", 0)
	d = openDir(t, disk, storage.DirOptions{})
	defer d.Close()
	if _, err := d.OpenLog("t-0", topicID, small); err == nil {
		t.Error("missing durable records were accepted")
	}
	if after := len(names(t, disk, "/data/t-0", ".log")); after != before {
		t.Errorf("%d segments of %d are left", after, before)
	}
}

// TestUnreadableIsNotTorn makes the disk fail a read during recovery: that is
// no reason to cut the tail.
func TestUnreadableIsNotTorn(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	l := openLog(t, d, forever)
	fill(t, l, 0, 5)
	size := l.Size()
	broken := vfs.NewFaulty(disk, func(op vfs.Op) error {
		if op.Kind == "read" && len(op.Name) > 4 && op.Name[len(op.Name)-4:] == ".log" {
			return errors.New("injected: the disk cannot read")
		}
		return nil
	})
	bad, err := storage.OpenDir(broken, "/data", storage.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bad.OpenLog("t-0", topicID, forever); err == nil || bad.Err() == nil {
		t.Errorf("the log opened though it cannot be read: %v", err)
	}
	if st, err := disk.Stat("/data/t-0/00000000000000000000.log"); err != nil || st.Size() != size {
		t.Errorf("the file has %d bytes of %d, %v", st.Size(), size, err)
	}
}

// TestTornTimeIndex loses the content, not the size, of index files that a roll
// wrote: neither lookups nor retention may believe them.
func TestTornTimeIndex(t *testing.T) {
	disk := vfs.NewMemory()
	d := openDir(t, disk, storage.DirOptions{})
	l := openLog(t, d, small)
	for i := range uint64(8) {
		fill(t, l, i, i+1)
	}
	for seed := range int64(40) {
		d := openDir(t, disk.Crash(seed), storage.DirOptions{})
		l := openLog(t, d, storage.LogConfig{SegmentBytes: 200, RetentionBytes: -1, RetentionAge: time.Hour})
		if n, err := l.Retain(1<<40, epoch0); n > 0 || err != nil {
			t.Fatalf("seed %d: %d fresh segments removed as expired, %v", seed, n, err)
		}
		for i := range int64(8) {
			if off, _, _, ok, err := l.LookupTimestamp(epoch0.UnixMilli()+i, 8); off != i || !ok || err != nil {
				t.Fatalf("seed %d: lookup of %d gives %d, %v, %v", seed, i, off, ok, err)
			}
		}
		d.Close()
	}
}

// TestMaxTimestampBelow has its latest record beyond what may be seen.
func TestMaxTimestampBelow(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	l := openLog(t, d, forever)
	for _, v := range []uint64{3, 9, 4, 50} {
		appendTo(t, l, batch(-1, 0, v))
	}
	for _, tc := range []struct{ below, offset, ts int64 }{{4, 3, 50}, {3, 1, 9}, {1, 0, 3}} {
		off, ts, _, ok, err := l.MaxTimestamp(tc.below)
		if off != tc.offset || ts != epoch0.UnixMilli()+tc.ts || !ok || err != nil {
			t.Errorf("below %d: offset %d at +%d, %v, %v; want %d at +%d", tc.below, off, ts-epoch0.UnixMilli(), ok, err, tc.offset, tc.ts)
		}
	}
	if _, _, _, ok, err := l.MaxTimestamp(0); ok || err != nil {
		t.Errorf("below 0: found, %v", err)
	}
}

// TestMaxTimestampWithoutTimes finds the first of records that have none.
func TestMaxTimestampWithoutTimes(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	l := openLog(t, d, forever)
	if _, _, _, ok, err := l.MaxTimestamp(0); ok || err != nil {
		t.Errorf("of an empty log: found, %v", err)
	}
	for range 2 {
		b := record.NewBuilder(record.BuilderOptions{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
		b.Add(-1, nil, []byte("v"))
		appendTo(t, l, b.Batch())
	}
	if off, ts, _, ok, err := l.MaxTimestamp(2); off != 0 || ts != -1 || !ok || err != nil {
		t.Errorf("offset %d at %d, %t, %v", off, ts, ok, err)
	}
}

func TestCoordinatorsEpochIsChecked(t *testing.T) {
	d := openDir(t, vfs.NewMemory(), storage.DirOptions{})
	defer d.Close()
	l := openLog(t, d, forever)
	appendTo(t, l, producerBatch(1, 4, 0))
	if _, err := l.Append(producerBatch(1, 3, 0), 1, epoch0, storage.Coordinator); !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("an old epoch from a coordinator: %v", err)
	}
	if a, err := l.Append(producerBatch(1, 4, 77), 1, epoch0, storage.Coordinator); err != nil || a.Duplicate {
		t.Errorf("a coordinator's sequence was checked: %+v, %v", a, err)
	}
}

// TestDeleteBeforeStaysBelowWhatIsDurable keeps syncs from finishing: a start
// offset beyond the durable end would hide records after a power cut.
func TestDeleteBeforeStaysBelowWhatIsDurable(t *testing.T) {
	hold := make(chan struct{})
	disk := vfs.NewFaulty(vfs.NewMemory(), func(op vfs.Op) error {
		if op.Kind == "sync" && op.Name == "/data/t-0/00000000000000000000.log" {
			<-hold
		}
		return nil
	})
	d := openDir(t, disk, storage.DirOptions{})
	l := openLog(t, d, forever)
	appendTo(t, l, batch(-1, 0, 0))
	if err := l.DeleteBefore(1); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("delete of what is not durable: %v", err)
	}
	close(hold)
	waitDurable(t, l)
	if err := errors.Join(l.DeleteBefore(1), d.Close(), d.Close()); err != nil {
		t.Error(err)
	}
}
