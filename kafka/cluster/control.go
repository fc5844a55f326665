package cluster

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/sasl"
)

// Dial connects the control plane itself to a broker: in memory, as a principal
// that may do everything. address is HOST:PORT as Metadata answers on such a
// connection, whose port is the broker's id; port 0 is the first that runs.
// The error is net.ErrClosed when the broker does not run. The listener behind
// it is in no client's metadata.
func (c *Cluster) Dial(ctx context.Context, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial a broker: %w", err)
	}
	id, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("dial broker %q: %w", address, err)
	}
	for _, n := range c.all() {
		if p := n.control.Load(); p != nil && !n.stopped.Load() && (id == 0 || n.cfg.ID == int32(id)) {
			return p.dial(ctx)
		}
	}
	return nil, fmt.Errorf("dial broker %d: %w", id, net.ErrClosed)
}

// controlPrincipal is who the control plane is on its own connections.
var controlPrincipal = sasl.Identity{Type: "User", Name: "millrace"}

// serveControl opens a broker to the control plane.
func (c *Cluster) serveControl(n *node) *listener.Listener {
	pipes := newPipes()
	n.control.Store(pipes)
	return c.accept(n, pipes, listener.New(listener.Config{
		Name: listener.Control, BrokerID: n.cfg.ID, Line: n.line, Features: c.finalizedFeatures, Identity: controlPrincipal,
		Backend: n.backend, Authorizer: listener.AllowAll{}, MaxConnections: maxControl, Log: c.cfg.Log,
	}), listener.Control)
}

// maxControl bounds the control plane's connections to a broker.
const maxControl = 256

// pipes is a net.Listener in memory.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

var _ net.Listener = (*pipes)(nil)

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.ended:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for the next dial.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case far := <-p.conns:
		return far, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

// Close refuses whoever dials from now on.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.ended) })
	return nil
}

// Addr is not an address of the network.
func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
