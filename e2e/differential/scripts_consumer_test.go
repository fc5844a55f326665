//go:build e2e

package differential

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// consumer is a member of a group of KIP-848.
type consumer struct {
	s     *session
	c     *conn
	group string
	id    string
	epoch int32
}

// beats is a heartbeat with only what f sets.
func (m *consumer) beats(step string, v int16, f func(r *kmsg.ConsumerGroupHeartbeatRequest)) *kmsg.ConsumerGroupHeartbeatResponse {
	r := ask[*kmsg.ConsumerGroupHeartbeatResponse](m.c, step, m.request(v, f))
	m.took(r)
	return r
}

func (m *consumer) request(v int16, f func(r *kmsg.ConsumerGroupHeartbeatRequest)) *kmsg.ConsumerGroupHeartbeatRequest {
	req := in(v, kmsg.NewPtrConsumerGroupHeartbeatRequest())
	req.Group, req.MemberID, req.MemberEpoch, req.RebalanceTimeoutMillis = m.group, m.id, m.epoch, -1
	if f != nil {
		f(req)
	}
	return req
}

func (m *consumer) took(r *kmsg.ConsumerGroupHeartbeatResponse) {
	if r.ErrorCode == 0 {
		m.epoch = r.MemberEpoch
		if r.MemberID != nil {
			m.id = *r.MemberID
		}
	}
}

// joining is a whole first heartbeat.
func joining(topics ...string) func(r *kmsg.ConsumerGroupHeartbeatRequest) {
	return func(r *kmsg.ConsumerGroupHeartbeatRequest) {
		r.MemberEpoch, r.RebalanceTimeoutMillis = 0, 10_000
		r.SubscribedTopicNames, r.Topics = topics, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		if topics == nil {
			r.SubscribedTopicNames = []string{}
		}
	}
}

// owns says which partitions of a topic the member has.
func owns(id [16]byte, partitions ...int32) func(r *kmsg.ConsumerGroupHeartbeatRequest) {
	return func(r *kmsg.ConsumerGroupHeartbeatRequest) {
		r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{{TopicID: id, Partitions: partitions}}
	}
}

func (s *session) describeConsumers(step string, groups ...string) {
	for _, v := range s.versions(69) {
		for _, flag := range []bool{false, true} {
			req := in(v, kmsg.NewPtrConsumerGroupDescribeRequest())
			req.Groups, req.IncludeAuthorizedOperations = groups, flag
			ask[*kmsg.ConsumerGroupDescribeResponse](s.conn("describer"), step, req)
		}
	}
}

