package api_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"
)

// put is a PutMetricData in JSON, with a body that may be compressed.
func put(s system, body, encoding string) call {
	return call{
		service: "monitoring", method: "POST", path: "/", body: body, contentType: "application/x-amz-json-1.0", keyID: s.root.AccessKeyID, secret: s.root.Secret, at: time.Now(),
		before: func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801.PutMetricData")
			if encoding != "" {
				r.Header.Set("Content-Encoding", encoding)
			}
		},
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestCompressedBodies: SDKs compress what they put; what is no gzip, or a great
// deal more than it looks, is refused.
func TestCompressedBodies(t *testing.T) {
	s := start(t)
	const good = `{"Namespace":"N","MetricData":[{"MetricName":"m","Value":1}]}`
	for what, c := range map[string]struct {
		body, encoding string
		status         int
		code           string
	}{
		"plain":      {good, "", http.StatusOK, ""},
		"compressed": {zipped(t, good), "gzip", http.StatusOK, ""},
		"no gzip":    {good, "gzip", http.StatusBadRequest, "SerializationException"},
		"cut off":    {zipped(t, good)[:20], "gzip", http.StatusBadRequest, "SerializationException"},
		"a bomb":     {zipped(t, strings.Repeat(" ", 4<<20)), "gzip", http.StatusBadRequest, "RequestEntityTooLargeException"},
	} {
		status, body, code := s.send(t, put(s, c.body, c.encoding))
		if status != c.status || code != c.code {
			t.Errorf("%s: %d %s %s, want %d %s", what, status, code, body, c.status, c.code)
		}
	}
}

// TestErrorsHaveBothNames: of the shape in the body, of the query protocol in a
// header.
func TestErrorsHaveBothNames(t *testing.T) {
	s := start(t)
	refused := put(s, `{"Namespace":"AWS/Kafka","MetricData":[{"MetricName":"m","Value":1}]}`, "")
	if status, body, code := s.send(t, refused); status != http.StatusBadRequest || code != "InvalidParameterValueException" || !strings.Contains(body, `"__type":"InvalidParameterValueException"`) {
		t.Errorf("in JSON: %d %s %s", status, code, body)
	}
	refused.contentType, refused.before = "application/x-www-form-urlencoded", nil
	refused.body = "Action=PutMetricData&Version=2010-08-01&Namespace=AWS%2FKafka&MetricData.member.1.MetricName=m&MetricData.member.1.Value=1"
	if status, body, _ := s.send(t, refused); status != http.StatusBadRequest || xmlCode(body, "") != "InvalidParameterValue" {
		t.Errorf("in the query protocol: %d %s", status, body)
	}
}

// TestNamespacesDecide: a policy may name the namespaces that metrics are put
// into; the actions are cloudwatch's, though calls are signed for monitoring.
func TestNamespacesDecide(t *testing.T) {
	s := start(t)
	root := s.admin()
	s.form(t, root, "iam", &struct{}{}, "Action=CreateUser", "UserName=alice")
	s.form(t, root, "iam", &struct{}{}, "Action=PutUserPolicy", "UserName=alice", "PolicyName=p", `PolicyDocument={"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"cloudwatch:PutMetricData","Resource":"*","Condition":{"StringEquals":{"cloudwatch:namespace":"Mine"}}}]}`)
	var key keyAnswer
	s.form(t, root, "iam", &key, "Action=CreateAccessKey", "UserName=alice")
	for _, c := range []struct {
		status int
		code   string
		fields []string
	}{
		{200, "", []string{"Action=PutMetricData", "Namespace=Mine", "MetricData.member.1.MetricName=m", "MetricData.member.1.Value=1"}},
		{403, "AccessDenied", []string{"Action=PutMetricData", "Namespace=Theirs", "MetricData.member.1.MetricName=m", "MetricData.member.1.Value=1"}},
		{403, "AccessDenied", []string{"Action=ListMetrics"}},
	} {
		if status, body := s.form(t, key.Key, "monitoring", nil, c.fields...); status != c.status || xmlCode(body, "") != c.code {
			t.Errorf("%v: %d %s", c.fields, status, body)
		}
	}
}
