package ec2

import (
	"context"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// CreateInternetGateway makes a gateway that no VPC has yet. aws:ec2
// CreateInternetGateway
func (s *Service) CreateInternetGateway(ctx context.Context, c model.Caller, in *ec2.CreateInternetGatewayRequest) (out *ec2.CreateInternetGatewayResult, err error) {
	tags, err := newTags(in.TagSpecifications, kindInternetGateway)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, c, in.DryRun, func(n *network) error {
		if len(all[internetGateway](n)) >= maxVPCs { // one for each VPC
			return problem("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
		}
		base, err := n.named(kindInternetGateway, tags)
		if err != nil {
			return err
		}
		g := &internetGateway{common: base}
		n.put(g)
		out = &ec2.CreateInternetGatewayResult{InternetGateway: new(n.gatewayShape(g))}
		return nil
	})
	return out, err
}

// AttachInternetGateway gives a VPC its gateway. aws:ec2 AttachInternetGateway
func (s *Service) AttachInternetGateway(ctx context.Context, c model.Caller, in *ec2.AttachInternetGatewayRequest) (*ec2.AttachInternetGatewayResponse, error) {
	return &ec2.AttachInternetGatewayResponse{}, s.change(ctx, c, in.DryRun, func(n *network) error {
		g, v, err := n.gatewayAndVPC(in.InternetGatewayId, in.VpcId)
		if err != nil {
			return err
		}
		if g.VPC != "" {
			return problem("Resource.AlreadyAssociated", "resource %s is already attached to network %s", g.ID, g.VPC)
		}
		if len(some(n, func(o *internetGateway) bool { return o.VPC == v.ID })) > 0 {
			return problem("InvalidParameterValue", "Network %s already has an internet gateway attached", v.ID)
		}
		g.VPC = v.ID
		n.put(g)
		return nil
	})
}

func (n *network) gatewayAndVPC(gateway, home *string) (*internetGateway, *vpc, error) {
	g, err := get[internetGateway](n, kindInternetGateway, gateway)
	if err != nil {
		return nil, nil, err
	}
	v, err := get[vpc](n, kindVPC, home)
	return g, v, err
}

// DetachInternetGateway takes a VPC's gateway away. aws:ec2
// DetachInternetGateway
func (s *Service) DetachInternetGateway(ctx context.Context, c model.Caller, in *ec2.DetachInternetGatewayRequest) (*ec2.DetachInternetGatewayResponse, error) {
	return &ec2.DetachInternetGatewayResponse{}, s.change(ctx, c, in.DryRun, func(n *network) error {
		g, v, err := n.gatewayAndVPC(in.InternetGatewayId, in.VpcId)
		if err != nil {
			return err
		}
		if g.VPC != v.ID {
			return problem("Gateway.NotAttached", "resource %s is not attached to network %s", g.ID, v.ID)
		}
		if len(some(n, func(nat *natGateway) bool { return nat.VPC == v.ID && !nat.Private })) > 0 {
			return problem("DependencyViolation", "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", v.ID)
		}
		g.VPC = ""
		n.put(g)
		return nil
	})
}

// DeleteInternetGateway deletes a gateway that no VPC has. aws:ec2
// DeleteInternetGateway
func (s *Service) DeleteInternetGateway(ctx context.Context, c model.Caller, in *ec2.DeleteInternetGatewayRequest) (*ec2.DeleteInternetGatewayResponse, error) {
	return &ec2.DeleteInternetGatewayResponse{}, s.change(ctx, c, in.DryRun, func(n *network) error {
		g, err := get[internetGateway](n, kindInternetGateway, in.InternetGatewayId)
		if err != nil {
			return err
		}
		if g.VPC != "" {
			return blocked("internetGateway", g.ID)
		}
		n.remove(g)
		return nil
	})
}

// DescribeInternetGateways shows gateways. aws:ec2 DescribeInternetGateways
func (s *Service) DescribeInternetGateways(ctx context.Context, c model.Caller, in *ec2.DescribeInternetGatewaysRequest) (*ec2.DescribeInternetGatewaysResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	gateways := view[internetGateway, ec2.InternetGateway]{kindInternetGateway, n.gatewayAttributes, n.gatewayShape}
	found, err := gateways.list(n, in.InternetGatewayIds, in.Filters)
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, "internetGatewayIds", len(in.InternetGatewayIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeInternetGatewaysResult{InternetGateways: part, NextToken: next}, err
}

func (n *network) gatewayAttributes(g *internetGateway) attributes {
	a := attributes{"internet-gateway-id": {g.ID}, "owner-id": {n.caller.Account}, "attachment.vpc-id": nil, "attachment.state": nil}
	if g.VPC != "" {
		a["attachment.vpc-id"], a["attachment.state"] = []string{g.VPC}, []string{"available"}
	}
	return a
}

func (n *network) gatewayShape(g *internetGateway) ec2.InternetGateway {
	out := ec2.InternetGateway{
		InternetGatewayId: new(g.ID), OwnerId: new(n.caller.Account), Tags: tagShapes(g.Tags), Attachments: []ec2.InternetGatewayAttachment{},
	}
	if g.VPC != "" {
		out.Attachments = append(out.Attachments, ec2.InternetGatewayAttachment{VpcId: new(g.VPC), State: new("available")})
	}
	return out
}
