//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/e2e/clients"
)

const (
	connectSet  = "connect-4.3.1"
	connectTime = 2 * time.Minute // of a worker's start, or of data's way
)

// TestConnect runs a distributed worker: a file's lines go into a topic exactly
// once, while the worker is killed, and from the topic into another file.
//
// Works: a Kafka Connect 4.3.1 distributed worker: a source with exactly-once support, a sink, and a kill -9 between
func TestConnect(t *testing.T) {
	c := start(t).clusterOf("connect", "4.1.x.kraft")
	c.topic("lines", 1)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.txt"), filepath.Join(dir, "out.txt")
	want := numbered("line", 100)
	write(t, in, want[:50])

	url := "http://" + freeAddress(t)
	properties := writeFile(t, "worker.properties", fmt.Sprintf(`bootstrap.servers=%s
group.id=workers
listeners=%s
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
config.storage.topic=connect-configs
offset.storage.topic=connect-offsets
status.storage.topic=connect-status
offset.flush.interval.ms=1000
exactly.once.source.support=enabled
scheduled.rebalance.max.delay.ms=0
session.timeout.ms=6000
heartbeat.interval.ms=2000
consumer.session.timeout.ms=6000
consumer.heartbeat.interval.ms=2000
`, c.plain, url))
	worker := clients.JavaTool{Set: connectSet, Class: "org.apache.kafka.connect.cli.ConnectDistributed", Args: []string{properties}}
	first := startJava(t, worker)
	connector(t, url, map[string]any{"name": "source", "config": map[string]string{
		"connector.class": "FileStreamSource", "tasks.max": "1", "file": in, "topic": "lines", "exactly.once.support": "required",
	}})
	connector(t, url, map[string]any{"name": "sink", "config": map[string]string{
		"connector.class": "FileStreamSink", "tasks.max": "1", "file": out, "topics": "lines",
	}})
	poll(t, connectTime, "the first lines", func() bool { return len(lines(read(t, out))) >= 50 })
	first.kill()
	write(t, in, want[50:])
	startJava(t, worker)
	consumer := c.franz("plain", kgo.ConsumeTopics("lines"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	var got []string
	poll(t, connectTime, "all lines in the topic", func() bool {
		consumer.PollFetches(shortly(t)).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
		return len(got) >= len(want)
	})
	same(t, "lines in the topic", got, want)
	poll(t, connectTime, "all lines in the file", func() bool { return strings.Contains(read(t, out), want[len(want)-1]) })
}

// TestMirrorMaker copies a topic and a group's offsets between two clusters of
// one server.
//
// Works: MirrorMaker 2 of Kafka 4.3.1 copies topics and group offsets between two clusters of one server
func TestMirrorMaker(t *testing.T) {
	i := start(t)
	a, b := i.clusterOf("a", "4.1.x.kraft"), i.clusterOf("b", "3.9.x")
	a.topic("orders", 2)
	producer := a.franz("plain", kgo.DefaultProduceTopic("orders"))
	want := numbered("order", 60)
	for _, v := range want[:40] {
		if err := producer.ProduceSync(t.Context(), kgo.StringRecord(v)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	properties := writeFile(t, "mm2.properties", fmt.Sprintf(`clusters=a,b
a.bootstrap.servers=%s
b.bootstrap.servers=%s
a->b.enabled=true
b->a.enabled=false
a->b.topics=orders
a->b.groups=shop
emit.checkpoints.interval.seconds=1
sync.group.offsets.enabled=true
sync.group.offsets.interval.seconds=1
refresh.groups.interval.seconds=1
refresh.topics.interval.seconds=5
offset-syncs.topic.replication.factor=3
checkpoints.topic.replication.factor=3
heartbeats.topic.replication.factor=3
offset.storage.replication.factor=3
status.storage.replication.factor=3
config.storage.replication.factor=3
offset.lag.max=0
a.consumer.auto.offset.reset=earliest
`, a.plain, b.plain))
	startJava(t, clients.JavaTool{Set: connectSet, Class: "org.apache.kafka.connect.mirror.MirrorMaker", Args: []string{properties}})
	mirror := b.franz("plain", kgo.ConsumeRegex(), kgo.ConsumeTopics(`a\.orders`), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.MetadataMinAge(100*time.Millisecond), kgo.MetadataMaxAge(time.Second))
	var got []string
	mirrored := func(n int) {
		t.Helper()
		poll(t, connectTime, fmt.Sprintf("%d mirrored records", n), func() bool {
			mirror.PollFetches(shortly(t)).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
			return len(got) >= n
		})
	}
	mirrored(40)
	group := a.franz("plain", kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("shop"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	drain(t, group, 40)
	if err := group.CommitUncommittedOffsets(t.Context()); err != nil {
		t.Fatal(err)
	}
	group.Close()
	for _, v := range want[40:] {
		if err := producer.ProduceSync(t.Context(), kgo.StringRecord(v)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	mirrored(len(want))
	same(t, "mirrored records", got, want)
	admin := kadm.NewClient(b.franz("plain"))
	poll(t, connectTime, "the group's offsets", func() bool {
		offsets, err := admin.FetchOffsets(t.Context(), "shop")
		if err != nil {
			return false
		}
		var sum int64
		offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
		return sum == 40
	})
}

// connector makes a connector, as soon as the worker can: until then it answers
// 404 or 409 to everything.
func connector(t *testing.T, url string, body map[string]any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var last string
	poll(t, connectTime, "Connect's REST API", func() bool {
		resp, err := http.Post(url+"/connectors", "application/json", bytes.NewReader(text))
		if err != nil {
			last = err.Error()
			return false
		}
		defer resp.Body.Close()
		answer, _ := io.ReadAll(resp.Body)
		last = resp.Status + " " + string(answer)
		if resp.StatusCode == http.StatusBadRequest {
			t.Fatal(last)
		}
		return resp.StatusCode == http.StatusCreated
	})
	t.Logf("%s", last)
}

// freeAddress is one that nobody listened at just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func write(t *testing.T, path string, lines []string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(data)
}
