package group

import (
	"maps"
	"slices"
	"time"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// mayCommit says whether a commit is valid: of a member of the current
// generation, or of a consumer without a group protocol. The group "" is
// allowed: consumers of old have committed for it.
func (d *decision) mayCommit(r *kmsg.OffsetCommitRequest) *kerr.Error {
	g := d.c.groups[r.Group]
	switch {
	case len(r.Group) > maxName:
		return kerr.InvalidGroupID
	case g == nil && r.Generation >= 0 && r.Version >= 9 && !d.c.p.OldCoordinator:
		return kerr.GroupIDNotFound
	case g == nil && r.Generation >= 0:
		return kerr.IllegalGeneration
	case g != nil && g.consumer != nil:
		return g.consumer.mayCommit(r)
	case g == nil, r.Generation < 0 && g.state == empty:
		return nil
	case r.Generation < 0 && r.MemberID == "" && r.InstanceID == nil:
		return kerr.UnknownMemberID
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
func (d *decision) commit(t statemachine.Ticket, r *kmsg.OffsetCommitRequest, unwritable bool) {
	refused := d.mayCommit(r)
	var records []statemachine.Record
	if refused == nil {
		records, refused = d.commitRecords(r, unwritable)
	}
	d.records = append(d.records, records...)
	resp := r.ResponseKind().(*kmsg.OffsetCommitResponse)
	for i := range r.Topics {
		in := &r.Topics[i]
		out := kmsg.NewOffsetCommitResponseTopic()
		out.Topic = in.Topic
		for j := range in.Partitions {
			p := kmsg.NewOffsetCommitResponseTopicPartition()
			p.Partition = in.Partitions[j].Partition
			err := d.c.refusesOffset(in.Topic, &in.Partitions[j])
			if refused != nil && err != kerr.UnknownTopicOrPartition {
				err = refused
			}
			if err != nil {
				p.ErrorCode = code(err)
			}
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	d.reply(t, resp)
}

// refusesOffset says what is wrong with one offset of a valid commit.
func (c *Core) refusesOffset(topic string, in *kmsg.OffsetCommitRequestTopicPartition) *kerr.Error {
	switch {
	case c.topics != nil && !c.topics.Has(topic):
		return kerr.UnknownTopicOrPartition
	case topic == "" || len(topic) > maxName:
		return kerr.InvalidTopicException
	case in.Metadata != nil && utf16Len(*in.Metadata) > c.p.MaxMetadata:
		return kerr.OffsetMetadataTooLarge
	}
	return nil
}

// commitRecords is what a valid commit writes.
func (d *decision) commitRecords(r *kmsg.OffsetCommitRequest, unwritable bool) ([]statemachine.Record, *kerr.Error) {
	retention := time.Duration(-1)
	if r.Version <= 4 && r.RetentionTimeMillis >= 0 {
		retention = time.Duration(min(r.RetentionTimeMillis, maxRetentionMillis)) * time.Millisecond
	}
	records := []statemachine.Record{}
	bytes := 0
	for i := range r.Topics {
		in := &r.Topics[i]
		for j := range in.Partitions {
			if d.c.refusesOffset(in.Topic, &in.Partitions[j]) != nil {
				continue
			}
			rec := d.offsetRecord(r.Group, in.Topic, &in.Partitions[j], retention)
			if bytes += len(rec.Key) + len(rec.Value); bytes > maxRecords {
				return nil, kerr.InvalidCommitOffsetSize
			}
			records = append(records, rec)
		}
	}
	if unwritable && len(records) > 0 {
		return nil, kerr.CoordinatorNotAvailable
	}
	return records, nil
}

// maxRetentionMillis bounds the retention time a client may ask for: 100 years.
const maxRetentionMillis = 100 * 365 * 24 * 3600 * 1000

// utf16Len is Java's String.length, by which Kafka measures metadata.
func utf16Len(s string) (n int) {
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// fetchOffsets is OffsetFetch: of one group, or from v8 on of several.
func (c *Core) fetchOffsets(r *kmsg.OffsetFetchRequest) *kmsg.OffsetFetchResponse {
	resp := r.ResponseKind().(*kmsg.OffsetFetchResponse)
	if r.Version >= 8 {
		for i := range r.Groups {
			resp.Groups = append(resp.Groups, c.fetchGroup(&r.Groups[i], r.RequireStable))
		}
		return resp
	}
	g := c.groups[r.Group]
	for _, in := range askedOffsets(g, r.Topics == nil, r.Topics, func(t kmsg.OffsetFetchRequestTopic) (string, []int32) { return t.Topic, t.Partitions }) {
		out := kmsg.NewOffsetFetchResponseTopic()
		out.Topic = in.topic
		for _, p := range in.partitions {
			o, errorCode := g.stable(in.topic, p, r.RequireStable)
			rp := kmsg.NewOffsetFetchResponseTopicPartition()
			rp.ErrorCode = errorCode
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = p, o.offset, o.epoch, kmsg.StringPtr(o.metadata)
			out.Partitions = append(out.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func (c *Core) fetchGroup(r *kmsg.OffsetFetchRequestGroup, requireStable bool) kmsg.OffsetFetchResponseGroup {
	resp := kmsg.NewOffsetFetchResponseGroup()
	resp.Group = r.Group
	g := c.groups[r.Group]
	if g != nil && g.consumer != nil {
		if err := g.consumer.mayFetch(r); err != nil {
			resp.ErrorCode, resp.Topics = code(err), []kmsg.OffsetFetchResponseGroupTopic{}
			return resp
		}
	}
	for _, in := range askedOffsets(g, r.Topics == nil, r.Topics, func(t kmsg.OffsetFetchRequestGroupTopic) (string, []int32) { return t.Topic, t.Partitions }) {
		out := kmsg.NewOffsetFetchResponseGroupTopic()
		out.Topic = in.topic
		for _, p := range in.partitions {
			o, errorCode := g.stable(in.topic, p, requireStable)
			rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			rp.ErrorCode = errorCode
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
func (d *decision) deleteGroups(t statemachine.Ticket, r *kmsg.DeleteGroupsRequest, unwritable bool) {
	resp := r.ResponseKind().(*kmsg.DeleteGroupsResponse)
	for _, id := range r.Groups {
		out := kmsg.NewDeleteGroupsResponseGroup()
		out.Group = id
		switch g := d.c.groups[id]; {
		case g == nil:
			out.ErrorCode = code(kerr.GroupIDNotFound)
		case g.shown() != empty:
			out.ErrorCode = code(kerr.NonEmptyGroup)
		case unwritable:
			out.ErrorCode = code(kerr.CoordinatorNotAvailable)
		default:
			d.forget(g, g.keptOffsets())
		}
		resp.Groups = append(resp.Groups, out)
	}
	d.reply(t, resp)
}

// deleteOffsets is OffsetDelete (KIP-496): not of topics that members are
// subscribed to.
func (d *decision) deleteOffsets(t statemachine.Ticket, r *kmsg.OffsetDeleteRequest, unwritable bool) {
	resp := r.ResponseKind().(*kmsg.OffsetDeleteResponse)
	g := d.c.groups[r.Group]
	switch {
	case r.Group == "":
		resp.ErrorCode = code(kerr.InvalidGroupID)
	case g == nil:
		resp.ErrorCode = code(kerr.GroupIDNotFound)
	case g.state != empty && g.protocolType != consumerType:
		resp.ErrorCode = code(kerr.NonEmptyGroup)
	case unwritable:
		resp.ErrorCode = code(kerr.CoordinatorNotAvailable)
	default:
		d.deleteOffsetsOf(g, r, resp)
	}
	d.reply(t, resp)
}

func (d *decision) deleteOffsetsOf(g *group, r *kmsg.OffsetDeleteRequest, resp *kmsg.OffsetDeleteResponse) {
	topics, known := g.subscription()
	subscribed := func(topic string) bool { return topics[topic] || !known && g.protocolType == consumerType }
	for _, in := range r.Topics {
		out := kmsg.NewOffsetDeleteResponseTopic()
		out.Topic = in.Topic
		for _, p := range in.Partitions {
			rp := kmsg.NewOffsetDeleteResponseTopicPartition()
			rp.Partition = p.Partition
			tp := topicPartition{in.Topic, p.Partition}
			if subscribed(in.Topic) {
				rp.ErrorCode = code(kerr.GroupSubscribedToTopic)
			} else if _, ok := g.offsets[tp]; ok || g.pendingOffsets[tp] > 0 {
				d.removeOffset(g.id, tp)
			}
			out.Partitions = append(out.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, out)
	}
}

// consumerType is the protocol type of consumers.
const consumerType = "consumer"

// subscription is the topics that members of a consumer group subscribe to, and
// whether that is known: not while a group of another kind has members or one
// of them cannot be read (ClassicGroup.computeSubscribedTopics).
func (g *group) subscription() (topics map[string]bool, known bool) {
	if g.consumer != nil {
		return g.consumer.subscription(), true
	}
	if g.protocolType != consumerType {
		return nil, false
	}
	topics = make(map[string]bool)
	for _, m := range g.members {
		for _, p := range m.protocols {
			var meta kmsg.ConsumerMemberMetadata
			if meta.ReadFrom(p.metadata) != nil {
				return topics, false
			}
			for _, t := range meta.Topics {
				topics[t] = true
			}
		}
	}
	return topics, true
}

// expireOffsets forgets offsets that are older than the retention, and with the
// last one a group without members.
func (d *decision) expireOffsets() {
	for _, id := range sortedKeys(d.c.groups) {
		g := d.c.groups[id]
		old := d.expired(g)
		if g.shown() == empty && len(g.pending)+len(g.pendingOffsets) == 0 && len(old) == len(g.offsets) {
			d.forget(g, old)
			continue
		}
		for _, tp := range old {
			d.removeOffset(g.id, tp)
		}
	}
}

// expired is the offsets whose time is over: counted from when the group became
// empty; from the commit for consumers without a group protocol, and for topics
// that a stable group no longer subscribes to (KIP-211, KIP-496).
func (d *decision) expired(g *group) (old []topicPartition) {
	topics, known := g.subscription()
	if g.protocolType != "" && g.state != empty && !(g.state == stable && known) {
		return nil
	}
	for _, tp := range slices.SortedFunc(maps.Keys(g.offsets), compareTP) {
		o := g.offsets[tp]
		from := o.at
		if g.protocolType != "" && g.state == empty && !g.since.IsZero() {
			from = g.since
		}
		end := from.Add(d.c.p.OffsetsRetention)
		if !o.expires.IsZero() {
			end = o.expires
		}
		if !topics[tp.topic] && g.pendingOffsets[tp] == 0 && !d.now.Before(end) {
			old = append(old, tp)
		}
	}
	return old
}
