package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// CreateAcls, v1-3. As in Kafka, an ACL with an element UNKNOWN ends the
// connection.
func (b *Broker) createACLs(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.CreateACLsRequest)
	for _, c := range req.Creations {
		if c.ResourceType == 0 || c.ResourcePatternType == 0 || c.Operation == 0 || c.PermissionType == 0 {
			return now(listener.CloseConnection)
		}
	}
	return b.decide(req, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.CreateACLsResponse)
		for range req.Creations {
			resp.Results = append(resp.Results, kmsg.CreateACLsResponseResult{ErrorCode: code})
		}
		return resp
	})
}
