package storage

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"path"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
)

// window is how many batches of a producer are remembered: what Kafka's clients
// may have in flight.
const window = 5

// ProducerState is what a log knows of an idempotent producer (KIP-98).
type ProducerState struct {
	ID                        int64
	Epoch                     int16
	FirstSequence             int32 // of the last batch
	LastSequence              int32
	LastOffset, LastTimestamp int64
}

// producer is one producer's state; guarded by the log's lock.
type producer struct {
	epoch   int16
	n       int
	batches [window]produced // the newest is at n-1
}

type produced struct {
	first, last int32 // sequences
	lastOffset  int64
	delta       int32 // records minus one
	timestamp   int64
}

func (p *producer) newest() *produced { return &p.batches[p.n-1] }

// producers is the state of every producer of a log; guarded by its lock.
type producers map[int64]*producer

// check says whether a batch may be appended. A client's repeated batch gives
// the place it already has. KIP-98, KIP-360.
func (ps producers) check(b record.Batch, o Origin) (repeated *produced, err error) {
	if b.ProducerID() < 0 {
		return nil, nil
	}
	p := ps[b.ProducerID()]
	if p == nil {
		return nil, nil // unknown or expired: any sequence begins (KIP-360)
	}
	switch epoch := b.ProducerEpoch(); {
	case epoch < p.epoch:
		return nil, kerr.InvalidProducerEpoch
	case o == Coordinator:
		return nil, nil
	case epoch > p.epoch:
		if b.BaseSequence() != 0 {
			return nil, kerr.OutOfOrderSequenceNumber
		}
		return nil, nil
	}
	for i := range p.batches[:p.n] {
		if old := &p.batches[i]; old.first == b.BaseSequence() && old.last == b.LastSequence() {
			return old, nil
		}
	}
	if next := (int64(p.newest().last) + 1) & math.MaxInt32; int64(b.BaseSequence()) != next {
		return nil, kerr.OutOfOrderSequenceNumber
	}
	return nil, nil
}

// update remembers an appended batch.
func (ps producers) update(b record.Batch) {
	if b.ProducerID() < 0 || b.BaseSequence() < 0 {
		return
	}
	p := ps[b.ProducerID()]
	if p == nil {
		p = &producer{}
		ps[b.ProducerID()] = p
	}
	if b.ProducerEpoch() != p.epoch {
		*p = producer{epoch: b.ProducerEpoch()}
	}
	if p.n == window {
		copy(p.batches[:], p.batches[1:])
		p.n--
	}
	p.batches[p.n] = produced{b.BaseSequence(), b.LastSequence(), b.LastOffset(), b.LastOffsetDelta(), b.MaxTimestamp()}
	p.n++
}

// expire forgets producers that have not written for longer than age.
func (ps producers) expire(now time.Time, age time.Duration) {
	if age <= 0 {
		return
	}
	limit := now.Add(-age).UnixMilli()
	maps.DeleteFunc(ps, func(_ int64, p *producer) bool { return p.newest().timestamp < limit })
}

func (ps producers) list() []ProducerState {
	out := make([]ProducerState, 0, len(ps))
	for id, p := range ps {
		b := p.newest()
		out = append(out, ProducerState{id, p.epoch, b.first, b.last, b.lastOffset, b.timestamp})
	}
	slices.SortFunc(out, func(a, b ProducerState) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Snapshot files, Kafka's format: version i16, CRC-32C u32 of what follows,
// then count i32 and entries.
const (
	snapshotVersion = 1
	snapshotHeader  = 6
	snapshotEntry   = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode makes a snapshot; only the newest batch of each producer is in it.
func (ps producers) encode() []byte {
	buf := make([]byte, snapshotHeader, snapshotHeader+4+len(ps)*snapshotEntry)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(ps)))
	for _, id := range slices.Sorted(maps.Keys(ps)) {
		p := ps[id]
		b := p.newest()
		buf = binary.BigEndian.AppendUint64(buf, uint64(id))
		buf = binary.BigEndian.AppendUint16(buf, uint16(p.epoch))
		buf = binary.BigEndian.AppendUint32(buf, uint32(b.last))
		buf = binary.BigEndian.AppendUint64(buf, uint64(b.lastOffset))
		buf = binary.BigEndian.AppendUint32(buf, uint32(b.delta))
		buf = binary.BigEndian.AppendUint64(buf, uint64(b.timestamp))
		buf = binary.BigEndian.AppendUint32(buf, math.MaxUint32) // coordinator epoch -1
		buf = binary.BigEndian.AppendUint64(buf, math.MaxUint64) // no open transaction
	}
	binary.BigEndian.PutUint16(buf, snapshotVersion)
	binary.BigEndian.PutUint32(buf[2:], crc32.Checksum(buf[snapshotHeader:], castagnoli))
	return buf
}

// decodeProducers reads a snapshot.
func decodeProducers(data []byte) (producers, error) {
	if len(data) < snapshotHeader+4 || binary.BigEndian.Uint16(data) != snapshotVersion {
		return nil, fmt.Errorf("producer snapshot of %d bytes is not version %d", len(data), snapshotVersion)
	}
	if binary.BigEndian.Uint32(data[2:]) != crc32.Checksum(data[snapshotHeader:], castagnoli) {
		return nil, fmt.Errorf("producer snapshot has a wrong CRC")
	}
	entries := data[snapshotHeader+4:]
	if n := int64(binary.BigEndian.Uint32(data[snapshotHeader:])); n*snapshotEntry != int64(len(entries)) {
		return nil, fmt.Errorf("producer snapshot of %d entries in %d bytes", n, len(entries))
	}
	ps := make(producers, len(entries)/snapshotEntry)
	for ; len(entries) > 0; entries = entries[snapshotEntry:] {
		last, delta := int32(binary.BigEndian.Uint32(entries[10:])), int32(binary.BigEndian.Uint32(entries[22:]))
		p := &producer{epoch: int16(binary.BigEndian.Uint16(entries[8:])), n: 1}
		p.batches[0] = produced{
			first: int32((int64(last) - int64(delta)) & math.MaxInt32), last: last, delta: delta,
			lastOffset: int64(binary.BigEndian.Uint64(entries[14:])),
			timestamp:  int64(binary.BigEndian.Uint64(entries[26:])),
		}
		ps[int64(binary.BigEndian.Uint64(entries))] = p
	}
	return ps, nil
}

// loadSnapshot reads the newest readable snapshot at or below offset, and says
// which offset it is of.
func loadSnapshot(fsys vfs.FS, dir string, snapshots []int64, offset int64) (producers, int64) {
	for _, at := range slices.Backward(snapshots) {
		if at > offset {
			continue
		}
		data, err := vfs.ReadFile(fsys, path.Join(dir, fileName(at, snapshotSuffix)))
		if err != nil {
			continue
		}
		if ps, err := decodeProducers(data); err == nil {
			return ps, at
		}
	}
	return producers{}, 0
}
