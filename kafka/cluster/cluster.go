// Package cluster assembles one embedded Kafka cluster: N logical brokers in
// one process over one directory. Open replays the metadata log, opens the
// partitions and serves every broker's listeners; Close stops in reverse.
//
// A cluster's directory is self-contained: copied while closed, it opens
// elsewhere. The package puts the parts together and decides nothing.
package cluster

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/kafka/coordinator"
	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/loggers"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/kafka/quota"
	"github.com/millrace/millrace/kafka/sasl"
	"github.com/millrace/millrace/kafka/statemachine"
	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/kafka/wire"
	"github.com/millrace/millrace/throttle"
	"github.com/millrace/millrace/vfs"
)

// Config describes a cluster. Zero values of optional fields are Kafka's
// defaults.
type Config struct {
	Dir          string
	FS           vfs.FS // nil means the operating system's
	ClusterID    string // what Metadata answers; kept for the cluster's life
	KafkaVersion string // an MSK version name: decides what is advertised, and the cluster's features
	Region       string
	Brokers      []Broker
	Boot         *Listener // one more address in front of the first broker (serverless)

	Static     map[string]string // server.properties of brokers without their own
	Serverless bool              // the topic rules of MSK Serverless
	Throttles  Throttles         // of all brokers

	Verifier   sasl.Verifier // nil: no IAM listener may be configured
	SessionMax time.Duration // connections.max.reauth.ms; 0 is the listener's default

	// Users finds SCRAM users that are kept elsewhere; nil: there are none. It is
	// asked before the cluster's own metadata, for every request of their
	// sessions, by many at a time.
	Users func(mechanism, user string) (sasl.Credential, bool)

	InitialRebalanceDelay time.Duration // group.initial.rebalance.delay.ms
	MetadataSegment       int64         // bytes of a segment of the metadata log; 0: 4 MiB
	PageCache             bool          // durability=page-cache: acknowledge what is only written
	ForgetProducers       bool          // negative control of crash tests: drops producer state at open

	// Refused is told of refused requests and logins; it must not block. nil:
	// nobody is told.
	Refused func(listener.Refusal)
	// Changed is told of administrative requests before they are answered, on
	// every listener. nil: nobody is told.
	Changed func(context.Context, listener.Change) error

	Log *slog.Logger

	// Journal gets what Kafka's brokers log for their users, with the attributes
	// "broker", its id, and "logger", Kafka's name. Its handler must not block.
	// nil: nobody reads it.
	Journal *slog.Logger
	// Loggers are what the brokers' administrators set levels of; nil: the cluster's
	// own. Journal's handler obeys them.
	Loggers *loggers.Brokers
}

// Broker is one logical broker.
type Broker struct {
	ID        int32
	Rack      string // availability zone id
	Listeners []Listener

	KafkaVersion string            // what this broker advertises; "" is the cluster's
	Static       map[string]string // its server.properties; nil is the cluster's
	Express      bool              // one of MSK's Express brokers, whose topic rules are the cluster's
	Limits       Limits
}

// Listener is one address of a broker. The cluster closes Net.
type Listener struct {
	Name       string // CLIENT, CLIENT_SECURE, CLIENT_SASL_SCRAM, CLIENT_IAM; those with _PUBLIC and _VPCE
	Hidden     bool   // one more address of the listener of this name, which no client is told: of a broker that is gone
	Net        net.Listener
	Door       func(net.Listener) net.Listener // around Net each time that it opens; nil: everybody may come
	Host       string                          // advertised
	Port       int32
	TLS        *tls.Config
	Mechanisms []string
	Hosts      func(string) bool   // names that a signed token may be for
	Authorizer listener.Authorizer // nil: the cluster's ACLs
}

