package broker

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// DescribeTransactions, v0 (KIP-664). Of each transaction's topics those are
// shown that the caller may describe.
func (b *Broker) describeTransactions(ctx context.Context, r *listener.Request) listener.Answer {
	p := b.cfg.Transactions.Do(ctx, b.cfg.ID, r.Msg)
	return func(ctx context.Context) kmsg.Response {
		resp := p.Wait(ctx).(*kmsg.DescribeTransactionsResponse)
		for i := range resp.TransactionStates {
			s := &resp.TransactionStates[i]
			s.Topics = slices.DeleteFunc(s.Topics, func(t kmsg.DescribeTransactionsResponseTransactionStateTopic) bool {
				return !r.May(describeTopic(t.Topic))
			})
		}
		return resp
	}
}
