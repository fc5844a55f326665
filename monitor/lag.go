package monitor

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/kafka/measure"
)

// Lags keeps how far the groups of one cluster are behind, and how fast they
// go. Its methods may be called concurrently.
type Lags struct {
	mu     sync.Mutex
	noted  time.Time         // guarded by mu
	groups []GroupLag        // guarded by mu; replaced as a whole
	paces  map[position]pace // guarded by mu
}

type position struct {
	group, topic string
	partition    int32
}

// pace is how fast a group reads a partition: by what it has committed over a
// minute, the last in which it committed anything.
type pace struct {
	since     time.Time
	committed int64   // then
	rate      float64 // records a second; 0: not known
}

const paceWindow = time.Minute

// GroupLag is how far a group is behind in a topic.
type GroupLag struct {
	Group, Topic string
	Coordinator  int32
	Sum, Max     int64
	Time         float64 // seconds until the partition that is worst is read, as fast as lately
	TimeKnown    bool    // otherwise the group is behind and was not seen to read
	Partitions   []PartitionLag
}

// PartitionLag is how far it is behind in one partition.
type PartitionLag struct {
	Index     int32
	Lag       int64
	Time      float64
	TimeKnown bool
}

// Fresh reports whether offsets were noted within the given time.
func (l *Lags) Fresh(now time.Time, within time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.noted.IsZero() && now.Sub(l.noted) < within
}

// Note takes what is committed at a moment, by group, topic and partition. As on
// MSK, groups that are neither Stable nor Empty have no lag, nor have those with a
// colon in their name. (aws:kafka developer guide, monitor consumer lags)
func (l *Lags) Note(offsets []measure.GroupOffset, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	paces := make(map[position]pace, len(offsets))
	groups := []GroupLag{}
	for _, o := range offsets {
		at := position{o.Group, o.Topic, o.Partition}
		p := l.paces[at].next(o.Committed, now)
		paces[at] = p
		if !o.Settled || strings.Contains(o.Group, ":") {
			continue
		}
		part := PartitionLag{Index: o.Partition, Lag: o.Lag()}
		switch {
		case part.Lag == 0:
			part.TimeKnown = true
		case p.rate > 0:
			part.Time, part.TimeKnown = float64(part.Lag)/p.rate, true
		}
		n := len(groups)
		if n == 0 || groups[n-1].Group != o.Group || groups[n-1].Topic != o.Topic {
			groups = append(groups, GroupLag{Group: o.Group, Topic: o.Topic, Coordinator: o.Coordinator, TimeKnown: true})
			n++
		}
		groups[n-1].add(part)
	}
	l.noted, l.groups, l.paces = now, groups, paces
}

func (g *GroupLag) add(p PartitionLag) {
	g.Partitions = append(g.Partitions, p)
	g.Sum += p.Lag
	g.Max = max(g.Max, p.Lag)
	g.Time = max(g.Time, p.Time)
	g.TimeKnown = g.TimeKnown && p.TimeKnown
}

// next is the pace after another look.
func (p pace) next(committed int64, now time.Time) pace {
	past := now.Sub(p.since)
	switch {
	case p.since.IsZero() || committed < p.committed: // new, or set back
		return pace{since: now, committed: committed}
	case past < paceWindow:
		return p
	}
	if committed > p.committed {
		p.rate = float64(committed-p.committed) / past.Seconds()
	}
	return pace{since: now, committed: committed, rate: p.rate}
}

// All is the lags by group and topic. The slice is not changed any more.
func (l *Lags) All() []GroupLag {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.groups
}

// At is the lags of the groups that a broker keeps.
func (l *Lags) At(broker int32) []GroupLag {
	out := slices.DeleteFunc(slices.Clone(l.All()), func(g GroupLag) bool { return g.Coordinator != broker })
	slices.SortFunc(out, func(a, b GroupLag) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Topic, b.Topic))
	})
	return out
}
