package ec2_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/ec2"
	"github.com/millrace/millrace/aws/model"
	shapes "github.com/millrace/millrace/aws/model/ec2"
)

// story calls operations as forms, which are decoded and checked as aws/api does.
type story struct {
	t *testing.T
	*ec2.Service
	caller model.Caller
}

func tell(t *testing.T, used ...ec2.Interface) story { return story{t, over(t, used...), caller} }

func (w story) call(form string) (string, error) {
	w.t.Helper()
	values, err := url.ParseQuery(form)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, op := range shapes.Operations(w) {
		if op.Name != values.Get("Action") {
			continue
		}
		in, err := op.Decode(&model.Input{Form: values})
		if err != nil {
			w.t.Fatalf("%s: %v", form, err)
		}
		if bad := in.Validate(); bad != nil {
			return "", bad
		}
		out, err := op.Call(context.Background(), w.caller, in)
		if err != nil {
			return "", err
		}
		text, err := json.Marshal(out)
		if err != nil {
			w.t.Fatal(err)
		}
		return string(text), nil
	}
	w.t.Fatalf("%s is not served", form)
	return "", nil
}

// does makes a call that must succeed; the answer is JSON by the names of Go.
func (w story) does(form string) string {
	w.t.Helper()
	out, err := w.call(form)
	if err != nil {
		w.t.Fatalf("%s: %v", form, err)
	}
	return out
}

// makes is does and answers the first id of a kind.
func (w story) makes(prefix, form string) string {
	w.t.Helper()
	out := w.does(form)
	found := regexp.MustCompile(`"(` + prefix + `-0[0-9a-f]{16})"`).FindStringSubmatch(out)
	if found == nil {
		w.t.Fatalf("%s: no %s in %s", form, prefix, out)
	}
	return found[1]
}

// fails makes a call that must fail with a code.
func (w story) fails(want, form string) {
	w.t.Helper()
	if out, err := w.call(form); codeOf(err) != want {
		w.t.Errorf("%s: %s %v, want %s", form, out, err, want)
	}
}

// has makes a call whose answer must hold some texts.
func (w story) has(form string, texts ...string) {
	w.t.Helper()
	out := w.does(form)
	for _, want := range texts {
		if !strings.Contains(out, want) {
			w.t.Errorf("%s: %s, want %s", form, out, want)
		}
	}
}

// lacks makes a call whose answer must not hold some texts.
func (w story) lacks(form string, texts ...string) {
	w.t.Helper()
	out := w.does(form)
	for _, text := range texts {
		if strings.Contains(out, text) {
			w.t.Errorf("%s: %s, want no %s", form, out, text)
		}
	}
}

