// Package record reads, builds and validates Kafka record batches of format
// v2 (KIP-98), the only format that current clients produce.
//
// It owns the 61 byte batch header, the varint encoding of records, the four
// compression codecs and the checks that Kafka makes of what clients produce.
// kafka/storage, kafka/partition and the coordinators call it. It never does
// I/O, never keeps a caller's bytes, and never trusts a length that it reads:
// what it allocates is bounded by the bytes present or by MaxDecompressed.
//
// Errors wrap *kerr.Error: use errors.Is or errors.As.
package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
)

// HeaderSize is the length in bytes of a batch without its records.
const HeaderSize = 61

// Positions of the header's fields, in bytes from the start of a batch.
const (
	posLength          = 8
	posLeaderEpoch     = 12
	posMagic           = 16
	posCRC             = 17
	posAttributes      = 21 // the CRC covers from here to the end
	posLastOffsetDelta = 23
	posBaseTimestamp   = 27
	posMaxTimestamp    = 35
	posProducerID      = 43
	posProducerEpoch   = 51
	posBaseSequence    = 53
	posCount           = 57

	sizePrefix = 12 // what the length field does not count
)

// Bits of the attributes field.
const (
	codecMask        = 0x07
	bitLogAppendTime = 0x08
	bitTransactional = 0x10
	bitControl       = 0x20
	magicV2          = 2
	noTimestamp      = -1 // a record without a timestamp
	minOldRecord     = 14 // the least that the length field can say, in any format
	minRecordSize    = 7  // length, attributes, two deltas, null key, null value, no headers
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is exactly one record batch. Its accessors read and write the bytes in
// place; all but Check need a batch of at least HeaderSize bytes, which Split
// and Builder give. A Batch is not safe for concurrent use while it is changed.
type Batch []byte

// Split takes the first batch off buf by its length field; b and rest alias
// buf. It checks only that the length and the magic are sane and that the bytes
// are there: see Check. As in Kafka, bytes that are no whole batch are no batch
// at all: kerr.InvalidRecord; what cannot be one is a *Refusal with
// kerr.CorruptMessage.
func Split(buf []byte) (b Batch, rest []byte, err error) {
	if len(buf) >= sizePrefix {
		if length := int32(binary.BigEndian.Uint32(buf[posLength:])); length < minOldRecord {
			return nil, buf, refuse(kerr.CorruptMessage, "Record size %d is less than the minimum record overhead (%d)", length, minOldRecord)
		}
	}
	if len(buf) > posMagic {
		if magic := int8(buf[posMagic]); magic < 0 || magic > magicV2 {
			return nil, buf, refuse(kerr.CorruptMessage, "Invalid magic found in record: %d", magic)
		}
	}
	if len(buf) < HeaderSize {
		return nil, buf, fmt.Errorf("%d bytes are less than a batch header: %w", len(buf), kerr.InvalidRecord)
	}
	size := int64(int32(binary.BigEndian.Uint32(buf[posLength:]))) + sizePrefix
	if size > int64(len(buf)) {
		return nil, buf, fmt.Errorf("batch of %d bytes in a buffer of %d: %w", size, len(buf), kerr.InvalidRecord)
	}
	if size < HeaderSize {
		return nil, buf, fmt.Errorf("batch of %d bytes: %w", size, kerr.CorruptMessage)
	}
	return Batch(buf[:size:size]), buf[size:], nil
}

// Check reports whether b is one whole and undamaged batch: length, magic,
// CRC-32C, and a record count that agrees with the offsets. Compacted batches,
// which hold fewer records than offsets, pass; Validate is stricter. Errors
// wrap kerr.CorruptMessage, or kerr.InvalidRecord for the formats v0 and v1 and
// for counts that cannot be.
func (b Batch) Check() error {
	if _, rest, err := Split(b); err != nil {
		return err
	} else if len(rest) > 0 {
		return fmt.Errorf("%d bytes after the batch: %w", len(rest), kerr.CorruptMessage)
	}
	switch m := b.Magic(); m {
	case magicV2:
	case 0, 1:
		return fmt.Errorf("batch has magic %d, only 2 is supported: %w", m, kerr.InvalidRecord)
	default:
		return fmt.Errorf("batch has magic %d: %w", m, kerr.CorruptMessage)
	}
	if got, want := b.checksum(), binary.BigEndian.Uint32(b[posCRC:]); got != want {
		return fmt.Errorf("batch has CRC %#08x, stored is %#08x: %w", got, want, kerr.CorruptMessage)
	}
	count, delta := int64(b.Count()), int64(b.LastOffsetDelta())
	if count < 0 || delta < 0 || count > delta+1 || b.BaseOffset() > math.MaxInt64-delta {
		return fmt.Errorf("batch of %d records with last offset delta %d: %w", count, delta, kerr.InvalidRecord)
	}
	if b.Codec() == None && count > int64(len(b.Records())/minRecordSize) {
		return fmt.Errorf("batch of %d records in %d bytes: %w", count, len(b.Records()), kerr.InvalidRecord)
	}
	return nil
}

// BaseOffset is the offset of the first record.
func (b Batch) BaseOffset() int64 { return b.i64(0) }

// SetBaseOffset stamps the offset of the first record; the CRC does not cover it.
func (b Batch) SetBaseOffset(offset int64) { b.put64(0, offset) }

// LeaderEpoch is the epoch of the partition leader that appended the batch.
func (b Batch) LeaderEpoch() int32 { return b.i32(posLeaderEpoch) }

// SetLeaderEpoch stamps the leader epoch; the CRC does not cover it.
func (b Batch) SetLeaderEpoch(epoch int32) { b.put32(posLeaderEpoch, epoch) }

// Magic is the format version; Check accepts only 2.
func (b Batch) Magic() int8 { return int8(b[posMagic]) }

// Codec is the compression of Records; values above Zstd are unknown codecs.
func (b Batch) Codec() Codec { return Codec(b.attributes() & codecMask) }

// LogAppendTime reports whether every record carries the time of the append.
func (b Batch) LogAppendTime() bool { return b.attributes()&bitLogAppendTime != 0 }

// Transactional reports whether the batch is part of a transaction.
func (b Batch) Transactional() bool { return b.attributes()&bitTransactional != 0 }

// Control reports whether the batch holds control records, such as markers.
func (b Batch) Control() bool { return b.attributes()&bitControl != 0 }

// LastOffsetDelta is the last offset of the batch relative to BaseOffset.
func (b Batch) LastOffsetDelta() int32 { return b.i32(posLastOffsetDelta) }

// LastOffset is the last offset of the batch.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// BaseTimestamp is what the records' timestamps are relative to, in
// milliseconds since 1970; in a compacted batch it may be the delete horizon.
func (b Batch) BaseTimestamp() int64 { return b.i64(posBaseTimestamp) }

// MaxTimestamp is the greatest timestamp of the batch in milliseconds, or -1.
func (b Batch) MaxTimestamp() int64 { return b.i64(posMaxTimestamp) }

// ProducerID is the idempotent producer's id, or -1.
func (b Batch) ProducerID() int64 { return b.i64(posProducerID) }

// ProducerEpoch is the producer's epoch, or -1.
func (b Batch) ProducerEpoch() int16 { return int16(binary.BigEndian.Uint16(b[posProducerEpoch:])) }

// BaseSequence is the producer's sequence number of the first record, or -1.
func (b Batch) BaseSequence() int32 { return b.i32(posBaseSequence) }

// LastSequence is the sequence number of the last record, or -1 if there is
// none. Sequence numbers go on at 0 after 2^31-1.
func (b Batch) LastSequence() int32 {
	base := b.BaseSequence()
	if base < 0 {
		return -1
	}
	return int32((int64(base) + int64(b.LastOffsetDelta())) & math.MaxInt32)
}

// Count is the number of records that the header states.
func (b Batch) Count() int32 { return b.i32(posCount) }

// Records is what follows the header: the records, compressed with Codec.
func (b Batch) Records() []byte { return b[HeaderSize:] }

// SetLogAppendTime gives every record the time ms (milliseconds since 1970):
// it rewrites the attributes, the maximum timestamp and the CRC.
func (b Batch) SetLogAppendTime(ms int64) {
	b.setAttributes(b.attributes() | bitLogAppendTime)
	b.put64(posMaxTimestamp, ms)
	b.seal()
}

// setCreateTime says that the records' times are their producer's.
func (b Batch) setCreateTime(maxTimestamp int64) {
	b.setAttributes(b.attributes() &^ bitLogAppendTime)
	b.setMaxTimestamp(maxTimestamp)
}

func (b Batch) setMaxTimestamp(ms int64) {
	b.put64(posMaxTimestamp, ms)
	b.seal()
}

func (b Batch) checksum() uint32 { return crc32.Checksum(b[posAttributes:], castagnoli) }

// seal makes the length and the CRC fit the bytes.
func (b Batch) seal() {
	b.put32(posLength, int32(len(b)-sizePrefix))
	binary.BigEndian.PutUint32(b[posCRC:], b.checksum())
}

func (b Batch) attributes() uint16     { return binary.BigEndian.Uint16(b[posAttributes:]) }
func (b Batch) setAttributes(a uint16) { binary.BigEndian.PutUint16(b[posAttributes:], a) }
func (b Batch) i32(pos int) int32      { return int32(binary.BigEndian.Uint32(b[pos:])) }
func (b Batch) i64(pos int) int64      { return int64(binary.BigEndian.Uint64(b[pos:])) }
func (b Batch) put32(pos int, v int32) { binary.BigEndian.PutUint32(b[pos:], uint32(v)) }
func (b Batch) put64(pos int, v int64) { binary.BigEndian.PutUint64(b[pos:], uint64(v)) }
