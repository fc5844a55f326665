package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// ListConfigResources, v0-1 (KIP-1142); version 0 was ListClientMetricsResources.
func (b *Broker) listConfigResources(_ context.Context, r *listener.Request) listener.Answer {
	return now(b.cfg.Image().ListConfigResources(r.Msg.(*kmsg.ListConfigResourcesRequest)))
}
