package ec2

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

const (
	maxSubnets   = 200 // of a VPC. aws:ec2 VPC quotas
	keptInSubnet = 5   // addresses that AWS keeps: the first four and the last
)

// prefix is the subnet's block.
func (s *subnet) prefix() netip.Prefix {
	p, _ := netip.ParsePrefix(s.CIDR) // the zero Prefix overlaps nothing
	return p
}

// CreateSubnet makes a subnet in a zone of a VPC. aws:ec2 CreateSubnet
func (s *Service) CreateSubnet(ctx context.Context, c model.Caller, in *ec2.CreateSubnetRequest) (out *ec2.CreateSubnetResult, err error) {
	tags, err := newTags(in.TagSpecifications, kindSubnet)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Ipv4IpamPoolId != nil || in.Ipv6IpamPoolId != nil || in.Ipv4NetmaskLength != nil || in.Ipv6NetmaskLength != nil:
		return nil, unsupported("IP Address Manager")
	case isTrue(in.Ipv6Native):
		return nil, unsupported("subnets of IPv6 alone")
	case in.OutpostArn != nil:
		return nil, unsupported("Outposts")
	}
	zone, err := zoneOf(c.Region, in.AvailabilityZone, in.AvailabilityZoneId)
	if err != nil {
		return nil, err
	}
	p, err := blockOf(in.CidrBlock, "cidrBlock", "InvalidSubnet.Range")
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, c, in.DryRun, func(n *network) error {
		v, err := get[vpc](n, kindVPC, in.VpcId)
		if err != nil {
			return err
		}
		if err := n.placed(v, p); err != nil {
			return err
		}
		base, err := n.named(kindSubnet, tags)
		if err != nil {
			return err
		}
		sub := &subnet{common: base, VPC: v.ID, CIDR: p.String(), Zone: zone, HostnameBy: "ip-name"}
		if in.Ipv6CidrBlock != nil {
			if err := n.placeSix(sub, *in.Ipv6CidrBlock); err != nil {
				return err
			}
		}
		n.put(sub)
		out = &ec2.CreateSubnetResult{Subnet: new(n.subnetShape(sub))}
		return nil
	})
	return out, err
}

// placed checks that a subnet's block lies within one of the VPC and beside its
// other subnets.
func (n *network) placed(v *vpc, p netip.Prefix) error {
	within := slices.ContainsFunc(v.prefixes(), func(b netip.Prefix) bool { return b.Bits() <= p.Bits() && b.Contains(p.Addr()) })
	if !within {
		return problem("InvalidSubnet.Range", "The CIDR '%s' is invalid.", p)
	}
	others := some(n, func(s *subnet) bool { return s.VPC == v.ID })
	if slices.ContainsFunc(others, func(s *subnet) bool { return s.prefix().Overlaps(p) }) {
		return problem("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", p)
	}
	if len(others) >= maxSubnets {
		return problem("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
	}
	return nil
}

// zoneOf is the zone that a request names by name or id; the first for none.
func zoneOf(region string, name, id *string) (int, error) {
	var names []string
	for i := range zonesPerRegion {
		if name != nil && *name == zoneName(region, i) || name == nil && id != nil && *id == zoneID(region, i) {
			return i, nil
		}
		names = append(names, zoneName(region, i))
	}
	if name == nil && id == nil {
		return 0, nil
	}
	asked, parameter := text(name), "availabilityZone"
	if name == nil {
		asked, parameter = *id, "availabilityZoneId"
	}
	return 0, problem("InvalidParameterValue", "Value (%s) for parameter %s is invalid. Subnets can currently only be created in the following availability zones: %s.",
		asked, parameter, strings.Join(names, ", "))
}

// CreateDefaultSubnet brings back the default subnet of a zone. aws:ec2
// CreateDefaultSubnet
func (s *Service) CreateDefaultSubnet(ctx context.Context, c model.Caller, in *ec2.CreateDefaultSubnetRequest) (out *ec2.CreateDefaultSubnetResult, err error) {
	if isTrue(in.Ipv6Native) {
		return nil, unsupported("subnets of IPv6 alone")
	}
	zone, err := zoneOf(c.Region, in.AvailabilityZone, in.AvailabilityZoneId)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, c, in.DryRun, func(n *network) error {
		v, err := n.defaultVPC()
		if err != nil {
			return problem("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.")
		}
		sub := defaultSubnet(c.Account, c.Region, zone)
		if n.find(sub.ID) != nil {
			return problem("DefaultSubnetAlreadyExistsInAvailabilityZone", "'%s' is already the default subnet in %s", sub.ID, zoneName(c.Region, zone))
		}
		if err := n.placed(v, sub.prefix()); err != nil {
			return err
		}
		n.put(sub)
		out = &ec2.CreateDefaultSubnetResult{Subnet: new(n.subnetShape(sub))}
		return nil
	})
	return out, err
}

