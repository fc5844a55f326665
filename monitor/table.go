package monitor

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/metrics"
)

// level is a monitoring level; each has what those before it have.
// (aws:kafka UpdateMonitoring enhancedMonitoring)
type level int

const (
	byDefault level = iota
	perBroker
	perTopic
	perPartition
)

var levelNames = [...]string{"DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"}

func levelOf(name string) level {
	for i, n := range levelNames {
		if n == name {
			return level(i)
		}
	}
	return byDefault
}

// The dimensions of MSK's metrics.
const (
	clusterName    = "Cluster Name"
	brokerID       = "Broker ID"
	topicName      = "Topic"
	consumerGroup  = "Consumer Group"
	partitionIndex = "Partition"
	authentication = "Client Authentication"
)

// Units of CloudWatch.
const (
	count          = "Count"
	countPerSecond = "Count/Second"
	bytesPerSecond = "Bytes/Second"
	bytesUnit      = "Bytes"
	milliseconds   = "Milliseconds"
	seconds        = "Seconds"
	percent        = "Percent"
)

// row is one of MSK's metrics: what it is called, from which level on there is
// one of each set of dimensions, and where it comes from. One of the functions is
// set, or none where lags.go or serverless.go makes the data.
type row struct {
	name, unit string
	level      level
	dimensions string // besides the cluster's name
	brokers    string // the kind that has it; "": both
	late       bool   // a broker has it once there was something to measure
	meaning    string

	rate      func(b *measure.Broker) int64            // by the difference to a minute ago
	mean      func(b *measure.Broker) (n, total int64) // of what was measured since; 1000 of the total are one
	broker    func(c *look) (v float64, ok bool)       // of a broker
	onCluster func(c *look) (v float64, ok bool)       // one of each broker, without its dimension
	topic     func(t *measure.Topic) int64             // a rate of a topic on a broker
	total     func(c *look) (now float64, ok bool)     // of the machine: the difference to a minute ago
}

// Kinds of brokers that metrics differ by.
const (
	standard = "Standard"
	express  = "Express"
)

// of reports whether a broker has the metric by its kind.
func (r *row) of(b *measure.BrokerReading) bool {
	return r.brokers == "" || (r.brokers == express) == b.Express
}

func value(f func(c *look) float64) func(*look) (float64, bool) {
	return func(c *look) (float64, bool) { return f(c), true }
}

// only is what the controller alone knows: 0 from the others.
func only(name string) func(*look) (float64, bool) {
	return value(func(c *look) float64 { return controllerGauges(c.reading, c.b.ID)[name] })
}

func api(key int16, of func(*measure.Request) *metrics.Histogram) func(*measure.Broker) (n, total int64) {
	return func(b *measure.Broker) (int64, int64) { return of(b.Request(key)).Totals() }
}

// everyAPI adds up all APIs.
func everyAPI(unit int64, of func(*measure.Request) []*metrics.Histogram) func(*measure.Broker) (n, total int64) {
	return func(b *measure.Broker) (n, total int64) {
		for _, a := range b.Requests() {
			if a.Name == "FetchConsumer" { // Fetch is that
				continue
			}
			for i, h := range of(a.Requests) {
				m, sum := h.Totals()
				if total += sum * unit; i == 0 {
					n += m
				}
			}
		}
		return n, total
	}
}

func queueTime(r *measure.Request) *metrics.Histogram    { return &r.Queue }
func localTime(r *measure.Request) *metrics.Histogram    { return &r.Local }
func responseTime(r *measure.Request) *metrics.Histogram { return &r.Response }
func sendTime(r *measure.Request) *metrics.Histogram     { return &r.Send }
func totalTime(r *measure.Request) *metrics.Histogram    { return &r.Total }

func throttleTime(of func(*measure.Broker) *measure.Throttled) func(*measure.Broker) (n, total int64) {
	return func(b *measure.Broker) (int64, int64) {
		t := of(b)
		return t.Requests.Count(), t.Millis.Count() * 1000
	}
}

