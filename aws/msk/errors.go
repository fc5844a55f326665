package msk

import (
	"fmt"
	"net/http"

	"github.com/millrace/millrace/aws/model"
)

func badRequest(parameter, format string, args ...any) error {
	return &model.Error{
		Code: "BadRequestException", HTTP: http.StatusBadRequest,
		Message: fmt.Sprintf(format, args...), InvalidParameter: parameter,
	}
}

// notBuilt refuses a setting that would act, had it been built.
func notBuilt(parameter, what string, args ...any) error {
	return badRequest(parameter, "millrace does not implement %s yet.", fmt.Sprintf(what, args...))
}

func conflict(parameter, message string) error {
	return &model.Error{Code: "ConflictException", HTTP: http.StatusConflict, Message: message, InvalidParameter: parameter}
}

func notFound(parameter string) error { // UNVERIFIED wording
	return &model.Error{
		Code: "NotFoundException", HTTP: http.StatusNotFound,
		Message: "The requested resource doesn't exist.", InvalidParameter: parameter,
	}
}
