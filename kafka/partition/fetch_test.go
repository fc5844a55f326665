package partition_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

// TestFetchFindsWhereLogsDiverge: a reader whose last record is of an epoch that
// ended before its offset learns where (KIP-595), and leader epochs are checked
// on followers too.
func TestFetchFindsWhereLogsDiverge(t *testing.T) {
	dir, err := storage.OpenDir(vfs.NewMemory(), "data", storage.DirOptions{PageCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	set := partition.New(partition.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	core := metadata.New(metadata.Params{})
	decide := func(req any) {
		for _, r := range core.Decide(time.Now(), 1, req).Records {
			core.Apply(r, time.Now())
		}
		if err := set.Apply(core.Image(), func() {}); err != nil {
			t.Fatal(err)
		}
	}
	decide(metadata.RegisterBrokers{Brokers: []metadata.Broker{{ID: 1}, {ID: 2}, {ID: 3}}})
	decide(metadata.CreateTopics{
		Req: &kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "t", NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Replicas: []int32{1, 2}}}}}},
		IDs: [][16]byte{{1}},
	})
	p, err := set.Find("t", 0)
	if err != nil {
		t.Fatal(err)
	}
	produce := func(broker int32) {
		b := record.NewBuilder(record.BuilderOptions{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
		b.Add(0, nil, []byte("v"))
		if _, err := p.Produce(broker, b.Batch(), 1, time.Now(), partition.Verification{}); err != nil {
			t.Fatal(err)
		}
	}
	produce(1)
	produce(1)
	_, first := p.Leader()
	decide(metadata.FenceBroker{ID: 1}) // 2 leads, and 1 comes back as its follower
	decide(metadata.UnfenceBroker{ID: 1})
	produce(2)
	leader, second := p.Leader()
	if leader != 2 || second <= first {
		t.Fatalf("leader %d at epoch %d after %d", leader, second, first)
	}
	read := func(r partition.Read) (partition.Slice, error) {
		r.MaxBytes, r.AtLeastOne = 1<<20, true
		return p.Fetch(r)
	}
	for _, c := range []struct {
		name      string
		read      partition.Read
		diverging *partition.Diverging
		records   bool
		err       error
	}{
		{"the same history", partition.Read{Broker: 2, ClientEpoch: -1, Offset: 2, LastEpoch: first}, nil, true, nil},
		{"records that are not here", partition.Read{Broker: 2, ClientEpoch: second, Offset: 3, LastEpoch: first}, &partition.Diverging{Epoch: first, End: 2}, false, nil},
		{"an epoch that is not here", partition.Read{Broker: 2, ClientEpoch: -1, Offset: 3, LastEpoch: second + 1}, nil, false, kerr.OffsetOutOfRange},
		{"a follower", partition.Read{Broker: 1, ClientEpoch: second, Offset: 0, LastEpoch: -1}, nil, true, nil},
		{"a follower, an old epoch", partition.Read{Broker: 1, ClientEpoch: first, Offset: 0, LastEpoch: -1}, nil, false, kerr.FencedLeaderEpoch},
		{"a follower, an epoch to come", partition.Read{Broker: 1, ClientEpoch: second + 1, Offset: 0, LastEpoch: -1}, nil, false, kerr.UnknownLeaderEpoch},
		{"a follower, an old epoch, the leader wanted", partition.Read{Broker: 1, ClientEpoch: first, LeaderOnly: true, Offset: 0, LastEpoch: -1}, nil, false, kerr.FencedLeaderEpoch},
		{"a follower, the leader wanted", partition.Read{Broker: 1, ClientEpoch: -1, LeaderOnly: true, Offset: 0, LastEpoch: -1}, nil, false, kerr.NotLeaderForPartition},
		{"no replica", partition.Read{Broker: 3, ClientEpoch: -1, Offset: 0, LastEpoch: -1}, nil, false, kerr.NotLeaderForPartition},
	} {
		s, err := read(c.read)
		same := (s.Diverging == nil) == (c.diverging == nil) && (c.diverging == nil || *s.Diverging == *c.diverging)
		if !errors.Is(err, c.err) || !same || (len(s.Records) > 0) != c.records {
			t.Errorf("%s: diverging %v, %d bytes, %v", c.name, s.Diverging, len(s.Records), err)
		}
	}
}
