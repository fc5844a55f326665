package group

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// consumerGroup is what is remembered of a group of the consumer protocol
// (KIP-848). Its methods that change it are called by Apply and, on a copy, by
// a draft.
type consumerGroup struct {
	epoch       int32 // of the members, their subscriptions and the topics
	hash        uint64
	targetEpoch int32 // the group epoch that the target assignment is of
	target      map[string]assignment
	members     map[string]*consumerMember // a member is replaced, never changed
	static      map[string]string          // group instance id -> member id
	patterns    map[string]resolved
	wanted      map[string]int         // members that have a pattern, by pattern
	owners      map[idPartition]string // member ids, by partitions assigned or being revoked
}

func newConsumerGroup() *consumerGroup {
	return &consumerGroup{
		target: map[string]assignment{}, members: map[string]*consumerMember{}, static: map[string]string{},
		patterns: map[string]resolved{}, wanted: map[string]int{}, owners: map[idPartition]string{},
	}
}

func (g *consumerGroup) clone() *consumerGroup {
	c := *g
	c.target, c.members, c.static = maps.Clone(g.target), maps.Clone(g.members), maps.Clone(g.static)
	c.patterns, c.wanted, c.owners = maps.Clone(g.patterns), maps.Clone(g.wanted), maps.Clone(g.owners)
	return &c
}

// idPartition is a partition of a topic that is named by its id.
type idPartition struct {
	topic     [16]byte
	partition int32
}

// assignment is partitions by topic id, sorted. It never changes.
type assignment map[[16]byte][]int32

// resolved is the topics that a regular expression matched.
type resolved struct {
	topics  []string // sorted
	version int64    // Topics.created
	at      time.Time
}

// memberState is where a member is on its way to the target assignment
// (Kafka's MemberState; the numbers are those of its records).
type memberState int8

const (
	stableMember         memberState = 0
	unrevokedPartitions  memberState = 1 // must give partitions up
	unreleasedPartitions memberState = 2 // waits for partitions of other members
	unknownMember        memberState = 127
)

// Member epochs with a meaning of their own.
const (
	joinEpoch        = 0
	leaveEpoch       = -1
	leaveStaticEpoch = -2 // a static member will be back
)

// consumerMember is one member. It never changes once it is in a group.
type consumerMember struct {
	id, instance, rack, client, host string
	rebalance                        int32    // milliseconds; -1 until known
	topics                           []string // sorted
	pattern                          string   // "" for none
	assignor                         string   // "" for the group's
	classic                          *classicSide

	epoch, previous    int32
	state              memberState
	assigned, revoking assignment
}

// classicSide is what a member of the classic protocol has beyond.
type classicSide struct {
	session   int32 // milliseconds
	protocols []protocol
}

// newConsumerMember is a member that no record speaks of yet.
func newConsumerMember(id string) *consumerMember {
	return &consumerMember{id: id, rebalance: -1, previous: -1}
}

// bytes is about what the member costs.
func (m *consumerMember) bytes() int {
	n := len(m.id) + len(m.instance) + len(m.rack) + len(m.client) + len(m.host) + len(m.pattern) + len(m.assignor)
	for _, t := range m.topics {
		n += len(t)
	}
	if m.classic != nil {
		for _, p := range m.classic.protocols {
			n += len(p.name) + len(p.metadata)
		}
	}
	return n
}

// sameMetadata reports whether the two would be written as the same
// ConsumerGroupMemberMetadata.
func (m *consumerMember) sameMetadata(o *consumerMember) bool {
	return m.id == o.id && m.instance == o.instance && m.rack == o.rack && m.client == o.client && m.host == o.host &&
		m.rebalance == o.rebalance && m.pattern == o.pattern && m.assignor == o.assignor &&
		slices.Equal(m.topics, o.topics) && m.classic.same(o.classic)
}

func (c *classicSide) same(o *classicSide) bool {
	if c == nil || o == nil {
		return c == o
	}
	return c.session == o.session && slices.EqualFunc(c.protocols, o.protocols, func(a, b protocol) bool {
		return a.name == b.name && bytes.Equal(a.metadata, b.metadata)
	})
}

// sameAssignment reports whether the two would be written as the same
// ConsumerGroupCurrentMemberAssignment.
func (m *consumerMember) sameAssignment(o *consumerMember) bool {
	return m.epoch == o.epoch && m.previous == o.previous && m.state == o.state &&
		m.assigned.equal(o.assigned) && m.revoking.equal(o.revoking)
}

func (m *consumerMember) reconciled(targetEpoch int32) bool {
	return m.state == stableMember && m.epoch == targetEpoch
}

func (a assignment) equal(b assignment) bool { return maps.EqualFunc(a, b, slices.Equal[[]int32]) }

func (a assignment) has(topic [16]byte, partition int32) bool {
	_, ok := slices.BinarySearch(a[topic], partition)
	return ok
}

// topicIDs is the topics, sorted.
func (a assignment) topicIDs() [][16]byte { return sortedIDs(a) }

