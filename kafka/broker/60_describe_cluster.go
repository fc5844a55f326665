package broker

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// Endpoint types of DescribeCluster (KIP-919).
const (
	brokerEndpoints     = 1
	controllerEndpoints = 2
)

// DescribeCluster, v0-2 (KIP-700, KIP-919: the controllers' endpoints are not
// for clients; KIP-1073: fenced brokers on request).
func (b *Broker) describeCluster(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DescribeClusterRequest)
	resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
	resp.ClusterAuthorizedOperations = -2147483648
	resp.EndpointType, resp.ControllerID = brokerEndpoints, -1
	if req.Version >= 1 && req.EndpointType != brokerEndpoints {
		resp.ErrorCode, resp.ErrorMessage = wrongEndpoint(req.EndpointType)
		return now(resp)
	}
	img := b.cfg.Image()
	resp.ClusterID, resp.ControllerID = img.ClusterID, img.Controller()
	for i := range img.Brokers {
		br := &img.Brokers[i]
		if br.Fenced && !req.IncludeFencedBrokers {
			continue
		}
		if n, ok := endpointOn(br, r.Session.Listener); ok {
			resp.Brokers = append(resp.Brokers, kmsg.DescribeClusterResponseBroker{NodeID: n.id, Host: n.host, Port: n.port, Rack: n.rack, IsFenced: br.Fenced})
		}
	}
	return now(resp)
}

func wrongEndpoint(kind int8) (code int16, text *string) {
	if kind == controllerEndpoints {
		return kerr.MismatchedEndpointType.Code, kmsg.StringPtr("The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER")
	}
	return kerr.UnsupportedEndpointType.Code, kmsg.StringPtr(fmt.Sprintf("Unsupported endpoint type %d", kind))
}
