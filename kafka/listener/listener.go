// Package listener is where Kafka clients connect: it accepts connections,
// reads frames, authenticates (TLS, SASL), asks the authorizer once per request,
// hands requests to a Backend in order and sends the answers in order.
//
// kafka/cluster and the gateway's assembly make one Listener per broker and
// listener name. It keeps only connection state, all of it bounded and lost with
// the connection. It never knows what a topic holds, and a Backend behind it
// never asks "may you?" but for requests that list (see table).
package listener

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/kafka/sasl"
	"github.com/millrace/millrace/kafka/wire"
	"github.com/millrace/millrace/throttle"
)

// Limits of a connection.
const (
	maxPending      = 64       // answers not yet sent
	maxPendingBytes = 16 << 20 // of the requests they answer
	maxUnsent       = 1 << 20  // bytes of answers waiting for the peer to read
	maxKeptFrame    = 16 << 20 // of a Produce whose memory serves the next one
	tlsTimeout      = 10 * time.Second
	saslTimeout     = 30 * time.Second
	shortestSession = 2 * time.Second

	defaultIdle           = 10 * time.Minute // connections.max.idle.ms
	sendTimeout           = 10 * time.Minute // of one write to a peer that reads nothing
	defaultMaxConnections = 20_000
	mostConnections       = 100_000 // whatever clients have configured
	defaultMaxStrangers   = 2000
	defaultIAMSession     = 12 * time.Hour
)

// Op is a Kafka ACL operation, or Connect, which only IAM has.
type Op int8

// The operations.
const (
	Connect Op = iota + 1
	Describe
	Read
	Write
	Create
	Alter
	Delete
	DescribeConfigs
	AlterConfigs
	IdempotentWrite
	ClusterAction
)

var opNames = [...]string{"", "Connect", "Describe", "Read", "Write", "Create", "Alter", "Delete",
	"DescribeConfigs", "AlterConfigs", "IdempotentWrite", "ClusterAction"}

// String is the operation as Kafka's tools write it.
func (o Op) String() string { return opNames[o] }

// ResourceType is what an operation is on.
type ResourceType int8

// The resource types.
const (
	Topic ResourceType = iota + 1
	Group
	Cluster // there is one: its Name is ""
	TransactionalID
)

var resourceNames = [...]string{"", "Topic", "Group", "Cluster", "TransactionalId"}

// String is the type as Kafka's tools write it.
func (r ResourceType) String() string { return resourceNames[r] }

// Operation is one question to the Authorizer.
type Operation struct {
	Op       Op
	Resource ResourceType
	Name     string
}

// Anonymous is the name of clients that have none.
const Anonymous = "ANONYMOUS"

// Session is an authenticated connection. It never changes: re-authentication
// makes another one.
type Session struct {
	Identity   sasl.Identity
	Listener   string
	BrokerID   int32
	RemoteAddr netip.Addr // the zero Addr for a peer without an IP address

	principal, host string // of newSession, which every request asks for
}

// Principal is who the session is, as Kafka writes it.
func (s *Session) Principal() string {
	if s.principal == "" {
		return s.Identity.String()
	}
	return s.principal
}

// Host is the peer's address, as Kafka's ACLs name it.
func (s *Session) Host() string {
	if s.host == "" {
		return s.RemoteAddr.String()
	}
	return s.host
}

// Authorizer judges operations. The server supplies it: IAM policies for IAM
// principals, ACLs for others, who are always allowed Connect.
type Authorizer interface {
	// Authorize sets allowed for each operation that is, in order: it is all false
	// before, and as long as ops. Both are the caller's. It may be called
	// concurrently, for every request, and should answer from memory.
	Authorize(ctx context.Context, s *Session, ops []Operation, allowed []bool)
}

// Explainer is an Authorizer that can say what refused an operation. It is asked
// for the lines of the log.
type Explainer interface {
	Authorizer
	// Why names what decided, in one line without secrets.
	Why(ctx context.Context, s *Session, op Operation) string
}

// AllowAll is the Authorizer of a cluster without access control.
type AllowAll struct{}

// Authorize allows everything.
func (AllowAll) Authorize(_ context.Context, _ *Session, _ []Operation, allowed []bool) {
	for i := range allowed {
		allowed[i] = true
	}
}

