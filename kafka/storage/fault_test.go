package storage_test

import (
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

// fault fails the n-th operation of the kinds it knows, and counts what is
// still written and synced after that.
type fault struct {
	mu    sync.Mutex
	kinds []string
	err   error
	n     int
	seen  int // guarded by mu
	after int // guarded by mu
}

func (f *fault) ask(op vfs.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen >= f.n && (op.Kind == "write" || op.Kind == "sync" || op.Kind == "syncdir") {
		f.after++
	}
	for _, k := range f.kinds {
		if k == op.Kind {
			if f.seen++; f.seen == f.n {
				return f.err
			}
		}
	}
	return nil
}

func (f *fault) result() (hit bool, after int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen >= f.n, f.after
}

// TestEveryFault fails the n-th operation for n = 1, 2, 3 … until a run passes
// clean. No record that was called durable may be missing after a power cut
// then; and after a failed write or sync the directory must have failed, with
// nothing written or synced again.
func TestEveryFault(t *testing.T) {
	broken := errors.New("injected")
	for _, tc := range []struct {
		name  string
		kinds []string
		err   error
		final bool // the directory must fail at once
	}{
		{"write", []string{"write"}, broken, true},
		{"short write", []string{"write"}, io.ErrShortWrite, true},
		{"sync", []string{"sync", "syncdir"}, broken, true},
		{"names", []string{"open", "mkdir", "rename", "remove", "truncate"}, broken, false},
		{"read", []string{"read"}, broken, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for n := 1; n < 2000; n++ {
				disk := vfs.NewMemory()
				f := &fault{kinds: tc.kinds, err: tc.err, n: n}
				durable, start, failed := runToFault(t, vfs.NewFaulty(disk, f.ask))
				hit, after := f.result()
				if tc.final && hit && (!failed || after > 0) {
					t.Fatalf("fault %d: failed %v, and %d writes and syncs after it", n, failed, after)
				}
				d := openDir(t, disk.Crash(int64(n)), storage.DirOptions{})
				l := openLog(t, d, forever)
				if got := values(t, l); l.EndOffset() < durable || int64(len(got)) != l.EndOffset()-l.StartOffset() || l.StartOffset() > start {
					t.Fatalf("fault %d: %d records in [%d, %d), want the end at %d or beyond, the start at %d or before",
						n, len(got), l.StartOffset(), l.EndOffset(), durable, start)
				}
				d.Close()
				if !hit {
					t.Logf("%d operations, each failed once", n-1)
					return
				}
			}
			t.Error("the run never came to its end")
		})
	}
}

// runToFault does a bit of everything until something fails: appends over
// several segments, a deletion, a clean stop and a start.
func runToFault(t *testing.T, fsys vfs.FS) (durable, start int64, failed bool) {
	t.Helper()
	for round := range uint64(2) {
		moved := make(chan struct{}, 1)
		wake := func() {
			select {
			case moved <- struct{}{}:
			default:
			}
		}
		d, err := storage.OpenDir(fsys, "/data", storage.DirOptions{OnFail: func(error) { wake() }})
		if err != nil {
			return durable, start, true
		}
		l, err := d.OpenLog("t-0", topicID, storage.LogConfig{SegmentBytes: 300, RetentionBytes: -1, RetentionAge: -1})
		if err != nil {
			d.Close()
			return durable, start, true
		}
		l.OnDurable(func(int64) { wake() })
		err = appendAndDelete(l, d, round*10, moved)
		durable, start = max(durable, l.DurableOffset()), max(start, l.StartOffset())
		if d.Err() != nil {
			if _, err := l.Append(batch(-1, 0, 99), 1, epoch0, storage.Client); !errors.Is(err, kerr.KafkaStorageError) {
				t.Errorf("append to a failed directory: %v", err)
			}
		}
		if closeErr := d.Close(); err != nil || closeErr != nil {
			return durable, start, true
		}
	}
	return durable, start, false
}

func appendAndDelete(l *storage.Log, d *storage.Dir, from uint64, moved <-chan struct{}) error {
	for i := from; i < from+10; i++ {
		a, err := l.Append(batch(-1, 0, i), int32(i/5), epoch0, storage.Client)
		if err != nil {
			return err
		}
		for l.DurableOffset() <= a.LastOffset && d.Err() == nil {
			<-moved
		}
		if d.Err() != nil {
			return d.Err()
		}
	}
	return l.DeleteBefore(int64(from) + 4)
}
