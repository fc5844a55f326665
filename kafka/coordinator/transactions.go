package coordinator

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
	"github.com/millrace/millrace/kafka/txn"
)

// Times and sizes of transactions.
const (
	// Between two attempts at markers that could not be written.
	firstBackoff = 50 * time.Millisecond
	maxBackoff   = 5 * time.Second
	// lateAttempts is after how many attempts markers are reported as late.
	lateAttempts = 10
	// Waiting for the transaction before to be complete: Kafka's
	// add.partitions.to.txn.retry.backoff.max.ms, looked at more often, since
	// markers have no way to go here.
	joinBackoff  = 5 * time.Millisecond
	joinPatience = 100 * time.Millisecond
	// transitionTimeout is how long a client waits for a transition whose record
	// has too few replicas since it was written, before COORDINATOR_NOT_AVAILABLE.
	// Kafka's is the timeout of the transaction, of which this is the default of
	// clients.
	transitionTimeout = time.Minute
	// producerIDBlock is how many producer ids are reserved at a time (KIP-730).
	producerIDBlock = 1000
)

// Marker is the end of a producer's transaction as its partitions are told.
type Marker struct {
	ProducerID       int64
	Epoch            int16
	CoordinatorEpoch int32
	Commit           bool
}

// TransactionsConfig says on what transactions are kept and where their ends go.
type TransactionsConfig struct {
	Topic                    // __transaction_state
	Params func() txn.Params // asked whenever a partition is loaded
	// WriteMarker appends a marker to a partition as broker, or as whoever leads
	// it (-1). committed waits until it is committed. A partition that does not
	// exist any more is UNKNOWN_TOPIC_OR_PARTITION, from either.
	WriteMarker func(broker int32, tp txn.TopicPartition, m Marker) (committed func(context.Context) error, err error)
	// AllocateProducerIDs reserves count ids that were never given before and
	// returns the first.
	AllocateProducerIDs func(ctx context.Context, count int64) (first int64, err error)
	Log                 *slog.Logger // nil: no log
}

// Transactions hosts the transactional ids of a cluster, and ends what is
// decided to end: it writes the markers until all are committed. Its methods may
// be called concurrently.
type Transactions struct {
	cfg   TransactionsConfig
	hosts *hosts

	mu            sync.Mutex
	nextID, endID int64 // the block of producer ids; guarded by mu
}

// NewTransactions returns the host; nothing is loaded before Resume or the first
// request. The caller closes it.
func NewTransactions(cfg TransactionsConfig) *Transactions {
	t := &Transactions{cfg: cfg, hosts: newHosts(cfg.Topic, "transactions", cfg.Log)}
	t.hosts.eager, t.hosts.start = true, t.start
	return t
}

// start runs the machine of a partition, and a goroutine for each transaction
// that is ending; at most one for a transactional id.
func (t *Transactions) start(h *host, log Log, failed func(error)) (*statemachine.Machine, error) {
	core, epoch := txn.New(t.cfg.Params()), log.Epoch()
	return statemachine.Start(core, log, statemachine.Options{
		Failed: failed, CommitTimeout: transitionTimeout,
		Snapshot: func() any { return core.TakeEndings() },
		Publish: func(endings any) {
			for _, e := range endings.([]txn.Ending) {
				t.hosts.running.Go(func() { t.end(h, epoch, e) })
			}
		},
	})
}

// Resume loads all partitions that hold records and are led by somebody, so that
// what they have decided goes on. It does not wait. To be called when the
// cluster opens and when leaders have changed.
func (t *Transactions) Resume() {
	for _, index := range t.cfg.Existing() {
		t.hosts.ensure(index)
	}
}

// Stop unloads a partition whose leadership has moved or ended, and does not
// wait for that. Resume loads it again.
func (t *Transactions) Stop(partition int32) { t.hosts.stop(partition) }

// Close stops all machines and what writes markers, and waits for them.
func (t *Transactions) Close() { t.hosts.close() }

// PartitionFor is the partition of __transaction_state that a transactional id
// lives on.
func (t *Transactions) PartitionFor(id string) int32 { return t.cfg.partitionFor(id) }

