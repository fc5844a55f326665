package msk

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// vpcConnection is the document of a managed VPC connection: clients of a VPC,
// of whichever account, reach a cluster by one scheme. Its state is not in it,
// but follows from it, from the cluster's document and from the time (state).
type vpcConnection struct {
	ARN            string            `json:"arn"`
	ID             string            `json:"id"`
	Account        string            `json:"account"` // the VPC's
	Region         string            `json:"region"`
	Cluster        string            `json:"cluster"` // ARN
	Authentication string            `json:"authentication"`
	Generation     int64             `json:"generation"` // of the cluster's scheme
	VPC            string            `json:"vpc"`
	Subnets        []string          `json:"subnets"`
	SecurityGroups []string          `json:"securityGroups"`
	Tags           map[string]string `json:"tags,omitempty"`
	Created        time.Time         `json:"created"`
	Due            time.Time         `json:"due,omitzero"` // what was asked for last takes until then
	Rejected       bool              `json:"rejected,omitempty"`
	Deleted        bool              `json:"deleted,omitempty"`
}

// States of VPC connections as the API names them.
const (
	vpcCreating     = "CREATING"
	vpcAvailable    = "AVAILABLE"
	vpcDeactivating = "DEACTIVATING"
	vpcInactive     = "INACTIVE"
	vpcRejecting    = "REJECTING"
	vpcRejected     = "REJECTED"
	vpcDeleting     = "DELETING"

	vpcGone = "" // the document may be there still, but nobody sees it
)

// vpcSchemes is how CreateVpcConnection names the schemes. UNVERIFIED names
var vpcSchemes = []string{"SASL_IAM", "SASL_SCRAM", "TLS"}

// of is the generation since when a scheme is on, 0 if it is off.
func (v schemes) of(authentication string) int64 {
	return map[string]int64{"SASL_IAM": v.IAM, "SASL_SCRAM": v.SCRAM, "TLS": v.TLS}[authentication]
}

// vpcListener is where clients of a scheme come in.
func vpcListener(authentication string) Listener { return Listener(authentication + "_VPCE") }

// state answers what the API shows. c is the cluster, nil when it is gone.
func (v vpcConnection) state(c *cluster, now time.Time) string {
	underWay := now.Before(v.Due)
	switch {
	case v.Deleted && underWay:
		return vpcDeleting
	case v.Deleted:
		return vpcGone
	case v.Rejected && underWay:
		return vpcRejecting
	case v.Rejected:
		return vpcRejected
	case c != nil && c.deactivates(v):
		return vpcDeactivating
	case c == nil || c.Provisioned.Connectivity.VPC.of(v.Authentication) != v.Generation:
		return vpcInactive
	case underWay:
		return vpcCreating
	}
	return vpcAvailable
}

// deactivates reports whether the operation under way turns off what a
// connection rests on.
func (c *cluster) deactivates(v vpcConnection) bool {
	if !c.busy() || c.Operation.Source.Connectivity == nil || c.Operation.Target.Connectivity == nil {
		return false
	}
	o := c.Operation
	return o.Source.Connectivity.VPC.of(v.Authentication) == v.Generation && o.Target.Connectivity.VPC.of(v.Authentication) != v.Generation
}

// vpcFacts is what a VPC connection is decided from beside the request.
type vpcFacts struct {
	cluster  cluster
	existing []vpcConnection   // of the cluster
	own      int               // connections of the caller's account
	mayOwn   int               // of those, by the caller's quota
	mayLead  int               // to the cluster, by its account's quota
	subnets  map[string]Subnet // of the caller, that exist
	groups   map[string]string // security groups of the caller that exist, and their VPCs; nil: nobody can tell
	pace     Pace
	now      time.Time
}

