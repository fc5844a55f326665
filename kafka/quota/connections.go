package quota

import (
	"net/netip"
	"sync"
	"time"
)

// Connections counts the connections of one broker, and how fast they come
// (KIP-402, KIP-612). The zero value is ready; its methods may be called
// concurrently.
type Connections struct {
	meters Meters

	mu     sync.Mutex
	byIP   map[netip.Addr]int // under mu; no zeros, as many as there are connections at most
	broker rate               // under mu
}

// Admission is what is to become of a new connection.
type Admission struct {
	Wait  time.Duration // before it is served: the broker is over its rate
	Full  bool          // its address has too many: it is closed at once
	Close time.Duration // its address is over its rate: it is closed after that, unserved
}

// Admit counts a connection from an address; the zero Addr has no limits of its
// own. Unless the connection is refused (Full, Close) it must be released. No
// Wait is longer than one sample, as in Kafka.
func (c *Connections) Admit(r *Rules, ip netip.Addr, now time.Time) Admission {
	var a Admission
	if limit, ok := r.Limits.connections(ip); ok && ip.IsValid() {
		a.Close = min(c.meters.connection(r, ip, limit, now), r.Clients.Size)
	}
	if a.Close > 0 {
		return a
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	most := r.PerIP
	if n, ok := r.PerIPOf[ip]; ok {
		most = n
	}
	if ip.IsValid() && c.byIP[ip] >= most {
		a.Full = true
		return a
	}
	if ip.IsValid() {
		if c.byIP == nil {
			c.byIP = map[netip.Addr]int{}
		}
		c.byIP[ip]++
	}
	c.broker.record(r.Clients, 1, now)
	a.Wait = min(c.broker.throttle(r.Clients, r.ConnectionRate, now), r.Clients.Size)
	return a
}

// Release says that an admitted connection has ended.
func (c *Connections) Release(ip netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
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
