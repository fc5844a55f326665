package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
)

// DeleteAcls, v1-3. As in Kafka, a filter with an unknown element ends the
// connection.
func (b *Broker) deleteACLs(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DeleteACLsRequest)
	for _, f := range req.Filters {
		if !metadata.DeleteFilter(f).Known() {
			return now(listener.CloseConnection)
		}
	}
	return b.decide(req, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DeleteACLsResponse)
		for range req.Filters {
			resp.Results = append(resp.Results, kmsg.DeleteACLsResponseResult{ErrorCode: code, MatchingACLs: []kmsg.DeleteACLsResponseResultMatchingACL{}})
		}
		return resp
	})
}
