package api

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/s3"
	"github.com/millrace/millrace/aws/sigv4"
)

// S3 has no operation in its requests: method, path and query say what is asked,
// and bodies are objects. Its bodies are therefore read here, after the call was
// verified and authorized, and never as a whole.

// Limits of S3's calls. A body or answer may last as long as it makes progress.
const (
	maxTransfers  = 128              // calls of S3 at a time
	s3Grace       = 30 * time.Second // for a body or an answer, and
	s3Pace        = 8 << 10          // one second for as many bytes of it
	maxS3Document = 3 << 20          // bytes of a body that is XML or JSON
)

// s3Call is one call.
type s3Call struct {
	h      *handler
	w      http.ResponseWriter
	r      *http.Request
	caller model.Caller
	signed sigv4.Request
	body   *sigv4.S3Body
	bucket string
	key    string // of the object; empty: about the bucket
	query  url.Values
	op     *s3Operation
	status int // of the answer, once it has begun
}

// aimsAtS3 says whether a request is S3's: by the scope that it claims, or, when
// it has none, by its host.
func (h *handler) aimsAtS3(r *http.Request) bool {
	if h.cfg.S3 == nil {
		return false
	}
	claimed := r.Header.Get("Authorization")
	if claimed == "" {
		claimed = r.URL.Query().Get("X-Amz-Credential")
	}
	if claimed != "" {
		return strings.Contains(claimed, "/s3/aws4_request")
	}
	name, ok := h.underBase(r.Host)
	return ok && isS3Label(name)
}

// underBase is what stands before one of the endpoint's own names in a host.
func (h *handler) underBase(host string) (string, bool) {
	name := strings.ToLower(host)
	if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.HasSuffix(name, "]") {
		name = name[:i]
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return "", false
	}
	if rest, ok := strings.CutSuffix(name, ".amazonaws.com"); ok {
		return rest, true
	}
	for _, base := range h.cfg.S3Hosts {
		if rest, ok := strings.CutSuffix(name, "."+base); ok {
			return rest, true
		}
	}
	return "", false
}

// isS3Label says whether the end of a name is S3's own: s3, s3.us-east-1 or
// s3.dualstack.us-east-1.
func isS3Label(name string) bool {
	_, found := s3Label(name)
	return found
}

// s3Label splits a bucket from S3's own labels behind it.
func s3Label(name string) (bucket string, found bool) {
	labels := strings.Split(name, ".")
	for i := max(0, len(labels)-3); i < len(labels); i++ {
		if labels[i] != "s3" {
			continue
		}
		if rest := labels[i+1:]; len(rest) == 0 || regionName(rest[len(rest)-1]) && (len(rest) == 1 || rest[0] == "dualstack") {
			return strings.Join(labels[:i], "."), true
		}
	}
	return name, false
}

