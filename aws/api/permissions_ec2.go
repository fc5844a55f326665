package api

import (
	"context"
	"strings"

	"github.com/millrace/millrace/aws/model/ec2"
)

// network is a resource of ec2 that a member names by its id; without one, and
// for what is made, any of its kind.
func network(kind, member string) target {
	return func(_ context.Context, a *asked) (string, map[string]string, error) {
		id := "*"
		if v := text(a.req, member); v != nil && *v != "" {
			id = *v
		}
		return here(a, "ec2", kind+"/"+id), nil, nil
	}
}

// ec2Permissions is the rows of ec2: what makes something asks about it and
// about the VPC or subnet that it is made in. (service authorization reference,
// Amazon EC2)
func ec2Permissions() map[string]permission {
	const vpc, subnet, table, gateway, group = "vpc", "subnet", "route-table", "internet-gateway", "security-group"
	made := func(action, kind string, in ...target) permission {
		p := permission{on: network(kind, ""), tags: "ec2:CreateTags"}
		for _, t := range in {
			p.also = append(p.also, also{"ec2:" + action, t})
		}
		return p
	}
	on := func(kind, member string) permission { return permission{on: network(kind, member)} }
	rules := permission{on: network(group, "GroupId"), tags: "ec2:CreateTags"}
	out := map[string]permission{
		"CreateVpc": made("CreateVpc", vpc), "CreateDefaultVpc": everywhere, "DeleteVpc": on(vpc, "VpcId"),
		"ModifyVpcAttribute": on(vpc, "VpcId"), "AssociateVpcCidrBlock": on(vpc, "VpcId"), "DisassociateVpcCidrBlock": on(vpc, ""),
		"CreateSubnet":        made("CreateSubnet", subnet, network(vpc, "VpcId")),
		"CreateDefaultSubnet": everywhere, "DeleteSubnet": on(subnet, "SubnetId"), "ModifySubnetAttribute": on(subnet, "SubnetId"),
		"AssociateSubnetCidrBlock": on(subnet, "SubnetId"), "DisassociateSubnetCidrBlock": on(subnet, ""),
		"CreateInternetGateway": made("CreateInternetGateway", gateway), "DeleteInternetGateway": on(gateway, "InternetGatewayId"),
		"AttachInternetGateway": {on: network(gateway, "InternetGatewayId"), also: []also{{"ec2:AttachInternetGateway", network(vpc, "VpcId")}}},
		"DetachInternetGateway": {on: network(gateway, "InternetGatewayId"), also: []also{{"ec2:DetachInternetGateway", network(vpc, "VpcId")}}},
		"CreateRouteTable":      made("CreateRouteTable", table, network(vpc, "VpcId")),
		"DeleteRouteTable":      on(table, "RouteTableId"), "CreateRoute": on(table, "RouteTableId"), "ReplaceRoute": on(table, "RouteTableId"),
		"DeleteRoute": on(table, "RouteTableId"), "DisassociateRouteTable": on(table, ""), "ReplaceRouteTableAssociation": on(table, "RouteTableId"),
		"AssociateRouteTable": {on: network(table, "RouteTableId"), also: []also{{"ec2:AssociateRouteTable", network(subnet, "SubnetId")}}},
		"AllocateAddress":     made("AllocateAddress", "elastic-ip"), "ReleaseAddress": on("elastic-ip", "AllocationId"), "DisassociateAddress": on("elastic-ip", ""),
		"CreateNatGateway":    made("CreateNatGateway", "natgateway", network(subnet, "SubnetId")),
		"DeleteNatGateway":    on("natgateway", "NatGatewayId"),
		"CreateSecurityGroup": made("CreateSecurityGroup", group, network(vpc, "VpcId")), "DeleteSecurityGroup": on(group, "GroupId"),
		"AuthorizeSecurityGroupIngress": rules, "AuthorizeSecurityGroupEgress": rules,
		"RevokeSecurityGroupIngress": on(group, "GroupId"), "RevokeSecurityGroupEgress": on(group, "GroupId"),
		"ModifySecurityGroupRules":                   on(group, "GroupId"),
		"UpdateSecurityGroupRuleDescriptionsIngress": on(group, "GroupId"), "UpdateSecurityGroupRuleDescriptionsEgress": on(group, "GroupId"),
		"CreateTags": {each: taggedResources}, "DeleteTags": {each: taggedResources},
	}
	for _, name := range []string{
		"AccountAttributes", "Addresses", "AddressesAttribute", "AvailabilityZones", "DhcpOptions", "InternetGateways", "NatGateways", "NetworkAcls",
		"NetworkInterfaces", "Regions", "RouteTables", "SecurityGroupRules", "SecurityGroups", "Subnets", "Tags", "VpcAttribute", "VpcEndpoints", "Vpcs",
	} {
		out["Describe"+name] = everywhere
	}
	return out
}

// ec2Kinds is the kinds of resources by the prefix of their ids.
var ec2Kinds = map[string]string{
	"vpc": "vpc", "subnet": "subnet", "igw": "internet-gateway", "rtb": "route-table", "acl": "network-acl", "sg": "security-group",
	"sgr": "security-group-rule", "eipalloc": "elastic-ip", "nat": "natgateway", "eni": "network-interface", "dopt": "dhcp-options",
}

// taggedResources is every resource whose tags a request changes.
func taggedResources(a *asked) []string {
	var ids []string
	switch in := a.req.(type) {
	case *ec2.CreateTagsRequest:
		ids = in.Resources
	case *ec2.DeleteTagsRequest:
		ids = in.Resources
	}
	out := make([]string, len(ids))
	for i, id := range ids {
		prefix, _, _ := strings.Cut(id, "-")
		kind, ok := ec2Kinds[prefix]
		if !ok {
			kind = "*"
		}
		out[i] = here(a, "ec2", kind+"/"+id)
	}
	return out
}

// specifiedTags is the tags that a request makes a resource with.
func specifiedTags(specs []ec2.TagSpecification) map[string]string {
	out := make(map[string]string)
	for _, spec := range specs {
		for _, t := range spec.Tags {
			if t.Key != nil && t.Value != nil {
				out[*t.Key] = *t.Value
			}
		}
	}
	return out
}
