//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const actTime = 30 * time.Second // of one verb of a script

// toolClasses are Kafka's command line tools by the names of their scripts.
var toolClasses = map[string]string{
	"kafka-acls":                "org.apache.kafka.tools.AclCommand",
	"kafka-broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
	"kafka-client-metrics":      "org.apache.kafka.tools.ClientMetricsCommand",
	"kafka-cluster":             "org.apache.kafka.tools.ClusterTool",
	"kafka-configs":             "kafka.admin.ConfigCommand",
	"kafka-console-consumer":    "org.apache.kafka.tools.consumer.ConsoleConsumer",
	"kafka-console-producer":    "org.apache.kafka.tools.ConsoleProducer",
	"kafka-consumer-groups":     "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
	"kafka-consumer-perf-test":  "org.apache.kafka.tools.ConsumerPerformance",

	"kafka-delete-records":            "org.apache.kafka.tools.DeleteRecordsCommand",
	"kafka-e2e-latency":               "org.apache.kafka.tools.EndToEndLatency",
	"kafka-features":                  "org.apache.kafka.tools.FeatureCommand",
	"kafka-get-offsets":               "org.apache.kafka.tools.GetOffsetShell",
	"kafka-groups":                    "org.apache.kafka.tools.GroupsCommand",
	"kafka-leader-election":           "org.apache.kafka.tools.LeaderElectionCommand",
	"kafka-log-dirs":                  "org.apache.kafka.tools.LogDirsCommand",
	"kafka-metadata-quorum":           "org.apache.kafka.tools.MetadataQuorumCommand",
	"kafka-producer-perf-test":        "org.apache.kafka.tools.ProducerPerformance",
	"kafka-reassign-partitions":       "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
	"kafka-replica-verification":      "org.apache.kafka.tools.ReplicaVerificationTool",
	"kafka-streams-application-reset": "org.apache.kafka.tools.StreamsResetter",
	"kafka-share-groups":              "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
	"kafka-streams-groups":            "org.apache.kafka.tools.streams.StreamsGroupCommand",
	"client-compatibility":            "org.apache.kafka.tools.ClientCompatibilityTest",
	"kafka-topics":                    "org.apache.kafka.tools.TopicCommand",
	"kafka-transactions":              "org.apache.kafka.tools.TransactionsCommand",
	"kafka-verifiable-consumer":       "org.apache.kafka.tools.VerifiableConsumer",
	"kafka-verifiable-producer":       "org.apache.kafka.tools.VerifiableProducer",
	"transactional-copier":            "org.apache.kafka.tools.TransactionalMessageCopier",
}

// toolCall is the class and the arguments of a tool, with the brokers where it
// wants them.
func toolCall(tool string, args []string, brokers string) (class string, all []string, err error) {
	class = toolClasses[tool]
	if class == "" {
		return "", nil, fmt.Errorf("there is no tool %s", tool)
	}
	switch tool {
	case "transactional-copier", "kafka-replica-verification":
		return class, append([]string{"--broker-list", brokers}, args...), nil
	case "kafka-cluster":
		return class, append(append([]string{}, args...), "--bootstrap-server", brokers), nil
	default:
		return class, append([]string{"--bootstrap-server", brokers}, args...), nil
	}
}

// actors do what scripts want done besides the tools: producers, and members of
// groups that stay.
type actors struct {
	brokers []string
	client  *kgo.Client
	admin   *kadm.Client
	stdin   string // of the next tool
	present map[string]*kgo.Client
	broker  func(ctx context.Context, do, id string) error // stops or starts one
}

func newActors(t *testing.T, brokers []string, broker func(ctx context.Context, do, id string) error) *actors {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	a := &actors{brokers: brokers, client: client, admin: kadm.NewClient(client), present: map[string]*kgo.Client{}, broker: broker}
	t.Cleanup(func() {
		for _, c := range a.present {
			c.Close()
		}
		client.Close()
	})
	return a
}

