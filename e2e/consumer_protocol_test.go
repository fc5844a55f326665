//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestJavaConsumerProtocol reads with Java's own consumer of the new protocol.
//
// Works: Kafka 4.3.1 consumers with group.protocol=consumer, regular expressions resolved by the broker
func TestJavaConsumerProtocol(t *testing.T) {
	c := start(t).clusterOf("java848", "4.1.x.kraft")
	j := javaTools{
		cluster: c, set: "tools-4.3.1", class: classes4, producer: "--command-config", consumer: "--command-config",
		config: writeFile(t, "client.properties", clientProperties+"group.protocol=consumer\n"),
	}
	j.run("topics", "--create", "--topic", "orders", "--partitions", "3", "--replication-factor", "3")
	want := numbered("order", 50)
	plain := j
	plain.config = writeFile(t, "client.properties", clientProperties)
	if _, err := plain.try("producer", j.producer, strings.Join(want, "\n")+"\n", "--topic", "orders"); err != nil {
		t.Fatal(err)
	}
	for group, topic := range map[string]string{"names": "--topic orders", "pattern": "--include ord.*"} {
		args := append(strings.Fields(topic), "--from-beginning", "--group", group, "--max-messages", "50", "--timeout-ms", "60000")
		out, err := j.try("consumer", j.consumer, "", args...)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "records of "+group, lines(out), want)
		j.says(plain.run("groups", "--describe", "--group", group), "orders")
		j.says(plain.run("groups", "--describe", "--group", group, "--state"), "Empty")
	}
	j.says(plain.run("groups", "--list", "--type", "consumer"), "names", "pattern")
	plain.run("groups", "--delete", "--group", "names")
}