// Cluster is a running cluster. Its methods may be called concurrently.
type Cluster struct {
	cfg     Config
	dir     *storage.Dir
	set     *partition.Set
	metaLog *partition.Partition
	meta    *statemachine.Machine
	groups  *coordinator.Groups
	txns    *coordinator.Transactions
	image   atomic.Pointer[metadata.Image]
	rules   atomic.Pointer[quota.Rules] // of the image
	topics  groupTopics
	nodes   atomic.Pointer[[]*node] // by id; changed by who has the turn, as a whole

	configured atomic.Pointer[chan struct{}] // closed when configs of brokers change

	mutations   quota.Meters       // of all brokers
	shared      *quota.Ceilings    // of all brokers; nil: each has its own, and its own of the next two
	iam         *throttle.Failures // sessions with IAM that begin
	connections quota.Connections
	logins      *throttle.Failures // of all brokers
	boot        *listener.Listener // nil but for serverless clusters

	turn  chan struct{} // capacity 1: holds a token while a broker is changed
	ended chan struct{} // closed by Close

	failOnce sync.Once
	failed   chan struct{} // closed by fail, after failure is set
	failure  error

	stop    context.CancelFunc
	running sync.WaitGroup // retention and listeners' accept loops
}

const (
	metadataTopic     = "__cluster_metadata"
	groupsTopic       = "__consumer_offsets"
	transactionsTopic = "__transaction_state"
)

// transactionVersion is the feature that decides which transactions a cluster
// has (KIP-1022): V2 where its line has finalized that, V0 where it is unknown.
const transactionVersion = "transaction.version"

// saslAndVersions are the API keys that the listener serves itself.
var saslAndVersions = []int16{17, 18, 36}

// metadataTopicID is KRaft's id of the metadata topic.
var metadataTopicID = [16]byte{15: 1}

// Open starts the cluster. On error everything that was started is stopped.
func Open(cfg Config) (*Cluster, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("open cluster: no brokers")
	}
	if cfg.FS == nil {
		cfg.FS = vfs.OS
	}
	if cfg.Loggers == nil {
		cfg.Loggers = new(loggers.Brokers)
	}
	line, err := wire.LineOf(cfg.KafkaVersion)
	if err != nil {
		return nil, fmt.Errorf("open cluster: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Cluster{
		cfg: cfg, stop: stop,
		turn: make(chan struct{}, 1), ended: make(chan struct{}), failed: make(chan struct{}), logins: listener.NewLogins(),
	}
	c.configured.Store(new(make(chan struct{})))
	c.shared = cfg.Throttles.ceilings()
	c.nodes.Store(&[]*node{})
	for _, b := range cfg.Brokers {
		n, nodeErr := c.newNode(b)
		err = errors.Join(err, nodeErr)
		c.nodes.Store(new(append(c.all(), n)))
	}
	if err = errors.Join(err, c.openState(ctx, served(line))); err != nil {
		c.Close()
		return nil, err
	}
	if err := c.register(ctx, served(line)); err != nil {
		c.Close()
		return nil, err
	}
	c.txns.Resume()
	c.serve()
	return c, nil
}

