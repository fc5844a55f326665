package api_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskafka "github.com/aws/aws-sdk-go-v2/service/kafka"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/audit/trail"
	"github.com/millrace/millrace/aws/sigv4"
	"github.com/millrace/millrace/vfs"
)

// onRecord is a system whose calls are on record in fsys.
func onRecord(t *testing.T, fsys vfs.FS) (system, *trail.Trail) {
	t.Helper()
	if err := vfs.MakeDirs(fsys, "/audit", 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := audit.Open(fsys, "/audit", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	tr := trail.Start(trail.Config{Writer: w})
	t.Cleanup(func() { _ = tr.Close() }) // one test breaks it
	return startWith(t, tr), tr
}

type recordLine struct {
	EventName, EventSource, ErrorCode, SourceIPAddress, UserAgent, RequestID, EventID, EventTime, AwsRegion string
	RecipientAccountID                                                                                      string `json:"recipientAccountId"`
	ReadOnly                                                                                                bool
	UserIdentity                                                                                            struct{ Type, Arn, AccessKeyID, AccountID string }
	RequestParameters, ResponseElements                                                                     map[string]any
}

func recordsOf(t *testing.T, fsys vfs.FS) (out []recordLine, all string) {
	t.Helper()
	_, err := audit.Verify(fsys, "/audit", audit.Options{Each: func(line []byte) error {
		all += string(line) + "\n"
		var r recordLine
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		if r.EventName != "" {
			out = append(out, r)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out, all
}

// TestCallsAreOnRecord: changes and refusals are, reads are not, and the record
// of a change is on disk before its answer.
func TestCallsAreOnRecord(t *testing.T) {
	fsys := vfs.NewMemory()
	s, tr := onRecord(t, fsys)
	made, err := s.create(t, "orders")
	if err != nil {
		t.Fatal(err)
	}
	image, _ := recordsOf(t, fsys.Crash(1)) // what a power cut would leave now
	if len(image) != 1 {
		t.Fatalf("after the answer %d records are on disk", len(image))
	}
	r := image[0]
	if r.EventName != "CreateClusterV2" || r.EventSource != "kafka.amazonaws.com" || r.ErrorCode != "" || r.ReadOnly || r.UserIdentity.Type != "Root" ||
		r.UserIdentity.AccessKeyID != s.root.AccessKeyID || r.SourceIPAddress != "127.0.0.1" || !strings.Contains(r.UserAgent, "aws-sdk-go-v2") ||
		r.RequestID == "" || r.EventID == "" || r.EventTime == "" || r.AwsRegion != region || r.RecipientAccountID != "000000000000" ||
		r.RequestParameters["clusterName"] != "orders" || r.ResponseElements["clusterArn"] != aws.ToString(made.ClusterArn) {
		t.Errorf("%+v", r)
	}
	c := s.client(s.root.AccessKeyID, s.root.Secret)
	if _, err := c.ListClustersV2(t.Context(), &awskafka.ListClustersV2Input{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.create(t, "orders"); err == nil {
		t.Fatal("twice")
	}
	wrong := s.client(s.root.AccessKeyID, "canary")
	if _, err := wrong.ListClustersV2(t.Context(), &awskafka.ListClustersV2Input{}); err == nil {
		t.Fatal("a wrong secret works")
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	got, all := recordsOf(t, fsys)
	if len(got) != 3 || got[1].ErrorCode != "ConflictException" || got[2].ErrorCode != "InvalidSignature" || got[2].UserIdentity.Type != "Unknown" || got[2].RequestParameters != nil {
		t.Errorf("%+v", got)
	}
	if strings.Contains(all, s.root.Secret) {
		t.Error("a secret is on record")
	}
}

// TestNothingChangesWithoutARecord: a log that failed refuses changes, not reads.
func TestNothingChangesWithoutARecord(t *testing.T) {
	var fail atomic.Bool
	fsys := vfs.NewFaulty(vfs.NewMemory(), func(op vfs.Op) error {
		if fail.Load() && op.Kind == "sync" {
			return errors.New("no sync")
		}
		return nil
	})
	s, _ := onRecord(t, fsys)
	fail.Store(true)
	if _, err := s.create(t, "one"); err == nil {
		t.Error("a change was answered without its record")
	}
	fail.Store(false)
	if _, err := s.create(t, "two"); err == nil || !strings.Contains(err.Error(), "ServiceUnavailable") {
		t.Errorf("the second change: %v", err)
	}
	out, err := s.client(s.root.AccessKeyID, s.root.Secret).ListClustersV2(t.Context(), &awskafka.ListClustersV2Input{})
	if err != nil || len(out.ClusterInfoList) != 1 {
		t.Errorf("reads: %v, %v", out, err)
	}
}

// post signs and sends one call to the handler itself.
func (s system) post(h http.Handler, from, key, secret string) int {
	r := httptest.NewRequest(http.MethodGet, "http://localhost/api/v2/clusters", nil)
	r.RemoteAddr = from
	sigv4.Sign(r, nil, sigv4.Key{AccessKeyID: key, Secret: secret}, "kafka", region, time.Now())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "Rate exceeded") {
		return http.StatusTooManyRequests
	}
	return w.Code
}

// TestBadSignaturesAreSlowed: who guesses is soon refused, and locks out nobody
// else.
func TestBadSignaturesAreSlowed(t *testing.T) {
	s := start(t)
	synctest.Test(t, func(t *testing.T) {
		h := s.again()
		looked := 0
		for range 600 { // ten a second for a minute
			if s.post(h, "192.0.2.1:1000", s.root.AccessKeyID, "guess") == http.StatusForbidden {
				looked++
			}
			time.Sleep(100 * time.Millisecond)
		}
		if looked < 50 || looked > 70 { // 30 at once, and one each 2 s
			t.Errorf("%d of 600 guesses were looked at", looked)
		}
		s.post(h, "192.0.2.1:1000", s.root.AccessKeyID, "guess")
		if got := s.post(h, "192.0.2.1:1001", s.root.AccessKeyID, s.root.Secret); got != http.StatusTooManyRequests {
			t.Errorf("the right secret between guesses: %d", got)
		}
		if got := s.post(h, "192.0.2.2:1000", s.root.AccessKeyID, s.root.Secret); got != http.StatusOK {
			t.Errorf("the key's owner, elsewhere: %d", got)
		}
		for i := range 300 { // keys that do not exist
			s.post(h, "192.0.2.3:1000", "AKIA"+strings.Repeat("A", i%20), "guess")
		}
		if got := s.post(h, "192.0.2.3:1000", "AKIANEW", "guess"); got != http.StatusTooManyRequests {
			t.Errorf("an address that tries keys: %d", got)
		}
		if got := s.post(h, "192.0.2.3:1000", s.root.AccessKeyID, s.root.Secret); got != http.StatusOK {
			t.Errorf("a neighbour behind its address: %d", got)
		}
		time.Sleep(time.Minute)
		if got := s.post(h, "192.0.2.1:1002", s.root.AccessKeyID, s.root.Secret); got != http.StatusOK {
			t.Errorf("a minute later: %d", got)
		}
	})
}

// TestSlowBodiesLeaveRoomForOthers: one address can fill its own places before
// verification, and no more.
func TestSlowBodiesLeaveRoomForOthers(t *testing.T) {
	s := start(t)
	synctest.Test(t, func(t *testing.T) {
		h := s.again()
		var ends []net.Conn
		for range 100 {
			client, body := net.Pipe()
			ends = append(ends, client)
			r := httptest.NewRequest(http.MethodPost, "http://localhost/api/v2/clusters", body)
			r.RemoteAddr = "192.0.2.1:1"
			go h.ServeHTTP(httptest.NewRecorder(), r)
		}
		synctest.Wait()
		if got := s.post(h, "192.0.2.1:2", s.root.AccessKeyID, s.root.Secret); got != http.StatusTooManyRequests {
			t.Errorf("the same address: %d", got)
		}
		if got := s.post(h, "192.0.2.2:1", s.root.AccessKeyID, s.root.Secret); got != http.StatusOK {
			t.Errorf("another address: %d", got)
		}
		for _, c := range ends {
			c.Close()
		}
		synctest.Wait()
		if got := s.post(h, "192.0.2.1:2", s.root.AccessKeyID, s.root.Secret); got != http.StatusOK {
			t.Errorf("afterwards: %d", got)
		}
	})
}

// TestSecretsAreNotOnRecord puts a canary into every input of a call.
func TestSecretsAreNotOnRecord(t *testing.T) {
	fsys := vfs.NewMemory()
	s, tr := onRecord(t, fsys)
	for _, body := range []string{
		`{"clusterName":"a","secretString":"canary-1","deep":{"Password":"canary-2"},"list":[{"privateKey":"canary-3"}]}`,
		`{"clusterName":"b"} trailing canary-4`,
	} {
		r, err := http.NewRequest(http.MethodPost, s.url+"/api/v2/clusters?X-Amz-Meta=1&token=canary-5", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		sigv4.Sign(r, []byte(body), sigv4.Key{AccessKeyID: s.root.AccessKeyID, Secret: s.root.Secret}, "kafka", region, time.Now())
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for _, target := range []string{"CreateSecret", "GetSecretValue", "PutSecretValue", "UpdateSecret"} {
		body := `{"Name":"s","SecretId":"s","SecretString":"canary-6"}`
		status, answer, _ := s.send(t, call{service: "secretsmanager", method: http.MethodPost, path: "/", body: body, keyID: s.root.AccessKeyID, secret: s.root.Secret, at: time.Now(),
			contentType: "application/x-amz-json-1.1", before: func(r *http.Request) { r.Header.Set("X-Amz-Target", "secretsmanager."+target) }})
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", target, status, answer)
		}
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if got, all := recordsOf(t, fsys); len(got) != 6 || strings.Contains(all, "canary") || !strings.Contains(all, audit.Hidden) {
		t.Errorf("on record: %s", all)
	}
}
