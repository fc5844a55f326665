package cloudwatch

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/cloudwatch"
	"github.com/millrace/millrace/store"
)

// alarmPrefix begins the keys of alarms, below a place.
const alarmPrefix = "alarm/"

func alarmKey(place, name string) string { return place + alarmPrefix + url.PathEscape(name) }

func historyPrefix(place, name string) string {
	return place + "alarm-history/" + url.PathEscape(name) + "/"
}

func historyKey(place, name string, event int64) string {
	return fmt.Sprintf("%s%012d", historyPrefix(place, name), event)
}

// noAlarm is the error of an alarm that is not there. UNVERIFIED wording
func noAlarm(name string) error {
	return &model.Error{Code: "ResourceNotFound", HTTP: http.StatusNotFound, Message: fmt.Sprintf("Unknown alarm: %s", name)}
}

func isNoAlarm(err error) bool {
	e, ok := errors.AsType[*model.Error](err)
	return ok && e.Code == "ResourceNotFound"
}

// findAlarm reads an alarm.
func findAlarm(tx *store.Tx, place, name string) (alarm, error) {
	a, ok, err := store.GetJSON[alarm](tx, alarmKey(place, name))
	if err == nil && !ok {
		err = noAlarm(name)
	}
	return a, err
}

// listAlarms reads the alarms of a place, by name.
func listAlarms(tx *store.Tx, place string) (all []alarm, err error) {
	found, err := tx.List(place+alarmPrefix, "", maxAlarms)
	if err != nil {
		return nil, err
	}
	for _, kv := range found {
		a, _, err := store.GetJSON[alarm](tx, kv.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b alarm) int { return cmp.Compare(*a.Config.AlarmName, *b.Config.AlarmName) })
	return all, nil
}

// PutMetricAlarm makes an alarm, or replaces what one watches; its state stays.
// aws:cloudwatch PutMetricAlarm
func (s *Service) PutMetricAlarm(ctx context.Context, c model.Caller, in *cloudwatch.PutMetricAlarmInput) (*cloudwatch.PutMetricAlarmResponse, error) {
	if _, err := parseAlarm(in); err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	config := *in
	config.Tags = nil
	p, now := place(c.Account, c.Region), s.cfg.Now().UTC()
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		a, there, err := store.GetJSON[alarm](tx, alarmKey(p, *in.AlarmName))
		if err != nil {
			return err
		}
		what, kind := "updated", "Update"
		if !there {
			all, err := tx.List(p+alarmPrefix, "", maxAlarms)
			if err != nil {
				return err
			}
			if len(all) >= maxAlarms {
				return invalid("LimitExceeded", "The maximum limit of %d alarms has been exceeded.", maxAlarms)
			}
			a = alarm{Tags: tags, State: stateNoData, Reason: reasonInitial, Since: now}
			what, kind = "created", "Create"
		}
		a.Config, a.Updated = config, now
		data := map[string]any{"version": "1.0", "type": kind}
		return putAlarm(tx, p, a, item{now, "ConfigurationUpdate", fmt.Sprintf("Alarm %q %s", *in.AlarmName, what), encode(data)})
	})
	if err != nil {
		return nil, err
	}
	return &cloudwatch.PutMetricAlarmResponse{}, nil
}

// item is one of an alarm's history.
type item struct {
	Time    time.Time `json:"time"`
	Type    string    `json:"type"`
	Summary string    `json:"summary"`
	Data    string    `json:"data"` // JSON
}

// putAlarm writes an alarm and more of its history, whose oldest goes.
func putAlarm(tx *store.Tx, place string, a alarm, more ...item) error {
	name := *a.Config.AlarmName
	for _, it := range more {
		a.Events++
		if err := store.PutJSON(tx, historyKey(place, name, a.Events), it); err != nil {
			return err
		}
		if err := tx.Delete(historyKey(place, name, a.Events-maxHistory)); err != nil {
			return err
		}
	}
	return store.PutJSON(tx, alarmKey(place, name), a)
}

