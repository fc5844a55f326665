package cloudwatch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/store"
)

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func decodeMetric(kv store.KV) (m metric, err error) {
	if err = json.Unmarshal(kv.Value, &m); err != nil {
		err = fmt.Errorf("read %s: %w", kv.Key, err)
	}
	return m, err
}

// asked is one metric of a question, of any unit when it names none.
type asked struct{ metric metric }

// units are those that a metric without a unit is looked for in: all of them.
// (aws:cloudwatch StandardUnit)
var units = []string{
	"Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits",
	"Megabits", "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second", "Kilobytes/Second", "Megabytes/Second",
	"Gigabytes/Second", "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second",
	"Terabits/Second", "Count/Second", "None",
}

// ids is the metrics of a question with their units.
func (q asked) ids() map[metricID]string {
	out := make(map[metricID]string)
	for _, unit := range units {
		if m := q.metric; m.Unit == "" || m.Unit == unit {
			m.Unit = unit
			out[m.id()] = unit
		}
	}
	return out
}

// read answers the points of each question, in order, with all its units.
func (s *Service) read(ctx context.Context, p string, questions []asked, from, to int64) ([][]point, error) {
	ids := make(map[metricID]bool)
	for _, q := range questions {
		for id := range q.ids() {
			ids[id] = true
		}
	}
	found, err := s.series(ctx, p, ids, from, to)
	if err != nil {
		return nil, err
	}
	out := make([][]point, len(questions))
	for i, q := range questions {
		out[i] = together(q, found)
	}
	return out, nil
}

// together is the points of a question; minutes with several units are merged.
func together(q asked, found map[metricID][]point) []point {
	var all []point
	for id := range q.ids() {
		all = append(all, found[id]...)
	}
	slices.SortFunc(all, func(a, b point) int { return cmp.Compare(a.minute, b.minute) })
	out := all[:0]
	for _, p := range all {
		if n := len(out); n > 0 && out[n-1].minute == p.minute {
			out[n-1].sample = out[n-1].sample.merge(p.sample)
			continue
		}
		out = append(out, p)
	}
	return out
}
