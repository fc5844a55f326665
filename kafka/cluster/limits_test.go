package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

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

// TestCeilings: what all clients of a broker do is measured together, and the one
// that is too much is silenced, by the arithmetic of a client's own quota.
func TestCeilings(t *testing.T) {
	measuringWith(t, func(c *cluster.Config) {
		c.Brokers[0].Limits = cluster.Limits{Ingress: 1000, Egress: 2000}
	}, func(t *testing.T, m *measured) {
		a, b := m.plain("a"), m.plain("b")
		if wait, took := a.produce(9_000); wait != 0 || took != 0 {
			t.Errorf("below the limit: silent for %v, answered after %v", wait, took)
		}
		wait, took := b.produce(20_000) // with a's, 29 s at the rate, 10 of which are allowed at once
		if !about(wait, 19*time.Second) || took != 0 {
			t.Errorf("another client: silent for %v, answered after %v", wait, took)
		}
		if _, took := b.produce(10); took != wait {
			t.Errorf("its next request waited for %v, want %v", took, wait)
		}
		if err := m.c.Limit(t.Context(), 1, func(l *cluster.Limits) { l.Ingress = 0 }); err != nil {
			t.Fatal(err)
		}
		if wait, _ := m.plain("c").produce(500_000); wait != 0 {
			t.Errorf("a limit that was lifted holds: silent for %v", wait)
		}
		reader := m.plain("reader")
		resp, _ := reader.fetch(0, 0)
		if resp.ThrottleMillis != 0 || len(resp.Topics) != 1 {
			t.Errorf("a fetch below the limit: %d ms, %d topics", resp.ThrottleMillis, len(resp.Topics))
		}
		reader.fetch(0, 0)
		resp, _ = reader.fetch(0, 0)
		if !about(time.Duration(resp.ThrottleMillis)*time.Millisecond, 3500*time.Millisecond) || len(resp.Topics) != 0 { // 27 kB, of which 20 kB at once
			t.Errorf("a fetch beyond it: %d ms, %d topics", resp.ThrottleMillis, len(resp.Topics))
		}
	})
}

// TestPartitionCeilings: a partition's limit silences who writes to it or reads
// from it, and nobody else.
func TestPartitionCeilings(t *testing.T) {
	measuringWith(t, func(c *cluster.Config) {
		c.Throttles = cluster.Throttles{PartitionIngress: 1000, PartitionEgress: 500, BatchBytes: 100_000, FetchBytes: 1_000_000}
	}, func(t *testing.T, m *measured) {
		if err := kadmCreate(m.admin, t, "other"); err != nil {
			t.Fatal(err)
		}
		p, q := m.plain("p"), m.plain("q")
		wait, _ := p.produce(20_000)
		if !about(wait, 10*time.Second) {
			t.Errorf("a partition with a limit: silent for %v", wait)
		}
		if wait, code := q.produceTo("other", 9_000); code != nil || wait != 0 {
			t.Errorf("another partition: silent for %v, %v", wait, code)
		}
		if _, code := q.produceTo("other", 100_000); code != kerr.InvalidRequest {
			t.Errorf("a batch that is too large: %v", code)
		}
		resp, _ := q.fetch(0, 0)
		if !about(time.Duration(resp.ThrottleMillis)*time.Millisecond, 30*time.Second) || len(resp.Topics) != 0 {
			t.Errorf("a fetch beyond a partition's limit: %d ms, %d topics", resp.ThrottleMillis, len(resp.Topics))
		}
		large := kmsg.NewPtrFetchRequest()
		large.Version, large.MaxBytes = 12, 1_000_001
		if resp, _ := m.plain("large").ask(large); resp.(*kmsg.FetchResponse).ErrorCode != kerr.InvalidRequest.Code {
			t.Errorf("a fetch that is too large: %d", resp.(*kmsg.FetchResponse).ErrorCode)
		}
	})
}

