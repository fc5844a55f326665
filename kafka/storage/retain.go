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
	_, err := l.removeWhile(func(s *segment, _ int64) bool { return s.next.Load() <= offset })
	return err
}

// Retain removes the oldest segments that have outlived RetentionAge or that
// RetentionBytes has no room for, rolls the last one when all of it has
// expired, and forgets idle producers. It returns how many segments went.
// kerr.KafkaStorageError when the directory has failed.
func (l *Log) Retain(now time.Time) (segments int, err error) {
	l.mu.Lock()
	if !l.writable() {
		l.mu.Unlock()
		return 0, kerr.KafkaStorageError
	}
	cfg := l.cfg
	l.producers.expire(now, cfg.ProducerExpiry)
	err = l.rollExpired(cfg, now)
	l.mu.Unlock()
	if err != nil {
		return 0, l.dir.fail(fmt.Errorf("roll %s for retention: %w", l.name, err))
	}
	expired := func(s *segment) bool {
		return cfg.RetentionAge >= 0 && s.maxTS.Load() >= 0 && now.UnixMilli()-s.maxTS.Load() > cfg.RetentionAge.Milliseconds()
	}
	return l.removeWhile(func(s *segment, total int64) bool {
		return expired(s) || cfg.RetentionBytes >= 0 && total-s.size.Load() >= cfg.RetentionBytes
	})
}

// rollExpired rolls the last segment when its newest record has expired, so
// that it can be removed. Called under mu.
func (l *Log) rollExpired(cfg LogConfig, now time.Time) error {
	list := *l.segments.Load()
	if len(list) == 0 || cfg.RetentionAge < 0 {
		return nil
	}
	s := list[len(list)-1]
	if s.size.Load() == 0 || s.maxTS.Load() < 0 || now.UnixMilli()-s.maxTS.Load() <= cfg.RetentionAge.Milliseconds() {
		return nil
	}
	fresh, err := l.roll(l.end.Load(), now)
	if err != nil {
		return err
	}
	l.dirty(fresh)
	l.dir.commit.wake()
	return nil
}

// removeWhile removes durable segments from the oldest on while drop says so;
// the last one always stays.
func (l *Log) removeWhile(drop func(s *segment, total int64) bool) (n int, err error) {
	l.files.Lock()
	defer l.files.Unlock()
	l.mu.Lock()
	list := *l.segments.Load()
	total := l.Size()
	for n < len(list)-1 && list[n].next.Load() <= l.durable.Load() && drop(list[n], total) {
		total -= list[n].size.Load()
		n++
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
