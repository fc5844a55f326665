package group

import (
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// mayCommit says whether a commit is valid: of a member of the current
// generation, or of a consumer without a group protocol.
func (d *decision) mayCommit(r *kmsg.OffsetCommitRequest) *kerr.Error {
	g := d.c.groups[r.Group]
	switch {
	case r.Group == "":
		return kerr.InvalidGroupID
	case g == nil && r.Generation >= 0:
		return kerr.IllegalGeneration
	case g == nil:
		return nil
	case r.Generation < 0 && r.MemberID == "" && r.InstanceID == nil:
		if g.state != empty {
			return kerr.UnknownMemberID
		}
		return nil
	}
	_, m, err := d.c.find(r.Group, r.MemberID, r.InstanceID)
	switch {
	case err != nil:
		return err
	case r.Generation != g.generation:
		return kerr.IllegalGeneration
	case g.state == completing:
		return kerr.RebalanceInProgress
	}
	d.renew(m)
	return nil
}

// commit is OffsetCommit.
func (d *decision) commit(t statemachine.Ticket, r *kmsg.OffsetCommitRequest) {
	resp := r.ResponseKind().(*kmsg.OffsetCommitResponse)
	refused := d.mayCommit(r)
	for i := range r.Topics {
		in := &r.Topics[i]
		out := kmsg.NewOffsetCommitResponseTopic()
		out.Topic = in.Topic
		for j := range in.Partitions {
			p := kmsg.NewOffsetCommitResponseTopicPartition()
			p.Partition = in.Partitions[j].Partition
			err := refused
			if err == nil && len(deref(in.Partitions[j].Metadata)) > d.c.p.MaxMetadata {
				err = kerr.OffsetMetadataTooLarge
			}
			if err != nil {
				p.ErrorCode = code(err)
			} else {
				d.saveOffset(r.Group, in.Topic, &in.Partitions[j])
			}
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	d.reply(t, resp)
}

// fetchOffsets is OffsetFetch: of one group, or from v8 on of several.
func (c *Core) fetchOffsets(r *kmsg.OffsetFetchRequest) *kmsg.OffsetFetchResponse {
	resp := r.ResponseKind().(*kmsg.OffsetFetchResponse)
	if r.Version >= 8 {
		for i := range r.Groups {
			resp.Groups = append(resp.Groups, c.fetchGroup(&r.Groups[i]))
		}
		return resp
	}
	g := c.groups[r.Group]
	for _, in := range askedOffsets(g, r.Topics == nil, r.Topics, func(t kmsg.OffsetFetchRequestTopic) (string, []int32) { return t.Topic, t.Partitions }) {
		out := kmsg.NewOffsetFetchResponseTopic()
		out.Topic = in.topic
		for _, p := range in.partitions {
			o := g.offset(in.topic, p)
			rp := kmsg.NewOffsetFetchResponseTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = p, o.offset, o.epoch, kmsg.StringPtr(o.metadata)
			out.Partitions = append(out.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func (c *Core) fetchGroup(r *kmsg.OffsetFetchRequestGroup) kmsg.OffsetFetchResponseGroup {
	resp := kmsg.NewOffsetFetchResponseGroup()
	resp.Group = r.Group
	g := c.groups[r.Group]
	for _, in := range askedOffsets(g, r.Topics == nil, r.Topics, func(t kmsg.OffsetFetchRequestGroupTopic) (string, []int32) { return t.Topic, t.Partitions }) {
		out := kmsg.NewOffsetFetchResponseGroupTopic()
		out.Topic = in.topic
		for _, p := range in.partitions {
			o := g.offset(in.topic, p)
			rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = p, o.offset, o.epoch, kmsg.StringPtr(o.metadata)
			out.Partitions = append(out.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

type askedTopic struct {
	topic      string
	partitions []int32
}

// askedOffsets is what a fetch asks for; with all, whatever the group has.
func askedOffsets[T any](g *group, all bool, topics []T, split func(T) (string, []int32)) []askedTopic {
	var out []askedTopic
	if !all {
		for _, t := range topics {
			topic, partitions := split(t)
			out = append(out, askedTopic{topic, partitions})
		}
		return out
	}
	if g == nil {
		return nil
	}
	for _, tp := range slices.SortedFunc(maps.Keys(g.offsets), compareTP) {
		if n := len(out); n == 0 || out[n-1].topic != tp.topic {
			out = append(out, askedTopic{topic: tp.topic})
		}
		last := &out[len(out)-1]
		last.partitions = append(last.partitions, tp.partition)
	}
	return out
}

// offset is a committed offset, or -1 when there is none.
func (g *group) offset(topic string, partition int32) offset {
	none := offset{offset: -1, epoch: -1}
	if g == nil {
		return none
	}
	if o, ok := g.offsets[topicPartition{topic, partition}]; ok {
		return o
	}
	return none
}

// deleteGroups is DeleteGroups: only empty groups go.
func (d *decision) deleteGroups(t statemachine.Ticket, r *kmsg.DeleteGroupsRequest) {
	resp := r.ResponseKind().(*kmsg.DeleteGroupsResponse)
	for _, id := range r.Groups {
		out := kmsg.NewDeleteGroupsResponseGroup()
		out.Group = id
		switch g := d.c.groups[id]; {
		case id == "":
			out.ErrorCode = code(kerr.InvalidGroupID)
		case g == nil:
			out.ErrorCode = code(kerr.GroupIDNotFound)
		case g.state != empty || len(g.pending) > 0:
			out.ErrorCode = code(kerr.NonEmptyGroup)
		default:
			d.forget(g, slices.SortedFunc(maps.Keys(g.offsets), compareTP))
		}
		resp.Groups = append(resp.Groups, out)
	}
	d.reply(t, resp)
}

// deleteOffsets is OffsetDelete (KIP-496): not of topics that members are
// subscribed to.
func (d *decision) deleteOffsets(t statemachine.Ticket, r *kmsg.OffsetDeleteRequest) {
	resp := r.ResponseKind().(*kmsg.OffsetDeleteResponse)
	g := d.c.groups[r.Group]
	switch {
	case r.Group == "":
		resp.ErrorCode = code(kerr.InvalidGroupID)
	case g == nil:
		resp.ErrorCode = code(kerr.GroupIDNotFound)
	case g.state != empty && g.protocolType != consumerType:
		resp.ErrorCode = code(kerr.NonEmptyGroup)
	default:
		d.deleteOffsetsOf(g, r, resp)
	}
	d.reply(t, resp)
}

func (d *decision) deleteOffsetsOf(g *group, r *kmsg.OffsetDeleteRequest, resp *kmsg.OffsetDeleteResponse) {
	subscribed := g.subscribed()
	for _, in := range r.Topics {
		out := kmsg.NewOffsetDeleteResponseTopic()
		out.Topic = in.Topic
		for _, p := range in.Partitions {
			rp := kmsg.NewOffsetDeleteResponseTopicPartition()
			rp.Partition = p.Partition
			tp := topicPartition{in.Topic, p.Partition}
			if subscribed[in.Topic] {
				rp.ErrorCode = code(kerr.GroupSubscribedToTopic)
			} else if _, ok := g.offsets[tp]; ok {
				d.removeOffset(g.id, tp)
			}
			out.Partitions = append(out.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, out)
	}
}

// consumerType is the protocol type of consumers.
const consumerType = "consumer"

// subscribed is the topics that members of a consumer group subscribe to.
func (g *group) subscribed() map[string]bool {
	out := make(map[string]bool)
	if g.protocolType != consumerType {
		return out
	}
	for _, m := range g.members {
		for _, p := range m.protocols {
			var meta kmsg.ConsumerMemberMetadata
			if meta.ReadFrom(p.metadata) != nil {
				continue // not a consumer's: it protects nothing
			}
			for _, t := range meta.Topics {
				out[strings.Clone(t)] = true
			}
		}
	}
	return out
}

// expireOffsets forgets offsets that are older than the retention: counted from
// when a group became empty, for a group of members; from the commit, for
// consumers without one. A group without offsets and members goes too.
func (d *decision) expireOffsets() {
	limit := d.now.Add(-d.c.p.OffsetsRetention)
	for _, id := range sortedKeys(d.c.groups) {
		g := d.c.groups[id]
		if g.state != empty || len(g.pending) > 0 {
			continue
		}
		var old []topicPartition
		for _, tp := range slices.SortedFunc(maps.Keys(g.offsets), compareTP) {
			from := g.offsets[tp].at
			if g.protocolType != "" && g.since.After(from) {
				from = g.since
			}
			if from.Before(limit) {
				old = append(old, tp)
			}
		}
		if len(old) == len(g.offsets) && g.since.Before(limit) {
			d.forget(g, old)
			continue
		}
		for _, tp := range old {
			d.removeOffset(g.id, tp)
		}
	}
}