// openState opens the log directory, replays the metadata and makes the
// partitions.
func (c *Cluster) openState(ctx context.Context, line wire.Line) error {
	dir, err := storage.OpenDir(c.cfg.FS, c.cfg.Dir, storage.DirOptions{
		PageCache:       c.cfg.PageCache,
		ForgetProducers: c.cfg.ForgetProducers,
		OnFail:          func(err error) { c.set.Fail(err); c.fail(err) },
		OnCut:           c.logCut,
	})
	if err != nil {
		return fmt.Errorf("open cluster: %w", err)
	}
	c.dir = dir
	c.set = partition.New(partition.Config{Dir: dir, MetadataSegment: c.cfg.MetadataSegment, Log: c.cfg.Log,
		In: c.cfg.Throttles.PartitionIngress, Out: c.cfg.Throttles.PartitionEgress, CompactedBytes: c.cfg.Throttles.CompactedBytes})
	for _, n := range c.all() {
		c.limit(n)
	}
	controller := c.cfg.Brokers[0].ID
	p, err := c.set.OpenMetadata(metadataTopic, metadataTopicID, controller)
	if err != nil {
		return err
	}
	c.metaLog = p
	log, err := partition.OpenStateLog(p)
	if err != nil {
		return err
	}
	c.groups = coordinator.NewGroups(coordinator.Config{
		Topic:  c.internal(groupsTopic),
		Most:   c.cfg.Throttles.Groups,
		Topics: func() *group.Topics { return c.topics.of(c.Image) },
		Params: func() group.Params {
			return groupParams(c.Image().StaticValue, c.cfg.InitialRebalanceDelay, c.Image().Release())
		},
		Log: c.cfg.Log,
	})
	c.txns = coordinator.NewTransactions(coordinator.TransactionsConfig{
		Topic:               c.internal(transactionsTopic),
		Params:              c.transactionParams,
		WriteMarker:         c.writeMarker,
		AllocateProducerIDs: c.allocateProducerIDs,
		Log:                 c.cfg.Log,
	})
	core := metadata.New(metadata.Params{
		ClusterID: c.cfg.ClusterID, ControllerID: controller, Static: c.static(c.cfg.Static), Serverless: c.cfg.Serverless, Features: features(line),
		Release: line.Release(),
	})
	c.meta, err = statemachine.Start(core, log, statemachine.Options{
		Snapshot: func() any { return core.Image() },
		Publish:  func(img any) { c.publish(img.(*metadata.Image)) },
		Failed:   c.fail,
	})
	if err != nil {
		return fmt.Errorf("load cluster metadata: %w", err)
	}
	c.running.Go(func() { c.set.Run(ctx) })
	c.running.Go(func() { c.keepRates(ctx) })
	return nil
}

// static is server.properties as a broker has it.
func (c *Cluster) static(given map[string]string) map[string]string {
	all := map[string]string{"log.dirs": c.logDir()}
	maps.Copy(all, given)
	return all
}

func features(l wire.Line) (out []metadata.Feature) {
	for _, f := range l.Features {
		out = append(out, metadata.Feature{Name: f.Name, Min: f.Min, Max: f.Max, Default: f.Finalized})
	}
	return out
}

// finalizedFeatures is what ApiVersions answers at the moment.
func (c *Cluster) finalizedFeatures() (epoch int64, levels map[string]int16) {
	return c.Image().FinalizedFeatures()
}

// publish makes a committed image what everybody sees.
func (c *Cluster) publish(img *metadata.Image) {
	var prev *metadata.Image
	show := func() {
		c.noteParted(img)
		c.rules.Store(img.QuotaRules())
		prev = c.image.Swap(img)
	}
	if err := c.set.Apply(img, show); err != nil {
		c.cfg.Log.Error("apply metadata", "cluster", c.cfg.ClusterID, "error", err)
	}
	if prev != nil {
		if !prev.SameDefaults(img) {
			close(*c.configured.Swap(new(make(chan struct{}))))
		}
		c.countISR(prev, img)
		c.sayChanges(prev, img)
		c.moveCoordinators(prev, img)
		c.forgetOffsets(prev, img)
	}
}

func (c *Cluster) logCut(name string, from, to int64) {
	c.cfg.Log.Warn("recovery cut the tail of a log after an unclean stop; nothing acknowledged was in it",
		"log", name, "first_bad_position", from, "file_size", to)
}

func (c *Cluster) fail(err error) {
	c.failOnce.Do(func() {
		c.failure = err
		close(c.failed)
	})
}

// Failed is closed when the cluster cannot go on serving; its owner closes the
// cluster and opens it again.
func (c *Cluster) Failed() <-chan struct{} { return c.failed }

// Err is why the cluster failed, or nil.
func (c *Cluster) Err() error {
	select {
	case <-c.failed:
		return c.failure
	default:
		return nil
	}
}

// Image is what the brokers currently answer from.
func (c *Cluster) Image() *metadata.Image { return c.image.Load() }

