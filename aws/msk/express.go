package msk

import (
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model/kafka"
)

// Express brokers have no volumes to choose, three zones, and copies that cannot
// be chosen either. (aws:kafka developer guide, Express brokers)

// expressZones is in how many zones a cluster of Express brokers is.
const expressZones = 3

// expressVersions is what new clusters of Express brokers run. aws:kafka
// CreateCluster tells these, of which 4.2.x.kraft cannot be run here.
var expressVersions = []string{"3.8.x", "3.9.x.kraft", "4.2.x.kraft"}

// Values of rebalancing.status.
const (
	rebalancingActive = "ACTIVE"
	rebalancingPaused = "PAUSED"
)

// rebalancingOf reads a request's rebalancing; "" where there is none.
// UNVERIFIED wordings
func rebalancingOf(in *kafka.Rebalancing) (string, error) {
	if in == nil {
		return "", nil
	}
	status := deref(in.Status)
	if status != rebalancingActive && status != rebalancingPaused {
		return "", badRequest("rebalancing", "Unsupported Rebalancing status [%s]. Valid values: [%s, %s]", status, rebalancingActive, rebalancingPaused)
	}
	return status, nil
}

// readExpress reads what only brokers of one kind can be asked for.
// aws:kafka CreateCluster; the wording about rebalancing is UNVERIFIED
func (p *provisioned) readExpress(r *kafka.ProvisionedRequest) (err error) {
	if p.Rebalancing, err = rebalancingOf(r.Rebalancing); err != nil {
		return err
	}
	if !p.express() {
		if p.Rebalancing != "" {
			return badRequest("rebalancing", "Rebalancing is for express brokers only.")
		}
		return nil
	}
	if r.BrokerNodeGroupInfo.StorageInfo != nil {
		return badRequest("brokerNodeGroupInfo", "The storageInfo parameter is not supported for Express instance types.")
	}
	if r.StorageMode != nil {
		return badRequest("storageMode", "The storageMode parameter is not supported for Express instance types.")
	}
	p.VolumeGiB = 0
	if p.Rebalancing == "" {
		p.Rebalancing = rebalancingActive
	}
	return nil
}

// checkExpress checks what is left to check of a new cluster of Express brokers.
// aws:kafka CreateCluster
func checkExpress(w wish, f facts) error {
	p := w.provisioned
	if !p.express() {
		return nil
	}
	if len(p.Subnets) != expressZones {
		return badRequest("brokerNodeGroupInfo", "Clusters with Express instance types require %d subnets.", expressZones)
	}
	return checkExpressVersion(w.kafkaVersion, f.runs)
}

func checkExpressVersion(name string, runs func(string) bool) error {
	valid := slices.DeleteFunc(slices.Clone(expressVersions), func(v string) bool { return !known(v) || !runs(v) })
	if slices.Contains(valid, name) {
		return nil
	}
	return badRequest("kafkaVersion", "Express instance types are not supported for Kafka version %s. Valid values: [%s]", name, strings.Join(valid, ", "))
}

func known(name string) bool {
	return slices.ContainsFunc(versions, func(v version) bool { return v.name == name })
}

// expressUpgrades keeps of the versions that an update may bring those for
// Express brokers.
func expressUpgrades(valid []string) []string {
	return slices.DeleteFunc(slices.Clone(valid), func(v string) bool { return !slices.Contains(expressVersions, v) })
}

// expressProperties is what a configuration of Express brokers may set. (aws:kafka developer guide,
// Express broker configurations)
var expressProperties = []string{
	"allow.everyone.if.no.acl.found", "auto.create.topics.enable", "compression.type", "connections.max.idle.ms",
	"delete.topic.enable", "group.initial.rebalance.delay.ms", "group.max.session.timeout.ms",
	"leader.imbalance.per.broker.percentage", "log.cleanup.policy", "log.message.timestamp.after.max.ms",
	"log.message.timestamp.before.max.ms", "log.message.timestamp.type", "log.retention.bytes", "log.retention.ms",
	"max.connections.per.ip", "max.incremental.fetch.session.cache.slots", "message.max.bytes", "num.partitions",
	"offsets.retention.minutes", "replica.fetch.max.bytes", "replica.selector.class", "socket.receive.buffer.bytes",
	"socket.request.max.bytes", "socket.send.buffer.bytes", "transaction.max.timeout.ms", "transactional.id.expiration.ms",
}

