package ec2

import (
	"context"
	"net/netip"
	"slices"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// Limits of an account in a region: what AWS grants on request.
const (
	maxVPCs    = 100
	maxBlocks  = 5 // of a VPC
	vpcBitsMin = 16
	vpcBitsMax = 28
)

// defaultVPC is the account's.
func (n *network) defaultVPC() (*vpc, error) {
	for _, v := range all[vpc](n) {
		if v.Default {
			return v, nil
		}
	}
	return nil, problem("VPCIdNotSpecified", "No default VPC for this user")
}

// vpcOr is the VPC of an id, without one the default.
func (n *network) vpcOr(id *string) (*vpc, error) {
	if id == nil {
		return n.defaultVPC()
	}
	return get[vpc](n, kindVPC, id)
}

// prefixes is the VPC's blocks.
func (v *vpc) prefixes() (out []netip.Prefix) {
	for _, b := range append([]block{v.Block}, v.More...) {
		if p, err := netip.ParsePrefix(b.CIDR); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// blockOf reads the CIDR of a VPC or subnet and answers its canonical form.
func blockOf(in *string, parameter, rangeCode string) (netip.Prefix, error) {
	if in == nil {
		return netip.Prefix{}, missing(parameter)
	}
	p, err := netip.ParsePrefix(*in)
	if err != nil || !p.Addr().Is4() {
		return p, problem("InvalidParameterValue", "Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", *in, parameter)
	}
	if p.Bits() < vpcBitsMin || p.Bits() > vpcBitsMax {
		return p, problem(rangeCode, "The CIDR '%s' is invalid.", *in)
	}
	return p.Masked(), nil
}

// CreateVpc makes a VPC with its main route table, default security group and
// default network ACL. aws:ec2 CreateVpc
func (s *Service) CreateVpc(ctx context.Context, c model.Caller, in *ec2.CreateVpcRequest) (out *ec2.CreateVpcResult, err error) {
	tags, err := newTags(in.TagSpecifications, kindVPC)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Ipv4IpamPoolId != nil || in.Ipv6IpamPoolId != nil || in.Ipv4NetmaskLength != nil:
		return nil, unsupported("IP Address Manager")
	case in.VpcEncryptionControl != nil:
		return nil, unsupported("encryption control of VPCs")
	}
	six, err := wantsSix(c.Region, in.AmazonProvidedIpv6CidrBlock, in.Ipv6CidrBlock, in.Ipv6Pool, in.Ipv6CidrBlockNetworkBorderGroup)
	if err != nil {
		return nil, err
	}
	p, err := blockOf(in.CidrBlock, "cidrBlock", "InvalidVpc.Range")
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, c, in.DryRun, func(n *network) error {
		if len(all[vpc](n)) >= maxVPCs {
			return problem("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
		}
		v, err := n.newVPC(p.String(), text(in.InstanceTenancy), tags)
		if err == nil && six {
			_, err = n.newSix(v)
		}
		if err != nil {
			return err
		}
		out = &ec2.CreateVpcResult{Vpc: new(n.vpcShape(v))}
		return nil
	})
	return out, err
}

func (n *network) newVPC(cidr, tenancy string, tags map[string]string) (*vpc, error) {
	base, err := n.named(kindVPC, tags)
	if err != nil {
		return nil, err
	}
	if tenancy == "" {
		tenancy = "default"
	}
	v := &vpc{common: base, Block: block{CIDR: cidr}, Tenancy: tenancy}
	table := &routeTable{VPC: v.ID}
	acl := &networkACL{VPC: v.ID}
	for _, to := range []struct {
		id     *string
		prefix string
	}{{&v.Block.ID, "vpc-cidr-assoc"}, {&table.ID, "rtb"}, {&table.Main, "rtbassoc"}, {&acl.ID, "acl"}} {
		if *to.id, err = n.fresh(to.prefix); err != nil {
			return nil, err
		}
	}
	g, err := n.newGroup(v.ID, defaultGroupName, defaultGroupDescription, nil)
	if err != nil {
		return nil, err
	}
	id, err := n.fresh(kinds[kindRule].prefix)
	if err != nil {
		return nil, err
	}
	g.Rules = append(g.Rules, rule{ID: id, Protocol: "-1", From: -1, To: -1, Group: g.ID})
	n.put(v)
	n.put(table)
	n.put(acl)
	return v, nil
}

// CreateDefaultVpc brings back the default VPC that was deleted, or what was
// deleted of it. aws:ec2 CreateDefaultVpc
func (s *Service) CreateDefaultVpc(ctx context.Context, c model.Caller, in *ec2.CreateDefaultVpcRequest) (out *ec2.CreateDefaultVpcResult, err error) {
	err = s.change(ctx, c, in.DryRun, func(n *network) error {
		if v, err := n.defaultVPC(); err == nil {
			return problem("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region: %s", v.ID)
		}
		for _, r := range defaults(c.Account, c.Region) {
			if n.find(r.base().ID) == nil {
				n.put(r)
			}
		}
		v, err := n.defaultVPC()
		if err == nil {
			out = &ec2.CreateDefaultVpcResult{Vpc: new(n.vpcShape(v))}
		}
		return err
	})
	return out, err
}

// DeleteVpc deletes a VPC in which nothing else stands. aws:ec2 DeleteVpc
func (s *Service) DeleteVpc(ctx context.Context, c model.Caller, in *ec2.DeleteVpcRequest) (*ec2.DeleteVpcResponse, error) {
	return &ec2.DeleteVpcResponse{}, s.change(ctx, c, in.DryRun, func(n *network) error {
		v, err := get[vpc](n, kindVPC, in.VpcId)
		if err != nil {
			return err
		}
		tables := some(n, func(t *routeTable) bool { return t.VPC == v.ID })
		groups := some(n, func(g *securityGroup) bool { return g.VPC == v.ID })
		if len(some(n, func(s *subnet) bool { return s.VPC == v.ID })) > 0 ||
			len(some(n, func(g *internetGateway) bool { return g.VPC == v.ID })) > 0 ||
			slices.ContainsFunc(tables, func(t *routeTable) bool { return t.Main == "" }) ||
			slices.ContainsFunc(groups, func(g *securityGroup) bool { return g.Name != defaultGroupName }) {
			return blocked("vpc", v.ID)
		}
		n.remove(v)
		for _, t := range tables {
			n.remove(t)
		}
		for _, g := range groups {
			n.remove(g)
		}
		for _, a := range some(n, func(a *networkACL) bool { return a.VPC == v.ID }) {
			n.remove(a)
		}
		return nil
	})
}

// AssociateVpcCidrBlock gives a VPC another block. aws:ec2 AssociateVpcCidrBlock
func (s *Service) AssociateVpcCidrBlock(ctx context.Context, c model.Caller, in *ec2.AssociateVpcCidrBlockRequest) (out *ec2.AssociateVpcCidrBlockResult, err error) {
	switch {
	case in.Ipv4IpamPoolId != nil || in.Ipv6IpamPoolId != nil || in.Ipv4NetmaskLength != nil:
		return nil, unsupported("IP Address Manager")
	}
	six, err := wantsSix(c.Region, in.AmazonProvidedIpv6CidrBlock, in.Ipv6CidrBlock, in.Ipv6Pool, in.Ipv6CidrBlockNetworkBorderGroup)
	if err != nil {
		return nil, err
	}
	if six {
		return s.associateSix(ctx, c, in.VpcId)
	}
	p, err := blockOf(in.CidrBlock, "cidrBlock", "InvalidVpc.Range")
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, c, nil, func(n *network) error {
		v, err := get[vpc](n, kindVPC, in.VpcId)
		if err != nil {
			return err
		}
		if len(v.More)+1 >= maxBlocks {
			return problem("CidrBlocksLimitExceeded", "This network '%s' has met its maximum number of allowed CIDRs: %d", v.ID, maxBlocks) // UNVERIFIED
		}
		if slices.ContainsFunc(v.prefixes(), p.Overlaps) { // UNVERIFIED
			return problem("InvalidVpc.Range", "The CIDR '%s' conflicts with another CIDR block of the VPC.", p)
		}
		id, err := n.fresh("vpc-cidr-assoc")
		if err != nil {
			return err
		}
		v.More = append(slices.Clone(v.More), block{id, p.String()})
		n.put(v)
		out = &ec2.AssociateVpcCidrBlockResult{VpcId: new(v.ID), CidrBlockAssociation: new(blockShape(block{id, p.String()}, "associated"))}
		return nil
	})
	return out, err
}

// DisassociateVpcCidrBlock takes a block from a VPC that no subnet lies in.
// aws:ec2 DisassociateVpcCidrBlock
func (s *Service) DisassociateVpcCidrBlock(ctx context.Context, c model.Caller, in *ec2.DisassociateVpcCidrBlockRequest) (out *ec2.DisassociateVpcCidrBlockResult, err error) {
	err = s.change(ctx, c, nil, func(n *network) error {
		for _, v := range all[vpc](n) {
			if v.Block.ID == *in.AssociationId {
				return problem("OperationNotPermitted", "The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC", v.Block.ID)
			}
			named := func(b block) bool { return b.ID == *in.AssociationId }
			if i := slices.IndexFunc(v.Six, named); i >= 0 {
				out = &ec2.DisassociateVpcCidrBlockResult{VpcId: new(v.ID), Ipv6CidrBlockAssociation: new(n.sixShape(v.Six[i], "disassociated"))}
				return n.dropSix(v, i)
			}
			i := slices.IndexFunc(v.More, named)
			if i < 0 {
				continue
			}
			b := v.More[i]
			p, err := netip.ParsePrefix(b.CIDR)
			if err != nil {
				return err
			}
			for _, sub := range some(n, func(s *subnet) bool { return s.VPC == v.ID }) {
				if sub.prefix().Overlaps(p) { // UNVERIFIED wording
					return problem("DependencyViolation", "The vpc CIDR block '%s' has dependencies and cannot be disassociated.", b.CIDR)
				}
			}
			v.More = slices.Delete(slices.Clone(v.More), i, i+1)
			n.put(v)
			out = &ec2.DisassociateVpcCidrBlockResult{VpcId: new(v.ID), CidrBlockAssociation: new(blockShape(b, "disassociated"))}
			return nil
		}
		return problem("InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID '%s' does not exist", *in.AssociationId)
	})
	return out, err
}

// ModifyVpcAttribute changes one of the attributes that DescribeVpcAttribute
// shows. aws:ec2 ModifyVpcAttribute
func (s *Service) ModifyVpcAttribute(ctx context.Context, c model.Caller, in *ec2.ModifyVpcAttributeRequest) (*ec2.ModifyVpcAttributeResponse, error) {
	given := 0
	for _, a := range []*ec2.AttributeBooleanValue{in.EnableDnsHostnames, in.EnableDnsSupport, in.EnableNetworkAddressUsageMetrics} {
		if a != nil {
			given++
		}
	}
	if given != 1 {
		return nil, problem("InvalidParameterCombination", "Fields for one attribute type may be specified, not %d", given) // UNVERIFIED wording
	}
	return &ec2.ModifyVpcAttributeResponse{}, s.change(ctx, c, nil, func(n *network) error {
		v, err := get[vpc](n, kindVPC, in.VpcId)
		if err != nil {
			return err
		}
		switch {
		case in.EnableDnsHostnames != nil:
			v.DNSHostnames = isTrue(in.EnableDnsHostnames.Value)
		case in.EnableDnsSupport != nil:
			v.NoDNS = !isTrue(in.EnableDnsSupport.Value)
		default:
			v.Metrics = isTrue(in.EnableNetworkAddressUsageMetrics.Value)
		}
		n.put(v)
		return nil
	})
}

// DescribeVpcAttribute shows how a VPC answers names. aws:ec2
// DescribeVpcAttribute
func (s *Service) DescribeVpcAttribute(ctx context.Context, c model.Caller, in *ec2.DescribeVpcAttributeRequest) (*ec2.DescribeVpcAttributeResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	v, err := get[vpc](n, kindVPC, in.VpcId)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeVpcAttributeResult{VpcId: new(v.ID)}
	switch *in.Attribute {
	case "enableDnsHostnames":
		out.EnableDnsHostnames = &ec2.AttributeBooleanValue{Value: new(v.DNSHostnames)}
	case "enableDnsSupport":
		out.EnableDnsSupport = &ec2.AttributeBooleanValue{Value: new(!v.NoDNS)}
	case "enableNetworkAddressUsageMetrics":
		out.EnableNetworkAddressUsageMetrics = &ec2.AttributeBooleanValue{Value: new(v.Metrics)}
	}
	return out, nil
}

// DescribeVpcs shows VPCs. aws:ec2 DescribeVpcs
func (s *Service) DescribeVpcs(ctx context.Context, c model.Caller, in *ec2.DescribeVpcsRequest) (*ec2.DescribeVpcsResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	found, err := view[vpc, ec2.Vpc]{kindVPC, n.vpcAttributes, n.vpcShape}.list(n, in.VpcIds, in.Filters)
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, "vpcIds", len(in.VpcIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeVpcsResult{Vpcs: part, NextToken: next}, err
}

func (n *network) vpcAttributes(v *vpc) attributes {
	a := attributes{
		"vpc-id": {v.ID}, "cidr": {v.Block.CIDR}, "cidr-block-association.state": {"associated"}, "dhcp-options-id": {n.options()},
		"is-default": yes(v.Default), "isDefault": yes(v.Default), "state": {"available"}, "owner-id": {n.caller.Account},
		"ipv6-cidr-block-association.association-id": nil, "ipv6-cidr-block-association.ipv6-cidr-block": nil,
		"ipv6-cidr-block-association.ipv6-pool": nil, "ipv6-cidr-block-association.state": nil,
		"cidr-block-association.cidr-block": nil, "cidr-block-association.association-id": nil,
	}
	for _, b := range append([]block{v.Block}, v.More...) {
		a["cidr-block-association.cidr-block"] = append(a["cidr-block-association.cidr-block"], b.CIDR)
		a["cidr-block-association.association-id"] = append(a["cidr-block-association.association-id"], b.ID)
	}
	sixAttributes(a, v.Six...)
	return a
}

func blockShape(b block, state string) ec2.VpcCidrBlockAssociation {
	return ec2.VpcCidrBlockAssociation{AssociationId: new(b.ID), CidrBlock: new(b.CIDR), CidrBlockState: &ec2.VpcCidrBlockState{State: new(state)}}
}

func (n *network) vpcShape(v *vpc) ec2.Vpc {
	out := ec2.Vpc{
		VpcId: new(v.ID), CidrBlock: new(v.Block.CIDR), IsDefault: new(v.Default), State: new("available"), OwnerId: new(n.caller.Account),
		InstanceTenancy: new(v.Tenancy), DhcpOptionsId: new(n.options()), Tags: tagShapes(v.Tags),
	}
	for _, b := range append([]block{v.Block}, v.More...) {
		out.CidrBlockAssociationSet = append(out.CidrBlockAssociationSet, blockShape(b, "associated"))
	}
	for _, b := range v.Six {
		out.Ipv6CidrBlockAssociationSet = append(out.Ipv6CidrBlockAssociationSet, n.sixShape(b, "associated"))
	}
	return out
}
