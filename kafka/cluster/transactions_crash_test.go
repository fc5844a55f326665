package cluster_test

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/vfs"
)

var transactionImages = flag.Int("transaction-images", 8, "power-cut images to take under transactions")

// ledger is what one producer of a crash test was told. Its transaction i writes
// "name i" to both partitions of a topic and commits offset i+1 of its group;
// every third is aborted. The name is its transactional id and its group.
type ledger struct {
	name      string
	acked     chan struct{} // capacity 1: something was acknowledged
	mu        sync.Mutex
	committed []int // acknowledged; guarded by mu
}

func aborts(i int) bool { return i%3 == 2 }

func (l *ledger) add(i int) {
	l.mu.Lock()
	l.committed = append(l.committed, i)
	l.mu.Unlock()
	select {
	case l.acked <- struct{}{}:
	default:
	}
}

func (l *ledger) acknowledged() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]int(nil), l.committed...)
}

// write runs transactions until ctx ends.
func (l *ledger) write(ctx context.Context, t *testing.T, cl *kgo.Client) {
	for i := 0; ctx.Err() == nil; i++ {
		if err := l.one(ctx, cl, i); err != nil && ctx.Err() == nil {
			t.Errorf("transaction %d: %v", i, err)
			return
		}
	}
}

func (l *ledger) one(ctx context.Context, cl *kgo.Client, i int) error {
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	value := fmt.Appendf(nil, "%s %d", l.name, i)
	err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: value}, &kgo.Record{Topic: "t", Partition: 1, Value: value}).FirstErr()
	if err != nil {
		return err
	}
	if err := commitOffset(ctx, cl, l.name, int64(i+1)); err != nil {
		return err
	}
	if aborts(i) {
		return cl.EndTransaction(ctx, kgo.TryAbort)
	}
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return err
	}
	l.add(i)
	return nil
}

// commitOffset commits an offset of a group within the client's transaction; the
// transactional id has the group's name.
func commitOffset(ctx context.Context, cl *kgo.Client, name string, offset int64) error {
	id, epoch, err := cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest() // transactions V2 need none, and allow it
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = name, id, epoch, name
	for {
		resp, err := add.RequestWith(ctx, cl)
		if err != nil {
			return err
		}
		if err := kerr.ErrorForCode(resp.ErrorCode); err == nil {
			break
		} else if err != kerr.ConcurrentTransactions {
			return fmt.Errorf("add offsets: %w", err)
		}
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group, req.Generation = name, id, epoch, name, -1
	p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	p.Offset = offset
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{p}}}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
		return fmt.Errorf("commit an offset: %w", err)
	}
	return nil
}

// check holds a cluster to what transactions promise:
//
//  1. nothing stays under way: what was decided ends, what was open times out
//     or is fenced by the next instance;
//  2. of an acknowledged commit every record is read, in both partitions;
//  3. no record of an aborted transaction is read;
//  4. of a commit without an answer all records are read or none;
//  5. no record is read twice;
//  6. the group's offset is that of the last transaction read.
//
// It returns what is broken.
func (r *running) check(t *testing.T, acknowledged map[string][]int) (broken []string) {
	t.Helper()
	wrong := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	seen := map[string]map[int]int{}
	for name := range acknowledged {
		seen[name] = map[int]int{}
		if err := transact(t, r.producer(t, name), kgo.TryAbort, name+" 2", name+" 2"); err != nil { // fences what is open
			return append(broken, fmt.Sprintf("the next instance of %s: %v", name, err))
		}
	}
	r.quiet(t)
	for _, v := range r.readCommitted(t, "t") {
		name, number, _ := strings.Cut(v, " ")
		i, err := strconv.Atoi(number)
		if err != nil || aborts(i) {
			wrong("record %q of an aborted transaction was read", v)
		}
		seen[name][i]++
	}
	for name, numbers := range acknowledged {
		last := -1
		for i, n := range seen[name] {
			last = max(last, i)
			if n != 2 {
				wrong("transaction %d of %s shows %d of its 2 records", i, name, n)
			}
		}
		for _, i := range numbers {
			if seen[name][i] == 0 {
				wrong("the commit of transaction %d of %s was acknowledged, and nothing of it is there", i, name)
			}
		}
		offsets, err := kadm.NewClient(r.client(t)).FetchOffsets(t.Context(), name)
		o, ok := offsets.Lookup("t", 0)
		if err != nil || ok != (last >= 0) || ok && o.At != int64(last+1) {
			wrong("group %s is at %+v (%v), and its last transaction is %d", name, o, err, last)
		}
	}
	return broken
}

