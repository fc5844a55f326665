package group

import (
	"strings"
	"time"
)

// applyConsumer applies a record of the consumer protocol. value nil is a
// tombstone; what cannot be read is ignored.
func (c *Core) applyConsumer(kind int16, k *decoder, in []byte, at time.Time) {
	id := k.name()
	member := ""
	if kind != consumerGroupKey && kind != targetMetadataKey {
		member = k.name()
	}
	if k.bad {
		return
	}
	g := c.groups[id]
	if in == nil {
		if g != nil && g.consumer != nil {
			g.unapplyConsumer(kind, member)
			c.dropUnused(g)
		}
		return
	}
	if g == nil {
		g = newGroup(strings.Clone(id), at)
	}
	if g.consumer == nil && (g.generation > 0 || g.protocolType != "") {
		return // a classic group's record came after: it counts
	}
	into := g.consumer
	if into == nil {
		into = newConsumerGroup()
	}
	if into.apply(kind, member, value(in)) {
		g.consumer = into
		c.groups[id] = g
	}
}

// apply reports whether it understood the value.
func (g *consumerGroup) apply(kind int16, name string, d *decoder) bool {
	switch kind {
	case consumerGroupKey:
		epoch, hash := d.int32(), uint64(0)
		d.tags(func(tag int, in *decoder) {
			if tag == tagMetadataHash {
				hash = in.uint(8)
			}
		})
		if !d.bad {
			g.epoch, g.hash = epoch, hash
		}
	case targetMetadataKey:
		if epoch := d.int32(); !d.bad {
			g.targetEpoch = epoch
		}
	case targetMemberKey:
		if a := d.assignment(); !d.bad {
			g.target[name] = a
		}
	case regularExprKey:
		if r := d.readPattern(); !d.bad {
			g.patterns[name] = r
		}
	case consumerMemberKey, currentMemberKey:
		m := newConsumerMember(name)
		if old := g.members[name]; old != nil {
			*m = *old
		}
		if kind == consumerMemberKey {
			d.readMember(m)
		} else {
			d.readCurrent(m)
		}
		if !d.bad {
			g.put(m)
		}
	}
	return !d.bad
}

// unapplyConsumer applies a tombstone.
func (g *group) unapplyConsumer(kind int16, name string) {
	cg := g.consumer
	switch kind {
	case consumerGroupKey:
		g.consumer = nil
	case targetMetadataKey:
		cg.targetEpoch = -1
	case targetMemberKey:
		delete(cg.target, name)
	case regularExprKey:
		delete(cg.patterns, name)
	case consumerMemberKey:
		cg.remove(name)
	case currentMemberKey:
		if m := cg.members[name]; m != nil {
			gone := *m
			gone.epoch, gone.previous, gone.assigned, gone.revoking = leaveEpoch, leaveEpoch, nil, nil
			cg.put(&gone)
		}
	}
}
