package broker

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/coordinator"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/txn"
)

// WriteTxnMarkers, v1: kafka-transactions aborts with it what hangs (KIP-664).
// The embedded brokers' coordinators do not go over the wire.
func (b *Broker) writeTxnMarkers(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.WriteTxnMarkersRequest)
	var waits []func(context.Context) error
	for _, m := range req.Markers {
		marker := coordinator.Marker{ProducerID: m.ProducerID, Epoch: m.ProducerEpoch, CoordinatorEpoch: m.CoordinatorEpoch, Commit: m.Committed}
		for _, t := range m.Topics {
			for _, p := range t.Partitions {
				committed, err := b.cfg.Transactions.WriteMarker(b.cfg.ID, txn.TopicPartition{Topic: t.Topic, Partition: p}, marker)
				if err != nil {
					committed = func(context.Context) error { return err }
				}
				waits = append(waits, committed)
			}
		}
	}
	return func(ctx context.Context) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.WriteTxnMarkersResponse)
		for _, m := range req.Markers {
			out := kmsg.NewWriteTxnMarkersResponseMarker()
			out.ProducerID = m.ProducerID
			for _, t := range m.Topics {
				topic := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
				topic.Topic = t.Topic
				for _, p := range t.Partitions {
					err := notReady(waits[0](ctx))
					waits = waits[1:]
					topic.Partitions = append(topic.Partitions, kmsg.WriteTxnMarkersResponseMarkerTopicPartition{Partition: p, ErrorCode: b.code("write marker", err)})
				}
				out.Topics = append(out.Topics, topic)
			}
			resp.Markers = append(resp.Markers, out)
		}
		return resp
	}
}

// notReady makes of a group coordinator's errors the one that who writes markers
// knows: NOT_LEADER_OR_FOLLOWER.
func notReady(err error) error {
	for _, known := range [...]*kerr.Error{kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator} {
		if errors.Is(err, known) {
			return kerr.NotLeaderForPartition
		}
	}
	return err
}
