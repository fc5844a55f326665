package sigv4

import (
	"net/url"
	"strconv"
	"time"
)

// MSK's tokens are presigned GETs of "/" that are never sent as such: the
// AWS_MSK_IAM mechanism carries the parameters as JSON and signs the broker's
// host, OAUTHBEARER carries the URL and signs kafka.<region>.amazonaws.com.

// ParseQuery reads a presigned query for host, given without what was added
// after signing (User-Agent). Verify with a nil body. The error is an *Error of
// kind Missing or Incomplete.
func ParseQuery(method, host string, query url.Values) (Request, error) {
	var pairs []pair
	for name, values := range query {
		for _, v := range values {
			pairs = append(pairs, pair{name, v})
		}
	}
	if len(pairs) > maxQueryPairs {
		return Request{}, incomplete("The query of the request is malformed.")
	}
	auth, presigned, err := takeAuthParams(pairs)
	if err != nil {
		return Request{}, err
	}
	if !presigned {
		return Request{}, &Error{Missing, "Missing Authentication Token"}
	}
	q, err := fromQuery(auth)
	if err != nil {
		return Request{}, err
	}
	if len(q.SignedHeaders) != 1 {
		return Request{}, incomplete("Only the host may be signed here.")
	}
	q.setCanonical(method, "/", withoutSignature(pairs), canonicalHeaders(nil, host, 0, q.SignedHeaders))
	return q, nil
}

// VerifyQuery is ParseQuery and Verify in one, for callers that know the secret.
func VerifyQuery(method, host string, query url.Values, secret string, now time.Time) error {
	q, err := ParseQuery(method, host, query)
	if err != nil {
		return err
	}
	return q.Verify(secret, nil, now)
}

// SignToken presigns a GET of "/" on host for action, as MSK's client libraries
// do, and returns the whole query with its signature.
func SignToken(host, action string, key Key, region string, expires time.Duration, now time.Time) url.Values {
	now = now.UTC()
	const service = "kafka-cluster"
	day := now.Format(dayFormat)
	query := url.Values{
		"Action":              {action},
		"X-Amz-Algorithm":     {algorithm},
		"X-Amz-Credential":    {key.AccessKeyID + "/" + day + "/" + region + "/" + service + "/" + terminator},
		"X-Amz-Date":          {now.Format(timeFormat)},
		"X-Amz-Expires":       {strconv.FormatInt(int64(expires/time.Second), 10)},
		"X-Amz-SignedHeaders": {"host"},
	}
	if key.SessionToken != "" {
		query.Set("X-Amz-Security-Token", key.SessionToken)
	}
	var pairs []pair
	for name := range query {
		pairs = append(pairs, pair{name, query.Get(name)})
	}
	q := Request{Region: region, Service: service, Time: now, SignedHeaders: []string{"host"}, day: day}
	q.setCanonical("GET", "/", pairs, canonicalHeaders(nil, host, 0, q.SignedHeaders))
	query.Set("X-Amz-Signature", sign(key.Secret, day, region, service, q.stringToSign(0, emptyHash)))
	return query
}
