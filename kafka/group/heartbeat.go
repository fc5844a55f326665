package group

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// Heartbeat is the reply to a ConsumerGroupHeartbeat. With Resolve the caller
// owes the core a Resolved, which it may send after the response.
type Heartbeat struct {
	*kmsg.ConsumerGroupHeartbeatResponse
	Resolve *Resolve
}

// firstWithMemberIDs is the version of ConsumerGroupHeartbeat from which on the
// clients make their member ids (KIP-1082).
const firstWithMemberIDs = 1

// consumerHeartbeat is ConsumerGroupHeartbeat
// (GroupMetadataManager.consumerGroupHeartbeat).
func (d *decision) consumerHeartbeat(t statemachine.Ticket, r Request, m *kmsg.ConsumerGroupHeartbeatRequest) {
	resp := m.ResponseKind().(*kmsg.ConsumerGroupHeartbeatResponse)
	out := &Heartbeat{ConsumerGroupHeartbeatResponse: resp}
	err := invalidHeartbeat(r, m)
	switch {
	case err != nil:
	case m.MemberEpoch < 0:
		err = d.leaveConsumer(m, resp)
	default:
		out.Resolve, err = d.beat(r, m, resp)
	}
	if err != nil {
		resp.ErrorCode, resp.ErrorMessage = code(err.err), &err.message
	}
	d.replies = append(d.replies, statemachine.Reply{To: t, Value: out})
}

// shortID is a UUID as Kafka writes its own: 16 bytes in 22 characters.
func shortID(uuid string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
	if err != nil || len(b) != 16 {
		return uuid
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// blank reports whether nothing is left of s after Java's String.trim.
func blank(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > ' ' }) }

// invalidHeartbeat is what is wrong with a request whoever sends it.
func invalidHeartbeat(r Request, m *kmsg.ConsumerGroupHeartbeatRequest) *refusal {
	invalid := func(message string) *refusal { return refuse(kerr.InvalidRequest, "%s", message) }
	isEmpty := func(s *string) bool { return s != nil && blank(*s) }
	switch {
	case blank(m.MemberID) && (m.Version >= firstWithMemberIDs || m.MemberEpoch != joinEpoch):
		return invalid("MemberId can't be empty.")
	case blank(m.Group):
		return invalid("GroupId can't be empty.")
	case isEmpty(m.InstanceID):
		return invalid("InstanceId can't be empty.")
	case isEmpty(m.RackID):
		return invalid("RackId can't be empty.")
	case m.MemberEpoch < leaveStaticEpoch:
		return invalid("MemberEpoch is invalid.")
	case m.MemberEpoch == leaveStaticEpoch && m.InstanceID == nil:
		return invalid("InstanceId can't be null.")
	case heartbeatTooLarge(r, m):
		return invalid("The request is larger than the group's records can hold.")
	}
	if m.MemberEpoch == joinEpoch {
		switch {
		case m.RebalanceTimeoutMillis == -1:
			return invalid("RebalanceTimeoutMs must be provided in first request.")
		case m.Topics == nil || len(m.Topics) > 0:
			return invalid("TopicPartitions must be empty when (re-)joining.")
		case m.SubscribedTopicNames == nil && m.SubscribedTopicRegex == nil:
			return invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
		}
	}
	if m.ServerAssignor != nil && assignors[*m.ServerAssignor] == nil {
		return refuse(kerr.UnsupportedAssignor, "ServerAssignor %s is not supported. Supported assignors: %s.",
			*m.ServerAssignor, strings.Join(assignorNames[:], ", "))
	}
	return nil
}

// heartbeatTooLarge reports whether a member says more of itself than its
// record may hold.
func heartbeatTooLarge(r Request, m *kmsg.ConsumerGroupHeartbeatRequest) bool {
	n := max(len(m.Group), len(m.MemberID), len(deref(m.InstanceID)), len(deref(m.RackID)), len(r.Client), len(deref(m.SubscribedTopicRegex)))
	bytes := 0
	for _, t := range m.SubscribedTopicNames {
		bytes += len(t)
	}
	return n > maxName || bytes > maxMemberBytes
}

