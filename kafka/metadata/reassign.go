package metadata

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A reassignment has Kafka's three stages (ReplicationControlManager): the new
// replicas are put before those that leave; they catch up; the old ones go. A
// logical replica that is alive has caught up at once, so the core ends a
// reassignment in a decision of its own as soon as it may (Deadline, Expire).

// Reassigning reports whether replicas are being added or removed.
func (p Partition) Reassigning() bool { return len(p.Adding) > 0 || len(p.Removing) > 0 }

func (t *Topic) reassigning() bool { return slices.ContainsFunc(t.Partitions, Partition.Reassigning) }

// alterReassignments starts, replaces and cancels reassignments (KIP-455).
func (d *decision) alterReassignments(r *kmsg.AlterPartitionAssignmentsRequest) *kmsg.AlterPartitionAssignmentsResponse {
	resp := r.ResponseKind().(*kmsg.AlterPartitionAssignmentsResponse)
	resp.AllowReplicationFactorChange = r.AllowReplicationFactorChange
	resp.Topics = []kmsg.AlterPartitionAssignmentsResponseTopic{}
	if len(r.Topics) == 0 { // what Kafka says of nothing
		resp.AllowReplicationFactorChange, resp.ErrorMessage = true, kmsg.StringPtr("")
	}
	for i := range r.Topics {
		in := &r.Topics[i]
		out := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		out.Topic = in.Topic
		out.Partitions = []kmsg.AlterPartitionAssignmentsResponseTopicPartition{}
		t, next := d.image.Topic(in.Topic), []Partition(nil)
		for _, p := range in.Partitions {
			answer := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			answer.Partition = p.Partition
			after, changed, err := d.reassign(t, in.Topic, p, r.Version < 1 || r.AllowReplicationFactorChange)
			answer.ErrorCode, answer.ErrorMessage = wire(err)
			out.Partitions = append(out.Partitions, answer)
			if changed && next == nil {
				next = slices.Clone(t.Partitions)
			}
			if changed {
				next[p.Partition] = after
			}
		}
		d.setPartitions(t, next)
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

// setPartitions writes a topic's changed partitions; nil means no change.
func (d *decision) setPartitions(t *Topic, next []Partition) {
	if next == nil {
		return
	}
	changed := *t
	changed.Partitions = next
	d.setTopic(&changed)
}

func (d *decision) reassign(t *Topic, topic string, in kmsg.AlterPartitionAssignmentsRequestTopicPartition, anyFactor bool) (Partition, bool, error) {
	if t == nil {
		return Partition{}, false, fail(kerr.UnknownTopicOrPartition, "Unable to find a topic named %s.", topic)
	}
	if in.Partition < 0 || int(in.Partition) >= len(t.Partitions) {
		return Partition{}, false, fail(kerr.UnknownTopicOrPartition, "Unable to find partition %s:%d.", topic, in.Partition)
	}
	p := t.Partitions[in.Partition]
	if in.Replicas == nil {
		return d.cancelReassignment(t, in.Partition)
	}
	if err := d.image.checkTarget(in.Replicas); err != nil {
		return p, false, err
	}
	if had := p.settledFactor(); !anyFactor && had != len(in.Replicas) { // KIP-860
		return p, false, fail(kerr.InvalidReplicationFactor, "The replication factor is changed from %d to %d", had, len(in.Replicas))
	}
	next, removing := p, slices.Sorted(slices.Values(without(p.Replicas, in.Replicas)))
	next.Replicas = slices.Concat(in.Replicas, removing)
	if len(removing) > 0 {
		next.Removing = removing
	}
	if adding := without(in.Replicas, p.Replicas); len(adding) > 0 {
		next.Adding = slices.Sorted(slices.Values(adding))
	}
	next.complete()
	next, changed := d.image.reassigned(p, next, false)
	return next, changed, nil
}

// settledFactor is how many replicas a partition has once what is under way is
// done.
func (p Partition) settledFactor() int { return len(without(p.Replicas, p.Removing)) }

// checkTarget checks the replicas that a partition shall have.
func (i *Image) checkTarget(replicas []int32) error {
	if len(replicas) == 0 {
		return fail(kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	}
	sorted := slices.Sorted(slices.Values(replicas))
	for n, id := range sorted {
		if i.Broker(id) == nil {
			return fail(kerr.InvalidReplicaAssignment, "The manual partition assignment includes broker %d, but no such broker is registered.", id)
		}
		if n > 0 && sorted[n-1] == id {
			return fail(kerr.InvalidReplicaAssignment, "The manual partition assignment includes the broker %d more than once.", id)
		}
	}
	return nil
}

// cancelReassignment takes the added replicas out again and keeps those that
// were to leave. When only added ones are in sync that loses records, which
// needs unclean.leader.election.enable.
func (d *decision) cancelReassignment(t *Topic, index int32) (Partition, bool, error) {
	p, unclean := t.Partitions[index], d.image.uncleanElection(t)
	if !p.Reassigning() {
		return p, false, fail(kerr.NoReassignmentInProgress, "")
	}
	next := p
	next.Replicas, next.ISR = without(p.Replicas, p.Adding), without(p.ISR, p.Adding)
	next.Adding, next.Removing = nil, nil
	if len(next.Replicas) == 0 {
		return p, false, fail(kerr.InvalidReplicaAssignment, "Invalid replica assignment: addingReplicas contains all replicas.")
	}
	if len(next.ISR) == 0 {
		if !unclean {
			return p, false, fail(kerr.InvalidReplicaAssignment, "Unable to revert partition assignment for %s:%d because it would require an unclean leader election.", t.Name, index)
		}
		next.ISR = next.Replicas[:1]
	}
	next, changed := d.image.reassigned(p, next, unclean)
	return next, changed, nil
}

// complete ends a reassignment when every replica that stays is in sync.
func (p *Partition) complete() {
	replicas, isr := without(p.Replicas, p.Removing), without(p.ISR, p.Removing)
	if !p.Reassigning() || len(replicas) == 0 || len(isr) == 0 || len(without(replicas, isr)) > 0 {
		return
	}
	p.Replicas, p.ISR, p.Adding, p.Removing = replicas, isr, nil, nil
}

// reassigned makes next, which has another assignment than p, whole: it elects
// a leader if p's may not go on and counts the epochs. A replica that leaves
// raises the leader epoch, so that clients look again.
func (i *Image) reassigned(p, next Partition, unclean bool) (Partition, bool) {
	inSync := func(id int32) bool { return slices.Contains(next.ISR, id) && i.alive(id) }
	if !inSync(next.Leader) || !slices.Contains(next.Replicas, next.Leader) {
		next.Leader = first(next.Replicas, inSync)
	}
	if next.Leader < 0 && unclean {
		if next.Leader = first(next.Replicas, i.alive); next.Leader >= 0 {
			next.ISR = []int32{next.Leader}
		}
	}
	moved := next.Leader != p.Leader || len(without(p.Replicas, next.Replicas)) > 0
	if !moved && slices.Equal(next.Replicas, p.Replicas) && slices.Equal(next.ISR, p.ISR) &&
		slices.Equal(next.Adding, p.Adding) && slices.Equal(next.Removing, p.Removing) {
		return p, false
	}
	next.PartitionEpoch++
	if moved {
		next.LeaderEpoch++
	}
	return next, true
}

// without is the ids that are not in the other list, in order.
func without(ids, others []int32) []int32 {
	return only(ids, func(id int32) bool { return !slices.Contains(others, id) })
}

// advanced is what a partition's reassignment comes to now: live replicas join
// the ISR, and what can end ends.
func (i *Image) advanced(p Partition) (Partition, bool) {
	if !p.Reassigning() || p.Leader < 0 {
		return p, false
	}
	next := p
	next.ISR = slices.Concat(p.ISR, only(without(p.Replicas, p.ISR), i.alive))
	next.complete()
	return i.reassigned(p, next, false)
}

// advances reports whether a reassignment can go on.
func (i *Image) advances() bool {
	for name := range i.moving {
		for _, p := range i.topics[name].Partitions {
			if _, changed := i.advanced(p); changed {
				return true
			}
		}
	}
	return false
}

// advance carries all reassignments on.
func (d *decision) advance() {
	for _, name := range sortedKeys(d.image.moving) {
		t, next := d.image.Topic(name), []Partition(nil)
		for i, p := range t.Partitions {
			after, changed := d.image.advanced(p)
			if changed && next == nil {
				next = slices.Clone(t.Partitions)
			}
			if changed {
				next[i] = after
			}
		}
		d.setPartitions(t, next)
	}
}

// ListPartitionReassignments lists what is under way (KIP-455), of the
// partitions asked for or of all.
func (i *Image) ListPartitionReassignments(r *kmsg.ListPartitionReassignmentsRequest) *kmsg.ListPartitionReassignmentsResponse {
	resp := r.ResponseKind().(*kmsg.ListPartitionReassignmentsResponse)
	resp.Topics = []kmsg.ListPartitionReassignmentsResponseTopic{}
	asked := r.Topics
	if asked == nil {
		for _, name := range sortedKeys(i.moving) {
			in := kmsg.ListPartitionReassignmentsRequestTopic{Topic: name}
			for n := range i.topics[name].Partitions {
				in.Partitions = append(in.Partitions, int32(n))
			}
			asked = append(asked, in)
		}
	}
	for _, in := range asked {
		t := i.topics[in.Topic]
		if t == nil {
			continue
		}
		out := kmsg.NewListPartitionReassignmentsResponseTopic()
		out.Topic = in.Topic
		for _, index := range in.Partitions {
			if index < 0 || int(index) >= len(t.Partitions) || !t.Partitions[index].Reassigning() {
				continue
			}
			p := t.Partitions[index]
			out.Partitions = append(out.Partitions, kmsg.ListPartitionReassignmentsResponseTopicPartition{
				Partition: index, Replicas: p.Replicas,
				AddingReplicas: slices.Concat([]int32{}, p.Adding), RemovingReplicas: slices.Concat([]int32{}, p.Removing),
			})
		}
		if len(out.Partitions) > 0 {
			resp.Topics = append(resp.Topics, out)
		}
	}
	return resp
}
