//go:build e2e

package e2e

import (
	"path/filepath"
	"testing"
)

// TestBoto3Logs is testdata/boto3_logs.py; then AWS's command line reads what
// the audit log has in its log group.
//
// Works: boto3 and AWS CLI: log groups, streams, events and filter patterns; brokers' logs and the audit record in CloudWatch Logs
func TestBoto3Logs(t *testing.T) {
	t.Parallel()
	i := start(t, "--audit", "--audit-log-group", "audit")
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(i.must("", filepath.Join(bin, "python"), append([]string{"testdata/boto3_logs.py"}, i.subnets()...)...))
	var found struct {
		Events []struct{ LogStreamName, Message string }
	}
	i.aws().call(&found, "logs", "filter-log-events", "--log-group-name", "audit", "--filter-pattern", `{ $.eventName = "CreateLogGroup" && $.errorCode NOT EXISTS }`)
	if len(found.Events) != 1 || found.Events[0].LogStreamName != "000000000000_CloudTrail_us-east-1" {
		t.Errorf("the audit log group has %+v", found.Events)
	}
}
