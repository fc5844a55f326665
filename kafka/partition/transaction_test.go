package partition_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
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

const leader = 1

var at = time.UnixMilli(1_700_000_000_000)

// topic makes a topic's partition that broker 1 leads, over a directory.
func topic(t *testing.T, dir *storage.Dir, configs ...string) *partition.Partition {
	t.Helper()
	core := metadata.New(metadata.Params{ClusterID: "c", ControllerID: leader})
	do := func(req any) any {
		d := core.Decide(at, 1, req)
		for _, r := range d.Records {
			core.Apply(r, at)
		}
		return d.Replies[0].Value
	}
	do(metadata.RegisterBrokers{Brokers: []metadata.Broker{{ID: leader, Listeners: map[string]metadata.Endpoint{"CLIENT": {Host: "h", Port: 9092}}}}})
	req := kmsg.NewPtrCreateTopicsRequest()
	in := kmsg.NewCreateTopicsRequestTopic()
	in.Topic, in.NumPartitions, in.ReplicationFactor = "t", 1, 1
	for i := 0; i+1 < len(configs); i += 2 {
		in.Configs = append(in.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: configs[i], Value: &configs[i+1]})
	}
	req.Topics = append(req.Topics, in)
	do(metadata.CreateTopics{Req: req, IDs: [][16]byte{{1}}})
	set := partition.New(partition.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err := set.Apply(core.Image(), func() {}); err != nil {
		t.Fatal(err)
	}
	p, err := set.Find("t", 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func openDir(t *testing.T, fsys vfs.FS) *storage.Dir {
	t.Helper()
	dir, err := storage.OpenDir(fsys, "data", storage.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

func data(producer int64, epoch int16, sequence int32, transactional bool) record.Batch {
	b := record.NewBuilder(record.BuilderOptions{ProducerID: producer, ProducerEpoch: epoch, BaseSequence: sequence, Idempotent: true, Transactional: transactional})
	b.Add(at.UnixMilli(), nil, []byte("v"))
	return b.Batch()
}

func produce(p *partition.Partition, b record.Batch, v partition.Verification) error {
	a, err := p.Produce(leader, b, -1, at, v)
	if err != nil {
		return err
	}
	return p.WaitCommitted(context.Background(), a.Last+1, a.Epoch)
}

func mark(t *testing.T, p *partition.Partition, producer int64, epoch int16, m record.Marker) {
	t.Helper()
	end, leaderEpoch, err := p.AppendMarker(leader, producer, epoch, m, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WaitCommitted(t.Context(), end, leaderEpoch); err != nil {
		t.Fatal(err)
	}
}

// TestVerification is KIP-890 part 1: no batch opens a transaction that the
// coordinator may have ended meanwhile.
func TestVerification(t *testing.T) {
	p := topic(t, openDir(t, vfs.NewMemory()), "message.timestamp.type", "LogAppendTime")
	if err := produce(p, data(7, 0, 0, true), partition.Verification{}); !errors.Is(err, partition.ErrUnverified) || !errors.Is(err, kerr.InvalidTxnState) {
		t.Fatalf("without a verification: %v", err)
	}
	stale, needed := p.Verify(7, 0)
	if !needed {
		t.Fatal("an unknown producer needs no verification")
	}
	mark(t, p, 7, 0, record.Marker{}) // the transaction times out before its first batch comes
	for name, err := range map[string]error{
		"a marker came in between":  produce(p, data(7, 0, 0, true), stale),
		"of another producer":       produce(p, data(8, 0, 0, true), stale),
		"of another producer epoch": produce(p, data(7, 1, 0, true), stale),
	} {
		if !errors.Is(err, partition.ErrUnverified) {
			t.Errorf("%s: %v", name, err)
		}
	}
	v, _ := p.Verify(7, 0)
	if err := produce(p, data(7, 0, 0, true), v); err != nil {
		t.Fatal(err)
	}
	if _, needed := p.Verify(7, 0); needed {
		t.Error("an open transaction needs a verification")
	}
	if err := produce(p, data(7, 0, 1, true), partition.Verification{}); err != nil {
		t.Errorf("a second batch: %v", err)
	}
	if err := produce(p, data(7, 0, 2, false), partition.Verification{}); !errors.Is(err, kerr.InvalidTxnState) {
		t.Errorf("a plain batch in the transaction: %v", err)
	}
	if _, needed := p.Verify(7, 1); !needed {
		t.Error("a higher epoch, under which the transaction may have ended, needs no verification")
	}
	mark(t, p, 7, 1, record.Marker{Commit: true, CoordinatorEpoch: 4}) // transactions v2: the epoch goes up
	if err := produce(p, data(7, 0, 2, true), v); !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("the old epoch: %v", err)
	}
	if _, needed := p.Verify(7, 0); !needed {
		t.Error("an old epoch is not the coordinator's to refuse")
	}
	if _, _, err := p.AppendMarker(leader, 7, 1, record.Marker{CoordinatorEpoch: 3}, at); !errors.Is(err, kerr.TransactionCoordinatorFenced) {
		t.Errorf("a marker of an older coordinator: %v", err)
	}
	if _, _, err := p.AppendMarker(leader, 7, 0, record.Marker{CoordinatorEpoch: 4}, at); !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("a marker of an older epoch: %v", err)
	}
	if _, _, err := p.AppendMarker(2, 7, 1, record.Marker{}, at); !errors.Is(err, kerr.NotLeaderForPartition) {
		t.Errorf("a marker to another broker: %v", err)
	}
	next, needed := p.Verify(7, 2)
	if !needed {
		t.Error("the next transaction of v2 needs no verification")
	}
	mark(t, p, 7, 2, record.Marker{Commit: true, CoordinatorEpoch: 4}) // of the one before, which the coordinator waits for
	if err := produce(p, data(7, 2, 0, true), next.FromZero()); err != nil {
		t.Errorf("the next transaction, begun while the one before ended: %v", err)
	}
	mark(t, p, 7, 3, record.Marker{CoordinatorEpoch: 4})
	if err := produce(p, data(7, 2, 1, true), next.FromZero()); !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("after its end: %v", err)
	}
	v, _ = p.Verify(9, 0)
	if err := produce(p, data(9, 0, 5, true), v.FromZero()); !errors.Is(err, kerr.OutOfOrderSequenceNumber) {
		t.Errorf("transactions v2 begin at sequence 5: %v", err)
	}
	got, err := p.Producers(leader)
	want := storage.ProducerState{ID: 7, Epoch: 3, FirstSequence: -1, LastSequence: -1, LastOffset: -1, LastTimestamp: at.UnixMilli(), CoordinatorEpoch: 4, TransactionStart: -1}
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("producers %+v, %v; want %+v", got, err, want)
	}
}

// TestReadCommitted follows a reader of each isolation level over an open, an
// aborted and a committed transaction.
func TestReadCommitted(t *testing.T) {
	p := topic(t, openDir(t, vfs.NewMemory()), "message.timestamp.type", "LogAppendTime")
	begin := func(producer int64) {
		t.Helper()
		v, _ := p.Verify(producer, 0)
		if err := produce(p, data(producer, 0, 0, true), v); err != nil {
			t.Fatal(err)
		}
	}
	sees := func(committed bool, from, end int64, aborted ...storage.AbortedTransaction) {
		t.Helper()
		s, err := p.Fetch(partition.Read{Broker: leader, ClientEpoch: -1, Offset: from, MaxBytes: 1 << 20, Committed: committed})
		if err != nil {
			t.Fatal(err)
		}
		got := from
		for rest := s.Records; len(rest) > 0; {
			var b record.Batch
			if b, rest, err = record.Split(rest); err != nil {
				t.Fatal(err)
			}
			got = b.LastOffset() + 1
		}
		if got != end || !slices.Equal(s.Aborted, aborted) {
			t.Errorf("committed %v from %d: to %d with %v aborted, want %d with %v", committed, from, got, s.Aborted, end, aborted)
		}
		l, err := p.Lookup(partition.Search{Broker: leader, ClientEpoch: -1, Timestamp: partition.Latest, Committed: committed})
		if err != nil || l.Offset != end {
			t.Errorf("committed %v: latest is %d, %v; want %d", committed, l.Offset, err, end)
		}
		if l, err := p.Lookup(partition.Search{Broker: leader, ClientEpoch: -1, Timestamp: at.UnixMilli(), Committed: committed}); err != nil || (l.Offset == 0) != (end > 0) {
			t.Errorf("committed %v: the first record by time is at %d, %v", committed, l.Offset, err)
		}
	}
	begin(7) // at offset 0, and 8 at 1, a plain batch at 2
	begin(8)
	if err := produce(p, data(9, 0, 0, false), partition.Verification{}); err != nil {
		t.Fatal(err)
	}
	sees(true, 0, 0)
	sees(false, 0, 3)
	w := partition.NewWaiter()
	p.Watch(w)
	defer p.Unwatch(w)
	<-drained(w.C)
	mark(t, p, 7, 0, record.Marker{}) // 3
	<-w.C                             // the last stable offset has moved
	sees(true, 0, 1, storage.AbortedTransaction{ProducerID: 7, FirstOffset: 0})
	sees(false, 0, 4)
	mark(t, p, 8, 0, record.Marker{Commit: true}) // 4
	sees(true, 0, 5, storage.AbortedTransaction{ProducerID: 7, FirstOffset: 0})
	sees(true, 4, 5)
	begin(10) // 5
	if o := p.Offsets(); o.LastStable != 5 || o.HighWatermark != 6 {
		t.Errorf("limits %+v, want 5 of 6 stable", o)
	}
	<-drained(w.C)
	if start, err := p.DeleteBefore(leader, -1); start != 6 || err != nil {
		t.Errorf("delete all: %d, %v", start, err)
	}
	<-w.C
	if o := p.Offsets(); o.LastStable != 6 || o.Start != 6 {
		t.Errorf("limits %+v, want 6 stable, where the log begins", o)
	}
}

// drained empties a channel and returns one that is ready.
func drained(c chan struct{}) <-chan struct{} {
	select {
	case <-c:
	default:
	}
	ready := make(chan struct{})
	close(ready)
	return ready
}
