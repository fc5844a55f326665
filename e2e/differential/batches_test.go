//go:build e2e

package differential

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// castagnoli is the polynomial of batches v2.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batches flattens a record set of an answer.
func (s *symbols) batches(b []byte, path string, out *[]field) {
	for n := 0; len(b) > 0; n++ {
		at := fmt.Sprintf("%s[%d]", path, n)
		add := func(name, value string) { *out = append(*out, field{at + "." + name, value}) }
		var batch kmsg.RecordBatch
		if len(b) < 61 || len(b) < 12+int(binary.BigEndian.Uint32(b[8:])) || b[16] != 2 {
			add("Bytes", hex.EncodeToString(b))
			return
		}
		size := 12 + int(binary.BigEndian.Uint32(b[8:]))
		if err := batch.ReadFrom(b[:size]); err != nil {
			add("Broken", err.Error())
			return
		}
		add("FirstOffset", fmt.Sprint(batch.FirstOffset))
		add("PartitionLeaderEpoch", fmt.Sprint(batch.PartitionLeaderEpoch))
		add("Attributes", fmt.Sprintf("%#x", batch.Attributes))
		add("Delta", fmt.Sprint(batch.LastOffsetDelta))
		add("Timestamps", s.number("", batch.FirstTimestamp)+" "+s.number("", batch.MaxTimestamp))
		add("Producer", fmt.Sprint(s.number("ProducerID", batch.ProducerID), " ", batch.ProducerEpoch, " ", batch.FirstSequence))
		add("Count", fmt.Sprint(batch.NumRecords))
		add("ValidCRC", fmt.Sprint(uint32(batch.CRC) == crc32.Checksum(b[21:size], castagnoli)))
		add("Records", hex.EncodeToString(batch.Records))
		b = b[size:]
	}
}

// batch is what a producer sends, broken as a script wants. The zero values of
// most fields are those of a good batch of one record.
type batch struct {
	base         int64
	leaderEpoch  int32
	magic        int8
	attributes   int16
	delta, count int32 // -1: those of the records
	first, max   int64
	producer     int64
	epoch        int16
	sequence     int32
	records      []byte
	badCRC       bool
	length       int32 // added to the true one
	trailing     []byte
}

// good is a batch of records with values; their times are the given one.
func good(at int64, values ...string) batch {
	b := batch{magic: 2, leaderEpoch: -1, delta: int32(len(values)) - 1, count: int32(len(values)), first: at, max: at, producer: -1, epoch: -1, sequence: -1}
	for i, v := range values {
		b.records = record{offset: int32(i), key: []byte("k"), value: []byte(v)}.append(b.records)
	}
	return b
}

// of makes it a batch of an idempotent producer.
func (b batch) of(producer int64, epoch int16, sequence int32) batch {
	b.producer, b.epoch, b.sequence = producer, epoch, sequence
	return b
}

// change is the batch after f.
func (b batch) change(f func(b *batch)) batch {
	f(&b)
	return b
}

// record is one record, broken as a script wants.
type record struct {
	attributes int8
	time       int64
	offset     int32
	key, value []byte // nil: null
	headers    []string
	length     int // added to the true one
}

func (r record) append(dst []byte) []byte {
	body := []byte{byte(r.attributes)}
	body = binary.AppendVarint(body, r.time)
	body = binary.AppendVarint(body, int64(r.offset))
	body = appendBytes(appendBytes(body, r.key), r.value)
	body = binary.AppendVarint(body, int64(len(r.headers)/2))
	for _, h := range r.headers {
		body = appendBytes(body, []byte(h))
	}
	dst = binary.AppendVarint(dst, int64(len(body)+r.length))
	return append(dst, body...)
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(b))), b...)
}

// bytes are the batch on the wire.
func (b batch) bytes() []byte {
	out := binary.BigEndian.AppendUint64(nil, uint64(b.base))
	out = binary.BigEndian.AppendUint32(out, uint32(49+int32(len(b.records))+b.length))
	out = binary.BigEndian.AppendUint32(out, uint32(b.leaderEpoch))
	out = append(out, byte(b.magic), 0, 0, 0, 0)
	out = binary.BigEndian.AppendUint16(out, uint16(b.attributes))
	out = binary.BigEndian.AppendUint32(out, uint32(b.delta))
	out = binary.BigEndian.AppendUint64(out, uint64(b.first))
	out = binary.BigEndian.AppendUint64(out, uint64(b.max))
	out = binary.BigEndian.AppendUint64(out, uint64(b.producer))
	out = binary.BigEndian.AppendUint16(out, uint16(b.epoch))
	out = binary.BigEndian.AppendUint32(out, uint32(b.sequence))
	out = binary.BigEndian.AppendUint32(out, uint32(b.count))
	out = append(out, b.records...)
	crc := crc32.Checksum(out[21:], castagnoli)
	if b.badCRC {
		crc++
	}
	binary.BigEndian.PutUint32(out[17:], crc)
	return append(out, b.trailing...)
}
