package quota

import (
	"net/netip"
	"sync"
	"time"
)

// ConnectionRules are the limits of a broker's connections at one moment, as they
// are for one of its listeners. They never change.
type ConnectionRules struct {
	Most     int                // max.connections
	Rate     float64            // a second; max.connection.creation.rate
	Listener Door               // the listener's own
	Group    Group              // of the listeners that the listener is one of
	PerIP    int                // max.connections.per.ip
	PerIPOf  map[netip.Addr]int // max.connections.per.ip.overrides
}

// Door is the limits of one listener alone.
type Door struct {
	Most int
	Rate float64
}

// Group is listeners that have a limit together; the zero Group has none.
type Group struct {
	Listeners []string
	Most      int
}

// Connections counts the connections of one broker, and how fast they come
// (KIP-402, KIP-612). The zero value is ready; its methods may be called
// concurrently.
type Connections struct {
	meters Meters

	mu        sync.Mutex
	byIP      map[netip.Addr]int  // under mu; no zeros, as many as there are connections at most
	listeners map[string]*through // under mu; as many as there are listeners
	open      int                 // under mu
	rate      rate                // under mu
	left      chan struct{}       // under mu: closed when a connection ends; nil while nobody waits for that
}

// through is what came through one listener.
type through struct {
	open int
	rate rate
}

// Admission is what is to become of a new connection that was to be served.
type Admission struct {
	Left  <-chan struct{} // there is no place: ask again when this is closed, or the rules have changed
	Full  bool            // its address has too many: it is closed at once
	Close time.Duration   // its address is over its rate: it is closed after that, unserved
}

// Arrive counts a connection that has come to a listener, and says how long it
// waits before it is looked at: the broker or the listener is over its rate. That
// is no longer than one sample, as in Kafka.
func (c *Connections) Arrive(w Window, r *ConnectionRules, listener string, now time.Time) (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.through(listener)
	c.rate.record(w, 1, now)
	t.rate.record(w, 1, now)
	wait = max(c.rate.throttle(w, r.Rate, now), t.rate.throttle(w, r.Listener.Rate, now))
	return min(wait, w.Size)
}

// through is a listener's; mu is held.
func (c *Connections) through(listener string) *through {
	t := c.listeners[listener]
	if t == nil {
		if c.listeners == nil {
			c.listeners = make(map[string]*through)
		}
		t = new(through)
		c.listeners[listener] = t
	}
	return t
}

// Admit gives a connection from an address a place among those of its broker and
// listener; the zero Addr has no limits of its own. Only one that gets the zero
// Admission must be released.
func (c *Connections) Admit(r *Rules, cr *ConnectionRules, listener string, ip netip.Addr, now time.Time) Admission {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.through(listener)
	if t.open >= cr.Listener.Most || c.open >= cr.Most || c.full(cr.Group) {
		return Admission{Left: c.nextLeft()}
	}
	if limit, ok := r.Limits.connections(ip); ok && ip.IsValid() {
		if wait := c.meters.connection(r, ip, limit, now); wait > 0 {
			c.rate.record(r.Clients, -1, now) // as if it had not come
			t.rate.record(r.Clients, -1, now)
			return Admission{Close: min(wait, r.Clients.Size)}
		}
	}
	most := cr.PerIP
	if n, ok := cr.PerIPOf[ip]; ok {
		most = n
	}
	if ip.IsValid() && c.byIP[ip] >= most {
		return Admission{Full: true}
	}
	if ip.IsValid() {
		if c.byIP == nil {
			c.byIP = map[netip.Addr]int{}
		}
		c.byIP[ip]++
	}
	c.open++
	t.open++
	return Admission{}
}

// full reports whether a group has no place; mu is held.
func (c *Connections) full(g Group) bool {
	open := 0
	for _, name := range g.Listeners {
		open += c.through(name).open
	}
	return len(g.Listeners) > 0 && open >= g.Most
}

// nextLeft is closed when the next connection ends; mu is held.
func (c *Connections) nextLeft() <-chan struct{} {
	if c.left == nil {
		c.left = make(chan struct{})
	}
	return c.left
}

// Excess reports whether the broker has more connections than it may, since the
// limit was lowered, and then what is closed when the next one ends; else nil.
func (c *Connections) Excess(r *ConnectionRules) (left <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open <= r.Most {
		return nil
	}
	return c.nextLeft()
}

// Release says that an admitted connection has ended.
func (c *Connections) Release(listener string, ip netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	c.through(listener).open--
	if c.left != nil {
		close(c.left)
		c.left = nil
	}
	if c.byIP[ip]--; c.byIP[ip] <= 0 {
		delete(c.byIP, ip)
	}
}

// connection counts a connection of an address, unless it is too fast: then it
// is as if it had not come, and the time is how long to let it wait.
func (m *Meters) connection(r *Rules, ip netip.Addr, limit float64, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.meter(bucket{key: ConnectionsByIP, ip: ip}, r.Clients, now)
	t.rate.record(r.Clients, 1, now)
	wait := t.rate.throttle(r.Clients, limit, now)
	if wait > 0 {
		t.rate.record(r.Clients, -1, now)
	}
	return wait
}
