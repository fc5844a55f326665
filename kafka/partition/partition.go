package partition

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/quota"
	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/storage"
)

// Partition is one partition: its log and the leadership decided for it. All
// methods may be called concurrently.
type Partition struct {
	set   *Set
	topic string
	index int32
	log   *storage.Log // nil when it could not be opened

	highWatermark atomic.Int64

	// order is held for reading while a batch is checked against the
	// leadership and appended, and for writing while the leadership changes.
	order   sync.RWMutex
	current atomic.Pointer[leadership] // written under order
	in, out quota.Ceiling              // bytes of clients
	counted atomic.Int64               // bytes on the volumes of current's replicas; changed under order

	waitMu  sync.Mutex
	waiters map[*Waiter]struct{} // guarded by waitMu
}

// leadership is one immutable decision about a partition.
type leadership struct {
	leader   int32
	replicas []int32
	epoch    int32
	inSync   int
	minISR   int // that acks=all needs
	settings metadata.TopicSettings
	volumes  []*volume // of the replicas
}

func newLeadership(p metadata.Partition, s metadata.TopicSettings) *leadership {
	return &leadership{leader: p.Leader, replicas: p.Replicas, epoch: p.LeaderEpoch, inSync: len(p.ISR), minISR: minISR(p, s), settings: s}
}

// minISR counts min.insync.replicas as at most the replicas there are: otherwise
// acks=all could never succeed, as on lines before 3.7 (KAFKA-15583).
func minISR(p metadata.Partition, s metadata.TopicSettings) int {
	if s.MinInsyncStrict {
		return s.MinInsyncReplicas
	}
	return min(s.MinInsyncReplicas, len(p.Replicas))
}

// logConfig is what storage needs of the settings. A topic without delete in
// its cleanup.policy keeps everything that compaction leaves, and one with
// compact rolls segments in time for max.compaction.lag.ms (KIP-354).
func logConfig(s metadata.TopicSettings) storage.LogConfig {
	c := storage.LogConfig{
		SegmentBytes: s.SegmentBytes, SegmentAge: s.SegmentAge,
		RetentionBytes: s.RetentionBytes, RetentionAge: s.RetentionAge,
		SegmentJitter: s.SegmentJitter, IndexBytes: max(1, s.IndexBytes),
		IndexIntervalBytes: max(1, s.IndexIntervalBytes), ProducerExpiry: s.ProducerExpiry,
	}
	if !s.Delete {
		c.RetentionBytes, c.RetentionAge = -1, -1
	}
	if s.Compact && s.MaxCompactionLag > 0 && (c.SegmentAge == 0 || s.MaxCompactionLag < c.SegmentAge) {
		c.SegmentAge = s.MaxCompactionLag
	}
	return c
}

// lead installs a decision and wakes everybody who waits: a follower's ack or
// fetch must end, and a grown ISR may release the high watermark.
func (p *Partition) lead(l *leadership) {
	l.volumes = p.set.volumesOf(l.replicas)
	p.order.Lock()
	p.count(l)
	p.current.Store(l)
	p.order.Unlock()
	if p.log == nil {
		return
	}
	if l.leader >= 0 {
		p.log.Configure(logConfig(l.settings))
	}
	p.durable(p.log.DurableOffset())
	p.wake()
}

// durable moves the high watermark to what is synced, unless the ISR is
// smaller than min.insync.replicas (KIP-966).
func (p *Partition) durable(offset int64) {
	l := p.current.Load()
	if l == nil || l.inSync < l.minISR {
		return
	}
	for {
		hw := p.highWatermark.Load()
		if offset <= hw {
			return
		}
		if p.highWatermark.CompareAndSwap(hw, offset) {
			p.wake()
			return
		}
	}
}

// Compression is the topic's compression.type, "" when nobody leads it yet.
func (p *Partition) Compression() string {
	if l := p.current.Load(); l != nil {
		return l.settings.Compression
	}
	return ""
}

