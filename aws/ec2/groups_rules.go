package ec2

import (
	"context"
	"slices"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// AuthorizeSecurityGroupIngress lets connections in. aws:ec2
// AuthorizeSecurityGroupIngress
func (s *Service) AuthorizeSecurityGroupIngress(ctx context.Context, c model.Caller, in *ec2.AuthorizeSecurityGroupIngressRequest) (*ec2.AuthorizeSecurityGroupIngressResult, error) {
	perms := legacy{in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.FromPort, in.ToPort}.permissions(in.IpPermissions)
	rules, err := s.authorize(ctx, c, in.DryRun, in.GroupId, in.GroupName, false, perms, in.TagSpecifications)
	return &ec2.AuthorizeSecurityGroupIngressResult{Return: new(true), SecurityGroupRules: rules}, err
}

// AuthorizeSecurityGroupEgress lets connections out. aws:ec2
// AuthorizeSecurityGroupEgress
func (s *Service) AuthorizeSecurityGroupEgress(ctx context.Context, c model.Caller, in *ec2.AuthorizeSecurityGroupEgressRequest) (*ec2.AuthorizeSecurityGroupEgressResult, error) {
	perms := legacy{in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.FromPort, in.ToPort}.permissions(in.IpPermissions)
	rules, err := s.authorize(ctx, c, in.DryRun, in.GroupId, nil, true, perms, in.TagSpecifications)
	return &ec2.AuthorizeSecurityGroupEgressResult{Return: new(true), SecurityGroupRules: rules}, err
}

func (s *Service) authorize(
	ctx context.Context, c model.Caller, dryRun *bool, id, name *string, egress bool, in []ec2.IpPermission, specs []ec2.TagSpecification,
) (out []ec2.SecurityGroupRule, err error) {
	tags, err := newTags(specs, kindRule)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, c, dryRun, func(n *network) error {
		g, err := n.group(id, name)
		if err != nil {
			return err
		}
		rules, err := n.parse(g, egress, in)
		if err != nil {
			return err
		}
		if rules, err = n.authorize(g, rules, tags); err != nil {
			return err
		}
		out = nil
		for _, r := range rules {
			out = append(out, n.ruleShape(g, r))
		}
		return nil
	})
	return out, err
}

// RevokeSecurityGroupIngress takes inbound rules away. aws:ec2
// RevokeSecurityGroupIngress
func (s *Service) RevokeSecurityGroupIngress(ctx context.Context, c model.Caller, in *ec2.RevokeSecurityGroupIngressRequest) (*ec2.RevokeSecurityGroupIngressResult, error) {
	perms := legacy{in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.FromPort, in.ToPort}.permissions(in.IpPermissions)
	rules, err := s.revoke(ctx, c, in.DryRun, in.GroupId, in.GroupName, false, in.SecurityGroupRuleIds, perms)
	return &ec2.RevokeSecurityGroupIngressResult{Return: new(true), RevokedSecurityGroupRules: rules}, err
}

// RevokeSecurityGroupEgress takes outbound rules away. aws:ec2
// RevokeSecurityGroupEgress
func (s *Service) RevokeSecurityGroupEgress(ctx context.Context, c model.Caller, in *ec2.RevokeSecurityGroupEgressRequest) (*ec2.RevokeSecurityGroupEgressResult, error) {
	perms := legacy{in.IpProtocol, in.CidrIp, in.SourceSecurityGroupName, in.FromPort, in.ToPort}.permissions(in.IpPermissions)
	rules, err := s.revoke(ctx, c, in.DryRun, in.GroupId, nil, true, in.SecurityGroupRuleIds, perms)
	return &ec2.RevokeSecurityGroupEgressResult{Return: new(true), RevokedSecurityGroupRules: rules}, err
}

func (s *Service) revoke(
	ctx context.Context, c model.Caller, dryRun *bool, id, name *string, egress bool, ids []string, in []ec2.IpPermission,
) (out []ec2.RevokedSecurityGroupRule, err error) {
	err = s.change(ctx, c, dryRun, func(n *network) error {
		g, err := n.group(id, name)
		if err != nil {
			return err
		}
		rules, err := n.revoke(g, egress, ids, in)
		if err != nil {
			return err
		}
		out = nil
		for _, r := range rules {
			was := n.ruleShape(g, r)
			gone := ec2.RevokedSecurityGroupRule{
				SecurityGroupRuleId: was.SecurityGroupRuleId, GroupId: was.GroupId, IsEgress: was.IsEgress, IpProtocol: was.IpProtocol, FromPort: was.FromPort,
				ToPort: was.ToPort, CidrIpv4: was.CidrIpv4, CidrIpv6: was.CidrIpv6, Description: was.Description,
			}
			if was.ReferencedGroupInfo != nil {
				gone.ReferencedGroupId = was.ReferencedGroupInfo.GroupId
			}
			out = append(out, gone)
		}
		return nil
	})
	return out, err
}

