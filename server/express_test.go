package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/throttle"
)

// express makes a cluster of three Express brokers the host's.
func (h *host) express(rebalancing string) {
	h.t.Helper()
	out, err := h.s.msk.CreateClusterV2(h.t.Context(), h.caller, &kafka.CreateClusterV2Request{
		ClusterName: new("x"), Provisioned: &kafka.ProvisionedRequest{
			KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(3)),
			BrokerNodeGroupInfo: &kafka.BrokerNodeGroupInfo{ClientSubnets: h.s.vpc.SubnetIDs[:3], InstanceType: new("express.m7g.large")},
			EncryptionInfo:      &kafka.EncryptionInfo{EncryptionInTransit: &kafka.EncryptionInTransit{ClientBroker: new("TLS_PLAINTEXT")}},
			Rebalancing:         &kafka.Rebalancing{Status: &rebalancing},
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.arn = *out.ClusterArn
	h.await(func() bool {
		b, err := h.s.msk.GetBootstrapBrokers(h.t.Context(), h.caller, &kafka.GetBootstrapBrokersRequest{ClusterArn: &h.arn})
		if err != nil || b.BootstrapBrokerString == nil {
			return false
		}
		h.seeds = *b.BootstrapBrokerString
		return true
	})
}

// kadmCode is the error of an admin's call, of the call itself or in its answer.
func kadmCode(errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		var k *kerr.Error
		if errors.As(err, &k) {
			return k
		}
		return err
	}
	return nil
}

// TestExpressTopics: copies are three whatever is asked for, and what is locked is
// refused.
func TestExpressTopics(t *testing.T) {
	h := newHost(t)
	h.express("PAUSED")
	adm := kadm.NewClient(h.client())
	for _, factor := range []int16{1, 2, 3, -1} {
		out, err := adm.CreateTopic(t.Context(), 1, factor, nil, fmt.Sprint("of", factor))
		if err != nil || out.ReplicationFactor != 3 {
			t.Errorf("a topic with factor %d has %d: %v", factor, out.ReplicationFactor, err)
		}
	}
	short, week := "604799999", "604800000"
	out, err := adm.CreateTopic(t.Context(), 1, 3, map[string]*string{"max.compaction.lag.ms": &short}, "lags")
	if code := kadmCode(err, out.Err); code != kerr.InvalidConfig {
		t.Errorf("records compacted in less than a week: %v", code)
	}
	if out, err = adm.CreateTopic(t.Context(), 1, 3, map[string]*string{"max.compaction.lag.ms": &week}, "lags"); kadmCode(err, out.Err) != nil {
		t.Errorf("records compacted in a week: %v %v", out, err)
	}
	for name, value := range map[string]string{"min.insync.replicas": "1", "unclean.leader.election.enable": "true", "segment.bytes": "1048576"} {
		out, err := adm.CreateTopic(t.Context(), 1, 3, map[string]*string{name: &value}, "refused")
		if code := kadmCode(err, out.Err); code != kerr.InvalidRequest {
			t.Errorf("a topic with %s: %v", name, code)
		}
		altered, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: name, Value: &value}}, "of3")
		if code := kadmCode(err, altered[0].Err); code != kerr.InvalidRequest {
			t.Errorf("a topic gets %s: %v", name, code)
		}
	}
	altered, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: new("1000000")}}, "of3")
	if code := kadmCode(err, altered[0].Err); code != nil {
		t.Errorf("a topic gets retention.ms: %v", code)
	}
	brokers, err := adm.AlterBrokerConfigs(t.Context(), []kadm.AlterConfig{{Name: "min.insync.replicas", Value: new("1")}})
	if code := kadmCode(err, brokers[0].Err); code != kerr.InvalidRequest {
		t.Errorf("brokers get min.insync.replicas: %v", code)
	}
	h.expect("min.insync.replicas", strings.Split(h.configured("min.insync.replicas"), " ")[0], "1=2")
	h.expect("unclean.leader.election.enable", strings.Split(h.configured("unclean.leader.election.enable"), " ")[0], "1=false")
	if err := h.client(kgo.DefaultProduceTopic("of1")).ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Error(err)
	}
}

// TestExpressThroughput: a partition beyond its megabytes a second (scaled down
// here) has its producer wait.
func TestExpressThroughput(t *testing.T) {
	h := newHostOf(t, func(c *Config) { c.BytesPerGiB = 1 << 10 }) // a megabyte is one byte
	h.express("PAUSED")
	throttled := make(throttles, 1)
	cl := h.client(kgo.DefaultProduceTopic("t"), kgo.WithHooks(throttled))
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 3, nil, "t"); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord(strings.Repeat("x", 10))).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord(strings.Repeat("y", 100))).FirstErr(); err != nil {
		t.Fatal(err)
	}
	select {
	case wait := <-throttled:
		if wait < time.Second {
			t.Errorf("throttled for %v", wait)
		}
	case <-time.After(20 * time.Second):
		t.Error("the producer is not throttled")
	}
}

// throttles are told how long a broker wants a client to be silent.
type throttles chan time.Duration

func (c throttles) OnBrokerThrottle(_ kgo.BrokerMetadata, wait time.Duration, _ bool) {
	select {
	case c <- wait:
	default:
	}
}

// held is how many replicas of clients' topics each broker has.
func (h *host) heldBy() string {
	h.t.Helper()
	held, _ := h.s.driver.held(h.arn)
	var all []string
	for id := int32(1); id <= int32(len(held)); id++ {
		all = append(all, fmt.Sprintf("%d=%d", id, held[id].Clients))
	}
	return strings.Join(all, " ")
}

