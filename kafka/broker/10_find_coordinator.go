package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
)

// The topics of coordinators are created when the first one is looked for.
const (
	groupsTopic       = "__consumer_offsets"
	transactionsTopic = "__transaction_state"
)

// Coordinator types of FindCoordinator.
const (
	groupCoordinator = 0
	txnCoordinator   = 1
	shareCoordinator = 2 // of share groups, which are not served
)

// FindCoordinator, v0-6; v4 asks for many keys at once (KIP-699). Success has
// texts too: NONE before v4, and none at all since.
func (b *Broker) findCoordinator(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.FindCoordinatorRequest)
	return func(ctx context.Context) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.FindCoordinatorResponse)
		if req.Version < 4 {
			c := b.coordinatorOf(ctx, r.Session.Listener, false, req.CoordinatorType, req.CoordinatorKey)
			resp.NodeID, resp.Host, resp.Port, resp.ErrorCode, resp.ErrorMessage = c.NodeID, c.Host, c.Port, c.ErrorCode, c.ErrorMessage
			if c.ErrorCode == 0 {
				resp.ErrorMessage = kmsg.StringPtr("NONE")
			}
			return resp
		}
		for _, key := range req.CoordinatorKeys {
			resp.Coordinators = append(resp.Coordinators, b.coordinatorOf(ctx, r.Session.Listener, true, req.CoordinatorType, key))
		}
		return resp
	}
}

func (b *Broker) coordinatorOf(ctx context.Context, listenerName string, many bool, kind int8, key string) kmsg.FindCoordinatorResponseCoordinator {
	out := kmsg.NewFindCoordinatorResponseCoordinator()
	out.Key, out.NodeID, out.Port, out.ErrorMessage = key, -1, -1, kmsg.StringPtr("")
	n, err := b.coordinator(ctx, listenerName, kind, key)
	if err != nil {
		out.ErrorCode = b.code("find coordinator", err)
		if !(many && kind == shareCoordinator) {
			out.ErrorMessage = message(err)
		}
		return out
	}
	out.NodeID, out.Host, out.Port = n.id, n.host, n.port
	return out
}

func (b *Broker) coordinator(ctx context.Context, listenerName string, kind int8, key string) (node, error) {
	var topic string
	var index int32
	switch kind {
	case groupCoordinator:
		topic, index = groupsTopic, b.cfg.Groups.PartitionFor(key)
	case txnCoordinator:
		topic, index = transactionsTopic, b.cfg.Transactions.PartitionFor(key)
	default:
		return node{}, kerr.InvalidRequest
	}
	img := b.cfg.Image()
	if img.Topic(topic) == nil {
		call := b.cfg.Metadata.Do(metadata.CreateInternalTopic{Name: topic, ID: b.cfg.NewID()})
		if _, err := call.Wait(ctx); err != nil {
			return node{}, err
		}
		img = b.cfg.Image()
	}
	t := img.Topic(topic)
	if t == nil || int(index) >= len(t.Partitions) {
		return node{}, kerr.CoordinatorNotAvailable
	}
	leader := img.Broker(t.Partitions[index].Leader)
	if leader == nil {
		return node{}, kerr.CoordinatorNotAvailable
	}
	n, ok := nodeOn(leader, listenerName)
	if !ok {
		return node{}, kerr.CoordinatorNotAvailable
	}
	return n, nil
}
