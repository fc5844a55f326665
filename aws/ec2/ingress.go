package ec2

import (
	"net/netip"
	"slices"
)

// Ingress is the inbound rules for TCP of some security groups, compiled. It
// never changes; the zero Ingress allows nothing.
type Ingress struct {
	rules  []allowed
	blocks []netip.Prefix // of the groups' VPCs
	member []string       // the default groups of those VPCs
}

// allowed is one rule: either a prefix or a group.
type allowed struct {
	from, to uint16
	prefix   netip.Prefix
	group    string
}

// Source is where a connection comes from.
type Source struct {
	Addr   netip.Addr
	Within []netip.Prefix // it counts as every address of these as well
	Groups []string       // security groups that it is a member of
}

// Host is the source of a connection that counts as one of a host in the
// groups' VPC: of any address there, and a member of its default group.
func (i Ingress) Host(addr netip.Addr) Source {
	return Source{Addr: addr, Within: i.blocks, Groups: i.member}
}

// Allows says whether a rule lets a source connect to a TCP port.
func (i Ingress) Allows(from Source, port uint16) bool {
	addr := from.Addr.Unmap()
	return slices.ContainsFunc(i.rules, func(r allowed) bool {
		switch {
		case port < r.from || port > r.to:
			return false
		case r.group != "":
			return slices.Contains(from.Groups, r.group)
		}
		return r.prefix.Contains(addr) || slices.ContainsFunc(from.Within, r.prefix.Overlaps)
	})
}

// compile reads the rules of groups.
func compile(n *network, groups []string) Ingress {
	var out Ingress
	var seen []string
	for _, id := range groups {
		g, ok := n.find(id).(*securityGroup)
		if !ok {
			continue
		}
		for _, r := range g.Rules {
			if a, ok := r.allows(); ok {
				out.rules = append(out.rules, a)
			}
		}
		v, ok := n.find(g.VPC).(*vpc)
		if !ok || slices.Contains(seen, v.ID) {
			continue
		}
		seen = append(seen, v.ID)
		out.blocks = append(out.blocks, v.prefixes()...)
		if home, ok := n.defaultGroup(v.ID); ok {
			out.member = append(out.member, home.ID)
		}
	}
	return out
}

// allows is what a rule means for inbound TCP.
func (r *rule) allows() (allowed, bool) {
	if r.Egress || r.Protocol != "tcp" && r.Protocol != "-1" {
		return allowed{}, false
	}
	a := allowed{from: 0, to: 1<<16 - 1, group: r.Group}
	if r.Protocol == "tcp" {
		a.from, a.to = uint16(r.From), uint16(r.To)
	}
	if r.Group == "" {
		p, err := netip.ParsePrefix(r.CIDR)
		if err != nil {
			return allowed{}, false
		}
		a.prefix = p
	}
	return a, true
}
