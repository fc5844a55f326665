package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// AssociateRouteTable has a subnet obey a table. aws:ec2 AssociateRouteTable
func (s *Service) AssociateRouteTable(ctx context.Context, c model.Caller, in *ec2.AssociateRouteTableRequest) (*ec2.AssociateRouteTableResult, error) {
	if in.GatewayId != nil || in.PublicIpv4Pool != nil {
		return nil, unsupported("route tables of gateways")
	}
	out := &ec2.AssociateRouteTableResult{AssociationState: associated()}
	return out, s.change(ctx, c, in.DryRun, func(n *network) error {
		t, err := get[routeTable](n, kindRouteTable, in.RouteTableId)
		if err != nil {
			return err
		}
		sub, err := get[subnet](n, kindSubnet, in.SubnetId)
		if err != nil {
			return err
		}
		if sub.VPC != t.VPC {
			return problem("InvalidParameterValue", "Route table %s and subnet %s belong to different networks", t.ID, sub.ID)
		}
		if at := n.tableOf(sub); at != nil && at.of(sub.ID) >= 0 {
			if at != t {
				return problem("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", t.ID)
			}
			out.AssociationId = new(at.Associations[at.of(sub.ID)].ID)
			return nil
		}
		id, err := n.fresh("rtbassoc")
		if err != nil {
			return err
		}
		t.Associations = append(slices.Clone(t.Associations), association{id, sub.ID})
		n.put(t)
		out.AssociationId = new(id)
		return nil
	})
}

func associated() *ec2.RouteTableAssociationState {
	return &ec2.RouteTableAssociationState{State: new("associated")}
}

// association finds an association by its id: its table, and its index there,
// which is -1 for that of a main table.
func (n *network) association(id string) (*routeTable, int, error) {
	for _, t := range all[routeTable](n) {
		if t.Main == id {
			return t, -1, nil
		}
		if i := slices.IndexFunc(t.Associations, func(a association) bool { return a.ID == id }); i >= 0 {
			return t, i, nil
		}
	}
	return nil, 0, unknown(kindAssociation, id)
}

// DisassociateRouteTable has a subnet obey the main table again. aws:ec2
// DisassociateRouteTable
func (s *Service) DisassociateRouteTable(ctx context.Context, c model.Caller, in *ec2.DisassociateRouteTableRequest) (*ec2.DisassociateRouteTableResponse, error) {
	return &ec2.DisassociateRouteTableResponse{}, s.change(ctx, c, in.DryRun, func(n *network) error {
		t, i, err := n.association(*in.AssociationId)
		if err != nil {
			return err
		}
		if i < 0 {
			return problem("InvalidParameterValue", "cannot disassociate the main route table association %s", t.Main)
		}
		t.Associations = slices.Delete(slices.Clone(t.Associations), i, i+1)
		n.put(t)
		return nil
	})
}

// ReplaceRouteTableAssociation has a subnet obey another table, or makes another
// table the main one. aws:ec2 ReplaceRouteTableAssociation
func (s *Service) ReplaceRouteTableAssociation(
	ctx context.Context, c model.Caller, in *ec2.ReplaceRouteTableAssociationRequest,
) (*ec2.ReplaceRouteTableAssociationResult, error) {
	out := &ec2.ReplaceRouteTableAssociationResult{AssociationState: associated()}
	return out, s.change(ctx, c, in.DryRun, func(n *network) error {
		from, i, err := n.association(*in.AssociationId)
		if err != nil {
			return err
		}
		to, err := get[routeTable](n, kindRouteTable, in.RouteTableId)
		if err != nil {
			return err
		}
		if to.VPC != from.VPC {
			return problem("InvalidParameterValue", "Route table %s and route table %s belong to different networks", from.ID, to.ID)
		}
		id, err := n.fresh("rtbassoc")
		if err != nil {
			return err
		}
		if i < 0 {
			from.Main = ""
			to.Main = id
		} else {
			was := from.Associations[i]
			from.Associations = slices.Delete(slices.Clone(from.Associations), i, i+1)
			to.Associations = append(slices.Clone(to.Associations), association{id, was.Subnet})
		}
		n.put(from)
		n.put(to)
		out.NewAssociationId = new(id)
		return nil
	})
}

