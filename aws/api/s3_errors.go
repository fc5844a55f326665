package api

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/sigv4"
)

// s3XML is S3's way to tell errors, which have no element around them. "Error
// responses" of the S3 API reference.
type s3XML struct {
	restJSON
	call *s3Call // nil: S3 is not served
}

// s3Codes are the errors of this edge that S3 calls by other names, with its
// status.
var s3Codes = map[string]signatureCode{
	"ThrottlingException": {"SlowDown", http.StatusServiceUnavailable}, "AccessDeniedException": {"AccessDenied", http.StatusForbidden},
	"InternalServerErrorException": {"InternalError", http.StatusInternalServerError}, "ServiceUnavailableException": {"ServiceUnavailable", http.StatusServiceUnavailable},
}

func s3Code(e *model.Error) string {
	if known, ok := s3Codes[e.Code]; ok {
		return known.code
	}
	return strings.TrimSuffix(e.Code, "Exception")
}

func (p s3XML) refuse(w http.ResponseWriter, e *model.Error, requestID string) {
	status := e.HTTP
	if known, ok := s3Codes[e.Code]; ok {
		status = known.http
	}
	header := w.Header()
	for name := range header { // what was going to be said of an object
		if !strings.HasPrefix(name, "X-Amz-Request") && !strings.HasPrefix(name, "X-Amzn-Request") && name != "Date" {
			delete(header, name)
		}
	}
	details, method := "", ""
	if p.call != nil {
		method = p.call.r.Method
		header.Set("X-Amz-Id-2", base64.StdEncoding.EncodeToString([]byte(requestID)))
		if p.call.bucket != "" {
			details = "<BucketName>" + escaped(p.call.bucket) + "</BucketName>"
		}
		if p.call.key != "" {
			details += "<Key>" + escaped(p.call.key) + "</Key>"
		}
	}
	if method == http.MethodHead || status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	header.Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(xml.Header + "<Error><Code>" + escaped(s3Code(e)) + "</Code><Message>" + escaped(e.Message) + "</Message>" + details +
		"<RequestId>" + requestID + "</RequestId></Error>")) // the peer may be gone
}

// signatureError is what S3 says of a bad signature.
func (p s3XML) signatureError(e *sigv4.Error) *model.Error {
	out := signatureError(map[sigv4.Kind]signatureCode{
		sigv4.Missing:    {"AccessDenied", http.StatusForbidden},
		sigv4.Incomplete: {"AuthorizationHeaderMalformed", http.StatusBadRequest},
		sigv4.UnknownKey: {"InvalidAccessKeyId", http.StatusForbidden},
		sigv4.Mismatch:   {"SignatureDoesNotMatch", http.StatusForbidden},
		sigv4.Expired:    {"RequestTimeTooSkewed", http.StatusForbidden},
		sigv4.NotYet:     {"RequestTimeTooSkewed", http.StatusForbidden},
		sigv4.Scope:      {"AuthorizationHeaderMalformed", http.StatusBadRequest},

		sigv4.ExpiredToken: {"ExpiredToken", http.StatusBadRequest},
		sigv4.OtherBody:    {"XAmzContentSHA256Mismatch", http.StatusBadRequest},
		sigv4.BrokenBody:   {"IncompleteBody", http.StatusBadRequest},
	}, e)
	presigned := p.call != nil && p.call.signed.Presigned
	switch {
	case e.Kind == sigv4.Missing:
		out.Message = "Access Denied"
	case presigned && e.Kind == sigv4.Expired:
		out.Code, out.Message = "AccessDenied", "Request has expired"
	case presigned && (e.Kind == sigv4.Incomplete || e.Kind == sigv4.Scope):
		out.Code = "AuthorizationQueryParametersError"
	}
	return out
}
