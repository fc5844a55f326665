package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// AlterPartitionReassignments, v0-1 (KIP-455; v1: KIP-860).
func (b *Broker) alterPartitionReassignments(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.AlterPartitionAssignmentsRequest)
	return b.decideWithin(req, req.TimeoutMillis, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.AlterPartitionAssignmentsResponse)
		resp.ErrorCode, resp.Topics = code, []kmsg.AlterPartitionAssignmentsResponseTopic{}
		return resp
	})
}
