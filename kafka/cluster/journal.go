package cluster

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"slices"

	"github.com/millrace/millrace/kafka/metadata"
)

// Kafka's names of the loggers that lines of brokers' logs come from.
const (
	loggerServer     = "kafka.server.BrokerServer"
	loggerVersion    = "org.apache.kafka.common.utils.AppInfoParser"
	loggerAcceptor   = "kafka.network.DataPlaneAcceptor"
	loggerLogs       = "kafka.log.LogManager"
	loggerTopics     = "org.apache.kafka.controller.ReplicationControlManager"
	loggerBrokers    = "org.apache.kafka.controller.ClusterControlManager"
	loggerPartitions = "state.change.logger"
	loggerISR        = "kafka.cluster.Partition"
)

// maxChanges bounds the lines about one change of the metadata, which may be
// about every partition.
const maxChanges = 200

// journaling says whether somebody reads brokers' logs.
func (c *Cluster) journaling() bool {
	return c.cfg.Journal != nil && c.cfg.Journal.Enabled(context.Background(), slog.LevelInfo)
}

// say writes a line into a broker's log.
func (c *Cluster) say(broker int32, logger, format string, args ...any) {
	if c.journaling() {
		c.cfg.Journal.Info(fmt.Sprintf(format, args...), "broker", broker, "logger", logger)
	}
}

// sayStarted tells of a broker that serves.
func (c *Cluster) sayStarted(n *node) {
	c.say(n.cfg.ID, loggerVersion, "Kafka version: %s", n.cfg.KafkaVersion)
	c.say(n.cfg.ID, loggerLogs, "Logs of log dir %s are loaded", c.logDir())
	c.say(n.cfg.ID, loggerServer, "[BrokerServer id=%d] Transition from STARTING to STARTED", n.cfg.ID)
}

// sayStopping tells of brokers that end.
func (c *Cluster) sayStopping(nodes ...*node) {
	for _, n := range nodes {
		if !n.stopped.Load() {
			c.say(n.cfg.ID, loggerServer, "[BrokerServer id=%d] Transition from STARTED to SHUTTING_DOWN", n.cfg.ID)
		}
	}
}

// sayChanges tells what an image changed, each change in the log of the broker
// that Kafka's would be in.
func (c *Cluster) sayChanges(prev, next *metadata.Image) {
	if !c.journaling() {
		return
	}
	d := changes{c: c, controller: next.Controller()}
	for _, n := range c.all() {
		was, is := prev.Broker(n.cfg.ID), next.Broker(n.cfg.ID)
		if was != nil && is != nil && was.Fenced != is.Fenced {
			d.say(d.controller, loggerBrokers, "Broker %d is now %s", n.cfg.ID, map[bool]string{true: "fenced", false: "unfenced"}[is.Fenced])
		}
	}
	for _, name := range deleted(prev.Topics(), next.Topics()) {
		d.say(d.controller, loggerTopics, "Deleted topic %s with topic ID %s", name, topicID(prev.Topic(name)))
	}
	for _, t := range next.Topics() {
		switch was := prev.TopicByID(t.ID); {
		case was == nil:
			d.say(d.controller, loggerTopics, "Created topic %s with topic ID %s and %d partitions", t.Name, topicID(t), len(t.Partitions))
			d.partitions(t, nil)
		case was != t: // images share the topics that did not change
			d.partitions(t, was.Partitions)
		}
	}
	if d.left > 0 {
		c.say(d.controller, loggerPartitions, "%d more changes are not told one by one", d.left)
	}
}

// topicID is a topic's id as Kafka shows it.
func topicID(t *metadata.Topic) string { return base64.RawURLEncoding.EncodeToString(t.ID[:]) }

// changes tells a bounded number of changes.
type changes struct {
	c          *Cluster
	controller int32
	told, left int
}

func (d *changes) say(broker int32, logger, format string, args ...any) {
	if d.told++; d.told > maxChanges {
		d.left++
		return
	}
	if broker < 0 { // nobody leads
		broker = d.controller
	}
	d.c.say(broker, logger, format, args...)
}

// partitions tells of new partitions, new leaders and other ISRs of a topic.
func (d *changes) partitions(t *metadata.Topic, was []metadata.Partition) {
	for i, p := range t.Partitions {
		isNew := i >= len(was)
		if isNew {
			d.say(p.Leader, loggerLogs, "Created log for partition %s-%d in %s", t.Name, i, d.c.logDir())
		}
		switch {
		case p.Leader < 0 && !isNew && was[i].Leader >= 0:
			d.say(d.controller, loggerPartitions, "Partition %s-%d is offline: no replica in its ISR %v can lead", t.Name, i, p.ISR)
		case p.Leader >= 0 && (isNew || was[i].LeaderEpoch != p.LeaderEpoch):
			d.say(p.Leader, loggerPartitions, "[Broker id=%d] Leader %s-%d with topic id %s starts at leader epoch %d, partition epoch %d, ISR %v",
				p.Leader, t.Name, i, topicID(t), p.LeaderEpoch, p.PartitionEpoch, p.ISR)
		}
		if !isNew && !slices.Equal(was[i].ISR, p.ISR) {
			d.say(p.Leader, loggerISR, "[Partition %s-%d broker=%d] ISR updated from %v to %v, partition epoch %d", t.Name, i, p.Leader, was[i].ISR, p.ISR, p.PartitionEpoch)
		}
	}
}
