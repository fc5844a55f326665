package metadata

import (
	"github.com/twmb/franz-go/pkg/kerr"
)

// The rules of MSK's Express brokers: what clients of standard brokers may choose
// of a topic's copies is fixed, and what may be set is less.
// (aws:kafka developer guide, Express brokers)

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
	if !d.core.p.Express || expressTopicConfigs[name] || before != nil && before[name] == value {
		return nil
	}
	return fail(kerr.InvalidRequest, "Topic config %s cannot be set on Express brokers.", name)
}

// checkExpressBroker is the same for a broker's configs.
func (d *decision) checkExpressBroker(before, after map[string]string) error {
	if !d.core.p.Express {
		return nil
	}
	for _, name := range sortedKeys(after) {
		if !expressBrokerConfigs[name] && !limitsListener(name) && before[name] != after[name] {
			return fail(kerr.InvalidRequest, "Broker config %s cannot be changed on Express brokers.", name)
		}
	}
	return nil
}
