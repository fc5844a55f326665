package broker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/kafka/record"
)

// The wait for the high watermark is the client's timeout within these bounds.
// The lower one is for timeouts that are meant for replication: in Kafka a
// partition without followers answers at once, here it waits for the disk.
const (
	minProduceWait = time.Second
	maxProduceWait = 5 * time.Minute
)

// Produce, v3-13 (0-2 are advertised and refused, KAFKA-18659).
//
//	v8  errors of single records
//	v10 current leader and node endpoints on NOT_LEADER_OR_FOLLOWER (KIP-951)
//	v11 TRANSACTION_ABORTABLE (KIP-890)
//	v12 adds its partitions to the transaction (KIP-890)
//	v13 topics by id (KIP-516)
//
// Batches are appended in the order of the request before the handler returns;
// the answer waits for the high watermark when acks is -1. Before a batch opens
// a transaction in its partition, the transaction's coordinator is asked.
func (b *Broker) produce(ctx context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.ProduceRequest)
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	asked := time.Now()
	checked := b.verify(ctx, req)
	at := time.Now()
	r.Waited(at.Sub(asked))
	var waits []pendingAck
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewProduceResponseTopic()
		out.Topic, out.TopicID = t.Topic, t.TopicID
		out.Partitions = make([]kmsg.ProduceResponseTopicPartition, len(t.Partitions))
		for j := range t.Partitions {
			out.Partitions[j] = kmsg.NewProduceResponseTopicPartition()
			w, ok := b.append(req, t, &t.Partitions[j], at, checked[slot{i, j}], &out.Partitions[j])
			r.Hold(w.hold)
			if ok {
				w.topic, w.index = i, j
				waits = append(waits, w)
			}
		}
		resp.Topics = append(resp.Topics, out)
	}
	if req.Acks == 0 {
		return b.unacknowledged(resp)
	}
	return func(ctx context.Context) kmsg.Response {
		if req.Acks == -1 {
			b.awaitCommit(ctx, req, resp, waits)
		}
		b.hintLeaders(r, resp)
		return resp
	}
}

// unacknowledged answers acks=0: nothing is sent, but an error closes the
// connection, as Kafka does, so that the producer refreshes its metadata.
func (b *Broker) unacknowledged(resp *kmsg.ProduceResponse) listener.Answer {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return now(listener.CloseConnection)
			}
		}
	}
	return nil
}

type pendingAck struct {
	p            *partition.Partition
	end          int64
	epoch        int32
	hold         time.Duration // that the partition's limit wants silence for
	topic, index int           // position in the response
}

// append appends one partition's batch and fills its answer. It reports false
// when there is nothing to wait for.
func (b *Broker) append(req *kmsg.ProduceRequest, t *kmsg.ProduceRequestTopic, in *kmsg.ProduceRequestTopicPartition, at time.Time, v verified, out *kmsg.ProduceResponseTopicPartition) (pendingAck, bool) {
	out.Partition, out.BaseOffset, out.LogStartOffset, out.LogAppendTime = in.Partition, -1, -1, -1
	p, a, err := b.appendBatch(req, t, in, at, v)
	if err != nil {
		out.ErrorCode = b.code("produce", err)
		var why *record.Refusal
		if errors.As(err, &why) {
			out.ErrorMessage = &why.Text
		}
		var full *partition.VolumeFullError
		if errors.As(err, &full) {
			out.ErrorMessage = new(full.Error())
		}
		if p != nil && !slices.Contains(withoutStart, out.ErrorCode) {
			out.LogStartOffset = p.Offsets().Start
		}
		for _, bad := range a.Records {
			e := kmsg.NewProduceResponseTopicPartitionErrorRecord()
			e.RelativeOffset, e.ErrorMessage = bad.Index, &bad.Message
			out.ErrorRecords = append(out.ErrorRecords, e)
		}
		return pendingAck{}, false
	}
	out.BaseOffset, out.LogStartOffset, out.LogAppendTime = a.Base, a.LogStart, a.AppendTimeMS
	return pendingAck{p: p, end: a.Last + 1, epoch: a.Epoch, hold: a.Hold}, true
}

// withoutStart are the errors that Kafka answers without the log's start.
var withoutStart = []int16{
	kerr.UnknownTopicOrPartition.Code, kerr.UnknownTopicID.Code, kerr.NotLeaderForPartition.Code, kerr.MessageTooLarge.Code,
	kerr.RecordListTooLarge.Code, kerr.CorruptMessage.Code, kerr.KafkaStorageError.Code,
	kerr.TransactionalIDAuthorizationFailed.Code,
}

