package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/sigv4"
	"github.com/millrace/millrace/throttle"
)

// What peers may cost before their signature is verified. The server bounds
// connections and headers, maxBody one request.
const (
	maxUnverified     = 256 // requests read and verified at a time
	maxUnverifiedFrom = 64  // of one address
	gatePatience      = 5 * time.Second
	maxSources        = 1 << 16 // addresses and keys remembered
)

// Failed signatures: of one key from one address, which is then refused without
// a look at its signature, and of one address or one key, whose further bad
// signatures are refused as throttled. A good signature passes in both those
// cases, so that nobody can lock out others, behind his own address or by their
// key's id.
var (
	pairRule   = throttle.Rule{Burst: 30, Every: 2 * time.Second, Keys: maxSources}
	sourceRule = throttle.Rule{Burst: 100, Every: time.Second, Keys: maxSources}
	keyRule    = throttle.Rule{Burst: 100, Every: time.Second, Keys: maxSources}
)

// gate stands before verification.
type gate struct {
	all                chan struct{} // capacity maxUnverified
	pairs, sources, by *throttle.Failures

	mu    sync.Mutex
	rooms map[netip.Addr]*room // under mu: of addresses with requests in the gate
}

// room is the places of one address.
type room struct {
	places chan struct{} // capacity maxUnverifiedFrom
	users  int           // under gate.mu: who holds or waits
}

func newGate() *gate {
	return &gate{
		all: make(chan struct{}, maxUnverified), rooms: map[netip.Addr]*room{},
		pairs: throttle.New(pairRule), sources: throttle.New(sourceRule), by: throttle.New(keyRule),
	}
}

// source is where a request comes from: an address, or the network of 64 bits
// that one host has in IPv6. The zero Addr stands for a peer without one.
func source(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return throttle.Source(at.Addr())
}

// enter waits for a place for a request that is not verified yet. leave may be
// called more than once.
func (g *gate) enter(ctx context.Context, from netip.Addr) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, gatePatience)
	defer cancel()
	r := g.hold(from)
	select {
	case r.places <- struct{}{}:
	case <-ctx.Done():
		g.release(from, r)
		return nil, throttled()
	}
	select {
	case g.all <- struct{}{}:
	case <-ctx.Done():
		<-r.places
		g.release(from, r)
		return nil, throttled()
	}
	return sync.OnceFunc(func() {
		<-g.all
		<-r.places
		g.release(from, r)
	}), nil
}

func (g *gate) hold(from netip.Addr) *room {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.rooms[from]
	if r == nil {
		r = &room{places: make(chan struct{}, maxUnverifiedFrom)}
		g.rooms[from] = r
	}
	r.users++
	return r
}

func (g *gate) release(from netip.Addr, r *room) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.users--; r.users == 0 {
		delete(g.rooms, from)
	}
}

// throttled is AWS's answer to who is too fast (Common errors of all services).
func throttled() *model.Error {
	return &model.Error{Code: "ThrottlingException", HTTP: http.StatusBadRequest, Message: "Rate exceeded"}
}

func pairOf(from netip.Addr, key string) string { return from.String() + " " + key }

// may says whether a key's signature from an address is looked at now.
func (g *gate) may(from netip.Addr, key string, now time.Time) error {
	if g.pairs.Wait(pairOf(from, key), now) > 0 {
		return throttled()
	}
	return nil
}

// failed counts what a verification said, and makes it the answer of who failed
// too often. A signature that is late or early tells nothing about a secret: it
// counts only as one that was no use.
func (g *gate) failed(from netip.Addr, key string, err error, now time.Time) error {
	bad := (*sigv4.Error)(nil)
	if !errors.As(err, &bad) {
		return err
	}
	guess := bad.Kind == sigv4.Mismatch || bad.Kind == sigv4.UnknownKey
	over := g.sources.Wait(from.String(), now) > 0 || guess && g.by.Wait(key, now) > 0
	g.sources.Failed(from.String(), now)
	if guess {
		g.by.Failed(key, now)
		g.pairs.Failed(pairOf(from, key), now)
	}
	if over {
		return throttled()
	}
	return err
}