// register tells the metadata which brokers exist and where. What brokers that
// are no more held of internal topics goes to others first.
func (c *Cluster) register(ctx context.Context, line wire.Line) error {
	brokers := make([]metadata.Broker, 0, len(c.all()))
	for _, n := range c.all() {
		brokers = append(brokers, c.registration(n))
	}
	var gone []int32
	for _, b := range c.Image().Brokers {
		if !slices.ContainsFunc(brokers, func(o metadata.Broker) bool { return o.ID == b.ID }) {
			gone = append(gone, b.ID)
		}
	}
	if len(gone) > 0 {
		if err := c.decide(ctx, metadata.ChangeBrokers{Set: brokers, Remove: gone}); err != nil {
			return fmt.Errorf("take brokers out: %w", err)
		}
	}
	if _, err := c.meta.Do(metadata.RegisterBrokers{Brokers: brokers, Features: features(line), Release: line.Release()}).Wait(ctx); err != nil {
		return fmt.Errorf("register brokers: %w", err)
	}
	return nil
}

// registration is a broker as the metadata knows it.
func (c *Cluster) registration(n *node) metadata.Broker {
	ends := make(map[string]metadata.Endpoint, len(n.cfg.Listeners))
	for _, l := range n.cfg.Listeners {
		if l.Hidden {
			continue
		}
		ends[l.Name] = metadata.Endpoint{Host: l.Host, Port: l.Port}
	}
	b := metadata.Broker{ID: n.cfg.ID, Rack: n.cfg.Rack, Listeners: ends, Express: n.cfg.Express}
	if n.cfg.Static != nil {
		b.Static = c.static(n.cfg.Static)
	}
	return b
}

// serve opens the brokers to their clients.
func (c *Cluster) serve() {
	for _, n := range c.all() {
		c.serveNode(n)
	}
	if first := c.all()[0]; c.cfg.Boot != nil {
		c.boot = c.listen(first, *c.cfg.Boot, c.backend(first), c.quotas(first))
	}
}

// logDir is the log directory's absolute path.
func (c *Cluster) logDir() string {
	path, err := filepath.Abs(c.cfg.Dir)
	if err != nil {
		return c.cfg.Dir // the working directory is gone
	}
	return path
}

// space is the size of a broker's volume and what is left of it; without one,
// of the log directory's file system.
func (c *Cluster) space(id int32) (total, usable int64) {
	if used, limit := c.set.Volume(id); limit > 0 {
		return limit, max(0, limit-used)
	}
	fs, ok := c.cfg.FS.(interface {
		Space(path string) (total, usable int64, err error)
	})
	if !ok {
		return -1, -1
	}
	total, usable, err := fs.Space(c.cfg.Dir)
	if err != nil {
		return -1, -1
	}
	return total, usable
}

// quotas is what one broker measures its clients by.
func (c *Cluster) quotas(n *node) *listener.Quotas {
	connections := &c.connections
	if c.shared == nil {
		connections = &quota.Connections{}
	}
	return &listener.Quotas{
		Ceilings: n.ceilings, Rules: c.rules.Load, Clients: &quota.Meters{}, Mutations: &c.mutations, Connections: connections, IAM: c.iamOf(n),
		Changed: func() <-chan struct{} { return *c.configured.Load() },
	}
}

// at is a broker's quotas as they are for one of its listeners.
func (c *Cluster) at(n *node, name string, shared *listener.Quotas) *listener.Quotas {
	q, id, most := *shared, n.cfg.ID, n.cfg.Limits.IAMConnections
	q.Doors = func() *quota.ConnectionRules {
		if !slices.Contains(iamListeners, name) {
			return c.Image().ConnectionRules(id, name, 0)
		}
		return c.Image().ConnectionRules(id, name, most, iamListeners...)
	}
	return &q
}

