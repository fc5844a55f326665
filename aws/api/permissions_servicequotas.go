package api

import "context"

// quotaARN is the quota that a request is about.
func quotaARN(_ context.Context, a *asked) (string, map[string]string, error) {
	service, code := text(a.req, "ServiceCode"), text(a.req, "QuotaCode")
	if service == nil || code == nil {
		return "*", nil, nil
	}
	return here(a, "servicequotas", *service+"/"+*code), nil, nil
}

// quotaPermissions is of Service Quotas, where only what changes a quota is about
// it. (aws:servicequotas service authorization reference)
func quotaPermissions() map[string]permission {
	out := map[string]permission{"RequestServiceQuotaIncrease": {on: quotaARN}}
	for _, name := range []string{
		"GetAWSDefaultServiceQuota", "GetRequestedServiceQuotaChange", "GetServiceQuota", "ListAWSDefaultServiceQuotas",
		"ListRequestedServiceQuotaChangeHistory", "ListRequestedServiceQuotaChangeHistoryByQuota", "ListServiceQuotas", "ListServices",
	} {
		out[name] = everywhere
	}
	return out
}
