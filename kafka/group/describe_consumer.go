package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeConsumers is ConsumerGroupDescribe.
func (c *Core) describeConsumers(r *kmsg.ConsumerGroupDescribeRequest) *kmsg.ConsumerGroupDescribeResponse {
	resp := r.ResponseKind().(*kmsg.ConsumerGroupDescribeResponse)
	for _, id := range r.Groups {
		out := kmsg.NewConsumerGroupDescribeResponseGroup()
		out.Group, out.Members = id, []kmsg.ConsumerGroupDescribeResponseGroupMember{}
		refused := func(err *kerr.Error, message string) { out.ErrorCode, out.ErrorMessage = code(err), nullable(message) }
		switch g := c.groups[id]; {
		case id == "":
			refused(kerr.InvalidGroupID, "")
		case g == nil:
			refused(kerr.GroupIDNotFound, "Group "+id+" not found.")
		case g.consumer == nil:
			refused(kerr.GroupIDNotFound, "Group "+id+" is not a consumer group.")
		default:
			c.describeConsumer(g.consumer, &out)
		}
		resp.Groups = append(resp.Groups, out)
	}
	return resp
}

func (c *Core) describeConsumer(g *consumerGroup, out *kmsg.ConsumerGroupDescribeResponseGroup) {
	out.State, out.Epoch, out.AssignmentEpoch, out.AssignorName = string(g.state()), g.epoch, g.targetEpoch, g.assignor()
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		rm := kmsg.NewConsumerGroupDescribeResponseGroupMember()
		rm.MemberID, rm.MemberEpoch, rm.ClientID, rm.ClientHost = m.id, m.epoch, m.client, m.host
		rm.InstanceID, rm.RackID = nullable(m.instance), nullable(m.rack)
		rm.SubscribedTopics, rm.SubscribedTopicRegex = append([]string{}, m.topics...), &m.pattern
		rm.Assignment, rm.TargetAssignment = c.topics.described(m.assigned), c.topics.described(g.target[id])
		rm.MemberType = 1
		if m.classic != nil {
			rm.MemberType = 0
		}
		out.Members = append(out.Members, rm)
	}
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// described is an assignment with names; topics that are gone are left out.
func (t *Topics) described(a assignment) kmsg.Assignment {
	out := kmsg.NewAssignment()
	out.TopicPartitions = []kmsg.AssignmentTopicPartition{}
	for _, id := range a.topicIDs() {
		if name, ok := t.name(id); ok {
			out.TopicPartitions = append(out.TopicPartitions, kmsg.AssignmentTopicPartition{TopicID: id, Topic: name, Partitions: a[id]})
		}
	}
	return out
}
