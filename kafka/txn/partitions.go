package txn

import (
	"github.com/twmb/franz-go/pkg/kerr"
)

// addPartitions is AddPartitionsToTxn, AddOffsetsToTxn, what Produce and
// TxnOffsetCommit of V2 clients imply, and the question of partitions whether
// their transaction is open.
func (d *decision) addPartitions(r AddPartitions) []*kerr.Error {
	errs := make([]*kerr.Error, len(r.Partitions))
	t, err := d.mayAdd(r)
	switch {
	case err != nil:
	case r.VerifyOnly:
		for i, tp := range r.Partitions {
			if _, ok := t.partitions[tp]; !ok {
				errs[i] = kerr.TransactionAbortable
			}
		}
		return errs
	case t.state == ongoing && t.has(r.Partitions):
		return errs
	default:
		err = d.addTo(t, r)
	}
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func (d *decision) mayAdd(r AddPartitions) (*transaction, *kerr.Error) {
	t, err := d.c.find(r.TransactionalID, r.ProducerID)
	switch {
	case err != nil:
		return nil, err
	case t.epoch != r.Epoch:
		return nil, kerr.ProducerFenced
	case t.state.prepared():
		return nil, kerr.ConcurrentTransactions
	}
	return t, nil
}

func (d *decision) addTo(t *transaction, r AddPartitions) *kerr.Error {
	next := t.with(ongoing, d.now)
	if t.state != ongoing {
		next.started = d.now
	}
	next.version = r.ClientVersion
	next.add(r.Partitions)
	if r := d.c.record(&next); len(r.Key)+len(r.Value) > maxRecord {
		return kerr.UnknownServerError // what Kafka makes of a record that is too large
	}
	d.move(t, &next)
	return nil
}
