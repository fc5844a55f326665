package api

import (
	"context"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/policy"
)

// newVPCConnection is the ARN that a VPC connection to a cluster will have, but
// for its id.
func newVPCConnection(ctx context.Context, a *asked) (string, map[string]string, error) {
	cluster, _, err := member("TargetClusterArn")(ctx, a)
	parts := strings.FieldsFunc(cluster, func(r rune) bool { return r == ':' || r == '/' }) // arn aws kafka region account cluster name id
	if err != nil || len(parts) != 8 {
		return here(a, "kafka", "vpc-connection/*"), nil, err
	}
	return here(a, "kafka", "vpc-connection/"+parts[4]+"/"+parts[6]+"/*"), nil, nil
}

// connectivityKeys adds the condition keys of a request of kafka.
func connectivityKeys(out policy.Map, req model.Request) {
	in, ok := req.(*kafka.UpdateConnectivityRequest)
	if !ok || in.ConnectivityInfo == nil || in.ConnectivityInfo.PublicAccess == nil || in.ConnectivityInfo.PublicAccess.Type == nil {
		return
	}
	enabled := "false"
	if *in.ConnectivityInfo.PublicAccess.Type != "DISABLED" {
		enabled = "true"
	}
	out["kafka:publicaccessenabled"] = []string{enabled}
}

// lookAtNetwork is what MSK reads as its caller before it makes anything in a
// network. That it makes and deletes endpoints as its caller is not asked: which
// resources they are asked on is not documented.
var lookAtNetwork = []string{"ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:DescribeSecurityGroups"}

// asCaller is what an operation of kafka does in other services as its caller:
// these actions, and giving its logs somewhere to go. ("Dependent actions" in the
// service authorization reference; AmazonMSKFullAccess in the developer guide)
func asCaller(network ...string) func(a *asked) []also {
	return func(a *asked) []also {
		var out []also
		ask := func(action, arn string) {
			out = append(out, also{action, func(context.Context, *asked) (string, map[string]string, error) { return arn, nil, nil }})
		}
		for _, action := range network {
			ask(action, "*")
		}
		logs := logsOf(a.req)
		if logs == nil {
			return out
		}
		bucket := logs.S3 != nil && enabled(logs.S3.Enabled) && logs.S3.Bucket != nil
		if bucket || logs.CloudWatchLogs != nil && enabled(logs.CloudWatchLogs.Enabled) {
			ask("logs:CreateLogDelivery", "*")
		}
		if bucket {
			for _, action := range []string{"s3:GetBucketPolicy", "s3:PutBucketPolicy"} {
				ask(action, "arn:"+a.caller.Partition()+":s3:::"+*logs.S3.Bucket)
			}
		}
		return out
	}
}

func enabled(b *bool) bool { return b != nil && *b }

// logsOf is where a request has a cluster's logs go.
func logsOf(req model.Request) *kafka.BrokerLogs {
	var info *kafka.LoggingInfo
	switch in := req.(type) {
	case *kafka.CreateClusterRequest:
		info = in.LoggingInfo
	case *kafka.CreateClusterV2Request:
		if in.Provisioned != nil {
			info = in.Provisioned.LoggingInfo
		}
	case *kafka.UpdateMonitoringRequest:
		info = in.LoggingInfo
	}
	if info == nil {
		return nil
	}
	return info.BrokerLogs
}
