package ec2

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// Service serves the EC2 operations that show the default network. Its methods
// may be called concurrently.
type Service struct{}

var _ ec2.Service = (*Service)(nil)

// New returns the service.
func New() *Service { return &Service{} }

func problem(code, format string, args ...any) *model.Error {
	return &model.Error{Code: code, HTTP: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// attributes is what a filter of a name compares with.
type attributes map[string]string

// matches reports whether a thing passes every filter. A filter that the
// service does not know is an error, as on AWS. '*' and '?' are wildcards.
func matches(filters []ec2.Filter, a attributes) (bool, *model.Error) {
	for _, f := range filters {
		if f.Name == nil {
			return false, problem("MissingParameter", "The request must contain the parameter Filter.Name")
		}
		have, known := a[*f.Name]
		if !known {
			return false, problem("InvalidParameterValue", "The filter '%s' is invalid", *f.Name)
		}
		if !slices.ContainsFunc(f.Values, func(want string) bool { return wildcard(want, have) }) {
			return false, nil
		}
	}
	return true, nil
}

// wildcard matches * and ? in linear time for a fixed pattern.
func wildcard(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i] && pattern[p] != '*'):
			p, i = p+1, i+1
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// page cuts a list to MaxResults from NextToken on.
func page[T any](all []T, maxResults *int32, token *string) (part []T, next *string, err error) {
	from := 0
	if token != nil && *token != "" {
		if from, err = strconv.Atoi(*token); err != nil || from < 0 || from > len(all) {
			return nil, nil, problem("InvalidNextToken", "The token '%s' is invalid", *token)
		}
	}
	to := len(all)
	if maxResults != nil {
		if *maxResults < 5 || *maxResults > 1000 {
			return nil, nil, problem("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.", *maxResults)
		}
		to = min(to, from+int(*maxResults))
	}
	if to < len(all) {
		next = new(strconv.Itoa(to))
	}
	return all[from:to], next, nil
}

// checkIDs says whether every id asked for exists.
func checkIDs(ids, exist []string, code, kind string) *model.Error {
	for _, id := range ids {
		if !slices.Contains(exist, id) {
			return problem(code, "The %s ID '%s' does not exist", kind, id)
		}
	}
	return nil
}

func wanted(ids []string, id string) bool { return len(ids) == 0 || slices.Contains(ids, id) }

// DescribeVpcs shows the default VPC. aws:ec2 DescribeVpcs
func (*Service) DescribeVpcs(_ context.Context, c model.Caller, in *ec2.DescribeVpcsRequest) (*ec2.DescribeVpcsResult, error) {
	v := DefaultVPCOf(c.Account, c.Region)
	if e := checkIDs(in.VpcIds, []string{v.ID}, "InvalidVpcID.NotFound", "vpc"); e != nil {
		return nil, e
	}
	ok, e := matches(in.Filters, attributes{
		"vpc-id": v.ID, "cidr": vpcCIDR, "cidr-block-association.cidr-block": vpcCIDR, "is-default": "true", "isDefault": "true",
		"state": "available", "owner-id": c.Account,
	})
	if e != nil {
		return nil, e
	}
	out := &ec2.DescribeVpcsResult{Vpcs: []ec2.Vpc{}}
	if !ok {
		return out, nil
	}
	vpcs, next, err := page([]ec2.Vpc{{
		VpcId: new(v.ID), CidrBlock: new(vpcCIDR), IsDefault: new(true), State: new("available"), OwnerId: new(c.Account),
		InstanceTenancy: new("default"), DhcpOptionsId: new(id("dopt", c.Account, c.Region, "dhcp")),
	}}, in.MaxResults, in.NextToken)
	out.Vpcs, out.NextToken = vpcs, next
	return out, err
}

// DescribeSubnets shows the default subnets. aws:ec2 DescribeSubnets
func (*Service) DescribeSubnets(_ context.Context, c model.Caller, in *ec2.DescribeSubnetsRequest) (*ec2.DescribeSubnetsResult, error) {
	v := DefaultVPCOf(c.Account, c.Region)
	if e := checkIDs(in.SubnetIds, v.SubnetIDs, "InvalidSubnetID.NotFound", "subnet"); e != nil {
		return nil, e
	}
	found := []ec2.Subnet{}
	for _, s := range subnets(c.Account, c.Region) {
		ok, e := matches(in.Filters, attributes{
			"subnet-id": s.ID, "vpc-id": s.VPC, "availability-zone": s.Zone, "availabilityZone": s.Zone, "availability-zone-id": s.ZoneID,
			"cidr-block": s.CIDR, "cidrBlock": s.CIDR, "default-for-az": "true", "defaultForAz": "true", "state": "available", "owner-id": c.Account,
		})
		if e != nil {
			return nil, e
		}
		if ok && wanted(in.SubnetIds, s.ID) {
			found = append(found, ec2.Subnet{
				SubnetId: new(s.ID), VpcId: new(s.VPC), AvailabilityZone: new(s.Zone), AvailabilityZoneId: new(s.ZoneID),
				CidrBlock: new(s.CIDR), AvailableIpAddressCount: new(int32(freeInSubnet)), DefaultForAz: new(true),
				MapPublicIpOnLaunch: new(true), State: new("available"), OwnerId: new(c.Account),
				SubnetArn: new(fmt.Sprintf("arn:aws:ec2:%s:%s:subnet/%s", c.Region, c.Account, s.ID)),
			})
		}
	}
	part, next, err := page(found, in.MaxResults, in.NextToken)
	return &ec2.DescribeSubnetsResult{Subnets: part, NextToken: next}, err
}

// DescribeSecurityGroups shows the VPC's default group. aws:ec2 DescribeSecurityGroups
func (*Service) DescribeSecurityGroups(_ context.Context, c model.Caller, in *ec2.DescribeSecurityGroupsRequest) (*ec2.DescribeSecurityGroupsResult, error) {
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
		"group-id": v.SecurityGroupID, "group-name": "default", "vpc-id": v.ID, "owner-id": c.Account, "description": "default VPC security group",
	})
	if e != nil {
		return nil, e
	}
	out := &ec2.DescribeSecurityGroupsResult{SecurityGroups: []ec2.SecurityGroup{}}
	if !ok {
		return out, nil
	}
	part, next, err := page([]ec2.SecurityGroup{defaultGroup(c, v)}, in.MaxResults, in.NextToken)
	out.SecurityGroups, out.NextToken = part, next
	return out, err
}

