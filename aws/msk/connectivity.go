package msk

import (
	"cmp"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model/kafka"
)

// connectivity is from where clients may connect, beside the cluster's own VPC.
type connectivity struct {
	Public bool    `json:"public,omitempty"`
	VPC    schemes `json:"vpc,omitzero"`
}

// schemes is the authentication schemes that have multi-VPC private
// connectivity: 0, or the generation of the cluster that turned one on. A VPC
// connection belongs to that generation, so that it is of no use any more once
// its scheme was turned off.
type schemes struct {
	IAM   int64 `json:"iam,omitempty"`
	SCRAM int64 `json:"scram,omitempty"`
	TLS   int64 `json:"tls,omitempty"`
}

// Values of publicAccess.type.
const (
	noPublicAccess = "DISABLED"
	elasticIPs     = "SERVICE_PROVIDED_EIPS"
)

// reach is the listeners that a cluster has beside those of its own VPC, in a
// fixed order. Only those who authenticate themselves reach it from elsewhere.
func (p *provisioned) reach() (l []Listener) {
	for _, w := range []struct {
		open bool
		is   Listener
	}{
		{p.Connectivity.Public && p.TLSAuth, PublicTLS},
		{p.Connectivity.Public && p.SCRAM, PublicSCRAM},
		{p.Connectivity.Public && p.IAM, PublicIAM},
		{p.Connectivity.VPC.TLS > 0, VPCTLS},
		{p.Connectivity.VPC.SCRAM > 0, VPCSCRAM},
		{p.Connectivity.VPC.IAM > 0, VPCIAM},
	} {
		if w.open {
			l = append(l, w.is)
		}
	}
	return l
}

// refuseConnectivity refuses what clusters cannot be created with.
// aws:kafka CreateCluster
func refuseConnectivity(c *kafka.ConnectivityInfo) error {
	switch {
	case c == nil:
		return nil
	case c.PublicAccess != nil && or(c.PublicAccess.Type, noPublicAccess) != noPublicAccess:
		return badRequest("publicAccess", "When creating a cluster, the only valid value for the Type parameter in PublicAccess is DISABLED.")
	case vpcOverlay(schemes{}, c.VpcConnectivity, 1) != schemes{}:
		return badRequest("vpcConnectivity.clientAuthentication", "When creating a cluster, all vpcConnectivity auth schemes must be disabled ('enabled' : false). You can enable auth schemes after the cluster is created.")
	}
	if or(c.NetworkType, ipv4) != ipv4 {
		return badRequest("networkType", "Invalid NetworkType value in ConnectivityInfo. When creating a cluster, only IPV4 is supported.")
	}
	return nil
}

const (
	ipv4      = "IPV4"  // the network type of every cluster
	firstDual = "3.6.0" // Kafka version with the other one
)

// mayBeDual refuses the other network type, as the service does where a subnet
// has no IPv6 addresses: here none has. UNVERIFIED wordings
// (aws:kafka developer guide, dual-stack network type)
func (c *cluster) mayBeDual() error {
	const parameter = "networkType"
	if !since(c.KafkaVersion, firstDual) {
		return badRequest(parameter, "Dual-stack connectivity requires Apache Kafka version %s or later.", firstDual)
	}
	return badRequest(parameter, "Dual-stack connectivity requires subnets that support it: the subnet '%s' has no IPv6 CIDR block.", c.subnets()[0])
}

// subnets is where a cluster is.
func (c *cluster) subnets() []string {
	if c.Serverless != nil {
		return c.Serverless.VPCs[0].Subnets
	}
	return c.Provisioned.Subnets
}

// vpcOverlay takes over what a request says of schemes. One that it turns on is
// on since the generation given; one that is on already stays as it is.
func vpcOverlay(s schemes, in *kafka.VpcConnectivity, generation int64) schemes {
	if in == nil || in.ClientAuthentication == nil {
		return s
	}
	set := func(scheme *int64, enabled *bool) {
		switch on := or(enabled, *scheme > 0); {
		case !on:
			*scheme = 0
		case *scheme == 0:
			*scheme = generation
		}
	}
	a := in.ClientAuthentication
	if a.Tls != nil {
		set(&s.TLS, a.Tls.Enabled)
	}
	if a.Sasl != nil && a.Sasl.Scram != nil {
		set(&s.SCRAM, a.Sasl.Scram.Enabled)
	}
	if a.Sasl != nil && a.Sasl.Iam != nil {
		set(&s.IAM, a.Sasl.Iam.Enabled)
	}
	return s
}

