package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of what is parsed; net/http bounds the whole header before.
const (
	maxSignedHeaders = 128
	maxQueryPairs    = 4096
	maxFieldBytes    = 256 // of an access key id, region or service
)

// authParams are the query parameters of a presigned request. Each may stand
// once, and only in this spelling.
var authParams = []string{
	"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
	"X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token",
}

// Parse reads the signature of r and what it covers, without its body. It
// refuses whatever could be read in two ways. The error is an *Error of kind
// Missing or Incomplete.
func Parse(r *http.Request) (Request, error) {
	path, rawQuery, err := target(r)
	if err != nil {
		return Request{}, err
	}
	pairs, err := splitQuery(rawQuery)
	if err != nil {
		return Request{}, err
	}
	query, presigned, err := takeAuthParams(pairs)
	if err != nil {
		return Request{}, err
	}
	header := r.Header.Values("Authorization")
	var q Request
	switch {
	case len(header) == 0 && !presigned:
		return Request{}, &Error{Missing, "Missing Authentication Token"}
	case len(header) > 0 && presigned:
		return Request{}, incomplete("A request may be signed in its Authorization header or in its query, not in both.")
	case len(header) > 1:
		return Request{}, incomplete("A request may have one Authorization header.")
	case presigned:
		q, err = fromQuery(query)
	default:
		q, err = fromHeader(header[0], r.Header)
	}
	if err != nil {
		return Request{}, err
	}
	if err := checkCovered(r.Header, q.SignedHeaders); err != nil {
		return Request{}, err
	}
	if q.payload, err = oneHeader(r.Header, "X-Amz-Content-Sha256"); err != nil {
		return Request{}, err
	}
	q.setCanonical(r.Method, canonicalPath(path, q.Service), withoutSignature(pairs),
		canonicalHeaders(r.Header, r.Host, r.ContentLength, q.SignedHeaders))
	return q, nil
}

// target splits the request URI as it came over the wire. A request that was
// not read off a wire has its URL's.
func target(r *http.Request) (path, query string, err error) {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, query, _ = strings.Cut(r.RequestURI, "?")
		return path, query, nil
	}
	if r.RequestURI == "*" || r.URL == nil {
		return "", "", incomplete("The request URI cannot be signed.")
	}
	return r.URL.EscapedPath(), r.URL.RawQuery, nil
}

// pair is a decoded query parameter.
type pair struct{ name, value string }

func splitQuery(raw string) ([]pair, error) {
	var pairs []pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		if len(pairs) == maxQueryPairs || strings.Contains(part, ";") {
			return nil, incomplete("The query of the request is malformed.")
		}
		name, value, _ := strings.Cut(part, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, incomplete("The query of the request is malformed.")
		}
		pairs = append(pairs, pair{n, v})
	}
	return pairs, nil
}

// takeAuthParams finds a presigned request's parameters. presigned is true if
// there is any but a lone security token.
func takeAuthParams(pairs []pair) (query map[string]string, presigned bool, err error) {
	query = map[string]string{}
	for _, p := range pairs {
		i := slices.IndexFunc(authParams, func(a string) bool { return strings.EqualFold(a, p.name) })
		if i < 0 {
			continue
		}
		if _, dup := query[p.name]; dup || authParams[i] != p.name {
			return nil, false, incomplete("The query parameter %s must stand once, in this spelling.", authParams[i])
		}
		query[p.name] = p.value
	}
	_, token := query["X-Amz-Security-Token"]
	return query, len(query) > 1 || len(query) == 1 && !token, nil
}

func withoutSignature(pairs []pair) []pair {
	return slices.DeleteFunc(slices.Clone(pairs), func(p pair) bool { return p.name == "X-Amz-Signature" })
}

func fromQuery(query map[string]string) (Request, error) {
	for _, name := range authParams[:6] {
		if query[name] == "" {
			return Request{}, incomplete("AWS query-string parameters must include '%s'.", name)
		}
	}
	seconds, err := strconv.ParseUint(query["X-Amz-Expires"], 10, 31)
	expires := time.Duration(seconds) * time.Second
	if err != nil || seconds == 0 || expires > MaxExpires {
		return Request{}, incomplete("X-Amz-Expires must be between 1 and 604800 seconds.")
	}
	q := Request{Presigned: true, Expires: expires, SessionToken: query["X-Amz-Security-Token"]}
	return q, q.fill(query["X-Amz-Algorithm"], query["X-Amz-Credential"], query["X-Amz-SignedHeaders"],
		query["X-Amz-Signature"], query["X-Amz-Date"])
}

func fromHeader(authorization string, h http.Header) (Request, error) {
	scheme, rest, _ := strings.Cut(authorization, " ")
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, dup := fields[name]; !ok || dup || len(fields) == 3 {
			return Request{}, incomplete("The Authorization header is malformed.")
		}
		fields[name] = value
	}
	missing := ""
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if fields[name] == "" {
			missing += "Authorization header requires '" + name + "' parameter. "
		}
	}
	date, err := oneHeader(h, "X-Amz-Date")
	if err != nil {
		return Request{}, err
	}
	if date == "" {
		missing += "Authorization header requires existence of a 'X-Amz-Date' header. "
	}
	if missing != "" {
		return Request{}, incomplete("%s", missing)
	}
	q := Request{}
	if q.SessionToken, err = oneHeader(h, "X-Amz-Security-Token"); err != nil {
		return Request{}, err
	}
	return q, q.fill(scheme, fields["Credential"], fields["SignedHeaders"], fields["Signature"], date)
}

