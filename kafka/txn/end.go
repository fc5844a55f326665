package txn

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// bumpingVersion is the EndTxn version with which a client shows that it is of
// transactions V2.
const bumpingVersion = 5

// endTxn is EndTxn.
func (d *decision) endTxn(r *kmsg.EndTxnRequest, fresh int64) *kmsg.EndTxnResponse {
	resp := r.ResponseKind().(*kmsg.EndTxnResponse)
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	var err *kerr.Error
	if r.Version >= bumpingVersion {
		err = d.endV2(r, fresh, resp)
	} else {
		err = d.endV1(r)
	}
	resp.ErrorCode = code(err)
	return resp
}

// endV1 ends a transaction whose epoch stays. A retry after the end is answered
// as the end was.
func (d *decision) endV1(r *kmsg.EndTxnRequest) *kerr.Error {
	t, err := d.c.find(r.TransactionalID, r.ProducerID)
	if err != nil {
		return err
	}
	if r.ProducerEpoch != t.epoch {
		return kerr.ProducerFenced
	}
	prepare, complete := ends(r.Commit)
	switch t.state {
	case ongoing:
		next := t.with(prepare, d.now)
		next.version, next.nextID = V0, -1
		d.move(t, &next)
		return nil
	case complete:
		return nil
	case prepare:
		return kerr.ConcurrentTransactions
	}
	return kerr.InvalidTxnState
}

// ends is the two states of an end.
func ends(commit bool) (prepare, complete state) {
	if commit {
		return prepareCommit, completeCommit
	}
	return prepareAbort, completeAbort
}

// endV2 ends a transaction and bumps the epoch, so that nothing of it can come
// late into the next (KIP-890). A retry names the epoch before. A transaction
// without partitions may be aborted: the client does not know whether any was
// added.
func (d *decision) endV2(r *kmsg.EndTxnRequest, fresh int64, resp *kmsg.EndTxnResponse) *kerr.Error {
	if r.TransactionalID == "" {
		return kerr.InvalidRequest
	}
	t := d.c.ids[r.TransactionalID]
	if t == nil {
		return kerr.InvalidProducerIDMapping
	}
	current := r.ProducerEpoch == t.epoch && r.ProducerID == t.producerID
	overflow := r.ProducerID == t.previousID && r.ProducerID != t.producerID && r.ProducerEpoch == maxClientEpoch && t.epoch == 0
	retry := r.ProducerID == t.producerID && int(r.ProducerEpoch)+1 == int(t.epoch) || overflow
	switch {
	case r.ProducerID != t.producerID && !overflow:
		return kerr.InvalidProducerIDMapping
	case (t.state == ongoing || t.state == empty) && !current,
		!current && !retry:
		return kerr.ProducerFenced
	case t.state.prepared() && current:
		// The next end, while the markers of this one are being written; Kafka
		// 4.1.2 was measured to answer so.
		return kerr.ConcurrentTransactions
	}
	prepare, complete := ends(r.Commit)
	switch {
	case t.state == ongoing, t.state.atRest() && !retry && !r.Commit:
		next := d.prepareV2(t, prepare, fresh)
		resp.ProducerID, resp.ProducerEpoch = next.producerID, next.epoch
		if next.nextID >= 0 {
			resp.ProducerID, resp.ProducerEpoch = next.nextID, 0
		}
		return nil
	case t.state == complete && retry && t.epoch > maxClientEpoch:
		return kerr.ProducerFenced // InitProducerId has another id for it
	case t.state == complete && retry:
		resp.ProducerID, resp.ProducerEpoch = t.producerID, t.epoch
		return nil
	case t.state == prepare:
		return kerr.ConcurrentTransactions
	}
	return kerr.InvalidTxnState
}

// maxClientEpoch is the last epoch of a client; its markers have the one above.
const maxClientEpoch = 32766

// prepareV2 records the decision with the next epoch. When that is not to be
// given to a client, the producer goes on with another id once the end is
// complete.
func (d *decision) prepareV2(t *transaction, prepare state, fresh int64) *transaction {
	next := t.with(prepare, d.now)
	next.version, next.nextID, next.epoch, next.lastEpoch = V2, -1, t.epoch+1, t.epoch
	if Exhausted(t.epoch) {
		next.nextID, next.epoch = fresh, maxClientEpoch+1
	}
	if t.state.atRest() {
		next.started = d.now
	}
	d.move(t, &next)
	return &next
}

// complete ends a transaction whose markers are all written. A report that comes
// late, of another end, changes nothing.
func (d *decision) complete(r MarkersWritten) {
	t := d.c.ids[r.TransactionalID]
	if t == nil || t.producerID != r.ProducerID || t.epoch != r.Epoch || !t.state.prepared() {
		return
	}
	to := completeAbort
	if t.state == prepareCommit {
		to = completeCommit
	}
	next := t.with(to, d.now)
	next.partitions = nil
	if t.version >= V2 && t.nextID >= 0 {
		next.producerID, next.epoch = t.nextID, 0
	}
	next.nextID = -1
	d.move(t, &next)
}
