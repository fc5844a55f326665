package secretsmanager

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/millrace/millrace/aws/model"
)

func fault(code, format string, args ...any) error {
	return &model.Error{Code: code, HTTP: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

func invalidParameter(format string, args ...any) error {
	return fault("InvalidParameterException", format, args...)
}

func invalidRequest(format string, args ...any) error {
	return fault("InvalidRequestException", format, args...)
}

func noSecret() error {
	return fault("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// ofKMS is a fault of the key as this service tells it. A key that the caller
// may not use is told as it is.
func ofKMS(err error, code, message string) error {
	e, ok := errors.AsType[*model.Error](err)
	if !ok || e.Code == "AccessDeniedException" {
		return err
	}
	return fault(code, "%s", message)
}

// deref answers what p points to, or the zero value.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
