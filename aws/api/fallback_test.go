package api_test

import (
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/api"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/sigv4"
	"github.com/millrace/millrace/store"
)

// passing is a handler with a fallback endpoint.
func passing(t *testing.T, to string) (url string, key sigv4.Key, identity *iam.Service) {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if identity, err = iam.New(t.Context(), iam.Config{Store: st, Random: rand.Reader}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	if to == "" {
		to = "http://" + srv.Listener.Addr().String() // itself
	}
	f, err := api.NewFallback(to, identity.Root().AccessKeyID)
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = api.New(api.Config{
		Identity: identity, Authorizer: identity, STS: identity, IAM: identity, Fallback: f,
		Ready: func() bool { return true }, Version: "test", Log: slog.New(slog.DiscardHandler),
	})
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL, sigv4.Key{AccessKeyID: identity.Root().AccessKeyID, Secret: identity.Root().Secret.Reveal()}, identity
}

func ask(t *testing.T, url, service, body string, key sigv4.Key, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest("POST", url+"/some%20path//x?a=b%2Fc", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("Te", "trailers")
	sigv4.Sign(r, []byte(body), key, service, "us-east-1", time.Now())
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
}

func TestFallbackEndpoint(t *testing.T) {
	var calls atomic.Int32
	var secret atomic.Value
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		q, err := sigv4.Parse(r)
		if err == nil {
			err = q.Verify(secret.Load().(string), body, time.Now())
		}
		if err != nil || r.RequestURI != "/some%20path//x?a=b%2Fc" || r.Header.Get("Te") != "" {
			t.Errorf("what comes is %s %v: %v", r.RequestURI, r.Header, err)
		}
		w.Header().Set("Connection", "X-Own")
		w.Header().Set("X-Own", "1")
		w.Header().Set("X-Answer", "yes")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
		_, _ = w.Write([]byte("answered " + string(body)))
	}))
	defer other.Close()
	url, key, identity := passing(t, other.URL)
	secret.Store(key.Secret)

	resp, body := ask(t, url, "dynamodb", `{"Limit":1}`, key, nil)
	if resp.StatusCode != http.StatusFound || body != `answered {"Limit":1}` || resp.Header.Get("X-Answer") != "yes" || resp.Header.Get("X-Own") != "" {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	for name, change := range map[string]func(*http.Request){
		"signature": func(r *http.Request) { r.Header.Set("X-Amz-Target", "DynamoDB_20120810.DeleteTable") },
		"body":      func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(`{"Limit":2}`)), 11 },
		"key":       func(r *http.Request) { r.Header.Del("Authorization") },
	} {
		if resp, body := ask(t, url, "dynamodb", `{"Limit":1}`, key, change); resp.StatusCode < 400 || calls.Load() != 1 {
			t.Errorf("with another %s: %d %s", name, resp.StatusCode, body)
		}
	}
	s := system{url: url, root: struct{ AccessKeyID, Secret string }{key.AccessKeyID, key.Secret}, iam: identity}
	s.form(t, s.admin(), "iam", &struct{}{}, "Action=CreateUser", "UserName=alice")
	var made keyAnswer
	s.form(t, s.admin(), "iam", &made, "Action=CreateAccessKey", "UserName=alice")
	alice := sigv4.Key{AccessKeyID: made.Key.AccessKeyID, Secret: made.Key.Secret}
	if resp, body := ask(t, url, "dynamodb", "{}", alice, nil); resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "dynamodb:ListTables") || calls.Load() != 1 {
		t.Errorf("without a policy: %d %s", resp.StatusCode, body)
	}
	s.form(t, s.admin(), "iam", &struct{}{}, "Action=PutUserPolicy", "UserName=alice", "PolicyName=p",
		`PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:List*","Resource":"*"}]}`)
	secret.Store(alice.Secret)
	if resp, body := ask(t, url, "dynamodb", "{}", alice, nil); resp.StatusCode != http.StatusFound {
		t.Errorf("with a policy: %d %s", resp.StatusCode, body)
	}
	if resp, _ := ask(t, url, "lambda", "", alice, func(r *http.Request) {
		r.Header.Del("X-Amz-Target")
		sigv4.Sign(r, nil, alice, "lambda", "us-east-1", time.Now())
	}); resp.StatusCode < 400 || calls.Load() != 2 {
		t.Errorf("a rest service without a policy for all of it: %d", resp.StatusCode)
	}
	if resp, body := ask(t, url, "iam", "{}", key, nil); calls.Load() != 2 {
		t.Errorf("a service that is served was passed on: %d %s", resp.StatusCode, body)
	}
}

func TestFallbackLoopsAndSilence(t *testing.T) {
	url, key, _ := passing(t, "")
	if resp, body := ask(t, url, "dynamodb", "{}", key, nil); resp.StatusCode != http.StatusLoopDetected {
		t.Errorf("a loop: %d %s", resp.StatusCode, body)
	}
	silent := httptest.NewServer(nil)
	silent.Close()
	url, key, _ = passing(t, silent.URL)
	if resp, body := ask(t, url, "dynamodb", "{}", key, nil); resp.StatusCode != http.StatusBadGateway || !strings.Contains(body, "does not answer") {
		t.Errorf("nobody there: %d %s", resp.StatusCode, body)
	}
	for _, address := range []string{"", "example.com", "ftp://h", "http://h/path", "http://h?a=b", "http://u:p@h", "http://"} {
		if _, err := api.NewFallback(address, "x"); err == nil {
			t.Errorf("%q is an endpoint", address)
		}
	}
}
