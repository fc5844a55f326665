package ec2

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

const (
	defaultGroupName        = "default"
	defaultGroupDescription = "default VPC security group"

	maxGroups = 2500 // of an account in a region. aws:ec2 VPC quotas
	maxRules  = 60   // of a group in one direction and IP version
)

// groupText is what names and descriptions may hold. aws:ec2 CreateSecurityGroup
var groupText = regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*$`)

// defaultGroup is a VPC's.
func (n *network) defaultGroup(vpc string) (*securityGroup, bool) {
	for _, g := range all[securityGroup](n) {
		if g.VPC == vpc && g.Name == defaultGroupName {
			return g, true
		}
	}
	return nil, false
}

// group finds a group by its id, or by its name in the default VPC.
func (n *network) group(id, name *string) (*securityGroup, error) {
	switch {
	case id != nil:
		return get[securityGroup](n, kindSecurityGroup, id)
	case name == nil:
		return nil, missing("groupId or groupName")
	}
	home, err := n.defaultVPC()
	if err != nil {
		return nil, err
	}
	for _, g := range all[securityGroup](n) {
		if g.VPC == home.ID && g.Name == *name {
			return g, nil
		}
	}
	return nil, problem("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC '%s'", *name, home.ID)
}

// CreateSecurityGroup makes a group that lets everything out. aws:ec2
// CreateSecurityGroup
func (s *Service) CreateSecurityGroup(ctx context.Context, c model.Caller, in *ec2.CreateSecurityGroupRequest) (*ec2.CreateSecurityGroupResult, error) {
	tags, err := newTags(in.TagSpecifications, kindSecurityGroup)
	if err != nil {
		return nil, err
	}
	if err := checkGroupTexts(*in.GroupName, *in.Description); err != nil {
		return nil, err
	}
	var g *securityGroup
	err = s.change(ctx, c, in.DryRun, func(n *network) error {
		home, err := n.vpcOr(in.VpcId)
		if err != nil {
			return err
		}
		groups := all[securityGroup](n)
		if slices.ContainsFunc(groups, func(o *securityGroup) bool { return o.VPC == home.ID && o.Name == *in.GroupName }) {
			return problem("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", *in.GroupName, home.ID)
		}
		if len(groups) >= maxGroups {
			return problem("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.")
		}
		g, err = n.newGroup(home.ID, *in.GroupName, *in.Description, tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &ec2.CreateSecurityGroupResult{
		GroupId: new(g.ID), Tags: tagShapes(tags), SecurityGroupArn: new(arn(c, string(kindSecurityGroup), g.ID)),
	}, nil
}

func (n *network) newGroup(vpc, name, description string, tags map[string]string) (*securityGroup, error) {
	base, err := n.named(kindSecurityGroup, tags)
	if err != nil {
		return nil, err
	}
	out, err := n.fresh(kinds[kindRule].prefix)
	if err != nil {
		return nil, err
	}
	g := &securityGroup{common: base, VPC: vpc, Name: name, Description: description, Rules: []rule{everywhere(out)}}
	n.put(g)
	return g, nil
}

func checkGroupTexts(name, description string) error {
	const allowed = "Valid %s are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
	switch {
	case name == defaultGroupName:
		return problem("InvalidParameterValue", "Cannot use reserved security group name: %s", name)
	case name == "" || len(name) > 255 || !groupText.MatchString(name):
		return problem("InvalidParameterValue", "Invalid security group name. "+allowed, "names")
	case strings.HasPrefix(name, "sg-"):
		return problem("InvalidParameterValue", "Invalid group name: group names cannot begin with sg-.") // UNVERIFIED wording
	case description == "":
		return missing("GroupDescription")
	case len(description) > 255 || !groupText.MatchString(description):
		return problem("InvalidParameterValue", "Invalid security group description. "+allowed, "descriptions")
	}
	return nil
}

// DeleteSecurityGroup deletes a group that nothing uses and no rule names.
// aws:ec2 DeleteSecurityGroup
func (s *Service) DeleteSecurityGroup(ctx context.Context, c model.Caller, in *ec2.DeleteSecurityGroupRequest) (*ec2.DeleteSecurityGroupResult, error) {
	out := &ec2.DeleteSecurityGroupResult{Return: new(true)}
	return out, s.change(ctx, c, in.DryRun, func(n *network) error {
		g, err := n.group(in.GroupId, in.GroupName)
		if err != nil {
			return err
		}
		if g.Name == defaultGroupName {
			return problem("CannotDelete", `the specified group: "%s" name: "%s" cannot be deleted by a user`, g.ID, g.Name)
		}
		named := slices.ContainsFunc(all[securityGroup](n), func(o *securityGroup) bool {
			return o != g && slices.ContainsFunc(o.Rules, func(r rule) bool { return r.Group == g.ID })
		})
		if named || slices.ContainsFunc(n.used, func(i Interface) bool { return slices.Contains(i.Groups, g.ID) }) {
			return problem("DependencyViolation", "resource %s has a dependent object", g.ID)
		}
		out.GroupId = new(g.ID)
		n.remove(g)
		return nil
	})
}

// DescribeSecurityGroups shows groups with their rules. aws:ec2
// DescribeSecurityGroups
func (s *Service) DescribeSecurityGroups(ctx context.Context, c model.Caller, in *ec2.DescribeSecurityGroupsRequest) (*ec2.DescribeSecurityGroupsResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	ids := slices.Clone(in.GroupIds)
	for _, name := range in.GroupNames {
		g, err := n.group(nil, &name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, g.ID)
	}
	groups := view[securityGroup, ec2.SecurityGroup]{kindSecurityGroup, n.groupAttributes, n.groupShape}
	found, err := groups.list(n, ids, in.Filters)
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, "groupIds", len(ids), in.MaxResults, in.NextToken)
	return &ec2.DescribeSecurityGroupsResult{SecurityGroups: part, NextToken: next}, err
}

func (n *network) groupAttributes(g *securityGroup) attributes {
	a := attributes{"group-id": {g.ID}, "group-name": {g.Name}, "vpc-id": {g.VPC}, "owner-id": {n.caller.Account}, "description": {g.Description}}
	for _, direction := range []string{"", "egress."} {
		for _, name := range []string{"cidr", "ipv6-cidr", "from-port", "to-port", "protocol", "group-id", "group-name", "user-id", "prefix-list-id"} {
			a[direction+"ip-permission."+name] = nil
		}
	}
	for _, r := range g.Rules {
		at := "ip-permission."
		if r.Egress {
			at = "egress." + at
		}
		for name, value := range n.permissionAttributes(r) {
			a[at+name] = append(a[at+name], value)
		}
	}
	return a
}

func (n *network) groupShape(g *securityGroup) ec2.SecurityGroup {
	return ec2.SecurityGroup{
		GroupId: new(g.ID), GroupName: new(g.Name), VpcId: new(g.VPC), OwnerId: new(n.caller.Account), Description: new(g.Description),
		SecurityGroupArn: new(n.arn(kindSecurityGroup, g.ID)), Tags: tagShapes(g.Tags),
		IpPermissions: n.permissions(g, false), IpPermissionsEgress: n.permissions(g, true),
	}
}

// permissions shows rules of a direction, those of the same ports together.
func (n *network) permissions(g *securityGroup, egress bool) []ec2.IpPermission {
	out := []ec2.IpPermission{}
	for _, r := range g.Rules {
		if r.Egress != egress {
			continue
		}
		i := slices.IndexFunc(out, func(p ec2.IpPermission) bool {
			return *p.IpProtocol == r.Protocol && (p.FromPort == nil || *p.FromPort == r.From && *p.ToPort == r.To)
		})
		if i < 0 {
			i = len(out)
			out = append(out, emptyPermission(r))
		}
		n.addPeer(&out[i], r)
	}
	return out
}

// emptyPermission has the lists that AWS always gives.
func emptyPermission(r rule) ec2.IpPermission {
	p := ec2.IpPermission{
		IpProtocol: new(r.Protocol), IpRanges: []ec2.IpRange{}, Ipv6Ranges: []ec2.Ipv6Range{}, PrefixListIds: []ec2.PrefixListId{},
		UserIdGroupPairs: []ec2.UserIdGroupPair{},
	}
	if hasPorts(r.Protocol) {
		p.FromPort, p.ToPort = new(r.From), new(r.To)
	}
	return p
}

func (n *network) addPeer(p *ec2.IpPermission, r rule) {
	var about *string
	if r.Description != "" {
		about = new(r.Description)
	}
	switch {
	case r.Group != "":
		p.UserIdGroupPairs = append(p.UserIdGroupPairs, ec2.UserIdGroupPair{GroupId: new(r.Group), UserId: new(n.caller.Account), Description: about})
	case strings.Contains(r.CIDR, ":"):
		p.Ipv6Ranges = append(p.Ipv6Ranges, ec2.Ipv6Range{CidrIpv6: new(r.CIDR), Description: about})
	default:
		p.IpRanges = append(p.IpRanges, ec2.IpRange{CidrIp: new(r.CIDR), Description: about})
	}
}
