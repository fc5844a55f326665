package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/kafka/broker"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/quota"
	"github.com/millrace/millrace/kafka/wire"
)

// ErrNoBroker answers requests about a broker that the cluster does not have.
var ErrNoBroker = errors.New("the cluster has no such broker")

// ErrNeeded answers RemoveBrokers of brokers that the cluster cannot be without.
var ErrNeeded = errors.New("the cluster needs one of these brokers")

// ErrStopped answers UnfenceBroker of a broker that does not run.
var ErrStopped = errors.New("the broker is stopped: start it")

// ErrPortTaken answers StartBroker when the broker's address cannot be listened
// on any more.
var ErrPortTaken = errors.New("another process took the port while the broker was stopped")

// drainPatience is how long the clients of a stopped broker may take to read
// their last answers.
const drainPatience = time.Second

// BrokerState is what a logical broker does.
type BrokerState string

// The states of a broker.
const (
	Running BrokerState = "RUNNING"
	Fenced  BrokerState = "FENCED"  // serves its connections, leads nothing
	Stopped BrokerState = "STOPPED" // refuses connections, leads nothing
)

// node is a logical broker with its listeners. All but stopped belongs to who
// has the Cluster's turn.
type node struct {
	cfg       Broker
	line      wire.Line
	listeners []*listener.Listener // of cfg.Listeners, none while it is stopped
	backend   *broker.Broker       // of the broker since it last started
	quotas    *listener.Quotas     // likewise
	held      []io.Closer          // the ports of a stopped broker
	ceilings  *quota.Ceilings      // of its clients together
	stopped   atomic.Bool
	counts    atomic.Pointer[measure.Broker] // since it last started; nil: it has never
	started   atomic.Pointer[time.Time]      // likewise
	parted    atomic.Pointer[broker.Parted]  // since it was fenced; nil while it is not

	inside  *listener.Listener    // the control plane's; nil while it is stopped
	control atomic.Pointer[pipes] // where it is dialed
}

// all is the listeners that serve now.
func (n *node) all() []*listener.Listener {
	if n.inside == nil {
		return n.listeners
	}
	return append(slices.Clone(n.listeners), n.inside)
}

// newNode makes a broker that does not serve yet.
func (c *Cluster) newNode(b Broker) (*node, error) {
	b.Listeners = slices.Clone(b.Listeners) // a broker that starts again replaces Net
	if b.KafkaVersion == "" {
		b.KafkaVersion = c.cfg.KafkaVersion
	}
	line, err := wire.LineOf(b.KafkaVersion)
	n := &node{cfg: b, line: served(line), ceilings: c.shared}
	if n.ceilings == nil {
		n.ceilings = &quota.Ceilings{}
	}
	return n, err
}

// all is the brokers now, by id. The slice is never changed.
func (c *Cluster) all() []*node { return *c.nodes.Load() }

