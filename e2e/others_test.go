//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestKcat is librdkafka of Debian, in plaintext, by TLS and by SCRAM.
//
// Works: kcat (an old librdkafka) over plaintext, TLS and SCRAM
func TestKcat(t *testing.T) {
	c := start(t).cluster("kcat")
	c.addUser()
	kcat, err := cache(t).Kcat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ca := "ssl.ca.location=" + c.env["MILLRACE_CA_PEM"]
	for way, flags := range map[string][]string{
		"plain": {"-b", c.plain},
		"tls":   {"-b", c.tls, "-X", "security.protocol=ssl", "-X", ca},
		"scram": {"-b", c.scram, "-X", "security.protocol=sasl_ssl", "-X", ca, "-X", "sasl.mechanism=SCRAM-SHA-512", "-X", "sasl.username=" + scramUser, "-X", "sasl.password=" + scramPassword},
	} {
		t.Run(way, func(t *testing.T) {
			c := c.in(t)
			topic, want := "kcat-"+way, numbered(way, 100)
			c.topic(topic, 3)
			run := func(stdin string, args ...string) string {
				t.Helper()
				return c.must(stdin, kcat, append(append([]string{}, flags...), args...)...)
			}
			if out := run("", "-L"); !strings.Contains(out, "3 brokers:") || !strings.Contains(out, `topic "`+topic+`" with 3 partitions`) {
				t.Errorf("metadata: %s", out)
			}
			for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
				run(strings.Join(numbered(codec, 20), "\n")+"\n", "-P", "-t", topic, "-z", codec)
				want = append(want, numbered(codec, 20)...)
			}
			run(strings.Join(want[:100], "\n")+"\n", "-P", "-t", topic, "-X", "enable.idempotence=true")
			same(t, "records", lines(run("", "-C", "-t", topic, "-o", "beginning", "-e", "-q")), want)
			same(t, "records of a group", lines(run("", "-G", "g-"+way, "-X", "auto.offset.reset=earliest", "-c", "200", "-q", topic)), want)
		})
	}
}

// TestPythonClients is librdkafka by SCRAM and with AWS's IAM signer, and
// kafka-python: testdata/clients.py.
//
// Works: confluent-kafka over SCRAM and IAM, kafka-python over IAM
func TestPythonClients(t *testing.T) {
	c := start(t).cluster("python")
	c.addUser()
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{"confluent-scram", "confluent-iam", "kafka-python-tls", "kafka-python-iam"} {
		t.Run(way, func(t *testing.T) {
			c := c.in(t)
			c.topic(way, 3)
			t.Log(c.must("", filepath.Join(bin, "python"), "testdata/clients.py", way, c.bootstrapOf(way), scramUser, scramPassword))
		})
	}
}

// bootstrapOf is the bootstrap string of a way that a name ends in.
func (c *cluster) bootstrapOf(way string) string {
	switch {
	case strings.HasSuffix(way, "-scram"):
		return c.scram
	case strings.HasSuffix(way, "-iam"):
		return c.iam
	case strings.HasSuffix(way, "-tls"):
		return c.tls
	}
	return c.plain
}

// TestKafkaJS is KafkaJS with AWS's IAM signer: testdata/kafkajs.js.
//
// Works: KafkaJS with AWS's IAM signer
func TestKafkaJS(t *testing.T) {
	c := start(t).cluster("kafkajs")
	node, dir, err := cache(t).Node(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.topic("js", 3)
	t.Log(c.must("", node, "testdata/kafkajs.js", filepath.Join(dir, "node_modules"), c.iam, "js"))
}

// TestCommandLine is the millrace command beside the others: what it writes,
// they read.
//
// Works: `millrace topic` and `millrace group`
func TestCommandLine(t *testing.T) {
	c := start(t).cluster("shop")
	c.cli("", "wait", "--cluster", "shop")
	c.cli("", "topic", "create", "lines", "--partitions", "2", "--cluster", "shop")
	want := numbered("line", 20)
	c.cli(strings.Join(want, "\n")+"\n", "topic", "produce", "lines", "--cluster", "shop")
	same(t, "consume", lines(c.cli("", "topic", "consume", "lines", "--from-beginning", "--max-messages", "20", "--group", "g", "--cluster", "shop")), want)
	kcat, err := cache(t).Kcat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "kcat", lines(c.must("", kcat, "-b", c.plain, "-C", "-t", "lines", "-o", "beginning", "-e", "-q")), want)
	for what, args := range map[string][]string{
		"lines": {"topic", "list"}, "PARTITION": {"topic", "describe", "lines"}, "g": {"group", "list"}, "shop": {"status"},
	} {
		if out := c.cli("", args...); !strings.Contains(strings.ToUpper(out), strings.ToUpper(what)) {
			t.Errorf("millrace %s: no %q in %s", strings.Join(args, " "), what, out)
		}
	}
	c.cli("", "topic", "delete", "lines", "--cluster", "shop")
}

// TestDemo is what the first minute of a user's is: `millrace demo`, with no
// terminal.
//
// Works: `millrace demo`: real flight records through an IAM cluster
func TestDemo(t *testing.T) {
	i := start(t)
	_, words, err := i.exec("", binary(t), "demo", "--rate", "0", "--data-dir", i.dir)
	if err != nil || !strings.Contains(words, "ACTIVE") {
		t.Errorf("millrace demo: %v\n%s", err, words)
	}
}
