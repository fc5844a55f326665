package api

import (
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/policy"
)

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
