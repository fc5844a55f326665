package broker

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/kafka/wire"
	"github.com/millrace/millrace/vfs"
)

// node1 is broker 1 of a cluster of one, over a log directory in memory.
type node1 struct {
	*Broker
	core  *metadata.Core
	set   *partition.Set
	image atomic.Pointer[metadata.Image]
	show  func() // called before an image is published; nil for nothing
}

func newNode(t testing.TB, static map[string]string) *node1 {
	t.Helper()
	dir, err := storage.OpenDir(vfs.NewMemory(), "data", storage.DirOptions{PageCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	log := slog.New(slog.DiscardHandler)
	n := &node1{core: metadata.New(metadata.Params{Static: static}), set: partition.New(partition.Config{Dir: dir, Log: log})}
	n.Broker = New(Config{ID: 1, Image: n.image.Load, Partitions: n.set, Log: log})
	n.decide(t, metadata.RegisterBrokers{Brokers: []metadata.Broker{{ID: 1, Rack: "a"}}})
	return n
}

func (n *node1) decide(t testing.TB, req any) any {
	t.Helper()
	d := n.core.Decide(time.Now(), 1, req)
	for _, r := range d.Records {
		n.core.Apply(r, time.Now())
	}
	img := n.core.Image()
	show := func() {
		if n.show != nil {
			n.show()
		}
		n.image.Store(img)
	}
	if err := n.set.Apply(img, show); err != nil {
		t.Fatal(err)
	}
	return d.Replies[0].Value
}

func (n *node1) topic(t testing.TB, name string, partitions int32) {
	t.Helper()
	resp := n.decide(t, metadata.CreateTopics{
		Req: &kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}}},
		IDs: [][16]byte{{0: 1, 1: name[0], 2: byte(len(name))}},
	}).(*kmsg.CreateTopicsResponse)
	if resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create topic: %+v", resp.Topics[0])
	}
}

