package kms

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/millrace/millrace/aws/model"
)

func fault(code, format string, args ...any) error {
	return &model.Error{Code: code, HTTP: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

func validation(format string, args ...any) error {
	return fault("ValidationException", format, args...)
}

func noKey(arn string) error { return fault("NotFoundException", "Key '%s' does not exist", arn) }

func noAlias(arn string) error { return fault("NotFoundException", "Alias %s is not found.", arn) }

// unsupported refuses what a request asks for and is not built.
func unsupported(what string) error {
	return fault("UnsupportedOperationException", "millrace does not implement %s.", what)
}

// deref answers what p points to, or the zero value.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// ignoreFault drops an error that is about the request.
func ignoreFault(err error) error {
	if errors.As(err, new(*model.Error)) {
		return nil
	}
	return err
}
