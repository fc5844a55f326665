package storage

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
)

const (
	scanChunk = 1 << 20
)

// recovery is the opening of one log from its files.
type recovery struct {
	l         *Log
	floor     int64 // offsets below were durable
	first     int64 // where the log must begin at the latest
	segments  []*segment
	snapshots []int64
	producers producers
}

// recover loads the log's files, and after an unclean stop checks what may be
// torn. Kafka's LogLoader is the model.
func (l *Log) recover() error {
	r := &recovery{l: l, floor: l.dir.floors[floorKey(l.name, l.id)], first: l.dir.starts[l.name], producers: producers{}}
	l.start.Store(r.first)
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
	if errors.Is(err, fs.ErrNotExist) {
		if r.floor > r.first {
			return nil, fmt.Errorf("%s is missing, but records up to offset %d were durable", l.path, r.floor)
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if other, err := r.foreign(); err != nil || other {
		return nil, err
	}
	l.made = true
	for _, e := range entries {
		if base, ok := parseName(e.Name(), logSuffix); ok {
			bases = append(bases, base)
		}
		if at, ok := parseName(e.Name(), snapshotSuffix); ok {
			r.snapshots = append(r.snapshots, at)
		}
	}
	return bases, nil // sorted, because names are padded
}

// foreign removes the directory when it belongs to another topic.
func (r *recovery) foreign() (bool, error) {
	l := r.l
	data, err := vfs.ReadFile(l.dir.fs, path.Join(l.path, metadataFile))
	if err != nil {
		return false, nil // never committed, so no record in it counts
	}
	_, text, _ := strings.Cut(string(data), "topic_id: ")
	id, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(id) != 16 || [16]byte(id) == l.id || l.id == [16]byte{} {
		return false, nil
	}
	if err := l.dir.fs.RemoveAll(l.path); err != nil {
		return false, err
	}
	r.first = 0
	delete(l.dir.starts, l.name)
	l.start.Store(0)
	l.end.Store(0)
	return true, l.dir.fs.SyncDir(l.dir.path)
}

func (r *recovery) open(bases []int64) error {
	for _, base := range bases {
		s, err := openSegment(r.l.dir.fs, r.l.path, base)
		if err != nil {
			return err
		}
		st, err := s.file.Stat()
		if err != nil {
			return err
		}
		s.size.Store(st.Size())
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

// dropBelowStart removes segments that end at or below the log's start:
// retention or DeleteRecords had removed them, but not durably.
func (r *recovery) dropBelowStart() error {
	for len(r.segments) > 1 && r.segments[1].base <= r.first {
		if err := r.segments[0].remove(r.l.dir.fs); err != nil {
			return err
		}
		r.segments = r.segments[1:]
	}
	return nil
}

// dropFrom removes segments from index i on: they follow a cut.
func (r *recovery) dropFrom(i int) error {
	for _, s := range r.segments[i:] {
		if err := s.remove(r.l.dir.fs); err != nil {
			return err
		}
	}
	r.segments = r.segments[:i]
	return nil
}

// check establishes the segments' ends: of those that were durable whole, by
// their indexes; of the rest, after an unclean stop, by reading every batch.
func (r *recovery) check() error {
	trusted := r.trusted()
	var at int64
	r.producers, at = loadSnapshot(r.l.dir.fs, r.l.path, r.snapshots, r.windowStart(trusted))
	if data, err := vfs.ReadFile(r.l.dir.fs, path.Join(r.l.path, epochsFile)); err == nil {
		r.l.epochs, _ = decodeEpochs(data) // a torn one is made again from the batches
	}
	for i, s := range r.segments {
		next := int64(-1)
		if i+1 < len(r.segments) {
			next = r.segments[i+1].base
		}
		if i < trusted && next >= 0 && next <= at && r.loadIndexes(s, next) {
			continue
		}
		cut, err := r.scan(s, i < trusted, at)
		if err != nil {
			return err
		}
		if cut || next >= 0 && next != s.next.Load() {
			if next >= 0 && next < r.floor {
				return fmt.Errorf("%s ends at offset %d and the next segment begins at %d, below the durable offset %d", s.file.Name(), s.next.Load(), next, r.floor)
			}
			return r.dropFrom(i + 1)
		}
	}
	return nil
}

// trusted is how many segments need no check: all after a clean stop, else
// those that end at or below the floor.
func (r *recovery) trusted() int {
	if r.l.dir.clean {
		return len(r.segments)
	}
	n := 0
	for n+1 < len(r.segments) && r.segments[n+1].base <= r.floor {
		n++
	}
	return n
}

// windowStart is the offset from which producers' batches are read again: one
// segment before the first unchecked one, so that every producer's last five
// batches are known even right after a roll.
func (r *recovery) windowStart(trusted int) int64 {
	if len(r.segments) == 0 {
		return r.first
	}
	return r.segments[max(0, min(trusted, len(r.segments)-1)-1)].base
}

// loadIndexes takes a trusted segment's index files.
func (r *recovery) loadIndexes(s *segment, next int64) bool {
	offsets, err := vfs.ReadFile(r.l.dir.fs, path.Join(r.l.path, fileName(s.base, indexSuffix)))
	if err != nil || !s.offsets.load(offsets, s.size.Load()) {
		return false
	}
	times, err := vfs.ReadFile(r.l.dir.fs, path.Join(r.l.path, fileName(s.base, timeIndexSuffix)))
	if err != nil {
		return false
	}
	maxTS, ok := s.times.load(times)
	if !ok {
		return false
	}
	s.maxTS.Store(maxTS)
	s.next.Store(next)
	s.indexed = true
	return true
}

// scan reads a segment batch by batch, rebuilds its indexes, the epochs and,
// from the given offset on, the producers. A batch that does not check out cuts
// the segment there, unless it was durable.
func (r *recovery) scan(s *segment, trusted bool, producersFrom int64) (cut bool, err error) {
	size := s.size.Load()
	s.size.Store(0)
	s.offsets, s.times = index{}, timeIndex{}
	in := reader{file: s.file, size: size}
	for {
		pos := in.pos
		b, err := in.next(!trusted)
		if err == io.EOF {
			s.began = time.Time{}
			return false, nil
		}
		if err == nil && b.BaseOffset() < s.next.Load() {
			err = fmt.Errorf("offset %d after %d", b.BaseOffset(), s.next.Load()-1)
		}
		if err != nil {
			return true, r.cut(s, pos, size, err)
		}
		r.l.epochs.note(b.LeaderEpoch(), b.BaseOffset())
		if b.BaseOffset() >= producersFrom {
			r.producers.update(b)
		}
		s.note(b, r.l.cfg.IndexIntervalBytes)
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
	if r.l.dir.o.OnCut != nil {
		r.l.dir.o.OnCut(r.l.name, pos, size)
	}
	return nil
}

// finish makes the log of what was found, and syncs it: what is served from now
// on must outlive a power cut.
func (r *recovery) finish() error {
	l := r.l
	if n := len(r.segments); n > 0 {
		l.end.Store(r.segments[n-1].next.Load())
	}
	if l.end.Load() < r.floor {
		return fmt.Errorf("%s ends at offset %d, but records up to %d were durable", l.path, l.end.Load(), r.floor)
	}
	l.start.Store(min(max(r.first, 0), l.end.Load()))
	l.epochs.cut(l.start.Load(), max(l.end.Load(), l.start.Load()+1))
	if !l.dir.o.ForgetProducers {
		maps.DeleteFunc(r.producers, func(_ int64, p *producer) bool { return p.newest().lastOffset >= l.end.Load() })
		l.producers = r.producers
	}
	l.segments.Store(&r.segments)
	if !l.dir.clean {
		for _, s := range r.segments[min(r.trusted(), len(r.segments)):] {
			if err := s.file.Sync(); err != nil {
				return err
			}
		}
		if err := l.dir.fs.SyncDir(l.path); err != nil {
			return err
		}
		if err := l.dir.fs.SyncDir(l.dir.path); err != nil {
			return err
		}
	}
	l.newEpoch, l.newNames = true, true
	l.durable.Store(l.end.Load())
	return r.tidySnapshots()
}

// tidySnapshots removes snapshots that no start needs any more, and those
// beyond the end.
func (r *recovery) tidySnapshots() error {
	keep := r.l.start.Load()
	if n := len(r.segments); n > 2 {
		keep = r.segments[n-3].base
	}
	slices.Sort(r.snapshots)
	for _, at := range r.snapshots {
		if at < keep || at > r.l.end.Load() {
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
}

// next returns the next batch, which is good until the call after it. With
// check its CRC is verified.
func (r *reader) next(check bool) (record.Batch, error) {
	if r.pos == r.size {
		return nil, io.EOF
	}
	head, err := r.bytes(record.HeaderSize)
	if err != nil {
		return nil, err
	}
	size := batchSize(record.Batch(head))
	if size < record.HeaderSize || int64(size) > r.size-r.pos {
		return nil, fmt.Errorf("batch of %d bytes with %d left", size, r.size-r.pos)
	}
	data, err := r.bytes(size)
	if err != nil {
		return nil, err
	}
	b := record.Batch(data)
	if check {
		if err := b.Check(); err != nil {
			return nil, err
		}
	}
	r.pos += int64(size)
	return b, nil
}

// bytes returns n bytes at pos.
func (r *reader) bytes(n int) ([]byte, error) {
	if int64(n) > r.size-r.pos {
		return nil, fmt.Errorf("%d bytes wanted, %d left", n, r.size-r.pos)
	}
	if r.pos < r.at || r.pos+int64(n) > r.at+int64(len(r.buf)) {
		want := min(max(int64(n), scanChunk), r.size-r.pos)
		r.buf = make([]byte, want)
		r.at = r.pos
		if got, err := r.file.ReadAt(r.buf, r.at); err != nil && !(err == io.EOF && got == len(r.buf)) {
			return nil, fmt.Errorf("read %s at %d: %w", r.file.Name(), r.at, err)
		}
	}
	return r.buf[r.pos-r.at:][:n:n], nil
}
