// Package coordinator is the engine that hosts the coordinators' state machines:
// the groups' on the partitions of __consumer_offsets, the transactions' on those
// of __transaction_state. It loads one when the first request for it comes, sends
// requests to the right one, and drops one whose leadership has moved or whose log
// has failed, so that the next request loads it again. Transactions are loaded
// without a request: what they have decided to end must end.
//
// Requests that come during a load wait for it in their order.
//
// The brokers' handlers call it. It decides nothing about groups (kafka/group) or
// transactions (kafka/txn) and keeps no records (the partition's log).
package coordinator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/statemachine"
)

// Config says on what the groups are kept.
type Config struct {
	Topic // __consumer_offsets
	// Topics are those of the metadata now. Nil: groups know no topics, and
	// take offsets of any.
	Topics func() *group.Topics
	// Params are asked for whenever a partition is loaded; nil is the defaults.
	Params func() group.Params
	// Most is how many groups there may be, about: those of partitions that are
	// loaded are counted. 0: no limit.
	Most int
	Log  *slog.Logger // nil: no log
}

// Groups hosts the groups of a cluster. Its methods may be called concurrently.
type Groups struct {
	hosts  *hosts
	topics func() *group.Topics
	most   int
}

// commitTimeout is offsets.commit.timeout.ms: while the in-sync replicas of a
// partition are too few, its groups answer COORDINATOR_NOT_AVAILABLE after it.
const commitTimeout = 5 * time.Second

// NewGroups returns the host; nothing is loaded yet. The caller closes it.
func NewGroups(cfg Config) *Groups {
	g := &Groups{newHosts(cfg.Topic, "groups", cfg.Log), cfg.Topics, cfg.Most}
	if g.topics == nil {
		g.topics = func() *group.Topics { return nil }
	}
	if cfg.Params == nil {
		cfg.Params = func() group.Params { return group.Params{} }
	}
	g.hosts.start = func(h *host, log Log, failed func(error)) (*statemachine.Machine, error) {
		core, o := group.New(cfg.Params()), statemachine.Options{Failed: failed, CommitTimeout: commitTimeout}
		if cfg.Most > 0 {
			o.Snapshot = func() any { return int64(core.Groups()) }
			o.Publish = func(n any) { h.groups.Store(n.(int64)) }
		}
		return statemachine.Start(core, log, o)
	}
	return g
}

// Stop unloads a partition whose leadership has moved or ended, and does not
// wait for that. Its waiting callers get NOT_COORDINATOR at once; a later
// request to the leader loads it again.
func (g *Groups) Stop(partition int32) { g.hosts.stop(partition) }

// Close stops all machines and waits for them. Their waiting callers get an
// error, and so does everybody who comes later.
func (g *Groups) Close() { g.hosts.close() }

// PartitionFor is the partition of __consumer_offsets that a group lives on.
func (g *Groups) PartitionFor(groupID string) int32 { return g.hosts.topic.partitionFor(groupID) }

// partitionFor is Kafka's Utils.abs(name.hashCode) % partitions.
func (t Topic) partitionFor(name string) int32 { return abs(javaHash(name)) % t.Partitions() }

// javaHash is Java's String.hashCode, over UTF-16 units.
func javaHash(s string) (h int32) {
	for _, u := range utf16.Encode([]rune(s)) {
		h = 31*h + int32(u)
	}
	return h
}

// abs is Kafka's Utils.abs: the least integer becomes 0.
func abs(n int32) int32 {
	if n == -1<<31 {
		return 0
	}
	return max(n, -n)
}

// Pending is a request on its way.
type Pending struct {
	calls []*call
	merge func(replies []any, errs []error) kmsg.Response
}

// Wait waits for the answer, which never is nil. A machine that stops
// meanwhile, because the partition moved or its log failed, answers
// NOT_COORDINATOR; a load that takes long COORDINATOR_LOAD_IN_PROGRESS.
func (p *Pending) Wait(ctx context.Context) kmsg.Response {
	replies, errs := make([]any, len(p.calls)), make([]error, len(p.calls))
	for i, c := range p.calls {
		replies[i], errs[i] = c.wait(ctx)
	}
	return p.merge(replies, errs)
}

