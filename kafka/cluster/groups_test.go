package cluster_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/vfs"
)

// quick makes rebalances of consumer groups take no seconds.
func quick(c *cluster.Config) {
	c.Static["group.consumer.heartbeat.interval.ms"] = "20"
	c.Static["group.consumer.session.timeout.ms"] = "5000"
}

// team is consumers of the group g.
type team struct {
	t       *testing.T
	r       *running
	changed chan struct{} // capacity 1: something has happened to a member
}

func (r *running) team(t *testing.T) *team { return &team{t: t, r: r, changed: make(chan struct{}, 1)} }

// member is a consumer that polls until the test ends, and what it owns.
type member struct {
	cl *kgo.Client

	mu   sync.Mutex
	owns map[string]bool // guarded by mu
	seen map[string]int  // record values; guarded by mu
}

func (tm *team) note(fn func()) {
	fn()
	select {
	case tm.changed <- struct{}{}:
	default:
	}
}

// join starts a consumer.
func (tm *team) join(opts ...kgo.Opt) *member {
	tm.t.Helper()
	m := &member{owns: map[string]bool{}, seen: map[string]int{}}
	change := func(owned bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
			tm.note(func() { m.own(parts, owned) })
		}
	}
	m.cl = tm.r.client(tm.t, append([]kgo.Opt{
		kgo.ConsumerGroup("g"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(change(true)), kgo.OnPartitionsRevoked(change(false)), kgo.OnPartitionsLost(change(false)),
		kgo.HeartbeatInterval(50 * time.Millisecond),
	}, opts...)...)
	ctx, stop := context.WithCancel(tm.t.Context())
	var polls sync.WaitGroup
	polls.Go(func() {
		for ctx.Err() == nil {
			m.cl.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
				tm.note(func() {
					m.mu.Lock()
					m.seen[string(rec.Value)]++
					m.mu.Unlock()
				})
			})
		}
	})
	tm.t.Cleanup(func() { stop(); polls.Wait() })
	return m
}

func (m *member) own(parts map[string][]int32, owned bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for topic, list := range parts {
		for _, p := range list {
			if key := fmt.Sprintf("%s-%d", topic, p); owned {
				m.owns[key] = true
			} else {
				delete(m.owns, key)
			}
		}
	}
}

// until waits for a condition on the members.
func (tm *team) until(what string, ok func() bool) {
	tm.t.Helper()
	late := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tm.changed:
		case <-late:
			tm.t.Fatalf("after 20 s: %s", what)
		}
	}
}

// settle waits until the members own so many partitions, and none twice.
func (tm *team) settle(want []int, members ...*member) (all []string) {
	tm.t.Helper()
	tm.until(fmt.Sprintf("the members do not own %v partitions", want), func() bool {
		var each []int
		all = nil
		for _, m := range members {
			m.mu.Lock()
			each = append(each, len(m.owns))
			all = slices.AppendSeq(all, maps.Keys(m.owns))
			m.mu.Unlock()
		}
		slices.Sort(each)
		slices.Sort(all)
		return slices.Equal(each, want) && len(slices.Compact(slices.Clone(all))) == len(all)
	})
	return all
}

// kind is the group's type.
func (r *running) kind(t *testing.T) string {
	t.Helper()
	for _, shard := range r.client(t).RequestSharded(t.Context(), kmsg.NewPtrListGroupsRequest()) {
		if shard.Err != nil {
			t.Fatal(shard.Err)
		}
		for _, g := range shard.Resp.(*kmsg.ListGroupsResponse).Groups {
			if g.Group == "g" {
				return g.GroupType
			}
		}
	}
	return "missing"
}

