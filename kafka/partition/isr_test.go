package partition_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/vfs"
)

// trio is a partition on three brokers with min.insync.replicas=2, whose disk
// syncs when it is let.
type trio struct {
	*partition.Partition
	set  *partition.Set
	core *metadata.Core
	sync func() // lets the log be synced from here on
}

func newTrio(t *testing.T) *trio {
	t.Helper()
	open := make(chan struct{})
	s := &trio{core: metadata.New(metadata.Params{ClusterID: "c", ControllerID: 1}), sync: sync.OnceFunc(func() { close(open) })}
	dir := openDir(t, vfs.NewFaulty(vfs.NewMemory(), func(op vfs.Op) error {
		if op.Kind == "sync" && strings.HasSuffix(op.Name, ".log") {
			<-open
		}
		return nil
	}))
	t.Cleanup(s.sync) // before the directory closes
	s.set = partition.New(partition.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	s.do(t, metadata.RegisterBrokers{Brokers: []metadata.Broker{{ID: 1}, {ID: 2}, {ID: 3}}})
	req := kmsg.NewPtrCreateTopicsRequest()
	in := kmsg.NewCreateTopicsRequestTopic()
	in.Topic, in.NumPartitions, in.ReplicationFactor = "t", -1, -1
	in.ReplicaAssignment = []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Replicas: []int32{1, 2, 3}}}
	in.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "min.insync.replicas", Value: kmsg.StringPtr("2")}}
	req.Topics = append(req.Topics, in)
	s.do(t, metadata.CreateTopics{Req: req, IDs: [][16]byte{{1}}})
	var err error
	if s.Partition, err = s.set.Find("t", 0); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *trio) do(t *testing.T, reqs ...any) {
	t.Helper()
	for _, req := range reqs {
		for _, r := range s.core.Decide(at, 1, req).Records {
			s.core.Apply(r, at)
		}
	}
	if err := s.set.Apply(s.core.Image(), func() {}); err != nil {
		t.Fatal(err)
	}
}

func (s *trio) append(t *testing.T, broker int32, acks int16) partition.Append {
	t.Helper()
	a, err := s.Produce(broker, data(-1, -1, -1, false), acks, at, partition.Verification{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// acked waits for an append, in vain when nothing more is to come.
func (s *trio) acked(a partition.Append) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	return s.WaitAcked(ctx, a.Last+1, a.Epoch)
}

// TestISRShrinksUnderAProducer is acks=all with min.insync.replicas=2 when the
// ISR becomes 1: before the append, between append and commit, and after that.
func TestISRShrinksUnderAProducer(t *testing.T) {
	s := newTrio(t)
	fence := []any{metadata.FenceBroker{ID: 2}, metadata.FenceBroker{ID: 3}}
	unfence := []any{metadata.UnfenceBroker{ID: 2}, metadata.UnfenceBroker{ID: 3}}

	before := s.append(t, 1, -1)
	s.do(t, fence...)
	s.sync()
	if err := s.acked(before); !errors.Is(err, context.DeadlineExceeded) || s.Offsets().HighWatermark != 0 {
		t.Errorf("shrunk before the commit: %v, high watermark %d", err, s.Offsets().HighWatermark)
	}
	if _, err := s.Produce(1, data(-1, -1, -1, false), -1, at, partition.Verification{}); !errors.Is(err, kerr.NotEnoughReplicas) {
		t.Errorf("shrunk before the append: %v", err)
	}
	s.do(t, unfence...)
	if err := s.acked(before); err != nil {
		t.Errorf("grown again: %v", err)
	}
	s.do(t, fence...)
	if err := s.acked(before); !errors.Is(err, kerr.NotEnoughReplicasAfterAppend) {
		t.Errorf("shrunk after the commit: %v", err)
	}
}

// TestLeaderMovesUnderAProducer: who waits is told, and the record is committed
// under the next leader all the same.
func TestLeaderMovesUnderAProducer(t *testing.T) {
	s := newTrio(t)
	a := s.append(t, 1, -1)
	told := make(chan error, 1)
	go func() { told <- s.WaitAcked(context.Background(), a.Last+1, a.Epoch) }()
	s.do(t, metadata.FenceBroker{ID: 1})
	if err := <-told; !errors.Is(err, kerr.NotLeaderForPartition) {
		t.Errorf("a producer at the old leader: %v", err)
	}
	if _, err := s.Produce(1, data(-1, -1, -1, false), 1, at, partition.Verification{}); !errors.Is(err, kerr.NotLeaderForPartition) {
		t.Errorf("the old leader appends: %v", err)
	}
	next := s.append(t, 2, -1)
	s.sync()
	if err := s.WaitAcked(t.Context(), next.Last+1, next.Epoch); err != nil {
		t.Fatal(err)
	}
	if o := s.Offsets(); o.HighWatermark != 2 || next.Base != 1 {
		t.Errorf("the next leader appended at %d, high watermark %d", next.Base, o.HighWatermark)
	}
}
