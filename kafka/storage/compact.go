package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
)

// CompactionConfig is how a log with cleanup.policy=compact is compacted.
type CompactionConfig struct {
	DirtyRatio      float64       // compact when more than this share of the bytes is dirty; min.cleanable.dirty.ratio
	MinLag          time.Duration // leave alone what is younger; min.compaction.lag.ms
	MaxLag          time.Duration // compact when something dirty is older; 0 means never; max.compaction.lag.ms
	DeleteRetention time.Duration // keep tombstones for so long; delete.retention.ms
	MaxKeys         int           // of one pass, what does not fit is left to the next; 0, and at most: 4 million

	// Pace is told the bytes that are read and written, and waits while that is too
	// fast; its error ends the pass. nil: nothing waits.
	Pace func(ctx context.Context, bytes int) error
}

// maxCompactionKeys bounds the keys of one pass, about 48 bytes of memory each.
// Kafka's default buffer has room for about 5 million.
const maxCompactionKeys = 4 << 20

// errKeysFull ends the collection of keys.
var errKeysFull = errors.New("no room for more keys")

// Compacted is what a pass of Compact did.
type Compacted struct {
	Segments      int   // replaced
	Before, After int64 // bytes of those segments
	Upto          int64 // records below have been compacted
}

// compaction is one pass over one log.
type compaction struct {
	l        *Log
	now      time.Time
	cfg      CompactionConfig
	segments []*segment // closed and decided, oldest first; acquired
	dirty    int64      // the first offset that no pass has seen

	latest    map[digest]int64 // of each key of the dirty records, the last offset
	last      int64            // the greatest offset looked at for latest
	active    lastBatches      // producers whose state the log must keep
	decided   transactions
	dropped   map[int64]int64 // by producer, the last of its markers that the current group leaves out
	maxSize   int64           // segment.bytes
	interval  int             // index.interval.bytes
	compacted Compacted
}

// digest stands for a key: a collision of two keys would lose a record, so it
// is one that nobody can find.
type digest [16]byte

func digestOf(key []byte) digest {
	sum := sha256.Sum256(key)
	return digest(sum[:16])
}

// CompactionDue reports whether a pass of Compact, with records below below
// decided, is worth its while at now, as Kafka's LogCleanerManager says.
func (l *Log) CompactionDue(below int64, c CompactionConfig, now time.Time) bool {
	list, dirty := l.compactable(below, c.MinLag, now)
	var cleanBytes, dirtyBytes int64
	var oldest *segment
	for _, s := range list {
		if s.next.Load() <= dirty {
			cleanBytes += s.size.Load()
			continue
		}
		if oldest == nil {
			oldest = s
		}
		dirtyBytes += s.size.Load()
	}
	if dirtyBytes == 0 {
		return false
	}
	if float64(dirtyBytes)/float64(cleanBytes+dirtyBytes) > c.DirtyRatio {
		return true
	}
	if c.MaxLag <= 0 || !oldest.acquire() {
		return false
	}
	defer oldest.release()
	var buf [record.HeaderSize]byte
	b, err := oldest.header(0, &buf)
	return err == nil && b.MaxTimestamp() >= 0 && b.MaxTimestamp() < now.Add(-c.MaxLag).UnixMilli()
}

// compactable lists the segments that a pass may rewrite (closed, durable,
// wholly below below, older than minLag) and the first dirty offset.
func (l *Log) compactable(below int64, minLag time.Duration, now time.Time) (list []*segment, dirty int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list = *l.segments.Load()
	below = min(below, l.durable.Load())
	young, n := now.Add(-minLag).UnixMilli(), 0
	for n < len(list)-1 && list[n].next.Load() <= below {
		if minLag > 0 {
			if latest, err := list[n].latest(); latest > young || err != nil {
				break
			}
		}
		n++
	}
	return list[:n], max(l.compacted, l.start.Load())
}

// Compact rewrites the closed segments below below, which must not be above the
// last stable offset, so that of each key only the last record is left, and
// drops what aborted transactions wrote and tombstones and markers whose
// delete horizon has passed. Offsets never change. One pass of a log runs at a
// time; appends and reads go on beside it. It ends early with ctx's error.
//
// Errors: kerr.KafkaStorageError when the directory has failed or the log is
// closed; others name a file that cannot be read or a batch that is damaged,
// and leave the log as it was.
func (l *Log) Compact(ctx context.Context, below int64, c CompactionConfig, now time.Time) (Compacted, error) {
	l.compacting.Lock()
	defer l.compacting.Unlock()
	p, err := l.newCompaction(below, c, now)
	if err != nil {
		return Compacted{}, err
	}
	defer func() {
		for _, s := range p.segments {
			s.release()
		}
	}()
	if len(p.segments) == 0 {
		return Compacted{Upto: p.dirty}, nil
	}
	if err := p.collect(ctx); err != nil {
		return Compacted{}, fmt.Errorf("compact %s: %w", l.name, err)
	}
	for _, group := range p.groups() {
		if err := p.rewrite(ctx, group); err != nil {
			return p.compacted, fmt.Errorf("compact %s: %w", l.name, err)
		}
	}
	p.compacted.Upto = p.last + 1
	return p.compacted, l.dir.saveCompacted(l, p.last+1)
}

