package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"sync"

	"github.com/millrace/millrace/vfs"
)

const (
	dirMode  = 0o700
	fileMode = 0o600
)

// Config is what a Log is made of.
type Config struct {
	FS       vfs.FS
	Dir      string // made when it is first needed
	MaxBytes int64  // of all files together; over it the oldest segments of the largest group go; 0: MaxBytes
	// Cut is told how many bytes of a file a crash had torn; may be nil.
	Cut func(file string, bytes int64)
}

// Log is all groups. Its methods may be called concurrently.
type Log struct {
	cfg     Config
	readers chan struct{} // capacity maxReaders

	mu     sync.Mutex
	groups map[uint64]*group // under mu
	total  int64             // under mu: bytes of all files
}

// group is the streams of one group that have files.
type group struct {
	bytes   int64              // under Log.mu
	streams map[uint64]*stream // under Log.mu
}

// Open finds the streams that have files; it reads none of them.
func Open(cfg Config) (*Log, error) {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = MaxBytes
	}
	l := &Log{cfg: cfg, readers: make(chan struct{}, maxReaders), groups: map[uint64]*group{}}
	err := l.each(cfg.Dir, func(groupID uint64, dir string) error {
		return l.each(dir, func(id uint64, dir string) error { return l.find(groupID, id, dir) })
	})
	if err != nil {
		return nil, fmt.Errorf("open the event log: %w", err)
	}
	return l, nil
}

// each calls fn for the directories whose names are ids.
func (l *Log) each(dir string, fn func(id uint64, dir string) error) error {
	entries, err := l.cfg.FS.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		id, err := strconv.ParseUint(e.Name(), 16, 64)
		if err != nil || !e.IsDir() {
			continue // not ours
		}
		if err := fn(id, path.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// find counts the files of a stream.
func (l *Log) find(groupID, id uint64, dir string) error {
	s := l.stream(groupID, id)
	firsts, err := l.files(dir)
	if err != nil {
		return err
	}
	for _, first := range firsts {
		st, err := l.cfg.FS.Stat(s.file(first))
		if err != nil {
			return err
		}
		l.resize(s, st.Size())
	}
	return nil
}

func (l *Log) groupDir(groupID uint64) string { return fmt.Sprintf("%s/%016x", l.cfg.Dir, groupID) }

// stream is a stream, known or new.
func (l *Log) stream(groupID, id uint64) *stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.groups[groupID]
	if g == nil {
		g = &group{streams: map[uint64]*stream{}}
		l.groups[groupID] = g
	}
	s := g.streams[id]
	if s == nil {
		s = newStream(groupID, id, fmt.Sprintf("%s/%016x", l.groupDir(groupID), id))
		g.streams[id] = s
	}
	return s
}

// known is a stream that has, or had, files; nil for another.
func (l *Log) known(groupID, id uint64) *stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.groups[groupID]; g != nil {
		return g.streams[id]
	}
	return nil
}

// streams is all streams of a group.
func (l *Log) streams(groupID uint64) (out []*stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.groups[groupID]; g != nil {
		for _, s := range g.streams {
			out = append(out, s)
		}
	}
	return out
}

// resize counts bytes that came or went.
func (l *Log) resize(s *stream, by int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total += by
	if g := l.groups[s.group]; g != nil {
		g.bytes += by
	}
}

// with runs fn with the turn of a loaded stream.
func (l *Log) with(ctx context.Context, s *stream, fn func() error) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.leave()
	if err := l.load(s); err != nil {
		return err
	}
	return fn()
}

// Append adds events to a stream and returns when they are on disk: all of them,
// or after an error perhaps none. Of the events Time and Message count. They
// must be encoded in 2 MiB.
func (l *Log) Append(ctx context.Context, groupID, id uint64, ingested int64, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	data := batch(ingested, events)
	if len(data) > maxFrame {
		return fmt.Errorf("a batch of %d bytes, at most %d are allowed", len(data), maxFrame)
	}
	s := l.stream(groupID, id)
	if err := l.with(ctx, s, func() error { return l.write(s, ingested, events, data) }); err != nil {
		return err
	}
	return l.evict(ctx)
}

