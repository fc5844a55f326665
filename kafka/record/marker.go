package record

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Kinds of control records: Kafka's ControlRecordType.
const (
	controlAbort  = 0
	controlCommit = 1
)

// Sizes in bytes of what a marker's record must have at least; a later version
// may append fields to either.
const (
	controlKeySize  = 4 // version i16, type i16
	markerValueSize = 6 // version i16, coordinator epoch i32
)

// Marker ends a transaction in one partition: Kafka's EndTxnMarker (KIP-98).
type Marker struct {
	Commit           bool  // false: abort
	CoordinatorEpoch int32 // leader epoch of the coordinator's partition
}

// MarkerBatch returns the control batch of a producer's marker, as Kafka's
// coordinator writes it: transactional, one record, no sequence.
func MarkerBatch(producerID int64, epoch int16, m Marker, now time.Time) Batch {
	b := NewBuilder(BuilderOptions{ProducerID: producerID, ProducerEpoch: epoch, BaseSequence: -1, Transactional: true, Control: true})
	var key [controlKeySize]byte // version 0
	if m.Commit {
		key[3] = controlCommit
	}
	var value [markerValueSize]byte // version 0
	binary.BigEndian.PutUint32(value[2:], uint32(m.CoordinatorEpoch))
	b.Add(now.UnixMilli(), key[:], value[:])
	return b.Batch()
}

// Marker reads the marker of a whole control batch and allocates nothing unless
// it fails. The error wraps kerr.InvalidRecord: the batch holds another kind of
// control record, or none (compaction takes the record and leaves the batch).
func (b Batch) Marker() (Marker, error) {
	if len(b) < HeaderSize || !b.Control() || b.Codec() != None || b.Count() != 1 {
		return Marker{}, fmt.Errorf("no control batch of one record: %w", kerr.InvalidRecord)
	}
	s := b.scan(b.Records())
	if s.next(); s.err != nil {
		return Marker{}, s.err
	}
	key, value := s.record.Key, s.record.Value
	if len(key) < controlKeySize {
		return Marker{}, fmt.Errorf("control record's key of %d bytes: %w", len(key), kerr.InvalidRecord)
	}
	kind := binary.BigEndian.Uint16(key[2:])
	if kind != controlAbort && kind != controlCommit {
		return Marker{}, fmt.Errorf("control record of type %d is no marker: %w", kind, kerr.InvalidRecord)
	}
	if len(value) < markerValueSize {
		return Marker{}, fmt.Errorf("marker of %d bytes: %w", len(value), kerr.InvalidRecord)
	}
	return Marker{Commit: kind == controlCommit, CoordinatorEpoch: int32(binary.BigEndian.Uint32(value[2:]))}, nil
}
