package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/vfs"
)

// TestStorageUsed: what brokers hold is the sum of their replicas' logs, whatever
// has become of them.
func TestStorageUsed(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) { c.KafkaVersion = "3.9.x.kraft" }) // which has small segments
	cl := r.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	adm := kadm.NewClient(cl)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	small := map[string]*string{"segment.bytes": new("2000"), "min.insync.replicas": new("1"), "min.cleanable.dirty.ratio": new("0.01")}
	compacted := map[string]*string{"cleanup.policy": new("compact"), "segment.bytes": new("2000"), "min.cleanable.dirty.ratio": new("0.01")}
	for topic, configs := range map[string]map[string]*string{"plain": small, "compacted": compacted, "gone": nil} {
		if _, err := adm.CreateTopic(ctx, 2, 2, configs, topic); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		for _, topic := range []string{"plain", "compacted", "gone"} {
			rec := &kgo.Record{Topic: topic, Partition: int32(i % 2), Key: fmt.Append(nil, i%3), Value: []byte(strings.Repeat(fmt.Sprint(i), 50))}
			if err := cl.ProduceSync(ctx, rec).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var move kadm.AlterPartitionAssignmentsReq
	move.Assign("plain", 0, []int32{1})
	move.Assign("plain", 1, []int32{1, 2, 3})
	if _, err := adm.AlterPartitionAssignments(ctx, move); err != nil {
		t.Fatal(err)
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset("plain", 1, 20, -1)
	if _, err := adm.DeleteRecords(ctx, offsets); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.DeleteTopics(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	for {
		all, err := adm.DescribeAllLogDirs(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		want, got := map[int32]int64{}, r.c.StorageUsed()
		all.Each(func(d kadm.DescribedLogDir) {
			d.Topics.Each(func(p kadm.DescribedLogDirPartition) { want[d.Broker] += p.Size })
		})
		if fmt.Sprint(got) == fmt.Sprint(want) && got[1] > got[2] {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("used %v, the logs have %v", got, want)
		}
	}
}
