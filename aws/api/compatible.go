package api

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"

	"github.com/millrace/millrace/aws/model"
)

// compatible is the protocol of a service that once spoke query alone: SDKs
// speak CBOR, JSON 1.0 or query with it, by their age. Its errors have the names
// of the query protocol there, and of shapes elsewhere, with the other name in a
// header. (Smithy awsQueryCompatible)
type compatible struct {
	query
	json   awsJSON
	shapes map[string]string // the shapes of the query protocol's errors
}

// of is the protocol of one request.
func (p compatible) of(r *http.Request) protocol {
	switch {
	case isRPC(r):
		return compatibleCBOR{rpcCBOR{p.json}, p.shapes}
	case r.Header.Get("X-Amz-Target") != "":
		return compatibleJSON{p.json, p.shapes}
	}
	return p.query
}

type compatibleJSON struct {
	awsJSON
	shapes map[string]string
}

func (p compatibleJSON) refuse(w http.ResponseWriter, e *model.Error, id string) {
	p.awsJSON.refuse(w, shaped(w, p.awsJSON, p.shapes, e), id)
}

type compatibleCBOR struct {
	rpcCBOR
	shapes map[string]string
}

func (p compatibleCBOR) refuse(w http.ResponseWriter, e *model.Error, id string) {
	p.rpcCBOR.refuse(w, shaped(w, p.awsJSON, p.shapes, e), id)
}

// shaped is an error under its shape's name, and tells the other in a header.
func shaped(w http.ResponseWriter, p awsJSON, shapes map[string]string, e *model.Error) *model.Error {
	code, _, status := p.named(e)
	switch code {
	case "ValidationException":
		code = "ValidationError"
	case "AccessDeniedException":
		code = "AccessDenied"
	}
	fault := "Sender"
	if status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	w.Header().Set("x-amzn-query-error", code+";"+fault)
	if shape := shapes[code]; shape != "" {
		code = shape
	}
	return &model.Error{Code: code, HTTP: status, Message: detected(e)}
}

// cloudwatchShapes are the errors of cloudwatch that have two names.
var cloudwatchShapes = map[string]string{
	"InvalidParameterValue": "InvalidParameterValueException", "MissingParameter": "MissingRequiredParameterException",
	"InvalidParameterCombination": "InvalidParameterCombinationException", "InternalServiceError": "InternalServiceFault",
	"LimitExceeded": "LimitExceededFault", "InvalidFormat": "InvalidFormatFault",
}

// inflated is a request's body, whose signature is verified, as it was before
// its client compressed it; s3's are meant as they are. (Smithy
// requestCompression)
func (s *service) inflated(r *http.Request, body []byte) ([]byte, error) {
	if _, may := s.protocol.(compatible); !may || r.Header.Get("Content-Encoding") != "gzip" {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(z, maxBody+1))
	}
	switch {
	case err != nil:
		return nil, model.BadRequest("", malformedBody)
	case len(body) > maxBody:
		return nil, errTooLarge(maxBody)
	}
	return body, nil
}

func errTooLarge(limit int64) *model.Error {
	return &model.Error{Code: "RequestEntityTooLargeException", HTTP: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("The request body is larger than %d bytes.", limit)}
}
