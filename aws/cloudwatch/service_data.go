package cloudwatch

import (
	"context"
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/cloudwatch"
)

// Limits of GetMetricData. (aws:cloudwatch GetMetricData)
const (
	maxQueries       = 500
	maxDataPerAnswer = 100_800
	maxMinutes       = 2_000_000 // that one call reads, of all metrics: about 100 MB
)

var queryID = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// dataQuery is one MetricDataQuery.
type dataQuery struct {
	id, label string
	shown     bool
	metric    asked // without an expression
	stat      statistic
	minutes   int64
	expr      *expression
}

// GetMetricData answers several metrics, and arithmetic over them, from
// StartTime up to before EndTime; datapoints begin at multiples of their period.
// aws:cloudwatch GetMetricData
func (s *Service) GetMetricData(ctx context.Context, c model.Caller, in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
	if !in.StartTime.Before(in.EndTime.Time) {
		return nil, invalid("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
	}
	queries, err := parseQueries(in.MetricDataQueries)
	if err != nil {
		return nil, err
	}
	found, err := s.answerQueries(ctx, place(c.Account, c.Region), queries, in.StartTime.Time, in.EndTime.Time)
	if err != nil {
		return nil, err
	}
	out := &cloudwatch.GetMetricDataOutput{MetricDataResults: []cloudwatch.MetricDataResult{}, Messages: []cloudwatch.MessageData{}}
	for i := range queries {
		if !queries[i].shown {
			continue
		}
		for _, r := range found[queries[i].id].all() {
			out.MetricDataResults = append(out.MetricDataResults, r.render(&queries[i], in.ScanBy))
		}
	}
	if len(out.MetricDataResults) == 0 {
		return nil, invalid("ValidationError", "At least one of the MetricDataQueries must have ReturnData set to true.")
	}
	return out, cut(out, in)
}

// parseQueries checks the queries of a call, each by itself and all together.
func parseQueries(in []cloudwatch.MetricDataQuery) ([]dataQuery, error) {
	if len(in) == 0 || len(in) > maxQueries {
		return nil, invalid("ValidationError", "The collection MetricDataQueries must have 1 to %d members.", maxQueries)
	}
	out := make([]dataQuery, 0, len(in))
	seen := make(map[string]bool)
	for i := range in {
		q, err := parseQuery(&in[i])
		switch {
		case err != nil:
			return nil, err
		case seen[q.id]:
			return nil, invalid("ValidationError", "The values for parameter id in the parameter MetricDataQueries are not unique.")
		}
		seen[q.id] = true
		out = append(out, q)
	}
	for i := range out {
		if out[i].expr == nil {
			continue
		}
		for _, id := range out[i].expr.ids {
			if !seen[id] {
				return nil, invalid("ValidationError", "Error in expression '%s': the id %s is not defined.", out[i].id, id)
			}
		}
	}
	return out, nil
}

func parseQuery(in *cloudwatch.MetricDataQuery) (dataQuery, error) {
	q := dataQuery{id: *in.Id, shown: in.ReturnData == nil || *in.ReturnData}
	if in.Label != nil {
		q.label = *in.Label
	}
	var err *model.Error
	switch m := in.MetricStat; {
	case !queryID.MatchString(q.id):
		return q, invalid("ValidationError", "The value %s for parameter id in the parameter MetricDataQueries must begin with a lowercase letter and have letters, digits and underscores alone.", q.id)
	case (m == nil) == (in.Expression == nil):
		return q, invalid("ValidationError", "Exactly one of MetricStat and Expression must be given for the id %s.", q.id)
	case in.Expression != nil:
		if in.Period != nil {
			if q.minutes, err = minutesOf(*in.Period); err != nil {
				return q, err
			}
		}
		var bad error
		if q.expr, bad = parseExpression(*in.Expression); bad != nil {
			return q, invalid("ValidationError", "Error in expression '%s': %s.", q.id, bad)
		}
		if q.label == "" {
			q.label = q.id
		}
		return q, nil
	case m.Metric.Namespace == nil || m.Metric.MetricName == nil:
		return q, invalid("ValidationError", "The metric of the id %s needs a Namespace and a MetricName.", q.id)
	default:
		var ok bool
		if q.stat, ok = parseStatistic(*m.Stat); !ok {
			return q, invalid("ValidationError", "The value %s for parameter MetricDataQueries.member.1.MetricStat.Stat is not supported.", *m.Stat)
		}
		if q.minutes, err = minutesOf(*m.Period); err != nil {
			return q, err
		}
		q.metric.metric = metric{Namespace: *m.Metric.Namespace, Name: *m.Metric.MetricName, Dimensions: sortDimensions(dimensionsOf(m.Metric.Dimensions))}
		if m.Unit != nil {
			q.metric.metric.Unit = *m.Unit
		}
		if q.label == "" {
			q.label = q.metric.metric.Name
		}
		return q, nil
	}
}

// answerQueries reads what the queries ask for, and evaluates the expressions.
func (s *Service) answerQueries(ctx context.Context, p string, queries []dataQuery, start, end time.Time) (map[string]value, error) {
	questions, widest := questionsOf(queries)
	now := s.cfg.Now()
	from := max(minuteOf(start), minuteOf(now.Add(-Retention)))
	to := min(minuteOf(end.Add(minute-1)), minuteOf(now.Add(putFuture))+1)
	if int64(len(questions))*max(0, to-from) > maxMinutes {
		return nil, invalid("ValidationError", "More than %d minutes of all metrics are asked for: ask for less time, or fewer metrics.", maxMinutes)
	}
	read, err := s.read(ctx, p, questions, floorDiv(from, widest)*widest, to)
	if err != nil {
		return nil, err
	}
	return evaluate(queries, read, from, to, 0)
}

// questionsOf is the metrics that queries read, in order, and the most minutes
// of a datapoint.
func questionsOf(queries []dataQuery) (questions []asked, widest int64) {
	widest = 1
	for i := range queries {
		if q := &queries[i]; q.expr == nil {
			questions, widest = append(questions, q.metric), max(widest, q.minutes)
		}
	}
	return questions, widest
}

// evaluate answers queries from the points of their metrics. Datapoints begin at
// multiples of their minutes from the origin.
func evaluate(queries []dataQuery, read [][]point, from, to, origin int64) (map[string]value, error) {
	e := evaluation{queries: queries, values: make(map[string]value), from: from, to: to, origin: origin}
	next := 0
	for i := range queries {
		q := &queries[i]
		if q.expr != nil {
			continue
		}
		r := series{label: q.label, minutes: q.minutes, values: make(map[int64]float64)}
		first := e.begin(q.minutes)
		points := slices.DeleteFunc(slices.Clone(read[next]), func(p point) bool { return p.minute < first })
		next++
		for _, span := range periods(points, origin, q.minutes) {
			if v, ok := q.stat.of(span.points); ok {
				r.values[minuteOf(span.start)] = v
			}
		}
		e.values[q.id] = value{list: []series{r}}
	}
	for i := range queries {
		if _, err := e.query(queries[i].id); err != nil {
			return nil, invalid("ValidationError", "Error in expression '%s': %s.", queries[i].id, err)
		}
	}
	return e.values, nil
}

func (r series) render(q *dataQuery, scan *string) cloudwatch.MetricDataResult {
	out := cloudwatch.MetricDataResult{
		Id: &q.id, Label: &q.label, StatusCode: new("Complete"), Timestamps: []model.Epoch{}, Values: []float64{},
	}
	if q.expr != nil && r.label != "" {
		out.Label = &r.label
	}
	at := sorted(r.values)
	if scan == nil || *scan != "TimestampAscending" {
		slices.Reverse(at)
	}
	for _, m := range at {
		out.Timestamps = append(out.Timestamps, model.Epoch{Time: timeOf(m)})
		out.Values = append(out.Values, r.values[m])
	}
	return out
}

// cut leaves the datapoints of one page, and says where the next begins: by how
// many of each result are before it. Results are the same by every page.
func cut(out *cloudwatch.GetMetricDataOutput, in *cloudwatch.GetMetricDataInput) error {
	skip := 0
	if in.NextToken != nil {
		text, err := base64.RawURLEncoding.DecodeString(*in.NextToken)
		if err == nil {
			skip, err = strconv.Atoi(string(text))
		}
		if err != nil || skip < 0 {
			return invalid("InvalidNextToken", "The value for parameter NextToken is invalid.")
		}
	}
	room := maxDataPerAnswer
	if in.MaxDatapoints != nil && *in.MaxDatapoints > 0 {
		room = min(room, int(*in.MaxDatapoints))
	}
	longest, results := 0, len(out.MetricDataResults)
	each := max(1, room/results)
	for i := range out.MetricDataResults {
		r := &out.MetricDataResults[i]
		longest = max(longest, len(r.Values))
		begin, end := min(skip, len(r.Values)), min(skip+each, len(r.Values))
		if end < len(r.Values) {
			r.StatusCode = new("PartialData")
		}
		r.Timestamps, r.Values = r.Timestamps[begin:end], r.Values[begin:end]
	}
	if skip+each < longest {
		out.NextToken = new(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(skip + each))))
	}
	return nil
}
