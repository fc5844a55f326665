package broker

import (
	"context"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/storage"
)

// DescribeProducers, v0 (KIP-664): what the replicas of partitions know of
// idempotent producers and their open transactions.
func (b *Broker) describeProducers(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DescribeProducersRequest)
	return func(context.Context) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DescribeProducersResponse)
		resp.Topics = make([]kmsg.DescribeProducersResponseTopic, 0, len(req.Topics))
		for _, t := range req.Topics {
			out := kmsg.NewDescribeProducersResponseTopic()
			out.Topic = t.Topic
			out.Partitions = make([]kmsg.DescribeProducersResponseTopicPartition, 0, len(t.Partitions))
			for _, index := range t.Partitions {
				out.Partitions = append(out.Partitions, b.producersOf(t.Topic, index))
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	}
}

func (b *Broker) producersOf(topic string, index int32) kmsg.DescribeProducersResponseTopicPartition {
	out := kmsg.NewDescribeProducersResponseTopicPartition()
	out.Partition = index
	out.ActiveProducers = []kmsg.DescribeProducersResponseTopicPartitionActiveProducer{}
	if err := metadata.ValidateTopicName(topic); err != nil {
		out.ErrorCode = kerr.InvalidTopicException.Code
		out.ErrorMessage = kmsg.StringPtr(strings.TrimPrefix(err.Error(), kerr.InvalidTopicException.Message+": "))
		return out
	}
	if b.cfg.Image().Topic(topic) == nil {
		out.ErrorCode, out.ErrorMessage = kerr.UnknownTopicOrPartition.Code, message(kerr.UnknownTopicOrPartition)
		return out // a partition's error has no text in Kafka
	}
	states, err := b.producerStates(topic, index)
	out.ErrorCode = b.code("describe producers", err)
	for _, s := range states {
		out.ActiveProducers = append(out.ActiveProducers, kmsg.DescribeProducersResponseTopicPartitionActiveProducer{
			ProducerID: s.ID, ProducerEpoch: int32(s.Epoch), LastSequence: s.LastSequence, LastTimestamp: s.LastTimestamp,
			CoordinatorEpoch: s.CoordinatorEpoch, CurrentTxnStartOffset: s.TransactionStart,
		})
	}
	return out
}

func (b *Broker) producerStates(topic string, index int32) ([]storage.ProducerState, error) {
	p, _, err := b.find(false, topic, [16]byte{}, index)
	if err != nil {
		return nil, err
	}
	return p.Producers(b.cfg.ID)
}
