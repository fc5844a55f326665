package coordinator

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/statemachine"
)

// Limits of a load. Both answer COORDINATOR_LOAD_IN_PROGRESS, which clients
// retry.
const (
	loadPatience = 5 * time.Second // how long an answer waits for it
	maxWaiting   = 1024            // requests that wait for it
)

// reloadDelay is how long an eager host waits before it loads again what failed.
const reloadDelay = time.Second

// Topic is an internal topic that a coordinator keeps its state on.
type Topic struct {
	Partitions func() int32 // never changes once the topic exists
	// Open opens a partition's log under its current leadership.
	Open func(partition int32) (Log, error)
	// Leader is the broker that leads a partition now.
	Leader func(partition int32) (broker int32, ok bool)
	// Existing lists the partitions that hold records.
	Existing func() []int32
	// Writable reports whether a partition has as many replicas in sync as its
	// records need; nil: always.
	Writable func(partition int32) bool
}

func (t Topic) writable(partition int32) bool { return t.Writable == nil || t.Writable(partition) }

// Log is a partition's log under one leadership, whose epoch it has.
type Log interface {
	statemachine.Log
	Epoch() int32
}

// hosts runs a state machine for each partition of a topic that is asked for.
type hosts struct {
	topic Topic
	name  string // of the coordinator, for the log
	log   *slog.Logger
	// start begins the machine of a partition over its opened log. failed is to
	// be its Options.Failed. It runs beside other calls.
	start func(h *host, log Log, failed func(error)) (*statemachine.Machine, error)
	// eager hosts load a partition again that has failed, without a request.
	eager bool

	ctx     context.Context // ends with close
	cancel  context.CancelFunc
	running sync.WaitGroup // loads and unloads, and what start began

	mu     sync.Mutex
	byPart map[int32]*host // guarded by mu
	closed bool            // guarded by mu
}