// act does a verb:
//
//	file NAME TEXT                 writes $DIR/NAME
//	stdin TEXT                     is what the next tool reads; \n is a line's end
//	produce TOPIC PARTITION N      writes records of a fixed size and time
//	commit GROUP TOPIC PARTITION N commits an offset
//	join CLIENT GROUP TOPIC        consumes until it leaves
//	join-848 CLIENT GROUP TOPIC    the same with the protocol of KIP-848
//	join-static CLIENT GROUP TOPIC INSTANCE  the same as a static member
//	leave CLIENT
//	begin ID TOPIC PARTITION N     opens a transaction with records in it
//	end ID commit|abort            ends it
//	broker stop|start ID
//	reassign TOPIC PARTITION REPLICAS  asks for it without the tool's own checks
func (a *actors) act(t *testing.T, dir, verb string, args []string) error {
	ctx, cancel := context.WithTimeout(t.Context(), actTime)
	defer cancel()
	verbs := map[string]struct {
		args int
		do   func() error
	}{
		"file":    {2, func() error { return os.WriteFile(filepath.Join(dir, args[0]), []byte(args[1]+"\n"), 0o600) }},
		"stdin":   {1, func() error { a.stdin = strings.ReplaceAll(args[0], `\n`, "\n"); return nil }},
		"produce": {3, func() error { return produceTo(ctx, a.client, args[0], args[1], args[2]) }},
		"commit":  {4, func() error { return a.commit(ctx, args) }},
		"join":    {3, func() error { return a.join(ctx, args[0], args[1], args[2]) }},
		"join-848": {3, func() error {
			return a.join(ctx, args[0], args[1], args[2], kgo.ServerSideBalancer())
		}},
		"join-static": {4, func() error { return a.join(ctx, args[0], args[1], args[2], kgo.InstanceID(args[3])) }},
		"leave":       {1, func() error { return a.leave(args[0]) }},
		"begin":       {4, func() error { return a.begin(ctx, args) }},
		"end":         {2, func() error { return a.end(ctx, args[0], args[1] == "commit") }},
		"reassign":    {3, func() error { return a.reassign(ctx, args) }},
		"broker":      {2, func() error { return a.broker(ctx, args[0], args[1]) }},
	}
	v, ok := verbs[verb]
	if !ok || len(args) != v.args {
		return fmt.Errorf("there is no verb %s with %d words", verb, len(args))
	}
	return v.do()
}

func produceTo(ctx context.Context, client *kgo.Client, topic, partition, count string) error {
	p, err := strconv.ParseInt(partition, 10, 32)
	n, nErr := strconv.Atoi(count)
	if err := errors.Join(err, nErr); err != nil {
		return err
	}
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{
			Topic: topic, Partition: int32(p), Value: fmt.Appendf(nil, "record-%03d", i),
			Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i)),
		}
	}
	return client.ProduceSync(ctx, records...).FirstErr()
}

func (a *actors) commit(ctx context.Context, args []string) error {
	p, err := strconv.ParseInt(args[2], 10, 32)
	n, nErr := strconv.ParseInt(args[3], 10, 64)
	if err := errors.Join(err, nErr); err != nil {
		return err
	}
	var offsets kadm.Offsets
	offsets.AddOffset(args[1], int32(p), n, -1)
	return a.admin.CommitAllOffsets(ctx, args[0], offsets)
}

func (a *actors) reassign(ctx context.Context, args []string) error {
	p, err := strconv.ParseInt(args[1], 10, 32)
	var replicas []int32
	for _, text := range strings.Split(args[2], ",") {
		id, idErr := strconv.ParseInt(text, 10, 32)
		err = errors.Join(err, idErr)
		replicas = append(replicas, int32(id))
	}
	if err != nil {
		return err
	}
	var req kadm.AlterPartitionAssignmentsReq
	req.Assign(args[0], int32(p), replicas)
	answer, err := a.admin.AlterPartitionAssignments(ctx, req)
	return errors.Join(err, answer.Error())
}

// join consumes with a client of this name, and returns when it has partitions.
func (a *actors) join(ctx context.Context, name, group, topic string, more ...kgo.Opt) error {
	assigned := make(chan struct{}, 1)
	c, err := kgo.NewClient(append(more, kgo.SeedBrokers(a.brokers...), kgo.ClientID(name), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.Balancers(kgo.RangeBalancer()), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, got map[string][]int32) {
			if len(got) > 0 {
				select {
				case assigned <- struct{}{}:
				default:
				}
			}
		}))...)
	if err != nil {
		return err
	}
	a.present[name] = c
	select {
	case <-assigned:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no partitions: %w", ctx.Err())
	}
}

func (a *actors) leave(name string) error {
	c := a.present[name]
	if c == nil {
		return fmt.Errorf("%s is not there", name)
	}
	delete(a.present, name)
	c.Close()
	return nil
}

// begin opens a transaction and leaves it open.
func (a *actors) begin(ctx context.Context, args []string) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(a.brokers...), kgo.TransactionalID(args[0]), kgo.ClientID(args[0]),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionTimeout(time.Minute))
	if err != nil {
		return err
	}
	a.present[args[0]] = c
	if err := c.Ping(ctx); err != nil { // before it the client does not know transactions v2
		return err
	}
	if err := c.BeginTransaction(); err != nil {
		return err
	}
	return produceTo(ctx, c, args[1], args[2], args[3])
}

func (a *actors) end(ctx context.Context, id string, commit bool) error {
	c := a.present[id]
	if c == nil {
		return fmt.Errorf("no transaction of %s is open", id)
	}
	err := c.EndTransaction(ctx, kgo.TransactionEndTry(commit))
	if errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.ProducerFenced) {
		err = nil // a tool has ended it
	}
	return errors.Join(err, a.leave(id))
}
