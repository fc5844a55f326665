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

	"github.com/millrace/millrace/aws/model/kafka"
)

// another makes a plaintext cluster the host's.
func (h *host) another(name, version, instance string, storage *string, zones int) {
	h.t.Helper()
	out, err := h.s.msk.CreateCluster(h.t.Context(), h.caller, &kafka.CreateClusterRequest{
		ClusterName: &name, KafkaVersion: &version, NumberOfBrokerNodes: new(int32(zones)),
		BrokerNodeGroupInfo: &kafka.BrokerNodeGroupInfo{ClientSubnets: h.s.vpc.SubnetIDs[:zones], InstanceType: &instance},
		EncryptionInfo:      &kafka.EncryptionInfo{EncryptionInTransit: &kafka.EncryptionInTransit{ClientBroker: new("TLS_PLAINTEXT")}},
		StorageMode:         storage,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.arn = *out.ClusterArn
	h.await(func() bool { return *h.described().State == "ACTIVE" })
	h.seeds = *h.addresses().BootstrapBrokerString
}

// TestDefaultConfigurations: what brokers say of themselves is what MSK documents
// of clusters without a configuration of their own, of each kind.
func TestDefaultConfigurations(t *testing.T) {
	all := map[string]string{
		"allow.everyone.if.no.acl.found": "", // which is none of Kafka's, so it is told without its value
		"auto.create.topics.enable":      "false", "auto.leader.rebalance.enable": "true",
		"num.partitions": "1", "replica.lag.time.max.ms": "30000",
		"socket.receive.buffer.bytes": "102400", "socket.request.max.bytes": "104857600", "socket.send.buffer.bytes": "102400",
		"log.local.retention.bytes": "-2", "log.local.retention.ms": "-2",
	}
	h := newHost(t)
	for _, c := range []struct {
		name, version, instance string
		zones                   int
		want                    map[string]string
	}{
		{"two", "3.9.x.kraft", "kafka.m5.large", 2, map[string]string{
			"log.segment.bytes": "1073741824", "num.replica.fetchers": "2", "default.replication.factor": "2", "min.insync.replicas": "1", "num.io.threads": "8", "num.network.threads": "5",
			"unclean.leader.election.enable": "true", "log.message.timestamp.difference.max.ms": "9223372036854775807",
		}},
		{"three", "3.9.x", "kafka.m7g.4xlarge", 3, map[string]string{
			"default.replication.factor": "3", "min.insync.replicas": "2", "num.io.threads": "8", "num.network.threads": "5",
			"unclean.leader.election.enable": "true", "zookeeper.session.timeout.ms": "18000", "zookeeper.set.acl": "false",
		}},
		{"four", "4.1.x.kraft", "kafka.m7g.large", 3, map[string]string{"log.message.timestamp.after.max.ms": "3600000"}},
		{"tiered", "3.7.x.kraft", "kafka.m7g.16xlarge", 3, map[string]string{
			"log.segment.bytes": "134217728", "num.io.threads": "64", "num.network.threads": "32", "num.replica.fetchers": "16", "remote.log.reader.threads": "42",
			"unclean.leader.election.enable": "false", "log.message.timestamp.difference.max.ms": "86400000",
		}},
		{"express", "3.9.x.kraft", "express.m7g.4xlarge", 3, map[string]string{
			"default.replication.factor": "3", "min.insync.replicas": "2", "num.io.threads": "32", "num.network.threads": "16",
			"unclean.leader.election.enable": "false", "transaction.state.log.min.isr": "2", "transaction.state.log.replication.factor": "3",
			"log.message.timestamp.after.max.ms": "86400000", "log.message.timestamp.before.max.ms": "86400000",
		}},
	} {
		var storage *string
		if c.name == "tiered" {
			storage = new("TIERED")
		}
		h.another(c.name, c.version, c.instance, storage, c.zones)
		told := h.configurations()
		for _, want := range []map[string]string{all, c.want} {
			for name, value := range want {
				if got, there := told[name]; !there || got != value {
					t.Errorf("%s: %s is %q, want %s", c.name, name, got, value)
				}
			}
		}
		if _, err := h.s.msk.DeleteCluster(t.Context(), h.caller, &kafka.DeleteClusterRequest{ClusterArn: &h.arn}); err != nil {
			t.Fatal(err)
		}
	}
}

// configurations is what the first broker says of itself.
func (h *host) configurations() map[string]string {
	h.t.Helper()
	told, err := kadm.NewClient(h.client()).DescribeBrokerConfigs(h.t.Context(), 1)
	if err != nil {
		h.t.Fatal(err)
	}
	all := map[string]string{}
	for _, c := range told[0].Configs {
		all[c.Key] = c.MaybeValue()
	}
	return all
}

// TestAConfigurationIsObeyed: what a revision sets is told by the brokers and by
// new topics, and is what clients meet.
func TestAConfigurationIsObeyed(t *testing.T) {
	h := newHost(t)
	settings := map[string]string{
		"auto.create.topics.enable": "true", "compression.type": "gzip", "default.replication.factor": "2", "delete.topic.enable": "false",
		"group.initial.rebalance.delay.ms": "1500", "group.max.session.timeout.ms": "20000", "group.min.session.timeout.ms": "9000",
		"log.message.timestamp.type": "LogAppendTime", "log.retention.hours": "5", "log.segment.bytes": "1048576", "message.max.bytes": "2000",
		"min.insync.replicas": "2", "num.partitions": "3", "offsets.retention.minutes": "60", "transaction.max.timeout.ms": "10000",
		"unclean.leader.election.enable": "false",
	}
	var text strings.Builder
	for name, value := range settings {
		fmt.Fprintf(&text, "%s=%s\n", name, value)
	}
	if o := h.settled(h.configure(h.configuration("all", text.String()))); *o.OperationState != "UPDATE_COMPLETE" {
		t.Fatal(*o.OperationState)
	}
	told := h.configurations()
	for name, value := range settings {
		if told[name] != value {
			t.Errorf("%s is %q, want %s", name, told[name], value)
		}
	}
	ctx := t.Context()
	cl := h.client(kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordRetries(3))
	adm := kadm.NewClient(cl)
	h.obeyedByProducers(cl, adm)

	txn := kmsg.NewPtrInitProducerIDRequest()
	txn.TransactionalID, txn.TransactionTimeoutMillis = new("t"), 20_000
	h.answers("transaction.max.timeout.ms", kerr.InvalidTransactionTimeout, func() (int16, error) {
		resp, err := txn.RequestWith(ctx, cl)
		return resp.ErrorCode, err
	})
	for _, timeout := range []int32{8000, 21_000} {
		join := kmsg.NewPtrJoinGroupRequest()
		join.Group, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis, join.ProtocolType = "g", timeout, 1000, "consumer"
		join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
		h.answers(fmt.Sprint("a session of ", timeout), kerr.InvalidSessionTimeout, func() (int16, error) {
			resp, err := join.RequestWith(ctx, cl)
			return resp.ErrorCode, err
		})
	}
	if out, err := adm.DeleteTopics(ctx, "made"); err != nil || !errors.Is(out["made"].Err, kerr.TopicDeletionDisabled) {
		t.Errorf("delete.topic.enable: %v %v", out, err)
	}
	if err := h.s.ChangeBroker(ctx, h.arn, FenceBroker, 2); err != nil {
		t.Fatal(err)
	}
	if err := h.client(kgo.RecordRetries(0)).ProduceSync(ctx, &kgo.Record{Topic: "made", Value: []byte("v")}).FirstErr(); !errors.Is(err, kerr.NotEnoughReplicas) {
		t.Errorf("min.insync.replicas: %v", err)
	}
	if err := h.s.ChangeBroker(ctx, h.arn, UnfenceBroker, 2); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	member := h.client(kgo.ConsumerGroup("first"), kgo.ConsumeTopics("made"), kgo.SessionTimeout(10*time.Second), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if f := member.PollRecords(ctx, 1); f.Err() != nil || time.Since(began) < 1500*time.Millisecond {
		t.Errorf("group.initial.rebalance.delay.ms: records after %v, %v", time.Since(began), f.Err())
	}
}

// answers reports what another code than the wanted one is answered to.
func (h *host) answers(what string, want *kerr.Error, ask func() (int16, error)) {
	h.t.Helper()
	code, err := ask()
	if err != nil || code != want.Code {
		h.t.Errorf("%s: %v, %v, want %v", what, kerr.ErrorForCode(code), err, want)
	}
}

// obeyedByProducers looks at what comes of a topic that a producer makes.
func (h *host) obeyedByProducers(cl *kgo.Client, adm *kadm.Client) {
	t, ctx := h.t, h.t.Context()
	t.Helper()
	record := &kgo.Record{Topic: "made", Value: []byte(strings.Repeat("x", 500)), Timestamp: time.Unix(1_000_000_000, 0)}
	if err := cl.ProduceSync(ctx, record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	topics, err := adm.ListTopics(ctx, "made")
	if err != nil || len(topics["made"].Partitions) != 3 || topics["made"].Partitions.NumReplicas() != 2 {
		t.Errorf("num.partitions, default.replication.factor: %+v %v", topics, err)
	}
	configs, err := adm.DescribeTopicConfigs(ctx, "made")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range configs[0].Configs {
		if c.Key == "retention.ms" && c.MaybeValue() != "18000000" {
			t.Errorf("log.retention.hours: retention.ms is %s", c.MaybeValue())
		}
		want, there := map[string]string{"segment.bytes": "1048576", "min.insync.replicas": "2", "unclean.leader.election.enable": "false"}[c.Key]
		if there && (c.MaybeValue() != want || c.Source != kmsg.ConfigSourceStaticBrokerConfig) {
			t.Errorf("%s of the topic is %s from %v", c.Key, c.MaybeValue(), c.Source)
		}
	}
	read := h.client(kgo.ConsumeTopics("made"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())).PollRecords(ctx, 1).Records()[0]
	if read.Attrs.CompressionType() != 1 || read.Attrs.TimestampType() != 1 || time.Since(read.Timestamp) > time.Hour {
		t.Errorf("compression.type, log.message.timestamp.type: %+v at %v", read.Attrs, read.Timestamp)
	}
	record.Value = []byte(strings.Repeat("x", 3000))
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "made", Value: record.Value}).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("message.max.bytes: %v", err)
	}
}
