package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// regions is the regions of AWS by partition; opted are those that accounts ask
// for. aws:ec2 DescribeRegions
var (
	regions = map[string][]string{
		"aws": {
			"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1",
			"eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
		},
		"aws-cn":     {"cn-north-1", "cn-northwest-1"},
		"aws-us-gov": {"us-gov-east-1", "us-gov-west-1"},
	}
	opted = []string{
		"af-south-1", "ap-east-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2",
		"il-central-1", "me-central-1", "me-south-1",
	}
)

// DescribeRegions lists the regions of the caller's partition. Each can be used,
// also those that AWS wants to be asked for. aws:ec2 DescribeRegions
func (*Service) DescribeRegions(_ context.Context, c model.Caller, in *ec2.DescribeRegionsRequest) (*ec2.DescribeRegionsResult, error) {
	if e := noDryRun(in.DryRun); e != nil {
		return nil, e
	}
	all := slices.Clone(regions[c.Partition()])
	if c.Partition() == "aws" {
		all = append(all, opted...)
	}
	if !slices.Contains(all, c.Region) {
		all = append(all, c.Region)
	}
	slices.Sort(all)
	for _, name := range in.RegionNames {
		if !slices.Contains(all, name) {
			return nil, problem("InvalidParameterValue", "Invalid values found for region parameter: [%s]", name)
		}
	}
	suffix := "amazonaws.com"
	if strings.HasPrefix(c.Region, "cn-") {
		suffix = "amazonaws.com.cn"
	}
	out := &ec2.DescribeRegionsResult{Regions: []ec2.Region{}}
	for _, name := range all {
		endpoint, status := "ec2."+name+"."+suffix, "opt-in-not-required"
		if slices.Contains(opted, name) {
			status = "opted-in"
		}
		ok, err := matches(in.Filters, attributes{"endpoint": {endpoint}, "opt-in-status": {status}, "region-name": {name}}, nil)
		if err != nil {
			return nil, err
		}
		if ok && wanted(in.RegionNames, name) {
			out.Regions = append(out.Regions, ec2.Region{RegionName: new(name), Endpoint: new(endpoint), OptInStatus: new(status)})
		}
	}
	return out, nil
}

// DescribeAvailabilityZones shows the region's zones. aws:ec2
// DescribeAvailabilityZones
func (*Service) DescribeAvailabilityZones(
	_ context.Context, c model.Caller, in *ec2.DescribeAvailabilityZonesRequest,
) (*ec2.DescribeAvailabilityZonesResult, error) {
	if e := noDryRun(in.DryRun); e != nil {
		return nil, e
	}
	var known []string
	for i := range zonesPerRegion {
		known = append(known, zoneName(c.Region, i), zoneID(c.Region, i))
	}
	for _, asked := range append(slices.Clone(in.ZoneNames), in.ZoneIds...) {
		if !slices.Contains(known, asked) {
			return nil, problem("InvalidParameterValue", "Invalid availability zone: [%s]", asked)
		}
	}
	out := &ec2.DescribeAvailabilityZonesResult{AvailabilityZones: []ec2.AvailabilityZone{}}
	for i := range zonesPerRegion {
		name, id := zoneName(c.Region, i), zoneID(c.Region, i)
		ok, err := matches(in.Filters, attributes{
			"zone-name": {name}, "zone-id": {id}, "state": {"available"}, "region-name": {c.Region}, "zone-type": {"availability-zone"},
			"opt-in-status": {"opt-in-not-required"}, "group-name": {c.Region}, "message": nil, "parent-zone-id": nil, "parent-zone-name": nil,
		}, nil)
		if err != nil {
			return nil, err
		}
		if ok && wanted(in.ZoneNames, name) && wanted(in.ZoneIds, id) {
			out.AvailabilityZones = append(out.AvailabilityZones, ec2.AvailabilityZone{
				ZoneName: new(name), ZoneId: new(id), State: new("available"), RegionName: new(c.Region), Messages: []ec2.AvailabilityZoneMessage{},
				ZoneType: new("availability-zone"), OptInStatus: new("opt-in-not-required"), GroupName: new(c.Region), NetworkBorderGroup: new(c.Region),
			})
		}
	}
	return out, nil
}
