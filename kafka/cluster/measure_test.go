package cluster_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/vfs"
)

// total adds up what all brokers counted.
func total(r measure.Reading, of func(*measure.Broker) int64) (n int64) {
	for _, b := range r.Brokers {
		n += of(b.Counts)
	}
	return n
}

func TestBrokersCountTraffic(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 3, nil); err != nil {
		t.Fatal(err)
	}
	r.produce(t, "t", "a", "bb", "ccc")
	cl := r.client(t, kgo.ConsumeTopics("t"), kgo.ConsumerGroup("g"), kgo.DisableAutoCommit())
	for seen := 0; seen < 3; {
		f := cl.PollFetches(t.Context())
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		seen += f.NumRecords()
	}
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 1, -1)
	if err := kadm.NewClient(r.client(t)).CommitAllOffsets(t.Context(), "lagging", offsets); err != nil {
		t.Fatal(err)
	}

	got := r.c.Measure(time.Now())
	in := total(got, func(b *measure.Broker) int64 { return b.Topic("t").BytesIn.Count() })
	if n := total(got, func(b *measure.Broker) int64 { return b.Topic("t").MessagesIn.Count() }); n != 3 || in < 180 {
		t.Errorf("%d messages, %d bytes came in", n, in)
	}
	if out := total(got, func(b *measure.Broker) int64 { return b.Topic("t").BytesOut.Count() }); out != in {
		t.Errorf("%d bytes went out, %d came in", out, in)
	}
	if n := total(got, func(b *measure.Broker) int64 { return b.All.ProduceRequests.Count() }); n != 3 {
		t.Errorf("%d produce requests", n)
	}
	if n := total(got, func(b *measure.Broker) int64 { n, _ := b.Request(0).Total.Totals(); return n }); n != 3 {
		t.Errorf("the times of %d produce requests", n)
	}
	if n := total(got, func(b *measure.Broker) int64 { c := b.Listener("CLIENT"); return c.Opened.Count() - c.Closed.Count() }); n < 1 {
		t.Errorf("%d open connections", n)
	}
	leads, holds := 0, 0
	for _, b := range got.Brokers {
		leads, holds = leads+b.Leads, holds+b.Holds
		if !b.Running || b.UnderReplicated != 0 || b.UnderMinISR != 0 || !b.HoldsUsers || b.LogBytes == 0 {
			t.Errorf("broker %d: %+v", b.ID, b)
		}
	}
	if leads != len(got.Partitions) || holds != 3*leads || got.Controller != 1 || got.Topics != 2 {
		t.Errorf("%d led and %d held of %d partitions of %d topics, controller %d", leads, holds, len(got.Partitions), got.Topics, got.Controller)
	}
	lag := map[string]int64{}
	for _, o := range r.c.GroupOffsets(t.Context()) {
		if o.Topic == "t" {
			lag[o.Group] += o.Lag()
		}
	}
	if lag["lagging"] != 2 {
		t.Errorf("lag by group: %v", lag)
	}
}

func TestAStoppedBrokerShowsInGauges(t *testing.T) {
	r := open(t, vfs.NewMemory(), nil)
	if err := r.create(t, "t", 3, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.c.StopBroker(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	got := r.c.Measure(time.Now())
	under := 0
	for _, b := range got.Brokers {
		under += b.UnderReplicated
		if b.Running != (b.ID != 2) || b.ID == 2 && b.Leads != 0 {
			t.Errorf("broker %d: %+v", b.ID, b)
		}
	}
	if n := total(got, func(b *measure.Broker) int64 { return b.ISRShrinks.Count() }); n != 3 || under != 3 {
		t.Errorf("%d shrinks, %d partitions under-replicated", n, under)
	}
	if err := r.c.StartBroker(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	got = r.c.Measure(time.Now())
	if n := total(got, func(b *measure.Broker) int64 { return b.ISRExpands.Count() }); n != 3 {
		t.Errorf("%d expands", n)
	}
}

// TestOfflineReplicas: all replicas of all brokers are offline once their log
// directory has failed.
func TestOfflineReplicas(t *testing.T) {
	var broken atomic.Bool
	r := open(t, vfs.NewFaulty(vfs.NewMemory(), func(op vfs.Op) error {
		if broken.Load() && op.Kind == "sync" {
			return errors.New("the disk is gone")
		}
		return nil
	}), nil)
	if err := r.create(t, "t", 3, nil); err != nil {
		t.Fatal(err)
	}
	offline := func() (held, offline int) {
		for _, b := range r.c.Measure(time.Now()).Brokers {
			held, offline = held+b.Holds, offline+b.Offline
		}
		return held, offline
	}
	if held, n := offline(); held < 3 || n != 0 {
		t.Errorf("%d of %d replicas are offline at first", n, held)
	}
	broken.Store(true)
	cl := r.client(t, kgo.DefaultProduceTopic("t"), kgo.RecordRetries(0))
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("v")).FirstErr(); err == nil {
		t.Fatal("a record is acknowledged without a disk")
	}
	if held, n := offline(); n != held {
		t.Errorf("%d of %d replicas are offline", n, held)
	}
}