// produce appends one record with a value of that many bytes.
func (n *node1) produce(t testing.TB, topic string, index int32, bytes int) {
	t.Helper()
	p, err := n.set.Find(topic, index)
	if err != nil {
		t.Fatal(err)
	}
	b := record.NewBuilder(record.BuilderOptions{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
	b.Add(time.Now().UnixMilli(), nil, make([]byte, bytes))
	if _, err := p.Produce(1, b.Batch(), 1, time.Now(), partition.Verification{}); err != nil {
		t.Fatal(err)
	}
}

// fetchRequest asks for the beginning of partitions of a topic.
func fetchRequest(topic string, partitions int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.MinBytes = 12, 1<<20, 1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	for i := range partitions {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.PartitionMaxBytes = i, 1<<20
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func (n *node1) ask(t testing.TB, req *kmsg.FetchRequest) *kmsg.FetchResponse {
	t.Helper()
	answer := n.Handle(t.Context(), &listener.Request{
		Header: wire.Header{Key: 1, Version: req.Version}, Msg: req, Session: &listener.Session{Listener: "CLIENT"},
		MayRead: func(string) (bool, bool) { return true, true },
	})
	resp := answer(t.Context())
	if a, ok := resp.(*listener.Fetched); ok {
		return a.FetchResponse // never released
	}
	return resp.(*kmsg.FetchResponse)
}

func sizes(resp *kmsg.FetchResponse) (out []int) {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			out = append(out, len(p.RecordBatches))
		}
	}
	return out
}

// TestLimits: the first partition with data gives one batch, whatever the
// limits; after it they hold (KIP-74).
func TestLimits(t *testing.T) {
	n := newNode(t, map[string]string{"fetch.max.bytes": "5000"})
	n.topic(t, "t", 4)
	for _, p := range []int32{1, 2, 3} {
		n.produce(t, "t", p, 1000)
		n.produce(t, "t", p, 1000)
	}
	const batch = 1000 + 61 + 9 // a header, and a record's own fields
	for _, c := range []struct {
		all, each int32
		want      string
	}{
		{1 << 20, 1 << 20, fmt.Sprint([]int{0, 2 * batch, 2 * batch, 0})}, // fetch.max.bytes
		{1, 1, fmt.Sprint([]int{0, batch, 0, 0})},
		{0, 0, fmt.Sprint([]int{0, batch, 0, 0})},
		{2 * batch, batch + 5, fmt.Sprint([]int{0, batch, batch, 0})},
		{3*batch + 1, batch, fmt.Sprint([]int{0, batch, batch, batch})},
		{1 << 20, batch - 1, fmt.Sprint([]int{0, batch, 0, 0})},
	} {
		req := fetchRequest("t", 4)
		req.MaxBytes = c.all
		for i := range req.Topics[0].Partitions {
			req.Topics[0].Partitions[i].PartitionMaxBytes = c.each
		}
		if got := fmt.Sprint(sizes(n.ask(t, req))); got != c.want {
			t.Errorf("max %d, a partition %d: %s, want %s", c.all, c.each, got, c.want)
		}
	}
}

// TestNoPartitionStarves: a session whose answers hold one batch reads its
// partitions in turn.
func TestNoPartitionStarves(t *testing.T) {
	n := newNode(t, nil)
	n.topic(t, "t", 3)
	for p := range int32(3) {
		n.produce(t, "t", p, 100)
	}
	req := fetchRequest("t", 3)
	req.MaxBytes, req.SessionEpoch = 1, 0
	resp := n.ask(t, req)
	next := &kmsg.FetchRequest{Version: 12, ReplicaID: -1, MaxBytes: 1, MinBytes: 1, SessionID: resp.SessionID, ReplicaState: kmsg.NewFetchRequestReplicaState()}
	var order []int32
	for epoch := int32(1); epoch <= 6; epoch++ {
		next.SessionEpoch = epoch
		for _, p := range n.ask(t, next).Topics[0].Partitions {
			if len(p.RecordBatches) > 0 {
				order = append(order, p.Partition)
			}
		}
	}
	if got, want := fmt.Sprint(order), "[0 1 2 0 1 2]"; got != want {
		t.Errorf("partitions gave data in the order %s, want %s", got, want)
	}
}

// TestParkedFetch: a fetch waits for min.bytes, and ends early for a topic that
// is deleted.
func TestParkedFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil)
		n.topic(t, "t", 2)
		start := time.Now()
		park := func(minBytes int32) chan *kmsg.FetchResponse {
			req := fetchRequest("t", 2)
			req.MinBytes, req.MaxWaitMillis = minBytes, 60_000
			done := make(chan *kmsg.FetchResponse, 1)
			go func() { done <- n.ask(t, req) }()
			synctest.Wait()
			return done
		}
		one, many := park(1), park(500)
		time.Sleep(time.Second)
		n.produce(t, "t", 1, 300)
		if got := sizes(<-one); got[1] < 300 || time.Since(start) != time.Second {
			t.Errorf("%v after %v", got, time.Since(start))
		}
		time.Sleep(time.Second)
		n.produce(t, "t", 0, 300)
		if got := sizes(<-many); got[0] < 300 || got[1] < 300 || time.Since(start) != 2*time.Second {
			t.Errorf("%v after %v", got, time.Since(start))
		}
		never := park(1 << 20)
		time.Sleep(time.Second)
		n.decide(t, &kmsg.DeleteTopicsRequest{Version: 5, TopicNames: []string{"t"}})
		for _, p := range (<-never).Topics[0].Partitions {
			if p.ErrorCode != kerr.UnknownTopicOrPartition.Code || time.Since(start) != 3*time.Second {
				t.Errorf("a deleted topic's partition: %d after %v", p.ErrorCode, time.Since(start))
			}
		}
	})
}

