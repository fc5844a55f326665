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
)

// group is one consumer group.
type group struct {
	id string

	// Remembered: written by Apply.
	protocolType string
	generation   int32
	protocol     string // "" until one is chosen
	leader       string
	since        time.Time // of the current state, for the expiry of offsets
	offsets      map[topicPartition]offset

	// Members are remembered with the generation they are part of; those of a
	// rebalance under way are volatile.
	members map[string]*member
	static  map[string]string // group instance id -> member id

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
}

// member is one member of a group.
type member struct {
	id, instance, client, host string
	sessionTimeout, rebalance  time.Duration
	protocols                  []protocol
	assignment                 []byte

	session time.Time // when it is gone unless it is heard of
	joining *parked
	syncing *parked
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

// waits reports whether the member has a call parked here, which keeps it alive.
func (m *member) waits() bool { return m.joining != nil || m.syncing != nil }

func (m *member) metadata(name string) []byte {
	for _, p := range m.protocols {
		if p.name == name {
			return p.metadata
		}
	}
	return nil
}

// sameProtocols reports whether the request offers what the member did.
func (m *member) sameProtocols(ps []kmsg.JoinGroupRequestProtocol) bool {
	return slices.EqualFunc(m.protocols, ps, func(a protocol, b kmsg.JoinGroupRequestProtocol) bool {
		return a.name == b.Name && slices.Equal(a.metadata, b.Metadata)
	})
}

func newGroup(id string, now time.Time) *group {
	return &group{
		id: id, state: empty, since: now, offsets: map[topicPartition]offset{},
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
		if !m.waits() {
			sooner(m.session)
		}
	}
	if g.state == preparing || g.state == completing {
		sooner(g.rebalance)
	}
	return at
}

// longestRebalance is how long a rebalance may take.
func (g *group) longestRebalance() (longest time.Duration) {
	for _, m := range g.members {
		longest = max(longest, m.rebalance)
	}
	return longest
}

// supports reports whether a member with these protocols could belong: the type
// fits and every member has one of them.
func (g *group) supports(protocolType string, ps []kmsg.JoinGroupRequestProtocol, except string) bool {
	others := 0
	count := make(map[string]int)
	for _, m := range g.members {
		if m.id == except {
			continue
		}
		others++
		for _, p := range m.protocols {
			count[p.name]++
		}
	}
	if others == 0 {
		return true
	}
	return g.protocolType == protocolType && slices.ContainsFunc(ps, func(p kmsg.JoinGroupRequestProtocol) bool {
		return count[p.Name] == others
	})
}

// choose is the protocol that most members prefer among those that all have.
func (g *group) choose() string {
	count := make(map[string]int)
	for _, m := range g.members {
		for _, p := range m.protocols {
			count[p.name]++
		}
	}
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
	if len(g.pending) > 0 {
		return false
	}
	for _, m := range g.members {
		if m.joining == nil {
			return false
		}
	}
	return true
}
