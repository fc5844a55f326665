package metadata

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Rebalance moves replicas of clients' topics from brokers that have more to
// brokers of the same rack and kind that have fewer, until they differ by one at most, as
// MSK's intelligent rebalancing of Express brokers does. What is moved is
// reassigned as by clients. Nothing moves to or from a fenced broker, and nothing
// that is being reassigned already. The reply is how many replicas are moved, an
// int.
type Rebalance struct{}

// maxMoves bounds the replicas that one Rebalance moves; who asks again goes on.
const maxMoves = 1000

// load is what a broker has of clients' topics.
type load struct{ replicas, leaders int }

// move is one replica that goes to another broker.
type move struct {
	topic    *Topic
	index    int
	from, to int32
}

func (d *decision) rebalance() (moved int) {
	loads := d.image.loads()
	next := map[*Topic][]Partition{}
	for ; moved < maxMoves; moved++ {
		m, ok := d.image.nextMove(loads, next)
		if !ok {
			break
		}
		if next[m.topic] == nil {
			next[m.topic] = slices.Clone(m.topic.Partitions)
		}
		p := &next[m.topic][m.index]
		replicas := slices.Clone(p.Replicas)
		replicas[slices.Index(replicas, m.from)] = m.to
		if replicas[0] == m.to {
			loads[m.from].leaders--
			loads[m.to].leaders++
		}
		loads[m.from].replicas--
		loads[m.to].replicas++
		p.Replicas = replicas
	}
	for _, t := range slices.Clone(d.image.sorted) {
		if wanted := next[t]; wanted != nil {
			d.assign(t, wanted)
		}
	}
	return moved
}

// assign begins the reassignments that give a topic's partitions the wanted
// replicas.
func (d *decision) assign(t *Topic, wanted []Partition) {
	after := slices.Clone(t.Partitions)
	for i := range wanted {
		if slices.Equal(wanted[i].Replicas, t.Partitions[i].Replicas) {
			continue
		}
		in := kmsg.AlterPartitionAssignmentsRequestTopicPartition{Partition: int32(i), Replicas: wanted[i].Replicas}
		if p, changed, err := d.reassign(t, t.Name, in, false); err == nil && changed {
			after[i] = p
		}
	}
	d.setPartitions(t, after)
}

// loads is what every broker that is alive has.
func (i *Image) loads() map[int32]*load {
	loads := map[int32]*load{}
	for _, b := range i.Brokers {
		if !b.Fenced {
			loads[b.ID] = &load{}
		}
	}
	for _, t := range i.sorted {
		if t.Internal {
			continue
		}
		for _, p := range t.Partitions {
			for n, id := range p.Replicas {
				if l := loads[id]; l != nil {
					l.replicas++
					if n == 0 {
						l.leaders++
					}
				}
			}
		}
	}
	return loads
}

// nextMove is the move that helps the two brokers of a rack most that differ
// most; false when none differ by more than one, or nothing of theirs can move.
func (i *Image) nextMove(loads map[int32]*load, next map[*Topic][]Partition) (move, bool) {
	var best move
	found := false
	for _, from := range i.Brokers {
		for _, to := range i.Brokers {
			a, b := loads[from.ID], loads[to.ID]
			if a == nil || b == nil || from.Rack != to.Rack || from.Express != to.Express || a.replicas-b.replicas <= 1 {
				continue
			}
			if found && a.replicas-b.replicas <= loads[best.from].replicas-loads[best.to].replicas {
				continue
			}
			if m, ok := i.between(from.ID, to.ID, a.leaders-b.leaders > 1, next); ok {
				best, found = m, true
			}
		}
	}
	return best, found
}

// between finds a replica that can go from one broker to another: one that leads
// or does not, as asked for, or any.
func (i *Image) between(from, to int32, leads bool, next map[*Topic][]Partition) (m move, found bool) {
	for _, t := range i.sorted {
		if t.Internal {
			continue
		}
		partitions := t.Partitions
		if next[t] != nil {
			partitions = next[t]
		}
		for n, p := range partitions {
			if p.Reassigning() || p.Leader < 0 || !slices.Contains(p.Replicas, from) || slices.Contains(p.Replicas, to) {
				continue
			}
			m, found = move{t, n, from, to}, true
			if (p.Replicas[0] == from) == leads {
				return m, true
			}
		}
	}
	return m, found
}