// DeleteAlarms deletes alarms with their history: all that are named, or none.
// aws:cloudwatch DeleteAlarms
func (s *Service) DeleteAlarms(ctx context.Context, c model.Caller, in *cloudwatch.DeleteAlarmsInput) (*cloudwatch.DeleteAlarmsResponse, error) {
	p := place(c.Account, c.Region)
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		for _, name := range in.AlarmNames {
			if _, err := findAlarm(tx, p, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range in.AlarmNames {
		err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
			found, err := tx.List(historyPrefix(p, name), "", maxHistory)
			if err != nil {
				return err
			}
			for _, kv := range found {
				if err := tx.Delete(kv.Key); err != nil {
					return err
				}
			}
			return tx.Delete(alarmKey(p, name))
		})
		if err != nil {
			return nil, err
		}
	}
	return &cloudwatch.DeleteAlarmsResponse{}, nil
}

// DescribeAlarms lists metric alarms by name; there are no others.
// aws:cloudwatch DescribeAlarms
func (s *Service) DescribeAlarms(ctx context.Context, c model.Caller, in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
	out := &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []cloudwatch.MetricAlarm{}, CompositeAlarms: []cloudwatch.CompositeAlarm{}}
	switch {
	case in.AlarmNamePrefix != nil && len(in.AlarmNames) > 0:
		return nil, invalid("ValidationError", "AlarmNamePrefix and AlarmNames cannot be specified together.")
	case in.ChildrenOfAlarmName != nil || in.ParentsOfAlarmName != nil, len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, "MetricAlarm"):
		return out, nil
	}
	var all []alarm
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		all, err = listAlarms(tx, place(c.Account, c.Region))
		return err
	})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(a alarm) bool { return !a.described(in) })
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(a alarm) bool { return *a.Config.AlarmName <= after && after != "" })
	if n := records(in.MaxRecords); len(all) > n {
		all = all[:n]
		out.NextToken = new(encodeToken(*all[n-1].Config.AlarmName))
	}
	for i := range all {
		out.MetricAlarms = append(out.MetricAlarms, all[i].render(c))
	}
	return out, nil
}

// described reports whether an alarm is one of those asked for.
func (a *alarm) described(in *cloudwatch.DescribeAlarmsInput) bool {
	name := *a.Config.AlarmName
	actions := slices.Concat(a.Config.AlarmActions, a.Config.OKActions, a.Config.InsufficientDataActions)
	return (len(in.AlarmNames) == 0 || slices.Contains(in.AlarmNames, name)) &&
		(in.AlarmNamePrefix == nil || strings.HasPrefix(name, *in.AlarmNamePrefix)) &&
		(in.StateValue == nil || *in.StateValue == a.State) &&
		(in.ActionPrefix == nil || slices.ContainsFunc(actions, func(arn string) bool { return strings.HasPrefix(arn, *in.ActionPrefix) }))
}

func (a *alarm) render(c model.Caller) cloudwatch.MetricAlarm {
	in := &a.Config
	out := cloudwatch.MetricAlarm{
		AlarmName: in.AlarmName, AlarmArn: new(alarmARN(c, *in.AlarmName)), AlarmDescription: in.AlarmDescription,
		AlarmConfigurationUpdatedTimestamp: model.NewEpoch(a.Updated), ActionsEnabled: new(a.acts()),
		OKActions: orEmpty(in.OKActions), AlarmActions: orEmpty(in.AlarmActions), InsufficientDataActions: orEmpty(in.InsufficientDataActions),
		StateValue: &a.State, StateReason: &a.Reason, StateUpdatedTimestamp: model.NewEpoch(a.Since), StateTransitionedTimestamp: model.NewEpoch(a.Since),
		MetricName: in.MetricName, Namespace: in.Namespace, Statistic: in.Statistic, ExtendedStatistic: in.ExtendedStatistic, Dimensions: orEmpty(in.Dimensions),
		Period: in.Period, Unit: in.Unit, EvaluationPeriods: in.EvaluationPeriods, DatapointsToAlarm: in.DatapointsToAlarm, Threshold: in.Threshold,
		ComparisonOperator: in.ComparisonOperator, TreatMissingData: in.TreatMissingData, EvaluateLowSampleCountPercentile: in.EvaluateLowSampleCountPercentile,
		Metrics: in.Metrics,
	}
	if a.Data != "" {
		out.StateReasonData = &a.Data
	}
	return out
}

// acts reports whether its actions are enabled.
func (a *alarm) acts() bool { return a.Config.ActionsEnabled == nil || *a.Config.ActionsEnabled }

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// records is how many elements of a list are asked for.
func records(n *int32) int {
	if n != nil {
		return int(*n)
	}
	return 50
}

