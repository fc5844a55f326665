package api_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/api"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/store"
)

var update = flag.Bool("update", false, "write the answers to testdata")

// zeros is a source of anything but randomness.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// signedAt is the time in a recorded signature.
var signedAt = regexp.MustCompile(`X-Amz-Date[:=] ?(\d{8}T\d{6}Z)`)

// recorded is a handler at the time of a recorded request. Its root credential
// is the one that the requests were signed with: made of the bytes 0 to 39.
func recorded(t *testing.T, now time.Time) http.Handler {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	random := make([]byte, 40)
	for i := range random {
		random[i] = byte(i)
	}
	identity, err := iam.New(t.Context(), iam.Config{Store: st, Random: bytes.NewReader(random)})
	if err != nil {
		t.Fatal(err)
	}
	network, subnetOf := networkOver(st)
	clusters := msk.New(msk.Config{
		Store: st, Now: func() time.Time { return now }, Random: zeros{},
		Subnet: subnetOf,
	})
	return api.New(api.Config{
		Identity: identity, Authorizer: identity, Kafka: allOfKafka{clusters, nil}, EC2: network, STS: identity, IAM: identity,
		Ready: func() bool { return true }, Version: "test", Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	})
}

var requestIDs = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

// TestRecordedRequests sends what boto3 1.43.11 sent, byte by byte, and compares
// the answers with those that were read and found good.
func TestRecordedRequests(t *testing.T) {
	files, err := filepath.Glob("testdata/boto3/*.request")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded requests: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".request"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			now, err := time.Parse("20060102T150405Z", signedAt.FindStringSubmatch(string(data))[1])
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			recorded(t, now).ServeHTTP(w, r.WithContext(t.Context()))
			got := fmt.Sprintf("%d %s%s\n%s\n", w.Code, w.Header().Get("Content-Type"), w.Header().Get("x-amzn-ErrorType"),
				requestIDs.ReplaceAllString(strings.TrimSpace(w.Body.String()), "REQUEST"))
			golden := strings.TrimSuffix(file, ".request") + ".answer"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
