package coordinator_test

import (
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/coordinator"
	"github.com/millrace/millrace/kafka/group"
)

// subscribe is the first heartbeat of a member with a regular expression.
func subscribe(id string) *kmsg.ConsumerGroupHeartbeatRequest {
	r := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	r.Version, r.Group, r.MemberID, r.RebalanceTimeoutMillis = 1, id, "m", 60_000
	r.SubscribedTopicRegex, r.Topics = kmsg.StringPtr("t.*"), []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	return r
}

// TestConsumerGroups resolves a regular expression for a group, describes groups
// of several partitions, and deletes a topic whose offsets groups have that are
// not loaded.
func TestConsumerGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := newTopic(5)
		topics := group.NewTopics(nil, []group.Topic{{Name: "t", ID: [16]byte{1}, Partitions: 3}})
		open := func() *coordinator.Groups {
			return coordinator.NewGroups(coordinator.Config{Topic: topic.topic(), Topics: func() *group.Topics { return topics }})
		}
		g := open()
		hb := do(t, g, 1, subscribe("a")).(*group.Heartbeat)
		if hb.ErrorCode != 0 || hb.Resolve == nil {
			t.Fatalf("the first heartbeat: %+v", hb)
		}
		g.Resolve(1, hb.Resolve.By(func(string) bool { return true }))
		next := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		next.Version, next.Group, next.MemberID, next.MemberEpoch = 1, "a", "m", hb.MemberEpoch
		hb = do(t, g, 1, next).(*group.Heartbeat)
		if hb.Assignment == nil || len(hb.Assignment.Topics) != 1 || len(hb.Assignment.Topics[0].Partitions) != 3 {
			t.Errorf("after its expression is resolved: %+v", hb.ConsumerGroupHeartbeatResponse)
		}
		do(t, g, 1, subscribe("c"))
		topic.set(func() { topic.leaders[g.PartitionFor("c")] = 2 })
		describe := kmsg.NewPtrConsumerGroupDescribeRequest()
		describe.Version, describe.Groups = 1, []string{"c", "a", "nobody"}
		got := ""
		for _, one := range do(t, g, 1, describe).(*kmsg.ConsumerGroupDescribeResponse).Groups {
			got += one.Group + "=" + word(one.ErrorCode) + one.State + " "
		}
		want(t, "describe", got, "c=NOT_COORDINATOR a=okStable nobody=GROUP_ID_NOT_FOUND ")
		other := do(t, g, 1, subscribe("c")).(*kmsg.ConsumerGroupHeartbeatResponse)
		want(t, "a heartbeat to another broker", word(other.ErrorCode), "NOT_COORDINATOR")

		want(t, "commit", commitCode(do(t, g, 1, commit("d", 5))), "ok")
		g.Close()
		g = open() // as after a restart
		defer g.Close()
		g.DeleteTopics([]string{"t"})
		want(t, "offsets of the deleted topic", offsets(do(t, g, 1, fetch("d"))), "d=ok")
	})
}
