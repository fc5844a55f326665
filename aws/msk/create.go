package msk

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Quotas. (aws:kafka developer guide, quotas)
const (
	maxServerlessVPCs = 5
	maxSecurityGroups = 5
	serverlessBrokers = 3 // behind the one address of a serverless cluster
)

// wish is a request to create a cluster, parsed: unbuilt settings are refused
// and defaults filled in already.
type wish struct {
	name         string
	tags         map[string]string
	kafkaVersion string
	brokers      int
	provisioned  *provisioned // exactly one of these two
	serverless   *serverless
}

// subnets answers every subnet that the wish names, in order.
func (w wish) subnets() []string {
	if w.provisioned != nil {
		return w.provisioned.Subnets
	}
	var all []string
	for _, v := range w.serverless.VPCs {
		all = append(all, v.Subnets...)
	}
	return all
}

// place is who asks, and where.
type place struct{ partition, account, region string }

// Subnet is what msk needs to know of a subnet.
type Subnet struct {
	Zone, ZoneID, VPC string // "us-east-1a", "use1-az1", "vpc-..."
	Public            bool   // its route table has a route to an internet gateway
}

// facts is what a creation is decided from beside the request.
type facts struct {
	existing   []cluster         // of the same account and region
	subnets    map[string]Subnet // those of the wish that exist
	groups     map[string]string // the VPCs of the wish's security groups that exist; nil: not known
	active     map[string]bool   // the certificate authorities of the wish that sign
	runs       func(kafkaVersion string) bool
	wanted     configuration     // that the wish names
	properties map[string]string // of the revision that it names
	pace       Pace
	quotas     Quotas
	key        *Key   // that the wish names, or the service's own; nil: there is none
	managed    string // ARN of the service's own key
}

// decideCreate answers the new cluster, CREATING.
// aws:kafka CreateCluster, CreateClusterV2
func decideCreate(at place, w wish, f facts, ids freshIDs, now time.Time) (created, error) {
	if !nameShape.MatchString(w.name) {
		return created{}, badRequest("clusterName", "The parameter value contains one or more characters that are not valid.")
	}
	if err := checkTags(w.tags); err != nil {
		return created{}, err
	}
	if slices.ContainsFunc(f.existing, func(c cluster) bool { return c.Name == w.name }) {
		return created{}, conflict("clusterName", "A resource with this name already exists.")
	}
	check := checkProvisioned
	if w.serverless != nil {
		check = checkServerless
	}
	if err := check(w, f); err != nil {
		return created{}, err
	}
	return created{newCluster(at, w, f, ids, now)}, nil
}

func newCluster(at place, w wish, f facts, ids freshIDs, now time.Time) cluster {
	suffix, host := "-", ids.host
	if w.serverless != nil {
		suffix, host = "-s", ids.boot
	}
	id := fmt.Sprintf("%s%s%d", ids.uuid, suffix, ids.n)
	c := cluster{
		ARN:     makeARN(at.partition, at.region, at.account, "cluster/"+w.name+"/"+id),
		Account: at.account, Region: at.region, Name: w.name,
		Names:          Names{Label: hostLabel(w.name), Random: host, N: ids.n},
		State:          Creating,
		CurrentVersion: ids.version,
		Created:        now.UTC().Truncate(time.Millisecond),
		Tags:           w.tags,
		KafkaVersion:   w.kafkaVersion,
		Serverless:     w.serverless,
	}
	if lasts := f.pace.of(createCluster); lasts > 0 {
		c.Due = c.Created.Add(lasts)
	}
	home := w.subnets()
	if w.serverless != nil {
		home = w.serverless.VPCs[0].Subnets
	}
	for i := range w.brokers {
		subnet := home[i%len(home)]
		c.Brokers = append(c.Brokers, broker{
			ID:     int32(i + 1),
			ARN:    makeARN(at.partition, at.region, at.account, "broker/"+w.name+"/"+id+"/"+ids.brokers[i]),
			Subnet: subnet, Zone: f.subnets[subnet].Zone, ZoneID: f.subnets[subnet].ZoneID,
		})
	}
	if w.provisioned != nil {
		p := *w.provisioned
		for i := range c.Brokers {
			c.Brokers[i].Configuration = p.Configuration
		}
		if p.Key = ""; f.key != nil && f.key.ARN != f.managed {
			p.Key = f.key.ARN
		}
		for _, s := range p.Subnets {
			p.ZoneIDs = append(p.ZoneIDs, f.subnets[s].ZoneID)
		}
		c.Provisioned = &p
	}
	return c
}

