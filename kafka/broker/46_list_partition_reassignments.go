package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// ListPartitionReassignments, v0 (KIP-455).
func (b *Broker) listPartitionReassignments(_ context.Context, r *listener.Request) listener.Answer {
	return now(b.cfg.Image().ListPartitionReassignments(r.Msg.(*kmsg.ListPartitionReassignmentsRequest)))
}