// TestVPCs: VPCs and subnets from their making to their end.
func TestVPCs(t *testing.T) {
	w := tell(t)
	v := w.makes("vpc", "Action=CreateVpc&CidrBlock=10.1.2.3/16&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=a")
	w.has("Action=DescribeVpcs&VpcId.1="+v, `"10.1.0.0/16"`, `"Value":"a"`, `"IsDefault":false`)
	w.has("Action=DescribeVpcs&Filter.1.Name=tag:Name&Filter.1.Value.1=a", v)
	w.has("Action=DescribeNetworkAcls&Filter.1.Name=default&Filter.1.Value.1=true&Filter.2.Name=vpc-id&Filter.2.Value.1="+v, `"IsDefault":true`)
	w.has("Action=DescribeSecurityGroups&Filter.1.Name=group-name&Filter.1.Value.1=default&Filter.2.Name=vpc-id&Filter.2.Value.1="+v, "default VPC security group")
	w.has("Action=DescribeRouteTables&Filter.1.Name=association.main&Filter.1.Value.1=true&Filter.2.Name=vpc-id&Filter.2.Value.1="+v, `"GatewayId":"local"`)
	w.does("Action=ModifyVpcAttribute&EnableDnsHostnames.Value=true&VpcId=" + v)
	w.has("Action=DescribeVpcAttribute&Attribute=enableDnsHostnames&VpcId="+v, `"Value":true`)
	for form, want := range map[string]string{
		"Action=CreateVpc":                                                                 "MissingParameter",
		"Action=CreateVpc&CidrBlock=10.0.0.0/8":                                            "InvalidVpc.Range",
		"Action=CreateVpc&CidrBlock=10.0.0.0/29":                                           "InvalidVpc.Range",
		"Action=CreateVpc&CidrBlock=10.0.0.0":                                              "InvalidParameterValue",
		"Action=CreateVpc&CidrBlock=2001:db8::/20":                                         "InvalidParameterValue",
		"Action=DeleteVpc&VpcId=vpc-0123456789abcdef0":                                     "InvalidVpcID.NotFound",
		"Action=DeleteVpc&VpcId=subnet-1":                                                  "InvalidVpcID.Malformed",
		"Action=DeleteVpc&DryRun=true&VpcId=" + v:                                          "DryRunOperation",
		"Action=ModifyVpcAttribute&VpcId=" + v:                                             "InvalidParameterCombination",
		"Action=CreateSubnet&CidrBlock=10.1.0.0/24":                                        "BadRequestException", // the edge calls it MissingParameter
		"Action=CreateSubnet&CidrBlock=10.2.0.0/24&VpcId=":                                 "MissingParameter",
		"Action=CreateSubnet&CidrBlock=10.2.0.0/24&VpcId=" + v:                             "InvalidSubnet.Range",
		"Action=CreateSubnet&CidrBlock=10.1.0.0/30&VpcId=" + v:                             "InvalidSubnet.Range",
		"Action=CreateSubnet&CidrBlock=10.1.0.0/24&AvailabilityZone=us-east-1z&VpcId=" + v: "InvalidParameterValue",
		"Action=CreateVpc&CidrBlock=10.1.0.0/16&Ipv4IpamPoolId=ipam-pool-1":                "UnsupportedOperation",
		"Action=CreateVpc&CidrBlock=10.1.0.0/16&TagSpecification.1.ResourceType=subnet":    "InvalidParameterValue",
		"Action=CreateDefaultSubnet&AvailabilityZone=us-east-1a":                           "DefaultSubnetAlreadyExistsInAvailabilityZone",
		"Action=CreateDefaultVpc":                                                          "DefaultVpcAlreadyExists",
		"Action=DisassociateVpcCidrBlock&AssociationId=vpc-cidr-assoc-0":                   "InvalidVpcCidrBlockAssociationID.NotFound",
		"Action=DescribeNetworkInterfaces&NetworkInterfaceId.1=eni-0":                      "InvalidNetworkInterfaceID.NotFound",
	} {
		w.fails(want, form)
	}
	sub := w.makes("subnet", "Action=CreateSubnet&CidrBlock=10.1.1.0/24&AvailabilityZoneId=use1-az2&VpcId="+v)
	w.has("Action=DescribeSubnets&SubnetId.1="+sub, `"us-east-1b"`, `"AvailableIpAddressCount":251`, `"MapPublicIpOnLaunch":false`)
	w.fails("InvalidSubnet.Conflict", "Action=CreateSubnet&CidrBlock=10.1.0.0/23&VpcId="+v)
	w.does("Action=ModifySubnetAttribute&MapPublicIpOnLaunch.Value=true&SubnetId=" + sub)
	w.has("Action=DescribeSubnets&Filter.1.Name=map-public-ip-on-launch&Filter.1.Value.1=true&Filter.2.Name=vpc-id&Filter.2.Value.1="+v, sub)
	more := w.makes("vpc-cidr-assoc", "Action=AssociateVpcCidrBlock&CidrBlock=10.9.0.0/24&VpcId="+v)
	w.fails("InvalidVpc.Range", "Action=AssociateVpcCidrBlock&CidrBlock=10.9.0.0/28&VpcId="+v)
	second := w.makes("subnet", "Action=CreateSubnet&CidrBlock=10.9.0.0/25&VpcId="+v)
	w.fails("DependencyViolation", "Action=DisassociateVpcCidrBlock&AssociationId="+more)
	w.fails("DependencyViolation", "Action=DeleteVpc&VpcId="+v)
	w.does("Action=DeleteSubnet&SubnetId=" + second)
	w.does("Action=DisassociateVpcCidrBlock&AssociationId=" + more)
	w.does("Action=DeleteSubnet&SubnetId=" + sub)
	w.does("Action=DeleteVpc&VpcId=" + v)
	w.lacks("Action=DescribeVpcs", v)
	w.lacks("Action=DescribeRouteTables", v)
	w.lacks("Action=DescribeSecurityGroups", v)
	w.lacks("Action=DescribeNetworkAcls", v)
}

