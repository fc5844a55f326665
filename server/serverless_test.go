package server

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// serverless makes a serverless cluster the host's, and answers its client.
func (h *host) serverless(name string) (client func(...kgo.Opt) *kgo.Client) {
	h.t.Helper()
	out, err := h.s.msk.CreateClusterV2(h.t.Context(), h.caller, &kafka.CreateClusterV2Request{
		ClusterName: &name, Serverless: &kafka.ServerlessRequest{
			VpcConfigs:           []kafka.VpcConfig{{SubnetIds: h.s.vpc.SubnetIDs[:2]}},
			ClientAuthentication: &kafka.ServerlessClientAuthentication{Sasl: &kafka.ServerlessSasl{Iam: &kafka.Iam{Enabled: new(true)}}},
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.arn = *out.ClusterArn
	h.await(func() bool { return *h.described().State == "ACTIVE" })
	h.seeds = *h.addresses().BootstrapBrokerStringSaslIam
	auth := h.signing(h.s.root)
	return func(opts ...kgo.Opt) *kgo.Client { return h.client(append(auth, opts...)...) }
}

// TestServerlessLimits: what the clients of a serverless cluster are told when
// they are too fast, or ask for too much. A megabyte is a kilobyte here.
func TestServerlessLimits(t *testing.T) {
	h := newHostOf(t, func(c *Config) { c.BytesPerGiB, c.BrokerDomain = 1<<20, "amazonaws.com" })
	client := h.serverless("s")
	throttled := make(throttles, 1)
	cl := client(kgo.DefaultProduceTopic("t"), kgo.WithHooks(throttled), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordRetries(0))
	adm := kadm.NewClient(cl)
	if _, err := adm.CreateTopic(t.Context(), 1, -1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord(strings.Repeat("x", 60_000))).FirstErr(); err != nil { // 12 s at the rate, 10 at once
		t.Fatal(err)
	}
	select {
	case wait := <-throttled:
		if wait < time.Second || wait > 3*time.Second {
			t.Errorf("throttled for %v", wait)
		}
	case <-time.After(20 * time.Second):
		t.Error("the producer is not throttled")
	}
	out, err := adm.CreateTopic(t.Context(), 121, -1, map[string]*string{"cleanup.policy": new("compact")}, "compacted")
	if code := kadmCode(err, out.Err); code != kerr.InvalidRequest {
		t.Errorf("121 partitions of compacted topics: %v", code)
	}
	if out, err = adm.CreateTopic(t.Context(), 2400, -1, nil, "large"); kadmCode(err, out.Err) != kerr.InvalidRequest {
		t.Errorf("2401 partitions: %v", kadmCode(err, out.Err))
	}
	greedy := kmsg.NewPtrFetchRequest()
	greedy.MaxBytes = 55_000_001
	resp, err := cl.Broker(1).Request(t.Context(), greedy)
	if err != nil || resp.(*kmsg.FetchResponse).ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("a fetch of 55 MB and a byte: %v, %v", resp, err)
	}
	h.serverlessDefaults(adm)
}

// serverlessDefaults looks at what the topic t has, and at what may be set of it.
func (h *host) serverlessDefaults(adm *kadm.Client) {
	h.t.Helper()
	told, err := adm.DescribeTopicConfigs(h.t.Context(), "t")
	if err != nil {
		h.t.Fatal(err)
	}
	want := map[string]string{
		"cleanup.policy": "delete", "compression.type": "producer", "max.message.bytes": "1048588", "message.timestamp.difference.max.ms": "9223372036854775807",
		"message.timestamp.type": "CreateTime", "retention.bytes": "268435456000", "retention.ms": "604800000",
	}
	for _, c := range told[0].Configs {
		if v, there := want[c.Key]; there && c.MaybeValue() != v {
			h.t.Errorf("%s is %s, want %s", c.Key, c.MaybeValue(), v)
		}
	}
	set := func(name, value string) kadm.AlterConfig { return kadm.AlterConfig{Name: name, Value: &value} }
	for _, c := range []struct {
		want    error
		configs []kadm.AlterConfig
	}{
		{nil, []kadm.AlterConfig{set("retention.bytes", "-1"), set("retention.ms", "-1"), set("compression.type", "zstd"), set("max.message.bytes", "8388608")}},
		{kerr.InvalidRequest, []kadm.AlterConfig{set("max.message.bytes", "8388609")}},
		{kerr.InvalidRequest, []kadm.AlterConfig{set("cleanup.policy", "compact")}},
		{kerr.InvalidRequest, []kadm.AlterConfig{set("segment.bytes", "1048576")}},
	} {
		out, err := adm.AlterTopicConfigs(h.t.Context(), c.configs, "t")
		if err != nil || kadmCode(out[0].Err) != c.want {
			h.t.Errorf("%s: %v, %v, want %v", c.configs[0].Name, out, err, c.want)
		}
	}
}

// TestServerlessUpdates: a serverless cluster has none of what changes provisioned
// ones.
func TestServerlessUpdates(t *testing.T) {
	h := newHost(t)
	h.serverless("s")
	arn, stamp, m, ctx := &h.arn, h.described().CurrentVersion, h.s.msk, t.Context()
	for name, call := range map[string]func() error{
		"UpdateBrokerCount": func() error {
			_, err := m.UpdateBrokerCount(ctx, h.caller, &kafka.UpdateBrokerCountRequest{ClusterArn: arn, CurrentVersion: stamp, TargetNumberOfBrokerNodes: new(int32(6))})
			return err
		},
		"UpdateStorage": func() error {
			_, err := m.UpdateStorage(ctx, h.caller, &kafka.UpdateStorageRequest{ClusterArn: arn, CurrentVersion: stamp, VolumeSizeGB: new(int32(2000))})
			return err
		},
		"UpdateBrokerType": func() error {
			_, err := m.UpdateBrokerType(ctx, h.caller, &kafka.UpdateBrokerTypeRequest{ClusterArn: arn, CurrentVersion: stamp, TargetInstanceType: new("kafka.m5.large")})
			return err
		},
		"UpdateRebalancing": func() error {
			_, err := m.UpdateRebalancing(ctx, h.caller, &kafka.UpdateRebalancingRequest{ClusterArn: arn, CurrentVersion: stamp, Rebalancing: &kafka.Rebalancing{Status: new("PAUSED")}})
			return err
		},
		"RebootBroker": func() error {
			_, err := m.RebootBroker(ctx, h.caller, &kafka.RebootBrokerRequest{ClusterArn: arn, BrokerIds: []string{"1"}})
			return err
		},
		"UpdateMonitoring": func() error {
			_, err := m.UpdateMonitoring(ctx, h.caller, &kafka.UpdateMonitoringRequest{ClusterArn: arn, CurrentVersion: stamp, EnhancedMonitoring: new("DEFAULT")})
			return err
		},
		"UpdateSecurity": func() error {
			_, err := m.UpdateSecurity(ctx, h.caller, &kafka.UpdateSecurityRequest{ClusterArn: arn, CurrentVersion: stamp})
			return err
		},
		"ListNodes": func() error {
			_, err := m.ListNodes(ctx, h.caller, &kafka.ListNodesRequest{ClusterArn: arn})
			return err
		},
		"BatchAssociateScramSecret": func() error {
			_, err := m.BatchAssociateScramSecret(ctx, h.caller, &kafka.BatchAssociateScramSecretRequest{ClusterArn: arn, SecretArnList: []string{"arn:aws:secretsmanager:us-east-1:000000000000:secret:AmazonMSK_x-abcdef"}})
			return err
		},
	} {
		if e, ok := errors.AsType[*model.Error](call()); !ok || e.HTTP != 400 {
			t.Errorf("%s: %v", name, fmt.Sprint(e))
		}
	}
}
