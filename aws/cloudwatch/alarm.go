package cloudwatch

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/cloudwatch"
)

// alarm is the document of a metric alarm: what it watches, and how it is.
type alarm struct {
	Config  cloudwatch.PutMetricAlarmInput `json:"config"` // as it was put, without tags
	Tags    map[string]string              `json:"tags,omitempty"`
	Updated time.Time                      `json:"updated"` // when Config was put
	State   string                         `json:"state"`
	Reason  string                         `json:"reason"`
	Data    string                         `json:"data,omitempty"` // JSON
	Since   time.Time                      `json:"since"`          // of State
	Events  int64                          `json:"events"`         // that its history has had
}

// The states.
const (
	stateOK       = "OK"
	stateAlarm    = "ALARM"
	stateNoData   = "INSUFFICIENT_DATA"
	reasonInitial = "Unchecked: Initial alarm creation"
)

// What a missing datapoint counts as. (aws:cloudwatch PutMetricAlarm
// TreatMissingData)
const (
	asMissing      = "missing"
	asIgnored      = "ignore"
	asBreaching    = "breaching"
	asNotBreaching = "notBreaching"
)

// Limits of alarms. (aws:cloudwatch PutMetricAlarm; the number of alarms, and of
// what is kept of each one's history, is ours)
const (
	maxAlarms       = 500 // of an account and region
	maxHistory      = 50  // items of an alarm; the oldest goes
	historyAge      = 30 * day
	maxAlarmQueries = 10
	maxAlarmMinutes = 24 * 60 // EvaluationPeriods times Period
	maxWeekMinutes  = 7 * 24 * 60
	extraPeriods    = 2 // that are looked back to when datapoints are missing; UNVERIFIED
)

// comparison is a ComparisonOperator that needs no model of what is normal.
type comparison struct {
	breaches func(v, threshold float64) bool
	words    string
}

var comparisons = map[string]comparison{
	"GreaterThanOrEqualToThreshold": {func(v, t float64) bool { return v >= t }, "greater than or equal to"},
	"GreaterThanThreshold":          {func(v, t float64) bool { return v > t }, "greater than"},
	"LessThanThreshold":             {func(v, t float64) bool { return v < t }, "less than"},
	"LessThanOrEqualToThreshold":    {func(v, t float64) bool { return v <= t }, "less than or equal to"},
}

// watch is what an alarm watches, checked.
type watch struct {
	queries   []dataQuery
	id        string // of the query whose value is compared
	minutes   int64  // of a datapoint
	periods   int    // that are looked at
	toAlarm   int    // of those, that must breach
	threshold float64
	compare   comparison
	missing   string
	stat      string // for the reason; "" of an expression
}

// back is how many minutes before now the watch looks at.
func (w *watch) back() int64 { return int64(w.periods+extraPeriods) * w.minutes }

// parseAlarm checks an alarm. Wordings are UNVERIFIED where nothing is said.
func parseAlarm(in *cloudwatch.PutMetricAlarmInput) (watch, error) {
	w := watch{missing: asMissing}
	if err := checkServed(in); err != nil {
		return w, err
	}
	ok := false
	if w.compare, ok = comparisons[*in.ComparisonOperator]; !ok {
		return w, invalid(badValue, "Comparisons with anomaly detection models are not served: %s", *in.ComparisonOperator)
	}
	w.threshold, w.periods, w.toAlarm = *in.Threshold, int(*in.EvaluationPeriods), int(*in.EvaluationPeriods)
	if in.DatapointsToAlarm != nil {
		w.toAlarm = int(*in.DatapointsToAlarm)
	}
	if in.TreatMissingData != nil {
		w.missing = *in.TreatMissingData
	}
	switch {
	case math.IsNaN(w.threshold) || math.IsInf(w.threshold, 0):
		return w, invalid(badValue, "The value %v for parameter Threshold is invalid.", w.threshold)
	case w.toAlarm > w.periods:
		return w, invalid("ValidationError", "DatapointsToAlarm must be less than or equal to EvaluationPeriods")
	case !slices.Contains([]string{asMissing, asIgnored, asBreaching, asNotBreaching}, w.missing):
		return w, invalid(badValue, "The value %s is not supported for TreatMissingData parameter. Supported values are [breaching, notBreaching, ignore, missing].", w.missing)
	}
	if err := w.parseMetrics(in); err != nil {
		return w, err
	}
	most := int64(maxAlarmMinutes)
	if w.minutes >= 60 {
		most = maxWeekMinutes
	}
	if int64(w.periods)*w.minutes > most { // AWS's words
		return w, invalid("ValidationError", "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= %d).", most*60)
	}
	return w, nil
}