// TestDefaultVPCEnds: the default VPC can be changed and deleted, and comes back
// under its ids.
func TestDefaultVPCEnds(t *testing.T) {
	w := tell(t)
	v := ec2.DefaultVPCOf(caller.Account, caller.Region)
	w.does("Action=CreateTags&ResourceId.1=" + v.ID + "&Tag.1.Key=a&Tag.1.Value=b")
	w.has("Action=DescribeVpcs&VpcId.1="+v.ID, `"Key":"a"`)
	w.does("Action=DeleteSubnet&SubnetId=" + v.SubnetIDs[1])
	w.lacks("Action=DescribeSubnets", v.SubnetIDs[1])
	w.makes(v.SubnetIDs[1][:6], "Action=CreateDefaultSubnet&AvailabilityZone=us-east-1b")
	gateway := w.makes("igw", "Action=DescribeInternetGateways")
	w.does("Action=DetachInternetGateway&InternetGatewayId=" + gateway + "&VpcId=" + v.ID)
	if s, _ := subnetOf(t, w.Service, caller.Account, caller.Region, v.SubnetIDs[0]); s.Public {
		t.Error("a subnet is public without a gateway")
	}
	w.does("Action=DeleteInternetGateway&InternetGatewayId=" + gateway)
	for _, id := range v.SubnetIDs {
		w.does("Action=DeleteSubnet&SubnetId=" + id)
	}
	w.does("Action=DeleteVpc&VpcId=" + v.ID)
	w.has("Action=DescribeVpcs", `"Vpcs":[]`)
	w.has("Action=DescribeAccountAttributes&AttributeName.1=default-vpc", `"none"`)
	w.fails("VPCIdNotSpecified", "Action=CreateSecurityGroup&GroupName=a&GroupDescription=b")
	w.fails("DefaultVpcDoesNotExist", "Action=CreateDefaultSubnet&AvailabilityZone=us-east-1b")
	if _, ok, err := w.DefaultSecurityGroup(t.Context(), caller, v.ID); ok || err != nil {
		t.Errorf("a VPC that is gone has a default group, %v", err)
	}
	w.has("Action=CreateDefaultVpc", v.ID)
	w.has("Action=DescribeSubnets", v.SubnetIDs...)
	w.has("Action=DescribeSecurityGroups", v.SecurityGroupID)
	w.lacks("Action=DescribeVpcs", `"Key":"a"`)
}