// TestFetchOfOneImage: a fetch that the deletion of a topic wakes answers by the
// image without it, for each of its partitions, also when it reads other topics.
func TestFetchOfOneImage(t *testing.T) {
	for _, other := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, nil)
			n.topic(t, "stays", 1)
			n.topic(t, "t", 20)
			req := fetchRequest("t", 20)
			if other {
				req.Topics = append(req.Topics, fetchRequest("stays", 1).Topics...)
			}
			req.MinBytes, req.MaxWaitMillis = 1<<20, 60_000
			done := make(chan *kmsg.FetchResponse, 1)
			start := time.Now()
			go func() { done <- n.ask(t, req) }()
			synctest.Wait()
			n.show = synctest.Wait // who was woken already answers by the image before
			n.decide(t, &kmsg.DeleteTopicsRequest{Version: 5, TopicNames: []string{"t"}})
			resp := <-done
			if waited := time.Since(start); waited != 0 {
				t.Errorf("the fetch ended after %v", waited)
			}
			for _, topic := range resp.Topics {
				want := map[string]int16{"t": kerr.UnknownTopicOrPartition.Code}[topic.Topic]
				for _, p := range topic.Partitions {
					if p.ErrorCode != want {
						t.Errorf("%s-%d has error %d, want %d", topic.Topic, p.Partition, p.ErrorCode, want)
					}
				}
			}
		})
	}
}

// BenchmarkIdleFetch is a poll of partitions that have nothing new.
func BenchmarkIdleFetch(b *testing.B) {
	n := newNode(b, nil)
	for i := range 10 {
		n.topic(b, string(rune('a'+i))+"-topic", 100)
	}
	full := kmsg.NewPtrFetchRequest()
	full.Version, full.MaxBytes, full.MinBytes, full.MaxWaitMillis = 12, 1<<20, 1, 1
	for i := range 10 {
		full.Topics = append(full.Topics, fetchRequest(string(rune('a'+i))+"-topic", 100).Topics...)
	}
	for _, park := range []bool{false, true} {
		name := map[bool]string{false: "at once", true: "parked 1 ms"}[park]
		full.MaxWaitMillis = map[bool]int32{false: 0, true: 1}[park]
		b.Run("full/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n.ask(b, full)
			}
		})
		first := *full
		first.SessionEpoch = 0
		next := &kmsg.FetchRequest{Version: 12, ReplicaID: -1, MaxBytes: 1 << 20, MinBytes: 1, MaxWaitMillis: full.MaxWaitMillis, SessionID: n.ask(b, &first).SessionID, ReplicaState: kmsg.NewFetchRequestReplicaState()}
		b.Run("session/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				next.SessionEpoch = nextEpoch(next.SessionEpoch)
				if n.ask(b, next).ErrorCode != 0 {
					b.Fatal("the session has ended")
				}
			}
		})
	}
}

// TestOneSessionFromManyConnections: requests of one session that come together
// are each answered, and all but one at an epoch with an error.
func TestOneSessionFromManyConnections(t *testing.T) {
	n := newNode(t, nil)
	n.topic(t, "t", 20)
	for p := range int32(20) {
		n.produce(t, "t", p, 100)
	}
	first := fetchRequest("t", 20)
	first.SessionEpoch = 0
	id := n.ask(t, first).SessionID
	const epochs, clients = 50, 4
	var done sync.WaitGroup
	var answered atomic.Int64
	for range clients {
		done.Go(func() {
			for epoch := int32(1); epoch <= epochs; {
				req := fetchRequest("t", 1)
				req.SessionID, req.SessionEpoch = id, epoch
				switch resp := n.ask(t, req); resp.ErrorCode {
				case 0:
					answered.Add(1)
					epoch++
				case kerr.InvalidFetchSessionEpoch.Code: // another client was first, or came after
					epoch++
				default:
					t.Errorf("error %d", resp.ErrorCode)
					return
				}
			}
		})
	}
	done.Wait()
	if got := answered.Load(); got == 0 || got > epochs {
		t.Errorf("%d requests of %d epochs were answered", got, epochs)
	}
	if n.sessions.parts != 20 {
		t.Errorf("%d partitions are remembered", n.sessions.parts)
	}
}
