package storage

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
)

// ErrUnverified is the answer to a client's batch that would open a
// transaction of which the coordinator was not asked, or was asked before the
// producer's last marker. It wraps kerr.InvalidTxnState, as Kafka answers it
// (KIP-890).
var ErrUnverified = fmt.Errorf("the record is not part of a verified transaction: %w", kerr.InvalidTxnState)

// Verification lets a client's batch open a transaction: proof that the
// coordinator was asked after the producer's last marker in this log (KIP-890,
// part 1). The zero value proves nothing.
type Verification struct {
	producerID int64
	epoch      int16
	began      bool
	end        int64 // of the log, when it began
	fromZero   bool
}

// FromZero is v for a producer of transactions v2 (KIP-890, part 2), where each
// end raises the epoch: its first batch in a log that does not know it must have
// sequence 0, and a marker with its epoch has ended the transaction before, which
// a coordinator that waits for that end must not be blamed for. The epoch alone
// refuses what comes after its own end.
func (v Verification) FromZero() Verification {
	v.fromZero = true
	return v
}

// Verify begins a verification, before the coordinator is asked. needed is
// false when there is nothing to ask: the producer's transaction is open here.
// An epoch that is too old is the coordinator's to refuse, as in Kafka.
func (l *Log) Verify(producerID int64, epoch int16) (v Verification, needed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.producers.byID[producerID].inTransaction(epoch) {
		return Verification{}, false
	}
	return Verification{producerID: producerID, epoch: epoch, began: true, end: l.end.Load()}, true
}

// valid reports whether v lets b open a transaction of producer p.
func (ps *producers) valid(v Verification, p *producer, b record.Batch) bool {
	return v.began && v.producerID == b.ProducerID() && v.epoch == b.ProducerEpoch() &&
		v.end >= ps.forgotten && (v.fromZero || p == nil || p.marker < v.end)
}

// inTransaction reports whether the producer has a transaction open under an
// epoch. A higher epoch says that it may have ended.
func (p *producer) inTransaction(epoch int16) bool { return p != nil && p.txn >= 0 && p.epoch == epoch }

// checkMarker says whether a marker may be appended: it comes with the
// producer's epoch or a higher one, and from the newest coordinator known.
func (p *producer) checkMarker(b record.Batch) error {
	m, err := b.Marker()
	switch {
	case err != nil || p == nil:
		return err
	case b.ProducerEpoch() < p.epoch:
		return kerr.InvalidProducerEpoch
	case m.CoordinatorEpoch < p.coordinator:
		return kerr.TransactionCoordinatorFenced
	}
	return nil
}

// end remembers an appended marker. A marker without a transaction leaves
// nothing in the index, as in Kafka.
func (ps *producers) end(b record.Batch) (a aborted, ok bool) {
	m, err := b.Marker()
	if err != nil {
		return aborted{}, false // another control record, or one that compaction has emptied
	}
	p := ps.at(b)
	first := p.txn
	p.coordinator, p.timestamp, p.marker, p.txn = m.CoordinatorEpoch, b.MaxTimestamp(), b.LastOffset(), -1
	if first < 0 {
		return aborted{}, false
	}
	stable := ps.txns.end(first, b.LastOffset())
	return aborted{producer: b.ProducerID(), first: first, last: b.LastOffset(), stable: stable}, !m.Commit
}

// unstable is what holds the last stable offset of a log back. Appends
// change it under the log's lock; stable may be called at any time.
type unstable struct {
	count atomic.Int64 // of open and ended, which are empty as a rule

	mu    sync.Mutex
	open  []int64 // first offsets, ascending; guarded by mu
	ended []span  // ascending by last; those below the high watermark go; guarded by mu
}

// span is the offsets of a transaction that has ended, its marker's the last.
type span struct{ first, last int64 }

func (t *unstable) begin(first int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, _ := slices.BinarySearch(t.open, first) // the end, but for what a snapshot lists
	t.open = slices.Insert(t.open, i, first)
	t.count.Add(1)
}

// end ends a transaction and returns what the stable offset is when all of the
// log is committed.
func (t *unstable) end(first, last int64) (stable int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, ok := slices.BinarySearch(t.open, first); ok {
		t.open = slices.Delete(t.open, i, i+1)
		t.ended = append(t.ended, span{first, last})
	}
	if len(t.open) > 0 {
		return t.open[0]
	}
	return last + 1
}

// stable is the first offset below highWatermark whose transaction is open, or
// has ended at or above highWatermark; highWatermark when there is none. What
// ended below is forgotten: the high watermark does not go back.
func (t *unstable) stable(highWatermark int64) int64 {
	if t.count.Load() == 0 {
		return highWatermark
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for n < len(t.ended) && t.ended[n].last < highWatermark {
		n++
	}
	if n > 0 {
		t.ended = append(t.ended[:0], t.ended[n:]...)
		t.count.Add(int64(-n))
	}
	at := highWatermark
	if len(t.open) > 0 {
		at = min(at, t.open[0])
	}
	for _, s := range t.ended {
		at = min(at, s.first)
	}
	return at
}

// StableOffset is the last stable offset under a high watermark, which callers
// give in ascending order: what lies below is committed and decided. A
// transaction whose beginning was deleted holds it at StartOffset. It allocates
// nothing and never waits for an append.
func (l *Log) StableOffset(highWatermark int64) int64 {
	at := l.producers.txns.stable(highWatermark)
	return min(highWatermark, max(at, l.start.Load()))
}
