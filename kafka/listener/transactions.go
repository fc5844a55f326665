package listener

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The rows of transaction requests.

// askAddPartitionsToTxn: clients ask for partitions of one transaction, of which
// all are added or none; from version 4 on it is brokers that ask (KIP-890).
func askAddPartitionsToTxn(q *inquiry, r *kmsg.AddPartitionsToTxnRequest) then {
	if r.Version >= 4 {
		return without(q, q.ask(ClusterAction, Cluster, ""), r, func(s *kmsg.AddPartitionsToTxnResponse) { s.ErrorCode = errCluster })
	}
	topics := make([]int, len(r.Topics))
	for i, t := range r.Topics {
		topics[i] = q.ask(Write, Topic, t.Topic)
	}
	answer := func(code func(topic int) int16) kmsg.Response {
		s := r.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
		for i, t := range r.Topics {
			s.Topics = append(s.Topics, kmsg.AddPartitionsToTxnResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p int32) kmsg.AddPartitionsToTxnResponseTopicPartition {
				return kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p, ErrorCode: code(i)}
			})})
		}
		return s
	}
	return unless(q, q.ask(Write, TransactionalID, r.TransactionalID), func() kmsg.Response {
		return answer(func(int) int16 { return errTxn })
	}, func() outcome {
		if q.ok(topics...) {
			return outcome{}
		}
		return outcome{whole: answer(func(i int) int16 {
			if q.ok(topics[i]) {
				return kerr.OperationNotAttempted.Code
			}
			return errTopic
		})}
	})
}

func askAddOffsetsToTxn(q *inquiry, r *kmsg.AddOffsetsToTxnRequest) then {
	refused := func(code int16) func(*kmsg.AddOffsetsToTxnResponse) {
		return func(s *kmsg.AddOffsetsToTxnResponse) { s.ErrorCode = code }
	}
	group := without(q, q.ask(Read, Group, r.Group), r, refused(errGroup))
	transaction := without(q, q.ask(Write, TransactionalID, r.TransactionalID), r, refused(errTxn))
	return func() outcome {
		if out := transaction(); out.whole != nil {
			return out
		}
		return group()
	}
}

// askWriteTxnMarkers: an operator with Alter may, and brokers may (KIP-664).
func askWriteTxnMarkers(q *inquiry, r *kmsg.WriteTxnMarkersRequest) then {
	alter, action := q.ask(Alter, Cluster, ""), q.ask(ClusterAction, Cluster, "")
	return func() outcome {
		if q.ok(alter) || q.ok(action) {
			return outcome{}
		}
		s := r.ResponseKind().(*kmsg.WriteTxnMarkersResponse)
		for _, m := range r.Markers {
			s.Markers = append(s.Markers, kmsg.WriteTxnMarkersResponseMarker{ProducerID: m.ProducerID, Topics: full(m.Topics, func(t kmsg.WriteTxnMarkersRequestMarkerTopic) kmsg.WriteTxnMarkersResponseMarkerTopic {
				return kmsg.WriteTxnMarkersResponseMarkerTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p int32) kmsg.WriteTxnMarkersResponseMarkerTopicPartition {
					return kmsg.WriteTxnMarkersResponseMarkerTopicPartition{Partition: p, ErrorCode: errCluster}
				})}
			})})
		}
		return outcome{whole: s}
	}
}

func askTxnOffsetCommit(q *inquiry, r *kmsg.TxnOffsetCommitRequest) then {
	answer := func(code int16) func(kmsg.TxnOffsetCommitRequestTopic) kmsg.TxnOffsetCommitResponseTopic {
		return func(t kmsg.TxnOffsetCommitRequestTopic) kmsg.TxnOffsetCommitResponseTopic {
			return kmsg.TxnOffsetCommitResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p kmsg.TxnOffsetCommitRequestTopicPartition) kmsg.TxnOffsetCommitResponseTopicPartition {
				return kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code}
			})}
		}
	}
	whole := func(code int16) func() kmsg.Response {
		return func() kmsg.Response {
			s := r.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
			s.Topics = full(r.Topics, answer(code))
			return s
		}
	}
	topics := each(q, &r.Topics, func(t kmsg.TxnOffsetCommitRequestTopic) []int { return q.topic(t.Topic, [16]byte{}, Read) },
		func(s *kmsg.TxnOffsetCommitResponse) *[]kmsg.TxnOffsetCommitResponseTopic { return &s.Topics }, answer(errTopic))
	group := unless(q, q.ask(Read, Group, r.Group), whole(errGroup), topics)
	return unless(q, q.ask(Write, TransactionalID, r.TransactionalID), whole(errTxn), group)
}

func askDescribeTransactions(q *inquiry, r *kmsg.DescribeTransactionsRequest) then {
	return each(q, &r.TransactionalIDs, func(id string) []int { return q.named(TransactionalID, id, Describe) },
		func(s *kmsg.DescribeTransactionsResponse) *[]kmsg.DescribeTransactionsResponseTransactionState {
			return &s.TransactionStates
		},
		func(id string) kmsg.DescribeTransactionsResponseTransactionState {
			return kmsg.DescribeTransactionsResponseTransactionState{
				TransactionalID: id, ErrorCode: errTxn, Topics: []kmsg.DescribeTransactionsResponseTransactionStateTopic{},
			}
		})
}
