package group

import (
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// Migration says which groups may change their protocol while they have members
// (group.consumer.migration.policy).
type Migration string

// The policies.
const (
	MigrateBoth  Migration = "bidirectional"
	MigrateUp    Migration = "upgrade"
	MigrateDown  Migration = "downgrade"
	MigrateNever Migration = "disabled"
)

func (m Migration) up() bool   { return m == MigrateBoth || m == MigrateUp }
func (m Migration) down() bool { return m == MigrateBoth || m == MigrateDown }

// maxConsumerProtocol is the newest version of the consumers' embedded
// protocol that is written.
const maxConsumerProtocol = 3

// upgrade makes a consumer group of a classic one with members, which a member
// of the consumer protocol joins (GroupMetadataManager.convertToConsumerGroup).
// The classic members stay, with their partitions, and are told to join again.
func (d *decision) upgrade(g *group) (*draft, *refusal) {
	switch {
	case !d.c.p.Migration.up():
		return nil, refuse(kerr.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because online upgrade is disabled.", g.id)
	case g.protocolType != consumerType:
		return nil, refuse(kerr.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because the group does not use the consumer embedded protocol.", g.id)
	case len(g.members) > d.c.p.ConsumerMaxSize:
		return nil, refuse(kerr.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because the group size exceeds the consumer group maximum size.", g.id)
	}
	w := d.draft(g.id, newConsumerGroup())
	w.write(statemachine.Record{Key: groupKey(g.id)})
	ids := sortedKeys(g.members)
	members := make([]*consumerMember, len(ids))
	for i, id := range ids {
		m, err := d.c.upgraded(g, g.members[id])
		if err != nil {
			return nil, err
		}
		members[i] = m
		w.setMetadata(m)
	}
	w.setEpoch(g.generation)
	for _, m := range members {
		w.setTarget(m.id, m.assigned)
	}
	w.setTargetEpoch(g.generation)
	for _, m := range members {
		w.setCurrent(m)
	}
	w.then = append(w.then, func() {
		for _, id := range ids {
			d.dismiss(g.members[id])
		}
		for _, m := range members {
			d.renewConsumer(g.id, m, 0)
		}
	})
	return w, nil
}

// dismiss answers the calls of a classic member that has to join again.
func (d *decision) dismiss(m *member) {
	if m.joining != nil {
		d.refuseJoin(*m.joining, m.id, kerr.RebalanceInProgress)
		m.joining = nil
	}
	if m.syncing != nil {
		d.refuseSync(*m.syncing, kerr.RebalanceInProgress)
		m.syncing = nil
	}
}

// upgraded is a classic member in a consumer group, with the partitions that
// its last assignment gave it.
func (c *Core) upgraded(g *group, m *member) (*consumerMember, *refusal) {
	malformed := refuse(kerr.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because the embedded consumer protocol is malformed.", g.id)
	metadata := m.metadata(g.protocol)
	if metadata == nil && len(m.protocols) > 0 {
		metadata = m.protocols[0].metadata
	}
	var sub kmsg.ConsumerMemberMetadata
	if sub.ReadFrom(metadata) != nil {
		return nil, malformed
	}
	assigned := assignment{}
	if len(m.assignment) > 0 {
		var a kmsg.ConsumerMemberAssignment
		if a.ReadFrom(m.assignment) != nil {
			return nil, malformed
		}
		if len(a.UserData) > 0 {
			return nil, refuse(kerr.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because an unsupported custom assignor is in use. Please refer to the documentation or switch to a default assignor before re-attempting the upgrade.", g.id)
		}
		for _, t := range a.Topics {
			c.topics.add(assigned, t.Topic, t.Partitions)
		}
	}
	return &consumerMember{
		id: m.id, instance: m.instance, rack: strings.Clone(deref(sub.Rack)), client: m.client, host: m.host,
		rebalance: int32(m.rebalance.Milliseconds()), topics: topicNames(sub.Topics),
		classic: &classicSide{session: int32(m.sessionTimeout.Milliseconds()), protocols: m.protocols},
		epoch:   g.generation, previous: g.generation, assigned: assigned, revoking: assignment{},
	}, nil
}

// add puts partitions of a topic by name into a; a topic that is not there is
// left out.
func (t *Topics) add(a assignment, name string, partitions []int32) {
	topic, ok := t.named(name)
	if !ok || len(partitions) == 0 {
		return
	}
	all := slices.Concat(a[topic.ID], partitions)
	slices.Sort(all)
	a[topic.ID] = slices.Compact(all)
}

// downgrades reports whether the group becomes a classic one when some members
// leave it: only classic ones stay.
func (w *draft) downgrades(leaving []string) bool {
	stay, classic := 0, 0
	for id, m := range w.members {
		if slices.Contains(leaving, id) {
			continue
		}
		stay++
		if m.classic != nil {
			classic++
		}
	}
	return stay > 0 && classic == stay && stay <= w.d.c.p.MaxSize && w.d.c.p.Migration.down()
}

// downgradesFor is downgrades for a static member that a classic one replaces.
func (w *draft) downgradesFor(replaced *consumerMember) bool {
	return replaced != nil && replaced.classic == nil && w.classicMembers() == len(w.members)-1 &&
		len(w.members) <= w.d.c.p.MaxSize && w.d.c.p.Migration.down()
}

// downgrade is what waits for the records of a group's conversion to be
// applied.
type downgrade struct {
	rebalance bool
	protocols map[string][]protocol // of the members; the record has one of each
}

// toClassic makes a classic group of the members but those that leave, with
// their targets as assignments (GroupMetadataManager.convertToClassicGroup).
func (w *draft) toClassic(leaving []string, rebalance bool) {
	next := newGroup(w.id, w.d.now)
	next.protocolType, next.generation, next.since = consumerType, w.epoch, w.d.now
	all := make(map[string][]protocol)
	for id, m := range w.members {
		if !slices.Contains(leaving, id) {
			next.members[id] = &member{
				id: id, instance: m.instance, client: m.client, host: m.host,
				sessionTimeout: ms(m.classic.session), rebalance: ms(m.rebalance), course: course{protocols: m.classic.protocols},
			}
			all[id] = m.classic.protocols
		}
	}
	next.protocol = next.choose()
	for id, m := range next.members {
		m.assignment = w.d.c.topics.render(w.target[id], m.metadata(next.protocol))
	}
	w.removeGroup()
	w.write(next.record())
	w.then = append(w.then, func() {
		w.d.c.downgraded[w.id] = downgrade{rebalance, all}
		w.d.at(w.d.now)
	})
}

// render is an assignment in the consumers' embedded protocol, of the version
// that the member's subscription has.
func (t *Topics) render(a assignment, subscription []byte) []byte {
	out := kmsg.NewConsumerMemberAssignment()
	if len(subscription) >= 2 {
		out.Version = max(0, min(int16(subscription[0])<<8|int16(subscription[1]), maxConsumerProtocol))
	}
	names := make(map[string][]int32)
	for id, partitions := range a {
		if name, ok := t.name(id); ok {
			names[name] = partitions
		}
	}
	for _, name := range sortedKeys(names) {
		out.Topics = append(out.Topics, kmsg.ConsumerMemberAssignmentTopic{Topic: name, Partitions: names[name]})
	}
	return out.AppendTo(nil)
}

// settle finishes downgrades, whose records have been applied now: sessions
// begin, and a rebalance if the members have changed.
func (d *decision) settle() {
	for _, id := range sortedKeys(d.c.downgraded) {
		g, todo := d.c.groups[id], d.c.downgraded[id]
		delete(d.c.downgraded, id)
		if g == nil || g.consumer != nil {
			continue
		}
		for _, member := range sortedKeys(g.members) {
			m := g.members[member]
			if all := todo.protocols[member]; all != nil {
				m.protocols = all
			}
			d.renew(m)
		}
		if todo.rebalance {
			d.rebalance(g)
		}
	}
}

// The rest is what members of the classic protocol ask of a consumer group.

// joinConsumer is JoinGroup. It never waits: the answer is the member's epoch,
// and what it may have comes with SyncGroup.
func (d *decision) joinConsumer(g *group, p parked, r Request, m *kmsg.JoinGroupRequest) {
	if m.MemberID == "" && m.Version >= 4 && m.InstanceID == nil {
		err := d.mayJoinConsumer(d.draft(g.id, g.consumer), m)
		if err != nil {
			d.refuseJoin(p, "", err.err)
		} else {
			d.refuseJoin(p, shortID(r.FreshID), kerr.MemberIDRequired)
		}
		return
	}
	resp, err := d.joinedConsumer(g, r, m)
	if err != nil {
		d.refuseJoin(p, "", err.err)
		return
	}
	d.reply(p.ticket, resp)
}

func (d *decision) mayJoinConsumer(w *draft, m *kmsg.JoinGroupRequest) *refusal {
	if err := w.full(m.MemberID); err != nil {
		return err
	}
	names := make([]string, len(m.Protocols))
	for i, p := range m.Protocols {
		names[i] = p.Name
	}
	if !w.supports(m.ProtocolType, names) {
		return refuse(kerr.InconsistentGroupProtocol, "Member %s's protocols are not supported.", m.MemberID)
	}
	return nil
}

func (d *decision) joinedConsumer(g *group, r Request, m *kmsg.JoinGroupRequest) (*kmsg.JoinGroupResponse, *refusal) {
	w := d.draft(g.id, g.consumer)
	if err := d.mayJoinConsumer(w, m); err != nil {
		return nil, err
	}
	var sub kmsg.ConsumerMemberMetadata
	if sub.ReadFrom(m.Protocols[0].Metadata) != nil {
		return nil, refuse(kerr.UnknownServerError, "Malformed embedded consumer protocol in subscription deserialization.")
	}
	id, instance := m.MemberID, deref(m.InstanceID)
	if id == "" {
		id = shortID(r.FreshID)
	}
	down := instance != "" && w.downgradesFor(w.members[w.static[instance]])
	old, err := w.subscribe(id, instance, -1, reported{}, instance == "" || m.MemberID == "", true)
	if err != nil {
		return nil, err
	}
	member := old.updatedClassic(r, m, &sub)
	renamed := w.change(old, member)
	pattern, _ := w.changePattern(old, member)
	bump := renamed || pattern != patternSame
	w.refresh(bump)
	if !down && w.epoch > w.targetEpoch {
		w.assign()
	}
	if !down || !bump {
		if member, err = w.step(member, d.c.topics.reported(sub.OwnedPartitions)); err != nil {
			return nil, err
		}
	}
	if down {
		w.toClassic(nil, bump)
	}
	w.then = append(w.then, func() {
		t := d.timers(w.id, member.id)
		t.join = time.Time{}
		d.renewConsumer(w.id, member, 0)
		d.in(&t.sync, ms(member.rebalance))
	})
	if err := w.tooLarge(); err != nil {
		return nil, err
	}
	w.finish()
	resp := m.ResponseKind().(*kmsg.JoinGroupResponse)
	resp.MemberID, resp.Generation, resp.Members = member.id, member.epoch, []kmsg.JoinGroupResponseMember{}
	resp.Protocol = kmsg.StringPtr(member.classic.protocols[0].name)
	if m.Version >= 7 {
		resp.ProtocolType = kmsg.StringPtr(consumerType)
	}
	return resp, nil
}

// updatedClassic is the member with what a JoinGroup says.
func (m *consumerMember) updatedClassic(r Request, in *kmsg.JoinGroupRequest, sub *kmsg.ConsumerMemberMetadata) *consumerMember {
	out := *m
	if in.InstanceID != nil {
		out.instance = strings.Clone(*in.InstanceID)
	}
	if sub.Rack != nil && *sub.Rack != "" {
		out.rack = strings.Clone(*sub.Rack)
	}
	out.client, out.host = strings.Clone(r.Client), r.Host
	out.rebalance = in.RebalanceTimeoutMillis
	if in.RebalanceTimeoutMillis <= 0 { // v0 has none
		out.rebalance = in.SessionTimeoutMillis
	}
	out.topics, out.pattern = topicNames(sub.Topics), ""
	out.classic = &classicSide{session: in.SessionTimeoutMillis}
	for _, p := range in.Protocols {
		out.classic.protocols = append(out.classic.protocols, protocol{strings.Clone(p.Name), append([]byte{}, p.Metadata...)})
	}
	return &out
}

// reported is the partitions that a subscription says its member owns.
func (t *Topics) reported(in []kmsg.ConsumerMemberMetadataOwnedPartition) reported {
	r := reported{known: true, partitions: assignment{}}
	for _, o := range in {
		t.add(r.partitions, o.Topic, o.Partitions)
	}
	return r
}

// classicMember finds the member of the classic protocol that a request is of.
func (w *draft) classicMember(id string, instance *string) (*consumerMember, *refusal) {
	m := w.members[id]
	if instance != nil {
		var err *refusal
		if m, err = w.staticOf(id, *instance); err != nil {
			return nil, err
		}
	}
	if m == nil || m.classic == nil || len(m.classic.protocols) == 0 {
		return nil, w.unknown(id)
	}
	return m, nil
}

// syncConsumer is SyncGroup.
func (d *decision) syncConsumer(g *group, p parked, r *kmsg.SyncGroupRequest) {
	m, refused := d.draft(g.id, g.consumer).classicMember(r.MemberID, r.InstanceID)
	var err *kerr.Error
	switch {
	case refused != nil:
		err = refused.err
	case r.Generation != m.epoch:
		err = kerr.IllegalGeneration
	case r.ProtocolType != nil && *r.ProtocolType != consumerType, r.Protocol != nil && *r.Protocol != m.classic.protocols[0].name:
		err = kerr.InconsistentGroupProtocol
	case g.consumer.epoch > m.epoch && m.state != unrevokedPartitions:
		d.mustJoin(g.id, m)
		err = kerr.RebalanceInProgress
	}
	if err != nil {
		d.refuseSync(p, err)
		return
	}
	d.timers(g.id, m.id).sync = time.Time{}
	d.renewConsumer(g.id, m, 0)
	resp := r.ResponseKind().(*kmsg.SyncGroupResponse)
	resp.MemberAssignment = d.c.topics.render(m.assigned, m.classic.protocols[0].metadata)
	resp.ProtocolType, resp.Protocol = r.ProtocolType, r.Protocol
	d.reply(p.ticket, resp)
}

// mustJoin gives a classic member its rebalance timeout to join again.
func (d *decision) mustJoin(group string, m *consumerMember) {
	if t := d.timers(group, m.id); t.join.IsZero() {
		d.in(&t.join, ms(m.rebalance))
	}
}

// heartbeatConsumer is Heartbeat: a classic member joins again when the group
// has moved on, when it has partitions to give up, and when those that it waits
// for are free.
func (d *decision) heartbeatConsumer(g *group, r *kmsg.HeartbeatRequest) *kerr.Error {
	m, refused := d.draft(g.id, g.consumer).classicMember(r.MemberID, r.InstanceID)
	switch {
	case refused != nil:
		return refused.err
	case r.Generation != m.epoch:
		return kerr.IllegalGeneration
	}
	d.renewConsumer(g.id, m, 0)
	if m.epoch < g.consumer.epoch || m.state == unrevokedPartitions ||
		m.state == unreleasedPartitions && !g.consumer.waits(m) {
		d.mustJoin(g.id, m)
		return kerr.RebalanceInProgress
	}
	return nil
}

// leaveClassic is LeaveGroup: it answers the members one by one, and then all
// that may go are gone at once.
func (d *decision) leaveClassic(g *group, r *kmsg.LeaveGroupRequest, resp *kmsg.LeaveGroupResponse) {
	w := d.draft(g.id, g.consumer)
	members := r.Members
	if r.Version < 3 {
		members = []kmsg.LeaveGroupRequestMember{{MemberID: r.MemberID}}
	}
	var ids []string
	for _, in := range members {
		id := in.MemberID
		if in.InstanceID != nil && id == "" { // an operator removes a static member by name
			id = w.static[*in.InstanceID]
		}
		m, err := w.classicMember(id, in.InstanceID)
		out := kmsg.NewLeaveGroupResponseMember()
		out.MemberID, out.InstanceID = id, in.InstanceID
		switch {
		case err != nil:
			out.ErrorCode = code(err.err)
		case !slices.Contains(ids, m.id):
			ids = append(ids, m.id)
		}
		resp.Members = append(resp.Members, out)
	}
	if len(ids) > 0 {
		w.fence(ids...)
		w.finish()
	}
	if r.Version < 3 {
		resp.ErrorCode, resp.Members = resp.Members[0].ErrorCode, nil
	}
}
