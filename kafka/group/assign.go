package group

import (
	"bytes"
	"cmp"
	"slices"
)

// subscriber is a member as an assignor sees it.
type subscriber struct {
	id, instance string
	topics       []Topic // sorted by name
	has          assignment
}

// The assignors that members may ask for, and the one that they get otherwise.
const (
	uniformAssignor = "uniform"
	rangeAssignor   = "range"
)

// assignors give every partition of the topics that members subscribe to, to
// one of the members that do; the answers are in the order of the members,
// which are sorted by id.
var assignors = map[string]func([]subscriber) []assignment{
	uniformAssignor: uniform,
	rangeAssignor:   ranges,
}

// assignorNames are the assignors in Kafka's default order
// (group.consumer.assignors).
var assignorNames = [...]string{uniformAssignor, rangeAssignor}

// ranges gives each member a run of each topic's partitions, the same numbers
// of all topics as far as the subscriptions are the same (RangeAssignor). Static
// members come first, by instance id, so that their runs outlive a member id.
func ranges(members []subscriber) []assignment {
	out := make([]assignment, len(members))
	order := make([]int, len(members))
	subscribers := make(map[[16]byte]int)
	for i, m := range members {
		out[i], order[i] = assignment{}, i
		for _, t := range m.topics {
			subscribers[t.ID]++
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := members[a], members[b]
		switch {
		case x.instance != "" && y.instance != "":
			return cmp.Compare(x.instance, y.instance)
		case x.instance != "":
			return -1
		case y.instance != "":
			return 1
		}
		return cmp.Compare(x.id, y.id)
	})
	next, served := make(map[[16]byte]int32), make(map[[16]byte]int32)
	for _, i := range order {
		for _, t := range members[i].topics {
			n := int32(subscribers[t.ID])
			size := t.Partitions / n
			if served[t.ID] < t.Partitions%n {
				size++
			}
			for p := next[t.ID]; p < next[t.ID]+size; p++ {
				out[i][t.ID] = append(out[i][t.ID], p)
			}
			next[t.ID] += size
			served[t.ID]++
		}
	}
	return out
}

// uniform gives all members as many partitions as the subscriptions allow, and
// leaves a partition where it is when that does not stand in the way
// (UniformAssignor).
func uniform(members []subscriber) []assignment {
	u := newUniform(members)
	u.keep()
	u.handOut()
	u.level()
	out := make([]assignment, len(members))
	for i := range members {
		out[i] = assignment{}
		for _, p := range u.of[i] {
			out[i][p.topic] = append(out[i][p.topic], p.partition)
		}
		for _, list := range out[i] {
			slices.Sort(list)
		}
	}
	return out
}

type balancer struct {
	members []subscriber
	wants   []map[[16]byte]bool // by member
	can     map[[16]byte][]int  // members by topic
	of      [][]idPartition     // by member: what it gets
	left    []idPartition       // nobody's yet
}

func newUniform(members []subscriber) *balancer {
	u := &balancer{members: members, can: make(map[[16]byte][]int)}
	u.of, u.wants = make([][]idPartition, len(members)), make([]map[[16]byte]bool, len(members))
	sizes := make(map[[16]byte]int32)
	for i, m := range members {
		u.wants[i] = make(map[[16]byte]bool, len(m.topics))
		for _, t := range m.topics {
			u.wants[i][t.ID] = true
			u.can[t.ID] = append(u.can[t.ID], i)
			sizes[t.ID] = t.Partitions
		}
	}
	kept := make(map[idPartition]bool)
	for i, m := range members {
		for _, id := range m.has.topicIDs() {
			for _, p := range m.has[id] {
				if at := (idPartition{id, p}); u.wants[i][id] && p < sizes[id] && !kept[at] {
					kept[at] = true
					u.of[i] = append(u.of[i], at)
				}
			}
		}
	}
	for _, id := range sortedIDs(sizes) {
		for p := range sizes[id] {
			if at := (idPartition{id, p}); !kept[at] {
				u.left = append(u.left, at)
			}
		}
	}
	return u
}

// keep takes from members what is more than an equal share, when all subscribe
// to the same: the others would get it in the end.
func (u *balancer) keep() {
	n := len(u.members)
	for _, members := range u.can {
		if len(members) != n {
			return
		}
	}
	total := len(u.left)
	for _, list := range u.of {
		total += len(list)
	}
	if n == 0 {
		return
	}
	share, extra := total/n, total%n
	order := make([]int, n) // those with the most may keep one more
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(u.of[b]), len(u.of[a])) })
	for _, i := range order {
		quota := share
		if extra > 0 && len(u.of[i]) > share {
			quota, extra = share+1, extra-1
		}
		if len(u.of[i]) > quota {
			u.left = append(u.left, u.of[i][quota:]...)
			u.of[i] = u.of[i][:quota]
		}
	}
}

// handOut gives what is nobody's to who has least; what few may have first.
func (u *balancer) handOut() {
	slices.SortStableFunc(u.left, func(a, b idPartition) int {
		return cmp.Or(cmp.Compare(len(u.can[a.topic]), len(u.can[b.topic])), bytes.Compare(a.topic[:], b.topic[:]), cmp.Compare(a.partition, b.partition))
	})
	for _, at := range u.left {
		to := u.least(at.topic)
		u.of[to] = append(u.of[to], at)
	}
	u.left = nil
}

// least is the member with the fewest partitions among those that subscribe to
// a topic.
func (u *balancer) least(topic [16]byte) int {
	best := -1
	for _, i := range u.can[topic] {
		if best < 0 || len(u.of[i]) < len(u.of[best]) {
			best = i
		}
	}
	return best
}

// level moves single partitions from members to others that have at least two
// fewer, until there are none. Every move brings the numbers closer together, so
// it ends.
func (u *balancer) level() {
	for moved := len(u.of) > 0; moved; {
		moved = false
		fewest := len(slices.MinFunc(u.of, func(a, b []idPartition) int { return cmp.Compare(len(a), len(b)) }))
		for from := range u.of {
			if len(u.of[from]) <= fewest+1 {
				continue
			}
			for k := 0; k < len(u.of[from]); k++ {
				at := u.of[from][k]
				if to := u.least(at.topic); len(u.of[to])+1 < len(u.of[from]) {
					u.of[from] = slices.Delete(u.of[from], k, k+1)
					u.of[to] = append(u.of[to], at)
					moved, k = true, k-1
				}
			}
		}
	}
}
