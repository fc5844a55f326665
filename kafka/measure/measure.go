// Package measure is what a broker counts, with Kafka's names: one Broker is
// shared by its listeners and handlers, which add to it. kafka/cluster makes one
// for each start of a broker, and reads it for who renders; the package renders
// nothing.
package measure

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/metrics"
)

// Topic is the traffic of one topic on one broker, or of all topics
// (kafka.server:type=BrokerTopicMetrics).
type Topic struct {
	BytesIn, BytesOut, BytesRejected, MessagesIn metrics.Meter
	ProduceRequests, FetchRequests               metrics.Meter // one for each partition of a request
	FailedProduce, FailedFetch                   metrics.Meter
}

// Named is a meter with the name that Kafka has for it.
type Named struct {
	Name  string
	Meter *metrics.Meter
}

// Meters names all meters.
func (t *Topic) Meters() []Named {
	return []Named{
		{"BytesInPerSec", &t.BytesIn}, {"BytesOutPerSec", &t.BytesOut}, {"BytesRejectedPerSec", &t.BytesRejected},
		{"MessagesInPerSec", &t.MessagesIn}, {"TotalProduceRequestsPerSec", &t.ProduceRequests},
		{"TotalFetchRequestsPerSec", &t.FetchRequests}, {"FailedProduceRequestsPerSec", &t.FailedProduce},
		{"FailedFetchRequestsPerSec", &t.FailedFetch},
	}
}

// Request is how long the requests of one API took
// (kafka.network:type=RequestMetrics), in microseconds but for Bytes.
type Request struct {
	Requests metrics.Meter
	Queue    metrics.Histogram // from the whole request's being read to its being judged
	Local    metrics.Histogram // until the reader may go on with the next request
	Remote   metrics.Histogram // the answer's wait: for the disk, for records, for a coordinator
	Response metrics.Histogram // the wait for earlier answers of the connection
	Send     metrics.Histogram // encoding, and handing the bytes to the system
	Total    metrics.Histogram
	Throttle metrics.Histogram // how long clients were told to be silent
	Bytes    metrics.Histogram // of requests
}

// NamedHistogram is a histogram with the name that Kafka has for it.
type NamedHistogram struct {
	Name      string
	Histogram *metrics.Histogram
	Unit      float64 // of Kafka's unit, in the histogram's
}

// Histograms names all histograms.
func (r *Request) Histograms() []NamedHistogram {
	const ms = 1000
	return []NamedHistogram{
		{"RequestQueueTimeMs", &r.Queue, ms}, {"LocalTimeMs", &r.Local, ms}, {"RemoteTimeMs", &r.Remote, ms},
		{"ResponseQueueTimeMs", &r.Response, ms}, {"ResponseSendTimeMs", &r.Send, ms}, {"TotalTimeMs", &r.Total, ms},
		{"ThrottleTimeMs", &r.Throttle, ms}, {"RequestBytes", &r.Bytes, 1},
	}
}

// Times are when a request passed from one part of its way to the next.
type Times struct {
	Read    time.Time // all of it was there, and its client not muted
	Judged  time.Time // decoded
	Handled time.Time // the reader may go on
	Taken   time.Time // the writer has come to its answer
	Ready   time.Time // the answer
	Sent    time.Time
}

// Done counts a request that was answered.
func (r *Request) Done(t Times) {
	r.Requests.Add(1)
	r.Queue.Observe(t.Judged.Sub(t.Read).Microseconds())
	r.Local.Observe(t.Handled.Sub(t.Judged).Microseconds())
	r.Response.Observe(t.Taken.Sub(t.Handled).Microseconds())
	r.Remote.Observe(t.Ready.Sub(t.Taken).Microseconds())
	r.Send.Observe(t.Sent.Sub(t.Ready).Microseconds())
	r.Total.Observe(t.Sent.Sub(t.Read).Microseconds())
}

// Throttled is what clients were silenced for.
type Throttled struct {
	Requests, Millis, Bytes metrics.Counter
}

// Note counts a request of so many bytes whose client is silenced, if it is.
func (t *Throttled) Note(silence time.Duration, bytes int) {
	if silence <= 0 {
		return
	}
	t.Requests.Add(1)
	t.Millis.Add(silence.Milliseconds())
	t.Bytes.Add(int64(bytes))
}

