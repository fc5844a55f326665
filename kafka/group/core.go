package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// Params are the broker configs of groups. Zero values are Kafka's defaults,
// but for InitialRebalanceDelay, whose zero is zero.
type Params struct {
	InitialRebalanceDelay time.Duration // group.initial.rebalance.delay.ms
	MinSession            time.Duration // group.min.session.timeout.ms: 6 s
	MaxSession            time.Duration // group.max.session.timeout.ms: 30 min
	MaxSize               int           // group.max.size: 10 000 here
	MaxMetadata           int           // offset.metadata.max.bytes: 4096
	OffsetsRetention      time.Duration // offsets.retention.minutes: 7 days

	ConsumerSession   time.Duration // group.consumer.session.timeout.ms: 45 s
	ConsumerHeartbeat time.Duration // group.consumer.heartbeat.interval.ms: 5 s
	ConsumerMaxSize   int           // group.consumer.max.size: 10 000 here
	PatternRefresh    time.Duration // group.consumer.regex.refresh.interval.ms: 10 min
	Migration         Migration     // group.consumer.migration.policy: bidirectional

	// OldCoordinator answers as the coordinator of Kafka before 4.0 (KIP-848):
	// assignments are shown of stable groups alone, later ones show the last, and a
	// commit of a generation of no group is ILLEGAL_GENERATION in every version.
	OldCoordinator bool
}

// Limits and times of groups that no broker config sets.
const (
	// expiryInterval is how often expired offsets are looked for:
	// offsets.retention.check.interval.ms.
	expiryInterval = 10 * time.Minute
	// newMemberTimeout ends a first JoinGroup that waits, so that clients that
	// went away while they waited do not pile up.
	newMemberTimeout = 5 * time.Minute
	// maxRecords bounds the bytes of a commit and of a generation: Kafka's
	// message.max.bytes.
	maxRecords = 1048588
	// maxName bounds strings that go into records: Kafka's formats end at 32767
	// bytes, of which a member id needs 37 for its UUID.
	maxName = 32767 - 64
	// maxMemberBytes bounds what one member brings, maxGroupBytes all of a
	// group: a generation of more could not be written.
	maxMemberBytes = maxRecords
	maxGroupBytes  = 16 * maxRecords
	// maxPending bounds the member ids given out and not used yet.
	maxPending = 10_000
)

func (p Params) complete() Params {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&p.MinSession, 6*time.Second)
	set(&p.MaxSession, 30*time.Minute)
	set(&p.OffsetsRetention, 7*24*time.Hour)
	set(&p.ConsumerSession, 45*time.Second)
	set(&p.ConsumerHeartbeat, 5*time.Second)
	set(&p.PatternRefresh, 10*time.Minute)
	if p.MaxSize == 0 {
		p.MaxSize = 10_000
	}
	if p.ConsumerMaxSize == 0 {
		p.ConsumerMaxSize = 10_000
	}
	if p.Migration == "" {
		p.Migration = MigrateBoth
	}
	if p.MaxMetadata == 0 {
		p.MaxMetadata = 4096
	}
	return p
}

// Request is one client's request: JoinGroup, SyncGroup, Heartbeat, LeaveGroup,
// OffsetCommit, OffsetFetch, DescribeGroups, ListGroups, DeleteGroups,
// OffsetDelete, TxnOffsetCommit, ConsumerGroupHeartbeat or ConsumerGroupDescribe.
// Its reply is the kmsg response; of ConsumerGroupHeartbeat it is a *Heartbeat.
// Msg's strings and bytes may alias a frame: what is kept is copied.
type Request struct {
	Client  string // client id
	Host    string // as Kafka shows it: "/127.0.0.1"
	FreshID string // a random UUID, for a member id if one is needed
	Topics  *Topics
	Msg     kmsg.Request
	// Full says that the cluster has as many groups as it may: a JoinGroup that
	// would make one more is refused.
	Full bool
	// Session and Heartbeat are the configs of the group of a
	// ConsumerGroupHeartbeat; zero means those of Params.
	Session, Heartbeat time.Duration
	// Unwritable says that the log takes no records at the moment: offsets and
	// groups are not changed, which answers COORDINATOR_NOT_AVAILABLE.
	Unwritable bool
	// Verification is a TxnOffsetCommit's; the zero value is none.
	Verification Verification
}

// Groups is how many groups there are.
func (c *Core) Groups() int { return len(c.groups) }

// DeleteTopics removes the offsets of topics that are deleted, of all groups.
// Its reply means nothing.
type DeleteTopics struct{ Names []string }

// Core is the groups of one partition. It is a statemachine.Core.
type Core struct {
	p      Params
	groups map[string]*group
	// producers are those of transactions, by producer id.
	producers map[int64]*producer
	applied   int64 // offset records; orders pending offsets and others
	// next is at or before the earliest deadline; Expire looks exactly.
	next   time.Time
	expiry time.Time // of the next look for expired offsets

	// Volatile.
	topics     *Topics // the newest that a request came with
	courses    map[string]*consumerCourse
	downgraded map[string]downgrade
}

var _ statemachine.Core = (*Core)(nil)

// New returns a core without groups.
func New(p Params) *Core {
	return &Core{
		p: p.complete(), groups: make(map[string]*group), producers: make(map[int64]*producer),
		courses: make(map[string]*consumerCourse), downgraded: make(map[string]downgrade),
	}
}

