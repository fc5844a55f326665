package storage

import (
	"cmp"
	"slices"

	"github.com/millrace/millrace/kafka/record"
)

// transactions follows the transactions of segments whose batches are read in
// order. All of them are decided: they lie below the last stable offset.
type transactions struct {
	aborted []AbortedTransaction // by FirstOffset
	next    int                  // the first of aborted that has not begun
	open    map[int64]*openTransaction
}

// openTransaction is one whose marker comes later.
type openTransaction struct{ aborted, written bool }

// loadTransactions finds the aborted transactions of a pass's segments.
func (p *compaction) loadTransactions() (err error) {
	n := len(p.segments)
	p.decided.aborted, err = p.l.Aborted(p.segments[0].base, p.segments[n-1].next.Load())
	slices.SortFunc(p.decided.aborted, func(a, b AbortedTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	p.decided.rewind()
	return err
}

// rewind begins with the first batch again.
func (t *transactions) rewind() { t.next, t.open = 0, make(map[int64]*openTransaction) }

// saw takes the next batch. drop says that its transaction was aborted; unused,
// of a marker, that no batch of its transaction is left in the log, so that it
// may go. Kafka's CleanedTransactionMetadata.
func (t *transactions) saw(b record.Batch) (drop, unused bool) {
	if !b.Transactional() {
		return false, false
	}
	for ; t.next < len(t.aborted) && t.aborted[t.next].FirstOffset <= b.LastOffset(); t.next++ {
		t.of(t.aborted[t.next].ProducerID).aborted = true
	}
	o := t.of(b.ProducerID())
	if b.Control() {
		delete(t.open, b.ProducerID())
		return false, !o.written
	}
	o.written = true
	return o.aborted, false
}

func (t *transactions) of(producer int64) *openTransaction {
	o := t.open[producer]
	if o == nil {
		o = &openTransaction{}
		t.open[producer] = o
	}
	return o
}

// lastBatches is where each known producer's last batch is.
type lastBatches map[int64]int64

func (ps *producers) last() lastBatches {
	out := make(lastBatches, len(ps.byID))
	for id, p := range ps.byID {
		out[id] = p.newest().lastOffset
	}
	return out
}

// holds reports whether b is its producer's last batch, which stays so that the
// producer's state can be read from the log.
func (m lastBatches) holds(b record.Batch) bool {
	at, ok := m[b.ProducerID()]
	return ok && at == b.LastOffset()
}
