package api

import (
	"net/http"

	"github.com/millrace/millrace/aws/model"
)

// unserved is the protocol to refuse a service in that millrace does not have,
// so that its own SDK shows the message.
func unserved(service string, guessed protocol) protocol {
	if service == "s3" {
		return s3XML{}
	}
	if _, ok := guessed.(restJSON); ok {
		return typedJSON{}
	}
	return guessed
}

// typedJSON is for services of JSON 1.0 and 1.1, whose SDKs read the error's
// name from the body; those of rest-json read the header.
type typedJSON struct{ restJSON }

func (typedJSON) refuse(w http.ResponseWriter, e *model.Error, _ string) {
	w.Header().Set("x-amzn-ErrorType", e.Code)
	writeJSON(w, e.HTTP, struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{e.Code, e.Message})
}
