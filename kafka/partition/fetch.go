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
	LeaderOnly  bool  // the client does not know of followers (before KIP-392)
	Offset      int64
	LastEpoch   int32 // of the record before Offset (KIP-595); -1: not said
	MaxBytes    int
	AtLeastOne  bool                   // one whole batch, also when it is larger than MaxBytes (KIP-74)
	Committed   bool                   // read_committed: only below the last stable offset
	Room        func(bytes int) []byte // the memory that is read to; nil: new memory
}

// Slice is what a Read found.
type Slice struct {
	Offsets
	Records   []byte                       // whole batches, all below the high watermark
	Aborted   []storage.AbortedTransaction // for Committed: those that Records has records of
	Diverging *Diverging                   // the reader has records that this log has not
}

// Diverging is where the log of a reader leaves this one: the largest epoch at
// or below the reader's, and where it ended here.
type Diverging struct {
	Epoch int32
	End   int64
}

// Fetch reads committed records as leader or, unless the reader wants the
// leader only, as follower: both see one log and one high watermark. Offsets
// below the log's start or above its end give OFFSET_OUT_OF_RANGE.
func (p *Partition) Fetch(r Read) (Slice, error) {
	l := p.current.Load()
	check := p.checkReplica
	if r.LeaderOnly {
		check = p.check
	}
	if err := check(l, r.Broker, r.ClientEpoch); err != nil {
		return Slice{}, err
	}
	s := Slice{Offsets: p.Offsets()}
	if r.LastEpoch >= 0 {
		var err error
		if s.Diverging, err = p.diverging(l, r, s.Offsets); err != nil || s.Diverging != nil {
			return s, err
		}
	}
	if r.Offset < s.Start || r.Offset > s.End {
		return s, kerr.OffsetOutOfRange
	}
	if r.Offset >= s.Limit(r.Committed) || r.MaxBytes <= 0 && !r.AtLeastOne {
		return s, nil
	}
	want := storage.Want{Bytes: r.MaxBytes, One: r.AtLeastOne, Room: r.Room}
	var err error
	if r.Committed {
		s.Records, s.Aborted, err = p.log.ReadCommitted(r.Offset, s.LastStable, want)
	} else {
		s.Records, err = p.log.ReadWant(r.Offset, s.HighWatermark, want)
	}
	return s, err
}

// Limit is the offset from which on a reader sees nothing.
func (o Offsets) Limit(committed bool) int64 {
	if committed {
		return o.LastStable
	}
	return o.HighWatermark
}

// diverging compares the reader's last epoch with the log's own history.
func (p *Partition) diverging(l *leadership, r Read, o Offsets) (*Diverging, error) {
	epoch, end := p.epochEnd(l, r.LastEpoch)
	switch {
	case epoch < 0 || end < 0 || r.Offset < o.Start:
		return nil, kerr.OffsetOutOfRange
	case epoch < r.LastEpoch || end < r.Offset:
		return &Diverging{epoch, end}, nil
	}
	return nil, nil
}

// Size is the bytes of the partition's log: how much it grew tells a parked
// fetch whether another read is worth it. 0 when the log could not be opened.
func (p *Partition) Size() int64 {
	if p.log == nil {
		return 0
	}
	return p.log.Size()
}

// Segments is how many segments the log has.
func (p *Partition) Segments() int {
	if p.log == nil {
		return 0
	}
	return p.log.Segments()
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

// Search asks for an offset by time.
type Search struct {
	Broker      int32
	ClientEpoch int32 // -1: the client does not know
	Timestamp   int64 // milliseconds, or a special one
	Committed   bool  // read_committed: only below the last stable offset
	Debugging   bool  // asks any replica, and for what is not committed too
}

// Lookup finds the first record at or after a timestamp, or a special position.
// Only committed records are seen, unless the search is a debugging one.
func (p *Partition) Lookup(s Search) (Lookup, error) {
	l := p.current.Load()
	check := p.check
	if s.Debugging {
		check = p.checkReplica
	}
	if err := check(l, s.Broker, s.ClientEpoch); err != nil {
		return Lookup{}, err
	}
	o := p.Offsets()
	limit := o.Limit(s.Committed)
	if s.Debugging {
		limit = o.End
	}
	switch s.Timestamp {
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
	off, ts, epoch, ok, err := p.log.LookupTimestamp(s.Timestamp, limit)
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
	foundEpoch, end = p.epochEnd(l, epoch)
	return foundEpoch, end, nil
}

func (p *Partition) epochEnd(l *leadership, epoch int32) (found int32, end int64) {
	if epoch == l.epoch {
		return epoch, p.log.EndOffset()
	}
	return p.log.EndOffsetForEpoch(epoch)
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
	deleted := p.log.DeleteBefore(offset)
	p.shrunk()
	if err := deleted; err != nil {
		return -1, err
	}
	p.wake() // a transaction that began below no longer holds the last stable offset there
	return p.log.StartOffset(), nil
}
