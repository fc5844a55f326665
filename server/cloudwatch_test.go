package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/cloudwatch"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/cloudwatch"
	"github.com/millrace/millrace/aws/model/kafka"
)

// metric is a statistic of a metric of the cluster c over what was recorded;
// "none" without data. Dimensions are names and values.
func (h *host) metric(name, stat string, until time.Time, dimensions ...string) string {
	h.t.Helper()
	in := &shape.GetMetricStatisticsInput{
		Namespace: new("AWS/Kafka"), MetricName: &name, StartTime: model.NewEpoch(until.Add(-time.Hour)), EndTime: model.NewEpoch(until.Add(time.Minute)),
		Period: new(int32(7200)), Statistics: []string{stat}, Dimensions: []shape.Dimension{{Name: new("Cluster Name"), Value: new("c")}},
	}
	for i := 0; i < len(dimensions); i += 2 {
		in.Dimensions = append(in.Dimensions, shape.Dimension{Name: &dimensions[i], Value: &dimensions[i+1]})
	}
	out, err := h.s.cloudwatch.GetMetricStatistics(h.t.Context(), h.caller, in)
	if err != nil {
		h.t.Fatal(err)
	}
	if len(out.Datapoints) == 0 {
		return "none"
	}
	d := out.Datapoints[0]
	for _, v := range []*float64{d.Average, d.Sum, d.Maximum, d.Minimum, d.SampleCount} {
		if v != nil {
			return fmt.Sprint(*v)
		}
	}
	return "none"
}

// names is the names of the metrics that are listed.
func (h *host) metricNames() (out []string) {
	h.t.Helper()
	in := &shape.ListMetricsInput{Namespace: new("AWS/Kafka")}
	for {
		list, err := h.s.cloudwatch.ListMetrics(h.t.Context(), h.caller, in)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, m := range list.Metrics {
			out = append(out, *m.MetricName)
		}
		if in.NextToken = list.NextToken; in.NextToken == nil {
			return slices.Compact(out)
		}
	}
}

// level changes enhancedMonitoring.
func (h *host) level(name string) {
	h.t.Helper()
	out, err := h.s.msk.UpdateMonitoring(h.t.Context(), h.caller, &kafka.UpdateMonitoringRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, EnhancedMonitoring: &name,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if o := h.settled(out.ClusterOperationArn); *o.OperationState != "UPDATE_COMPLETE" {
		h.t.Fatal(*o.OperationState)
	}
}

func TestClusterMetrics(t *testing.T) {
	h := newHost(t)
	now := time.Now().Truncate(time.Minute).Add(time.Minute)
	h.await(func() bool { return h.metric("ActiveControllerCount", "Maximum", now) == "1" })

	cl := h.client(kgo.DefaultProduceTopic("t"))
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 2, nil, "t"); err != nil {
		t.Fatal(err)
	}
	h.s.CollectMetrics(t.Context(), now)
	for range 30 {
		if err := cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 10, -1)
	if err := kadm.NewClient(cl).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	h.s.CollectMetrics(t.Context(), now)
	offsets.AddOffset("t", 0, 16, -1) // six records in a minute
	if err := kadm.NewClient(cl).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	h.s.CollectMetrics(t.Context(), now)

	sum := func(name string, topic ...string) (total float64) {
		for _, broker := range []string{"1", "2"} {
			var v float64
			_, _ = fmt.Sscan(h.metric(name, "Maximum", now, append([]string{"Broker ID", broker}, topic...)...), &v) // "none" is 0
			total += v
		}
		return total
	}
	if v := sum("MessagesInPerSec"); v != 0.5 {
		t.Errorf("%v messages a second, 30 came in a minute", v)
	}
	if v := sum("BytesInPerSec", "Topic", "t"); v < 30 {
		t.Errorf("%v bytes a second", v)
	}
	if v := sum("ConnectionCount"); v < 1 {
		t.Errorf("%v connections", v)
	}
	if v := sum("PartitionCount"); v < 2 {
		t.Errorf("%v replicas", v)
	}
	about := []string{"Consumer Group", "g", "Topic", "t"}
	for name, want := range map[string]string{"SumOffsetLag Maximum": "20", "MaxOffsetLag Minimum": "14", "EstimatedMaxTimeLag Maximum": "140"} {
		name, stat, _ := strings.Cut(name, " ")
		if got := h.metric(name, stat, now, about...); got != want {
			t.Errorf("%s of %s is %s, want %s", stat, name, got, want)
		}
	}
	for name, want := range map[string]string{"ActiveControllerCount Maximum": "1", "ActiveControllerCount Minimum": "0", "GlobalTopicCount Maximum": "2", "OfflinePartitionsCount Maximum": "0"} {
		name, stat, _ := strings.Cut(name, " ")
		if got := h.metric(name, stat, now); got != want {
			t.Errorf("%s of %s is %s, want %s", stat, name, got, want)
		}
	}
	if got := h.metric("KafkaDataLogsDiskUsed", "Maximum", now, "Broker ID", "1"); got == "none" || strings.HasPrefix(got, "0 ") {
		t.Errorf("the disk is used by %s %%", got)
	}
	if names := h.metricNames(); slices.Contains(names, "ProduceLocalTimeMsMean") || slices.Contains(names, "OffsetLag") || slices.Contains(names, "StorageUsed") {
		t.Errorf("metrics of other levels, or of Express brokers: %v", names)
	}
	for level, name := range map[string]string{"PER_BROKER": "ProduceLocalTimeMsMean", "PER_TOPIC_PER_PARTITION": "OffsetLag"} {
		h.level(level)
		if err := h.client().Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
		h.s.CollectMetrics(t.Context(), now)
		names := h.metricNames()
		if !slices.Contains(names, name) {
			t.Errorf("%s has no %s", level, name)
		}
		if slices.Contains(names, "FetchThrottleTime") || slices.Contains(names, "FetchConsumerTotalTimeMsMean") {
			t.Errorf("metrics of what has not been: %v", names)
		}
		if v := sum("TcpConnections"); v < 2 {
			t.Errorf("%v segments with the SYN flag", v)
		}
	}
}

