package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/millrace/millrace/vfs"
)

// Query is a question about the events of some streams of a group.
type Query struct {
	Group    uint64
	Streams  []uint64
	From, To int64                     // of times: From and later, before To; milliseconds
	After    *Position                 // the events beyond it; nil: all
	Backward bool                      // newest first
	Limit    int                       // events of a page, at least 1
	Bytes    int                       // their sizes together, unless one alone is larger
	Match    func(message string) bool // nil: every event
}

// Page is a part of the answer.
type Page struct {
	Events []Event
	More   *Position // to go on after; nil: there is nothing more
}

// piece is a segment of a stream.
type piece struct {
	s *stream
	g segment
}

// Read answers the next page of events in the order of their positions. It looks
// through a bounded number of bytes, so that a page may have few events, or
// none, and there be more.
func (l *Log) Read(ctx context.Context, q Query) (Page, error) {
	select {
	case l.readers <- struct{}{}:
		defer func() { <-l.readers }()
	case <-ctx.Done():
		return Page{}, ctx.Err()
	}
	pieces, err := l.pieces(ctx, q)
	if err != nil {
		return Page{}, err
	}
	k := kept{q: q}
	var scanned int64
	for _, p := range pieces {
		if k.beyond(p.g) {
			break
		}
		if scanned >= maxScan && k.frontier(p.g) {
			break
		}
		if err := ctx.Err(); err != nil {
			return Page{}, err
		}
		if err := l.read(p, k.take); err != nil {
			return Page{}, err
		}
		scanned += p.g.size
	}
	return k.page(), nil
}

// pieces is the segments that may hold what is asked, in the order in which
// their first events come.
func (l *Log) pieces(ctx context.Context, q Query) (out []piece, err error) {
	for _, id := range q.Streams {
		s := l.known(q.Group, id)
		if s == nil {
			continue
		}
		if err := l.with(ctx, s, func() error { return nil }); err != nil {
			return nil, err
		}
		for _, g := range s.segments() {
			if g.max < q.From || g.min >= q.To {
				continue
			}
			if at := q.After; at != nil && (!q.Backward && g.max < at.Time || q.Backward && g.min > at.Time) {
				continue
			}
			out = append(out, piece{s, g})
		}
	}
	slices.SortStableFunc(out, func(a, b piece) int {
		x, y := earliest(q, a.g), earliest(q, b.g)
		switch {
		case x == y:
			return 0
		case (x < y) != q.Backward:
			return -1
		}
		return 1
	})
	return out, nil
}

// earliest is the time of the event of a segment that comes first.
func earliest(q Query, g segment) int64 {
	if q.Backward {
		return g.max
	}
	return g.min
}

// read calls fn for the events of a segment. One that has gone meanwhile has
// none.
func (l *Log) read(p piece, fn func(Event)) error {
	name := p.s.file(p.g.first)
	data, err := vfs.ReadFile(l.cfg.FS, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	data = data[:min(int64(len(data)), p.g.size)]
	g, err := scan(data, p.g.first, p.s.id, func(events []Event) {
		for _, e := range events {
			fn(e)
		}
	})
	if err != nil {
		return fmt.Errorf("%s: offset %d: %w", name, g.size, err)
	}
	return nil
}

// kept is the events of a page as far as they are known.
type kept struct {
	q      Query
	events []Event
	bytes  int
	bound  *Position // events from here on are of a later page
	end    *Position // bound, where looking stopped
}

// order is Compare in the direction of the query.
func (k *kept) order(a, b Position) int {
	if k.q.Backward {
		return b.Compare(a)
	}
	return a.Compare(b)
}

func (k *kept) take(e Event) {
	at := e.Position()
	switch {
	case e.Time < k.q.From || e.Time >= k.q.To,
		k.q.After != nil && k.order(at, *k.q.After) <= 0,
		k.bound != nil && k.order(at, *k.bound) >= 0,
		k.q.Match != nil && !k.q.Match(e.Message):
		return
	}
	e.Message = strings.Clone(e.Message) // not the whole batch
	k.events = append(k.events, e)
	k.bytes += e.Size()
	if len(k.events) >= 2*k.q.Limit || k.bytes >= 2*k.q.Bytes {
		k.trim()
	}
}

// trim sorts, and leaves what is too much to a later page.
func (k *kept) trim() {
	slices.SortFunc(k.events, func(a, b Event) int { return k.order(a.Position(), b.Position()) })
	k.bytes = 0
	for i, e := range k.events {
		if i > 0 && (i == k.q.Limit || k.bytes+e.Size() > k.q.Bytes) {
			at := e.Position()
			k.bound = &at
			clear(k.events[i:])
			k.events = k.events[:i]
			return
		}
		k.bytes += e.Size()
	}
}

// beyond says that all events of a segment, and of those after it, are of a
// later page.
func (k *kept) beyond(g segment) bool {
	if k.bound == nil {
		return false
	}
	if k.q.Backward {
		return g.max < k.bound.Time
	}
	return g.min > k.bound.Time
}

// frontier ends the page before a segment that is not looked at any more, when
// that is further than the page before.
func (k *kept) frontier(g segment) bool {
	at := Position{Time: g.min, Ingested: math.MinInt64}
	if k.q.Backward {
		at = Position{g.max, math.MaxInt64, math.MaxUint64, math.MaxUint64}
	}
	start := Position{Time: k.q.From, Ingested: math.MinInt64}
	if k.q.Backward {
		start = Position{Time: k.q.To, Ingested: math.MinInt64}
	}
	if k.q.After != nil {
		start = *k.q.After
	}
	if k.order(at, start) <= 0 {
		return false
	}
	if k.bound == nil || k.order(at, *k.bound) < 0 {
		k.bound, k.end = &at, &at
	}
	k.events = slices.DeleteFunc(k.events, func(e Event) bool { return k.order(e.Position(), at) >= 0 })
	return true
}

func (k *kept) page() Page {
	k.trim()
	p := Page{Events: k.events}
	switch {
	case k.bound == nil:
	case k.bound == k.end:
		p.More = k.end
	default:
		at := k.events[len(k.events)-1].Position() // trim leaves one
		p.More = &at
	}
	return p
}
