package quota

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// ceilingWindow is how the rates of all clients together are measured: Kafka's
// defaults of quota.window.num and quota.window.size.seconds.
var ceilingWindow = Window{Samples: 11, Size: time.Second}

// Ceiling is a limit of all clients together, measured and silenced like a
// client's own. The zero value is no limit; its methods may be called
// concurrently.
type Ceiling struct {
	limit atomic.Uint64 // bits of a float, a second; 0: none

	mu   sync.Mutex
	rate rate // under mu
}

// Set changes the limit, a second; 0 is none. What was counted counts on.
func (c *Ceiling) Set(limit float64) { c.limit.Store(math.Float64bits(limit)) }

// Limit is the limit a second, 0 for none.
func (c *Ceiling) Limit() float64 { return math.Float64frombits(c.limit.Load()) }

// Record counts n and answers how long who caused it must be silent.
func (c *Ceiling) Record(n float64, now time.Time) time.Duration {
	limit := c.Limit()
	if limit == 0 {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rate.record(ceilingWindow, n, now)
	return c.rate.throttle(ceilingWindow, limit, now)
}

// Add counts n, which may be negative to take back what was counted, and
// silences nobody.
func (c *Ceiling) Add(n float64, now time.Time) {
	if c.Limit() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rate.record(ceilingWindow, n, now)
}

// Most is what may be taken at once without certainly being over the limit after
// it, math.MaxInt32 at most.
func (c *Ceiling) Most() int {
	limit := c.Limit()
	if limit == 0 {
		return math.MaxInt32
	}
	return int(min(limit*float64(ceilingWindow.Samples-1)*ceilingWindow.Size.Seconds(), math.MaxInt32))
}

// Budget is how many of something all clients together may do in a time: a
// bucket that is full at first and fills evenly, and that may be overdrawn by
// what takes its last (as KIP-599's). The zero value is no limit; its methods may
// be called concurrently.
type Budget struct {
	mu     sync.Mutex
	most   float64       // under mu; 0: no limit
	within time.Duration // under mu
	tokens tokens        // under mu
}

// Set gives the budget a size, and the time in which it fills.
func (b *Budget) Set(most int, within time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most, b.within = float64(most), within
}

// Take takes n. A strict caller gets none from an overdrawn budget: ok is false.
// Wait is how long the caller is to be silent.
func (b *Budget) Take(n float64, strict bool, now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.most == 0 {
		return 0, true
	}
	limit := b.most / b.within.Seconds()
	b.tokens.refill(Window{Samples: 1, Size: b.within}, limit, now)
	if strict && b.tokens.left < 0 {
		return b.tokens.wait(limit), false
	}
	b.tokens.left -= n
	if strict {
		return 0, true
	}
	return b.tokens.wait(limit), true
}

// Ceilings are the limits of all clients of a broker together, or of a cluster
// whose brokers share them. The zero value is none.
type Ceilings struct {
	On atomic.Bool // something is limited: by one of these, or in partitions

	In, Out    Ceiling // bytes of Produce requests and of Fetch answers
	Requests   Ceiling // of any kind
	Topics     Ceiling // requests that create, change or delete topics
	Partitions Budget  // created and deleted
}
