package ec2

import (
	"context"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// DescribeVpcAttribute shows how the default VPC answers names, as AWS makes
// default VPCs. aws:ec2 DescribeVpcAttribute
func (*Service) DescribeVpcAttribute(_ context.Context, c model.Caller, in *ec2.DescribeVpcAttributeRequest) (*ec2.DescribeVpcAttributeResult, error) {
	if e := noDryRun(in.DryRun); e != nil {
		return nil, e
	}
	v := DefaultVPCOf(c.Account, c.Region)
	if e := checkIDs([]string{*in.VpcId}, []string{v.ID}, "InvalidVpcID.NotFound", "vpc"); e != nil {
		return nil, e
	}
	out := &ec2.DescribeVpcAttributeResult{VpcId: new(v.ID)}
	switch *in.Attribute {
	case "enableDnsHostnames":
		out.EnableDnsHostnames = &ec2.AttributeBooleanValue{Value: new(true)}
	case "enableDnsSupport":
		out.EnableDnsSupport = &ec2.AttributeBooleanValue{Value: new(true)}
	case "enableNetworkAddressUsageMetrics":
		out.EnableNetworkAddressUsageMetrics = &ec2.AttributeBooleanValue{Value: new(false)}
	}
	return out, nil
}

// DescribeRouteTables shows the default VPC's main table, whose one route stays
// within the VPC: nothing here leads to the internet.
// aws:ec2 DescribeRouteTables
func (*Service) DescribeRouteTables(_ context.Context, c model.Caller, in *ec2.DescribeRouteTablesRequest) (*ec2.DescribeRouteTablesResult, error) {
	if e := noDryRun(in.DryRun); e != nil {
		return nil, e
	}
	v := DefaultVPCOf(c.Account, c.Region)
	table, association := id("rtb", c.Account, c.Region, "main"), id("rtbassoc", c.Account, c.Region, "main")
	if e := checkIDs(in.RouteTableIds, []string{table}, "InvalidRouteTableID.NotFound", "routeTable"); e != nil {
		return nil, e
	}
	ok, e := matches(in.Filters, attributes{
		"route-table-id": {table}, "vpc-id": {v.ID}, "owner-id": {c.Account}, "association.main": {"true"}, "association.route-table-id": {table},
		"association.route-table-association-id": {association}, "association.subnet-id": nil, "association.gateway-id": nil,
		"route.destination-cidr-block": {vpcCIDR}, "route.gateway-id": {"local"}, "route.origin": {"CreateRouteTable"}, "route.state": {"active"},
		"route.destination-ipv6-cidr-block": nil, "route.destination-prefix-list-id": nil, "route.egress-only-internet-gateway-id": nil,
		"route.instance-id": nil, "route.nat-gateway-id": nil, "route.transit-gateway-id": nil, "route.vpc-peering-connection-id": nil,
	})
	if e != nil {
		return nil, e
	}
	found := []ec2.RouteTable{}
	if ok {
		found = append(found, ec2.RouteTable{
			RouteTableId: new(table), VpcId: new(v.ID), OwnerId: new(c.Account), PropagatingVgws: []ec2.PropagatingVgw{}, Tags: []ec2.Tag{},
			Associations: []ec2.RouteTableAssociation{{
				Main: new(true), RouteTableAssociationId: new(association), RouteTableId: new(table),
				AssociationState: &ec2.RouteTableAssociationState{State: new("associated")},
			}},
			Routes: []ec2.Route{{DestinationCidrBlock: new(vpcCIDR), GatewayId: new("local"), Origin: new("CreateRouteTable"), State: new("active")}},
		})
	}
	part, next, err := page(found, "routeTableIds", len(in.RouteTableIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeRouteTablesResult{RouteTables: part, NextToken: next}, err
}
