package storage

import (
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// DeleteBefore moves StartOffset up to offset, durably, and removes segments
// that lie wholly below it. It never moves back. kerr.OffsetOutOfRange beyond
// DurableOffset: a start that outlives the records before it would hide others
// that come to lie there. kerr.KafkaStorageError when the directory has failed.
func (l *Log) DeleteBefore(offset int64) error {
	l.mu.Lock()
	if !l.writable() {
		l.mu.Unlock()
		return kerr.KafkaStorageError
	}
	if offset > l.durable.Load() {
		l.mu.Unlock()
		return kerr.OffsetOutOfRange
	}
	if offset <= l.start.Load() {
		l.mu.Unlock()
		return nil
	}
	l.start.Store(offset)
	l.mu.Unlock()
	if err := l.dir.saveStarts(); err != nil {
		return l.dir.fail(fmt.Errorf("save log start offsets: %w", err))
	}
	_, err := l.removeWhile(offset, func(s *segment, _ int64) (bool, error) { return true, nil })
	return err
}

// Retain removes the oldest segments, wholly below below, that have outlived
// RetentionAge or that RetentionBytes has no room for, rolls the last one when
// it is to go too, and forgets idle producers. It returns how many segments
// went. (UnifiedLog.deleteOldSegments) kerr.KafkaStorageError when the directory
// has failed.
func (l *Log) Retain(below int64, now time.Time) (segments int, err error) {
	l.mu.Lock()
	if !l.writable() {
		l.mu.Unlock()
		return 0, kerr.KafkaStorageError
	}
	cfg := l.cfg
	l.producers.expire(now, cfg.ProducerExpiry)
	err = l.rollExpired(cfg, below, now)
	l.mu.Unlock()
	if err != nil {
		return 0, l.dir.fail(fmt.Errorf("roll %s for retention: %w", l.name, err))
	}
	return l.removeWhile(below, func(s *segment, total int64) (bool, error) { return cfg.drops(s, total, now) })
}

// drops reports whether retention has no place for the oldest segment of a log
// of total bytes.
func (c LogConfig) drops(s *segment, total int64, now time.Time) (bool, error) {
	if c.RetentionBytes >= 0 && total-s.size.Load() >= c.RetentionBytes {
		return true, nil
	}
	if c.RetentionAge < 0 {
		return false, nil
	}
	latest, err := s.latest()
	return now.UnixMilli()-latest > c.RetentionAge.Milliseconds(), err
}

// rollExpired rolls the last segment when retention has no place for it either,
// so that it can be removed. Called under mu.
func (l *Log) rollExpired(cfg LogConfig, below int64, now time.Time) error {
	list := *l.segments.Load()
	if len(list) == 0 || list[len(list)-1].size.Load() == 0 || l.end.Load() > below {
		return nil
	}
	total := l.Size()
	for _, s := range list {
		if drop, err := cfg.drops(s, total, now); !drop || err != nil {
			return err
		}
		total -= s.size.Load()
	}
	fresh, err := l.roll(l.end.Load(), now)
	if err != nil {
		return err
	}
	l.dirty(fresh)
	l.dir.commit.wake()
	return nil
}

// removeWhile removes durable segments wholly below below from the oldest on
// while drop says so; the last one always stays.
func (l *Log) removeWhile(below int64, drop func(s *segment, total int64) (bool, error)) (n int, err error) {
	l.files.Lock()
	defer l.files.Unlock()
	l.mu.Lock()
	list := *l.segments.Load()
	total, below := l.Size(), min(below, l.durable.Load())
	for n < len(list)-1 && list[n].next.Load() <= below {
		var unwanted bool
		if unwanted, err = drop(list[n], total); !unwanted || err != nil {
			break
		}
		total -= list[n].size.Load()
		n++
	}
	if err != nil {
		n = 0
	}
	gone, kept := list[:n], list[n:]
	if n > 0 {
		kept = slices.Clone(kept)
		l.segments.Store(&kept)
		l.start.Store(max(l.start.Load(), kept[0].base))
		l.epochs.cut(l.start.Load(), l.end.Load())
		l.newEpoch = true
		l.unsynced = slices.DeleteFunc(l.unsynced, func(s *segment) bool { return slices.Contains(gone, s) })
	}
	l.mu.Unlock()
	if err != nil {
		return 0, fmt.Errorf("look at segments of %s: %w", l.name, err)
	}
	if n > 0 {
		if err := l.keepSnapshot(kept[0].base); err != nil {
			return 0, l.dir.fail(fmt.Errorf("sync producers of %s: %w", l.name, err))
		}
		// The new start is durable before a file goes: recovery then knows that
		// a missing first file was not lost.
		if err := l.dir.saveStarts(); err != nil {
			return 0, l.dir.fail(fmt.Errorf("save log start offsets: %w", err))
		}
	}
	for _, s := range gone { // oldest first: a kill in between leaves a whole log
		if err := s.remove(l.dir.fs, &l.dir.indexes); err != nil {
			return n, l.dir.fail(fmt.Errorf("remove %s: %w", path.Join(l.path, fileName(s.base, logSuffix)), err))
		}
	}
	return n, nil
}

// keepSnapshot makes the producers' state at a segment's base durable, before
// the records that it was made from go: transactions that began there are open.
func (l *Log) keepSnapshot(base int64) error {
	if err := syncNamed(l.dir.fs, []string{path.Join(l.path, fileName(base, snapshotSuffix))}); err != nil {
		return err
	}
	return l.dir.fs.SyncDir(l.path)
}
