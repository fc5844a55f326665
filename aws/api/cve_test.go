package api_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/acmpca"
	ec2model "github.com/millrace/millrace/aws/model/ec2"
	iammodel "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/aws/model/logs"
	"github.com/millrace/millrace/aws/model/secretsmanager"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/sigv4"
	"github.com/millrace/millrace/vfs"
)

// The tests of this file are named after weaknesses that other servers had.

// TestCVE2024_45410_HeadersSayNothingOfTheSource: proxies were told where a
// request came from by the request (CVE-2026-33433: also by header names with
// underscores).
func TestCVE2024_45410_HeadersSayNothingOfTheSource(t *testing.T) {
	fsys := vfs.NewMemory()
	s, tr := onRecord(t, fsys)
	r, err := http.NewRequest(http.MethodGet, s.url+"/api/v2/clusters", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "True-Client-Ip", "X_Forwarded_For", "X-Forwarded-User"} {
		r.Header[name] = []string{"203.0.113.9"}
	}
	r.Header.Set("Connection", "X-Forwarded-For, X-Amz-Date")
	sigv4.Sign(r, nil, sigv4.Key{AccessKeyID: s.root.AccessKeyID, Secret: "wrong"}, "kafka", region, time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	got, all := recordsOf(t, fsys)
	if len(got) != 1 || got[0].SourceIPAddress != "127.0.0.1" || strings.Contains(all, "203.0.113.9") {
		t.Errorf("on record: %s", all)
	}
}

// TestCVE2026_26998_BodiesAreBounded: Traefik read a whole answer, however long.
// A body without end costs its sender more than the server.
func TestCVE2026_26998_BodiesAreBounded(t *testing.T) {
	s := start(t)
	address := strings.TrimPrefix(s.url, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fmt.Fprintf(conn, "POST /api/v2/clusters HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
	chunk := make([]byte, 64<<10)
	for range 1 << 10 { // 64 MiB, unless it is refused before
		if _, err := conn.Write(chunk); err != nil {
			break
		}
	}
	answer, _ := io.ReadAll(io.LimitReader(conn, 4096))
	runtime.ReadMemStats(&after)
	if len(answer) > 0 && !strings.Contains(string(answer), "413") {
		t.Errorf("answer %.80q", answer)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
		t.Errorf("a body without end costs %d bytes", got)
	}
}

// TestCVE2025_66490_EncodedSlashesDoNotMove: a path with an encoded slash is one
// segment, for the signature and for the operation.
func TestCVE2025_66490_EncodedSlashesDoNotMove(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/api/v2%2Fclusters", "/api%2fv2/clusters", "/api/v2/clusters/..%2f..%2fv1%2fkafka-versions", "/v1/../api/v2/clusters"} {
		r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		sigv4.Sign(r, nil, sigv4.Key{AccessKeyID: s.root.AccessKeyID, Secret: s.root.Secret}, "kafka", region, time.Now())
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Errorf("%s: %s", path, body)
		}
	}
}

// TestCVE2026_27589_BrowsersCannotAsk: Caddy's administration took requests from
// pages of any origin. Here each call is signed, and no answer tells a browser
// that its page may read it.
func TestCVE2026_27589_BrowsersCannotAsk(t *testing.T) {
	s := start(t)
	for _, method := range []string{http.MethodOptions, http.MethodGet, http.MethodPost} {
		r, err := http.NewRequest(method, s.url+"/api/v2/clusters", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", "https://evil.example")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.Header.Get("Access-Control-Allow-Origin") != "" || method != http.MethodOptions && resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s, %v", method, resp.Status, resp.Header)
		}
	}
}

// TestCVE2026_22782_SecretsAreNotLogged: RustFS logged keys. A canary in every
// input, and the log at its loudest.
func TestCVE2026_22782_SecretsAreNotLogged(t *testing.T) {
	s := start(t)
	var log bytes.Buffer
	h := s.logging(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for _, secret := range []string{s.root.Secret, "canary-wrong-secret"} {
		body := `{"clusterName":"canary","password":"canary"}`
		r := httptest.NewRequest(http.MethodPost, "http://localhost/api/v2/clusters?token=canary", strings.NewReader(body))
		r.Header.Set("X-Amz-Meta", "canary")
		r.Header.Set("Cookie", "canary")
		sigv4.Sign(r, []byte(body), sigv4.Key{AccessKeyID: s.root.AccessKeyID, Secret: secret, SessionToken: "canary-token"}, "kafka", region, time.Now())
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if text := log.String(); text == "" || strings.Contains(text, "canary") || strings.Contains(text, s.root.Secret) || strings.Contains(text, "Signature=") {
		t.Errorf("the log: %s", text)
	}
}

// TestCVE2026_33413_EveryOperationIsAuthorized: peers had operations that nobody
// had put behind the authorizer. No served operation gets as far as its service
// for a caller who may do nothing.
func TestCVE2026_33413_EveryOperationIsAuthorized(t *testing.T) {
	s, _ := serve(t, &model.Error{Code: "AccessDeniedException", HTTP: http.StatusForbidden, Message: "no"})
	placeholder := regexp.MustCompile(`\{[^}]*\}`)
	tried := 0
	try := func(service, method, path, body, target string) {
		t.Helper()
		tried++
		status, answer, _ := s.send(t, call{service: service, method: method, path: path, body: body, keyID: keyID, secret: secret, at: time.Now(),
			before:      func(r *http.Request) { r.Header.Set("X-Amz-Target", target) },
			contentType: map[bool]string{true: "application/x-www-form-urlencoded"}[strings.HasPrefix(body, "Action=")]})
		// A call without its required members ends before the authorizer, with 400.
		if status != http.StatusForbidden && status != http.StatusBadRequest {
			t.Errorf("%s %s %s %s: %d %s", service, method, path, body, status, answer)
		}
	}
	for _, op := range kafka.Operations(broken{}) {
		try("kafka", op.Method, placeholder.ReplaceAllString(op.Path, "arn:aws:kafka:us-east-1:000000000000:cluster%2Fc%2Fu"), "", "")
	}
	for service, ops := range map[string][]model.Operation{"sts": sts.Operations(nil), "ec2": ec2model.Operations(nil), "iam": iammodel.Operations(nil)} {
		for _, op := range ops {
			try(service, http.MethodPost, "/", "Action="+op.Name, "")
		}
	}
	for service, s := range map[string]struct {
		target string
		ops    []model.Operation
	}{
		"kms": {kms.Target, kms.Operations(nil)}, "acm-pca": {acmpca.Target, acmpca.Operations(nil)},
		"secretsmanager": {secretsmanager.Target, secretsmanager.Operations(nil)}, "logs": {logs.Target, logs.Operations(nil)},
	} {
		for _, op := range s.ops {
			try(service, http.MethodPost, "/", "{}", s.target+"."+op.Name)
		}
	}
	if tried < 120 {
		t.Errorf("only %d operations were tried", tried)
	}
}

// TestCVE2026_72920_NothingIsServedUnsigned: SeaweedFS had debug and admin paths
// that asked nobody for a signature (also CVE-2026-73080). Health alone is public.
func TestCVE2026_72920_NothingIsServedUnsigned(t *testing.T) {
	s := start(t)
	for _, path := range []string{
		"/", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/metrics", "/admin", "/_millrace", "/_millrace/", "/_millrace/v1/clusters/x/brokers",
		"/_millrace/health/", "/_millrace/state", "/api/v2/clusters", "/latest/meta-data/", "/.env", "/?Action=GetCallerIdentity&Version=2011-06-15",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead} {
			r, err := http.NewRequest(method, s.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusBadRequest { // 400: throttled by now
				t.Errorf("%s %s: %s", method, path, resp.Status)
			}
		}
	}
}