// TestRoutes: gateways and tables.
func TestRoutes(t *testing.T) {
	w := tell(t)
	v := w.makes("vpc", "Action=CreateVpc&CidrBlock=10.1.0.0/16")
	other := w.makes("vpc", "Action=CreateVpc&CidrBlock=10.1.0.0/16")
	sub := w.makes("subnet", "Action=CreateSubnet&CidrBlock=10.1.1.0/28&VpcId="+v)
	gateway := w.makes("igw", "Action=CreateInternetGateway")
	table := w.makes("rtb", "Action=CreateRouteTable&ClientToken=t&VpcId="+v)
	if again := w.makes("rtb", "Action=CreateRouteTable&ClientToken=t&VpcId="+v); again != table {
		t.Errorf("the same call made %s and %s", table, again)
	}
	route := "&RouteTableId=" + table + "&DestinationCidrBlock=0.0.0.0/0&GatewayId=" + gateway
	w.fails("InvalidParameterValue", "Action=CreateRoute"+route) // another network
	w.does("Action=AttachInternetGateway&InternetGatewayId=" + gateway + "&VpcId=" + v)
	w.fails("Resource.AlreadyAssociated", "Action=AttachInternetGateway&InternetGatewayId="+gateway+"&VpcId="+other)
	w.fails("Gateway.NotAttached", "Action=DetachInternetGateway&InternetGatewayId="+gateway+"&VpcId="+other)
	w.fails("InvalidParameterValue", "Action=AttachInternetGateway&VpcId="+v+"&InternetGatewayId="+w.makes("igw", "Action=CreateInternetGateway"))
	w.fails("InvalidParameterValue", "Action=ReplaceRoute"+route)
	w.does("Action=CreateRoute" + route)
	w.does("Action=CreateRoute" + route) // says the same
	w.does("Action=ReplaceRoute" + route)
	w.fails("RouteAlreadyExists", "Action=CreateRoute"+strings.Replace(route, "0.0.0.0/0", "10.1.0.0/16", 1))
	w.fails("InvalidTransitGatewayID.NotFound", "Action=CreateRoute&RouteTableId="+table+"&DestinationCidrBlock=0.0.0.0/0&TransitGatewayId=tgw-1")
	w.fails("InvalidRoute.NotFound", "Action=DeleteRoute&RouteTableId="+table+"&DestinationCidrBlock=9.0.0.0/8")
	w.fails("InvalidParameterValue", "Action=DeleteRoute&RouteTableId="+table+"&DestinationCidrBlock=10.1.0.0/16")
	public := func(want bool) {
		t.Helper()
		if s, ok := subnetOf(t, w.Service, caller.Account, caller.Region, sub); !ok || s.Public != want {
			t.Errorf("the subnet is %+v, want public %v", s, want)
		}
	}
	public(false)
	as := w.makes("rtbassoc", "Action=AssociateRouteTable&RouteTableId="+table+"&SubnetId="+sub)
	public(true)
	second := w.makes("rtb", "Action=CreateRouteTable&VpcId="+v)
	w.fails("Resource.AlreadyAssociated", "Action=AssociateRouteTable&RouteTableId="+second+"&SubnetId="+sub)
	w.fails("DependencyViolation", "Action=DeleteRouteTable&RouteTableId="+table)
	next := w.makes("rtbassoc", "Action=ReplaceRouteTableAssociation&AssociationId="+as+"&RouteTableId="+second)
	public(false)
	w.fails("InvalidAssociationID.NotFound", "Action=DisassociateRouteTable&AssociationId="+as)
	w.does("Action=DisassociateRouteTable&AssociationId=" + next)
	main := w.makes("rtbassoc", "Action=DescribeRouteTables&Filter.1.Name=association.main&Filter.1.Value.1=true&Filter.2.Name=vpc-id&Filter.2.Value.1="+v)
	w.fails("InvalidParameterValue", "Action=DisassociateRouteTable&AssociationId="+main)
	w.does("Action=ReplaceRouteTableAssociation&AssociationId=" + main + "&RouteTableId=" + table)
	public(true)

	w.fails("InvalidAllocationID.NotFound", "Action=CreateNatGateway&AllocationId=eipalloc-0&SubnetId="+sub)
	eip := w.makes("eipalloc", "Action=AllocateAddress&Domain=vpc")
	nat := w.makes("nat", "Action=CreateNatGateway&ClientToken=n&AllocationId="+eip+"&SubnetId="+sub)
	if again := w.makes("nat", "Action=CreateNatGateway&ClientToken=n&AllocationId="+eip+"&SubnetId="+sub); again != nat {
		t.Errorf("the same call made %s and %s", nat, again)
	}
	w.fails("Resource.AlreadyAssociated", "Action=CreateNatGateway&AllocationId="+eip+"&SubnetId="+sub)
	w.has("Action=DescribeNatGateways&Filter.1.Name=state&Filter.1.Value.1=available&NatGatewayId.1="+nat, `"10.1.1.4"`, `"available"`, eip)
	w.has("Action=DescribeAddresses&AllocationId.1="+eip, `"198.1`, "eipassoc-")
	w.has("Action=DescribeAddressesAttribute&Attribute=domain-name&AllocationId.1="+eip, `"Addresses":[]`)
	w.has("Action=DescribeNetworkInterfaces&Filter.1.Name=subnet-id&Filter.1.Value.1="+sub, "nat_gateway", v)
	w.has("Action=DescribeSubnets&SubnetId.1="+sub, `"AvailableIpAddressCount":10`)
	w.does("Action=CreateRoute&DestinationCidrBlock=0.0.0.0/0&RouteTableId=" + second + "&NatGatewayId=" + nat)
	w.fails("DependencyViolation", "Action=DetachInternetGateway&InternetGatewayId="+gateway+"&VpcId="+v)
	w.fails("InvalidIPAddress.InUse", "Action=ReleaseAddress&AllocationId="+eip)
	w.fails("DependencyViolation", "Action=DeleteSubnet&SubnetId="+sub)
	w.fails("InvalidAssociationID.NotFound", "Action=DisassociateAddress&AssociationId=eipassoc-0")
	w.does("Action=DeleteNatGateway&NatGatewayId=" + nat)
	w.fails("NatGatewayNotFound", "Action=DescribeNatGateways&NatGatewayId.1="+nat)
	w.has("Action=DescribeRouteTables&RouteTableId.1="+second, `"blackhole"`)
	w.does("Action=ReleaseAddress&AllocationId=" + eip)
	w.does("Action=DeleteRoute&DestinationCidrBlock=0.0.0.0/0&RouteTableId=" + second)
	w.does("Action=DeleteRouteTable&RouteTableId=" + second)
	w.fails("DependencyViolation", "Action=DeleteInternetGateway&InternetGatewayId="+gateway)
	w.does("Action=DetachInternetGateway&InternetGatewayId=" + gateway + "&VpcId=" + v)
	public(false)
	w.does("Action=DeleteInternetGateway&InternetGatewayId=" + gateway)
}