func checkProvisioned(w wish, f facts) error {
	p := w.provisioned
	for _, err := range []error{
		checkVersion(w.kafkaVersion, f.runs),
		checkInstanceType("instanceType", p.InstanceType, w.kafkaVersion),
		checkExpress(w, f),
		checkVolume(p),
		checkTiered(p.Tiered, p.InstanceType, w.kafkaVersion),
		checkClientSubnets(p.Subnets, f.subnets),
		f.checkGroups("securityGroups", p.SecurityGroups, p.Subnets),
		checkSecurity(&p.security),
		checkAuthorities(&p.security, f.active),
		checkBrokerCount(w, f.existing, f.quotas),
		f.wanted.usable(w.kafkaVersion),
		checkKey(p.Key, f.key, f.managed),
		p.fits(f.properties),
		checkTieredProperties(p.Tiered, f.properties),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkVersion(name string, runs func(string) bool) error {
	var valid []string
	for _, v := range versions {
		if runs(v.name) {
			valid = append(valid, v.name)
		}
	}
	if !slices.Contains(valid, name) {
		return badRequest("kafkaVersion", "Unsupported KafkaVersion [%s]. Valid values: [%s]", name, strings.Join(valid, ", "))
	}
	return nil
}

// checkClientSubnets wants two or three subnets. aws:kafka CreateCluster
func checkClientSubnets(ids []string, known map[string]Subnet) error {
	if len(ids) < 2 || len(ids) > 3 {
		return badRequest("brokerNodeGroupInfo", "Specify either two or three client subnets.")
	}
	return checkSubnets("clientSubnets", ids, known)
}

// checkSize wants a list of so many elements. aws:kafka CreateClusterV2
func checkSize(parameter string, n, least, most int) error {
	if n < least || n > most {
		return badRequest(parameter, "The size of list should be between %d and %d.", least, most)
	}
	return nil
}

// checkDistinct wants a list without duplicates. aws:kafka CreateCluster,
// BatchAssociateScramSecret
func checkDistinct(parameter string, list []string) error {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return badRequest(parameter, "The list provided contains duplicate items.")
		}
	}
	return nil
}

// checkSubnets wants subnets that exist, in distinct zones of one VPC.
func checkSubnets(parameter string, ids []string, known map[string]Subnet) error {
	if err := checkDistinct(parameter, ids); err != nil {
		return err
	}
	zones, vpc := map[string]string{}, ""
	for _, id := range ids {
		s, ok := known[id]
		if !ok { // UNVERIFIED wording
			return badRequest(parameter, "The subnet ID '%s' does not exist", id)
		}
		if _, taken := zones[s.Zone]; taken && parameter == "clientSubnets" {
			return badRequest(parameter, "The number of Availability Zones in the BrokerAZDistribution parameter must be equal to the number of client subnets.")
		}
		if other, taken := zones[s.Zone]; taken { // UNVERIFIED wording
			return badRequest(parameter, "The subnets '%s' and '%s' are in the same Availability Zone. Specify subnets in distinct Availability Zones.", other, id)
		}
		if vpc != "" && vpc != s.VPC { // UNVERIFIED wording
			return badRequest(parameter, "The subnets must belong to the same VPC.")
		}
		zones[s.Zone], vpc = id, s.VPC
	}
	return nil
}

// checkGroups wants security groups that exist, of the subnets' VPC, at most as
// many as a network interface has; UNVERIFIED wordings.
func (f facts) checkGroups(parameter string, ids, subnets []string) error {
	if len(ids) > maxSecurityGroups {
		return badRequest(parameter, "Specify at most %d security groups.", maxSecurityGroups)
	}
	if err := checkDistinct(parameter, ids); err != nil {
		return err
	}
	for _, id := range ids {
		vpc, ok := f.groups[id]
		switch {
		case f.groups == nil:
		case !ok:
			return badRequest(parameter, "The security group '%s' does not exist", id)
		case len(subnets) > 0 && vpc != f.subnets[subnets[0]].VPC:
			return badRequest(parameter, "The security group '%s' and the subnets must belong to the same VPC.", id)
		}
	}
	return nil
}

const maxAuthorities = 10 // of a cluster; UNVERIFIED

