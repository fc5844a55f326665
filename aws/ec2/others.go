package ec2

import (
	"context"
	"slices"
	"strconv"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// interfaces is the network interfaces in a subnet, or everywhere for "".
func (n *network) interfaces(subnet string) (out []Interface) {
	for _, nat := range all[natGateway](n) {
		out = append(out, Interface{
			ID: nat.Interface, Subnet: nat.Subnet, Address: nat.Address, Description: "Interface for NAT Gateway " + nat.ID, Requester: n.caller.Account,
		})
	}
	out = append(out, n.used...)
	return slices.DeleteFunc(out, func(i Interface) bool { return subnet != "" && i.Subnet != subnet })
}

// DescribeNetworkInterfaces shows the interfaces of NAT gateways and of other
// services. aws:ec2 DescribeNetworkInterfaces
func (s *Service) DescribeNetworkInterfaces(
	ctx context.Context, c model.Caller, in *ec2.DescribeNetworkInterfacesRequest,
) (*ec2.DescribeNetworkInterfacesResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	all := n.interfaces("")
	for _, id := range in.NetworkInterfaceIds {
		if !slices.ContainsFunc(all, func(i Interface) bool { return i.ID == id }) {
			return nil, unknown(kindInterface, id)
		}
	}
	if _, err := matches(in.Filters, n.interfaceAttributes(Interface{}), nil); err != nil {
		return nil, err
	}
	found := []ec2.NetworkInterface{}
	for _, i := range all {
		if ok, _ := matches(in.Filters, n.interfaceAttributes(i), nil); ok && wanted(in.NetworkInterfaceIds, i.ID) { // the filters are known
			found = append(found, n.interfaceShape(i))
		}
	}
	part, next, err := page(found, "networkInterfaceIds", len(in.NetworkInterfaceIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeNetworkInterfacesResult{NetworkInterfaces: part, NextToken: next}, err
}

func (n *network) interfaceAttributes(i Interface) attributes {
	a := attributes{
		"network-interface-id": {i.ID}, "subnet-id": {i.Subnet}, "description": {i.Description}, "group-id": i.Groups, "group-name": nil,
		"owner-id": {n.caller.Account}, "requester-id": {i.Requester}, "requester-managed": {"true"}, "status": {"in-use"},
		"private-ip-address": {i.Address}, "addresses.private-ip-address": {i.Address}, "vpc-id": nil, "availability-zone": nil,
		"attachment.instance-id": nil, "attachment.attachment-id": nil, "attachment.status": nil, "attachment.instance-owner-id": nil,
		"interface-type": {interfaceType(i)}, "association.public-ip": nil, "association.allocation-id": nil, "mac-address": nil,
	}
	for _, id := range i.Groups {
		if g, ok := n.find(id).(*securityGroup); ok {
			a["group-name"] = append(a["group-name"], g.Name)
		}
	}
	if s, ok := n.find(i.Subnet).(*subnet); ok {
		a["vpc-id"], a["availability-zone"] = []string{s.VPC}, []string{zoneName(n.caller.Region, s.Zone)}
	}
	return a
}

// interfaceType is nat_gateway for those of NAT gateways, which have no groups.
func interfaceType(i Interface) string {
	if len(i.Groups) == 0 {
		return "nat_gateway"
	}
	return "interface"
}

func (n *network) interfaceShape(i Interface) ec2.NetworkInterface {
	out := ec2.NetworkInterface{
		NetworkInterfaceId: new(i.ID), SubnetId: new(i.Subnet), Description: new(i.Description), OwnerId: new(n.caller.Account), Status: new("in-use"),
		RequesterId: new(i.Requester), RequesterManaged: new(true), InterfaceType: new(interfaceType(i)), SourceDestCheck: new(true),
		Groups: []ec2.GroupIdentifier{}, TagSet: []ec2.Tag{}, PrivateIpAddresses: []ec2.NetworkInterfacePrivateIpAddress{},
	}
	if i.Address != "" {
		out.PrivateIpAddress = new(i.Address)
		out.PrivateIpAddresses = append(out.PrivateIpAddresses, ec2.NetworkInterfacePrivateIpAddress{PrivateIpAddress: new(i.Address), Primary: new(true)})
	}
	for _, id := range i.Groups {
		g := ec2.GroupIdentifier{GroupId: new(id)}
		if known, ok := n.find(id).(*securityGroup); ok {
			g.GroupName = new(known.Name)
		}
		out.Groups = append(out.Groups, g)
	}
	if s, ok := n.find(i.Subnet).(*subnet); ok {
		out.VpcId, out.AvailabilityZone = new(s.VPC), new(zoneName(n.caller.Region, s.Zone))
	}
	return out
}

// DescribeNetworkAcls shows the default ACL of each VPC, which lets everything
// through. aws:ec2 DescribeNetworkAcls
func (s *Service) DescribeNetworkAcls(ctx context.Context, c model.Caller, in *ec2.DescribeNetworkAclsRequest) (*ec2.DescribeNetworkAclsResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	found, err := view[networkACL, ec2.NetworkAcl]{kindNetworkACL, n.aclAttributes, n.aclShape}.list(n, in.NetworkAclIds, in.Filters)
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, "networkAclIds", len(in.NetworkAclIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeNetworkAclsResult{NetworkAcls: part, NextToken: next}, err
}

func (n *network) aclAttributes(a *networkACL) attributes {
	out := attributes{
		"network-acl-id": {a.ID}, "vpc-id": {a.VPC}, "default": {"true"}, "owner-id": {n.caller.Account},
		"association.association-id": nil, "association.network-acl-id": nil, "association.subnet-id": nil,
		"entry.cidr": {"0.0.0.0/0"}, "entry.protocol": {"-1"}, "entry.rule-action": {"allow", "deny"}, "entry.egress": {"true", "false"},
		"entry.rule-number": {"100", "32767"}, "entry.icmp.code": nil, "entry.icmp.type": nil, "entry.ipv6-cidr": nil,
		"entry.port-range.from": nil, "entry.port-range.to": nil,
	}
	for _, s := range n.aclAssociations(a) {
		out["association.association-id"] = append(out["association.association-id"], *s.NetworkAclAssociationId)
		out["association.network-acl-id"] = []string{a.ID}
		out["association.subnet-id"] = append(out["association.subnet-id"], *s.SubnetId)
	}
	return out
}

func (n *network) aclAssociations(a *networkACL) []ec2.NetworkAclAssociation {
	out := []ec2.NetworkAclAssociation{}
	for _, s := range some(n, func(s *subnet) bool { return s.VPC == a.VPC }) {
		out = append(out, ec2.NetworkAclAssociation{
			NetworkAclAssociationId: new(id("aclassoc", n.caller.Account, n.caller.Region, s.ID)), NetworkAclId: new(a.ID), SubnetId: new(s.ID),
		})
	}
	return out
}

func (n *network) aclShape(a *networkACL) ec2.NetworkAcl {
	out := ec2.NetworkAcl{
		NetworkAclId: new(a.ID), VpcId: new(a.VPC), IsDefault: new(true), OwnerId: new(n.caller.Account), Tags: tagShapes(a.Tags),
		Associations: n.aclAssociations(a),
	}
	for _, egress := range []bool{true, false} {
		for _, r := range []struct {
			number int32
			action string
		}{{100, "allow"}, {32767, "deny"}} {
			out.Entries = append(out.Entries, ec2.NetworkAclEntry{
				Egress: new(egress), RuleNumber: new(r.number), RuleAction: new(r.action), Protocol: new("-1"), CidrBlock: new("0.0.0.0/0"),
			})
		}
	}
	return out
}

// options is the id of the region's DHCP options.
func (n *network) options() string { return id("dopt", n.caller.Account, n.caller.Region, "dhcp") }

// DescribeDhcpOptions shows the one set of options that VPCs have. aws:ec2
// DescribeDhcpOptions
func (s *Service) DescribeDhcpOptions(ctx context.Context, c model.Caller, in *ec2.DescribeDhcpOptionsRequest) (*ec2.DescribeDhcpOptionsResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	domain := c.Region + ".compute.internal"
	if c.Region == "us-east-1" {
		domain = "ec2.internal"
	}
	for _, id := range in.DhcpOptionsIds {
		if id != n.options() {
			return nil, problem("InvalidDhcpOptionID.NotFound", "The dhcpOption ID '%s' does not exist", id)
		}
	}
	ok, err := matches(in.Filters, attributes{
		"dhcp-options-id": {n.options()}, "owner-id": {c.Account}, "key": {"domain-name", "domain-name-servers"}, "value": {domain, "AmazonProvidedDNS"},
	}, nil)
	if err != nil {
		return nil, err
	}
	found := []ec2.DhcpOptions{}
	if ok {
		found = append(found, ec2.DhcpOptions{
			DhcpOptionsId: new(n.options()), OwnerId: new(c.Account), Tags: []ec2.Tag{},
			DhcpConfigurations: []ec2.DhcpConfiguration{
				{Key: new("domain-name"), Values: []ec2.AttributeValue{{Value: new(domain)}}},
				{Key: new("domain-name-servers"), Values: []ec2.AttributeValue{{Value: new("AmazonProvidedDNS")}}},
			},
		})
	}
	part, next, err := page(found, "dhcpOptionsIds", len(in.DhcpOptionsIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeDhcpOptionsResult{DhcpOptions: part, NextToken: next}, err
}

// DescribeVpcEndpoints shows that there are none: the endpoints of Millrace's
// services need no VPC. aws:ec2 DescribeVpcEndpoints
func (*Service) DescribeVpcEndpoints(_ context.Context, _ model.Caller, in *ec2.DescribeVpcEndpointsRequest) (*ec2.DescribeVpcEndpointsResult, error) {
	if e := noDryRun(in.DryRun); e != nil {
		return nil, e
	}
	for _, id := range in.VpcEndpointIds {
		return nil, problem("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '%s' does not exist", id)
	}
	return &ec2.DescribeVpcEndpointsResult{VpcEndpoints: []ec2.VpcEndpoint{}}, nil
}

// DescribeAccountAttributes shows the account's default VPC and limits. aws:ec2
// DescribeAccountAttributes
func (s *Service) DescribeAccountAttributes(
	ctx context.Context, c model.Caller, in *ec2.DescribeAccountAttributesRequest,
) (*ec2.DescribeAccountAttributesResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	home := "none"
	if v, err := n.defaultVPC(); err == nil {
		home = v.ID
	}
	out := &ec2.DescribeAccountAttributesResult{AccountAttributes: []ec2.AccountAttribute{}}
	for _, a := range []struct{ name, value string }{
		{"supported-platforms", "VPC"}, {"default-vpc", home}, {"vpc-max-security-groups-per-interface", "5"}, {"max-instances", "0"},
		{"max-elastic-ips", strconv.Itoa(maxAddresses)}, {"vpc-max-elastic-ips", strconv.Itoa(maxAddresses)},
	} {
		if wanted(in.AttributeNames, a.name) {
			out.AccountAttributes = append(out.AccountAttributes, ec2.AccountAttribute{
				AttributeName: new(a.name), AttributeValues: []ec2.AccountAttributeValue{{AttributeValue: new(a.value)}},
			})
		}
	}
	return out, nil
}
