package server

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	promodel "github.com/prometheus/common/model"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/model/kafka"
)

// monitored turns the exporters of open monitoring on or off.
func (h *host) monitored(jmx, node bool) {
	h.t.Helper()
	out, err := h.s.msk.UpdateMonitoring(h.t.Context(), h.caller, &kafka.UpdateMonitoringRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion,
		OpenMonitoring: &kafka.OpenMonitoringInfo{Prometheus: &kafka.PrometheusInfo{
			JmxExporter: &kafka.JmxExporterInfo{EnabledInBroker: &jmx}, NodeExporter: &kafka.NodeExporterInfo{EnabledInBroker: &node},
		}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if o := h.settled(out.ClusterOperationArn); *o.OperationState != "UPDATE_COMPLETE" {
		h.t.Fatal(*o.OperationState)
	}
}

// closed is how many connections of the brokers have ended.
func (h *host) closed() (n int64) {
	for _, b := range h.s.driver.find(h.arn).c.Measure(time.Now()).Brokers {
		for _, l := range b.Counts.Listeners() {
			n += l.Closed.Count()
		}
	}
	return n
}

// scrape reads an endpoint as Prometheus does.
func scrape(t *testing.T, address string) map[string]*dto.MetricFamily {
	t.Helper()
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %s", address, resp.Status)
	}
	parser := expfmt.NewTextParser(promodel.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range families {
		seen := map[string]bool{}
		for _, m := range f.Metric {
			key := labelsOf(m)
			if seen[key] {
				t.Errorf("%s{%s} is there twice", name, key)
			}
			seen[key] = true
		}
	}
	return families
}

func labelsOf(m *dto.Metric) string {
	var all []string
	for _, l := range m.Label {
		all = append(all, l.GetName()+"="+l.GetValue())
	}
	return strings.Join(all, ",")
}

// sample is the value of a sample with the labels, as the parser orders them; it
// fails the test when there is none.
func sample(t *testing.T, families map[string]*dto.MetricFamily, name, labels string) float64 {
	t.Helper()
	var have []string
	for _, m := range families[name].GetMetric() {
		if labelsOf(m) == labels {
			return m.GetUntyped().GetValue() + m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
		have = append(have, labelsOf(m))
	}
	t.Errorf("no %s{%s}, but %d others: %.400v", name, labels, len(have), have)
	return 0
}

func TestOpenMonitoring(t *testing.T) {
	h := newHost(t)
	if list, err := h.s.Exporters(h.arn); err != nil || len(list) != 0 {
		t.Fatalf("%v, %v", list, err)
	}
	cl := h.client(kgo.DefaultProduceTopic("t"))
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 2, nil, "t"); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 0, -1)
	if err := kadm.NewClient(cl).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	h.s.CollectMetrics(t.Context(), time.Now()) // endpoints tell lags that are a few seconds old
	h.monitored(true, true)
	list, err := h.s.Exporters(h.arn)
	if err != nil || len(list) != 4 || list[0].Kind != "jmx" || list[0].Port != 11001 || list[3].Kind != "node" || list[3].Port != 11002 {
		t.Fatalf("%+v, %v", list, err)
	}
	var messages, lag, controllers float64
	for _, x := range list {
		families := scrape(t, x.Address)
		if x.Kind == "node" {
			sample(t, families, "node_memory_MemTotal_bytes", "")
			continue
		}
		messages += sample(t, families, "kafka_server_BrokerTopicMetrics_Count", "name=MessagesInPerSec")
		controllers += sample(t, families, "kafka_controller_KafkaController_Value", "name=ActiveControllerCount")
		sample(t, families, "kafka_server_ReplicaManager_Value", "name=UnderReplicatedPartitions")
		sample(t, families, "kafka_log_Log_Value", "name=LogEndOffset,topic=t,partition=0")
		sample(t, families, "kafka_network_RequestMetrics_99thPercentile", "name=TotalTimeMs,request=ApiVersions")
		sample(t, families, "kafka_server_socket_server_metrics_connection_count", "listener=CLIENT,networkProcessor=0")
		for _, m := range families["kafka_consumer_group_ConsumerLagMetrics_Value"].GetMetric() {
			if labelsOf(m) == "name=SumOffsetLag,groupId=g,topic=t" {
				lag += m.GetUntyped().GetValue()
			}
		}
	}
	if messages != 1 || lag != 1 || controllers != 1 {
		t.Errorf("%v messages, lag %v, %v controllers", messages, lag, controllers)
	}
	h.kill() // the addresses outlive a restart
	h.start(nil)
	h.await(func() bool {
		again, err := h.s.Exporters(h.arn)
		return err == nil && len(again) == 4 && again[0] == list[0]
	})
	cl = h.client(kgo.DefaultProduceTopic("t"))
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	before := h.closed()
	h.monitored(false, false)
	if _, err := http.Get("http://" + list[0].Address + "/metrics"); err == nil {
		t.Error("the endpoint answers after it was turned off")
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if now := h.closed(); now != before {
		t.Errorf("clients were dropped: %d connections have ended, before %d", now, before)
	}
}

func TestOwnMetricsAreForThisMachine(t *testing.T) {
	h := newHost(t)
	families := scrape(t, h.s.Address())
	if n := sample(t, families, "millrace_clusters_running", ""); n != 1 {
		t.Errorf("%v clusters run", n)
	}
	if n := sample(t, families, "millrace_reconcile_steps_total", "result=ok"); n < 1 {
		t.Errorf("%v steps", n)
	}
	token, err := os.ReadFile(filepath.Join(h.cfg.DataDir, MetricsTokenFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		header, value, host string
		want                int
	}{
		"a proxy":               {"X-Forwarded-For", "192.0.2.1", "", http.StatusUnauthorized},
		"a page":                {"Origin", "http://evil.example", "", http.StatusUnauthorized},
		"a name that moved":     {"", "", "evil.example", http.StatusUnauthorized},
		"a wrong token":         {"Authorization", "Bearer x", "", http.StatusUnauthorized},
		"the token by a proxy":  {"Authorization", "Bearer " + strings.TrimSpace(string(token)), "metrics.example", http.StatusOK},
		"localhost, by whoever": {"", "", "localhost", http.StatusOK},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+h.s.Address()+discoveryPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		if req.Host = c.host; c.header != "" {
			req.Header.Set(c.header, c.value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var list []target
		if resp.StatusCode == http.StatusOK {
			err = json.NewDecoder(resp.Body).Decode(&list)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want || err != nil {
			t.Errorf("%s: %s, %v", name, resp.Status, err)
		}
	}
}
