package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// ListOffsets, v1-10: by timestamp and the special positions -1 to -5.
// With read_committed the last stable offset is the end (v2, KIP-98).
func (b *Broker) listOffsets(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.ListOffsetsRequest)
	return func(context.Context) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for i := range req.Topics {
			t := &req.Topics[i]
			out := kmsg.NewListOffsetsResponseTopic()
			out.Topic = t.Topic
			for j := range t.Partitions {
				out.Partitions = append(out.Partitions, b.lookup(t.Topic, &t.Partitions[j], req.IsolationLevel == 1))
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	}
}

func (b *Broker) lookup(topic string, in *kmsg.ListOffsetsRequestTopicPartition, committed bool) kmsg.ListOffsetsResponseTopicPartition {
	out := kmsg.NewListOffsetsResponseTopicPartition()
	out.Partition, out.Offset, out.Timestamp, out.LeaderEpoch = in.Partition, -1, -1, -1
	p, _, err := b.find(false, topic, [16]byte{}, in.Partition)
	if err == nil {
		found, lookupErr := p.Lookup(b.cfg.ID, in.CurrentLeaderEpoch, in.Timestamp, committed)
		if err = lookupErr; err == nil {
			out.Offset, out.Timestamp, out.LeaderEpoch = found.Offset, found.Timestamp, found.Epoch
		}
	}
	out.ErrorCode = b.code("list offsets", err)
	return out
}
