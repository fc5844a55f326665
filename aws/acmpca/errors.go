package acmpca

import (
	"fmt"
	"net/http"

	"github.com/millrace/millrace/aws/model"
)

func fault(code, format string, args ...any) error {
	return &model.Error{Code: code, HTTP: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

func invalidArgs(format string, args ...any) error {
	return fault("InvalidArgsException", format, args...)
}

func invalidState(format string, args ...any) error {
	return fault("InvalidStateException", format, args...)
}

func notFound(arn string) error {
	return fault("ResourceNotFoundException", "Could not find %s", arn)
}

// deref answers what p points to, or the zero value.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
