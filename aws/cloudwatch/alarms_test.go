package cloudwatch_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/cloudwatch"
)

func above(name string, threshold float64) *shape.PutMetricAlarmInput {
	return &shape.PutMetricAlarmInput{
		AlarmName: &name, Namespace: new("N"), MetricName: new("m"), Dimensions: dimensions, Statistic: new("Maximum"), Period: new(int32(60)),
		EvaluationPeriods: new(int32(1)), Threshold: &threshold, ComparisonOperator: new("GreaterThanThreshold"),
		AlarmActions: []string{"arn:aws:sns:us-east-1:111122223333:pager"}, Tags: []shape.Tag{{Key: new("team"), Value: new("a")}},
	}
}

func (s *service) alarms(in *shape.DescribeAlarmsInput) (out []shape.MetricAlarm) {
	s.t.Helper()
	for {
		page, err := s.DescribeAlarms(s.t.Context(), s.caller, in)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, page.MetricAlarms...)
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return out
		}
	}
}

// look evaluates the alarms and answers the state of one.
func (s *service) look(name string) string {
	s.t.Helper()
	if err := s.EvaluateAlarms(s.t.Context(), s.now); err != nil {
		s.t.Fatal(err)
	}
	all := s.alarms(&shape.DescribeAlarmsInput{AlarmNames: []string{name}})
	if len(all) != 1 {
		s.t.Fatalf("%d alarms %s", len(all), name)
	}
	return *all[0].StateValue
}

// history is the summaries of an alarm's history, the oldest first.
func (s *service) history(name string) string {
	s.t.Helper()
	in := &shape.DescribeAlarmHistoryInput{AlarmName: &name, ScanBy: new("TimestampAscending"), MaxRecords: new(int32(2))}
	var all []string
	for {
		out, err := s.DescribeAlarmHistory(s.t.Context(), s.caller, in)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, it := range out.AlarmHistoryItems {
			all = append(all, *it.HistorySummary)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return strings.Join(all, "; ")
		}
	}
}

func TestAlarm(t *testing.T) {
	s := start(t)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.PutMetricAlarm(t.Context(), s.caller, above("high/1", 5)))
	if got := s.look("high/1"); got != "INSUFFICIENT_DATA" {
		t.Errorf("a new alarm is %s", got)
	}
	s.put("m", 1, 2, 9)
	if got := s.look("high/1"); got != "ALARM" {
		t.Errorf("beyond the threshold: %s", got)
	}
	s.store.Close()
	s.open()
	if got := s.look("high/1"); got != "ALARM" {
		t.Errorf("after another start: %s", got)
	}
	alarm := s.alarms(&shape.DescribeAlarmsInput{StateValue: new("ALARM"), ActionPrefix: new("arn:aws:sns")})[0]
	if *alarm.AlarmArn != "arn:aws:cloudwatch:us-east-1:111122223333:alarm:high/1" || !*alarm.ActionsEnabled || !alarm.StateUpdatedTimestamp.Equal(s.now) ||
		!strings.HasPrefix(*alarm.StateReason, "Threshold Crossed: 1 out of the last 1 datapoints [9.0 (") || !strings.Contains(*alarm.StateReasonData, `"recentDatapoints":[9]`) {
		t.Errorf("%+v %s %s", alarm, *alarm.StateReason, *alarm.StateReasonData)
	}
	must(s.DisableAlarmActions(t.Context(), s.caller, &shape.DisableAlarmActionsInput{AlarmNames: []string{"high/1", "none"}}))
	must(s.SetAlarmState(t.Context(), s.caller, &shape.SetAlarmStateInput{AlarmName: new("high/1"), StateValue: new("OK"), StateReason: new("a test")}))
	s.now = s.now.Add(time.Second)
	if got := s.look("high/1"); got != "ALARM" {
		t.Errorf("a state that was set lasts beyond an evaluation: %s", got)
	}
	const want = `Alarm "high/1" created; Alarm updated from INSUFFICIENT_DATA to ALARM; Failed to execute action arn:aws:sns:us-east-1:111122223333:pager; Alarm updated from ALARM to OK; Alarm updated from OK to ALARM`
	if got := s.history("high/1"); got != want {
		t.Error(got)
	}
	changed := above("high/1", 100)
	must(s.PutMetricAlarm(t.Context(), s.caller, changed))
	if got := *s.alarms(&shape.DescribeAlarmsInput{AlarmNamePrefix: new("hi")})[0].StateValue; got != "ALARM" {
		t.Errorf("an alarm that is put again becomes %s", got)
	}
	if got := s.look("high/1"); got != "OK" {
		t.Errorf("by its new threshold: %s", got)
	}
	if !strings.HasSuffix(s.history("high/1"), `Alarm "high/1" updated; Alarm updated from ALARM to OK`) {
		t.Error(s.history("high/1"))
	}
	must(s.DeleteAlarms(t.Context(), s.caller, &shape.DeleteAlarmsInput{AlarmNames: []string{"high/1"}}))
	if got := s.alarms(&shape.DescribeAlarmsInput{}); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	must(nil, s.EvaluateAlarms(t.Context(), s.now))
}