// Offsets is a snapshot of a partition's limits.
type Offsets struct {
	Start, HighWatermark, End int64
	LastStable                int64 // what lies below is committed and its transactions are decided
	LeaderEpoch               int32
}

// Offsets returns the current limits. End counts records that are not yet
// committed.
func (p *Partition) Offsets() Offsets {
	o := Offsets{HighWatermark: p.highWatermark.Load(), LeaderEpoch: -1}
	if l := p.current.Load(); l != nil {
		o.LeaderEpoch = l.epoch
	}
	if p.log != nil {
		o.LastStable = p.log.StableOffset(o.HighWatermark)
		o.Start, o.End = p.log.StartOffset(), p.log.EndOffset()
	}
	return o
}

// check says whether broker leads the partition at the epoch the client knows
// (-1: the client does not say). A replica judges the epoch first (KIP-320).
func (p *Partition) check(l *leadership, broker, clientEpoch int32) error {
	if err := p.checkReplica(l, broker, clientEpoch); err != nil {
		return err
	}
	if l.leader != broker {
		return kerr.NotLeaderForPartition
	}
	return nil
}

// checkReplica is check for reads that a follower serves too (KIP-392).
func (p *Partition) checkReplica(l *leadership, broker, clientEpoch int32) error {
	switch {
	case l == nil || l.leader != broker && !slices.Contains(l.replicas, broker):
		return kerr.NotLeaderForPartition
	case p.log == nil || p.set.Err() != nil:
		return kerr.KafkaStorageError
	case clientEpoch != -1 && clientEpoch < l.epoch:
		return kerr.FencedLeaderEpoch
	case clientEpoch > l.epoch:
		return kerr.UnknownLeaderEpoch
	}
	return nil
}

// Check is check for callers that only ask: an error unless broker leads the
// partition at clientEpoch (-1: any).
func (p *Partition) Check(broker, clientEpoch int32) error {
	return p.check(p.current.Load(), broker, clientEpoch)
}

// Append is what a produced batch became.
type Append struct {
	Base, Last   int64
	LogStart     int64
	AppendTimeMS int64 // -1 unless the topic uses LogAppendTime or the batch was there already
	Epoch        int32
	Hold         time.Duration        // how long the partition's limit wants the client to be silent
	Records      []record.RecordError // filled when the batch was refused
}

// Produce validates a client's batch by the topic's settings and appends it as
// leader. acks is the request's: with -1 a too small ISR refuses the batch
// (NOT_ENOUGH_REPLICAS). A replica's broker without room for it refuses it too
// (*VolumeFullError). A transactional batch opens its producer's transaction
// here only by a valid v (ErrUnverified); others need none. The batch's bytes
// are stamped in place.
func (p *Partition) Produce(broker int32, b record.Batch, acks int16, now time.Time, v Verification) (Append, error) {
	p.order.RLock()
	defer p.order.RUnlock()
	l := p.current.Load()
	if err := p.check(l, broker, -1); err != nil {
		return Append{}, err
	}
	if acks == -1 && l.inSync < l.minISR {
		return Append{}, kerr.NotEnoughReplicas
	}
	b, bad, err := record.Validate(b, p.rules(l.settings, now))
	if err != nil {
		return Append{Records: bad}, err
	}
	if int64(len(b)) > l.settings.SegmentBytes {
		return Append{}, kerr.RecordListTooLarge
	}
	if most := p.set.cfg.CompactedBytes; most > 0 && l.settings.Compact && p.counted.Load()+int64(len(b)) > most {
		return Append{}, kerr.ThrottlingQuotaExceeded // aws:kafka developer guide, serverless quotas
	}
	if err := p.take(l, int64(len(b)), true); err != nil {
		return Append{}, err
	}
	done, err := p.log.AppendVerified(b, l.epoch, now, v)
	if err != nil || done.Duplicate {
		p.give(l, int64(len(b)))
	}
	if err != nil {
		return Append{}, err
	}
	hold := p.in.Record(float64(len(b)), now)
	a := Append{Hold: hold, Base: done.BaseOffset, Last: done.LastOffset, LogStart: done.LogStartOffset, AppendTimeMS: -1, Epoch: l.epoch}
	switch {
	case done.Duplicate: // Kafka answers the time of the batch that it has
		a.AppendTimeMS = b.MaxTimestamp()
	case l.settings.LogAppendTime:
		a.AppendTimeMS = now.UnixMilli()
	}
	return a, nil
}

