package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
)

// do changes a broker and fails the test when that fails.
func do(t *testing.T, change func(context.Context, int32) error, ids ...int32) {
	t.Helper()
	for _, id := range ids {
		if err := change(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
}

// described is a partition as broker at tells it, and who is there.
func (r *running) described(t *testing.T, at int32, topic string) (p kmsg.MetadataResponseTopicPartition, brokers []int32, controller int32) {
	t.Helper()
	cl := r.client(t, kgo.SeedBrokers(r.seeds[at-1]))
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	raw, err := cl.SeedBrokers()[0].Request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	resp := raw.(*kmsg.MetadataResponse)
	for _, b := range resp.Brokers {
		brokers = append(brokers, b.NodeID)
	}
	slices.Sort(brokers)
	return resp.Topics[0].Partitions[0], brokers, resp.ControllerID
}

func (r *running) say(t *testing.T, at int32, topic string) string {
	t.Helper()
	p, brokers, controller := r.described(t, at, topic)
	return fmt.Sprintf("leader %d epoch %d isr %v offline %v code %d, brokers %v controller %d", p.Leader, p.LeaderEpoch, p.ISR, p.OfflineReplicas, p.ErrorCode, brokers, controller)
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// assigned makes a topic of one partition on the brokers named.
func (r *running) assigned(t *testing.T, topic string, configs map[string]string, replicas ...int32) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	in := kmsg.NewCreateTopicsRequestTopic()
	in.Topic, in.NumPartitions, in.ReplicationFactor = topic, -1, -1
	in.ReplicaAssignment = []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Replicas: replicas}}
	for k, v := range configs {
		in.Configs = append(in.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: k, Value: &v})
	}
	req.Topics = append(req.Topics, in)
	resp, err := req.RequestWith(t.Context(), r.client(t))
	if err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatal(resp, err)
	}
}

func TestAStoppedBroker(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	r.assigned(t, "t", nil, 1, 2, 3)
	expect(t, "before", r.say(t, 2, "t"), "leader 1 epoch 0 isr [1 2 3] offline [] code 0, brokers [1 2 3] controller 1")
	do(t, r.c.StopBroker, 1)
	expect(t, "stopped", r.say(t, 2, "t"), "leader 2 epoch 1 isr [2 3] offline [1] code 0, brokers [2 3] controller 2")
	if conn, err := net.Dial("tcp", r.seeds[0]); err == nil {
		conn.Close()
		t.Error("a stopped broker accepts connections")
	}
	if err := r.create(t, "u", 1, nil); err != nil { // through another controller
		t.Error(err)
	}
	do(t, r.c.StopBroker, 1) // again: nothing to do
	if err := r.c.UnfenceBroker(t.Context(), 1); !errors.Is(err, cluster.ErrStopped) {
		t.Errorf("unfencing a stopped broker: %v", err)
	}
	do(t, r.c.StartBroker, 1, 1)
	expect(t, "started", r.say(t, 1, "t"), "leader 2 epoch 1 isr [2 3 1] offline [] code 0, brokers [1 2 3] controller 1")
	r.produce(t, "t", "a")
	elected, err := kadm.NewClient(r.client(t)).ElectLeaders(t.Context(), kadm.ElectPreferredReplica, nil)
	if result := elected["t"][0]; err != nil || result.Err != nil {
		t.Errorf("electing the preferred leader: %+v, %v", result, err)
	}
	expect(t, "elected", r.say(t, 1, "t"), "leader 1 epoch 2 isr [2 3 1] offline [] code 0, brokers [1 2 3] controller 1")
	if err := r.c.StopBroker(t.Context(), 9); !errors.Is(err, cluster.ErrNoBroker) {
		t.Errorf("stopping a broker that is not there: %v", err)
	}
	if got := fmt.Sprint(r.c.BrokerStates()); got != "map[1:RUNNING 2:RUNNING 3:RUNNING]" {
		t.Errorf("states %s", got)
	}
}

