package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/partition"
)

const (
	// maxFetchWait bounds how long a fetch may be parked.
	maxFetchWait = 5 * time.Minute
	// maxFetchBytes is Kafka's fetch.max.bytes default: no answer is larger,
	// but for a single batch that is.
	maxFetchBytes = 55 << 20
)

// Fetch, v4-18.
//
//	v7  sessions (KIP-227): offered none; every answer is a full one
//	v12 the client's last fetched epoch, and diverging epochs
//	v13 topics by id (KIP-516)
//	v16 node endpoints (KIP-951)
//
// A session id is never handed out, which KIP-227 allows: clients then send
// full requests.
func (b *Broker) fetch(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.FetchRequest)
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	if req.ReplicaID >= 0 || req.ReplicaState.ID >= 0 && req.Version >= 15 {
		resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code // replica-only use on a client listener
		return now(resp)
	}
	if req.Version >= 7 && req.SessionEpoch > 0 {
		resp.ErrorCode = kerr.FetchSessionIDNotFound.Code
		return now(resp)
	}
	return func(ctx context.Context) kmsg.Response {
		f := fetch{b: b, req: req, listener: r.Session.Listener}
		f.run(ctx)
		f.fill(resp)
		return resp
	}
}

// fetch is one request being served.
type fetch struct {
	b        *Broker
	req      *kmsg.FetchRequest
	listener string
	found    [][]found // by topic and partition of the request
}

type found struct {
	slice partition.Slice
	err   error
}

// run reads until there is enough, and parks in between.
func (f *fetch) run(ctx context.Context) {
	if f.read() {
		return
	}
	wait := min(time.Duration(f.req.MaxWaitMillis)*time.Millisecond, maxFetchWait)
	if wait <= 0 {
		return
	}
	w := partition.NewWaiter()
	for _, p := range f.watch(w) {
		defer p.Unwatch(w)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for !f.read() {
		select {
		case <-w.C:
		case <-timer.C:
			f.read()
			return
		case <-ctx.Done():
			return
		}
	}
}

func (f *fetch) watch(w *partition.Waiter) []*partition.Partition {
	var watched []*partition.Partition
	for i := range f.req.Topics {
		t := &f.req.Topics[i]
		for j := range t.Partitions {
			if p, _, err := f.b.find(f.byID(), t.Topic, t.TopicID, t.Partitions[j].Partition); err == nil {
				p.Watch(w)
				watched = append(watched, p)
			}
		}
	}
	return watched
}

// committed reports whether the client reads only what is decided.
func (f *fetch) committed() bool { return f.req.IsolationLevel == 1 }

func (f *fetch) byID() bool { return f.req.Version >= 13 }

// read reads every partition once and reports whether the answer can go:
// min.bytes are there, or something is wrong.
func (f *fetch) read() (enough bool) {
	budget := min(int(f.req.MaxBytes), maxFetchBytes)
	size, failed := 0, false
	f.found = make([][]found, len(f.req.Topics))
	for i := range f.req.Topics {
		t := &f.req.Topics[i]
		f.found[i] = make([]found, len(t.Partitions))
		for j := range t.Partitions {
			got := f.readPartition(t, &t.Partitions[j], budget-size, size == 0)
			size += len(got.slice.Records)
			failed = failed || got.err != nil
			f.found[i][j] = got
		}
	}
	return failed || size >= int(f.req.MinBytes) || len(f.req.Topics) == 0
}

// readPartition reads one partition within what is left of the answer's
// budget; the first partition with data may exceed it by one batch (KIP-74).
func (f *fetch) readPartition(t *kmsg.FetchRequestTopic, in *kmsg.FetchRequestTopicPartition, left int, first bool) found {
	p, _, err := f.b.find(f.byID(), t.Topic, t.TopicID, in.Partition)
	if err != nil {
		return found{err: err}
	}
	limit := min(int(in.PartitionMaxBytes), left)
	if first {
		limit = max(limit, 1)
	}
	s, err := p.Fetch(partition.Read{Broker: f.b.cfg.ID, ClientEpoch: in.CurrentLeaderEpoch, Offset: in.FetchOffset, MaxBytes: limit, Committed: f.committed()})
	if err == nil && !first && len(s.Records) > limit {
		s.Records = nil // the log gives at least one batch; it does not fit here
	}
	return found{slice: s, err: err}
}

func (f *fetch) fill(resp *kmsg.FetchResponse) {
	img := f.b.cfg.Image()
	hint := newHints(f.listener)
	for i := range f.req.Topics {
		t := &f.req.Topics[i]
		out := kmsg.NewFetchResponseTopic()
		out.Topic, out.TopicID = t.Topic, t.TopicID
		for j := range t.Partitions {
			got := f.found[i][j]
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition = t.Partitions[j].Partition
			p.ErrorCode = f.b.code("fetch", got.err)
			p.HighWatermark, p.LastStableOffset, p.LogStartOffset = got.slice.HighWatermark, got.slice.LastStable, got.slice.Start
			p.RecordBatches = got.slice.Records
			if f.committed() { // for others the list is null, as Kafka answers
				p.AbortedTransactions = abortedTransactions(got.slice)
			}
			if got.err != nil {
				p.HighWatermark, p.LastStableOffset, p.LogStartOffset = -1, -1, -1
			}
			if p.RecordBatches == nil {
				p.RecordBatches = []byte{}
			}
			if p.ErrorCode == kerr.NotLeaderForPartition.Code {
				if leader, epoch, ok := hint.leader(img, t.Topic, t.TopicID, p.Partition); ok {
					p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = leader, epoch
				}
			}
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	for _, n := range hint.nodes(img) {
		resp.Brokers = append(resp.Brokers, kmsg.FetchResponseBroker{NodeID: n.id, Host: n.host, Port: n.port, Rack: n.rack})
	}
}

// abortedTransactions is not nil: null says that the client did not ask.
func abortedTransactions(s partition.Slice) []kmsg.FetchResponseTopicPartitionAbortedTransaction {
	out := make([]kmsg.FetchResponseTopicPartitionAbortedTransaction, 0, len(s.Aborted))
	for _, a := range s.Aborted {
		out = append(out, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset})
	}
	return out
}
