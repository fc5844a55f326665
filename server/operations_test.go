package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/vfs"
)

// host is a machine whose server may be killed and started again.
type host struct {
	t      *testing.T
	cfg    Config
	s      *System
	caller model.Caller
	arn    string // of the cluster
	seeds  string // its plaintext bootstrap string
	auth   []kgo.Opt

	running sync.WaitGroup
	cancel  context.CancelFunc
}

// newHost starts a server with a cluster of two brokers.
func newHost(t *testing.T) *host { return newHostOf(t, func(*Config) {}) }

// newHostOf is newHost for another configuration.
func newHostOf(t *testing.T, change func(*Config)) *host {
	h := &host{t: t, cfg: Config{
		DataDir: t.TempDir(), Listen: "127.0.0.1:0", BrokerPorts: os.Getenv(portsVariable), Region: "us-east-1", AdvertiseHost: "127.0.0.1", MetricsInterval: -1,
		RebalanceDelay: new(time.Duration), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), FS: vfs.NewMemory(),
	}}
	change(&h.cfg)
	t.Cleanup(func() { h.kill() })
	h.start(nil)
	h.caller = model.Caller{Account: h.s.root.Account, Region: "us-east-1"}
	h.arn, h.seeds = newCluster(t, h.s)
	return h
}

// start runs the server; between is the seam of the same name.
func (h *host) start(between func() error) {
	h.t.Helper()
	var err error
	if h.s, err = New(h.cfg); err != nil {
		h.t.Fatal(err)
	}
	h.s.driver.askBetween(between)
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	s := h.s
	h.running.Go(func() {
		if err := s.Run(ctx); err != nil {
			h.t.Error(err)
		}
	})
}

// askBetween sets between and answers what it was.
func (e *embedded) askBetween(between func() error) (was func() error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	was, e.between = e.between, between
	return was
}

// kill ends the server and waits for that.
func (h *host) kill() {
	h.cancel()
	h.running.Wait()
}

// settled waits until the operation has ended and answers how.
func (h *host) settled(operation *string) *kafka.ClusterOperationInfo {
	h.t.Helper()
	changed, cancel := h.s.msk.Watch()
	defer cancel()
	for late := time.After(30 * time.Second); ; {
		out, err := h.s.msk.DescribeClusterOperation(h.t.Context(), h.caller, &kafka.DescribeClusterOperationRequest{ClusterOperationArn: operation})
		if err != nil {
			h.t.Fatal(err)
		}
		if out.ClusterOperationInfo.EndTime != nil {
			return out.ClusterOperationInfo
		}
		select {
		case <-changed:
		case <-late:
			h.t.Fatalf("the operation does not end: %s, steps %s", *out.ClusterOperationInfo.OperationState, steps(out.ClusterOperationInfo))
		}
	}
}

func steps(o *kafka.ClusterOperationInfo) string {
	var all []string
	for _, s := range o.OperationSteps {
		all = append(all, *s.StepName+"="+*s.StepInfo.StepStatus)
	}
	return strings.Join(all, " ")
}

// described is the cluster as DescribeClusterV2 tells it.
func (h *host) described() *kafka.Cluster {
	h.t.Helper()
	out, err := h.s.msk.DescribeClusterV2(h.t.Context(), h.caller, &kafka.DescribeClusterV2Request{ClusterArn: &h.arn})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.ClusterInfo
}

// client is a client of the cluster's brokers.
func (h *host) client(opts ...kgo.Opt) *kgo.Client {
	h.t.Helper()
	own := append([]kgo.Opt{
		kgo.SeedBrokers(strings.Split(h.seeds, ",")...), kgo.ProducerLinger(0), kgo.MetadataMinAge(10 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }),
	}, h.auth...)
	cl, err := kgo.NewClient(append(own, opts...)...)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(cl.Close)
	return cl
}

// traffic produces and consumes until it is stopped, which fails the test unless
// every record that was acknowledged was consumed once, in order.
func (h *host) traffic(topic string) (stop func()) {
	h.t.Helper()
	return h.trafficOf(topic, 2)
}

// trafficOf is traffic on a topic with as many replicas.
func (h *host) trafficOf(topic string, replicas int16) (stop func()) {
	h.t.Helper()
	cl := h.client(kgo.DefaultProduceTopic(topic), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if _, err := kadm.NewClient(cl).CreateTopic(h.t.Context(), 1, replicas, nil, topic); err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	sent, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		for ; ctx.Err() == nil; sent++ {
			if err := cl.ProduceSync(h.t.Context(), kgo.StringRecord(fmt.Sprint(sent))).FirstErr(); err != nil {
				h.t.Error("produce:", err)
				return
			}
		}
	}()
	return func() {
		h.t.Helper()
		cancel()
		<-done
		within, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
		defer cancel()
		for got := 0; got < sent; {
			f := cl.PollFetches(within)
			if within.Err() != nil {
				h.t.Fatalf("consumed %d of %d records", got, sent)
			}
			f.EachRecord(func(r *kgo.Record) {
				if string(r.Value) != fmt.Sprint(got) {
					h.t.Errorf("consumed %s, want %d", r.Value, got)
				}
				got++
			})
		}
	}
}

