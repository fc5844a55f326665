//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/e2e/clients"
)

const frameworkTime = 10 * time.Minute // of one run of a framework, whose start alone takes long

// sparkOpens are what Spark needs of the JVM's own classes.
var sparkOpens = opened("java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.lang.reflect", "java.base/java.io",
	"java.base/java.net", "java.base/java.nio", "java.base/java.util", "java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic",
	"java.base/sun.nio.ch", "java.base/sun.nio.cs", "java.base/sun.security.action", "java.base/sun.util.calendar")

func opened(packages ...string) (flags []string) {
	for _, p := range packages {
		flags = append(flags, "--add-opens="+p+"=ALL-UNNAMED")
	}
	return flags
}

// copier is a program of testdata/java that copies the topic "from" of a cluster
// to "to".
type copier struct {
	*cluster
	set, class string
	flags      []string
}

func newCopier(t *testing.T, set, class string, flags ...string) copier {
	t.Helper()
	if !whole() {
		t.Skip("takes minutes: make conformance")
	}
	c := start(t).clusterOf("frameworks", "4.1.x.kraft")
	c.addUserOver("plain")
	c.topic("from", 2)
	c.topic("to", 2)
	return copier{cluster: c, set: set, class: class, flags: append(flags, "-Xmx1G")}
}

// send writes n lines and returns all that "from" has.
func (c copier) send(sent []string, n int) []string {
	t := c.t
	t.Helper()
	producer := c.franz("plain", kgo.DefaultProduceTopic("from"))
	for range n {
		line := fmt.Sprintf("line-%04d", len(sent))
		producer.Produce(t.Context(), kgo.StringRecord(line), nil)
		sent = append(sent, line)
	}
	if err := producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return sent
}

// run runs the program and returns the line that it ends with.
func (c copier) run(brokers, properties string, args ...string) string {
	t := c.t
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", "java", c.class+".java"))
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cache(t).Compile(t.Context(), c.set, c.class, string(source))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), frameworkTime)
	defer cancel()
	out, _, err := cache(t).Java(ctx, clients.JavaTool{
		Set: c.set, Jar: jar, Class: c.class, Flags: c.flags, Env: c.environ(),
		Args: append([]string{brokers, writeFile(t, "client.properties", properties), "from", "to"}, args...),
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out[strings.LastIndexByte(strings.TrimSpace(out), '\n')+1:])
}

// holds compares what a topic shows to readers of committed records.
func (c copier) holds(topic string, want []string) {
	t := c.t
	t.Helper()
	reader := c.franz("plain", kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	got := drain(t, reader, len(want))
	reader.PollFetches(shortly(t)).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) }) // and none more
	same(t, "records of "+topic, got, want)
}

// TestFlink shows it.
//
// Works: Flink 2.2.1 with its Kafka connector 5.0.0: a job with the exactly-once sink over IAM fails, goes on from its checkpoint and copies each record once
func TestFlink(t *testing.T) {
	c := newCopier(t, "flink-2.2.1", "FlinkCopy")
	sent := c.send(nil, 2000)
	if said := c.run(c.iam, clientProperties, "2000"); said != "copied, failed true" {
		t.Errorf("the job says %q", said)
	}
	c.holds("to", sent)
}

// TestSpark shows it.
//
// Works: Spark 4.2.0: structured streaming from topic to topic over SCRAM, from its checkpoint on in a second run, and SQL over a topic
func TestSpark(t *testing.T) {
	c := newCopier(t, "spark-4.2.0", "SparkCopy", sparkOpens...)
	checkpoint := filepath.Join(t.TempDir(), "checkpoint")
	var sent []string
	for _, n := range []int{1000, 200} {
		sent = c.send(sent, n)
		want := fmt.Sprintf("copied %d of %d", len(sent), len(sent))
		if said := c.run(c.scram, strings.Replace(scramProperties, "PASSWORD", scramPassword, 1), checkpoint); said != want {
			t.Errorf("Spark says %q, want %q", said, want)
		}
	}
	c.holds("to", sent)
}

// TestSpring shows it.
//
// Works: Spring for Apache Kafka 4.1.2 over SCRAM: transactions of a listener container, rolled back and tried again, and its dead letter topic
func TestSpring(t *testing.T) {
	c := newCopier(t, "spring-4.1.2", "SpringCopy")
	c.topic("from-dlt", 2)
	var copied, refused []string
	for _, line := range c.send(nil, 500) {
		if strings.HasSuffix(line, "13") {
			refused = append(refused, line)
		} else {
			copied = append(copied, line)
		}
	}
	said := c.run(c.scram, strings.Replace(scramProperties, "PASSWORD", scramPassword, 1), "500")
	var times int
	if _, err := fmt.Sscanf(said, "copied, refused %d", &times); err != nil || times < 3*len(refused) { // a rebalance tries once more
		t.Errorf("the listener says %q of %d records that it tries three times", said, len(refused))
	}
	c.holds("to", copied)
	c.holds("from-dlt", refused)
}
