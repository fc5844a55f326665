package iam

import (
	"fmt"
	"net/http"

	"github.com/millrace/millrace/aws/model"
)

// Errors of aws:iam and aws:sts, with their statuses.

func fail(status int, code, format string, args ...any) *model.Error {
	return &model.Error{Code: code, HTTP: status, Message: fmt.Sprintf(format, args...)}
}

func noSuchEntity(format string, args ...any) *model.Error {
	return fail(http.StatusNotFound, "NoSuchEntity", format, args...)
}

func alreadyExists(format string, args ...any) *model.Error {
	return fail(http.StatusConflict, "EntityAlreadyExists", format, args...)
}

func deleteConflict(message string) *model.Error {
	return fail(http.StatusConflict, "DeleteConflict", "%s", message)
}

func limitExceeded(format string, args ...any) *model.Error {
	return fail(http.StatusConflict, "LimitExceeded", format, args...)
}

// overQuota is the message of a quota by its name.
func overQuota(quota string, limit int) *model.Error {
	return limitExceeded("Cannot exceed quota for %s: %d", quota, limit)
}

func malformed(format string, args ...any) *model.Error {
	return fail(http.StatusBadRequest, "MalformedPolicyDocument", format, args...)
}

func invalidInput(format string, args ...any) *model.Error {
	return fail(http.StatusBadRequest, "InvalidInput", format, args...)
}

func validation(format string, args ...any) *model.Error {
	return fail(http.StatusBadRequest, "ValidationError", format, args...)
}

func unmodifiable(format string, args ...any) *model.Error {
	return fail(http.StatusBadRequest, "UnmodifiableEntity", format, args...)
}

func accessDenied(format string, args ...any) *model.Error {
	return fail(http.StatusForbidden, "AccessDeniedException", format, args...)
}
