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
	FirstSequence             int32 // of the last batch; -1 when none is known
	LastSequence              int32 // likewise
	LastOffset, LastTimestamp int64 // of the last batch, -1 for none; of the last batch or marker
	CoordinatorEpoch          int32 // of the last marker; -1 for none
	TransactionStart          int64 // first offset of the open transaction; -1 for none
}

// producer is one producer's state; guarded by the log's lock.
type producer struct {
	epoch       int16
	coordinator int32 // epoch of the coordinator that wrote the last marker, -1 for none
	n           int
	batches     [window]produced // the newest is at n-1
	timestamp   int64            // of the last batch or marker
	txn         int64            // first offset of the open transaction, -1 for none
	marker      int64            // offset of the last marker written since the log was opened, -1 for none
}

type produced struct {
	first, last int32 // sequences; -1 in a coordinator's batch
	lastOffset  int64
	delta       int32 // records minus one
	timestamp   int64
}

// none stands for the last batch of a producer of which no batch is known.
var none = produced{first: -1, last: -1, lastOffset: -1}

func (p *producer) newest() *produced {
	if p.n == 0 {
		return &none
	}
	return &p.batches[p.n-1]
}

// repeated finds the batch that b repeats, nil when it is new.
func (p *producer) repeated(b record.Batch) *produced {
	if p == nil || p.epoch != b.ProducerEpoch() {
		return nil
	}
	for i := range p.batches[:p.n] {
		if old := &p.batches[i]; old.first == b.BaseSequence() && old.last == b.LastSequence() {
			return old
		}
	}
	return nil
}

// follows checks the sequence of a client's batch whose epoch is not too old.
func (p *producer) follows(b record.Batch) error {
	next := (int64(p.newest().last) + 1) & math.MaxInt32
	if b.ProducerEpoch() > p.epoch {
		next = 0
	}
	if int64(b.BaseSequence()) != next {
		return kerr.OutOfOrderSequenceNumber
	}
	return nil
}

// producers is the state of every producer of a log; guarded by its lock, but
// for txns.
type producers struct {
	byID      map[int64]*producer
	txns      unstable
	forgotten int64 // offset after the last marker of producers that have expired
}

func newProducers() *producers { return &producers{byID: make(map[int64]*producer)} }

// check says whether a batch may be appended. A client's repeated batch gives
// the place it already has. KIP-98, KIP-360, KIP-890; Kafka ProducerAppendInfo.
func (ps *producers) check(b record.Batch, o Origin, v Verification) (repeated *produced, err error) {
	if b.ProducerID() < 0 {
		return nil, nil
	}
	p := ps.byID[b.ProducerID()]
	if b.Control() {
		return nil, p.checkMarker(b)
	}
	if o == Client {
		if old := p.repeated(b); old != nil {
			return old, nil
		}
	}
	if p != nil && b.ProducerEpoch() < p.epoch {
		return nil, kerr.InvalidProducerEpoch
	}
	if o == Client && b.Transactional() && !p.inTransaction(b.ProducerEpoch()) && !ps.valid(v, p, b) {
		return nil, ErrUnverified
	}
	if p == nil { // unknown or expired: any sequence begins (KIP-360), but not with transactions v2 (KIP-890)
		if v.fromZero && b.BaseSequence() != 0 {
			return nil, kerr.OutOfOrderSequenceNumber
		}
		return nil, nil
	}
	if o == Client {
		if err := p.follows(b); err != nil {
			return nil, err
		}
	}
	if p.txn >= 0 && !b.Transactional() {
		return nil, kerr.InvalidTxnState
	}
	return nil, nil
}

// update remembers an appended batch, of which the header is enough unless it
// is a control batch. It returns the transaction that was aborted by it.
func (ps *producers) update(b record.Batch) (a aborted, ok bool) {
	if b.ProducerID() < 0 {
		return aborted{}, false
	}
	if b.Control() {
		return ps.end(b)
	}
	p := ps.at(b)
	if p.n == window {
		copy(p.batches[:], p.batches[1:])
		p.n--
	}
	p.batches[p.n] = produced{b.BaseSequence(), b.LastSequence(), b.LastOffset(), b.LastOffsetDelta(), b.MaxTimestamp()}
	p.n++
	p.timestamp = b.MaxTimestamp()
	if b.Transactional() && p.txn < 0 {
		p.txn = b.BaseOffset()
		ps.txns.begin(p.txn)
	}
	return aborted{}, false
}