// defaultGroup lets its members reach each other, and them everything.
func defaultGroup(c model.Caller, v DefaultVPC) ec2.SecurityGroup {
	return ec2.SecurityGroup{
		GroupId: new(v.SecurityGroupID), GroupName: new("default"), VpcId: new(v.ID), OwnerId: new(c.Account),
		Description:      new("default VPC security group"),
		SecurityGroupArn: new(fmt.Sprintf("arn:aws:ec2:%s:%s:security-group/%s", c.Region, c.Account, v.SecurityGroupID)),
		IpPermissions: []ec2.IpPermission{{
			IpProtocol: new("-1"), UserIdGroupPairs: []ec2.UserIdGroupPair{{GroupId: new(v.SecurityGroupID), UserId: new(c.Account)}},
		}},
		IpPermissionsEgress: []ec2.IpPermission{{IpProtocol: new("-1"), IpRanges: []ec2.IpRange{{CidrIp: new("0.0.0.0/0")}}}},
	}
}

// DescribeAvailabilityZones shows the region's zones. aws:ec2 DescribeAvailabilityZones
func (*Service) DescribeAvailabilityZones(_ context.Context, c model.Caller, in *ec2.DescribeAvailabilityZonesRequest) (*ec2.DescribeAvailabilityZonesResult, error) {
	out := &ec2.DescribeAvailabilityZonesResult{AvailabilityZones: []ec2.AvailabilityZone{}}
	var names, ids []string
	for _, s := range subnets(c.Account, c.Region) {
		names, ids = append(names, s.Zone), append(ids, s.ZoneID)
		ok, e := matches(in.Filters, attributes{
			"zone-name": s.Zone, "zone-id": s.ZoneID, "state": "available", "region-name": c.Region, "zone-type": "availability-zone",
			"opt-in-status": "opt-in-not-required", "group-name": c.Region,
		})
		if e != nil {
			return nil, e
		}
		if ok && wanted(in.ZoneNames, s.Zone) && wanted(in.ZoneIds, s.ZoneID) {
			out.AvailabilityZones = append(out.AvailabilityZones, ec2.AvailabilityZone{
				ZoneName: new(s.Zone), ZoneId: new(s.ZoneID), State: new("available"), RegionName: new(c.Region),
				ZoneType: new("availability-zone"), OptInStatus: new("opt-in-not-required"), GroupName: new(c.Region), NetworkBorderGroup: new(c.Region),
			})
		}
	}
	if e := checkIDs(in.ZoneNames, names, "InvalidParameterValue", "availability zone"); e != nil {
		return nil, e
	}
	if e := checkIDs(in.ZoneIds, ids, "InvalidParameterValue", "availability zone"); e != nil {
		return nil, e
	}
	return out, nil
}
