package group

import (
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// producerExpiry is how long a transactional producer is remembered that has
// nothing open here: producer.id.expiration.ms.
const producerExpiry = 24 * time.Hour

// Verify asks whether a producer's transaction must be verified with its
// coordinator before offsets of it may be committed here (KIP-890). The reply is
// a Verification.
type Verify struct {
	ProducerID int64
	Epoch      int16
}

// Verification is what a TxnOffsetCommit brings in its Request, when it was
// verified after Verify was answered: no marker may have come between.
type Verification struct {
	Needed bool // false: the transaction is open here already
	began  bool
	ends   int64 // of the producer's transactions here
}

// EndTransaction is the marker of a transaction: its pending offsets become
// committed, or are dropped. The reply is a *kerr.Error, nil once it is written:
// INVALID_PRODUCER_EPOCH or TRANSACTION_COORDINATOR_FENCED for one that is
// older than what is known.
type EndTransaction struct {
	ProducerID       int64
	Epoch            int16
	CoordinatorEpoch int32
	Commit           bool
}

// producer is what is known of a transactional producer, in all groups.
type producer struct {
	epoch       int16
	coordinator int32 // epoch of the newest marker, -1: none came
	ends        int64 // markers that came
	at          time.Time
	open        bool
	pending     map[string]map[topicPartition]offset // by group
}

// decideTransaction answers the requests of the transaction coordinator.
func (d *decision) decideTransaction(t statemachine.Ticket, req any) {
	var reply any
	switch r := req.(type) {
	case Verify:
		reply = d.c.verify(r)
	case EndTransaction:
		reply = d.endTransaction(r)
	default:
		panic("group: a request of an unknown type reached the core")
	}
	d.replies = append(d.replies, statemachine.Reply{To: t, Value: reply})
}

func (c *Core) verify(r Verify) Verification {
	p := c.producers[r.ProducerID]
	if p == nil {
		return Verification{Needed: true, began: true}
	}
	return Verification{Needed: !p.open || p.epoch != r.Epoch, began: true, ends: p.ends}
}

func (d *decision) endTransaction(r EndTransaction) *kerr.Error {
	if p := d.c.producers[r.ProducerID]; p != nil {
		switch {
		case r.Epoch < p.epoch:
			return kerr.InvalidProducerEpoch
		case r.CoordinatorEpoch < p.coordinator:
			return kerr.TransactionCoordinatorFenced
		}
	}
	d.records = append(d.records, statemachine.Record{Transaction: &statemachine.Transaction{
		ProducerID: r.ProducerID, Epoch: r.Epoch,
		Marker: &statemachine.Marker{Commit: r.Commit, CoordinatorEpoch: r.CoordinatorEpoch},
	}})
	return nil
}

// mayCommitTransaction says whether a transactional commit is valid. A producer
// that gives no member is believed, as before KIP-447; the transaction must be
// open here, or verified since its last end.
func (d *decision) mayCommitTransaction(r *kmsg.TxnOffsetCommitRequest, v Verification) *kerr.Error {
	g := d.c.groups[r.Group]
	switch {
	case len(r.Group) > maxName || r.Group == "":
		return kerr.InvalidGroupID
	case g == nil && r.Generation >= 0:
		return kerr.IllegalGeneration
	case g != nil && g.consumer != nil:
		if err := g.consumer.mayCommitTransaction(r); err != nil {
			return err
		}
	case g == nil, r.Generation < 0 && g.state == empty:
	case r.Generation >= 0 || r.MemberID != "" || r.InstanceID != nil:
		if _, _, err := d.c.find(r.Group, r.MemberID, r.InstanceID); err != nil {
			return err
		}
		if r.Generation != g.generation {
			return kerr.IllegalGeneration
		}
	}
	p := d.c.producers[r.ProducerID]
	switch {
	case r.ProducerID < 0 || r.ProducerEpoch < 0:
		return kerr.InvalidTxnState
	case p != nil && r.ProducerEpoch < p.epoch:
		return kerr.InvalidProducerEpoch
	case p != nil && p.open && p.epoch == r.ProducerEpoch:
		return nil
	case !v.began:
		return kerr.InvalidTxnState
	case r.Version < epochsVersion && v.ends != endsOf(p):
		return kerr.InvalidTxnState
	}
	return nil
}

// epochsVersion is the TxnOffsetCommit version of clients of transactions V2
// (KIP-890): every end raises the epoch, so that a marker which came in between
// was of the transaction before.
const epochsVersion = 5

func endsOf(p *producer) int64 {
	if p == nil {
		return 0
	}
	return p.ends
}

// commitTransaction is TxnOffsetCommit: the offsets are pending until the
// transaction's marker comes.
func (d *decision) commitTransaction(t statemachine.Ticket, r *kmsg.TxnOffsetCommitRequest, v Verification, unwritable bool) {
	refused := d.mayCommitTransaction(r, v)
	in := plainCommit(r)
	var records []statemachine.Record
	if refused == nil {
		records, refused = d.commitRecords(in, unwritable)
	}
	for i := range records {
		records[i].Transaction = &statemachine.Transaction{ProducerID: r.ProducerID, Epoch: r.ProducerEpoch}
	}
	d.records = append(d.records, records...)
	resp := r.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	for _, topic := range in.Topics {
		out := kmsg.NewTxnOffsetCommitResponseTopic()
		out.Topic = topic.Topic
		for i := range topic.Partitions {
			err := refused
			if err == nil {
				err = d.c.refusesOffset(topic.Topic, &topic.Partitions[i])
			}
			p := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			p.Partition = topic.Partitions[i].Partition
			if err != nil {
				p.ErrorCode = code(err)
			}
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	d.reply(t, resp)
}

// plainCommit is the offsets of a transactional commit as those of any other.
func plainCommit(r *kmsg.TxnOffsetCommitRequest) *kmsg.OffsetCommitRequest {
	out := kmsg.NewPtrOffsetCommitRequest()
	out.Version, out.Group, out.RetentionTimeMillis = out.MaxVersion(), r.Group, -1
	for _, t := range r.Topics {
		topic := kmsg.NewOffsetCommitRequestTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitRequestTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata
			topic.Partitions = append(topic.Partitions, rp)
		}
		out.Topics = append(out.Topics, topic)
	}
	return out
}

// producer is a transactional producer to be changed by Apply.
func (c *Core) producer(t *statemachine.Transaction, at time.Time) *producer {
	p := c.producers[t.ProducerID]
	if p == nil {
		p = &producer{coordinator: -1}
		c.producers[t.ProducerID] = p
	}
	p.epoch, p.at = max(p.epoch, t.Epoch), at
	return p
}

// applyPending keeps an offset of an open transaction.
func (c *Core) applyPending(g *group, tp topicPartition, o offset, t *statemachine.Transaction, at time.Time) {
	p := c.producer(t, at)
	p.open = true
	if p.pending == nil {
		p.pending = make(map[string]map[topicPartition]offset)
	}
	offsets := p.pending[g.id]
	if offsets == nil {
		offsets = make(map[topicPartition]offset)
		p.pending[g.id] = offsets
	}
	if _, ok := offsets[tp]; !ok {
		g.pendingOffsets[tp]++
	}
	offsets[tp] = o
}

// applyMarker ends a producer's transaction. A commit that came later than the
// pending one, outside the transaction, stays.
func (c *Core) applyMarker(t *statemachine.Transaction, at time.Time) {
	p := c.producer(t, at)
	p.coordinator = max(p.coordinator, t.Marker.CoordinatorEpoch)
	p.ends++
	for id, offsets := range p.pending {
		g := c.groups[id]
		for tp, o := range offsets {
			g.dropPending(tp)
			if old, ok := g.offsets[tp]; t.Marker.Commit && (!ok || old.seq < o.seq) {
				g.offsets[tp] = o
			}
		}
		c.dropUnused(g)
	}
	p.open, p.pending = false, nil
}

// dropPending forgets that one producer has an offset pending.
func (g *group) dropPending(tp topicPartition) {
	if g.pendingOffsets[tp]--; g.pendingOffsets[tp] <= 0 {
		delete(g.pendingOffsets, tp)
	}
}

// forgetPending drops what all producers have pending for a group's offset.
func (c *Core) forgetPending(g *group, tp topicPartition) {
	if g.pendingOffsets[tp] == 0 {
		return
	}
	for _, p := range c.producers {
		delete(p.pending[g.id], tp)
		if len(p.pending[g.id]) == 0 {
			delete(p.pending, g.id)
		}
	}
	delete(g.pendingOffsets, tp)
}

// keptOffsets is the offsets that a group has or that are pending, sorted.
func (g *group) keptOffsets() []topicPartition {
	all := slices.AppendSeq(slices.Collect(maps.Keys(g.offsets)), maps.Keys(g.pendingOffsets))
	slices.SortFunc(all, compareTP)
	return slices.Compact(all)
}

// stable is a committed offset for a reader; with requireStable only if nothing
// is pending that may change it (KIP-447).
func (g *group) stable(topic string, partition int32, requireStable bool) (offset, int16) {
	if g != nil && requireStable && g.pendingOffsets[topicPartition{topic, partition}] > 0 {
		return offset{offset: -1, epoch: -1}, code(kerr.UnstableOffsetCommit)
	}
	return g.offset(topic, partition), 0
}

// expireProducers forgets producers that were not heard of for long.
func (c *Core) expireProducers(now time.Time) {
	maps.DeleteFunc(c.producers, func(_ int64, p *producer) bool {
		return !p.open && now.Sub(p.at) >= producerExpiry
	})
}