// evict removes the oldest segments of the largest group while everything
// together is over the limit.
func (l *Log) evict(ctx context.Context) error {
	for {
		largest, over := l.largest()
		if !over {
			return nil
		}
		var oldest *stream
		var which segment
		for _, s := range l.streams(largest) {
			if l.with(ctx, s, func() error { return nil }) != nil {
				continue // whoever reads it hears of it
			}
			for _, g := range s.segments() {
				if oldest == nil || g.max < which.max {
					oldest, which = s, g
				}
			}
		}
		if oldest == nil {
			return ctx.Err()
		}
		err := l.with(ctx, oldest, func() error {
			return l.drop(oldest, func(g segment) bool { return g.first == which.first })
		})
		if err != nil {
			return err
		}
	}
}

func (l *Log) largest() (id uint64, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := int64(-1)
	for i, g := range l.groups {
		if g.bytes > most || g.bytes == most && i < id {
			id, most = i, g.bytes
		}
	}
	return id, l.total > l.cfg.MaxBytes && most > 0
}

// Expire removes the segments of a group whose events are all older than a time.
func (l *Log) Expire(ctx context.Context, groupID uint64, before int64) (err error) {
	for _, s := range l.streams(groupID) {
		failed := l.with(ctx, s, func() error {
			return l.drop(s, func(g segment) bool { return g.max < before })
		})
		err = errors.Join(err, failed)
	}
	return err
}

// DropStream removes a stream's files. Nobody may append to it any more.
func (l *Log) DropStream(ctx context.Context, groupID, id uint64) error {
	s := l.stream(groupID, id)
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.leave()
	var bytes int64
	firsts, err := l.files(s.dir)
	for _, first := range firsts {
		if st, err := l.cfg.FS.Stat(s.file(first)); err == nil {
			bytes += st.Size()
		}
	}
	if err = errors.Join(err, l.cfg.FS.RemoveAll(s.dir)); err != nil {
		return err
	}
	l.resize(s, -bytes)
	s.mu.Lock()
	s.sealed, s.active, s.failed = nil, segment{}, errors.New("the stream was removed")
	s.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.groups[groupID]; g != nil {
		delete(g.streams, id)
	}
	return nil
}

// DropGroup removes a group's files. Nobody may append to it any more.
func (l *Log) DropGroup(ctx context.Context, groupID uint64) error {
	for _, s := range l.streams(groupID) {
		if err := l.DropStream(ctx, groupID, s.id); err != nil {
			return err
		}
	}
	l.mu.Lock()
	delete(l.groups, groupID)
	l.mu.Unlock()
	return l.cfg.FS.RemoveAll(l.groupDir(groupID))
}

// Groups is the ids of the groups that have files, each with its streams'.
func (l *Log) Groups() map[uint64][]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[uint64][]uint64, len(l.groups))
	for id, g := range l.groups {
		out[id] = slices.Sorted(maps.Keys(g.streams))
	}
	return out
}

// Bytes is the size of a group's files.
func (l *Log) Bytes(groupID uint64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.groups[groupID]; g != nil {
		return g.bytes
	}
	return 0
}

// Summary is what is known of a stream's events. Without Count the rest is zero.
type Summary struct {
	Count       int64
	First, Last int64 // times of events, milliseconds
	Ingested    int64 // when the last was appended
}

// Summary looks at a stream's files.
func (l *Log) Summary(ctx context.Context, groupID, id uint64) (out Summary, err error) {
	s := l.known(groupID, id)
	if s == nil {
		return out, nil
	}
	if err := l.with(ctx, s, func() error { return nil }); err != nil {
		return out, err
	}
	for i, g := range s.segments() {
		if i == 0 {
			out.First, out.Last = g.min, g.max
		}
		out.First, out.Last, out.Ingested = min(out.First, g.min), max(out.Last, g.max), max(out.Ingested, g.ingested)
		out.Count += int64(g.count)
	}
	return out, nil
}
