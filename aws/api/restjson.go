package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/sigv4"
)

// restJSON is the protocol of kafka: operations by method and path, bodies and
// errors in JSON.
type restJSON struct{}

// route works on the escaped path: ARNs come percent-encoded, with their
// slashes, as one segment.
func (restJSON) route(r *http.Request, s *service, body []byte) (model.Operation, *model.Input, error) {
	segments := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for _, op := range s.operations {
		if in, ok := match(op.Method, op.Path, r.Method, segments); ok {
			in.Query, in.Body = r.URL.Query(), body
			if err := checkJSON(body); err != nil {
				return op, nil, err
			}
			return op, in, nil
		}
	}
	for _, o := range s.others {
		if _, ok := match(o.Method, o.Path, r.Method, segments); ok {
			return model.Operation{Name: o.Name}, nil, s.unserved(o.Name)
		}
	}
	return model.Operation{Name: "?"}, nil, &model.Error{
		Code: "UnknownOperationException", HTTP: http.StatusNotFound, Message: fmt.Sprintf("No operation of %s has the path %s %s.", s.name, r.Method, r.URL.Path),
	}
}

// match compares a path with a template and takes the named segments.
func match(method, template, gotMethod string, segments []string) (*model.Input, bool) {
	want := strings.Split(strings.Trim(template, "/"), "/")
	if method != gotMethod || len(want) != len(segments) {
		return nil, false
	}
	in := &model.Input{Segments: make(map[string]string)}
	for i, w := range want {
		name, isName := strings.CutPrefix(w, "{")
		if !isName {
			if w != segments[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" {
			return nil, false
		}
		in.Segments[strings.TrimSuffix(name, "}")] = value
	}
	return in, true
}

// maxDepth bounds the nesting of a JSON body.
const maxDepth = 64

// malformedBody is what is said of a body that cannot be read.
const malformedBody = "Invalid request body"

// checkJSON refuses what decoders disagree about: two members of one name, deep
// nesting, and anything after the value.
func checkJSON(body []byte) error {
	if len(body) == 0 {
		return nil
	}
	if !json.Valid(body) {
		return model.BadRequest("", malformedBody)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var open []map[string]bool // nil for an array
	key := false               // the next string of an object is a key
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			if len(open) > 0 {
				break
			}
			return nil
		}
		if err != nil {
			break
		}
		switch v := t.(type) {
		case json.Delim:
			switch v {
			case '{', '[':
				if len(open) == maxDepth {
					return model.BadRequest("", malformedBody)
				}
				var names map[string]bool
				if v == '{' {
					names = make(map[string]bool)
				}
				open, key = append(open, names), v == '{'
				continue
			default:
				open = open[:len(open)-1]
			}
		case string:
			if n := len(open); n > 0 && open[n-1] != nil && key {
				if open[n-1][v] {
					return model.BadRequest(v, malformedBody)
				}
				open[n-1][v], key = true, false
				continue
			}
		}
		key = len(open) > 0 && open[len(open)-1] != nil
	}
	return model.BadRequest("", malformedBody)
}

func (restJSON) answer(w http.ResponseWriter, op model.Operation, out any, _ string) {
	if op.Status == http.StatusNoContent {
		w.WriteHeader(op.Status)
		return
	}
	writeJSON(w, op.Status, out)
}

// writeJSON encodes before it writes: what does not encode can still become an
// error.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("api: a shape does not encode: " + err.Error())
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the peer may be gone
}

// refuse: the header names the exception, the body has what it carries.
func (restJSON) refuse(w http.ResponseWriter, e *model.Error, _ string) {
	w.Header().Set("x-amzn-ErrorType", e.Code)
	body := struct {
		InvalidParameter *string `json:"invalidParameter"`
		Message          string  `json:"message"`
	}{nil, e.Message}
	if e.InvalidParameter != "" {
		body.InvalidParameter = &e.InvalidParameter
	}
	writeJSON(w, e.HTTP, body)
}

func (restJSON) signatureError(e *sigv4.Error) *model.Error {
	return signatureError(map[sigv4.Kind]signatureCode{
		sigv4.Missing:    {"MissingAuthenticationTokenException", http.StatusForbidden},
		sigv4.Incomplete: {"IncompleteSignatureException", http.StatusBadRequest},
		sigv4.UnknownKey: {"UnrecognizedClientException", http.StatusForbidden},
		sigv4.Mismatch:   {"InvalidSignatureException", http.StatusForbidden},
		sigv4.Expired:    {"InvalidSignatureException", http.StatusForbidden},
		sigv4.NotYet:     {"InvalidSignatureException", http.StatusForbidden},
		sigv4.Scope:      {"InvalidSignatureException", http.StatusForbidden},

		sigv4.ExpiredToken: {"ExpiredTokenException", http.StatusForbidden},
	}, e)
}