// decideVPCConnection answers a new connection. aws:kafka CreateVpcConnection;
// UNVERIFIED wordings
func decideVPCConnection(at place, in *kafka.CreateVpcConnectionRequest, f vpcFacts, id string) (vpcConnection, error) {
	c, scheme, vpc := f.cluster, deref(in.Authentication), deref(in.VpcId)
	switch {
	case c.Provisioned == nil:
		return vpcConnection{}, badRequest("targetClusterArn", "This operation cannot be performed on serverless clusters.")
	case c.State != Active:
		return vpcConnection{}, badRequest("targetClusterArn", "You can't create VPC connection to cluster in %s state.", c.State)
	case !slices.Contains(vpcSchemes, scheme):
		return vpcConnection{}, badRequest("authentication", "Unsupported Authentication [%s]. Valid values: [%s]", scheme, strings.Join(vpcSchemes, ", "))
	case c.Provisioned.Connectivity.VPC.of(scheme) == 0:
		return vpcConnection{}, badRequest("authentication", "Multi-VPC private connectivity is not turned on for %s authentication on the cluster.", scheme)
	case f.own >= f.mayOwn:
		return vpcConnection{}, badRequest("", "The account can have at most %d VPC connections.", f.mayOwn)
	case len(f.existing) >= f.mayLead:
		return vpcConnection{}, badRequest("targetClusterArn", "The cluster can have at most %d VPC connections.", f.mayLead)
	}
	for _, err := range []error{
		checkTags(in.Tags),
		f.checkClientSubnets(vpc, in.ClientSubnets),
		f.checkGroups(vpc, in.SecurityGroups),
	} {
		if err != nil {
			return vpcConnection{}, err
		}
	}
	for _, v := range f.existing {
		if s := v.state(&c, f.now); v.VPC == vpc && v.Authentication == scheme && (s == vpcCreating || s == vpcAvailable) {
			return vpcConnection{}, badRequest("vpcId", "The VPC '%s' has a connection to the cluster for %s authentication already: %s", vpc, scheme, v.ARN)
		}
	}
	created := f.now.UTC().Truncate(time.Millisecond)
	return vpcConnection{
		ARN: makeARN(at.partition, at.region, at.account, "vpc-connection/"+c.Account+"/"+c.Name+"/"+id), ID: id,
		Account: at.account, Region: at.region, Cluster: c.ARN,
		Authentication: scheme, Generation: c.Provisioned.Connectivity.VPC.of(scheme),
		VPC: vpc, Subnets: slices.Clone(in.ClientSubnets), SecurityGroups: slices.Clone(in.SecurityGroups), Tags: maps.Clone(in.Tags),
		Created: created, Due: created.Add(f.pace.of(changeVPCConnection)),
	}, nil
}

// checkClientSubnets wants subnets of the VPC in the zones of the cluster, by
// the zones' ids: names differ between accounts.
func (f vpcFacts) checkClientSubnets(vpc string, ids []string) error {
	var have []string
	for _, id := range ids {
		s, ok := f.subnets[id]
		if !ok {
			return badRequest("clientSubnets", "The subnet ID '%s' does not exist", id)
		}
		if s.VPC != vpc {
			return badRequest("clientSubnets", "The subnet '%s' does not belong to the VPC '%s'.", id, vpc)
		}
		have = append(have, s.ZoneID)
	}
	want := slices.Sorted(slices.Values(f.cluster.Provisioned.ZoneIDs))
	if slices.Sort(have); !slices.Equal(have, want) {
		return badRequest("clientSubnets", "The client subnets must be in the Availability Zones of the cluster, one in each: [%s].", strings.Join(want, ", "))
	}
	return nil
}

func (f vpcFacts) checkGroups(vpc string, ids []string) error {
	if len(ids) == 0 || len(ids) > maxSecurityGroups {
		return badRequest("securityGroups", "Specify 1 to %d security groups.", maxSecurityGroups)
	}
	for _, id := range ids {
		switch of, ok := f.groups[id]; {
		case f.groups == nil:
		case !ok:
			return badRequest("securityGroups", "The security group ID '%s' does not exist", id)
		case of != vpc:
			return badRequest("securityGroups", "The security group '%s' does not belong to the VPC '%s'.", id, vpc)
		}
	}
	return nil
}

// decideReject answers a connection that the cluster's owner does not want.
// aws:kafka RejectClientVpcConnection; UNVERIFIED wording
func decideReject(v vpcConnection, c cluster, pace Pace, now time.Time) (vpcConnection, error) {
	if s := v.state(&c, now); s != vpcAvailable {
		return v, badRequest("vpcConnectionArn", "You can't reject VPC connection in %s state.", s)
	}
	v.Rejected, v.Due = true, now.UTC().Truncate(time.Millisecond).Add(pace.of(changeVPCConnection))
	return v, nil
}

