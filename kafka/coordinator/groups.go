// Package coordinator is the engine that hosts the groups' state machines on
// the partitions of __consumer_offsets: it loads one when the first request for
// it comes, sends requests to the right one, and drops one whose leadership has
// moved or whose log has failed, so that the next request loads it again.
//
// The brokers' handlers call it. It decides nothing about groups (kafka/group)
// and keeps no records (the partition's log).
package coordinator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/statemachine"
)

// Config says on what the groups are kept.
type Config struct {
	Partitions int32 // of __consumer_offsets
	// Open opens a partition's log under its current leadership.
	Open func(partition int32) (statemachine.Log, error)
	// Leader is the broker that leads a partition now.
	Leader func(partition int32) (broker int32, ok bool)
	// Existing lists the partitions that hold records.
	Existing func() []int32
	Params   group.Params
	Log      *slog.Logger
}

// Groups hosts the groups of a cluster. Its methods may be called concurrently.
type Groups struct {
	cfg Config

	mu     sync.Mutex
	loaded map[int32]*loading // guarded by mu
	closed bool               // guarded by mu
}

// loading is a partition's machine, or its load under way.
type loading struct {
	done    chan struct{} // closed when machine or err is set
	machine *statemachine.Machine
	err     error
}

// NewGroups returns the host; nothing is loaded yet.
func NewGroups(cfg Config) *Groups {
	return &Groups{cfg: cfg, loaded: make(map[int32]*loading)}
}

// PartitionFor is the partition of __consumer_offsets that a group lives on:
// Kafka's Utils.abs(groupId.hashCode) % partitions.
func (g *Groups) PartitionFor(groupID string) int32 {
	return abs(javaHash(groupID)) % g.cfg.Partitions
}

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
	calls []call
	merge func(replies []any, errs []error) kmsg.Response
}

type call struct {
	c   *statemachine.Call
	err error
}

// Wait waits for the answer. A machine that stops meanwhile, because the
// partition moved or its log failed, answers NOT_COORDINATOR.
func (p *Pending) Wait(ctx context.Context) kmsg.Response {
	replies, errs := make([]any, len(p.calls)), make([]error, len(p.calls))
	for i, c := range p.calls {
		if errs[i] = c.err; c.err == nil {
			replies[i], errs[i] = c.c.Wait(ctx)
		}
	}
	return p.merge(replies, errs)
}

// Do hands a request to the coordinator of its groups, as broker. Requests of
// several groups are split by partition and answered as one.
func (g *Groups) Do(broker int32, r group.Request) *Pending {
	r.FreshID = newUUID()
	if list, ok := r.Msg.(*kmsg.ListGroupsRequest); ok {
		return g.list(broker, r, list)
	}
	parts := split(r.Msg)
	p := &Pending{}
	for _, part := range parts.requests {
		p.calls = append(p.calls, g.send(broker, part.group, group.Request{Client: r.Client, Host: r.Host, FreshID: r.FreshID, Msg: part.msg}))
	}
	p.merge = parts.merge
	return p
}

func (g *Groups) send(broker int32, groupID string, r group.Request) call {
	m, err := g.machine(broker, g.PartitionFor(groupID))
	if err != nil {
		return call{err: err}
	}
	return call{c: m.Do(r)}
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
	for _, index := range g.populated() {
		if leader, ok := g.cfg.Leader(index); !ok || leader != broker {
			continue
		}
		m, err := g.machine(broker, index)
		if err != nil {
			p.calls = append(p.calls, call{err: err})
			continue
		}
		p.calls = append(p.calls, call{c: m.Do(r)})
	}
	return p
}

// populated is the partitions with records, and those with groups that have
// written none yet.
func (g *Groups) populated() []int32 {
	out := g.cfg.Existing()
	g.mu.Lock()
	defer g.mu.Unlock()
	for index := range g.loaded {
		if !slices.Contains(out, index) {
			out = append(out, index)
		}
	}
	slices.Sort(out)
	return out
}

// machine is the partition's machine, loaded if need be. NOT_COORDINATOR when
// broker does not lead the partition.
func (g *Groups) machine(broker, index int32) (*statemachine.Machine, error) {
	leader, ok := g.cfg.Leader(index)
	if !ok {
		return nil, kerr.CoordinatorNotAvailable
	}
	if leader != broker {
		return nil, kerr.NotCoordinator
	}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return nil, kerr.CoordinatorNotAvailable
	}
	l := g.loaded[index]
	mine := l == nil
	if mine {
		l = &loading{done: make(chan struct{})}
		g.loaded[index] = l
	}
	g.mu.Unlock()
	if mine {
		g.load(index, l)
	}
	<-l.done
	return l.machine, l.err
}

// load replays a partition. Those who ask meanwhile wait: it is a local read.
func (g *Groups) load(index int32, l *loading) {
	defer close(l.done)
	log, err := g.cfg.Open(index)
	if err == nil {
		l.machine, err = statemachine.Start(group.New(g.cfg.Params), log, statemachine.Options{
			Failed: func(err error) { g.drop(index, l, err) },
		})
	}
	if err != nil {
		l.err = err
		g.drop(index, l, err)
	}
}

// drop forgets a machine that has failed, so that the next request loads it.
func (g *Groups) drop(index int32, l *loading, why error) {
	g.mu.Lock()
	if g.loaded[index] == l {
		delete(g.loaded, index)
	}
	g.mu.Unlock()
	if !errors.Is(why, kerr.NotLeaderForPartition) {
		g.cfg.Log.Error("group coordinator stopped", "partition", index, "error", why)
	}
}

// Close stops all machines. Their waiting callers get an error.
func (g *Groups) Close() {
	g.mu.Lock()
	g.closed = true
	all := make([]*loading, 0, len(g.loaded))
	for _, l := range g.loaded {
		all = append(all, l)
	}
	g.mu.Unlock()
	for _, l := range all {
		<-l.done
		if l.machine != nil {
			l.machine.Stop()
		}
	}
}

// codeOf is what a client is told of an error of the coordinator.
func codeOf(err error) int16 {
	var k *kerr.Error
	switch {
	case errors.As(err, &k) && k != kerr.NotLeaderForPartition:
		return k.Code
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return kerr.RequestTimedOut.Code
	}
	return kerr.NotCoordinator.Code // clients look for it again and retry
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
