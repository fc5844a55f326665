package storage

import (
	"context"
	"fmt"
	"os"
	"path"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
)

const cleanedSuffix = ".cleaned" // of a log file that a pass is writing

// cleaned is the segment that a pass writes in the place of a group.
type cleaned struct {
	*segment
	name string // of its file
}

// rewrite writes what is left of a group of segments into a new one and puts
// that in their place.
func (p *compaction) rewrite(ctx context.Context, group []*segment) error {
	out, err := p.create(group[0].base)
	if err != nil {
		return err
	}
	before := int64(0)
	p.dropped = make(map[int64]int64)
	for i, s := range group {
		before += s.size.Load()
		if err = p.copySegment(ctx, s, out, i == len(group)-1); err != nil {
			break
		}
	}
	if err != nil || len(group) == 1 && out.size.Load() == before {
		out.abandon(p.l)
		return err
	}
	if err := out.file.Datasync(); err != nil {
		out.abandon(p.l)
		return p.l.dir.fail(fmt.Errorf("sync %s: %w", out.name, err))
	}
	if err := out.keepAge(p.l.dir.fs, group[len(group)-1]); err != nil {
		out.abandon(p.l)
		return err
	}
	if err := p.forgetTransactions(); err != nil {
		out.abandon(p.l)
		return err
	}
	done, err := p.swap(group, out)
	if done {
		p.compacted.Segments += len(group)
		p.compacted.Before += before
		p.compacted.After += out.size.Load()
	}
	return err
}

// create makes the file for a group. A log that is removed gets none: another
// of its name may be there already.
func (p *compaction) create(base int64) (*cleaned, error) {
	d := p.l.dir
	d.ops.RLock()
	defer d.ops.RUnlock()
	if p.l.closed.Load() || d.closed || d.Err() != nil {
		return nil, kerr.KafkaStorageError
	}
	name := path.Join(p.l.path, fileName(base, logSuffix)+cleanedSuffix)
	f, err := d.fs.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	return &cleaned{newSegment(p.l.path, base, f), name}, nil
}

// keepAge has the file be as old as that of the group's last segment, by which
// retention goes where records have no timestamps.
func (c *cleaned) keepAge(fsys vfs.FS, last *segment) error {
	st, err := last.file.Stat()
	if err != nil {
		return err
	}
	return fsys.SetModified(c.name, st.ModTime())
}

// abandon removes an unused file, unless the log is gone, and that with it.
func (c *cleaned) abandon(l *Log) {
	defer c.release()
	l.dir.ops.RLock()
	defer l.dir.ops.RUnlock()
	if !l.closed.Load() {
		_ = l.dir.fs.Remove(c.name) // recovery removes what is left
	}
}

// copySegment appends what is left of a segment to out. The batch at the end of
// a group always stays, if need be without records, so that segments go on
// without a gap.
func (p *compaction) copySegment(ctx context.Context, s *segment, out *cleaned, lastOfGroup bool) error {
	return p.read(ctx, s, func(b record.Batch) error {
		end := lastOfGroup && b.LastOffset() == s.next.Load()-1
		left, err := p.left(b, end)
		if err != nil || left == nil {
			return err
		}
		n, err := out.file.WriteAt(left, out.size.Load())
		if err != nil || n < len(left) {
			return fmt.Errorf("write %s: %w", out.name, shortWrite(err))
		}
		out.note(left, len(left), p.interval)
		return p.pace(ctx, len(left))
	})
}

// left is what a pass leaves of a batch; nil for nothing. must keeps it, if
// need be without records. Kafka's Cleaner and RecordFilter.
func (p *compaction) left(b record.Batch, must bool) (record.Batch, error) {
	horizon, decided := b.DeleteHorizon()
	passed := decided && horizon <= p.now.UnixMilli()
	drop, unused := p.decided.saw(b)
	must = must || p.active.holds(b)
	switch {
	case b.Control() && (!unused || b.LastOffset() > p.last || p.active.holds(b)):
		return b, nil // a marker without its record would not tell the producer's epoch
	case b.Control():
		drop = passed
	}
	tombstones, newHorizon := b.Control() && !drop, int64(record.NoHorizon)
	keep := func(r *record.Record) bool {
		keep := !drop && (b.Control() || !p.replaced(r, passed))
		tombstones = tombstones || keep && r.Value == nil
		return keep
	}
	if !decided && !drop {
		if err := b.Walk(0, func(r *record.Record) error { keep(r); return nil }); err != nil {
			return nil, err
		}
		if tombstones {
			newHorizon = p.now.Add(p.cfg.DeleteRetention).UnixMilli()
		}
	}
	left, n, err := b.Retain(newHorizon, keep)
	if b.Control() && n == 0 {
		p.dropped[b.ProducerID()] = b.LastOffset()
	}
	if err != nil || n == 0 && !must {
		return nil, err
	}
	return left, nil
}