// TestAnotherTookThePort: the broker stays stopped and can be started later.
func TestAnotherTookThePort(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	do(t, r.c.StopBroker, 3)
	thief, err := net.Listen("tcp", r.seeds[2])
	if err != nil {
		t.Fatal(err)
	}
	if err := r.c.StartBroker(t.Context(), 3); err == nil {
		t.Error("the broker started on a port that is taken")
	}
	thief.Close()
	do(t, r.c.StartBroker, 3)
}

// batch is one record as a producer sends it.
func batch(value string) []byte {
	b := record.NewBuilder(record.BuilderOptions{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
	b.Add(time.Now().UnixMilli(), nil, []byte(value))
	return b.Batch()
}

// produceAt sends one record of t-0 to a broker, whoever leads.
func produceAt(t *testing.T, b *kgo.Broker, topic string, acks int16, timeout time.Duration) *kmsg.ProduceResponse {
	t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = acks, int32(timeout.Milliseconds())
	in := kmsg.NewProduceRequestTopic()
	in.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = batch("v")
	in.Partitions = append(in.Partitions, p)
	req.Topics = append(req.Topics, in)
	req.Version = 12 // topics by name
	resp, err := b.Request(t.Context(), pinned{req})
	if err != nil {
		t.Fatal(err)
	}
	return resp.(*kmsg.ProduceResponse)
}

// pinned keeps a request at its version.
type pinned struct{ *kmsg.ProduceRequest }

func (p pinned) MaxVersion() int16 { return 12 }

// pinnedCommit and pinnedAdd likewise.
type (
	pinnedCommit struct{ *kmsg.OffsetCommitRequest }
	pinnedAdd    struct {
		*kmsg.AddPartitionsToTxnRequest
	}
)

func (p pinnedCommit) MaxVersion() int16 { return 8 }
func (p pinnedAdd) MaxVersion() int16    { return 3 }

func TestAFencedBrokerTellsWhoLeads(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	r.assigned(t, "t", nil, 1, 2, 3)
	first := r.client(t, kgo.SeedBrokers(r.seeds[0])).SeedBrokers()[0]
	if resp := produceAt(t, first, "t", -1, time.Second); resp.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("before: %+v", resp)
	}
	do(t, r.c.FenceBroker, 1)
	resp := produceAt(t, first, "t", -1, time.Second)
	p := resp.Topics[0].Partitions[0]
	if p.ErrorCode != kerr.NotLeaderForPartition.Code || p.CurrentLeader.LeaderID != 2 || p.CurrentLeader.LeaderEpoch != 1 || len(resp.Brokers) != 1 || resp.Brokers[0].NodeID != 2 {
		t.Errorf("the fenced leader answered %+v", resp)
	}
	expect(t, "states", fmt.Sprint(r.c.BrokerStates()), "map[1:FENCED 2:RUNNING 3:RUNNING]")
	expect(t, "fenced", r.say(t, 1, "t"), "leader 2 epoch 1 isr [2 3] offline [1] code 0, brokers [2 3] controller 2")
	do(t, r.c.UnfenceBroker, 1)
	expect(t, "back", r.say(t, 1, "t"), "leader 2 epoch 1 isr [2 3 1] offline [] code 0, brokers [1 2 3] controller 1")
}

// TestTooSmallISR is min.insync.replicas=2 with one replica left.
func TestTooSmallISR(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	r.assigned(t, "t", nil, 1, 2, 3)
	r.assigned(t, "single", nil, 1) // no more than one replica can be asked of it
	first := r.client(t, kgo.SeedBrokers(r.seeds[0])).SeedBrokers()[0]
	code := func(topic string, acks int16) error {
		return kerr.ErrorForCode(produceAt(t, first, topic, acks, 10*time.Millisecond).Topics[0].Partitions[0].ErrorCode)
	}
	do(t, r.c.StopBroker, 2, 3)
	if err := code("t", -1); !errors.Is(err, kerr.NotEnoughReplicas) {
		t.Errorf("acks=all: %v", err)
	}
	if err := code("t", 1); err != nil {
		t.Errorf("acks=1: %v", err)
	}
	if err := code("single", -1); err != nil {
		t.Errorf("one replica of one: %v", err)
	}
	admin := kadm.NewClient(r.client(t))
	end := func() int64 {
		t.Helper()
		ends, err := admin.ListEndOffsets(t.Context(), "t")
		o, _ := ends.Lookup("t", 0)
		if err != nil || o.Err != nil {
			t.Fatal(err, o.Err)
		}
		return o.Offset
	}
	if got := end(); got != 0 {
		t.Errorf("the high watermark went to %d below min.insync.replicas", got)
	}
	do(t, r.c.StartBroker, 3)
	if got := end(); got != 1 {
		t.Errorf("with two replicas the high watermark is %d, want 1", got)
	}
	if err := code("t", -1); err != nil {
		t.Errorf("acks=all with two replicas: %v", err)
	}
}

// TestCoordinatorsBelowMinISR: with one replica left of three, coordinators that
// would have to write answer COORDINATOR_NOT_AVAILABLE at once and change nothing,
// as Kafka's; what needs no record goes on.
func TestCoordinatorsBelowMinISR(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	r.assigned(t, "t", nil, 1, 2, 3)
	first := r.client(t, kgo.SeedBrokers(r.seeds[0])).SeedBrokers()[0]
	ask := func(req kmsg.Request) kmsg.Response {
		t.Helper()
		began := time.Now()
		resp, err := first.Request(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%T was answered after %v", req, took)
		}
		return resp
	}
	initialize := func() *kmsg.InitProducerIDResponse {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis = kmsg.StringPtr("x"), 60_000
		return ask(req).(*kmsg.InitProducerIDResponse)
	}
	commit := func(at int64) int16 {
		req := kmsg.NewPtrOffsetCommitRequest()
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Offset = at
		topic := kmsg.NewOffsetCommitRequestTopic()
		topic.Topic, topic.Partitions = "t", append(topic.Partitions, p)
		req.Group, req.Topics = "g", append(req.Topics, topic)
		return ask(pinnedCommit{req}).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
	}
	add := func(epoch int16, id int64) int16 {
		req := kmsg.NewPtrAddPartitionsToTxnRequest()
		topic := kmsg.NewAddPartitionsToTxnRequestTopic()
		topic.Topic, topic.Partitions = "t", []int32{0}
		req.TransactionalID, req.ProducerEpoch, req.ProducerID, req.Topics = "x", epoch, id, append(req.Topics, topic)
		return ask(pinnedAdd{req}).(*kmsg.AddPartitionsToTxnResponse).Topics[0].Partitions[0].ErrorCode
	}
	admin := kadm.NewClient(r.client(t, kgo.SeedBrokers(r.seeds[0]))) // broker 2 stays down
	for kind, key := range []string{"g", "x"} {                       // the coordinators' topics come to be
		find := kmsg.NewPtrFindCoordinatorRequest()
		find.CoordinatorType, find.CoordinatorKeys = int8(kind), []string{key}
		ask(find)
	}
	do(t, r.c.StopBroker, 2, 3) // broker 1 leads them
	do(t, r.c.StartBroker, 3)
	was := initialize()
	if code := commit(1); was.ErrorCode != 0 || code != 0 {
		t.Fatalf("with two replicas: %+v, code %d", was, code)
	}
	do(t, r.c.StopBroker, 3)
	unavailable := kerr.CoordinatorNotAvailable.Code
	if got := initialize(); got.ErrorCode != unavailable || got.ProducerID != -1 || got.ProducerEpoch != -1 {
		t.Errorf("InitProducerId: %+v", got)
	}
	if got := add(was.ProducerEpoch, was.ProducerID); got != unavailable {
		t.Errorf("AddPartitionsToTxn: code %d", got)
	}
	if got := add(was.ProducerEpoch+7, was.ProducerID); got == unavailable || got == 0 {
		t.Errorf("AddPartitionsToTxn of another producer: code %d", got)
	}
	if got := commit(2); got != unavailable {
		t.Errorf("OffsetCommit: code %d", got)
	}
	do(t, r.c.StartBroker, 3)
	if got := initialize(); got.ErrorCode != 0 || got.ProducerEpoch != was.ProducerEpoch+1 {
		t.Errorf("with two replicas again: %+v after %+v", got, was)
	}
	if offsets, err := admin.FetchOffsets(t.Context(), "g"); err != nil || offsets["t"][0].At != 1 || commit(2) != 0 {
		t.Errorf("the group's offsets are %v, %v", offsets, err)
	}
}

func TestNobodyLeads(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	r.assigned(t, "clean", nil, 1, 2)
	r.assigned(t, "unclean", map[string]string{"unclean.leader.election.enable": "true"}, 1, 2)
	do(t, r.c.StopBroker, 1, 2) // 2 is the last of both ISRs
	expect(t, "clean", r.say(t, 3, "clean"), "leader -1 epoch 2 isr [2] offline [1 2] code 5, brokers [3] controller 3")
	do(t, r.c.StartBroker, 1)
	expect(t, "clean, with an old replica", r.say(t, 1, "clean"), "leader -1 epoch 2 isr [2] offline [2] code 5, brokers [1 3] controller 1")
	expect(t, "unclean", r.say(t, 1, "unclean"), "leader 1 epoch 3 isr [1] offline [2] code 0, brokers [1 3] controller 1")
	do(t, r.c.StartBroker, 2)
	expect(t, "clean, whole again", r.say(t, 1, "clean"), "leader 2 epoch 3 isr [2 1] offline [] code 0, brokers [1 2 3] controller 1")
}

// TestAllStopAndComeBack: records and groups are there again, at the same
// addresses.
func TestAllStopAndComeBack(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	r.assigned(t, "t", nil, 1, 2, 3)
	r.produce(t, "t", "a", "b")
	admin := kadm.NewClient(r.client(t))
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 1, -1)
	if err := admin.CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	do(t, r.c.StopBroker, 1, 2, 3)
	do(t, r.c.StartBroker, 3, 2, 1)
	r.produce(t, "t", "c")
	back, err := admin.FetchOffsets(t.Context(), "g")
	if o, _ := back.Lookup("t", 0); err != nil || o.At != 1 {
		t.Errorf("committed %+v, %v", o, err)
	}
	cl := r.client(t, kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for got := ""; got != "abc"; {
		f := cl.PollFetches(t.Context())
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(rec *kgo.Record) { got += string(rec.Value) })
	}
}