// TestAlarmOverMath: an expression over metrics with periods of five minutes, of
// which each evaluation sees the newest.
func TestAlarmOverMath(t *testing.T) {
	s := start(t)
	stat := func(id, name string) shape.MetricDataQuery {
		return shape.MetricDataQuery{Id: &id, ReturnData: new(false), MetricStat: &shape.MetricStat{
			Metric: &shape.Metric{Namespace: new("N"), MetricName: &name, Dimensions: dimensions}, Period: new(int32(300)), Stat: new("Sum"),
		}}
	}
	in := above("ratio", 2)
	in.Namespace, in.MetricName, in.Dimensions, in.Statistic, in.Period = nil, nil, nil, nil, nil
	in.Metrics = []shape.MetricDataQuery{stat("a", "x"), stat("b", "y"), {Id: new("r"), Expression: new("a/b"), Label: new("ratio"), ReturnData: new(true)}}
	if _, err := s.PutMetricAlarm(t.Context(), s.caller, in); err != nil {
		t.Fatal(err)
	}
	s.put("x", 1, 1, 1, 1, 1, 9, 9)
	s.put("y", 1, 1, 1, 1, 1, 1, 1) // in the newest five minutes 21 to 5
	if got := s.look("ratio"); got != "ALARM" {
		t.Errorf("21/5 > 2: %s", got)
	}
	if got := s.alarms(&shape.DescribeAlarmsInput{})[0]; !strings.Contains(*got.StateReason, "[4.2 (24/11/26 10:02:00)]") || len(got.Metrics) != 3 {
		t.Errorf("%s %+v", *got.StateReason, got.Metrics)
	}
}

