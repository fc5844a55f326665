package group

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// Versions of Kafka's records in __consumer_offsets.
const (
	offsetKeyVersion   = 1
	offsetValueVersion = 3
	offsetValueWithEnd = 1 // of commits with a retention time, OffsetCommit v2-4
	newestValueVersion = 4 // of both values; newer ones are not understood
	groupKeyVersion    = 2
	groupValueVersion  = 3
)

func offsetKey(group string, tp topicPartition) []byte {
	k := kmsg.NewOffsetCommitKey()
	k.Version, k.Group, k.Topic, k.Partition = offsetKeyVersion, group, tp.topic, tp.partition
	return k.AppendTo(nil)
}

func groupKey(group string) []byte {
	k := kmsg.NewGroupMetadataKey()
	k.Version, k.Group = groupKeyVersion, group
	return k.AppendTo(nil)
}

// offsetRecord is a commit; retention < 0 leaves its end to the broker.
func (d *decision) offsetRecord(group, topic string, in *kmsg.OffsetCommitRequestTopicPartition, retention time.Duration) statemachine.Record {
	v := kmsg.NewOffsetCommitValue()
	v.Version = offsetValueVersion
	v.Offset, v.LeaderEpoch, v.Metadata, v.CommitTimestamp = in.Offset, in.LeaderEpoch, deref(in.Metadata), d.now.UnixMilli()
	if retention >= 0 { // only this version keeps an end of its own
		v.Version, v.ExpireTimestamp = offsetValueWithEnd, d.now.Add(retention).UnixMilli()
	}
	return statemachine.Record{Key: offsetKey(group, topicPartition{topic, in.Partition}), Value: v.AppendTo(nil)}
}

func (d *decision) removeOffset(group string, tp topicPartition) {
	d.records = append(d.records, statemachine.Record{Key: offsetKey(group, tp)})
}

// forget removes a group and its offsets.
func (d *decision) forget(g *group, offsets []topicPartition) {
	for _, tp := range offsets {
		d.removeOffset(g.id, tp)
	}
	if g.consumer == nil {
		d.records = append(d.records, statemachine.Record{Key: groupKey(g.id)})
		return
	}
	w := d.draft(g.id, g.consumer)
	w.removeGroup()
	d.records = append(d.records, w.records...)
}

// saveGroup writes the generation as it is now.
func (d *decision) saveGroup(g *group) { d.records = append(d.records, g.record()) }

func (g *group) record() statemachine.Record {
	v := kmsg.NewGroupMetadataValue()
	v.Version = groupValueVersion
	v.ProtocolType, v.Generation = g.protocolType, g.generation
	if !g.since.IsZero() {
		v.CurrentStateTimestamp = g.since.UnixMilli()
	}
	if len(g.members) > 0 {
		v.Protocol, v.Leader = kmsg.StringPtr(g.protocol), kmsg.StringPtr(g.leader)
	}
	for _, id := range sortedKeys(g.members) {
		m := g.members[id]
		out := kmsg.NewGroupMetadataValueMember()
		out.MemberID, out.ClientID, out.ClientHost = m.id, m.client, m.host
		if m.instance != "" {
			out.InstanceID = kmsg.StringPtr(m.instance)
		}
		out.SessionTimeoutMillis, out.RebalanceTimeoutMillis = int32(m.sessionTimeout.Milliseconds()), int32(m.rebalance.Milliseconds())
		out.Subscription, out.Assignment = m.metadata(g.protocol), m.assignment
		v.Members = append(v.Members, out)
	}
	return statemachine.Record{Key: groupKey(g.id), Value: v.AppendTo(nil)}
}

// Apply changes the remembered state by one record. What it cannot read it
// ignores: another version of Kafka may have written it.
func (c *Core) Apply(r statemachine.Record, at time.Time) {
	if r.Transaction != nil && r.Transaction.Marker != nil {
		c.applyMarker(r.Transaction, at)
		return
	}
	if len(r.Key) < 2 {
		return
	}
	switch version := int16(r.Key[0])<<8 | int16(r.Key[1]); version {
	case 0, offsetKeyVersion:
		var k kmsg.OffsetCommitKey
		if k.ReadFrom(r.Key) == nil {
			c.applyOffset(k, r, at)
		}
	case groupKeyVersion:
		var k kmsg.GroupMetadataKey
		if k.ReadFrom(r.Key) == nil {
			c.applyGroup(strings.Clone(k.Group), r.Value, at)
		}
	case consumerGroupKey, consumerMemberKey, targetMetadataKey, targetMemberKey, currentMemberKey, regularExprKey:
		c.applyConsumer(version, &decoder{in: r.Key[2:]}, r.Value, at)
	}
}