// end writes the markers of a transaction until all are committed, and reports
// that. It ends early with its host: the next one writes them again.
func (t *Transactions) end(h *host, epoch int32, e txn.Ending) {
	m := Marker{ProducerID: e.ProducerID, Epoch: e.Epoch, CoordinatorEpoch: epoch, Commit: e.Commit}
	left, backoff := e.Partitions, firstBackoff
	for attempt := 1; len(left) > 0; attempt++ {
		var err error
		if left, err = t.writeMarkers(h.ctx, m, left); len(left) == 0 {
			break
		}
		if attempt == lateAttempts {
			t.hosts.log.Warn("markers of a transaction cannot be written yet",
				"transactional_id", e.TransactionalID, "partitions", len(left), "error", err)
		}
		if !sleep(h.ctx, backoff) {
			return
		}
		backoff = min(2*backoff, maxBackoff)
	}
	<-h.done
	if h.machine != nil {
		h.machine.Do(txn.MarkersWritten{TransactionalID: e.TransactionalID, ProducerID: e.ProducerID, Epoch: e.Epoch})
	}
}

// writeMarkers writes a marker into all partitions and returns those that have
// none yet, with the last error. Partitions of deleted topics need none.
func (t *Transactions) writeMarkers(ctx context.Context, m Marker, to []txn.TopicPartition) (left []txn.TopicPartition, last error) {
	waits := make([]func(context.Context) error, len(to))
	for i, tp := range to {
		committed, err := t.cfg.WriteMarker(-1, tp, m)
		if err != nil {
			committed = func(context.Context) error { return err }
		}
		waits[i] = committed
	}
	for i, committed := range waits {
		if err := committed(ctx); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			left, last = append(left, to[i]), err
		}
	}
	return left, last
}

// WriteMarker is for who decides the end of a transaction without its
// coordinator, WriteTxnMarkers; see TransactionsConfig.
func (t *Transactions) WriteMarker(broker int32, tp txn.TopicPartition, m Marker) (committed func(context.Context) error, err error) {
	return t.cfg.WriteMarker(broker, tp, m)
}

// ProducerID is a producer id that was never given before.
func (t *Transactions) ProducerID(ctx context.Context) (int64, error) {
	for {
		if id, ok := t.takeID(); ok {
			return id, nil
		}
		first, err := t.cfg.AllocateProducerIDs(ctx, producerIDBlock)
		if err != nil {
			return -1, err
		}
		t.mu.Lock() // callers that come together may reserve a block too many
		t.nextID, t.endID = first, first+producerIDBlock
		t.mu.Unlock()
	}
}

func (t *Transactions) takeID() (int64, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.nextID >= t.endID {
		return -1, false
	}
	t.nextID++
	return t.nextID - 1, true
}

// Do hands InitProducerId (with a transactional id), EndTxn,
// DescribeTransactions or ListTransactions to the coordinator of its
// transactional ids, as broker. It waits only for fresh producer ids, never for
// a load.
func (t *Transactions) Do(ctx context.Context, broker int32, msg kmsg.Request) *Pending {
	r := txn.Request{Msg: msg, FreshID: -1}
	id, needsID := "", false
	switch m := msg.(type) {
	case *kmsg.ListTransactionsRequest:
		return t.list(broker, m)
	case *kmsg.DescribeTransactionsRequest:
		return t.describe(broker, m)
	case *kmsg.InitProducerIDRequest:
		id, needsID = *m.TransactionalID, true
	case *kmsg.EndTxnRequest:
		id, needsID = m.TransactionalID, txn.Exhausted(m.ProducerEpoch)
	default:
		panic("coordinator: a request that is not of transactions")
	}
	p := &Pending{merge: func(replies []any, errs []error) kmsg.Response {
		if errs[0] != nil {
			return refuseTransaction(msg, codeOf(errs[0]))
		}
		return replies[0].(kmsg.Response)
	}}
	if needsID {
		var err error
		if r.FreshID, err = t.ProducerID(ctx); err != nil {
			p.calls = []*call{{err: kerr.CoordinatorNotAvailable}}
			return p
		}
	}
	index := t.PartitionFor(id)
	r.Unwritable = !t.cfg.writable(index)
	p.calls = []*call{t.hosts.send(broker, index, r)}
	return p
}