// TestRebootBroker: one broker stops and starts, and clients go on.
func TestRebootBroker(t *testing.T) {
	h := newHost(t)
	stop := h.traffic("t")
	version, led := *h.described().CurrentVersion, h.leader("t")
	out, err := h.s.msk.RebootBroker(t.Context(), h.caller, &kafka.RebootBrokerRequest{ClusterArn: &h.arn, BrokerIds: []string{fmt.Sprint(led)}})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.described(); *got.State != "REBOOTING_BROKER" || *got.ActiveOperationArn != *out.ClusterOperationArn {
		t.Errorf("under way: %s %v", *got.State, got.ActiveOperationArn)
	}
	o := h.settled(out.ClusterOperationArn)
	if *o.OperationState != "REBOOT_COMPLETE" || steps(o) != "" || o.SourceClusterInfo != nil {
		t.Errorf("%s, %s", *o.OperationState, steps(o))
	}
	if got := h.described(); *got.State != "ACTIVE" || got.ActiveOperationArn != nil || *got.CurrentVersion != version {
		t.Errorf("after: %s %v, version %s, was %s", *got.State, got.ActiveOperationArn, *got.CurrentVersion, version)
	}
	stop()
	if now := h.leader("t"); now == led {
		t.Errorf("broker %d led before and after", led)
	}
}

// leader is who leads a topic's first partition.
func (h *host) leader(topic string) int32 {
	h.t.Helper()
	meta, err := kadm.NewClient(h.client()).Metadata(h.t.Context(), topic)
	if err != nil {
		h.t.Fatal(err)
	}
	return meta.Topics[topic].Partitions[0].Leader
}

var errKilled = errors.New("killed")

// killedEverywhere runs an operation over and over: each time the process ends
// at the next point where it changes a running cluster, and starts again. check
// looks at what became of it.
func killedEverywhere(t *testing.T, begin func(h *host) *string, check func(h *host)) {
	killedEverywhereOn(t, newHost, begin, check)
}

func killedEverywhereOn(t *testing.T, newHost func(t *testing.T) *host, begin func(h *host) *string, check func(h *host)) {
	for n := 1; ; n++ {
		h := newHost(t)
		points, kill := 0, make(chan struct{})
		h.s.driver.askBetween(func() error {
			if points++; points == n {
				close(kill)
			}
			if points >= n {
				return errKilled
			}
			return nil
		})
		operation := begin(h)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.waitUnless(operation, kill)
		}()
		<-ended
		killed := false
		select {
		case <-kill:
			killed = true
			h.kill()
			h.start(nil)
		default:
		}
		if o := h.settled(operation); !strings.HasSuffix(*o.OperationState, "_COMPLETE") {
			t.Errorf("killed at point %d: %s", n, *o.OperationState)
		}
		if got := h.described(); *got.State != "ACTIVE" {
			t.Errorf("killed at point %d: %s", n, *got.State)
		}
		check(h)
		h.kill()
		if !killed {
			return
		}
	}
}

// waitUnless waits until the operation has ended, or the process is to.
func (h *host) waitUnless(operation *string, kill chan struct{}) {
	changed, cancel := h.s.msk.Watch()
	defer cancel()
	for {
		out, err := h.s.msk.DescribeClusterOperation(h.t.Context(), h.caller, &kafka.DescribeClusterOperationRequest{ClusterOperationArn: operation})
		if err != nil || out.ClusterOperationInfo.EndTime != nil {
			return
		}
		select {
		case <-changed:
		case <-kill:
			return
		}
	}
}

// reachable fails the test unless the cluster takes and gives a record.
func (h *host) reachable() {
	h.t.Helper()
	within, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	cl := h.client(kgo.DefaultProduceTopic("r"), kgo.ConsumeTopics("r"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if _, err := kadm.NewClient(cl).CreateTopic(within, 1, 2, nil, "r"); err != nil {
		h.t.Fatal(err)
	}
	if err := cl.ProduceSync(within, kgo.StringRecord("v")).FirstErr(); err != nil {
		h.t.Fatal(err)
	}
	if f := cl.PollFetches(within); f.NumRecords() != 1 {
		h.t.Fatal(f.Err())
	}
}

func TestRebootBrokerKilledEverywhere(t *testing.T) {
	killedEverywhere(t, func(h *host) *string {
		out, err := h.s.msk.RebootBroker(t.Context(), h.caller, &kafka.RebootBrokerRequest{ClusterArn: &h.arn, BrokerIds: []string{"2"}})
		if err != nil {
			t.Fatal(err)
		}
		return out.ClusterOperationArn
	}, (*host).reachable)
}
