package ec2_test

import (
	"testing"

	"github.com/millrace/millrace/aws/ec2"
	shapes "github.com/millrace/millrace/aws/model/ec2"
)

func TestVPCAttributes(t *testing.T) {
	service := over(t)
	v := ec2.DefaultVPCOf(caller.Account, caller.Region)
	for attribute, want := range map[string]bool{"enableDnsHostnames": true, "enableDnsSupport": true, "enableNetworkAddressUsageMetrics": false} {
		out, err := service.DescribeVpcAttribute(t.Context(), caller, &shapes.DescribeVpcAttributeRequest{VpcId: &v.ID, Attribute: &attribute})
		if err != nil {
			t.Fatal(attribute, err)
		}
		for name, got := range map[string]*shapes.AttributeBooleanValue{
			"enableDnsHostnames": out.EnableDnsHostnames, "enableDnsSupport": out.EnableDnsSupport,
			"enableNetworkAddressUsageMetrics": out.EnableNetworkAddressUsageMetrics,
		} {
			if (got != nil) != (name == attribute) || got != nil && *got.Value != want {
				t.Errorf("asked for %s: %s is %v", attribute, name, got)
			}
		}
	}
	if _, err := service.DescribeVpcAttribute(t.Context(), caller, &shapes.DescribeVpcAttributeRequest{
		VpcId: new("vpc-0"), Attribute: new("enableDnsSupport"),
	}); codeOf(err) != "InvalidVpcID.NotFound" {
		t.Errorf("another's VPC: %v", err)
	}
}

func TestMainRouteTable(t *testing.T) {
	service := over(t)
	v := ec2.DefaultVPCOf(caller.Account, caller.Region)
	main := append(filter("association.main", "true"), filter("vpc-id", v.ID)...) // as Terraform looks for it
	out, err := service.DescribeRouteTables(t.Context(), caller, &shapes.DescribeRouteTablesRequest{Filters: main})
	if err != nil || len(out.RouteTables) != 1 {
		t.Fatalf("the main table: %+v, %v", out, err)
	}
	table := out.RouteTables[0]
	if *table.VpcId != v.ID || !*table.Associations[0].Main || len(table.Routes) != 2 || *table.Routes[0].GatewayId != "local" || *table.Routes[1].State != "active" {
		t.Errorf("the main table: %+v", table)
	}
	out, err = service.DescribeRouteTables(t.Context(), caller, &shapes.DescribeRouteTablesRequest{Filters: filter("association.subnet-id", v.SubnetIDs...)})
	if err != nil || out.RouteTables == nil || len(out.RouteTables) != 0 {
		t.Errorf("a table of a subnet's own: %+v, %v", out, err)
	}
	_, err = service.DescribeRouteTables(t.Context(), caller, &shapes.DescribeRouteTablesRequest{RouteTableIds: []string{"rtb-0"}})
	if codeOf(err) != "InvalidRouteTableID.NotFound" {
		t.Errorf("an unknown table: %v", err)
	}
}
