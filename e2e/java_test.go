//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/e2e/clients"
)

// clientProperties is what AWS documents for IAM clients, to the letter.
const clientProperties = `security.protocol=SASL_SSL
sasl.mechanism=AWS_MSK_IAM
sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required;
sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler
`

// javaTools is one release of Kafka's tools with AWS's library, as a user of
// a cluster runs them.
type javaTools struct {
	*cluster
	set    string
	flags  []string          // of the JVM
	class  map[string]string // tool -> main class
	config string            // client.properties
	// The flags of the console tools that take client.properties: 4.2 has
	// deprecated the old names, and says so in stdout.
	producer, consumer string
}

var classes4 = map[string]string{
	"topics":   "org.apache.kafka.tools.TopicCommand",
	"producer": "org.apache.kafka.tools.ConsoleProducer",
	"consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
	"groups":   "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
	"configs":  "kafka.admin.ConfigCommand",
	"offsets":  "org.apache.kafka.tools.GetOffsetShell",
	"versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",

	"transactions": "org.apache.kafka.tools.TransactionsCommand",
}

var classes3 = map[string]string{
	"topics":   "kafka.admin.TopicCommand",
	"producer": "kafka.tools.ConsoleProducer",
	"consumer": "kafka.tools.ConsoleConsumer",
	"groups":   "kafka.admin.ConsumerGroupCommand",
	"configs":  "kafka.admin.ConfigCommand",
	"offsets":  "kafka.tools.GetOffsetShell",
	"versions": "kafka.admin.BrokerApiVersionsCommand",
}

// TestJavaTools4 shows it.
//
// Works: Kafka 4.3.1 command line tools with aws-msk-iam-auth 2.3.9 and AWS's own client.properties
func TestJavaTools4(t *testing.T) {
	c := start(t).cluster("java4")
	j := javaTools{
		cluster: c, set: "tools-4.3.1", class: classes4, producer: "--command-config", consumer: "--command-config",
		config: writeFile(t, "client.properties", clientProperties),
	}
	j.story()
	j.loggers()
}

// TestJavaTools3 uses a library that reads the region from the broker's name
// alone: names are shaped as MSK's, and resolved by a hosts file of the JVM.
//
// Works: Kafka 3.4.1 command line tools with aws-msk-iam-auth 1.1.7, on MSK-shaped broker names
func TestJavaTools3(t *testing.T) {
	i := start(t, "--broker-domain", "amazonaws.com")
	c := i.cluster("java3")
	hosts := i.cli("", "env", "--hosts") + "127.0.0.1 localhost\n"
	j := javaTools{
		cluster: c, set: "tools-3.4.1", class: classes3, producer: "--producer.config", consumer: "--consumer.config",
		config: writeFile(t, "client.properties", clientProperties),
		flags:  []string{"-Djdk.net.hosts.file=" + writeFile(t, "hosts", hosts)},
	}
	j.story()
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// try runs a tool; config is the flag that takes client.properties.
func (j javaTools) try(tool, config, stdin string, args ...string) (stdout string, err error) {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(j.t.Context(), toolTime)
	defer cancel()
	args = append([]string{"--bootstrap-server", j.iam, config, j.config}, args...)
	stdout, _, err = cache(j.t).Java(ctx, clients.JavaTool{
		Set: j.set, Class: j.class[tool], Flags: j.flags, Args: args, Env: j.environ(), Stdin: stdin,
	})
	return stdout, err
}

func (j javaTools) run(tool string, args ...string) string {
	j.t.Helper()
	out, err := j.try(tool, "--command-config", "", args...)
	if err != nil {
		j.t.Fatal(err)
	}
	return out
}

// says reports words that a tool did not print.
func (j javaTools) says(out string, words ...string) {
	j.t.Helper()
	for _, w := range words {
		if !strings.Contains(out, w) {
			j.t.Errorf("no %q in:\n%s", w, out)
		}
	}
}

// loggers has a broker's log levels shown, set and taken back.
func (j javaTools) loggers() {
	j.t.Helper()
	broker := []string{"--entity-type", "broker-loggers", "--entity-name", "1"}
	j.says(j.run("configs", append(broker, "--alter", "--add-config", "kafka.request.logger=DEBUG,kafka.server.KafkaApis=TRACE")...), "Completed updating")
	j.says(j.run("configs", append(broker, "--describe")...), "root=INFO sensitive=false", "kafka.request.logger=DEBUG", "kafka.server.KafkaApis=TRACE", "kafka.authorizer.logger=INFO")
	if out, err := j.try("configs", "--command-config", "", append(broker, "--alter", "--add-config", "kafka.request.logger=LOUD")...); err == nil {
		j.t.Errorf("a level that there is not was set: %s", out)
	}
	j.says(j.run("configs", append(broker, "--alter", "--delete-config", "kafka.request.logger")...), "Completed updating")
}

// story is a topic's life.
func (j javaTools) story() {
	t := j.t
	t.Helper()
	j.says(j.run("versions"), "Produce(0)", "Fetch(1)")
	j.says(j.run("topics", "--create", "--topic", "orders", "--partitions", "3", "--replication-factor", "3"), "Created topic orders")
	described := j.run("topics", "--describe", "--topic", "orders")
	match(t, "describe", described, `(?m)^Topic: orders\s+TopicId: [A-Za-z0-9_-]{22}\s+PartitionCount: 3\s+ReplicationFactor: 3\s+Configs:`)
	for p := range 3 {
		match(t, "describe", described, fmt.Sprintf(`(?m)^\s+Topic: orders\s+Partition: %d\s+Leader: [123]\s+Replicas: [123],[123],[123]\s+Isr: [123],[123],[123]`, p))
	}
	if _, err := j.try("topics", "--command-config", "", "--create", "--topic", "orders"); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("a second topic of the same name: %v", err)
	}
	same(t, "topics", lines(j.run("topics", "--list", "--exclude-internal")), []string{"orders"})

	want := numbered("order", 50)
	if _, err := j.try("producer", j.producer, strings.Join(want, "\n")+"\n", "--topic", "orders"); err != nil {
		t.Fatal(err)
	}
	out, err := j.try("consumer", j.consumer, "", "--topic", "orders", "--from-beginning", "--group", "shop", "--max-messages", "50", "--timeout-ms", "30000")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "records", lines(out), want)
	j.says(j.run("groups", "--list"), "shop")
	j.says(j.run("groups", "--describe", "--group", "shop"), "orders")
	j.says(j.run("groups", "--describe", "--group", "shop", "--state"), "Empty")

	var total int
	for _, line := range lines(j.run("offsets", "--topic", "orders")) {
		total += offsetOf(t, line)
	}
	if total != len(want) {
		t.Errorf("get-offsets: %d records, want %d", total, len(want))
	}
	j.run("topics", "--alter", "--topic", "orders", "--partitions", "5")
	j.says(j.run("configs", "--alter", "--entity-type", "topics", "--entity-name", "orders", "--add-config", "retention.ms=3600000"), "Completed updating config")
	j.says(j.run("configs", "--describe", "--entity-type", "topics", "--entity-name", "orders"), "retention.ms=3600000")
	app := []string{"--entity-type", "clients", "--entity-name", "app"}
	j.says(j.run("configs", append(app, "--alter", "--add-config", "producer_byte_rate=1000000")...), "Completed updating config for client app.")
	j.says(j.run("configs", append(app, "--describe")...), "Quota configs for client-id 'app' are producer_byte_rate=1000000.0")
	j.says(j.run("topics", "--describe", "--topic", "orders"), "PartitionCount: 5", "ReplicationFactor: 3", "retention.ms=3600000")
	j.run("groups", "--reset-offsets", "--group", "shop", "--topic", "orders", "--to-earliest", "--execute")
	j.says(j.run("groups", "--delete", "--group", "shop"), "successful")
	j.run("topics", "--delete", "--topic", "orders")
	same(t, "topics after deletion", lines(j.run("topics", "--list", "--exclude-internal")), nil)
}

