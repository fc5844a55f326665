//go:build e2e

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestBoto3Metrics is a cluster's metrics in Python, in each protocol that SDKs
// speak with CloudWatch: testdata/boto3_metrics.py.
//
// Works: boto3: metrics of AWS/Kafka and of one's own, and alarms, in CBOR, JSON and query
func TestBoto3Metrics(t *testing.T) {
	c := start(t, "--metrics-interval", "1s").cluster("measured")
	produceUntil(t, c)
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(c.must("", filepath.Join(bin, "python"), "testdata/boto3_metrics.py", "measured"))
}

// produceUntil has a producer at work until the test ends, and a group that is
// behind.
func produceUntil(t *testing.T, c *cluster) {
	cl := c.franz("plain", kgo.DefaultProduceTopic("t"))
	admin := kadm.NewClient(cl)
	if _, err := admin.CreateTopic(t.Context(), 3, 3, nil, "t"); err != nil {
		t.Fatal(err)
	}
	var offsets kadm.Offsets
	for p := range int32(3) {
		offsets.AddOffset("t", p, 0, -1)
	}
	if err := admin.CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for t.Context().Err() == nil {
			if err := cl.ProduceSync(t.Context(), kgo.StringRecord(strings.Repeat("v", 100))).FirstErr(); err != nil {
				return // the test ends
			}
		}
	}()
	t.Cleanup(func() { <-ended })
}

// TestPrometheus finds the endpoints of open monitoring and reads them while a
// producer runs.
//
// Works: Prometheus: open monitoring in MSK's names, found by http_sd
func TestPrometheus(t *testing.T) {
	c := start(t).cluster("scraped")
	produceUntil(t, c)
	on := &types.JmxExporterInfo{EnabledInBroker: aws.Bool(true)}
	described, err := c.msk().DescribeClusterV2(t.Context(), &kafka.DescribeClusterV2Input{ClusterArn: &c.arn})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.msk().UpdateMonitoring(t.Context(), &kafka.UpdateMonitoringInput{
		ClusterArn: &c.arn, CurrentVersion: described.ClusterInfo.CurrentVersion,
		OpenMonitoring: &types.OpenMonitoringInfo{Prometheus: &types.PrometheusInfo{JmxExporter: on}},
	}); err != nil {
		t.Fatal(err)
	}
	var targets []struct {
		Targets []string
		Labels  map[string]string
	}
	poll(t, activeTime, "the endpoints", func() bool {
		targets = nil
		body := get(t, c.env["AWS_ENDPOINT_URL"]+"/_millrace/sd/prometheus")
		return json.Unmarshal([]byte(body), &targets) == nil && len(targets) == 3
	})
	sum := func(family, name string) (total float64) {
		for _, at := range targets {
			parser := expfmt.NewTextParser(model.LegacyValidation)
			families, err := parser.TextToMetricFamilies(strings.NewReader(get(t, "http://"+at.Targets[0]+"/metrics")))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range families[family].GetMetric() {
				if len(m.Label) == 1 && m.Label[0].GetValue() == name {
					total += m.GetUntyped().GetValue()
				}
			}
		}
		return total
	}
	before := sum("kafka_server_BrokerTopicMetrics_Count", "MessagesInPerSec")
	poll(t, activeTime, "more messages", func() bool {
		return sum("kafka_server_BrokerTopicMetrics_Count", "MessagesInPerSec") > before
	})
	if n := sum("kafka_controller_KafkaController_Value", "ActiveControllerCount"); n != 1 {
		t.Errorf("%v controllers", n)
	}
	if out := c.cli("", "status"); !strings.Contains(out, targets[0].Targets[0]) {
		t.Errorf("status does not name %s:\n%s", targets[0].Targets[0], out)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", url, resp.Status, err, body)
	}
	return string(body)
}
