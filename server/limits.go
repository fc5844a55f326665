package server

import (
	"net"
	"net/netip"
	"sync"

	"github.com/millrace/millrace/throttle"
)

// Limits of the API's connections.
const (
	maxConnections     = 4096
	maxConnectionsFrom = 512 // of one address, or one IPv6 network of 64 bits
)

// limited is a listener that closes connections beyond the limits at once.
type limited struct {
	net.Listener

	mu   sync.Mutex
	all  int                // under mu
	from map[netip.Addr]int // under mu: no zeros
}

func limit(ln net.Listener) *limited { return &limited{Listener: ln, from: map[netip.Addr]int{}} }

// Accept waits for a connection within the limits.
func (l *limited) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer := peerOf(nc)
		if l.take(peer) {
			return &limitedConn{Conn: nc, done: sync.OnceFunc(func() { l.give(peer) })}, nil
		}
		nc.Close()
	}
}

func peerOf(nc net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(nc.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return throttle.Source(at.Addr())
}

func (l *limited) take(peer netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= maxConnections || l.from[peer] >= maxConnectionsFrom {
		return false
	}
	l.all++
	l.from[peer]++
	return true
}

func (l *limited) give(peer netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.from[peer]--; l.from[peer] == 0 {
		delete(l.from, peer)
	}
}

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	done func()
}

func (c *limitedConn) Close() error {
	defer c.done()
	return c.Conn.Close()
}