// TestGroups: groups and their rules.
func TestGroups(t *testing.T) {
	w := tell(t)
	home := ec2.DefaultVPCOf(caller.Account, caller.Region)
	g := w.makes("sg", "Action=CreateSecurityGroup&GroupName=brokers&GroupDescription=d")
	apps := w.makes("sg", "Action=CreateSecurityGroup&GroupName=apps&GroupDescription=d&VpcId="+home.ID)
	rule := "&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=9098&IpPermissions.1.ToPort=9098"
	cidr := rule + "&IpPermissions.1.IpRanges.1.CidrIp=192.0.2.7/24"
	id := w.makes("sgr", "Action=AuthorizeSecurityGroupIngress&GroupId="+g+cidr+"&IpPermissions.1.IpRanges.1.Description=office")
	for form, want := range map[string]string{
		"Action=CreateSecurityGroup&GroupName=brokers&GroupDescription=d":                                                 "InvalidGroup.Duplicate",
		"Action=CreateSecurityGroup&GroupName=default&GroupDescription=d":                                                 "InvalidParameterValue",
		"Action=CreateSecurityGroup&GroupName=sg-1&GroupDescription=d":                                                    "InvalidParameterValue",
		"Action=CreateSecurityGroup&GroupName=a%0a&GroupDescription=d":                                                    "InvalidParameterValue",
		"Action=AuthorizeSecurityGroupIngress&GroupId=" + g + cidr:                                                        "InvalidPermission.Duplicate",
		"Action=AuthorizeSecurityGroupIngress&GroupId=" + g + rule:                                                        "MissingParameter",
		"Action=AuthorizeSecurityGroupIngress&GroupId=" + g + "&IpProtocol=tcp&CidrIp=10.0.0.0/8":                         "InvalidParameterValue",
		"Action=AuthorizeSecurityGroupIngress&GroupId=" + g + "&IpProtocol=tcp&FromPort=9&ToPort=8&CidrIp=1.0.0.0/8":      "InvalidParameterValue",
		"Action=AuthorizeSecurityGroupIngress&GroupId=" + g + "&IpProtocol=kafka&CidrIp=10.0.0.0/8":                       "InvalidParameterValue",
		"Action=AuthorizeSecurityGroupIngress&GroupId=" + g + "&IpProtocol=-1&CidrIp=10.0.0.0":                            "InvalidParameterValue",
		"Action=AuthorizeSecurityGroupIngress&GroupId=" + g + rule + "&IpPermissions.1.Groups.1.GroupId=sg-0":             "InvalidGroup.NotFound",
		"Action=AuthorizeSecurityGroupIngress&GroupId=" + g + rule + "&IpPermissions.1.PrefixListIds.1.PrefixListId=pl-1": "InvalidPrefixListID.NotFound",
		"Action=RevokeSecurityGroupIngress&GroupId=" + g + "&IpProtocol=-1&CidrIp=10.0.0.0/8":                             "InvalidPermission.NotFound",
		"Action=RevokeSecurityGroupEgress&GroupId=" + g + "&SecurityGroupRuleId.1=" + id:                                  "InvalidSecurityGroupRuleId.NotFound",
		"Action=DescribeSecurityGroupRules&SecurityGroupRuleId.1=sgr-0":                                                   "InvalidSecurityGroupRuleId.NotFound",
		"Action=DeleteSecurityGroup&GroupId=" + home.SecurityGroupID:                                                      "CannotDelete",
		"Action=DeleteSecurityGroup&GroupId=sg-0123456789abcdef0":                                                         "InvalidGroup.NotFound",
		"Action=DeleteSecurityGroup&GroupName=nobody":                                                                     "InvalidGroup.NotFound",
		"Action=DeleteSecurityGroup&GroupId=brokers":                                                                      "InvalidGroupId.Malformed",
	} {
		w.fails(want, form)
	}
	w.does("Action=AuthorizeSecurityGroupIngress&GroupName=brokers" + rule + "&IpPermissions.1.Groups.1.GroupName=apps&IpPermissions.1.Ipv6Ranges.1.CidrIpv6=2001:db8::/32")
	w.has("Action=DescribeSecurityGroups&GroupName.1=brokers", `"CidrIp":"192.0.2.0/24","Description":"office"`, `"GroupId":"`+apps+`"`, `"2001:db8::/32"`, `"CidrIp":"0.0.0.0/0"`)
	w.has("Action=DescribeSecurityGroups&Filter.1.Name=ip-permission.group-id&Filter.1.Value.1="+apps, g)
	w.has("Action=DescribeSecurityGroups&Filter.1.Name=ip-permission.from-port&Filter.1.Value.1=9098&Filter.2.Name=ip-permission.cidr&Filter.2.Value.1=192.0.2.0/24", g)
	w.fails("DependencyViolation", "Action=DeleteSecurityGroup&GroupId="+apps)
	w.does("Action=ModifySecurityGroupRules&GroupId=" + g + "&SecurityGroupRule.1.SecurityGroupRuleId=" + id +
		"&SecurityGroupRule.1.SecurityGroupRule.IpProtocol=tcp&SecurityGroupRule.1.SecurityGroupRule.FromPort=9000&SecurityGroupRule.1.SecurityGroupRule.ToPort=9100&SecurityGroupRule.1.SecurityGroupRule.CidrIpv4=198.51.100.0/24")
	w.does("Action=UpdateSecurityGroupRuleDescriptionsIngress&GroupId=" + g + "&SecurityGroupRuleDescription.1.SecurityGroupRuleId=" + id + "&SecurityGroupRuleDescription.1.Description=home")
	w.does("Action=UpdateSecurityGroupRuleDescriptionsEgress&GroupId=" + g + "&IpPermissions.1.IpProtocol=all&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0&IpPermissions.1.IpRanges.1.Description=out")
	w.does("Action=CreateTags&ResourceId.1=" + id + "&Tag.1.Key=k&Tag.1.Value=v")
	w.has("Action=DescribeSecurityGroupRules&Filter.1.Name=tag:k&Filter.1.Value.1=v", id, `"CidrIpv4":"198.51.100.0/24"`, `"FromPort":9000`, `"home"`)
	w.has("Action=DescribeSecurityGroupRules&Filter.1.Name=group-id&Filter.1.Value.1="+g, `"out"`)
	w.has("Action=DescribeTags&Filter.1.Name=key&Filter.1.Value.1=k", id, "security-group-rule")
	w.does("Action=DeleteTags&ResourceId.1=" + id + "&Tag.1.Key=k&Tag.1.Value=w")
	w.has("Action=DescribeTags", `"k"`)
	w.does("Action=DeleteTags&ResourceId.1=" + id + "&Tag.1.Key=k")
	w.lacks("Action=DescribeTags", `"k"`)
	w.does("Action=RevokeSecurityGroupEgress&GroupId=" + g + "&IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0")
	w.does("Action=AuthorizeSecurityGroupEgress&GroupId=" + g + cidr)
	w.does("Action=RevokeSecurityGroupIngress&GroupId=" + g + rule + "&IpPermissions.1.Groups.1.GroupId=" + apps)
	w.does("Action=RevokeSecurityGroupIngress&GroupId=" + g + "&SecurityGroupRuleId.1=" + id)
	w.does("Action=DeleteSecurityGroup&GroupId=" + apps)
	for i := range 59 { // the IPv6 rule counts for itself
		w.does(fmt.Sprintf("Action=AuthorizeSecurityGroupIngress&GroupId=%s&IpProtocol=tcp&FromPort=%d&ToPort=%d&CidrIp=10.0.0.0/8", g, i, i))
	}
	w.does("Action=AuthorizeSecurityGroupIngress&IpProtocol=-1&CidrIp=10.0.0.0/8&GroupId=" + g)
	w.fails("RulesPerSecurityGroupLimitExceeded", "Action=AuthorizeSecurityGroupIngress&IpProtocol=-1&CidrIp=11.0.0.0/8&GroupId="+g)
}

