package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
)

// DescribeAcls, v1-3. As in Kafka, a filter with an unknown element ends the
// connection.
func (b *Broker) describeACLs(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DescribeACLsRequest)
	if !metadata.DescribeFilter(req).Known() {
		return now(listener.CloseConnection)
	}
	return now(b.cfg.Image().DescribeACLs(req))
}