// connectivityChange reads an UpdateConnectivity request: what it does not name
// stays. aws:kafka UpdateConnectivity
func connectivityChange(in *kafka.UpdateConnectivityRequest) (change, error) {
	decide := zooKeeperChange(in.ZookeeperAccess)
	switch info := in.ConnectivityInfo; {
	case info == nil && in.ZookeeperAccess == nil: // UNVERIFIED wording
		return change{}, badRequest("connectivityInfo", "Specify one of connectivityInfo and zookeeperAccess.")
	case info != nil && in.ZookeeperAccess != nil:
		return change{}, errManyAttributes
	case info != nil:
		if t := info.PublicAccess; t != nil && !slices.Contains([]string{elasticIPs, noPublicAccess}, or(t.Type, noPublicAccess)) { // UNVERIFIED wording
			return change{}, badRequest("publicAccess", "Unsupported PublicAccess type [%s]. Valid values: [%s, %s]", *t.Type, noPublicAccess, elasticIPs)
		}
		decide = reachChange(info)
	}
	network := in.ConnectivityInfo != nil && in.ConnectivityInfo.NetworkType != nil
	return change{verb: "update", stamp: in.CurrentVersion, serverless: network, mixed: true, decide: decide}, nil
}

// identical refuses an update that changes nothing.
func identical(parameter string) error {
	return badRequest(parameter, "The specified parameter value is identical to the current value for the cluster. Specify a different value, then try again.")
}

func reachChange(info *kafka.ConnectivityInfo) func(cluster, changeFacts) (plan, error) {
	return func(c cluster, f changeFacts) (plan, error) {
		p := c.Provisioned // nil: serverless clusters have a network type alone
		dual := or(info.NetworkType, ipv4) != ipv4
		if p == nil && dual {
			return plan{}, c.mayBeDual()
		} else if p == nil {
			return plan{}, identical("connectivityInfo")
		}
		was := p.Connectivity
		target := connectivity{was.Public, vpcOverlay(was.VPC, info.VpcConnectivity, c.Generation+1)}
		if t := info.PublicAccess; t != nil && t.Type != nil {
			target.Public = *t.Type == elasticIPs
		}
		switch public, private := target.Public != was.Public, target.VPC != was.VPC; {
		case public && private || dual && (public || private): // what stays may be given beside what changes
			return plan{}, badRequest("connectivityInfo", "You can't update multiple connectivity settings in the same request. Modify your request to update only NetworkType, VpcConnectivity, or PublicAccess connectivity setting, and try again.")
		case dual:
			return plan{}, c.mayBeDual()
		case target == was:
			return plan{}, identical("connectivityInfo")
		}
		if err := target.fits(c.KafkaVersion, p.InstanceType, &p.security, f.current); err != nil {
			return plan{}, err
		}
		if target.Public && !was.Public {
			for _, id := range p.Subnets {
				if !f.zones[id].Public { // UNVERIFIED wording
					return plan{}, badRequest("publicAccess", "To turn on public access, the subnets of the cluster must be public: the route table of '%s' has no route to an internet gateway.", id)
				}
			}
		}
		return plan{
			kind: updateConnectivity, source: settings{Connectivity: &was}, target: settings{Connectivity: &target},
			acts: []act{{Kind: put}},
		}, nil
	}
}

// The first Kafka versions that may be reached from elsewhere.
const (
	firstPublic = "2.6.0"
	firstVPC    = "2.7.1"
)