// Connections are those of one listener since the broker's start.
type Connections struct {
	Opened, Closed, Refused metrics.Counter
	Strangers               atomic.Int64 // open ones whose client is not authenticated yet
}

const maxKey = 128 // API keys; those of Kafka 4.1 end at 92

// Broker is what one broker counts. Its methods may be called concurrently.
type Broker struct {
	All Topic // of all topics

	ISRShrinks, ISRExpands metrics.Meter
	Produce, Fetch, Other  Throttled       // by the kind of request that was too much
	IAMRequests            metrics.Counter // logins with IAM that were begun
	IAMTooMany             metrics.Counter // and those of them that came too soon

	lmu       sync.Mutex
	listeners map[string]*Connections // guarded by lmu; there are few names

	requests [maxKey]atomic.Pointer[Request]

	// Topics as Go's maps for many readers were: who finds one takes no lock.
	read  atomic.Pointer[map[string]*Topic]
	mu    sync.Mutex
	all   map[string]*Topic // guarded by mu; read is older
	tries int               // guarded by mu: of those that read did not know
}

// Listener is the connections of one listener, by its name.
func (b *Broker) Listener(name string) *Connections {
	b.lmu.Lock()
	defer b.lmu.Unlock()
	c := b.listeners[name]
	if c == nil {
		if b.listeners == nil {
			b.listeners = make(map[string]*Connections)
		}
		c = new(Connections)
		b.listeners[name] = c
	}
	return c
}

// Listeners is every listener that the broker has had.
func (b *Broker) Listeners() map[string]*Connections {
	b.lmu.Lock()
	defer b.lmu.Unlock()
	return maps.Clone(b.listeners)
}

// Topic is the traffic of one topic, which the caller knows to exist.
func (b *Broker) Topic(name string) *Topic {
	if read := b.read.Load(); read != nil {
		if t := (*read)[name]; t != nil {
			return t
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.all[name]
	if t == nil {
		if b.all == nil {
			b.all = make(map[string]*Topic)
		}
		t = new(Topic)
		b.all[name] = t
	}
	if b.tries++; b.tries >= len(b.all) {
		b.publish()
	}
	return t
}

// publish gives readers a copy of all. The caller has mu.
func (b *Broker) publish() {
	next := make(map[string]*Topic, len(b.all))
	for name, t := range b.all {
		next[name] = t
	}
	b.read.Store(&next)
	b.tries = 0
}

// Topics is every topic with traffic that exists still; the others are
// forgotten.
func (b *Broker) Topics(exists func(name string) bool) map[string]*Topic {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[string]*Topic, len(b.all))
	for name, t := range b.all {
		if exists(name) {
			out[name] = t
		}
	}
	if len(out) != len(b.all) {
		b.all = make(map[string]*Topic, len(out))
		for name, t := range out {
			b.all[name] = t
		}
		b.publish()
	}
	return out
}

// Request is the requests of one API.
func (b *Broker) Request(key int16) *Request {
	at := &b.requests[uint16(key)%maxKey]
	if r := at.Load(); r != nil {
		return r
	}
	at.CompareAndSwap(nil, new(Request))
	return at.Load()
}

// API is the requests of one API by its name.
type API struct {
	Name     string
	Requests *Request
}

// keyFetch is Fetch, which Kafka counts as FetchConsumer besides. Here no
// follower fetches.
const keyFetch = 1

// Requests is every API that was asked for.
func (b *Broker) Requests() []API {
	var out []API
	for key := range int16(maxKey) {
		r := b.requests[key].Load()
		if r == nil {
			continue
		}
		out = append(out, API{kmsg.NameForKey(key), r})
		if key == keyFetch {
			out = append(out, API{"FetchConsumer", r})
		}
	}
	slices.SortFunc(out, func(a, b API) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

// Tick brings every rate up to now.
func (b *Broker) Tick(now time.Time, exists func(topic string) bool) {
	topics := b.Topics(exists)
	topics[""] = &b.All // no topic has this name
	for _, t := range topics {
		for _, m := range t.Meters() {
			m.Meter.Tick(now)
		}
	}
	b.ISRShrinks.Tick(now)
	b.ISRExpands.Tick(now)
	for i := range b.requests {
		if r := b.requests[i].Load(); r != nil {
			r.Requests.Tick(now)
		}
	}
}
