package cloudwatch_test

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/cloudwatch"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/cloudwatch"
	"github.com/millrace/millrace/store"
)

// service is a Service whose clock the test drives.
type service struct {
	*cloudwatch.Service
	t      *testing.T
	file   string
	store  *store.Store
	now    time.Time
	caller model.Caller
}

var begin = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func start(t *testing.T) *service {
	s := &service{t: t, file: filepath.Join(t.TempDir(), "state.db"), now: begin, caller: model.Caller{Account: "111122223333", Region: "us-east-1"}}
	s.open()
	t.Cleanup(func() { s.store.Close() })
	return s
}

func (s *service) open() {
	s.t.Helper()
	var err error
	if s.store, err = store.Open(s.file); err != nil {
		s.t.Fatal(err)
	}
	s.Service = cloudwatch.New(cloudwatch.Config{Store: s.store, Now: func() time.Time { return s.now }})
}

// put records one value of a metric of the namespace N in each minute from the
// beginning on.
func (s *service) put(name string, values ...float64) {
	s.t.Helper()
	for i, v := range values {
		d := cloudwatch.Datum{Name: name, Unit: "Count", Time: begin.Add(time.Duration(i)*time.Minute + 20*time.Second), Sample: cloudwatch.Value(v), Dimensions: []cloudwatch.Dimension{{Name: "D", Value: "1"}}}
		if err := s.Record(s.t.Context(), s.caller.Account, s.caller.Region, "N", []cloudwatch.Datum{d}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.now = begin.Add(time.Duration(len(values)) * time.Minute)
}

var dimensions = []shape.Dimension{{Name: new("D"), Value: new("1")}}

// data asks GetMetricData with one query for each line: "id = metric stat period"
// or "id = expression".
func (s *service) data(lines ...string) (string, error) {
	s.t.Helper()
	in := &shape.GetMetricDataInput{StartTime: model.NewEpoch(begin), EndTime: model.NewEpoch(s.now), ScanBy: new("TimestampAscending")}
	for _, line := range lines {
		id, ask, _ := strings.Cut(line, " = ")
		q := shape.MetricDataQuery{Id: &id}
		if parts := strings.Split(ask, " "); len(parts) == 3 && parts[2] == "60" || len(parts) == 3 && parts[2] == "120" {
			period := int32(60)
			if parts[2] == "120" {
				period = 120
			}
			q.MetricStat = &shape.MetricStat{Stat: &parts[1], Period: &period, Metric: &shape.Metric{Namespace: new("N"), MetricName: &parts[0], Dimensions: dimensions}}
		} else {
			q.Expression = &ask
		}
		in.MetricDataQueries = append(in.MetricDataQueries, q)
	}
	out, err := s.GetMetricData(s.t.Context(), s.caller, in)
	if err != nil {
		return "", err
	}
	var text []string
	for _, r := range out.MetricDataResults {
		text = append(text, fmt.Sprint(*r.Id, r.Values))
	}
	return strings.Join(text, " "), nil
}

func TestStatistics(t *testing.T) {
	s := start(t)
	s.put("m", 1, 2, 3, 10)
	for line, want := range map[string]string{
		"a = m Average 60": "a[1 2 3 10]", "a = m Sum 120": "a[3 13]", "a = m Maximum 120": "a[2 10]", "a = m Minimum 120": "a[1 3]",
		"a = m SampleCount 120": "a[2 2]", "a = m Average 120": "a[1.5 6.5]", "a = m p50 120": "a[1 3]", "a = m p99 120": "a[2 10]",
		"a = nothing Average 60": "a[]",
	} {
		if got, err := s.data(line); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", line, got, err, want)
		}
	}
	out, err := s.GetMetricStatistics(t.Context(), s.caller, &shape.GetMetricStatisticsInput{
		Namespace: new("N"), MetricName: new("m"), Dimensions: dimensions, StartTime: model.NewEpoch(begin.Add(time.Minute)), EndTime: model.NewEpoch(s.now),
		Period: new(int32(120)), Statistics: []string{"Sum", "Average"}, ExtendedStatistics: []string{"p100"},
	})
	if err != nil || len(out.Datapoints) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	if d := out.Datapoints[0]; !d.Timestamp.Equal(begin.Add(time.Minute)) || *d.Sum != 5 || *d.Average != 2.5 || d.ExtendedStatistics["p100"] != 3 || *d.Unit != "Count" || d.Maximum != nil {
		t.Errorf("the first datapoint is %+v", d)
	}
	v, ok, err := s.Statistic(t.Context(), s.caller.Account, s.caller.Region, "N", "m", []cloudwatch.Dimension{{Name: "D", Value: "1"}}, "Average", begin, s.now)
	if err != nil || !ok || v != 4 {
		t.Errorf("Statistic: %v, %v, %v", v, ok, err)
	}
}

func TestExpressions(t *testing.T) {
	s := start(t)
	s.put("m", 1, 2, 3)
	s.put("n", 10, 20)
	s.now = begin.Add(3 * time.Minute)
	m, n := "m1 = m Average 60", "n1 = n Average 60"
	for expression, want := range map[string]string{
		"m1+n1": "[11 22]", "n1 / m1 * 2": "[20 20]", "-(m1 - 1)": "[-0 -1 -2]", "SUM(METRICS())": "[11 22 3]", "AVG([m1, n1])": "[5.5 11 3]",
		"MAX([m1,n1])-MIN([m1,n1])": "[9 18 0]", "FILL(n1, 0)": "[10 20 0]", "FILL(n1,REPEAT)": "[10 20 20]", "m1/SUM(m1)*6": "[1 2 3]", "m1/0": "[]",
	} {
		got, err := s.data(m, n, "e = "+expression)
		if _, after, _ := strings.Cut(got, "e"); err != nil || after != want {
			t.Errorf("%s: %s, %v; want %s", expression, got, err, want)
		}
	}
	for _, wrong := range []string{"m1 +", "m1 n1", "(m1", "q", "1+1", "SEARCH('x','Average',60)", "e + 1", "FILL(m1)", "SUM(1)", "[m1,1]", "m1 + REPEAT", strings.Repeat("(", 100) + "m1"} {
		got, err := s.data(m, n, "e = "+wrong)
		if known := (*model.Error)(nil); !errors.As(err, &known) || known.Code != "ValidationError" {
			t.Errorf("%s: %s, %v", wrong, got, err)
		}
	}
	if got, err := s.data("a = b + 1", "b = c + 1", "c = m Sum 60"); err != nil || got != "a[3 4 5] b[2 3 4] c[1 2 3]" {
		t.Errorf("expressions of expressions: %s, %v", got, err)
	}
	if got, err := s.data("a = b", "b = a"); err == nil {
		t.Errorf("a circle became %s", got)
	}
}

// TestDataOutliveARestartAndEnd: what is recorded is there after a restart, and
// gone after fifteen days, the metrics' names too.
func TestDataOutliveARestartAndEnd(t *testing.T) {
	s := start(t)
	s.put("m", 1, 2)
	s.store.Close()
	s.open()
	if got, err := s.data("a = m Sum 60"); err != nil || got != "a[1 2]" {
		t.Fatalf("%s, %v", got, err)
	}
	names := func() (out []string) {
		list, err := s.ListMetrics(t.Context(), s.caller, &shape.ListMetricsInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list.Metrics {
			out = append(out, *m.MetricName)
		}
		return out
	}
	s.now = begin.Add(17 * 24 * time.Hour)
	if err := s.Record(t.Context(), s.caller.Account, s.caller.Region, "N", []cloudwatch.Datum{
		{Name: "new", Time: s.now, Sample: cloudwatch.Value(1)}, {Name: "too old", Time: begin, Sample: cloudwatch.Value(1)},
	}); err != nil {
		t.Fatal(err)
	}
	if got := names(); !reflect.DeepEqual(got, []string{"new"}) {
		t.Errorf("metrics are %v", got)
	}
	kept := 0
	err := s.store.View(t.Context(), func(tx *store.Tx) error {
		all, err := tx.List("111122223333/us-east-1/cloudwatch/", "", 100)
		kept = len(all)
		return err
	})
	if err != nil || kept != 2 { // the new metric and its minute
		t.Errorf("%d keys are kept, %v", kept, err)
	}
}

func TestPutMetricData(t *testing.T) {
	s := start(t)
	put := func(d ...shape.MetricDatum) error {
		_, err := s.PutMetricData(t.Context(), s.caller, &shape.PutMetricDataInput{Namespace: new("N"), MetricData: d})
		return err
	}
	name, at := new("m"), model.NewEpoch(begin)
	if err := put(
		shape.MetricDatum{MetricName: name, Timestamp: at, Dimensions: dimensions, Value: new(1.5)},
		shape.MetricDatum{MetricName: name, Timestamp: at, Dimensions: dimensions, Values: []float64{2, 4}, Counts: []float64{3, 1}},
		shape.MetricDatum{MetricName: name, Timestamp: at, Dimensions: dimensions, StatisticValues: &shape.StatisticSet{SampleCount: new(2.0), Sum: new(1.0), Minimum: new(0.25), Maximum: new(0.75)}},
	); err != nil {
		t.Fatal(err)
	}
	s.now = begin.Add(time.Minute)
	got, err := s.data("a = m Sum 60", "b = m SampleCount 60", "c = m Minimum 60", "d = m Maximum 60", "e = m p50 60")
	if err != nil || got != "a[12.5] b[7] c[0.25] d[4] e[]" {
		t.Errorf("%s, %v", got, err)
	}
	for what, d := range map[string]shape.MetricDatum{
		"no value": {MetricName: name}, "two values": {MetricName: name, Value: new(1.0), Values: []float64{1}}, "not a number": {MetricName: name, Value: new(math.NaN())},
		"long ago": {MetricName: name, Value: new(1.0), Timestamp: model.NewEpoch(begin.Add(-15 * 24 * time.Hour))}, "too many values": {MetricName: name, Values: make([]float64, 151)},
		"counts of others": {MetricName: name, Values: []float64{1}, Counts: []float64{1, 2}},
	} {
		if err := put(d); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	if _, err := s.PutMetricData(t.Context(), s.caller, &shape.PutMetricDataInput{Namespace: new("AWS/Kafka"), MetricData: []shape.MetricDatum{{MetricName: name, Value: new(1.0)}}}); err == nil {
		t.Error("AWS's own namespace is taken")
	}
}

func TestListMetrics(t *testing.T) {
	s := start(t)
	var data []cloudwatch.Datum
	for i := range 1203 {
		data = append(data, cloudwatch.Datum{Name: fmt.Sprintf("m%04d", i), Time: begin, Sample: cloudwatch.Value(1), Dimensions: []cloudwatch.Dimension{{Name: "D", Value: fmt.Sprint(i % 2)}}})
	}
	data = append(data, cloudwatch.Datum{Name: "m0000", Unit: "Bytes", Time: begin, Sample: cloudwatch.Value(1), Dimensions: data[0].Dimensions})
	if err := s.Record(t.Context(), s.caller.Account, s.caller.Region, "N", data); err != nil {
		t.Fatal(err)
	}
	seen, pages := 0, 0
	for in := (&shape.ListMetricsInput{Namespace: new("N")}); ; pages++ {
		out, err := s.ListMetrics(t.Context(), s.caller, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Metrics {
			if *m.MetricName != data[seen].Name {
				t.Fatalf("metric %d is %s", seen, *m.MetricName)
			}
			seen++
		}
		if in.NextToken = out.NextToken; out.NextToken == nil {
			break
		}
	}
	if seen != 1203 || pages != 2 {
		t.Errorf("%d metrics on %d pages", seen, pages+1)
	}
	count := func(in *shape.ListMetricsInput) int {
		out, err := s.ListMetrics(t.Context(), s.caller, in)
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Metrics)
	}
	one := &shape.ListMetricsInput{MetricName: new("m0001"), Dimensions: []shape.DimensionFilter{{Name: new("D")}}, RecentlyActive: new("PT3H")}
	if n := count(one); n != 1 {
		t.Errorf("%d metrics of a name and a dimension", n)
	}
	s.now = begin.Add(4 * time.Hour)
	if n := count(one); n != 0 {
		t.Errorf("%d metrics are recently active", n)
	}
	other := s.caller
	other.Region = "eu-west-1"
	if out, err := s.ListMetrics(t.Context(), other, &shape.ListMetricsInput{}); err != nil || len(out.Metrics) != 0 {
		t.Errorf("another region has %d metrics, %v", len(out.Metrics), err)
	}
}

// TestDataArePaged: pages together are what one answer would be.
func TestDataArePaged(t *testing.T) {
	s := start(t)
	s.put("m", 1, 2, 3, 4, 5)
	in := &shape.GetMetricDataInput{StartTime: model.NewEpoch(begin), EndTime: model.NewEpoch(s.now), MaxDatapoints: new(int32(2)), MetricDataQueries: []shape.MetricDataQuery{
		{Id: new("a"), MetricStat: &shape.MetricStat{Stat: new("Sum"), Period: new(int32(60)), Metric: &shape.Metric{Namespace: new("N"), MetricName: new("m"), Dimensions: dimensions}}},
	}}
	var got []float64
	for {
		out, err := s.GetMetricData(t.Context(), s.caller, in)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out.MetricDataResults[0].Values...)
		if in.NextToken = out.NextToken; out.NextToken == nil {
			break
		}
	}
	if want := []float64{5, 4, 3, 2, 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	in.NextToken = new("x!")
	if _, err := s.GetMetricData(t.Context(), s.caller, in); err == nil {
		t.Error("a token of nobody's is taken")
	}
	in.NextToken, in.StartTime, in.EndTime = nil, model.NewEpoch(time.Unix(1, 0)), model.NewEpoch(begin.AddDate(5000, 0, 0))
	in.MetricDataQueries = append(in.MetricDataQueries, shape.MetricDataQuery{Id: new("f"), Expression: new("FILL(a, 0)")})
	if out, err := s.GetMetricData(t.Context(), s.caller, in); err != nil || len(out.MetricDataResults) != 2 {
		t.Errorf("all time: %v", err)
	}
}
