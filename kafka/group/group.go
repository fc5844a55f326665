package group

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// state is a group's state, named as Kafka shows it.
type state string

const (
	empty      state = "Empty"
	preparing  state = "PreparingRebalance"  // waits for JoinGroups
	completing state = "CompletingRebalance" // waits for the leader's SyncGroup
	stable     state = "Stable"

	// Of consumer groups, which are Empty and Stable too.
	assigning   state = "Assigning"   // the target assignment is of an older epoch
	reconciling state = "Reconciling" // members are on their way to it
)

// group is one consumer group.
type group struct {
	id string

	// Remembered: written by Apply.
	protocolType string
	generation   int32
	protocol     string // "" until one is chosen
	leader       string
	since        time.Time // of the current state, for the expiry of offsets; zero when a record does not say
	offsets      map[topicPartition]offset
	// pendingOffsets counts the producers whose open transactions change an
	// offset; the offsets are with the producers.
	pendingOffsets map[topicPartition]int

	// Members are remembered with the generation they are part of; those of a
	// rebalance under way are volatile.
	members map[string]*member
	static  map[string]string // group instance id -> member id

	// consumer is set of a group of the consumer protocol: of the other fields
	// it has the offsets alone, and its state here is Empty.
	consumer *consumerGroup

	// Volatile.
	state     state
	pending   map[string]time.Time // member ids given out and not used yet, with their end
	rebalance time.Time            // when the current phase ends at the latest
	initial   bool                 // the phase is the first delay of an empty group
	newcomers bool                 // members came during the initial delay
	full      time.Time            // the latest end of the initial delay
}

type topicPartition struct {
	topic     string
	partition int32
}

func compareTP(a, b topicPartition) int {
	return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
}

type offset struct {
	offset   int64
	epoch    int32
	metadata string
	at       time.Time // of the commit
	expires  time.Time // set by clients before OffsetCommit v5; else zero
	seq      int64     // order of the record among all of the core
}

// member is one member of a group.
type member struct {
	id, instance, client, host string
	sessionTimeout, rebalance  time.Duration
	assignment                 []byte
	course
}

// course is what a rebalance knows of a member: volatile, but for the metadata
// of the protocol chosen.
type course struct {
	protocols []protocol
	session   time.Time // when it is gone unless it is heard of
	joining   *parked
	syncing   *parked
	isNew     bool // its first JoinGroup waits
	unsynced  bool // has the join's answer and has not sent SyncGroup yet
}

type protocol struct {
	name     string
	metadata []byte
}

// parked is a caller whose reply comes later.
type parked struct {
	ticket  statemachine.Ticket
	version int16
}

// keptAlive reports whether a call parked here keeps the member alive.
func (m *member) keptAlive() bool { return !m.isNew && (m.joining != nil || m.syncing != nil) }

// bytes is about what the member costs.
func (m *member) bytes() int {
	n := len(m.id) + len(m.instance) + len(m.client) + len(m.assignment)
	for _, p := range m.protocols {
		n += len(p.name) + len(p.metadata)
	}
	return n
}

func (m *member) metadata(name string) []byte {
	for _, p := range m.protocols {
		if p.name == name {
			return p.metadata
		}
	}
	return nil
}

// offers reports whether the member supports a protocol with this metadata. In
// a replay it may not: an older record of it was of another subscription.
func (m *member) offers(p protocol) bool {
	return slices.ContainsFunc(m.protocols, func(own protocol) bool {
		return own.name == p.name && slices.Equal(own.metadata, p.metadata)
	})
}

// sameProtocols reports whether the request offers what the member did.
func (m *member) sameProtocols(ps []kmsg.JoinGroupRequestProtocol) bool {
	return slices.EqualFunc(m.protocols, ps, func(a protocol, b kmsg.JoinGroupRequestProtocol) bool {
		return a.name == b.Name && slices.Equal(a.metadata, b.Metadata)
	})
}

