package group

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// refuseJoin answers an error; member is the id that goes with it.
func (d *decision) refuseJoin(p parked, member string, err *kerr.Error) {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version = p.version
	resp.ErrorCode, resp.Generation, resp.MemberID = code(err), -1, member
	resp.Protocol = kmsg.StringPtr("")
	if p.version >= 7 {
		resp.Protocol = nil
	}
	resp.Members = []kmsg.JoinGroupResponseMember{}
	d.reply(p.ticket, resp)
}

// join is JoinGroup: GroupCoordinator.handleJoinGroup.
func (d *decision) join(t statemachine.Ticket, r Request, m *kmsg.JoinGroupRequest) {
	p := parked{t, m.Version}
	session := time.Duration(m.SessionTimeoutMillis) * time.Millisecond
	g := d.c.groups[m.Group]
	switch {
	case m.Group == "" || len(m.Group) > maxName:
		d.refuseJoin(p, m.MemberID, kerr.InvalidGroupID)
		return
	case tooLarge(r, m):
		d.refuseJoin(p, m.MemberID, kerr.InvalidRequest)
		return
	case session < d.c.p.MinSession || session > d.c.p.MaxSession:
		d.refuseJoin(p, m.MemberID, kerr.InvalidSessionTimeout)
		return
	case m.MemberID != "" && (g == nil || g.consumer != nil && len(g.consumer.members) == 0):
		d.refuseJoin(p, m.MemberID, kerr.UnknownMemberID)
		return
	case m.ProtocolType == "" || len(m.Protocols) == 0:
		d.refuseJoin(p, m.MemberID, kerr.InconsistentGroupProtocol)
		return
	case g != nil && g.consumer != nil && len(g.consumer.members) > 0:
		d.joinConsumer(g, p, r, m)
		return
	case g == nil && r.Full:
		d.refuseJoin(p, "", kerr.GroupMaxSizeReached)
		return
	}
	if g != nil && g.consumer != nil { // it is empty, and becomes a classic one
		d.forget(g, nil)
	}
	if g == nil {
		g = newGroup(strings.Clone(m.Group), d.now)
		d.c.groups[g.id] = g
	}
	switch {
	case !g.accepts(m.MemberID, deref(m.InstanceID), d.c.p.MaxSize), g.members[m.MemberID] == nil && g.bytes() > maxGroupBytes:
		if mem := g.members[m.MemberID]; mem != nil { // the group shrinks by it
			d.removeMember(g, mem)
			d.membersChanged(g)
		}
		delete(g.pending, m.MemberID)
		d.refuseJoin(p, "", kerr.GroupMaxSizeReached)
		d.maybeCompleteJoin(g)
	case !g.supports(m.ProtocolType, m.Protocols):
		d.refuseJoin(p, m.MemberID, kerr.InconsistentGroupProtocol)
	case m.MemberID == "":
		d.joinNew(g, p, r, m)
	default:
		d.joinKnown(g, p, r, m)
	}
}

// tooLarge reports whether a join brings more than the group's records can hold.
func tooLarge(r Request, m *kmsg.JoinGroupRequest) bool {
	if max(len(r.Client), len(r.Host), len(deref(m.InstanceID)), len(m.ProtocolType)) > maxName {
		return true
	}
	bytes := 0
	for _, p := range m.Protocols {
		if len(p.Name) > maxName {
			return true
		}
		bytes += len(p.Name) + len(p.Metadata)
	}
	return bytes > maxMemberBytes
}

// joinNew is a join without a member id.
func (d *decision) joinNew(g *group, p parked, r Request, m *kmsg.JoinGroupRequest) {
	instance := strings.Clone(deref(m.InstanceID))
	name := r.Client
	if instance != "" {
		name = instance
	}
	id := name + "-" + r.FreshID
	if instance != "" {
		if old := g.members[g.static[instance]]; old != nil {
			d.replaceStatic(g, old, id, p, r, m)
			return
		}
		d.addMember(g, id, instance, p, r, m)
		return
	}
	if m.Version >= 4 && len(g.pending) >= maxPending {
		d.refuseJoin(p, "", kerr.GroupMaxSizeReached)
		return
	}
	if m.Version >= 4 { // KIP-394: first an id, so that a retry makes no second member
		g.pending[id] = d.now.Add(time.Duration(m.SessionTimeoutMillis) * time.Millisecond)
		d.at(g.pending[id])
		d.refuseJoin(p, id, kerr.MemberIDRequired)
		return
	}
	d.addMember(g, id, "", p, r, m)
}

