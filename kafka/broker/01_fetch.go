package broker

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/partition"
)

// maxFetchWait bounds how long a fetch may be parked.
const maxFetchWait = 5 * time.Minute

// Fetch, v4-18.
//
//	v7  sessions (KIP-227)
//	v11 the client's rack, and the replica it should read from (KIP-392)
//	v12 the client's last fetched epoch, and diverging epochs (KIP-595)
//	v13 topics by id (KIP-516)
//	v16 node endpoints (KIP-951)
//
// Versions 15, 17 and 18 add what followers say of themselves. An embedded
// cluster has no followers that copy, so a request as a replica is refused.
func (b *Broker) fetch(_ context.Context, r *listener.Request) listener.Answer {
	req := r.Msg.(*kmsg.FetchRequest)
	if req.ReplicaID >= 0 || req.ReplicaState.ID >= 0 && req.Version >= 15 {
		return now(fetchError(req, 0, kerr.ClusterAuthorizationFailed))
	}
	if b.cfg.FetchBytes > 0 && int(req.MaxBytes) > b.cfg.FetchBytes {
		return now(fetchError(req, 0, kerr.InvalidRequest))
	}
	f := b.fetches.Get().(*fetch)
	f.b, f.req, f.r, f.owner = b, req, r, r.Session.Principal()
	b.sessions.open(&f.fetchContext, req, f.owner, b.cfg.Image(), time.Now())
	if f.refused != nil {
		resp := fetchError(req, 0, f.refused)
		f.release()
		return now(resp)
	}
	return func(ctx context.Context) kmsg.Response {
		f.run(ctx)
		return &listener.Fetched{FetchResponse: f.answer(), Release: f.release}
	}
}

// fetchError is an answer that is about the session or the request as a whole.
func fetchError(req *kmsg.FetchRequest, session int32, err error) *kmsg.FetchResponse {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	resp.SessionID, resp.Topics = session, []kmsg.FetchResponseTopic{}
	if err != nil {
		resp.ErrorCode = err.(*kerr.Error).Code
	}
	return resp
}

// FetchTopics lists the topics that a fetch reads besides those it names: its
// session's.
func (b *Broker) FetchTopics(s *listener.Session, req *kmsg.FetchRequest) []string {
	if req.Version < 7 || req.SessionEpoch == firstEpoch || req.SessionEpoch == noEpoch {
		return nil
	}
	return b.sessions.names(s.Principal(), req.SessionID, b.cfg.Image())
}

// answer renders what was found and settles the session. A client over its
// quota gets an empty answer, of which its session knows nothing (KIP-219).
func (f *fetch) answer() *kmsg.FetchResponse {
	wait := f.bill(1)
	if f.r.Fetched(f.bytes(), f.spent, wait) {
		f.bill(-1)
		f.forget()
		f.count()
		id, err := f.b.sessions.current(&f.fetchContext)
		return fetchError(f.req, id, err)
	}
	id, err := f.b.sessions.finish(&f.fetchContext, f.found, f.owner, f.req.Version >= 13, f.img.FetchSessionSlots(), time.Now())
	if err != nil {
		return fetchError(f.req, id, err)
	}
	f.count()
	resp := fetchError(f.req, id, nil)
	hint := newHints(f.r.Session.Listener)
	for turn := range turns {
		for i := range f.parts {
			if f.found[i].omit || f.found[i].turn() != turn {
				continue
			}
			key := &f.parts[i].key
			n := len(resp.Topics)
			if n == 0 || resp.Topics[n-1].Topic != key.topic || resp.Topics[n-1].TopicID != key.id {
				resp.Topics = append(resp.Topics, kmsg.FetchResponseTopic{Topic: key.topic, TopicID: key.id})
				n++
			}
			t := &resp.Topics[n-1]
			t.Partitions = append(t.Partitions, f.partition(i, hint))
		}
	}
	for _, n := range hint.nodes(f.img) {
		resp.Brokers = append(resp.Brokers, kmsg.FetchResponseBroker{NodeID: n.id, Host: n.host, Port: n.port, Rack: n.rack})
	}
	return resp
}

