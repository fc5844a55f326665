package broker

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// UnregisterBroker, v0 (KIP-500). The cluster's owner alone takes brokers out,
// so that only what is not there is as in Kafka.
func (b *Broker) unregisterBroker(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.UnregisterBrokerRequest)
	resp := req.ResponseKind().(*kmsg.UnregisterBrokerResponse)
	resp.ErrorCode = kerr.BrokerIDNotRegistered.Code
	text := fmt.Sprintf("Broker ID %d is not currently registered", req.BrokerID)
	if b.cfg.Image().Broker(req.BrokerID) != nil {
		resp.ErrorCode = kerr.PolicyViolation.Code
		text = fmt.Sprintf("Broker %d belongs to the cluster: its owner takes it out.", req.BrokerID)
	}
	resp.ErrorMessage = &text
	return now(resp)
}
