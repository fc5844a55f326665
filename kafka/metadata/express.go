package metadata

import (
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// The rules of MSK's Express brokers: what clients of standard brokers may choose
// of a topic's copies is fixed, and what may be set is less.
// (aws:kafka developer guide, Express brokers)
//
// A cluster that is being upgraded has brokers of both kinds. The rules hold from
// its first Express broker on, for all topics, so that none is made or changed
// that could not move; new topics begin on Express brokers.

// expressReplicas is how many replicas a topic has, whatever is asked for.
const expressReplicas = 3

// expressTopicConfigs is what topics may set.
var expressTopicConfigs = map[string]bool{
	"cleanup.policy": true, "compression.type": true, "delete.retention.ms": true, "max.message.bytes": true,
	"message.timestamp.after.max.ms": true, "message.timestamp.before.max.ms": true, "message.timestamp.type": true,
	"min.compaction.lag.ms": true, "max.compaction.lag.ms": true, "retention.bytes": true, "retention.ms": true,
}

// expressBrokerConfigs is what of brokers' configs may be changed while they run.
var expressBrokerConfigs = map[string]bool{
	"advertised.listeners": true, "compression.type": true, "log.cleaner.delete.retention.ms": true,
	"log.cleaner.min.compaction.lag.ms": true, "log.cleaner.max.compaction.lag.ms": true, "log.cleanup.policy": true,
	"log.message.timestamp.after.max.ms": true, "log.message.timestamp.before.max.ms": true, "log.message.timestamp.type": true,
	"log.retention.bytes": true, "log.retention.ms": true, "max.connection.creation.rate": true, "max.connections": true,
	"max.connections.per.ip": true, "max.connections.per.ip.overrides": true, "message.max.bytes": true, "producer.id.expiration.ms": true,
}

// checkExpressTopic refuses a topic's config that Express brokers do not have; one
// that stays as it was passes.
func (d *decision) checkExpressTopic(name, value string, before map[string]string) error {
	if !d.image.express() || before != nil && before[name] == value {
		return nil
	}
	if expressTopicConfigs[name] {
		return checkExpressLag(name, "max.compaction.lag.ms", value)
	}
	return fail(kerr.InvalidRequest, "Topic config %s cannot be set on Express brokers.", name)
}

// expressLag is the least of the longest time that a record may stay uncompacted,
// in milliseconds: seven days.
const expressLag = 7 * 24 * 60 * 60 * 1000

// checkExpressLag checks a config if it is that time. Values that are no numbers
// are refused by who checks every config.
func checkExpressLag(name, lag, value string) error {
	if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); name == lag && err == nil && n < expressLag {
		return fail(kerr.InvalidConfig, "Invalid value %s for configuration %s: Value must be at least %d", value, name, expressLag)
	}
	return nil
}

// checkExpressBroker is the same for a broker's configs.
func (d *decision) checkExpressBroker(before, after map[string]string) error {
	if !d.image.express() {
		return nil
	}
	for _, name := range sortedKeys(after) {
		if before[name] == after[name] {
			continue
		}
		if !expressBrokerConfigs[name] && !limitsListener(name) {
			return fail(kerr.InvalidRequest, "Broker config %s cannot be changed on Express brokers.", name)
		}
		if err := checkExpressLag(name, "log.cleaner.max.compaction.lag.ms", after[name]); err != nil {
			return err
		}
	}
	return nil
}

// express reports whether there are Express brokers.
func (i *Image) express() bool {
	return slices.ContainsFunc(i.Brokers, func(b Broker) bool { return b.Express })
}

// mixed reports whether there are brokers of both kinds.
func (i *Image) mixed() bool {
	return i.express() && slices.ContainsFunc(i.Brokers, func(b Broker) bool { return !b.Express })
}

// kin is the brokers of one kind, the racks taking turns; all where there is but
// one kind.
func (i *Image) kin(express bool) []int32 {
	if !i.mixed() {
		return i.byRack()
	}
	return only(i.byRack(), func(id int32) bool { return i.Broker(id).Express == express })
}

// isExpress reports whether a topic is with Express brokers: its first partition's
// preferred leader says so.
func (i *Image) isExpress(t *Topic) bool {
	b := i.Broker(t.Partitions[0].Replicas[0])
	return b != nil && b.Express
}