// bill counts the bytes of each partition by its own limit, or with -1 takes them
// back. It answers how long the client is to be silent.
func (f *fetch) bill(times int) (wait time.Duration) {
	if !f.b.cfg.Partitions.Limited() {
		return 0
	}
	now := time.Now()
	for i := range f.found {
		if got := &f.found[i]; got.p != nil && len(got.slice.Records) > 0 {
			wait = max(wait, got.p.Sent(times*len(got.slice.Records), now))
		}
	}
	return wait
}

// bytes is about how long the answer is.
func (f *fetch) bytes() int {
	const each = 40 // of a partition without records
	n := f.size
	for i := range f.found {
		if f.id == 0 || f.found[i].code != 0 || len(f.found[i].slice.Records) > 0 {
			n += each
		}
	}
	return n
}

// turns is in how many turns an answer names partitions: Kafka names those it
// read first, then unknown topic ids, then what is unknown or refused otherwise.
const turns = 3

func (f *found) turn() int {
	switch {
	case f.p != nil || f.code == kerr.InconsistentTopicID.Code:
		return 0
	case f.code == kerr.UnknownTopicID.Code:
		return 1
	}
	return 2
}

// unknownTopic are the errors of partitions that were not looked for in a log.
var unknownTopic = []int16{kerr.UnknownTopicOrPartition.Code, kerr.UnknownTopicID.Code, kerr.InconsistentTopicID.Code}

// partition renders one partition.
func (f *fetch) partition(i int, hint *hints) kmsg.FetchResponseTopicPartition {
	in, got := &f.parts[i], &f.found[i]
	out := kmsg.NewFetchResponseTopicPartition()
	out.Partition, out.ErrorCode = in.key.index, got.code
	out.HighWatermark, out.LastStableOffset, out.LogStartOffset = got.high(), got.stable(), got.start()
	if f.committed() || slices.Contains(unknownTopic, got.code) { // for others the list is null, as Kafka answers
		out.AbortedTransactions = abortedTransactions(got.slice)
	}
	out.RecordBatches, out.PreferredReadReplica = got.slice.Records, got.preferred
	if out.RecordBatches == nil {
		out.RecordBatches = []byte{}
	}
	if d := got.slice.Diverging; d != nil && f.req.Version >= 12 {
		out.DivergingEpoch.Epoch, out.DivergingEpoch.EndOffset = d.Epoch, d.End
	}
	if f.req.Version >= 16 && (got.code == kerr.NotLeaderForPartition.Code || got.code == kerr.FencedLeaderEpoch.Code) {
		out.CurrentLeader.LeaderID, out.CurrentLeader.LeaderEpoch = hint.leader(f.img, in.name, in.key.id, in.key.index)
	}
	return out
}

// abortedTransactions is not nil: null says that the client did not ask.
func abortedTransactions(s partition.Slice) []kmsg.FetchResponseTopicPartitionAbortedTransaction {
	out := make([]kmsg.FetchResponseTopicPartitionAbortedTransaction, 0, len(s.Aborted))
	for _, a := range s.Aborted {
		out = append(out, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset})
	}
	return out
}

// preferredReplica picks the replica that a client in another zone than the
// leader's should read from, -1 for the leader (KIP-392, Kafka
// RackAwareReplicaSelector): one in sync, in the client's rack. Among several
// the greatest id wins, since all are caught up alike.
func preferredReplica(img *metadata.Image, p *metadata.Partition, rack, listenerName string) int32 {
	if leader := img.Broker(p.Leader); leader == nil || leader.Rack == rack {
		return -1
	}
	best := int32(-1)
	for _, id := range p.ISR {
		br := img.Broker(id)
		if br == nil || br.Rack != rack || id < best {
			continue
		}
		if _, reachable := nodeOn(br, listenerName); reachable {
			best = id
		}
	}
	return best
}
