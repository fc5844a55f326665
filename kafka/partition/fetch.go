package partition

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/storage"
)

// Waiter is woken when a watched partition's high watermark, start or leadership
// moves, and so the last stable offset: what it waits for is that a marker is
// committed. One waiter may watch many partitions; C holds at most one wake-up.
type Waiter struct{ C chan struct{} }

// NewWaiter returns a waiter that watches nothing yet.
func NewWaiter() *Waiter { return &Waiter{C: make(chan struct{}, 1)} }

// Watch registers w. The caller must Unwatch it.
func (p *Partition) Watch(w *Waiter) {
	p.waitMu.Lock()
	p.waiters[w] = struct{}{}
	p.waitMu.Unlock()
}

// Unwatch forgets w.
func (p *Partition) Unwatch(w *Waiter) {
	p.waitMu.Lock()
	delete(p.waiters, w)
	p.waitMu.Unlock()
}

func (p *Partition) wake() {
	p.waitMu.Lock()
	defer p.waitMu.Unlock()
	for w := range p.waiters {
		select {
		case w.C <- struct{}{}:
		default:
		}
	}
}

// Read asks for records at an offset.
type Read struct {
	Broker      int32
	ClientEpoch int32 // -1: the client does not know
	Offset      int64
	MaxBytes    int
	Committed   bool // read_committed: only below the last stable offset
}

// Slice is what a Read found.
type Slice struct {
	Offsets
	Records []byte                       // whole batches, all below the high watermark
	Aborted []storage.AbortedTransaction // for Committed: those that Records has records of
}

// Fetch reads committed records as leader. It always returns at least one
// whole batch when there is one (KIP-74). Offsets below the log's start or
// above its end give OFFSET_OUT_OF_RANGE.
func (p *Partition) Fetch(r Read) (Slice, error) {
	if err := p.check(p.current.Load(), r.Broker, r.ClientEpoch); err != nil {
		return Slice{}, err
	}
	s := Slice{Offsets: p.Offsets()}
	if r.Offset < s.Start || r.Offset > s.End {
		return s, kerr.OffsetOutOfRange
	}
	if r.Offset >= s.limit(r.Committed) || r.MaxBytes <= 0 {
		return s, nil
	}
	var err error
	if r.Committed {
		s.Records, s.Aborted, err = p.log.ReadCommitted(r.Offset, s.LastStable, r.MaxBytes)
	} else {
		s.Records, err = p.log.Read(r.Offset, s.HighWatermark, r.MaxBytes)
	}
	return s, err
}

// limit is the offset from which on a reader sees nothing.
func (o Offsets) limit(committed bool) int64 {
	if committed {
		return o.LastStable
	}
	return o.HighWatermark
}

// Special timestamps of ListOffsets.
const (
	Latest        = -1
	Earliest      = -2
	MaxTimestamp  = -3
	EarliestLocal = -4
	LatestTiered  = -5
)

// Lookup is an answer to ListOffsets; Offset -1 means there is no such record.
type Lookup struct {
	Offset, Timestamp int64
	Epoch             int32
}

// Lookup finds the first record at or after timestamp (milliseconds), or one
// of the special positions. Only committed records are seen, with committed
// (read_committed) only those below the last stable offset.
func (p *Partition) Lookup(broker, clientEpoch int32, timestamp int64, committed bool) (Lookup, error) {
	l := p.current.Load()
	if err := p.check(l, broker, clientEpoch); err != nil {
		return Lookup{}, err
	}
	o := p.Offsets()
	limit := o.limit(committed)
	switch timestamp {
	case Latest:
		return Lookup{Offset: limit, Timestamp: -1, Epoch: l.epoch}, nil
	case Earliest, EarliestLocal:
		epoch := p.epochAt(o.Start, l.epoch)
		return Lookup{Offset: o.Start, Timestamp: -1, Epoch: epoch}, nil
	case LatestTiered:
		return Lookup{Offset: -1, Timestamp: -1, Epoch: -1}, nil
	case MaxTimestamp:
		off, ts, epoch, ok, err := p.log.MaxTimestamp(limit)
		return lookup(off, ts, epoch, ok), err
	}
	off, ts, epoch, ok, err := p.log.LookupTimestamp(timestamp, limit)
	return lookup(off, ts, epoch, ok), err
}

func lookup(offset, timestamp int64, epoch int32, ok bool) Lookup {
	if !ok {
		return Lookup{Offset: -1, Timestamp: -1, Epoch: -1}
	}
	return Lookup{Offset: offset, Timestamp: timestamp, Epoch: epoch}
}

// epochAt is the leader epoch of the record at offset; the current epoch when
// the log is empty there.
func (p *Partition) epochAt(offset int64, current int32) int32 {
	if p.log.EndOffset() == offset {
		return current
	}
	return p.log.EpochAt(offset)
}

// EpochEnd answers OffsetForLeaderEpoch: the largest epoch known at or below
// the asked one, and where it ended (KIP-279). -1, -1 when none is known.
func (p *Partition) EpochEnd(broker, clientEpoch, epoch int32) (foundEpoch int32, end int64, err error) {
	l := p.current.Load()
	if err := p.check(l, broker, clientEpoch); err != nil {
		return -1, -1, err
	}
	if epoch == l.epoch {
		return epoch, p.log.EndOffset(), nil
	}
	foundEpoch, end = p.log.EndOffsetForEpoch(epoch)
	return foundEpoch, end, nil
}

// DeleteBefore moves the log's start up to offset (-1: the high watermark) and
// returns the new start. Above the high watermark: OFFSET_OUT_OF_RANGE.
func (p *Partition) DeleteBefore(broker int32, offset int64) (start int64, err error) {
	l := p.current.Load()
	if err := p.check(l, broker, -1); err != nil {
		return -1, err
	}
	if !l.settings.Delete {
		return -1, kerr.PolicyViolation
	}
	hw := p.highWatermark.Load()
	if offset == -1 {
		offset = hw
	}
	if offset < 0 || offset > hw {
		return -1, kerr.OffsetOutOfRange
	}
	if err := p.log.DeleteBefore(offset); err != nil {
		return -1, err
	}
	p.wake() // a transaction that began below no longer holds the last stable offset there
	return p.log.StartOffset(), nil
}
