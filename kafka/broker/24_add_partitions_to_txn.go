package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/txn"
)

// AddPartitionsToTxn, v0-5.
//
//	v2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
//	v4 between brokers, of several transactions, also to verify (KIP-890)
func (b *Broker) addPartitionsToTxn(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.AddPartitionsToTxnRequest)
	if req.Version >= 4 {
		return b.addPartitionsOfBrokers(req)
	}
	add := txn.AddPartitions{TransactionalID: req.TransactionalID, ProducerID: req.ProducerID, Epoch: req.ProducerEpoch}
	for _, t := range req.Topics {
		add.Partitions = appendPartitions(add.Partitions, t.Topic, t.Partitions)
	}
	wait := b.addPartitions(add, true)
	return func(ctx context.Context) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
		errs := wait(ctx)
		for _, t := range req.Topics {
			out := kmsg.NewAddPartitionsToTxnResponseTopic()
			out.Topic = t.Topic
			for i, p := range t.Partitions {
				out.Partitions = append(out.Partitions, kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p, ErrorCode: fenced(codeOf(errs[i]), req.Version >= 2)})
			}
			errs = errs[len(t.Partitions):]
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	}
}

func (b *Broker) addPartitionsOfBrokers(req *kmsg.AddPartitionsToTxnRequest) listener.Answer {
	waits := make([]func(context.Context) []*kerr.Error, len(req.Transactions))
	for i, t := range req.Transactions {
		add := txn.AddPartitions{TransactionalID: t.TransactionalID, ProducerID: t.ProducerID, Epoch: t.ProducerEpoch, VerifyOnly: t.VerifyOnly, ClientVersion: txn.V2}
		for _, topic := range t.Topics {
			add.Partitions = appendPartitions(add.Partitions, topic.Topic, topic.Partitions)
		}
		waits[i] = b.addPartitions(add, false)
	}
	return func(ctx context.Context) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
		resp.Topics = []kmsg.AddPartitionsToTxnResponseTopic{}
		for i, t := range req.Transactions {
			out := kmsg.NewAddPartitionsToTxnResponseTransaction()
			out.TransactionalID = t.TransactionalID
			errs := waits[i](ctx)
			for _, topic := range t.Topics {
				ot := kmsg.NewAddPartitionsToTxnResponseTransactionTopic()
				ot.Topic = topic.Topic
				for j, p := range topic.Partitions {
					ot.Partitions = append(ot.Partitions, kmsg.AddPartitionsToTxnResponseTransactionTopicPartition{Partition: p, ErrorCode: codeOf(errs[j])})
				}
				errs = errs[len(topic.Partitions):]
				out.Topics = append(out.Topics, ot)
			}
			resp.Transactions = append(resp.Transactions, out)
		}
		return resp
	}
}

func appendPartitions(to []txn.TopicPartition, topic string, partitions []int32) []txn.TopicPartition {
	for _, p := range partitions {
		to = append(to, txn.TopicPartition{Topic: topic, Partition: p})
	}
	return to
}

// addPartitions adds all partitions or, when one does not exist or is not the
// client's to write, none.
func (b *Broker) addPartitions(add txn.AddPartitions, client bool) (wait func(context.Context) []*kerr.Error) {
	img := b.cfg.Image()
	errs, wrong := make([]*kerr.Error, len(add.Partitions)), false
	for i, tp := range add.Partitions {
		t := img.Topic(tp.Topic)
		switch {
		case client && metadataInternal(tp.Topic):
			errs[i], wrong = kerr.TopicAuthorizationFailed, true
		case t == nil || tp.Partition < 0 || int(tp.Partition) >= len(t.Partitions):
			errs[i], wrong = kerr.UnknownTopicOrPartition, true
		default:
			errs[i] = kerr.OperationNotAttempted
		}
	}
	if wrong {
		return func(context.Context) []*kerr.Error { return errs }
	}
	return b.cfg.Transactions.AddPartitions(b.cfg.ID, add).Wait
}

// codeOf is an error's code, 0 for none.
func codeOf(err *kerr.Error) int16 {
	if err == nil {
		return 0
	}
	return err.Code
}