// beat is the heartbeat of a member that joins or stays.
func (d *decision) beat(r Request, m *kmsg.ConsumerGroupHeartbeatRequest, resp *kmsg.ConsumerGroupHeartbeatResponse) (*Resolve, *refusal) {
	joins := m.MemberEpoch == joinEpoch
	w, err := d.open(m.Group, joins)
	if err != nil {
		return nil, err
	}
	id := m.MemberID
	if id == "" {
		id = shortID(r.FreshID)
	}
	if err := w.full(m.MemberID); err != nil {
		return nil, err
	}
	owned := owns(m.Topics)
	old, err := w.subscribe(id, deref(m.InstanceID), m.MemberEpoch, owned, joins, false)
	if err != nil {
		return nil, err
	}
	member := old.updated(r, m)
	renamed := w.change(old, member)
	regex, err := w.changePattern(old, member)
	if err != nil {
		return nil, err
	}
	w.refresh(w.epoch == 0 || renamed || regex == patternResolved)
	if w.epoch > w.targetEpoch {
		w.assign()
	}
	now, err := w.step(member, owned)
	if err != nil {
		return nil, err
	}
	var ask *Resolve
	w.then = append(w.then, func() {
		d.renewConsumer(w.id, now, r.Session)
		ask = w.toResolve()
	})
	if err := w.tooLarge(); err != nil {
		return nil, err
	}
	w.finish()
	resp.MemberID, resp.MemberEpoch = &now.id, now.epoch
	resp.HeartbeatIntervalMillis = int32(cmp.Or(r.Heartbeat, d.c.p.ConsumerHeartbeat).Milliseconds())
	full := m.RebalanceTimeoutMillis != -1 && (m.SubscribedTopicNames != nil || m.SubscribedTopicRegex != nil) && m.Topics != nil
	if joins || full || !old.assigned.equal(now.assigned) {
		resp.Assignment = now.assigned.response()
	}
	return ask, nil
}

// open finds the consumer group, or when somebody joins makes it: anew, of an
// empty classic group or, by an upgrade, of one with members.
func (d *decision) open(id string, joins bool) (*draft, *refusal) {
	g := d.c.groups[id]
	switch {
	case g != nil && g.consumer != nil:
		return d.draft(id, g.consumer), nil
	case g == nil && !joins:
		return nil, refuse(kerr.GroupIDNotFound, "Consumer group %s not found.", id)
	case !joins:
		return nil, refuse(kerr.GroupIDNotFound, "Group %s is not a consumer group.", id)
	case g != nil && g.state != empty:
		return d.upgrade(g)
	}
	w := d.draft(strings.Clone(id), newConsumerGroup())
	if g != nil && (g.generation > 0 || g.protocolType != "") {
		w.write(statemachine.Record{Key: groupKey(id)})
	}
	return w, nil
}

// full refuses a new member of a group of the maximum size.
func (w *draft) full(memberID string) *refusal {
	if size := w.d.c.p.ConsumerMaxSize; len(w.members) >= size && w.members[memberID] == nil {
		return refuse(kerr.GroupMaxSizeReached, "The consumer group has reached its maximum capacity of %d members.", size)
	}
	return nil
}

// subscribe finds the member that a request is of, or with joins makes it. A
// member of the classic protocol has no epoch to check.
func (w *draft) subscribe(id, instance string, epoch int32, owned reported, joins, classic bool) (*consumerMember, *refusal) {
	if instance != "" {
		return w.subscribeStatic(id, instance, epoch, owned, joins, classic)
	}
	m := w.members[id]
	switch {
	case m == nil && joins:
		return newConsumerMember(strings.Clone(id)), nil
	case m == nil:
		return nil, w.unknown(id)
	case classic:
		return m, nil
	}
	return m, m.fences(epoch, owned)
}

func (w *draft) unknown(id string) *refusal {
	return refuse(kerr.UnknownMemberID, "Member %s is not a member of group %s.", id, w.id)
}

func (w *draft) subscribeStatic(id, instance string, epoch int32, owned reported, joins, classic bool) (*consumerMember, *refusal) {
	m := w.members[w.static[instance]]
	switch {
	case m == nil && joins:
		if m := w.members[id]; m != nil {
			return m, nil
		}
		return newConsumerMember(strings.Clone(id)), nil
	case joins && !classic && m.classic == nil && m.epoch != leaveStaticEpoch:
		return nil, refuse(kerr.UnreleasedInstanceID, "Static member %s with instance id %s cannot join the group because the instance id is owned by %s member.", id, instance, m.id)
	case joins:
		return w.replace(m, strings.Clone(id)), nil
	}
	m, err := w.staticOf(id, instance)
	if err != nil || classic {
		return m, err
	}
	return m, m.fences(epoch, owned)
}

// staticOf finds the static member that an instance id is of now.
func (w *draft) staticOf(id, instance string) (*consumerMember, *refusal) {
	m := w.members[w.static[instance]]
	switch {
	case m == nil:
		return nil, refuse(kerr.UnknownMemberID, "Instance id %s is unknown.", instance)
	case m.id != id:
		return nil, refuse(kerr.FencedInstanceID, "Static member %s with instance id %s was fenced by member %s.", id, instance, m.id)
	}
	return m, nil
}

// replace gives a static member that came back its new id, with all it had.
func (w *draft) replace(old *consumerMember, id string) *consumerMember {
	m, target := *old, w.target[old.id]
	m.id, m.epoch, m.previous = id, 0, 0
	w.removeMember(old.id)
	w.setMetadata(&m)
	w.setTarget(id, target)
	w.setCurrent(&m)
	return &m
}

