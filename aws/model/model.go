// Package model holds what every AWS service's generated shapes share: who
// calls, and how an error is told. aws/api fills Caller and renders Error; the
// cores take the one and answer the other. It decides nothing.
package model

// Caller is the authenticated caller of an API operation and the place that it
// signed for.
type Caller struct {
	Account     string // 12 digits
	Region      string // of the credential scope
	ARN         string // the caller's own
	UserID      string
	AccessKeyID string
}

// Error is an error as AWS's clients see it.
type Error struct {
	Code             string // the exception's name, like "NotFoundException"
	HTTP             int    // status
	Message          string
	InvalidParameter string // lowerCamel name of the member at fault; may be empty
}

// Error answers the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }
