package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/vfs"
)

// bothVersions runs a test on a cluster with transactions V2 and on one without
// the feature.
func bothVersions(t *testing.T, run func(t *testing.T, version string)) {
	for _, version := range []string{"4.1.x.kraft", "3.6.0"} {
		t.Run(version, func(t *testing.T) { run(t, version) })
	}
}

func openVersion(t *testing.T, fs vfs.FS, version string) *running {
	return open(t, fs, func(c *cluster.Config) { c.KafkaVersion = version })
}

func (r *running) producer(t *testing.T, id string, opts ...kgo.Opt) *kgo.Client {
	return r.client(t, append([]kgo.Opt{kgo.TransactionalID(id), kgo.TransactionTimeout(20 * time.Second), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
}

// transact produces values in one transaction and ends it.
func transact(t *testing.T, cl *kgo.Client, end kgo.TransactionEndTry, values ...string) error {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	var records []*kgo.Record
	for i, v := range values {
		records = append(records, &kgo.Record{Topic: "t", Partition: int32(i % 2), Value: []byte(v)})
	}
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		cl.EndTransaction(t.Context(), kgo.TryAbort)
		return err
	}
	return cl.EndTransaction(t.Context(), end)
}

// readCommitted reads a topic up to its last stable offset, and returns the
// values sorted.
func (r *running) readCommitted(t *testing.T, topic string) (values []string) {
	t.Helper()
	cl := r.client(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(t.Context(), topic)
	if err != nil || ends.Error() != nil {
		t.Fatal(err, ends.Error())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	at := make(map[int32]int64)
	behind := func() (behind bool) {
		ends.Each(func(o kadm.ListedOffset) { behind = behind || at[o.Partition] < o.Offset })
		return behind
	}
	for behind() {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatalf("read to %v of %v: %v", at, ends, err)
		}
		f.EachRecord(func(rec *kgo.Record) {
			at[rec.Partition] = rec.Offset + 1
			if !rec.Attrs.IsControl() {
				values = append(values, string(rec.Value))
			}
		})
	}
	slices.Sort(values)
	return values
}

// quiet waits until no transaction of the cluster is under way.
func (r *running) quiet(t *testing.T) {
	t.Helper()
	admin := kadm.NewClient(r.client(t))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		list, err := admin.ListTransactions(ctx, nil, []string{"Ongoing", "PrepareCommit", "PrepareAbort"})
		if ctx.Err() != nil {
			t.Fatalf("transactions are still under way: %+v", list)
		}
		if err == nil && len(list) == 0 {
			return
		}
	}
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestTransactionsCommitAndAbort(t *testing.T) {
	bothVersions(t, func(t *testing.T, version string) {
		disk := vfs.NewMemory()
		r := openVersion(t, disk, version)
		if err := r.create(t, "t", 2, nil); err != nil {
			t.Fatal(err)
		}
		cl := r.producer(t, "tx")
		var want []string
		for i := range 10 {
			a, b := fmt.Sprint("a", i), fmt.Sprint("b", i)
			end := kgo.TryAbort
			if i%3 != 2 {
				want, end = append(want, a, b), kgo.TryCommit
			}
			if err := transact(t, cl, end, a, b); err != nil {
				t.Fatalf("transaction %d: %v", i, err)
			}
		}
		r.quiet(t)
		same(t, "committed", r.readCommitted(t, "t"), want...)

		r.close(t)
		r = openVersion(t, disk, version)
		same(t, "committed, after reopening", r.readCommitted(t, "t"), want...)
		if err := transact(t, r.producer(t, "tx"), kgo.TryCommit, "last"); err != nil {
			t.Fatal(err)
		}
		r.quiet(t)
		same(t, "and one more", r.readCommitted(t, "t"), append(want, "last")...)
	})
}

func TestASecondInstanceFences(t *testing.T) {
	bothVersions(t, func(t *testing.T, version string) {
		r := openVersion(t, vfs.NewMemory(), version)
		if err := r.create(t, "t", 2, nil); err != nil {
			t.Fatal(err)
		}
		first, second := r.producer(t, "tx"), r.producer(t, "tx")
		if err := first.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := first.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("zombie")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := transact(t, second, kgo.TryCommit, "a", "b"); err != nil {
			t.Fatalf("the second instance: %v", err)
		}
		err := first.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("zombie")}).FirstErr()
		if err == nil {
			err = first.EndTransaction(t.Context(), kgo.TryCommit)
		}
		if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) {
			t.Errorf("the first instance: %v", err)
		}
		r.quiet(t)
		same(t, "committed", r.readCommitted(t, "t"), "a", "b")
	})
}

func TestConsumeTransformProduce(t *testing.T) {
	bothVersions(t, func(t *testing.T, version string) {
		r := openVersion(t, vfs.NewMemory(), version)
		for _, topic := range []string{"in", "t"} {
			if err := r.create(t, topic, 2, nil); err != nil {
				t.Fatal(err)
			}
		}
		r.produce(t, "in", "a", "b", "c", "d", "e", "f")
		s, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(r.seeds...), kgo.TransactionalID("tx"),
			kgo.ConsumerGroup("g"), kgo.ConsumeTopics("in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var done []string
		for round := 0; len(done) < 6; round++ {
			f := s.PollRecords(ctx, 2)
			if err := f.Err(); err != nil {
				t.Fatal(err)
			}
			if err := s.Begin(); err != nil {
				t.Fatal(err)
			}
			var made []string
			f.EachRecord(func(rec *kgo.Record) {
				v := strings.ToUpper(string(rec.Value))
				made = append(made, v)
				s.Produce(ctx, &kgo.Record{Topic: "t", Value: []byte(v)}, nil)
			})
			committed, err := s.End(ctx, kgo.TransactionEndTry(round%2 == 1)) // every second is aborted and read again
			if err != nil {
				t.Fatal(err)
			}
			if committed {
				done = append(done, made...)
			}
		}
		r.quiet(t)
		same(t, "transformed", r.readCommitted(t, "t"), "A", "B", "C", "D", "E", "F")
		offsets, err := kadm.NewClient(r.client(t)).FetchOffsets(t.Context(), "g")
		if o, ok := offsets.Lookup("in", 0); err != nil || !ok || o.At != 6 {
			t.Errorf("the group is at %+v, %v; want 6", o, err)
		}
	})
}
