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

const maxAddresses = 100 // of an account in a region: what AWS grants on request

// addressBase is where elastic addresses lie: 198.18.0.0/15, which no network
// routes (RFC 2544), for no packet ever reaches one.
var addressBase = [4]byte{198, 18, 0, 0}

const addressCount = 1 << 17

// AllocateAddress gives the account a public address. aws:ec2 AllocateAddress
func (s *Service) AllocateAddress(ctx context.Context, c model.Caller, in *ec2.AllocateAddressRequest) (*ec2.AllocateAddressResult, error) {
	tags, err := newTags(in.TagSpecifications, kindAddress)
	if err != nil {
		return nil, err
	}
	if in.Address != nil || in.CustomerOwnedIpv4Pool != nil || in.IpamPoolId != nil || in.PublicIpv4Pool != nil && *in.PublicIpv4Pool != "amazon" {
		return nil, unsupported("address pools of customers")
	}
	out := &ec2.AllocateAddressResult{Domain: new("vpc"), PublicIpv4Pool: new("amazon"), NetworkBorderGroup: new(c.Region)}
	return out, s.change(ctx, c, in.DryRun, func(n *network) error {
		have := all[address](n)
		if len(have) >= maxAddresses {
			return problem("AddressLimitExceeded", "The maximum number of addresses has been reached.")
		}
		base, err := n.named(kindAddress, tags)
		if err != nil {
			return err
		}
		ip, err := n.freshAddress(have)
		if err != nil {
			return err
		}
		n.put(&address{common: base, IP: ip})
		out.AllocationId, out.PublicIp = new(base.ID), new(ip)
		return nil
	})
}

// freshAddress draws a public address that the account does not have.
func (n *network) freshAddress(have []*address) (string, error) {
	var b [4]byte
	if _, err := io.ReadFull(n.random, b[:]); err != nil {
		return "", fmt.Errorf("draw an address: %w", err)
	}
	for at := binary.BigEndian.Uint32(b[:]) % addressCount; ; at = (at + 1) % addressCount { // ends: there are fewer than maxAddresses
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], binary.BigEndian.Uint32(addressBase[:])+at)
		if text := netip.AddrFrom4(ip).String(); !slices.ContainsFunc(have, func(a *address) bool { return a.IP == text }) {
			return text, nil
		}
	}
}

// ReleaseAddress gives a public address back that nothing uses. aws:ec2
// ReleaseAddress
func (s *Service) ReleaseAddress(ctx context.Context, c model.Caller, in *ec2.ReleaseAddressRequest) (*ec2.ReleaseAddressResponse, error) {
	if in.AllocationId == nil {
		return nil, missing("AllocationId")
	}
	return &ec2.ReleaseAddressResponse{}, s.change(ctx, c, in.DryRun, func(n *network) error {
		a, err := get[address](n, kindAddress, in.AllocationId)
		if err != nil {
			return err
		}
		if a.NAT != "" {
			return problem("InvalidIPAddress.InUse", "Address %s is in use.", a.IP)
		}
		n.remove(a)
		return nil
	})
}

// DescribeAddresses shows public addresses. aws:ec2 DescribeAddresses
func (s *Service) DescribeAddresses(ctx context.Context, c model.Caller, in *ec2.DescribeAddressesRequest) (*ec2.DescribeAddressesResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	found, err := view[address, ec2.Address]{kindAddress, n.addressAttributes, n.addressShape}.list(n, in.AllocationIds, in.Filters)
	if err != nil {
		return nil, err
	}
	for _, ip := range in.PublicIps {
		if !slices.ContainsFunc(all[address](n), func(a *address) bool { return a.IP == ip }) {
			return nil, problem("InvalidAddress.NotFound", "Address '%s' not found.", ip)
		}
	}
	found = slices.DeleteFunc(found, func(a ec2.Address) bool { return !wanted(in.PublicIps, *a.PublicIp) })
	return &ec2.DescribeAddressesResult{Addresses: found}, nil
}

// DescribeAddressesAttribute shows the names of public addresses: none has one.
// aws:ec2 DescribeAddressesAttribute
func (s *Service) DescribeAddressesAttribute(
	ctx context.Context, c model.Caller, in *ec2.DescribeAddressesAttributeRequest,
) (*ec2.DescribeAddressesAttributeResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	for _, id := range in.AllocationIds {
		if _, err := get[address](n, kindAddress, &id); err != nil {
			return nil, err
		}
	}
	return &ec2.DescribeAddressesAttributeResult{Addresses: []ec2.AddressAttribute{}}, nil
}

func (n *network) addressAttributes(a *address) attributes {
	out := attributes{
		"allocation-id": {a.ID}, "public-ip": {a.IP}, "domain": {"vpc"}, "network-border-group": {n.caller.Region},
		"association-id": nil, "instance-id": nil, "network-interface-id": nil, "network-interface-owner-id": nil, "private-ip-address": nil,
	}
	if nat, ok := n.find(a.NAT).(*natGateway); ok {
		out["association-id"], out["network-interface-id"] = []string{nat.Association}, []string{nat.Interface}
		out["network-interface-owner-id"], out["private-ip-address"] = []string{n.caller.Account}, []string{nat.Address}
	}
	return out
}

func (n *network) addressShape(a *address) ec2.Address {
	out := ec2.Address{
		AllocationId: new(a.ID), PublicIp: new(a.IP), Domain: new("vpc"), PublicIpv4Pool: new("amazon"), NetworkBorderGroup: new(n.caller.Region), Tags: tagShapes(a.Tags),
	}
	if nat, ok := n.find(a.NAT).(*natGateway); ok {
		out.AssociationId, out.NetworkInterfaceId, out.NetworkInterfaceOwnerId = new(nat.Association), new(nat.Interface), new(n.caller.Account)
		out.PrivateIpAddress = new(nat.Address)
	}
	return out
}

// DisassociateAddress takes an address from what has it. Only NAT gateways have
// addresses, and those keep them. aws:ec2 DisassociateAddress
func (s *Service) DisassociateAddress(ctx context.Context, c model.Caller, in *ec2.DisassociateAddressRequest) (*ec2.DisassociateAddressResponse, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	if in.AssociationId == nil {
		return nil, missing("AssociationId")
	}
	for _, nat := range all[natGateway](n) {
		if nat.Association == *in.AssociationId {
			return nil, problem("AuthFailure", "You do not have permission to access the specified resource.") // UNVERIFIED wording
		}
	}
	return nil, unknown(kindAssociation, *in.AssociationId)
}
