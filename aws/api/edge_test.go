package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/api"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/store"
)

// keyring knows one key, and answers every question for authorization alike.
type keyring struct{ answer error }

const keyID, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

func (keyring) Authenticate(_ context.Context, id, token, region string) (iam.Credential, model.Caller, bool) {
	caller := model.Caller{Account: iam.AccountID, Region: region, ARN: "arn:aws:iam::000000000000:user/alice"}
	return iam.Credential{AccessKeyID: keyID, Secret: seal.NewSecret(secret)}, caller, id == keyID && token == ""
}

func (keyring) Used(string, string, string) {}

func (keyring) Described(context.Context, model.Caller, string, string, string) (string, map[string]string, error) {
	return "*", nil, nil
}

func (k keyring) Authorize(context.Context, *iam.Question) error { return k.answer }

// broken is an MSK whose listing fails and whose versions panic.
type broken struct{ kafka.Service }

func (broken) ListClusters(context.Context, model.Caller, *kafka.ListClustersRequest) (*kafka.ListClustersResponse, error) {
	return nil, errors.New("disk /var/lib/secret is on fire")
}

func serve(t *testing.T, answer error) (system, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	network, _ := networkOver(st)
	srv := httptest.NewUnstartedServer(nil)
	srv.Config.Handler = api.New(api.Config{
		Identity: keyring{answer}, Authorizer: keyring{answer}, Kafka: broken{}, EC2: network, STS: &iam.Service{}, IAM: &iam.Service{},
		Ready: func() bool { return false }, Version: "test", Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	srv.Start()
	t.Cleanup(srv.Close)
	return system{url: srv.URL}, &log
}

func TestDenialsInEachProtocol(t *testing.T) {
	s, _ := serve(t, &model.Error{Code: "AccessDeniedException", HTTP: http.StatusForbidden, Message: "User: alice is not authorized"})
	for i, want := range []string{"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"} {
		c := protocols[i].call
		c.keyID, c.secret, c.at = keyID, secret, time.Now()
		status, body, errorType := s.send(t, c)
		if code := protocols[i].code(body, errorType); status != http.StatusForbidden || code != want || !strings.Contains(body, "alice is not authorized") {
			t.Errorf("%s: %d %s %s, want %s", c.service, status, code, body, want)
		}
	}
}

func TestInternalErrorsAreOpaque(t *testing.T) {
	s, log := serve(t, nil)
	for _, path := range []string{"/v1/clusters", "/v1/kafka-versions"} { // an error, a panic
		status, body, errorType := s.send(t, call{service: "kafka", method: "GET", path: path, keyID: keyID, secret: secret, at: time.Now()})
		if status != http.StatusInternalServerError || errorType != "InternalServerErrorException" || strings.Contains(body, "fire") || strings.Contains(body, "nil pointer") {
			t.Errorf("%s: %d %s %s", path, status, errorType, body)
		}
	}
	if !strings.Contains(log.String(), "is on fire") || !strings.Contains(log.String(), "panic") {
		t.Errorf("the log lacks the reasons: %s", log)
	}
}

func TestOneLineForEachCall(t *testing.T) {
	s, log := serve(t, nil)
	s.send(t, call{service: "ec2", method: "POST", path: "/", body: "Action=DescribeVpcs", keyID: keyID, secret: secret, at: time.Now()})
	line := log.String()
	for _, want := range []string{"operation=ec2:DescribeVpcs", "caller=arn:aws:iam::000000000000:user/alice", "status=200", "duration=", "request="} {
		if strings.Count(line, "\n") != 1 || !strings.Contains(line, want) {
			t.Errorf("the log is %q, want one line with %s", line, want)
		}
	}
	if strings.Contains(line, secret) {
		t.Error("the log holds the secret")
	}
}

func TestForms(t *testing.T) {
	s, _ := serve(t, nil)
	for body, want := range map[string]string{
		"Version=2016-11-15":                                             "MissingAction",
		"Action=Nonsense":                                                "InvalidAction",
		"Action=DescribeVpcs&MaxResults=4":                               "InvalidParameterValue",
		"Action=DescribeVpcs&MaxResults=four":                            "InvalidParameterValue",
		"Action=DescribeVpcs&a=%zz":                                      "MalformedQueryString",
		"Action=DescribeVpcs&DryRun=true":                                "DryRunOperation",
		"Action=DescribeVpcs":                                            "", // succeeds
		"Action=DescribeVpcs" + manyFields(5000):                         "MalformedQueryString",
		"Action=DescribeVpcs&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc%": "MalformedQueryString",
		"Action=RunInstances":                                            "NotImplemented",
	} {
		status, answer, _ := s.send(t, call{service: "ec2", method: "POST", path: "/", body: body, keyID: keyID, secret: secret, at: time.Now()})
		if got := xmlCode(answer, ""); got != want || (want == "") != (status == http.StatusOK) {
			t.Errorf("%.60s: %d %s, want %s", body, status, got, want)
		}
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&k%d=1", i)
	}
	return b.String()
}

func TestUnknownPathsAndStarting(t *testing.T) {
	s, _ := serve(t, nil)
	for _, path := range []string{"/", "/v2/nothing", "/v1/clusters/a/b/c/d", "/v1/clusters//nodes"} {
		status, body, errorType := s.send(t, call{service: "kafka", method: "GET", path: path, keyID: keyID, secret: secret, at: time.Now()})
		if status != http.StatusNotFound || errorType != "UnknownOperationException" {
			t.Errorf("%s: %d %s %s", path, status, errorType, body)
		}
	}
	resp, err := http.Get(s.url + "/_millrace/health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil || !strings.Contains(b.String(), `"status":"starting"`) {
		t.Errorf("health while starting: %s, %v", b.String(), err)
	}
}
