// Package statemachine runs a core over a log.
//
// A core decides: what it knows, a request and the time give records and
// replies. The machine applies the records to the core at once, appends them to
// the log, and lets the replies go when the log has committed everything they
// rest on. Later decisions see earlier, still uncommitted ones; since their
// replies wait for a later commit, nothing is ever undone: when the log fails,
// the machine stops, and its owner starts another that replays the log.
//
// kafka/cluster runs the metadata core so, and kafka/coordinator the groups.
// The package knows no request, no record format and no file.
package statemachine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Record is one record of the log: what a decision changed. A nil Value is a
// tombstone.
type Record struct {
	Key, Value  []byte
	Transaction *Transaction // nil: the record stands for itself
}

// Transaction makes a record part of a producer's transaction in this log, which
// readers of committed records see only once it is committed (KIP-98). With a
// Marker the record ends that transaction, and has no key or value.
type Transaction struct {
	ProducerID int64
	Epoch      int16
	Marker     *Marker
}

// Marker is the end of a transaction, as its coordinator has decided it.
type Marker struct {
	Commit           bool
	CoordinatorEpoch int32 // of __transaction_state's leader
}

// Ticket names a caller, whose reply may come with a later decision.
type Ticket uint64

// Reply is the answer to one caller.
type Reply struct {
	To    Ticket
	Value any
}

// Decision is what a core made of a request or of a deadline.
type Decision struct {
	Records []Record
	Replies []Reply
}

// Core remembers and decides. Only one goroutine calls it at a time. It reads
// no clock, no randomness and no map order, and does no I/O.
type Core interface {
	// Decide answers a request. It changes nothing; Apply does, with the
	// decision's records, before the next call.
	Decide(now time.Time, t Ticket, req any) Decision
	// Expire is called when Deadline has come.
	Expire(now time.Time) Decision
	// Deadline is when Expire wants to be called; zero for never.
	Deadline() time.Time
	// Apply changes the state. It cannot fail: what it cannot read it ignores.
	// It keeps none of r's bytes, which are the log's.
	Apply(r Record, at time.Time)
	// Loaded is called once, when the log has been replayed.
	Loaded(now time.Time)
}

// Log keeps the records. Append and Replay are called by one goroutine, Wait
// by another beside it.
type Log interface {
	// Append writes the records, in order, and returns where they end. Those
	// next to each other that are of one transaction, or of none, are one unit:
	// a crash leaves all of them or none.
	Append(records []Record, now time.Time) (end int64, err error)
	// Wait returns when everything before end is committed.
	Wait(ctx context.Context, end int64) error
	// Replay calls fn with every record, oldest first.
	Replay(fn func(r Record, at time.Time) error) error
}

// Options are hooks of a machine's owner. All may be nil.
type Options struct {
	// Snapshot takes an immutable picture of the core after a group of
	// decisions, Publish shows it once they are committed (and once after the
	// replay). Publish is called in order and before the group's replies leave.
	Snapshot func() any
	Publish  func(any)
	// Failed is called at most once, when the log failed: nothing is decided
	// or answered any more. It runs on a goroutine that Stop waits for, so it
	// must not call Stop. A log that fails while Stop runs is not reported.
	Failed func(error)
	// CommitTimeout is how long a caller waits for the commit of what was
	// decided for it, before Wait answers ErrCommitTimeout; 0 is for ever. The
	// decision stands.
	CommitTimeout time.Duration
}

// Limits of a machine.
const (
	queueLength = 1024 // requests waiting for a decision; Do blocks beyond
	groupLength = 256  // requests decided for one append
	commitDepth = 64   // groups written and waiting for their commit
)

// ErrStopped answers calls to a machine that has been stopped.
var ErrStopped = errors.New("the state machine has stopped")

// ErrCommitTimeout answers callers whose reply waited for its commit too long.
var ErrCommitTimeout = errors.New("the decision is not committed yet")

// Machine runs one core. Its methods may be called concurrently.
type Machine struct {
	core    Core
	log     Log
	options Options

	requests chan *Call
	groups   chan group
	ctx      context.Context // ends with Stop or with a failure
	end      context.CancelCauseFunc
	ended    sync.Once // what comes first, Stop or a failure
	loops    sync.WaitGroup

	mu     sync.Mutex
	parked map[Ticket]*Call // callers without a reply; guarded by mu
}

// group is decisions appended together and waiting for their commit.
type group struct {
	end      int64 // 0: nothing was appended
	replies  []Reply
	snapshot any
}

// Call is a request on its way.
type Call struct {
	request any
	reply   chan any      // capacity 1
	decided chan struct{} // closed when the reply waits for its commit; nil without CommitTimeout
	told    bool          // decided is closed; guarded by Machine.mu
	machine *Machine
}