// TestConsumerGroupsRebalanceOnTheServer lets members of the consumer protocol
// come and go: each partition has one owner, the numbers are even, and every
// record is seen.
//
// Works: consumer groups of KIP-848, rebalanced by the coordinator
func TestConsumerGroupsRebalanceOnTheServer(t *testing.T) {
	r := open(t, vfs.NewMemory(), quick)
	if err := r.create(t, "t", 6, nil); err != nil {
		t.Fatal(err)
	}
	tm, opts := r.team(t), []kgo.Opt{kgo.ServerSideBalancer(), kgo.ConsumeTopics("t")}
	a := tm.join(opts...)
	tm.settle([]int{6}, a)
	b := tm.join(opts...)
	tm.settle([]int{3, 3}, a, b)
	c := tm.join(opts...)
	tm.settle([]int{2, 2, 2}, a, b, c)

	admin := kadm.NewClient(r.client(t))
	described, err := admin.DescribeConsumerGroups(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	g := described["g"]
	if g.Err != nil || g.State != "Stable" || len(g.Members) != 3 || g.AssignorName != "uniform" {
		t.Errorf("the group is %+v", g)
	}
	if got := r.kind(t); got != "consumer" {
		t.Errorf("the group is %s", got)
	}
	b.cl.Close()
	tm.settle([]int{3, 3}, a, c)
	for p := range int32(6) {
		if err := r.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner())).
			ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: p, Value: fmt.Append(nil, p)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	tm.until("the members did not see the 6 records", func() bool {
		seen := 0
		for _, m := range []*member{a, c} {
			m.mu.Lock()
			seen += len(m.seen)
			m.mu.Unlock()
		}
		return seen == 6
	})
	if err := a.cl.CommitUncommittedOffsets(t.Context()); err != nil {
		t.Errorf("commit at the member's epoch: %v", err)
	}
}

// TestConsumerGroupsOutliveTheirCoordinator fences the broker that coordinates a
// group: the next one goes on where it was, members keep what they have, and
// partitions that come later are shared.
func TestConsumerGroupsOutliveTheirCoordinator(t *testing.T) {
	r := open(t, vfs.NewMemory(), quick)
	if err := r.create(t, "t", 4, nil); err != nil {
		t.Fatal(err)
	}
	tm, opts := r.team(t), []kgo.Opt{kgo.ServerSideBalancer(), kgo.ConsumeTopics("t")}
	a, b := tm.join(opts...), tm.join(opts...)
	tm.settle([]int{2, 2}, a, b)
	admin := kadm.NewClient(r.client(t))
	before, err := admin.DescribeConsumerGroups(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.c.FenceBroker(t.Context(), before["g"].Coordinator.NodeID); err != nil {
		t.Fatal(err)
	}
	admin = kadm.NewClient(r.client(t)) // one that does not remember the coordinator
	after, err := admin.DescribeConsumerGroups(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	was, is := before["g"], after["g"]
	if is.Err != nil || is.Coordinator.NodeID == was.Coordinator.NodeID || is.Epoch != was.Epoch || len(is.Members) != 2 {
		t.Errorf("the group was %+v and is %+v", was, is)
	}
	tm.settle([]int{2, 2}, a, b)
	if _, err := admin.CreatePartitions(t.Context(), 2, "t"); err != nil {
		t.Fatal(err)
	}
	tm.settle([]int{3, 3}, a, b)
}

// hides refuses Describe on one topic.
type hides string

func (h hides) Authorize(_ context.Context, _ *listener.Session, ops []listener.Operation, allowed []bool) {
	for i, op := range ops {
		allowed[i] = op != listener.Operation{Op: listener.Describe, Resource: listener.Topic, Name: string(h)}
	}
}

// TestRegularExpressionsMatchWhatTheMemberMaySee hides a topic from a member.
//
// Works: subscriptions by regular expressions that the broker resolves, authorized
func TestRegularExpressionsMatchWhatTheMemberMaySee(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) {
		quick(c)
		for i := range c.Brokers {
			c.Brokers[i].Listeners[0].Authorizer = hides("logs-hidden")
		}
	})
	for _, topic := range []string{"logs-a", "logs-b", "logs-hidden", "other"} {
		if err := r.create(t, topic, 2, nil); err != nil {
			t.Fatal(err)
		}
	}
	tm := r.team(t)
	m := tm.join(kgo.ServerSideBalancer(), kgo.ConsumeRegex(), kgo.ConsumeTopics("logs-.*"))
	if got := tm.settle([]int{4}, m); !slices.Equal(got, []string{"logs-a-0", "logs-a-1", "logs-b-0", "logs-b-1"}) {
		t.Errorf("it owns %v", got)
	}
}

