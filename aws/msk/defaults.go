package msk

import (
	"strconv"
	"strings"
)

// BrokerDefaults answers what the service sets on every broker of a standard
// cluster in azs zones where it differs from Kafka, in Kafka's own property
// names. (aws:kafka developer guide, default configuration)
func BrokerDefaults(azs int, kafkaVersion string) map[string]string {
	replicas := min(azs, 3)
	d := map[string]string{
		"allow.everyone.if.no.acl.found": "true",
		"auto.create.topics.enable":      "false",
		"auto.leader.rebalance.enable":   "true",
		"default.replication.factor":     strconv.Itoa(replicas),
		"log.segment.bytes":              "1073741824",
		"min.insync.replicas":            strconv.Itoa(max(1, replicas-1)),
		"num.io.threads":                 "8",
		"num.network.threads":            "5",
		"num.partitions":                 "1",
		"num.replica.fetchers":           "2",
		"replica.lag.time.max.ms":        "30000",
		"socket.receive.buffer.bytes":    "102400",
		"socket.send.buffer.bytes":       "102400",
		"socket.request.max.bytes":       "104857600",
		"unclean.leader.election.enable": "true",
		// The internal topics must fit a cluster of two brokers. UNVERIFIED
		// values for two zones.
		"offsets.topic.replication.factor":         strconv.Itoa(replicas),
		"transaction.state.log.replication.factor": strconv.Itoa(replicas),
		"transaction.state.log.min.isr":            strconv.Itoa(max(1, replicas-1)),
	}
	if strings.HasPrefix(kafkaVersion, "4.") {
		d["log.message.timestamp.after.max.ms"] = "3600000"
	} else {
		d["log.message.timestamp.difference.max.ms"] = "9223372036854775807"
	}
	if !kraft(kafkaVersion) {
		d["zookeeper.session.timeout.ms"] = "18000"
		d["zookeeper.set.acl"] = "false"
	}
	return d
}
