// Package cloudwatch is the core of aws:cloudwatch: metrics of a minute's
// resolution, kept for fifteen days, the questions about them, and alarms.
//
// aws/api calls it for callers; the server's monitor records MSK's own metrics
// with Record and has alarms looked at with EvaluateAlarms, and autoscaling asks
// with Statistic. Data of a minute that come apart are one statistic set. A
// minute is one store transaction, so that a crash loses no more than the one
// under way (docs/formats/cloudwatch.md). alarm.go is pure.
package cloudwatch

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"time"
)

// Dimension is one name and value of what a metric is about.
type Dimension struct {
	Name  string `json:"n"`
	Value string `json:"v"`
}

// Datum is what was measured of one metric at a time. Several values are a
// statistic set.
type Datum struct {
	Name       string
	Dimensions []Dimension
	Unit       string // of aws:cloudwatch StandardUnit; "" is None
	Time       time.Time
	Sample
}

// Sample is a statistic set.
type Sample struct{ Count, Sum, Min, Max float64 }

// Value is the Sample of one value.
func Value(v float64) Sample { return Sample{1, v, v, v} }

// merge adds another sample of the same time.
func (s Sample) merge(o Sample) Sample {
	if s.Count == 0 {
		return o
	}
	return Sample{s.Count + o.Count, s.Sum + o.Sum, min(s.Min, o.Min), max(s.Max, o.Max)}
}

// single reports whether all values are the same, so that percentiles are known.
func (s Sample) single() bool { return s.Min == s.Max }

func (s Sample) valid() bool {
	for _, v := range []float64{s.Count, s.Sum, s.Min, s.Max} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return s.Count > 0 && s.Min <= s.Max
}

// metric is what is kept of a metric: who it is, and the last day with data.
type metric struct {
	Namespace  string      `json:"ns"`
	Name       string      `json:"name"`
	Dimensions []Dimension `json:"dims,omitempty"` // by name
	Unit       string      `json:"unit"`
	Day        int64       `json:"day"` // since 1970
}

// metricID stands for a metric in blocks: a part of its identity's hash. Its
// upper 16 bits are zero.
type metricID uint64

func (m metric) id() metricID {
	m.Day = 0
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings alone
	}
	sum := sha256.Sum256(text)
	return metricID(binary.BigEndian.Uint64(sum[:]) >> 16)
}

func (m metric) same(o metric) bool {
	return m.Namespace == o.Namespace && m.Name == o.Name && m.Unit == o.Unit && slices.Equal(m.Dimensions, o.Dimensions)
}

func sortDimensions(d []Dimension) []Dimension {
	d = slices.Clone(d)
	slices.SortFunc(d, func(a, b Dimension) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value)) })
	return d
}

// Limits of what is kept for an account in a region.
const (
	Retention  = 15 * 24 * time.Hour // aws:cloudwatch: data of one minute
	maxMetrics = 50_000              // with data of one minute
	maxBatch   = 80                  // metrics that one transaction makes known
)

const (
	minute = time.Minute
	day    = 24 * time.Hour
)

// minuteOf is the minute that a time is in, since 1970.
func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

func timeOf(minute int64) time.Time { return time.Unix(minute*60, 0).UTC() }
