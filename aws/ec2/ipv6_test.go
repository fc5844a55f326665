package ec2_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

// TestIPv6: the blocks of VPCs and subnets from their making to their end.
func TestIPv6(t *testing.T) {
	w := tell(t)
	v := w.makes("vpc", "Action=CreateVpc&CidrBlock=10.1.0.0/16&AmazonProvidedIpv6CidrBlock=true")
	w.has("Action=DescribeVpcs&Filter.1.Name=ipv6-cidr-block-association.state&Filter.1.Value.1=associated", v, `"Ipv6Pool":"Amazon"`, `"NetworkBorderGroup":"us-east-1"`)
	shown := w.does("Action=DescribeVpcs&VpcId.1=" + v)
	net := regexp.MustCompile(`2001:db8:[0-9a-f:]*::/56`).FindString(shown)
	whole, err := netip.ParsePrefix(net)
	if err != nil {
		t.Fatalf("no block in %s", shown)
	}
	part := func(n byte, bits int) string {
		a := whole.Addr().As16()
		a[7] = n
		return netip.PrefixFrom(netip.AddrFrom16(a), bits).String()
	}
	w.has("Action=DescribeRouteTables&Filter.1.Name=vpc-id&Filter.1.Value.1="+v, `"DestinationIpv6CidrBlock":"`+net+`"`)

	sub := w.makes("subnet", "Action=CreateSubnet&CidrBlock=10.1.1.0/24&Ipv6CidrBlock="+part(1, 64)+"&VpcId="+v)
	other := w.makes("subnet", "Action=CreateSubnet&CidrBlock=10.1.2.0/24&VpcId="+v)
	w.has("Action=DescribeSubnets&Filter.1.Name=ipv6-cidr-block-association.ipv6-cidr-block&Filter.1.Value.1="+part(1, 64), sub, `"AssignIpv6AddressOnCreation":false`)
	w.does("Action=ModifySubnetAttribute&AssignIpv6AddressOnCreation.Value=true&SubnetId=" + sub)
	w.has("Action=DescribeSubnets&SubnetId.1="+sub, `"AssignIpv6AddressOnCreation":true`)
	w.lacks("Action=DescribeSubnets&SubnetId.1="+other, "2001:db8")
	for form, want := range map[string]string{
		"Action=ModifySubnetAttribute&AssignIpv6AddressOnCreation.Value=true&SubnetId=" + other:         "InvalidParameterValue",
		"Action=AssociateSubnetCidrBlock&SubnetId=" + other + "&Ipv6CidrBlock=" + part(1, 64):           "InvalidSubnet.Conflict",
		"Action=AssociateSubnetCidrBlock&SubnetId=" + other + "&Ipv6CidrBlock=" + part(2, 66):           "InvalidSubnet.Range",
		"Action=AssociateSubnetCidrBlock&SubnetId=" + other + "&Ipv6CidrBlock=2001:db9::/64":            "InvalidSubnet.Range",
		"Action=AssociateSubnetCidrBlock&SubnetId=" + other + "&Ipv6CidrBlock=10.1.2.0/24":              "InvalidParameterValue",
		"Action=AssociateSubnetCidrBlock&SubnetId=" + sub + "&Ipv6CidrBlock=" + part(3, 64):             "InvalidSubnet.Conflict",
		"Action=DisassociateSubnetCidrBlock&AssociationId=subnet-cidr-assoc-0":                          "InvalidSubnetCidrBlockAssociationID.NotFound",
		"Action=CreateVpc&CidrBlock=10.1.0.0/16&Ipv6Pool=pool-1&Ipv6CidrBlock=2001:db8::/56":            "UnsupportedOperation",
		"Action=AssociateVpcCidrBlock&AmazonProvidedIpv6CidrBlock=true&VpcId=vpc-0123456789abcdef0":     "InvalidVpcID.NotFound",
		"Action=CreateSubnet&CidrBlock=10.1.3.0/24&Ipv6Native=true&VpcId=" + v:                          "UnsupportedOperation",
		"Action=DisassociateVpcCidrBlock&AssociationId=" + w.first("vpc-cidr-assoc", after(shown, net)): "DependencyViolation",
	} {
		w.fails(want, form)
	}
	w.has("Action=AssociateSubnetCidrBlock&SubnetId="+other+"&Ipv6CidrBlock="+part(2, 64), part(2, 64))
	for _, s := range []string{sub, other} {
		w.does("Action=DisassociateSubnetCidrBlock&AssociationId=" + w.first("subnet-cidr-assoc", w.does("Action=DescribeSubnets&SubnetId.1="+s)))
	}
	w.has("Action=DescribeSubnets&SubnetId.1="+sub, `"AssignIpv6AddressOnCreation":false`)
	w.has("Action=DisassociateVpcCidrBlock&AssociationId="+w.first("vpc-cidr-assoc", after(shown, net)), "disassociated")
	w.lacks("Action=DescribeVpcs&VpcId.1="+v, net)
	for range 5 {
		w.does("Action=AssociateVpcCidrBlock&AmazonProvidedIpv6CidrBlock=true&VpcId=" + v)
	}
	w.fails("CidrBlocksLimitExceeded", "Action=AssociateVpcCidrBlock&AmazonProvidedIpv6CidrBlock=true&VpcId="+v)
}

// after is what of an answer belongs to the IPv6 blocks of a VPC.
func after(shown, net string) string {
	at := strings.Index(shown, "Ipv6CidrBlockAssociationSet")
	if at < 0 || !strings.Contains(shown[at:], net) {
		return ""
	}
	return shown[at:]
}

// first is the first id of a kind in an answer.
func (w story) first(prefix, shown string) string {
	w.t.Helper()
	id := regexp.MustCompile(prefix + `-0[0-9a-f]{16}`).FindString(shown)
	if id == "" {
		w.t.Fatalf("no %s in %s", prefix, shown)
	}
	return id
}
