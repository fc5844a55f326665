//go:build e2e

package e2e

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/e2e/clients"
)

// TestFilesAreKafkas reads what brokers wrote with Kafka's own readers: the
// files of logs, indexes, aborted transactions and producers with
// kafka-dump-log, the internal topics with the formatters of the console
// consumer, and every replica with kafka-replica-verification.
//
// Works: kafka-dump-log 4.3.1 reads logs, indexes, snapshots of producers and the internal topics; kafka-replica-verification
func TestFilesAreKafkas(t *testing.T) {
	t.Parallel()
	i := start(t)
	c := i.clusterOf("files", "4.1.x.kraft")
	tools, err := cache(t).StartTools(context.Background(), toolSet, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tools.Close(); err != nil {
			t.Error(err)
		}
	})
	f := files{t: t, tools: tools}
	f.fill(c)
	logs := filepath.Join(i.dir, "clusters", "*", "kafka")

	out := f.dump("*.log", filepath.Join(logs, "filed-0"), "--deep-iteration", "--print-data-log")
	for _, want := range []string{"payload: record-", "compresscodec: zstd", "isTransactional: true", "endTxnMarker: COMMIT", "endTxnMarker: ABORT"} {
		if !strings.Contains(out, want) {
			t.Errorf("the log does not say %s", want)
		}
	}
	f.dump("*.index", filepath.Join(logs, "filed-0"), "--index-sanity-check")
	f.dump("*.index", filepath.Join(logs, "filed-0"))
	f.dump("*.timeindex", filepath.Join(logs, "filed-0"))
	if out := f.dump("*.txnindex", filepath.Join(logs, "filed-0")); !strings.Contains(out, "lastStableOffset") {
		t.Errorf("no aborted transaction in:\n%s", out)
	}
	if out := f.dump("*.snapshot", filepath.Join(logs, "filed-0")); !strings.Contains(out, "producerId: ") {
		t.Errorf("no producer in:\n%s", out)
	}
	if out := f.dump("*.log", filepath.Join(logs, "__consumer_offsets-*"), "--offsets-decoder"); !strings.Contains(out, `"group":"readers","topic":"filed"`) {
		t.Errorf("no offset of the group in:\n%s", out)
	}
	if out := f.dump("*.log", filepath.Join(logs, "__transaction_state-*"), "--transaction-log-decoder"); !strings.Contains(out, `"transactionalId":"filer"`) {
		t.Errorf("no transactional id in:\n%s", out)
	}
	f.formatted(c, logs, "__consumer_offsets", "OffsetsMessageFormatter", `"group":"readers","topic":"filed"`)
	f.formatted(c, logs, "__consumer_offsets", "GroupMetadataMessageFormatter", `"group":"readers"}},"value":{"version":`)
	f.formatted(c, logs, "__transaction_state", "TransactionLogMessageFormatter", `"transactionalId":"filer"`)

	p := startJava(t, clients.JavaTool{
		Set: toolSet, Class: "org.apache.kafka.tools.ReplicaVerificationTool",
		Args: []string{"--broker-list", c.plain, "--topics-include", "filed", "--time", "-2", "--report-interval-ms", "500"},
	})
	poll(t, toolTime, "all replicas compared", func() bool {
		return strings.Contains(p.log.String(), "max lag is 0 for partition filed-0")
	})
}

// files reads with Kafka's tools.
type files struct {
	t     *testing.T
	tools *clients.Tools
}

// fill writes segments of batches in every codec, transactions of both ends and
// a group's offset.
func (f files) fill(c *cluster) {
	t := f.t
	t.Helper()
	admin := kadm.NewClient(c.franz("plain"))
	segment := "1048576"
	if _, err := admin.CreateTopic(t.Context(), 1, 3, map[string]*string{"segment.bytes": &segment}, "filed"); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("0123456789abcdef", 600)
	for n, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		producer := c.franz("plain", kgo.DefaultProduceTopic("filed"), kgo.ProducerBatchCompression(codec))
		for _, v := range numbered("record", 20) {
			producer.Produce(t.Context(), kgo.StringRecord(v), nil)
		}
		if err := producer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n == 0 { // fills more than a segment
			for range 250 {
				if err := producer.ProduceSync(t.Context(), kgo.StringRecord(large)).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	writer := c.franz("plain", kgo.DefaultProduceTopic("filed"), kgo.TransactionalID("filer"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for n := range 150 {
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := writer.ProduceSync(t.Context(), kgo.StringRecord(large)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := writer.EndTransaction(t.Context(), kgo.TransactionEndTry(n%2 == 0)); err != nil {
			t.Fatal(err)
		}
	}
	readers := c.franz("plain", kgo.ConsumeTopics("filed"), kgo.ConsumerGroup("readers"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	drain(t, readers, 10)
	if err := readers.CommitUncommittedOffsets(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// dump reads the files of a name in directories, and reports what kafka-dump-log
// finds wrong in them.
func (f files) dump(name, dirs string, flags ...string) string {
	t := f.t
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dirs, name))
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s in %s: %v", name, dirs, err)
	}
	status, out, words, err := f.tools.Run("org.apache.kafka.tools.DumpLogSegments", append(flags, "--files", strings.Join(found, ",")), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"Mismatches in", "isvalid: false", "Found timestamp mismatch", "Found out of order", "Error at"} {
		if strings.Contains(out, bad) {
			t.Errorf("kafka-dump-log %s: %s:\n%s", name, bad, out[max(0, len(out)-4096):])
		}
	}
	for _, line := range lines(words) { // the tool says it of every segment's first record
		if !strings.HasPrefix(line, "Non-consecutive offsets") && !strings.HasPrefix(strings.TrimSpace(line), "-1 is followed by") {
			t.Errorf("kafka-dump-log %s: %s", name, line)
		}
	}
	if status != 0 {
		t.Errorf("kafka-dump-log %s: exit %d\n%s", name, status, words)
	}
	return out
}

// formatted reads the one partition in use of an internal topic through a
// formatter of the console consumer, which must show what is wanted.
func (f files) formatted(c *cluster, logs, topic, formatter, want string) {
	t := f.t
	t.Helper()
	found, err := filepath.Glob(filepath.Join(logs, topic+"-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s has %d partitions in use, want one: %v", topic, len(found), err)
	}
	_, partition, _ := strings.Cut(filepath.Base(found[0]), "-")
	ends, err := kadm.NewClient(c.franz("plain")).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	records := int64(0) // all of them, in the one partition
	ends.Each(func(o kadm.ListedOffset) { records += o.Offset })
	_, out, words, err := f.tools.Run("org.apache.kafka.tools.consumer.ConsoleConsumer", []string{
		"--bootstrap-server", c.plain, "--topic", topic, "--partition", partition, "--offset", "earliest",
		"--max-messages", strconv.FormatInt(records, 10), "--timeout-ms", "30000", "--formatter", "org.apache.kafka.tools.consumer." + formatter,
	}, "")
	if err != nil || !strings.Contains(out, want) {
		t.Errorf("%s of %s: no %s in %q: %v\n%s", formatter, topic, want, out[:min(len(out), 2048)], err, words)
	}
}