func newGroup(id string, now time.Time) *group {
	return &group{
		id: id, state: empty, since: now, offsets: map[topicPartition]offset{}, pendingOffsets: map[topicPartition]int{},
		members: map[string]*member{}, static: map[string]string{}, pending: map[string]time.Time{},
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// deadline is the earliest time at which something ends; zero for none.
func (g *group) deadline() (at time.Time) {
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	for _, t := range g.pending {
		sooner(t)
	}
	for _, m := range g.members {
		if !m.keptAlive() {
			sooner(m.session)
		}
	}
	if g.state == preparing || g.awaitsSync() {
		sooner(g.rebalance)
	}
	return at
}

// awaitsSync reports whether a SyncGroup of this generation is still to come.
func (g *group) awaitsSync() bool {
	if g.state != stable {
		return g.state == completing
	}
	for _, m := range g.members {
		if m.unsynced {
			return true
		}
	}
	return false
}

// shown is the group's state, of whatever kind it is.
func (g *group) shown() state {
	if g.consumer != nil {
		return g.consumer.state()
	}
	return g.state
}

// unused reports whether nothing is remembered of the group and nobody is on
// the way to it.
func (g *group) unused() bool {
	return g.consumer == nil && g.state == empty && g.generation == 0 && g.protocolType == "" &&
		len(g.offsets)+len(g.pendingOffsets)+len(g.members)+len(g.pending) == 0
}

// dropUnused forgets a group that no record speaks of.
func (c *Core) dropUnused(g *group) {
	if g.unused() {
		delete(c.groups, g.id)
	}
}

// accepts reports whether one more join keeps the group below its maximum size
// (ClassicGroup.acceptJoiningMember). While a rebalance gathers members only
// those who have come count, so that a group that is too large shrinks; twice
// the maximum bounds it then. A static member that comes back takes its own
// place.
func (g *group) accepts(memberID, instance string, maxSize int) bool {
	m := g.members[memberID]
	if m == nil && memberID == "" && instance != "" {
		m = g.members[g.static[instance]]
	}
	switch g.state {
	case empty:
		return true
	case preparing:
		if m != nil && m.joining != nil {
			return true
		}
		return g.joined() < maxSize && (m != nil || len(g.members) < 2*maxSize)
	}
	return m != nil || len(g.members) < maxSize
}

// joined is how many members wait for the next generation.
func (g *group) joined() (n int) {
	for _, m := range g.members {
		if m.joining != nil {
			n++
		}
	}
	return n
}

// bytes is about what the members cost.
func (g *group) bytes() (n int) {
	for _, m := range g.members {
		n += m.bytes()
	}
	return n
}

// longestRebalance is how long a rebalance may take.
func (g *group) longestRebalance() (longest time.Duration) {
	for _, m := range g.members {
		longest = max(longest, m.rebalance)
	}
	return longest
}

// supports reports whether a member with these protocols could belong: the type
// fits and every member, itself as it was included, has one of them
// (ClassicGroup.supportsProtocols).
func (g *group) supports(protocolType string, ps []kmsg.JoinGroupRequestProtocol) bool {
	if g.state == empty {
		return true
	}
	count := g.support()
	return g.protocolType == protocolType && slices.ContainsFunc(ps, func(p kmsg.JoinGroupRequestProtocol) bool {
		return count[p.Name] == len(g.members)
	})
}

// support counts the members that have each protocol.
func (g *group) support() map[string]int {
	count := make(map[string]int)
	for _, m := range g.members {
		for _, p := range m.protocols {
			count[p.name]++
		}
	}
	return count
}

// choose is the protocol that most members prefer among those that all have.
func (g *group) choose() string {
	count := g.support()
	votes := make(map[string]int)
	for _, m := range g.members {
		for _, p := range m.protocols {
			if count[p.name] == len(g.members) {
				votes[p.name]++
				break
			}
		}
	}
	best := ""
	for _, name := range sortedKeys(votes) {
		if best == "" || votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// allJoined reports whether every member, and everybody who was given an id,
// has joined.
func (g *group) allJoined() bool {
	return len(g.pending) == 0 && g.joined() == len(g.members)
}
