package partition

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/statemachine"
)

// replayChunk is how much of a log Replay reads at a time.
const replayChunk = 1 << 20

// maxDecompressed bounds one batch of a state log; the state machines write
// uncompressed batches, so only damage or a foreign writer could reach it.
const maxDecompressed = 64 << 20

// StateLog makes a partition the log of a state machine: every record is one
// Kafka record, appended at the leader epoch that was current when the log was
// opened. When that epoch ends, Append and Wait fail and the machine must be
// loaded again. It implements statemachine.Log.
type StateLog struct {
	p      *Partition
	broker int32
	epoch  int32
}

var _ statemachine.Log = (*StateLog)(nil)

// OpenStateLog opens the log under the partition's current leadership.
// NOT_LEADER_OR_FOLLOWER when the partition has no leader.
func OpenStateLog(p *Partition) (*StateLog, error) {
	broker, epoch := p.Leader()
	if broker < 0 {
		return nil, kerr.NotLeaderForPartition
	}
	return &StateLog{p: p, broker: broker, epoch: epoch}, nil
}

// Epoch is the leader epoch under which the log was opened.
func (s *StateLog) Epoch() int32 { return s.epoch }

// Append writes the records and returns the offset after them: one batch for
// those next to each other of one transaction, or of none, and one for each
// marker.
func (s *StateLog) Append(records []statemachine.Record, now time.Time) (end int64, err error) {
	if _, epoch := s.p.Leader(); epoch != s.epoch {
		return 0, kerr.NotLeaderForPartition
	}
	for len(records) > 0 {
		n := 1
		for n < len(records) && together(records[0], records[n]) {
			n++
		}
		if end, err = s.p.AppendInternal(s.broker, batch(records[:n], now), now); err != nil {
			return 0, err
		}
		records = records[n:]
	}
	return end, nil
}

// together reports whether two records may be in one batch.
func together(a, b statemachine.Record) bool {
	if a.Transaction == nil || b.Transaction == nil {
		return a.Transaction == b.Transaction
	}
	x, y := a.Transaction, b.Transaction
	return x.Marker == nil && y.Marker == nil && x.ProducerID == y.ProducerID && x.Epoch == y.Epoch
}

// batch is records that belong together. Those of a transaction have no
// sequence, as the offset commits of Kafka's group coordinator.
func batch(records []statemachine.Record, now time.Time) record.Batch {
	o := record.BuilderOptions{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1}
	if t := records[0].Transaction; t != nil {
		if t.Marker != nil {
			return record.MarkerBatch(t.ProducerID, t.Epoch, record.Marker{Commit: t.Marker.Commit, CoordinatorEpoch: t.Marker.CoordinatorEpoch}, now)
		}
		o.ProducerID, o.ProducerEpoch, o.Transactional = t.ProducerID, t.Epoch, true
	}
	b, ms := record.NewBuilder(o), now.UnixMilli()
	for _, r := range records {
		b.Add(ms, r.Key, r.Value)
	}
	return b.Batch()
}

// Wait returns once everything below end is committed.
func (s *StateLog) Wait(ctx context.Context, end int64) error {
	return s.p.WaitCommitted(ctx, end, s.epoch)
}

// Replay calls fn with every record of the log, oldest first.
func (s *StateLog) Replay(fn func(r statemachine.Record, at time.Time) error) error {
	from, end := s.p.log.StartOffset(), s.p.log.EndOffset()
	for from < end {
		chunk, err := s.p.log.Read(from, end, replayChunk)
		if err != nil {
			return fmt.Errorf("replay %s at offset %d: %w", LogName(s.p.topic, s.p.index), from, err)
		}
		if len(chunk) == 0 {
			return fmt.Errorf("replay %s: nothing at offset %d below %d: %w", LogName(s.p.topic, s.p.index), from, end, kerr.KafkaStorageError)
		}
		if from, err = replayBatches(chunk, fn); err != nil {
			return fmt.Errorf("replay %s: %w", LogName(s.p.topic, s.p.index), err)
		}
	}
	return nil
}

func replayBatches(chunk []byte, fn func(r statemachine.Record, at time.Time) error) (next int64, err error) {
	for len(chunk) > 0 {
		var b record.Batch
		if b, chunk, err = record.Split(chunk); err != nil {
			return 0, err
		}
		next = b.LastOffset() + 1
		if err := replayBatch(b, fn); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// replayBatch calls fn with the records of a batch, or with its marker. Control
// batches of other kinds are Kafka's own affair.
func replayBatch(b record.Batch, fn func(r statemachine.Record, at time.Time) error) error {
	var t *statemachine.Transaction
	if b.Transactional() {
		t = &statemachine.Transaction{ProducerID: b.ProducerID(), Epoch: b.ProducerEpoch()}
	}
	if !b.Control() {
		return b.Walk(maxDecompressed, func(r *record.Record) error {
			return fn(statemachine.Record{Key: r.Key, Value: r.Value, Transaction: t}, time.UnixMilli(r.Timestamp))
		})
	}
	m, err := b.Marker()
	if t == nil || err != nil {
		return nil
	}
	t.Marker = &statemachine.Marker{Commit: m.Commit, CoordinatorEpoch: m.CoordinatorEpoch}
	return fn(statemachine.Record{Transaction: t}, time.UnixMilli(b.MaxTimestamp()))
}

// metadataSegment is the size of the metadata log's segments: what is written
// between two compactions, which look at closed ones, is little more.
const metadataSegment = 4 << 20

// OpenMetadata opens the cluster's own metadata log, which no image lists: it
// is what the images come from. The controller leads it, alone. It is compacted,
// since the newest record of each key is the state: Kafka writes snapshots
// instead, so that replicas need not follow. To be called before Run.
func (s *Set) OpenMetadata(name string, topicID [16]byte, controller int32) (*Partition, error) {
	p := &Partition{set: s, topic: name, waiters: make(map[*Waiter]struct{})}
	settings := metadata.TopicSettings{
		SegmentBytes: cmp.Or(s.cfg.MetadataSegment, metadataSegment), RetentionBytes: -1, RetentionAge: -1,
		Compact: true, DirtyRatio: 0.5, // tombstones need not stay: nobody reads from the middle
	}
	l, err := s.cfg.Dir.OpenLog(LogName(name, 0), topicID, logConfig(settings))
	if err != nil {
		return nil, fmt.Errorf("open metadata log: %w", err)
	}
	p.log = l
	p.highWatermark.Store(l.DurableOffset())
	l.OnDurable(p.durable)
	p.current.Store(&leadership{leader: controller, epoch: 1, inSync: 1, minISR: 1, settings: settings})
	s.mu.Lock()
	s.metadata = p
	s.mu.Unlock()
	return p, nil
}
