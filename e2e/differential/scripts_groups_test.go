//go:build e2e

package differential

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// member is a member of a classic group in one version of its requests' keys.
type member struct {
	s        *session
	c        *conn
	group    string
	id       string
	instance *string
	epoch    int32
	patience int32 // of its session and of rebalances, in milliseconds
}

func (s *session) member(name, group string) *member {
	return &member{s: s, c: s.conn(name), group: group, patience: 10_000}
}

func (m *member) join(v int16) *kmsg.JoinGroupRequest {
	req := in(v, kmsg.NewPtrJoinGroupRequest())
	req.Group, req.MemberID, req.InstanceID, req.ProtocolType = m.group, m.id, m.instance, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = m.patience, m.patience
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{1, 2}}, {Name: "roundrobin", Metadata: []byte{3}}}
	return req
}

func (m *member) took(r *kmsg.JoinGroupResponse) *kmsg.JoinGroupResponse {
	if r.MemberID != "" {
		m.id = r.MemberID
	}
	if r.ErrorCode == 0 {
		m.epoch = r.Generation
	}
	return r
}

// enter joins, with the id that is asked for first (KIP-394), as the only
// member or together with others that join meanwhile.
func (m *member) enter(step string, v int16) *kmsg.JoinGroupResponse {
	r := m.took(ask[*kmsg.JoinGroupResponse](m.c, step+": joins", m.join(v)))
	if r.ErrorCode == 79 {
		r = m.took(ask[*kmsg.JoinGroupResponse](m.c, step+": joins with its id", m.join(v)))
	}
	return r
}

func (m *member) sync(step string, v int16, assign map[*member]string) *kmsg.SyncGroupResponse {
	return m.syncing(step, v, assign).wait().(*kmsg.SyncGroupResponse)
}

func (m *member) syncing(step string, v int16, assign map[*member]string) *pending {
	return m.c.send(step+": syncs", m.syncRequest(v, assign))
}

func (m *member) syncRequest(v int16, assign map[*member]string) *kmsg.SyncGroupRequest {
	req := in(v, kmsg.NewPtrSyncGroupRequest())
	req.Group, req.Generation, req.MemberID, req.InstanceID = m.group, m.epoch, m.id, m.instance
	req.ProtocolType, req.Protocol = pointer("consumer"), pointer("range")
	for to, what := range assign {
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: to.id, MemberAssignment: []byte(what)})
	}
	return req
}

func (m *member) beat(step string, v int16) *kmsg.HeartbeatResponse {
	return ask[*kmsg.HeartbeatResponse](m.c, step+": heartbeats", m.beatRequest(v))
}

func (m *member) beatRequest(v int16) *kmsg.HeartbeatRequest {
	req := in(v, kmsg.NewPtrHeartbeatRequest())
	req.Group, req.Generation, req.MemberID, req.InstanceID = m.group, m.epoch, m.id, m.instance
	return req
}

// interrupted heartbeats until the member hears of a rebalance.
func (m *member) interrupted(step string, v int16) {
	until(m.c, step+": hears of it", m.beatRequest(v), func(r *kmsg.HeartbeatResponse) bool { return r.ErrorCode == 27 })
}

func (m *member) leave(step string, v int16) {
	req := in(v, kmsg.NewPtrLeaveGroupRequest())
	req.Group, req.MemberID = m.group, m.id
	req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: m.id, InstanceID: m.instance, Reason: pointer("done")}}
	ask[*kmsg.LeaveGroupResponse](m.c, step+": leaves", req)
}

// coordinator waits until groups can be used at all.
func (s *session) coordinator(kind int8, key string) {
	for _, v := range s.versions(10) {
		req := in(v, kmsg.NewPtrFindCoordinatorRequest())
		req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = kind, key, []string{key}
		until(s.conn("finder"), step("the coordinator of type %d", kind), req, func(r *kmsg.FindCoordinatorResponse) bool {
			return r.ErrorCode == 0 && (len(r.Coordinators) == 0 || r.Coordinators[0].ErrorCode == 0)
		})
	}
	s.groupsLoaded()
}

// groupsLoaded waits until no partition of a new offsets topic is being loaded: Kafka
// loads them one after another.
func (s *session) groupsLoaded() {
	began, req := time.Now(), in(s.last(16), kmsg.NewPtrListGroupsRequest())
	for quiet[*kmsg.ListGroupsResponse](s.conn("finder"), req).ErrorCode == kerr.CoordinatorLoadInProgress.Code && time.Since(began) < answerTime {
		pause()
	}
}

