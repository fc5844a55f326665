package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
)

// consumerGroupDescribe describes groups, but those with a topic assigned that
// the caller may not describe.
func (b *Broker) consumerGroupDescribe(_ context.Context, r *listener.Request) listener.Answer {
	p := b.toGroup(r)
	return func(ctx context.Context) kmsg.Response {
		resp := p.Wait(ctx).(*kmsg.ConsumerGroupDescribeResponse)
		may := make(map[string]bool)
		for i := range resp.Groups {
			if g := &resp.Groups[i]; hidesTopic(r, g, may) {
				out := kmsg.NewConsumerGroupDescribeResponseGroup()
				out.Group, out.Members = g.Group, []kmsg.ConsumerGroupDescribeResponseGroupMember{}
				out.ErrorCode = kerr.TopicAuthorizationFailed.Code
				out.ErrorMessage = kmsg.StringPtr("The group has described topic(s) that the client is not authorized to describe.")
				*g = out
			}
		}
		return resp
	}
}

// hidesTopic reports whether a group's assignments have a topic that the caller
// may not describe; may keeps what has been asked.
func hidesTopic(r *listener.Request, g *kmsg.ConsumerGroupDescribeResponseGroup, may map[string]bool) bool {
	for i := range g.Members {
		m := &g.Members[i]
		for _, a := range []kmsg.Assignment{m.Assignment, m.TargetAssignment} {
			for _, t := range a.TopicPartitions {
				if _, asked := may[t.Topic]; !asked {
					may[t.Topic] = r.May(describeTopic(t.Topic))
				}
				if !may[t.Topic] {
					return true
				}
			}
		}
	}
	return false
}
