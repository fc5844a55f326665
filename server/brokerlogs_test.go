package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	awslogs "github.com/millrace/millrace/aws/logs"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/model/logs"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/s3"
)

const group = "/msk/brokers"

// logTo has the cluster's brokers log there.
func (h *host) logTo(to kafka.BrokerLogs) {
	h.t.Helper()
	out, err := h.s.msk.UpdateMonitoring(h.t.Context(), h.caller, &kafka.UpdateMonitoringRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion, LoggingInfo: &kafka.LoggingInfo{BrokerLogs: &to},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.settled(out.ClusterOperationArn)
}

// logged waits until every pattern is in the log of the group, and answers its
// lines with their streams before them.
func (h *host) logged(patterns ...string) string {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	for {
		out, err := h.s.logs.FilterLogEvents(ctx, h.caller, &logs.FilterLogEventsRequest{LogGroupName: new(group)})
		if err != nil {
			h.t.Fatalf("%v: waiting for %q", err, patterns)
		}
		text := ""
		for _, e := range out.Events {
			text += *e.LogStreamName + " " + *e.Message + "\n"
		}
		missing := ""
		for _, p := range patterns {
			if !regexp.MustCompile("(?m)" + p).MatchString(text) {
				missing = p
			}
		}
		if missing == "" {
			return text
		}
		select {
		case <-ctx.Done():
			h.t.Fatalf("%q is not in\n%s", missing, text)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestBrokerLogs: what Kafka's users look for in brokers' logs arrives in the
// log group that the cluster names, at once after it names one, each line in its
// broker's stream.
func TestBrokerLogs(t *testing.T) {
	h := newHost(t)
	_, err := h.s.msk.UpdateMonitoring(t.Context(), h.caller, &kafka.UpdateMonitoringRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion,
		LoggingInfo: &kafka.LoggingInfo{BrokerLogs: &kafka.BrokerLogs{CloudWatchLogs: &kafka.CloudWatchLogs{Enabled: new(true), LogGroup: new(group)}}},
	})
	if e := (*model.Error)(nil); !errors.As(err, &e) || e.Code != "BadRequestException" || e.InvalidParameter != "logGroup" {
		t.Errorf("a log group that does not exist: %v", err)
	}
	if _, err := h.s.logs.CreateLogGroup(t.Context(), h.caller, &logs.CreateLogGroupRequest{LogGroupName: new(group)}); err != nil {
		t.Fatal(err)
	}
	h.logTo(kafka.BrokerLogs{CloudWatchLogs: &kafka.CloudWatchLogs{Enabled: new(true), LogGroup: new(group)}})
	adm := kadm.NewClient(h.client())
	if _, err := adm.CreateTopic(t.Context(), 4, 2, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	reader := h.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"))
	go reader.PollFetches(t.Context()) // joins the group
	at := `^\S+-Broker-\d \[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] INFO `
	h.logged(at+`Created topic orders with topic ID \S+ and 4 partitions \(org\.apache\.kafka\.controller\.ReplicationControlManager\)$`,
		at+`\[Broker id=2\] Leader orders-\d with topic id .* \(state\.change\.logger\)$`,
		at+`\[GroupCoordinator \d\]: .*group g .*\(org\.apache\.kafka\.coordinator\.group\.GroupMetadataManager\)$`)
	reader.Close()
	out, err := h.s.msk.RebootBroker(t.Context(), h.caller, &kafka.RebootBrokerRequest{ClusterArn: &h.arn, BrokerIds: []string{"2"}})
	if err != nil {
		t.Fatal(err)
	}
	h.settled(out.ClusterOperationArn)
	if _, err := adm.DeleteTopic(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	text := h.logged(`-Broker-2 .*Transition from STARTED to SHUTTING_DOWN`, `-Broker-2 .*Transition from STARTING to STARTED \(kafka\.server\.BrokerServer\)$`,
		`-Broker-2 .*Awaiting socket connections`, `-Broker-1 .*ISR updated from \[.*\] to \[1\]`, `-Broker-1 .*Broker 2 is now fenced`, `Deleted topic orders`)
	if strings.Contains(text, "127.0.0.1") {
		t.Errorf("an address is told:\n%s", text)
	}
	name := strings.ReplaceAll(h.arn[strings.Index(h.arn, ":cluster/")+len(":cluster/"):], "/", "-")
	if !strings.HasPrefix(text, name+"-Broker-") {
		t.Errorf("the stream of %s is named otherwise: %.100s", name, text)
	}
	h.logTo(kafka.BrokerLogs{CloudWatchLogs: &kafka.CloudWatchLogs{Enabled: new(false)}})
	if r := h.s.driver.find(h.arn); r.logs.on() {
		t.Error("logs are still delivered")
	}
}

// TestBrokerLogLevels: administrators see and set the levels of Kafka's loggers
// (KIP-412), a broker's logs obey them at once, and a broker that starts again has
// the levels of its configuration.
func TestBrokerLogLevels(t *testing.T) {
	h := newHost(t)
	if _, err := h.s.logs.CreateLogGroup(t.Context(), h.caller, &logs.CreateLogGroupRequest{LogGroupName: new(group)}); err != nil {
		t.Fatal(err)
	}
	h.logTo(kafka.BrokerLogs{CloudWatchLogs: &kafka.CloudWatchLogs{Enabled: new(true), LogGroup: new(group)}})
	l := levels{t, h.client(kgo.ClientID("levels"))}
	l.want("root", "INFO", "kafka.request.logger", "WARN", "kafka.server.KafkaApis", "INFO", "org.apache.kafka.controller.QuorumController", "INFO")
	for change, want := range map[[2]string]string{
		{"kafka.request.logger", "OFF"}: "Cannot set the log level of kafka.request.logger to OFF as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN",
		{"no.such.logger", "INFO"}:      "Logger no.such.logger does not exist!",
		{"root", ""}:                    "Removing the log level of the root logger is not allowed",
	} {
		if got := l.alter(change[0], change[1]); got != want {
			t.Errorf("%v: %q, want %q", change, got, want)
		}
	}
	l.set("kafka.request.logger", "DEBUG", "kafka.authorizer.logger", "TRACE", "org.apache.kafka.controller", "ERROR", "kafka", "FATAL")
	l.want("kafka.request.logger", "DEBUG", "kafka.server.KafkaApis", "FATAL", "org.apache.kafka.controller.QuorumController", "ERROR", "org.apache.kafka", "INFO")
	adm := kadm.NewClient(h.client(kgo.ClientID("orderly")))
	if _, err := adm.CreateTopic(t.Context(), 1, 2, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	text := h.logged(`-Broker-1 .* DEBUG Completed request:\{.*"requestApiKey":19,.*"clientId":"orderly".*\} \(kafka\.request\.logger\)$`,
		`-Broker-1 .* DEBUG Principal = .* is Allowed operation = .* for request = CreateTopics \(kafka\.authorizer\.logger\)$`,
		`Leader orders-0 with topic id`)
	if strings.Contains(text, "Created topic orders") {
		t.Errorf("a line that its logger does not write:\n%s", text)
	}
	l.set("org.apache.kafka.controller", "", "kafka", "")
	l.want("org.apache.kafka.controller.QuorumController", "INFO", "kafka.server.KafkaApis", "INFO", "kafka.request.logger", "DEBUG")
	if _, err := adm.DeleteTopic(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	h.logged(`-Broker-1 .* INFO Deleted topic orders`)
	out, err := h.s.msk.RebootBroker(t.Context(), h.caller, &kafka.RebootBrokerRequest{ClusterArn: &h.arn, BrokerIds: []string{"1"}})
	if err != nil {
		t.Fatal(err)
	}
	h.settled(out.ClusterOperationArn)
	l.want("kafka.request.logger", "WARN", "kafka.authorizer.logger", "INFO")
}

// levels is broker 1's loggers to an administrator.
type levels struct {
	t  *testing.T
	cl *kgo.Client
}

// set gives loggers levels, and none of their own for "".
func (l levels) set(pairs ...string) {
	l.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if refused := l.alter(pairs[i], pairs[i+1]); refused != "" {
			l.t.Fatal(refused)
		}
	}
}

func (l levels) alter(name, level string) (refused string) {
	l.t.Helper()
	c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	c.Name, c.Value = name, &level
	if level == "" {
		c.Op, c.Value = kmsg.IncrementalAlterConfigOpDelete, nil
	}
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName, r.Configs = kmsg.ConfigResourceTypeBrokerLogger, "1", append(r.Configs, c)
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(l.t.Context(), l.cl)
	if err != nil {
		l.t.Fatal(err)
	}
	if resp.Resources[0].ErrorCode == 0 {
		return ""
	}
	return *resp.Resources[0].ErrorMessage
}

func (l levels) want(pairs ...string) {
	l.t.Helper()
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeBrokerLogger, "1"
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(l.t.Context(), l.cl)
	if err != nil {
		l.t.Fatal(err)
	}
	have := map[string]string{}
	for _, c := range resp.Resources[0].Configs {
		have[c.Name] = *c.Value
	}
	for i := 0; i < len(pairs); i += 2 {
		if got := have[pairs[i]]; got != pairs[i+1] {
			l.t.Errorf("%s has level %s, want %s", pairs[i], got, pairs[i+1])
		}
	}
}

// TestBrokerLogsInS3: a cluster that is closed has put its last lines into the
// bucket, under MSK's names.
func TestBrokerLogsInS3(t *testing.T) {
	h := newHost(t)
	if err := h.s.s3.CreateBucket(t.Context(), h.caller, s3.NewBucket{Name: "broker-logs"}); err != nil {
		t.Fatal(err)
	}
	h.logTo(kafka.BrokerLogs{S3: &kafka.S3{Enabled: new(true), Bucket: new("broker-logs"), Prefix: new("msk/")}})
	if _, err := kadm.NewClient(h.client()).CreateTopic(t.Context(), 1, 2, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	h.s.driver.close(h.arn)
	text := ""
	list, err := h.s.s3.List(t.Context(), "broker-logs", s3.ListQuery{Max: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Objects {
		shape := `^msk/AWSLogs/000000000000/KafkaBrokerLogs/us-east-1/\S+-[0-9a-f-]{36}-\d+/\d{4}-\d\d-\d\d-\d\d/Broker-\d_\d\d-\d\d_[0-9a-f]{8}\.log\.gz$`
		if !regexp.MustCompile(shape).MatchString(o.Key) {
			t.Errorf("an object is named %s", o.Key)
		}
		text += h.unzipped(o)
	}
	if !strings.Contains(text, "Created topic orders") || !strings.Contains(text, "SHUTTING_DOWN") {
		t.Errorf("the objects have\n%s", text)
	}
}

func (h *host) unzipped(o s3.Object) string {
	h.t.Helper()
	body, err := h.s.s3.Open(h.t.Context(), o, 0, o.Size)
	if err != nil {
		h.t.Fatal(err)
	}
	defer body.Close()
	r, err := gzip.NewReader(body)
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// TestBrokerHandler: a record becomes a line of Kafka's, and what is too much is
// counted and said, never waited for.
func TestBrokerHandler(t *testing.T) {
	b := &brokerLogs{queue: make(chan logLine, 2)}
	b.targets.Store(&msk.Logging{LogGroup: "g"})
	var also bytes.Buffer
	log := slog.New(b.handler(slog.NewTextHandler(&also, nil))).With("listener", "CLIENT", "broker", int32(3))
	log.Debug("nobody reads this")
	log.Warn("request denied", "remote", netip.MustParseAddrPort("10.0.0.1:5000"), "why", "the policy p")
	l := <-b.queue
	want := regexp.MustCompile(`^\[[^]]+,\d{3}\] INFO request denied listener=CLIENT remote=10\.0\.0\.1:5000 \(kafka\.authorizer\.logger\)$`)
	if l.broker != 3 || !want.MatchString(l.text) || !strings.Contains(also.String(), "the policy p") {
		t.Errorf("%+v, beside %s", l, also.String())
	}
	for range 5 {
		log.Info("more")
	}
	if b.dropped.Load() != 3 {
		t.Errorf("%d lines were left out", b.dropped.Load())
	}
	b.waiting, b.objects = map[int32][]awslogs.Event{}, map[int32]*logObject{}
	b.take(<-b.queue)
	if got := b.waiting[3]; len(got) != 2 || !strings.Contains(got[0].Message, "3 lines were left out") {
		t.Errorf("%+v", got)
	}
}

func TestRedactAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"from 10.1.2.3:5000":               "from INTERNAL_IP:5000",
		"host:10.1.2.3:5000":               "host:INTERNAL_IP:5000",
		"[::1]:9092 and [fe80::1:2]:9":     "[INTERNAL_IP]:9092 and [INTERNAL_IP]:9",
		"[2026-01-01 10:20:30,000] 3.9.0":  "[2026-01-01 10:20:30,000] 3.9.0",
		"remote=192.168.0.1 a::b":          "remote=INTERNAL_IP INTERNAL_IP",
		"User:CN=a on localhost:9092 3:4:": "User:CN=a on localhost:9092 3:4:",
	} {
		if got := redactAddresses(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