var consumerScripts = []script{
	{"consumer heartbeats that are refused", func(s *session) {
		if len(s.versions(68)) == 0 {
			return
		}
		s.coordinator(0, s.name("g"))
		p := s.place(s.name("t"), 2)
		for _, v := range s.versions(68) {
			for why, f := range sorted(map[string]func(r *kmsg.ConsumerGroupHeartbeatRequest){
				"no group":              func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Group = "" },
				"a blank group":         func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Group = " " },
				"no member id":          func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberID = "" },
				"a blank member id":     func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberID = " " },
				"a long member id":      func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberID = string(make([]byte, 40)) },
				"no member id, leaves":  func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberID, r.MemberEpoch = "", -1 },
				"epoch -3":              func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -3 },
				"epoch -2 no instance":  func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -2 },
				"leaves":                func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 },
				"epoch 5":               func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = 5 },
				"no rebalance timeout":  func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RebalanceTimeoutMillis = -1 },
				"a zero timeout":        func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RebalanceTimeoutMillis = 0 },
				"null topics":           func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Topics = nil },
				"owns something":        func(r *kmsg.ConsumerGroupHeartbeatRequest) { owns(p.id, 0)(r) },
				"null subscription":     func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = nil },
				"an empty subscription": func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = []string{} },
				"an empty instance":     func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID = pointer("") },
				"an empty rack":         func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RackID = pointer("") },
				"an unknown assignor":   func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = pointer("nobody") },
				"an empty assignor":     func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = pointer("") },
				"range":                 func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = pointer("range") },
				"a bad expression":      func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicRegex = pointer("[") },
				"an empty expression":   func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicRegex = pointer("") },
				"an expression alone": func(r *kmsg.ConsumerGroupHeartbeatRequest) {
					r.SubscribedTopicNames, r.SubscribedTopicRegex = nil, pointer("x.*")
				},
				"a topic twice":          func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = []string{p.name, p.name} },
				"a missing topic":        func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = []string{"missing"} },
				"an invalid topic":       func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = []string{"in valid"} },
				"leaves with an unknown": func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch, r.InstanceID = -2, pointer("i") },
			}) {
				m := &consumer{s: s, c: s.conn("m"), group: s.name(step("%d-%x", v, hash(why))), id: "nobody"}
				ask[*kmsg.ConsumerGroupHeartbeatResponse](m.c, why, m.request(v, func(r *kmsg.ConsumerGroupHeartbeatRequest) {
					joining(p.name)(r)
					f(r)
				}))
			}
		}
		s.describeConsumers("nothing")
		s.describeConsumers("a missing group", "missing", "missing", "")
	}},
	{"a consumer group's life", func(s *session) {
		if len(s.versions(68)) == 0 {
			return
		}
		s.coordinator(0, s.name("g"))
		for _, v := range s.versions(68) {
			p, q := s.place(s.name(step("t%d", v)), 4), s.place(s.name(step("u%d", v)), 1)
			g := s.name(step("g%d", v))
			a := &consumer{s: s, c: s.conn(step("a%d", v)), group: g, id: "member-a"}
			b := &consumer{s: s, c: s.conn(step("b%d", v)), group: g, id: "member-b"}
			if v == 0 {
				a.id = ""
			}
			a.beats("a joins", v, joining(p.name))
			s.describeConsumers("a joined", g)
			s.describe("a joined", g)
			a.beats("a says nothing new", v, nil)
			a.beats("a owns all", v, owns(p.id, 0, 1, 2, 3))
			s.describeConsumers("a owns all", g)
			old := *a
			old.epoch--
			old.beats("the epoch before, without partitions", v, nil)
			old.epoch = a.epoch - 1
			old.beats("the epoch before, with them", v, owns(p.id, 0, 1, 2, 3))
			old.epoch = a.epoch + 7
			old.beats("an epoch of the future", v, nil)
			s.commitsOf848(g, a, p)
			b.beats("b joins", v, joining(p.name))
			a.beats("a hears of it", v, nil)
			s.describeConsumers("a must give two back", g)
			b.beats("b waits", v, nil)
			a.beats("a gives two back", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) { owns(p.id, 0, 1)(r) })
			b.beats("b gets them", v, nil)
			b.beats("b has them", v, owns(p.id, 2, 3))
			s.describeConsumers("shared", g)
			a.beats("a subscribes to another", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = []string{p.name, q.name} })
			a.beats("a has it", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) {
				r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{{TopicID: p.id, Partitions: []int32{0, 1}}, {TopicID: q.id, Partitions: []int32{0}}}
			})
			b.beats("b hears of nothing", v, nil)
			s.describeConsumers("two topics", g)
			fixed := &consumer{s: s, c: s.conn("fixed"), group: g, id: "member-c"}
			static := func(r *kmsg.ConsumerGroupHeartbeatRequest) { joining(p.name)(r); r.InstanceID = pointer("one") }
			fixed.beats("a static member joins", v, static)
			again := &consumer{s: s, c: s.conn("again"), group: g, id: "member-d"}
			again.beats("its instance is taken", v, static)
			fixed.beats("it leaves for a while", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch, r.InstanceID = -2, pointer("one") })
			s.describeConsumers("it is away", g)
			again.beats("another takes its place", v, static)
			fixed.beats("it is fenced", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID = pointer("one") })
			again.beats("it leaves for ever", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch, r.InstanceID = -1, pointer("one") })
			classic := s.member("classic", g)
			ask[*kmsg.JoinGroupResponse](classic.c, "a classic member joins", func() kmsg.Request {
				r := classic.join(s.last(11))
				r.MemberID = "nobody"
				return r
			}())
			a.beat848("heartbeats of classic members")
			a.beats("a leaves", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 })
			a.beats("a leaves again", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 })
			b.beats("b leaves", v, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 })
			s.describeConsumers("empty", g)
			s.describe("empty", g)
			s.commitsOf848(g, a, p)
			req := in(s.last(42), kmsg.NewPtrDeleteGroupsRequest())
			req.Groups = []string{g}
			ask[*kmsg.DeleteGroupsResponse](a.c, "deleted", req)
			s.describeConsumers("deleted", g)
		}
	}},
	{"consumer groups by expression", func(s *session) {
		if s.last(68) < 1 {
			return
		}
		s.place(s.name("one"), 2)
		s.coordinator(0, s.name("g"))
		m := &consumer{s: s, c: s.conn("m"), group: s.name("g"), id: "member"}
		m.beats("joins", 1, func(r *kmsg.ConsumerGroupHeartbeatRequest) {
			joining()(r)
			r.SubscribedTopicRegex = pointer(s.name("o.*"))
		})
		req := m.request(1, nil)
		until(m.c, "gets its partitions", req, func(r *kmsg.ConsumerGroupHeartbeatResponse) bool {
			m.took(r)
			req.MemberEpoch = m.epoch
			return r.Assignment != nil && len(r.Assignment.Topics) > 0
		})
		m.beats("leaves", 1, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 })
	}},
	{"migration of groups", func(s *session) {
		if len(s.versions(68)) == 0 {
			return
		}
		s.coordinator(0, s.name("g"))
		p := s.place(s.name("t"), 2)
		g := s.name("g")
		vj := s.last(11)
		a := s.member("a", g)
		a.enter("a", vj)
		a.sync("a", s.last(14), map[*member]string{a: "all"})
		m := &consumer{s: s, c: s.conn("m"), group: g, id: "member"}
		m.beats("joins a classic group whose members cannot be read", s.last(68), joining(p.name))
		a.leave("a", s.last(13))
		m.beats("joins an empty classic group", s.last(68), joining(p.name))
		s.describe("it is a consumer group now", g)
		s.describeConsumers("it is a consumer group now", g)
		m.beats("leaves", s.last(68), func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 })
		b := s.member("b", g)
		b.enter("b joins an empty consumer group", vj)
		s.describe("it is a classic group now", g)
		s.describeConsumers("it is a classic group now", g)
		b.leave("b", s.last(13))
	}},
}