// listGroups asks until no partition is being loaded, which may begin at any time
// after the offsets topic has come to be.
func listGroups(c *conn, step string, req *kmsg.ListGroupsRequest) {
	until(c, step, req, func(r *kmsg.ListGroupsResponse) bool { return r.ErrorCode != kerr.CoordinatorLoadInProgress.Code })
}

// groupLoaded waits until the partition of one group is loaded: ListGroups does
// not tell of those whose load has not begun.
func (s *session) groupLoaded(group string) {
	began, req := time.Now(), in(s.last(15), kmsg.NewPtrDescribeGroupsRequest())
	req.Groups = []string{group}
	for time.Since(began) < answerTime {
		r := quiet[*kmsg.DescribeGroupsResponse](s.conn("finder"), req)
		if len(r.Groups) == 1 && !kerr.IsRetriable(kerr.ErrorForCode(r.Groups[0].ErrorCode)) {
			return
		}
		pause()
	}
}

func (s *session) describe(step string, groups ...string) {
	c := s.conn("describer")
	for _, v := range s.versions(15) {
		req := in(v, kmsg.NewPtrDescribeGroupsRequest())
		req.Groups = groups
		ask[*kmsg.DescribeGroupsResponse](c, step+": described", req)
		req.IncludeAuthorizedOperations = true
		ask[*kmsg.DescribeGroupsResponse](c, step+": described with operations", req)
	}
}

func commit(v int16, group, member string, generation int32, p place, offsets ...int64) *kmsg.OffsetCommitRequest {
	req := in(v, kmsg.NewPtrOffsetCommitRequest())
	req.Group, req.MemberID, req.Generation, req.RetentionTimeMillis = group, member, generation, -1
	t := kmsg.OffsetCommitRequestTopic{Topic: p.name, TopicID: p.id}
	for i, o := range offsets {
		part := kmsg.NewOffsetCommitRequestTopicPartition()
		part.Partition, part.Offset, part.Metadata = int32(i), o, pointer("said")
		t.Partitions = append(t.Partitions, part)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func offsetsOf(v int16, group string, p place, partitions ...int32) *kmsg.OffsetFetchRequest {
	req := in(v, kmsg.NewPtrOffsetFetchRequest())
	req.Group = group
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	if partitions != nil {
		req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: p.name, Partitions: partitions}}
		g.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: p.name, TopicID: p.id, Partitions: partitions}}
	}
	req.Groups = []kmsg.OffsetFetchRequestGroup{g}
	return req
}

