// Package trail is the engine that writes an audit log while a server runs. One
// goroutine takes events, writes those that wait together with one sync, signs
// digests at intervals and counts what it left out.
//
// The server makes one; the API's edge and the brokers' listeners hand it events.
// It keeps nothing but the queue: a killed server loses what nobody was answered
// about. It never decides what is recorded.
package trail

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/audit"
)

// Limits.
const (
	maxQueued = 1024 // events that wait to be written
	maxBatch  = 256  // events of one sync

	// Refused requests are what strangers can make without end: after a burst,
	// so many a second are recorded, and of the others how many they were.
	refusedBurst     = 200
	refusedPerSecond = 10

	suppressedEvery = 10 * time.Second // how often those are counted in the log
	digestEvery     = time.Hour
)

// ErrClosed answers events after Close.
var ErrClosed = errors.New("the audit log is closed")

// Config is what a Trail needs.
type Config struct {
	Writer *audit.Writer // the Trail's own from now on; Close closes it
	Log    *slog.Logger  // told once when the log fails
	// Written is told of events that are on disk, in their order; it must not
	// block. nil: nobody is told.
	Written func([]audit.Event)
}

// Trail is a running audit log. Its methods may be called concurrently.
type Trail struct {
	cfg   Config
	queue chan item
	ended chan struct{} // closed by Close
	done  chan struct{} // closed when the writer has gone

	endOnce sync.Once
	failed  atomic.Pointer[error]

	mu         sync.Mutex
	tokens     float64          // under mu: refused events that may still be recorded
	refilled   time.Time        // under mu
	suppressed map[string]int64 // under mu, by event name: at most maxNames
}

// maxNames bounds the names that left-out events are counted by.
const maxNames = 256

type item struct {
	event   audit.Event
	written chan error // capacity 1; nil: nobody waits
}

// Start begins writing. Close must be called.
func Start(cfg Config) *Trail {
	t := &Trail{
		cfg: cfg, queue: make(chan item, maxQueued), ended: make(chan struct{}), done: make(chan struct{}),
		tokens: refusedBurst, refilled: time.Now(), suppressed: map[string]int64{},
	}
	go t.run() // Close waits for it
	return t
}

// Err is why nothing can be recorded any more, or nil.
func (t *Trail) Err() error {
	if err := t.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Commit records an event and returns when it is on disk.
func (t *Trail) Commit(ctx context.Context, e audit.Event) error {
	i := item{complete(e), make(chan error, 1)}
	select {
	case t.queue <- i:
	case <-t.done:
		return t.gone()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-i.written:
		return err
	case <-t.done:
		select {
		case err := <-i.written:
			return err
		default:
			return t.gone()
		}
	}
}

func (t *Trail) gone() error {
	if err := t.Err(); err != nil {
		return err
	}
	return ErrClosed
}

// Refused records a request that was refused, soon and without waiting, unless
// there were too many: then it is counted.
func (t *Trail) Refused(e audit.Event) {
	if t.take() {
		select {
		case t.queue <- item{complete(e), nil}:
			return
		default:
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	name := e.Source + " " + e.Name
	if _, known := t.suppressed[name]; !known && len(t.suppressed) >= maxNames {
		name = "others"
	}
	t.suppressed[name]++
}

// take takes a token for a refused event.
func (t *Trail) take() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.tokens = min(refusedBurst, t.tokens+now.Sub(t.refilled).Seconds()*refusedPerSecond)
	t.refilled = now
	if t.tokens < 1 {
		return false
	}
	t.tokens--
	return true
}

// complete gives an event its id and its time.
func complete(e audit.Event) audit.Event {
	if e.ID == "" {
		var b [16]byte
		rand.Read(b[:])
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		e.ID = fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	if e.Time.IsZero() {
		e.Time = audit.Stamp{Time: time.Now()}
	}
	return e
}

// run is the writer.
func (t *Trail) run() {
	defer close(t.done)
	digest, count := time.NewTicker(digestEvery), time.NewTicker(suppressedEvery)
	defer digest.Stop()
	defer count.Stop()
	for {
		var err error
		select {
		case first := <-t.queue:
			err = t.write(t.batch(first))
		case <-count.C:
			err = t.write(t.leftOut())
		case <-digest.C:
			err = t.cfg.Writer.Digest(time.Now())
		case <-t.ended:
			t.finish()
			return
		}
		if err != nil {
			t.fail(err)
			return
		}
	}
}

// batch takes what waits together with first.
func (t *Trail) batch(first item) []item {
	out := []item{first}
	for len(out) < maxBatch {
		select {
		case i := <-t.queue:
			out = append(out, i)
		default:
			return out
		}
	}
	return out
}

// leftOut is the record of how many were not recorded.
func (t *Trail) leftOut() []item {
	t.mu.Lock()
	counts := t.suppressed
	t.suppressed = map[string]int64{}
	t.mu.Unlock()
	if len(counts) == 0 {
		return nil
	}
	data, err := json.Marshal(map[string]any{"suppressed": counts})
	if err != nil {
		return nil // a map of numbers encodes
	}
	return []item{{complete(audit.Event{
		Identity: audit.Identity{Type: "AWSService"}, Source: "millrace", Name: "RefusedRequestsSuppressed", Type: audit.TypeService, Additional: data,
	}), nil}}
}

func (t *Trail) write(items []item) error {
	if len(items) == 0 {
		return nil
	}
	events := make([]audit.Event, len(items))
	for i := range items {
		events[i] = items[i].event
	}
	err := t.cfg.Writer.Write(events, time.Now())
	if err != nil {
		t.failed.Store(&err) // whoever hears of it changes nothing more
	} else if t.cfg.Written != nil {
		t.cfg.Written(events)
	}
	for _, i := range items {
		if i.written != nil {
			i.written <- err
		}
	}
	return err
}

// finish writes what is left and closes the log.
func (t *Trail) finish() {
	for {
		select {
		case first := <-t.queue:
			if err := t.write(t.batch(first)); err != nil {
				t.fail(err)
				return
			}
		default:
			if err := errors.Join(t.write(t.leftOut()), t.cfg.Writer.Close(time.Now())); err != nil {
				t.fail(err)
			}
			return
		}
	}
}

// fail ends the trail: callers who change things are refused from now on.
func (t *Trail) fail(err error) {
	t.failed.Store(&err)
	if t.cfg.Log != nil {
		t.cfg.Log.Error("the audit log has failed; calls that change something are refused", "error", err)
	}
	_ = t.cfg.Writer.Close(time.Now()) // it says the same
}

// Close records what waits, signs the log and closes it.
func (t *Trail) Close() error {
	t.endOnce.Do(func() { close(t.ended) })
	<-t.done
	return t.Err()
}
