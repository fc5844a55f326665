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
