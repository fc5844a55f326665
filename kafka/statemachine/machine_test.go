package statemachine_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/kafka/statemachine"
	"github.com/millrace/millrace/kafka/statemachine/logtest"
)

func TestMemoryLog(t *testing.T) {
	logtest.Run(t, func(*testing.T) (statemachine.Log, func() statemachine.Log) { return statemachine.NewMemoryLog(), nil })
}

// counter is a core that adds, parks callers until a total is reached, and
// adds one by itself at its deadline.
type counter struct {
	total    int
	parked   map[int][]statemachine.Ticket
	deadline time.Time
	loadedAt int
}

type add int
type waitFor int
type tickAt time.Time

func (c *counter) Decide(_ time.Time, t statemachine.Ticket, req any) statemachine.Decision {
	switch r := req.(type) {
	case add:
		d := c.grow(int(r))
		d.Replies = append(d.Replies, statemachine.Reply{To: t, Value: c.total + int(r)})
		return d
	case waitFor:
		if c.parked == nil {
			c.parked = map[int][]statemachine.Ticket{}
		}
		c.parked[int(r)] = append(c.parked[int(r)], t)
		return statemachine.Decision{}
	case tickAt:
		c.deadline = time.Time(r)
		return statemachine.Decision{Replies: []statemachine.Reply{{To: t}}}
	}
	return statemachine.Decision{Replies: []statemachine.Reply{{To: t, Value: errors.New("unknown request")}}}
}

func (c *counter) grow(n int) statemachine.Decision {
	d := statemachine.Decision{Records: []statemachine.Record{{Value: []byte(strconv.Itoa(n))}}}
	for at, tickets := range c.parked {
		if at <= c.total+n {
			for _, t := range tickets {
				d.Replies = append(d.Replies, statemachine.Reply{To: t, Value: c.total + n})
			}
			delete(c.parked, at)
		}
	}
	return d
}

func (c *counter) Expire(time.Time) statemachine.Decision {
	c.deadline = time.Time{}
	return c.grow(1)
}

func (c *counter) Deadline() time.Time { return c.deadline }

func (c *counter) Apply(r statemachine.Record, _ time.Time) {
	n, _ := strconv.Atoi(string(r.Value))
	c.total += n
}

func (c *counter) Loaded(time.Time) { c.loadedAt = c.total }