// Start replays the log into the core and begins to serve.
func Start(core Core, log Log, o Options) (*Machine, error) {
	err := log.Replay(func(r Record, at time.Time) error {
		core.Apply(r, at)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	core.Loaded(logTime())
	m := &Machine{
		core: core, log: log, options: o,
		requests: make(chan *Call, queueLength),
		groups:   make(chan group, commitDepth),
		parked:   make(map[Ticket]*Call),
	}
	m.ctx, m.end = context.WithCancelCause(context.Background())
	m.publish(m.snapshot())
	m.loops.Go(m.decide)
	m.loops.Go(m.commit)
	return m, nil
}

// Do hands over a request. It blocks only while the queue is full, and never
// once the machine has stopped.
func (m *Machine) Do(req any) *Call {
	c := &Call{request: req, reply: make(chan any, 1), machine: m}
	if m.options.CommitTimeout > 0 {
		c.decided = make(chan struct{})
	}
	select {
	case m.requests <- c:
	case <-m.ctx.Done():
	}
	return c
}

// Wait returns the reply. It ends early with ctx, with ErrCommitTimeout, and
// with the machine's error when that stops first.
func (c *Call) Wait(ctx context.Context) (any, error) {
	decided, late := c.decided, (<-chan time.Time)(nil)
	for {
		select {
		case v := <-c.reply:
			return v, nil
		case <-decided:
			decided, late = nil, time.After(c.machine.options.CommitTimeout)
		case <-late:
			return nil, ErrCommitTimeout
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.machine.ctx.Done():
			select {
			case v := <-c.reply: // it came before the end
				return v, nil
			default:
				return nil, context.Cause(c.machine.ctx)
			}
		}
	}
}

// Stop ends the machine and waits for it. Calls without a reply get ErrStopped.
func (m *Machine) Stop() {
	m.ended.Do(func() { m.end(ErrStopped) })
	m.loops.Wait()
}

// decide is the goroutine that owns the core.
func (m *Machine) decide() {
	var next Ticket
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		deadline := m.core.Deadline()
		if !deadline.IsZero() {
			timer.Reset(max(0, time.Until(ceilMS(deadline))))
		} else {
			timer.Reset(time.Hour)
		}
		var d Decision
		var now time.Time
		select {
		case <-m.ctx.Done():
			return
		case <-timer.C:
			if deadline.IsZero() {
				continue
			}
			now = logTime()
			d = m.core.Expire(now)
			m.apply(d.Records, now)
		case c := <-m.requests:
			now = logTime()
			d = m.drain(c, now, &next)
		}
		if !m.write(d, now) {
			return
		}
	}
}

// ceilMS is the first time of the log at which a deadline has come.
func ceilMS(t time.Time) time.Time {
	return t.Add(time.Millisecond - 1).Truncate(time.Millisecond)
}

// logTime is the time as the log keeps it, in milliseconds: a replay gives the
// core exactly the times that it saw live.
func logTime() time.Time { return time.UnixMilli(time.Now().UnixMilli()) }

// drain decides the requests that are waiting, as one group of one time.
func (m *Machine) drain(c *Call, now time.Time, next *Ticket) Decision {
	var all Decision
	for n := 1; ; n++ {
		*next++
		m.mu.Lock()
		m.parked[*next] = c
		m.mu.Unlock()
		d := m.core.Decide(now, *next, c.request)
		m.apply(d.Records, now)
		all.Records = append(all.Records, d.Records...)
		all.Replies = append(all.Replies, d.Replies...)
		if n == groupLength {
			return all
		}
		select {
		case c = <-m.requests:
		default:
			return all
		}
	}
}

func (m *Machine) apply(records []Record, at time.Time) {
	for _, r := range records {
		m.core.Apply(r, at)
	}
}

// write appends a group and queues it for its commit; false ends the machine.
func (m *Machine) write(d Decision, now time.Time) bool {
	if len(d.Records) == 0 && len(d.Replies) == 0 {
		return true
	}
	g := group{replies: d.Replies}
	if len(d.Records) > 0 {
		end, err := m.log.Append(d.Records, now)
		if err != nil {
			m.fail(fmt.Errorf("append: %w", err))
			return false
		}
		g.end, g.snapshot = end, m.snapshot()
	}
	m.tellDecided(d.Replies)
	select {
	case m.groups <- g:
		return true
	case <-m.ctx.Done():
		return false
	}
}

// tellDecided begins the callers' wait for the commit.
func (m *Machine) tellDecided(replies []Reply) {
	if m.options.CommitTimeout == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range replies {
		if c, ok := m.parked[r.To]; ok && !c.told {
			c.told = true
			close(c.decided)
		}
	}
}

// commit is the goroutine that lets replies go, in the order of the decisions.
func (m *Machine) commit() {
	for {
		select {
		case <-m.ctx.Done():
			return
		case g := <-m.groups:
			if g.end > 0 {
				if err := m.log.Wait(m.ctx, g.end); err != nil {
					m.fail(fmt.Errorf("commit: %w", err))
					return
				}
				m.publish(g.snapshot)
			}
			m.deliver(g.replies)
		}
	}
}

func (m *Machine) deliver(replies []Reply) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range replies {
		if c, ok := m.parked[r.To]; ok {
			delete(m.parked, r.To)
			c.reply <- r.Value
		}
	}
}

func (m *Machine) snapshot() any {
	if m.options.Snapshot == nil {
		return nil
	}
	return m.options.Snapshot()
}

func (m *Machine) publish(snapshot any) {
	if m.options.Publish != nil {
		m.options.Publish(snapshot)
	}
}

// fail ends the machine with the log's error. Both goroutines may come here,
// and Stop beside them: the first one counts.
func (m *Machine) fail(err error) {
	m.ended.Do(func() {
		m.end(err)
		if m.options.Failed != nil {
			m.options.Failed(err)
		}
	})
}
