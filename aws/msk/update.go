package msk

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// change is a request to change a running cluster, parsed. Its decision is what
// is left to check of the cluster, and the operation's type, settings and acts.
type change struct {
	verb        string                                       // of "You can't ... cluster in ... state."
	stamp       *string                                      // currentVersion; nil where the operation takes none
	names       *configurationRef                            // a configuration that it needs
	authorities []string                                     // certificate authorities that it needs
	serverless  bool                                         // serverless clusters have it too
	scans       bool                                         // what topics there are is needed
	mixed       bool                                         // it may be asked of a cluster with brokers of both kinds
	decide      func(c cluster, f changeFacts) (plan, error) // pure
}

// changeFacts is what a change is decided from beside the cluster.
type changeFacts struct {
	ids      operationIDs
	pace     Pace // nil: nothing lasts
	quotas   Quotas
	now      time.Time
	existing []cluster // of the account and region
	runs     func(kafkaVersion string) bool
	zones    map[string]Subnet // the cluster's subnets

	active     map[string]bool   // the certificate authorities of the change that sign
	held       map[int32]Held    // what each broker holds; nil where nobody can tell
	wanted     configuration     // that the change names
	properties map[string]string // of the revision that it names
	configured configuration     // that the cluster has
	current    map[string]string // of the revision that it has

	scan         *Scan  // nil where nobody can tell
	reassigning  string // ARN of the topic reassignment that is under way
	reassignment string // fresh uuid
}

// Held is how many replicas of partitions a broker holds.
type Held struct {
	Replicas  int // all
	Clients   int // of topics that are not internal
	OutOfSync int // not in the ISR of their partition
}

// plan is what an operation is to do.
type plan struct {
	kind           string
	source, target settings
	acts           []act
	added, removed []broker
	upgrade        *upgradeInfo
}

// decideChange answers the start of an operation: on an ACTIVE cluster, at the
// version that the caller has seen. That no other operation is under way is the
// same as that the cluster is ACTIVE.
func decideChange(c cluster, ch change, f changeFacts) (started, error) {
	if c.Serverless != nil && !ch.serverless { // UNVERIFIED code and wording
		return started{}, badRequest("clusterArn", "This operation cannot be performed on serverless clusters.")
	}
	if c.State != Active { // UNVERIFIED wording, as that of DeleteCluster
		return started{}, badRequest("", "You can't %s cluster in %s state.", ch.verb, c.State)
	}
	if ch.stamp != nil && *ch.stamp != c.CurrentVersion {
		return started{}, badRequest("currentVersion", "The version of the cluster isn't current. Check the current version and try again.")
	}
	if c.Provisioned != nil && c.Provisioned.Mixed != nil && !ch.mixed { // UNVERIFIED which, and wording
		return started{}, badRequest("clusterArn", "This operation cannot be performed while the cluster has both Standard and Express brokers. Complete the upgrade or roll it back first.")
	}
	p, err := ch.decide(c, f)
	if err != nil {
		return started{}, err
	}
	state := Updating
	if p.kind == rebootNode {
		state = Rebooting
	}
	each := f.pace.of(p.kind) / time.Duration(len(p.acts))
	return started{state, operation{
		ARN: c.operationARN(f.ids.id), ID: f.ids.id, Type: p.kind, State: pending, Request: f.ids.request,
		Created: f.now.UTC().Truncate(time.Millisecond),
		Source:  p.source, Target: p.target, Acts: p.acts, NextVersion: f.ids.version, Each: each,
		Added: p.added, Removed: p.removed, Upgrade: p.upgrade,
	}}, nil
}

// rebootOf reads a RebootBroker request: one broker at a time.
// aws:kafka RebootBroker; UNVERIFIED wordings
func rebootOf(ids []string) (change, error) {
	if len(ids) != 1 {
		return change{}, badRequest("brokerIds", "You can reboot only one broker at a time. Specify exactly one broker ID.")
	}
	id, err := strconv.ParseInt(ids[0], 10, 32)
	if err != nil {
		return change{}, badRequest("brokerIds", "The broker ID '%s' is not valid.", ids[0])
	}
	return change{verb: "reboot broker of", mixed: true, decide: func(c cluster, _ changeFacts) (plan, error) {
		if !slices.ContainsFunc(c.Brokers, func(b broker) bool { return b.ID == int32(id) }) {
			return plan{}, badRequest("brokerIds", "The cluster has no broker with the ID %d.", id)
		}
		return plan{kind: rebootNode, acts: []act{{Kind: restart, Broker: int32(id)}}}, nil
	}}, nil
}

// String tells the type and how far an operation is.
func (o *operation) String() string {
	return fmt.Sprintf("%s %s %d/%d", o.Type, o.State, o.Done, len(o.Acts))
}
