package broker

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
)

// maxPartitionsDescribed is Kafka's max.request.partition.size.limit default.
const maxPartitionsDescribed = 2000

// DescribeTopicPartitions, v0 (KIP-966): Metadata in pages, topics sorted by
// name, with a cursor.
func (b *Broker) describeTopicPartitions(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DescribeTopicPartitionsRequest)
	resp := req.ResponseKind().(*kmsg.DescribeTopicPartitionsResponse)
	resp.Topics = []kmsg.DescribeTopicPartitionsResponseTopic{}
	if refuseCursor(req, resp) {
		return now(resp)
	}
	img := b.cfg.Image()
	names := namesToDescribe(img, r, req)
	left := max(1, min(int(req.ResponsePartitionLimit), maxPartitionsDescribed))
	first := int32(0)
	if c := req.Cursor; c != nil {
		names = slices.DeleteFunc(names, func(n string) bool { return n < c.Topic })
		if len(names) > 0 && names[0] == c.Topic {
			first = max(c.Partition, 0)
		}
	}
	for _, name := range names {
		t := img.Topic(name)
		if t != nil && left == 0 {
			resp.NextCursor = cursor(name, first)
			break
		}
		out, next := describeTopicPage(img, name, t, first, left)
		resp.Topics = append(resp.Topics, out)
		left -= len(out.Partitions)
		if next >= 0 {
			resp.NextCursor = cursor(name, next)
			break
		}
		first = 0
	}
	return now(resp)
}

// refuseCursor refuses, as Kafka does, a cursor on no partition or on a topic
// that is not asked for: every topic gets the error.
func refuseCursor(req *kmsg.DescribeTopicPartitionsRequest, resp *kmsg.DescribeTopicPartitionsResponse) bool {
	c := req.Cursor
	if c == nil || c.Partition >= 0 && (len(req.Topics) == 0 ||
		slices.ContainsFunc(req.Topics, func(t kmsg.DescribeTopicPartitionsRequestTopic) bool { return t.Topic == c.Topic })) {
		return false
	}
	for _, t := range req.Topics {
		out := kmsg.NewDescribeTopicPartitionsResponseTopic()
		out.Topic, out.ErrorCode = &t.Topic, kerr.InvalidRequest.Code
		resp.Topics = append(resp.Topics, out)
	}
	return true
}

func cursor(topic string, p int32) *kmsg.DescribeTopicPartitionsResponseNextCursor {
	c := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
	c.Topic, c.Partition = topic, p
	return &c
}

func namesToDescribe(img *metadata.Image, r *listener.Request, req *kmsg.DescribeTopicPartitionsRequest) []string {
	var names []string
	for _, t := range req.Topics {
		names = append(names, t.Topic)
	}
	if len(req.Topics) == 0 {
		for _, t := range img.Topics() {
			if r.May(describeTopic(t.Name)) {
				names = append(names, t.Name)
			}
		}
	}
	slices.SortFunc(names, strings.Compare)
	return slices.Compact(names)
}

// describeTopicPage describes one topic from a partition on; next is where to
// go on, or -1 when the topic is complete.
func describeTopicPage(img *metadata.Image, name string, t *metadata.Topic, first int32, left int) (out kmsg.DescribeTopicPartitionsResponseTopic, next int32) {
	out = kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.AuthorizedOperations = &name, -2147483648
	out.Partitions = []kmsg.DescribeTopicPartitionsResponseTopicPartition{}
	if t == nil {
		out.ErrorCode = kerr.UnknownTopicOrPartition.Code
		if metadata.ValidateTopicName(name) != nil {
			out.ErrorCode = kerr.InvalidTopicException.Code
		}
		return out, -1
	}
	out.TopicID, out.IsInternal = t.ID, t.Internal
	for i := first; int(i) < len(t.Partitions); i++ {
		if len(out.Partitions) == left {
			return out, i
		}
		p := t.Partitions[i]
		m := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		m.Partition, m.LeaderID, m.LeaderEpoch = i, p.Leader, p.LeaderEpoch
		m.Replicas, m.ISR, m.OfflineReplicas = p.Replicas, p.ISR, offline(img, p.Replicas)
		m.EligibleLeaderReplicas, m.LastKnownELR = []int32{}, []int32{} // without a leader too there is no error
		out.Partitions = append(out.Partitions, m)
	}
	return out, -1
}