func newHosts(topic Topic, name string, log *slog.Logger) *hosts {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &hosts{topic: topic, name: name, log: log, byPart: make(map[int32]*host)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// host is one partition's machine under one leadership, or its load under way.
type host struct {
	index  int32
	broker int32
	ctx    context.Context // ends when the host does
	cancel context.CancelFunc
	done   chan struct{} // closed when the load has ended: machine or err is set

	machine *statemachine.Machine
	err     error
	groups  atomic.Int64 // of the machine, where they are limited

	// Guarded by hosts.mu.
	waiting []*call // to be sent when loaded, in this order
	loaded  bool    // nothing waits: requests go to the machine
	retired bool    // the next request needs another host
}

// groups is how many the machines have together, where they are limited.
func (s *hosts) groups() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.byPart {
		if !h.retired {
			n += h.groups.Load()
		}
	}
	return n
}

// end waits for the load and stops the machine. It may be called again.
func (h *host) end() {
	h.cancel()
	<-h.done
	if h.machine != nil {
		h.machine.Stop()
	}
}

// call is a request to one partition.
type call struct {
	err     error // refused at once; the rest is unset
	hosts   *hosts
	host    *host
	request any
	queued  bool               // waits for the load
	taken   bool               // from the queue, or given up; guarded by hosts.mu
	sent    *statemachine.Call // set before host.done is closed
}

// send hands a request to a partition's machine, after those that wait for its
// load.
func (s *hosts) send(broker, index int32, r any) *call {
	leader, ok := s.topic.Leader(index)
	switch {
	case !ok:
		return &call{err: kerr.CoordinatorNotAvailable}
	case leader != broker:
		return &call{err: kerr.NotCoordinator}
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return &call{err: kerr.CoordinatorNotAvailable}
	}
	h := s.byPart[index]
	if h == nil || h.retired || h.broker != broker {
		h = s.replace(index, h, broker)
	}
	c := &call{hosts: s, host: h, request: r, queued: !h.loaded}
	if c.queued {
		if len(h.waiting) >= maxWaiting {
			c = &call{err: kerr.CoordinatorLoadInProgress}
		} else {
			h.waiting = append(h.waiting, c)
		}
		s.mu.Unlock()
		return c
	}
	s.mu.Unlock()
	c.sent = h.machine.Do(r)
	return c
}

// replace starts to load a partition in place of old, which may be nil. s.mu is
// held.
func (s *hosts) replace(index int32, old *host, broker int32) *host {
	h := &host{index: index, broker: broker, done: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(s.ctx)
	s.byPart[index] = h
	if old != nil {
		old.retired = true
	}
	s.running.Go(func() { s.load(h, old) })
	return h
}

// load replays a partition and sends the requests that wait. The machine before
// must have ended: a record of it that is appended after the replay would be
// missed.
func (s *hosts) load(h, old *host) {
	defer close(h.done)
	if old != nil {
		old.end()
	}
	log, err := s.topic.Open(h.index)
	if err == nil {
		h.machine, err = s.start(h, log, func(err error) { s.failed(h, err) })
	}
	if err != nil {
		h.err = err
		s.failed(h, err)
		return
	}
	for {
		s.mu.Lock()
		waiting := h.waiting
		h.waiting = nil
		h.loaded = len(waiting) == 0
		kept := waiting[:0]
		for _, c := range waiting {
			if !c.taken {
				c.taken = true
				kept = append(kept, c)
			}
		}
		s.mu.Unlock()
		if len(waiting) == 0 {
			return
		}
		for _, c := range kept {
			c.sent = h.machine.Do(c.request)
		}
	}
}

// failed retires a host whose load or log has failed, so that the next request
// loads the partition again.
func (s *hosts) failed(h *host, why error) {
	h.cancel()
	s.mu.Lock()
	h.retired = true
	s.mu.Unlock()
	if !errors.Is(why, kerr.NotLeaderForPartition) {
		s.log.Error("coordinator stopped", "coordinator", s.name, "partition", h.index, "error", why)
	}
	if s.eager {
		s.running.Go(func() {
			if sleep(s.ctx, reloadDelay) {
				s.ensure(h.index)
			}
		})
	}
}

// sleep waits and reports whether ctx lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ensure loads a partition under its current leader, unless that has been done.
func (s *hosts) ensure(index int32) {
	leader, ok := s.topic.Leader(index)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.byPart[index]; !s.closed && (h == nil || h.retired || h.broker != leader) {
		s.replace(index, h, leader)
	}
}

// wait returns the reply. One who loses patience with a load takes the request
// back.
func (c *call) wait(ctx context.Context) (any, error) {
	if c.err != nil {
		return nil, c.err
	}
	if c.queued {
		if err := c.waitLoaded(ctx); err != nil {
			return nil, err
		}
	}
	return c.sent.Wait(ctx)
}

func (c *call) waitLoaded(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, loadPatience, kerr.CoordinatorLoadInProgress)
	defer cancel()
	select {
	case <-c.host.done:
	case <-ctx.Done():
		c.hosts.mu.Lock()
		sent := c.taken
		c.taken = true
		c.hosts.mu.Unlock()
		if !sent {
			return context.Cause(ctx)
		}
		<-c.host.done // it is being sent
	}
	return c.host.err
}

// stop unloads a partition whose leadership has moved or ended, and does not
// wait for that. Its waiting callers get NOT_COORDINATOR at once; a later
// request to the leader loads it again.
func (s *hosts) stop(partition int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.byPart[partition]
	if h == nil || s.closed {
		return
	}
	h.retired = true
	s.running.Go(func() {
		h.end()
		s.mu.Lock()
		if s.byPart[partition] == h {
			delete(s.byPart, partition)
		}
		s.mu.Unlock()
	})
}

// close stops all machines and waits for them. Their waiting callers get an
// error, and so does everybody who comes later.
func (s *hosts) close() {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	all := make([]*host, 0, len(s.byPart))
	for _, h := range s.byPart {
		all = append(all, h)
	}
	s.mu.Unlock()
	for _, h := range all {
		h.end()
	}
	s.running.Wait()
}

// populated is the partitions with records, and those whose machine has
// written none yet.
func (s *hosts) populated() []int32 {
	out := slices.Clone(s.topic.Existing())
	s.mu.Lock()
	for index, h := range s.byPart {
		if !h.retired {
			out = append(out, index)
		}
	}
	s.mu.Unlock()
	slices.Sort(out)
	return slices.Compact(out)
}
