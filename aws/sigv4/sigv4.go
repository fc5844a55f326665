// Package sigv4 verifies AWS Signature Version 4: requests signed in the
// Authorization header, presigned URLs, and the presigned queries inside MSK's
// Kafka tokens. It also signs, for this project's own clients and tests.
//
// aws/api and server call it: Parse says who claims to call, the caller looks
// the secret up and asks Verify. It never looks keys up, never decides what a
// caller may do, keeps no state and never logs; everything here is safe for
// concurrent use.
//
// The canonical form is made of the raw request URI, so a caller must route on
// that same URI, not on a cleaned copy of it.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	timeFormat = "20060102T150405Z"
	dayFormat  = "20060102"

	unsignedPayload = "UNSIGNED-PAYLOAD"
	emptyHash       = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

	// Skew is how far a signature's time may be from the verifier's, both ways
	// and inclusive.
	Skew = 5 * time.Minute

	// MaxExpires is the longest life of a presigned URL.
	MaxExpires = 7 * 24 * time.Hour
)

// Kind says what is wrong with a signature, so that the edge can pick the code
// of its protocol.
type Kind int

// The kinds of an Error.
const (
	Missing      Kind = iota + 1 // no signature at all
	Incomplete                   // malformed, ambiguous, or not covering what it must
	UnknownKey                   // no such access key, or a session token that is not its own
	Mismatch                     // wrong secret or altered request
	Expired                      // too old
	NotYet                       // from the future
	Scope                        // for another service or region
	ExpiredToken                 // by temporary credentials that have ended
	OtherBody                    // the body is not the one that was signed (S3)
	BrokenBody                   // the body ends early or is not in the form that was announced (S3)
)

var kindNames = [...]string{"none", "missing", "incomplete", "unknown key", "mismatch", "expired", "not yet", "scope", "expired token", "other body", "broken body"}

// String names the kind for logs.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Error is the only error type of this package. Message is fit for the client
// and holds no secret.
type Error struct {
	Kind    Kind
	Message string
}

func (e *Error) Error() string { return e.Message }

// Unknown is the error of an access key that nobody has, for callers to return
// after VerifyUnknown.
func Unknown() *Error {
	return &Error{UnknownKey, "The security token included in the request is invalid."}
}

func incomplete(format string, args ...any) error {
	return &Error{Incomplete, fmt.Sprintf(format, args...)}
}

func mismatch() error {
	return &Error{Mismatch, "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}
}

// Request is what a signed request claims, parsed but not yet verified.
type Request struct {
	AccessKeyID   string
	Region        string
	Service       string
	Time          time.Time
	SignedHeaders []string // lower case, sorted
	SessionToken  string   // "" for long-lived keys
	Presigned     bool
	Expires       time.Duration // of a presigned request; 0 otherwise

	day       string // the scope's
	signature string
	canonical [2]string // the canonical request up to the payload hash; see canonicalQuery
	payload   string    // X-Amz-Content-Sha256, "" without
}

// Option relaxes Verify.
type Option int

// AllowUnsignedPayload accepts UNSIGNED-PAYLOAD in place of the body's hash, as
// S3 does over TLS. Without it every body must be covered by the signature.
const AllowUnsignedPayload Option = 1

// Verify checks the signature over the request and body, and the time. The
// error is an *Error of kind Mismatch, Expired, NotYet or Incomplete.
func (q Request) Verify(secret string, body []byte, now time.Time, options ...Option) error {
	hash, err := q.payloadHash(body, options)
	if err != nil {
		return err
	}
	good := false
	for form := range q.canonical {
		want := sign(secret, q.day, q.Region, q.Service, q.stringToSign(form, hash))
		good = hmac.Equal([]byte(want), []byte(q.signature)) || good
	}
	if err := q.checkTime(now, Skew); err != nil {
		return err
	}
	if !good {
		return mismatch()
	}
	return nil
}

// VerifyUnknown spends the time of a Verify for an access key that does not
// exist, so that a stopwatch does not tell which keys do. It never succeeds.
func (q Request) VerifyUnknown(body []byte, now time.Time) error {
	_ = q.Verify("0000000000000000000000000000000000000000", body, now)
	return Unknown()
}

// CheckScope checks the credential scope's service and region, whose empty
// value stands for any.
func (q Request) CheckScope(service, region string) error {
	if service != "" && q.Service != service {
		return &Error{Scope, "Credential should be scoped to correct service: '" + service + "'. "}
	}
	if region != "" && q.Region != region {
		return &Error{Scope, "Credential should be scoped to a valid region. "}
	}
	return nil
}

func (q Request) checkTime(now time.Time, skew time.Duration) error {
	now = now.UTC()
	last := q.Time.Add(skew)
	if q.Presigned {
		last = q.Time.Add(q.Expires)
	}
	at := q.Time.Format(timeFormat)
	minutes := int(skew / time.Minute)
	if q.Time.After(now.Add(skew)) {
		return &Error{NotYet, fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %d min.)",
			at, now.Add(skew).Format(timeFormat), now.Format(timeFormat), minutes)}
	}
	if now.After(last) {
		return &Error{Expired, fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %d min.)",
			at, now.Add(-skew).Format(timeFormat), now.Format(timeFormat), minutes)}
	}
	return nil
}

