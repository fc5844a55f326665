package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// InitProducerId, v0-5: for an idempotent producer always a fresh id with epoch
// 0, also when it names the one it had (KIP-360); a transactional one is its
// coordinator's.
//
//	v4 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
func (b *Broker) initProducerID(ctx context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.InitProducerIDRequest)
	resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	switch {
	case (req.ProducerID == -1) != (req.ProducerEpoch == -1), req.TransactionalID != nil && *req.TransactionalID == "":
		resp.ErrorCode = kerr.InvalidRequest.Code
		return now(resp)
	case req.TransactionalID == nil:
		return b.idempotentProducer(resp)
	}
	p := b.cfg.Transactions.Do(ctx, b.cfg.ID, req)
	return func(ctx context.Context) kmsg.Response {
		resp := p.Wait(ctx).(*kmsg.InitProducerIDResponse)
		resp.ErrorCode = fenced(resp.ErrorCode, req.Version >= 4)
		return resp
	}
}

func (b *Broker) idempotentProducer(resp *kmsg.InitProducerIDResponse) listener.Answer {
	return func(ctx context.Context) kmsg.Response {
		id, err := b.cfg.Transactions.ProducerID(ctx)
		if err != nil {
			resp.ErrorCode = b.code("allocate producer id", err)
			return resp
		}
		resp.ProducerID, resp.ProducerEpoch = id, 0
		return resp
	}
}

// fenced is PRODUCER_FENCED for clients that know it, and else
// INVALID_PRODUCER_EPOCH (KIP-588).
func fenced(code int16, known bool) int16 {
	if code == kerr.ProducerFenced.Code && !known {
		return kerr.InvalidProducerEpoch.Code
	}
	return code
}