// TestWhatClustersUse: interfaces of other services keep subnets and groups.
func TestWhatClustersUse(t *testing.T) {
	v := ec2.DefaultVPCOf(caller.Account, caller.Region)
	used := ec2.Interface{ID: "eni-0123456789abcdef0", Subnet: v.SubnetIDs[0], Groups: []string{v.SecurityGroupID}, Description: "a broker's", Requester: "amazon-msk"}
	w := tell(t, used)
	w.fails("DependencyViolation", "Action=DeleteSubnet&SubnetId="+v.SubnetIDs[0])
	w.does("Action=DeleteSubnet&SubnetId=" + v.SubnetIDs[1])
	w.has("Action=DescribeNetworkInterfaces&Filter.1.Name=group-id&Filter.1.Value.1="+v.SecurityGroupID, used.ID, "amazon-msk", `"default"`)
	w.has("Action=DescribeSubnets&SubnetId.1="+v.SubnetIDs[0], `"AvailableIpAddressCount":4090`)
	w.has("Action=DescribeDhcpOptions", "AmazonProvidedDNS")
	w.has("Action=DescribeVpcEndpoints", `"VpcEndpoints":[]`)
	w.has("Action=DescribeRegions&RegionName.1=eu-west-1", "ec2.eu-west-1.amazonaws.com")
	w.fails("InvalidParameterValue", "Action=DescribeRegions&RegionName.1=mars-1")
	w.fails("InvalidVpcEndpointId.NotFound", "Action=DescribeVpcEndpoints&VpcEndpointId.1=vpce-0")
}