func (m *consumer) beat848(step string) {
	req := in(m.s.last(12), kmsg.NewPtrHeartbeatRequest())
	req.Group, req.MemberID, req.Generation = m.group, m.id, m.epoch
	ask[*kmsg.HeartbeatResponse](m.c, step, req)
	sync := in(m.s.last(14), kmsg.NewPtrSyncGroupRequest())
	sync.Group, sync.MemberID, sync.Generation = m.group, m.id, m.epoch
	ask[*kmsg.SyncGroupResponse](m.c, step+": sync", sync)
	leave := in(m.s.last(13), kmsg.NewPtrLeaveGroupRequest())
	leave.Group, leave.Members = m.group, []kmsg.LeaveGroupRequestMember{{MemberID: "nobody"}}
	ask[*kmsg.LeaveGroupResponse](m.c, step+": leave", leave)
}

// commitsOf848 are commits and fetches with member epochs.
func (s *session) commitsOf848(g string, m *consumer, p place) {
	c := s.conn("committer")
	for _, v := range s.versions(8) {
		for _, epoch := range []int32{m.epoch, m.epoch - 1, m.epoch + 1, -1, 0} {
			ask[*kmsg.OffsetCommitResponse](c, step("commits at its epoch %+d", epoch-m.epoch), commit(v, g, m.id, epoch, p, 5))
			ask[*kmsg.OffsetCommitResponse](c, step("a stranger commits at its epoch %+d", epoch-m.epoch), commit(v, g, "nobody", epoch, p, 5))
			ask[*kmsg.OffsetCommitResponse](c, step("nobody commits at its epoch %+d", epoch-m.epoch), commit(v, g, "", epoch, p, 5))
		}
	}
	for _, v := range s.versions(9) {
		for _, epoch := range []int32{m.epoch, m.epoch - 1, m.epoch + 1, -1, 0} {
			for _, id := range []string{m.id, "nobody", ""} {
				req := offsetsOf(v, g, p, 0, 1)
				req.Groups[0].MemberID, req.Groups[0].MemberEpoch = &id, epoch
				who := "the member"
				if id != m.id {
					who = step("member %q", id)
				}
				ask[*kmsg.OffsetFetchResponse](c, step("%s fetches at epoch %+d", who, epoch-m.epoch), req)
			}
		}
	}
}
