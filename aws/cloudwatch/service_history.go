package cloudwatch

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/cloudwatch"
	"github.com/millrace/millrace/store"
)

// DescribeAlarmHistory lists what has happened to one alarm, or to all, of the
// last thirty days, the latest first. aws:cloudwatch DescribeAlarmHistory
func (s *Service) DescribeAlarmHistory(ctx context.Context, c model.Caller, in *cloudwatch.DescribeAlarmHistoryInput) (*cloudwatch.DescribeAlarmHistoryOutput, error) {
	skip := 0
	after, err := decodeToken(in.NextToken)
	if err == nil && after != "" {
		if skip, err = strconv.Atoi(after); err != nil || skip < 0 {
			err = invalid("InvalidNextToken", "The value for parameter NextToken is invalid.")
		}
	}
	if err != nil {
		return nil, err
	}
	all, err := s.history(ctx, c, in)
	if err != nil {
		return nil, err
	}
	out := &cloudwatch.DescribeAlarmHistoryOutput{AlarmHistoryItems: []cloudwatch.AlarmHistoryItem{}}
	all = all[min(skip, len(all)):]
	if n := records(in.MaxRecords); len(all) > n {
		all = all[:n]
		out.NextToken = new(encodeToken(strconv.Itoa(skip + n)))
	}
	out.AlarmHistoryItems = append(out.AlarmHistoryItems, all...)
	return out, nil
}

// history is the items that are asked for, in order.
func (s *Service) history(ctx context.Context, c model.Caller, in *cloudwatch.DescribeAlarmHistoryInput) (all []cloudwatch.AlarmHistoryItem, err error) {
	oldest := s.cfg.Now().Add(-historyAge)
	p := place(c.Account, c.Region)
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		alarms, err := listAlarms(tx, p)
		if err != nil {
			return err
		}
		for i := range alarms {
			name := alarms[i].Config.AlarmName
			if in.AlarmName != nil && *in.AlarmName != *name {
				continue
			}
			found, err := tx.List(historyPrefix(p, *name), "", maxHistory)
			if err != nil {
				return err
			}
			for _, kv := range found {
				it, _, err := store.GetJSON[item](tx, kv.Key)
				if err != nil {
					return err
				}
				if it.Time.After(oldest) && it.asked(in) {
					all = append(all, cloudwatch.AlarmHistoryItem{
						AlarmName: name, AlarmType: new("MetricAlarm"), HistoryItemType: &it.Type, HistorySummary: &it.Summary, HistoryData: &it.Data, Timestamp: model.NewEpoch(it.Time),
					})
				}
			}
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b cloudwatch.AlarmHistoryItem) int { return a.Timestamp.Compare(b.Timestamp.Time) })
	if in.ScanBy == nil || *in.ScanBy != "TimestampAscending" {
		slices.Reverse(all)
	}
	return all, err
}

func (it *item) asked(in *cloudwatch.DescribeAlarmHistoryInput) bool {
	return (in.HistoryItemType == nil || *in.HistoryItemType == it.Type) &&
		(len(in.AlarmTypes) == 0 || slices.Contains(in.AlarmTypes, "MetricAlarm")) &&
		(in.StartDate == nil || !it.Time.Before(in.StartDate.Time)) && (in.EndDate == nil || !it.Time.After(in.EndDate.Time))
}

// maxTags is how many tags an alarm has. aws:cloudwatch TagResource
const maxTags = 50

// mergeTags adds tags to those that there are.
func mergeTags(have map[string]string, add []cloudwatch.Tag) (map[string]string, error) {
	out := maps.Clone(have)
	if out == nil {
		out = make(map[string]string)
	}
	for _, t := range add {
		if strings.HasPrefix(strings.ToLower(*t.Key), "aws:") {
			return nil, invalid(badValue, "User-defined tag keys can't start with 'aws:'")
		}
		out[*t.Key] = *t.Value
	}
	if len(out) > maxTags {
		return nil, invalid(badValue, "A resource can have at most %d tags.", maxTags)
	}
	return out, nil
}

// alarmOf is the alarm that an ARN names.
func alarmOf(c model.Caller, arn string) (string, error) {
	name, ok := strings.CutPrefix(arn, alarmARN(c, ""))
	if !ok {
		return "", noResource(arn)
	}
	return name, nil
}

// noResource is the error of tags of what is not there. UNVERIFIED wording
func noResource(arn string) error {
	return &model.Error{Code: "ResourceNotFoundException", HTTP: http.StatusNotFound, Message: fmt.Sprintf("There is no alarm %s.", arn)}
}

// ListTagsForResource lists an alarm's tags. aws:cloudwatch ListTagsForResource
func (s *Service) ListTagsForResource(ctx context.Context, c model.Caller, in *cloudwatch.ListTagsForResourceInput) (*cloudwatch.ListTagsForResourceOutput, error) {
	out := &cloudwatch.ListTagsForResourceOutput{Tags: []cloudwatch.Tag{}}
	name, err := alarmOf(c, *in.ResourceARN)
	if err != nil {
		return nil, err
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		a, ok, err := store.GetJSON[alarm](tx, alarmKey(place(c.Account, c.Region), name))
		if err == nil && !ok {
			err = noResource(*in.ResourceARN)
		}
		for _, key := range sorted(a.Tags) {
			out.Tags = append(out.Tags, cloudwatch.Tag{Key: &key, Value: new(a.Tags[key])})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// TagResource adds tags to an alarm. aws:cloudwatch TagResource
func (s *Service) TagResource(ctx context.Context, c model.Caller, in *cloudwatch.TagResourceInput) (*cloudwatch.TagResourceOutput, error) {
	return &cloudwatch.TagResourceOutput{}, s.retag(ctx, c, *in.ResourceARN, func(a *alarm) (err error) {
		a.Tags, err = mergeTags(a.Tags, in.Tags)
		return err
	})
}

// UntagResource takes tags from an alarm. aws:cloudwatch UntagResource
func (s *Service) UntagResource(ctx context.Context, c model.Caller, in *cloudwatch.UntagResourceInput) (*cloudwatch.UntagResourceOutput, error) {
	return &cloudwatch.UntagResourceOutput{}, s.retag(ctx, c, *in.ResourceARN, func(a *alarm) error {
		for _, key := range in.TagKeys {
			delete(a.Tags, key)
		}
		return nil
	})
}

func (s *Service) retag(ctx context.Context, c model.Caller, arn string, do func(*alarm) error) error {
	name, err := alarmOf(c, arn)
	if err != nil {
		return err
	}
	err = s.change(ctx, c, name, func(a *alarm) ([]item, error) { return nil, do(a) })
	if isNoAlarm(err) {
		return noResource(arn)
	}
	return err
}
