package ec2

import (
	"context"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

const maxNATs = 100 // of an account in a region: what AWS grants on request

// CreateNatGateway makes a NAT gateway, which is a record. Its id is available
// at once. aws:ec2 CreateNatGateway
func (s *Service) CreateNatGateway(ctx context.Context, c model.Caller, in *ec2.CreateNatGatewayRequest) (out *ec2.CreateNatGatewayResult, err error) {
	tags, err := newTags(in.TagSpecifications, kindNAT)
	if err != nil {
		return nil, err
	}
	switch {
	case len(in.SecondaryAllocationIds)+len(in.SecondaryPrivateIpAddresses) > 0 || in.SecondaryPrivateIpAddressCount != nil:
		return nil, unsupported("secondary addresses of NAT gateways")
	case len(in.AvailabilityZoneAddresses) > 0 || in.VpcId != nil || text(in.AvailabilityMode) == "regional":
		return nil, unsupported("regional NAT gateways")
	case in.PrivateIpAddress != nil:
		return nil, unsupported("chosen addresses of NAT gateways")
	}
	err = s.change(ctx, c, in.DryRun, func(n *network) error {
		for _, nat := range all[natGateway](n) {
			if in.ClientToken != nil && nat.Token == *in.ClientToken {
				out = &ec2.CreateNatGatewayResult{NatGateway: new(n.natShape(nat)), ClientToken: in.ClientToken}
				return nil
			}
		}
		nat, err := n.newNAT(in, tags)
		if err != nil {
			return err
		}
		out = &ec2.CreateNatGatewayResult{NatGateway: new(n.natShape(nat)), ClientToken: in.ClientToken}
		return nil
	})
	return out, err
}

func (n *network) newNAT(in *ec2.CreateNatGatewayRequest, tags map[string]string) (*natGateway, error) {
	if len(all[natGateway](n)) >= maxNATs {
		return nil, problem("NatGatewayLimitExceeded", "The maximum number of NAT gateways has been reached.")
	}
	sub, err := get[subnet](n, kindSubnet, in.SubnetId)
	if err != nil {
		return nil, err
	}
	nat := &natGateway{VPC: sub.VPC, Subnet: sub.ID, Private: text(in.ConnectivityType) == "private", Token: text(in.ClientToken), Created: n.now}
	if nat.common, err = n.named(kindNAT, tags); err != nil {
		return nil, err
	}
	if nat.Interface, err = n.fresh("eni"); err != nil {
		return nil, err
	}
	if nat.Address, err = n.freeAddress(sub); err != nil {
		return nil, err
	}
	if !nat.Private {
		if err := n.publish(nat, in.AllocationId); err != nil {
			return nil, err
		}
	}
	n.put(nat)
	return nat, nil
}

// publish gives a NAT gateway its public address.
func (n *network) publish(nat *natGateway, allocation *string) (err error) {
	a, err := get[address](n, kindAddress, allocation)
	if err != nil {
		return err
	}
	if a.NAT != "" {
		return problem("Resource.AlreadyAssociated", "resource %s is already associated with %s", a.ID, a.NAT)
	}
	if len(some(n, func(g *internetGateway) bool { return g.VPC == nat.VPC })) == 0 {
		return problem("Gateway.NotAttached", "Network %s has no Internet gateway attached", nat.VPC)
	}
	if nat.Association, err = n.fresh("eipassoc"); err != nil {
		return err
	}
	nat.Allocation, a.NAT = a.ID, nat.ID
	n.put(a)
	return nil
}

// DeleteNatGateway deletes a NAT gateway at once. aws:ec2 DeleteNatGateway
func (s *Service) DeleteNatGateway(ctx context.Context, c model.Caller, in *ec2.DeleteNatGatewayRequest) (*ec2.DeleteNatGatewayResult, error) {
	return &ec2.DeleteNatGatewayResult{NatGatewayId: in.NatGatewayId}, s.change(ctx, c, in.DryRun, func(n *network) error {
		nat, err := get[natGateway](n, kindNAT, in.NatGatewayId)
		if err != nil {
			return err
		}
		if a, ok := n.find(nat.Allocation).(*address); ok {
			a.NAT = ""
			n.put(a)
		}
		n.remove(nat)
		return nil
	})
}

// DescribeNatGateways shows NAT gateways. aws:ec2 DescribeNatGateways
func (s *Service) DescribeNatGateways(ctx context.Context, c model.Caller, in *ec2.DescribeNatGatewaysRequest) (*ec2.DescribeNatGatewaysResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	found, err := view[natGateway, ec2.NatGateway]{kindNAT, n.natAttributes, n.natShape}.list(n, in.NatGatewayIds, in.Filter)
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, "natGatewayIds", len(in.NatGatewayIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeNatGatewaysResult{NatGateways: part, NextToken: next}, err
}

func (n *network) natAttributes(nat *natGateway) attributes {
	return attributes{"nat-gateway-id": {nat.ID}, "subnet-id": {nat.Subnet}, "vpc-id": {nat.VPC}, "state": {"available"}}
}

func (n *network) natShape(nat *natGateway) ec2.NatGateway {
	at := ec2.NatGatewayAddress{NetworkInterfaceId: new(nat.Interface), PrivateIp: new(nat.Address), IsPrimary: new(true), Status: new("succeeded")}
	kind := "private"
	if !nat.Private {
		kind = "public"
		at.AllocationId, at.AssociationId = new(nat.Allocation), new(nat.Association)
		if a, ok := n.find(nat.Allocation).(*address); ok {
			at.PublicIp = new(a.IP)
		}
	}
	return ec2.NatGateway{
		NatGatewayId: new(nat.ID), SubnetId: new(nat.Subnet), VpcId: new(nat.VPC), State: new("available"), ConnectivityType: new(kind),
		CreateTime: model.NewTime(nat.Created), NatGatewayAddresses: []ec2.NatGatewayAddress{at}, Tags: tagShapes(nat.Tags),
	}
}