func TestAlarmsAreChecked(t *testing.T) {
	s := start(t)
	for want, change := range map[string]func(*shape.PutMetricAlarmInput){
		"MissingParameter ComparisonOperator": func(in *shape.PutMetricAlarmInput) { in.ComparisonOperator = nil },
		"MissingParameter Threshold":          func(in *shape.PutMetricAlarmInput) { in.Threshold = nil },
		"MissingParameter Period":             func(in *shape.PutMetricAlarmInput) { in.Period = nil },
		"MissingParameter MetricName":         func(in *shape.PutMetricAlarmInput) { in.MetricName = nil },
		"InvalidParameterValue NaN":           func(in *shape.PutMetricAlarmInput) { in.Threshold = new(math.NaN()) },
		"InvalidParameterValue anomaly":       func(in *shape.PutMetricAlarmInput) { in.ComparisonOperator = new("GreaterThanUpperThreshold") },
		"InvalidParameterValue Missing":       func(in *shape.PutMetricAlarmInput) { in.TreatMissingData = new("perhaps") },
		"InvalidParameterValue arn syntax":    func(in *shape.PutMetricAlarmInput) { in.OKActions = []string{"pager"} },
		"InvalidParameterValue Warm":          func(in *shape.PutMetricAlarmInput) { in.WarmUpConfiguration = &shape.WarmUpConfiguration{} },
		"InvalidParameterCombination Statistic": func(in *shape.PutMetricAlarmInput) {
			in.ExtendedStatistic = new("p99")
		},
		"ValidationError more than a day": func(in *shape.PutMetricAlarmInput) { in.EvaluationPeriods = new(int32(1441)) },
		"ValidationError Datapoints":      func(in *shape.PutMetricAlarmInput) { in.DatapointsToAlarm = new(int32(2)) },
	} {
		in := above("a", 1)
		change(in)
		_, err := s.PutMetricAlarm(t.Context(), s.caller, in)
		code, words, _ := strings.Cut(want, " ")
		if e, ok := err.(*model.Error); !ok || e.Code != code || !strings.Contains(e.Message, words) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, call := range map[string]func() error{
		"InvalidFormat": func() error {
			_, err := s.SetAlarmState(t.Context(), s.caller, &shape.SetAlarmStateInput{AlarmName: new("a"), StateValue: new("OK"), StateReason: new(""), StateReasonData: new("{")})
			return err
		},
		"ResourceNotFound": func() error {
			_, err := s.SetAlarmState(t.Context(), s.caller, &shape.SetAlarmStateInput{AlarmName: new("a"), StateValue: new("OK"), StateReason: new("")})
			return err
		},
		"ResourceNotFoundException": func() error {
			_, err := s.ListTagsForResource(t.Context(), s.caller, &shape.ListTagsForResourceInput{ResourceARN: new("arn:aws:cloudwatch:us-east-1:111122223333:alarm:a")})
			return err
		},
	} {
		if e, ok := call().(*model.Error); !ok || e.Code != want {
			t.Errorf("%s: %v", want, e)
		}
	}
}

// TestAlarmsAreBounded: in number, in what is kept of each, and in tags.
func TestAlarmsAreBounded(t *testing.T) {
	s := start(t)
	for i := range 500 {
		if _, err := s.PutMetricAlarm(t.Context(), s.caller, above(fmt.Sprint("a", i), 5)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.PutMetricAlarm(t.Context(), s.caller, above("more", 5)); err == nil || !strings.Contains(err.Error(), "limit of 500 alarms") {
		t.Error(err)
	}
	if got := s.alarms(&shape.DescribeAlarmsInput{MaxRecords: new(int32(100))}); len(got) != 500 {
		t.Errorf("%d alarms in pages", len(got))
	}
	arn := new("arn:aws:cloudwatch:us-east-1:111122223333:alarm:a7")
	if _, err := s.TagResource(t.Context(), s.caller, &shape.TagResourceInput{ResourceARN: arn, Tags: []shape.Tag{{Key: new("k"), Value: new("v")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UntagResource(t.Context(), s.caller, &shape.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"team"}}); err != nil {
		t.Fatal(err)
	}
	if out, err := s.ListTagsForResource(t.Context(), s.caller, &shape.ListTagsForResourceInput{ResourceARN: arn}); err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "k" {
		t.Errorf("%+v %v", out, err)
	}
	for i := range 60 {
		state := []string{"OK", "ALARM"}[i%2]
		if _, err := s.SetAlarmState(t.Context(), s.caller, &shape.SetAlarmStateInput{AlarmName: new("a7"), StateValue: &state, StateReason: new("")}); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(s.history("a7"), ";") + 1; got != 50 {
		t.Errorf("%d items are kept", got)
	}
	if _, err := s.EnableAlarmActions(t.Context(), s.caller, &shape.EnableAlarmActionsInput{AlarmNames: []string{"a7"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.EvaluateAlarms(t.Context(), s.now); err != nil {
		t.Fatal(err)
	}
}