// rows is every metric of provisioned clusters. (aws:kafka developer guide,
// metrics for monitoring Standard brokers, and Express brokers; units are
// UNVERIFIED)
var rows = []row{
	{name: "ActiveControllerCount", unit: count, meaning: "1 from the controller, 0 from the other brokers", onCluster: only("ActiveControllerCount")},
	{name: "GlobalPartitionCount", unit: count, meaning: "partitions of all topics, replicas aside; 0 from all but the controller", onCluster: only("GlobalPartitionCount")},
	{name: "GlobalTopicCount", unit: count, meaning: "topics, internal ones included; 0 from all but the controller", onCluster: only("GlobalTopicCount")},
	{name: "OfflinePartitionsCount", unit: count, brokers: standard, meaning: "partitions without a leader; 0 from all but the controller", onCluster: only("OfflinePartitionsCount")},
	{name: "KafkaDataLogsDiskUsed", unit: percent, brokers: standard, meaning: "logs of the replicas that a broker holds, of its volume; one of each broker", onCluster: (*look).diskUsed},
	{name: "KafkaDataLogsDiskUsed", unit: percent, brokers: standard, dimensions: brokerID, meaning: "the same of one broker", broker: (*look).diskUsed},
	{name: "StorageUsed", unit: bytesUnit, brokers: express, meaning: "bytes of the logs of all partitions, replicas aside", onCluster: (*look).storage},

	{name: "ConnectionCount", unit: count, dimensions: brokerID, meaning: "open connections of clients", broker: value(func(c *look) float64 { return float64(c.connections(nil)) })},
	{name: "ClientConnectionCount", unit: count, dimensions: brokerID + ", " + authentication, meaning: "open connections of authenticated clients by listener: IAM, SCRAM, TLS, PLAINTEXT"},
	{name: "CpuIdle", unit: percent, dimensions: brokerID, meaning: "the machine's processors, the same of each broker", broker: cpu("idle")},
	{name: "CpuIoWait", unit: percent, brokers: standard, dimensions: brokerID, meaning: "likewise", broker: cpu("iowait")},
	{name: "CpuSystem", unit: percent, dimensions: brokerID, meaning: "likewise", broker: cpu("system", "irq", "softirq")},
	{name: "CpuUser", unit: percent, dimensions: brokerID, meaning: "likewise", broker: cpu("user", "nice")},
	{name: "HeapMemoryAfterGC", unit: percent, brokers: standard, dimensions: brokerID, meaning: "what the last collection left of the process's heap, of the machine's memory", broker: (*look).heap},
	{name: "LeaderCount", unit: count, dimensions: brokerID, meaning: "partitions that the broker leads", broker: value(func(c *look) float64 { return float64(c.b.Leads) })},
	{name: "MemoryBuffered", unit: bytesUnit, dimensions: brokerID, meaning: "the machine's memory, the same of each broker", broker: memory(func(m map[string]float64) float64 { return m["Buffers"] })},
	{name: "MemoryCached", unit: bytesUnit, dimensions: brokerID, meaning: "likewise", broker: memory(func(m map[string]float64) float64 { return m["Cached"] })},
	{name: "MemoryFree", unit: bytesUnit, dimensions: brokerID, meaning: "likewise", broker: memory(func(m map[string]float64) float64 { return m["MemFree"] })},
	{name: "MemoryUsed", unit: bytesUnit, dimensions: brokerID, meaning: "likewise", broker: memory(func(m map[string]float64) float64 {
		return m["MemTotal"] - m["MemFree"] - m["Buffers"] - m["Cached"]
	})},
	{name: "SwapFree", unit: bytesUnit, brokers: standard, dimensions: brokerID, meaning: "likewise", broker: memory(func(m map[string]float64) float64 { return m["SwapFree"] })},
	{name: "SwapUsed", unit: bytesUnit, brokers: standard, dimensions: brokerID, meaning: "likewise", broker: memory(func(m map[string]float64) float64 { return m["SwapTotal"] - m["SwapFree"] })},
	{name: "NetworkRxDropped", unit: count, dimensions: brokerID, meaning: "the machine's network devices, loopback included, in a minute; the same of each broker", total: network("rx.dropped")},
	{name: "NetworkRxErrors", unit: count, dimensions: brokerID, meaning: "likewise", total: network("rx.errors")},
	{name: "NetworkRxPackets", unit: count, dimensions: brokerID, meaning: "likewise", total: network("rx.packets")},
	{name: "NetworkTxDropped", unit: count, dimensions: brokerID, meaning: "likewise", total: network("tx.dropped")},
	{name: "NetworkTxErrors", unit: count, dimensions: brokerID, meaning: "likewise", total: network("tx.errors")},
	{name: "NetworkTxPackets", unit: count, dimensions: brokerID, meaning: "likewise", total: network("tx.packets")},
	{name: "PartitionCount", unit: count, dimensions: brokerID, meaning: "replicas that the broker holds", broker: value(func(c *look) float64 { return float64(c.b.Holds) })},
	{name: "RootDiskUsed", unit: percent, brokers: standard, dimensions: brokerID, meaning: "the file system of the data directory", broker: (*look).rootDisk},
	{name: "UnderMinIsrPartitionCount", unit: count, brokers: standard, dimensions: brokerID, meaning: "partitions that the broker leads with too few in sync", broker: value(func(c *look) float64 { return float64(c.b.UnderMinISR) })},
	{name: "UnderReplicatedPartitions", unit: count, brokers: standard, dimensions: brokerID, meaning: "partitions that the broker leads with fewer in sync than replicas", broker: value(func(c *look) float64 { return float64(c.b.UnderReplicated) })},
	{name: "UserPartitionExists", unit: count, dimensions: brokerID, meaning: "1: the broker holds a replica of a client's topic", broker: value(func(c *look) float64 { return flag(c.b.HoldsUsers) })},
	{name: "MessagesInPerSec", unit: countPerSecond, dimensions: brokerID, meaning: "records that clients produced", rate: func(b *measure.Broker) int64 { return b.All.MessagesIn.Count() }},
	{name: "BytesInPerSec", unit: bytesPerSecond, dimensions: brokerID, meaning: "bytes of the batches that clients produced", rate: func(b *measure.Broker) int64 { return b.All.BytesIn.Count() }},
	{name: "BytesOutPerSec", unit: bytesPerSecond, dimensions: brokerID, meaning: "bytes of the batches that clients fetched", rate: func(b *measure.Broker) int64 { return b.All.BytesOut.Count() }},
	{name: "BytesInPerSec", unit: bytesPerSecond, dimensions: brokerID + ", " + topicName, meaning: "the same of one topic, from its first traffic on", topic: func(t *measure.Topic) int64 { return t.BytesIn.Count() }},
	{name: "BytesOutPerSec", unit: bytesPerSecond, dimensions: brokerID + ", " + topicName, meaning: "the same of one topic", topic: func(t *measure.Topic) int64 { return t.BytesOut.Count() }},
	{name: "ProduceTotalTimeMsMean", unit: milliseconds, dimensions: brokerID, meaning: "from a Produce request's being read to its answer", mean: api(0, totalTime)},
	{name: "RequestBytesMean", unit: bytesUnit, dimensions: brokerID, meaning: "of all requests", mean: everyAPI(1000, func(r *measure.Request) []*metrics.Histogram { return []*metrics.Histogram{&r.Bytes} })},
	{name: "RequestTime", unit: milliseconds, dimensions: brokerID, meaning: "work on requests, their waits left out", mean: everyAPI(1, func(r *measure.Request) []*metrics.Histogram { return []*metrics.Histogram{&r.Local, &r.Send} })},

	{name: "SumOffsetLag", unit: count, dimensions: consumerGroup + ", " + topicName, meaning: "records that a group has not committed, of all partitions"},
	{name: "MaxOffsetLag", unit: count, dimensions: consumerGroup + ", " + topicName, meaning: "of the partition that is worst"},
	{name: "EstimatedMaxTimeLag", unit: seconds, dimensions: consumerGroup + ", " + topicName, meaning: "time to read that, as fast as the group lately was; absent while it was not seen to commit"},

	{name: "ConnectionCloseRate", unit: countPerSecond, level: perBroker, dimensions: brokerID, meaning: "connections that ended", rate: func(b *measure.Broker) int64 {
		return connections(b, func(c *measure.Connections) int64 { return c.Closed.Count() })
	}},
	{name: "ConnectionCreationRate", unit: countPerSecond, level: perBroker, dimensions: brokerID, meaning: "connections that were accepted", rate: func(b *measure.Broker) int64 {
		return connections(b, func(c *measure.Connections) int64 { return c.Opened.Count() })
	}},
	{name: "TcpConnections", unit: count, level: perBroker, dimensions: brokerID, meaning: "segments with the SYN flag in a minute: two of each connection that came", broker: (*look).syns},
	{name: "TrafficBytes", unit: bytesUnit, level: perBroker, dimensions: brokerID, meaning: "records in and out in a minute", broker: (*look).traffic},
	{name: "FetchConsumerLocalTimeMsMean", unit: milliseconds, level: perBroker, late: true, dimensions: brokerID, meaning: "Fetch: until its connection's next request is read", mean: api(1, localTime)},
	{name: "FetchConsumerRequestQueueTimeMsMean", unit: milliseconds, level: perBroker, late: true, dimensions: brokerID, meaning: "Fetch: decoding; there is no queue", mean: api(1, queueTime)},
	{name: "FetchConsumerResponseQueueTimeMsMean", unit: milliseconds, level: perBroker, late: true, dimensions: brokerID, meaning: "Fetch: waiting for the connection's earlier answers", mean: api(1, responseTime)},
	{name: "FetchConsumerResponseSendTimeMsMean", unit: milliseconds, level: perBroker, late: true, dimensions: brokerID, meaning: "Fetch: encoding and sending", mean: api(1, sendTime)},
	{name: "FetchConsumerTotalTimeMsMean", unit: milliseconds, level: perBroker, late: true, dimensions: brokerID, meaning: "Fetch: all, the wait for records included", mean: api(1, totalTime)},
	{name: "ProduceLocalTimeMsMean", unit: milliseconds, level: perBroker, dimensions: brokerID, meaning: "Produce: until its connection's next request is read", mean: api(0, localTime)},
	{name: "ProduceRequestQueueTimeMsMean", unit: milliseconds, level: perBroker, dimensions: brokerID, meaning: "Produce: decoding; there is no queue", mean: api(0, queueTime)},
	{name: "ProduceResponseQueueTimeMsMean", unit: milliseconds, level: perBroker, dimensions: brokerID, meaning: "Produce: waiting for the connection's earlier answers", mean: api(0, responseTime)},
	{name: "ProduceResponseSendTimeMsMean", unit: milliseconds, level: perBroker, dimensions: brokerID, meaning: "Produce: encoding and sending", mean: api(0, sendTime)},
	{name: "ProduceThrottleByteRate", unit: bytesPerSecond, level: perBroker, late: true, dimensions: brokerID, meaning: "bytes of Produce requests whose clients were silenced", rate: func(b *measure.Broker) int64 { return b.Produce.Bytes.Count() }},
	{name: "ProduceThrottleTime", unit: milliseconds, level: perBroker, late: true, dimensions: brokerID, meaning: "how long they were silenced, on average", mean: throttleTime(func(b *measure.Broker) *measure.Throttled { return &b.Produce })},
	{name: "FetchThrottleByteRate", unit: bytesPerSecond, level: perBroker, late: true, dimensions: brokerID, meaning: "bytes of Fetch answers that were held back", rate: func(b *measure.Broker) int64 { return b.Fetch.Bytes.Count() }},
	{name: "FetchThrottleTime", unit: milliseconds, level: perBroker, late: true, dimensions: brokerID, meaning: "how long their clients were silenced, on average", mean: throttleTime(func(b *measure.Broker) *measure.Throttled { return &b.Fetch })},
	{name: "RequestThrottleTime", unit: milliseconds, level: perBroker, late: true, dimensions: brokerID, meaning: "how long clients over their quota of time were silenced, on average", mean: throttleTime(func(b *measure.Broker) *measure.Throttled { return &b.Other })},
	{name: "IAMNumberOfConnectionRequests", unit: countPerSecond, level: perBroker, dimensions: brokerID, meaning: "logins with IAM", rate: func(b *measure.Broker) int64 { return b.IAMRequests.Count() }},
	{name: "IAMTooManyConnections", unit: count, level: perBroker, dimensions: brokerID, meaning: "logins with IAM in a minute that came too soon", broker: (*look).tooMany},

	{name: "MessagesInPerSec", unit: countPerSecond, level: perTopic, dimensions: brokerID + ", " + topicName, meaning: "records that clients produced to a topic", topic: func(t *measure.Topic) int64 { return t.MessagesIn.Count() }},
	{name: "EstimatedTimeLag", unit: seconds, level: perPartition, dimensions: consumerGroup + ", " + topicName + ", " + partitionIndex, meaning: "of one partition"},
	{name: "OffsetLag", unit: count, level: perPartition, dimensions: consumerGroup + ", " + topicName + ", " + partitionIndex, meaning: "of one partition"},
}

