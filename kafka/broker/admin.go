package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
)

// The handlers in this file hand their request to the metadata core whole; the
// core's reply is the response.

// CreateTopics, v2-7.
func (b *Broker) createTopics(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.CreateTopicsRequest)
	return b.decide(metadata.CreateTopics{Req: req, IDs: b.freshIDs(len(req.Topics))}, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, t := range req.Topics {
			out := kmsg.NewCreateTopicsResponseTopic()
			out.Topic, out.ErrorCode = t.Topic, code
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	})
}

// DeleteTopics, v1-6 (v6 by id).
func (b *Broker) deleteTopics(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.DeleteTopicsRequest)
	return b.decide(req, func(code int16) kmsg.Response {
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
}

// CreatePartitions, v0-3.
func (b *Broker) createPartitions(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.CreatePartitionsRequest)
	return b.decide(req, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
		for _, t := range req.Topics {
			out := kmsg.NewCreatePartitionsResponseTopic()
			out.Topic, out.ErrorCode = t.Topic, code
			resp.Topics = append(resp.Topics, out)
		}
		return resp
	})
}

// IncrementalAlterConfigs, v0-1 (KIP-339).
func (b *Broker) incrementalAlterConfigs(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.IncrementalAlterConfigsRequest)
	return b.decide(metadata.AtBroker{ID: b.cfg.ID, Req: req}, func(code int16) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		for _, in := range req.Resources {
			out := kmsg.NewIncrementalAlterConfigsResponseResource()
			out.ResourceType, out.ResourceName, out.ErrorCode = in.ResourceType, in.ResourceName, code
			resp.Resources = append(resp.Resources, out)
		}
		return resp
	})
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

// DescribeConfigs, v1-4.
func (b *Broker) describeConfigs(_ context.Context, r *listener.Request) listener.Answer {
	return now(b.cfg.Image().DescribeConfigs(b.cfg.ID, r.Msg.(*kmsg.DescribeConfigsRequest)))
}

// InitProducerId, v0-5, for idempotent producers: a fresh id with epoch 0, or,
// when the producer names its id (KIP-360), the next epoch. Transactional
// producers are refused until transactions are built.
func (b *Broker) initProducerID(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.InitProducerIDRequest)
	resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	switch {
	case req.TransactionalID != nil && *req.TransactionalID == "":
		resp.ErrorCode = kerr.InvalidRequest.Code
		return now(resp)
	case req.TransactionalID != nil:
		resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
		return now(resp)
	}
	return func(ctx context.Context) kmsg.Response {
		id, err := b.nextProducerID(ctx)
		if err != nil {
			resp.ErrorCode = b.code("allocate producer id", err)
			return resp
		}
		resp.ProducerID, resp.ProducerEpoch = id, 0
		return resp
	}
}

// producerIDBlock is how many producer ids a broker reserves at a time (KIP-730).
const producerIDBlock = 1000

// nextProducerID takes an id from the broker's block, and another block when it
// is used up. Callers that come together may reserve a block too many.
func (b *Broker) nextProducerID(ctx context.Context) (int64, error) {
	for {
		b.mu.Lock()
		if b.nextID < b.endID {
			b.nextID++
			id := b.nextID - 1
			b.mu.Unlock()
			return id, nil
		}
		b.mu.Unlock()
		v, err := b.cfg.Metadata.Do(metadata.AllocateProducerIDs{Count: producerIDBlock}).Wait(ctx)
		if err != nil {
			return -1, err
		}
		b.mu.Lock()
		b.nextID, b.endID = v.(int64), v.(int64)+producerIDBlock
		b.mu.Unlock()
	}
}
