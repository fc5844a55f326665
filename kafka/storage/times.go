package storage

import (
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
)

// LookupTimestamp finds the first record below below that is not earlier than
// ts (milliseconds). An error is kerr.KafkaStorageError or that of a damaged
// batch.
func (l *Log) LookupTimestamp(ts, below int64) (offset, timestamp int64, epoch int32, ok bool, err error) {
	if l.closed.Load() {
		return -1, -1, -1, false, kerr.KafkaStorageError
	}
	for _, s := range *l.segments.Load() {
		if s.base >= below {
			break
		}
		if s.maxTS.Load() < ts || !s.acquire() {
			continue
		}
		from := max(l.start.Load(), s.before(&l.dir.indexes, ts))
		offset, timestamp, epoch, ok, err = s.lookup(s.near(&l.dir.indexes, from), from, ts, below)
		s.release()
		if ok || err != nil {
			return offset, timestamp, epoch, ok, err
		}
	}
	return -1, -1, -1, false, nil
}

// MaxTimestamp finds the first record below below with the greatest timestamp.
// An error is as with LookupTimestamp.
func (l *Log) MaxTimestamp(below int64) (offset, ts int64, epoch int32, ok bool, err error) {
	offset, ts, epoch, ok, err = l.maxTimestamp(below, false)
	if !ok && err == nil { // compaction has left the greatest one a batch without records
		return l.maxTimestamp(below, true)
	}
	return offset, ts, epoch, ok, err
}

// maxTimestamp believes the segments' greatest timestamps, or walks all batches.
func (l *Log) maxTimestamp(below int64, walk bool) (offset, ts int64, epoch int32, ok bool, err error) {
	latest := int64(-1)
	for _, s := range *l.segments.Load() {
		if s.base >= below {
			break
		}
		if s.maxTS.Load() <= latest || !s.acquire() {
			continue
		}
		ts, err := s.maxBelow(below, walk)
		s.release()
		if err != nil {
			return -1, -1, -1, false, err
		}
		latest = max(latest, ts)
	}
	return l.LookupTimestamp(latest, below) // without any time it is -1, which the first record has
}

// maxBelow is the greatest timestamp of the segment's batches below below, -1
// when there is none. Only a segment that goes on beyond is walked, unless all
// are to be.
func (s *segment) maxBelow(below int64, walk bool) (int64, error) {
	if !walk && s.next.Load() <= below {
		return s.maxTS.Load(), nil
	}
	latest := int64(-1)
	err := s.walk(0, func(b record.Batch, _ int64) (bool, error) {
		if b.LastOffset() >= below {
			return false, nil
		}
		if b.Count() > 0 {
			latest = max(latest, b.MaxTimestamp())
		}
		return true, nil
	})
	return latest, err
}

// walk gives fn each batch header and its position, from a position on, until
// it returns false.
func (s *segment) walk(pos int64, fn func(header record.Batch, pos int64) (bool, error)) error {
	var buf [record.HeaderSize]byte
	for {
		b, err := s.header(pos, &buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if batchSize(b) < record.HeaderSize {
			return fmt.Errorf("read %s at %d: batch of %d bytes", s.file.Name(), pos, batchSize(b))
		}
		size := int64(batchSize(b))
		if more, err := fn(b, pos); !more || err != nil {
			return err
		}
		pos += size
	}
}

// lookup walks batches from near on for the first record in [from, below)
// that is not earlier than ts; batches whose records all are earlier are not
// opened.
func (s *segment) lookup(near spot, from, ts, below int64) (offset, timestamp int64, epoch int32, ok bool, err error) {
	var buf [record.HeaderSize]byte
	pos, _, err := s.find(near, from, &buf)
	if err == io.EOF {
		return -1, -1, -1, false, nil
	}
	if err != nil {
		return -1, -1, -1, false, err
	}
	err = s.walk(pos, func(header record.Batch, pos int64) (bool, error) {
		if header.BaseOffset() >= below {
			return false, nil
		}
		if header.MaxTimestamp() < ts || header.LastOffset() < from {
			return true, nil
		}
		b, err := s.batch(pos, batchSize(header))
		if err != nil {
			return false, err
		}
		err = b.Walk(0, func(r *record.Record) error {
			if !ok && r.Offset >= from && r.Offset < below && r.Timestamp >= ts {
				offset, timestamp, epoch, ok = r.Offset, r.Timestamp, b.LeaderEpoch(), true
			}
			return nil
		})
		return !ok, err
	})
	if !ok || err != nil {
		return -1, -1, -1, false, err
	}
	return offset, timestamp, epoch, ok, nil
}
