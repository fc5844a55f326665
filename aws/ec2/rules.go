package ec2

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model/ec2"
)

// protocolNames is the protocols that EC2 calls by name.
var protocolNames = map[string]string{"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}

func hasPorts(protocol string) bool {
	return slices.Contains([]string{"tcp", "udp", "icmp", "icmpv6"}, protocol)
}

// protocolOf reads a protocol's name or number.
func protocolOf(in *string) (string, error) {
	if in == nil || *in == "" {
		return "", missing("ipProtocol")
	}
	p := strings.ToLower(*in)
	if name, ok := protocolNames[p]; ok {
		return name, nil
	}
	if n, err := strconv.Atoi(p); err == nil && n >= -1 && n <= 255 || hasPorts(p) {
		return p, nil
	}
	return "", problem("InvalidParameterValue", "Invalid value '%s' for IP protocol. Unknown protocol.", *in)
}

// portsOf reads a range of ports, or a type and code of ICMP. Protocols without
// ports have no range, whatever is given.
func portsOf(protocol string, from, to *int32) (low, high int32, err error) {
	low, high = -1, -1
	if !hasPorts(protocol) {
		return low, high, nil
	}
	if from != nil {
		low = *from
	}
	if to != nil {
		high = *to
	}
	if strings.HasPrefix(protocol, "icmp") {
		if low < -1 || low > 255 || high < -1 || high > 255 { // UNVERIFIED wording
			return 0, 0, problem("InvalidParameterValue", "Invalid ICMP type or code: (%d, %d)", low, high)
		}
		return low, high, nil
	}
	switch {
	case from == nil || to == nil:
		return 0, 0, problem("InvalidParameterValue", "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
	case low < 0 || high > 65535 || low > high: // UNVERIFIED wording
		return 0, 0, problem("InvalidParameterValue", "Invalid %s port range from (%d) to (%d)", strings.ToUpper(protocol), low, high)
	}
	return low, high, nil
}

// cidrOf reads a block of an IP version and answers its canonical form.
func cidrOf(in *string, v6 bool) (string, error) {
	p, err := netip.ParsePrefix(text(in))
	if err != nil || p.Addr().Is4() == v6 || p.Addr().Is4In6() {
		return "", problem("InvalidParameterValue", "CIDR block %s is malformed", text(in))
	}
	return p.Masked().String(), nil
}

// legacy is the members of old requests that say one rule without a list.
type legacy struct {
	protocol, cidr, group *string
	from, to              *int32
}

func (l legacy) permissions(given []ec2.IpPermission) []ec2.IpPermission {
	if len(given) > 0 || l == (legacy{}) {
		return given
	}
	p := ec2.IpPermission{IpProtocol: l.protocol, FromPort: l.from, ToPort: l.to}
	if l.cidr != nil {
		p.IpRanges = []ec2.IpRange{{CidrIp: l.cidr}}
	}
	if l.group != nil {
		p.UserIdGroupPairs = []ec2.UserIdGroupPair{{GroupName: l.group}}
		if p.IpProtocol == nil {
			p.IpProtocol = new("-1")
		}
	}
	return []ec2.IpPermission{p}
}

// parse reads permissions as rules of a group, without ids.
func (n *network) parse(g *securityGroup, egress bool, in []ec2.IpPermission) ([]rule, error) {
	var out []rule
	if len(in) == 0 {
		return nil, missing("ipPermissions")
	}
	for _, p := range in {
		protocol, err := protocolOf(p.IpProtocol)
		if err != nil {
			return nil, err
		}
		from, to, err := portsOf(protocol, p.FromPort, p.ToPort)
		if err != nil {
			return nil, err
		}
		peers, err := n.peers(g, p)
		if err != nil {
			return nil, err
		}
		for _, r := range peers {
			if !groupText.MatchString(r.Description) || len(r.Description) > 255 {
				return nil, problem("InvalidParameterValue", "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
			}
			r.Egress, r.Protocol, r.From, r.To = egress, protocol, from, to
			if slices.ContainsFunc(out, r.same) {
				return nil, problem("InvalidParameterValue", "The same permission must not appear multiple times")
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// peers reads whom a permission lets through.
func (n *network) peers(g *securityGroup, p ec2.IpPermission) (out []rule, err error) {
	for _, r := range p.IpRanges {
		cidr, err := cidrOf(r.CidrIp, false)
		if err != nil {
			return nil, err
		}
		out = append(out, rule{CIDR: cidr, Description: text(r.Description)})
	}
	for _, r := range p.Ipv6Ranges {
		cidr, err := cidrOf(r.CidrIpv6, true)
		if err != nil {
			return nil, err
		}
		out = append(out, rule{CIDR: cidr, Description: text(r.Description)})
	}
	for _, pair := range p.UserIdGroupPairs {
		other, err := n.peerGroup(g, pair.GroupId, pair.GroupName, pair.UserId)
		if err != nil {
			return nil, err
		}
		out = append(out, rule{Group: other, Description: text(pair.Description)})
	}
	for _, list := range p.PrefixListIds {
		return nil, noPrefixList(list.PrefixListId)
	}
	if len(out) == 0 { // UNVERIFIED
		return nil, missing("cidrIp")
	}
	return out, nil
}

func noPrefixList(id *string) error {
	return problem("InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist", text(id))
}

// peerGroup is a group of the same VPC: there is no peering between VPCs.
func (n *network) peerGroup(g *securityGroup, id, name, owner *string) (string, error) {
	if owner != nil && *owner != "" && *owner != n.caller.Account {
		return "", unknown(kindSecurityGroup, text(id))
	}
	if id == nil || *id == "" {
		id = nil
	}
	other, err := n.group(id, name)
	if err != nil {
		return "", err
	}
	if other.VPC != g.VPC {
		return "", problem("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
	}
	return other.ID, nil
}

// same says whether two rules let the same through.
func (r rule) same(o rule) bool {
	return r.Egress == o.Egress && r.Protocol == o.Protocol && r.From == o.From && r.To == o.To && r.CIDR == o.CIDR && r.Group == o.Group
}

// String is a rule as EC2's errors tell it.
func (r rule) String() string {
	peer, protocol := r.CIDR, strings.ToUpper(r.Protocol)
	if r.Group != "" {
		peer = r.Group
	}
	switch {
	case r.Protocol == "-1":
		return fmt.Sprintf("peer: %s, ALL, ALLOW", peer)
	case strings.HasPrefix(r.Protocol, "icmp"):
		return fmt.Sprintf("peer: %s, %s, type: %d, code: %d, ALLOW", peer, protocol, r.From, r.To)
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", peer, protocol, r.From, r.To)
}

func (r rule) v6() bool { return strings.Contains(r.CIDR, ":") }

// authorize adds rules to a group.
func (n *network) authorize(g *securityGroup, rules []rule, tags map[string]string) ([]rule, error) {
	have := slices.Clone(g.Rules)
	for i, r := range rules {
		if slices.ContainsFunc(have, r.same) {
			return nil, problem("InvalidPermission.Duplicate", `the specified rule "%s" already exists`, r)
		}
		id, err := n.fresh(kinds[kindRule].prefix)
		if err != nil {
			return nil, err
		}
		rules[i].ID, rules[i].Tags = id, tags
		have = append(have, rules[i])
	}
	if err := fits(have); err != nil {
		return nil, err
	}
	g.Rules = have
	n.put(g)
	return rules, nil
}

// fits checks the limit of a group's rules.
func fits(rules []rule) error {
	count := map[[2]bool]int{}
	for _, r := range rules {
		at := [2]bool{r.Egress, r.v6()}
		if count[at]++; count[at] > maxRules {
			return problem("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
		}
	}
	return nil
}

// revoke takes rules of a direction from a group, by their ids or by what they
// say.
func (n *network) revoke(g *securityGroup, egress bool, ids []string, in []ec2.IpPermission) (revoked []rule, err error) {
	var gone func(rule) bool
	switch {
	case len(ids) > 0 && len(in) > 0:
		return nil, problem("InvalidParameterCombination", "The parameters 'ipPermissions' and 'securityGroupRuleIds' may not be used together") // UNVERIFIED wording
	case len(ids) > 0:
		for _, id := range ids {
			if !slices.ContainsFunc(g.Rules, func(r rule) bool { return r.ID == id && r.Egress == egress }) {
				return nil, unknown(kindRule, id)
			}
		}
		gone = func(r rule) bool { return slices.Contains(ids, r.ID) }
	default:
		rules, err := n.parse(g, egress, in)
		if err != nil {
			return nil, err
		}
		for _, r := range rules {
			if !slices.ContainsFunc(g.Rules, r.same) {
				return nil, problem("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
		}
		gone = func(r rule) bool { return slices.ContainsFunc(rules, r.same) }
	}
	var kept []rule
	for _, r := range g.Rules {
		if gone(r) {
			revoked = append(revoked, r)
		} else {
			kept = append(kept, r)
		}
	}
	g.Rules = kept
	n.put(g)
	return revoked, nil
}

// describe changes what rules of a direction are said to be for.
func (n *network) describe(g *securityGroup, egress bool, in []ec2.IpPermission, byID []ec2.SecurityGroupRuleDescription) error {
	rules := slices.Clone(g.Rules)
	for _, d := range byID {
		i := slices.IndexFunc(rules, func(r rule) bool { return r.ID == text(d.SecurityGroupRuleId) && r.Egress == egress })
		if i < 0 {
			return unknown(kindRule, text(d.SecurityGroupRuleId))
		}
		rules[i].Description = text(d.Description)
	}
	if len(in) > 0 || len(byID) == 0 {
		given, err := n.parse(g, egress, in)
		if err != nil {
			return err
		}
		for _, r := range given {
			i := slices.IndexFunc(rules, r.same)
			if i < 0 {
				return problem("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			rules[i].Description = r.Description
		}
	}
	g.Rules = rules
	n.put(g)
	return nil
}

// permissionAttributes is what filters of a group compare with in a rule.
func (n *network) permissionAttributes(r rule) map[string]string {
	a := map[string]string{"protocol": r.Protocol}
	if hasPorts(r.Protocol) {
		a["from-port"], a["to-port"] = strconv.Itoa(int(r.From)), strconv.Itoa(int(r.To))
	}
	switch {
	case r.Group != "":
		a["group-id"], a["user-id"] = r.Group, n.caller.Account
		if g, ok := n.find(r.Group).(*securityGroup); ok {
			a["group-name"] = g.Name
		}
	case r.v6():
		a["ipv6-cidr"] = r.CIDR
	default:
		a["cidr"] = r.CIDR
	}
	return a
}
