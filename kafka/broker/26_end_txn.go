package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// EndTxn, v0-5: answered when the decision is recorded; the markers follow.
//
//	v2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
//	v5 the producer's next id and epoch (KIP-890)
func (b *Broker) endTxn(ctx context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.EndTxnRequest)
	p := b.cfg.Transactions.Do(ctx, b.cfg.ID, req)
	return func(ctx context.Context) kmsg.Response {
		resp := p.Wait(ctx).(*kmsg.EndTxnResponse)
		resp.ErrorCode = fenced(resp.ErrorCode, req.Version >= 2)
		return resp
	}
}