func (p *Partition) rules(s metadata.TopicSettings, now time.Time) record.Rules {
	r := record.Rules{
		MaxBytes: s.MaxMessageBytes, LogAppendTime: s.LogAppendTime, Now: now,
		BeforeMax: s.TimestampBeforeMax, AfterMax: s.TimestampAfterMax,
		Compression: s.Compression, Level: record.Level(s.CompressionLevel), ZstdAllowed: true, KeysRequired: s.Compact,
	}
	if s.Compact {
		r.Partition = p.topic + "-" + strconv.Itoa(int(p.index))
	}
	return r
}

// AppendInternal appends a coordinator's batch at the current epoch of the
// given leader, also where a volume is full: groups and transactions go on. It
// returns the offset after the batch.
func (p *Partition) AppendInternal(broker int32, b record.Batch, now time.Time) (end int64, err error) {
	p.order.RLock()
	defer p.order.RUnlock()
	l := p.current.Load()
	if err := p.check(l, broker, -1); err != nil {
		return 0, err
	}
	_ = p.take(l, int64(len(b)), false) // nothing refuses it
	done, err := p.log.Append(b, l.epoch, now, storage.Coordinator)
	if err != nil {
		p.give(l, int64(len(b)))
		return 0, err
	}
	return done.LastOffset + 1, nil
}

// Writable reports whether a record that needs all replicas is taken: else it is
// NOT_ENOUGH_REPLICAS.
func (p *Partition) Writable() bool {
	l := p.current.Load()
	return l == nil || l.inSync >= l.minISR
}

// Committed reports whether everything below end is committed.
func (p *Partition) Committed(end int64) bool { return p.highWatermark.Load() >= end }

// WaitAcked is WaitCommitted for a producer that asked for all replicas: an ISR
// that has become too small by then answers NOT_ENOUGH_REPLICAS_AFTER_APPEND
// (Kafka Partition.checkEnoughReplicasReachOffset). While it is too small the
// high watermark stands still, so that the wait may last as long as ctx.
func (p *Partition) WaitAcked(ctx context.Context, end int64, epoch int32) error {
	if err := p.WaitCommitted(ctx, end, epoch); err != nil {
		return err
	}
	if l := p.current.Load(); l != nil && l.inSync < l.minISR {
		return kerr.NotEnoughReplicasAfterAppend
	}
	return nil
}

// WaitCommitted returns nil once the high watermark has reached end. It ends
// with an error when the leadership changes from epoch, when the log directory
// fails, or when ctx ends.
func (p *Partition) WaitCommitted(ctx context.Context, end int64, epoch int32) error {
	if p.Committed(end) {
		return nil
	}
	w := NewWaiter()
	p.Watch(w)
	defer p.Unwatch(w)
	for {
		if p.Committed(end) {
			return nil
		}
		if l := p.current.Load(); l == nil || l.epoch != epoch {
			return kerr.NotLeaderForPartition
		}
		select {
		case <-w.C:
		case <-p.set.failed:
			return kerr.KafkaStorageError
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Leader returns the current leader (-1: none) and its epoch.
func (p *Partition) Leader() (broker, epoch int32) {
	l := p.current.Load()
	if l == nil {
		return -1, -1
	}
	return l.leader, l.epoch
}