// Request is an authorized request. Msg is the handler's own, but its bytes alias
// the frame, as strings never do: what outlives the answer must be cloned, and of
// a Produce, whose frame serves the next one, what outlives Handle.
type Request struct {
	Header  wire.Header
	Msg     kmsg.Request
	Session *Session
	ConnID  string
	// May is for requests that list: whether the caller may see this one. It is
	// also asked before Metadata creates a topic (Create on Topic).
	May func(Operation) bool
	// MayRead is for Fetch, whose sessions (KIP-227) read more topics than the
	// request names: whether the caller may read the topic, and whether the
	// authorizer was asked. What it was not asked about must not be read.
	MayRead func(topic string) (ok, asked bool)

	charge *charge
}

// Answer waits for what a request's response rests on and returns it. It runs
// on the connection's writer, so that answers keep the requests' order. A nil
// response sends nothing (acks=0), CloseConnection ends the connection.
type Answer func(ctx context.Context) kmsg.Response

// Fetched is a response to Fetch, v4 or later, whose records are in memory that
// serves others after Release. The listener calls that once, when it has sent the
// response, and never for one that is not sent.
type Fetched struct {
	*kmsg.FetchResponse
	Release func()
}

// CloseConnection is the response that is not sent but closes the connection.
var CloseConnection kmsg.Response = &closeConnection{}

type closeConnection struct{ kmsg.ApiVersionsResponse }

// Backend serves the requests: an embedded broker or the gateway.
type Backend interface {
	// Handle does what must happen in order (an append) and returns the rest. It
	// is called by one goroutine per connection. A nil Answer sends nothing.
	Handle(ctx context.Context, r *Request) Answer
	// Keys lists the API keys that are served. 17, 18 and 36 are the listener's.
	Keys() []int16
	// TopicName resolves a topic id, so that it can be authorized.
	TopicName(id [16]byte) (string, bool)
	// FetchTopics lists the topics of the session that a Fetch goes on with,
	// nil for none, so that they can be authorized.
	FetchTopics(s *Session, req *kmsg.FetchRequest) []string
}

// Control is the name of the listeners of the control plane itself, which no
// client is told of: there a broker's port is its id.
const Control = "CONTROL"

// Config is what a Listener needs. Backend, Authorizer and Line must be set.
type Config struct {
	Name       string      // listener name, such as CLIENT_IAM
	BrokerID   int32       // of the broker behind it
	TLS        *tls.Config // nil: plaintext. With client certificates their subject is the principal
	Mechanisms []string    // SASL mechanisms; none: no SASL
	// Identity is who everybody is without SASL; the zero one is who the client's
	// certificate says, or ANONYMOUS.
	Identity sasl.Identity
	Line     wire.Line // versions and features to advertise, cut to what is served
	Hosts    func(host string) bool
	Region   string

	// Features tells the levels that the cluster has finalized now and their
	// epoch. nil: those of Line.
	Features func() (epoch int64, levels map[string]int16)

	Backend    Backend
	Authorizer Authorizer
	Verifier   sasl.Verifier
	SCRAM      func(mechanism, user string) (sasl.Credential, bool)

	Quotas *Quotas // nil: clients are not measured
	// Measure is what the broker behind it counts; nil: one of its own.
	Measure *measure.Broker

	SessionMax   time.Duration // connections.max.reauth.ms; 0: 12 h for IAM, without limit for others
	IdleMax      time.Duration // connections.max.idle.ms; 0: 10 min, negative: for ever
	RequestBytes int           // socket.request.max.bytes; 0: 100 MiB
	// MaxConnections is from when on connections are closed at once, unless Quotas
	// has a limit of the listener, up to 100 000, for which they wait; 0: 20 000.
	MaxConnections int
	MaxStrangers   int // of those, connections that are not authenticated yet; 0: 2 000

	// Logins slows down who fails to log in: SCRAM users by name and address,
	// others by address. Listeners of one cluster share it. nil: one of its own.
	Logins *throttle.Failures
	// Refused is told of refused requests and logins, for who keeps records. It
	// must not block. nil: nobody is told.
	Refused func(Refusal)
	// Changed is told of administrative requests that were done, before they are
	// answered; it may block until they are on record, and an error ends the
	// connection. nil: nobody is told.
	Changed func(context.Context, Change) error
	Log     *slog.Logger // nil: none
	// Journal gets, at DEBUG, every request that was answered and everything that
	// was allowed, with Kafka's names of the loggers. nil: nobody reads it.
	Journal *slog.Logger
	Now     func() time.Time
}

