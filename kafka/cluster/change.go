package cluster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/wire"
)

// Software is what a broker runs with.
type Software struct {
	KafkaVersion string            // what it advertises
	Static       map[string]string // its server.properties
	Limits       func(*Limits)     // changes those of the broker; nil leaves them
}

// RestartBroker stops a broker as StopBroker does, unless it is stopped, and
// starts it as StartBroker does with other software.
func (c *Cluster) RestartBroker(ctx context.Context, id int32, s Software) error {
	return c.change(ctx, "restart", id, func(n *node) error {
		line, err := wire.LineOf(s.KafkaVersion)
		if err != nil {
			return err
		}
		if err := c.stopNode(ctx, n); err != nil {
			return err
		}
		n.cfg.KafkaVersion, n.cfg.Static, n.line = s.KafkaVersion, s.Static, served(line)
		if s.Limits != nil {
			s.Limits(&n.cfg.Limits)
			c.limit(n)
		}
		if err := c.decide(ctx, metadata.ChangeBrokers{Set: []metadata.Broker{c.registration(n)}}); err != nil {
			return err
		}
		return c.startNode(ctx, n)
	})
}

// Reconfigure gives a running broker another server.properties. The caller knows
// that what differs may be changed while a broker runs.
func (c *Cluster) Reconfigure(ctx context.Context, id int32, static map[string]string) error {
	return c.change(ctx, "configure", id, func(n *node) error {
		if n.cfg.Static != nil && maps.Equal(n.cfg.Static, static) {
			return nil
		}
		n.cfg.Static = static
		return c.decide(ctx, metadata.ChangeBrokers{Set: []metadata.Broker{c.registration(n)}})
	})
}

// AddBroker starts one more broker. It holds nothing until a new topic or a
// reassignment gives it something. On error its listeners are the caller's.
func (c *Cluster) AddBroker(ctx context.Context, b Broker) error {
	give, err := c.takeTurn(ctx)
	if err != nil {
		return fmt.Errorf("add broker %d: %w", b.ID, err)
	}
	defer give()
	n, err := c.newNode(b)
	if err == nil {
		err = c.decide(ctx, metadata.ChangeBrokers{Set: []metadata.Broker{c.registration(n)}})
	}
	if err != nil {
		return fmt.Errorf("add broker %d: %w", b.ID, err)
	}
	c.limit(n)
	nodes := append(slices.Clone(c.all()), n)
	slices.SortFunc(nodes, func(a, b *node) int { return cmp.Compare(a.cfg.ID, b.cfg.ID) })
	c.nodes.Store(&nodes)
	c.serveNode(n)
	return nil
}

// RemoveBrokers takes brokers out for good: what they hold of internal topics
// goes to others, their clients are sent away, and their ports are closed. The
// error is a *metadata.HeldError, and nothing has happened, while one holds a
// partition of a client's topic. A broker that is not there is no error. When the
// controller goes, the first broker that stays is the controller; they cannot all
// go, nor can the first broker of a serverless cluster, which its clients begin at.
func (c *Cluster) RemoveBrokers(ctx context.Context, ids ...int32) error {
	give, err := c.takeTurn(ctx)
	if err != nil {
		return fmt.Errorf("remove brokers %d: %w", ids, err)
	}
	defer give()
	gone := func(n *node) bool { return slices.Contains(ids, n.cfg.ID) }
	if c.boot != nil && gone(c.all()[0]) || !slices.ContainsFunc(c.all(), func(n *node) bool { return !gone(n) }) {
		return fmt.Errorf("remove brokers %d: %w", ids, ErrNeeded)
	}
	if err := c.decide(ctx, metadata.ChangeBrokers{Remove: ids}); err != nil {
		return fmt.Errorf("remove brokers %d: %w", ids, err)
	}
	before := c.all()
	c.nodes.Store(new(slices.DeleteFunc(slices.Clone(before), gone)))
	var leaving sync.WaitGroup
	for _, n := range before {
		if gone(n) {
			leaving.Go(func() {
				n.drain()
				n.release()
			})
		}
	}
	leaving.Wait()
	return nil
}

// SetListeners opens listeners on a broker and closes those named, hidden ones
// too, without touching the others. Clients of a closed one are sent away as by
// StopBroker.
func (c *Cluster) SetListeners(ctx context.Context, id int32, open []Listener, closed []string) error {
	return c.setListeners(ctx, id, open, func(l Listener) bool { return slices.Contains(closed, l.Name) })
}

// CloseHidden closes a broker's hidden listeners.
func (c *Cluster) CloseHidden(ctx context.Context, id int32) error {
	return c.setListeners(ctx, id, nil, func(l Listener) bool { return l.Hidden })
}

func (c *Cluster) setListeners(ctx context.Context, id int32, open []Listener, leaving func(Listener) bool) error {
	return c.change(ctx, "change listeners of", id, func(n *node) error {
		before, serving := n.cfg.Listeners, n.listeners
		n.cfg.Listeners, n.listeners = nil, nil
		var draining sync.WaitGroup
		for i, l := range before {
			switch {
			case !leaving(l):
				n.cfg.Listeners = append(n.cfg.Listeners, l)
				if len(serving) > 0 {
					n.listeners = append(n.listeners, serving[i])
				}
			case len(serving) > 0:
				draining.Go(func() { serving[i].Drain(drainPatience) })
			}
		}
		for _, l := range open {
			n.cfg.Listeners = append(n.cfg.Listeners, l)
			if n.stopped.Load() {
				l.Net.Close() // it opens when the broker starts
			} else {
				n.listeners = append(n.listeners, c.listen(n, l, n.backend, n.quotas))
			}
		}
		err := c.decide(ctx, metadata.ChangeBrokers{Set: []metadata.Broker{c.registration(n)}})
		draining.Wait()
		if n.stopped.Load() {
			n.release()
			n.hold()
		}
		return err
	})
}

// ReopenListener sends away all clients of one listener of a broker, as by
// StopBroker, and listens again on the same ports. A listener that is not there,
// or whose broker is stopped, is no error.
func (c *Cluster) ReopenListener(ctx context.Context, id int32, name string) error {
	return c.change(ctx, "open a listener again of", id, func(n *node) error {
		for at, l := range n.cfg.Listeners {
			if l.Name != name || n.stopped.Load() {
				continue
			}
			n.listeners[at].Drain(drainPatience)
			addr := l.Net.Addr()
			ln, err := net.Listen(addr.Network(), addr.String())
			if err != nil {
				return fmt.Errorf("listener %s: %w: %w", name, ErrPortTaken, err)
			}
			n.cfg.Listeners[at].Net = ln
			n.listeners[at] = c.listen(n, n.cfg.Listeners[at], n.backend, n.quotas)
		}
		return nil
	})
}

// SetFeatures makes the features of a Kafka version those that the brokers
// support, and its configs those that they have: the end of an upgrade.
func (c *Cluster) SetFeatures(ctx context.Context, kafkaVersion string) error {
	line, err := wire.LineOf(kafkaVersion)
	if err == nil {
		err = c.decide(ctx, metadata.ChangeBrokers{Features: features(served(line)), Release: line.Release()})
	}
	if err != nil {
		return fmt.Errorf("finish the change to Kafka %s: %w", kafkaVersion, err)
	}
	return nil
}