// oneHeader is the value of a header that may not be repeated.
func oneHeader(h http.Header, name string) (string, error) {
	values := h.Values(name)
	if len(values) > 1 {
		return "", incomplete("The header %s must stand once.", name)
	}
	return h.Get(name), nil
}

func (q *Request) fill(alg, credential, signedHeaders, signature, date string) error {
	if alg != algorithm {
		return incomplete("Unsupported signing algorithm: only %s is.", algorithm)
	}
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || scope[4] != terminator || slices.Contains(scope, "") ||
		slices.ContainsFunc(scope, func(s string) bool { return len(s) > maxFieldBytes }) {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request.")
	}
	at, err := time.Parse(timeFormat, date)
	if err != nil || at.Format(timeFormat) != date {
		return incomplete("X-Amz-Date must be in ISO-8601 'basic' format, e.g. 20060102T150405Z.")
	}
	if scope[1] != date[:len(dayFormat)] {
		return incomplete("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")
	}
	if !isHexSHA256(signature) {
		return incomplete("The signature must be 64 lower-case hexadecimal digits.")
	}
	q.AccessKeyID, q.day, q.Region, q.Service = scope[0], scope[1], scope[2], scope[3]
	q.Time, q.signature = at, signature
	q.SignedHeaders, err = splitSignedHeaders(signedHeaders)
	return err
}

func isHexSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

func splitSignedHeaders(list string) ([]string, error) {
	names := strings.Split(list, ";")
	if len(names) > maxSignedHeaders || slices.Contains(names, "") || list != strings.ToLower(list) {
		return nil, incomplete("SignedHeaders is malformed.")
	}
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			return nil, incomplete("SignedHeaders must be sorted and unique.")
		}
	}
	if !slices.Contains(names, "host") {
		return nil, incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return names, nil
}

// checkCovered refuses a security header that the signature does not cover, and
// a signed one that is not there. Content-Type is not demanded, since AWS's PHP
// SDK leaves it out: what the body means is bound by X-Amz-Target or the path.
func checkCovered(h http.Header, signed []string) error {
	for name := range h {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(signed, lower) {
			return incomplete("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
		}
	}
	for _, name := range signed {
		if name != "host" && name != "content-length" && len(h.Values(name)) == 0 {
			return incomplete("The signed header '%s' is not in the request.", name)
		}
	}
	return nil
}

// headersToSign are the names that Sign covers.
func headersToSign(h http.Header) []string {
	names := []string{"host"}
	for name := range h {
		lower := strings.ToLower(name)
		if lower == "content-type" || strings.HasPrefix(lower, "x-amz-") {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	return names
}

func (q *Request) setCanonical(method, path string, query []pair, headers string) {
	form := func(query string) string {
		return method + "\n" + path + "\n" + query + "\n" + headers + "\n" + strings.Join(q.SignedHeaders, ";") + "\n"
	}
	q.canonical[0] = form(canonicalQuery(query, false))
	q.canonical[1] = form(canonicalQuery(query, true))
}

// canonicalPath encodes the escaped path once more, except for S3, whose keys
// are encoded once.
func canonicalPath(escaped, service string) string {
	if escaped == "" {
		return "/"
	}
	if service == "s3" {
		if plain, err := url.PathUnescape(escaped); err == nil {
			return encode(plain, true)
		}
	}
	return encode(escaped, true)
}

// canonicalQuery sorts by the encoded names and values, as specified, or by the
// plain ones, as AWS's Go SDKs do. The two differ for repeated keys such as
// tagKeys=a:b&tagKeys=a-b.
func canonicalQuery(query []pair, plain bool) string {
	byPair := func(a, b pair) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	}
	parts := slices.Clone(query)
	if plain {
		slices.SortFunc(parts, byPair)
	}
	for i, p := range parts {
		parts[i] = pair{encode(p.name, false), encode(p.value, false)}
	}
	if !plain {
		slices.SortFunc(parts, byPair)
	}
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name + "=" + p.value)
	}
	return b.String()
}

// canonicalHeaders has net/http's special cases: a server keeps Host out of the
// header map, and a client its Content-Length.
func canonicalHeaders(h http.Header, host string, length int64, signed []string) string {
	var b strings.Builder
	for _, name := range signed {
		values := h.Values(name)
		switch {
		case name == "host":
			values = []string{host}
		case name == "content-length" && len(values) == 0:
			values = []string{strconv.FormatInt(max(length, 0), 10)}
		}
		b.WriteString(name)
		b.WriteByte(':')
		for i, v := range values {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(collapseSpaces(v))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func collapseSpaces(s string) string {
	s = strings.TrimSpace(s)
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}

// encode percent-encodes everything but RFC 3986's unreserved characters.
func encode(s string, keepSlash bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
