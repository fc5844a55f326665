package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// ElectLeaders, v0-2 (KIP-183, KIP-460). Elections are done when they are
// answered, so that the request's timeout bounds the answer alone.
func (b *Broker) electLeaders(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.ElectLeadersRequest)
	return b.decideWithin(req, req.TimeoutMillis, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.ElectLeadersResponse)
		resp.ErrorCode, resp.Topics = code, []kmsg.ElectLeadersResponseTopic{}
		for _, t := range req.Topics {
			out := kmsg.NewElectLeadersResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				out.Partitions = append(out.Partitions, kmsg.ElectLeadersResponseTopicPartition{Partition: p, ErrorCode: code})
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	})
}
