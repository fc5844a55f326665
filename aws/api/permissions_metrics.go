package api

// metricsPermissions is cloudwatch's: its actions are on everything, and have
// another prefix than the name that its calls are signed for.
func metricsPermissions() map[string]permission {
	out := make(map[string]permission)
	for _, name := range []string{"GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData"} {
		out[name] = permission{action: "cloudwatch:" + name}
	}
	return out
}