// DescribeRouteTables shows tables. aws:ec2 DescribeRouteTables
func (s *Service) DescribeRouteTables(ctx context.Context, c model.Caller, in *ec2.DescribeRouteTablesRequest) (*ec2.DescribeRouteTablesResult, error) {
	n, err := s.look(ctx, c, in.DryRun)
	if err != nil {
		return nil, err
	}
	found, err := view[routeTable, ec2.RouteTable]{kindRouteTable, n.tableAttributes, n.tableShape}.list(n, in.RouteTableIds, in.Filters)
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, "routeTableIds", len(in.RouteTableIds), in.MaxResults, in.NextToken)
	return &ec2.DescribeRouteTablesResult{RouteTables: part, NextToken: next}, err
}

func (n *network) tableAttributes(t *routeTable) attributes {
	a := attributes{
		"route-table-id": {t.ID}, "vpc-id": {t.VPC}, "owner-id": {n.caller.Account},
		"association.main": nil, "association.route-table-id": nil, "association.route-table-association-id": nil,
		"association.subnet-id": nil, "association.gateway-id": nil,
		"route.destination-cidr-block": nil, "route.gateway-id": nil, "route.origin": nil, "route.state": nil, "route.nat-gateway-id": nil,
		"route.destination-ipv6-cidr-block": nil, "route.destination-prefix-list-id": nil, "route.egress-only-internet-gateway-id": nil,
		"route.instance-id": nil, "route.transit-gateway-id": nil, "route.vpc-peering-connection-id": nil,
	}
	add := func(name string, value *string) {
		if value != nil {
			a[name] = append(a[name], *value)
		}
	}
	for _, as := range n.associations(t) {
		a["association.main"] = append(a["association.main"], yes(*as.Main)...)
		add("association.route-table-id", as.RouteTableId)
		add("association.route-table-association-id", as.RouteTableAssociationId)
		add("association.subnet-id", as.SubnetId)
	}
	for _, r := range n.routes(t) {
		add("route.destination-cidr-block", r.DestinationCidrBlock)
		add("route.destination-ipv6-cidr-block", r.DestinationIpv6CidrBlock)
		add("route.gateway-id", r.GatewayId)
		add("route.nat-gateway-id", r.NatGatewayId)
		add("route.origin", r.Origin)
		add("route.state", r.State)
	}
	return a
}

func (n *network) associations(t *routeTable) []ec2.RouteTableAssociation {
	out := []ec2.RouteTableAssociation{}
	if t.Main != "" {
		out = append(out, ec2.RouteTableAssociation{
			Main: new(true), RouteTableAssociationId: new(t.Main), RouteTableId: new(t.ID), AssociationState: associated(),
		})
	}
	for _, a := range t.Associations {
		out = append(out, ec2.RouteTableAssociation{
			Main: new(false), RouteTableAssociationId: new(a.ID), RouteTableId: new(t.ID), SubnetId: new(a.Subnet), AssociationState: associated(),
		})
	}
	return out
}

// routes shows a table's routes: first those within the VPC, which always are.
func (n *network) routes(t *routeTable) []ec2.Route {
	out := []ec2.Route{}
	if v, ok := n.find(t.VPC).(*vpc); ok {
		for _, p := range v.prefixes() {
			out = append(out, ec2.Route{DestinationCidrBlock: new(p.String()), GatewayId: new("local"), Origin: new("CreateRouteTable"), State: new("active")})
		}
		for _, p := range v.sixPrefixes() {
			out = append(out, ec2.Route{DestinationIpv6CidrBlock: new(p.String()), GatewayId: new("local"), Origin: new("CreateRouteTable"), State: new("active")})
		}
	}
	for _, r := range t.Routes {
		shown := ec2.Route{Origin: new("CreateRoute"), State: new("blackhole")}
		if n.active(t, r) {
			shown.State = new("active")
		}
		if strings.Contains(r.To, ":") {
			shown.DestinationIpv6CidrBlock = new(r.To)
		} else {
			shown.DestinationCidrBlock = new(r.To)
		}
		if r.NAT != "" {
			shown.NatGatewayId = new(r.NAT)
		} else {
			shown.GatewayId = new(r.Gateway)
		}
		out = append(out, shown)
	}
	return out
}

func (n *network) tableShape(t *routeTable) ec2.RouteTable {
	return ec2.RouteTable{
		RouteTableId: new(t.ID), VpcId: new(t.VPC), OwnerId: new(n.caller.Account), PropagatingVgws: []ec2.PropagatingVgw{}, Tags: tagShapes(t.Tags),
		Associations: n.associations(t), Routes: n.routes(t),
	}
}
