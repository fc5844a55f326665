package msk

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/model/kafka"
)

// storyPeer has two VPCs with a subnet in each zone of the stories' clusters.
const storyPeer = "210987654321"

var storyPeerSubnets = map[string]Subnet{
	"peer-a": {"us-east-1f", "use1-az1", "vpc-9", false},
	"peer-b": {"us-east-1e", "use1-az2", "vpc-9", false},
	"peer-c": {"us-east-1d", "use1-az4", "vpc-9", false},
	"peer-d": {"us-east-1c", "use1-az6", "vpc-9", false},
	"else-c": {"us-east-1d", "use1-az4", "vpc-8", false},
}

const storyConnection = `"vpcId":"vpc-9","clientSubnets":["peer-c","peer-a","peer-b"],"securityGroups":["sg-9"],"authentication":"SASL_IAM"`

// vpc does a verb about a VPC connection: connect NAME CLUSTER MEMBERS reads the
// members over those of storyConnection; connection, reject and disconnect NAME.
func (w *world) vpc(t *testing.T, verb, name, rest string) string {
	v := w.vpcs[name]
	at, _ := parseARN(v.Cluster)
	var c *cluster
	if known, ok := w.clusters[at.name]; ok {
		c = &known
	}
	var err error
	switch verb {
	case "connection":
		state := v.state(c, w.now)
		if state == vpcGone {
			return "(gone)"
		}
		return pretty(t, []any{v.describe(state), v.render(state), v.renderClient(state)})
	case "connect":
		target, members, _ := strings.Cut(rest, " ")
		in := &kafka.CreateVpcConnectionRequest{}
		decode(t, "{"+storyConnection+"}", in)
		decode(t, "{"+members+"}", in)
		f := vpcFacts{
			mayOwn: DefaultQuotas().VPCConnectionsAccount, mayLead: DefaultQuotas().VPCConnections,
			cluster: w.clusters[target], existing: slices.Collect(maps.Values(w.vpcs)), subnets: storyPeerSubnets,
			groups: map[string]string{"sg-9": "vpc-9", "sg-8": "vpc-8"}, pace: w.pace, now: w.now,
		}
		c = &f.cluster
		d := drawer{random: w}
		v, err = decideVPCConnection(place{"aws", storyPeer, "us-east-1"}, in, f, d.uuid())
	case "reject":
		v, err = decideReject(v, *c, w.pace, w.now)
	case "disconnect":
		v, err = decideDisconnect(v, c, w.pace, w.now)
	}
	if err != nil {
		return told(err)
	}
	w.vpcs[name] = v
	return fmt.Sprintf("%s is %q", v.ARN, v.state(c, w.now))
}
