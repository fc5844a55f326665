// Package api is the edge that AWS callers touch: one HTTP handler for all
// services. It finds the service by the signature's scope, verifies the
// signature, decodes and checks the input by the generated tables, asks the
// authorizer once, calls the service's core and renders the answer or the error
// in the service's protocol.
//
// It keeps nothing, and decides nothing about what is asked.
package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/audit/trail"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/acmpca"
	autoscaling "github.com/millrace/millrace/aws/model/applicationautoscaling"
	"github.com/millrace/millrace/aws/model/cloudwatch"
	"github.com/millrace/millrace/aws/model/ec2"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/aws/model/logs"
	"github.com/millrace/millrace/aws/model/secretsmanager"
	"github.com/millrace/millrace/aws/model/servicequotas"
	"github.com/millrace/millrace/aws/model/ssm"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/s3"
	"github.com/millrace/millrace/aws/sigv4"
)

// The largest request body in bytes. A batch of log events of 1 MiB is longer as
// JSON, by what stands between the events and by what is escaped.
const (
	maxBody     = 1 << 20
	maxLogsBody = 4 << 20
)

// maxBodyOf is the limit of a request, whoever sends it.
func maxBodyOf(r *http.Request) int64 {
	if r.Header.Get("X-Amz-Target") == logs.Target+".PutLogEvents" {
		return maxLogsBody
	}
	return maxBody
}

// Authorizer says whether a caller may do what it asks for: nil, or an error
// that holds the *model.Error to answer. It is asked with the input checked.
type Authorizer interface {
	Authorize(ctx context.Context, q *iam.Question) error
}

// Identity knows who callers are.
type Identity interface {
	// Authenticate finds the secret of an access key, with the session token
	// of temporary credentials, and its caller.
	Authenticate(ctx context.Context, accessKeyID, sessionToken, region string) (iam.Credential, model.Caller, bool)
	// Used notes that a key signed a call.
	Used(accessKeyID, region, service string)
	// Described is the ARN and tags of a user, role and so on by its name; one
	// that does not exist would have the path.
	Described(ctx context.Context, c model.Caller, kind, name, path string) (arn string, tags map[string]string, err error)
}

// Config is what a handler is made of. Everything but Own, Audit and Called must be set.
type Config struct {
	Identity   Identity
	Authorizer Authorizer
	Kafka      kafka.Service
	EC2        ec2.Service
	STS        sts.Service
	IAM        shape.Service
	KMS        kms.Service
	Secrets    secretsmanager.Service
	PCA        acmpca.Service
	CloudWatch cloudwatch.Service
	Logs       logs.Service
	Quotas     servicequotas.Service
	Own        []model.Operation                                      // of Millrace's own service, below /_millrace/
	Audit      *trail.Trail                                           // where calls are put on record; nil: nowhere
	Called     func(operation string, status int, took time.Duration) // told of every call, "?" for none; nil: nobody is told
	Ready      func() bool                                            // what health answers
	Version    string
	Log        *slog.Logger
	Now        func() time.Time // nil is the clock

	Parameters  ssm.Service
	Autoscaling autoscaling.Service

	Fallback *Fallback // serves the services that are not served here; nil: nobody does

	S3      *s3.Service // nil: not served
	S3Hosts []string    // the endpoint's names, below which are those of buckets
}

// service is one service behind the handler.
type service struct {
	name       string // of the credential scope
	protocol   protocol
	operations []model.Operation
	others     []model.Other
}

type handler struct {
	cfg      Config
	services map[string]*service
	gate     *gate

	s3        []s3Operation
	transfers chan struct{} // capacity maxTransfers: calls of S3 under way
}

