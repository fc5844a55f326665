package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// UpdateFeatures, v0-2 (KIP-584; v1: KIP-778).
func (b *Broker) updateFeatures(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.UpdateFeaturesRequest)
	return b.decideWithin(req, req.TimeoutMillis, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.UpdateFeaturesResponse)
		resp.ErrorCode, resp.Results = code, []kmsg.UpdateFeaturesResponseResult{}
		return resp
	})
}
