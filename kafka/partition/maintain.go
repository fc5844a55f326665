package partition

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/storage"
)

// How often every log is looked at: Kafka's defaults of
// log.retention.check.interval.ms and log.cleaner.backoff.ms.
const (
	retentionInterval  = 5 * time.Minute
	compactionInterval = 15 * time.Second
)

// Run applies retention and compaction at their intervals until ctx ends.
func (s *Set) Run(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { every(ctx, s.cfg.CompactionInterval, func(now time.Time) { s.Compact(ctx, now) }) })
	every(ctx, s.cfg.RetentionInterval, s.Retain)
	loops.Wait()
}

func every(ctx context.Context, interval time.Duration, do func(now time.Time)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			do(now)
		}
	}
}

// opened lists the partitions whose logs are open.
func (s *Set) opened() []*Partition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*Partition, 0, len(s.byID)+1)
	if s.metadata != nil {
		all = append(all, s.metadata)
	}
	for _, p := range s.byID {
		if p.log != nil {
			all = append(all, p)
		}
	}
	return all
}

// Retain removes the segments that have outlived retention.ms or
// retention.bytes at the given time, in every log.
func (s *Set) Retain(now time.Time) {
	for _, p := range s.opened() {
		n, err := p.log.Retain(p.highWatermark.Load(), now)
		if n > 0 {
			p.shrunk()
		}
		switch {
		case errors.Is(err, kerr.KafkaStorageError):
			return // the directory has failed and says so itself
		case err != nil:
			s.cfg.Log.Error("retention", "topic", p.topic, "partition", p.index, "error", err)
		case n > 0:
			s.cfg.Log.Info("retention removed segments", "topic", p.topic, "partition", p.index, "segments", n, "log_start", p.log.StartOffset())
		}
	}
}

// Compact compacts every log with cleanup.policy=compact that is due, one after
// another, until ctx ends.
func (s *Set) Compact(ctx context.Context, now time.Time) {
	for _, p := range s.opened() {
		l := p.current.Load()
		if l == nil || !l.settings.Compact {
			continue
		}
		c, stable := compactionConfig(l), p.Offsets().LastStable
		if !p.log.CompactionDue(stable, c, now) {
			continue
		}
		done, err := p.log.Compact(ctx, stable, c, now)
		p.shrunk()
		switch {
		case ctx.Err() != nil || errors.Is(err, kerr.KafkaStorageError):
			return // the directory has failed and says so itself
		case err != nil:
			s.cfg.Log.Error("compaction", "topic", p.topic, "partition", p.index, "error", err)
		default:
			s.cfg.Log.Info("compacted", "topic", p.topic, "partition", p.index, "upto", done.Upto,
				"segments", done.Segments, "bytes_before", done.Before, "bytes_after", done.After)
		}
	}
}

func compactionConfig(l *leadership) storage.CompactionConfig {
	s := l.settings
	return storage.CompactionConfig{DirtyRatio: s.DirtyRatio, MinLag: s.MinCompactionLag, MaxLag: s.MaxCompactionLag, DeleteRetention: s.DeleteRetention}
}
