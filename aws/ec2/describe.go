package ec2

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// DescribeVpcs shows the default VPC. aws:ec2 DescribeVpcs
func (*Service) DescribeVpcs(_ context.Context, c model.Caller, in *ec2.DescribeVpcsRequest) (*ec2.DescribeVpcsResult, error) {
	if e := noDryRun(in.DryRun); e != nil {
		return nil, e
	}
	v := DefaultVPCOf(c.Account, c.Region)
	if e := checkIDs(in.VpcIds, []string{v.ID}, "InvalidVpcID.NotFound", "vpc"); e != nil {
		return nil, e
	}
	options, association := id("dopt", c.Account, c.Region, "dhcp"), id("vpc-cidr-assoc", c.Account, c.Region, "cidr")
	ok, e := matches(in.Filters, attributes{
		"vpc-id": {v.ID}, "cidr": {vpcCIDR}, "cidr-block-association.cidr-block": {vpcCIDR}, "cidr-block-association.association-id": {association},
		"cidr-block-association.state": {"associated"}, "dhcp-options-id": {options}, "is-default": {"true"}, "isDefault": {"true"},
		"state": {"available"}, "owner-id": {c.Account}, "ipv6-cidr-block-association.association-id": nil,
		"ipv6-cidr-block-association.ipv6-cidr-block": nil, "ipv6-cidr-block-association.ipv6-pool": nil, "ipv6-cidr-block-association.state": nil,
	})
	if e != nil {
		return nil, e
	}
	found := []ec2.Vpc{}
	if ok {
		found = append(found, ec2.Vpc{
			VpcId: new(v.ID), CidrBlock: new(vpcCIDR), IsDefault: new(true), State: new("available"), OwnerId: new(c.Account),
			InstanceTenancy: new("default"), DhcpOptionsId: new(options),
			CidrBlockAssociationSet: []ec2.VpcCidrBlockAssociation{{
				AssociationId: new(association), CidrBlock: new(vpcCIDR), CidrBlockState: &ec2.VpcCidrBlockState{State: new("associated")},
			}},
		})
	}
	part, next, err := page(found, "vpcIds", len(in.VpcIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeVpcsResult{Vpcs: part, NextToken: next}, err
}

// DescribeSubnets shows the default subnets. aws:ec2 DescribeSubnets
func (*Service) DescribeSubnets(_ context.Context, c model.Caller, in *ec2.DescribeSubnetsRequest) (*ec2.DescribeSubnetsResult, error) {
	if e := noDryRun(in.DryRun); e != nil {
		return nil, e
	}
	v := DefaultVPCOf(c.Account, c.Region)
	if e := checkIDs(in.SubnetIds, v.SubnetIDs, "InvalidSubnetID.NotFound", "subnet"); e != nil {
		return nil, e
	}
	found := []ec2.Subnet{}
	for _, s := range subnets(c.Account, c.Region) {
		arn := fmt.Sprintf("arn:%s:ec2:%s:%s:subnet/%s", c.Partition(), c.Region, c.Account, s.ID)
		ok, e := matches(in.Filters, attributes{
			"subnet-id": {s.ID}, "vpc-id": {s.VPC}, "subnet-arn": {arn}, "availability-zone": {s.Zone}, "availabilityZone": {s.Zone},
			"availability-zone-id": {s.ZoneID}, "availabilityZoneId": {s.ZoneID}, "cidr-block": {s.CIDR}, "cidr": {s.CIDR}, "cidrBlock": {s.CIDR},
			"available-ip-address-count": {strconv.Itoa(freeInSubnet)}, "default-for-az": {"true"}, "defaultForAz": {"true"},
			"map-public-ip-on-launch": {"true"}, "map-customer-owned-ip-on-launch": {"false"}, "enable-dns64": {"false"}, "ipv6-native": {"false"},
			"state": {"available"}, "owner-id": {c.Account}, "outpost-arn": nil, "customer-owned-ipv4-pool": nil,
			"ipv6-cidr-block-association.ipv6-cidr-block": nil, "ipv6-cidr-block-association.association-id": nil, "ipv6-cidr-block-association.state": nil,
		})
		if e != nil {
			return nil, e
		}
		if ok && wanted(in.SubnetIds, s.ID) {
			found = append(found, subnetShape(c, s, arn))
		}
	}
	part, next, err := page(found, "subnetIds", len(in.SubnetIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeSubnetsResult{Subnets: part, NextToken: next}, err
}

func subnetShape(c model.Caller, s Subnet, arn string) ec2.Subnet {
	return ec2.Subnet{
		SubnetId: new(s.ID), VpcId: new(s.VPC), SubnetArn: new(arn), AvailabilityZone: new(s.Zone), AvailabilityZoneId: new(s.ZoneID),
		CidrBlock: new(s.CIDR), AvailableIpAddressCount: new(int32(freeInSubnet)), State: new("available"), OwnerId: new(c.Account),
		DefaultForAz: new(true), MapPublicIpOnLaunch: new(true), MapCustomerOwnedIpOnLaunch: new(false),
		AssignIpv6AddressOnCreation: new(false), EnableDns64: new(false), Ipv6Native: new(false),
		Ipv6CidrBlockAssociationSet: []ec2.SubnetIpv6CidrBlockAssociation{},
		PrivateDnsNameOptionsOnLaunch: &ec2.PrivateDnsNameOptionsOnLaunch{
			HostnameType: new("ip-name"), EnableResourceNameDnsARecord: new(false), EnableResourceNameDnsAAAARecord: new(false),
		},
	}
}

// DescribeSecurityGroups shows the VPC's default group. aws:ec2 DescribeSecurityGroups
func (*Service) DescribeSecurityGroups(_ context.Context, c model.Caller, in *ec2.DescribeSecurityGroupsRequest) (*ec2.DescribeSecurityGroupsResult, error) {
	if e := noDryRun(in.DryRun); e != nil {
		return nil, e
	}
	v := DefaultVPCOf(c.Account, c.Region)
	if e := checkIDs(in.GroupIds, []string{v.SecurityGroupID}, "InvalidGroup.NotFound", "security group"); e != nil {
		return nil, e
	}
	for _, name := range in.GroupNames {
		if name != "default" {
			return nil, problem("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC '%s'", name, v.ID)
		}
	}
	ok, e := matches(in.Filters, attributes{
		"group-id": {v.SecurityGroupID}, "group-name": {"default"}, "vpc-id": {v.ID}, "owner-id": {c.Account}, "description": {groupDescription},
		"ip-permission.group-id": {v.SecurityGroupID}, "ip-permission.group-name": {"default"}, "ip-permission.protocol": {"-1"},
		"ip-permission.user-id": {c.Account}, "ip-permission.cidr": nil, "ip-permission.ipv6-cidr": nil, "ip-permission.prefix-list-id": nil,
		"ip-permission.from-port": nil, "ip-permission.to-port": nil,
		"egress.ip-permission.cidr": {"0.0.0.0/0"}, "egress.ip-permission.protocol": {"-1"}, "egress.ip-permission.group-id": nil,
		"egress.ip-permission.group-name": nil, "egress.ip-permission.ipv6-cidr": nil, "egress.ip-permission.prefix-list-id": nil,
		"egress.ip-permission.from-port": nil, "egress.ip-permission.to-port": nil, "egress.ip-permission.user-id": nil,
	})
	if e != nil {
		return nil, e
	}
	found := []ec2.SecurityGroup{}
	if ok {
		found = append(found, defaultGroup(c, v))
	}
	part, next, err := page(found, "groupIds", len(in.GroupIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeSecurityGroupsResult{SecurityGroups: part, NextToken: next}, err
}

const groupDescription = "default VPC security group"

// defaultGroup lets its members reach each other, and them everything.
func defaultGroup(c model.Caller, v DefaultVPC) ec2.SecurityGroup {
	in, out := anyProtocol(), anyProtocol()
	in.UserIdGroupPairs = []ec2.UserIdGroupPair{{GroupId: new(v.SecurityGroupID), UserId: new(c.Account)}}
	out.IpRanges = []ec2.IpRange{{CidrIp: new("0.0.0.0/0")}}
	return ec2.SecurityGroup{
		GroupId: new(v.SecurityGroupID), GroupName: new("default"), VpcId: new(v.ID), OwnerId: new(c.Account), Description: new(groupDescription),
		SecurityGroupArn: new(fmt.Sprintf("arn:%s:ec2:%s:%s:security-group/%s", c.Partition(), c.Region, c.Account, v.SecurityGroupID)),
		IpPermissions:    []ec2.IpPermission{in}, IpPermissionsEgress: []ec2.IpPermission{out},
	}
}

// anyProtocol is a rule for all traffic, with the lists that AWS always gives.
func anyProtocol() ec2.IpPermission {
	return ec2.IpPermission{
		IpProtocol: new("-1"), IpRanges: []ec2.IpRange{}, Ipv6Ranges: []ec2.Ipv6Range{}, PrefixListIds: []ec2.PrefixListId{},
		UserIdGroupPairs: []ec2.UserIdGroupPair{},
	}
}

// DescribeAvailabilityZones shows the region's zones. aws:ec2 DescribeAvailabilityZones
func (*Service) DescribeAvailabilityZones(_ context.Context, c model.Caller, in *ec2.DescribeAvailabilityZonesRequest) (*ec2.DescribeAvailabilityZonesResult, error) {
	if e := noDryRun(in.DryRun); e != nil {
		return nil, e
	}
	zones := subnets(c.Account, c.Region)
	for _, asked := range append(slices.Clone(in.ZoneNames), in.ZoneIds...) {
		if !slices.ContainsFunc(zones, func(s Subnet) bool { return s.Zone == asked || s.ZoneID == asked }) {
			return nil, problem("InvalidParameterValue", "Invalid availability zone: [%s]", asked)
		}
	}
	out := &ec2.DescribeAvailabilityZonesResult{AvailabilityZones: []ec2.AvailabilityZone{}}
	for _, s := range zones {
		ok, e := matches(in.Filters, attributes{
			"zone-name": {s.Zone}, "zone-id": {s.ZoneID}, "state": {"available"}, "region-name": {c.Region}, "zone-type": {"availability-zone"},
			"opt-in-status": {"opt-in-not-required"}, "group-name": {c.Region}, "message": nil, "parent-zone-id": nil, "parent-zone-name": nil,
		})
		if e != nil {
			return nil, e
		}
		if ok && wanted(in.ZoneNames, s.Zone) && wanted(in.ZoneIds, s.ZoneID) {
			out.AvailabilityZones = append(out.AvailabilityZones, ec2.AvailabilityZone{
				ZoneName: new(s.Zone), ZoneId: new(s.ZoneID), State: new("available"), RegionName: new(c.Region), Messages: []ec2.AvailabilityZoneMessage{},
				ZoneType: new("availability-zone"), OptInStatus: new("opt-in-not-required"), GroupName: new(c.Region), NetworkBorderGroup: new(c.Region),
			})
		}
	}
	return out, nil
}
