package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/metadata"
)

// refuseGroup answers requests that no coordinator is asked: from v5 on a
// member must say which protocol it syncs (KIP-559).
func (b *Broker) refuseGroup(msg kmsg.Request) kmsg.Response {
	r, ok := msg.(*kmsg.SyncGroupRequest)
	if !ok || r.Version < 5 || r.ProtocolType != nil && r.Protocol != nil {
		return nil
	}
	resp := r.ResponseKind().(*kmsg.SyncGroupResponse)
	resp.ErrorCode, resp.MemberAssignment = kerr.InconsistentGroupProtocol.Code, []byte{}
	return resp
}

// missing are the partitions of a request about offsets that do not exist, by
// topic. The coordinator knows no topics, so they are answered here.
type missing map[string][]int32

// cutMissing takes the partitions that do not exist out of an OffsetCommit or
// OffsetDelete request.
func (b *Broker) cutMissing(msg kmsg.Request) missing {
	img, out := b.cfg.Image(), missing{}
	switch r := msg.(type) {
	case *kmsg.OffsetCommitRequest:
		kept := r.Topics[:0:0]
		for _, t := range r.Topics {
			n := len(t.Partitions)
			t.Partitions = cut(out, img, t.Topic, t.Partitions, func(p kmsg.OffsetCommitRequestTopicPartition) int32 { return p.Partition })
			if len(t.Partitions) > 0 || n == 0 {
				kept = append(kept, t)
			}
		}
		r.Topics = kept
	case *kmsg.OffsetDeleteRequest:
		kept := r.Topics[:0:0]
		for _, t := range r.Topics {
			n := len(t.Partitions)
			t.Partitions = cut(out, img, t.Topic, t.Partitions, func(p kmsg.OffsetDeleteRequestTopicPartition) int32 { return p.Partition })
			if len(t.Partitions) > 0 || n == 0 {
				kept = append(kept, t)
			}
		}
		r.Topics = kept
	}
	return out
}

// cut returns the partitions that exist and notes the others.
func cut[P any](out missing, img *metadata.Image, topic string, all []P, index func(P) int32) (kept []P) {
	count := 0
	if t := img.Topic(topic); t != nil {
		count = len(t.Partitions)
	}
	for _, p := range all {
		if i := index(p); i >= 0 && int(i) < count {
			kept = append(kept, p)
		} else {
			out[topic] = append(out[topic], i)
		}
	}
	return kept
}

// answer adds the missing partitions to the coordinator's answer.
func (m missing) answer(resp kmsg.Response) {
	switch resp := resp.(type) {
	case *kmsg.OffsetCommitResponse:
		for topic, partitions := range m {
			resp.Topics = placed(resp.Topics, topic, func(t *kmsg.OffsetCommitResponseTopic) *string { return &t.Topic }, func(t *kmsg.OffsetCommitResponseTopic) {
				for _, p := range partitions {
					t.Partitions = append(t.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p, ErrorCode: kerr.UnknownTopicOrPartition.Code})
				}
			})
		}
	case *kmsg.OffsetDeleteResponse:
		if resp.ErrorCode != 0 {
			return
		}
		for topic, partitions := range m {
			resp.Topics = placed(resp.Topics, topic, func(t *kmsg.OffsetDeleteResponseTopic) *string { return &t.Topic }, func(t *kmsg.OffsetDeleteResponseTopic) {
				for _, p := range partitions {
					t.Partitions = append(t.Partitions, kmsg.OffsetDeleteResponseTopicPartition{Partition: p, ErrorCode: kerr.UnknownTopicOrPartition.Code})
				}
			})
		}
	}
}

// placed adds to a topic's element of an answer, a new one if there is none.
func placed[T any](topics []T, name string, of func(*T) *string, add func(*T)) []T {
	for i := range topics {
		if *of(&topics[i]) == name {
			add(&topics[i])
			return topics
		}
	}
	var t T
	*of(&t) = name
	add(&t)
	return append(topics, t)
}
