package record

import "encoding/binary"

// BuilderOptions say what kind of batch a Builder makes. The zero value is an
// uncompressed batch without a producer.
type BuilderOptions struct {
	Codec Codec
	// ProducerID, ProducerEpoch and BaseSequence are those of an idempotent
	// producer. ProducerID -1 means none, as does 0 when all three are 0 and
	// none of the flags below is set.
	ProducerID    int64
	ProducerEpoch int16
	BaseSequence  int32
	// Idempotent makes ProducerID 0 with epoch 0 and sequence 0 count.
	Idempotent    bool
	Transactional bool
	Control       bool
}

func (o BuilderOptions) hasProducer() bool {
	if o.ProducerID < 0 {
		return false
	}
	return o.ProducerID != 0 || o.ProducerEpoch != 0 || o.BaseSequence != 0 || o.Idempotent || o.Transactional || o.Control
}

// Builder collects records into a batch. It is not safe for concurrent use.
type Builder struct {
	o       BuilderOptions
	records []byte
	body    []byte // one record, before its length is known
	count   int32
	baseTS  int64
	maxTS   int64
}

// NewBuilder returns an empty Builder.
func NewBuilder(o BuilderOptions) *Builder { return &Builder{o: o} }

// Len is the number of records added since the last Batch.
func (b *Builder) Len() int { return int(b.count) }

// Size is the length in bytes that the batch would have without compression.
func (b *Builder) Size() int { return HeaderSize + len(b.records) }

// Add appends a record and copies what it is given; a nil key or value is
// null. timestampMS is in milliseconds since 1970.
func (b *Builder) Add(timestampMS int64, key, value []byte, headers ...Header) {
	if b.count == 0 {
		b.baseTS, b.maxTS = timestampMS, timestampMS
	}
	b.maxTS = max(b.maxTS, timestampMS)
	r := appendRecord(b.body[:0], timestampMS-b.baseTS, int64(b.count), key, value, headers)
	b.body = r
	b.records = binary.AppendVarint(b.records, int64(len(r)))
	b.records = append(b.records, r...)
	b.count++
}

// appendRecord encodes a record without its length.
func appendRecord(r []byte, timestampDelta, offsetDelta int64, key, value []byte, headers []Header) []byte {
	r = append(r, 0) // attributes
	r = binary.AppendVarint(r, timestampDelta)
	r = binary.AppendVarint(r, offsetDelta)
	r = appendBytes(r, key)
	r = appendBytes(r, value)
	r = binary.AppendVarint(r, int64(len(headers)))
	for _, h := range headers {
		r = binary.AppendVarint(r, int64(len(h.Key)))
		r = append(r, h.Key...)
		r = appendBytes(r, h.Value)
	}
	return r
}

func appendBytes(dst, v []byte) []byte {
	if v == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(v))), v...)
}

// Batch returns the batch, with base offset 0 and leader epoch -1, in memory
// of its own, and empties the Builder. It returns nil if nothing was added.
func (b *Builder) Batch() Batch {
	if b.count == 0 {
		return nil
	}
	out := Batch(make([]byte, HeaderSize, HeaderSize+len(b.records)))
	out = compress(out, b.o.Codec, 0, b.records)
	attributes := uint16(b.o.Codec) & codecMask
	if b.o.Transactional {
		attributes |= bitTransactional
	}
	if b.o.Control {
		attributes |= bitControl
	}
	producerID, epoch, sequence := int64(-1), int16(-1), int32(-1)
	if b.o.hasProducer() {
		producerID, epoch, sequence = b.o.ProducerID, b.o.ProducerEpoch, b.o.BaseSequence
	}
	out[posMagic] = magicV2
	out.SetLeaderEpoch(-1)
	out.setAttributes(attributes)
	out.put32(posLastOffsetDelta, b.count-1)
	out.put64(posBaseTimestamp, b.baseTS)
	out.put64(posMaxTimestamp, b.maxTS)
	out.put64(posProducerID, producerID)
	binary.BigEndian.PutUint16(out[posProducerEpoch:], uint16(epoch))
	out.put32(posBaseSequence, sequence)
	out.put32(posCount, b.count)
	out.seal()
	b.records, b.count = b.records[:0], 0
	return out
}
