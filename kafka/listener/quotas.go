package listener

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/quota"
	"github.com/millrace/millrace/kafka/wire"
	"github.com/millrace/millrace/throttle"
)

// Quotas is what the listeners of one broker measure clients by. The meters are
// shared: Clients and Connections by the listeners of a broker, Mutations by all
// brokers of a cluster, since Kafka's controller measures them.
type Quotas struct {
	Rules       func() *quota.Rules // the newest; called for every request
	Clients     *quota.Meters
	Mutations   *quota.Meters
	Connections *quota.Connections
	Ceilings    *quota.Ceilings // of all clients together; nil: none
	// IAM is how many sessions may begin with IAM on all listeners, re-authentication
	// aside (aws:kafka developer guide, quotas); nil: no limit. It has one key.
	IAM *throttle.Failures

	// Doors are the limits of connections as they are for the listener now.
	Doors func() *quota.ConnectionRules
	// Changed is closed when Doors answers otherwise; nil: never.
	Changed func() <-chan struct{}
}

// strictSince is from which version on a client is refused when it is over its
// quota of mutations; an older one is silenced alone, as is a Metadata that
// creates topics (KIP-599).
var strictSince = map[int16]int16{keyCreateTopics: 6, keyDeleteTopics: 5, keyCreatePartitions: 3}

const (
	keyProduce          = 0
	keyFetch            = 1
	keyCreateTopics     = 19
	keyDeleteTopics     = 20
	keyAlterConfigs     = 33
	keyCreatePartitions = 37

	keyIncrementalAlterConfigs = 44
)

// charge is what one request costs its client. A nil charge costs nothing: the
// cluster has no quotas.
//
// The time of a request is what its reader spends on it, from the authorizer to
// the append, what Fetch spends on reading, and what encoding takes; it is
// elapsed time, as on Kafka's threads. What an answer waits for costs nothing, nor
// does what Handle says it Waited for.
type charge struct {
	c     *conn
	h     wire.Header
	rules *quota.Rules
	who   quota.Client
	began time.Time
	spent time.Duration // of Fetch: the reader's part
	wait  time.Duration // how long the client is to be silent

	ceilings *quota.Ceilings // nil: none
}

// charge begins a request's bill.
func (c *conn) charge(h wire.Header) *charge {
	q := c.l.cfg.Quotas
	if q == nil {
		return nil
	}
	rules := q.Rules()
	ceilings := q.Ceilings
	if ceilings == nil || !ceilings.On.Load() {
		ceilings = nil
		if len(rules.Limits) == 0 {
			return nil
		}
	}
	return &charge{c: c, h: h, rules: rules, ceilings: ceilings, who: quota.Client{User: c.session.Identity.Name, ID: h.ClientID}, began: time.Now()}
}

// handled bills what the reader did: the bytes of a Produce, and the time of
// all but Fetch, which bills itself, and of a Produce without an answer.
func (b *charge) handled(msg kmsg.Request, bytes int) {
	if b == nil {
		return
	}
	now := time.Now()
	b.spent = now.Sub(b.began)
	clients := b.c.l.cfg.Quotas.Clients
	wait := b.wait
	p, produce := msg.(*kmsg.ProduceRequest)
	if produce {
		tooMuch := max(b.wait, clients.Record(b.rules, quota.ProducerBytes, b.who, float64(bytes), now))
		if b.ceilings != nil {
			tooMuch = max(tooMuch, b.ceilings.In.Record(float64(bytes), now))
		}
		b.c.l.cfg.Measure.Produce.Note(tooMuch, bytes)
		wait = max(wait, tooMuch)
	}
	if b.h.Key != keyFetch && !(produce && p.Acks == 0) {
		tooMuch := clients.Record(b.rules, quota.RequestPercent, b.who, percent(b.spent), now)
		b.c.l.cfg.Measure.Other.Note(tooMuch, bytes)
		wait = max(wait, tooMuch)
	}
	if b.ceilings != nil {
		wait = max(wait, b.shared(now))
	}
	b.silence(wait)
}

// shared bills the request itself where all clients together have a limit.
func (b *charge) shared(now time.Time) time.Duration {
	wait := b.ceilings.Requests.Record(1, now)
	if slices.Contains(managesTopics, b.h.Key) {
		wait = max(wait, b.ceilings.Topics.Record(1, now))
	}
	return wait
}

// managesTopics are the requests that create, change or delete topics.
var managesTopics = []int16{keyCreateTopics, keyDeleteTopics, keyAlterConfigs, keyCreatePartitions, keyIncrementalAlterConfigs}

// percent is a duration in hundredths of a second.
func percent(d time.Duration) float64 { return d.Seconds() * 100 }

