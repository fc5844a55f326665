package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/vfs"
)

// fetcher sends Fetch requests of one version as they are.
type fetcher struct {
	t       *testing.T
	r       *running
	clients map[int16]*kgo.Client
	session int32
	epoch   int32
	version int16
	rack    string
}

func newFetcher(t *testing.T, r *running, version int16) *fetcher {
	return &fetcher{t: t, r: r, version: version, clients: map[int16]*kgo.Client{}}
}

// ask fetches from a broker; the session's epoch counts itself.
func (f *fetcher) ask(broker int32, topics []kmsg.FetchRequestTopic, forget ...kmsg.FetchRequestForgottenTopic) *kmsg.FetchResponse {
	f.t.Helper()
	cl := f.clients[f.version]
	if cl == nil {
		max := kversion.Stable()
		max.SetMaxKeyVersion(1, f.version)
		cl = f.r.client(f.t, kgo.MaxVersions(max))
		f.clients[f.version] = cl
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.MinBytes, req.Rack = 1<<20, 1, f.rack
	req.SessionID, req.SessionEpoch, req.Topics, req.ForgottenTopics = f.session, f.epoch, topics, forget
	resp, err := req.RequestWith(f.t.Context(), cl.Broker(int(broker)))
	if err != nil {
		f.t.Fatal(err)
	}
	if resp.ErrorCode == 0 && f.epoch >= 0 {
		f.session = resp.SessionID
		f.epoch++
	}
	return resp
}

// from names partitions of a topic to fetch from an offset, as the topic's name
// or, when it has one, its id.
func from(name string, id [16]byte, offset int64, partitions ...int32) []kmsg.FetchRequestTopic {
	t := kmsg.NewFetchRequestTopic()
	if t.TopicID = id; id == [16]byte{} {
		t.Topic = name
	}
	for _, p := range partitions {
		in := kmsg.NewFetchRequestTopicPartition()
		in.Partition, in.FetchOffset, in.PartitionMaxBytes = p, offset, 1<<20
		t.Partitions = append(t.Partitions, in)
	}
	return []kmsg.FetchRequestTopic{t}
}

// shown is an answer in short: its error, and of each partition the error, the
// high watermark and whether there are records.
func shown(resp *kmsg.FetchResponse) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:", resp.ErrorCode)
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			fmt.Fprintf(&b, " %d/%d/%d", p.Partition, p.ErrorCode, p.HighWatermark)
			if len(p.RecordBatches) > 0 {
				b.WriteString("+")
			}
			if p.PreferredReadReplica >= 0 {
				fmt.Fprintf(&b, ">%d", p.PreferredReadReplica)
			}
		}
	}
	return b.String()
}

func (f *fetcher) want(what string, resp *kmsg.FetchResponse, want string) {
	f.t.Helper()
	if got := shown(resp); got != want {
		f.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func (r *running) topicID(t *testing.T, name string) [16]byte {
	t.Helper()
	details, err := kadm.NewClient(r.client(t)).ListTopics(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return details[name].ID
}

// TestFetchSession is a session's life (KIP-227), by name and by id.
func TestFetchSession(t *testing.T) {
	for _, version := range []int16{12, 17} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			r := open(t, vfs.NewMemory(), nil)
			if err := r.create(t, "t", 3, nil); err != nil {
				t.Fatal(err)
			}
			id := [16]byte{}
			if version >= 13 {
				id = r.topicID(t, "t")
			}
			f := newFetcher(t, r, version)
			f.want("begin", f.ask(1, from("t", id, 0, 0, 1, 2)), "0: 0/0/0 1/0/0 2/0/0")
			if f.session == 0 {
				t.Fatal("no session")
			}
			f.want("nothing new", f.ask(1, nil), "0:")
			r.produce(t, "t", "a")
			f.want("a record", f.ask(1, nil), "0: 0/0/1+")
			f.want("the same record, which the client did not take", f.ask(1, nil), "0: 0/0/1+")
			f.want("the client took it", f.ask(1, from("t", id, 1, 0)), "0:")

			f.epoch += 5
			f.want("a wrong epoch", f.ask(1, nil), "71:")
			f.epoch -= 5
			f.session++
			f.want("an unknown session", f.ask(1, nil), "70:")
			f.session--
			f.want("the right one goes on", f.ask(1, nil), "0:")
			f.want("an offset out of range", f.ask(1, from("t", id, 9, 2)), "0: 2/1/-1")
			f.want("errors are repeated", f.ask(1, nil), "0: 2/1/-1")
			f.want("and forgotten", f.ask(1, from("t", id, 0, 2)), "0: 2/0/0")
			f.want("a partition that is not there", f.ask(1, from("t", id, 0, 7)), "0: 7/3/-1")
			f.want("partitions leave", f.ask(1, nil, kmsg.FetchRequestForgottenTopic{Topic: from("t", id, 0)[0].Topic, TopicID: id, Partitions: []int32{2, 7}}), "0:")
			f.version = 29 - version // 12 and 17
			f.want("the other way to name topics", f.ask(1, nil), "106:")
			f.version = version
			epoch := f.epoch
			f.epoch = -1
			f.want("close", f.ask(1, nil), "0:")
			f.epoch = epoch
			f.want("a closed session", f.ask(1, nil), "70:")
		})
	}
}