// DeleteSubnet deletes a subnet in which nothing stands. aws:ec2 DeleteSubnet
func (s *Service) DeleteSubnet(ctx context.Context, c model.Caller, in *ec2.DeleteSubnetRequest) (*ec2.DeleteSubnetResponse, error) {
	return &ec2.DeleteSubnetResponse{}, s.change(ctx, c, in.DryRun, func(n *network) error {
		sub, err := get[subnet](n, kindSubnet, in.SubnetId)
		if err != nil {
			return err
		}
		if len(n.interfaces(sub.ID)) > 0 {
			return blocked("subnet", sub.ID)
		}
		for _, t := range all[routeTable](n) {
			if i := t.of(sub.ID); i >= 0 {
				t.Associations = slices.Delete(slices.Clone(t.Associations), i, i+1)
				n.put(t)
			}
		}
		n.remove(sub)
		return nil
	})
}

// ModifySubnetAttribute changes what hosts of a subnet get. aws:ec2
// ModifySubnetAttribute
func (s *Service) ModifySubnetAttribute(ctx context.Context, c model.Caller, in *ec2.ModifySubnetAttributeRequest) (*ec2.ModifySubnetAttributeResponse, error) {
	for what, v := range map[string]*ec2.AttributeBooleanValue{
		"DNS64": in.EnableDns64, "customer-owned addresses": in.MapCustomerOwnedIpOnLaunch,
	} {
		if v != nil && isTrue(v.Value) {
			return nil, unsupported(what)
		}
	}
	if in.CustomerOwnedIpv4Pool != nil || in.EnableLniAtDeviceIndex != nil {
		return nil, unsupported("Outposts")
	}
	return &ec2.ModifySubnetAttributeResponse{}, s.change(ctx, c, nil, func(n *network) error {
		sub, err := get[subnet](n, kindSubnet, in.SubnetId)
		if err != nil {
			return err
		}
		if v := in.AssignIpv6AddressOnCreation; v != nil && isTrue(v.Value) && sub.Six.ID == "" { // UNVERIFIED wording
			return problem("InvalidParameterValue", "Invalid value 'true' for assignIpv6AddressOnCreation. The subnet '%s' has no IPv6 CIDR block.", sub.ID)
		}
		for to, v := range map[*bool]*ec2.AttributeBooleanValue{
			&sub.SixOnCreation: in.AssignIpv6AddressOnCreation, &sub.PublicIPs: in.MapPublicIpOnLaunch, &sub.ARecords: in.EnableResourceNameDnsARecordOnLaunch, &sub.AAAARecords: in.EnableResourceNameDnsAAAARecordOnLaunch,
		} {
			if v != nil {
				*to = isTrue(v.Value)
			}
		}
		if in.PrivateDnsHostnameTypeOnLaunch != nil {
			sub.HostnameBy = *in.PrivateDnsHostnameTypeOnLaunch
		}
		n.put(sub)
		return nil
	})
}

