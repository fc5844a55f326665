package sasl

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	iamVersion = "2020_10_22"
	iamAction  = "kafka-cluster:Connect"
	iamService = "kafka-cluster"
	maxExpires = 900 // seconds
)

// iamParams maps AWS_MSK_IAM's JSON keys to the query parameters they stand for.
var iamParams = map[string]string{
	"action":               "Action",
	"x-amz-algorithm":      "X-Amz-Algorithm",
	"x-amz-credential":     "X-Amz-Credential",
	"x-amz-date":           "X-Amz-Date",
	"x-amz-expires":        "X-Amz-Expires",
	"x-amz-signedheaders":  "X-Amz-SignedHeaders",
	"x-amz-security-token": "X-Amz-Security-Token",
	"x-amz-signature":      "X-Amz-Signature",
}

// iamServer is AWS_MSK_IAM: one JSON message, one JSON answer.
type iamServer struct {
	o    Options
	over bool
}

func (s *iamServer) Step(ctx context.Context, in []byte) ([]byte, *Identity, error) {
	if s.over {
		return nil, nil, AccessDenied("message after the end")
	}
	s.over = true
	t, err := parseIAM(in)
	if err == nil && (s.o.Hosts == nil || !s.o.Hosts(t.Host)) {
		err = fmt.Errorf("signed for host %.80q, which is not this listener's", t.Host)
	}
	if err == nil {
		err = checkToken(t, s.o.Region)
	}
	if err != nil {
		return nil, nil, AccessDenied(err.Error())
	}
	id, err := s.o.Verifier.VerifyToken(ctx, t)
	if err != nil {
		return nil, nil, AccessDenied(err.Error())
	}
	return fmt.Appendf(nil, `{"version":"%s","request-id":"%s"}`, iamVersion, newUUID()), &id, nil
}

func parseIAM(in []byte) (Token, error) {
	fields, err := flatJSON(in)
	if err != nil {
		return Token{}, err
	}
	if fields["version"] != iamVersion {
		return Token{}, fmt.Errorf("payload version %.20q", fields["version"])
	}
	t := Token{Mechanism: AWSMSKIAM, Method: "GET", Host: fields["host"], UserAgent: fields["user-agent"], Query: url.Values{}}
	for key, param := range iamParams {
		if v, ok := fields[key]; ok {
			t.Query.Set(param, v)
		}
	}
	return t, nil
}

// flatJSON reads one JSON object of strings without repeated keys. Keys that
// nobody knows are read over, so that later clients may add some.
func flatJSON(in []byte) (map[string]string, error) {
	if len(in) > maxMessage {
		return nil, errors.New("payload over 16 KiB")
	}
	d := json.NewDecoder(bytes.NewReader(in))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("payload is not a JSON object")
	}
	fields := map[string]string{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, errors.New("payload is not JSON")
		}
		value, err := d.Token()
		name, _ := key.(string)
		text, ok := value.(string)
		if err != nil || !ok {
			return nil, fmt.Errorf("payload key %.40q is not a string", name)
		}
		if _, dup := fields[name]; dup {
			return nil, fmt.Errorf("payload key %.40q stands twice", name)
		}
		fields[name] = text
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("payload is not JSON")
	}
	if _, err := d.Token(); err == nil || d.InputOffset() != int64(len(bytes.TrimRight(in, " \t\r\n"))) {
		return nil, errors.New("bytes after the payload")
	}
	return fields, nil
}

// checkToken checks what needs no secret. Time is the Verifier's, who knows the
// clock that signatures are judged by.
func checkToken(t Token, region string) error {
	q := t.Query
	for _, name := range []string{"X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"} {
		if q.Get(name) == "" {
			return fmt.Errorf("no %s", name)
		}
	}
	expires, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	scope := strings.Split(q.Get("X-Amz-Credential"), "/")
	switch {
	case q.Get("Action") != iamAction:
		return fmt.Errorf("action %.40q", q.Get("Action"))
	case q.Get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
		return fmt.Errorf("algorithm %.40q", q.Get("X-Amz-Algorithm"))
	case q.Get("X-Amz-SignedHeaders") != "host":
		return fmt.Errorf("signed headers %.40q", q.Get("X-Amz-SignedHeaders"))
	case err != nil || expires < 1 || expires > maxExpires:
		return fmt.Errorf("expires %.20q", q.Get("X-Amz-Expires"))
	case len(scope) != 5 || scope[3] != iamService || scope[4] != "aws4_request":
		return errors.New("credential is not scoped to " + iamService)
	case scope[2] != region:
		return fmt.Errorf("credential is scoped to region %.40q", scope[2])
	case !strings.HasPrefix(q.Get("X-Amz-Date"), scope[1]+"T"):
		return errors.New("scope and X-Amz-Date are of different days")
	}
	return nil
}

