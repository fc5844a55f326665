package coordinator_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/coordinator"
	"github.com/millrace/millrace/kafka/txn"
)

// partitions is where markers go: it fails as it is told, by topic.
type partitions struct {
	mu      sync.Mutex
	fail    map[string]error          // guarded by mu
	waits   map[string]chan error     // what a commit waits for; guarded by mu
	written map[string]map[string]int // topic -> marker -> times; guarded by mu
	nextID  int64                     // guarded by mu
}

func newPartitions() *partitions {
	return &partitions{fail: map[string]error{}, waits: map[string]chan error{}, written: map[string]map[string]int{}, nextID: 1000}
}

func (p *partitions) write(_ int32, tp txn.TopicPartition, m coordinator.Marker) (func(context.Context) error, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fail[tp.Topic]; err != nil {
		return nil, err
	}
	if p.written[tp.Topic] == nil {
		p.written[tp.Topic] = map[string]int{}
	}
	p.written[tp.Topic][fmt.Sprintf("%d/%d commit=%v coordinator=%d", m.ProducerID, m.Epoch, m.Commit, m.CoordinatorEpoch)]++
	wait := p.waits[tp.Topic]
	return func(ctx context.Context) error {
		if wait == nil {
			return nil
		}
		select {
		case err := <-wait:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}, nil
}

func (p *partitions) set(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
}

func (t *topic) transactions(p *partitions) *coordinator.Transactions {
	return coordinator.NewTransactions(coordinator.TransactionsConfig{
		Topic: t.topic(), Params: func() txn.Params { return txn.Params{Version: txn.V2} }, WriteMarker: p.write,
		AllocateProducerIDs: func(_ context.Context, count int64) (int64, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.nextID += count
			return p.nextID - count, nil
		},
	})
}

func initialize(t *testing.T, x *coordinator.Transactions, id string) *kmsg.InitProducerIDResponse {
	t.Helper()
	r := kmsg.NewPtrInitProducerIDRequest()
	r.Version, r.TransactionalID, r.TransactionTimeoutMillis = 5, &id, 60_000
	return x.Do(t.Context(), 1, r).Wait(t.Context()).(*kmsg.InitProducerIDResponse)
}

// begin opens a transaction over topics.
func begin(t *testing.T, x *coordinator.Transactions, id string, producerID int64, epoch int16, topics ...string) {
	t.Helper()
	add := txn.AddPartitions{TransactionalID: id, ProducerID: producerID, Epoch: epoch, ClientVersion: txn.V2}
	for _, name := range topics {
		add.Partitions = append(add.Partitions, txn.TopicPartition{Topic: name})
	}
	for _, err := range x.Join(t.Context(), add) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func commitTransaction(t *testing.T, x *coordinator.Transactions, id string, producerID int64, epoch int16) string {
	t.Helper()
	r := kmsg.NewPtrEndTxnRequest()
	r.Version, r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Commit = 5, id, producerID, epoch, true
	resp := x.Do(t.Context(), 1, r).Wait(t.Context()).(*kmsg.EndTxnResponse)
	return fmt.Sprintf("%s %d", word(resp.ErrorCode), resp.ProducerEpoch)
}

func stateOf(t *testing.T, x *coordinator.Transactions, ids ...string) (out []string) {
	t.Helper()
	r := kmsg.NewPtrDescribeTransactionsRequest()
	r.TransactionalIDs = ids
	for _, s := range x.Do(t.Context(), 1, r).Wait(t.Context()).(*kmsg.DescribeTransactionsResponse).TransactionStates {
		out = append(out, s.State)
	}
	return out
}

// TestMarkersAreWrittenUntilTheyAre: partitions that fail are asked again, those
// of deleted topics are left out, and nothing else begins before.
func TestMarkersAreWrittenUntilTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, state := newPartitions(), newTopic(4)
		x := state.transactions(p)
		defer x.Close()
		p.fail["slow"], p.fail["gone"] = kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition
		first := initialize(t, x, "tx")
		begin(t, x, "tx", first.ProducerID, 0, "t", "slow", "gone")
		want(t, "commit", commitTransaction(t, x, "tx", first.ProducerID, 0), "ok 1")
		time.Sleep(time.Minute)
		want(t, "state", fmt.Sprint(stateOf(t, x, "tx")), "[PrepareCommit]")
		refused := x.Join(t.Context(), txn.AddPartitions{TransactionalID: "tx", ProducerID: first.ProducerID, Epoch: 1, Partitions: []txn.TopicPartition{{Topic: "t"}}})
		want(t, "the next transaction", fmt.Sprint(refused[0] == kerr.ConcurrentTransactions), "true")
		p.set(func() { delete(p.fail, "slow") })
		time.Sleep(6 * time.Second)
		want(t, "state", fmt.Sprint(stateOf(t, x, "tx")), "[CompleteCommit]")
		p.set(func() {
			want(t, "written", fmt.Sprint(p.written), fmt.Sprintf("map[slow:map[%d/1 commit=true coordinator=0:1] t:map[%[1]d/1 commit=true coordinator=0:1]]", first.ProducerID))
		})
	})
}

