// Package logtest says what a statemachine.Log must do, as a test that every
// implementation calls: statemachine.MemoryLog and partition.StateLog, and any
// that somebody else writes. It is used by tests only.
package logtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/millrace/millrace/kafka/statemachine"
)

// Run checks a log. newLog returns an empty log and reopen, which opens what
// was committed to it again, as after a clean stop; reopen may be nil for logs
// that do not outlive their process, and then the same log is replayed.
func Run(t *testing.T, newLog func(t *testing.T) (log statemachine.Log, reopen func() statemachine.Log)) {
	for _, tc := range []struct {
		name string
		run  func(*testing.T, statemachine.Log, func() statemachine.Log)
	}{
		{"an empty log replays nothing", empty},
		{"records come back in order with their times", order},
		{"ends grow and committed ends are waited for at once", ends},
		{"null, empty and large values survive", values},
		{"the log keeps copies", copies},
		{"a replay ends with the first error", replayError},
		{"transactions and their markers come back in order", transactions},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log, reopen := newLog(t)
			if reopen == nil {
				reopen = func() statemachine.Log { return log }
			}
			tc.run(t, log, reopen)
		})
	}
}

// logged is a record as a replay shows it.
type logged struct {
	statemachine.Record
	At int64 // Unix milliseconds
}

func replay(t *testing.T, log statemachine.Log) []logged {
	t.Helper()
	var out []logged
	err := log.Replay(func(r statemachine.Record, at time.Time) error {
		copied := statemachine.Record{Key: clone(r.Key), Value: clone(r.Value), Transaction: r.Transaction} // r may alias a buffer
		out = append(out, logged{copied, at.UnixMilli()})
		return nil
	})
	if err != nil {
		t.Fatalf("replay: %v", err)
	}
	return out
}

// clone keeps the difference of nil and empty, which is that of a tombstone
// and an empty value.
func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

func commit(t *testing.T, log statemachine.Log, at time.Time, records ...statemachine.Record) int64 {
	t.Helper()
	end, err := log.Append(records, at)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := log.Wait(ctx, end); err != nil {
		t.Fatalf("wait for the commit of %d: %v", end, err)
	}
	return end
}

func rec(key, value string) statemachine.Record {
	return statemachine.Record{Key: []byte(key), Value: []byte(value)}
}

func empty(t *testing.T, log statemachine.Log, reopen func() statemachine.Log) {
	if got := replay(t, log); len(got) != 0 {
		t.Errorf("a new log replays %v", got)
	}
	if got := replay(t, reopen()); len(got) != 0 {
		t.Errorf("a reopened empty log replays %v", got)
	}
}

func order(t *testing.T, log statemachine.Log, reopen func() statemachine.Log) {
	var want []logged
	began := time.UnixMilli(1_700_000_000_000)
	for n := range 50 {
		at := began.Add(time.Duration(n) * time.Millisecond)
		a, b := rec(fmt.Sprint("a", n), "1"), rec(fmt.Sprint("b", n), "2")
		commit(t, log, at, a, b)
		want = append(want, logged{a, at.UnixMilli()}, logged{b, at.UnixMilli()})
	}
	if got := replay(t, log); !reflect.DeepEqual(got, want) {
		t.Errorf("replayed %d records, want %d in the order of their appends", len(got), len(want))
	}
	log = reopen()
	commit(t, log, began, rec("last", "3"))
	want = append(want, logged{rec("last", "3"), began.UnixMilli()})
	if got := replay(t, reopen()); !reflect.DeepEqual(got, want) {
		t.Errorf("after reopening and one more: %d records, want %d", len(got), len(want))
	}
}

