package quota

import (
	"math"
	"sync"
	"time"
)

// maxMeters bounds the clients that are measured at a time. Beyond it the one
// that was idle for longest among a few is forgotten, and begins with an empty
// window again.
const maxMeters = 10_000

// sweepEvery is how often meters that are idle for longer than their window are
// forgotten, which changes nothing for their clients.
const sweepEvery = 10 * time.Second

// meter is what is known of one bucket.
type meter struct {
	rate   rate
	tokens tokens
	used   time.Time
}

// Meters measure the clients of one broker, or, for mutations, of a cluster.
// The zero value is ready; its methods may be called concurrently, with times
// that do not go back by much.
type Meters struct {
	mu     sync.Mutex
	meters map[bucket]*meter // under mu, at most maxMeters
	swept  time.Time         // under mu
}

// Record counts n of a quota for a client and returns how long it must be
// silent, 0 for one within its quota or without. RequestPercent never silences
// for longer than one sample (KIP-124).
func (m *Meters) Record(r *Rules, key Key, c Client, n float64, now time.Time) time.Duration {
	b, limit, ok := r.Limits.find(key, c)
	if !ok {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.meter(b, r.Clients, now)
	t.rate.record(r.Clients, n, now)
	wait := t.rate.throttle(r.Clients, limit, now)
	if key == RequestPercent {
		wait = min(wait, r.Clients.Size)
	}
	return wait
}

// Add counts n, which may be negative to take back what was counted, and
// silences nobody.
func (m *Meters) Add(r *Rules, key Key, c Client, n float64, now time.Time) {
	b, _, ok := r.Limits.find(key, c)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.meter(b, r.Clients, now).rate.record(r.Clients, n, now)
}

// Most is what a client may take at once without certainly being over its quota
// after it: its limit for a whole window. Larger than any answer without one.
func (r *Rules) Most(key Key, c Client) int {
	_, limit, ok := r.Limits.find(key, c)
	if !ok {
		return math.MaxInt32
	}
	return int(min(limit*float64(r.Clients.Samples-1)*r.Clients.Size.Seconds(), math.MaxInt32))
}

// Mutate takes n tokens of a client's Mutations. A strict client that has
// overdrawn its bucket before gets none: ok is false. Wait is how long it is to
// be silent.
func (m *Meters) Mutate(r *Rules, c Client, n float64, strict bool, now time.Time) (wait time.Duration, ok bool) {
	b, limit, limited := r.Limits.find(Mutations, c)
	if !limited {
		return 0, true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &m.meter(b, r.Controller, now).tokens
	t.refill(r.Controller, limit, now)
	if strict && t.left < 0 {
		return t.wait(limit), false
	}
	t.left -= n
	if strict {
		return 0, true
	}
	return t.wait(limit), true
}

// meter finds or makes a bucket's meter; under mu.
func (m *Meters) meter(b bucket, w Window, now time.Time) *meter {
	if m.meters == nil {
		m.meters, m.swept = map[bucket]*meter{}, now
	}
	if now.Sub(m.swept) >= sweepEvery {
		m.sweep(w, now)
	}
	t := m.meters[b]
	if t == nil {
		if len(m.meters) >= maxMeters {
			m.evict()
		}
		t = &meter{}
		m.meters[b] = t
	}
	t.used = now
	return t
}

// sweep forgets what a new meter would be like: its window is empty, and its
// bucket is full.
func (m *Meters) sweep(w Window, now time.Time) {
	m.swept = now
	for b, t := range m.meters {
		if now.Sub(t.used) > max(time.Duration(w.Samples)*w.Size, sweepEvery) && t.tokens.left >= 0 {
			delete(m.meters, b)
		}
	}
}

// evict forgets the least recently used of a few, whichever the map gives.
func (m *Meters) evict() {
	const few = 16
	var victim bucket
	var used time.Time
	seen := 0
	for b, t := range m.meters {
		if seen == 0 || t.used.Before(used) {
			victim, used = b, t.used
		}
		if seen++; seen == few {
			break
		}
	}
	delete(m.meters, victim)
}
