package partition

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/storage"
)

// Verification is taken before the coordinator is asked whether a partition is
// in a transaction, and shows that no marker of the producer has come in
// between (KIP-890, part 1). It is good for this run of the process.
type Verification = storage.Verification

// ErrUnverified is what Produce answers for a transactional batch that would
// open a transaction without a valid verification; on the wire it is
// INVALID_TXN_STATE.
var ErrUnverified = storage.ErrUnverified

// Verify begins a verification of a producer's transaction. When needed is
// false, Produce can do without the coordinator: the transaction is open here.
func (p *Partition) Verify(producerID int64, epoch int16) (v Verification, needed bool) {
	if p.log == nil {
		return Verification{}, false
	}
	return p.log.Verify(producerID, epoch)
}

// AppendMarker ends a producer's transaction in this partition as leader. It
// returns the offset after the marker and the epoch to wait under: the marker
// counts once it is committed. The same marker may be written again. Besides
// what every append answers: NOT_ENOUGH_REPLICAS as for acks=-1,
// INVALID_PRODUCER_EPOCH for an epoch below the producer's, and
// TRANSACTION_COORDINATOR_FENCED for a coordinator older than the last one.
func (p *Partition) AppendMarker(broker int32, producerID int64, epoch int16, m record.Marker, now time.Time) (end int64, leaderEpoch int32, err error) {
	p.order.RLock()
	defer p.order.RUnlock()
	l := p.current.Load()
	if err := p.check(l, broker, -1); err != nil {
		return 0, -1, err
	}
	if l.inSync < l.minISR {
		return 0, -1, kerr.NotEnoughReplicas
	}
	done, err := p.log.Append(record.MarkerBatch(producerID, epoch, m, now), l.epoch, now, storage.Coordinator)
	if err != nil {
		return 0, -1, err
	}
	return done.LastOffset + 1, l.epoch, nil
}

// Producers lists the idempotent producers that a replica knows, by id: any of
// them answers, as in Kafka.
func (p *Partition) Producers(broker int32) ([]storage.ProducerState, error) {
	if err := p.checkReplica(p.current.Load(), broker, -1); err != nil {
		return nil, err
	}
	return p.log.Producers(), nil
}
