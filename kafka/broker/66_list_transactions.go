package broker

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// ListTransactions, v0-2: those of this broker that the caller may describe.
//
//	v1 filter by duration (KIP-994)
//	v2 filter by a pattern of transactional ids (KIP-1152)
func (b *Broker) listTransactions(ctx context.Context, r *listener.Request) listener.Answer {
	p := b.cfg.Transactions.Do(ctx, b.cfg.ID, r.Msg)
	return func(ctx context.Context) kmsg.Response {
		resp := p.Wait(ctx).(*kmsg.ListTransactionsResponse)
		resp.TransactionStates = slices.DeleteFunc(resp.TransactionStates, func(s kmsg.ListTransactionsResponseTransactionState) bool {
			return !r.May(listener.Operation{Op: listener.Describe, Resource: listener.TransactionalID, Name: s.TransactionalID})
		})
		return resp
	}
}
