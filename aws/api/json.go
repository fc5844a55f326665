package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/sigv4"
)

// awsJSON is the protocol of kms, secretsmanager, acm-pca and logs: JSON 1.0 and 1.1,
// the operation in the X-Amz-Target header, every error of the caller's with
// status 400 and its name in the body.
type awsJSON struct {
	target   string // before the operation's name
	internal string // the service's own name of an internal error
	message  string // the member that holds an error's text: message, or Message
	invalid  string // the service's own name of a broken constraint, which it tells whole; empty: ValidationException
}

// awsJSONBody is the content type of these protocols; they differ in it alone.
const awsJSONBody = "application/x-amz-json-1.1"

func (p awsJSON) route(r *http.Request, s *service, body []byte) (model.Operation, *model.Input, error) {
	prefix, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	op, err := p.find(s, prefix, name)
	if err != nil {
		return op, nil, err
	}
	if err := checkJSON(body); err != nil {
		return op, nil, err
	}
	return op, &model.Input{Body: body}, nil
}

// find is the operation of a target.
func (p awsJSON) find(s *service, prefix, name string) (model.Operation, error) {
	if prefix == p.target {
		if op, ok := s.operation(name); ok {
			return op, nil
		}
		if e := s.unserved(name); e != nil {
			return model.Operation{Name: name}, e
		}
	}
	return model.Operation{Name: "?"}, &model.Error{
		Code: "UnknownOperationException", HTTP: http.StatusBadRequest,
		Message: fmt.Sprintf("%s has no operation %.100q.", s.name, prefix+"."+name),
	}
}

func (awsJSON) answer(w http.ResponseWriter, op model.Operation, out any, _ string) {
	w.Header().Set("Content-Type", awsJSONBody)
	if op.Empty {
		w.WriteHeader(op.Status)
		return
	}
	writeJSON(w, op.Status, out)
}

func (p awsJSON) refuse(w http.ResponseWriter, e *model.Error, _ string) {
	code, message, status := p.named(e)
	member := p.message
	if member == "" {
		member = "message"
	}
	w.Header().Set("x-amzn-ErrorType", code)
	w.Header().Set("Content-Type", awsJSONBody)
	writeJSON(w, status, map[string]string{"__type": code, member: message})
}

// named is an error as these services call it: the edge's own errors have other
// names than in rest-json, and whatever is the caller's fault has status 400.
func (p awsJSON) named(e *model.Error) (code, message string, status int) {
	code, message, status = e.Code, e.Message, e.HTTP
	switch {
	case code == "BadRequestException" && e.Message == malformedBody:
		code = "SerializationException"
	case code == "BadRequestException" && p.invalid != "":
		code, message = p.invalid, detected(e)
	case code == "BadRequestException":
		code = "ValidationException"
	case code == "InternalServerErrorException" && p.internal != "":
		code = p.internal
	}
	if status < http.StatusInternalServerError {
		status = http.StatusBadRequest
	}
	return code, message, status
}

func (awsJSON) signatureError(e *sigv4.Error) *model.Error {
	return restJSON{}.signatureError(e)
}

// rpcCBOR is the protocol that newer SDKs speak with services of awsJSON: the
// operation in the path, the same shapes in CBOR. (Smithy RPC v2 CBOR)
type rpcCBOR struct{ awsJSON }

// isRPC reports whether a request is of rpcCBOR.
func isRPC(r *http.Request) bool { return r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" }

// of is the protocol of one request to the service.
func (s *service) of(r *http.Request) protocol {
	switch p := s.protocol.(type) {
	case awsJSON:
		if isRPC(r) {
			return rpcCBOR{p}
		}
	case compatible:
		return p.of(r)
	}
	return s.protocol
}

func (p rpcCBOR) route(r *http.Request, s *service, body []byte) (model.Operation, *model.Input, error) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) != 4 || parts[0] != "service" || parts[2] != "operation" {
		parts = make([]string, 4)
	}
	op, err := p.find(s, parts[1], parts[3])
	if err != nil {
		return op, nil, err
	}
	if len(body) == 0 {
		return op, &model.Input{}, nil
	}
	doc, err := decodeCBOR(body)
	if err != nil {
		return op, nil, model.BadRequest("", malformedBody)
	}
	return op, &model.Input{Document: doc}, nil
}

func (rpcCBOR) answer(w http.ResponseWriter, op model.Operation, out any, _ string) {
	if op.Empty {
		out = nil
	}
	writeCBOR(w, op.Status, out)
}

func (p rpcCBOR) refuse(w http.ResponseWriter, e *model.Error, _ string) {
	code, message, status := p.named(e)
	w.Header().Set("x-amzn-ErrorType", code)
	writeCBOR(w, status, map[string]string{"__type": code, "message": message})
}

func writeCBOR(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("Content-Type", "application/cbor")
	w.WriteHeader(status)
	_, _ = w.Write(encodeCBOR(v)) // the peer may be gone
}
