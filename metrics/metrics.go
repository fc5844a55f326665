// Package metrics is instruments and the text in which Prometheus reads them.
//
// What counts holds instruments as plain fields, so that an event costs a few
// atomic additions: no lock, no lookup of labels, no memory. What is read often
// and changes seldom has no instrument: who renders asks for it. The rates and
// percentiles are computed by who reads, from what was counted.
package metrics

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// Counter only grows. The zero Counter is at 0. Its methods may be called
// concurrently.
type Counter struct{ n atomic.Int64 }

// Add counts n events.
func (c *Counter) Add(n int64) { c.n.Add(n) }

// Count is how many events there were.
func (c *Counter) Count() int64 { return c.n.Load() }

// Meter is a Counter with rates. The zero Meter has counted nothing; Tick gives
// it a beginning. Its methods may be called concurrently.
type Meter struct {
	Counter

	mu      sync.Mutex
	began   time.Time  // guarded by mu
	last    time.Time  // guarded by mu; of the last tick
	ticked  int64      // guarded by mu; what was counted by then
	rates   [3]float64 // guarded by mu; a second, over windows
	settled bool       // guarded by mu; the rates have a first value
}

// windows are those of Unix's load average, as Kafka's meters have them.
var windows = [3]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// tickInterval is how often Kafka's meters look at what was counted.
const tickInterval = 5 * time.Second

// Rates are events a second: the mean since the beginning, and exponentially
// weighted moving averages.
type Rates struct{ Mean, One, Five, Fifteen float64 }

// Tick brings the averages up to now. Kafka does so every five seconds; a longer
// pause is averaged.
func (m *Meter) Tick(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tick(now)
}

func (m *Meter) tick(now time.Time) {
	if m.began.IsZero() {
		m.began, m.last = now, now
		return
	}
	past := now.Sub(m.last)
	if past < tickInterval {
		return
	}
	n := m.Count()
	rate := float64(n-m.ticked) / past.Seconds()
	for i, w := range windows {
		if !m.settled {
			m.rates[i] = rate
			continue
		}
		m.rates[i] += (1 - math.Exp(-past.Seconds()/w.Seconds())) * (rate - m.rates[i])
	}
	m.last, m.ticked, m.settled = now, n, true
}

// Rates are the rates at a moment.
func (m *Meter) Rates(now time.Time) Rates {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tick(now)
	r := Rates{One: m.rates[0], Five: m.rates[1], Fifteen: m.rates[2]}
	if past := now.Sub(m.began); past > 0 {
		r.Mean = float64(m.Count()) / past.Seconds()
	}
	return r
}

// Histogram is how large values are, from 0 up. It keeps counts of ranges that
// are an eighth of their values wide, so that percentiles are true within 13 %.
// The zero Histogram is empty. Its methods may be called concurrently.
type Histogram struct {
	count, sum, max atomic.Int64
	ranges          [histogramRanges]atomic.Uint32

	mu     sync.Mutex
	turned time.Time                  // guarded by mu
	past   [2][histogramRanges]uint32 // guarded by mu; ranges as they were at the last two turns
}

const (
	histogramRanges = 8 * 40          // up to 2^42: 48 days in microseconds
	histogramWindow = 5 * time.Minute // percentiles are of the last one to two
)

// Observe takes a value; one below 0 is 0.
func (h *Histogram) Observe(v int64) {
	v = max(v, 0)
	h.count.Add(1)
	h.sum.Add(v)
	h.ranges[rangeOf(v)].Add(1)
	for {
		m := h.max.Load()
		if v <= m || h.max.CompareAndSwap(m, v) {
			return
		}
	}
}

// rangeOf numbers the ranges: 0 to 15 are values of their own, and then every
// doubling has eight.
func rangeOf(v int64) int {
	if v < 16 {
		return int(v)
	}
	e := bits.Len64(uint64(v)) - 4 // v>>e is 8 to 15
	return min(8*e+int(v>>e), histogramRanges-1)
}

// middleOf is the middle of a range.
func middleOf(i int) float64 {
	if i < 16 {
		return float64(i)
	}
	e := i/8 - 1
	low := int64(i-8*e) << e
	return float64(low) + float64(int64(1)<<e)/2
}

// Summary is a histogram's values: Count, Sum and Max since the beginning, and
// percentiles of the last minutes, or of the last minutes with values.
type Summary struct {
	Count, Sum, Max int64
	Percentiles     []float64
}

// Summary answers the asked percentiles, each 0 to 1.
func (h *Histogram) Summary(now time.Time, asked ...float64) Summary {
	s := Summary{Count: h.count.Load(), Sum: h.sum.Load(), Max: h.max.Load(), Percentiles: make([]float64, len(asked))}
	h.mu.Lock()
	defer h.mu.Unlock()
	var recent [histogramRanges]uint32
	total, sinceTurn := uint64(0), false
	for i := range h.ranges {
		n := h.ranges[i].Load()
		recent[i] = n - h.past[0][i]
		total += uint64(recent[i])
		sinceTurn = sinceTurn || n != h.past[1][i]
	}
	if h.turned.IsZero() {
		h.turned = now
	}
	if sinceTurn && now.Sub(h.turned) >= histogramWindow {
		h.turned, h.past[0] = now, h.past[1]
		for i := range h.ranges {
			h.past[1][i] = h.ranges[i].Load()
		}
	}
	for i, q := range asked {
		s.Percentiles[i] = min(percentile(&recent, total, q), float64(s.Max))
	}
	return s
}

func percentile(ranges *[histogramRanges]uint32, total uint64, q float64) float64 {
	if total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(total)))
	for i, n := range ranges {
		if uint64(n) >= rank {
			return middleOf(i)
		}
		rank -= uint64(n)
	}
	return middleOf(histogramRanges - 1)
}

// Totals is the count and the sum of all values.
func (h *Histogram) Totals() (count, sum int64) { return h.count.Load(), h.sum.Load() }