// at is the state of a batch's producer under the batch's epoch.
func (ps *producers) at(b record.Batch) *producer {
	p := ps.byID[b.ProducerID()]
	if p == nil {
		p = &producer{epoch: b.ProducerEpoch(), coordinator: -1, txn: -1, marker: -1}
		ps.byID[b.ProducerID()] = p
	}
	if b.ProducerEpoch() != p.epoch {
		p.epoch, p.n = b.ProducerEpoch(), 0
	}
	return p
}

// expire forgets producers that have not written for longer than age, unless
// their transaction is open.
func (ps *producers) expire(now time.Time, age time.Duration) {
	if age <= 0 {
		return
	}
	limit := now.Add(-age).UnixMilli()
	maps.DeleteFunc(ps.byID, func(_ int64, p *producer) bool {
		if p.txn >= 0 || p.timestamp >= limit {
			return false
		}
		ps.forgotten = max(ps.forgotten, p.marker+1)
		return true
	})
}

func (ps *producers) list() []ProducerState {
	out := make([]ProducerState, 0, len(ps.byID))
	for id, p := range ps.byID {
		b := p.newest()
		out = append(out, ProducerState{
			ID: id, Epoch: p.epoch, FirstSequence: b.first, LastSequence: b.last, LastOffset: b.lastOffset,
			LastTimestamp: p.timestamp, CoordinatorEpoch: p.coordinator, TransactionStart: p.txn,
		})
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
func (ps *producers) encode() []byte {
	buf := make([]byte, snapshotHeader, snapshotHeader+4+len(ps.byID)*snapshotEntry)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(ps.byID)))
	for _, id := range slices.Sorted(maps.Keys(ps.byID)) {
		p := ps.byID[id]
		b := p.newest()
		buf = binary.BigEndian.AppendUint64(buf, uint64(id))
		buf = binary.BigEndian.AppendUint16(buf, uint16(p.epoch))
		buf = binary.BigEndian.AppendUint32(buf, uint32(b.last))
		buf = binary.BigEndian.AppendUint64(buf, uint64(b.lastOffset))
		buf = binary.BigEndian.AppendUint32(buf, uint32(b.delta))
		buf = binary.BigEndian.AppendUint64(buf, uint64(p.timestamp))
		buf = binary.BigEndian.AppendUint32(buf, uint32(p.coordinator))
		buf = binary.BigEndian.AppendUint64(buf, uint64(p.txn))
	}
	binary.BigEndian.PutUint16(buf, snapshotVersion)
	binary.BigEndian.PutUint32(buf[2:], crc32.Checksum(buf[snapshotHeader:], castagnoli))
	return buf
}

// decodeProducers reads the snapshot of an offset.
func decodeProducers(data []byte, at int64) (*producers, error) {
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
	ps := newProducers()
	for ; len(entries) > 0; entries = entries[snapshotEntry:] {
		id, p := decodeProducer(entries)
		if p.newest().lastOffset >= at || p.txn >= at || ps.byID[id] != nil {
			return nil, fmt.Errorf("producer snapshot at %d knows of offset %d, of a transaction at %d", at, p.newest().lastOffset, p.txn)
		}
		ps.byID[id] = p
		if p.txn >= 0 {
			ps.txns.begin(p.txn)
		}
	}
	return ps, nil
}

func decodeProducer(entry []byte) (id int64, p *producer) {
	p = &producer{
		epoch: int16(binary.BigEndian.Uint16(entry[8:])), timestamp: int64(binary.BigEndian.Uint64(entry[26:])),
		coordinator: int32(binary.BigEndian.Uint32(entry[34:])), txn: max(-1, int64(binary.BigEndian.Uint64(entry[38:]))), marker: -1,
	}
	last, delta := int32(binary.BigEndian.Uint32(entry[10:])), int32(binary.BigEndian.Uint32(entry[22:]))
	if offset := int64(binary.BigEndian.Uint64(entry[14:])); offset >= 0 {
		b := produced{first: last, last: last, delta: delta, lastOffset: offset, timestamp: p.timestamp}
		if last >= 0 {
			b.first = int32((int64(last) - int64(delta)) & math.MaxInt32)
		}
		p.batches[0], p.n = b, 1
	}
	return int64(binary.BigEndian.Uint64(entry)), p
}

// loadSnapshot reads the newest undamaged snapshot at or below offset, and says
// which offset it is of.
func loadSnapshot(fsys vfs.FS, dir string, snapshots []int64, offset int64) (*producers, int64, error) {
	for _, at := range slices.Backward(snapshots) {
		if at > offset {
			continue
		}
		data, err := vfs.ReadFile(fsys, path.Join(dir, fileName(at, snapshotSuffix)))
		if err != nil {
			return nil, 0, err // not damage: the disk cannot be read
		}
		if ps, err := decodeProducers(data, at); err == nil {
			return ps, at, nil
		}
	}
	return newProducers(), 0, nil
}