// TestRebalancing: new brokers get replicas of those of their zone while
// rebalancing is active, and none while it is paused; no record is lost.
func TestRebalancing(t *testing.T) {
	h := newHost(t)
	h.express("PAUSED")
	within, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cl := h.client(kgo.ConsumeTopics("t"), kgo.DefaultProduceTopic("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if _, err := kadm.NewClient(cl).CreateTopic(within, 12, 3, nil, "t"); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := cl.ProduceSync(within, kgo.KeyStringRecord(fmt.Sprint(i), "v")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	operation, err := h.counted(6)
	if err != nil {
		t.Fatal(err)
	}
	h.expect("grown", *h.settled(operation).OperationState, "UPDATE_COMPLETE")
	h.expect("while paused", h.heldBy(), "1=12 2=12 3=12 4=0 5=0 6=0")
	out, err := h.s.msk.UpdateRebalancing(within, h.caller, &kafka.UpdateRebalancingRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, Rebalancing: &kafka.Rebalancing{Status: new("ACTIVE")},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := h.settled(out.ClusterOperationArn)
	h.expect("active", *o.OperationType+" "+*o.OperationState+" "+*o.TargetClusterInfo.Rebalancing.Status, "UPDATE_REBALANCING UPDATE_COMPLETE ACTIVE")
	h.await(func() bool { return h.heldBy() == "1=6 2=6 3=6 4=6 5=6 6=6" })
	meta, err := kadm.NewClient(cl).Metadata(within, "t")
	if err != nil {
		t.Fatal(err)
	}
	leaders := map[int32]int{}
	for _, p := range meta.Topics["t"].Partitions {
		leaders[p.Replicas[0]]++
	}
	for id, n := range leaders {
		if n > 3 {
			t.Errorf("broker %d leads %d of 12 partitions: %v", id, n, leaders)
		}
	}
	for read := 0; read < 50; {
		f := cl.PollFetches(within)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		read += f.NumRecords()
	}
}

// TestUpdateBrokerTypeLimits: the limits of the new type are each broker's once it
// has started again, and clients go on.
func TestUpdateBrokerTypeLimits(t *testing.T) {
	h := newHost(t)
	h.express("PAUSED")
	stop := h.traffic("t")
	out, err := h.s.msk.UpdateBrokerType(t.Context(), h.caller, &kafka.UpdateBrokerTypeRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, TargetInstanceType: new("express.m7g.2xlarge"),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.expect("update", *h.settled(out.ClusterOperationArn).OperationState, "UPDATE_COMPLETE")
	c := h.s.driver.find(h.arn).c
	for id := range c.StorageUsed() {
		err := c.Limit(t.Context(), id, func(l *cluster.Limits) {
			if l.Ingress != 93.7e6 || l.Egress != 234.2e6 || l.VolumeBytes != 0 {
				t.Errorf("broker %d: %+v", id, *l)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
	stop()
}

// TestLimitsOfTypes: which limits a broker has.
func TestLimitsOfTypes(t *testing.T) {
	three := []fleet.Broker{{ID: 1, ZoneID: "a"}, {ID: 2, ZoneID: "b"}, {ID: 3, ZoneID: "c"}}
	for name, c := range map[string]struct {
		realistic bool
		spec      fleet.Spec
		want      cluster.Limits
	}{
		"standard":                 {false, fleet.Spec{InstanceType: "kafka.m5.large", VolumeGiB: 2}, cluster.Limits{VolumeBytes: 2 << 30}},
		"standard, as on AWS":      {true, fleet.Spec{InstanceType: "kafka.m5.large", VolumeGiB: 2}, cluster.Limits{VolumeBytes: 2 << 30, Ingress: 93.75e6, Egress: 93.75e6}},
		"provisioned":              {false, fleet.Spec{InstanceType: "kafka.m5.8xlarge", VolumeGiB: 10, VolumeMiB: 300, Brokers: three}, cluster.Limits{VolumeBytes: 10 << 30, Ingress: 100 << 20}},
		"provisioned, as on AWS":   {true, fleet.Spec{InstanceType: "kafka.m5.4xlarge", VolumeGiB: 10, VolumeMiB: 300, Brokers: three}, cluster.Limits{VolumeBytes: 10 << 30, Ingress: 100 << 20, Egress: 625e6}},
		"express":                  {false, fleet.Spec{InstanceType: "express.m7g.large"}, cluster.Limits{Ingress: 23.4e6, Egress: 58.5e6}},
		"express, slowly":          {true, fleet.Spec{InstanceType: "express.m7g.large"}, cluster.Limits{Ingress: 23.4e6, Egress: 58.5e6}},
		"small":                    {false, fleet.Spec{InstanceType: "kafka.t3.small", VolumeGiB: 2}, cluster.Limits{VolumeBytes: 2 << 30, IAMConnects: throttle.Rule{Burst: 20, Every: time.Second / 4}}},
		"serverless has the other": {true, fleet.Spec{Serverless: true}, cluster.Limits{}},
	} {
		cfg := Config{Realistic: c.realistic, BytesPerGiB: 1 << 30}
		if c.want.IAMConnections = 3000; c.want.IAMConnects.Burst == 0 {
			c.want.IAMConnects = throttle.Rule{Burst: 500, Every: time.Second / 100}
		}
		if got := cfg.limits(c.spec, c.spec.InstanceType); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
