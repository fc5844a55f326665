package storage

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/vfs"
)

const swapSuffix = ".swap" // of a log file that takes the place of others

// swap puts a written and synced segment in the place of a group. done is false
// when the group is no longer whole, because retention took part of it.
//
// The order on disk: the new file gets its .swap name, durably, which decides
// the matter; the files it replaces go; it gets its own name. Recovery goes on
// from any point of it (finishSwaps). Readers go on with the files they hold.
// The new segment has no index of aborted transactions: it has none of their
// records.
func (p *compaction) swap(group []*segment, out *cleaned) (done bool, err error) {
	l, d := p.l, p.l.dir
	d.ops.RLock() // the log is not removed, nor the directory closed, meanwhile
	defer d.ops.RUnlock()
	l.files.Lock()
	defer l.files.Unlock()
	if l.closed.Load() || d.closed || d.Err() != nil {
		out.release()
		return false, kerr.KafkaStorageError
	}
	if !l.replace(group, out.segment) {
		defer out.release()
		return false, d.fs.Remove(out.name)
	}
	err = p.replaceFiles(group, out)
	for _, s := range group {
		d.indexes.forget(s)
		s.release()
	}
	if err != nil {
		return true, d.fail(fmt.Errorf("replace segments of %s: %w", l.name, err))
	}
	return true, nil
}

// replace exchanges segments in memory; false when they are not all there.
func (l *Log) replace(group []*segment, with *segment) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := *l.segments.Load()
	at := slices.Index(list, group[0])
	if at < 0 || at+len(group) > len(list) || !slices.Equal(list[at:at+len(group)], group) {
		return false
	}
	list = slices.Replace(slices.Clone(list), at, at+len(group), with)
	l.segments.Store(&list)
	return true
}

func (p *compaction) replaceFiles(group []*segment, out *cleaned) error {
	fsys, dir := p.l.dir.fs, p.l.path
	swap := path.Join(dir, fileName(out.base, logSuffix)+swapSuffix)
	if err := fsys.Rename(out.name, swap); err != nil {
		return err
	}
	if err := fsys.SyncDir(dir); err != nil {
		return err
	}
	bases := make([]int64, len(group))
	for i, s := range group {
		bases[i] = s.base
	}
	if err := finishSwap(fsys, dir, out.base, bases); err != nil {
		return err
	}
	out.times.flush()
	if err := replaceName(fsys, dir, fileName(out.base, indexSuffix), out.offsets.bytes(), true); err != nil {
		return err
	}
	if err := replaceName(fsys, dir, fileName(out.base, timeIndexSuffix), out.times.bytes(), true); err != nil {
		return err
	}
	if err := fsys.SyncDir(dir); err != nil {
		return err
	}
	out.retire()
	return nil
}

// finishSwap removes the files of the segments at bases, but for the first log
// file, whose place a .swap file then takes, durably in this order.
func finishSwap(fsys vfs.FS, dir string, base int64, bases []int64) error {
	for _, at := range bases {
		suffixes := []string{indexSuffix, timeIndexSuffix, txnIndexSuffix, snapshotSuffix, logSuffix}
		if at == base {
			suffixes = suffixes[:3] // its snapshot is of the producers before it
		}
		for _, suffix := range suffixes {
			if err := removeIfThere(fsys, path.Join(dir, fileName(at, suffix))); err != nil {
				return err
			}
		}
	}
	if err := fsys.SyncDir(dir); err != nil {
		return err
	}
	name := path.Join(dir, fileName(base, logSuffix))
	if err := fsys.Rename(name+swapSuffix, name); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

// finishSwaps completes the exchanges that a stop has interrupted and removes
// files that were never finished. It is given the log directory's entries and
// returns those after.
func (r *recovery) finishSwaps(entries []fs.DirEntry) ([]fs.DirEntry, error) {
	fsys, dir, changed := r.l.dir.fs, r.l.path, false
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), cleanedSuffix) {
			if err := fsys.Remove(path.Join(dir, e.Name())); err != nil {
				return nil, err
			}
			changed = true
		}
		base, ok := parseName(strings.TrimSuffix(e.Name(), swapSuffix), logSuffix)
		if !ok || !strings.HasSuffix(e.Name(), swapSuffix) {
			continue
		}
		next, err := endOf(fsys, path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if err := finishSwap(fsys, dir, base, basesWithin(entries, base, next)); err != nil {
			return nil, err
		}
		changed = true
	}
	if !changed {
		return entries, nil
	}
	return fsys.ReadDir(dir)
}

// basesWithin lists the log files that begin in [from, to).
func basesWithin(entries []fs.DirEntry, from, to int64) (bases []int64) {
	for _, e := range entries {
		if base, ok := parseName(e.Name(), logSuffix); ok && base >= from && base < to {
			bases = append(bases, base)
		}
	}
	return bases
}

// endOf is the offset after the last record of a log file, which was synced
// whole.
func endOf(fsys vfs.FS, name string) (next int64, err error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, err := fileSize(f)
	if err != nil {
		return 0, err
	}
	in := reader{file: f, size: size}
	for {
		b, err := in.next(false)
		if err == io.EOF {
			return next, nil
		}
		if err != nil {
			return 0, fmt.Errorf("%s at %d: %w", name, in.pos, err)
		}
		next = b.LastOffset() + 1
	}
}