// payloadHash is the last line of the canonical request: the hash of the body
// that came, never one that the client only claims.
func (q Request) payloadHash(body []byte, options []Option) (string, error) {
	unsignedAllowed := false
	for _, o := range options {
		unsignedAllowed = unsignedAllowed || o == AllowUnsignedPayload
	}
	unsigned := q.payload == unsignedPayload || q.payload == "" && q.Presigned && q.Service == "s3"
	switch {
	case unsigned && unsignedAllowed:
		return unsignedPayload, nil
	case unsigned && q.payload != "", strings.HasPrefix(q.payload, "STREAMING-"):
		return "", incomplete("The payload of this request must be signed: %s is not supported here.", q.payload)
	}
	hash := hexSHA256(body)
	if q.payload != "" && q.payload != hash {
		return "", mismatch()
	}
	return hash, nil
}

func (q Request) stringToSign(form int, payloadHash string) string {
	return algorithm + "\n" + q.Time.Format(timeFormat) + "\n" + q.scope() + "\n" +
		hexSHA256([]byte(q.canonical[form]+payloadHash))
}

func (q Request) scope() string {
	return q.day + "/" + q.Region + "/" + q.Service + "/" + terminator
}

func sign(secret, day, region, service, text string) string {
	return hex.EncodeToString(mac(signingKey(secret, day, region, service), text))
}

func signingKey(secret, day, region, service string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, region, service, terminator} {
		key = mac(key, part)
	}
	return key
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Key is an access key to sign with.
type Key struct {
	AccessKeyID  string
	Secret       string
	SessionToken string // "" for long-lived keys
}

// Sign signs r in its headers: X-Amz-Date, X-Amz-Content-Sha256,
// X-Amz-Security-Token and Authorization are set, and content-type and every
// x-amz-* header are covered. Other headers may still be added afterwards.
func Sign(r *http.Request, body []byte, key Key, service, region string, now time.Time) {
	signAs(r, hexSHA256(body), key, service, region, now)
}

// SignS3 is Sign for S3, whose x-amz-content-sha256 may be something else than
// the body's hash.
func SignS3(r *http.Request, payload string, key Key, region string, now time.Time) {
	signAs(r, payload, key, "s3", region, now)
}

func signAs(r *http.Request, payload string, key Key, service, region string, now time.Time) {
	now = now.UTC()
	r.Header.Set("X-Amz-Date", now.Format(timeFormat))
	r.Header.Set("X-Amz-Content-Sha256", payload)
	if key.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", key.SessionToken)
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	pairs, _ := splitQuery(r.URL.RawQuery) // a query that does not parse is refused by its reader
	q := Request{Region: region, Service: service, Time: now, SignedHeaders: headersToSign(r.Header), day: now.Format(dayFormat)}
	q.setCanonical(r.Method, canonicalPath(r.URL.EscapedPath(), service), pairs,
		canonicalHeaders(r.Header, host, r.ContentLength, q.SignedHeaders))
	signature := sign(key.Secret, q.day, region, service, q.stringToSign(0, payload))
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s/%s/%s/%s, SignedHeaders=%s, Signature=%s", algorithm,
		key.AccessKeyID, q.day, region, service, terminator, strings.Join(q.SignedHeaders, ";"), signature))
}
