package partition_test

import (
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/vfs"
)

// TestApplyShowsInOrder: when an image is shown, the partitions that it adds are
// there, and those that it deletes or moves are as before. A topic that is
// deleted and made again within one image begins anew.
func TestApplyShowsInOrder(t *testing.T) {
	set := partition.New(partition.Config{Dir: openDir(t, vfs.NewMemory()), Log: slog.New(slog.DiscardHandler)})
	core := metadata.New(metadata.Params{})
	apply := func(show func(), reqs ...any) {
		t.Helper()
		for _, req := range reqs {
			for _, r := range core.Decide(at, 1, req).Records {
				core.Apply(r, at)
			}
		}
		shown := false
		if err := set.Apply(core.Image(), func() { shown = true; show() }); err != nil || !shown {
			t.Fatalf("shown: %v, error %v", shown, err)
		}
	}
	is := func(id byte, index, leader int32) {
		t.Helper()
		p, ok := set.Get([16]byte{id}, index)
		if !ok {
			if leader >= 0 {
				t.Errorf("topic %d has no partition %d", id, index)
			}
			return
		}
		if got, _ := p.Leader(); got != leader {
			t.Errorf("partition %d of topic %d is led by %d, want %d", index, id, got, leader)
		}
	}
	const none = -1
	create := func(id byte) metadata.CreateTopics {
		in := kmsg.NewCreateTopicsRequestTopic()
		in.Topic, in.NumPartitions, in.ReplicationFactor = "t", -1, -1
		in.ReplicaAssignment = []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Replicas: []int32{1, 2}}}
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Topics = append(req.Topics, in)
		return metadata.CreateTopics{Req: req, IDs: [][16]byte{{id}}}
	}
	apply(func() {}, metadata.RegisterBrokers{Brokers: []metadata.Broker{{ID: 1}, {ID: 2}}})
	apply(func() { is(1, 0, 1) }, create(1))
	p, err := set.Find("t", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Produce(1, data(-1, -1, -1, false), 1, at, partition.Verification{}); err != nil {
		t.Fatal(err)
	}
	grow := kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: 2, Assignment: []kmsg.CreatePartitionsRequestTopicAssignment{{Replicas: []int32{2, 1}}}}
	apply(func() { is(1, 0, 1); is(1, 1, 2) }, &kmsg.CreatePartitionsRequest{Topics: []kmsg.CreatePartitionsRequestTopic{grow}})
	apply(func() { is(1, 0, 1) }, metadata.FenceBroker{ID: 1})
	is(1, 0, 2)
	apply(func() { is(1, 0, 2); is(2, 0, none) }, &kmsg.DeleteTopicsRequest{Version: 5, TopicNames: []string{"t"}}, metadata.UnfenceBroker{ID: 1}, create(2))
	is(1, 0, none)
	is(2, 0, 1)
	if p, err = set.Find("t", 0); err != nil {
		t.Fatal(err)
	}
	if o := p.Offsets(); o.End != 0 {
		t.Errorf("the new topic ends at %d", o.End)
	}
	if _, err := p.Produce(1, data(-1, -1, -1, false), 1, at, partition.Verification{}); err != nil {
		t.Errorf("produce to the new topic: %v", err)
	}
}
