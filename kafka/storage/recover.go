package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
)

const (
	windowBytes = 8 << 20  // of whole segments read again for producers: more than five batches of the usual greatest size
	scanChunk   = 1 << 20  // bytes of one read when batches are checked
	hopChunk    = 64 << 10 // bytes of one read when only headers count
)

// errDamaged is wrapped by what is wrong with a batch's bytes, as against a
// disk that cannot be read: only damage may be cut.
var errDamaged = errors.New("damaged")

// unread stands for an index of aborted transactions whose file is there, but
// was not read or cannot be used.
var unread = []byte{0}

// recovery is the opening of one log from its files.
type recovery struct {
	l         *Log
	floor     int64 // offsets below were durable
	first     int64 // where the log must begin at the latest
	segments  []*segment
	snapshots []int64
	aborts    map[int64][]byte // the index of aborted transactions of each segment that has a file for it
	producers *producers
	from      int64  // the offset of the snapshot that producers began with
	named     bool   // the directory has its metadata file
	epochs    []byte // the checkpoint on disk
}

// recover loads the log's files, and after an unclean stop checks what may be
// torn. Kafka's LogLoader is the model.
func (l *Log) recover() error {
	r := &recovery{l: l, first: l.start.Load(), aborts: make(map[int64][]byte), producers: newProducers()}
	l.end.Store(r.first)
	bases, err := r.list()
	if err != nil || !l.made {
		return err
	}
	if err := r.open(bases); err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	return r.finish()
}

// list finds the log's files. A directory of a deleted topic of the same name
// is removed: its topic id says so.
func (r *recovery) list() (bases []int64, err error) {
	l := r.l
	entries, err := l.dir.fs.ReadDir(l.path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, err
	}
	if !missing {
		if other, err := r.identify(); err != nil || other {
			return nil, err
		}
		if entries, err = r.finishSwaps(entries); err != nil {
			return nil, err
		}
	}
	r.floor = l.dir.floors[floorKey(l.name, l.id)]
	if missing && r.floor > r.first {
		return nil, fmt.Errorf("%s is missing, but records up to offset %d were durable", l.path, r.floor)
	}
	l.made = !missing
	for _, e := range entries {
		if base, ok := parseName(e.Name(), logSuffix); ok {
			bases = append(bases, base)
		}
		if at, ok := parseName(e.Name(), snapshotSuffix); ok {
			r.snapshots = append(r.snapshots, at)
		}
		if base, ok := parseName(e.Name(), txnIndexSuffix); ok {
			r.aborts[base] = unread
		}
	}
	return bases, nil // sorted, because names are padded
}

