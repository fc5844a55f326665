package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/listener"
)

// consumerGroupHeartbeat hands a heartbeat to the coordinator. When that wants
// regular expressions resolved, this member's view of the topics is the one that
// counts until the next time, as in Kafka.
func (b *Broker) consumerGroupHeartbeat(_ context.Context, r *listener.Request) listener.Answer {
	name, img := r.Msg.(*kmsg.ConsumerGroupHeartbeatRequest).Group, b.cfg.Image()
	in := b.groupRequest(r)
	in.Session = time.Duration(img.GroupInt(name, "consumer.session.timeout.ms")) * time.Millisecond
	in.Heartbeat = time.Duration(img.GroupInt(name, "consumer.heartbeat.interval.ms")) * time.Millisecond
	p := b.cfg.Groups.Do(b.cfg.ID, in)
	return func(ctx context.Context) kmsg.Response {
		resp := p.Wait(ctx)
		hb, ok := resp.(*group.Heartbeat)
		if !ok {
			return resp // the coordinator could not ask the group
		}
		if hb.Resolve != nil {
			b.cfg.Groups.Resolve(b.cfg.ID, hb.Resolve.By(func(topic string) bool { return r.May(describeTopic(topic)) }))
		}
		b.sayGroup(r.Msg, hb.ConsumerGroupHeartbeatResponse)
		return hb.ConsumerGroupHeartbeatResponse
	}
}
