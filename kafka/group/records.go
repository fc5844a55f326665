package group

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/millrace/millrace/kafka/statemachine"
)

// Key versions of the consumer protocol's records in __consumer_offsets, which
// say what a record is (KIP-848). Their values have version 0, and are written
// in Kafka's flexible encoding.
const (
	consumerGroupKey   = 3  // ConsumerGroupMetadata: the group epoch
	consumerMemberKey  = 5  // ConsumerGroupMemberMetadata: what a member says of itself
	targetMetadataKey  = 6  // ConsumerGroupTargetAssignmentMetadata: the epoch of the target
	targetMemberKey    = 7  // ConsumerGroupTargetAssignmentMember
	currentMemberKey   = 8  // ConsumerGroupCurrentMemberAssignment
	regularExprKey     = 16 // ConsumerGroupRegularExpression: what one matched
	consumerValue      = 0
	tagMetadataHash    = 0 // of ConsumerGroupMetadata
	tagClassicMetadata = 0 // of ConsumerGroupMemberMetadata
)

// encoder appends Kafka's primitive types.
type encoder []byte

func (e *encoder) int8(v int8)   { *e = append(*e, byte(v)) }
func (e *encoder) int16(v int16) { *e = binary.BigEndian.AppendUint16(*e, uint16(v)) }
func (e *encoder) int32(v int32) { *e = binary.BigEndian.AppendUint32(*e, uint32(v)) }
func (e *encoder) int64(v int64) { *e = binary.BigEndian.AppendUint64(*e, uint64(v)) }
func (e *encoder) count(n int)   { *e = binary.AppendUvarint(*e, uint64(n)) }

// length is that of a compact array, string or byte field; -1 for null.
func (e *encoder) length(n int) { e.count(n + 1) }

func (e *encoder) string(s string) {
	e.length(len(s))
	*e = append(*e, s...)
}

// optional writes "" as null.
func (e *encoder) optional(s string) {
	if s == "" {
		e.length(-1)
		return
	}
	e.string(s)
}

func (e *encoder) strings(list []string) {
	e.length(len(list))
	for _, s := range list {
		e.string(s)
	}
}

func (e *encoder) noTags() { e.count(0) }

func (e *encoder) assignment(a assignment) {
	e.length(len(a))
	for _, id := range a.topicIDs() {
		*e = append(*e, id[:]...)
		e.length(len(a[id]))
		for _, p := range a[id] {
			e.int32(p)
		}
		e.noTags()
	}
}

// tagged writes one tagged field and no others.
func (e *encoder) tagged(tag int, value encoder) {
	e.count(1)
	e.count(tag)
	e.count(len(value))
	*e = append(*e, value...)
}

// key is a record's key: its kind and names, which are not compact.
func key(kind int16, names ...string) []byte {
	var e encoder
	e.int16(kind)
	for _, n := range names {
		e.int16(int16(len(n)))
		e = append(e, n...)
	}
	return e
}

func newValue() encoder {
	var e encoder
	e.int16(consumerValue)
	return e
}

func epochRecord(group string, epoch int32, hash uint64) statemachine.Record {
	e := newValue()
	e.int32(epoch)
	if hash == 0 {
		e.noTags()
	} else {
		e.tagged(tagMetadataHash, binary.BigEndian.AppendUint64(nil, hash))
	}
	return statemachine.Record{Key: key(consumerGroupKey, group), Value: e}
}

func memberRecord(group string, m *consumerMember) statemachine.Record {
	e := newValue()
	e.optional(m.instance)
	e.optional(m.rack)
	e.string(m.client)
	e.string(m.host)
	e.strings(m.topics)
	e.optional(m.pattern)
	e.int32(m.rebalance)
	e.optional(m.assignor)
	if m.classic == nil {
		e.noTags()
		return statemachine.Record{Key: key(consumerMemberKey, group, m.id), Value: e}
	}
	var c encoder
	c.int8(1) // it is there
	c.int32(m.classic.session)
	c.length(len(m.classic.protocols))
	for _, p := range m.classic.protocols {
		c.string(p.name)
		c.string(string(p.metadata))
		c.noTags()
	}
	c.noTags()
	e.tagged(tagClassicMetadata, c)
	return statemachine.Record{Key: key(consumerMemberKey, group, m.id), Value: e}
}

func targetEpochRecord(group string, epoch int32) statemachine.Record {
	e := newValue()
	e.int32(epoch)
	e.noTags()
	return statemachine.Record{Key: key(targetMetadataKey, group), Value: e}
}

func targetRecord(group, member string, a assignment) statemachine.Record {
	e := newValue()
	e.assignment(a)
	e.noTags()
	return statemachine.Record{Key: key(targetMemberKey, group, member), Value: e}
}

