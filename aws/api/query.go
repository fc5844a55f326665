package api

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/sigv4"
)

// query is the protocol of sts and iam: a form with an Action, answers in XML.
type query struct{ namespace string }

// maxFields bounds a form's fields: more than AWS's limits of ids and filter
// values in one call ever need.
const maxFields = 4096

func malformedForm() *model.Error {
	return &model.Error{Code: "MalformedQueryString", HTTP: http.StatusBadRequest, Message: "The query string is malformed."}
}

// routeForm finds the operation in a form's Action.
func routeForm(r *http.Request, s *service, body []byte) (model.Operation, *model.Input, error) {
	raw := r.URL.RawQuery
	if r.Method == http.MethodPost {
		raw += "&" + string(body)
	}
	form, err := url.ParseQuery(raw)
	if err != nil || len(form) > maxFields {
		return model.Operation{Name: "?"}, nil, malformedForm()
	}
	name := form.Get("Action")
	if name == "" {
		return model.Operation{Name: "?"}, nil, &model.Error{
			Code: "MissingAction", HTTP: http.StatusBadRequest, Message: "The request must contain the parameter Action.",
		}
	}
	if op, ok := s.operation(name); ok {
		return op, &model.Input{Form: form}, nil
	}
	if e := s.unserved(name); e != nil {
		return model.Operation{Name: name}, nil, e
	}
	return model.Operation{Name: "?"}, nil, &model.Error{
		Code: "InvalidAction", HTTP: http.StatusBadRequest, Message: fmt.Sprintf("The action %.100s is not valid for this web service.", name),
	}
}

func (query) route(r *http.Request, s *service, body []byte) (model.Operation, *model.Input, error) {
	return routeForm(r, s, body)
}

// writeXML writes the elements around an answer; inner is encoded as it is.
func writeXML(w http.ResponseWriter, status int, parts ...string) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(xml.Header + strings.Join(parts, ""))) // the peer may be gone
}

func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer does not fail
	return b.String()
}

func (q query) answer(w http.ResponseWriter, op model.Operation, out any, requestID string) {
	result := ""
	if op.ResultWrapper != "" {
		result = "<" + op.ResultWrapper + ">" + members(out) + "</" + op.ResultWrapper + ">"
	}
	writeXML(w, op.Status, "<", op.Name, `Response xmlns="`, q.namespace, `">`, result, "<ResponseMetadata><RequestId>", requestID, "</RequestId></ResponseMetadata></", op.Name, "Response>")
}

func (q query) refuse(w http.ResponseWriter, e *model.Error, requestID string) {
	kind := "Sender"
	if e.HTTP >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	writeXML(w, e.HTTP, `<ErrorResponse xmlns="`, q.namespace, `"><Error><Type>`, kind, "</Type><Code>", escaped(codeOf(queryCodes, e)),
		"</Code><Message>", escaped(detected(e)), "</Message></Error><RequestId>", requestID, "</RequestId></ErrorResponse>")
}

// detected is an error's message; a broken constraint of the model is told as
// iam and sts tell it, who do not repeat secrets.
func detected(e *model.Error) string {
	if e.Constraint == "" {
		return e.Message
	}
	name := strings.ToLower(e.InvalidParameter[:1]) + e.InvalidParameter[1:]
	value := " " + e.Value
	if audit.SecretName(name) && e.Value != "null" {
		value = ""
	}
	return fmt.Sprintf("1 validation error detected: Value%s at '%s' failed to satisfy constraint: %s", value, name, e.Constraint)
}

// queryCodes and ec2Codes are the errors of this edge that the form protocols
// call by other names.
var (
	queryCodes = map[string]string{
		"BadRequestException": "ValidationError", "ExpiredIdentityToken": "ExpiredTokenException", "InternalServerErrorException": "InternalFailure",
	}
	ec2Codes = map[string]string{
		"BadRequestException": "InvalidParameterValue", "InternalServerErrorException": "InternalError",
		"AccessDeniedException": "UnauthorizedOperation",
	}
)

// codeOf is an error's code in a protocol of forms, where codes do not end in
// "Exception".
func codeOf(names map[string]string, e *model.Error) string {
	if name, ok := names[e.Code]; ok {
		return name
	}
	return strings.TrimSuffix(e.Code, "Exception")
}

func (query) signatureError(e *sigv4.Error) *model.Error {
	return signatureError(map[sigv4.Kind]signatureCode{
		sigv4.Missing:    {"MissingAuthenticationToken", http.StatusForbidden},
		sigv4.Incomplete: {"IncompleteSignature", http.StatusBadRequest},
		sigv4.UnknownKey: {"InvalidClientTokenId", http.StatusForbidden},
		sigv4.Mismatch:   {"SignatureDoesNotMatch", http.StatusForbidden},
		sigv4.Expired:    {"SignatureDoesNotMatch", http.StatusForbidden},
		sigv4.NotYet:     {"SignatureDoesNotMatch", http.StatusForbidden},
		sigv4.Scope:      {"SignatureDoesNotMatch", http.StatusForbidden},

		sigv4.ExpiredToken: {"ExpiredToken", http.StatusForbidden},
	}, e)
}

// ec2Query is the protocol of ec2: like query, with answers of its own shape.
type ec2Query struct{ namespace string }

func (ec2Query) route(r *http.Request, s *service, body []byte) (model.Operation, *model.Input, error) {
	return routeForm(r, s, body)
}

func (q ec2Query) answer(w http.ResponseWriter, op model.Operation, out any, requestID string) {
	writeXML(w, op.Status, "<", op.Name, `Response xmlns="`, q.namespace, `"><requestId>`, requestID, "</requestId>",
		members(out), "</", op.Name, "Response>")
}

func (ec2Query) refuse(w http.ResponseWriter, e *model.Error, requestID string) {
	writeXML(w, e.HTTP, "<Response><Errors><Error><Code>", escaped(codeOf(ec2Codes, e)), "</Code><Message>", escaped(e.Message),
		"</Message></Error></Errors><RequestID>", requestID, "</RequestID></Response>")
}

func (ec2Query) signatureError(e *sigv4.Error) *model.Error {
	out := signatureError(map[sigv4.Kind]signatureCode{
		sigv4.Missing:    {"AuthFailure", http.StatusUnauthorized},
		sigv4.Incomplete: {"IncompleteSignature", http.StatusBadRequest},
		sigv4.UnknownKey: {"AuthFailure", http.StatusUnauthorized},
		sigv4.Mismatch:   {"AuthFailure", http.StatusUnauthorized},
		sigv4.Expired:    {"RequestExpired", http.StatusBadRequest},
		sigv4.NotYet:     {"RequestExpired", http.StatusBadRequest},
		sigv4.Scope:      {"AuthFailure", http.StatusUnauthorized},

		sigv4.ExpiredToken: {"RequestExpired", http.StatusBadRequest},
	}, e)
	if out.Code == "AuthFailure" {
		out.Message = "AWS was not able to validate the provided access credentials"
	}
	return out
}
