package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// DeleteRecords, v0-2 (KIP-107): moves the log's start.
func (b *Broker) deleteRecords(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DeleteRecordsRequest)
	return func(context.Context) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
		for i := range req.Topics {
			t := &req.Topics[i]
			out := kmsg.NewDeleteRecordsResponseTopic()
			out.Topic = t.Topic
			for _, in := range t.Partitions {
				p := kmsg.NewDeleteRecordsResponseTopicPartition()
				p.Partition, p.LowWatermark = in.Partition, -1
				part, _, err := b.find(false, t.Topic, [16]byte{}, in.Partition)
				if err == nil {
					p.LowWatermark, err = part.DeleteBefore(b.cfg.ID, in.Offset)
				}
				p.ErrorCode = b.code("delete records", err)
				out.Partitions = append(out.Partitions, p)
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	}
}
