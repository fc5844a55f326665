package storage_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

// TestSnapshotInTheMiddleOfASegment leaves a start nothing but the snapshot of a
// clean stop, whose segment has aborted transactions on both sides of it.
func TestSnapshotInTheMiddleOfASegment(t *testing.T) {
	s := newStory(t, 3, 150<<10)
	s.c.SegmentBytes = 4 << 20
	s.log.Configure(s.c)
	for range 50 {
		s.append(t)
	}
	stop := fmt.Sprintf("%020d.snapshot", s.log.EndOffset())
	if err := s.dir.Close(); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	for range 100 {
		s.append(t)
	}
	if err := s.dir.Close(); err != nil {
		t.Fatal(err)
	}
	files := names(t, s.disk, "/data/t-0", ".snapshot")
	if !slices.Contains(files, stop) {
		t.Fatalf("the snapshot of the first stop is gone: %v", files)
	}
	for _, name := range files {
		if name != stop {
			damageTail(t, s.disk, "/data/t-0/"+name)
		}
	}
	s.open(t)
	defer s.dir.Close()
	if err := s.check(); err != nil {
		t.Error(err)
	}
}

// TestDeletionKeepsTheSnapshot: the state at the new beginning is durable before
// the records that it came from go.
func TestDeletionKeepsTheSnapshot(t *testing.T) {
	var mu sync.Mutex
	var ops []string // guarded by mu
	disk := vfs.NewMemory()
	d := openDir(t, vfs.NewFaulty(disk, func(op vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		ops = append(ops, op.Kind+" "+op.Name)
		return nil
	}), storage.DirOptions{})
	defer d.Close()
	l := openLog(t, d, small)
	fill(t, l, 0, 10)
	mu.Lock()
	ops = nil
	mu.Unlock()
	if err := l.DeleteBefore(5); err != nil {
		t.Fatal(err)
	}
	first := strings.TrimSuffix(names(t, disk, "/data/t-0", ".log")[0], ".log")
	mu.Lock()
	defer mu.Unlock()
	find := func(kind, suffix string) int {
		return slices.IndexFunc(ops, func(op string) bool { return strings.HasPrefix(op, kind+" ") && strings.HasSuffix(op, suffix) })
	}
	synced, named, removed := find("sync", first+".snapshot"), find("syncdir", "t-0"), find("remove", ".log")
	if synced < 0 || named < synced || removed < named {
		t.Errorf("synced at %d, its name at %d, records removed at %d of %v", synced, named, removed, ops)
	}
}

// stale is an index with one entry, of a transaction that is not in the log.
func stale() []byte {
	var b bytes.Buffer
	for _, v := range []any{int16(0), int64(9), int64(0), int64(1), int64(2)} {
		_ = binary.Write(&b, binary.BigEndian, v)
	}
	return b.Bytes()
}

// TestStaleTxnIndex finds an index that an earlier end of the log has left: it
// must not hide committed records, neither of a segment that is closed later nor
// of one that a start reads again.
func TestStaleTxnIndex(t *testing.T) {
	const name = "/data/t-0/00000000000000000000.txnindex"
	disk := vfs.NewMemory()
	put(t, disk, name, stale())
	d := openDir(t, disk, storage.DirOptions{})
	l := openLog(t, d, small)
	check := func(when string) {
		t.Helper()
		if got, err := l.Aborted(0, l.EndOffset()); len(got) > 0 || err != nil {
			t.Errorf("%s: %v are aborted, %v", when, got, err)
		}
		if left := names(t, disk, "/data/t-0", ".txnindex"); len(left) > 0 {
			t.Errorf("%s: %v is left", when, left)
		}
	}
	fill(t, l, 0, 9)
	check("closed")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{".kafka_cleanshutdown", "durable-offsets"} {
		if err := disk.Remove("/data/" + gone); err != nil {
			t.Fatal(err)
		}
	}
	put(t, disk, name, stale())
	d = openDir(t, disk, storage.DirOptions{})
	defer d.Close()
	l = openLog(t, d, small)
	check("read again")
}
