package logs

import (
	"fmt"
	"net/http"

	"github.com/millrace/millrace/aws/model"
)

func fault(code, format string, args ...any) error {
	return &model.Error{Code: code, HTTP: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return fault("InvalidParameterException", format, args...)
}

func noGroup() error {
	return fault("ResourceNotFoundException", "The specified log group does not exist.")
}

func noStream() error {
	return fault("ResourceNotFoundException", "The specified log stream does not exist.")
}

func exceeded() error { return fault("LimitExceededException", "Resource limit exceeded.") }

// deref answers what p points to, or the zero value.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
