//go:build e2e

package differential

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// at2 is a name of the script's own that broker 2 coordinates: as group and as
// transactional id.
func (s *session) at2(name string) string {
	for i := 0; ; i++ {
		key := s.name(step("%s-%d", name, i))
		var hash int32 // of Java's strings
		for _, c := range []byte(key) {
			hash = 31*hash + int32(c)
		}
		if hash&0x7fffffff%3 == 1 {
			return key
		}
	}
}

var coordinatorScripts = []script{
	{"brokers that do not coordinate", func(s *session) {
		p := s.spread(s.name("t"), nil, []int32{1, 2, 3})
		group, id := s.at2("group"), s.at2("x")
		s.groupAt2(group)
		x := s.transactor("x")
		x.c, x.id = s.at(2, "producer"), id
		x.init("a producer begins", s.last(22))
		for _, b := range []int32{1, 3} {
			s.notCoordinator(s.at(b, "c"), step("broker %d", b), group, p)
			s.notTransactions(s.at(b, "c"), step("broker %d", b), x, p)
		}
		s.listed("both are at 2", group, id)
		for _, b := range everyBroker {
			for _, v := range s.versions(10) {
				for _, kind := range []int8{0, 1} {
					req := in(v, kmsg.NewPtrFindCoordinatorRequest())
					req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = kind, group, []string{group, id}
					ask[*kmsg.FindCoordinatorResponse](s.at(b, "c"), step("broker %d finds type %d", b, kind), req)
				}
			}
		}
	}},
	{"consumers in racks", func(s *session) {
		if !s.has(68, 0) {
			return
		}
		p := s.spread(s.name("t"), nil, []int32{1, 2}, []int32{2, 3}, []int32{3, 1})
		s.assigns(p)
		for _, v := range s.versions(68) {
			group := s.at2(step("group-v%d", v))
			var members []*consumer
			for _, rack := range []string{"zone-a", "zone-b", "zone-c"} {
				m := &consumer{s: s, c: s.at(2, rack), group: group, id: "member-" + rack}
				members = append(members, m)
				m.beats(rack+": joins", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) {
					joining(p.name)(r)
					r.RackID = &rack
				})
			}
			for range 3 {
				for _, m := range members {
					had := len(s.log)
					r := m.beats("", v, nil)
					if r.Assignment != nil {
						var owned []int32
						for _, t := range r.Assignment.Topics {
							owned = t.Partitions
						}
						m.took(ask[*kmsg.ConsumerGroupHeartbeatResponse](m.c, "", m.request(v, owns(p.id, owned...))))
					}
					s.log = s.log[:had]
				}
			}
			for _, b := range []int32{1, 2} {
				req := in(s.last(69), kmsg.NewPtrConsumerGroupDescribeRequest())
				req.Groups = []string{group}
				ask[*kmsg.ConsumerGroupDescribeResponse](s.at(b, "c"), step("v%d: described by broker %d", v, b), req)
			}
			for _, m := range members {
				m.beats("leaves", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 })
			}
		}
	}},
}

// assigns waits until the coordinator at broker 2 has heard of a topic: a group
// gets its partitions.
func (s *session) assigns(p place) {
	m := &consumer{s: s, c: s.at(2, "admin"), group: s.at2("first"), id: "first"}
	await(m.c, p.name+" is assigned", m.request(s.last(68), joining(p.name)), func(r *kmsg.ConsumerGroupHeartbeatResponse) bool {
		return r.Assignment != nil && len(r.Assignment.Topics) > 0
	})
}

// groupAt2 is a stable classic group with a member and a commit.
func (s *session) groupAt2(group string) *member {
	find := in(s.last(15), kmsg.NewPtrDescribeGroupsRequest())
	find.Groups = []string{group}
	await(s.at(2, "admin"), "coordinates "+group, find, func(r *kmsg.DescribeGroupsResponse) bool {
		return !kerr.IsRetriable(kerr.ErrorForCode(r.Groups[0].ErrorCode))
	})
	m := s.member("m", group)
	m.c, m.patience = s.at(2, "m"), 600_000
	m.enter("a group begins", s.last(11))
	m.sync("a group begins", s.last(14), map[*member]string{m: "everything"})
	return m
}

