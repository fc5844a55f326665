package partition

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/storage"
)

// Run applies retention every log.retention.check.interval.ms and compaction every
// log.cleaner.backoff.ms until ctx ends. A change of the latter acts at once.
func (s *Set) Run(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { s.compactAlways(ctx) })
	tick := time.NewTicker(s.configs().RetentionCheck())
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-tick.C:
			s.Retain(now)
		}
	}
	loops.Wait()
}

// configs is the newest image, one with Kafka's defaults before the first.
func (s *Set) configs() *metadata.Image {
	if img := s.image.Load(); img != nil {
		return img
	}
	return metadata.New(metadata.Params{}).Image()
}

// look has Run look at the configs again.
func (s *Set) look() {
	select {
	case s.configured <- struct{}{}:
	default: // it is to do so already
	}
}

func (s *Set) compactAlways(ctx context.Context) {
	for ended := time.Now(); ctx.Err() == nil; {
		cleaner := s.configs().Cleaner()
		timer := time.NewTimer(time.Until(ended.Add(cleaner.Backoff)))
		select {
		case <-ctx.Done():
		case <-s.configured:
		case <-timer.C:
			s.compact(ctx, cleaner)
			ended = time.Now()
		}
		timer.Stop()
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

// compact compacts every log with cleanup.policy=compact that is due, as many at a
// time as the cleaner has threads, until ctx ends.
func (s *Set) compact(ctx context.Context, cleaner metadata.Cleaner) {
	due := make(chan *Partition)
	var workers sync.WaitGroup
	for range max(1, cleaner.Threads) {
		workers.Go(func() {
			for p := range due {
				s.compactOne(ctx, p, cleaner)
			}
		})
	}
	for _, p := range s.opened() {
		if cleaner.Threads > 0 || p == s.metadata { // the cluster's own log has no config that could stop it
			due <- p
		}
	}
	close(due)
	workers.Wait()
}

func (s *Set) compactOne(ctx context.Context, p *Partition, cleaner metadata.Cleaner) {
	l := p.current.Load()
	if l == nil || !l.settings.Compact || ctx.Err() != nil {
		return
	}
	now, stable := time.Now(), p.Offsets().LastStable
	c := storage.CompactionConfig{
		DirtyRatio: l.settings.DirtyRatio, MinLag: l.settings.MinCompactionLag, MaxLag: l.settings.MaxCompactionLag,
		DeleteRetention: l.settings.DeleteRetention, MaxKeys: cleaner.Keys,
		Pace: func(ctx context.Context, bytes int) error {
			return s.cleaning.wait(ctx, bytes, s.configs().Cleaner().BytesPerSecond)
		},
	}
	if !p.log.CompactionDue(stable, c, now) {
		return
	}
	done, err := p.log.Compact(ctx, stable, c, now)
	p.shrunk()
	switch {
	case ctx.Err() != nil || errors.Is(err, kerr.KafkaStorageError): // the directory has failed and says so itself
	case err != nil:
		s.cfg.Log.Error("compaction", "topic", p.topic, "partition", p.index, "error", err)
	default:
		s.cfg.Log.Info("compacted", "topic", p.topic, "partition", p.index, "upto", done.Upto,
			"segments", done.Segments, "bytes_before", done.Before, "bytes_after", done.After)
	}
}

// Bounds of a pace.
const (
	paceGrain = 10 * time.Millisecond // shorter waits are left to the next one
	maxPace   = time.Hour             // the longest wait for one batch
)

// pace slows down those who tell it what they do to a rate of all together. The
// zero value is ready.
type pace struct {
	mu   sync.Mutex
	paid time.Time // when what was done so far would have been done at the rate; under mu
}

// wait waits until what was done, with bytes more, is not too fast, or ctx ends.
func (p *pace) wait(ctx context.Context, bytes int, perSecond float64) error {
	p.mu.Lock()
	now := time.Now()
	if p.paid.Before(now) {
		p.paid = now
	}
	p.paid = p.paid.Add(time.Duration(min(float64(bytes)/perSecond, maxPace.Seconds()) * float64(time.Second)))
	wait := p.paid.Sub(now)
	p.mu.Unlock()
	if wait < paceGrain {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
