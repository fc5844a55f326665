package coordinator

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/statemachine"
)

// Limits of a load. Both answer COORDINATOR_LOAD_IN_PROGRESS, which clients
// retry.
const (
	loadPatience = 5 * time.Second // how long an answer waits for it
	maxWaiting   = 1024            // requests that wait for it
)

// host is one partition's machine under one leadership, or its load under way.
type host struct {
	broker int32
	done   chan struct{} // closed when the load has ended: machine or err is set

	machine *statemachine.Machine
	err     error

	// Guarded by Groups.mu.
	waiting []*call // to be sent when loaded, in this order
	loaded  bool    // nothing waits: requests go to the machine
	retired bool    // the next request needs another host
}

// end waits for the load and stops the machine. It may be called again.
func (h *host) end() {
	<-h.done
	if h.machine != nil {
		h.machine.Stop()
	}
}

// call is a request to one partition.
type call struct {
	err     error // refused at once; the rest is unset
	groups  *Groups
	host    *host
	request group.Request
	queued  bool               // waits for the load
	taken   bool               // from the queue, or given up; guarded by Groups.mu
	sent    *statemachine.Call // set before host.done is closed
}

// send hands a request to a partition's machine, after those that wait for its
// load.
func (g *Groups) send(broker, index int32, r group.Request) *call {
	leader, ok := g.cfg.Leader(index)
	switch {
	case !ok:
		return &call{err: kerr.CoordinatorNotAvailable}
	case leader != broker:
		return &call{err: kerr.NotCoordinator}
	}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return &call{err: kerr.CoordinatorNotAvailable}
	}
	h := g.hosts[index]
	if h == nil || h.retired || h.broker != broker {
		h = g.replace(index, h, broker)
	}
	c := &call{groups: g, host: h, request: r, queued: !h.loaded}
	if c.queued {
		if len(h.waiting) >= maxWaiting {
			c = &call{err: kerr.CoordinatorLoadInProgress}
		} else {
			h.waiting = append(h.waiting, c)
		}
		g.mu.Unlock()
		return c
	}
	g.mu.Unlock()
	c.sent = h.machine.Do(r)
	return c
}

// replace starts to load a partition in place of old, which may be nil. g.mu is
// held.
func (g *Groups) replace(index int32, old *host, broker int32) *host {
	h := &host{broker: broker, done: make(chan struct{})}
	g.hosts[index] = h
	if old != nil {
		old.retired = true
	}
	g.running.Go(func() { g.load(index, h, old) })
	return h
}

// load replays a partition and sends the requests that wait. The machine before
// must have ended: a record of it that is appended after the replay would be
// missed.
func (g *Groups) load(index int32, h, old *host) {
	defer close(h.done)
	if old != nil {
		old.end()
	}
	log, err := g.cfg.Open(index)
	if err == nil {
		h.machine, err = statemachine.Start(group.New(g.cfg.Params), log, statemachine.Options{
			Failed: func(err error) { g.failed(index, h, err) },
		})
	}
	if err != nil {
		h.err = err
		g.failed(index, h, err)
		return
	}
	for {
		g.mu.Lock()
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
		g.mu.Unlock()
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
func (g *Groups) failed(index int32, h *host, why error) {
	g.mu.Lock()
	h.retired = true
	g.mu.Unlock()
	if !errors.Is(why, kerr.NotLeaderForPartition) {
		g.cfg.Log.Error("group coordinator stopped", "partition", index, "error", why)
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
		c.groups.mu.Lock()
		sent := c.taken
		c.taken = true
		c.groups.mu.Unlock()
		if !sent {
			return context.Cause(ctx)
		}
		<-c.host.done // it is being sent
	}
	return c.host.err
}

// Stop unloads a partition whose leadership has moved or ended, and does not
// wait for that. Its waiting callers get NOT_COORDINATOR at once; a later
// request to the leader loads it again.
func (g *Groups) Stop(partition int32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.hosts[partition]
	if h == nil || g.closed {
		return
	}
	h.retired = true
	g.running.Go(func() {
		h.end()
		g.mu.Lock()
		if g.hosts[partition] == h {
			delete(g.hosts, partition)
		}
		g.mu.Unlock()
	})
}

// Close stops all machines and waits for them. Their waiting callers get an
// error, and so does everybody who comes later.
func (g *Groups) Close() {
	g.mu.Lock()
	g.closed = true
	hosts := make([]*host, 0, len(g.hosts))
	for _, h := range g.hosts {
		hosts = append(hosts, h)
	}
	g.mu.Unlock()
	for _, h := range hosts {
		h.end()
	}
	g.running.Wait()
}