// New returns the handler of the API. It may serve concurrently.
func New(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := &handler{cfg: cfg, services: make(map[string]*service), gate: newGate(), s3: s3Operations(), transfers: make(chan struct{}, maxTransfers)}
	for _, s := range []*service{
		{"kafka", restJSON{}, kafka.Operations(cfg.Kafka), kafka.Others},
		{"sts", query{namespace: "https://sts.amazonaws.com/doc/" + sts.APIVersion + "/"}, sts.Operations(cfg.STS), sts.Others},
		{"iam", query{namespace: "https://iam.amazonaws.com/doc/" + shape.APIVersion + "/"}, shape.Operations(cfg.IAM), shape.Others},
		{"ec2", ec2Query{namespace: "http://ec2.amazonaws.com/doc/" + ec2.APIVersion + "/"}, ec2.Operations(cfg.EC2), ec2.Others},
		{"kms", awsJSON{target: kms.Target, internal: "KMSInternalException"}, kms.Operations(cfg.KMS), kms.Others},
		{"secretsmanager", awsJSON{target: secretsmanager.Target, internal: "InternalServiceError", message: "Message"}, secretsmanager.Operations(cfg.Secrets), secretsmanager.Others},
		{"acm-pca", awsJSON{target: acmpca.Target, internal: "InternalFailure"}, acmpca.Operations(cfg.PCA), acmpca.Others},
		{"logs", awsJSON{target: logs.Target, internal: "ServiceUnavailableException", invalid: "InvalidParameterException"}, logs.Operations(cfg.Logs), logs.Others},
		{"monitoring", compatible{query{namespace: "http://monitoring.amazonaws.com/doc/" + cloudwatch.APIVersion + "/"}, awsJSON{target: cloudwatch.Target, internal: "InternalServiceError"}, cloudwatchShapes}, cloudwatch.Operations(cfg.CloudWatch), cloudwatch.Others},
		{"servicequotas", awsJSON{target: servicequotas.Target, internal: "ServiceException", message: "Message"}, servicequotas.Operations(cfg.Quotas), servicequotas.Others},
		{"ssm", awsJSON{target: ssm.Target, internal: "InternalServerError"}, ssm.Operations(cfg.Parameters), ssm.Others},
		{"application-autoscaling", awsJSON{target: autoscaling.Target, internal: "InternalServiceException", message: "Message"}, autoscaling.Operations(cfg.Autoscaling), autoscaling.Others},
		{"millrace", restJSON{}, cfg.Own, nil},
	} {
		h.services[s.name] = s
	}
	return h
}

// event is what the log says of a call: filled in as it goes, written once.
type event struct {
	id, operation, caller string
	status                int
	err                   error

	service, accessKey string          // that the signature claims
	who                model.Caller    // once that is proven
	as                 *audit.Identity // whom the record shows instead; nil: who
	in                 *model.Input    // once it is found
}

// ServeHTTP answers one call.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := h.cfg.Now()
	e := &event{id: requestID(), operation: "?"}
	w.Header().Set("x-amzn-RequestId", e.id)
	w.Header().Set("Date", began.UTC().Format(http.TimeFormat)) // SDKs set their clocks by it
	if h.public(w, r) {
		return
	}
	h.serve(w, r, e)
	if h.cfg.Called != nil {
		h.cfg.Called(e.operation, e.status, h.cfg.Now().Sub(began))
	}
	level := slog.LevelInfo
	if e.status >= http.StatusInternalServerError && e.status != http.StatusNotImplemented {
		level = slog.LevelError
	}
	args := []any{"operation", e.operation, "caller", e.caller, "status", e.status, "duration", h.cfg.Now().Sub(began), "request", e.id}
	if e.err != nil {
		args = append(args, "error", e.err)
	}
	if refused := (*iam.Refused)(nil); errors.As(e.err, &refused) {
		args = append(args, "why", refused.Why)
	}
	h.cfg.Log.Log(r.Context(), level, "api", args...)
}

// public answers what needs no signature: CORS questions and health.
func (h *handler) public(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.Method == http.MethodOptions:
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
		w.Header().Set("Access-Control-Allow-Headers", "authorization, content-type, x-amz-date, x-amz-security-token, x-amz-target")
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodGet && r.URL.Path == "/_millrace/health":
		status := "starting"
		if h.cfg.Ready() {
			status = "running"
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"status": status, "version": h.cfg.Version}) // the peer may be gone
	default:
		return false
	}
	return true
}

// serve runs a call through all its steps.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, e *event) {
	p := h.guess(r, nil)
	defer func() {
		if v := recover(); v != nil {
			h.cfg.Log.Error("panic while serving a call", "request", e.id, "panic", v, "stack", string(debug.Stack()))
			h.refuse(w, e, p, h.record(r, e, nil, fmt.Errorf("panic: %v", v)))
		}
	}()
	from := source(r)
	leave, err := h.gate.enter(r.Context(), from)
	if err != nil {
		h.refuse(w, e, p, h.record(r, e, nil, err))
		return
	}
	defer leave()
	signed, parseErr := sigv4.Parse(r)
	if h.aimsAtS3(r) {
		p = s3XML{}
		h.serveS3(w, r, e, signed, parseErr, from, leave)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyOf(r)))
	if tooLarge := (*http.MaxBytesError)(nil); err != nil && !errors.As(err, &tooLarge) {
		h.refuse(w, e, p, &model.Error{Code: "IncompleteBodyException", HTTP: http.StatusBadRequest, Message: "The request body ended early."})
		return
	} else if err != nil {
		h.refuse(w, e, p, errTooLarge(maxBodyOf(r)))
		return
	}
	p = h.guess(r, body)
	if noSignature(parseErr) && unsigned(r, body) != "" {
		h.serveUnsigned(w, r, e, body, from, parseErr)
		return
	}
	if parseErr != nil {
		h.refuse(w, e, p, h.record(r, e, nil, h.gate.failed(from, "", parseErr, h.cfg.Now())))
		return
	}
	e.service, e.accessKey = signed.Service, signed.AccessKeyID
	s := h.services[signed.Service]
	if s != nil {
		p = s.of(r)
	}
	caller, err := h.verified(r, signed, body, from)
	if err != nil {
		h.refuse(w, e, p, h.record(r, e, nil, err))
		return
	}
	leave()
	e.caller, e.who = caller.ARN, caller
	h.cfg.Identity.Used(signed.AccessKeyID, signed.Region, signed.Service)
	if s == nil {
		h.forward(w, r, e, signed, p, body)
		return
	}
	if body, err = s.inflated(r, body); err != nil {
		h.refuse(w, e, p, h.record(r, e, nil, err))
		return
	}
	op, out, err := h.call(r, s, p, caller, body, e)
	if err = h.record(r, e, out, err); err != nil {
		h.refuse(w, e, p, err)
		return
	}
	e.status = op.Status
	p.answer(w, op, out, e.id)
}