// DescribeSecurityGroupRules lists rules one by one. aws:ec2
// DescribeSecurityGroupRules
func (s *Service) DescribeSecurityGroupRules(ctx context.Context, c model.Caller, in *ec2.DescribeSecurityGroupRulesRequest) (*ec2.DescribeSecurityGroupRulesResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	attrs := func(g *securityGroup, r rule) attributes {
		return attributes{"group-id": {g.ID}, "security-group-rule-id": {r.ID}}
	}
	if _, err := matches(in.Filters, attrs(&securityGroup{}, rule{}), nil); err != nil {
		return nil, err
	}
	found, seen := []ec2.SecurityGroupRule{}, map[string]bool{}
	for _, g := range all[securityGroup](n) {
		for _, r := range g.Rules {
			seen[r.ID] = true
			if ok, _ := matches(in.Filters, attrs(g, r), r.Tags); ok && wanted(in.SecurityGroupRuleIds, r.ID) { // the filters are known
				found = append(found, n.ruleShape(g, r))
			}
		}
	}
	for _, id := range in.SecurityGroupRuleIds {
		if !seen[id] {
			return nil, unknown(kindRule, id)
		}
	}
	part, next, err := page(found, "securityGroupRuleIds", len(in.SecurityGroupRuleIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeSecurityGroupRulesResult{SecurityGroupRules: part, NextToken: next}, err
}

func (n *network) ruleShape(g *securityGroup, r rule) ec2.SecurityGroupRule {
	out := ec2.SecurityGroupRule{
		SecurityGroupRuleId: new(r.ID), GroupId: new(g.ID), GroupOwnerId: new(n.caller.Account), IsEgress: new(r.Egress), IpProtocol: new(r.Protocol),
		FromPort: new(r.From), ToPort: new(r.To), SecurityGroupRuleArn: new(n.arn(kindRule, r.ID)), Tags: tagShapes(r.Tags),
	}
	if r.Description != "" {
		out.Description = new(r.Description)
	}
	switch {
	case r.Group != "":
		out.ReferencedGroupInfo = &ec2.ReferencedSecurityGroup{GroupId: new(r.Group), UserId: new(n.caller.Account)}
	case r.v6():
		out.CidrIpv6 = new(r.CIDR)
	default:
		out.CidrIpv4 = new(r.CIDR)
	}
	return out
}

// ModifySecurityGroupRules makes rules say something else under their ids.
// aws:ec2 ModifySecurityGroupRules
func (s *Service) ModifySecurityGroupRules(ctx context.Context, c model.Caller, in *ec2.ModifySecurityGroupRulesRequest) (*ec2.ModifySecurityGroupRulesResult, error) {
	return &ec2.ModifySecurityGroupRulesResult{Return: new(true)}, s.change(ctx, c, in.DryRun, func(n *network) error {
		g, err := n.group(in.GroupId, nil)
		if err != nil {
			return err
		}
		rules := slices.Clone(g.Rules)
		for _, u := range in.SecurityGroupRules {
			i := slices.IndexFunc(rules, func(r rule) bool { return r.ID == text(u.SecurityGroupRuleId) })
			if i < 0 {
				return unknown(kindRule, text(u.SecurityGroupRuleId))
			}
			if u.SecurityGroupRule == nil {
				return missing("SecurityGroupRule")
			}
			next, err := n.parse(g, rules[i].Egress, []ec2.IpPermission{permissionOf(u.SecurityGroupRule)})
			if err != nil {
				return err
			}
			if slices.ContainsFunc(rules, func(o rule) bool { return o.ID != rules[i].ID && o.same(next[0]) }) {
				return problem("InvalidPermission.Duplicate", `the specified rule "%s" already exists`, next[0])
			}
			next[0].ID, next[0].Tags = rules[i].ID, rules[i].Tags
			rules[i] = next[0]
		}
		if err := fits(rules); err != nil {
			return err
		}
		g.Rules = rules
		n.put(g)
		return nil
	})
}

// permissionOf is a rule's request as a permission.
func permissionOf(r *ec2.SecurityGroupRuleRequest) ec2.IpPermission {
	p := ec2.IpPermission{IpProtocol: r.IpProtocol, FromPort: r.FromPort, ToPort: r.ToPort}
	switch {
	case r.CidrIpv4 != nil:
		p.IpRanges = []ec2.IpRange{{CidrIp: r.CidrIpv4, Description: r.Description}}
	case r.CidrIpv6 != nil:
		p.Ipv6Ranges = []ec2.Ipv6Range{{CidrIpv6: r.CidrIpv6, Description: r.Description}}
	case r.ReferencedGroupId != nil:
		p.UserIdGroupPairs = []ec2.UserIdGroupPair{{GroupId: r.ReferencedGroupId, Description: r.Description}}
	case r.PrefixListId != nil:
		p.PrefixListIds = []ec2.PrefixListId{{PrefixListId: r.PrefixListId}}
	}
	return p
}

// UpdateSecurityGroupRuleDescriptionsIngress says what inbound rules are for.
// aws:ec2 UpdateSecurityGroupRuleDescriptionsIngress
func (s *Service) UpdateSecurityGroupRuleDescriptionsIngress(
	ctx context.Context, c model.Caller, in *ec2.UpdateSecurityGroupRuleDescriptionsIngressRequest,
) (*ec2.UpdateSecurityGroupRuleDescriptionsIngressResult, error) {
	return &ec2.UpdateSecurityGroupRuleDescriptionsIngressResult{Return: new(true)}, s.change(ctx, c, in.DryRun, func(n *network) error {
		g, err := n.group(in.GroupId, in.GroupName)
		if err != nil {
			return err
		}
		return n.describe(g, false, in.IpPermissions, in.SecurityGroupRuleDescriptions)
	})
}

// UpdateSecurityGroupRuleDescriptionsEgress says what outbound rules are for.
// aws:ec2 UpdateSecurityGroupRuleDescriptionsEgress
func (s *Service) UpdateSecurityGroupRuleDescriptionsEgress(
	ctx context.Context, c model.Caller, in *ec2.UpdateSecurityGroupRuleDescriptionsEgressRequest,
) (*ec2.UpdateSecurityGroupRuleDescriptionsEgressResult, error) {
	return &ec2.UpdateSecurityGroupRuleDescriptionsEgressResult{Return: new(true)}, s.change(ctx, c, in.DryRun, func(n *network) error {
		g, err := n.group(in.GroupId, in.GroupName)
		if err != nil {
			return err
		}
		return n.describe(g, true, in.IpPermissions, in.SecurityGroupRuleDescriptions)
	})
}