func currentRecord(group string, m *consumerMember) statemachine.Record {
	e := newValue()
	e.int32(m.epoch)
	e.int32(m.previous)
	e.int8(int8(m.state))
	e.assignment(m.assigned)
	e.assignment(m.revoking)
	e.noTags()
	return statemachine.Record{Key: key(currentMemberKey, group, m.id), Value: e}
}

func patternRecord(group, pattern string, r resolved) statemachine.Record {
	e := newValue()
	e.strings(r.topics)
	e.int64(r.version)
	e.int64(r.at.UnixMilli())
	e.noTags()
	return statemachine.Record{Key: key(regularExprKey, group, pattern), Value: e}
}

// decoder reads what encoder writes. Once bad it stays so and reads zeros.
// What it returns is copied.
type decoder struct {
	in  []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || n < 0 || n > len(d.in) {
		d.bad = true
		return nil
	}
	out := d.in[:n]
	d.in = d.in[n:]
	return out
}

func (d *decoder) uint(n int) (v uint64) {
	for _, b := range d.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (d *decoder) int8() int8   { return int8(d.uint(1)) }
func (d *decoder) int16() int16 { return int16(d.uint(2)) }
func (d *decoder) int32() int32 { return int32(d.uint(4)) }
func (d *decoder) int64() int64 { return int64(d.uint(8)) }

func (d *decoder) count() int {
	v, n := binary.Uvarint(d.in)
	if d.bad || n <= 0 || v > uint64(len(d.in))+1 {
		d.bad = true
		return 0
	}
	d.in = d.in[n:]
	return int(v)
}

// length is at most what is left: every element takes a byte or more.
func (d *decoder) length() int {
	n := d.count() - 1
	if n > len(d.in) {
		d.bad = true
	}
	return n
}

// string reads null as "".
func (d *decoder) string() string { return string(d.take(max(0, d.length()))) }

func (d *decoder) strings() (list []string) {
	for n := d.length(); n > 0 && !d.bad; n-- {
		list = append(list, d.string())
	}
	return list
}

func (d *decoder) assignment() assignment {
	a := assignment{}
	for n := d.length(); n > 0 && !d.bad; n-- {
		var id [16]byte
		copy(id[:], d.take(16))
		var partitions []int32
		for k := d.length(); k > 0 && !d.bad; k-- {
			partitions = append(partitions, d.int32())
		}
		d.tags(nil)
		if len(partitions) > 0 {
			slices.Sort(partitions)
			a[id] = slices.Compact(partitions)
		}
	}
	return a
}

// tags reads tagged fields, and gives fn those it may know; fn nil knows none.
func (d *decoder) tags(fn func(tag int, in *decoder)) {
	for n := d.count(); n > 0 && !d.bad; n-- {
		tag := d.count()
		in := &decoder{in: d.take(d.count())}
		if fn != nil && !d.bad {
			fn(tag, in)
			d.bad = d.bad || in.bad
		}
	}
}

// names reads a key's names.
func (d *decoder) name() string { return string(d.take(int(d.int16()))) }

// value checks the version of a value; another is not understood.
func value(in []byte) *decoder {
	d := &decoder{in: in}
	if d.int16() != consumerValue {
		d.bad = true
	}
	return d
}

// readMember adds a member's metadata to m.
func (d *decoder) readMember(m *consumerMember) {
	m.instance, m.rack, m.client, m.host = d.string(), d.string(), d.string(), d.string()
	m.topics = d.strings()
	slices.Sort(m.topics)
	m.topics = slices.Compact(m.topics)
	m.pattern, m.rebalance, m.assignor = d.string(), d.int32(), d.string()
	m.classic = nil
	d.tags(func(tag int, in *decoder) {
		if tag != tagClassicMetadata || in.int8() != 1 {
			return
		}
		m.classic = &classicSide{session: in.int32()}
		for n := in.length(); n > 0 && !in.bad; n-- {
			p := protocol{name: in.string(), metadata: []byte(in.string())}
			in.tags(nil)
			m.classic.protocols = append(m.classic.protocols, p)
		}
	})
}

// readCurrent adds a member's assignment to m.
func (d *decoder) readCurrent(m *consumerMember) {
	m.epoch, m.previous = d.int32(), d.int32()
	m.state = memberState(d.int8())
	m.assigned, m.revoking = d.assignment(), d.assignment()
	if m.state > unreleasedPartitions || m.state < stableMember {
		m.state = unknownMember
	}
}

func (d *decoder) readPattern() resolved {
	r := resolved{topics: d.strings(), version: d.int64()}
	r.at = time.UnixMilli(d.int64())
	slices.Sort(r.topics)
	r.topics = slices.Compact(r.topics)
	return r
}
