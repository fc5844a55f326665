package sigv4_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	smithy "github.com/aws/smithy-go/aws-http-auth/sigv4"
	v4 "github.com/aws/smithy-go/aws-http-auth/v4"

	"github.com/millrace/millrace/aws/sigv4"
)

const (
	keyID  = "AKIDEXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var start = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func kindOf(err error) sigv4.Kind {
	var e *sigv4.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

// signed is a request as AWS's own signer makes it, as bytes on the wire.
func signed(t *testing.T, method, target, service, body string, kind v4.SignatureType, header map[string]string) []byte {
	t.Helper()
	r, err := http.NewRequest(method, "http://kafka.us-east-1.amazonaws.com"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	hash := sha256.Sum256([]byte(body))
	in := &smithy.SignRequestInput{
		Request: r, PayloadHash: hash[:], Service: service, Region: "us-east-1", Time: start, SignatureType: kind,
		Credentials: credentials.Credentials{AccessKeyID: keyID, SecretAccessKey: secret},
	}
	if kind == v4.SignatureTypeQueryString {
		q := r.URL.Query()
		q.Set("X-Amz-Expires", "900")
		r.URL.RawQuery = q.Encode()
	}
	err = smithy.New(func(o *v4.SignerOptions) { o.DisableDoublePathEscape = service == "s3" }).SignRequest(in)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyWire(wire []byte, now time.Time) (sigv4.Request, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
	if err != nil {
		return sigv4.Request{}, err
	}
	q, err := sigv4.Parse(r)
	if err != nil {
		return q, err
	}
	if q.AccessKeyID != keyID {
		return q, sigv4.Unknown()
	}
	_, body, _ := bytes.Cut(wire, []byte("\r\n\r\n"))
	return q, q.Verify(secret, body, now)
}

func TestAgreesWithTheAWSSigner(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		b := make([]byte, rng.IntN(n))
		for i := range b {
			b[i] = "abcXYZ019-_.~ /%+&=:é\"'*()!"[rng.IntN(28)]
		}
		return string(b)
	}
	for i := range 2000 {
		target := "/v1/" + url.PathEscape(text(12)) + "/x"
		q := url.Values{}
		for range rng.IntN(4) {
			q.Add(text(4)+"k", text(8))
		}
		target += "?" + q.Encode()
		kind := v4.SignatureType(i % 2)
		service := []string{"kafka", "s3"}[i/2%2]
		if service == "s3" { // whose own SDK escapes a key strictly, other than this signer
			target = "/bucket/a%20key//y?" + q.Encode()
		}
		wire := signed(t, "POST", target, service, text(30), kind, map[string]string{
			"X-Amz-Target": "A.B", "Content-Type": "application/json", "X-Amz-Meta": strings.TrimSpace("v" + strings.ReplaceAll(text(5), " ", "")),
		})
		if kind == v4.SignatureTypeQueryString && service == "s3" {
			continue // S3 presigns leave the payload unsigned
		}
		if q, err := verifyWire(wire, start); err != nil || q.AccessKeyID != keyID || q.Presigned != (i%2 == 1) {
			t.Fatalf("%d: %v\n%s", i, err, wire)
		}
	}
}

func TestMutationsAreRefused(t *testing.T) {
	for _, kind := range []v4.SignatureType{v4.SignatureTypeHeader, v4.SignatureTypeQueryString} {
		wire := signed(t, "POST", "/v1/clusters?a=1&b=x", "kafka", `{"n":1}`, kind, map[string]string{"X-Amz-Target": "A.B"})
		unsigned := bytes.Index(wire, []byte("User-Agent"))
		unsignedEnd := unsigned + bytes.Index(wire[unsigned:], []byte("\r\n"))
		accepted := 0
		for i := range wire {
			if i >= unsigned && i <= unsignedEnd+1 || bytes.HasPrefix(wire[max(0, i-60):], []byte("HTTP/")) {
				continue
			}
			for _, flip := range []byte{1, 2, 4, 16, 32, 64, 128} {
				m := bytes.Clone(wire)
				m[i] ^= flip
				if _, err := verifyWire(m, start); err == nil && !sameMeaning(wire, m) {
					accepted++
					t.Errorf("accepted with byte %d %q -> %q: %q", i, wire[i], m[i], m)
				}
			}
		}
		if accepted > 0 {
			t.Fatalf("%d mutations accepted", accepted)
		}
	}
}

// sameMeaning holds for changes that HTTP itself does not see, like the case of
// a header's name or the version.
func sameMeaning(a, b []byte) bool {
	show := func(wire []byte) string {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
		if err != nil {
			return err.Error()
		}
		r.Header.Del("User-Agent")
		r.Header.Del("Content-Length")
		for name := range r.Header {
			if !strings.HasPrefix(name, "X-Amz-") && name != "Authorization" {
				r.Header.Del(name)
			}
		}
		_, body, _ := bytes.Cut(wire, []byte("\r\n\r\n"))
		return fmt.Sprint(r.Method, r.URL.Path, r.URL.Query(), r.Host, r.Header, string(body))
	}
	return show(a) == show(b)
}

func TestRefusals(t *testing.T) {
	key := sigv4.Key{AccessKeyID: keyID, Secret: secret}
	fresh := func() *http.Request {
		r, _ := http.NewRequest("POST", "http://h/v1/x?a=b", nil)
		sigv4.Sign(r, []byte("body"), key, "kafka", "us-east-1", start)
		return r
	}
	auth := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		now    time.Duration
		want   sigv4.Kind
	}{
		"as signed":            {func(*http.Request) {}, 0, 0},
		"oldest":               {func(*http.Request) {}, 300 * time.Second, 0},
		"too old":              {func(*http.Request) {}, 301 * time.Second, sigv4.Expired},
		"newest":               {func(*http.Request) {}, -300 * time.Second, 0},
		"from the future":      {func(*http.Request) {}, -301 * time.Second, sigv4.NotYet},
		"no signature":         {func(r *http.Request) { r.Header.Del("Authorization") }, 0, sigv4.Missing},
		"bearer":               {set("Authorization", "Bearer abc"), 0, sigv4.Incomplete},
		"no date":              {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, 0, sigv4.Incomplete},
		"two dates":            {func(r *http.Request) { r.Header.Add("X-Amz-Date", "20250101T000000Z") }, 0, sigv4.Incomplete},
		"date of another day":  {set("X-Amz-Date", "20250102T000000Z"), 0, sigv4.Incomplete},
		"other terminator":     {auth("aws4_request", "aws5_request"), 0, sigv4.Incomplete},
		"other region":         {auth("us-east-1", "us-east-2"), 0, sigv4.Mismatch},
		"other algorithm":      {auth("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), 0, sigv4.Incomplete},
		"unsigned x-amz":       {set("X-Amz-Acl", "public"), 0, sigv4.Incomplete},
		"host not signed":      {auth("host;", ""), 0, sigv4.Incomplete},
		"unsorted":             {auth("host;x-amz-content-sha256", "x-amz-content-sha256;host"), 0, sigv4.Incomplete},
		"signed header absent": {auth("SignedHeaders=", "SignedHeaders=accept;"), 0, sigv4.Incomplete},
		"upper-case signature": {func(r *http.Request) { r.Header.Set("Authorization", strings.ToUpper(r.Header.Get("Authorization"))) }, 0, sigv4.Incomplete},
		"unsigned payload":     {set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), 0, sigv4.Incomplete},
		"streaming payload":    {set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), 0, sigv4.Incomplete},
		"other payload":        {set("X-Amz-Content-Sha256", strings.Repeat("0", 64)), 0, sigv4.Mismatch},
		"query auth as well":   {func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Signature=00" }, 0, sigv4.Incomplete},
		"token added":          {set("X-Amz-Security-Token", "x"), 0, sigv4.Incomplete},
		"other method":         {func(r *http.Request) { r.Method = "PUT" }, 0, sigv4.Mismatch},
		"other path":           {func(r *http.Request) { r.URL.Path = "/v1//x" }, 0, sigv4.Mismatch},
	} {
		r := fresh()
		c.change(r)
		q, err := sigv4.Parse(r)
		if err == nil {
			err = q.Verify(secret, []byte("body"), start.Add(c.now))
		}
		if got := kindOf(err); got != c.want || (err == nil) != (c.want == 0) {
			t.Errorf("%s: got %v (%v), want %v", name, got, err, c.want)
		}
	}
	q, _ := sigv4.Parse(fresh())
	if got := kindOf(q.Verify(secret, []byte("other"), start)); got != sigv4.Mismatch {
		t.Errorf("other body: %v", got)
	}
	if got := kindOf(q.VerifyUnknown([]byte("body"), start)); got != sigv4.UnknownKey {
		t.Errorf("unknown key: %v", got)
	}
	if q.CheckScope("kafka", "us-east-1") != nil || kindOf(q.CheckScope("glue", "")) != sigv4.Scope || kindOf(q.CheckScope("", "eu-west-1")) != sigv4.Scope {
		t.Error("scope")
	}
}

func TestQueryParametersInTwoWays(t *testing.T) {
	wire := string(signed(t, "GET", "/v1/x", "kafka", "", v4.SignatureTypeQueryString, nil))
	for _, extra := range []string{"X-Amz-Date=20250101T000000Z", "x-amz-date=20250101T000000Z", "X-Amz-Signature=00", "X-AMZ-EXPIRES=9"} {
		m := strings.Replace(wire, " HTTP/", "&"+extra+" HTTP/", 1)
		if _, err := verifyWire([]byte(m), start); kindOf(err) != sigv4.Incomplete {
			t.Errorf("%s: %v", extra, err)
		}
	}
	if _, err := verifyWire([]byte(wire), start.Add(900*time.Second)); err != nil {
		t.Error("last second:", err)
	}
	if _, err := verifyWire([]byte(wire), start.Add(901*time.Second)); kindOf(err) != sigv4.Expired {
		t.Error("after:", err)
	}
}

func TestMSKTokenVectors(t *testing.T) {
	for _, c := range []struct{ host, token, want string }{
		{"b-1.democluster.abc123.c2.kafka.us-east-1.amazonaws.com", "SESSIONTOKEN/EXAMPLE==", "591579f7f46c79382c4a6292c7cb15f06d50406fda9585c6778085c58b656a91"},
		{"kafka.us-east-1.amazonaws.com", "", "9b8f474d37276fea2751f999c5b6dca3020e6954c016bb92f4b495cb0cc113c5"},
	} {
		q := sigv4.SignToken(c.host, "kafka-cluster:Connect", sigv4.Key{AccessKeyID: keyID, Secret: secret, SessionToken: c.token}, "us-east-1", 900*time.Second, start)
		if got := q.Get("X-Amz-Signature"); got != c.want {
			t.Errorf("%s: got %s, want %s", c.host, got, c.want)
		}
		if err := sigv4.VerifyQuery("GET", c.host, q, secret, start.Add(time.Minute)); err != nil {
			t.Error(err)
		}
		if err := sigv4.VerifyQuery("GET", "other", q, secret, start); kindOf(err) != sigv4.Mismatch {
			t.Error("other host:", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	r, _ := http.NewRequest("POST", "http://h/v1/x?a=b", nil)
	sigv4.Sign(r, nil, sigv4.Key{AccessKeyID: keyID, Secret: secret}, "kafka", "us-east-1", start)
	f.Add("/v1/x?a=b", r.Header.Get("Authorization"), "20250101T000000Z")
	f.Add("/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=%zz", "", "")
	f.Add("*", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=;;,Signature=", "x")
	f.Fuzz(func(t *testing.T, uri, authorization, date string) {
		r := &http.Request{Method: "POST", RequestURI: uri, Host: "h", URL: &url.URL{}, Header: http.Header{}}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		r.Header.Set("X-Amz-Date", date)
		q, err := sigv4.Parse(r)
		if err != nil {
			if k := kindOf(err); k != sigv4.Missing && k != sigv4.Incomplete {
				t.Fatalf("%v: %v", k, err)
			}
			return
		}
		if q.AccessKeyID == "" || q.Verify("wrong", nil, q.Time) == nil {
			t.Fatalf("accepted %+v", q)
		}
	})
}