// TestIngress: what rules let in, and how a change of them is heard.
func TestIngress(t *testing.T) {
	w := tell(t)
	v := ec2.DefaultVPCOf(caller.Account, caller.Region)
	g := w.makes("sg", "Action=CreateSecurityGroup&GroupName=g&GroupDescription=d")
	changed, cancel := w.Watch()
	defer cancel()
	w.does("Action=AuthorizeSecurityGroupIngress&GroupId=" + g + "&IpProtocol=tcp&FromPort=9092&ToPort=9094&CidrIp=192.0.2.0/24")
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told of a change")
	}
	w.does("Action=AuthorizeSecurityGroupIngress&GroupId=" + g + "&IpProtocol=udp&FromPort=9096&ToPort=9096&CidrIp=0.0.0.0/0")
	w.does("Action=AuthorizeSecurityGroupIngress&GroupId=" + g + "&IpPermissions.1.IpProtocol=-1&IpPermissions.1.Groups.1.GroupId=" + v.SecurityGroupID)
	rules, err := w.Ingress(t.Context(), caller.Account, caller.Region, []string{g, "sg-0"})
	if err != nil {
		t.Fatal(err)
	}
	office, elsewhere := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("198.51.100.1")
	for _, tc := range []struct {
		what string
		from ec2.Source
		port uint16
		want bool
	}{
		{"an address of the rule", ec2.Source{Addr: office}, 9093, true},
		{"IPv4 in IPv6", ec2.Source{Addr: netip.AddrFrom16(office.As16())}, 9094, true},
		{"below the ports", ec2.Source{Addr: office}, 9091, false},
		{"above the ports", ec2.Source{Addr: office}, 9095, false},
		{"another protocol", ec2.Source{Addr: office}, 9096, false},
		{"another address", ec2.Source{Addr: elsewhere}, 9092, false},
		{"no address", ec2.Source{}, 9092, false},
		{"within a network that overlaps", ec2.Source{Addr: elsewhere, Within: []netip.Prefix{netip.MustParsePrefix("192.0.0.0/16")}}, 9092, true},
		{"a member of the group", ec2.Source{Groups: []string{v.SecurityGroupID}}, 1, true},
		{"a member of another group", ec2.Source{Groups: []string{g}}, 1, false},
		{"a host of the VPC", rules.Host(elsewhere), 9098, true},
	} {
		if got := rules.Allows(tc.from, tc.port); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.what, got, tc.want)
		}
	}
	if (ec2.Ingress{}).Allows(rules.Host(office), 9092) {
		t.Error("no rules allow something")
	}
}
