package listener

import "github.com/twmb/franz-go/pkg/kmsg"

// The rows of group and coordinator requests that name more than their group.

func askOffsetCommit(q *inquiry, r *kmsg.OffsetCommitRequest) then {
	answer := func(code int16) func(kmsg.OffsetCommitRequestTopic) kmsg.OffsetCommitResponseTopic {
		return func(t kmsg.OffsetCommitRequestTopic) kmsg.OffsetCommitResponseTopic {
			return kmsg.OffsetCommitResponseTopic{Topic: t.Topic, TopicID: t.TopicID, Partitions: full(t.Partitions, func(p kmsg.OffsetCommitRequestTopicPartition) kmsg.OffsetCommitResponseTopicPartition {
				return kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code}
			})}
		}
	}
	next := each(q, &r.Topics, func(t kmsg.OffsetCommitRequestTopic) []int { return q.topic(t.Topic, t.TopicID, Read) },
		func(s *kmsg.OffsetCommitResponse) *[]kmsg.OffsetCommitResponseTopic { return &s.Topics }, answer(errTopic))
	return unless(q, q.ask(Read, Group, r.Group), func() kmsg.Response {
		s := r.ResponseKind().(*kmsg.OffsetCommitResponse)
		s.Topics = full(r.Topics, answer(errGroup))
		return s
	}, next)
}

// askOffsetFetch has two forms: one group at the top until version 7, and a list
// of groups after. A request without a topic list gets what the handler's
// Request.May lets through.
func askOffsetFetch(q *inquiry, r *kmsg.OffsetFetchRequest) then {
	if r.Version >= 8 {
		return askOffsetFetchGroups(q, r)
	}
	answer := func(code int16) func(kmsg.OffsetFetchRequestTopic) kmsg.OffsetFetchResponseTopic {
		return func(t kmsg.OffsetFetchRequestTopic) kmsg.OffsetFetchResponseTopic {
			return kmsg.OffsetFetchResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p int32) kmsg.OffsetFetchResponseTopicPartition {
				empty := ""
				return kmsg.OffsetFetchResponseTopicPartition{Partition: p, Offset: -1, LeaderEpoch: -1, Metadata: &empty, ErrorCode: code}
			})}
		}
	}
	next := each(q, &r.Topics, func(t kmsg.OffsetFetchRequestTopic) []int { return q.topic(t.Topic, [16]byte{}, Describe) },
		func(s *kmsg.OffsetFetchResponse) *[]kmsg.OffsetFetchResponseTopic { return &s.Topics }, answer(errTopic))
	return unless(q, q.ask(Describe, Group, r.Group), func() kmsg.Response {
		s := r.ResponseKind().(*kmsg.OffsetFetchResponse)
		s.ErrorCode = errGroup
		if r.Version < 2 { // has no error of its own
			s.Topics = full(r.Topics, answer(errGroup))
		}
		return s
	}, next)
}

func askOffsetFetchGroups(q *inquiry, r *kmsg.OffsetFetchRequest) then {
	type restorer = func(*kmsg.OffsetFetchResponseGroup)
	cuts := make([]func() restorer, len(r.Groups))
	names := make([]string, len(r.Groups))
	for i := range r.Groups {
		cuts[i], names[i] = askOffsetFetchTopics(q, &r.Groups[i]), r.Groups[i].Group
	}
	next := each(q, &r.Groups, func(g kmsg.OffsetFetchRequestGroup) []int { return q.named(Group, g.Group, Describe) },
		func(s *kmsg.OffsetFetchResponse) *[]kmsg.OffsetFetchResponseGroup { return &s.Groups },
		func(g kmsg.OffsetFetchRequestGroup) kmsg.OffsetFetchResponseGroup {
			return kmsg.OffsetFetchResponseGroup{Group: g.Group, ErrorCode: errGroup, Topics: []kmsg.OffsetFetchResponseGroupTopic{}}
		})
	return func() outcome {
		byGroup := map[string]restorer{}
		for i, cut := range cuts { // before the groups are cut themselves
			if restore := cut(); restore != nil {
				byGroup[names[i]] = restore
			}
		}
		out := next()
		return outcome{restore: func(resp kmsg.Response) {
			s := resp.(*kmsg.OffsetFetchResponse)
			for i := range s.Groups {
				if restore := byGroup[s.Groups[i].Group]; restore != nil && s.Groups[i].ErrorCode == 0 {
					restore(&s.Groups[i])
				}
			}
			if out.restore != nil {
				out.restore(resp)
			}
		}}
	}
}

// askOffsetFetchTopics asks for the topics of one group of the list.
func askOffsetFetchTopics(q *inquiry, g *kmsg.OffsetFetchRequestGroup) func() func(*kmsg.OffsetFetchResponseGroup) {
	items := g.Topics
	numbers := make([][]int, len(items))
	for i, t := range items {
		numbers[i] = q.topic(t.Topic, t.TopicID, Describe)
	}
	refused := func(t kmsg.OffsetFetchRequestGroupTopic) kmsg.OffsetFetchResponseGroupTopic {
		return kmsg.OffsetFetchResponseGroupTopic{Topic: t.Topic, TopicID: t.TopicID, Partitions: full(t.Partitions, func(p int32) kmsg.OffsetFetchResponseGroupTopicPartition {
			empty := ""
			return kmsg.OffsetFetchResponseGroupTopicPartition{Partition: p, Offset: -1, LeaderEpoch: -1, Metadata: &empty, ErrorCode: errTopic}
		})}
	}
	return func() func(*kmsg.OffsetFetchResponseGroup) {
		kept := make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(items))
		for i, t := range items {
			if q.ok(numbers[i]...) {
				kept = append(kept, t)
			}
		}
		if len(kept) == len(items) {
			return nil
		}
		g.Topics = kept
		return func(s *kmsg.OffsetFetchResponseGroup) { s.Topics = merge(q, items, numbers, s.Topics, refused) }
	}
}

