package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/sigv4"
)

// Limits of calls that are passed on. Their bodies are bounded by maxBody.
const (
	fallbackPatience = 30 * time.Second // until the answer begins
	fallbackTime     = 50 * time.Second // until it has ended; the server's own limit is longer
	maxFallback      = 64 << 20         // bytes of an answer
	maxForwarded     = 64               // calls passed on at a time
	maxHops          = 4                // servers before this one
)

// Fallback is the endpoint that serves what Millrace does not serve. It may be
// used concurrently.
type Fallback struct {
	to     *url.URL
	name   string // of this server in Via
	client *http.Transport
	places chan struct{} // capacity maxForwarded
}

// NewFallback is the endpoint at an address: http or https, a host, no path. The
// instance is a name that no other server has: it tells a loop.
func NewFallback(address, instance string) (*Fallback, error) {
	to, err := url.Parse(address)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" || strings.Trim(to.Path, "/") != "" || to.RawQuery != "" || to.User != nil {
		return nil, fmt.Errorf("the fallback endpoint %q is not of the form http[s]://HOST[:PORT]", address)
	}
	return &Fallback{to: to, name: "millrace-" + instance, places: make(chan struct{}, maxForwarded), client: &http.Transport{
		ResponseHeaderTimeout: fallbackPatience, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute,
	}}, nil
}

// Host is the endpoint's HOST[:PORT].
func (f *Fallback) Host() string { return f.to.Host }

// hopByHop are the headers of one connection alone (RFC 9110, 7.6.1).
var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// endToEnd is headers without those of one connection.
func endToEnd(h http.Header) http.Header {
	out := h.Clone()
	for _, list := range h.Values("Connection") {
		for name := range strings.SplitSeq(list, ",") {
			out.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		out.Del(name)
	}
	return out
}

// request is a call as it is passed on: unchanged, with the host that was signed.
// A URL keeps its path byte by byte.
func (f *Fallback) request(ctx context.Context, r *http.Request, body []byte) (*http.Request, error) {
	hops := strings.Split(strings.Join(r.Header.Values("Via"), ","), ",")
	if slices.ContainsFunc(hops, func(hop string) bool { return strings.HasSuffix(strings.TrimSpace(hop), " "+f.name) }) || len(hops) > maxHops {
		return nil, &model.Error{Code: "LoopDetectedException", HTTP: http.StatusLoopDetected, Message: "The fallback endpoint leads back to this server."}
	}
	target := *f.to
	target.Path, target.RawPath, target.RawQuery = r.URL.Path, r.URL.RawPath, r.URL.RawQuery
	out, err := http.NewRequestWithContext(ctx, r.Method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.URL = &target
	out.Header, out.Host = endToEnd(r.Header), r.Host
	out.Header.Add("Via", "1.1 "+f.name)
	return out, nil
}

// prefixes are the names of services in policies that differ from those that
// they are signed for.
var prefixes = map[string]string{
	"email": "ses", "monitoring": "cloudwatch",
}

// wanted is the action that a call to a service asks for. Services of rest
// protocols do not name their operation: their callers must be allowed
// everything of the service.
func wanted(service string, r *http.Request, body []byte) string {
	if p, ok := prefixes[service]; ok {
		service = p
	}
	name := "*"
	if _, op, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		name = op[strings.LastIndexByte(op, '.')+1:]
	} else if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		name = form.Get("Action")
	} else if op := r.URL.Query().Get("Action"); op != "" {
		name = op
	}
	if len(name) > maxActionName || strings.Trim(name, letters) != "" {
		name = "*"
	}
	return service + ":" + name
}

const (
	maxActionName = 128 // characters
	letters       = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// forward authorizes a verified call to a service that is not served here, and
// passes it on; without a fallback endpoint it is refused.
func (h *handler) forward(w http.ResponseWriter, r *http.Request, e *event, signed sigv4.Request, p protocol, body []byte) {
	if h.cfg.Fallback == nil {
		h.refuse(w, e, unserved(signed.Service, p), notImplemented("millrace does not implement the service %s", signed.Service))
		return
	}
	e.operation = wanted(signed.Service, r, body)
	answer, err := h.fetch(r, e, body)
	if err = h.record(r, e, nil, err); err != nil {
		if answer != nil {
			answer.Body.Close()
		}
		h.refuse(w, e, unserved(signed.Service, p), err)
		return
	}
	defer answer.Body.Close()
	for name, values := range endToEnd(answer.Header) {
		w.Header()[name] = values
	}
	e.status = answer.StatusCode
	w.WriteHeader(answer.StatusCode)
	_, e.err = io.Copy(w, io.LimitReader(answer.Body, maxFallback)) // one that is longer than it said ends the connection
}

// fetch is the endpoint's answer to a call.
func (h *handler) fetch(r *http.Request, e *event, body []byte) (*http.Response, error) {
	f, ctx := h.cfg.Fallback, r.Context()
	if err := h.cfg.Authorizer.Authorize(ctx, &iam.Question{Caller: e.who, Action: e.operation, Resource: "*"}); err != nil {
		return nil, err
	}
	if err := h.auditable(e); err != nil {
		return nil, err
	}
	select {
	case f.places <- struct{}{}:
	default:
		return nil, throttled()
	}
	ctx, cancel := context.WithTimeout(ctx, fallbackTime)
	leave := func() {
		cancel()
		<-f.places
	}
	out, err := f.request(ctx, r, body)
	if err != nil {
		leave()
		return nil, err
	}
	answer, err := f.client.RoundTrip(out)
	if err == nil && answer.ContentLength > maxFallback {
		answer.Body.Close()
		err = fmt.Errorf("its answer has %d bytes, at most %d are passed on", answer.ContentLength, maxFallback)
	}
	if err != nil {
		leave()
		h.cfg.Log.Warn("the fallback endpoint does not answer", "request", e.id, "operation", e.operation, "error", err)
		return nil, &model.Error{Code: "ServiceUnavailableException", HTTP: http.StatusBadGateway, Message: "The fallback endpoint does not answer."}
	}
	answer.Body = &closing{answer.Body, leave}
	return answer, nil
}

// closing is a body with more to do at its end.
type closing struct {
	io.ReadCloser
	then func()
}

// Close closes the body. It is called once.
func (c *closing) Close() error {
	defer c.then()
	return c.ReadCloser.Close()
}
