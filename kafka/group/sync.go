package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

func (d *decision) refuseSync(p parked, err *kerr.Error) {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.Version = p.version
	resp.ErrorCode, resp.MemberAssignment = code(err), []byte{}
	d.reply(p.ticket, resp)
}

// find checks that a member belongs to the group; instance nil is a dynamic
// member.
func (c *Core) find(groupID, memberID string, instance *string) (*group, *member, *kerr.Error) {
	g := c.groups[groupID]
	if g == nil {
		return nil, nil, kerr.UnknownMemberID
	}
	if instance != nil {
		if owner, ok := g.static[*instance]; !ok {
			return g, nil, kerr.UnknownMemberID
		} else if owner != memberID {
			return g, nil, kerr.FencedInstanceID
		}
	}
	m := g.members[memberID]
	if m == nil || g.state == empty {
		return g, nil, kerr.UnknownMemberID
	}
	return g, m, nil
}

// sync is SyncGroup: the leader brings the assignment, everybody gets theirs.
func (d *decision) sync(t statemachine.Ticket, r *kmsg.SyncGroupRequest) {
	p := parked{t, r.Version}
	if g := d.c.groups[r.Group]; g != nil && g.consumer != nil {
		d.syncConsumer(g, p, r)
		return
	}
	g, m, err := d.c.find(r.Group, r.MemberID, r.InstanceID)
	switch {
	case r.Group == "":
		err = kerr.InvalidGroupID
	case err != nil:
	case r.Generation != g.generation:
		err = kerr.IllegalGeneration
	case r.ProtocolType != nil && *r.ProtocolType != g.protocolType, r.Protocol != nil && *r.Protocol != g.protocol:
		err = kerr.InconsistentGroupProtocol
	case g.state == preparing:
		err = kerr.RebalanceInProgress
	}
	if err != nil {
		d.refuseSync(p, err)
		return
	}
	d.renew(m)
	m.unsynced = false
	if g.state == stable {
		d.reply(t, g.synced(m, r.Version))
		return
	}
	d.park(&m.syncing, p, m)
	if m.id == g.leader {
		d.assign(g, r.GroupAssignment)
	}
}

// assign completes the generation with the leader's assignment.
func (d *decision) assign(g *group, assignments []kmsg.SyncGroupRequestGroupAssignment) {
	for _, m := range g.members {
		m.assignment = []byte{}
	}
	for _, a := range assignments {
		if m := g.members[a.MemberID]; m != nil {
			m.assignment = append([]byte{}, a.MemberAssignment...)
		}
	}
	since := g.since
	g.since = d.now
	if saved := g.record(); len(saved.Value) > maxRecords {
		g.since = since
		d.refuseAssignment(g)
		return
	}
	g.state = stable
	d.saveGroup(g)
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		if m.syncing != nil {
			d.reply(m.syncing.ticket, g.synced(m, m.syncing.version))
			m.syncing = nil
		}
		d.renew(m)
	}
}

// refuseAssignment answers that a generation cannot be written, and starts
// another.
func (d *decision) refuseAssignment(g *group) {
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		m.assignment = nil
		if m.syncing != nil {
			d.refuseSync(*m.syncing, kerr.UnknownServerError)
			m.syncing = nil
			d.renew(m)
		}
	}
	d.rebalance(g)
}

func (g *group) synced(m *member, version int16) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.Version = version
	resp.MemberAssignment = m.assignment
	if version >= 5 {
		resp.ProtocolType, resp.Protocol = kmsg.StringPtr(g.protocolType), kmsg.StringPtr(g.protocol)
	}
	return resp
}

// syncTimeUp removes those who joined and then did not sync, also when the
// leader has.
func (d *decision) syncTimeUp(g *group) {
	for _, id := range sortedKeys(g.members) {
		if m := g.members[id]; m.unsynced {
			d.removeMember(g, m)
		}
	}
	d.membersChanged(g)
}

func (d *decision) heartbeat(t statemachine.Ticket, r *kmsg.HeartbeatRequest) {
	resp := r.ResponseKind().(*kmsg.HeartbeatResponse)
	g, m, err := d.c.find(r.Group, r.MemberID, r.InstanceID)
	switch {
	case r.Group == "":
		err = kerr.InvalidGroupID
	case g != nil && g.consumer != nil:
		err = d.heartbeatConsumer(g, r)
	case err != nil:
	case r.Generation != g.generation:
		err = kerr.IllegalGeneration
	default:
		d.renew(m)
		if g.state == preparing {
			err = kerr.RebalanceInProgress
		}
	}
	if err != nil {
		resp.ErrorCode = code(err)
	}
	d.reply(t, resp)
}

// leave is LeaveGroup: one member, or from v3 on several (KIP-345). The group
// looks at what is left of it once, after all of them.
func (d *decision) leave(t statemachine.Ticket, r *kmsg.LeaveGroupRequest) {
	resp := r.ResponseKind().(*kmsg.LeaveGroupResponse)
	switch g := d.c.groups[r.Group]; {
	case r.Group == "":
		resp.ErrorCode = code(kerr.InvalidGroupID)
	case g != nil && g.consumer != nil:
		d.leaveClassic(g, r, resp)
	default:
		d.leaveMembers(g, r, resp)
	}
	d.reply(t, resp)
}

func (d *decision) leaveMembers(g *group, r *kmsg.LeaveGroupRequest, resp *kmsg.LeaveGroupResponse) {
	members := r.Members
	if r.Version < 3 {
		members = []kmsg.LeaveGroupRequestMember{{MemberID: r.MemberID}}
	}
	left := false
	for _, m := range members {
		out := kmsg.NewLeaveGroupResponseMember()
		out.MemberID, out.InstanceID = m.MemberID, m.InstanceID
		if err := d.leaveOne(g, r.Group, m.MemberID, m.InstanceID); err != nil {
			out.ErrorCode = code(err)
		} else {
			left = true
		}
		resp.Members = append(resp.Members, out)
	}
	if left {
		d.membersChanged(g)
		d.c.dropUnused(g)
	}
	if r.Version < 3 {
		resp.ErrorCode, resp.Members = resp.Members[0].ErrorCode, nil
	}
}

// leaveOne takes one member out, or an id that was given out and not used yet.
func (d *decision) leaveOne(g *group, groupID, memberID string, instance *string) *kerr.Error {
	if g != nil && instance != nil && memberID == "" { // an operator removes a static member by name
		memberID = g.static[*instance]
	}
	if g != nil {
		if _, ok := g.pending[memberID]; ok {
			delete(g.pending, memberID)
			return nil
		}
	}
	_, m, err := d.c.find(groupID, memberID, instance)
	if err == nil {
		d.removeMember(g, m)
	}
	return err
}
