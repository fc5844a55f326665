package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// OffsetForLeaderEpoch, v2-4 (KIP-279, KIP-320).
func (b *Broker) offsetForLeaderEpoch(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.OffsetForLeaderEpochRequest)
	resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewOffsetForLeaderEpochResponseTopic()
		out.Topic = t.Topic
		for j := range t.Partitions {
			in := &t.Partitions[j]
			p := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			p.Partition, p.LeaderEpoch, p.EndOffset = in.Partition, -1, -1
			part, _, err := b.find(false, t.Topic, [16]byte{}, in.Partition)
			if err == nil {
				p.LeaderEpoch, p.EndOffset, err = part.EpochEnd(b.cfg.ID, in.CurrentLeaderEpoch, in.LeaderEpoch)
			}
			p.ErrorCode = b.code("offset for leader epoch", err)
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return now(resp)
}
