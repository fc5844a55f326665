package group

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describe is DescribeGroups, of the group "" too, which offsets may be
// committed for. A group that is not there is Dead, and from v6 on
// an error (KIP-1043).
func (c *Core) describe(r *kmsg.DescribeGroupsRequest) *kmsg.DescribeGroupsResponse {
	resp := r.ResponseKind().(*kmsg.DescribeGroupsResponse)
	for _, id := range r.Groups {
		out := kmsg.NewDescribeGroupsResponseGroup()
		out.Group, out.AuthorizedOperations = id, -2147483648
		out.Members = []kmsg.DescribeGroupsResponseGroupMember{}
		switch g := c.groups[id]; {
		case g == nil || g.consumer != nil:
			out.State = "Dead"
			if r.Version >= 6 {
				out.ErrorCode = code(kerr.GroupIDNotFound)
				out.ErrorMessage = kmsg.StringPtr("Group " + id + " not found.")
				if g != nil {
					out.ErrorMessage = kmsg.StringPtr("Group " + id + " is not a classic group.")
				}
			}
		default:
			g.describe(&out, c.p.OldCoordinator)
		}
		resp.Groups = append(resp.Groups, out)
	}
	return resp
}

func (g *group) describe(out *kmsg.DescribeGroupsResponseGroup, stableOnly bool) {
	out.State, out.ProtocolType = string(g.state), g.protocolType
	if g.state == stable {
		out.Protocol = g.protocol
	}
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		rm := kmsg.NewDescribeGroupsResponseGroupMember()
		rm.MemberID, rm.ClientID, rm.ClientHost = m.id, m.client, m.host
		rm.ProtocolMetadata, rm.MemberAssignment = []byte{}, []byte{}
		if m.instance != "" {
			rm.InstanceID = kmsg.StringPtr(m.instance)
		}
		if g.state == stable {
			rm.ProtocolMetadata = m.metadata(g.protocol)
		}
		if m.assignment != nil && (g.state == stable || !stableOnly) { // while the group rebalances, the last one
			rm.MemberAssignment = m.assignment
		}
		out.Members = append(out.Members, rm)
	}
}

// list is ListGroups with its filters.
func (c *Core) list(r *kmsg.ListGroupsRequest) *kmsg.ListGroupsResponse {
	resp := r.ResponseKind().(*kmsg.ListGroupsResponse)
	resp.Groups = []kmsg.ListGroupsResponseGroup{}
	matches := func(filter []string, value string) bool {
		return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(f, value) })
	}
	for _, id := range sortedKeys(c.groups) {
		g := c.groups[id]
		out := kmsg.NewListGroupsResponseGroup()
		out.Group, out.ProtocolType, out.GroupState, out.GroupType = g.id, g.protocolType, string(g.shown()), "classic"
		if g.consumer != nil {
			out.ProtocolType, out.GroupType = consumerType, "consumer"
		}
		if !matches(r.StatesFilter, out.GroupState) || !matches(r.TypesFilter, out.GroupType) {
			continue
		}
		resp.Groups = append(resp.Groups, out)
	}
	return resp
}
