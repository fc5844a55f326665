package msk

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/aws/model"
)

func badRequest(parameter, format string, args ...any) error {
	return model.BadRequest(parameter, fmt.Sprintf(format, args...))
}

// notBuilt refuses a setting that would act, had it been built.
func notBuilt(parameter, what string, args ...any) error {
	return badRequest(parameter, "millrace does not implement %s yet.", fmt.Sprintf(what, args...))
}

func conflict(parameter, message string) error { return model.Conflict(parameter, message) }

func notFound(parameter string) error { // UNVERIFIED wording
	return model.NotFound(parameter, "The requested resource doesn't exist.")
}

// wordsOf is what a refusal says.
func wordsOf(err error) string {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return e.Message
	}
	return err.Error()
}