// address finds the bucket and the key in a host and path. "Virtual hosting of
// buckets" of the S3 user guide.
func (h *handler) address(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if name, ok := h.underBase(r.Host); ok {
		if bucket, _ = s3Label(name); bucket != "" {
			return bucket, path
		}
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

// serveS3 runs a call of S3 through all its steps.
func (h *handler) serveS3(w http.ResponseWriter, r *http.Request, e *event, signed sigv4.Request, parseErr error, from netip.Addr, verified func()) {
	w.Header().Set("x-amz-request-id", e.id)
	c := &s3Call{h: h, w: w, r: r, signed: signed, query: r.URL.Query()}
	c.bucket, c.key = h.address(r)
	e.service, e.accessKey = "s3", signed.AccessKeyID
	err := parseErr
	if err != nil {
		err = h.gate.failed(from, "", err, h.cfg.Now())
	} else {
		err = c.verify(from)
	}
	if err == nil {
		verified()
		e.caller, e.who = c.caller.ARN, c.caller
		h.cfg.Identity.Used(signed.AccessKeyID, signed.Region, signed.Service)
		err = c.run(e)
	}
	if err = h.record(r, e, nil, err); err != nil {
		if c.status != 0 { // what is missing of the answer tells
			e.err, e.status = err, c.status
			return
		}
		h.refuse(w, e, s3XML{call: c}, err)
		return
	}
	c.finish()
	e.status = c.status
}

// verify checks the signature over the headers.
func (c *s3Call) verify(from netip.Addr) (err error) {
	h, now := c.h, c.h.cfg.Now()
	if err := h.gate.may(from, c.signed.AccessKeyID, now); err != nil {
		return err
	}
	cred, caller, known := h.cfg.Identity.Authenticate(c.r.Context(), c.signed.AccessKeyID, c.signed.SessionToken, c.signed.Region)
	if !known {
		return h.gate.failed(from, c.signed.AccessKeyID, c.signed.VerifyUnknownS3(now), now)
	}
	if c.body, err = c.signed.VerifyS3(cred.Secret.Reveal(), now); err != nil {
		return h.gate.failed(from, c.signed.AccessKeyID, err, now)
	}
	if !cred.Expires.IsZero() && !now.Before(cred.Expires) {
		return &sigv4.Error{Kind: sigv4.ExpiredToken, Message: "The provided token has expired."}
	}
	if !regionName(c.signed.Region) {
		return &sigv4.Error{Kind: sigv4.Scope, Message: "The authorization header is malformed; the region is wrong"}
	}
	caller.SourceIP, caller.Secure, caller.UserAgent = sourceIP(c.r), c.r.TLS != nil, c.r.UserAgent()
	c.caller = caller
	return nil
}

// run finds, authorizes and does what is asked.
func (c *s3Call) run(e *event) error {
	var err error
	if c.op, err = c.find(); c.op != nil {
		e.operation = "s3:" + c.op.name
		e.in = &model.Input{Segments: map[string]string{"bucketName": c.bucket}}
		if c.key != "" {
			e.in.Segments["key"] = c.key
		}
	}
	if err != nil {
		return err
	}
	ctx := c.r.Context()
	if err := c.authorize(ctx); err != nil {
		return err
	}
	if err := c.owned(ctx); err != nil {
		return err
	}
	if err := c.objectACL(ctx); err != nil {
		return err
	}
	if err := c.h.auditable(e); err != nil {
		return err
	}
	leave, err := c.h.transfer(ctx)
	if err != nil {
		return err
	}
	defer leave()
	err = c.op.serve(c)
	if err != nil && c.op.hides {
		err = c.hide(ctx, err)
	}
	return err
}

// transfer waits for a place among the calls of S3.
func (h *handler) transfer(ctx context.Context) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, gatePatience)
	defer cancel()
	select {
	case h.transfers <- struct{}{}:
		return func() { <-h.transfers }, nil
	case <-ctx.Done():
		return nil, throttled()
	}
}

// owned refuses when the bucket is not the account's that the caller expects.
func (c *s3Call) owned(ctx context.Context) error {
	want := c.r.Header.Get("X-Amz-Expected-Bucket-Owner")
	if want == "" || c.bucket == "" || c.op.name == "CreateBucket" {
		return nil
	}
	b, err := c.h.cfg.S3.Bucket(ctx, c.bucket)
	if err == nil && b.Account != want {
		err = accessDenied()
	}
	return err
}

func accessDenied() error {
	return &model.Error{Code: "AccessDenied", HTTP: http.StatusForbidden, Message: "Access Denied"}
}

// hide does not tell who may not list a bucket that an object is not there.
// aws:s3 GetObject
func (c *s3Call) hide(ctx context.Context, err error) error {
	known := (*model.Error)(nil)
	if !errors.As(err, &known) || known.Code != "NoSuchKey" {
		return err
	}
	if refused := c.ask(ctx, "s3:ListBucket", c.bucketARN(c.bucket)); refused != nil {
		return refused
	}
	return err
}

// content is the body as it was signed, with its length: it may be read once.
func (c *s3Call) content() (*sigv4.S3Reader, error) {
	length := c.r.ContentLength
	if c.body.Chunked() {
		n, err := number(c.r.Header.Get("X-Amz-Decoded-Content-Length"), 0, s3.MaxObject)
		if err != nil {
			return nil, &model.Error{Code: "MissingContentLength", HTTP: http.StatusLengthRequired, Message: "You must provide the Content-Length HTTP header."}
		}
		length = n
	}
	switch {
	case length < 0:
		return nil, &model.Error{Code: "MissingContentLength", HTTP: http.StatusLengthRequired, Message: "You must provide the Content-Length HTTP header."}
	case length > s3.MaxPut:
		return nil, &model.Error{Code: "EntityTooLarge", HTTP: http.StatusBadRequest, Message: "Your proposed upload exceeds the maximum allowed size"}
	}
	begin := time.Now()
	rc := http.NewResponseController(c.w)
	return c.body.Reader(pacedReader{c.r.Body, func(n int64) { _ = rc.SetReadDeadline(deadline(begin, n)) }, new(int64)}, length), nil
}

