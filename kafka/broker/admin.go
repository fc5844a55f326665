package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/loggers"
	"github.com/millrace/millrace/kafka/metadata"
)

// The handlers in this file hand their request to the metadata core whole; the
// core's reply is the response.

// CreateTopics, v2-7.
func (b *Broker) createTopics(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.CreateTopicsRequest)
	restore := billCreation(b.cfg.Image(), r, req)
	answer := b.decide(metadata.CreateTopics{Req: req, IDs: b.freshIDs(len(req.Topics))}, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, t := range req.Topics {
			out := kmsg.NewCreateTopicsResponseTopic()
			out.Topic, out.ErrorCode = t.Topic, code
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	})
	return restored(answer, createdTopics, restore)
}

// DeleteTopics, v1-6 (v6 by id).
func (b *Broker) deleteTopics(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DeleteTopicsRequest)
	restore := billDeletion(b.cfg.Image(), r, req)
	answer := b.decide(req, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
		for i := range req.TopicNames {
			out := kmsg.NewDeleteTopicsResponseTopic()
			out.Topic, out.ErrorCode = &req.TopicNames[i], code
			resp.Topics = append(resp.Topics, out)
		}
		for _, t := range req.Topics {
			out := kmsg.NewDeleteTopicsResponseTopic()
			out.Topic, out.TopicID, out.ErrorCode = t.Topic, t.TopicID, code
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	})
	return restored(answer, deletedTopics, restore)
}

// CreatePartitions, v0-3.
func (b *Broker) createPartitions(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.CreatePartitionsRequest)
	restore := billGrowth(b.cfg.Image(), r, req)
	answer := b.decide(req, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
		for _, t := range req.Topics {
			out := kmsg.NewCreatePartitionsResponseTopic()
			out.Topic, out.ErrorCode = t.Topic, code
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	})
	return restored(answer, grownTopics, restore)
}

// IncrementalAlterConfigs, v0-1 (KIP-339).
func (b *Broker) incrementalAlterConfigs(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.IncrementalAlterConfigsRequest)
	answer := b.decide(metadata.AtBroker{ID: b.cfg.ID, Req: req}, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		for _, in := range req.Resources {
			out := kmsg.NewIncrementalAlterConfigsResponseResource()
			out.ResourceType, out.ResourceName, out.ErrorCode = in.ResourceType, in.ResourceName, code
			resp.Resources = append(resp.Resources, out)
		}
		return resp
	})
	return func(ctx context.Context) kmsg.Response {
		resp := answer(ctx).(*kmsg.IncrementalAlterConfigsResponse)
		b.setLevels(req, resp)
		return resp
	}
}

// setLevels gives the broker's loggers the levels of a request that was found to
// be right (KIP-412).
func (b *Broker) setLevels(req *kmsg.IncrementalAlterConfigsRequest, resp *kmsg.IncrementalAlterConfigsResponse) {
	for i, in := range req.Resources {
		if in.ResourceType != kmsg.ConfigResourceTypeBrokerLogger || resp.Resources[i].ErrorCode != 0 || req.ValidateOnly {
			continue
		}
		for _, c := range in.Configs {
			if c.Op == kmsg.IncrementalAlterConfigOpDelete {
				b.cfg.Loggers.Unset(c.Name)
				b.say(loggerLevels, loggers.Warn, "Unset the log level of %s", c.Name)
			} else if level, ok := loggers.ParseLevel(*c.Value); ok {
				b.cfg.Loggers.Set(c.Name, level)
				b.say(loggerLevels, loggers.Warn, "Updated the log level of %s to %s", c.Name, *c.Value)
			}
		}
	}
}

// AlterConfigs, v0-2: the older form, which replaces all of a resource's
// dynamic configs.
func (b *Broker) alterConfigs(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.AlterConfigsRequest)
	return b.decide(metadata.AtBroker{ID: b.cfg.ID, Req: req}, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
		for _, in := range req.Resources {
			out := kmsg.NewAlterConfigsResponseResource()
			out.ResourceType, out.ResourceName, out.ErrorCode = in.ResourceType, in.ResourceName, code
			resp.Resources = append(resp.Resources, out)
		}
		return resp
	})
}

// AlterUserScramCredentials, v0 (KIP-554).
func (b *Broker) alterUserSCRAMCredentials(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.AlterUserSCRAMCredentialsRequest)
	return b.decide(req, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.AlterUserSCRAMCredentialsResponse)
		users := make(map[string]bool)
		add := func(user string) {
			if users[user] {
				return
			}
			users[user] = true
			out := kmsg.NewAlterUserSCRAMCredentialsResponseResult()
			out.User, out.ErrorCode = user, code
			resp.Results = append(resp.Results, out)
		}
		for _, d := range req.Deletions {
			add(d.Name)
		}
		for _, u := range req.Upsertions {
			add(u.Name)
		}
		return resp
	})
}

// DescribeUserScramCredentials, v0 (KIP-554): iterations, never secrets.
func (b *Broker) describeUserSCRAMCredentials(_ context.Context, r *listener.Request) listener.Answer {
	return now(b.cfg.Image().DescribeUserSCRAMCredentials(r.Msg.(*kmsg.DescribeUserSCRAMCredentialsRequest)))
}

// DescribeClientQuotas, v0-1 (KIP-546).
func (b *Broker) describeClientQuotas(_ context.Context, r *listener.Request) listener.Answer {
	return now(b.cfg.Image().DescribeClientQuotas(r.Msg.(*kmsg.DescribeClientQuotasRequest)))
}

// AlterClientQuotas, v0-1 (KIP-546).
func (b *Broker) alterClientQuotas(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.AlterClientQuotasRequest)
	return b.decide(req, func(code int16) kmsg.Response { return listener.RefusedQuotas(req, code) })
}

// DescribeConfigs, v1-4.
func (b *Broker) describeConfigs(_ context.Context, r *listener.Request) listener.Answer {
	return now(b.cfg.Image().DescribeConfigs(b.cfg.ID, b.cfg.Loggers.List(), r.Msg.(*kmsg.DescribeConfigsRequest)))
}