func (b *Broker) appendBatch(req *kmsg.ProduceRequest, t *kmsg.ProduceRequestTopic, in *kmsg.ProduceRequestTopicPartition, at time.Time, v verified) (*partition.Partition, partition.Append, error) {
	if req.Acks < -1 || req.Acks > 1 {
		return nil, partition.Append{}, kerr.InvalidRequiredAcks
	}
	p, name, err := b.find(req.Version >= 13, t.Topic, t.TopicID, in.Partition)
	if err != nil {
		return nil, partition.Append{}, err
	}
	if metadataInternal(name) {
		return nil, partition.Append{}, kerr.InvalidTopicException
	}
	p, a, err := b.appendTo(p, req, in, at, v)
	b.countProduced(name, len(in.Records), a, err)
	return p, a, err
}

// appendTo appends to a partition of a client's topic.
func (b *Broker) appendTo(p *partition.Partition, req *kmsg.ProduceRequest, in *kmsg.ProduceRequestTopicPartition, at time.Time, v verified) (*partition.Partition, partition.Append, error) {
	batch, rest, err := record.Split(in.Records)
	switch {
	case b.cfg.BatchBytes > 0 && len(in.Records) > b.cfg.BatchBytes:
		return nil, partition.Append{}, kerr.InvalidRequest
	case err != nil:
		return nil, partition.Append{}, err
	case isBatch(rest): // exactly one batch a partition since v3; what is none is ignored
		return nil, partition.Append{}, kerr.InvalidRecord
	case batch.Magic() < 2:
		return nil, partition.Append{}, kerr.InvalidRecord
	case batch.Codec() == record.Zstd && req.Version < 7:
		return nil, partition.Append{}, kerr.UnsupportedCompressionType
	case batch.Transactional() && req.TransactionID == nil:
		return nil, partition.Append{}, kerr.TransactionalIDAuthorizationFailed
	case batch.Transactional() && *req.TransactionID == "":
		return nil, partition.Append{}, kerr.InvalidRequest
	case v.refused != nil:
		return nil, partition.Append{}, v.refused
	}
	a, err := p.Produce(b.cfg.ID, batch, req.Acks, at, v.verification)
	if batch.Transactional() && errors.Is(err, kerr.InvalidProducerEpoch) {
		p = nil // Kafka finds it before it looks into the log
	}
	return p, a, err
}

func isBatch(b []byte) bool {
	if len(b) == 0 {
		return false // as nearly always: without an error that says so
	}
	_, _, err := record.Split(b)
	return err == nil
}

// awaitCommit waits until everything appended is committed; what is not by the
// client's timeout is answered REQUEST_TIMED_OUT.
func (b *Broker) awaitCommit(ctx context.Context, req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse, waits []pendingAck) {
	wait := max(minProduceWait, min(time.Duration(req.TimeoutMillis)*time.Millisecond, maxProduceWait))
	var cancel context.CancelFunc
	for _, w := range waits {
		if cancel == nil && !w.p.Committed(w.end) {
			ctx, cancel = context.WithTimeout(ctx, wait)
			defer cancel()
		}
		if err := w.p.WaitAcked(ctx, w.end, w.epoch); err != nil {
			out := &resp.Topics[w.topic].Partitions[w.index]
			out.ErrorCode, out.BaseOffset, out.LogStartOffset = b.code("produce", err), -1, -1
		}
	}
}

// hintLeaders adds the new leader to each NOT_LEADER_OR_FOLLOWER (KIP-951).
func (b *Broker) hintLeaders(r *listener.Request, resp *kmsg.ProduceResponse) {
	if resp.Version < 10 {
		return
	}
	img := b.cfg.Image()
	hint := newHints(r.Session.Listener)
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			if p.ErrorCode != kerr.NotLeaderForPartition.Code {
				continue
			}
			p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = hint.leader(img, t.Topic, t.TopicID, p.Partition)
		}
	}
	for _, n := range hint.nodes(img) {
		resp.Brokers = append(resp.Brokers, kmsg.ProduceResponseBroker{NodeID: n.id, Host: n.host, Port: n.port, Rack: n.rack})
	}
}
