package cluster_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/vfs"
)

// TestTheControlPlaneConnectsInMemory: it reaches every broker, may do what
// nobody else may, and no client is told of its listeners.
func TestTheControlPlaneConnectsInMemory(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(cfg *cluster.Config) {
		cfg.Static["allow.everyone.if.no.acl.found"] = "false"
		for i := range cfg.Brokers {
			cfg.Brokers[i].Listeners[0].Authorizer = nil // the cluster's ACLs
		}
	})
	inside := func() *kadm.Client {
		cl, err := kgo.NewClient(kgo.SeedBrokers("any:0"), kgo.Dialer(func(ctx context.Context, _, address string) (net.Conn, error) { return r.c.Dial(ctx, address) }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return kadm.NewClient(cl)
	}
	if err := r.create(t, "t", 1, nil); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("a client without ACLs makes a topic: %v", err)
	}
	if _, err := inside().CreateTopic(t.Context(), 3, 3, nil, "t"); err != nil {
		t.Fatal(err)
	}
	if ends, err := inside().ListEndOffsets(t.Context(), "t"); err != nil || ends.Error() != nil { // asked of the leaders
		t.Error(err, ends.Error())
	}
	brokers, err := inside().ListBrokers(t.Context())
	if err != nil || len(brokers) != 3 || brokers[2].Host != "CONTROL" || brokers[2].Port != 3 {
		t.Errorf("inside there are %v, %v", brokers, err)
	}
	brokers, err = kadm.NewClient(r.client(t)).ListBrokers(t.Context())
	if err != nil || len(brokers) != 3 || !strings.HasPrefix(r.seeds[2], brokers[2].Host) {
		t.Errorf("clients see %v, %v", brokers, err)
	}

	do(t, r.c.StopBroker, 1)
	if _, err := r.c.Dial(t.Context(), "CONTROL:1"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a stopped broker: %v", err)
	}
	if _, err := inside().CreateTopic(t.Context(), 1, 2, nil, "u"); err != nil {
		t.Errorf("with a stopped broker: %v", err)
	}
	do(t, r.c.StartBroker, 1)
	if conn, err := r.c.Dial(t.Context(), "CONTROL:1"); err != nil {
		t.Errorf("a broker that started again: %v", err)
	} else {
		conn.Close()
	}
	for _, address := range []string{"", "CONTROL", "CONTROL:x", "CONTROL:9"} {
		if _, err := r.c.Dial(t.Context(), address); err == nil {
			t.Errorf("dialed %q", address)
		}
	}
}