func encodeToken(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decodeToken(token *string) (string, error) {
	if token == nil {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || len(text) == 0 {
		return "", invalid("InvalidNextToken", "The value for parameter NextToken is invalid.")
	}
	return string(text), nil
}

// change changes an alarm.
func (s *Service) change(ctx context.Context, c model.Caller, name string, do func(*alarm) ([]item, error)) error {
	p := place(c.Account, c.Region)
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		a, err := findAlarm(tx, p, name)
		if err != nil {
			return err
		}
		more, err := do(&a)
		if err != nil {
			return err
		}
		return putAlarm(tx, p, a, more...)
	})
}

// SetAlarmState gives an alarm a state until its next evaluation, and begins the
// actions of that state. aws:cloudwatch SetAlarmState
func (s *Service) SetAlarmState(ctx context.Context, c model.Caller, in *cloudwatch.SetAlarmStateInput) (*cloudwatch.SetAlarmStateResponse, error) {
	data := ""
	if in.StateReasonData != nil {
		data = *in.StateReasonData
	}
	if data != "" && !json.Valid([]byte(data)) { // UNVERIFIED wording
		return nil, invalid("InvalidFormat", "StateReasonData is not valid JSON.")
	}
	err := s.change(ctx, c, *in.AlarmName, func(a *alarm) ([]item, error) {
		return a.become(*in.StateValue, *in.StateReason, data, s.cfg.Now().UTC()), nil
	})
	if err != nil {
		return nil, err
	}
	return &cloudwatch.SetAlarmStateResponse{}, nil
}

// become changes the state, and answers what the history has of it. Actions are
// not executed: nothing that one may name is here.
func (a *alarm) become(state, reason, data string, now time.Time) []item {
	shown := func(state, reason, data string) map[string]any {
		out := map[string]any{"stateValue": state, "stateReason": reason}
		if data != "" {
			out["stateReasonData"] = data
		}
		return out
	}
	update := map[string]any{"version": "1.0", "oldState": shown(a.State, a.Reason, a.Data), "newState": shown(state, reason, data)}
	more := []item{{now, "StateUpdate", fmt.Sprintf("Alarm updated from %s to %s", a.State, state), encode(update)}}
	changed := a.State != state
	a.State, a.Reason, a.Data, a.Since = state, reason, data, now
	if !changed || !a.acts() {
		return more
	}
	actions := map[string][]string{stateOK: a.Config.OKActions, stateAlarm: a.Config.AlarmActions, stateNoData: a.Config.InsufficientDataActions}
	for _, arn := range actions[state] {
		failed := map[string]any{"version": "1.0", "actionState": "Failed", "notificationResource": arn, "stateUpdateTimestamp": now.UnixMilli(), "error": "There is no service here that executes the action."}
		more = append(more, item{now, "Action", cutText("Failed to execute action "+arn, 255), encode(failed)})
	}
	return more
}

func cutText(s string, most int) string { return s[:min(len(s), most)] }

// EnableAlarmActions enables the actions of alarms; names of none are left out.
// aws:cloudwatch EnableAlarmActions
func (s *Service) EnableAlarmActions(ctx context.Context, c model.Caller, in *cloudwatch.EnableAlarmActionsInput) (*cloudwatch.EnableAlarmActionsResponse, error) {
	return &cloudwatch.EnableAlarmActionsResponse{}, s.enable(ctx, c, in.AlarmNames, true)
}

// DisableAlarmActions disables the actions of alarms.
// aws:cloudwatch DisableAlarmActions
func (s *Service) DisableAlarmActions(ctx context.Context, c model.Caller, in *cloudwatch.DisableAlarmActionsInput) (*cloudwatch.DisableAlarmActionsResponse, error) {
	return &cloudwatch.DisableAlarmActionsResponse{}, s.enable(ctx, c, in.AlarmNames, false)
}

func (s *Service) enable(ctx context.Context, c model.Caller, names []string, on bool) error {
	for _, name := range names {
		err := s.change(ctx, c, name, func(a *alarm) ([]item, error) {
			a.Config.ActionsEnabled = &on
			return nil, nil
		})
		if err != nil && !isNoAlarm(err) {
			return err
		}
	}
	return nil
}