// TestClusterCeilings: the limits of a cluster as a whole: requests, those about
// topics, and partitions that are created and deleted.
func TestClusterCeilings(t *testing.T) {
	measuringWith(t, func(c *cluster.Config) {
		c.Throttles = cluster.Throttles{Requests: 100, TopicRequests: 2, Partitions: 250, PartitionsIn: 5 * time.Minute}
	}, func(t *testing.T, m *measured) {
		p := m.plain("maker")
		create := func(name string, partitions int32) (wait time.Duration, code error) {
			req := kmsg.NewPtrCreateTopicsRequest()
			req.Version = 7
			in := kmsg.NewCreateTopicsRequestTopic()
			in.Topic, in.NumPartitions, in.ReplicationFactor = name, partitions, 1
			req.Topics = append(req.Topics, in)
			got, _ := p.ask(req)
			resp := got.(*kmsg.CreateTopicsResponse)
			return time.Duration(resp.ThrottleMillis) * time.Millisecond, kerr.ErrorForCode(resp.Topics[0].ErrorCode)
		}
		if wait, code := create("a", 250); code != nil || wait != 0 { // "t" has one
			t.Errorf("within the budget: %v, silent for %v", code, wait)
		}
		if wait, code := create("b", 1); code != kerr.ThrottlingQuotaExceeded || !about(wait, time.Second) {
			t.Errorf("beyond it: %v, silent for %v", code, wait)
		}
		time.Sleep(5 * time.Minute) // of the test's own time
		if _, code := create("b", 1); code != nil {
			t.Errorf("five minutes later: %v", code)
		}
		var wait time.Duration
		for i := range 25 {
			wait, _ = create(fmt.Sprint("c", i%20), 1)
			if wait > 0 {
				break
			}
		}
		if !about(wait, 500*time.Millisecond) { // 21 requests, of which 20 at once
			t.Errorf("requests about topics: silent for %v", wait)
		}
		busy := m.plain("busy")
		for range 2000 {
			req := kmsg.NewPtrMetadataRequest()
			req.Version = 9
			resp, _ := busy.ask(req)
			if wait = time.Duration(resp.(*kmsg.MetadataResponse).ThrottleMillis) * time.Millisecond; wait > 0 {
				break
			}
		}
		if wait <= 0 || wait > time.Second {
			t.Errorf("requests of any kind: silent for %v", wait)
		}
	})
}

// produceTo is produced for another topic, and with its error.
func (p *plain) produceTo(topic string, n int) (time.Duration, error) {
	p.t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, -1, 1000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	in := kmsg.NewProduceRequestTopicPartition()
	in.Records = plainBatch(n)
	t.Partitions = append(t.Partitions, in)
	req.Topics = append(req.Topics, t)
	got, _ := p.ask(req)
	resp := got.(*kmsg.ProduceResponse)
	return time.Duration(resp.ThrottleMillis) * time.Millisecond, kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

// TestGroupsLimit: a group more than there may be cannot be joined; the others
// can, and a deleted one makes room.
func TestGroupsLimit(t *testing.T) {
	r := open(t, vfs.NewMemory(), func(c *cluster.Config) { c.Throttles.Groups = 2 })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	adm := kadm.NewClient(r.client(t))
	if _, err := adm.CreateTopic(ctx, 1, 3, nil, "t"); err != nil {
		t.Fatal(err)
	}
	if err := r.client(t).ProduceSync(ctx, &kgo.Record{Topic: "t"}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	join := func(group string) error {
		cl := r.client(t, kgo.ConsumerGroup(group), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		defer cl.Close()
		f := cl.PollFetches(ctx)
		if f.NumRecords() > 0 {
			return nil
		}
		return f.Err()
	}
	for _, group := range []string{"a", "b", "a"} {
		if err := join(group); err != nil {
			t.Fatal(group, err)
		}
	}
	if err := join("c"); !errors.Is(err, kerr.GroupMaxSizeReached) {
		t.Errorf("a third group: %v", err)
	}
	if _, err := adm.DeleteGroups(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := join("c"); err != nil {
		t.Errorf("after one was deleted: %v", err)
	}
}
