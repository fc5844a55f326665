package metadata

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// stripe places count partitions on brokers: leaders go round over those that are
// not fenced, in their order, which changes racks with every step, and the replicas
// of a partition follow its leader in that order, in racks of their own while
// there are enough. Fenced brokers come last and never lead. Where the round
// begins depends on the topic's id.
func (i *Image) stripe(order []int32, id [16]byte, first, count, replicas int) ([][]int32, error) {
	leaders := only(order, i.alive)
	switch {
	case replicas < 1:
		return nil, fail(kerr.InvalidReplicationFactor, "Unable to replicate the partition %d time(s): the replication factor must be positive.", replicas)
	case len(leaders) == 0:
		return nil, fail(kerr.InvalidReplicationFactor, "Unable to replicate the partition %d time(s): All brokers are currently fenced.", replicas)
	case replicas > len(order):
		return nil, fail(kerr.InvalidReplicationFactor, "Unable to replicate the partition %d time(s): The target replication factor of %d cannot be reached because only %d broker(s) are registered.", replicas, replicas, len(order))
	}
	start := int(id[0])<<8 | int(id[1])
	out := make([][]int32, count)
	for p := range out {
		leader := leaders[(start+first+p)%len(leaders)]
		turn := (first + p) / len(leaders) // followers shift with each round
		out[p] = i.follow(leader, order, turn*(replicas-1), replicas)
	}
	return out, nil
}

// follow picks the replicas of a partition: its leader, then the best of the
// brokers after it in the order, where the search begins shift places on.
func (i *Image) follow(leader int32, order []int32, shift, replicas int) []int32 {
	at := slices.Index(order, leader)
	others := slices.Concat(order[at+1:], order[:at])
	if replicas < len(order) { // with all brokers there is nothing to vary
		shift %= len(others)
		others = slices.Concat(others[shift:], others[:shift])
	}
	picked := []int32{leader}
	racks := map[string]bool{i.Broker(leader).Rack: true}
	for len(picked) < replicas {
		best, bestRank := int32(-1), 4
		for _, id := range others {
			rank := 0 // a rack of its own counts more than being alive
			if racks[i.Broker(id).Rack] {
				rank += 2
			}
			if !i.alive(id) {
				rank++
			}
			if rank < bestRank && !slices.Contains(picked, id) {
				best, bestRank = id, rank
			}
		}
		picked = append(picked, best)
		racks[i.Broker(best).Rack] = true
	}
	return picked
}

// byRack lists broker ids with the racks taking turns.
func (i *Image) byRack() []int32 {
	racks := make(map[string][]int32)
	for _, b := range i.Brokers {
		racks[b.Rack] = append(racks[b.Rack], b.ID)
	}
	names := slices.Sorted(maps.Keys(racks))
	var out []int32
	for len(out) < len(i.Brokers) {
		for _, name := range names {
			if ids := racks[name]; len(ids) > 0 {
				out, racks[name] = append(out, ids[0]), ids[1:]
			}
		}
	}
	return out
}

// newPartitions makes partitions of replicas; fenced ones are not in sync.
func (i *Image) newPartitions(assignments [][]int32) []Partition {
	out := make([]Partition, len(assignments))
	for n, replicas := range assignments {
		isr := only(replicas, i.alive)
		out[n] = Partition{Leader: isr[0], Replicas: replicas, ISR: isr}
	}
	return out
}

// checkReplicas checks replicas assigned by hand to one partition; want is how
// many the other partitions have.
func (i *Image) checkReplicas(partition int, replicas []int32, want int) error {
	if err := i.checkTarget(replicas); err != nil {
		return err
	}
	if len(replicas) != want {
		return fail(kerr.InvalidReplicaAssignment, "The manual partition assignment includes a partition with %d replica(s), but this is not consistent with previous partitions, which have %d replica(s).", len(replicas), want)
	}
	if len(only(replicas, i.alive)) == 0 {
		return fail(kerr.InvalidReplicaAssignment, "All brokers specified in the manual partition assignment for partition %d are fenced or in controlled shutdown.", partition)
	}
	return nil
}