// DescribeSubnets shows subnets. aws:ec2 DescribeSubnets
func (s *Service) DescribeSubnets(ctx context.Context, c model.Caller, in *ec2.DescribeSubnetsRequest) (*ec2.DescribeSubnetsResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	found, err := view[subnet, ec2.Subnet]{kindSubnet, n.subnetAttributes, n.subnetShape}.list(n, in.SubnetIds, in.Filters)
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, "subnetIds", len(in.SubnetIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeSubnetsResult{Subnets: part, NextToken: next}, err
}

// free is how many addresses of a subnet are left.
func (n *network) free(s *subnet) int {
	return max(0, 1<<(32-s.prefix().Bits())-keptInSubnet-len(n.interfaces(s.ID)))
}

func (n *network) subnetAttributes(s *subnet) attributes {
	zone, zoneID := []string{zoneName(n.caller.Region, s.Zone)}, []string{zoneID(n.caller.Region, s.Zone)}
	cidr := []string{s.CIDR}
	free := 0
	if s.CIDR != "" {
		free = n.free(s)
	}
	a := attributes{
		"subnet-id": {s.ID}, "vpc-id": {s.VPC}, "subnet-arn": {n.arn(kindSubnet, s.ID)}, "availability-zone": zone, "availabilityZone": zone,
		"availability-zone-id": zoneID, "availabilityZoneId": zoneID, "cidr-block": cidr, "cidr": cidr, "cidrBlock": cidr,
		"available-ip-address-count": {strconv.Itoa(free)}, "default-for-az": yes(s.Default), "defaultForAz": yes(s.Default),
		"map-public-ip-on-launch": yes(s.PublicIPs), "map-customer-owned-ip-on-launch": {"false"}, "enable-dns64": {"false"}, "ipv6-native": {"false"},
		"private-dns-name-options-on-launch.hostname-type":                        {s.HostnameBy},
		"private-dns-name-options-on-launch.enable-resource-name-dns-a-record":    yes(s.ARecords),
		"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": yes(s.AAAARecords),
		"state": {"available"}, "owner-id": {n.caller.Account}, "outpost-arn": nil, "customer-owned-ipv4-pool": nil,
		"ipv6-cidr-block-association.ipv6-cidr-block": nil, "ipv6-cidr-block-association.association-id": nil, "ipv6-cidr-block-association.state": nil,
	}
	if s.Six.ID != "" {
		sixAttributes(a, s.Six)
	}
	return a
}

func (n *network) subnetShape(s *subnet) ec2.Subnet {
	six := []ec2.SubnetIpv6CidrBlockAssociation{}
	if s.Six.ID != "" {
		six = append(six, subnetSixShape(s.Six, "associated"))
	}
	return ec2.Subnet{
		SubnetId: new(s.ID), VpcId: new(s.VPC), SubnetArn: new(n.arn(kindSubnet, s.ID)), Tags: tagShapes(s.Tags),
		AvailabilityZone: new(zoneName(n.caller.Region, s.Zone)), AvailabilityZoneId: new(zoneID(n.caller.Region, s.Zone)),
		CidrBlock: new(s.CIDR), AvailableIpAddressCount: new(int32(n.free(s))), State: new("available"), OwnerId: new(n.caller.Account),
		DefaultForAz: new(s.Default), MapPublicIpOnLaunch: new(s.PublicIPs), MapCustomerOwnedIpOnLaunch: new(false),
		AssignIpv6AddressOnCreation: new(s.SixOnCreation), EnableDns64: new(false), Ipv6Native: new(false), Ipv6CidrBlockAssociationSet: six,
		PrivateDnsNameOptionsOnLaunch: &ec2.PrivateDnsNameOptionsOnLaunch{
			HostnameType: new(s.HostnameBy), EnableResourceNameDnsARecord: new(s.ARecords), EnableResourceNameDnsAAAARecord: new(s.AAAARecords),
		},
	}
}

// freeAddress is the lowest address of a subnet that nothing has.
func (n *network) freeAddress(s *subnet) (string, error) {
	taken := map[string]bool{}
	for _, i := range n.interfaces(s.ID) {
		taken[i.Address] = true
	}
	p := s.prefix()
	a := p.Addr()
	for range keptInSubnet - 1 {
		a = a.Next()
	}
	for ; p.Contains(a.Next()); a = a.Next() { // the last address is kept
		if !taken[a.String()] {
			return a.String(), nil
		}
	}
	return "", problem("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
}
