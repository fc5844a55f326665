package statemachine

import (
	"context"
	"slices"
	"sync"
	"time"
)

// MemoryLog is a log in memory, for tests of cores and for machines whose state
// need not outlive the process. Everything appended is committed at once. It
// may be replayed by any number of machines, one after another.
type MemoryLog struct {
	mu      sync.Mutex
	records []memoryRecord // guarded by mu
}

type memoryRecord struct {
	Record
	at time.Time
}

// NewMemoryLog returns an empty log.
func NewMemoryLog() *MemoryLog { return &MemoryLog{} }

// Append keeps copies of the records.
func (l *MemoryLog) Append(records []Record, now time.Time) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range records {
		l.records = append(l.records, memoryRecord{Record{slices.Clone(r.Key), slices.Clone(r.Value), r.Transaction}, now})
	}
	return int64(len(l.records)), nil
}

// Wait returns at once.
func (l *MemoryLog) Wait(ctx context.Context, _ int64) error { return ctx.Err() }

// Replay calls fn with every record, oldest first.
func (l *MemoryLog) Replay(fn func(r Record, at time.Time) error) error {
	l.mu.Lock()
	all := slices.Clone(l.records)
	l.mu.Unlock()
	for _, r := range all {
		if err := fn(r.Record, r.at); err != nil {
			return err
		}
	}
	return nil
}
