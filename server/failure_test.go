package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/vfs"
)

// TestAFailedClusterIsOpenedAgainAtOnce: a sync that fails takes the cluster
// down, and it is back long before the fleet looks at it by itself.
func TestAFailedClusterIsOpenedAgainAtOnce(t *testing.T) {
	var failing atomic.Bool
	s, err := New(Config{
		DataDir: t.TempDir(), Listen: "127.0.0.1:0", BrokerPorts: os.Getenv(portsVariable), Region: "us-east-1",
		RebalanceDelay: new(time.Duration), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		FS: vfs.NewFaulty(vfs.NewMemory(), func(op vfs.Op) error {
			if strings.Contains(op.Name, "/t-0/") && failing.CompareAndSwap(true, false) {
				return errors.New("the disk hiccups")
			}
			return nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	arn, plaintext := newCluster(t, s)
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(plaintext, ",")...), kgo.DefaultProduceTopic("t"), kgo.ProducerLinger(0),
		kgo.MetadataMinAge(10*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, -1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	produce := func() {
		t.Helper()
		within, cancel := context.WithTimeout(t.Context(), 20*time.Second) // the fleet's own look comes after 30 s
		defer cancel()
		if err := client.ProduceSync(within, kgo.StringRecord("v")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	produce()
	before := s.driver.find(arn)
	failing.Store(true)
	produce()
	if failing.Load() || s.driver.find(arn) == before {
		t.Error("nothing failed")
	}
}

// newCluster makes a cluster through the API's core and waits for it.
func newCluster(t *testing.T, s *System) (arn, plaintext string) {
	t.Helper()
	caller := model.Caller{Account: s.root.Account, Region: "us-east-1"}
	out, err := s.msk.CreateCluster(t.Context(), caller, &kafka.CreateClusterRequest{
		ClusterName: new("c"), KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(2)),
		BrokerNodeGroupInfo: &kafka.BrokerNodeGroupInfo{ClientSubnets: s.vpc.SubnetIDs[:2], InstanceType: new("kafka.m5.large")},
		EncryptionInfo:      &kafka.EncryptionInfo{EncryptionInTransit: &kafka.EncryptionInTransit{ClientBroker: new("TLS_PLAINTEXT")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	changed, cancel := s.msk.Watch()
	defer cancel()
	for late := time.After(20 * time.Second); ; {
		b, err := s.msk.GetBootstrapBrokers(t.Context(), caller, &kafka.GetBootstrapBrokersRequest{ClusterArn: out.ClusterArn})
		if err == nil && b.BootstrapBrokerString != nil {
			return *out.ClusterArn, *b.BootstrapBrokerString
		}
		select {
		case <-changed:
		case <-late:
			t.Fatal("the cluster does not become ACTIVE:", err)
		}
	}
}