// onlyExpress is of those what standard brokers refuse.
const onlyExpress = "max.connections.per.ip"

// fits checks that brokers of the cluster's kind take what a configuration sets.
// AWS checks it when the configuration is made for a cluster; which of the two
// calls refuses is UNVERIFIED.
func (p *provisioned) fits(properties map[string]string) error {
	var refused []refusedProperty
	for name, value := range properties {
		ok := p.express() || name != onlyExpress
		if p.express() || p.Mixed != nil {
			ok = ok && slices.Contains(expressProperties, name)
		}
		if !ok {
			refused = append(refused, refusedProperty{name, value, []string{"Key '" + name + "' is not supported for the broker type " + p.InstanceType + "."}})
		}
	}
	if refused == nil {
		return nil
	}
	slices.SortFunc(refused, func(a, b refusedProperty) int { return strings.Compare(a.Name, b.Name) })
	return badRequest("configurationInfo", "%s", renderRefused(refused))
}

// expressDefaults puts what the service sets on Express brokers of a type over
// what it sets on standard ones. (aws:kafka developer guide, Express broker
// configurations)
func expressDefaults(d map[string]string, instanceType string) map[string]string {
	if t, ok := FindInstanceType(instanceType); ok {
		d["num.io.threads"], d["num.network.threads"] = strconv.Itoa(max(8, 2*t.processors())), strconv.Itoa(max(8, t.processors()))
	}
	d["default.replication.factor"], d["min.insync.replicas"] = "3", "2"
	d["unclean.leader.election.enable"] = "false"
	d["log.message.timestamp.after.max.ms"], d["log.message.timestamp.before.max.ms"] = "86400000", "86400000"
	delete(d, "log.message.timestamp.difference.max.ms")
	return d
}

// serverlessRetention is how many bytes of a partition are kept by default: 250
// GiB. (aws:kafka developer guide, configuration properties for MSK Serverless)
const serverlessRetention = "268435456000"

// defaultsOf is what the service sets on brokers of a type; p is nil, and the type
// "", for serverless clusters.
func defaultsOf(p *provisioned, instanceType string, azs int, kafkaVersion string) map[string]string {
	d := BrokerDefaults(azs, kafkaVersion)
	switch {
	case p == nil:
		d["log.retention.bytes"] = serverlessRetention
	case strings.HasPrefix(instanceType, expressPrefix):
		return expressDefaults(d, instanceType)
	case p.Tiered:
		return tieredDefaults(d, instanceType, kafkaVersion)
	}
	return d
}

// rebalancingChange reads an UpdateRebalancing request. aws:kafka
// UpdateRebalancing; UNVERIFIED wordings
func rebalancingChange(in *kafka.UpdateRebalancingRequest) (change, error) {
	if in.Rebalancing == nil {
		return change{}, badRequest("rebalancing", "Specify the rebalancing status.")
	}
	target, err := rebalancingOf(in.Rebalancing)
	if err != nil {
		return change{}, err
	}
	return change{verb: "update", stamp: in.CurrentVersion, decide: func(c cluster, _ changeFacts) (plan, error) {
		p := c.Provisioned
		switch {
		case !p.express():
			return plan{}, badRequest("rebalancing", "Rebalancing is for express brokers only.")
		case p.Rebalancing == target:
			return plan{}, badRequest("rebalancing", "The rebalancing status of the cluster is %s already.", target)
		}
		return plan{
			kind: updateRebalancing, source: settings{Rebalancing: p.Rebalancing}, target: settings{Rebalancing: target},
			acts: []act{{Kind: put}},
		}, nil
	}}, nil
}