func (c *Cluster) listen(n *node, l Listener, backend listener.Backend, quotas *listener.Quotas) *listener.Listener {
	if l.Authorizer == nil {
		judge := acls{image: c.Image}
		if slices.ContainsFunc(l.Mechanisms, isScram) {
			judge.exists = c.scramUser
		}
		l.Authorizer = judge
	}
	ln := listener.New(listener.Config{
		Name: l.Name, BrokerID: n.cfg.ID, TLS: l.TLS, Mechanisms: l.Mechanisms, Line: n.line, Features: c.finalizedFeatures,
		Hosts: l.Hosts, Region: c.cfg.Region, Backend: backend, Authorizer: l.Authorizer,
		IdleMax: c.Image().IdleMax(n.cfg.ID), RequestBytes: c.Image().RequestBytes(n.cfg.ID),
		Quotas: c.at(n, l.Name, quotas), Measure: n.counts.Load(), Verifier: c.cfg.Verifier, SCRAM: c.scramCredential, SessionMax: c.cfg.SessionMax, Log: c.cfg.Log, Journal: c.cfg.Journal,
		Logins: c.logins, Refused: c.cfg.Refused, Changed: c.cfg.Changed,
	})
	c.say(n.cfg.ID, loggerAcceptor, "Awaiting socket connections of listener %s on %s:%d", l.Name, l.Host, l.Port)
	open := l.Net
	if l.Door != nil {
		open = l.Door(open)
	}
	return c.accept(n, open, ln, l.Name)
}

// accept lets clients in until the listener is closed.
func (c *Cluster) accept(n *node, from net.Listener, ln *listener.Listener, name string) *listener.Listener {
	c.running.Go(func() {
		if err := ln.Serve(from); err != nil && !errors.Is(err, net.ErrClosed) {
			c.fail(fmt.Errorf("listener %s of broker %d: %w", name, n.cfg.ID, err))
		}
	})
	return ln
}

func isScram(mechanism string) bool {
	return mechanism == sasl.ScramSHA512 || mechanism == sasl.ScramSHA256
}

// scramUser reports whether a SCRAM user exists.
func (c *Cluster) scramUser(user string) bool {
	for _, mechanism := range []string{sasl.ScramSHA512, sasl.ScramSHA256} {
		if _, ok := c.scramCredential(mechanism, user); ok {
			return true
		}
	}
	return false
}

func (c *Cluster) scramCredential(mechanism, user string) (sasl.Credential, bool) {
	if c.cfg.Users != nil {
		if found, ok := c.cfg.Users(mechanism, user); ok {
			return found, true
		}
	}
	m, ok := c.Image().ScramCredential(mechanism, user)
	if !ok {
		return sasl.Credential{}, false
	}
	return sasl.Credential{Salt: m.Salt, StoredKey: m.StoredKey, ServerKey: m.ServerKey, Iterations: m.Iterations}, true
}

// newTopicID is a random version 4 UUID, as Kafka's.
func newTopicID() [16]byte {
	var id [16]byte
	rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// Shutdown is Close for whom clients should not notice more than a restart: no
// broker accepts or reads any more, the requests that were read are answered
// (Kafka's order of a broker's end), and then everything is closed.
func (c *Cluster) Shutdown() error {
	var draining sync.WaitGroup
	c.turn <- struct{}{} // no broker is changed meanwhile
	for _, n := range c.all() {
		for _, l := range n.all() {
			draining.Go(func() { l.Drain(drainPatience) })
		}
	}
	if c.boot != nil {
		draining.Go(func() { c.boot.Drain(drainPatience) })
	}
	draining.Wait()
	<-c.turn
	return c.Close()
}

// Close stops the cluster: first nothing new comes in, then the coordinators,
// the metadata and retention end, and last the logs are synced and closed.
func (c *Cluster) Close() error {
	close(c.ended)
	c.turn <- struct{}{} // for good: no broker is changed any more
	c.sayStopping(c.all()...)
	var connections sync.WaitGroup
	for _, n := range c.all() {
		for _, l := range n.all() {
			connections.Go(l.Close)
		}
		n.release()
	}
	if c.boot != nil {
		connections.Go(c.boot.Close)
	}
	if c.txns != nil {
		c.txns.Close() // it writes markers into groups and partitions
	}
	if c.groups != nil {
		c.groups.Close() // machines append to partitions; connections may wait for room in their queues
	}
	connections.Wait()
	if c.meta != nil {
		c.meta.Stop() // the last image is published before the logs close
	}
	c.stop()
	c.running.Wait()
	if c.dir == nil {
		return nil
	}
	return c.dir.Close()
}