func (l *Log) newCompaction(below int64, c CompactionConfig, now time.Time) (*compaction, error) {
	list, dirty := l.compactable(below, c.MinLag, now)
	if c.MaxKeys <= 0 || c.MaxKeys > maxCompactionKeys {
		c.MaxKeys = maxCompactionKeys
	}
	p := &compaction{l: l, now: now, cfg: c, dirty: dirty, last: dirty - 1, latest: make(map[digest]int64)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.writable() {
		return nil, kerr.KafkaStorageError
	}
	p.maxSize, p.interval = l.cfg.SegmentBytes, l.cfg.IndexIntervalBytes
	var ok bool
	if p.active, ok = l.producers.last(l.durable.Load()); !ok {
		return p, nil
	}
	for _, s := range list {
		if !s.acquire() {
			break // retention is taking it
		}
		p.segments = append(p.segments, s)
	}
	return p, nil
}

// collect finds the last offset of every key of the dirty records.
func (p *compaction) collect(ctx context.Context) error {
	if err := p.loadTransactions(); err != nil {
		return err
	}
	for i, s := range p.segments {
		if s.next.Load() <= p.dirty {
			continue
		}
		err := p.read(ctx, s, func(b record.Batch) error { return p.collectBatch(b) })
		if err == errKeysFull {
			p.drop(i + 1)
			break
		}
		if err != nil {
			return err
		}
		p.last = s.next.Load() - 1
	}
	p.decided.rewind()
	return nil
}

// drop leaves the segments from i on to the next pass.
func (p *compaction) drop(i int) {
	for _, s := range p.segments[i:] {
		s.release()
	}
	p.segments = p.segments[:i:i]
}

func (p *compaction) collectBatch(b record.Batch) error {
	if drop, _ := p.decided.saw(b); drop || b.Control() || b.LastOffset() < p.dirty {
		return nil
	}
	return b.Walk(0, func(r *record.Record) error {
		if r.Key == nil || r.Offset < p.dirty {
			return nil
		}
		key := digestOf(r.Key)
		if _, known := p.latest[key]; !known && len(p.latest) >= p.cfg.MaxKeys {
			return errKeysFull
		}
		p.latest[key] = r.Offset
		p.last = r.Offset
		return nil
	})
}

// read gives fn the batches of a segment, checked whole.
func (p *compaction) read(ctx context.Context, s *segment, fn func(record.Batch) error) error {
	in := reader{file: s.file, size: s.size.Load()}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := in.next(true)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s at %d: %w", s.file.Name(), in.pos, err)
		}
		if err := p.pace(ctx, len(b)); err != nil {
			return err
		}
		if err := fn(b); err != nil {
			return err
		}
	}
}

func (p *compaction) pace(ctx context.Context, bytes int) error {
	if p.cfg.Pace == nil {
		return nil
	}
	return p.cfg.Pace(ctx, bytes)
}

// groups puts segments together that fit into one.
func (p *compaction) groups() (groups [][]*segment) {
	var size int64
	for i, s := range p.segments {
		n := len(groups) - 1
		if i > 0 && size+s.size.Load() <= p.maxSize && s.next.Load()-groups[n][0].base <= math.MaxInt32 {
			groups[n] = append(groups[n], s)
			size += s.size.Load()
			continue
		}
		groups = append(groups, []*segment{s})
		size = s.size.Load()
	}
	return slices.Clip(groups)
}

// replaced reports whether a later record takes the place of r, or r is a
// tombstone past its horizon.
func (p *compaction) replaced(r *record.Record, horizonPassed bool) bool {
	if r.Offset > p.last {
		return false
	}
	if r.Key == nil {
		return true // a compacted topic takes none; Kafka too drops what it finds
	}
	if at, ok := p.latest[digestOf(r.Key)]; ok && r.Offset < at {
		return true
	}
	return r.Value == nil && horizonPassed
}
