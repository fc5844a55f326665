package storage

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
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

// forgetTransactions takes the transactions of dropped markers out of the
// snapshots before them, durably: a start from there would wait for the marker
// for ever. They have no records left, or the marker would have stayed.
func (p *compaction) forgetTransactions() error {
	if len(p.dropped) == 0 {
		return nil
	}
	l, d := p.l, p.l.dir
	d.ops.RLock() // the log is not removed, nor the directory closed, meanwhile
	defer d.ops.RUnlock()
	l.files.Lock()
	defer l.files.Unlock()
	if l.closed.Load() || d.closed || d.Err() != nil {
		return kerr.KafkaStorageError
	}
	changed := false
	for _, s := range *l.segments.Load() {
		done, err := p.forgetIn(s.base)
		if err != nil {
			return d.fail(fmt.Errorf("change producer snapshot %d of %s: %w", s.base, l.name, err))
		}
		changed = changed || done
	}
	if !changed {
		return nil
	}
	if err := d.fs.SyncDir(l.path); err != nil {
		return d.fail(fmt.Errorf("sync directory %s: %w", l.path, err))
	}
	return nil
}

func (p *compaction) forgetIn(at int64) (changed bool, err error) {
	name := fileName(at, snapshotSuffix)
	data, err := vfs.ReadFile(p.l.dir.fs, path.Join(p.l.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ps, err := decodeProducers(data, at)
	if err != nil {
		return false, nil // damaged: no start uses it
	}
	for id, marker := range p.dropped {
		if known := ps.byID[id]; known != nil && known.txn >= 0 && marker >= at {
			known.txn, changed = -1, true
		}
	}
	if !changed {
		return false, nil
	}
	return true, replaceName(p.l.dir.fs, p.l.path, name, ps.encode(), true)
}

// lastBatches is what the log must keep of each known producer, so that its
// state can be read from the log: Kafka's lastRecordsOfActiveProducers.
type lastBatches map[int64]lastBatch

type lastBatch struct {
	offset int64 // of the last durable batch; -1: its markers under epoch
	epoch  int16
}

// last is what must stay. It is not ok when a power cut could take what a
// producer did last and bring back a state that nothing in memory tells of: then
// another pass is in time.
func (ps *producers) last(durable int64) (out lastBatches, ok bool) {
	out = make(lastBatches, len(ps.byID))
	for id, p := range ps.byID {
		b := lastBatch{offset: -1, epoch: p.epoch}
		for _, old := range p.batches[:p.n] {
			if old.lastOffset < durable {
				b.offset = old.lastOffset
			}
		}
		if p.n > 0 && b.offset < 0 || p.n == 0 && p.marker >= durable {
			return nil, false
		}
		out[id] = b
	}
	return out, true
}

// holds reports whether b stays for its producer's sake.
func (m lastBatches) holds(b record.Batch) bool {
	last, ok := m[b.ProducerID()]
	if ok && last.offset < 0 {
		return b.Control() && b.ProducerEpoch() == last.epoch
	}
	return ok && last.offset == b.LastOffset()
}