// decision is one request or deadline being decided.
type decision struct {
	c       *Core
	now     time.Time
	records []statemachine.Record
	replies []statemachine.Reply
}

func (d *decision) reply(to statemachine.Ticket, resp kmsg.Response) {
	d.replies = append(d.replies, statemachine.Reply{To: to, Value: resp})
}

// at makes sure that Expire is called by then.
func (d *decision) at(deadline time.Time) {
	if d.c.next.IsZero() || deadline.Before(d.c.next) {
		d.c.next = deadline
	}
}

// Decide answers a Request, now or with a later decision, a *Resolved, a
// DeleteTopics, a Verify or an EndTransaction. A request of another type is a
// bug of the caller: it panics.
func (c *Core) Decide(now time.Time, t statemachine.Ticket, req any) statemachine.Decision {
	d := &decision{c: c, now: now}
	d.settle()
	switch r := req.(type) {
	case Request:
		if r.Topics != nil && (c.topics == nil || r.Topics.version > c.topics.version) { // requests may overtake
			c.topics = r.Topics
		}
		d.answer(t, r)
	case *Resolved:
		d.resolved(t, r)
	case DeleteTopics:
		d.forgetTopics(t, r.Names)
	default:
		d.decideTransaction(t, req)
	}
	return statemachine.Decision{Records: d.records, Replies: d.replies}
}

// answer is the answer to a client.
func (d *decision) answer(t statemachine.Ticket, r Request) {
	c := d.c
	switch m := r.Msg.(type) {
	case *kmsg.ConsumerGroupHeartbeatRequest:
		d.consumerHeartbeat(t, r, m)
	case *kmsg.ConsumerGroupDescribeRequest:
		d.reply(t, c.describeConsumers(m))
	case *kmsg.JoinGroupRequest:
		d.join(t, r, m)
	case *kmsg.SyncGroupRequest:
		d.sync(t, m)
	case *kmsg.HeartbeatRequest:
		d.heartbeat(t, m)
	case *kmsg.LeaveGroupRequest:
		d.leave(t, m)
	case *kmsg.OffsetCommitRequest:
		d.commit(t, m, r.Unwritable)
	case *kmsg.TxnOffsetCommitRequest:
		d.commitTransaction(t, m, r.Verification, r.Unwritable)
	case *kmsg.OffsetFetchRequest:
		d.reply(t, c.fetchOffsets(m))
	case *kmsg.DescribeGroupsRequest:
		d.reply(t, c.describe(m))
	case *kmsg.ListGroupsRequest:
		d.reply(t, c.list(m))
	case *kmsg.DeleteGroupsRequest:
		d.deleteGroups(t, m, r.Unwritable)
	case *kmsg.OffsetDeleteRequest:
		d.deleteOffsets(t, m, r.Unwritable)
	default:
		panic("group: a request of an unknown type reached the core")
	}
}

// Deadline is when Expire wants to be called.
func (c *Core) Deadline() time.Time { return c.next }

// Loaded gives the members of a replayed group a fresh session.
func (c *Core) Loaded(now time.Time) {
	d := &decision{c: c, now: now}
	for _, g := range c.groups {
		for _, m := range g.members {
			d.renew(m)
		}
		if g.consumer == nil {
			continue
		}
		for _, m := range g.consumer.members {
			d.renewConsumer(g.id, m, 0)
			if t := d.timers(g.id, m.id); m.state == unrevokedPartitions && m.classic == nil {
				t.epoch = m.epoch
				d.in(&t.rebalance, ms(m.rebalance))
			}
		}
	}
	c.expiry = now.Add(expiryInterval)
	d.at(c.expiry)
}

// Expire ends sessions and rebalances whose time has come, and forgets old
// offsets.
func (c *Core) Expire(now time.Time) statemachine.Decision {
	d := &decision{c: c, now: now}
	d.settle()
	for _, id := range sortedKeys(c.groups) {
		d.expireGroup(c.groups[id])
	}
	d.expireConsumers()
	if !now.Before(c.expiry) {
		c.expiry = now.Add(expiryInterval)
		d.expireOffsets()
		c.expireProducers(now)
	}
	c.next = c.expiry
	for _, g := range c.groups {
		if at := g.deadline(); !at.IsZero() {
			d.at(at)
		}
	}
	for _, v := range c.courses {
		for _, t := range v.timers {
			if at := t.due(); !at.IsZero() {
				d.at(at)
			}
		}
	}
	if len(c.downgraded) > 0 {
		d.at(now)
	}
	return statemachine.Decision{Records: d.records, Replies: d.replies}
}

func (d *decision) expireGroup(g *group) {
	for _, id := range sortedKeys(g.pending) {
		if !d.now.Before(g.pending[id]) {
			delete(g.pending, id)
			d.maybeCompleteJoin(g)
			d.c.dropUnused(g)
		}
	}
	for _, id := range sortedKeys(g.members) {
		if m := g.members[id]; m != nil && !m.keptAlive() && !d.now.Before(m.session) {
			d.removeMember(g, m)
			d.membersChanged(g)
		}
	}
	switch {
	case g.state == preparing && !d.now.Before(g.rebalance):
		d.joinTimeUp(g)
	case g.awaitsSync() && !d.now.Before(g.rebalance):
		d.syncTimeUp(g)
	}
}

func code(err *kerr.Error) int16 { return err.Code }
