package record

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// bitDeleteHorizon says that BaseTimestamp is the delete horizon (KIP-534).
const bitDeleteHorizon = 0x40

// NoHorizon leaves a batch's delete horizon as it is.
const NoHorizon = -1

// DeleteHorizon is when the tombstones and markers of a compacted batch may
// go, in milliseconds since 1970; ok is false when that has not been decided.
// KIP-534.
func (b Batch) DeleteHorizon() (ms int64, ok bool) {
	if b.attributes()&bitDeleteHorizon == 0 {
		return 0, false
	}
	return b.BaseTimestamp(), true
}

// Retain makes a batch of those records of b for which keep says so: what log
// compaction leaves. The records keep their offsets and timestamps, the batch
// its range of offsets and sequences, its producer, leader epoch and codec. A
// horizon other than NoHorizon is written down as the delete horizon. It
// returns how many records are left; with none the batch is only a header.
// When nothing changes the result is b itself, else it is the caller's. keep
// must not hold on to the record. Errors are as those of Walk.
func (b Batch) Retain(horizonMS int64, keep func(*Record) bool) (out Batch, kept int, err error) {
	base := b.BaseTimestamp()
	if horizonMS != NoHorizon {
		base = horizonMS
	}
	var plain, body []byte
	maxTS := int64(noTimestamp)
	err = b.Walk(0, func(r *Record) error {
		if !keep(r) {
			return nil
		}
		kept++
		maxTS = max(maxTS, r.Timestamp)
		body = appendRecord(body[:0], r.Timestamp-base, r.Offset-b.BaseOffset(), r.Key, r.Value, r.Headers)
		plain = binary.AppendVarint(plain, int64(len(body)))
		plain = append(plain, body...)
		if len(plain) > MaxDecompressed {
			return fmt.Errorf("more than %d bytes of records: %w", MaxDecompressed, kerr.MessageTooLarge)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if kept == int(b.Count()) && horizonMS == NoHorizon {
		return b, kept, nil
	}
	return b.rebuilt(plain, kept, base, maxTS, horizonMS != NoHorizon), kept, nil
}

// rebuilt is b with other records.
func (b Batch) rebuilt(plain []byte, kept int, base, maxTS int64, horizon bool) Batch {
	codec, attributes := b.Codec(), b.attributes()
	if kept == 0 {
		codec, attributes = None, attributes&^codecMask
	}
	if horizon {
		attributes |= bitDeleteHorizon
	}
	out := append(make(Batch, 0, HeaderSize+len(plain)), b[:HeaderSize]...)
	out = compress(out, codec, 0, plain)
	out.setAttributes(attributes)
	out.put64(posBaseTimestamp, base)
	if kept > 0 && !b.LogAppendTime() {
		out.put64(posMaxTimestamp, maxTS)
	}
	out.put32(posCount, int32(kept))
	out.seal()
	return out
}