// TestGroupsChangeTheirProtocolOnline has a classic member, one of the consumer
// protocol that joins it, and the classic one alone again.
func TestGroupsChangeTheirProtocolOnline(t *testing.T) {
	r := open(t, vfs.NewMemory(), quick)
	if err := r.create(t, "t", 4, nil); err != nil {
		t.Fatal(err)
	}
	tm := r.team(t)
	is := func(want string) {
		t.Helper()
		if got := r.kind(t); got != want {
			t.Errorf("the group is %s, want %s", got, want)
		}
	}
	old := tm.join(kgo.ConsumeTopics("t"), kgo.Balancers(kgo.CooperativeStickyBalancer()))
	tm.settle([]int{4}, old)
	is("classic")
	next := tm.join(kgo.ConsumeTopics("t"), kgo.ServerSideBalancer())
	tm.settle([]int{2, 2}, old, next)
	is("consumer")
	next.cl.Close()
	tm.settle([]int{4}, old)
	is("classic")
}

// TestOffsetsGoWithTheirTopic deletes a topic and makes it again: a group that
// was not even loaded starts over, and the offsets of others stay.
//
// Works: committed offsets go with their topic
func TestOffsetsGoWithTheirTopic(t *testing.T) {
	disk := vfs.NewMemory()
	r := open(t, disk, nil)
	for _, topic := range []string{"t", "u"} {
		if err := r.create(t, topic, 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 2, -1)
	offsets.AddOffset("u", 0, 3, -1)
	offsets.AddOffset("missing", 0, 3, -1)
	back, err := kadm.NewClient(r.client(t)).CommitOffsets(t.Context(), "g", offsets)
	if err != nil {
		t.Fatal(err)
	}
	if o, _ := back.Lookup("missing", 0); o.Err == nil {
		t.Error("an offset of a topic that is not there has been committed")
	}
	r.close(t)

	r = open(t, disk, nil)
	admin := kadm.NewClient(r.client(t))
	if _, err := admin.DeleteTopic(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	fetched, err := admin.FetchOffsets(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := fetched.Lookup("t", 0); ok {
		t.Errorf("the offset of the deleted topic is still %d", o.At)
	}
	if o, ok := fetched.Lookup("u", 0); !ok || o.At != 3 {
		t.Errorf("the offset of the other topic is %+v", o)
	}
}

func TestConsumerGroupsComeWithGroupVersion(t *testing.T) {
	for version, want := range map[string]bool{"3.9.x.kraft": false, "4.0.x.kraft": true, "4.1.x.kraft": true} {
		r := open(t, vfs.NewMemory(), func(c *cluster.Config) { c.KafkaVersion = version })
		versions, err := kadm.NewClient(r.client(t)).ApiVersions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range versions {
			if _, has := v.KeyMaxVersion(68); has != want {
				t.Errorf("%s advertises ConsumerGroupHeartbeat: %v", version, has)
			}
		}
	}
}

// TestAGroupHasItsOwnHeartbeat sets the interval of one group: its members are
// told with the next heartbeat, and those of others are not.
func TestAGroupHasItsOwnHeartbeat(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	cl := r.client(t)
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	alter.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: "own",
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "consumer.heartbeat.interval.ms", Value: kmsg.StringPtr("7000")}}}}
	if resp, err := alter.RequestWith(t.Context(), cl); err != nil || resp.Resources[0].ErrorCode != 0 {
		t.Fatalf("%+v, %v", resp, err)
	}
	for group, want := range map[string]int32{"own": 7000, "other": 5000} {
		join := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		join.Group, join.MemberID, join.RebalanceTimeoutMillis = group, "m", 60_000
		join.SubscribedTopicNames, join.Topics = []string{"t"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		resp, err := join.RequestWith(t.Context(), cl)
		if err != nil || resp.ErrorCode != 0 || resp.HeartbeatIntervalMillis != want {
			t.Errorf("%s: %+v, %v; want an interval of %d", group, resp, err, want)
		}
	}
}