func ends(t *testing.T, log statemachine.Log, _ func() statemachine.Log) {
	first := commit(t, log, time.UnixMilli(1), rec("a", "1"))
	second := commit(t, log, time.UnixMilli(2), rec("b", "2"), rec("c", "3"))
	if first <= 0 || second <= first {
		t.Errorf("ends %d, %d: the machine needs them above zero and growing", first, second)
	}
	if err := log.Wait(t.Context(), first); err != nil {
		t.Errorf("wait for what is committed already: %v", err)
	}
}

func values(t *testing.T, log statemachine.Log, reopen func() statemachine.Log) {
	records := []statemachine.Record{
		{Key: []byte("tombstone")},
		{Key: []byte("empty"), Value: []byte{}},
		{Key: []byte("large"), Value: make([]byte, 300_000)},
	}
	commit(t, log, time.UnixMilli(1), records...)
	got := replay(t, reopen())
	if len(got) != len(records) {
		t.Fatalf("replayed %d records, want %d", len(got), len(records))
	}
	for i, r := range records {
		if (got[i].Value == nil) != (r.Value == nil) || len(got[i].Value) != len(r.Value) {
			t.Errorf("%s: value of %d bytes (nil: %v), want %d (nil: %v)", r.Key, len(got[i].Value), got[i].Value == nil, len(r.Value), r.Value == nil)
		}
	}
}

func copies(t *testing.T, log statemachine.Log, _ func() statemachine.Log) {
	key, value := []byte("key"), []byte("value")
	commit(t, log, time.UnixMilli(1), statemachine.Record{Key: key, Value: value})
	copy(key, "xxx")
	copy(value, "yyyyy")
	if got := replay(t, log); len(got) != 1 || string(got[0].Key) != "key" || string(got[0].Value) != "value" {
		t.Errorf("the caller's bytes changed the log: %v", got)
	}
}

func replayError(t *testing.T, log statemachine.Log, _ func() statemachine.Log) {
	commit(t, log, time.UnixMilli(1), rec("a", "1"), rec("b", "2"))
	refused, calls := errors.New("refused"), 0
	err := log.Replay(func(statemachine.Record, time.Time) error {
		calls++
		return refused
	})
	if !errors.Is(err, refused) || calls != 1 {
		t.Errorf("replay gave %v after %d calls, want the callback's error after one", err, calls)
	}
}

func transactions(t *testing.T, log statemachine.Log, reopen func() statemachine.Log) {
	of := func(r statemachine.Record, producerID int64, epoch int16) statemachine.Record {
		r.Transaction = &statemachine.Transaction{ProducerID: producerID, Epoch: epoch}
		return r
	}
	marker := func(producerID int64, epoch int16, commit bool) statemachine.Record {
		return statemachine.Record{Transaction: &statemachine.Transaction{
			ProducerID: producerID, Epoch: epoch,
			Marker: &statemachine.Marker{Commit: commit, CoordinatorEpoch: 3},
		}}
	}
	records := []statemachine.Record{
		rec("plain", "1"),
		of(rec("a", "1"), 7, 0), of(rec("b", "2"), 7, 0), of(rec("c", "3"), 8, 4),
		rec("between", "2"),
		marker(7, 1, true), marker(8, 4, false),
		of(rec("d", "4"), 7, 1),
	}
	var want []logged
	at := time.UnixMilli(1_700_000_000_000)
	commit(t, log, at, records...)
	for _, r := range records {
		want = append(want, logged{r, at.UnixMilli()})
	}
	later := marker(7, 2, false)
	commit(t, log, at.Add(time.Second), later)
	want = append(want, logged{later, at.Add(time.Second).UnixMilli()})
	if got := replay(t, log); !reflect.DeepEqual(got, want) {
		t.Errorf("replayed %+v, want %+v", got, want)
	}
	log = reopen()
	commit(t, log, at, rec("last", "5"))
	want = append(want, logged{rec("last", "5"), at.UnixMilli()})
	if got := replay(t, reopen()); !reflect.DeepEqual(got, want) {
		t.Errorf("reopened: replayed %+v, want %+v", got, want)
	}
}