// fences refuses a member that is at another epoch. One that did not get the
// last answer comes with the epoch before, and one that was fenced with 0.
func (m *consumerMember) fences(epoch int32, owned reported) *refusal {
	switch {
	case epoch == joinEpoch, epoch == m.epoch:
		return nil
	case epoch > m.epoch:
		return refuse(kerr.FencedMemberEpoch, "The consumer group member has a greater member epoch (%d) than the one known by the group coordinator (%d). The member must abandon all its partitions and rejoin.", epoch, m.epoch)
	case epoch == m.previous && owned.within(m.assigned):
		return nil
	}
	return refuse(kerr.FencedMemberEpoch, "The consumer group member has a smaller member epoch (%d) than the one known by the group coordinator (%d). The member must abandon all its partitions and rejoin.", epoch, m.epoch)
}

// updated is the member with what a heartbeat says; null says nothing.
func (m *consumerMember) updated(r Request, in *kmsg.ConsumerGroupHeartbeatRequest) *consumerMember {
	out := *m
	set := func(to *string, s *string) {
		if s != nil && *s != *to {
			*to = strings.Clone(*s)
		}
	}
	set(&out.instance, in.InstanceID)
	set(&out.rack, in.RackID)
	set(&out.assignor, in.ServerAssignor)
	set(&out.pattern, in.SubscribedTopicRegex)
	set(&out.client, &r.Client)
	set(&out.host, &r.Host)
	if in.RebalanceTimeoutMillis != -1 {
		out.rebalance = in.RebalanceTimeoutMillis
	}
	if in.SubscribedTopicNames != nil {
		out.topics = topicNames(in.SubscribedTopicNames)
	}
	out.classic = nil
	return &out
}

// topicNames is a set of names, copied and sorted.
func topicNames(in []string) []string {
	out := make([]string, len(in))
	for i, t := range in {
		out[i] = strings.Clone(t)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// change writes a member that has changed, and reports whether the topics that
// it names have.
func (w *draft) change(old, m *consumerMember) bool {
	if known := w.members[m.id]; known == nil || !old.sameMetadata(m) {
		w.setMetadata(m)
	}
	return !slices.Equal(old.topics, m.topics)
}

// refresh begins a new group epoch when bump says so or the topics that the
// group is subscribed to have changed.
func (w *draft) refresh(bump bool) {
	v, topics := w.d.c.course(w.id), w.d.c.topics
	if !bump && v.checked == topics {
		return
	}
	if bump || w.topicsHash(topics) != w.hash {
		w.setEpoch(w.epoch + 1)
	}
	w.then = append(w.then, func() { v.checked = topics })
}

// step takes the member towards its target, with the time that it has to give
// partitions up.
func (w *draft) step(m *consumerMember, owned reported) (*consumerMember, *refusal) {
	now, err := w.reconcile(m, owned)
	if err != nil || now == m || now.sameAssignment(m) {
		return m, err
	}
	w.setCurrent(now)
	if now.classic == nil {
		w.then = append(w.then, func() {
			t := w.d.timers(w.id, now.id)
			t.rebalance = time.Time{}
			if now.state == unrevokedPartitions {
				t.epoch = now.epoch
				w.d.in(&t.rebalance, ms(now.rebalance))
			}
		})
	}
	return now, nil
}

// owns is what a request reports.
func owns(in []kmsg.ConsumerGroupHeartbeatRequestTopic) reported {
	r := reported{known: in != nil, partitions: assignment{}}
	for _, t := range in {
		r.partitions[t.TopicID] = append(r.partitions[t.TopicID], t.Partitions...)
	}
	return r
}

func (a assignment) response() *kmsg.ConsumerGroupHeartbeatResponseAssignment {
	out := kmsg.NewConsumerGroupHeartbeatResponseAssignment()
	out.Topics = []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{}
	for _, id := range a.topicIDs() {
		out.Topics = append(out.Topics, kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{TopicID: id, Partitions: a[id]})
	}
	return &out
}

// leaveConsumer is a heartbeat that says goodbye: for good, or of a static
// member for a while.
func (d *decision) leaveConsumer(m *kmsg.ConsumerGroupHeartbeatRequest, resp *kmsg.ConsumerGroupHeartbeatResponse) *refusal {
	if d.c.groups[m.Group] == nil {
		return refuse(kerr.GroupIDNotFound, "Group %s not found.", m.Group)
	}
	w, err := d.open(m.Group, false)
	if err != nil {
		return err
	}
	member := w.members[m.MemberID]
	if m.InstanceID != nil {
		if member, err = w.staticOf(m.MemberID, *m.InstanceID); err != nil {
			return err
		}
	}
	switch {
	case member == nil:
		return w.unknown(m.MemberID)
	case m.InstanceID != nil && m.MemberEpoch == leaveStaticEpoch:
		away := *member
		away.epoch, away.revoking = leaveStaticEpoch, assignment{}
		w.setCurrent(&away)
	default:
		w.fence(member.id)
	}
	w.finish()
	resp.MemberID, resp.MemberEpoch = &member.id, m.MemberEpoch
	return nil
}