// Counts are a listener's counters since its start, but for Open.
type Counts struct {
	Open, Accepted, Refused, AuthFailures, Requests, Denied, Throttled, Panics int64
}

type counters struct {
	accepted, refused, authFailures, requests, denied, throttled, panics atomic.Int64
}

// Listener accepts the connections of one listener of one broker. Its methods
// may be called concurrently.
type Listener struct {
	cfg    Config
	line   wire.Line
	sasl   sasl.Options
	ctx    context.Context
	cancel context.CancelFunc
	counts counters
	gauge  *measure.Connections
	serial atomic.Int64
	log    boundedLog

	completed *slog.Logger // requests that were answered
	allowed   *slog.Logger // what the authorizer allowed

	answers sync.Pool // of *encoded
	frames  sync.Pool // of *[]byte: requests to produce

	began    time.Time
	draining atomic.Bool   // no request is read any more
	drained  chan struct{} // closed with draining: nobody stays silent for a quota

	mu        sync.Mutex
	closed    bool                      // under mu
	listening map[net.Listener]struct{} // under mu
	conns     map[net.Conn]*held        // under mu, at most MaxConnections
	running   sync.WaitGroup
}

// New makes a listener; it panics without Backend or Authorizer, since a
// listener without them could only be open to all. Close must be called.
func New(cfg Config) *Listener {
	if cfg.Backend == nil || cfg.Authorizer == nil {
		panic("listener: Backend and Authorizer must be set")
	}
	if cfg.IdleMax == 0 {
		cfg.IdleMax = defaultIdle
	}
	if cfg.RequestBytes == 0 {
		cfg.RequestBytes = wire.MaxFrame
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = defaultMaxConnections
	}
	if cfg.MaxStrangers == 0 {
		cfg.MaxStrangers = defaultMaxStrangers
	}
	if cfg.Logins == nil {
		cfg.Logins = NewLogins()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Journal == nil {
		cfg.Journal = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Measure == nil {
		cfg.Measure = new(measure.Broker)
	}
	l := &Listener{
		gauge: cfg.Measure.Listener(cfg.Name),
		cfg:   cfg, line: servedLine(cfg), listening: map[net.Listener]struct{}{}, conns: map[net.Conn]*held{},
		sasl:  sasl.Options{Verifier: cfg.Verifier, Hosts: cfg.Hosts, Region: cfg.Region, SCRAM: cfg.SCRAM, Decoy: []byte(rand.Text())},
		began: time.Now(), drained: make(chan struct{}),
		log: boundedLog{log: cfg.Log.With("listener", cfg.Name, "broker", cfg.BrokerID), now: cfg.Now},

		completed: cfg.Journal.With("broker", cfg.BrokerID, "logger", loggerRequests),
		allowed:   cfg.Journal.With("broker", cfg.BrokerID, "logger", loggerAuthorizer),
	}
	l.answers.New = func() any { return new(encoded) }
	l.frames.New = func() any { return new([]byte) }
	l.ctx, l.cancel = context.WithCancel(context.Background())
	if q := cfg.Quotas; q != nil && q.Changed != nil {
		l.running.Go(l.shed)
	}
	return l
}

// servedLine cuts the line to the backend's keys that have an authorization
// row, and keeps the finalized features.
func servedLine(cfg Config) wire.Line {
	keys := []int16{keySaslHandshake, keyApiVersions, keySaslAuthenticate}
	for _, k := range cfg.Backend.Keys() {
		if _, ok := table[k]; ok {
			keys = append(keys, k)
		}
	}
	var finalized []string
	for _, f := range cfg.Line.Features {
		if f.Finalized > 0 {
			finalized = append(finalized, f.Name)
		}
	}
	return cfg.Line.Cut(keys, finalized...)
}

// Serve accepts from ln until Close, then returns net.ErrClosed. It closes ln.
func (l *Listener) Serve(ln net.Listener) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		ln.Close()
		return net.ErrClosed
	}
	l.listening[ln] = struct{}{}
	l.running.Add(1)
	l.mu.Unlock()
	defer l.running.Done()
	defer ln.Close()
	pause := 5 * time.Millisecond
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			pause = 5 * time.Millisecond
			l.admit(nc)
		case l.ctx.Err() != nil:
			return net.ErrClosed
		case errors.Is(err, net.ErrClosed):
			return err
		default: // out of file descriptors, most likely: it passes
			l.log.warn("accept", "error", err)
			select {
			case <-time.After(pause):
				pause = min(2*pause, time.Second)
			case <-l.ctx.Done():
				return net.ErrClosed
			}
		}
	}
}