// Do hands a request to the coordinator of its groups, as broker. It does not
// wait for a load. Requests of several groups are split by partition and
// answered as one. Those of one caller are decided in the order of its calls.
func (g *Groups) Do(broker int32, r group.Request) *Pending {
	r.FreshID, r.Topics = newUUID(), g.topics()
	if list, ok := r.Msg.(*kmsg.ListGroupsRequest); ok {
		return g.list(broker, r, list)
	}
	if _, joins := r.Msg.(*kmsg.JoinGroupRequest); joins && g.most > 0 {
		r.Full = g.hosts.groups() >= int64(g.most)
	}
	parts := split(r.Msg, g.PartitionFor)
	p := &Pending{merge: parts.merge}
	for _, part := range parts.requests {
		one := r
		one.Msg, one.Unwritable = part.msg, !g.hosts.topic.writable(part.partition)
		p.calls = append(p.calls, g.hosts.send(broker, part.partition, one))
	}
	return p
}

// Verifying is a Verify on its way.
type Verifying struct{ call *call }

// Verify asks, as broker, what a TxnOffsetCommit for a group needs before it may
// be written; see group.Verify.
func (g *Groups) Verify(broker int32, groupID string, r group.Verify) Verifying {
	return Verifying{g.hosts.send(broker, g.PartitionFor(groupID), r)}
}

// Wait waits for the answer; the error is for the client.
func (v Verifying) Wait(ctx context.Context) (group.Verification, *kerr.Error) {
	reply, err := v.call.wait(ctx)
	if err != nil {
		return group.Verification{}, kerr.TypedErrorForCode(codeOf(err))
	}
	return reply.(group.Verification), nil
}

// EndTransaction writes a transaction's marker into a partition of
// __consumer_offsets, as broker. committed waits until it is committed, and
// ends with the error of the group's core or of what it rests on.
func (g *Groups) EndTransaction(broker, partition int32, r group.EndTransaction) (committed func(context.Context) error) {
	c := g.hosts.send(broker, partition, r)
	return func(ctx context.Context) error {
		reply, err := c.wait(ctx)
		if err != nil {
			return err
		}
		if refused := reply.(*kerr.Error); refused != nil {
			return refused
		}
		return nil
	}
}

// Resolve answers the Resolve of a Heartbeat that broker got. It does not wait;
// an answer that gets lost is asked for again.
func (g *Groups) Resolve(broker int32, r *group.Resolved) {
	g.hosts.send(broker, g.PartitionFor(r.Group), r)
}

// DeleteTopics removes the offsets of topics that are gone, of all groups. It
// does not wait, but comes before every request that is handed over later. A
// partition without a leader keeps them.
func (g *Groups) DeleteTopics(names []string) {
	for _, index := range g.hosts.populated() {
		if leader, ok := g.hosts.topic.Leader(index); ok {
			g.hosts.send(leader, index, group.DeleteTopics{Names: names})
		}
	}
}

// list asks every partition that broker leads and that has groups.
func (g *Groups) list(broker int32, r group.Request, req *kmsg.ListGroupsRequest) *Pending {
	p := &Pending{merge: func(replies []any, errs []error) kmsg.Response {
		resp := req.ResponseKind().(*kmsg.ListGroupsResponse)
		resp.Groups = []kmsg.ListGroupsResponseGroup{}
		for i, v := range replies {
			if errs[i] != nil {
				resp.ErrorCode = codeOf(errs[i])
				continue
			}
			resp.Groups = append(resp.Groups, v.(*kmsg.ListGroupsResponse).Groups...)
		}
		return resp
	}}
	for _, index := range g.hosts.populated() {
		if leader, ok := g.hosts.topic.Leader(index); ok && leader == broker {
			p.calls = append(p.calls, g.hosts.send(broker, index, r))
		}
	}
	return p
}

// codeOf is what a client is told of an error: an answer that makes it look for
// the coordinator again and retry, unless that cannot help
// (GroupCoordinatorService.handleOperationException).
func codeOf(err error) int16 {
	var k *kerr.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, statemachine.ErrCommitTimeout):
		return kerr.CoordinatorNotAvailable.Code
	case !errors.As(err, &k):
		return kerr.NotCoordinator.Code
	}
	switch k {
	case kerr.UnknownTopicOrPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut:
		return kerr.CoordinatorNotAvailable.Code
	case kerr.NotLeaderForPartition, kerr.KafkaStorageError:
		return kerr.NotCoordinator.Code
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		return kerr.UnknownServerError.Code
	}
	return k.Code
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