func refuseTransaction(msg kmsg.Request, code int16) kmsg.Response {
	resp := msg.ResponseKind()
	switch r := resp.(type) {
	case *kmsg.InitProducerIDResponse:
		r.ErrorCode, r.ProducerID, r.ProducerEpoch = code, -1, -1
	case *kmsg.EndTxnResponse:
		r.ErrorCode, r.ProducerID, r.ProducerEpoch = code, -1, -1
	}
	return resp
}

func (t *Transactions) describe(broker int32, r *kmsg.DescribeTransactionsRequest) *Pending {
	parts := several[string, kmsg.DescribeTransactionsResponseTransactionState]{
		asked: r.TransactionalIDs, name: itself,
		request: func(share []string) kmsg.Request {
			one := *r
			one.TransactionalIDs = share
			return &one
		},
		answers: func(reply any) []kmsg.DescribeTransactionsResponseTransactionState {
			return reply.(*kmsg.DescribeTransactionsResponse).TransactionStates
		},
		refused: func(id string, code int16) kmsg.DescribeTransactionsResponseTransactionState {
			s := kmsg.NewDescribeTransactionsResponseTransactionState()
			s.TransactionalID, s.ErrorCode, s.Topics = id, code, []kmsg.DescribeTransactionsResponseTransactionStateTopic{}
			return s
		},
		response: func(all []kmsg.DescribeTransactionsResponseTransactionState) kmsg.Response {
			resp := r.ResponseKind().(*kmsg.DescribeTransactionsResponse)
			resp.TransactionStates = all
			return resp
		},
	}.split(t.PartitionFor)
	p := &Pending{merge: parts.merge}
	for _, one := range parts.requests {
		p.calls = append(p.calls, t.hosts.send(broker, one.partition, txn.Request{Msg: one.msg}))
	}
	return p
}

// list asks every partition that broker leads and that has transactional ids.
func (t *Transactions) list(broker int32, r *kmsg.ListTransactionsRequest) *Pending {
	p := &Pending{merge: func(replies []any, errs []error) kmsg.Response {
		resp := txn.EmptyList(r)
		for i, v := range replies {
			if errs[i] != nil {
				resp.ErrorCode = codeOf(errs[i])
				continue
			}
			resp.TransactionStates = append(resp.TransactionStates, v.(*kmsg.ListTransactionsResponse).TransactionStates...)
		}
		return resp
	}}
	for _, index := range t.hosts.populated() {
		if leader, ok := t.cfg.Leader(index); ok && leader == broker {
			p.calls = append(p.calls, t.hosts.send(broker, index, txn.Request{Msg: r}))
		}
	}
	return p
}

// Adding is an AddPartitions on its way.
type Adding struct {
	transactions *Transactions
	broker       int32
	request      txn.AddPartitions
	call         *call
	end          time.Time // of patience
}

// AddPartitions hands partitions for a transaction to its coordinator, as
// broker.
func (t *Transactions) AddPartitions(broker int32, r txn.AddPartitions) Adding {
	return Adding{t, broker, r, t.add(broker, r), time.Now().Add(joinPatience)}
}

func (t *Transactions) add(broker int32, r txn.AddPartitions) *call {
	index := t.PartitionFor(r.TransactionalID)
	r.Unwritable = !t.cfg.writable(index)
	return t.hosts.send(broker, index, r)
}

// Wait waits for each partition's error, nil for none. When the transaction
// before is not complete yet, it asks again for a short while.
func (a Adding) Wait(ctx context.Context) []*kerr.Error {
	for {
		reply, err := a.call.wait(ctx)
		if err != nil {
			return slices.Repeat([]*kerr.Error{kerr.TypedErrorForCode(codeOf(err))}, len(a.request.Partitions))
		}
		errs := reply.([]*kerr.Error)
		again := len(errs) > 0 && errs[0] == kerr.ConcurrentTransactions && !a.request.VerifyOnly
		if !again || time.Now().After(a.end) || !sleep(ctx, joinBackoff) {
			return errs
		}
		a.call = a.transactions.add(a.broker, a.request)
	}
}

// Join is AddPartitions as another broker asks it, to verify or to add the
// partitions that a client's request implies (KIP-890).
func (t *Transactions) Join(ctx context.Context, r txn.AddPartitions) []*kerr.Error {
	leader, ok := t.cfg.Leader(t.PartitionFor(r.TransactionalID))
	if !ok {
		leader = -1
	}
	return t.AddPartitions(leader, r).Wait(ctx)
}
