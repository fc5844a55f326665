package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/millrace/millrace/vfs"
)

// stream is the files of one stream. Whoever has the turn may change them; the
// fields under mu are read by everybody.
type stream struct {
	group, id uint64
	dir       string
	turn      chan struct{} // one token

	mu     sync.Mutex
	loaded bool      // under mu: the files were looked at
	sealed []segment // under mu: oldest first; elements never change
	active segment   // under mu: the last file, unless its count is 0
	next   uint64    // under mu: sequence of the next event
	failed error     // under mu: a write went wrong; nothing more is written
}

func newStream(group, id uint64, dir string) *stream {
	s := &stream{group: group, id: id, dir: dir, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// take waits for the turn.
func (s *stream) take(ctx context.Context) error {
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stream) leave() { s.turn <- struct{}{} }

// segments is the files as they are, oldest first.
func (s *stream) segments() []segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.sealed)
	if s.active.count > 0 {
		out = append(out, s.active)
	}
	return out
}

const suffix = ".seg"

func (s *stream) file(first uint64) string { return fmt.Sprintf("%s/%020d%s", s.dir, first, suffix) }

// load looks at the files, once, and cuts what a crash has torn. It needs the
// turn.
func (l *Log) load(s *stream) error {
	s.mu.Lock()
	loaded := s.loaded
	s.mu.Unlock()
	if loaded {
		return nil
	}
	firsts, err := l.files(s.dir)
	if err != nil {
		return err
	}
	var all []segment
	for i, first := range firsts {
		var g segment
		if i < len(firsts)-1 {
			g, err = l.footer(s, first)
		} else {
			g, err = l.last(s, first)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.file(first), err)
		}
		if g.count > 0 {
			all = append(all, g)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(all); n > 0 {
		s.next = all[n-1].first + uint64(all[n-1].count)
		if !all[n-1].sealed {
			s.active, all = all[n-1], all[:n-1]
		}
	}
	s.sealed, s.loaded = all, true
	return nil
}

// files is the first sequences of a stream's segments, oldest first.
func (l *Log) files(dir string) ([]uint64, error) {
	entries, err := l.cfg.FS.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []uint64
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if first, err := strconv.ParseUint(name, 10, 64); ok && err == nil {
			out = append(out, first)
		}
	}
	slices.Sort(out)
	return out, err
}

// footer reads what a sealed segment says of itself.
func (l *Log) footer(s *stream, first uint64) (g segment, err error) {
	f, err := l.cfg.FS.OpenFile(s.file(first), os.O_RDONLY, 0)
	if err != nil {
		return g, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return g, err
	}
	if st.Size() < headerSize+footerFull {
		return g, errors.New("the segment has no footer")
	}
	end := make([]byte, footerFull)
	if n, err := f.ReadAt(end, st.Size()-footerFull); n < len(end) {
		return g, err
	}
	return readFooter(end, first, st.Size())
}

// last reads the newest segment, the only one that may be torn: each frame was
// synced before the next was written. One without a whole frame is removed.
func (l *Log) last(s *stream, first uint64) (segment, error) {
	data, err := vfs.ReadFile(l.cfg.FS, s.file(first))
	if err != nil {
		return segment{}, err
	}
	none := len(data) < headerSize || strings.Trim(string(data[:headerSize]), "\x00") == ""
	var g segment
	if !none {
		if g, err = scan(data, first, s.id, nil); err != nil && !errors.Is(err, errTorn) {
			return g, err
		}
	}
	if !none && int(g.size) == len(data) && g.count > 0 {
		return g, nil
	}
	if l.cfg.Cut != nil {
		l.cfg.Cut(s.file(first), int64(len(data))-g.size)
	}
	if g.count == 0 {
		l.resize(s, -int64(len(data)))
		return segment{}, errors.Join(l.cfg.FS.Remove(s.file(first)), l.cfg.FS.SyncDir(s.dir))
	}
	l.resize(s, g.size-int64(len(data)))
	return g, l.cut(s.file(first), g.size)
}

func (l *Log) cut(name string, size int64) error {
	f, err := l.cfg.FS.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// write appends one frame and syncs it. It needs the turn. After an error the
// stream takes nothing more until the process starts again: what is on disk is
// not known.
func (l *Log) write(s *stream, ingested int64, events []Event, data []byte) error {
	s.mu.Lock()
	g, next, failed := s.active, s.next, s.failed
	s.mu.Unlock()
	if failed != nil {
		return failed
	}
	rolled, made := g.count > 0 && g.size+int64(len(data)) > segmentBytes, g.count == 0
	if rolled {
		if err := l.add(s.file(g.first), g.size, g.footer()); err != nil {
			return s.fail(err)
		}
		g.size, g.sealed = g.size+footerFull, true
		l.resize(s, footerFull)
		s.mu.Lock()
		s.sealed, s.active = append(s.sealed, g), segment{}
		s.mu.Unlock()
	}
	if rolled || made {
		g = segment{first: next, size: headerSize}
		if err := l.create(s, next, data); err != nil {
			return s.fail(err)
		}
		l.resize(s, headerSize)
	} else if err := l.add(s.file(g.first), g.size, data); err != nil {
		return s.fail(err)
	}
	g.add(ingested, events)
	g.size += int64(len(data))
	l.resize(s, int64(len(data)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active, s.next = g, next+uint64(len(events))
	return nil
}

func (s *stream) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = fmt.Errorf("the stream's files failed: %w", err)
	return s.failed
}

// create makes a segment with its first frame, durably.
func (l *Log) create(s *stream, first uint64, data []byte) error {
	if err := vfs.MakeDirs(l.cfg.FS, s.dir, dirMode); err != nil {
		return err
	}
	f, err := l.cfg.FS.OpenFile(s.file(first), os.O_CREATE|os.O_TRUNC|os.O_RDWR, fileMode)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(append(header(first), data...), 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), l.cfg.FS.SyncDir(s.dir))
}

// add writes at the end of a segment and syncs it.
func (l *Log) add(name string, at int64, data []byte) error {
	f, err := l.cfg.FS.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, at)
	if err == nil {
		err = f.Datasync()
	}
	return errors.Join(err, f.Close())
}

// drop removes the segments that goes names. It needs the turn. A segment that
// comes back after a crash goes again later.
func (l *Log) drop(s *stream, goes func(segment) bool) error {
	s.mu.Lock()
	var gone []segment
	s.sealed = slices.DeleteFunc(slices.Clone(s.sealed), func(g segment) bool {
		if goes(g) {
			gone = append(gone, g)
			return true
		}
		return false
	})
	if s.active.count > 0 && goes(s.active) {
		gone = append(gone, s.active)
		s.active = segment{}
	}
	s.mu.Unlock()
	for _, g := range gone {
		if err := l.cfg.FS.Remove(s.file(g.first)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l.resize(s, -g.size)
	}
	return nil
}
