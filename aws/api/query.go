package api

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/sigv4"
)

// query is the protocol of sts: a form with an Action, answers in XML.
type query struct{ namespace string }

// routeForm finds the operation in a form's Action.
func routeForm(r *http.Request, s *service, body []byte, unknown string) (model.Operation, *model.Input, error) {
	form := r.URL.Query()
	if r.Method == http.MethodPost {
		posted, err := url.ParseQuery(string(body))
		if err != nil {
			return model.Operation{Name: "?"}, nil, &model.Error{Code: "MalformedQueryString", HTTP: http.StatusBadRequest, Message: "The query string is malformed."}
		}
		for k, v := range posted {
			form[k] = append(form[k], v...)
		}
	}
	name := form.Get("Action")
	if op, ok := s.operation(name); ok {
		return op, &model.Input{Form: form}, nil
	}
	if e := s.unserved(name); e != nil {
		return model.Operation{Name: name}, nil, e
	}
	return model.Operation{Name: "?"}, nil, &model.Error{
		Code: unknown, HTTP: http.StatusBadRequest, Message: fmt.Sprintf("The action %.100s is not valid for this web service.", name),
	}
}

func (query) route(r *http.Request, s *service, body []byte) (model.Operation, *model.Input, error) {
	return routeForm(r, s, body, "InvalidAction")
}

// writeXML writes the elements around an answer; inner is encoded as it is.
func writeXML(w http.ResponseWriter, status int, parts ...string) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(xml.Header + strings.Join(parts, ""))) // the peer may be gone
}

// members encodes the members of a structure without an element around them.
func members(out any) string {
	var b bytes.Buffer
	enc := xml.NewEncoder(&b)
	if err := enc.EncodeElement(out, xml.StartElement{Name: xml.Name{Local: "x"}}); err != nil {
		panic("api: a generated shape does not encode: " + err.Error())
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), "<x>"), "</x>")
}

func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer does not fail
	return b.String()
}

func (q query) answer(w http.ResponseWriter, op model.Operation, out any, requestID string) {
	writeXML(w, op.Status,
		"<", op.Name, `Response xmlns="`, q.namespace, `"><`, op.ResultWrapper, ">", members(out), "</", op.ResultWrapper,
		"><ResponseMetadata><RequestId>", requestID, "</RequestId></ResponseMetadata></", op.Name, "Response>")
}

func (q query) refuse(w http.ResponseWriter, e *model.Error, requestID string) {
	kind := "Sender"
	if e.HTTP >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	code := strings.TrimSuffix(e.Code, "Exception")
	writeXML(w, e.HTTP, `<ErrorResponse xmlns="`, q.namespace, `"><Error><Type>`, kind, "</Type><Code>", escaped(code),
		"</Code><Message>", escaped(e.Message), "</Message></Error><RequestId>", requestID, "</RequestId></ErrorResponse>")
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
	}, e)
}

// ec2Query is the protocol of ec2: like query, with answers of its own shape.
type ec2Query struct{ namespace string }

func (ec2Query) route(r *http.Request, s *service, body []byte) (model.Operation, *model.Input, error) {
	return routeForm(r, s, body, "InvalidAction")
}

func (q ec2Query) answer(w http.ResponseWriter, op model.Operation, out any, requestID string) {
	writeXML(w, op.Status, "<", op.Name, `Response xmlns="`, q.namespace, `"><requestId>`, requestID, "</requestId>",
		members(out), "</", op.Name, "Response>")
}

func (ec2Query) refuse(w http.ResponseWriter, e *model.Error, requestID string) {
	code := strings.TrimSuffix(e.Code, "Exception")
	if e.Code == "BadRequestException" {
		code = "InvalidParameterValue"
	}
	writeXML(w, e.HTTP, "<Response><Errors><Error><Code>", escaped(code), "</Code><Message>", escaped(e.Message),
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
	}, e)
	if out.Code == "AuthFailure" {
		out.Message = "AWS was not able to validate the provided access credentials"
	}
	return out
}
