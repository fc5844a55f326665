package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/txn"
)

// TxnOffsetCommit, v0-5.
//
//	v2 knows COORDINATOR_LOAD_IN_PROGRESS (KAFKA-7296)
//	v3 the committing member (KIP-447)
//	v4 TRANSACTION_ABORTABLE (KIP-890)
//	v5 adds the group to the transaction (KIP-890)
//
// Before the first commit of a transaction in the group's partition the
// transaction's coordinator is asked.
func (b *Broker) txnOffsetCommit(ctx context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.TxnOffsetCommitRequest)
	missing := b.cutMissingOfTxn(req)
	if len(req.Topics) == 0 {
		return now(&kmsg.TxnOffsetCommitResponse{Version: req.Version, Topics: missing})
	}
	asked := time.Now()
	v, refused := b.verifyOffsets(ctx, req)
	r.Waited(time.Since(asked))
	if refused != nil {
		return now(&kmsg.TxnOffsetCommitResponse{Version: req.Version, Topics: append(refuseOffsets(req.Topics, refused), missing...)})
	}
	p := b.cfg.Groups.Do(b.cfg.ID, group.Request{
		Client: r.Header.ClientID, Host: "/" + r.Session.RemoteAddr.String(), Msg: req, Verification: v,
	})
	return func(ctx context.Context) kmsg.Response {
		resp := p.Wait(ctx).(*kmsg.TxnOffsetCommitResponse)
		for _, m := range missing {
			resp.Topics = placed(resp.Topics, m.Topic, func(t *kmsg.TxnOffsetCommitResponseTopic) *string { return &t.Topic },
				func(t *kmsg.TxnOffsetCommitResponseTopic) { t.Partitions = append(t.Partitions, m.Partitions...) })
		}
		if resp.Version < 2 {
			hideLoading(resp)
		}
		return resp
	}
}

// cutMissingOfTxn takes the partitions that do not exist out of a commit and answers
// them.
func (b *Broker) cutMissingOfTxn(req *kmsg.TxnOffsetCommitRequest) (missing []kmsg.TxnOffsetCommitResponseTopic) {
	img := b.cfg.Image()
	var kept []kmsg.TxnOffsetCommitRequestTopic
	for _, t := range req.Topics {
		count := 0
		if known := img.Topic(t.Topic); known != nil {
			count = len(known.Partitions)
		}
		here, gone := t, t
		here.Partitions, gone.Partitions = nil, nil
		for _, p := range t.Partitions {
			if p.Partition >= 0 && int(p.Partition) < count {
				here.Partitions = append(here.Partitions, p)
			} else {
				gone.Partitions = append(gone.Partitions, p)
			}
		}
		if len(here.Partitions) > 0 {
			kept = append(kept, here)
		}
		if len(gone.Partitions) > 0 {
			missing = append(missing, refuseOffsets([]kmsg.TxnOffsetCommitRequestTopic{gone}, kerr.UnknownTopicOrPartition)...)
		}
	}
	req.Topics = kept
	return missing
}

func refuseOffsets(topics []kmsg.TxnOffsetCommitRequestTopic, err *kerr.Error) (out []kmsg.TxnOffsetCommitResponseTopic) {
	for _, t := range topics {
		topic := kmsg.NewTxnOffsetCommitResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			topic.Partitions = append(topic.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: err.Code})
		}
		out = append(out, topic)
	}
	return out
}

// verifyOffsets makes the group's partition part of the transaction, or verifies
// that it is, unless it is known to be.
func (b *Broker) verifyOffsets(ctx context.Context, req *kmsg.TxnOffsetCommitRequest) (group.Verification, *kerr.Error) {
	v, err := b.cfg.Groups.Verify(b.cfg.ID, req.Group, group.Verify{ProducerID: req.ProducerID, Epoch: req.ProducerEpoch}).Wait(ctx)
	if err != nil || !v.Needed || req.Version < 5 && !b.cfg.Image().VerifiesTransactions(b.cfg.ID) {
		return v, err
	}
	errs := b.cfg.Transactions.Join(ctx, txn.AddPartitions{
		TransactionalID: req.TransactionalID, ProducerID: req.ProducerID, Epoch: req.ProducerEpoch,
		Partitions: []txn.TopicPartition{{Topic: groupsTopic, Partition: b.cfg.Groups.PartitionFor(req.Group)}},
		VerifyOnly: req.Version < 5, ClientVersion: txn.V2,
	})
	return v, verdict(errs[0], req.Version >= 4)
}

// verdict is a coordinator's error as the client of a commit or of a produced
// batch is told it; only newer ones know TRANSACTION_ABORTABLE (KIP-890).
func verdict(err *kerr.Error, abortable bool) *kerr.Error {
	switch {
	case err == kerr.ProducerFenced:
		return kerr.InvalidProducerEpoch
	case err == kerr.TransactionAbortable && !abortable:
		return kerr.InvalidTxnState
	}
	return err
}

// hideLoading spares old producers an error that they do not know.
func hideLoading(resp *kmsg.TxnOffsetCommitResponse) {
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			if p := &resp.Topics[i].Partitions[j]; p.ErrorCode == kerr.CoordinatorLoadInProgress.Code {
				p.ErrorCode = kerr.CoordinatorNotAvailable.Code
			}
		}
	}
}
