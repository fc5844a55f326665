package group

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// reported is the partitions that a member says it owns; known is false when it
// says nothing, because nothing has changed.
type reported struct {
	known      bool
	partitions assignment
}

// within reports whether all of it is in a.
func (r reported) within(a assignment) bool {
	if !r.known {
		return false
	}
	for topic, partitions := range r.partitions {
		for _, p := range partitions {
			if !a.has(topic, p) {
				return false
			}
		}
	}
	return true
}

// owns reports whether the member may still own any of a.
func (r reported) owns(a assignment) bool {
	if !r.known {
		return true
	}
	for topic, partitions := range r.partitions {
		for _, p := range partitions {
			if a.has(topic, p) {
				return true
			}
		}
	}
	return false
}

// reconcile takes a member one step towards its target assignment
// (CurrentAssignmentBuilder). It returns m itself when there is nothing to do.
func (g *consumerGroup) reconcile(m *consumerMember, owned reported) (*consumerMember, *refusal) {
	switch m.state {
	case stableMember:
		if m.epoch == g.targetEpoch {
			return m, nil
		}
		return g.next(m, m.epoch, owned), nil
	case unrevokedPartitions:
		if owned.owns(m.revoking) {
			return m, nil
		}
		return g.next(m, m.epoch+1, owned), nil
	case unreleasedPartitions:
		return g.next(m, m.epoch, owned), nil
	}
	// A newer version wrote a state that this one does not know.
	if !owned.known || len(owned.partitions) > 0 {
		return m, refuse(kerr.FencedMemberEpoch, "The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.")
	}
	return g.next(m, g.targetEpoch, owned), nil
}

// next is the member with the part of its target that it can have: first it
// gives up what it must, then it gets what nobody else holds.
func (g *consumerGroup) next(m *consumerMember, epoch int32, owned reported) *consumerMember {
	target := g.target[m.id]
	assigned, revoking, pending := assignment{}, assignment{}, assignment{}
	unreleased := false
	for topic, partitions := range m.assigned {
		for _, p := range partitions {
			if target.has(topic, p) {
				assigned[topic] = append(assigned[topic], p)
			} else {
				revoking[topic] = append(revoking[topic], p)
			}
		}
	}
	for topic, partitions := range target {
		for _, p := range partitions {
			switch {
			case m.assigned.has(topic, p):
			case g.owned(topic, p):
				unreleased = true
			default:
				pending[topic] = append(pending[topic], p)
			}
		}
	}
	out := *m
	out.previous = m.epoch
	if len(revoking) > 0 && owned.owns(revoking) {
		out.state, out.epoch, out.assigned, out.revoking = unrevokedPartitions, epoch, assigned, revoking
		return &out
	}
	for topic, partitions := range pending {
		all := slices.Concat(assigned[topic], partitions)
		slices.Sort(all)
		assigned[topic] = all
	}
	out.state, out.epoch, out.assigned, out.revoking = stableMember, g.targetEpoch, assigned, assignment{}
	if unreleased {
		out.state = unreleasedPartitions
	}
	return &out
}