// joinKnown is a join with a member id.
func (d *decision) joinKnown(g *group, p parked, r Request, m *kmsg.JoinGroupRequest) {
	if _, ok := g.pending[m.MemberID]; ok {
		delete(g.pending, m.MemberID)
		d.addMember(g, strings.Clone(m.MemberID), "", p, r, m)
		return
	}
	if instance := deref(m.InstanceID); instance != "" {
		if owner, ok := g.static[instance]; !ok {
			d.refuseJoin(p, m.MemberID, kerr.UnknownMemberID)
			return
		} else if owner != m.MemberID {
			d.refuseJoin(p, m.MemberID, kerr.FencedInstanceID)
			return
		}
	}
	mem := g.members[m.MemberID]
	if mem == nil || g.state == empty {
		d.refuseJoin(p, m.MemberID, kerr.UnknownMemberID)
		return
	}
	unchanged := mem.sameProtocols(m.Protocols)
	switch {
	case g.state == completing && unchanged, g.state == stable && unchanged && mem.id != g.leader:
		// It did not get the answer of this generation: answer again.
		d.renew(mem)
		d.reply(p.ticket, g.joinAnswer(mem, p.version, false))
	default:
		d.update(mem, m)
		d.park(&mem.joining, p, mem)
		d.rebalance(g)
		d.maybeCompleteJoin(g)
	}
}

func (d *decision) addMember(g *group, id, instance string, p parked, r Request, m *kmsg.JoinGroupRequest) {
	mem := &member{id: id, instance: instance, client: strings.Clone(r.Client), host: r.Host}
	d.update(mem, m)
	if len(g.members) == 0 {
		g.protocolType = strings.Clone(m.ProtocolType)
	}
	g.members[id] = mem
	if instance != "" {
		g.static[instance] = id
	}
	if g.leader == "" || g.members[g.leader] == nil {
		g.leader = id
	}
	mem.joining, mem.isNew = &p, true
	mem.session = d.now.Add(newMemberTimeout)
	d.at(mem.session)
	if g.state == preparing && g.generation == 0 {
		g.newcomers = true
	}
	d.rebalance(g)
	d.maybeCompleteJoin(g)
}

// update takes what a join says of a member. It copies.
func (d *decision) update(mem *member, m *kmsg.JoinGroupRequest) {
	mem.sessionTimeout = time.Duration(m.SessionTimeoutMillis) * time.Millisecond
	mem.rebalance = time.Duration(m.RebalanceTimeoutMillis) * time.Millisecond
	if m.RebalanceTimeoutMillis <= 0 { // v0 has none
		mem.rebalance = mem.sessionTimeout
	}
	mem.protocols = make([]protocol, 0, len(m.Protocols))
	seen := make(map[string]bool, len(m.Protocols))
	for _, p := range m.Protocols {
		if !seen[p.Name] {
			seen[p.Name] = true
			mem.protocols = append(mem.protocols, protocol{strings.Clone(p.Name), append([]byte{}, p.Metadata...)})
		}
	}
}

// park keeps a caller; one that waits already gave up and is answered.
func (d *decision) park(at **parked, p parked, mem *member) {
	if old := *at; old != nil {
		if at == &mem.joining {
			d.refuseJoin(*old, mem.id, kerr.UnknownMemberID)
		} else {
			d.refuseSync(*old, kerr.UnknownMemberID)
		}
	}
	*at = &p
}

// replaceStatic gives a static member that came back its new id (KIP-345). A
// stable group does not rebalance for it while its protocol stays.
func (d *decision) replaceStatic(g *group, old *member, id string, p parked, r Request, m *kmsg.JoinGroupRequest) {
	d.fence(old)
	delete(g.members, old.id)
	mem := *old
	mem.id, mem.client, mem.host = id, strings.Clone(r.Client), r.Host
	d.update(&mem, m)
	g.members[id] = &mem
	g.static[mem.instance] = id
	wasLeader := g.leader == old.id
	if wasLeader {
		g.leader = id
	}
	if g.state != stable || g.choose() != g.protocol {
		mem.joining = &p
		d.rebalance(g)
		d.maybeCompleteJoin(g)
		return
	}
	d.renew(&mem)
	d.saveGroup(g)
	skip := wasLeader && m.Version >= 9 // KIP-814: the leader need not assign again
	resp := g.joinAnswer(&mem, m.Version, skip)
	if wasLeader && !skip {
		resp.LeaderID = old.id // an older client must not take itself for the leader
		resp.Members = []kmsg.JoinGroupResponseMember{}
	}
	d.reply(p.ticket, resp)
}

// fence answers the calls of a replaced static member.
func (d *decision) fence(m *member) {
	if m.joining != nil {
		d.refuseJoin(*m.joining, m.id, kerr.FencedInstanceID)
		m.joining = nil
	}
	if m.syncing != nil {
		d.refuseSync(*m.syncing, kerr.FencedInstanceID)
		m.syncing = nil
	}
}

