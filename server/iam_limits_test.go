package server

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// connections is what a test holds open to one broker.
type connections struct {
	h    *host
	open []net.Conn
}

// hold opens one more connection, and says whether it is served within some time.
func (c *connections) hold(address string, within time.Duration) bool {
	c.h.t.Helper()
	name, port, _ := net.SplitHostPort(address)
	late := time.Now().Add(within)
	nc, err := tls.DialWithDialer(&net.Dialer{Deadline: late}, "tcp", net.JoinHostPort("127.0.0.1", port), &tls.Config{RootCAs: c.h.trust(), ServerName: name, MinVersion: tls.VersionTLS12})
	if err != nil {
		return false
	}
	c.open = append(c.open, nc)
	_ = nc.SetDeadline(late)                                                                    // a closed one answers nothing
	if _, err := nc.Write([]byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 255, 255}); err != nil { // ApiVersions
		return false
	}
	_, err = io.ReadFull(nc, make([]byte, 4))
	return err == nil
}

func (c *connections) end() {
	for _, nc := range c.open {
		nc.Close()
	}
	c.open = nil
}

// TestIAMConnectionsOfABroker: its limit is for all its listeners for IAM, those
// for the internet too, and clients raise it by the key of either.
func TestIAMConnectionsOfABroker(t *testing.T) {
	h := newIAMHostOf(t, func(c *Config) { c.IAMConnections = 3 })
	if o := h.settled(h.connected(publicAccess("SERVICE_PROVIDED_EIPS"))); *o.OperationState != "UPDATE_COMPLETE" {
		t.Fatal(*o.OperationState)
	}
	of := func(addresses *string, broker string) string {
		for _, a := range strings.Split(*addresses, ",") {
			if strings.HasPrefix(a, broker) {
				return a
			}
		}
		t.Fatalf("%s has no %s", *addresses, broker)
		return ""
	}
	all := h.addresses()
	inside, public := of(all.BootstrapBrokerStringSaslIam, "b-1."), of(all.BootstrapBrokerStringPublicSaslIam, "b-1-public.")
	c := connections{h: h}
	defer c.end()
	const moment, while = 100 * time.Millisecond, 20 * time.Second // in which nothing is to happen, and in which it is
	for _, at := range []string{inside, inside, public} {
		if !c.hold(at, while) {
			t.Errorf("no connection to %s of the three", at)
		}
	}
	if c.hold(inside, moment) || c.hold(public, moment) {
		t.Error("a fourth connection to the broker")
	}
	now := time.Now().Truncate(time.Minute).Add(time.Minute)
	h.s.CollectMetrics(t.Context(), now)
	h.expect("open connections", h.metric("ConnectionCount", "Maximum", now, "Broker ID", "1"), "3")
	h.expect("of them authenticated", h.metric("ClientConnectionCount", "Maximum", now, "Broker ID", "1", "Client Authentication", "IAM"), "0")
	if !c.hold(of(all.BootstrapBrokerStringSaslIam, "b-2."), while) {
		t.Error("no connection to another broker")
	}
	c.end()

	cl := h.client(h.auth...)
	out, err := kadm.NewClient(cl).AlterBrokerConfigs(t.Context(), []kadm.AlterConfig{{Name: "listener.name.client_iam_public.max.connections", Value: new("5")}}, 1)
	if err != nil || out[0].Err != nil {
		t.Fatal(err, out)
	}
	cl.Close()
	for _, at := range []string{public, public, inside, inside, inside} {
		if !c.hold(at, while) {
			t.Errorf("no connection to %s of the five", at)
		}
	}
	if c.hold(public, moment) || c.hold(inside, moment) {
		t.Error("a sixth connection to the broker")
	}
}
