package broker

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
)

// Requests that create and delete partitions are billed for each of them
// (KIP-599). What is over the caller's quota is cut out before the request goes
// on, and refused in the answer. Topics that cannot be created or deleted for
// what the metadata shows already cost nothing; the rest costs before the
// metadata decides, so that a request it then refuses has cost too.

// bill cuts out of a list what the quota refuses, and returns what puts the
// refusals between the answers to the rest; nil when nothing is refused. What
// costs 0 is never refused.
func bill[T, U any](r *listener.Request, list *[]T, cost func(*T) int, refused func(in *T, code int16, message *string) U) (restore func([]U) []U) {
	items := *list
	out := make(map[int]U)
	for i := range items {
		n := cost(&items[i])
		if n <= 0 {
			continue
		}
		if err := r.Mutate(n); err != nil {
			out[i] = refused(&items[i], kerr.ThrottlingQuotaExceeded.Code, message(err))
		}
	}
	if len(out) == 0 {
		return nil
	}
	kept := make([]T, 0, len(items))
	for i := range items {
		if _, no := out[i]; !no {
			kept = append(kept, items[i])
		}
	}
	*list = kept
	return func(answers []U) []U {
		all := slices.Grow([]U{}, len(items))
		for i := range items {
			if u, no := out[i]; no {
				all = append(all, u)
			} else if len(answers) > 0 {
				all, answers = append(all, answers[0]), answers[1:]
			}
		}
		return append(all, answers...)
	}
}

// restored is an answer with the refusals put back.
func restored[S kmsg.Response, U any](answer listener.Answer, list func(S) *[]U, restore func([]U) []U) listener.Answer {
	if restore == nil {
		return answer
	}
	return func(ctx context.Context) kmsg.Response {
		resp := answer(ctx)
		l := list(resp.(S))
		*l = restore(*l)
		return resp
	}
}

func billCreation(img *metadata.Image, r *listener.Request, req *kmsg.CreateTopicsRequest) func([]kmsg.CreateTopicsResponseTopic) []kmsg.CreateTopicsResponseTopic {
	return bill(r, &req.Topics, img.PartitionsToCreate, func(t *kmsg.CreateTopicsRequestTopic, code int16, text *string) kmsg.CreateTopicsResponseTopic {
		out := kmsg.NewCreateTopicsResponseTopic()
		out.Topic, out.ErrorCode, out.ErrorMessage = t.Topic, code, text
		out.NumPartitions, out.ReplicationFactor, out.Configs = -1, -1, []kmsg.CreateTopicsResponseTopicConfig{}
		return out
	})
}

func createdTopics(s *kmsg.CreateTopicsResponse) *[]kmsg.CreateTopicsResponseTopic { return &s.Topics }

func billGrowth(img *metadata.Image, r *listener.Request, req *kmsg.CreatePartitionsRequest) func([]kmsg.CreatePartitionsResponseTopic) []kmsg.CreatePartitionsResponseTopic {
	return bill(r, &req.Topics, img.PartitionsToAdd, func(t *kmsg.CreatePartitionsRequestTopic, code int16, text *string) kmsg.CreatePartitionsResponseTopic {
		return kmsg.CreatePartitionsResponseTopic{Topic: t.Topic, ErrorCode: code, ErrorMessage: text}
	})
}

func grownTopics(s *kmsg.CreatePartitionsResponse) *[]kmsg.CreatePartitionsResponseTopic {
	return &s.Topics
}

// billDeletion bills the topics of either list: names before version 6.
func billDeletion(img *metadata.Image, r *listener.Request, req *kmsg.DeleteTopicsRequest) func([]kmsg.DeleteTopicsResponseTopic) []kmsg.DeleteTopicsResponseTopic {
	partitions := func(t *metadata.Topic) int {
		if t == nil {
			return 0
		}
		return len(t.Partitions)
	}
	if req.Version < 6 {
		return bill(r, &req.TopicNames, func(name *string) int { return partitions(img.Topic(*name)) },
			func(name *string, code int16, text *string) kmsg.DeleteTopicsResponseTopic {
				return kmsg.DeleteTopicsResponseTopic{Topic: name, ErrorCode: code, ErrorMessage: text}
			})
	}
	return bill(r, &req.Topics, func(t *kmsg.DeleteTopicsRequestTopic) int {
		if t.Topic != nil {
			return partitions(img.Topic(*t.Topic))
		}
		return partitions(img.TopicByID(t.TopicID))
	}, func(t *kmsg.DeleteTopicsRequestTopic, code int16, text *string) kmsg.DeleteTopicsResponseTopic {
		return kmsg.DeleteTopicsResponseTopic{Topic: t.Topic, TopicID: t.TopicID, ErrorCode: code, ErrorMessage: text}
	})
}

func deletedTopics(s *kmsg.DeleteTopicsResponse) *[]kmsg.DeleteTopicsResponseTopic { return &s.Topics }