// workers are producers that run transactions at the same time.
type workers []*ledger

// startWorkers runs producers until ctx ends; wait waits for them.
func (r *running) startWorkers(ctx context.Context, t *testing.T, run func(*ledger, *kgo.Client)) (all workers, wait func()) {
	var writing sync.WaitGroup
	acked := make(chan struct{}, 1)
	for n := range 3 {
		l := &ledger{name: fmt.Sprint("tx", n), acked: acked}
		all = append(all, l)
		cl := r.producer(t, l.name, kgo.MetadataMinAge(10*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }))
		writing.Go(func() { run(l, cl) })
	}
	return all, writing.Wait
}

func (w workers) acknowledged() map[string][]int {
	out := map[string][]int{}
	for _, l := range w {
		out[l.name] = l.acknowledged()
	}
	return out
}

func (w workers) count() (n int) {
	for _, l := range w {
		n += len(l.acknowledged())
	}
	return n
}

// more waits for some more commits.
func (w workers) more(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	for until := w.count() + n; w.count() < until; {
		select {
		case <-w[0].acked:
		case <-ctx.Done():
			t.Fatal("transactions make no progress")
		}
	}
}

// cutPower takes images while transactions run, and returns what is broken in
// them.
func cutPower(t *testing.T, version string, images int, pageCache bool) (broken []string) {
	disk := vfs.NewMemory()
	r := open(t, disk, func(c *cluster.Config) { c.KafkaVersion, c.PageCache = version, pageCache })
	if err := r.create(t, "t", 2, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w, wait := r.startWorkers(ctx, t, func(l *ledger, cl *kgo.Client) { l.write(ctx, t, cl) })
	for n := range images {
		w.more(ctx, t, n%7)
		acknowledged := w.acknowledged()
		image := openVersion(t, disk.Crash(int64(n)), version)
		broken = append(broken, image.check(t, acknowledged)...)
		image.close(t)
	}
	cancel()
	wait()
	return broken
}

// TestTransactionsOverPowerCuts takes images that a power cut could leave while
// three producers run transactions, and holds each to the promises of check.
//
// Works: transactions over power cuts: committed ones whole, aborted ones never read, offsets with their records
func TestTransactionsOverPowerCuts(t *testing.T) {
	images := *transactionImages
	if testing.Short() {
		images = min(images, 3)
	}
	bothVersions(t, func(t *testing.T, version string) {
		for _, broken := range cutPower(t, version, images, false) {
			t.Error(broken)
		}
	})
}

// TestBrokenTransactionsAreCaught is the control: without syncs the same rig
// must find broken promises.
func TestBrokenTransactionsAreCaught(t *testing.T) {
	for range 10 {
		if broken := cutPower(t, "4.1.x.kraft", 3, true); len(broken) > 0 {
			return
		}
	}
	t.Error("nothing was broken without syncs: the rig sees nothing")
}

// TestTransactionsOverLeaderMoves: coordinators and leaders come and go, and a
// client that meets an error goes on with the next transaction.
func TestTransactionsOverLeaderMoves(t *testing.T) {
	bothVersions(t, func(t *testing.T, version string) {
		r := openVersion(t, vfs.NewMemory(), version)
		if err := r.create(t, "t", 2, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		w, wait := r.startWorkers(ctx, t, func(l *ledger, cl *kgo.Client) {
			for i := 0; ctx.Err() == nil; i++ {
				if err := l.one(ctx, cl, i); err != nil && ctx.Err() == nil {
					cl.EndTransaction(ctx, kgo.TryAbort)
				}
			}
		})
		for n := range 6 {
			id := int32(n%3 + 1)
			do(t, r.c.StopBroker, id)
			w.more(ctx, t, 9)
			do(t, r.c.StartBroker, id)
			w.more(ctx, t, 3)
		}
		cancel()
		wait()
		for _, broken := range r.check(t, w.acknowledged()) {
			t.Error(broken)
		}
	})
}
