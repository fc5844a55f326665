// Package throttle slows down who fails again and again: a token bucket for each
// key, of which a failure takes one, in a memory of fixed size.
//
// The edges ask it before they check a password or a signature, and tell it of
// failures. It reads no clock, starts nothing and never logs.
package throttle

import (
	"container/list"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Rule is how many failures a key may have.
type Rule struct {
	Burst int           // at once; at least 1
	Every time.Duration // one more after each of these
	Keys  int           // remembered at most; the one that failed longest ago is forgotten
}

// Failures counts failures by key. It may be used concurrently.
type Failures struct {
	rule Rule
	seed maphash.Seed

	mu   sync.Mutex
	keys map[uint64]*list.Element // under mu: at most rule.Keys
	last *list.List               // under mu: of *bucket, the newest failure in front
}

// Source is what an address counts as: itself, or in IPv6 the network of 64 bits
// that one host has. The zero Addr stands for a peer without an address.
func Source(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if prefix, err := ip.Prefix(64); err == nil && ip.Is6() {
		return prefix.Addr()
	}
	return ip
}

type bucket struct {
	key   uint64
	spent float64 // of Burst, at the time
	at    time.Time
}

// New counts by a rule.
func New(r Rule) *Failures {
	return &Failures{rule: r, seed: maphash.MakeSeed(), keys: map[uint64]*list.Element{}, last: list.New()}
}

// hash stands for the key, so that long keys cost no memory. Two keys with one
// hash would share a bucket.
func (f *Failures) hash(key string) uint64 { return maphash.String(f.seed, key) }

// Wait is how long a key must wait until its next try; 0 is now. It takes
// nothing.
func (f *Failures) Wait(key string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.keys[f.hash(key)]
	if !ok {
		return 0
	}
	spent := e.Value.(*bucket).left(f.rule, now)
	if over := spent + 1 - float64(f.rule.Burst); over > 0 {
		return time.Duration(over * float64(f.rule.Every))
	}
	return 0
}

// left is what is still spent now.
func (b *bucket) left(r Rule, now time.Time) float64 {
	return max(0, b.spent-max(0, float64(now.Sub(b.at))/float64(r.Every)))
}

// Failed tells of a failure. Failures while a key must wait take nothing: it is
// not locked out for longer by trying.
func (f *Failures) Failed(key string, now time.Time) {
	h := f.hash(key)
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.keys[h]
	if !ok {
		if f.last.Len() >= f.rule.Keys {
			oldest := f.last.Back()
			delete(f.keys, oldest.Value.(*bucket).key)
			f.last.Remove(oldest)
		}
		e = f.last.PushFront(&bucket{key: h, at: now})
		f.keys[h] = e
	}
	b := e.Value.(*bucket)
	if spent := b.left(f.rule, now); spent+1 <= float64(f.rule.Burst) {
		b.spent, b.at = spent+1, now
	}
	f.last.MoveToFront(e)
}

// Len is how many keys are remembered.
func (f *Failures) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last.Len()
}