// TestFetchSessionOfATopicThatIsMadeAnew: a session by name takes the new topic
// for the old one, a session by id does not.
func TestFetchSessionOfATopicThatIsMadeAnew(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	byName, byID := newFetcher(t, r, 12), newFetcher(t, r, 17)
	id := r.topicID(t, "t")
	byName.want("begin", byName.ask(1, from("t", [16]byte{}, 0, 0)), "0: 0/0/0")
	byID.want("begin", byID.ask(1, from("", id, 0, 0)), "0: 0/0/0")
	byID.want("an unknown id", byID.ask(1, from("", [16]byte{1}, 0, 0)), "0: 0/100/-1")
	admin := kadm.NewClient(r.client(t))
	if _, err := admin.DeleteTopics(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	byName.want("deleted", byName.ask(1, nil), "0: 0/3/-1")
	byID.want("deleted", byID.ask(1, nil), "0: 0/100/-1 0/3/-1")
	fresh := newFetcher(t, r, 17)
	fresh.want("a full fetch of the deleted id", fresh.ask(1, from("", id, 0, 0)), "0: 0/100/-1")
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	byName.want("made anew", byName.ask(1, nil), "0: 0/0/0")
	byID.want("made anew", byID.ask(1, nil), "0: 0/103/-1 0/100/-1")
}

// revocable allows everything until Read on the topic is taken back.
type revocable struct{ revoked atomic.Bool }

func (a *revocable) Authorize(_ context.Context, _ *listener.Session, ops []listener.Operation, allowed []bool) {
	for i, op := range ops {
		allowed[i] = op != listener.Operation{Op: listener.Read, Resource: listener.Topic, Name: "secret"} || !a.revoked.Load()
	}
}

// TestFetchSessionIsJudgedOnEveryFetch: a right that ends, ends for sessions
// that have the topic already.
func TestFetchSessionIsJudgedOnEveryFetch(t *testing.T) {
	acl := &revocable{}
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) {
		for i := range c.Brokers {
			c.Brokers[i].Listeners[0].Authorizer = acl
		}
	})
	for _, topic := range []string{"open", "secret"} {
		if err := r.create(t, topic, 1, nil); err != nil {
			t.Fatal(err)
		}
		r.produce(t, topic, "a")
	}
	for _, version := range []int16{12, 17} {
		acl.revoked.Store(false)
		open, secret := [16]byte{}, [16]byte{}
		if version >= 13 {
			open, secret = r.topicID(t, "open"), r.topicID(t, "secret")
		}
		both := append(from("open", open, 0, 0), from("secret", secret, 0, 0)...)
		f := newFetcher(t, r, version)
		f.want("begin", f.ask(1, both), "0: 0/0/1+ 0/0/1+")
		acl.revoked.Store(true)
		f.want("revoked", f.ask(1, nil), "0: 0/0/1+ 0/29/-1")
		f.want("revoked, asked by name again", f.ask(1, both), "0: 0/0/1+ 0/29/-1")
		f.session, f.epoch = 0, 0
		f.want("revoked, a new session", f.ask(1, both), "0: 0/0/1+ 0/29/-1")
		acl.revoked.Store(false)
		f.want("given back", f.ask(1, nil), "0: 0/0/1+ 0/0/1+")
	}
}

