package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/aws/ec2"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/fleet"
)

// firewall keeps out of one running cluster whom no inbound rule of its security
// groups lets in. As in a VPC such a client hears nothing: its connection is
// held, never answered, and closed in the end. Connections are judged once, when
// they begin: a rule that goes ends none (EC2 tracks connections). It follows
// the rules until close.
type firewall struct {
	network *ec2.Service
	account string
	region  string
	groups  []string
	inside  []netip.Prefix // Config.VPCNetworks
	log     *slog.Logger

	rules  atomic.Pointer[ec2.Ingress]
	cancel context.CancelFunc
	follow sync.WaitGroup

	mu     sync.Mutex
	held   []*heldConn // guarded by mu; the oldest first, at most maxHeld
	silent int         // guarded by mu; connections held since the last line of the log
	spoke  time.Time   // guarded by mu; when that was
	closed bool        // guarded by mu
}

// Limits of connections that are held.
const (
	maxHeld      = 256              // of a cluster; beyond, the oldest is closed
	holdFor      = 30 * time.Second // about how long clients wait for an answer
	firewallLine = 10 * time.Second // at most one line of the log in as long
)

// heldConn is a connection that nobody answers.
type heldConn struct {
	net.Conn
	end *time.Timer
}

// openFirewall reads the rules and follows them.
func openFirewall(ctx context.Context, network *ec2.Service, s fleet.Spec, inside []netip.Prefix, log *slog.Logger) (*firewall, error) {
	f := &firewall{network: network, groups: s.SecurityGroups, inside: inside, log: log}
	f.account, f.region = placeOf(s.ARN)
	changed, stop := network.Watch()
	if err := f.refresh(ctx); err != nil {
		stop()
		return nil, err
	}
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f.cancel = cancel
	f.follow.Go(func() {
		defer stop()
		followNews(following, changed, func() {
			if err := f.refresh(following); err != nil && following.Err() == nil {
				f.log.Error("read the cluster's security groups", "error", err) // the rules that are known stay
			}
		})
	})
	return f, nil
}

// followNews calls refresh after each change, and now and then, until ctx ends.
func followNews(ctx context.Context, changed <-chan struct{}, refresh func()) {
	tick := time.NewTicker(accessInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-tick.C:
		}
		refresh()
	}
}

func (f *firewall) refresh(ctx context.Context) error {
	rules, err := f.network.Ingress(ctx, f.account, f.region, f.groups)
	if err != nil {
		return fmt.Errorf("read security groups: %w", err)
	}
	f.rules.Store(&rules)
	return nil
}

// close ends what is held. The listeners are closed before.
func (f *firewall) close() {
	f.cancel()
	f.follow.Wait()
	f.mu.Lock()
	held := f.held
	f.held, f.closed = nil, true
	f.mu.Unlock()
	for _, h := range held {
		h.end.Stop()
		h.Close()
	}
}

// allows judges by the cluster's own groups: port is the one that rules name.
func (f *firewall) allows(port uint16) func(net.Conn) bool {
	return func(nc net.Conn) bool {
		rules := f.rules.Load()
		return rules.Allows(sourceOf(nc, *rules, f.inside), port)
	}
}

// sourceOf is where a connection comes from for some rules: clients on this
// machine, and in the networks that were said to be, count as hosts in the
// groups' VPC.
func sourceOf(nc net.Conn, rules ec2.Ingress, inside []netip.Prefix) ec2.Source {
	addr, own := addrOf(nc.RemoteAddr()), addrOf(nc.LocalAddr())
	if addr.IsLoopback() || addr == own {
		return rules.Host(addr)
	}
	for _, p := range inside {
		if p.Contains(addr) {
			return rules.Host(addr)
		}
	}
	return ec2.Source{Addr: addr}
}

// addrOf is an address without its port; the zero Addr for none.
func addrOf(a net.Addr) netip.Addr {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// before puts the firewall around a listener: whom allows refuses is held.
// allows is asked by the goroutine that accepts and may not block.
func (f *firewall) before(allows func(net.Conn) bool) func(net.Listener) net.Listener {
	return func(ln net.Listener) net.Listener { return &walled{ln, f, allows} }
}

// walled is a listener behind the firewall.
type walled struct {
	net.Listener
	firewall *firewall
	allows   func(net.Conn) bool
}

// Accept answers the next client that a rule lets in.
func (l *walled) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil || l.allows(nc) {
			return nc, err
		}
		l.firewall.hold(nc)
	}
}

// hold keeps a connection silent for a while.
func (f *firewall) hold(nc net.Conn) {
	h := &heldConn{Conn: nc}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		nc.Close()
		return
	}
	h.end = time.AfterFunc(holdFor, func() { f.drop(h) })
	f.held = append(f.held, h)
	var oldest *heldConn
	if len(f.held) > maxHeld {
		oldest = f.held[0]
	}
	f.silent++
	n, now := f.silent, time.Now()
	speak := now.Sub(f.spoke) >= firewallLine
	if speak {
		f.silent, f.spoke = 0, now
	}
	f.mu.Unlock()
	if oldest != nil {
		f.drop(oldest)
	}
	if speak {
		f.log.Info("connections that no security group rule allows", "connections", n, "remote", nc.RemoteAddr(), "address", nc.LocalAddr())
	}
}

// drop closes a held connection.
func (f *firewall) drop(h *heldConn) {
	f.mu.Lock()
	for i := range f.held {
		if f.held[i] == h {
			f.held = append(f.held[:i:i], f.held[i+1:]...)
			break
		}
	}
	f.mu.Unlock()
	h.end.Stop()
	h.Close()
}

// rulePorts is the ports that rules name for MSK's listeners, whichever ports
// are bound. Those of VPC connections are a range, 14001-14100, of which rules
// name all. (aws:kafka developer guide, port information)
var rulePorts = map[string]uint16{
	string(msk.Plaintext): 9092, string(msk.TLS): 9094, string(msk.SCRAM): 9096, string(msk.IAM): 9098,
	string(msk.PublicTLS): 9194, string(msk.PublicSCRAM): 9196, string(msk.PublicIAM): 9198,
	string(msk.VPCTLS): 14001, string(msk.VPCSCRAM): 14001, string(msk.VPCIAM): 14001,
}
