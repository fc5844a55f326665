package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/txn"
)

// AddOffsetsToTxn, v0-4: the group's partition of __consumer_offsets becomes
// part of the transaction.
//
//	v2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
func (b *Broker) addOffsetsToTxn(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.AddOffsetsToTxnRequest)
	adding := b.cfg.Transactions.AddPartitions(b.cfg.ID, txn.AddPartitions{
		TransactionalID: req.TransactionalID, ProducerID: req.ProducerID, Epoch: req.ProducerEpoch,
		Partitions: []txn.TopicPartition{{Topic: groupsTopic, Partition: b.cfg.Groups.PartitionFor(req.Group)}},
	})
	return func(ctx context.Context) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.AddOffsetsToTxnResponse)
		resp.ErrorCode = fenced(codeOf(adding.Wait(ctx)[0]), req.Version >= 2)
		return resp
	}
}
