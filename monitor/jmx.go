package monitor

import (
	"slices"
	"strconv"
	"time"

	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/metrics"
)

// JMX writes what one broker's MBeans would tell, in the names that Prometheus's
// JMX exporter gives them without rules, as on MSK's port 11001
// (aws:kafka developer guide, open monitoring; KIP-188 and Kafka's documentation
// of its MBeans). What a broker of Millrace does not have is left out.
func JMX(text *metrics.Text, r measure.Reading, broker int32, lags []GroupLag, p Process) {
	at := slices.IndexFunc(r.Brokers, func(b measure.BrokerReading) bool { return b.ID == broker })
	if at < 0 {
		return
	}
	j := jmx{text, r, &r.Brokers[at]}
	j.topics()
	j.requests()
	j.connections()
	j.gauges()
	j.partitions()
	j.lags(lags)
	j.process(p)
}

type jmx struct {
	text *metrics.Text
	r    measure.Reading
	b    *measure.BrokerReading
}

// bean is an MBean as the exporter names it: domain, type, and other keys.
type bean struct {
	name   string // kafka_server_BrokerTopicMetrics
	labels []metrics.Label
}

func beanOf(name string, keys ...string) bean {
	b := bean{name: name}
	for i := 0; i < len(keys); i += 2 {
		b.labels = append(b.labels, metrics.Label{Name: keys[i], Value: keys[i+1]})
	}
	return b
}

func (j jmx) add(b bean, attribute string, value float64) {
	j.text.Add(b.name+"_"+attribute, metrics.Untyped, "Attribute "+attribute+" of Kafka's MBeans "+b.name, value, b.labels...)
}

func (j jmx) meter(b bean, m *metrics.Meter) {
	r := m.Rates(j.r.At)
	j.add(b, "Count", float64(m.Count()))
	j.add(b, "MeanRate", r.Mean)
	j.add(b, "OneMinuteRate", r.One)
	j.add(b, "FiveMinuteRate", r.Five)
	j.add(b, "FifteenMinuteRate", r.Fifteen)
}

// percentiles are those of Kafka's histograms, by attribute.
var percentiles = []struct {
	attribute string
	q         float64
}{{"50thPercentile", .5}, {"75thPercentile", .75}, {"95thPercentile", .95}, {"98thPercentile", .98}, {"99thPercentile", .99}, {"999thPercentile", .999}}

func (j jmx) histogram(b bean, h *metrics.Histogram, unit float64) {
	asked := make([]float64, len(percentiles))
	for i, p := range percentiles {
		asked[i] = p.q
	}
	s := h.Summary(j.r.At, asked...)
	j.add(b, "Count", float64(s.Count))
	j.add(b, "Max", float64(s.Max)/unit)
	mean := 0.0
	if s.Count > 0 {
		mean = float64(s.Sum) / float64(s.Count) / unit
	}
	j.add(b, "Mean", mean)
	for i, p := range percentiles {
		j.add(b, p.attribute, s.Percentiles[i]/unit)
	}
}

func (j jmx) topics() {
	for _, m := range j.b.Counts.All.Meters() {
		j.meter(beanOf("kafka_server_BrokerTopicMetrics", "name", m.Name), m.Meter)
	}
	exists := map[string]bool{}
	for _, p := range j.r.Partitions {
		exists[p.Topic] = true
	}
	topics := j.b.Counts.Topics(func(name string) bool { return exists[name] })
	for _, name := range sorted(topics) {
		for _, m := range topics[name].Meters() {
			j.meter(beanOf("kafka_server_BrokerTopicMetrics", "name", m.Name, "topic", name), m.Meter)
		}
	}
}

func (j jmx) requests() {
	for _, api := range j.b.Counts.Requests() {
		j.meter(beanOf("kafka_network_RequestMetrics", "name", "RequestsPerSec", "request", api.Name), &api.Requests.Requests)
		for _, h := range api.Requests.Histograms() {
			j.histogram(beanOf("kafka_network_RequestMetrics", "name", h.Name, "request", api.Name), h.Histogram, h.Unit)
		}
	}
}

func (j jmx) connections() {
	listeners := j.b.Counts.Listeners()
	for _, name := range sorted(listeners) {
		c := listeners[name]
		b := beanOf("kafka_server_socket_server_metrics", "listener", name, "networkProcessor", "0")
		opened, closed := c.Opened.Count(), c.Closed.Count()
		j.add(b, "connection_count", float64(opened-closed))
		j.add(b, "connection_creation_total", float64(opened))
		j.add(b, "connection_close_total", float64(closed))
	}
}

func (j jmx) value(domain, name string, value float64) {
	j.add(beanOf(domain, "name", name), "Value", value)
}