// TestMetricsOfABrokerThatIsFenced: it tells nothing until it is back.
func TestMetricsOfABrokerThatIsFenced(t *testing.T) {
	h := newHost(t)
	now := time.Now().Truncate(time.Minute).Add(time.Minute)
	h.s.CollectMetrics(t.Context(), now)
	if err := h.s.ChangeBroker(t.Context(), h.arn, FenceBroker, 2); err != nil {
		t.Fatal(err)
	}
	count := func(broker string) string { return h.metric("LeaderCount", "SampleCount", now, "Broker ID", broker) }
	before := count("2")
	now = now.Add(time.Minute)
	h.s.CollectMetrics(t.Context(), now)
	if got := count("2"); got != before {
		t.Errorf("%s samples of a fenced broker, before %s", got, before)
	}
	if err := h.s.ChangeBroker(t.Context(), h.arn, UnfenceBroker, 2); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	h.s.CollectMetrics(t.Context(), now)
	if got := count("2"); got == before {
		t.Errorf("%s samples after the broker is back", got)
	}
	if got := h.metric("MessagesInPerSec", "Minimum", now, "Broker ID", "2"); got != "0" {
		t.Errorf("%s messages a second", got)
	}
}

// TestAlarmOnACluster: a broker that leaves its partitions with too few in sync
// raises an alarm, and ends it when it is back.
func TestAlarmOnACluster(t *testing.T) {
	h := newHost(t)
	if _, err := kadm.NewClient(h.client()).CreateTopic(t.Context(), 4, 2, nil, "t"); err != nil {
		t.Fatal(err)
	}
	_, err := h.s.cloudwatch.PutMetricAlarm(t.Context(), h.caller, &shape.PutMetricAlarmInput{
		AlarmName: new("behind"), Namespace: new("AWS/Kafka"), MetricName: new("UnderReplicatedPartitions"), Statistic: new("Maximum"), Period: new(int32(60)),
		Dimensions:        []shape.Dimension{{Name: new("Cluster Name"), Value: new("c")}, {Name: new("Broker ID"), Value: new("1")}},
		EvaluationPeriods: new(int32(1)), Threshold: new(0.0), ComparisonOperator: new("GreaterThanThreshold"), TreatMissingData: new("notBreaching"),
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Minute).Add(time.Minute)
	state := func() string {
		t.Helper()
		now = now.Add(time.Minute)
		h.s.CollectMetrics(t.Context(), now)
		if err := h.s.EvaluateAlarms(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		out, err := h.s.cloudwatch.DescribeAlarms(t.Context(), h.caller, &shape.DescribeAlarmsInput{})
		if err != nil || len(out.MetricAlarms) != 1 {
			t.Fatal(out, err)
		}
		return *out.MetricAlarms[0].StateValue
	}
	h.expect("at first", state(), "OK")
	if err := h.s.ChangeBroker(t.Context(), h.arn, FenceBroker, 2); err != nil {
		t.Fatal(err)
	}
	h.expect("without broker 2", state(), "ALARM")
	if err := h.s.ChangeBroker(t.Context(), h.arn, UnfenceBroker, 2); err != nil {
		t.Fatal(err)
	}
	h.expect("with it", state(), "OK")
}

// TestExpressMetrics: what Express brokers have of their own, and have not.
func TestExpressMetrics(t *testing.T) {
	h := newHost(t)
	out, err := h.s.msk.CreateClusterV2(t.Context(), h.caller, &kafka.CreateClusterV2Request{ClusterName: new("x"), Provisioned: &kafka.ProvisionedRequest{
		KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(3)),
		BrokerNodeGroupInfo:  &kafka.BrokerNodeGroupInfo{ClientSubnets: h.s.vpc.SubnetIDs[:3], InstanceType: new("express.m7g.large")},
		ClientAuthentication: &kafka.ClientAuthentication{Unauthenticated: &kafka.Unauthenticated{Enabled: new(true)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.arn = *out.ClusterArn
	h.await(func() bool { return *h.described().State == "ACTIVE" })
	h.s.CollectMetrics(t.Context(), time.Now().Truncate(time.Minute).Add(time.Minute))
	list, err := h.s.cloudwatch.ListMetrics(t.Context(), h.caller, &shape.ListMetricsInput{Dimensions: []shape.DimensionFilter{{Name: new("Cluster Name"), Value: new("x")}}})
	if err != nil {
		t.Fatal(err)
	}
	dimensions := map[string]int{}
	for _, m := range list.Metrics {
		dimensions[*m.MetricName] = len(m.Dimensions)
	}
	for name, want := range map[string]int{
		"StorageUsed": 1, "CpuUser": 2, "GlobalTopicCount": 1,
		"KafkaDataLogsDiskUsed": 0, "OfflinePartitionsCount": 0, "UnderReplicatedPartitions": 0, "HeapMemoryAfterGC": 0,
	} {
		if got := dimensions[name]; got != want {
			t.Errorf("%s has %d dimensions, want %d", name, got, want)
		}
	}
}

// TestServerlessMetrics: of topics and groups, and of no broker.
func TestServerlessMetrics(t *testing.T) {
	h := newHostOf(t, func(c *Config) { c.BrokerDomain = "amazonaws.com" })
	cl := h.serverless("s")(kgo.DefaultProduceTopic("t"))
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, -1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if err := cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 2, -1)
	if err := kadm.NewClient(cl).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Minute).Add(time.Minute)
	h.s.CollectMetrics(t.Context(), now)
	value := func(name string, dimensions ...cloudwatch.Dimension) float64 {
		v, ok, err := h.s.cloudwatch.Statistic(t.Context(), h.caller.Account, h.caller.Region, "AWS/Kafka", name, append(dimensions, cloudwatch.Dimension{Name: "Cluster Name", Value: "s"}), "Maximum", now.Add(-time.Hour), now.Add(time.Minute))
		if err != nil || !ok {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
		return v
	}
	topic, group := cloudwatch.Dimension{Name: "Topic", Value: "t"}, cloudwatch.Dimension{Name: "Consumer Group", Value: "g"}
	if v := value("MessagesInPerSec", topic); v <= 0 {
		t.Errorf("%v messages a second", v)
	}
	if v := value("SumOffsetLag", topic, group); v != 4 {
		t.Errorf("lag %v", v)
	}
	list, err := h.s.cloudwatch.ListMetrics(t.Context(), h.caller, &shape.ListMetricsInput{
		Dimensions: []shape.DimensionFilter{{Name: new("Cluster Name"), Value: new("s")}, {Name: new("Broker ID")}},
	})
	if err != nil || len(list.Metrics) != 0 {
		t.Errorf("metrics of brokers: %v, %v", list, err)
	}
}
