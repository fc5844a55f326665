package quota

import (
	"math"
	"time"
)

// sample is what happened from start on, until the next sample began.
type sample struct {
	start, last time.Time
	value       float64
}

// rate is a sum over a moving window of samples (Kafka SampledStat and Rate). A
// sample begins with what it counts, so that the window's length varies by one
// sample.
type rate struct {
	samples []sample // a ring of one more than the window has, for the one that leaves
	current int
}

func (r *rate) record(w Window, n float64, now time.Time) {
	if len(r.samples) == 0 {
		r.samples = append(r.samples, sample{start: now})
	} else if now.Sub(r.samples[r.current].start) >= w.Size {
		r.current = (r.current + 1) % (w.Samples + 1)
		if r.current >= len(r.samples) {
			r.current = len(r.samples)
			r.samples = append(r.samples, sample{})
		}
		r.samples[r.current] = sample{start: now}
	}
	s := &r.samples[r.current]
	s.value += n
	s.last = now
}

// measure is the sum over the window, and how long the window is: at least all
// of its samples but the one that is being filled.
func (r *rate) measure(w Window, now time.Time) (sum float64, window time.Duration) {
	oldest := now
	for i := range r.samples {
		s := &r.samples[i]
		if now.Sub(s.last) >= time.Duration(w.Samples)*w.Size {
			*s = sample{start: now, last: now}
		}
		sum += s.value
		if s.start.Before(oldest) {
			oldest = s.start
		}
	}
	window = now.Sub(oldest)
	if full := int(window / w.Size); full < w.Samples-1 {
		window += time.Duration(w.Samples-1-full) * w.Size
	}
	return sum, max(window, time.Millisecond)
}

// throttle is how long nothing must happen until the rate is the limit again.
// With O observed over a window W and T allowed: (O-T)/T * W.
func (r *rate) throttle(w Window, limit float64, now time.Time) time.Duration {
	sum, window := r.measure(w, now)
	observed := sum / window.Seconds()
	if observed <= limit {
		return 0
	}
	return toDuration((observed - limit) / limit * window.Seconds())
}

// tokens is a bucket that fills at the limit's rate up to what a whole window
// allows, and may be overdrawn by what takes the last token (KIP-599).
type tokens struct {
	left float64
	at   time.Time
	used bool
}

func (t *tokens) refill(w Window, limit float64, now time.Time) {
	most := float64(w.Samples) * w.Size.Seconds() * limit
	if !t.used {
		t.left, t.at, t.used = most, now, true
	}
	t.left = min(most, t.left+limit*now.Sub(t.at).Seconds())
	t.at = now
}

// wait is how long it takes until the bucket is not overdrawn.
func (t *tokens) wait(limit float64) time.Duration {
	if t.left >= 0 {
		return 0
	}
	return toDuration(-t.left / limit)
}

// longest is the longest throttle time that the protocol can tell.
const longest = math.MaxInt32 * time.Millisecond

// toDuration rounds to milliseconds, as the wire needs.
func toDuration(seconds float64) time.Duration {
	ms := math.Round(seconds * 1000)
	if ms >= math.MaxInt32 {
		return longest
	}
	return time.Duration(ms) * time.Millisecond
}