// deadline is when the next byte must have come or gone after n bytes. What a
// connection without deadlines does is bounded by the server's own.
func deadline(begin time.Time, n int64) time.Time {
	return begin.Add(s3Grace + time.Duration(n/s3Pace)*time.Second)
}

// pacedReader moves the deadline of a body on as it comes.
type pacedReader struct {
	r    io.Reader
	move func(n int64)
	n    *int64
}

func (p pacedReader) Read(b []byte) (int, error) {
	p.move(*p.n)
	n, err := p.r.Read(b)
	*p.n += int64(n)
	if err != nil && err != io.EOF {
		err = &sigv4.Error{Kind: sigv4.BrokenBody, Message: "The request body ended early or came too slowly."}
	}
	return n, err
}

// document reads a small body and checks what the headers say of it.
func (c *s3Call) document() ([]byte, error) {
	data, r, err := c.readAll()
	if err != nil {
		return nil, err
	}
	e, err := c.expected(r)
	if err != nil {
		return nil, err
	}
	return data, e.Check(data)
}

// documentUnchecked is document where the headers are about something else.
func (c *s3Call) documentUnchecked() ([]byte, error) {
	data, _, err := c.readAll()
	return data, err
}

func (c *s3Call) readAll() ([]byte, *sigv4.S3Reader, error) {
	r, err := c.content()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxS3Document+1))
	if err != nil {
		return nil, nil, err
	}
	if len(data) > maxS3Document {
		return nil, nil, &model.Error{Code: "MaxMessageLengthExceeded", HTTP: http.StatusBadRequest, Message: "Your request was too large."}
	}
	return data, r, nil
}

// contentMD5 is the Content-MD5 header; nil when there is none.
func (c *s3Call) contentMD5() ([]byte, error) {
	given := c.r.Header.Get("Content-Md5")
	if given == "" {
		return nil, nil
	}
	sum, err := base64.StdEncoding.DecodeString(given)
	if err != nil || len(sum) != 16 {
		return nil, &model.Error{Code: "InvalidDigest", HTTP: http.StatusBadRequest, Message: "The Content-MD5 you specified was invalid."}
	}
	return sum, nil
}

// expected is what the headers say of the content of a write. The checksum may
// follow the body.
func (c *s3Call) expected(r *sigv4.S3Reader) (s3.Expected, error) {
	var e s3.Expected
	var err error
	if e.MD5, err = c.contentMD5(); err != nil {
		return e, err
	}
	trailer := strings.ToLower(c.r.Header.Get("X-Amz-Trailer"))
	for _, algorithm := range s3.Algorithms {
		name := "x-amz-checksum-" + strings.ToLower(algorithm)
		given := c.r.Header.Get(name)
		if given == "" && trailer != name {
			continue
		}
		if e.Algorithm != "" {
			return e, &model.Error{Code: "InvalidRequest", HTTP: http.StatusBadRequest, Message: "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."}
		}
		e.Algorithm, e.Value = algorithm, func() string { return given }
		if given == "" {
			e.Value = func() string { return r.Trailer.Get(name) }
		}
	}
	if named := strings.ToUpper(c.r.Header.Get("X-Amz-Sdk-Checksum-Algorithm")); e.Algorithm == "" && slices.Contains(s3.Algorithms, named) {
		e.Algorithm = named
	}
	return e, nil
}

// finish answers a call that has not been answered yet.
func (c *s3Call) finish() {
	if c.status == 0 {
		c.begin(c.op.status)
	}
}

// begin sends the headers of the answer.
func (c *s3Call) begin(status int) {
	c.status = status
	c.w.WriteHeader(status)
}
