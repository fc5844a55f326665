package server

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/kafka/cluster"
)

// grown starts an update of the volumes' size.
func (h *host) grown(gib int32) *string {
	h.t.Helper()
	out, err := h.s.msk.UpdateBrokerStorage(h.t.Context(), h.caller, &kafka.UpdateBrokerStorageRequest{
		ClusterArn: &h.arn, CurrentVersion: h.described().CurrentVersion,
		TargetBrokerEBSVolumeInfo: []kafka.BrokerEBSVolumeInfo{{KafkaBrokerNodeId: new("All"), VolumeSizeGB: &gib}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.ClusterOperationArn
}

// fill produces records of 10 kB to a topic with a replica on both brokers until
// the next one has no room, and then that one too, which waits. It answers how
// many were acknowledged, and the client.
func (h *host) fill(topic string, limit int64) (acknowledged int, cl *kgo.Client) {
	h.t.Helper()
	cl = h.client(kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if _, err := kadm.NewClient(cl).CreateTopic(h.t.Context(), 1, 2, map[string]*string{"segment.bytes": new("262144")}, topic); err != nil {
		h.t.Fatal(err)
	}
	record := func() *kgo.Record {
		return kgo.StringRecord(fmt.Sprintf("%d %s", acknowledged, strings.Repeat("x", 10_000)))
	}
	for ; limit-h.s.driver.find(h.arn).c.StorageUsed()[1] > 10_200; acknowledged++ {
		if err := cl.ProduceSync(h.t.Context(), record()).FirstErr(); err != nil {
			h.t.Fatal(err)
		}
	}
	cl.Produce(h.t.Context(), record(), func(_ *kgo.Record, err error) {
		if err != nil {
			h.t.Error("the record that waited:", err)
		}
	})
	return acknowledged, cl
}

// TestFullVolume: a volume of a megabyte fills up. What is there can be read,
// groups commit, the producer waits; a larger volume lets it go on, and nothing
// is lost or twice.
func TestFullVolume(t *testing.T) {
	h := newHostOf(t, func(c *Config) { c.BytesPerGiB = 1000 })
	within, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n, producer := h.fill("t", 1_000_000)
	used := h.s.driver.find(h.arn).c.StorageUsed()
	if n < 90 || n > 99 || used[1] > 1_000_000 || used[1] < 980_000 {
		t.Errorf("%d records of 10 kB are on volumes of 1 MB that hold %v", n, used)
	}
	if producer.BufferedProduceRecords() != 1 {
		t.Error("the record without room was taken")
	}
	group := h.client(kgo.ConsumeTopics("t"), kgo.ConsumerGroup("g"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	for read := 0; read < n; {
		f := group.PollFetches(within)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		read += f.NumRecords()
	}
	if err := group.CommitUncommittedOffsets(within); err != nil {
		t.Errorf("a group cannot commit: %v", err)
	}
	h.expect("update", *h.settled(h.grown(1100)).OperationState, "UPDATE_COMPLETE")
	if err := producer.Flush(within); err != nil {
		t.Fatal(err)
	}
	f := group.PollFetches(within)
	if f.NumRecords() != 1 || !strings.HasPrefix(string(f.Records()[0].Value), fmt.Sprint(n, " ")) {
		t.Errorf("after the volume grew: %d records, %v", f.NumRecords(), f.Err())
	}
	h.kill()
	h.start(nil)
	h.await(func() bool { return h.s.driver.find(h.arn) != nil })
	if after := h.s.driver.find(h.arn).c.StorageUsed(); after[1] < used[1]+10_000 || after[1] > 1_100_000 {
		t.Errorf("used after a start: %v, before %v", after, used)
	}
}

// TestDeletingRelievesVolume: records that are deleted make room, and a batch
// that was refused says which broker is full.
func TestDeletingRelievesVolume(t *testing.T) {
	h := newHostOf(t, func(c *Config) { c.BytesPerGiB = 1000 })
	n, producer := h.fill("t", 1_000_000)
	impatient := h.client(kgo.DefaultProduceTopic("t"), kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err := impatient.ProduceSync(t.Context(), kgo.StringRecord("small")).FirstErr(); err != nil {
		t.Errorf("a record that fits is refused: %v", err)
	}
	err := impatient.ProduceSync(t.Context(), kgo.StringRecord(strings.Repeat("x", 20_000))).FirstErr()
	if err != kerr.KafkaStorageError {
		t.Errorf("a record that does not fit: %v", err)
	}
	before := h.s.driver.find(h.arn).c.StorageUsed()
	offsets := kadm.Offsets{}
	offsets.AddOffset("t", 0, int64(n-1), -1)
	if _, err := kadm.NewClient(producer).DeleteRecords(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
	within, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := producer.Flush(within); err != nil {
		t.Fatal(err)
	}
	if after := h.s.driver.find(h.arn).c.StorageUsed(); after[2] > before[2]/2 {
		t.Errorf("records were deleted, yet %v are used of %v", after, before)
	}
	if _, err := kadm.NewClient(producer).DeleteTopics(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	h.await(func() bool { return h.s.driver.find(h.arn).c.StorageUsed()[1] < 100_000 })
}

func TestUpdateBrokerStorageKilledEverywhere(t *testing.T) {
	killedEverywhere(t, func(h *host) *string { return h.grown(1100) }, func(h *host) {
		c := h.s.driver.find(h.arn).c
		for id := range c.StorageUsed() {
			err := c.Limit(t.Context(), id, func(l *cluster.Limits) {
				if l.VolumeBytes != 1100<<30 {
					t.Errorf("broker %d may hold %d bytes", id, l.VolumeBytes)
				}
			})
			if err != nil {
				t.Error(err)
			}
		}
		h.reachable()
	})
}