// notCoordinator asks a broker about a group of another one.
func (s *session) notCoordinator(c *conn, what, group string, p place) {
	m := &member{s: s, c: c, group: group, id: "somebody", epoch: 1, patience: 10_000}
	for _, v := range s.versions(11) {
		ask[*kmsg.JoinGroupResponse](c, what+": joins", m.join(v))
	}
	for _, v := range s.versions(14) {
		m.sync(what, v, nil)
	}
	for _, v := range s.versions(12) {
		m.beat(what, v)
	}
	for _, v := range s.versions(13) {
		m.leave(what, v)
	}
	for _, v := range s.versions(8) {
		ask[*kmsg.OffsetCommitResponse](c, what+": commits", commit(v, group, "somebody", 1, p, 5))
	}
	for _, v := range s.versions(9) {
		ask[*kmsg.OffsetFetchResponse](c, what+": offsets", offsetsOf(v, group, p, 0))
		ask[*kmsg.OffsetFetchResponse](c, what+": all offsets", offsetsOf(v, group, p))
	}
	for _, v := range s.versions(15) {
		req := in(v, kmsg.NewPtrDescribeGroupsRequest())
		req.Groups = []string{group}
		ask[*kmsg.DescribeGroupsResponse](c, what, req)
	}
	for _, v := range s.versions(42) {
		req := in(v, kmsg.NewPtrDeleteGroupsRequest())
		req.Groups = []string{group}
		ask[*kmsg.DeleteGroupsResponse](c, what, req)
	}
	for _, v := range s.versions(47) {
		req := in(v, kmsg.NewPtrOffsetDeleteRequest())
		req.Group = group
		req.Topics = []kmsg.OffsetDeleteRequestTopic{{Topic: p.name, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}}}}
		ask[*kmsg.OffsetDeleteResponse](c, what, req)
	}
	if !s.has(68, 0) {
		return
	}
	k := &consumer{s: s, c: c, group: group, id: "somebody"}
	for _, v := range s.versions(68) {
		k.beats(what, v, joining(p.name))
	}
	for _, v := range s.versions(69) {
		req := in(v, kmsg.NewPtrConsumerGroupDescribeRequest())
		req.Groups = []string{group}
		ask[*kmsg.ConsumerGroupDescribeResponse](c, what, req)
	}
}

// notTransactions asks a broker about a transactional id of another one.
func (s *session) notTransactions(c *conn, what string, x *transactor, p place) {
	for _, v := range s.versions(22) {
		ask[*kmsg.InitProducerIDResponse](c, what, x.initRequest(v, 60_000))
	}
	for _, v := range s.versions(24) {
		ask[*kmsg.AddPartitionsToTxnResponse](c, what, x.addRequest(v, p, 0))
	}
	for _, v := range s.versions(25) {
		req := in(v, kmsg.NewPtrAddOffsetsToTxnRequest())
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = x.id, x.producer, x.epoch, "g"
		ask[*kmsg.AddOffsetsToTxnResponse](c, what, req)
	}
	for _, v := range s.versions(26) {
		ask[*kmsg.EndTxnResponse](c, what, x.endRequest(v, true))
	}
	for _, v := range s.versions(28) {
		req := in(v, kmsg.NewPtrTxnOffsetCommitRequest())
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group, req.Generation = x.id, x.producer, x.epoch, s.at2("other"), -1
		part := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: p.name, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{part}}}
		ask[*kmsg.TxnOffsetCommitResponse](c, what, req)
	}
	for _, v := range s.versions(65) {
		req := in(v, kmsg.NewPtrDescribeTransactionsRequest())
		req.TransactionalIDs = []string{x.id}
		ask[*kmsg.DescribeTransactionsResponse](c, what, req)
	}
}

// listed compares which of the script's groups and transactional ids each broker
// lists.
func (s *session) listed(what string, names ...string) {
	for _, b := range everyBroker {
		groups := quiet[*kmsg.ListGroupsResponse](s.at(b, "c"), in(s.last(16), kmsg.NewPtrListGroupsRequest()))
		s.note(step("%s: groups at %d", what, b), len(slices.DeleteFunc(groups.Groups, func(g kmsg.ListGroupsResponseGroup) bool { return !strings.HasPrefix(g.Group, s.prefix) })))
		req := in(s.last(66), kmsg.NewPtrListTransactionsRequest())
		req.DurationFilterMillis = -1
		ids := quiet[*kmsg.ListTransactionsResponse](s.at(b, "c"), req)
		s.note(step("%s: transactional ids at %d", what, b), len(slices.DeleteFunc(ids.TransactionStates, func(t kmsg.ListTransactionsResponseTransactionState) bool {
			return !slices.Contains(names, t.TransactionalID)
		})))
	}
}