// rebalance begins a rebalance unless one is waiting for joins already.
func (d *decision) rebalance(g *group) {
	if g.state == preparing {
		return
	}
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		m.unsynced = false
		if m.syncing != nil {
			d.refuseSync(*m.syncing, kerr.RebalanceInProgress)
			m.syncing = nil
			d.renew(m)
		}
	}
	g.initial = g.state == empty
	g.state = preparing
	g.rebalance = d.now.Add(g.longestRebalance())
	if g.initial {
		g.full = g.rebalance
		g.newcomers = false
		g.rebalance = minTime(g.full, d.now.Add(d.c.p.InitialRebalanceDelay))
	}
	d.at(g.rebalance)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// maybeCompleteJoin ends the joining phase when all have come. The first one of
// an empty group waits its delay for others.
func (d *decision) maybeCompleteJoin(g *group) {
	if g.state == preparing && g.allJoined() && (!g.initial || d.c.p.InitialRebalanceDelay == 0) {
		d.completeJoin(g)
	}
}

// joinTimeUp is the end of the joining phase's time.
func (d *decision) joinTimeUp(g *group) {
	if g.initial && g.newcomers && d.now.Before(g.full) {
		g.newcomers = false
		g.rebalance = minTime(g.full, d.now.Add(d.c.p.InitialRebalanceDelay))
		d.at(g.rebalance)
		return
	}
	for _, id := range sortedKeys(g.members) {
		if m := g.members[id]; m.joining == nil && m.instance == "" {
			d.removeMember(g, m)
		}
	}
	if len(g.members) > 0 && g.joined() == 0 { // only static members that may come back
		g.rebalance = d.now.Add(g.longestRebalance())
		d.at(g.rebalance)
		return
	}
	d.completeJoin(g)
}

// completeJoin starts the next generation with those who joined.
func (d *decision) completeJoin(g *group) {
	g.generation++
	g.initial = false
	if len(g.members) == 0 {
		g.state, g.protocol, g.leader, g.since = empty, "", "", d.now
		d.saveGroup(g)
		return
	}
	if lead := g.members[g.leader]; lead == nil || lead.joining == nil {
		for _, id := range sortedKeys(g.members) {
			if g.members[id].joining != nil {
				g.leader = id
				break
			}
		}
	}
	g.protocol = g.choose()
	g.state = completing
	g.rebalance = d.now.Add(g.longestRebalance())
	d.at(g.rebalance)
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		m.isNew, m.unsynced = false, true
		d.renew(m)
		if m.joining != nil {
			d.reply(m.joining.ticket, g.joinAnswer(m, m.joining.version, false))
			m.joining = nil
		}
	}
}

// joinAnswer is the answer of a completed join; the leader gets everybody's
// metadata.
func (g *group) joinAnswer(m *member, version int16, skipAssignment bool) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version = version
	resp.Generation, resp.MemberID, resp.LeaderID = g.generation, m.id, g.leader
	resp.Protocol, resp.SkipAssignment = kmsg.StringPtr(g.protocol), skipAssignment
	if version >= 7 {
		resp.ProtocolType = kmsg.StringPtr(g.protocolType)
	}
	resp.Members = []kmsg.JoinGroupResponseMember{}
	if m.id != g.leader {
		return resp
	}
	for _, id := range sortedKeys(g.members) {
		other := g.members[id]
		out := kmsg.NewJoinGroupResponseMember()
		out.MemberID, out.ProtocolMetadata = other.id, other.metadata(g.protocol)
		if other.instance != "" {
			out.InstanceID = kmsg.StringPtr(other.instance)
		}
		resp.Members = append(resp.Members, out)
	}
	return resp
}

// renew starts a member's session again.
func (d *decision) renew(m *member) {
	m.session = d.now.Add(m.sessionTimeout)
	d.at(m.session)
}

// removeMember takes a member out; the caller says what follows for the group.
func (d *decision) removeMember(g *group, m *member) {
	if m.joining != nil {
		d.refuseJoin(*m.joining, m.id, kerr.UnknownMemberID)
	}
	if m.syncing != nil {
		d.refuseSync(*m.syncing, kerr.UnknownMemberID)
	}
	delete(g.members, m.id)
	if m.instance != "" && g.static[m.instance] == m.id {
		delete(g.static, m.instance)
	}
	if g.leader == m.id {
		g.leader = ""
		for _, id := range sortedKeys(g.members) {
			g.leader = id
			break
		}
	}
}

// membersChanged makes the group fit its members after one has gone.
func (d *decision) membersChanged(g *group) {
	if g.state == stable || g.state == completing {
		d.rebalance(g)
	}
	d.maybeCompleteJoin(g)
}
