package trail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/vfs"
)

const dir = "/audit"

func start(t *testing.T, fsys vfs.FS) *Trail {
	t.Helper()
	if err := vfs.MakeDirs(fsys, dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := audit.Open(fsys, dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return Start(Config{Writer: w})
}

// names counts the records of a log by event name; digests are "".
func names(t *testing.T, fsys vfs.FS) (map[string]int, audit.Report, string) {
	t.Helper()
	out, last := map[string]int{}, ""
	r, err := audit.Verify(fsys, dir, audit.Options{Each: func(line []byte) error {
		var e struct{ EventName string }
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		out[e.EventName]++
		if bytes.Contains(line, []byte("suppressed")) {
			last = string(line)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out, r, last
}

// TestAnsweredIsOnDisk: whoever was told that his event is recorded finds it in
// every image that a power cut leaves.
func TestAnsweredIsOnDisk(t *testing.T) {
	fsys := vfs.NewMemory()
	trail := start(t, fsys)
	var callers sync.WaitGroup
	var answered atomic.Int64
	for c := range 8 {
		callers.Go(func() {
			for i := range 50 {
				if err := trail.Commit(t.Context(), audit.Event{Name: fmt.Sprintf("Create%d-%d", c, i)}); err != nil {
					t.Error(err)
				}
				answered.Add(1)
			}
		})
	}
	done := make(chan struct{})
	go func() { callers.Wait(); close(done) }()
	for seed := int64(0); ; seed++ {
		before := answered.Load()
		image := fsys.Crash(seed)
		if got, _, _ := names(t, image); int64(len(got)) < before {
			t.Fatalf("%d of %d answered events are there", len(got), before)
		}
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	if err := trail.Close(); err != nil {
		t.Fatal(err)
	}
	if got, r, _ := names(t, fsys); len(got)-1 != 400 || r.Digests != 1 {
		t.Errorf("%d events, %+v", len(got), r)
	}
	if err := trail.Commit(t.Context(), audit.Event{}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestRefusedRequestsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := vfs.NewMemory()
		trail := start(t, fsys)
		for range 5000 {
			trail.Refused(audit.Event{Source: "kafka.amazonaws.com", Name: "Produce"})
			synctest.Wait()
		}
		time.Sleep(time.Minute) // of the bubble: the burst comes back
		trail.Refused(audit.Event{Source: "kafka.amazonaws.com", Name: "Later"})
		synctest.Wait()
		if err := trail.Close(); err != nil {
			t.Fatal(err)
		}
		got, _, counted := names(t, fsys)
		if got["Produce"] != refusedBurst || got["Later"] != 1 || !bytes.Contains([]byte(counted), []byte(`"kafka.amazonaws.com Produce":4800`)) {
			t.Errorf("%v, %s", got, counted)
		}
	})
}

func TestDigestsEachHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := vfs.NewMemory()
		trail := start(t, fsys)
		for range 3 {
			if err := trail.Commit(t.Context(), audit.Event{Name: "Create"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Hour) // of the bubble: the second digest has nothing to sign
		}
		if err := trail.Close(); err != nil {
			t.Fatal(err)
		}
		if got, r, _ := names(t, fsys); r.Digests != 3 || got["Create"] != 3 {
			t.Errorf("%v, %+v", got, r)
		}
	})
}

// TestAFailedDiskIsSaid: after a failed sync nobody is told that his event is
// recorded.
func TestAFailedDiskIsSaid(t *testing.T) {
	var fail atomic.Bool
	fsys := vfs.NewFaulty(vfs.NewMemory(), func(op vfs.Op) error {
		if fail.Load() && op.Kind == "sync" {
			return errors.New("no sync")
		}
		return nil
	})
	trail := start(t, fsys)
	if err := trail.Commit(t.Context(), audit.Event{Name: "Create"}); err != nil {
		t.Fatal(err)
	}
	fail.Store(true)
	if err := trail.Commit(t.Context(), audit.Event{Name: "Delete"}); err == nil {
		t.Error("recorded by a disk that does not sync")
	}
	fail.Store(false)
	if err := trail.Commit(t.Context(), audit.Event{Name: "Delete"}); err == nil {
		t.Error("recorded after a failed sync")
	}
	if trail.Close() == nil || trail.Err() == nil {
		t.Error("the failure is forgotten")
	}
}
