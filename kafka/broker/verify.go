package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/txn"
)

// maxVerify bounds the wait for a transaction's coordinator: Kafka's
// request.timeout.ms of brokers.
const maxVerify = 30 * time.Second

// verified is what the transaction's coordinator said of one partition of a
// Produce. The zero value is for batches that need nothing.
type verified struct {
	verification partition.Verification
	refused      *kerr.Error
}

// slot is a partition's place in a Produce.
type slot struct{ topic, partition int }

// verify asks the coordinator about the partitions in which a produced batch
// would open its transaction (KIP-890): whether they are part of it, unless that is
// switched off, or from Produce v12 on to make them part. The connection waits for it before anything
// is appended.
func (b *Broker) verify(ctx context.Context, req *kmsg.ProduceRequest) map[slot]verified {
	if req.TransactionID == nil {
		return nil
	}
	out := make(map[slot]verified)
	add := txn.AddPartitions{TransactionalID: *req.TransactionID, ProducerID: -1, VerifyOnly: req.Version < 12, ClientVersion: txn.V2}
	var asked []slot
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			batch, p, name := b.transactional(req, i, j)
			if p == nil {
				continue
			}
			if add.ProducerID >= 0 && (add.ProducerID != batch.ProducerID() || add.Epoch != batch.ProducerEpoch()) {
				out[slot{i, j}] = verified{refused: kerr.InvalidProducerIDMapping} // one producer a request, as in Kafka
				continue
			}
			add.ProducerID, add.Epoch = batch.ProducerID(), batch.ProducerEpoch()
			v, needed := p.Verify(batch.ProducerID(), batch.ProducerEpoch())
			if !needed {
				continue
			}
			if !add.VerifyOnly {
				v = v.FromZero()
			}
			out[slot{i, j}] = verified{verification: v}
			asked = append(asked, slot{i, j})
			add.Partitions = append(add.Partitions, txn.TopicPartition{Topic: name, Partition: req.Topics[i].Partitions[j].Partition})
		}
	}
	if len(asked) > 0 && (!add.VerifyOnly || b.cfg.Image().VerifiesTransactions(b.cfg.ID)) {
		ctx, cancel := context.WithTimeout(ctx, maxVerify)
		defer cancel()
		for i, err := range b.cfg.Transactions.Join(ctx, add) {
			if err != nil {
				out[asked[i]] = verified{refused: produceVerdict(err, req.Version)}
			}
		}
	}
	return out
}

// transactional is the transactional batch of a partition that this broker
// leads; nil for any other, which appendBatch refuses or appends without. One
// without a producer is in no transaction, and Kafka takes it.
func (b *Broker) transactional(req *kmsg.ProduceRequest, i, j int) (record.Batch, *partition.Partition, string) {
	t := &req.Topics[i]
	in := &t.Partitions[j]
	batch, _, err := record.Split(in.Records)
	if err != nil || !batch.Transactional() || batch.Control() || batch.ProducerID() < 0 {
		return nil, nil, ""
	}
	p, name, err := b.find(req.Version >= 13, t.Topic, t.TopicID, in.Partition)
	if err != nil || metadataInternal(name) || p.Check(b.cfg.ID, -1) != nil {
		return nil, nil, ""
	}
	return batch, p, name
}

// produceVerdict is a coordinator's error as producers are told it. Retriable
// ones that old clients do not retry become one that they do, and that does not
// send them for metadata (Kafka ReplicaManager).
func produceVerdict(err *kerr.Error, version int16) *kerr.Error {
	switch err {
	case kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator:
		return kerr.NotEnoughReplicas
	case kerr.ConcurrentTransactions:
		if version < 12 {
			return kerr.NotEnoughReplicas
		}
	}
	return verdict(err, version >= 11)
}
