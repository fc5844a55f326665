package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestLogsPermissions: policies name a log group with its streams, as AWS's
// examples do, and tags by the group alone.
func TestLogsPermissions(t *testing.T) {
	s := start(t)
	if status, out := s.target(t, "logs", "Logs_20140328.CreateLogGroup", `{"logGroupName":"/msk/a","tags":{"team":"rails"}}`); status != http.StatusOK {
		t.Fatal(status, out)
	}
	s.form(t, s.admin(), "iam", nil, "Action=CreateUser", "UserName=reader")
	s.form(t, s.admin(), "iam", nil, "Action=PutUserPolicy", "UserName=reader", "PolicyName=p", "PolicyDocument="+`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:us-east-1:000000000000:log-group:/msk/a:log-stream:app-*"},
		{"Effect":"Allow","Action":["logs:FilterLogEvents","logs:PutRetentionPolicy"],"Resource":"arn:aws:logs:us-east-1:000000000000:log-group:/msk/*:*"},
		{"Effect":"Allow","Action":"logs:ListTagsForResource","Resource":"arn:aws:logs:us-east-1:000000000000:log-group:/msk/a"}]}`)
	var key keyAnswer
	s.form(t, s.admin(), "iam", &key, "Action=CreateAccessKey", "UserName=reader")
	for _, c := range []struct {
		operation, body string
		status          int
	}{
		{"CreateLogStream", `{"logGroupName":"/msk/a","logStreamName":"app-1"}`, 200},
		{"CreateLogStream", `{"logGroupName":"/msk/a","logStreamName":"other"}`, 400},
		{"PutLogEvents", fmt.Sprintf(`{"logGroupName":"/msk/a","logStreamName":"app-1","logEvents":[{"timestamp":%d,"message":"%s"}]}`, time.Now().UnixMilli(), strings.Repeat(`\n`, 900<<10)), 200},
		{"FilterLogEvents", `{"logGroupIdentifier":"arn:aws:logs:us-east-1:000000000000:log-group:/msk/a"}`, 200},
		{"GetLogEvents", `{"logGroupName":"/msk/a","logStreamName":"app-1"}`, 400},
		{"PutRetentionPolicy", `{"logGroupName":"/msk/a","retentionInDays":1}`, 200},
		{"ListTagsForResource", `{"resourceArn":"arn:aws:logs:us-east-1:000000000000:log-group:/msk/a"}`, 200},
		{"DeleteLogGroup", `{"logGroupName":"/msk/a"}`, 400},
		{"DescribeLogGroups", `{}`, 400},
	} {
		status, text, _ := s.send(t, call{
			service: "logs", method: "POST", path: "/", body: c.body, contentType: "application/x-amz-json-1.1", keyID: key.Key.AccessKeyID, secret: key.Key.Secret, at: time.Now(),
			before: func(r *http.Request) { r.Header.Set("X-Amz-Target", "Logs_20140328."+c.operation) },
		})
		if status != c.status || status == 400 && !strings.Contains(text, "AccessDenied") {
			t.Errorf("%s %.100s: %d %.200s", c.operation, c.body, status, text)
		}
	}
}