// checkServed refuses what is left out of an alarm, or is not built.
func checkServed(in *cloudwatch.PutMetricAlarmInput) error {
	for _, p := range []struct {
		name            string
		refused, absent bool
	}{
		{name: "ActionConfiguration", refused: in.ActionConfiguration != nil},
		{name: "EvaluationCriteria", refused: in.EvaluationCriteria != nil},
		{name: "EvaluationInterval", refused: in.EvaluationInterval != nil},
		{name: "EvaluationWindow", refused: in.EvaluationWindow != nil},
		{name: "ThresholdMetricId", refused: in.ThresholdMetricId != nil},
		{name: "WarmUpConfiguration", refused: in.WarmUpConfiguration != nil},
		{name: "EvaluateLowSampleCountPercentile ignore", refused: in.EvaluateLowSampleCountPercentile != nil && *in.EvaluateLowSampleCountPercentile != "evaluate"},
		{name: "ComparisonOperator", absent: in.ComparisonOperator == nil},
		{name: "EvaluationPeriods", absent: in.EvaluationPeriods == nil},
		{name: "Threshold", absent: in.Threshold == nil},
	} {
		switch {
		case p.refused:
			return invalid(badValue, "The parameter %s is not served.", p.name)
		case p.absent:
			return invalid(missing, "The parameter %s is required.", p.name)
		}
	}
	for _, arn := range slices.Concat(in.AlarmActions, in.OKActions, in.InsufficientDataActions) {
		if strings.Count(arn, ":") < 5 || !strings.HasPrefix(arn, "arn:") {
			return invalid(badValue, "Invalid arn syntax: %s", arn)
		}
	}
	return nil
}

// parseMetrics reads what is watched: one metric, or queries of which one is to
// be compared.
func (w *watch) parseMetrics(in *cloudwatch.PutMetricAlarmInput) error {
	single := in.MetricName != nil
	switch {
	case single && len(in.Metrics) > 0:
		return invalid(badCombination, "Exactly one of MetricName and Metrics must be specified.")
	case !single && len(in.Metrics) == 0:
		return invalid(missing, "Exactly one of MetricName and Metrics must be specified.")
	case len(in.Metrics) > maxAlarmQueries:
		return invalid(badValue, "An alarm can have at most %d Metrics.", maxAlarmQueries)
	}
	queries := in.Metrics
	if single {
		q, err := singleQuery(in)
		if err != nil {
			return err
		}
		queries, w.stat = []cloudwatch.MetricDataQuery{q}, *q.MetricStat.Stat
	}
	var err error
	if w.queries, err = parseQueries(queries); err != nil {
		return err
	}
	shown := 0
	for i := range w.queries {
		q := &w.queries[i]
		if q.shown {
			shown++
			w.id, w.minutes = q.id, q.minutes
		}
	}
	for i := range w.queries { // an expression's datapoints are as long as those of its metrics
		w.minutes = max(w.minutes, w.queries[i].minutes)
	}
	if shown != 1 {
		return invalid("ValidationError", "Exactly one of the Metrics must have ReturnData set to true.")
	}
	return nil
}

// singleQuery is the query of an alarm over one metric.
func singleQuery(in *cloudwatch.PutMetricAlarmInput) (q cloudwatch.MetricDataQuery, err error) {
	stat := in.Statistic
	if stat == nil {
		stat = in.ExtendedStatistic
	}
	switch {
	case in.Namespace == nil:
		return q, invalid(missing, "The parameter Namespace is required.")
	case in.Period == nil:
		return q, invalid(missing, "The parameter Period is required.")
	case in.Statistic != nil && in.ExtendedStatistic != nil, stat == nil:
		return q, invalid(badCombination, "Exactly one of Statistic and ExtendedStatistic must be specified.")
	}
	return cloudwatch.MetricDataQuery{Id: new("m1"), MetricStat: &cloudwatch.MetricStat{
		Metric: &cloudwatch.Metric{Namespace: in.Namespace, MetricName: in.MetricName, Dimensions: in.Dimensions},
		Period: in.Period, Stat: stat, Unit: in.Unit,
	}}, nil
}

// datapoint of an alarm: a period's value.
type reading struct {
	at    int64 // the minute that it begins at
	value float64
	known bool
}

// verdict is what an alarm's datapoints say.
type verdict struct {
	state  string    // "": it stays as it is
	points []reading // that said it, the newest first
	filled int       // periods without one that count as TreatMissingData says
}

