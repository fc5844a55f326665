package txn

import (
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describe is DescribeTransactions (KIP-664).
func (c *Core) describe(r *kmsg.DescribeTransactionsRequest) *kmsg.DescribeTransactionsResponse {
	resp := r.ResponseKind().(*kmsg.DescribeTransactionsResponse)
	for _, id := range r.TransactionalIDs {
		resp.TransactionStates = append(resp.TransactionStates, c.describeOne(id))
	}
	return resp
}

func (c *Core) describeOne(id string) kmsg.DescribeTransactionsResponseTransactionState {
	out := kmsg.NewDescribeTransactionsResponseTransactionState()
	out.TransactionalID, out.Topics = id, []kmsg.DescribeTransactionsResponseTransactionStateTopic{}
	t := c.ids[id]
	switch {
	case id == "":
		out.ErrorCode = code(kerr.InvalidRequest)
	case t == nil:
		out.ErrorCode = code(kerr.TransactionalIDNotFound)
	default:
		out.State, out.TimeoutMillis, out.StartTimestamp = t.state.String(), int32(t.timeout.Milliseconds()), millis(t.started)
		out.ProducerID, out.ProducerEpoch = t.producerID, t.epoch
		for _, tp := range t.sorted() {
			if n := len(out.Topics); n == 0 || out.Topics[n-1].Topic != tp.Topic {
				out.Topics = append(out.Topics, kmsg.DescribeTransactionsResponseTransactionStateTopic{Topic: tp.Topic})
			}
			last := &out.Topics[len(out.Topics)-1]
			last.Partitions = append(last.Partitions, tp.Partition)
		}
	}
	return out
}

// EmptyList is the answer to ListTransactions where there are none: what is
// wrong with the filters.
func EmptyList(r *kmsg.ListTransactionsRequest) *kmsg.ListTransactionsResponse {
	resp := r.ResponseKind().(*kmsg.ListTransactionsResponse)
	resp.UnknownStateFilters, resp.TransactionStates = []string{}, []kmsg.ListTransactionsResponseTransactionState{}
	for _, name := range r.StateFilters {
		if !slices.Contains(stateNames[:], name) {
			resp.UnknownStateFilters = append(resp.UnknownStateFilters, name)
		}
	}
	_, err := pattern(r)
	resp.ErrorCode = code(err)
	return resp
}

// list is ListTransactions: those that pass all filters (KIP-664, KIP-994,
// KIP-1152).
func (c *Core) list(now time.Time, r *kmsg.ListTransactionsRequest) *kmsg.ListTransactionsResponse {
	resp := EmptyList(r)
	matches, err := pattern(r)
	if err != nil {
		return resp
	}
	for _, id := range slices.Sorted(maps.Keys(c.ids)) {
		t := c.ids[id]
		switch {
		case len(r.ProducerIDFilters) > 0 && !slices.Contains(r.ProducerIDFilters, t.producerID),
			len(r.StateFilters) > 0 && !slices.Contains(r.StateFilters, t.state.String()),
			r.Version >= 1 && r.DurationFilterMillis >= 0 && now.UnixMilli()-millis(t.started) <= r.DurationFilterMillis,
			!matches(id):
			continue
		}
		resp.TransactionStates = append(resp.TransactionStates, kmsg.ListTransactionsResponseTransactionState{
			TransactionalID: id, ProducerID: t.producerID, TransactionState: t.state.String(),
		})
	}
	return resp
}

// pattern is the filter of transactional ids: a regular expression that must
// match the whole id.
func pattern(r *kmsg.ListTransactionsRequest) (func(id string) bool, *kerr.Error) {
	if r.Version < 2 || r.TransactionalIDPattern == nil || *r.TransactionalIDPattern == "" {
		return func(string) bool { return true }, nil
	}
	if len(*r.TransactionalIDPattern) > maxPattern {
		return nil, kerr.InvalidRegularExpression
	}
	re, err := regexp.Compile(`^(?:` + *r.TransactionalIDPattern + `)$`)
	if err != nil {
		return nil, kerr.InvalidRegularExpression
	}
	return re.MatchString, nil
}