// TestTheNextTransactionWaitsABit: a client that goes on at once does not see
// that the markers are still under way.
func TestTheNextTransactionWaitsABit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, state := newPartitions(), newTopic(4)
		x := state.transactions(p)
		defer x.Close()
		gate := make(chan error)
		p.waits["t"] = gate
		first := initialize(t, x, "tx")
		begin(t, x, "tx", first.ProducerID, 0, "t")
		commitTransaction(t, x, "tx", first.ProducerID, 0)
		go func() {
			time.Sleep(50 * time.Millisecond)
			gate <- nil
		}()
		begin(t, x, "tx", first.ProducerID, 1, "t")
		want(t, "state", fmt.Sprint(stateOf(t, x, "tx")), "[Ongoing]")
	})
}

// TestDecisionsOutliveTheirHost: the log's failure, and another leadership, find
// what was decided and write it under their own epoch.
func TestDecisionsOutliveTheirHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, state := newPartitions(), newTopic(1)
		x := state.transactions(p)
		p.fail["t"] = kerr.NotEnoughReplicas
		first := initialize(t, x, "a")
		begin(t, x, "a", first.ProducerID, 0, "t")
		commitTransaction(t, x, "a", first.ProducerID, 0)
		state.set(func() { state.logs[0].fail, state.logs[0].epoch = kerr.NotLeaderForPartition, 5 })
		want(t, "a request that meets the failure", word(initialize(t, x, "b").ErrorCode), "NOT_COORDINATOR")
		p.set(func() { delete(p.fail, "t") })
		time.Sleep(10 * time.Second) // nobody asks
		p.set(func() {
			want(t, "written", fmt.Sprint(p.written), fmt.Sprintf("map[t:map[%d/1 commit=true coordinator=5:1]]", first.ProducerID))
			p.fail["u"] = kerr.NotEnoughReplicas
		})
		begin(t, x, "a", first.ProducerID, 1, "u")
		commitTransaction(t, x, "a", first.ProducerID, 1)
		x.Close() // ends what writes markers

		p.set(func() { clear(p.fail) })
		x = state.transactions(p)
		defer x.Close()
		x.Resume()
		time.Sleep(time.Second)
		p.set(func() { want(t, "after a restart", fmt.Sprint(len(p.written["u"])), "1") })
		want(t, "state", fmt.Sprint(stateOf(t, x, "a")), "[CompleteCommit]")
	})
}

func TestTransactionsOfAllPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, state := newPartitions(), newTopic(4)
		x := state.transactions(p)
		defer x.Close()
		ids := []string{"a", "b", "c", "d", "e", "f"}
		seen := map[int64]bool{}
		for _, id := range ids {
			seen[initialize(t, x, id).ProducerID] = true
		}
		want(t, "producer ids", fmt.Sprint(len(seen)), "6")
		want(t, "described", fmt.Sprint(stateOf(t, x, "f", "a", "none")), "[Empty Empty ]")
		list := kmsg.NewPtrListTransactionsRequest()
		list.StateFilters = []string{"Empty", "Strange"}
		resp := x.Do(t.Context(), 1, list).Wait(t.Context()).(*kmsg.ListTransactionsResponse)
		var got []string
		for _, s := range resp.TransactionStates {
			got = append(got, s.TransactionalID)
		}
		slices.Sort(got)
		want(t, "listed", fmt.Sprint(got, resp.UnknownStateFilters), fmt.Sprint(ids, []string{"Strange"}))
		state.set(func() { clear(state.leaders) })
		want(t, "without a leader", word(initialize(t, x, "a").ErrorCode), "COORDINATOR_NOT_AVAILABLE")
		want(t, "described without a leader", fmt.Sprint(stateOf(t, x, "a")), "[]")
		refused := x.Join(t.Context(), txn.AddPartitions{TransactionalID: "a", Partitions: []txn.TopicPartition{{Topic: "t"}}})
		want(t, "joined without a leader", fmt.Sprint(refused[0] == kerr.CoordinatorNotAvailable), "true")
	})
}