func (c *Core) applyOffset(k kmsg.OffsetCommitKey, r statemachine.Record, at time.Time) {
	c.applied++
	g := c.groups[k.Group]
	tp := topicPartition{strings.Clone(k.Topic), k.Partition}
	if r.Value == nil {
		if g != nil {
			delete(g.offsets, tp)
			c.forgetPending(g, tp)
			c.dropUnused(g)
		}
		return
	}
	var v kmsg.OffsetCommitValue
	if v.ReadFrom(r.Value) != nil || v.Version < 0 || v.Version > newestValueVersion {
		return
	}
	if v.Version < 3 {
		v.LeaderEpoch = -1
	}
	if g == nil {
		g = newGroup(strings.Clone(k.Group), at)
		c.groups[g.id] = g
	}
	o := offset{offset: v.Offset, epoch: v.LeaderEpoch, metadata: strings.Clone(v.Metadata), at: time.UnixMilli(v.CommitTimestamp), seq: c.applied}
	if v.Version == offsetValueWithEnd && v.ExpireTimestamp >= 0 {
		o.expires = time.UnixMilli(v.ExpireTimestamp)
	}
	if r.Transaction != nil {
		c.applyPending(g, tp, o, r.Transaction, at)
		return
	}
	g.offsets[tp] = o
}

func (c *Core) applyGroup(id string, value []byte, at time.Time) {
	if value == nil {
		if g := c.groups[id]; g != nil && g.consumer == nil {
			g.reset(at)
			c.dropUnused(g)
		}
		return
	}
	var v kmsg.GroupMetadataValue
	if v.ReadFrom(value) != nil || v.Version < 0 || v.Version > newestValueVersion {
		return
	}
	g := c.groups[id]
	if g == nil {
		g = newGroup(id, at)
		c.groups[id] = g
	}
	g.consumer = nil
	g.protocolType, g.generation = strings.Clone(v.ProtocolType), v.Generation
	g.protocol, g.leader = strings.Clone(deref(v.Protocol)), strings.Clone(deref(v.Leader))
	g.since = time.Time{}
	if v.CurrentStateTimestamp >= 0 { // written from v2 on
		g.since = time.UnixMilli(v.CurrentStateTimestamp)
	}
	live := g.members
	g.members, g.static = make(map[string]*member, len(v.Members)), make(map[string]string)
	for i := range v.Members {
		m := newMember(&v.Members[i], g.protocol)
		if old := live[m.id]; old != nil && old.offers(m.protocols[0]) { // it is being decided right now: keep its calls
			m.course = old.course
		}
		g.members[m.id] = m
		if m.instance != "" {
			g.static[m.instance] = m.id
		}
	}
	g.state = empty
	if len(g.members) > 0 {
		g.state = stable
	}
}

// reset leaves the offsets of a group alone.
func (g *group) reset(at time.Time) {
	g.protocolType, g.generation, g.protocol, g.leader = "", 0, "", ""
	g.state, g.since = empty, at
	g.members, g.static, g.pending = map[string]*member{}, map[string]string{}, map[string]time.Time{}
}

func newMember(v *kmsg.GroupMetadataValueMember, protocolName string) *member {
	return &member{
		id: strings.Clone(v.MemberID), instance: strings.Clone(deref(v.InstanceID)),
		client: strings.Clone(v.ClientID), host: strings.Clone(v.ClientHost),
		sessionTimeout: time.Duration(v.SessionTimeoutMillis) * time.Millisecond,
		rebalance:      time.Duration(v.RebalanceTimeoutMillis) * time.Millisecond,
		assignment:     append([]byte{}, v.Assignment...),
		course:         course{protocols: []protocol{{protocolName, append([]byte{}, v.Subscription...)}}},
	}
}