func sortedIDs[V any](m map[[16]byte]V) [][16]byte {
	return slices.SortedFunc(maps.Keys(m), func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
}

// put makes m the member of its id.
func (g *consumerGroup) put(m *consumerMember) {
	old := g.members[m.id]
	g.disown(old)
	g.want(m, 1)
	if old != nil && old.instance != m.instance && g.static[old.instance] == m.id {
		delete(g.static, old.instance)
	}
	g.members[m.id] = m
	if m.instance != "" {
		g.static[m.instance] = m.id
	}
	for _, a := range []assignment{m.assigned, m.revoking} {
		for topic, partitions := range a {
			for _, p := range partitions {
				g.owners[idPartition{topic, p}] = m.id
			}
		}
	}
}

// remove takes a member out.
func (g *consumerGroup) remove(id string) {
	m := g.members[id]
	if m == nil {
		return
	}
	g.disown(m)
	delete(g.members, id)
	if g.static[m.instance] == id {
		delete(g.static, m.instance)
	}
}

// want counts a member in or out of those of its pattern.
func (g *consumerGroup) want(m *consumerMember, n int) {
	if m.pattern == "" {
		return
	}
	if g.wanted[m.pattern] += n; g.wanted[m.pattern] == 0 {
		delete(g.wanted, m.pattern)
	}
}

// disown takes a member out of what is counted by members.
func (g *consumerGroup) disown(m *consumerMember) {
	if m == nil {
		return
	}
	g.want(m, -1)
	for _, a := range []assignment{m.assigned, m.revoking} {
		for topic, partitions := range a {
			for _, p := range partitions {
				if at := (idPartition{topic, p}); g.owners[at] == m.id {
					delete(g.owners, at)
				}
			}
		}
	}
}

// owned reports whether any member holds a partition, or is giving it up.
func (g *consumerGroup) owned(topic [16]byte, partition int32) bool {
	_, ok := g.owners[idPartition{topic, partition}]
	return ok
}

// state is the group's state as Kafka shows it.
func (g *consumerGroup) state() state {
	switch {
	case len(g.members) == 0:
		return empty
	case g.epoch > g.targetEpoch:
		return assigning
	}
	for _, m := range g.members {
		if !m.reconciled(g.targetEpoch) {
			return reconciling
		}
	}
	return stable
}

// subscribed is the topics that a member names or its pattern matched.
func (g *consumerGroup) subscribed(m *consumerMember) []string {
	if m.pattern == "" {
		return m.topics
	}
	all := slices.Concat(m.topics, g.patterns[m.pattern].topics)
	slices.Sort(all)
	return slices.Compact(all)
}

// subscription is the topics that members subscribe to, there or not.
func (g *consumerGroup) subscription() map[string]bool {
	all := make(map[string]bool)
	for _, m := range g.members {
		for _, t := range m.topics {
			all[t] = true
		}
	}
	for p := range g.wanted {
		for _, t := range g.patterns[p].topics {
			all[t] = true
		}
	}
	return all
}

// topicsHash stands for the topics that the group is subscribed to, as they
// are: when it changes, the group rebalances (KIP-1101). 0 is no topic. Only
// this code compares it; the number itself is not Kafka's.
func (g *consumerGroup) topicsHash(topics *Topics) uint64 {
	h, n := fnv.New64a(), 0
	for _, name := range sortedKeys(g.subscription()) {
		if t, ok := topics.named(name); ok {
			n++
			h.Write(t.ID[:])
			h.Write(binary.BigEndian.AppendUint32(nil, uint32(t.Partitions)))
		}
	}
	if n == 0 {
		return 0
	}
	return h.Sum64()
}

// assignor is the one that most members prefer, of those there are.
func (g *consumerGroup) assignor() string {
	votes := make(map[string]int)
	for _, m := range g.members {
		if assignors[m.assignor] != nil {
			votes[m.assignor]++
		}
	}
	best := uniformAssignor
	for _, name := range sortedKeys(votes) {
		if votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// classicMembers counts the members of the classic protocol.
func (g *consumerGroup) classicMembers() (n int) {
	for _, m := range g.members {
		if m.classic != nil {
			n++
		}
	}
	return n
}

// supports reports whether a classic member with these protocols could belong
// (ConsumerGroup.supportsClassicProtocols).
func (g *consumerGroup) supports(protocolType string, names []string) bool {
	if protocolType != consumerType {
		return false
	}
	count, classic := make(map[string]int), g.classicMembers()
	for _, m := range g.members {
		if m.classic != nil {
			for _, p := range m.classic.protocols {
				count[p.name]++
			}
		}
	}
	return slices.ContainsFunc(names, func(n string) bool { return count[n] == classic })
}

// waits reports whether a member's target has partitions that others hold.
func (g *consumerGroup) waits(m *consumerMember) bool {
	for topic, partitions := range g.target[m.id] {
		for _, p := range partitions {
			if !m.assigned.has(topic, p) && g.owned(topic, p) {
				return true
			}
		}
	}
	return false
}
