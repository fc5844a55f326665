package sigv4_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/sigv4"
)

// The tests of this file are named after weaknesses that other servers had.

// freshly is a signed request whose signature holds.
func freshly(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", "http://kafka.us-east-1.amazonaws.com/v1/clusters?a=b", nil)
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Sign(r, []byte("body"), sigv4.Key{AccessKeyID: keyID, Secret: secret}, "kafka", "us-east-1", start)
	return r
}

func judged(r *http.Request) error {
	q, err := sigv4.Parse(r)
	if err != nil {
		return err
	}
	return q.Verify(secret, []byte("body"), start)
}

// TestCVE2026_97731_UnsignedAmzHeadersAreRefused: servers acted on x-amz-* headers
// that the signature did not cover.
func TestCVE2026_97731_UnsignedAmzHeadersAreRefused(t *testing.T) {
	if err := judged(freshly(t)); err != nil {
		t.Fatal(err) // the control
	}
	for _, name := range []string{
		"X-Amz-Target", "X-Amz-Acl", "X-Amz-Meta-A", "X-Amz-Security-Token", "X-Amz-Copy-Source", "X-Amz-Decoded-Content-Length", "X-Amz-Trailer",
		"X-Amz-Expected-Bucket-Owner", "X-Amz-User-Agent", "X-Amz-Bypass-Governance-Retention", "X-Amz-Tagging", "x-amz-lower",
	} {
		r := freshly(t)
		r.Header[name] = []string{"v"} // also where it is not canonical
		if err := judged(r); kindOf(err) != sigv4.Incomplete {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCVE2025_31489_BodiesAreBound: MinIO did not verify the signature of uploads
// with unsigned trailers (and CVE-2026-41145 by the query).
func TestCVE2025_31489_BodiesAreBound(t *testing.T) {
	for _, payload := range []string{
		"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "streaming-x", "unsigned-payload",
	} {
		r, err := http.NewRequest("POST", "http://h/v1/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		sigv4.Sign(r, []byte("body"), sigv4.Key{AccessKeyID: keyID, Secret: secret}, "kafka", "us-east-1", start)
		r.Header.Set("X-Amz-Content-Sha256", payload)
		if judged(r) == nil {
			t.Errorf("%s is accepted", payload)
		}
	}
	wire := string(signed(t, "POST", "/v1/x", "kafka", "", 1, nil)) // presigned
	for _, extra := range []string{"X-Amz-Content-Sha256=UNSIGNED-PAYLOAD", "x-amz-content-sha256=STREAMING-UNSIGNED-PAYLOAD-TRAILER"} {
		if _, err := verifyWire([]byte(strings.Replace(wire, " HTTP/", "&"+extra+" HTTP/", 1)), start); err == nil {
			t.Errorf("%s in the query is accepted", extra)
		}
	}
	if _, err := verifyWire([]byte(strings.Replace(wire, "\r\n\r\n", "\r\nContent-Length: 4\r\n\r\nevil", 1)), start); err == nil {
		t.Error("a body that a presigned request did not have is accepted")
	}
}

// TestCVE2022_2385_NoParameterStandsTwice: aws-iam-authenticator read one of two
// parameters whose names differed in case, and AWS the other.
func TestCVE2022_2385_NoParameterStandsTwice(t *testing.T) {
	query := sigv4.SignToken("h", "kafka-cluster:Connect", sigv4.Key{AccessKeyID: keyID, Secret: secret}, "us-east-1", 900*time.Second, start)
	if err := sigv4.VerifyQuery("GET", "h", query, secret, start); err != nil {
		t.Fatal(err) // the control
	}
	for name := range query {
		for _, other := range []string{strings.ToLower(name), strings.ToUpper(name), name} {
			changed := url.Values{}
			for k, v := range query {
				changed[k] = append([]string{}, v...)
			}
			changed.Add(other, "evil")
			if err := sigv4.VerifyQuery("GET", "h", changed, secret, start); err == nil {
				t.Errorf("%s and %s are accepted", name, other)
			}
		}
	}
}

// TestCVE2026_54917_ThePathIsTheOneThatIsServed: SeaweedFS verified a cleaned path
// and served another. Each spelling of a path has its own signature.
func TestCVE2026_54917_ThePathIsTheOneThatIsServed(t *testing.T) {
	for _, path := range []string{"/v1//clusters", "/v1/./clusters", "/v1/x/../clusters", "/v1/clusters/", "/v1%2Fclusters", "/v1/%63lusters", "//v1/clusters", "/V1/clusters"} {
		r := freshly(t)
		r.RequestURI = path + "?a=b"
		if err := judged(r); err == nil {
			t.Errorf("%s is accepted with another path's signature", path)
		}
	}
}

// TestCVE2020_11012_AKeyIDProvesNothing: MinIO's administration looked at the
// access key's id alone.
func TestCVE2020_11012_AKeyIDProvesNothing(t *testing.T) {
	r := freshly(t)
	signature := r.Header.Get("Authorization")
	for name, header := range map[string]string{
		"zeros":          signature[:len(signature)-64] + strings.Repeat("0", 64),
		"none":           signature[:len(signature)-64],
		"no parameter":   signature[:strings.LastIndex(signature, ", Signature")],
		"another secret": "",
	} {
		r := freshly(t)
		if r.Header.Set("Authorization", header); header == "" {
			sigv4.Sign(r, []byte("body"), sigv4.Key{AccessKeyID: keyID, Secret: "other"}, "kafka", "us-east-1", start)
		}
		if judged(r) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