// fits checks that a cluster of a version, broker type, security and
// configuration may be reached so; UNVERIFIED wordings.
// (aws:kafka developer guide, public access; multi-VPC private connectivity)
func (k connectivity) fits(kafkaVersion, instanceType string, s *security, properties map[string]string) error {
	const open = "allow.everyone.if.no.acl.found"
	closed := properties[open] == "false"
	if k.Public {
		const to = "To turn on public access, "
		switch {
		case !since(kafkaVersion, firstPublic):
			return badRequest("publicAccess", to+"the cluster must run Apache Kafka %s or later.", firstPublic)
		case s.Unauthenticated:
			return badRequest("publicAccess", to+"unauthenticated access must be off.")
		case !s.IAM && !s.SCRAM && !s.TLSAuth:
			return badRequest("publicAccess", to+"at least one of SASL/IAM, SASL/SCRAM and mTLS must be on.")
		case s.ClientBroker != "TLS":
			return badRequest("publicAccess", to+"plaintext traffic between clients and brokers must be off.")
		case (s.SCRAM || s.TLSAuth) && !closed:
			return badRequest("publicAccess", to+"with SASL/SCRAM or mTLS, the configuration of the cluster must set %s to false.", open)
		}
	}
	if k.VPC == (schemes{}) {
		return nil
	}
	const to = "To turn on multi-VPC private connectivity, "
	switch {
	case !since(kafkaVersion, firstVPC):
		return badRequest("vpcConnectivity", to+"the cluster must run Apache Kafka %s or later.", firstVPC)
	case instanceType == smallType:
		return badRequest("vpcConnectivity", "Multi-VPC private connectivity is not supported for the broker type t3.small.")
	case s.Unauthenticated:
		return badRequest("vpcConnectivity", to+"unauthenticated access must be off.")
	case s.ClientBroker != "TLS":
		return badRequest("vpcConnectivity", to+"plaintext traffic between clients and brokers must be off.")
	}
	if off := k.VPC.without(s); len(off) > 0 {
		return badRequest("vpcConnectivity", to+"its authentication schemes must be on for the cluster: %s is off.", strings.Join(off, ", "))
	}
	if k.VPC.SCRAM+k.VPC.TLS > 0 && !closed {
		return badRequest("vpcConnectivity", to+"with SASL/SCRAM or mTLS, the configuration of the cluster must set %s to false.", open)
	}
	return nil
}

// reachable checks that a cluster may have another security or configuration
// while clients reach it from elsewhere.
func (c *cluster) reachable(s security, properties map[string]string) error {
	return c.Provisioned.Connectivity.fits(c.KafkaVersion, c.Provisioned.InstanceType, &s, properties)
}

// without names the schemes that the cluster's clients cannot authenticate by.
func (v schemes) without(s *security) (off []string) {
	for _, x := range []struct {
		name   string
		wanted int64
		on     bool
	}{{"SASL/IAM", v.IAM, s.IAM}, {"SASL/SCRAM", v.SCRAM, s.SCRAM}, {"mTLS", v.TLS, s.TLSAuth}} {
		if x.wanted > 0 && !x.on {
			off = append(off, x.name)
		}
	}
	return off
}

// since reports whether a version of the table is another one or comes later.
func since(name, first string) bool {
	at := func(name string) int {
		return slices.IndexFunc(versions, func(v version) bool { return v.name == name })
	}
	return cmp.Compare(at(name), at(first)) >= 0
}

// zooKeeperChange opens or closes the ZooKeeper of a cluster to clients.
// UNVERIFIED wording
func zooKeeperChange(in *kafka.ZookeeperAccess) func(cluster, changeFacts) (plan, error) {
	return func(c cluster, _ changeFacts) (plan, error) {
		if kraft(c.KafkaVersion) {
			return plan{}, badRequest("zookeeperAccess", "The cluster keeps its metadata in KRaft: it has no ZooKeeper nodes.")
		}
		was := !c.Provisioned.ZooKeeperClosed
		target := or(in.Enabled, was)
		if target == was {
			return plan{}, identical("zookeeperAccess")
		}
		return plan{
			kind: updateConnectivity, source: settings{ZooKeeper: &was}, target: settings{ZooKeeper: &target},
			acts: []act{{Kind: put}},
		}, nil
	}
}

// render shows connectivity, with the members that are always there.
func (k connectivity) render() *kafka.ConnectivityInfo {
	public := noPublicAccess
	if k.Public {
		public = elasticIPs
	}
	return &kafka.ConnectivityInfo{
		PublicAccess: &kafka.PublicAccess{Type: &public},
		VpcConnectivity: &kafka.VpcConnectivity{ClientAuthentication: &kafka.VpcConnectivityClientAuthentication{
			Sasl: &kafka.VpcConnectivitySasl{
				Iam:   &kafka.VpcConnectivityIam{Enabled: new(k.VPC.IAM > 0)},
				Scram: &kafka.VpcConnectivityScram{Enabled: new(k.VPC.SCRAM > 0)},
			},
			Tls: &kafka.VpcConnectivityTls{Enabled: new(k.VPC.TLS > 0)},
		}},
	}
}
