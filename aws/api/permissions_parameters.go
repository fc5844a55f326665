package api

import (
	"context"
	"strings"

	"github.com/millrace/millrace/aws/model/ssm"
)

// parameterARN is the ARN of the parameter that a name or ARN stands for,
// without the version or label behind it.
func parameterARN(a *asked, id string) string {
	if rest, ok := strings.CutPrefix(id, "arn:"); ok {
		parts := strings.SplitN(rest, ":", 6)
		return "arn:" + strings.Join(parts[:min(len(parts), 5)], ":")
	}
	id, _, _ = strings.Cut(id, ":")
	return here(a, "ssm", "parameter/"+strings.TrimPrefix(id, "/"))
}

// parameter is the parameter that a member names.
func parameter(name string) target {
	return func(_ context.Context, a *asked) (string, map[string]string, error) {
		if id := text(a.req, name); id != nil {
			return parameterARN(a, strings.TrimSuffix(*id, "/")), nil, nil
		}
		return "*", nil, nil
	}
}

// parameters are those that a request names.
func eachParameter(a *asked) (out []string) {
	var names []string
	switch in := a.req.(type) {
	case *ssm.GetParametersRequest:
		names = in.Names
	case *ssm.DeleteParametersRequest:
		names = in.Names
	}
	for _, name := range names {
		out = append(out, parameterARN(a, name))
	}
	return out
}

func parameterPermissions() map[string]permission {
	out := map[string]permission{
		"PutParameter":  {on: parameter("Name"), tags: "ssm:AddTagsToResource"},
		"GetParameters": {each: eachParameter}, "DeleteParameters": {each: eachParameter},
		"GetParametersByPath": {on: parameter("Path")}, "DescribeParameters": everywhere,
	}
	for _, name := range []string{"DeleteParameter", "GetParameter", "GetParameterHistory", "LabelParameterVersion", "UnlabelParameterVersion"} {
		out[name] = permission{on: parameter("Name")}
	}
	for _, name := range []string{"AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"} {
		out[name] = permission{on: parameter("ResourceId")}
	}
	return out
}

// autoscalingPermissions asks of scalable targets by their ARN where a call has
// it; the others name a target by what it scales, which the service
// authorization reference asks of as scalable-target/*.
func autoscalingPermissions() map[string]permission {
	any := func(_ context.Context, a *asked) (string, map[string]string, error) {
		return here(a, "application-autoscaling", "scalable-target/*"), nil, nil
	}
	out := map[string]permission{
		"RegisterScalableTarget":  {on: any, tags: "application-autoscaling:TagResource"},
		"DescribeScalableTargets": everywhere, "DescribeScalingActivities": everywhere, "DescribeScalingPolicies": everywhere,
	}
	for _, name := range []string{"DeregisterScalableTarget", "PutScalingPolicy", "DeleteScalingPolicy"} {
		out[name] = permission{on: any}
	}
	for _, name := range []string{"ListTagsForResource", "TagResource", "UntagResource"} {
		out[name] = permission{on: member("ResourceARN")}
	}
	return out
}
