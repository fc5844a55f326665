package listener

import (
	"math"
	"net"
	"sync/atomic"
	"time"
)

// held is an open connection as its listener knows it.
type held struct {
	served atomic.Bool  // an answer was sent to what the backend serves
	active atomic.Int64 // when bytes last came or went, in nanoseconds since the listener began
	shed   bool         // it is being closed, since there are too many; under Listener.mu
}

func (l *Listener) touch(h *held) { h.active.Store(int64(time.Since(l.began))) }

// meter gives a new connection a place among those of its broker and listener
// (KIP-402, KIP-612; SocketServer.ConnectionQuotas). It waits while the rates of
// the broker or the listener are too high, and then while one of them is full, so
// that no other is accepted. It reports whether to serve the connection; otherwise
// it is closed, at once or later. done must be called when a served one ends.
func (l *Listener) meter(nc net.Conn) (done func(), serve bool) {
	q, name := l.cfg.Quotas, l.cfg.Name
	if q == nil {
		return func() {}, true
	}
	if wait := q.Connections.Arrive(q.Rules().Clients, q.Doors(), name, time.Now()); wait > 0 {
		_ = l.pause(l.ctx, wait) // an end is noticed by who serves the connection
	}
	for ip := remoteAddr(nc); ; {
		var changed <-chan struct{}
		if q.Changed != nil {
			changed = q.Changed()
		}
		a := q.Connections.Admit(q.Rules(), q.Doors(), name, ip, time.Now())
		switch {
		case a.Left != nil:
			select {
			case <-a.Left:
			case <-changed:
			case <-l.drained:
				return func() {}, true // an end, too
			case <-l.ctx.Done():
				return func() {}, true
			}
		case a.Full, a.Close > 0:
			l.counts.refused.Add(1)
			l.gauge.Refused.Add(1)
			l.log.warn("connection refused", "remote", nc.RemoteAddr(), "reason", "the limits of its address", "closed_after", a.Close)
			l.closeAfter(nc, a.Close)
			return nil, false
		default:
			return func() { q.Connections.Release(name, ip) }, true
		}
	}
}

// closeAfter lets a refused connection wait, lest its client come again at once.
// It counts as one of MaxConnections meanwhile.
func (l *Listener) closeAfter(nc net.Conn, wait time.Duration) {
	if wait == 0 || l.hold(nc) == nil {
		nc.Close()
		return
	}
	go func() { // owned by the Listener: Close waits for it
		defer l.letGo(nc)
		_ = l.pause(l.ctx, wait)
	}()
}

// hold makes a connection one of those that Close ends and waits for, unless
// there are too many: then it answers nil. It must be let go.
func (l *Listener) hold(nc net.Conn) *held {
	most := l.cfg.MaxConnections
	if q := l.cfg.Quotas; q != nil {
		if n := q.Doors().Listener.Most; n < math.MaxInt {
			most = min(n, mostConnections)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.conns) >= most {
		return nil
	}
	h := new(held)
	l.touch(h)
	l.conns[nc] = h
	l.running.Add(1)
	return h
}

func (l *Listener) letGo(nc net.Conn) {
	nc.Close()
	l.mu.Lock()
	delete(l.conns, nc)
	l.mu.Unlock()
	l.running.Done()
}

// shed closes connections, one after another and those that have been silent for
// longest first, while the broker has more than it may since the limit was
// lowered. (SocketServer.Processor.closeExcessConnections)
func (l *Listener) shed() {
	q := l.cfg.Quotas
	for {
		changed := q.Changed()
		left := q.Connections.Excess(q.Doors())
		if left != nil {
			l.closeSilent()
		}
		select {
		case <-left:
		case <-changed:
		case <-l.drained:
			return
		case <-l.ctx.Done():
			return
		}
	}
}

// closeSilent closes the connection that has been silent for longest.
func (l *Listener) closeSilent() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var nc net.Conn
	for c, h := range l.conns {
		if !h.shed && (nc == nil || h.active.Load() < l.conns[nc].active.Load()) {
			nc = c
		}
	}
	if nc != nil {
		l.conns[nc].shed = true
		nc.Close()
	}
}