var groupScripts = []script{
	{"find coordinator", func(s *session) {
		c := s.conn("c")
		s.coordinator(0, s.name("g"))
		for _, v := range s.versions(10) {
			for _, kind := range []int8{0, 1, 2, 3, -1} {
				for _, key := range []string{"", "a", "a:b:0"} {
					if kind == 1 {
						continue // creates a topic: see transactions
					}
					req := in(v, kmsg.NewPtrFindCoordinatorRequest())
					req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = kind, key, []string{key, key}
					ask[*kmsg.FindCoordinatorResponse](c, step("type %d, key %q", kind, key), req)
				}
			}
			req := in(v, kmsg.NewPtrFindCoordinatorRequest())
			ask[*kmsg.FindCoordinatorResponse](c, "no keys", req)
		}
	}},
	{"list no groups", func(s *session) {
		c := s.conn("c")
		s.coordinator(0, s.name("g"))
		for _, v := range s.versions(16) {
			listGroups(c, "all", in(v, kmsg.NewPtrListGroupsRequest()))
			for _, state := range []string{"", "Stable", "stable", "nonsense", "Empty"} {
				req := in(v, kmsg.NewPtrListGroupsRequest())
				req.StatesFilter = []string{state}
				listGroups(c, step("state %q", state), req)
				req.StatesFilter, req.TypesFilter = nil, []string{state, "classic"}
				listGroups(c, step("type %q", state), req)
			}
		}
	}},
	{"groups that are not there", func(s *session) {
		c := s.conn("c")
		s.coordinator(0, s.name("g"))
		p := s.place(s.name("t"), 2)
		for _, group := range []string{"", "missing"} {
			s.groupLoaded(group)
			s.describe(step("group %q", group), group, group)
			for _, v := range s.versions(42) {
				req := in(v, kmsg.NewPtrDeleteGroupsRequest())
				req.Groups = []string{group, "other", group}
				ask[*kmsg.DeleteGroupsResponse](c, step("delete %q", group), req)
				req.Groups = nil
				ask[*kmsg.DeleteGroupsResponse](c, "delete none", req)
			}
			for _, v := range s.versions(47) {
				req := in(v, kmsg.NewPtrOffsetDeleteRequest())
				req.Group = group
				ask[*kmsg.OffsetDeleteResponse](c, step("delete no offsets of %q", group), req)
				req.Topics = []kmsg.OffsetDeleteRequestTopic{{Topic: p.name, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}, {Partition: 9}}}}
				ask[*kmsg.OffsetDeleteResponse](c, step("delete offsets of %q", group), req)
			}
			for _, id := range []string{"", "nobody"} {
				m := s.member("c", group)
				m.id = id
				for _, epoch := range []int32{-1, 0, 1} {
					m.epoch = epoch
					what := step("group %q, member %q, generation %d", group, id, epoch)
					for _, v := range s.versions(12) {
						m.beat(what, v)
					}
					for _, v := range s.versions(14) {
						m.sync(what, v, nil)
						req := m.syncRequest(v, nil)
						req.Protocol, req.ProtocolType = nil, nil
						ask[*kmsg.SyncGroupResponse](c, what+": syncs without a protocol", req)
					}
					for _, v := range s.versions(8) {
						ask[*kmsg.OffsetCommitResponse](c, what+": commits", commit(v, group+step("-%d", v), id, epoch, p, 5))
					}
				}
				for _, v := range s.versions(13) {
					m.leave(step("group %q, member %q", group, id), v)
					m.instance = pointer("instance")
					m.leave(step("group %q, member %q, an instance", group, id), v)
					m.instance = nil
				}
				for _, v := range s.versions(11) {
					m := s.member("d", group+step("-%d", v))
					m.id = "nobody"
					m.took(ask[*kmsg.JoinGroupResponse](m.c, step("group %q: joins with an unknown id", group), m.join(v)))
				}
			}
			for _, v := range s.versions(9) {
				ask[*kmsg.OffsetFetchResponse](c, step("offsets of %q", group), offsetsOf(v, group, p, 0, 1, 9))
				ask[*kmsg.OffsetFetchResponse](c, step("all offsets of %q", group), offsetsOf(v, group, p))
			}
		}
	}},
	{"joins that are refused", func(s *session) {
		s.coordinator(0, s.name("g"))
		for _, v := range s.versions(11) {
			for why, f := range sorted(map[string]func(r *kmsg.JoinGroupRequest){
				"no protocols": func(r *kmsg.JoinGroupRequest) { r.Protocols = nil }, "no protocol type": func(r *kmsg.JoinGroupRequest) { r.ProtocolType = "" },
				"neither": func(r *kmsg.JoinGroupRequest) { r.Protocols, r.ProtocolType = nil, "" }, "a short session": func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 5999 },
				"a long session": func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 1800001 }, "a negative rebalance timeout": func(r *kmsg.JoinGroupRequest) { r.RebalanceTimeoutMillis = -1 },
				"an invalid instance": func(r *kmsg.JoinGroupRequest) { r.InstanceID = pointer("a b") }, "an empty instance": func(r *kmsg.JoinGroupRequest) { r.InstanceID = pointer("") }, "a dot": func(r *kmsg.JoinGroupRequest) { r.InstanceID = pointer(".") },
				"an unknown id and an instance": func(r *kmsg.JoinGroupRequest) { r.MemberID, r.InstanceID = "nobody", pointer("i") },
				"protocols twice": func(r *kmsg.JoinGroupRequest) {
					r.Protocols = append(r.Protocols, r.Protocols...)
					r.MemberID = "nobody"
				},
			}) {
				m := s.member("m", s.name(step("%d-%x", v, hash(why))))
				req := m.join(v)
				f(req)
				ask[*kmsg.JoinGroupResponse](m.c, why, req)
			}
		}
	}},
	{"a classic group's life", func(s *session) {
		s.coordinator(0, s.name("g"))
		p := s.place(s.name("t"), 3)
		for _, v := range s.versions(11) {
			g := s.name(step("g%d", v))
			lesser := func(key int16) int16 { return min(v, s.last(key)) }
			vs, vb, vl := lesser(14), lesser(12), lesser(13)
			a, b := s.member(step("a%d", v), g), s.member(step("b%d", v), g)
			a.enter("a", v)
			s.describe("a joined", g)
			a.beat("before its sync", vb)
			a.sync("a", vs, map[*member]string{a: "all"})
			a.beat("stable", vb)
			s.describe("a is alone", g)
			a.sync("a again", vs, nil)
			wrong := *a
			wrong.epoch += 5
			wrong.beat("a wrong generation", vb)
			wrong.sync("a wrong generation", vs, nil)
			req := a.syncRequest(vs, nil)
			req.Protocol = pointer("roundrobin")
			ask[*kmsg.SyncGroupResponse](a.c, "another protocol", req)
			req.Protocol, req.ProtocolType = pointer("range"), pointer("connect")
			ask[*kmsg.SyncGroupResponse](a.c, "another protocol type", req)
			other := s.member("other", g)
			bad := other.join(v)
			bad.ProtocolType = "connect"
			ask[*kmsg.JoinGroupResponse](other.c, "joins of another type", bad)
			bad = other.join(v)
			bad.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "sticky"}}
			ask[*kmsg.JoinGroupResponse](other.c, "joins with another protocol", bad)

			if v >= 4 {
				b.took(ask[*kmsg.JoinGroupResponse](b.c, "b asks for an id", b.join(v)))
				s.describe("b has an id", g)
			}
			joining := b.c.send("b joins", b.join(v))
			a.interrupted("a", vb)
			ask[*kmsg.OffsetCommitResponse](a.c, "commits while it rebalances", commit(s.last(8), g, a.id, a.epoch, p, 1))
			s.describe("rebalancing", g)
			a.took(ask[*kmsg.JoinGroupResponse](a.c, "a joins again", a.join(v)))
			b.took(joining.wait().(*kmsg.JoinGroupResponse))
			ask[*kmsg.OffsetCommitResponse](a.c, "commits before it is synced", commit(s.last(8), g, a.id, a.epoch, p, 1))
			follower := b.syncing("b", vs, nil)
			s.describe("both joined", g)
			a.sync("a", vs, map[*member]string{a: "half", b: "other half"})
			follower.wait()
			s.describe("stable", g)
			b.took(ask[*kmsg.JoinGroupResponse](b.c, "a follower joins again", b.join(v)))
			s.commits(g, a, p)
			for _, v := range s.versions(42) {
				req := in(v, kmsg.NewPtrDeleteGroupsRequest())
				req.Groups = []string{g}
				ask[*kmsg.DeleteGroupsResponse](a.c, "deleted while it has members", req)
			}
			b.leave("b", vl)
			b.leave("b again", vl)
			a.interrupted("a", vb)
			a.took(ask[*kmsg.JoinGroupResponse](a.c, "a joins alone", a.join(v)))
			a.leave("a", vl)
			s.describe("empty", g)
			s.commits(g, a, p)
			ask[*kmsg.OffsetCommitResponse](a.c, "commits to an empty group", commit(s.last(8), g, "", -1, p, 8))
			for _, v := range s.versions(47) {
				req := in(v, kmsg.NewPtrOffsetDeleteRequest())
				req.Group = g
				req.Topics = []kmsg.OffsetDeleteRequestTopic{{Topic: p.name, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}, {Partition: 9}}}, {Topic: "missing", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}}}}
				ask[*kmsg.OffsetDeleteResponse](a.c, "offsets deleted", req)
			}
			for _, v := range s.versions(42) {
				req := in(v, kmsg.NewPtrDeleteGroupsRequest())
				req.Groups = []string{g}
				ask[*kmsg.DeleteGroupsResponse](a.c, "deleted", req)
			}
			s.describe("deleted", g)
		}
	}},
	{"static members", func(s *session) {
		s.coordinator(0, s.name("g"))
		for _, v := range s.versions(11) {
			if v < 5 {
				continue
			}
			g := s.name(step("g%d", v))
			vs, vb := min(v, s.last(14)), min(v, s.last(12))
			a := s.member(step("a%d", v), g)
			a.instance = pointer("one")
			a.enter("a", v)
			a.sync("a", vs, map[*member]string{a: "all"})
			s.describe("static", g)
			again := s.member(step("again%d", v), g)
			again.instance = a.instance
			again.enter("another with the same instance", v)
			again.sync("another", vs, map[*member]string{again: "all"})
			a.beat("the first is fenced", vb)
			a.sync("the first is fenced", vs, nil)
			ask[*kmsg.JoinGroupResponse](a.c, "the first joins again", a.join(v))
			ask[*kmsg.OffsetCommitResponse](a.c, "the first commits", func() kmsg.Request {
				r := commit(s.last(8), g, a.id, a.epoch, place{name: "missing"}, 1)
				r.InstanceID = a.instance
				return r
			}())
			stranger := *a
			stranger.instance = pointer("two")
			stranger.beat("an unknown instance", vb)
			for why, m := range sorted(map[string]kmsg.LeaveGroupRequestMember{
				"the wrong id": {MemberID: a.id, InstanceID: a.instance}, "an unknown instance": {InstanceID: pointer("two")}, "neither": {}, "an unknown id": {MemberID: "nobody"},
				"by instance": {InstanceID: a.instance},
			}) {
				req := in(s.last(13), kmsg.NewPtrLeaveGroupRequest())
				req.Group = g
				req.Members = []kmsg.LeaveGroupRequestMember{m}
				if why != "by instance" {
					ask[*kmsg.LeaveGroupResponse](a.c, "leaves with "+why, req)
					continue
				}
				defer ask[*kmsg.LeaveGroupResponse](a.c, "leaves by instance", req)
			}
			req := in(s.last(13), kmsg.NewPtrLeaveGroupRequest())
			req.Group = g
			ask[*kmsg.LeaveGroupResponse](a.c, "nobody leaves", req)
		}
	}},
	{"list groups", func(s *session) {
		s.coordinator(0, s.name("g"))
		a := s.member("a", s.name("g"))
		a.enter("a", s.last(11))
		a.sync("a", s.last(14), map[*member]string{a: "all"})
		for _, v := range s.versions(16) {
			for _, state := range []string{"Stable", "stable", "CompletingRebalance", "completingrebalance"} {
				req := in(v, kmsg.NewPtrListGroupsRequest())
				req.StatesFilter = []string{state, "PreparingRebalance"}
				r := quiet[*kmsg.ListGroupsResponse](a.c, req)
				// Other scripts' groups may be in the state too.
				found := 0
				for _, g := range r.Groups {
					if g.Group == a.group {
						found++
					}
				}
				s.note(step("version %d, state %q", v, state), found)
			}
		}
		a.leave("a", s.last(13))
	}},
}