// silence tells the answer, and mutes the connection from now on (KIP-219: the
// answer goes out at once).
func (b *charge) silence(wait time.Duration) {
	if b.wait = wait; wait > 0 {
		b.c.l.counts.throttled.Add(1)
		b.c.mute(wait)
	}
}

// encode encodes a response with its throttle time, and bills the time that
// takes, which is too late to silence anybody for it.
func (b *charge) encode(out *encoded, correlation int32, resp kmsg.Response) {
	if b == nil {
		out.encode(correlation, resp)
		return
	}
	began := time.Now()
	if r, ok := resp.(kmsg.SetThrottleResponse); ok && b.wait > 0 {
		r.SetThrottle(int32(b.wait.Milliseconds()))
	}
	out.encode(correlation, resp)
	now := time.Now()
	b.c.l.cfg.Quotas.Clients.Add(b.rules, quota.RequestPercent, b.who, percent(now.Sub(began)), now)
}

// FetchRoom is the most bytes that the answer to a Fetch should have: more
// would certainly be over the client's quota.
func (r *Request) FetchRoom() int {
	if r.charge == nil {
		return math.MaxInt32
	}
	room := r.charge.rules.Most(quota.ConsumerBytes, r.charge.who)
	if c := r.charge.ceilings; c != nil {
		room = min(room, c.Out.Most())
	}
	return room
}

// Fetched bills a Fetch: the bytes of its answer and the time spent on reading.
// partitions is how long the limits of the partitions it read want silence. When
// the client is over a quota the answer must be an empty one instead, which
// costs no bytes. It is called once, by the Answer.
func (r *Request) Fetched(bytes int, spent, partitions time.Duration) (throttled bool) {
	b := r.charge
	if b == nil {
		return false
	}
	now := time.Now()
	clients := b.c.l.cfg.Quotas.Clients
	wait := clients.Record(b.rules, quota.RequestPercent, b.who, percent(b.spent+spent), now)
	b.c.l.cfg.Measure.Other.Note(wait, bytes)
	tooMuch := max(partitions, clients.Record(b.rules, quota.ConsumerBytes, b.who, float64(bytes), now))
	if b.ceilings != nil {
		tooMuch = max(tooMuch, b.ceilings.Out.Record(float64(bytes), now))
	}
	b.c.l.cfg.Measure.Fetch.Note(tooMuch, bytes)
	if wait = max(wait, tooMuch); wait > 0 {
		clients.Add(b.rules, quota.ConsumerBytes, b.who, -float64(bytes), now)
		if b.ceilings != nil {
			b.ceilings.Out.Add(-float64(bytes), now)
		}
	}
	b.silence(wait)
	return wait > 0
}

// Waited takes back what Handle has only waited for: a coordinator's word.
func (r *Request) Waited(d time.Duration) {
	if r.charge != nil {
		r.charge.began = r.charge.began.Add(d)
	}
}

// Mutate bills the creation or deletion of n partitions (KIP-599). The error is
// THROTTLING_QUOTA_EXCEEDED, and then it must not happen. It is called before
// Handle returns.
func (r *Request) Mutate(n int) error {
	b := r.charge
	if b == nil {
		return nil
	}
	since, known := strictSince[b.h.Key]
	strict := known && b.h.Version >= since
	now := time.Now()
	wait, ok := b.c.l.cfg.Quotas.Mutations.Mutate(b.rules, b.who, float64(n), strict, now)
	b.wait = max(b.wait, wait)
	if ok && b.ceilings != nil {
		wait, ok = b.ceilings.Partitions.Take(float64(n), strict, now)
		b.wait = max(b.wait, wait)
	}
	if !ok {
		return kerr.ThrottlingQuotaExceeded
	}
	return nil
}

// Hold has the client be silent for a time, as the limits of partitions want. It
// is called before Handle returns.
func (r *Request) Hold(wait time.Duration) {
	if r.charge != nil {
		r.charge.wait = max(r.charge.wait, wait)
	}
}

// mute has the connection's next request wait.
func (c *conn) mute(wait time.Duration) {
	until := int64(time.Since(c.l.began) + wait)
	for {
		old := c.muted.Load()
		if until <= old || c.muted.CompareAndSwap(old, until) {
			return
		}
	}
}

// waitMuted waits while the connection is muted. The request that has arrived
// meanwhile is held, and the peer's further ones stay in its socket.
func (c *conn) waitMuted(ctx context.Context) error {
	for c.muted.Load() != 0 {
		left := time.Duration(c.muted.Load()) - time.Since(c.l.began)
		if left <= 0 {
			return nil
		}
		if err := c.l.pause(ctx, left); err != nil {
			return err
		}
	}
	return nil
}

// pause waits, but not beyond the listener's end.
func (l *Listener) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-l.drained:
		return errDrain
	case <-ctx.Done():
		return ctx.Err()
	}
}