func askFindCoordinator(q *inquiry, r *kmsg.FindCoordinatorRequest) then {
	op, resource, code := Describe, Group, errGroup
	switch r.CoordinatorType {
	case 0:
	case 1:
		resource, code = TransactionalID, errTxn
	default: // share group state, which only brokers ask for
		op, resource, code = ClusterAction, Cluster, errCluster
	}
	asks := func(key string) []int {
		if resource == Cluster {
			key = ""
		}
		return q.named(resource, key, op)
	}
	if r.Version < 4 {
		return without(q, asks(r.CoordinatorKey)[0], r, func(s *kmsg.FindCoordinatorResponse) { s.ErrorCode, s.NodeID, s.Port = code, -1, -1 })
	}
	return each(q, &r.CoordinatorKeys, asks,
		func(s *kmsg.FindCoordinatorResponse) *[]kmsg.FindCoordinatorResponseCoordinator {
			return &s.Coordinators
		},
		func(key string) kmsg.FindCoordinatorResponseCoordinator {
			return kmsg.FindCoordinatorResponseCoordinator{Key: key, NodeID: -1, Port: -1, ErrorCode: code}
		})
}

func askDescribeGroups(q *inquiry, r *kmsg.DescribeGroupsRequest) then {
	return each(q, &r.Groups, func(g string) []int { return q.named(Group, g, Describe) },
		func(s *kmsg.DescribeGroupsResponse) *[]kmsg.DescribeGroupsResponseGroup { return &s.Groups },
		func(g string) kmsg.DescribeGroupsResponseGroup {
			out := kmsg.NewDescribeGroupsResponseGroup()
			out.Group, out.ErrorCode, out.Members = g, errGroup, []kmsg.DescribeGroupsResponseGroupMember{}
			return out
		})
}

// askConsumerGroupHeartbeat refuses a subscription with any topic that the caller
// may not describe.
func askConsumerGroupHeartbeat(q *inquiry, r *kmsg.ConsumerGroupHeartbeatRequest) then {
	refused := func(code int16) func() kmsg.Response {
		return func() kmsg.Response {
			s := r.ResponseKind().(*kmsg.ConsumerGroupHeartbeatResponse)
			s.ErrorCode = code
			return s
		}
	}
	group := q.ask(Read, Group, r.Group)
	topics := make([]int, len(r.SubscribedTopicNames))
	for i, t := range r.SubscribedTopicNames {
		topics[i] = q.ask(Describe, Topic, t)
	}
	return unless(q, group, refused(errGroup), func() outcome {
		if !q.ok(topics...) {
			return outcome{whole: refused(errTopic)()}
		}
		return outcome{}
	})
}

func askConsumerGroupDescribe(q *inquiry, r *kmsg.ConsumerGroupDescribeRequest) then {
	return each(q, &r.Groups, func(g string) []int { return q.named(Group, g, Describe) },
		func(s *kmsg.ConsumerGroupDescribeResponse) *[]kmsg.ConsumerGroupDescribeResponseGroup {
			return &s.Groups
		},
		func(g string) kmsg.ConsumerGroupDescribeResponseGroup {
			out := kmsg.NewConsumerGroupDescribeResponseGroup()
			out.Group, out.ErrorCode, out.Members = g, errGroup, []kmsg.ConsumerGroupDescribeResponseGroupMember{}
			return out
		})
}

func askDeleteGroups(q *inquiry, r *kmsg.DeleteGroupsRequest) then {
	return each(q, &r.Groups, func(g string) []int { return q.named(Group, g, Delete) },
		func(s *kmsg.DeleteGroupsResponse) *[]kmsg.DeleteGroupsResponseGroup { return &s.Groups },
		func(g string) kmsg.DeleteGroupsResponseGroup {
			return kmsg.DeleteGroupsResponseGroup{Group: g, ErrorCode: errGroup}
		})
}

func askOffsetDelete(q *inquiry, r *kmsg.OffsetDeleteRequest) then {
	next := each(q, &r.Topics, func(t kmsg.OffsetDeleteRequestTopic) []int { return q.topic(t.Topic, [16]byte{}, Read) },
		func(s *kmsg.OffsetDeleteResponse) *[]kmsg.OffsetDeleteResponseTopic { return &s.Topics },
		func(t kmsg.OffsetDeleteRequestTopic) kmsg.OffsetDeleteResponseTopic {
			return kmsg.OffsetDeleteResponseTopic{Topic: t.Topic, Partitions: full(t.Partitions, func(p kmsg.OffsetDeleteRequestTopicPartition) kmsg.OffsetDeleteResponseTopicPartition {
				return kmsg.OffsetDeleteResponseTopicPartition{Partition: p.Partition, ErrorCode: errTopic}
			})}
		})
	return unless(q, q.ask(Delete, Group, r.Group), func() kmsg.Response {
		s := r.ResponseKind().(*kmsg.OffsetDeleteResponse)
		s.ErrorCode = errGroup
		return s
	}, next)
}
