package api

import (
	"context"
	"reflect"
)

// alarm is the alarm that a member names; without a name all alarms.
func alarm(a *asked) string {
	name := "*"
	if v := text(a.req, "AlarmName"); v != nil {
		name = *v
	}
	return here(a, "cloudwatch", "alarm:"+name)
}

// eachAlarm is the alarms that AlarmNames names.
func eachAlarm(a *asked) (arns []string) {
	names, _ := reflect.Indirect(reflect.ValueOf(a.req)).FieldByName("AlarmNames").Interface().([]string)
	for _, name := range names {
		arns = append(arns, here(a, "cloudwatch", "alarm:"+name))
	}
	return arns
}

// metricsPermissions is cloudwatch's, whose actions have another prefix than the
// name that its calls are signed for: those on metrics are on everything, others
// on alarms. (Service Authorization Reference, CloudWatch)
func metricsPermissions() map[string]permission {
	one := func(_ context.Context, a *asked) (string, map[string]string, error) { return alarm(a), nil, nil }
	out := map[string]permission{
		"DeleteAlarms": {each: eachAlarm}, "EnableAlarmActions": {each: eachAlarm}, "DisableAlarmActions": {each: eachAlarm},
		"DescribeAlarms": {on: one}, "DescribeAlarmHistory": {on: one}, "SetAlarmState": {on: one},
		"PutMetricAlarm":      {on: one, tags: "cloudwatch:TagResource"},
		"ListTagsForResource": {on: member("ResourceARN")}, "TagResource": {on: member("ResourceARN")}, "UntagResource": {on: member("ResourceARN")},
	}
	for _, name := range []string{"GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData"} {
		out[name] = permission{}
	}
	for name, p := range out {
		p.action = "cloudwatch:" + name
		out[name] = p
	}
	return out
}
