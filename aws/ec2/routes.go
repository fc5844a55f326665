package ec2

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
)

// aws:ec2 VPC quotas
const (
	maxTables = 200 // of a VPC
	maxRoutes = 50  // of a table
)

// of is the index of a subnet's association with the table, or -1.
func (t *routeTable) of(subnet string) int {
	return slices.IndexFunc(t.Associations, func(a association) bool { return a.Subnet == subnet })
}

// tableOf is the table that a subnet's traffic obeys.
func (n *network) tableOf(s *subnet) *routeTable {
	var home *routeTable
	for _, t := range all[routeTable](n) {
		if t.of(s.ID) >= 0 {
			return t
		}
		if t.VPC == s.VPC && t.Main != "" {
			home = t
		}
	}
	return home
}

// public says whether a subnet has a way to an internet gateway.
func (n *network) public(s *subnet) bool {
	t := n.tableOf(s)
	return t != nil && slices.ContainsFunc(t.Routes, func(r route) bool { return r.Gateway != "" && n.active(t, r) })
}

// active says whether a route's target is there.
func (n *network) active(t *routeTable, r route) bool {
	if r.Gateway != "" {
		g, ok := n.find(r.Gateway).(*internetGateway)
		return ok && g.VPC == t.VPC
	}
	_, ok := n.find(r.NAT).(*natGateway)
	return ok
}

// CreateRouteTable makes a table with the routes within the VPC. aws:ec2
// CreateRouteTable
func (s *Service) CreateRouteTable(ctx context.Context, c model.Caller, in *ec2.CreateRouteTableRequest) (out *ec2.CreateRouteTableResult, err error) {
	tags, err := newTags(in.TagSpecifications, kindRouteTable)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, c, in.DryRun, func(n *network) error {
		v, err := get[vpc](n, kindVPC, in.VpcId)
		if err != nil {
			return err
		}
		tables := some(n, func(t *routeTable) bool { return t.VPC == v.ID })
		for _, t := range tables {
			if in.ClientToken != nil && t.Token == *in.ClientToken {
				out = &ec2.CreateRouteTableResult{RouteTable: new(n.tableShape(t)), ClientToken: in.ClientToken}
				return nil
			}
		}
		if len(tables) >= maxTables {
			return problem("RouteTableLimitExceeded", "The maximum number of route tables has been reached.")
		}
		base, err := n.named(kindRouteTable, tags)
		if err != nil {
			return err
		}
		t := &routeTable{common: base, VPC: v.ID, Token: text(in.ClientToken)}
		n.put(t)
		out = &ec2.CreateRouteTableResult{RouteTable: new(n.tableShape(t)), ClientToken: in.ClientToken}
		return nil
	})
	return out, err
}

// DeleteRouteTable deletes a table that no subnet uses. aws:ec2 DeleteRouteTable
func (s *Service) DeleteRouteTable(ctx context.Context, c model.Caller, in *ec2.DeleteRouteTableRequest) (*ec2.DeleteRouteTableResponse, error) {
	return &ec2.DeleteRouteTableResponse{}, s.change(ctx, c, in.DryRun, func(n *network) error {
		t, err := get[routeTable](n, kindRouteTable, in.RouteTableId)
		if err != nil {
			return err
		}
		if t.Main != "" || len(t.Associations) > 0 {
			return blocked("routeTable", t.ID)
		}
		n.remove(t)
		return nil
	})
}

// destination is where a route leads.
func destination(v4, v6, list *string) (string, error) {
	switch {
	case list != nil:
		return "", noPrefixList(list)
	case v6 != nil:
		return destinationOf(*v6, "destinationIpv6CidrBlock", true)
	case v4 != nil:
		return destinationOf(*v4, "destinationCidrBlock", false)
	}
	return "", missing("destinationCidrBlock")
}

func destinationOf(in, parameter string, v6 bool) (string, error) {
	p, err := netip.ParsePrefix(in)
	if err != nil || p.Addr().Is4() == v6 {
		return "", problem("InvalidParameterValue", "Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", in, parameter)
	}
	return p.Masked().String(), nil
}

// routeTo is a route as CreateRoute and ReplaceRoute ask for it.
func (n *network) routeTo(t *routeTable, to string, in *ec2.CreateRouteRequest) (route, error) {
	for _, other := range []struct {
		id         *string
		code, noun string
	}{
		{in.CarrierGatewayId, "InvalidCarrierGatewayID", "carrierGateway"}, {in.EgressOnlyInternetGatewayId, "InvalidGatewayID", "gateway"},
		{in.InstanceId, "InvalidInstanceID", "instance"}, {in.LocalGatewayId, "InvalidLocalGatewayID", "localGateway"},
		{in.NetworkInterfaceId, "InvalidNetworkInterfaceID", "networkInterface"}, {in.TransitGatewayId, "InvalidTransitGatewayID", "transitGateway"},
		{in.VpcEndpointId, "InvalidVpcEndpointId", "vpcEndpoint"}, {in.VpcPeeringConnectionId, "InvalidVpcPeeringConnectionID", "vpcPeeringConnection"},
		{in.CoreNetworkArn, "InvalidCoreNetworkArn", "coreNetwork"}, {in.OdbNetworkArn, "InvalidOdbNetworkArn", "odbNetwork"},
	} {
		if other.id != nil {
			return route{}, problem(other.code+".NotFound", "The %s ID '%s' does not exist", other.noun, *other.id)
		}
	}
	switch {
	case in.GatewayId != nil && in.NatGatewayId != nil, in.GatewayId == nil && in.NatGatewayId == nil: // UNVERIFIED wording
		return route{}, problem("InvalidParameterCombination", "Exactly one of gatewayId and natGatewayId must be given.")
	case in.NatGatewayId != nil:
		nat, err := get[natGateway](n, kindNAT, in.NatGatewayId)
		if err != nil {
			return route{}, err
		}
		if nat.VPC != t.VPC {
			return route{}, apart(t.ID, nat.ID)
		}
		return route{To: to, NAT: nat.ID}, nil
	case !strings.HasPrefix(*in.GatewayId, "igw-"):
		return route{}, problem("InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist", *in.GatewayId)
	}
	g, err := get[internetGateway](n, kindInternetGateway, in.GatewayId)
	if err != nil {
		return route{}, err
	}
	if g.VPC != t.VPC {
		return route{}, apart(t.ID, g.ID)
	}
	return route{To: to, Gateway: g.ID}, nil
}