// TestRackAwareReads: with the selector a leader sends consumers of another
// zone to the replica there, which serves them (KIP-392).
func TestRackAwareReads(t *testing.T) {
	for _, selector := range []string{"", "org.apache.kafka.common.replica.RackAwareReplicaSelector"} {
		r := open(t, vfs.NewMemory(), func(c *cluster.Config) {
			if selector != "" {
				c.Static["replica.selector.class"] = selector
			}
		})
		if err := r.create(t, "t", 1, nil); err != nil {
			t.Fatal(err)
		}
		r.produce(t, "t", "a")
		leader := r.c.Image().Topic("t").Partitions[0].Leader
		other := leader%3 + 1
		f := newFetcher(t, r, 11)
		f.epoch = -1
		records := from("t", [16]byte{}, 0, 0)
		f.want("no rack", f.ask(leader, records), "0: 0/0/1+")
		f.rack = fmt.Sprint("az", leader)
		f.want("the leader's rack", f.ask(leader, records), "0: 0/0/1+")
		f.rack = "az9"
		f.want("a rack without replicas", f.ask(leader, records), "0: 0/0/1+")
		f.rack = fmt.Sprint("az", other)
		want := "0: 0/0/1+"
		if selector != "" {
			want = fmt.Sprint("0: 0/0/1>", other)
		}
		f.want("another rack", f.ask(leader, records), want)
		f.want("the follower", f.ask(other, records), "0: 0/0/1+")
		f.want("the follower, out of range", f.ask(other, from("t", [16]byte{}, 5, 0)), "0: 0/1/-1")
		f.version = 10
		f.want("a client that knows no followers", f.ask(leader, records), "0: 0/0/1+")
		f.want("which must ask the leader", f.ask(other, records), "0: 0/6/-1")

		cl := r.client(t, kgo.ConsumeTopics("t"), kgo.Rack(f.rack), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		if got := cl.PollFetches(t.Context()); got.Err() != nil || got.NumRecords() != 1 {
			t.Errorf("a consumer in %s with selector %q: %d records, %v", f.rack, selector, got.NumRecords(), got.Err())
		}
	}
}

// TestWrongBrokerNamesTheLeader: who asks the wrong broker learns the right one,
// by id and by name (KIP-951): Fetch since version 16, Produce since 10.
func TestWrongBrokerNamesTheLeader(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) { c.Static["default.replication.factor"] = "1" })
	if err := r.create(t, "t", 1, nil); err != nil {
		t.Fatal(err)
	}
	leader := r.c.Image().Topic("t").Partitions[0].Leader
	other := leader%3 + 1
	for version, name := range map[int16]string{12: "t", 15: "", 16: "", 17: ""} {
		f := newFetcher(t, r, version)
		id := r.topicID(t, "t")
		if name != "" {
			id = [16]byte{}
		}
		resp := f.ask(other, from(name, id, 0, 0))
		p := resp.Topics[0].Partitions[0]
		if hinted := p.CurrentLeader.LeaderID == leader && len(resp.Brokers) == 1 && resp.Brokers[0].NodeID == leader; p.ErrorCode != 6 || hinted != (version >= 16) {
			t.Errorf("version %d: error %d, leader %d of %v", version, p.ErrorCode, p.CurrentLeader.LeaderID, resp.Brokers)
		}
	}
	for version, name := range map[int16]string{9: "t", 12: "t", 13: ""} {
		max := kversion.Stable()
		max.SetMaxKeyVersion(0, version)
		req := kmsg.NewPtrProduceRequest()
		req.Acks, req.TimeoutMillis = -1, 1000
		topic := kmsg.NewProduceRequestTopic()
		if topic.Topic = name; name == "" {
			topic.TopicID = r.topicID(t, "t")
		}
		in := kmsg.NewProduceRequestTopicPartition()
		in.Records = plainBatch(1)
		topic.Partitions = append(topic.Partitions, in)
		req.Topics = append(req.Topics, topic)
		resp, err := req.RequestWith(t.Context(), r.client(t, kgo.MaxVersions(max)).Broker(int(other)))
		if err != nil {
			t.Fatal(err)
		}
		p := resp.Topics[0].Partitions[0]
		if hinted := p.CurrentLeader.LeaderID == leader && len(resp.Brokers) == 1 && resp.Brokers[0].NodeID == leader; p.ErrorCode != 6 || hinted != (version >= 10) {
			t.Errorf("Produce version %d: error %d, leader %d of %v", version, p.ErrorCode, p.CurrentLeader.LeaderID, resp.Brokers)
		}
	}
}