// commits are commits and fetches of a group that a may be a member of, in
// every version.
func (s *session) commits(g string, a *member, p place) {
	c := s.conn("committer")
	for _, v := range s.versions(8) {
		ask[*kmsg.OffsetCommitResponse](c, "commits", commit(v, g, a.id, a.epoch, p, 5, 6, 7, 8))
		ask[*kmsg.OffsetCommitResponse](c, "commits of a wrong generation", commit(v, g, a.id, a.epoch+1, p, 5))
		ask[*kmsg.OffsetCommitResponse](c, "commits of a stranger", commit(v, g, "nobody", a.epoch, p, 5))
		ask[*kmsg.OffsetCommitResponse](c, "commits of nobody", commit(v, g, "", -1, p, 5))
		ask[*kmsg.OffsetCommitResponse](c, "commits to a missing topic", commit(v, g, a.id, a.epoch, place{"missing", [16]byte{15: 9}}, 5))
		ask[*kmsg.OffsetCommitResponse](c, "commits -1", commit(v, g, a.id, a.epoch, p, -1))
		req := commit(v, g, a.id, a.epoch, p, 5)
		req.Topics[0].Partitions[0].Metadata = pointer(string(make([]byte, 5000)))
		ask[*kmsg.OffsetCommitResponse](c, "commits too much metadata", req)
		req.Topics[0].Partitions[0].Metadata = nil
		ask[*kmsg.OffsetCommitResponse](c, "commits null metadata", req)
		req.Topics = append(req.Topics, req.Topics[0])
		ask[*kmsg.OffsetCommitResponse](c, "commits a topic twice", req)
		req.Topics = nil
		ask[*kmsg.OffsetCommitResponse](c, "commits nothing", req)
	}
	for _, v := range s.versions(9) {
		ask[*kmsg.OffsetFetchResponse](c, "offsets", offsetsOf(v, g, p, 0, 1, 2, 9))
		ask[*kmsg.OffsetFetchResponse](c, "all offsets", offsetsOf(v, g, p))
		req := offsetsOf(v, g, place{"missing", [16]byte{15: 9}}, 0)
		req.RequireStable = true
		ask[*kmsg.OffsetFetchResponse](c, "offsets of a missing topic, stable", req)
		req = offsetsOf(v, g, p, 0)
		req.Groups = append(req.Groups, req.Groups[0])
		ask[*kmsg.OffsetFetchResponse](c, "a group twice", req)
		req = offsetsOf(v, g, p, 0)
		req.Groups[0].MemberID, req.Groups[0].MemberEpoch = &a.id, a.epoch
		ask[*kmsg.OffsetFetchResponse](c, "by a member", req)
		req.Groups[0].MemberID, req.Groups[0].MemberEpoch = pointer("nobody"), 3
		ask[*kmsg.OffsetFetchResponse](c, "by a stranger", req)
		if v < 8 || s.has(0, 13) { // before 4.1 Kafka has no answer
			req.Groups, req.Topics = []kmsg.OffsetFetchRequestGroup{}, []kmsg.OffsetFetchRequestTopic{}
			ask[*kmsg.OffsetFetchResponse](c, "no groups", req)
		}
	}
}