func apart(table, gateway string) error {
	return problem("InvalidParameterValue", "route table %s and network gateway %s belong to different networks", table, gateway)
}

// local says whether a destination is one of the routes within the VPC.
func (n *network) local(t *routeTable, to string) bool {
	v, ok := n.find(t.VPC).(*vpc)
	return ok && slices.ContainsFunc(slices.Concat(v.prefixes(), v.sixPrefixes()), func(p netip.Prefix) bool { return p.String() == to })
}

func (t *routeTable) to(to string) int {
	return slices.IndexFunc(t.Routes, func(r route) bool { return r.To == to })
}

// CreateRoute adds a route. aws:ec2 CreateRoute
func (s *Service) CreateRoute(ctx context.Context, c model.Caller, in *ec2.CreateRouteRequest) (*ec2.CreateRouteResult, error) {
	to, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	return &ec2.CreateRouteResult{Return: new(true)}, s.change(ctx, c, in.DryRun, func(n *network) error {
		t, err := get[routeTable](n, kindRouteTable, in.RouteTableId)
		if err != nil {
			return err
		}
		r, err := n.routeTo(t, to, in)
		if err != nil {
			return err
		}
		switch i := t.to(to); {
		case n.local(t, to), i >= 0 && t.Routes[i] != r:
			return problem("RouteAlreadyExists", "The route identified by %s already exists.", to)
		case i >= 0:
			return nil // the same once more
		case len(t.Routes) >= maxRoutes:
			return problem("RouteLimitExceeded", "The maximum number of routes has been reached.")
		}
		t.Routes = append(slices.Clone(t.Routes), r)
		n.put(t)
		return nil
	})
}

// ReplaceRoute leads a route elsewhere. aws:ec2 ReplaceRoute
func (s *Service) ReplaceRoute(ctx context.Context, c model.Caller, in *ec2.ReplaceRouteRequest) (*ec2.ReplaceRouteResponse, error) {
	to, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	if isTrue(in.LocalTarget) {
		return nil, unsupported("replaced local routes")
	}
	asked := &ec2.CreateRouteRequest{
		CarrierGatewayId: in.CarrierGatewayId, CoreNetworkArn: in.CoreNetworkArn, EgressOnlyInternetGatewayId: in.EgressOnlyInternetGatewayId,
		GatewayId: in.GatewayId, InstanceId: in.InstanceId, LocalGatewayId: in.LocalGatewayId, NatGatewayId: in.NatGatewayId,
		NetworkInterfaceId: in.NetworkInterfaceId, OdbNetworkArn: in.OdbNetworkArn, TransitGatewayId: in.TransitGatewayId,
		VpcEndpointId: in.VpcEndpointId, VpcPeeringConnectionId: in.VpcPeeringConnectionId,
	}
	return &ec2.ReplaceRouteResponse{}, s.change(ctx, c, in.DryRun, func(n *network) error {
		t, err := get[routeTable](n, kindRouteTable, in.RouteTableId)
		if err != nil {
			return err
		}
		r, err := n.routeTo(t, to, asked)
		if err != nil {
			return err
		}
		i := t.to(to)
		if i < 0 {
			return problem("InvalidParameterValue", "There is no route defined for '%s' in the route table. Use CreateRoute instead.", to)
		}
		t.Routes = slices.Clone(t.Routes)
		t.Routes[i] = r
		n.put(t)
		return nil
	})
}

// DeleteRoute deletes a route. aws:ec2 DeleteRoute
func (s *Service) DeleteRoute(ctx context.Context, c model.Caller, in *ec2.DeleteRouteRequest) (*ec2.DeleteRouteResponse, error) {
	to, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	return &ec2.DeleteRouteResponse{}, s.change(ctx, c, in.DryRun, func(n *network) error {
		t, err := get[routeTable](n, kindRouteTable, in.RouteTableId)
		if err != nil {
			return err
		}
		i := t.to(to)
		switch {
		case n.local(t, to):
			return problem("InvalidParameterValue", "cannot remove local route %s in route table %s", to, t.ID)
		case i < 0:
			return problem("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", to, t.ID)
		}
		t.Routes = slices.Delete(slices.Clone(t.Routes), i, i+1)
		n.put(t)
		return nil
	})
}