// serverlessRows is what serverless clusters have besides; one datum of each
// broker, so that their sum is the topic's.
var serverlessRows = []row{
	{name: "BytesInPerSec", unit: bytesPerSecond, dimensions: topicName, meaning: "bytes of the batches that clients produced", topic: func(t *measure.Topic) int64 { return t.BytesIn.Count() }},
	{name: "BytesOutPerSec", unit: bytesPerSecond, dimensions: topicName, meaning: "bytes of the batches that clients fetched", topic: func(t *measure.Topic) int64 { return t.BytesOut.Count() }},
	{name: "MessagesInPerSec", unit: countPerSecond, dimensions: topicName, meaning: "records that clients produced", topic: func(t *measure.Topic) int64 { return t.MessagesIn.Count() }},
	{name: "SumOffsetLag", unit: count, dimensions: consumerGroup + ", " + topicName, meaning: "records that a group has not committed"},
	{name: "MaxOffsetLag", unit: count, dimensions: consumerGroup + ", " + topicName, meaning: "of the partition that is worst"},
	{name: "MaxEstimatedTimeLag", unit: seconds, dimensions: consumerGroup + ", " + topicName, meaning: "time to read that"},
}

// absent is what MSK has and Millrace does not: docs/differences.md says why.
var absent = []string{
	"BurstBalance", "BwInAllowanceExceeded", "BwOutAllowanceExceeded", "ConntrackAllowanceExceeded", "CPUCreditBalance", "CpuCreditUsage",
	"FetchFollower*", "FetchMessageConversionsPerSec", "FetchThrottleQueueSize", "KafkaAppLogsDiskUsed", "LinklocalAllowanceExceeded",
	"NetworkProcessorAvgIdlePercent", "PpsAllowanceExceeded", "ProduceMessageConversions*", "ProduceThrottleQueueSize", "Remote*",
	"ReplicationBytes*", "RequestExemptFromThrottleTime", "RequestHandlerAvgIdlePercent", "RequestThrottleQueueSize",
	"RollingEstimatedTimeLag*", "TrafficShaping", "Volume*", "ZooKeeper*",
}

// Document is the tables of docs/metrics.md.
func Document() string {
	var b strings.Builder
	table := func(title string, list []row) {
		fmt.Fprintf(&b, "## %s\n\n| metric | level | brokers | dimensions besides the cluster's | unit | meaning |\n|---|---|---|---|---|---|\n", title)
		for _, r := range list {
			if r.late {
				r.meaning += "; once there was any"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.name, levelNames[r.level], r.brokers, r.dimensions, r.unit, r.meaning)
		}
		b.WriteByte('\n')
	}
	table("Provisioned clusters", rows)
	table("Serverless clusters", serverlessRows)
	fmt.Fprintf(&b, "## Not there\n\nThese of MSK's metrics are absent, never a made-up number: %s.\n", strings.Join(absent, ", "))
	return b.String()
}
