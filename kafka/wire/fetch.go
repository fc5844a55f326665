package wire

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// minPiece is from how many bytes on records are not worth a copy.
const minPiece = 32 << 10

// AppendFetch is AppendResponse for a Fetch of version 4 or later whose records
// stay where they are: it appends the frame to pieces as what is in dst's array
// and, between, the records of each partition, unless they are few. frame is dst
// with what was appended to it.
func AppendFetch(dst []byte, pieces [][]byte, correlationID int32, resp *kmsg.FetchResponse) (frame []byte, _ [][]byte) {
	e := fetchEncoder{dst: dst, version: resp.Version, flexible: resp.IsFlexible()}
	start := len(dst)
	e.int32(0)
	e.int32(correlationID)
	e.tags(0)
	e.response(resp)
	size := len(e.dst) - start - 4
	for _, c := range e.cuts {
		size += len(c.records)
		pieces = append(pieces, e.dst[start:c.at:c.at], c.records)
		start = c.at
	}
	pieces = append(pieces, e.dst[start:])
	binary.BigEndian.PutUint32(e.dst[len(dst):], uint32(size))
	return e.dst, pieces
}

// fetchEncoder writes the fields of a Fetch's response as kmsg does. Nothing
// here has tags that are not known.
type fetchEncoder struct {
	dst      []byte
	version  int16
	flexible bool
	cuts     []cut
}

// cut is a place of dst into which records belong.
type cut struct {
	at      int
	records []byte
}

func (e *fetchEncoder) int16(v int16) { e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(v)) }
func (e *fetchEncoder) int32(v int32) { e.dst = binary.BigEndian.AppendUint32(e.dst, uint32(v)) }
func (e *fetchEncoder) int64(v int64) { e.dst = binary.BigEndian.AppendUint64(e.dst, uint64(v)) }

// length is of what may be null.
func (e *fetchEncoder) length(n int, null bool) {
	switch {
	case e.flexible && null:
		e.dst = append(e.dst, 0)
	case e.flexible:
		e.dst = binary.AppendUvarint(e.dst, uint64(n)+1)
	case null:
		e.int32(-1)
	default:
		e.int32(int32(n))
	}
}

func (e *fetchEncoder) string(s string) {
	if e.flexible {
		e.length(len(s), false)
	} else {
		e.int16(int16(len(s)))
	}
	e.dst = append(e.dst, s...)
}

// tags is how many tagged fields follow, in versions that have such.
func (e *fetchEncoder) tags(n byte) {
	if e.flexible {
		e.dst = append(e.dst, n)
	}
}

func (e *fetchEncoder) response(r *kmsg.FetchResponse) {
	e.int32(r.ThrottleMillis)
	if e.version >= 7 {
		e.int16(r.ErrorCode)
		e.int32(r.SessionID)
	}
	e.length(len(r.Topics), false)
	for i := range r.Topics {
		t := &r.Topics[i]
		if e.version >= 13 {
			e.dst = append(e.dst, t.TopicID[:]...)
		} else {
			e.string(t.Topic)
		}
		e.length(len(t.Partitions), false)
		for j := range t.Partitions {
			e.partition(&t.Partitions[j])
		}
		e.tags(0)
	}
	if len(r.Brokers) == 0 || !e.flexible {
		e.tags(0)
		return
	}
	e.tags(1)
	e.brokers(r.Brokers)
}

func (e *fetchEncoder) partition(p *kmsg.FetchResponseTopicPartition) {
	e.int32(p.Partition)
	e.int16(p.ErrorCode)
	e.int64(p.HighWatermark)
	e.int64(p.LastStableOffset)
	if e.version >= 5 {
		e.int64(p.LogStartOffset)
	}
	e.length(len(p.AbortedTransactions), p.AbortedTransactions == nil)
	for _, a := range p.AbortedTransactions {
		e.int64(a.ProducerID)
		e.int64(a.FirstOffset)
		e.tags(0)
	}
	if e.version >= 11 {
		e.int32(p.PreferredReadReplica)
	}
	e.length(len(p.RecordBatches), p.RecordBatches == nil)
	if len(p.RecordBatches) >= minPiece {
		e.cuts = append(e.cuts, cut{len(e.dst), p.RecordBatches})
	} else {
		e.dst = append(e.dst, p.RecordBatches...)
	}
	if e.flexible {
		e.partitionTags(p)
	}
}

// partitionTags are the diverging epoch (KIP-595) and the current leader
// (KIP-951), where there are such.
func (e *fetchEncoder) partitionTags(p *kmsg.FetchResponseTopicPartition) {
	diverging, leader := p.DivergingEpoch, p.CurrentLeader
	hasDiverging := diverging.Epoch != -1 || diverging.EndOffset != -1
	hasLeader := leader.LeaderID != -1 || leader.LeaderEpoch != -1
	n := byte(0)
	if hasDiverging {
		n++
	}
	if hasLeader {
		n++
	}
	e.tags(n)
	if hasDiverging {
		e.dst = append(e.dst, 0, 4+8+1)
		e.int32(diverging.Epoch)
		e.int64(diverging.EndOffset)
		e.tags(0)
	}
	if hasLeader {
		e.dst = append(e.dst, 1, 4+4+1)
		e.int32(leader.LeaderID)
		e.int32(leader.LeaderEpoch)
		e.tags(0)
	}
}

// brokers is the tagged field that names the leaders' nodes (KIP-951).
func (e *fetchEncoder) brokers(brokers []kmsg.FetchResponseBroker) {
	field := fetchEncoder{flexible: true}
	field.length(len(brokers), false)
	for _, b := range brokers {
		field.int32(b.NodeID)
		field.string(b.Host)
		field.int32(b.Port)
		if b.Rack == nil {
			field.length(0, true)
		} else {
			field.string(*b.Rack)
		}
		field.tags(0)
	}
	e.dst = append(e.dst, 0)
	e.dst = binary.AppendUvarint(e.dst, uint64(len(field.dst)))
	e.dst = append(e.dst, field.dst...)
}
