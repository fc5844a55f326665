package model

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Error is an error as AWS's clients see it.
type Error struct {
	Code             string // the exception's name, like "NotFoundException"
	HTTP             int    // status
	Message          string
	InvalidParameter string // lowerCamel name of the member at fault; may be empty

	// Constraint is what the model asks of that member, in the words of the
	// services that speak so, and Value what it got; Constraint is empty for
	// errors that Validate did not make.
	Constraint, Value string
}

// asks says which constraint a value breaks.
func (e *Error) asks(value, constraint string, args ...any) *Error {
	e.Value, e.Constraint = value, fmt.Sprintf(constraint, args...)
	return e
}

// Error answers the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// BadRequest is a 400 BadRequestException about a parameter.
func BadRequest(parameter, message string) *Error {
	return &Error{Code: "BadRequestException", HTTP: http.StatusBadRequest, Message: message, InvalidParameter: parameter}
}

// NotFound is a 404 NotFoundException about a parameter.
func NotFound(parameter, message string) *Error {
	return &Error{Code: "NotFoundException", HTTP: http.StatusNotFound, Message: message, InvalidParameter: parameter}
}

// Conflict is a 409 ConflictException about a parameter.
func Conflict(parameter, message string) *Error {
	return &Error{Code: "ConflictException", HTTP: http.StatusConflict, Message: message, InvalidParameter: parameter}
}

// Missing says that a required member is absent.
func Missing(parameter string) *Error {
	return BadRequest(parameter, fmt.Sprintf("The parameter %s is required.", parameter)).asks("null", "Member must not be null")
}

// maxQuoted bounds a value in a message, in bytes.
const maxQuoted = 100

func quoted(v string) string {
	if len(v) > maxQuoted {
		v = v[:maxQuoted] + "..."
	}
	return "'" + v + "'"
}

// NoLimit stands for a bound that is not there.
const NoLimit = math.MinInt64

// CheckLength checks a string's length in characters; max -1 is no limit.
func CheckLength(parameter string, v *string, low, high int) *Error {
	if v == nil {
		return nil
	}
	n := utf8.RuneCountInString(*v)
	if n < low {
		return BadRequest(parameter, fmt.Sprintf("The parameter %s must be at least %d characters long.", parameter, low)).
			asks(quoted(*v), "Member must have length greater than or equal to %d", low)
	}
	if high >= 0 && n > high {
		return BadRequest(parameter, fmt.Sprintf("The parameter %s must be at most %d characters long.", parameter, high)).
			asks(quoted(*v), "Member must have length less than or equal to %d", high)
	}
	return nil
}

// CheckCount checks the number of a list's elements; max -1 is no limit.
func CheckCount(parameter string, n int, present bool, low, high int) *Error {
	if present && (n < low || high >= 0 && n > high) {
		return BadRequest(parameter, fmt.Sprintf("The parameter %s has %d elements, which is not allowed.", parameter, n))
	}
	return nil
}

// CheckRange checks a number; NoLimit is no limit.
func CheckRange[N int32 | int64 | float64](parameter string, v *N, low, high float64) *Error {
	if v == nil {
		return nil
	}
	err := func() *Error {
		return BadRequest(parameter, fmt.Sprintf("The parameter %s has the value %v, which is out of range.", parameter, *v))
	}
	switch {
	case low != NoLimit && float64(*v) < low:
		return err().asks(quoted(fmt.Sprint(*v)), "Member must have value greater than or equal to %v", low)
	case high != NoLimit && float64(*v) > high:
		return err().asks(quoted(fmt.Sprint(*v)), "Member must have value less than or equal to %v", high)
	}
	return nil
}

// CheckEnum checks that a string is one of a fixed list.
func CheckEnum(parameter string, v *string, allowed ...string) *Error {
	if v == nil || slices.Contains(allowed, *v) {
		return nil
	}
	return BadRequest(parameter, fmt.Sprintf("The parameter %s must be one of: %s.", parameter, strings.Join(allowed, ", "))).
		asks(quoted(*v), "Member must satisfy enum value set: [%s]", strings.Join(allowed, ", "))
}

// patterns holds the compiled patterns of the models, which are few and fixed.
var patterns sync.Map // string -> *regexp.Regexp

// CheckPattern checks a string against the model's regular expression.
func CheckPattern(parameter string, v *string, pattern string) *Error {
	if v == nil {
		return nil
	}
	re, ok := patterns.Load(pattern)
	if !ok {
		re, _ = patterns.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	if re.(*regexp.Regexp).MatchString(*v) {
		return nil
	}
	return BadRequest(parameter, "The parameter value contains one or more characters that are not valid.").
		asks(quoted(*v), "Member must satisfy regular expression pattern: %s", strings.TrimSuffix(strings.TrimPrefix(pattern, "^(?:"), ")$"))
}