// judge decides an alarm's state from its newest periods, the newest first, of
// which there are more than the alarm looks at. (aws:cloudwatch user guide, how
// alarms treat missing data)
func (w *watch) judge(all []reading) verdict {
	var v verdict
	breaching, oldest := 0, 0 // periods since the oldest that breaches
	for i, r := range all {
		if !r.known || len(v.points) == w.periods {
			continue
		}
		v.points = append(v.points, r)
		if w.compare.breaches(r.value, w.threshold) {
			breaching, oldest = breaching+1, i+1
		}
	}
	real := len(v.points)
	if real < w.periods && (w.missing == asBreaching || w.missing == asNotBreaching) {
		v.filled = w.periods - real
		if w.missing == asBreaching {
			breaching += v.filled
		}
	}
	switch {
	case breaching >= w.toAlarm:
		v.state = stateAlarm
	case real+v.filled == w.periods || real > breaching:
		v.state = stateOK
	case real == 0 && w.missing == asMissing:
		v.state = stateNoData
	case w.missing == asMissing && oldest >= w.toAlarm: // all that there are breach, and for long enough
		v.state = stateAlarm
	}
	return v
}

// reason tells why, in AWS's words. Those about missing datapoints are
// UNVERIFIED.
func (w *watch) reason(v verdict) string {
	n := len(v.points)
	if v.state == stateNoData {
		return fmt.Sprintf("Insufficient Data: %s unknown.", datapoints(w.periods))
	}
	treated := ""
	if v.filled > 0 {
		treated = fmt.Sprintf("%s treated as [%s]", missingDatapoints(v.filled), map[string]string{asBreaching: "Breaching", asNotBreaching: "NonBreaching"}[w.missing])
	}
	if n == 0 {
		return fmt.Sprintf("Threshold Crossed: no datapoints were received for %s and %s.", plural(w.periods, "period"), treated)
	}
	said, negated, from, least := 0, "", stateOK, w.toAlarm
	var shown []string
	if v.state == stateOK {
		negated, from, least = "not ", stateAlarm, w.periods-w.toAlarm+1
	}
	for i, r := range v.points {
		if i < maxShown {
			shown = append(shown, fmt.Sprintf("%s (%s)", double(r.value), timeOf(r.at).Format("02/01/06 15:04:05")))
		}
		if w.compare.breaches(r.value, w.threshold) == (v.state == stateAlarm) {
			said++
		}
	}
	if treated != "" {
		treated = " and " + treated
	}
	verb := "were"
	if said == 1 {
		verb = "was"
	}
	return fmt.Sprintf("Threshold Crossed: %d out of the last %d datapoints [%s] %s %s%s the threshold (%s)%s (minimum %s for %s -> %s transition).",
		said, n, strings.Join(shown, ", "), verb, negated, w.compare.words, double(w.threshold), treated, plural(least, "datapoint"), from, v.state)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func datapoints(n int) string {
	if n == 1 {
		return "1 datapoint was"
	}
	return fmt.Sprintf("%d datapoints were", n)
}

func missingDatapoints(n int) string {
	if n == 1 {
		return "1 missing datapoint was"
	}
	return fmt.Sprintf("%d missing datapoints were", n)
}

// double writes a number as AWS does: 5.0.
func double(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

const alarmTime = "2006-01-02T15:04:05.000-0700"

// data is the JSON of StateReasonData. aws:cloudwatch MetricAlarm
func (w *watch) data(v verdict, now time.Time) string {
	type evaluated struct {
		Timestamp string  `json:"timestamp"`
		Value     float64 `json:"value"`
	}
	d := struct {
		Version   string      `json:"version"`
		QueryDate string      `json:"queryDate"`
		StartDate string      `json:"startDate,omitempty"`
		Statistic string      `json:"statistic,omitempty"`
		Period    int64       `json:"period"`
		Recent    []float64   `json:"recentDatapoints"`
		Threshold float64     `json:"threshold"`
		Evaluated []evaluated `json:"evaluatedDatapoints"`
	}{Version: "1.0", QueryDate: now.UTC().Format(alarmTime), Statistic: w.stat, Period: 60 * w.minutes, Threshold: w.threshold, Recent: []float64{}, Evaluated: []evaluated{}}
	for _, r := range v.points[:min(len(v.points), maxShown)] {
		at := timeOf(r.at).Format(alarmTime)
		d.Evaluated, d.StartDate = append(d.Evaluated, evaluated{at, r.value}), at
		d.Recent = append([]float64{r.value}, d.Recent...)
	}
	return encode(d)
}

// maxShown is how many datapoints a state's data and reason name: they must fit.
const maxShown = 10

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers that are finite
	}
	return string(text)
}

// alarmARN names an alarm.
func alarmARN(c model.Caller, name string) string {
	return fmt.Sprintf("arn:%s:cloudwatch:%s:%s:alarm:%s", c.Partition(), c.Region, c.Account, name)
}