// TestCoordinatorsMove: who waits at a coordinator that ends is told at once,
// on the connection that is being drained.
func TestCoordinatorsMove(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	cl := r.client(t)
	find := func() int32 {
		t.Helper()
		c := kadm.NewClient(cl).FindGroupCoordinators(t.Context(), "g")["g"]
		if c.Err != nil {
			t.Fatal(c.Err)
		}
		return c.NodeID
	}
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.ProtocolType = 3, "g", "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 30_000, 60_000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
	coordinator := find()
	at := func() *kgo.Broker {
		return r.client(t, kgo.SeedBrokers(r.seeds[coordinator-1])).SeedBrokers()[0]
	}
	if resp, err := join.RequestWith(t.Context(), pinnedJoin{at()}); err != nil || resp.ErrorCode != 0 {
		t.Fatal(resp, err)
	}
	parked := make(chan int16, 1)
	go func() { // waits for the first member to join again
		resp, err := join.RequestWith(t.Context(), pinnedJoin{at()})
		if err != nil {
			t.Error(err)
		}
		parked <- resp.ErrorCode
	}()
	group := func() string {
		d, err := kadm.NewClient(cl).DescribeGroups(t.Context(), "g")
		if err != nil {
			t.Fatal(err)
		}
		return d["g"].State
	}
	for group() != "PreparingRebalance" {
	}
	do(t, r.c.StopBroker, coordinator)
	if code := <-parked; code != kerr.NotCoordinator.Code {
		t.Errorf("the parked member was answered %d", code)
	}
	if next := find(); next == coordinator {
		t.Errorf("broker %d is still the coordinator", next)
	}
}

// pinnedJoin sends JoinGroup as version 3, which asks for no member id first.
type pinnedJoin struct{ b *kgo.Broker }

func (p pinnedJoin) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	return p.b.Request(ctx, oldJoin{req.(*kmsg.JoinGroupRequest)})
}

type oldJoin struct{ *kmsg.JoinGroupRequest }

func (oldJoin) MaxVersion() int16 { return 3 }