func do(t *testing.T, m *statemachine.Machine, req any) any {
	t.Helper()
	v, err := m.Do(req).Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDecisionsAreReplayed(t *testing.T) {
	log := statemachine.NewMemoryLog()
	m, err := statemachine.Start(&counter{}, log, statemachine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	do(t, m, add(2))
	if got := do(t, m, add(3)); got != 5 {
		t.Errorf("second add answered %v, want 5", got)
	}
	m.Stop()
	if _, err := m.Do(add(1)).Wait(t.Context()); !errors.Is(err, statemachine.ErrStopped) {
		t.Errorf("a stopped machine answered %v, want ErrStopped", err)
	}
	again := &counter{}
	m, err = statemachine.Start(again, log, statemachine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	if got := do(t, m, add(1)); got != 6 || again.loadedAt != 5 {
		t.Errorf("after replay: total %v, loaded at %d; want 6 and 5", got, again.loadedAt)
	}
}

func TestParkedCallersAndDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := statemachine.Start(&counter{}, statemachine.NewMemoryLog(), statemachine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Stop()
		began := time.Now()
		parked := m.Do(waitFor(1))
		do(t, m, tickAt(began.Add(90*time.Second)))
		if v, err := parked.Wait(t.Context()); err != nil || v != 1 {
			t.Errorf("parked caller got %v, %v; want 1", v, err)
		}
		if waited := time.Since(began); waited != 90*time.Second {
			t.Errorf("the deadline came after %v, want 90 s", waited)
		}
	})
}

// slowLog commits only when told to, or fails.
type slowLog struct {
	*statemachine.MemoryLog
	commit chan error
}

func (l slowLog) Wait(ctx context.Context, _ int64) error {
	select {
	case err := <-l.commit:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestRepliesWaitForTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slowLog{statemachine.NewMemoryLog(), make(chan error)}
		var published []any
		core := &counter{}
		m, err := statemachine.Start(core, log, statemachine.Options{
			Snapshot: func() any { return core.total },
			Publish:  func(v any) { published = append(published, v) },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Stop()
		first, read := m.Do(add(1)), m.Do(tickAt{})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := read.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a reply that rests on an uncommitted record left: %v", err)
		}
		log.commit <- nil
		if v, err := first.Wait(t.Context()); err != nil || v != 1 {
			t.Errorf("after the commit: %v, %v", v, err)
		}
		if len(published) != 2 || published[0] != 0 || published[1] != 1 {
			t.Errorf("published %v, want [0 1]", published)
		}
	})
}

// TestCommitTimeout: who waits for a commit is let go, who waits for a decision
// is not, and what was decided stays.
func TestCommitTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slowLog{statemachine.NewMemoryLog(), make(chan error)}
		m, err := statemachine.Start(&counter{}, log, statemachine.Options{CommitTimeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Stop()
		parked := m.Do(waitFor(3))
		began := time.Now()
		added, read := m.Do(add(1)), m.Do(tickAt{})
		for _, c := range []*statemachine.Call{added, read} {
			if v, err := c.Wait(t.Context()); !errors.Is(err, statemachine.ErrCommitTimeout) {
				t.Errorf("%v, %v after %s", v, err, time.Since(began))
			}
		}
		if waited := time.Since(began); waited < 5*time.Second || waited > 10*time.Second {
			t.Errorf("waited for %s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // of the bubble
		defer cancel()
		if _, err := parked.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a parked caller: %v", err)
		}
		log.commit <- nil
		last := m.Do(add(2))
		synctest.Wait()
		log.commit <- nil
		if v, err := last.Wait(t.Context()); err != nil || v != 3 {
			t.Errorf("after the commit: %v, %v", v, err)
		}
	})
}

func TestAFailedCommitStopsTheMachine(t *testing.T) {
	broken := errors.New("disk gone")
	log := slowLog{statemachine.NewMemoryLog(), make(chan error, 1)}
	failed := make(chan error, 1)
	m, err := statemachine.Start(&counter{}, log, statemachine.Options{Failed: func(err error) { failed <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	log.commit <- broken
	if _, err := m.Do(add(1)).Wait(t.Context()); !errors.Is(err, broken) {
		t.Errorf("the waiting call got %v", err)
	}
	if err := <-failed; !errors.Is(err, broken) {
		t.Errorf("the owner heard %v", err)
	}
}

// gatedLog blocks every append until the gate opens, then gives its error.
type gatedLog struct {
	*statemachine.MemoryLog
	gate  chan error
	sizes []int // of the appends
}

func (l *gatedLog) Append(records []statemachine.Record, now time.Time) (int64, error) {
	if err := <-l.gate; err != nil {
		return 0, err
	}
	l.sizes = append(l.sizes, len(records))
	return l.MemoryLog.Append(records, now)
}

func TestWaitingRequestsShareAnAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &gatedLog{MemoryLog: statemachine.NewMemoryLog(), gate: make(chan error)}
		m, err := statemachine.Start(&counter{}, log, statemachine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Stop()
		calls := []*statemachine.Call{m.Do(add(1))}
		synctest.Wait() // the first is being appended alone
		for range 300 {
			calls = append(calls, m.Do(add(1)))
		}
		close(log.gate)
		for n, c := range calls {
			if v, err := c.Wait(t.Context()); err != nil || v != n+1 {
				t.Fatalf("call %d: %v, %v", n, v, err)
			}
		}
		if len(log.sizes) != 3 || log.sizes[0] != 1 || log.sizes[1] != 256 || log.sizes[2] != 44 {
			t.Errorf("appends of %v records, want 1, 256, 44", log.sizes)
		}
	})
}

func TestAFailedAppendFreesWhoeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("disk full")
		log := &gatedLog{MemoryLog: statemachine.NewMemoryLog(), gate: make(chan error, 1)}
		var failures atomic.Int32
		m, err := statemachine.Start(&counter{}, log, statemachine.Options{Failed: func(error) { failures.Add(1) }})
		if err != nil {
			t.Fatal(err)
		}
		parked := m.Do(waitFor(1_000_000))
		synctest.Wait()
		appending := m.Do(add(1))
		synctest.Wait()
		ended := make(chan error, 1500) // more than the queue holds: some callers block in Do
		for range cap(ended) {
			go func() {
				_, err := m.Do(add(1)).Wait(context.Background())
				ended <- err
			}()
		}
		synctest.Wait()
		log.gate <- broken
		for range cap(ended) {
			if err := <-ended; !errors.Is(err, broken) {
				t.Fatalf("a queued call got %v", err)
			}
		}
		for name, c := range map[string]*statemachine.Call{"parked": parked, "appending": appending, "late": m.Do(add(1))} {
			if _, err := c.Wait(t.Context()); !errors.Is(err, broken) {
				t.Errorf("the %s call got %v", name, err)
			}
		}
		m.Stop()
		if n := failures.Load(); n != 1 {
			t.Errorf("Failed was called %d times, want once", n)
		}
	})
}

// bothFail fails an append while the commit before it fails too.
type bothFail struct {
	*statemachine.MemoryLog
	appends int
	second  chan struct{}
}

func (l *bothFail) Append(records []statemachine.Record, now time.Time) (int64, error) {
	if l.appends++; l.appends == 2 {
		close(l.second)
		return 0, errors.New("append broken")
	}
	return l.MemoryLog.Append(records, now)
}

func (l *bothFail) Wait(context.Context, int64) error {
	<-l.second
	return errors.New("commit broken")
}

func TestFailedIsCalledOnce(t *testing.T) {
	for range 100 { // which of the two comes first is up to the scheduler
		synctest.Test(t, func(t *testing.T) {
			var failures atomic.Int32
			log := &bothFail{MemoryLog: statemachine.NewMemoryLog(), second: make(chan struct{})}
			m, err := statemachine.Start(&counter{}, log, statemachine.Options{Failed: func(error) { failures.Add(1) }})
			if err != nil {
				t.Fatal(err)
			}
			first := m.Do(add(1))
			synctest.Wait() // it waits for its commit
			second := m.Do(add(1))
			for _, c := range []*statemachine.Call{first, second} {
				if _, err := c.Wait(t.Context()); err == nil {
					t.Error("a call succeeded over a broken log")
				}
			}
			m.Stop()
			if n := failures.Load(); n != 1 {
				t.Errorf("Failed was called %d times, want once", n)
			}
		})
	}
}

func TestADeadlineBetweenMillisecondsIsMetOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core := &impatient{at: time.Now().Add(5*time.Millisecond + 300*time.Microsecond)}
		m, err := statemachine.Start(core, statemachine.NewMemoryLog(), statemachine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // of the bubble's clock
		m.Stop()
		if core.calls != 1 {
			t.Errorf("Expire was called %d times before the deadline had come, want 1 call after it", core.calls)
		}
	})
}

// impatient is a core with one deadline, kept until its time has come.
type impatient struct {
	counter
	at    time.Time
	calls int
}

func (c *impatient) Deadline() time.Time { return c.at }

func (c *impatient) Expire(now time.Time) statemachine.Decision {
	c.calls++
	if !now.Before(c.at) {
		c.at = time.Time{}
	}
	return statemachine.Decision{}
}
