//go:build e2e

package e2e

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/e2e/clients"
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
	match(t, "millrace group describe", c.cli("", "group", "describe", "names", "--cluster", "java848"),
		`^group names: Empty, 0 members, lag 0\n(.*\n){4}$`)
	plain.run("groups", "--delete", "--group", "names")
	j.migrate()
	plain.says(plain.dumped(), `"subscribedTopicRegex":".*(?:(?:ord.*)).*"`, `"topics":["orders"]`, `"assignmentEpoch":`,
		`"assignedPartitions":[{"topicId":`, `"partitionsPendingRevocation":[]`, `"metadataHash":`,
		`"classicMemberMetadata":{"sessionTimeoutMs":45000,"supportedProtocols":[{"name":"cooperative-sticky"`)
}

// migrate has a member with a regular expression join a classic group.
func (j javaTools) migrate() {
	j.t.Helper()
	join := func(opts ...kgo.Opt) (assigned chan struct{}) {
		assigned = make(chan struct{}, 100)
		cl, err := kgo.NewClient(append([]kgo.Opt{
			kgo.SeedBrokers(strings.Split(j.plain, ",")...), kgo.ConsumerGroup("both"),
			kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
				if len(parts) > 0 {
					assigned <- struct{}{}
				}
			}),
		}, opts...)...)
		if err != nil {
			j.t.Fatal(err)
		}
		j.t.Cleanup(cl.Close)
		return assigned
	}
	<-join(kgo.ConsumeTopics("orders"), kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.HeartbeatInterval(time.Second))
	select {
	case <-join(kgo.ConsumeRegex(), kgo.ConsumeTopics("ord.*"), kgo.ServerSideBalancer()):
	case <-time.After(toolTime):
		j.t.Fatal("the member that joined a classic group got nothing")
	}
}

// dumped is the records of groups, as Kafka's own tool reads them from the disk.
func (j javaTools) dumped() string {
	j.t.Helper()
	var files []string
	err := filepath.WalkDir(j.dir, func(path string, e fs.DirEntry, err error) error {
		if info, _ := e.Info(); err == nil && strings.Contains(path, "__consumer_offsets-") && strings.HasSuffix(path, ".log") && info.Size() > 0 {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		j.t.Fatalf("logs of __consumer_offsets: %v, %v", files, err)
	}
	out, _, err := cache(j.t).Java(j.t.Context(), clients.JavaTool{
		Set: j.set, Class: "org.apache.kafka.tools.DumpLogSegments", Env: j.environ(),
		Args: []string{"--offsets-decoder", "--files", strings.Join(files, ",")},
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return out
}

// TestJavaMigration has a member of each protocol in one group of Java's
// consumers: between them they see every record once.
//
// Works: online migration of Java consumers from the classic protocol to the new one
func TestJavaMigration(t *testing.T) {
	c := start(t).clusterOf("javamove", "4.1.x.kraft")
	plain := javaTools{
		cluster: c, set: "tools-4.3.1", class: classes4, producer: "--command-config", consumer: "--command-config",
		config: writeFile(t, "client.properties", clientProperties),
	}
	plain.run("topics", "--create", "--topic", "moves", "--partitions", "4", "--replication-factor", "3")
	read := make(chan []string, 2)
	join := func(protocol string) {
		j := plain
		j.config = writeFile(t, protocol+".properties", clientProperties+"group.protocol="+protocol+"\n")
		go func() {
			out, err := j.try("consumer", j.consumer, "", "--topic", "moves", "--from-beginning", "--group", "mixed", "--timeout-ms", "15000")
			if err != nil {
				t.Error(err)
			}
			read <- slices.DeleteFunc(lines(out), func(line string) bool { return !strings.HasPrefix(line, "move-") }) // it says that its time is over, too
		}()
	}
	shows := func(words string, verb ...string) {
		t.Helper()
		poll(t, toolTime, words, func() bool {
			return strings.Contains(c.cli("", append(append([]string{"group"}, verb...), "--cluster", "javamove")...), words)
		})
	}
	join("classic")
	shows("Stable", "list")
	join("consumer")
	shows("Stable, 2 members", "describe", "mixed")
	want := numbered("move", 200)
	if _, err := plain.try("producer", plain.producer, strings.Join(want, "\n")+"\n", "--topic", "moves"); err != nil {
		t.Fatal(err)
	}
	all := append(<-read, <-read...)
	slices.Sort(all)
	same(t, "records", all, want)
}