// gauges are values of the broker, and of the cluster on its controller.
func (j jmx) gauges() {
	b := j.b
	state := 0.0 // NOT_RUNNING
	if b.Running {
		state = 3
	}
	j.value("kafka_server_KafkaServer", "BrokerState", state)
	for name, v := range map[string]int{
		"LeaderCount": b.Leads, "PartitionCount": b.Holds, "UnderReplicatedPartitions": b.UnderReplicated,
		"UnderMinIsrPartitionCount": b.UnderMinISR, "AtMinIsrPartitionCount": b.AtMinISR, "OfflineReplicaCount": b.Offline,
	} {
		j.value("kafka_server_ReplicaManager", name, float64(v))
	}
	j.meter(beanOf("kafka_server_ReplicaManager", "name", "IsrShrinksPerSec"), &b.Counts.ISRShrinks)
	j.meter(beanOf("kafka_server_ReplicaManager", "name", "IsrExpandsPerSec"), &b.Counts.ISRExpands)
	for name, v := range controllerGauges(j.r, b.ID) {
		j.value("kafka_controller_KafkaController", name, v)
	}
}

// controllerGauges are 0 on all brokers but the controller.
func controllerGauges(r measure.Reading, broker int32) map[string]float64 {
	out := map[string]float64{
		"ActiveControllerCount": 0, "OfflinePartitionsCount": 0, "GlobalPartitionCount": 0, "GlobalTopicCount": 0,
		"PreferredReplicaImbalanceCount": 0, "ActiveBrokerCount": 0, "FencedBrokerCount": 0,
	}
	if r.Controller != broker {
		return out
	}
	out["ActiveControllerCount"] = 1
	out["OfflinePartitionsCount"], out["PreferredReplicaImbalanceCount"] = float64(r.Unled), float64(r.Unbalanced)
	out["GlobalPartitionCount"], out["GlobalTopicCount"] = float64(len(r.Partitions)), float64(r.Topics)
	for _, b := range r.Brokers {
		if b.Running {
			out["ActiveBrokerCount"]++
		} else {
			out["FencedBrokerCount"]++
		}
	}
	return out
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// partitions are those that the broker has a replica of; what only a leader
// knows is 0 on others.
func (j jmx) partitions() {
	for i := range j.r.Partitions {
		p := &j.r.Partitions[i]
		if !slices.Contains(p.Replicas, j.b.ID) {
			continue
		}
		keys := []string{"topic", p.Topic, "partition", strconv.Itoa(int(p.Index))}
		led := flag(p.Leader == j.b.ID)
		for _, g := range []struct {
			name  string
			value float64
		}{
			{"UnderReplicated", led * flag(p.InSync < len(p.Replicas))}, {"InSyncReplicasCount", led * float64(p.InSync)},
			{"ReplicasCount", led * float64(len(p.Replicas))}, {"UnderMinIsr", led * flag(p.InSync < p.MinISR)},
			{"AtMinIsr", led * flag(p.InSync == p.MinISR)},
		} {
			j.add(beanOf("kafka_cluster_Partition", append([]string{"name", g.name}, keys...)...), "Value", g.value)
		}
		for _, g := range []struct {
			name  string
			value float64
		}{
			{"Size", float64(p.Bytes)}, {"LogStartOffset", float64(p.Start)}, {"LogEndOffset", float64(p.End)}, {"NumLogSegments", float64(p.Segments)},
		} {
			j.add(beanOf("kafka_log_Log", append([]string{"name", g.name}, keys...)...), "Value", g.value)
		}
	}
}

// lags are of MSK's own MBean.
func (j jmx) lags(lags []GroupLag) {
	add := func(name string, g *GroupLag, value float64, partition ...string) {
		keys := append([]string{"name", name, "groupId", g.Group, "topic", g.Topic}, partition...)
		j.add(beanOf("kafka_consumer_group_ConsumerLagMetrics", keys...), "Value", value)
	}
	for i := range lags {
		g := &lags[i]
		add("SumOffsetLag", g, float64(g.Sum))
		add("MaxOffsetLag", g, float64(g.Max))
		if g.TimeKnown {
			add("EstimatedMaxTimeLag", g, g.Time)
		}
		for _, p := range g.Partitions {
			index := strconv.Itoa(int(p.Index))
			add("OffsetLag", g, float64(p.Lag), "partition", index)
			if p.TimeKnown {
				add("EstimatedTimeLag", g, p.Time, "partition", index)
			}
		}
	}
}

// process is the process that all brokers share: there is no JVM, but dashboards
// read a broker's memory and processor under the JVM's names.
func (j jmx) process(p Process) {
	j.text.Add("java_lang_Memory_HeapMemoryUsage_used", metrics.Untyped, "Bytes of the Go heap in use, of the whole process", p.Heap)
	j.text.Add("java_lang_Threading_ThreadCount", metrics.Untyped, "Threads of the process", p.Threads)
	j.text.Add("process_cpu_seconds_total", metrics.Counting, "Processor time of the process", p.CPU)
	j.text.Add("process_resident_memory_bytes", metrics.Gauge, "Memory of the process", p.Resident)
	j.text.Add("process_open_fds", metrics.Gauge, "Open files of the process", p.Files)
	j.text.Add("process_start_time_seconds", metrics.Gauge, "When the process began, in seconds since 1970", float64(p.Started.UnixNano())/float64(time.Second))
}