// oauthServer is OAUTHBEARER: one message; after a refusal the client sends one
// byte more, and then fails (RFC 7628 section 3.2.3).
type oauthServer struct {
	o       Options
	refused *Failure
	over    bool
}

func (s *oauthServer) Step(ctx context.Context, in []byte) ([]byte, *Identity, error) {
	if s.refused != nil {
		return nil, nil, s.refused
	}
	if s.over {
		return nil, nil, AccessDenied("message after the end")
	}
	s.over = true
	id, err := s.login(ctx, in)
	if err != nil {
		s.refused = AccessDenied(err.Error())
		return []byte(`{"status":"invalid_token"}`), nil, nil
	}
	return []byte{}, &id, nil
}

func (s *oauthServer) login(ctx context.Context, in []byte) (Identity, error) {
	t, err := parseBearer(in)
	if err != nil {
		return Identity{}, err
	}
	if !tokenHost(t.Host, s.o.Region) {
		return Identity{}, fmt.Errorf("signed for host %.80q", t.Host)
	}
	if err := checkToken(t, s.o.Region); err != nil {
		return Identity{}, err
	}
	id, err := s.o.Verifier.VerifyToken(ctx, t)
	if err != nil {
		return Identity{}, err
	}
	end, err := tokenEnd(t.Query)
	if err != nil {
		return Identity{}, err
	}
	if id.Expires.IsZero() || end.Before(id.Expires) {
		id.Expires = end
	}
	return id, nil
}

// tokenHost tells whether an MSK signer signs host in region. The signers name
// amazonaws.com in China too; its own suffix is taken as well.
func tokenHost(host, region string) bool {
	name := "kafka." + region + ".amazonaws.com"
	return host == name || strings.HasPrefix(region, "cn-") && host == name+".cn"
}

// tokenEnd is when a bearer token ends. A session lives no longer than the
// token it was opened with, whereas AWS_MSK_IAM's follows the credentials.
func tokenEnd(q url.Values) (time.Time, error) {
	at, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}, errors.New("X-Amz-Date is malformed")
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	return at.Add(time.Duration(seconds) * time.Second), err
}

// parseBearer reads the client's message: "n,," ^A "auth=Bearer " token ^A ^A.
func parseBearer(in []byte) (Token, error) {
	if len(in) > maxMessage {
		return Token{}, errors.New("message over 16 KiB")
	}
	head, rest, ok := strings.Cut(string(in), "\x01")
	if !ok || head != "n,," {
		return Token{}, errors.New("message does not begin with n,,")
	}
	rest, ok = strings.CutSuffix(rest, "\x01\x01")
	if !ok {
		return Token{}, errors.New("message has no end")
	}
	token := ""
	for field := range strings.SplitSeq(rest, "\x01") {
		value, is := strings.CutPrefix(field, "auth=")
		if is && token != "" {
			return Token{}, errors.New("two tokens")
		}
		if is {
			scheme, t, _ := strings.Cut(value, " ")
			if !strings.EqualFold(scheme, "Bearer") {
				return Token{}, errors.New("token is no Bearer token")
			}
			token = t
		}
	}
	if token == "" {
		return Token{}, errors.New("no token")
	}
	return parseTokenURL(token)
}

func parseTokenURL(token string) (Token, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(token, "="))
	if err != nil {
		return Token{}, errors.New("token is not base64url")
	}
	u, err := url.Parse(string(raw))
	if err != nil || u.Scheme != "https" || u.User != nil || u.Path != "/" && u.Path != "" || u.Fragment != "" {
		return Token{}, errors.New("token is no URL of a signer")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Token{}, errors.New("token has a malformed query")
	}
	t := Token{Mechanism: OAuthBearer, Method: "GET", Host: u.Host, UserAgent: q.Get("User-Agent"), Query: q}
	q.Del("User-Agent") // added after signing
	for name, values := range q {
		if len(values) != 1 || name != "Action" && !strings.HasPrefix(name, "X-Amz-") {
			return Token{}, fmt.Errorf("token parameter %.40q is not expected, or not twice", name)
		}
	}
	return t, nil
}
