package server

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/aws/ec2"
	"github.com/millrace/millrace/aws/msk"
)

// vpcDoor stands before the listeners of one running cluster that its VPC
// connections lead to. Clients enter while there is a connection for them, and
// are sent away when that ends: their TCP connection is reset, as is that of who
// comes in vain, so that they try again (docs/design/0018). It follows the store
// until close.
type vpcDoor struct {
	msk     *msk.Service
	network *ec2.Service
	inside  []netip.Prefix // Config.VPCNetworks
	arn     string
	log     *slog.Logger

	refreshing sync.Mutex // held while the store is read, so that what is older never replaces what is newer

	mu       sync.Mutex
	entries  []vpcEntry            // guarded by mu
	visitors map[*visitor]struct{} // guarded by mu; as many as the listeners hold

	cancel  context.CancelFunc
	running sync.WaitGroup
}

// vpcEntry is a VPC connection with the inbound rules of its security groups.
type vpcEntry struct {
	msk.VPCEntry
	rules ec2.Ingress
}

// openVPCDoor reads what connections there are and follows them.
func openVPCDoor(ctx context.Context, m *msk.Service, network *ec2.Service, arn string, inside []netip.Prefix, log *slog.Logger) (*vpcDoor, error) {
	d := &vpcDoor{msk: m, network: network, inside: inside, arn: arn, log: log, visitors: make(map[*visitor]struct{})}
	changed, stopFacts := m.WatchFacts(placeOf(arn))
	ruled, stopRules := network.Watch()
	stop := func() { stopFacts(); stopRules() }
	if err := d.refresh(ctx); err != nil {
		stop()
		return nil, err
	}
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.cancel = cancel
	d.running.Go(func() {
		defer stop()
		d.follow(following, changed, ruled)
	})
	return d, nil
}

func (d *vpcDoor) close() {
	d.cancel()
	d.running.Wait()
}

func (d *vpcDoor) follow(ctx context.Context, changed, ruled <-chan struct{}) {
	tick := time.NewTicker(accessInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ruled:
		case <-tick.C:
		}
		if err := d.refresh(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("read the cluster's VPC connections", "error", err)
		}
	}
}

// refresh reads the connections and sends away who has none any more. On error
// what is known stays. Once it has answered, the door knows all that was in the
// store when it was called. It may be called concurrently.
func (d *vpcDoor) refresh(ctx context.Context) error {
	d.refreshing.Lock()
	defer d.refreshing.Unlock()
	found, err := d.msk.VPCEntries(ctx, d.arn)
	if err != nil {
		return err
	}
	_, region := placeOf(d.arn)
	entries := make([]vpcEntry, len(found))
	for i, e := range found {
		entries[i].VPCEntry = e
		if entries[i].rules, err = d.network.Ingress(ctx, e.Account, region, e.SecurityGroups); err != nil {
			return err
		}
	}
	d.mu.Lock()
	d.entries = entries
	var leaving []*visitor
	for v := range d.visitors {
		if !d.lets(v.listener) {
			leaving = append(leaving, v)
		}
	}
	d.mu.Unlock()
	for _, v := range leaving {
		v.reset()
	}
	return nil
}

// lets reports whether a connection leads to a listener now. mu is held.
func (d *vpcDoor) lets(listener string) bool {
	return slices.ContainsFunc(d.entries, func(e vpcEntry) bool {
		return string(e.Listener) == listener && !time.Now().Before(e.From)
	})
}

// allows says whether a connection's security groups let a client in; port is
// the one that rules name.
func (d *vpcDoor) allows(listener string, port uint16) func(net.Conn) bool {
	return func(nc net.Conn) bool {
		d.mu.Lock()
		entries := d.entries // replaced as a whole
		d.mu.Unlock()
		return slices.ContainsFunc(entries, func(e vpcEntry) bool {
			return string(e.Listener) == listener && e.rules.Allows(sourceOf(nc, e.rules, d.inside), port)
		})
	}
}

// before puts the door around a listener of the cluster.
func (d *vpcDoor) before(listener string) func(net.Listener) net.Listener {
	return func(ln net.Listener) net.Listener { return doored{ln, d, listener} }
}

// doored is a TCP listener behind the door.
type doored struct {
	net.Listener
	door     *vpcDoor
	listener string
}

// Accept answers the next client that may enter.
func (l doored) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		v := &visitor{nc.(*net.TCPConn), l.door, l.listener}
		if l.door.enter(v) {
			return v, nil
		}
		l.door.log.Debug("connection refused", "remote", nc.RemoteAddr(), "listener", l.listener, "reason", "no VPC connection leads here")
		v.reset()
	}
}

func (d *vpcDoor) enter(v *visitor) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.lets(v.listener) {
		return false
	}
	d.visitors[v] = struct{}{}
	return true
}

// visitor is a TCP connection that came through the door.
type visitor struct {
	*net.TCPConn
	door     *vpcDoor
	listener string
}

// Close ends the TCP connection, and the door forgets it.
func (v *visitor) Close() error {
	v.door.mu.Lock()
	delete(v.door.visitors, v)
	v.door.mu.Unlock()
	return v.TCPConn.Close()
}

// reset ends the TCP connection so that the client knows that it was cut.
func (v *visitor) reset() {
	_ = v.SetLinger(0) // a closed one needs none
	v.Close()
}
