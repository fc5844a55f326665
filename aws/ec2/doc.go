// Package ec2 is the core of the network that clusters stand in: VPCs, subnets,
// gateways, route tables, addresses and security groups, as records. No packet
// takes a route here; of all rules, those for inbound connections act, on the
// listeners of clusters: Ingress compiles them and server obeys it.
//
// Every account has in every region the default VPC that AWS makes: a subnet in
// each of three zones, an internet gateway and a default security group. Their
// ids follow from account and region by hash, and they are stored only once
// they have been changed.
//
// Which network interfaces clusters have is asked of Config.InUse.
package ec2

import (
	"time"
)

// common is what every resource has.
type common struct {
	ID   string            `json:"id"`
	Tags map[string]string `json:"tags,omitempty"`
}

func (c *common) base() *common { return c }

// resource is a pointer to one of the stored types below.
type resource interface {
	base() *common
	kind() kind
}

type vpc struct {
	common
	Block        block   `json:"block"`
	More         []block `json:"more,omitempty"` // AssociateVpcCidrBlock
	Six          []block `json:"ipv6,omitempty"`
	Default      bool    `json:"default,omitempty"`
	Tenancy      string  `json:"tenancy"`
	NoDNS        bool    `json:"noDns,omitempty"` // enableDnsSupport is false
	DNSHostnames bool    `json:"dnsHostnames,omitempty"`
	Metrics      bool    `json:"metrics,omitempty"` // enableNetworkAddressUsageMetrics
}

// block is a block of a VPC, or the IPv6 block of a subnet.
type block struct {
	ID   string `json:"id"` // vpc-cidr-assoc-..., subnet-cidr-assoc-...
	CIDR string `json:"cidr"`
}

type subnet struct {
	common
	VPC         string `json:"vpc"`
	CIDR        string `json:"cidr"`
	Zone        int    `json:"zone"`    // 0 is a, 1 is b, ...
	Default     bool   `json:"default"` // of its zone
	PublicIPs   bool   `json:"publicIps"`
	HostnameBy  string `json:"hostnameBy"` // ip-name, resource-name
	ARecords    bool   `json:"aRecords,omitempty"`
	AAAARecords bool   `json:"aaaaRecords,omitempty"`

	Six           block `json:"ipv6,omitzero"`
	SixOnCreation bool  `json:"ipv6OnCreation,omitempty"`
}

type internetGateway struct {
	common
	VPC string `json:"vpc,omitempty"` // that it is attached to
}

type routeTable struct {
	common
	VPC          string        `json:"vpc"`
	Main         string        `json:"main,omitempty"` // the association's id, where it is the VPC's main table
	Routes       []route       `json:"routes,omitempty"`
	Associations []association `json:"associations,omitempty"`
	Token        string        `json:"token,omitempty"` // of the call that made it
}

// route is one beside those within the VPC.
type route struct {
	To      string `json:"to"` // a CIDR
	Gateway string `json:"gateway,omitempty"`
	NAT     string `json:"nat,omitempty"`
}

type association struct {
	ID     string `json:"id"` // rtbassoc-...
	Subnet string `json:"subnet"`
}

// networkACL is a VPC's default list, which lets everything through.
type networkACL struct {
	common
	VPC string `json:"vpc"`
}

type securityGroup struct {
	common
	VPC         string `json:"vpc"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Rules       []rule `json:"rules,omitempty"`
}

// rule allows one peer; exactly one of CIDR and Group is set.
type rule struct {
	ID          string            `json:"id"` // sgr-...
	Egress      bool              `json:"egress,omitempty"`
	Protocol    string            `json:"protocol"`       // tcp, udp, icmp, icmpv6, a number, or -1 for all
	From        int32             `json:"from"`           // port, or ICMP type; -1 for all
	To          int32             `json:"to"`             // port, or ICMP code; -1 for all
	CIDR        string            `json:"cidr,omitempty"` // IPv4 or IPv6
	Group       string            `json:"group,omitempty"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

type address struct {
	common
	IP  string `json:"ip"`
	NAT string `json:"nat,omitempty"` // that it belongs to
}

type natGateway struct {
	common
	VPC         string    `json:"vpc"`
	Subnet      string    `json:"subnet"`
	Private     bool      `json:"private,omitempty"`    // connectivityType private
	Allocation  string    `json:"allocation,omitempty"` // of its address
	Association string    `json:"association,omitempty"`
	Interface   string    `json:"interface"`
	Address     string    `json:"address"` // in the subnet
	Token       string    `json:"token,omitempty"`
	Created     time.Time `json:"created"`
}

func (*vpc) kind() kind             { return kindVPC }
func (*subnet) kind() kind          { return kindSubnet }
func (*internetGateway) kind() kind { return kindInternetGateway }
func (*routeTable) kind() kind      { return kindRouteTable }
func (*networkACL) kind() kind      { return kindNetworkACL }
func (*securityGroup) kind() kind   { return kindSecurityGroup }
func (*address) kind() kind         { return kindAddress }
func (*natGateway) kind() kind      { return kindNAT }

// kind is a resource's type as tags name it, and the part of its key.
type kind string

const (
	kindVPC             kind = "vpc"
	kindSubnet          kind = "subnet"
	kindInternetGateway kind = "internet-gateway"
	kindRouteTable      kind = "route-table"
	kindNetworkACL      kind = "network-acl"
	kindSecurityGroup   kind = "security-group"
	kindRule            kind = "security-group-rule"
	kindAddress         kind = "elastic-ip"
	kindNAT             kind = "natgateway"
	kindInterface       kind = "network-interface"
	kindAssociation     kind = "association"
)

// kinds is how ids of a kind begin and how EC2 says that there is none.
// aws:ec2 error codes
var kinds = map[kind]struct{ prefix, code, noun string }{
	kindVPC:             {"vpc", "InvalidVpcID", "vpc ID"},
	kindSubnet:          {"subnet", "InvalidSubnetID", "subnet ID"},
	kindInternetGateway: {"igw", "InvalidInternetGatewayID", "internetGateway ID"},
	kindRouteTable:      {"rtb", "InvalidRouteTableID", "routeTable ID"},
	kindNetworkACL:      {"acl", "InvalidNetworkAclID", "networkAcl ID"},
	kindSecurityGroup:   {"sg", "InvalidGroup", "security group"},
	kindRule:            {"sgr", "InvalidSecurityGroupRuleId", "security group rule ID"},
	kindAddress:         {"eipalloc", "InvalidAllocationID", "allocation ID"},
	kindNAT:             {"nat", "NatGateway", "NAT gateway"},
	kindInterface:       {"eni", "InvalidNetworkInterfaceID", "networkInterface ID"},
	kindAssociation:     {"rtbassoc", "InvalidAssociationID", "association ID"},
}

// made is a resource of a kind, to be read into.
func made(k kind) (resource, bool) {
	switch k {
	case kindVPC:
		return new(vpc), true
	case kindSubnet:
		return new(subnet), true
	case kindInternetGateway:
		return new(internetGateway), true
	case kindRouteTable:
		return new(routeTable), true
	case kindNetworkACL:
		return new(networkACL), true
	case kindSecurityGroup:
		return new(securityGroup), true
	case kindAddress:
		return new(address), true
	case kindNAT:
		return new(natGateway), true
	}
	return nil, false
}