// checkAuthorities wants authorities that exist and sign. (How many is UNVERIFIED)
func checkAuthorities(p *security, active map[string]bool) error {
	if len(p.Authorities) > maxAuthorities {
		return badRequest("certificateAuthorityArnList", "Specify at most %d certificate authorities.", maxAuthorities)
	}
	if !p.TLSAuth {
		return nil
	}
	for _, arn := range p.Authorities {
		if !active[arn] {
			return badRequest("clientAuthentication", "One or more of the certificate authority ARNs provided in the request are invalid.")
		}
	}
	return nil
}

// checkSecurity checks which ways in go together. (aws:kafka developer guide,
// client authentication; the wording of what certificates need is UNVERIFIED)
func checkSecurity(p *security) error {
	const parameter = "clientAuthentication"
	some := p.SCRAM || p.IAM || p.TLSAuth
	switch {
	case !slices.Contains([]string{"TLS", "TLS_PLAINTEXT", "PLAINTEXT"}, p.ClientBroker):
		return badRequest("clientBroker", "Unsupported ClientBroker [%s]. Valid values: [TLS, TLS_PLAINTEXT, PLAINTEXT]", p.ClientBroker)
	case !some && !p.Unauthenticated:
		return badRequest(parameter, "Unauthenticated cannot be set to false without enabling any authentication mechanisms.")
	case p.TLSAuth && len(p.Authorities) == 0:
		return badRequest("certificateAuthorityArnList", "Specify at least one certificate authority for TLS client authentication.")
	case some && p.ClientBroker == "PLAINTEXT":
		return badRequest(parameter, "Client-broker encryption in transit must be set to either TLS or TLS_PLAINTEXT to enable client authentication.")
	case some && !p.Unauthenticated && p.ClientBroker == "TLS_PLAINTEXT":
		return badRequest(parameter, "You must enable unauthenticated traffic explicitly to use client-authentication using SASL over TLS_PLAINTEXT.")
	case some && !p.InCluster:
		return badRequest(parameter, "To turn on client authentication, you must also turn on in-cluster encryption.")
	}
	return nil
}

// checkBrokerCount checks the multiple of zones and the quotas. The generated
// model's upper bound of 15 is below what real clusters have.
func checkBrokerCount(w wish, existing []cluster, q Quotas) error {
	zones, most := len(w.provisioned.Subnets), q.brokers(w.kafkaVersion)
	if w.brokers < zones || w.brokers%zones != 0 {
		return badRequest("numberOfBrokerNodes", "The target number of broker nodes must be a multiple of the number of Availability Zones in the Client subnets parameter. For example, for a cluster with subnets in 2 Availability Zones, the target number of brokers must be a multiple of 2.")
	}
	if w.brokers > most { // UNVERIFIED wording
		return badRequest("numberOfBrokerNodes", "A cluster of Kafka version %s can have at most %d broker nodes.", w.kafkaVersion, most)
	}
	total := w.brokers
	for _, c := range existing {
		if c.Provisioned != nil {
			total += len(c.Brokers)
		}
	}
	if total > q.BrokersPerAccount { // UNVERIFIED wording
		return badRequest("numberOfBrokerNodes", "The account can have at most %d broker nodes; with this cluster it would have %d.", q.BrokersPerAccount, total)
	}
	return nil
}

func checkServerless(w wish, f facts) error {
	vpcs := w.serverless.VPCs
	if err := checkSize("vpcConfigs", len(vpcs), 1, maxServerlessVPCs); err != nil {
		return err
	}
	for _, v := range vpcs {
		if err := checkSize("subnetIds", len(v.Subnets), 2, maxServerlessSubnets); err != nil {
			return err
		}
		if err := checkSubnets("subnetIds", v.Subnets, f.subnets); err != nil {
			return err
		}
		if err := f.checkGroups("securityGroupIds", v.SecurityGroups, v.Subnets); err != nil {
			return err
		}
	}
	total := 1
	for _, c := range f.existing {
		if c.Serverless != nil {
			total++
		}
	}
	if total > f.quotas.ServerlessClusters { // UNVERIFIED wording
		return badRequest("", "The account can have at most %d serverless clusters.", f.quotas.ServerlessClusters)
	}
	return nil
}

// maxServerlessSubnets bounds the subnets of one VPC configuration; no region
// has more zones.
const maxServerlessSubnets = 6