// takeTurn waits until no other change of a broker is under way.
func (c *Cluster) takeTurn(ctx context.Context) (give func(), err error) {
	select {
	case c.turn <- struct{}{}:
		return func() { <-c.turn }, nil
	case <-c.ended:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// change runs one change of a broker.
func (c *Cluster) change(ctx context.Context, doing string, id int32, fn func(*node) error) error {
	give, err := c.takeTurn(ctx)
	if err == nil {
		defer give()
		err = fmt.Errorf("%w: %d", ErrNoBroker, id)
		for _, n := range c.all() {
			if n.cfg.ID == id {
				err = fn(n)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("%s broker %d: %w", doing, id, err)
	}
	return nil
}

// StopBroker shuts a broker down in Kafka's order: its leaderships move and its
// coordinators end, the requests that it has read are answered, and then its
// ports refuse connections. They stay the broker's. A broker that has stopped
// already is no error.
//
// A stop does not outlive the process: Open starts every broker.
func (c *Cluster) StopBroker(ctx context.Context, id int32) error {
	return c.change(ctx, "stop", id, func(n *node) error { return c.stopNode(ctx, n) })
}

func (c *Cluster) stopNode(ctx context.Context, n *node) error {
	if n.stopped.Load() {
		return nil
	}
	if err := c.decide(ctx, metadata.FenceBroker{ID: n.cfg.ID}); err != nil {
		return err
	}
	c.sayStopping(n)
	n.stopped.Store(true)
	n.drain()
	n.hold()
	return nil
}

// drain ends the listeners, all at the same time.
func (n *node) drain() {
	var draining sync.WaitGroup
	for _, l := range n.all() {
		draining.Go(func() { l.Drain(drainPatience) })
	}
	draining.Wait()
	n.listeners, n.inside = nil, nil
}

// hold keeps the ports from others, as far as the system can.
func (n *node) hold() {
	for _, l := range n.cfg.Listeners {
		if addr, ok := l.Net.Addr().(*net.TCPAddr); ok {
			if held, err := holdPort(addr); err == nil {
				n.held = append(n.held, held)
			}
		}
	}
}

func (n *node) release() {
	for _, h := range n.held {
		h.Close()
	}
	n.held = nil
}

// StartBroker starts a stopped broker on its old ports, as a new process with
// none of the state that connections had. It joins the ISRs at once; leaders
// come back by elections. A broker that is only fenced is unfenced, one that
// runs is no error.
func (c *Cluster) StartBroker(ctx context.Context, id int32) error {
	return c.change(ctx, "start", id, func(n *node) error { return c.startNode(ctx, n) })
}

func (c *Cluster) startNode(ctx context.Context, n *node) error {
	if n.stopped.Load() {
		if err := c.reopen(n); err != nil {
			return err
		}
		n.stopped.Store(false)
	}
	return c.decide(ctx, metadata.UnfenceBroker{ID: n.cfg.ID}) // clients come when the port is open
}

// reopen listens on all of a broker's ports, or on none.
func (c *Cluster) reopen(n *node) error {
	n.release()
	for i := range n.cfg.Listeners {
		addr := n.cfg.Listeners[i].Net.Addr()
		ln, err := net.Listen(addr.Network(), addr.String())
		if err != nil {
			for _, opened := range n.cfg.Listeners[:i] {
				opened.Net.Close()
			}
			n.hold()
			return fmt.Errorf("listener %s: %w: %w", n.cfg.Listeners[i].Name, ErrPortTaken, err)
		}
		n.cfg.Listeners[i].Net = ln
	}
	c.serveNode(n)
	return nil
}

// FenceBroker parts a broker from the controller: others lead its partitions
// and it leaves their ISRs, but its clients stay connected and are told who
// leads.
func (c *Cluster) FenceBroker(ctx context.Context, id int32) error {
	return c.change(ctx, "fence", id, func(*node) error { return c.decide(ctx, metadata.FenceBroker{ID: id}) })
}

// UnfenceBroker ends what FenceBroker began. A stopped broker has to be started
// instead.
func (c *Cluster) UnfenceBroker(ctx context.Context, id int32) error {
	return c.change(ctx, "unfence", id, func(n *node) error {
		if n.stopped.Load() {
			return ErrStopped
		}
		return c.decide(ctx, metadata.UnfenceBroker{ID: id})
	})
}

// decide asks the metadata and waits until the whole cluster goes by the
// decision.
func (c *Cluster) decide(ctx context.Context, req any) error {
	reply, err := c.meta.Do(req).Wait(ctx)
	if err != nil {
		return err
	}
	refused, _ := reply.(error)
	return refused
}

// BrokerStates is what every broker does, by id.
func (c *Cluster) BrokerStates() map[int32]BrokerState {
	img := c.Image()
	out := make(map[int32]BrokerState, len(c.all()))
	for _, n := range c.all() {
		b := img.Broker(n.cfg.ID)
		switch {
		case n.stopped.Load():
			out[n.cfg.ID] = Stopped
		case b == nil || b.Fenced:
			out[n.cfg.ID] = Fenced
		default:
			out[n.cfg.ID] = Running
		}
	}
	return out
}

// noteParted keeps when brokers were fenced.
func (c *Cluster) noteParted(img *metadata.Image) {
	for _, n := range c.all() {
		if b := img.Broker(n.cfg.ID); b == nil || !b.Fenced {
			n.parted.Store(nil)
		} else if n.parted.Load() == nil {
			n.parted.Store(&broker.Parted{At: time.Now(), End: c.metaLog.Offsets().End})
		}
	}
}

func (c *Cluster) parted(id int32) (broker.Parted, bool) {
	for _, n := range c.all() {
		if p := n.parted.Load(); n.cfg.ID == id && p != nil {
			return *p, true
		}
	}
	return broker.Parted{}, false
}

// serveNode serves a broker's listeners.
func (c *Cluster) serveNode(n *node) {
	n.counts.Store(new(measure.Broker))
	n.started.Store(new(time.Now()))
	c.cfg.Loggers.Start(n.cfg.ID)
	n.backend, n.quotas = c.backend(n), c.quotas(n)
	for _, l := range n.cfg.Listeners {
		n.listeners = append(n.listeners, c.listen(n, l, n.backend, n.quotas))
	}
	n.inside = c.serveControl(n)
	c.sayStarted(n)
}

// backend is a broker as one process: what it keeps is lost when it stops.
func (c *Cluster) backend(n *node) *broker.Broker {
	return broker.New(broker.Config{
		LogDir: broker.LogDir{Path: c.logDir(), Space: func() (total, usable int64) { return c.space(n.cfg.ID) }}, MetadataLog: c.metaLog.Offsets, Parted: c.parted,
		ID: n.cfg.ID, Measure: n.counts.Load(), Image: c.Image, Metadata: c.meta, Partitions: c.set, Groups: c.groups, Transactions: c.txns,
		BatchBytes: c.cfg.Throttles.BatchBytes, FetchBytes: c.cfg.Throttles.FetchBytes,
		NewID: newTopicID, Log: c.cfg.Log, Journal: c.cfg.Journal, Loggers: c.cfg.Loggers.Of(n.cfg.ID),
	})
}