// decideDisconnect answers a connection that its owner does not want any more.
// aws:kafka DeleteVpcConnection; UNVERIFIED wording
func decideDisconnect(v vpcConnection, c *cluster, pace Pace, now time.Time) (vpcConnection, error) {
	switch s := v.state(c, now); s {
	case vpcAvailable, vpcDeactivating, vpcInactive, vpcRejected:
	default:
		return v, badRequest("arn", "You can't delete VPC connection in %s state.", s)
	}
	v.Deleted, v.Due = true, now.UTC().Truncate(time.Millisecond).Add(pace.of(changeVPCConnection))
	return v, nil
}

// vpcMade is what an operation tells of a connection that was made or deleted.
type vpcMade struct {
	ARN     string    `json:"arn"`
	Owner   string    `json:"owner"` // account
	Created time.Time `json:"created"`
}

// operation is the record of a connection that was made or deleted, among the
// operations of its cluster. The cluster is not changed by it, so that it has
// ended when it is written.
func (v vpcConnection) operation(c *cluster, kind string, ids operationIDs, now time.Time) operation {
	now = now.UTC().Truncate(time.Millisecond)
	return operation{
		ARN: c.operationARN(ids.id), ID: ids.id, Type: kind, State: updateComplete, Request: ids.request,
		Created: now, Ended: now, VPC: &vpcMade{v.ARN, v.Account, v.Created},
	}
}

func (m *vpcMade) render() *kafka.VpcConnectionInfo {
	if m == nil {
		return nil
	}
	return &kafka.VpcConnectionInfo{
		VpcConnectionArn: new(m.ARN), Owner: new(m.Owner), CreationTime: model.NewTime(m.Created),
		UserIdentity: &kafka.UserIdentity{Type: new("AWSACCOUNT"), PrincipalId: new(m.Owner)},
	}
}

// vpcARN is a parsed ARN of a connection:
// arn:{partition}:kafka:{region}:{account}:vpc-connection/{cluster's account}/{cluster}/{uuid}.
type vpcARN struct{ region, account, owner, cluster, id string }

var vpcShape = regexp.MustCompile(`^arn:aws[a-z-]*:kafka:([a-z0-9-]+):([0-9]{12}):vpc-connection/([0-9]{12})/([0-9A-Za-z][0-9A-Za-z-]{0,63})/([0-9a-f-]{36})$`)

func parseVPCARN(s string) (vpcARN, bool) {
	if len(s) > maxARNBytes {
		return vpcARN{}, false
	}
	m := vpcShape.FindStringSubmatch(s)
	if m == nil {
		return vpcARN{}, false
	}
	return vpcARN{region: m[1], account: m[2], owner: m[3], cluster: m[4], id: m[5]}, true
}

func (a vpcARN) key() string {
	return vpcPrefix(a.account, a.region) + a.owner + "/" + a.cluster + "/" + a.id
}

func (v vpcConnection) key() string {
	at, _ := parseVPCARN(v.ARN)
	return at.key()
}

func vpcPrefix(account, region string) string { return account + "/" + region + "/msk/vpc-connection/" }

// clientPrefix is where a cluster's connections are listed, by the account and
// the id of each.
func (a clusterARN) clientPrefix() string {
	return a.account + "/" + a.region + "/msk/client-vpc-connection/" + a.name + "/" + a.id + "/"
}

func (v vpcConnection) clientKey() string {
	at, _ := parseARN(v.Cluster)
	return at.clientPrefix() + v.Account + "/" + v.ID
}

func (v vpcConnection) renderClient(state string) kafka.ClientVpcConnection {
	return kafka.ClientVpcConnection{
		Authentication: new(v.Authentication), CreationTime: model.NewTime(v.Created), Owner: new(v.Account), State: &state, VpcConnectionArn: new(v.ARN),
	}
}

func (v vpcConnection) render(state string) kafka.VpcConnection {
	return kafka.VpcConnection{
		Authentication: new(v.Authentication), CreationTime: model.NewTime(v.Created), State: &state,
		TargetClusterArn: new(v.Cluster), VpcConnectionArn: new(v.ARN), VpcId: new(v.VPC),
	}
}

func (v vpcConnection) describe(state string) *kafka.DescribeVpcConnectionResponse {
	return &kafka.DescribeVpcConnectionResponse{
		Authentication: new(v.Authentication), CreationTime: model.NewTime(v.Created), SecurityGroups: v.SecurityGroups, State: &state,
		Subnets: v.Subnets, Tags: tagsOf(v.Tags), TargetClusterArn: new(v.Cluster), VpcConnectionArn: new(v.ARN), VpcId: new(v.VPC),
	}
}
