package ec2

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

const (
	maxSixBlocks  = 5  // of a VPC. aws:ec2 VPC quotas
	sixBits       = 56 // of a VPC's block
	sixSubnetBits = 64 // of a subnet's block at most; less in steps of four
	sixSubnetMin  = 44
)

// sixRange is where blocks come from: documentation's (RFC 3849), which is routed
// nowhere.
var sixRange = netip.MustParsePrefix("2001:db8::/32")

// sixPrefixes is the VPC's IPv6 blocks.
func (v *vpc) sixPrefixes() (out []netip.Prefix) {
	for _, b := range v.Six {
		if p, err := netip.ParsePrefix(b.CIDR); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// sixPrefix is the subnet's IPv6 block; the zero Prefix overlaps nothing.
func (s *subnet) sixPrefix() netip.Prefix {
	p, _ := netip.ParsePrefix(s.Six.CIDR)
	return p
}

// wantsSix says whether a VPC is to get an IPv6 block, and refuses one of the
// caller's own.
func wantsSix(region string, amazon *bool, cidr, pool, border *string) (bool, error) {
	switch {
	case cidr != nil || pool != nil:
		return false, unsupported("IPv6 addresses of one's own")
	case border != nil && *border != region:
		return false, problem("InvalidParameterValue", "Value (%s) for parameter ipv6CidrBlockNetworkBorderGroup is invalid.", *border)
	}
	return isTrue(amazon), nil
}

// newSix gives a VPC a block that no other has.
func (n *network) newSix(v *vpc) (block, error) {
	if len(v.Six) >= maxSixBlocks {
		return block{}, problem("CidrBlocksLimitExceeded", "This network '%s' has met its maximum number of allowed CIDRs: %d", v.ID, maxSixBlocks) // UNVERIFIED
	}
	taken := map[string]bool{}
	for _, other := range all[vpc](n) {
		for _, b := range other.Six {
			taken[b.CIDR] = true
		}
	}
	id, err := n.fresh("vpc-cidr-assoc")
	if err != nil {
		return block{}, err
	}
	for {
		var r [4]byte
		if _, err := io.ReadFull(n.random, r[1:]); err != nil {
			return block{}, fmt.Errorf("draw an IPv6 block: %w", err)
		}
		a := sixRange.Addr().As16()
		binary.BigEndian.PutUint32(a[4:8], binary.BigEndian.Uint32(r[:])<<8)
		if cidr := netip.PrefixFrom(netip.AddrFrom16(a), sixBits).String(); !taken[cidr] {
			b := block{id, cidr}
			v.Six = append(slices.Clone(v.Six), b)
			return b, nil
		}
	}
}

// associateSix is AssociateVpcCidrBlock of an IPv6 block.
func (s *Service) associateSix(ctx context.Context, c model.Caller, id *string) (out *ec2.AssociateVpcCidrBlockResult, err error) {
	err = s.change(ctx, c, nil, func(n *network) error {
		v, err := get[vpc](n, kindVPC, id)
		if err != nil {
			return err
		}
		b, err := n.newSix(v)
		if err != nil {
			return err
		}
		n.put(v)
		out = &ec2.AssociateVpcCidrBlockResult{VpcId: new(v.ID), Ipv6CidrBlockAssociation: new(n.sixShape(b, "associated"))}
		return nil
	})
	return out, err
}

// dropSix takes an IPv6 block from a VPC that no subnet has a part of.
func (n *network) dropSix(v *vpc, i int) error {
	p, err := netip.ParsePrefix(v.Six[i].CIDR)
	if err != nil {
		return err
	}
	if len(some(n, func(s *subnet) bool { return s.VPC == v.ID && s.sixPrefix().Overlaps(p) })) > 0 { // UNVERIFIED wording
		return problem("DependencyViolation", "The vpc CIDR block '%s' has dependencies and cannot be disassociated.", p)
	}
	v.Six = slices.Delete(slices.Clone(v.Six), i, i+1)
	n.put(v)
	return nil
}

// placeSix gives a subnet an IPv6 block of its VPC's.
func (n *network) placeSix(sub *subnet, cidr string) error {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || !p.Addr().Is6() {
		return problem("InvalidParameterValue", "Value (%s) for parameter ipv6CidrBlock is invalid. This is not a valid CIDR block.", cidr)
	}
	v, err := get[vpc](n, kindVPC, &sub.VPC)
	if err != nil {
		return err
	}
	p = p.Masked()
	within := slices.ContainsFunc(v.sixPrefixes(), func(b netip.Prefix) bool { return b.Bits() <= p.Bits() && b.Contains(p.Addr()) })
	if !within || p.Bits() < sixSubnetMin || p.Bits() > sixSubnetBits || p.Bits()%4 != 0 {
		return problem("InvalidSubnet.Range", "The CIDR '%s' is invalid.", p)
	}
	if len(some(n, func(s *subnet) bool { return s.VPC == v.ID && s.sixPrefix().Overlaps(p) })) > 0 {
		return problem("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", p)
	}
	id, err := n.fresh("subnet-cidr-assoc")
	sub.Six = block{id, p.String()}
	return err
}

// AssociateSubnetCidrBlock gives a subnet its IPv6 block.
// aws:ec2 AssociateSubnetCidrBlock
func (s *Service) AssociateSubnetCidrBlock(ctx context.Context, c model.Caller, in *ec2.AssociateSubnetCidrBlockRequest) (out *ec2.AssociateSubnetCidrBlockResult, err error) {
	switch {
	case in.Ipv6IpamPoolId != nil || in.Ipv6NetmaskLength != nil:
		return nil, unsupported("IP Address Manager")
	case in.Ipv6CidrBlock == nil:
		return nil, missing("ipv6CidrBlock")
	}
	err = s.change(ctx, c, nil, func(n *network) error {
		sub, err := get[subnet](n, kindSubnet, in.SubnetId)
		if err != nil {
			return err
		}
		if sub.Six.ID != "" { // UNVERIFIED
			return problem("InvalidSubnet.Conflict", "The subnet '%s' has an IPv6 CIDR block already", sub.ID)
		}
		if err := n.placeSix(sub, *in.Ipv6CidrBlock); err != nil {
			return err
		}
		n.put(sub)
		out = &ec2.AssociateSubnetCidrBlockResult{SubnetId: new(sub.ID), Ipv6CidrBlockAssociation: new(subnetSixShape(sub.Six, "associated"))}
		return nil
	})
	return out, err
}

// DisassociateSubnetCidrBlock takes it. aws:ec2 DisassociateSubnetCidrBlock
func (s *Service) DisassociateSubnetCidrBlock(ctx context.Context, c model.Caller, in *ec2.DisassociateSubnetCidrBlockRequest) (out *ec2.DisassociateSubnetCidrBlockResult, err error) {
	err = s.change(ctx, c, nil, func(n *network) error {
		for _, sub := range some(n, func(s *subnet) bool { return s.Six.ID == *in.AssociationId }) {
			was := sub.Six
			sub.Six, sub.SixOnCreation = block{}, false
			n.put(sub)
			out = &ec2.DisassociateSubnetCidrBlockResult{SubnetId: new(sub.ID), Ipv6CidrBlockAssociation: new(subnetSixShape(was, "disassociated"))}
			return nil
		}
		return problem("InvalidSubnetCidrBlockAssociationID.NotFound", "The subnet CIDR block association ID '%s' does not exist", *in.AssociationId)
	})
	return out, err
}

func (n *network) sixShape(b block, state string) ec2.VpcIpv6CidrBlockAssociation {
	return ec2.VpcIpv6CidrBlockAssociation{
		AssociationId: new(b.ID), Ipv6CidrBlock: new(b.CIDR), Ipv6CidrBlockState: &ec2.VpcCidrBlockState{State: new(state)},
		Ipv6Pool: new("Amazon"), NetworkBorderGroup: new(n.caller.Region), IpSource: new("amazon"), Ipv6AddressAttribute: new("public"),
	}
}

func subnetSixShape(b block, state string) ec2.SubnetIpv6CidrBlockAssociation {
	return ec2.SubnetIpv6CidrBlockAssociation{
		AssociationId: new(b.ID), Ipv6CidrBlock: new(b.CIDR), Ipv6CidrBlockState: &ec2.SubnetCidrBlockState{State: new(state)},
		IpSource: new("amazon"), Ipv6AddressAttribute: new("public"),
	}
}

// sixAttributes adds to the filters of a VPC or subnet what is of its IPv6 blocks.
func sixAttributes(a attributes, blocks ...block) {
	for _, b := range blocks {
		a["ipv6-cidr-block-association.association-id"] = append(a["ipv6-cidr-block-association.association-id"], b.ID)
		a["ipv6-cidr-block-association.ipv6-cidr-block"] = append(a["ipv6-cidr-block-association.ipv6-cidr-block"], b.CIDR)
		a["ipv6-cidr-block-association.state"] = []string{"associated"}
		if _, ofVPC := a["ipv6-cidr-block-association.ipv6-pool"]; ofVPC {
			a["ipv6-cidr-block-association.ipv6-pool"] = []string{"Amazon"}
		}
	}
}