// TestJavaTransactions: the Java producer's transactions, V2 as 4.3.1 has them
// and V1 as 3.4.1 has, on a cluster of Kafka 4.1.
//
// Works: transactions of Java producers 4.3.1 and 3.4.1, read_committed consumers and kafka-transactions
func TestJavaTransactions(t *testing.T) {
	i := start(t, "--broker-domain", "amazonaws.com")
	j := javaTools{
		cluster: i.cluster("transactions"), set: "tools-4.3.1", class: classes4, producer: "--command-config", consumer: "--command-config",
		config: writeFile(t, "client.properties", clientProperties),
		flags:  []string{"-Djdk.net.hosts.file=" + writeFile(t, "hosts", i.cli("", "env", "--hosts")+"127.0.0.1 localhost\n")},
	}
	j.run("topics", "--create", "--topic", "orders", "--partitions", "3")
	j.transact("tools-4.3.1", "v2")
	j.transact("tools-3.4.1", "v1")
	out, err := j.try("consumer", j.consumer, "", "--topic", "orders", "--from-beginning", "--timeout-ms", "30000",
		"--isolation-level", "read_committed", "--max-messages", "2000")
	if got := len(lines(out)); err != nil || got != 2000 {
		t.Errorf("consumed %d records, want 2000: %v", got, err)
	}
	listed := j.run("transactions", "list")
	match(t, "list", listed, `(?m)^v1\s+[123]\s+\d+\s+CompleteCommit`)
	match(t, "list", listed, `(?m)^v2\s+[123]\s+\d+\s+CompleteCommit`)
}

// transact produces 1000 records with transactions of 20 ms, by the producer of
// a set.
func (j javaTools) transact(set, id string) {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(j.t.Context(), toolTime)
	defer cancel()
	_, _, err := cache(j.t).Java(ctx, clients.JavaTool{
		Set: set, Class: "org.apache.kafka.tools.ProducerPerformance", Flags: j.flags, Env: j.environ(),
		Args: []string{
			"--topic", "orders", "--num-records", "1000", "--record-size", "100", "--throughput", "2000",
			"--producer.config", j.config, "--producer-props", "bootstrap.servers=" + j.iam,
			"--transactional-id", id, "--transaction-duration-ms", "20",
		},
	})
	if err != nil {
		j.t.Fatalf("%s: %v", set, err)
	}
}

// offsetOf reads topic:partition:offset.
func offsetOf(t *testing.T, line string) int {
	t.Helper()
	fields := strings.Split(line, ":")
	n, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil || len(fields) != 3 {
		t.Errorf("get-offsets printed %q", line)
	}
	return n
}

// TestTrustStore reads the trust store with Java's own tool: Millrace's CA
// beside the public roots.
//
// Works: a trust store with Java's roots and Millrace's
func TestTrustStore(t *testing.T) {
	i := start(t)
	keytool, err := cache(t).Program(t.Context(), "keytool", "default-jre-headless")
	if err != nil {
		t.Fatal(err)
	}
	out := i.must("", keytool, "-list", "-keystore", i.env["MILLRACE_TRUSTSTORE"], "-storepass", i.env["MILLRACE_TRUSTSTORE_PASSWORD"])
	if n := strings.Count(out, "trustedCertEntry"); n < 50 || !strings.Contains(out, "millrace,") {
		t.Errorf("%d entries in:\n%s", n, out)
	}
}