// verified is authenticate for who has not failed too often.
func (h *handler) verified(r *http.Request, signed sigv4.Request, body []byte, from netip.Addr) (model.Caller, error) {
	now := h.cfg.Now()
	if err := h.gate.may(from, signed.AccessKeyID, now); err != nil {
		return model.Caller{}, err
	}
	caller, err := h.authenticate(r, signed, body)
	if err != nil {
		return caller, h.gate.failed(from, signed.AccessKeyID, err, now)
	}
	return caller, nil
}

// authenticate verifies the signature. An unknown key takes as long as a wrong
// secret.
func (h *handler) authenticate(r *http.Request, signed sigv4.Request, body []byte) (model.Caller, error) {
	cred, caller, known := h.cfg.Identity.Authenticate(r.Context(), signed.AccessKeyID, signed.SessionToken, signed.Region)
	if !known {
		return caller, signed.VerifyUnknown(body, h.cfg.Now())
	}
	if err := signed.Verify(cred.Secret.Reveal(), body, h.cfg.Now()); err != nil {
		return caller, err
	}
	if !cred.Expires.IsZero() && !h.cfg.Now().Before(cred.Expires) {
		return caller, &sigv4.Error{Kind: sigv4.ExpiredToken, Message: "The security token included in the request is expired"}
	}
	caller.SourceIP, caller.Secure, caller.UserAgent = sourceIP(r), r.TLS != nil, r.UserAgent()
	if !regionName(signed.Region) {
		return caller, &sigv4.Error{Kind: sigv4.Scope, Message: "Credential should be scoped to a valid region. "}
	}
	return caller, nil
}

// regionName reports whether a region looks like AWS's: us-east-1.
func regionName(s string) bool {
	parts := strings.Split(s, "-")
	return len(parts) >= 3 && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && parts[0] != ""
}

// call finds, decodes, checks, authorizes and runs the operation.
func (h *handler) call(r *http.Request, s *service, p protocol, caller model.Caller, body []byte, e *event) (model.Operation, any, error) {
	op, in, err := p.route(r, s, body)
	e.operation, e.in = s.name+":"+op.Name, in
	if err != nil {
		return op, nil, err
	}
	req, err := op.Decode(in)
	if err != nil {
		return op, nil, err
	}
	if bad := req.Validate(); bad != nil {
		return op, nil, bad
	}
	if err := h.authorize(r.Context(), s, op, caller, in, req); err != nil {
		return op, nil, err
	}
	if err := h.auditable(e); err != nil {
		return op, nil, err
	}
	out, err := op.Call(r.Context(), caller, req)
	return op, out, err
}

// sourceIP is the address of the connection's peer, as conditions see it.
func sourceIP(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return at.Addr().Unmap().String()
}

func notImplemented(format string, args ...any) *model.Error {
	return &model.Error{Code: "NotImplementedException", HTTP: http.StatusNotImplemented, Message: fmt.Sprintf(format, args...)}
}

// refuse renders an error. What is not meant for callers becomes an opaque
// internal error; the log has the rest.
func (h *handler) refuse(w http.ResponseWriter, e *event, p protocol, err error) {
	e.err = err
	var known *model.Error
	var signature *sigv4.Error
	switch {
	case errors.As(err, &known):
	case errors.As(err, &signature):
		known = p.signatureError(signature)
	default:
		known = &model.Error{Code: "InternalServerErrorException", HTTP: http.StatusInternalServerError, Message: "An internal error occurred. Request ID: " + e.id}
	}
	e.status = known.HTTP
	p.refuse(w, known, e.id)
}

// requestID is a random UUID.
func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
