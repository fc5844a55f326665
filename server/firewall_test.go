package server

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/aws/ec2"
)

// TestFirewallHolds: connections that no rule allows are held for a while, some
// of them, and told of now and then.
func TestFirewallHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := &firewall{log: slog.New(slog.NewTextHandler(&log, nil)), cancel: func() {}}
		var ends []net.Conn
		for range maxHeld + 1 {
			client, server := net.Pipe()
			f.hold(server)
			ends = append(ends, client)
		}
		open := func() (n int) {
			for _, c := range ends {
				_ = c.SetReadDeadline(time.Now().Add(time.Nanosecond)) // a pipe takes one
				if _, err := c.Read(make([]byte, 1)); err != nil && strings.Contains(err.Error(), "timeout") {
					n++
				}
			}
			return n
		}
		if n := open(); n != maxHeld {
			t.Errorf("%d are held, want %d", n, maxHeld)
		}
		time.Sleep(holdFor - time.Second) // of the bubble
		if n := open(); n != maxHeld {
			t.Errorf("shortly before the end %d are held, want %d", n, maxHeld)
		}
		time.Sleep(time.Second)
		if n := open(); n != 0 || len(f.held) != 0 {
			t.Errorf("at the end %d are held, %d are known, want none", n, len(f.held))
		}
		_, late := net.Pipe()
		f.hold(late)
		if got := log.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "connections=1 ") || !strings.Contains(got, "connections=257 ") {
			t.Errorf("the log is %q, want a line for the first and one for the others", got)
		}
		f.close()
		_, gone := net.Pipe()
		f.hold(gone)
		if _, err := gone.Write([]byte{1}); err == nil || len(f.held) != 0 {
			t.Errorf("after the close: %v, %d are held", err, len(f.held))
		}
	})
}

// ends is a connection between two addresses.
type ends struct {
	net.Conn
	from, to string
}

func (e ends) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(e.from), 50000))
}
func (e ends) LocalAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(e.to), 9098))
}

// TestSourceOf: who counts as a host of the VPC.
func TestSourceOf(t *testing.T) {
	s, err := New(Config{DataDir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	rules, err := s.ec2.Ingress(t.Context(), s.root.Account, "us-east-1", []string{ec2.DefaultVPCOf(s.root.Account, "us-east-1").SecurityGroupID})
	if err != nil {
		t.Fatal(err)
	}
	private := privateNetworks()
	for _, tc := range []struct {
		what     string
		c        ends
		networks []netip.Prefix
		want     bool
	}{
		{"loopback", ends{from: "127.0.0.1", to: "127.0.0.1"}, nil, true},
		{"loopback, IPv6", ends{from: "::1", to: "::1"}, nil, true},
		{"loopback, IPv4 in IPv6", ends{from: "::ffff:127.0.0.1", to: "::ffff:127.0.0.1"}, nil, true},
		{"this machine's own address", ends{from: "203.0.113.7", to: "203.0.113.7"}, nil, true},
		{"another machine", ends{from: "203.0.113.8", to: "203.0.113.7"}, private, false},
		{"a container's client", ends{from: "172.17.0.1", to: "172.17.0.2"}, private, true},
		{"a container's client of serve", ends{from: "172.17.0.1", to: "172.17.0.2"}, nil, false},
	} {
		if got := rules.Allows(sourceOf(tc.c, rules, tc.networks), 9098); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.what, got, tc.want)
		}
	}
}