func (l *Listener) admit(nc net.Conn) {
	done, serve := l.meter(nc)
	if !serve {
		return
	}
	h := l.hold(nc)
	if h == nil {
		l.refuse(nc)
		done()
		return
	}
	l.counts.accepted.Add(1)
	l.gauge.Opened.Add(1)
	go func() { // owned by the Listener: Close waits for it
		defer l.letGo(nc)
		defer l.gauge.Closed.Add(1)
		defer done()
		l.serveConn(nc, h)
	}()
}

// refuse ends a connection that could not be held.
func (l *Listener) refuse(nc net.Conn) {
	l.counts.refused.Add(1)
	l.gauge.Refused.Add(1)
	if l.ctx.Err() != nil || l.draining.Load() {
		abort(nc)
		return
	}
	l.log.warn("connection refused", "remote", nc.RemoteAddr(), "reason", "too many connections")
	nc.Close()
}

// abort resets a connection. Clients take the plain end of one that has served
// nothing yet for a wrong protocol or password, and some give up; a reset they
// try again.
func abort(nc net.Conn) {
	if tcp, ok := nc.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // a closed one needs none
	}
	nc.Close()
}

// Drain stops accepting and reading, lets the answers to requests that were
// read go out for at most patience, and then closes as Close does. A Backend
// that parks answers must release them first.
func (l *Listener) Drain(patience time.Duration) {
	l.mu.Lock()
	l.closed = true
	if !l.draining.Swap(true) {
		close(l.drained)
	}
	for ln := range l.listening {
		ln.Close()
	}
	for nc := range l.conns {
		_ = nc.SetReadDeadline(time.Unix(1, 0)) // a closed one needs none
	}
	l.mu.Unlock()
	timer := time.AfterFunc(patience, l.Close)
	defer timer.Stop()
	l.running.Wait()
	l.Close()
}

// Close stops accepting, closes every connection and waits for them to end.
func (l *Listener) Close() {
	l.mu.Lock()
	l.closed = true
	l.cancel()
	for ln := range l.listening {
		ln.Close()
	}
	for nc, h := range l.conns {
		if h.served.Load() {
			nc.Close()
		} else {
			abort(nc)
		}
	}
	l.mu.Unlock()
	l.running.Wait()
}

// Counts reads the counters.
func (l *Listener) Counts() Counts {
	l.mu.Lock()
	open := int64(len(l.conns))
	l.mu.Unlock()
	c := &l.counts
	return Counts{
		Open: open, Accepted: c.accepted.Load(), Refused: c.refused.Load(), AuthFailures: c.authFailures.Load(),
		Requests: c.requests.Load(), Denied: c.denied.Load(), Throttled: c.throttled.Load(), Panics: c.panics.Load(),
	}
}

// boundedLog writes at most linesPerSecond warnings a second, and says how many
// it left out: what peers cause must not fill the disk.
type boundedLog struct {
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex
	second  int64 // under mu
	lines   int   // under mu
	dropped int   // under mu
}

const linesPerSecond = 20

func (b *boundedLog) warn(msg string, args ...any) {
	b.mu.Lock()
	if s := b.now().Unix(); s != b.second {
		b.second, b.lines = s, 0
	}
	if b.lines >= linesPerSecond {
		b.dropped++
		b.mu.Unlock()
		return
	}
	b.lines++
	dropped := b.dropped
	b.dropped = 0
	b.mu.Unlock()
	if dropped > 0 {
		args = append(args, "left_out", dropped)
	}
	b.log.Warn(msg, args...)
}
