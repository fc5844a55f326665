package cloudwatch

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/cloudwatch"
	"github.com/millrace/millrace/store"
)

// Limits of the API. (aws:cloudwatch API reference of each operation)
const (
	maxPut        = 1000 // data of one PutMetricData
	maxValues     = 150  // of one datum
	maxDatapoints = 1440 // of one GetMetricStatistics
	listPage      = 500  // metrics of one ListMetrics
	putPast       = 14 * day
	putFuture     = 2 * time.Hour
	recently      = 3 * time.Hour
)

func invalid(code, format string, args ...any) *model.Error {
	return &model.Error{Code: code, HTTP: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

const (
	badValue       = "InvalidParameterValue"
	badCombination = "InvalidParameterCombination"
	missing        = "MissingParameter"
)

// PutMetricData records data of the caller's own. aws:cloudwatch PutMetricData
func (s *Service) PutMetricData(ctx context.Context, c model.Caller, in *cloudwatch.PutMetricDataInput) (*cloudwatch.PutMetricDataResponse, error) {
	if strings.HasPrefix(*in.Namespace, "AWS/") { // UNVERIFIED wording
		return nil, invalid(badValue, "The value AWS/ for parameter Namespace is invalid.")
	}
	given := in.MetricData
	for _, e := range in.EntityMetricData { // the entity adds nothing to the metrics
		given = append(slices.Clip(given), e.MetricData...)
	}
	switch {
	case len(given) == 0:
		return nil, invalid(missing, "The parameter MetricData is required.")
	case len(given) > maxPut:
		return nil, invalid(badValue, "The collection MetricData must not have a size greater than %d.", maxPut)
	}
	data := make([]Datum, 0, len(given))
	for i := range given {
		d, err := datumOf(&given[i], s.cfg.Now())
		if err != nil {
			return nil, err
		}
		data = append(data, d)
	}
	if err := s.Record(ctx, c.Account, c.Region, *in.Namespace, data); err != nil {
		return nil, err
	}
	return &cloudwatch.PutMetricDataResponse{}, nil
}

// datumOf reads one datum: a value, a statistic set, or values with counts.
func datumOf(in *cloudwatch.MetricDatum, now time.Time) (Datum, error) {
	d := Datum{Name: *in.MetricName, Dimensions: dimensionsOf(in.Dimensions), Unit: "None", Time: now}
	if in.Unit != nil {
		d.Unit = *in.Unit
	}
	if in.Timestamp != nil {
		d.Time = in.Timestamp.Time
	}
	if d.Time.Before(now.Add(-putPast)) || d.Time.After(now.Add(putFuture)) {
		return d, invalid(badValue, "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks and no more than two hours in the future.")
	}
	given := 0
	if in.Value != nil {
		d.Sample = Value(*in.Value)
		given++
	}
	if v := in.StatisticValues; v != nil {
		d.Sample = Sample{*v.SampleCount, *v.Sum, *v.Minimum, *v.Maximum}
		given++
	}
	if len(in.Values) > 0 {
		var err error
		if d.Sample, err = sampleOf(in.Values, in.Counts); err != nil {
			return d, err
		}
		given++
	}
	switch {
	case given == 0:
		return d, invalid(missing, "At least one of the parameters Value, Values and StatisticValues must be specified.")
	case given > 1:
		return d, invalid(badCombination, "The parameters Value, Values and StatisticValues are mutually exclusive.")
	case !d.valid():
		return d, invalid(badValue, "The value of the metric %s is not a number, or its statistics contradict each other.", d.Name)
	}
	return d, nil
}

func sampleOf(values, counts []float64) (Sample, error) {
	if len(values) > maxValues || len(counts) > 0 && len(counts) != len(values) {
		return Sample{}, invalid(badValue, "The parameters Values and Counts must be of the same size, at most %d.", maxValues)
	}
	var all Sample
	for i, v := range values {
		n := 1.0
		if len(counts) > 0 {
			n = counts[i]
		}
		if n < 0 {
			return Sample{}, invalid(badValue, "The parameter Counts must not have negative values.")
		}
		if n > 0 {
			all = all.merge(Sample{n, n * v, v, v})
		}
	}
	return all, nil
}

func dimensionsOf(in []cloudwatch.Dimension) (out []Dimension) {
	for _, d := range in {
		out = append(out, Dimension{*d.Name, *d.Value})
	}
	return out
}

func renderDimensions(in []Dimension) []cloudwatch.Dimension {
	out := make([]cloudwatch.Dimension, 0, len(in))
	for _, d := range in {
		out = append(out, cloudwatch.Dimension{Name: &d.Name, Value: &d.Value})
	}
	return out
}

// minutesOf is a period in seconds as minutes: data of one minute have no finer
// ones.
func minutesOf(seconds int32) (int64, *model.Error) {
	switch {
	case seconds == 1 || seconds == 5 || seconds == 10 || seconds == 20 || seconds == 30:
		return 1, nil
	case seconds < 60 || seconds%60 != 0:
		return 0, invalid(badValue, "The parameter Period must be 1, 5, 10, 20, 30, or a multiple of 60.")
	}
	return int64(seconds / 60), nil
}

// GetMetricStatistics answers datapoints from StartTime up to before EndTime; the
// first begins at StartTime. aws:cloudwatch GetMetricStatistics
func (s *Service) GetMetricStatistics(ctx context.Context, c model.Caller, in *cloudwatch.GetMetricStatisticsInput) (*cloudwatch.GetMetricStatisticsOutput, error) {
	minutes, bad := minutesOf(*in.Period)
	if bad != nil {
		return nil, bad
	}
	from, to := minuteOf(in.StartTime.Time), minuteOf(in.EndTime.Add(minute-1))
	switch n := (to - from) / minutes; {
	case !in.StartTime.Before(in.EndTime.Time):
		return nil, invalid(badValue, "The parameter StartTime must be less than the parameter EndTime.")
	case n > maxDatapoints:
		return nil, invalid(badCombination, "You have requested up to %d datapoints, which exceeds the limit of %d. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", n, maxDatapoints)
	case len(in.Statistics)+len(in.ExtendedStatistics) == 0:
		return nil, invalid(missing, "Must specify either Statistics or ExtendedStatistics")
	}
	var stats []statistic
	for _, name := range slices.Concat(in.Statistics, in.ExtendedStatistics) {
		stat, ok := parseStatistic(name)
		if !ok {
			return nil, invalid(badValue, "The statistic %s is not served: ask for Average, Sum, Minimum, Maximum, SampleCount or a percentile like p99.", name)
		}
		stats = append(stats, stat)
	}
	q := asked{metric{Namespace: *in.Namespace, Name: *in.MetricName, Dimensions: sortDimensions(dimensionsOf(in.Dimensions))}}
	out := &cloudwatch.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []cloudwatch.Datapoint{}}
	for _, unit := range units { // each unit has datapoints of its own
		if in.Unit != nil && *in.Unit != unit {
			continue
		}
		q.metric.Unit = unit
		all, err := s.read(ctx, place(c.Account, c.Region), []asked{q}, from, to)
		if err != nil {
			return nil, err
		}
		for _, p := range periods(all[0], from, minutes) {
			out.Datapoints = append(out.Datapoints, datapoint(p, stats, unit))
		}
	}
	slices.SortStableFunc(out.Datapoints, func(a, b cloudwatch.Datapoint) int { return a.Timestamp.Compare(b.Timestamp.Time) })
	return out, nil
}

func datapoint(p period, stats []statistic, unit string) cloudwatch.Datapoint {
	d := cloudwatch.Datapoint{Timestamp: model.NewEpoch(p.start), Unit: &unit}
	for _, stat := range stats {
		v, ok := stat.of(p.points)
		if !ok {
			continue
		}
		switch stat.name {
		case average:
			d.Average = &v
		case sum:
			d.Sum = &v
		case minimum:
			d.Minimum = &v
		case maximum:
			d.Maximum = &v
		case sampleCount:
			d.SampleCount = &v
		default:
			if d.ExtendedStatistics == nil {
				d.ExtendedStatistics = make(map[string]float64)
			}
			d.ExtendedStatistics[stat.name] = v
		}
	}
	return d
}

// ListMetrics lists metrics that had data in the last two weeks, by namespace,
// name and dimensions. aws:cloudwatch ListMetrics
func (s *Service) ListMetrics(ctx context.Context, c model.Caller, in *cloudwatch.ListMetricsInput) (*cloudwatch.ListMetricsOutput, error) {
	p := place(c.Account, c.Region)
	var active map[metricID]bool
	if in.RecentlyActive != nil {
		var err error
		if active, err = s.active(ctx, p, s.cfg.Now().Add(-recently)); err != nil {
			return nil, err
		}
	}
	var found []metric
	err := s.metrics(ctx, p, "", func(_ string, m metric) (bool, error) {
		if listed(m, in) && (active == nil || active[m.id()]) {
			m.Unit, m.Day = "", 0
			found = append(found, m)
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, compareMetrics)
	found = slices.CompactFunc(found, metric.same)
	if found, err = afterToken(found, in.NextToken); err != nil {
		return nil, err
	}
	out := &cloudwatch.ListMetricsOutput{Metrics: []cloudwatch.Metric{}}
	if len(found) > listPage {
		found = found[:listPage]
		out.NextToken = new(tokenOf(found[listPage-1]))
	}
	for i := range found {
		m := &found[i]
		out.Metrics = append(out.Metrics, cloudwatch.Metric{Namespace: &m.Namespace, MetricName: &m.Name, Dimensions: renderDimensions(m.Dimensions)})
	}
	return out, nil
}

func listed(m metric, in *cloudwatch.ListMetricsInput) bool {
	if in.Namespace != nil && *in.Namespace != m.Namespace || in.MetricName != nil && *in.MetricName != m.Name {
		return false
	}
	for _, f := range in.Dimensions {
		if !slices.ContainsFunc(m.Dimensions, func(d Dimension) bool { return d.Name == *f.Name && (f.Value == nil || d.Value == *f.Value) }) {
			return false
		}
	}
	return true
}

func compareMetrics(a, b metric) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), slices.CompareFunc(a.Dimensions, b.Dimensions, func(x, y Dimension) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Value, y.Value))
	}))
}

// tokenOf is where a list goes on.
func tokenOf(m metric) string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings alone
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// afterToken is what comes after the metric of a token.
func afterToken(found []metric, token *string) ([]metric, error) {
	if token == nil {
		return found, nil
	}
	var last metric
	text, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || json.Unmarshal(text, &last) != nil {
		return nil, invalid(badValue, "The value for parameter NextToken is invalid.")
	}
	at, there := slices.BinarySearchFunc(found, last, compareMetrics)
	if there {
		at++
	}
	return found[at:], nil
}

// active is the metrics that have had data since a time.
func (s *Service) active(ctx context.Context, p string, since time.Time) (map[metricID]bool, error) {
	out := make(map[metricID]bool)
	for after, done := minuteKey(p, minuteOf(since)), false; !done; {
		var found []store.KV
		err := s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
			found, err = tx.List(p+"minute/", after, page)
			return err
		})
		if err != nil {
			return nil, err
		}
		done = len(found) < page
		for _, kv := range found {
			after = kv.Key
			entries, err := readBlock(kv.Value)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", kv.Key, err)
			}
			for _, e := range entries {
				out[e.id] = true
			}
		}
	}
	return out, nil
}
