package cluster_test

import (
	"context"
	"fmt"
	"strconv"
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

// ledger is what the producer of a crash test was told. Transaction i writes "i"
// to both partitions of a topic and commits offset i+1 of a group; every third
// is aborted.
type ledger struct {
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
	value := []byte(strconv.Itoa(i))
	err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: value}, &kgo.Record{Topic: "t", Partition: 1, Value: value}).FirstErr()
	if err != nil {
		return err
	}
	if err := commitOffset(ctx, cl, int64(i+1)); err != nil {
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

// commitOffset commits an offset of group "g" within the client's transaction.
func commitOffset(ctx context.Context, cl *kgo.Client, offset int64) error {
	id, epoch, err := cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest() // transactions V2 need none, and allow it
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = "tx", id, epoch, "g"
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
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group, req.Generation = "tx", id, epoch, "g", -1
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
func (r *running) check(t *testing.T, acknowledged []int) (broken []string) {
	t.Helper()
	wrong := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	if err := transact(t, r.producer(t, "tx"), kgo.TryAbort, "x", "x"); err != nil { // fences what is open
		wrong("the next instance: %v", err)
		return broken
	}
	r.quiet(t)
	seen, last := map[int]int{}, -1
	for _, v := range r.readCommitted(t, "t") {
		i, err := strconv.Atoi(v)
		if err != nil || aborts(i) {
			wrong("record %q of an aborted transaction was read", v)
		}
		seen[i]++
		last = max(last, i)
	}
	for i, n := range seen {
		if n != 2 {
			wrong("transaction %d shows %d of its 2 records", i, n)
		}
	}
	for _, i := range acknowledged {
		if seen[i] == 0 {
			wrong("the commit of transaction %d was acknowledged, and nothing of it is there", i)
		}
	}
	offsets, err := kadm.NewClient(r.client(t)).FetchOffsets(t.Context(), "g")
	o, ok := offsets.Lookup("t", 0)
	if err != nil || ok != (last >= 0) || ok && o.At != int64(last+1) {
		wrong("the group is at %+v (%v), and the last transaction is %d", o, err, last)
	}
	return broken
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
	l := ledger{acked: make(chan struct{}, 1)}
	var writing sync.WaitGroup
	cl := r.producer(t, "tx")
	writing.Go(func() { l.write(ctx, t, cl) })
	for n := range images {
		l.more(ctx, t, n%4)
		acknowledged := l.acknowledged()
		image := openVersion(t, disk.Crash(int64(n)), version)
		broken = append(broken, image.check(t, acknowledged)...)
		image.close(t)
	}
	cancel()
	writing.Wait()
	return broken
}

func TestTransactionsOverPowerCuts(t *testing.T) {
	images := 16
	if testing.Short() {
		images = 5
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
		l := ledger{acked: make(chan struct{}, 1)}
		cl := r.producer(t, "tx", kgo.MetadataMinAge(10*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }))
		var writing sync.WaitGroup
		writing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := l.one(ctx, cl, i); err != nil && ctx.Err() == nil {
					cl.EndTransaction(ctx, kgo.TryAbort)
				}
			}
		})
		for n := range 6 {
			id := int32(n%3 + 1)
			do(t, r.c.StopBroker, id)
			l.more(ctx, t, 3)
			do(t, r.c.StartBroker, id)
			l.more(ctx, t, 1)
		}
		cancel()
		writing.Wait()
		for _, broken := range r.check(t, l.acknowledged()) {
			t.Error(broken)
		}
	})
}

// more waits for some more commits.
func (l *ledger) more(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	for until := len(l.acknowledged()) + n; len(l.acknowledged()) < until; {
		select {
		case <-l.acked:
		case <-ctx.Done():
			t.Fatal("transactions make no progress")
		}
	}
}
