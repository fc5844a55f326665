package txn

import (
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// initProducerID is InitProducerId: it fences the producers before this one, and
// aborts what they had open (KIP-98). With an expected id and epoch it is a
// producer that goes on after an error (KIP-360).
func (d *decision) initProducerID(r *kmsg.InitProducerIDRequest, fresh int64) *kmsg.InitProducerIDResponse {
	resp := r.ResponseKind().(*kmsg.InitProducerIDResponse)
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	next, err := d.initialize(r, fresh)
	if err != nil {
		resp.ErrorCode = code(err)
		return resp
	}
	resp.ProducerID, resp.ProducerEpoch = next.producerID, next.epoch
	return resp
}

// initialize is what the transactional id becomes. An open transaction is
// aborted on the way, and the client asks again.
func (d *decision) initialize(r *kmsg.InitProducerIDRequest, fresh int64) (*transaction, *kerr.Error) {
	timeout := time.Duration(r.TransactionTimeoutMillis) * time.Millisecond
	expected := r.ProducerID >= 0 && r.ProducerEpoch >= 0
	switch {
	case r.TransactionalID == nil || *r.TransactionalID == "" || len(*r.TransactionalID) > maxName:
		return nil, kerr.InvalidRequest
	case (r.ProducerID < 0) != (r.ProducerEpoch < 0):
		return nil, kerr.InvalidRequest
	case timeout <= 0 || timeout > d.c.p.MaxTimeout:
		return nil, kerr.InvalidTransactionTimeout
	}
	t := d.c.ids[*r.TransactionalID]
	switch {
	case t == nil && len(d.c.ids) >= maxIDs:
		return nil, kerr.PolicyViolation
	case t == nil:
		next := transaction{
			id: strings.Clone(*r.TransactionalID), producerID: fresh, nextID: -1, previousID: fresh,
			state: empty, timeout: timeout, updated: d.now,
		}
		d.records = append(d.records, d.c.record(&next))
		return &next, nil
	case expected && r.ProducerID != t.producerID && !(r.ProducerID == t.previousID && Exhausted(r.ProducerEpoch)):
		return nil, kerr.ProducerFenced
	case t.state.prepared():
		return nil, kerr.ConcurrentTransactions
	case t.state == ongoing:
		d.fence(t)
		return nil, kerr.ConcurrentTransactions
	}
	return d.nextProducer(t, r, expected, timeout, fresh)
}

// nextProducer gives a transactional id at rest the next epoch, or when that is
// exhausted another producer id.
func (d *decision) nextProducer(t *transaction, r *kmsg.InitProducerIDRequest, expected bool, timeout time.Duration, fresh int64) (*transaction, *kerr.Error) {
	next := t.with(empty, d.now)
	next.timeout, next.started, next.partitions = timeout, time.Time{}, nil
	switch {
	case Exhausted(t.epoch) && (!expected || r.ProducerEpoch == t.epoch):
		next.producerID, next.epoch, next.lastEpoch = fresh, 0, -1
		if expected {
			next.lastEpoch = t.epoch
		}
	case Exhausted(t.epoch):
		return nil, kerr.ProducerFenced
	case !expected:
		next.epoch, next.lastEpoch = t.epoch+1, -1
	case r.ProducerEpoch == t.epoch:
		next.epoch, next.lastEpoch = t.epoch+1, t.epoch
	case r.ProducerEpoch == t.lastEpoch: // a retry: the answer was lost
	default:
		return nil, kerr.ProducerFenced
	}
	d.move(t, &next)
	return &next, nil
}

// fence aborts an open transaction with an epoch that no client was given, so
// that its producer can write no more.
func (d *decision) fence(t *transaction) {
	next := t.with(prepareAbort, d.now)
	next.version, next.lastEpoch = V0, -1
	if d.c.p.Version >= V2 {
		next.version, next.lastEpoch = V2, t.epoch
	}
	if t.epoch < math.MaxInt16 {
		next.epoch = t.epoch + 1
	}
	d.move(t, &next)
}
