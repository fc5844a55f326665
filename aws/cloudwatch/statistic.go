package cloudwatch

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// point is one minute of a metric.
type point struct {
	minute int64
	sample Sample
}

// statistic is a statistic by its name, as far as it is known here.
type statistic struct {
	name       string
	percentile float64 // 0 to 1 of pNN
}

// The statistics that are not percentiles.
const (
	average     = "Average"
	sum         = "Sum"
	minimum     = "Minimum"
	maximum     = "Maximum"
	sampleCount = "SampleCount"
)

// parseStatistic reads Average, p99, p99.9 and so on.
func parseStatistic(name string) (statistic, bool) {
	if slices.Contains([]string{average, sum, minimum, maximum, sampleCount}, name) {
		return statistic{name: name}, true
	}
	text, ok := strings.CutPrefix(name, "p")
	if !ok || text == "" || strings.Trim(text, "0123456789.") != "" {
		return statistic{}, false
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || q < 0 || q > 100 {
		return statistic{}, false
	}
	return statistic{name: name, percentile: q / 100}, true
}

// of is the statistic of some minutes; false when they do not tell it.
func (s statistic) of(points []point) (float64, bool) {
	var all Sample
	for _, p := range points {
		all = all.merge(p.sample)
	}
	if all.Count == 0 {
		return 0, false
	}
	switch s.name {
	case average:
		return all.Sum / all.Count, true
	case sum:
		return all.Sum, true
	case minimum:
		return all.Min, true
	case maximum:
		return all.Max, true
	case sampleCount:
		return all.Count, true
	}
	return s.rank(points, all.Count)
}

// rank is a percentile, which statistic sets of several values do not tell.
// (aws:cloudwatch user guide, percentiles)
func (s statistic) rank(points []point, total float64) (float64, bool) {
	points = slices.Clone(points)
	slices.SortFunc(points, func(a, b point) int {
		switch {
		case a.sample.Min < b.sample.Min:
			return -1
		case a.sample.Min > b.sample.Min:
			return 1
		}
		return 0
	})
	at, seen, found := s.percentile*total, 0.0, math.NaN()
	for _, p := range points {
		if !p.sample.single() {
			return 0, false
		}
		if seen += p.sample.Count; seen >= at && math.IsNaN(found) {
			found = p.sample.Min
		}
	}
	return found, !math.IsNaN(found)
}

// period is the minutes of one datapoint.
type period struct {
	start  time.Time
	points []point
}

// periods cuts points, which are in order, into spans of some minutes that begin
// at a multiple of them after origin. Spans without data are left out.
func periods(points []point, origin, minutes int64) []period {
	var out []period
	for i := 0; i < len(points); {
		k := floorDiv(points[i].minute-origin, minutes)
		j := i
		for j < len(points) && floorDiv(points[j].minute-origin, minutes) == k {
			j++
		}
		out = append(out, period{timeOf(origin + k*minutes), points[i:j]})
		i = j
	}
	return out
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
