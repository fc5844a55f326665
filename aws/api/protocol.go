package api

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
	"github.com/millrace/millrace/aws/sigv4"
)

// protocol is one of AWS's ways to say the same things.
type protocol interface {
	// route finds the operation that a request is for and takes its input apart.
	route(r *http.Request, s *service, body []byte) (model.Operation, *model.Input, error)
	answer(w http.ResponseWriter, op model.Operation, out any, requestID string)
	refuse(w http.ResponseWriter, e *model.Error, requestID string)
	// signatureError is the error that this protocol's services answer to a bad
	// signature.
	signatureError(e *sigv4.Error) *model.Error
}

// guess picks a protocol for requests whose service is not known: those without
// a usable signature. A form names a version, and only ec2 has ec2's.
func (h *handler) guess(r *http.Request, body []byte) protocol {
	isForm := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") ||
		strings.HasPrefix(r.URL.RawQuery, "Action=") || strings.Contains(r.URL.RawQuery, "&Action=")
	version := "Version=" + ec2.APIVersion
	switch {
	case isRPC(r):
		return rpcCBOR{}
	case r.Header.Get("X-Amz-Target") != "":
		return awsJSON{}
	case !isForm:
		return restJSON{}
	case strings.Contains(r.URL.RawQuery, version), bytes.Contains(body, []byte(version)):
		return h.services["ec2"].protocol
	}
	return h.services["sts"].protocol
}

// signatureCode is a code and status for each kind of bad signature.
type signatureCode struct {
	code string
	http int
}

func signatureError(codes map[sigv4.Kind]signatureCode, e *sigv4.Error) *model.Error {
	c := codes[e.Kind]
	return &model.Error{Code: c.code, HTTP: c.http, Message: e.Message}
}

// operation finds an operation by name.
func (s *service) operation(name string) (model.Operation, bool) {
	for _, op := range s.operations {
		if op.Name == name {
			return op, true
		}
	}
	return model.Operation{}, false
}

// unserved is the error of an operation that the service has and millrace does
// not; nil when the service does not have it either.
func (s *service) unserved(name string) *model.Error {
	for _, o := range s.others {
		if o.Name == name {
			return notImplemented("millrace does not implement %s:%s yet", s.name, name)
		}
	}
	return nil
}