// identify compares the directory's topic id with the caller's, whose zero value
// asks for any. It removes the directory when that belongs to another topic.
func (r *recovery) identify() (other bool, err error) {
	l := r.l
	data, err := vfs.ReadFile(l.dir.fs, path.Join(l.path, metadataFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	id, ok := decodeTopicID(data)
	if l.id == [16]byte{} {
		l.id = id
	}
	r.named = ok && id == l.id
	if !ok || id == l.id {
		return false, nil // without an id it was never committed: no record in it counts yet
	}
	l.dir.mu.Lock()
	delete(l.dir.starts, l.name)
	l.dir.mu.Unlock()
	r.first = 0
	l.start.Store(0)
	l.end.Store(0)
	l.compacted = 0
	if err := l.dir.forgetCompacted(l.name); err != nil {
		return false, err
	}
	if err := l.dir.commit.settle(l.name); err != nil {
		return false, err
	}
	if err := l.dir.saveStarts(); err != nil {
		return false, err
	}
	return true, l.dir.removeFiles(l.path)
}

func (r *recovery) open(bases []int64) error {
	for _, base := range bases {
		s, err := openSegment(r.l.dir.fs, r.l.path, base)
		if err != nil {
			return err
		}
		size, err := fileSize(s.file)
		if err != nil {
			return err
		}
		s.size.Store(size)
		r.segments = append(r.segments, s)
	}
	if err := r.dropBelowStart(); err != nil {
		return err
	}
	if len(r.segments) == 0 || r.segments[0].base <= r.first {
		return nil
	}
	if r.floor > r.first {
		return fmt.Errorf("%s begins at offset %d, but records from %d to %d were durable", r.l.path, r.segments[0].base, r.first, r.floor)
	}
	return r.dropFrom(0) // its first file never became durable, so nothing after it counts
}

func fileSize(f vfs.File) (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// dropBelowStart removes segments that end at or below the log's start:
// retention or DeleteRecords had removed them, but not durably.
func (r *recovery) dropBelowStart() error {
	for len(r.segments) > 1 && r.segments[1].base <= r.first {
		if err := r.segments[0].remove(r.l.dir.fs, &r.l.dir.indexes); err != nil {
			return err
		}
		r.segments = r.segments[1:]
	}
	return nil
}

// dropFrom removes segments from index i on: they follow a cut.
func (r *recovery) dropFrom(i int) error {
	for _, s := range r.segments[i:] {
		size, err := fileSize(s.file)
		if err != nil {
			return err
		}
		if err := s.remove(r.l.dir.fs, &r.l.dir.indexes); err != nil {
			return err
		}
		r.report(0, size)
	}
	r.segments = r.segments[:i]
	return nil
}

// check establishes the segments' ends: of those that were durable whole, by
// their indexes; of the rest, after an unclean stop, by reading every batch.
func (r *recovery) check() error {
	trusted := r.trusted()
	rebuild, err := r.loadAborts(trusted)
	if err != nil {
		return err
	}
	r.producers, r.from, err = loadSnapshot(r.l.dir.fs, r.l.path, r.rolled(), min(rebuild, r.windowStart(trusted)))
	if err != nil {
		return err
	}
	if data, err := vfs.ReadFile(r.l.dir.fs, path.Join(r.l.path, epochsFile)); err == nil {
		r.epochs = data
		r.l.epochs, _ = decodeEpochs(data) // a torn one is made again from the batches
	}
	for i, s := range r.segments {
		next := int64(-1)
		if i+1 < len(r.segments) {
			next = r.segments[i+1].base
		}
		if i < trusted && next >= 0 && next <= r.from && r.useIndexes(s, next) {
			continue
		}
		if i >= max(trusted, 1) && s.base > r.from {
			if err := replaceName(r.l.dir.fs, r.l.path, fileName(s.base, snapshotSuffix), r.producers.encode(), true); err != nil {
				return err // the segments before it may be removed once it is durable
			}
		}
		cut, err := r.scan(s, i < trusted)
		if err != nil {
			return err
		}
		if cut || next >= 0 && next != s.next.Load() {
			if s.next.Load() < r.floor {
				return fmt.Errorf("%s ends at offset %d, position %d, but records up to offset %d were durable",
					s.file.Name(), s.next.Load(), s.size.Load(), r.floor)
			}
			return r.dropFrom(i + 1)
		}
	}
	return nil
}

// trusted is how many segments need no check: all after a clean stop, else
// those that end below the floor. Of one that ends at the floor the records are
// durable, but perhaps not yet the indexes.
func (r *recovery) trusted() int {
	if r.l.dir.clean {
		return len(r.segments)
	}
	n := 0
	for n+1 < len(r.segments) && r.segments[n+1].base < r.floor {
		n++
	}
	return n
}

// windowStart is the offset from which producers' batches are read again: some
// way before the first unchecked segment, so that the batches which clients may
// send again are known even right after a roll. A snapshot has only each
// producer's last one.
func (r *recovery) windowStart(trusted int) int64 {
	if len(r.segments) == 0 {
		return r.first
	}
	i := min(trusted, len(r.segments)-1)
	for seen := int64(0); i > 0 && seen < windowBytes; i-- {
		seen += r.segments[i-1].size.Load()
	}
	return r.segments[i].base
}

// loadAborts reads the indexes of aborted transactions of the trusted segments,
// and returns the base of the first one that must be made again from the
// producers' state there; math.MaxInt64 for none.
func (r *recovery) loadAborts(trusted int) (base int64, err error) {
	for i, s := range r.segments[:min(trusted, len(r.segments))] {
		if _, ok := r.aborts[s.base]; !ok {
			continue
		}
		next := int64(math.MaxInt64) // of the last one, which is scanned
		if i+1 < len(r.segments) {
			next = r.segments[i+1].base
		}
		data, err := s.readAborts(r.l.dir.fs, next)
		if errors.Is(err, errDamaged) {
			return s.base, nil
		}
		if err != nil {
			return 0, err
		}
		s.aborts.set(data)
		r.aborts[s.base] = data
	}
	return math.MaxInt64, nil
}

// rolled is the snapshots that a roll has left, in order. That of a clean stop
// is in the middle of a segment, whose aborted transactions it does not tell.
func (r *recovery) rolled() []int64 {
	return slices.DeleteFunc(slices.Clone(r.snapshots), func(at int64) bool {
		_, ok := slices.BinarySearchFunc(r.segments, at, func(s *segment, at int64) int { return cmp.Compare(s.base, at) })
		return !ok
	})
}

// useIndexes takes a trusted segment as it is when its index files look right;
// they are read when they are needed.
func (r *recovery) useIndexes(s *segment, next int64) bool {
	maxTS, ok := r.indexed(s, next)
	if ok {
		s.maxTS.Store(maxTS)
		s.next.Store(next)
		s.retire()
	}
	return ok
}

// indexed reports whether the index files of a segment that ends at next look
// right, and the greatest timestamp that they know.
func (r *recovery) indexed(s *segment, next int64) (maxTS int64, ok bool) {
	var entry [timeIndexEntry]byte
	offsets := entry[:indexEntry]
	if n, err := lastEntry(r.l.dir.fs, path.Join(r.l.path, fileName(s.base, indexSuffix)), offsets); n == 0 || err != nil {
		return -1, false
	}
	rel, pos := int64(binary.BigEndian.Uint32(offsets)), int64(binary.BigEndian.Uint32(offsets[4:]))
	if s.base+rel >= next || pos >= s.size.Load() {
		return -1, false
	}
	n, err := lastEntry(r.l.dir.fs, path.Join(r.l.path, fileName(s.base, timeIndexSuffix)), entry[:])
	if n == 0 || err != nil {
		return -1, err == nil
	}
	return int64(binary.BigEndian.Uint64(entry[:])), true
}

// lastEntry reads the last entry of an index file and returns how many it has.
func lastEntry(fsys vfs.FS, name string, entry []byte) (n int64, err error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, err := fileSize(f)
	if err != nil || size == 0 {
		return 0, err
	}
	if size%int64(len(entry)) != 0 {
		return 0, fmt.Errorf("%s has %d bytes: %w", name, size, errDamaged)
	}
	_, err = f.ReadAt(entry, size-int64(len(entry)))
	return size / int64(len(entry)), err
}

// scan reads a segment batch by batch, rebuilds its indexes, the epochs and,
// after the snapshot, the producers and the aborted transactions. A batch that does not check out cuts
// the segment there, unless it was durable.
func (r *recovery) scan(s *segment, trusted bool) (cut bool, err error) {
	size := s.size.Load()
	s.size.Store(0)
	if s.base >= r.from {
		s.aborts.set(nil)
	}
	in := reader{file: s.file, size: size}
	for {
		pos := in.pos
		b, err := in.next(!trusted)
		if err == io.EOF {
			return false, nil
		}
		if err == nil && b.BaseOffset() < s.next.Load() {
			err = fmt.Errorf("offset %d after %d: %w", b.BaseOffset(), s.next.Load()-1, errDamaged)
		}
		if err == nil && b.LastOffset()-s.base > math.MaxInt32 {
			err = fmt.Errorf("offset %d in a segment from %d: %w", b.LastOffset(), s.base, errDamaged)
		}
		if errors.Is(err, errDamaged) {
			return true, r.cut(s, pos, size, err)
		}
		if err != nil {
			return false, err
		}
		r.l.epochs.note(b.LeaderEpoch(), b.BaseOffset())
		r.replay(s, b)
		s.note(b, in.last, r.l.cfg.IndexIntervalBytes)
	}
}

// replay has the producers' state follow a batch of s, unless its snapshot is
// of a later offset.
func (r *recovery) replay(s *segment, b record.Batch) {
	if b.BaseOffset() < r.from {
		return
	}
	if a, ok := r.producers.update(b); ok {
		s.aborts.add(a)
	}
	if b.Control() {
		r.producers.txns.stable(math.MaxInt64) // everything found will be committed
	}
}

// cut truncates a segment at pos. Records that were durable are never cut.
func (r *recovery) cut(s *segment, pos, size int64, why error) error {
	if s.next.Load() < r.floor || r.l.dir.clean {
		return fmt.Errorf("%s is damaged at position %d (offset %d), below the durable offset %d: %w",
			s.file.Name(), pos, s.next.Load(), r.floor, why)
	}
	if err := s.file.Truncate(pos); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	r.report(pos, size)
	return nil
}

func (r *recovery) report(from, to int64) {
	if r.l.dir.o.OnCut != nil {
		r.l.dir.o.OnCut(r.l.name, from, to)
	}
}

// finish makes the log of what was found, and syncs it: what is served from now
// on must outlive a power cut.
func (r *recovery) finish() error {
	l := r.l
	end := r.first
	if n := len(r.segments); n > 0 {
		end = r.segments[n-1].next.Load()
	}
	if end < r.floor {
		return fmt.Errorf("%s ends at offset %d, but records up to %d were durable", l.path, end, r.floor)
	}
	if end < r.first { // all that is left was deleted: go on behind it, as Kafka does
		if err := r.dropFrom(0); err != nil {
			return err
		}
		end = r.first
	}
	l.start.Store(r.first)
	l.end.Store(end)
	if l.compacted > end {
		l.compacted = 0 // not this log's
	}
	l.epochs.cut(r.first, max(end, r.first+1))
	if !l.dir.o.ForgetProducers {
		l.producers = r.producers
	}
	if err := r.settle(); err != nil {
		return err
	}
	l.newNames = !r.named
	l.newEpoch = !bytes.Equal(l.epochs.encode(), r.epochs)
	l.segments.Store(&r.segments)
	l.durable.Store(end)
	return nil
}

// settle makes durable what was found and what was changed, before anything is
// written after it.
func (r *recovery) settle() error {
	l, trusted := r.l, r.trusted()
	changed := !l.dir.clean
	for i, s := range r.segments {
		if i == len(r.segments)-1 || s.closed.Load() {
			continue
		}
		maxTS, ok := r.indexed(s, s.next.Load())
		if i >= trusted || !ok || maxTS != s.maxTS.Load() || !bytes.Equal(r.aborts[s.base], s.aborts.bytes()) {
			if err := r.replaceIndexes(s); err != nil {
				return err
			}
			changed = true
		}
		s.retire()
	}
	if err := r.tidySnapshots(); err != nil || !changed {
		return err
	}
	for _, s := range r.segments[min(trusted, len(r.segments)):] {
		if err := s.file.Sync(); err != nil {
			return err
		}
	}
	if err := l.dir.fs.SyncDir(l.path); err != nil {
		return err
	}
	return l.dir.fs.SyncDir(l.dir.path)
}

// replaceIndexes writes a segment's index files anew, so that a power cut leaves
// the old or the new ones: those of a trusted segment are believed.
func (r *recovery) replaceIndexes(s *segment) error {
	s.times.flush()
	if err := replaceName(r.l.dir.fs, s.dir, fileName(s.base, indexSuffix), s.offsets.bytes(), true); err != nil {
		return err
	}
	if err := replaceName(r.l.dir.fs, s.dir, fileName(s.base, timeIndexSuffix), s.times.bytes(), true); err != nil {
		return err
	}
	name := fileName(s.base, txnIndexSuffix)
	if s.aborts.count.Load() == 0 {
		return removeIfThere(r.l.dir.fs, path.Join(s.dir, name))
	}
	return replaceName(r.l.dir.fs, s.dir, name, s.aborts.bytes(), true)
}

// tidySnapshots removes snapshots that no start needs any more, and those
// beyond the end: other records may come to lie there.
func (r *recovery) tidySnapshots() error {
	for _, at := range r.snapshots {
		if at < r.from || at > r.l.end.Load() {
			err := r.l.dir.fs.Remove(path.Join(r.l.path, fileName(at, snapshotSuffix)))
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may have gone with its segment
				return err
			}
		}
	}
	return nil
}

// reader reads batches from a file through one buffer.
type reader struct {
	file vfs.File
	size int64
	pos  int64 // of the next batch
	buf  []byte
	at   int64 // position of buf in the file
	last int   // size of the last batch
}

// next returns the next batch, which is good until the call after it. With
// check it is whole and its CRC is verified; without, it is the header only, or
// a whole control batch.
// Errors that wrap errDamaged are about the bytes, others about the disk.
func (r *reader) next(check bool) (record.Batch, error) {
	if r.pos == r.size {
		return nil, io.EOF
	}
	chunk := int64(hopChunk)
	if check {
		chunk = scanChunk
	}
	data, err := r.bytes(record.HeaderSize, chunk)
	if err != nil {
		return nil, err
	}
	size := batchSize(record.Batch(data))
	if size < record.HeaderSize || int64(size) > r.size-r.pos {
		return nil, fmt.Errorf("batch of %d bytes with %d left: %w", size, r.size-r.pos, errDamaged)
	}
	if check || record.Batch(data).Control() {
		if data, err = r.bytes(size, chunk); err != nil {
			return nil, err
		}
	}
	if check {
		if err := record.Batch(data).Check(); err != nil {
			return nil, errors.Join(err, errDamaged)
		}
	}
	r.pos += int64(size)
	r.last = size
	return record.Batch(data), nil
}

// bytes returns n bytes at pos, reading a chunk at once.
func (r *reader) bytes(n int, chunk int64) ([]byte, error) {
	if int64(n) > r.size-r.pos {
		return nil, fmt.Errorf("%d bytes wanted, %d left: %w", n, r.size-r.pos, errDamaged)
	}
	if r.pos < r.at || r.pos+int64(n) > r.at+int64(len(r.buf)) {
		want := int(min(max(int64(n), chunk), r.size-r.pos))
		r.buf = slices.Grow(r.buf[:0], want)[:want]
		r.at = r.pos
		if _, err := r.file.ReadAt(r.buf, r.at); err != nil {
			return nil, fmt.Errorf("read %s at %d: %w", r.file.Name(), r.at, err)
		}
	}
	return r.buf[r.pos-r.at:][:n:n], nil
}
