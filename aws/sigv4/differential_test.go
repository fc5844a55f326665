package sigv4_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/millrace/millrace/aws/sigv4"
)

// rounds is how many requests the differential tests make: MILLRACE_SIGV4 says
// another number than the short form's.
func rounds(t *testing.T) int {
	t.Helper()
	n := os.Getenv("MILLRACE_SIGV4")
	if n == "" {
		return 2000
	}
	out, err := strconv.Atoi(n)
	if err != nil || out < 1 {
		t.Fatalf("MILLRACE_SIGV4=%q is no number of requests", n)
	}
	return out
}

// requests makes random ones and lets the AWS SDK for Go sign them.
type requests struct {
	t   *testing.T
	rng *rand.Rand
}

func (g *requests) text(n int) string {
	const alphabet = "abcXYZ019-_.~ /%+&=:é\"'*()!$,;@"
	letters := []rune(alphabet)
	out := make([]rune, g.rng.IntN(n))
	for i := range out {
		out[i] = letters[g.rng.IntN(len(letters))]
	}
	return string(out)
}

// next is a signed request on the wire.
func (g *requests) next() []byte {
	g.t.Helper()
	method := []string{"GET", "POST", "PUT", "DELETE", "PATCH"}[g.rng.IntN(5)]
	target := "/"
	for range g.rng.IntN(4) {
		target += url.PathEscape(g.text(10)) + "/"
	}
	query := url.Values{}
	for range g.rng.IntN(5) {
		query.Add(g.text(4)+"k", g.text(9))
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	presigned := g.rng.IntN(4) == 0
	body := ""
	if !presigned && method != "GET" && method != "DELETE" {
		body = g.text(60)
	}
	r, err := http.NewRequest(method, "https://kafka.us-east-1.amazonaws.com"+target, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if body == "" {
		r.Body, r.ContentLength = nil, 0
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	credentials := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	if g.rng.IntN(3) == 0 {
		credentials.SessionToken = "TOKEN/" + strconv.Itoa(g.rng.IntN(1000)) + "=="
	}
	service := []string{"kafka", "iam", "sts", "ec2", "kms", "millrace"}[g.rng.IntN(6)]
	if presigned {
		q := r.URL.Query()
		q.Set("X-Amz-Expires", "900")
		r.URL.RawQuery = q.Encode()
		uri, _, err := sdk.NewSigner().PresignHTTP(g.t.Context(), credentials, r, hash, service, "us-east-1", start)
		if err == nil {
			r.URL, err = url.Parse(uri)
		}
		if err != nil {
			g.t.Fatal(err)
		}
		return wireOf(g.t, r)
	}
	g.headers(r, hash)
	if err := sdk.NewSigner().SignHTTP(g.t.Context(), credentials, r, hash, service, "us-east-1", start); err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("User-Agent", "aws-sdk") // added by transports, never signed
	return wireOf(g.t, r)
}

// headers adds some of those that SDKs send.
func (g *requests) headers(r *http.Request, hash string) {
	plain := func(n int) string { return strings.Trim(strings.ReplaceAll(g.text(n), "é", "  "), " ") }
	for name, value := range map[string]string{
		"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Service.Operation", "X-Amz-Content-Sha256": hash,
		"X-Amz-Meta": "a" + plain(8), "Amz-Sdk-Request": "attempt=1; max=3", "Accept": "*/*",
	} {
		if g.rng.IntN(2) == 0 {
			r.Header.Set(name, value)
		}
	}
	if g.rng.IntN(4) == 0 {
		r.Header.Add("X-Amz-Many", "b"+plain(4))
		r.Header.Add("X-Amz-Many", "a"+plain(4))
	}
}

func wireOf(t *testing.T, r *http.Request) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// received is a request as the server verifies it.
func received(wire []byte) (r *http.Request, body []byte, q sigv4.Request, err error) {
	if r, err = http.ReadRequest(bufio.NewReader(bytes.NewReader(wire))); err != nil {
		return r, nil, q, err
	}
	if body, err = io.ReadAll(r.Body); err != nil {
		return r, nil, q, err
	}
	if q, err = sigv4.Parse(r); err != nil {
		return r, body, q, err
	}
	if q.AccessKeyID != keyID {
		return r, body, q, sigv4.Unknown()
	}
	return r, body, q, q.Verify(secret, body, start.Add(time.Minute))
}

// meaning is what a handler would act on: what the signature must bind. Header
// names without case and the space around values carry none.
func meaning(r *http.Request, body []byte, signed []string) string {
	headers := map[string][]string{}
	for name, values := range r.Header {
		lower := strings.ToLower(name)
		if lower == "authorization" {
			headers[lower] = []string{"same claims: see the error"}
			continue
		}
		if strings.HasPrefix(lower, "x-amz-") || slices.Contains(signed, lower) {
			headers[lower] = []string{strings.Join(strings.Fields(strings.Join(values, ",")), " ")}
		}
	}
	var pairs []string
	for name, values := range r.URL.Query() {
		slices.Sort(values)
		pairs = append(pairs, fmt.Sprintf("%q=%q", name, values))
	}
	slices.Sort(pairs)
	return fmt.Sprintf("%s %s %q %s %v %q", r.Method, r.URL.EscapedPath(), pairs, r.Host, headers, body)
}

// mutate changes, removes or adds one byte.
func mutate(rng *rand.Rand, wire []byte) []byte {
	at := rng.IntN(len(wire))
	switch rng.IntN(4) {
	case 0:
		return append(bytes.Clone(wire[:at]), wire[at+1:]...)
	case 1:
		return append(append(bytes.Clone(wire[:at]), byte(rng.IntN(256))), wire[at:]...)
	}
	out := bytes.Clone(wire)
	out[at] ^= byte(1 + rng.IntN(255))
	return out
}

// TestSDKSignerDifferential: whatever the AWS SDK for Go signs is accepted, and
// no change of one byte that means anything.
func TestSDKSignerDifferential(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	g := &requests{t, rand.New(rand.NewPCG(seed, 7))}
	n, mutations, neutral := rounds(t), 0, 0
	for i := range n {
		wire := g.next()
		r, body, q, err := received(wire)
		if err != nil {
			t.Fatalf("request %d is refused: %v\n%q", i, err, wire)
		}
		want := meaning(r, body, q.SignedHeaders)
		for done := false; !done; {
			changed := mutate(g.rng, wire)
			r, body, q, err := received(changed)
			if err == nil && meaning(r, body, q.SignedHeaders) == want {
				neutral++
				continue
			}
			if mutations, done = mutations+1, true; err == nil {
				t.Fatalf("accepted:\n%q\nchanged to\n%q", wire, changed)
			}
		}
	}
	t.Logf("%d requests of the SDK accepted, %d mutations refused, %d had no meaning", n, mutations, neutral)
}

// TestBotocoreGolden: requests that botocore has signed (testdata/botocore.py).
func TestBotocoreGolden(t *testing.T) {
	f, err := os.Open("testdata/botocore.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rng := rand.New(rand.NewPCG(3, 4))
	d, n, refused := json.NewDecoder(f), 0, 0
	for {
		var line struct{ Botocore, Wire string }
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if line.Wire == "" {
			continue
		}
		wire, err := base64.StdEncoding.DecodeString(line.Wire)
		if err != nil {
			t.Fatal(err)
		}
		r, body, q, err := received(wire)
		if err != nil {
			t.Errorf("%v: %q", err, wire)
			continue
		}
		n++
		want := meaning(r, body, q.SignedHeaders)
		for range 5 {
			changed := mutate(rng, wire)
			if r, body, q, err := received(changed); err == nil && meaning(r, body, q.SignedHeaders) != want {
				t.Errorf("accepted: %q", changed)
			} else if err != nil {
				refused++
			}
		}
	}
	if n != 400 || refused < 1000 {
		t.Errorf("%d requests, %d mutations refused", n, refused)
	}
}
