package api

import (
	"context"
	"strings"
)

// logGroup is the log group that a member names, by its name or ARN, as policies
// name it: "...:log-group:NAME:*" takes in its streams. With a member for the
// stream it is that stream. (Service Authorization Reference, CloudWatch Logs)
func logGroup(stream string, members ...string) target {
	return func(_ context.Context, a *asked) (string, map[string]string, error) {
		name := ""
		if v := text(a.req, stream); v != nil {
			name = *v
		}
		return logGroupARN(a, members...) + ":log-stream:" + name, nil, nil
	}
}

// taggedLogGroup is the group itself: the operations on tags are about that.
func taggedLogGroup(members ...string) target {
	return func(_ context.Context, a *asked) (string, map[string]string, error) {
		return logGroupARN(a, members...), nil, nil
	}
}

func logGroupARN(a *asked, members ...string) string {
	for _, m := range members {
		switch v := text(a.req, m); {
		case v == nil:
		case strings.HasPrefix(*v, "arn:"):
			return strings.TrimSuffix(*v, ":*")
		default:
			return here(a, "logs", "log-group:"+*v)
		}
	}
	return here(a, "logs", "log-group:")
}

func logsPermissions() map[string]permission {
	group := permission{on: logGroup("", "LogGroupName", "LogGroupIdentifier", "ResourceIdentifier")}
	stream := permission{on: logGroup("LogStreamName", "LogGroupName", "LogGroupIdentifier")}
	tags := permission{on: taggedLogGroup("ResourceArn", "LogGroupName")}
	out := map[string]permission{
		"CreateLogGroup":           {on: group.on, tags: "logs:TagResource"},
		"DescribeResourcePolicies": everywhere, "PutResourcePolicy": everywhere, "DeleteResourcePolicy": everywhere,
		"TagLogGroup": tags, "UntagLogGroup": tags, "ListTagsLogGroup": tags,
		"TagResource": tags, "UntagResource": tags, "ListTagsForResource": tags,
	}
	for _, name := range []string{
		"AssociateKmsKey", "DeleteLogGroup", "DeleteRetentionPolicy", "DescribeLogGroups", "DescribeLogStreams", "DisassociateKmsKey", "FilterLogEvents",
		"PutLogGroupDeletionProtection", "PutRetentionPolicy",
	} {
		out[name] = group
	}
	for _, name := range []string{"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"} {
		out[name] = stream
	}
	return out
}
