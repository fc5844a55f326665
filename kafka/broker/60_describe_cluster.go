package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// DescribeCluster, v0-2 (KIP-700, KIP-919: the controllers' endpoints are not
// for clients; KIP-1073: fenced brokers on request).
func (b *Broker) describeCluster(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DescribeClusterRequest)
	resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
	resp.ClusterAuthorizedOperations = -2147483648
	if req.Version >= 1 && req.EndpointType != 1 {
		resp.ErrorCode = kerr.MismatchedEndpointType.Code
		return now(resp)
	}
	img := b.cfg.Image()
	resp.ClusterID, resp.ControllerID = img.ClusterID, img.Controller()
	for _, n := range nodesOn(img, r.Session.Listener) {
		resp.Brokers = append(resp.Brokers, kmsg.DescribeClusterResponseBroker{NodeID: n.id, Host: n.host, Port: n.port, Rack: n.rack})
	}
	return now(resp)
}
