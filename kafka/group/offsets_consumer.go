package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// mayCommit says whether a commit to a consumer group is valid
// (ConsumerGroup.validateOffsetCommit).
func (g *consumerGroup) mayCommit(r *kmsg.OffsetCommitRequest) *kerr.Error {
	if r.Generation < 0 && len(g.members) == 0 {
		return nil
	}
	m := g.members[r.MemberID]
	switch {
	case m == nil:
		return kerr.UnknownMemberID
	case m.classic == nil && r.Version < 9:
		return kerr.UnsupportedVersion
	}
	return m.stale(r.Generation)
}

// mayCommitTransaction is mayCommit of a transactional producer: one that gives
// no member is believed, and the error of another epoch is the older one, which
// such clients know.
func (g *consumerGroup) mayCommitTransaction(r *kmsg.TxnOffsetCommitRequest) *kerr.Error {
	if r.Generation < 0 && (len(g.members) == 0 || r.MemberID == "" && r.InstanceID == nil) {
		return nil
	}
	m := g.members[r.MemberID]
	switch {
	case m == nil:
		return kerr.UnknownMemberID
	case m.epoch != r.Generation:
		return kerr.IllegalGeneration
	}
	return nil
}

// mayFetch says whether a fetch of offsets is valid: of a member at its epoch,
// or of somebody who does not say to be one.
func (g *consumerGroup) mayFetch(r *kmsg.OffsetFetchRequestGroup) *kerr.Error {
	if r.MemberID == nil && r.MemberEpoch < 0 {
		return nil
	}
	m := g.members[deref(r.MemberID)]
	if m == nil {
		return kerr.UnknownMemberID
	}
	return m.stale(r.MemberEpoch)
}

// stale refuses a request of a member that is at another epoch.
func (m *consumerMember) stale(epoch int32) *kerr.Error {
	switch {
	case epoch == m.epoch:
		return nil
	case m.classic != nil:
		return kerr.IllegalGeneration
	}
	return kerr.StaleMemberEpoch
}

// forgetTopics removes the offsets of topics that are deleted
// (OffsetMetadataManager.onPartitionsDeleted).
func (d *decision) forgetTopics(t statemachine.Ticket, topics []string) {
	d.replies = append(d.replies, statemachine.Reply{To: t})
	gone := make(map[string]bool, len(topics))
	for _, t := range topics {
		gone[t] = true
	}
	for _, id := range sortedKeys(d.c.groups) {
		for _, tp := range d.c.groups[id].keptOffsets() {
			if gone[tp.topic] {
				d.removeOffset(id, tp)
			}
		}
	}
}
