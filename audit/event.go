package audit

import (
	"encoding/json"
	"time"
)

// Version is the eventVersion of CloudTrail's record whose shape this is.
const Version = "1.11"

// Types of events.
const (
	TypeCall    = "AwsApiCall"
	TypeService = "AwsServiceEvent" // of the server itself
)

// Identity is who asked, as far as it is known.
type Identity struct {
	Type        string `json:"type"` // Root, IAMUser, AssumedRole, WebIdentityUser, KafkaUser, Unknown
	PrincipalID string `json:"principalId,omitempty"`
	ARN         string `json:"arn,omitempty"`
	AccountID   string `json:"accountId,omitempty"`
	AccessKeyID string `json:"accessKeyId,omitempty"`
	UserName    string `json:"userName,omitempty"`
	Provider    string `json:"identityProvider,omitempty"` // of a WebIdentityUser
}

// Resource is what an event is about.
type Resource struct {
	ARN  string `json:"ARN"`
	Type string `json:"type,omitempty"`
}

// Stamp is a time as CloudTrail writes it: UTC, whole seconds.
type Stamp struct{ time.Time }

// MarshalJSON writes 2006-01-02T15:04:05Z.
func (s Stamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + s.UTC().Format(time.RFC3339)[:19] + `Z"`), nil
}

// Event is one record: the fields that CloudTrail's records have. Parameters,
// Response and Additional must be JSON without secrets.
type Event struct {
	EventVersion string          `json:"eventVersion"`
	Identity     Identity        `json:"userIdentity"`
	Time         Stamp           `json:"eventTime"`
	Source       string          `json:"eventSource"` // kafka.amazonaws.com
	Name         string          `json:"eventName"`
	Region       string          `json:"awsRegion"`
	SourceIP     string          `json:"sourceIPAddress"`
	UserAgent    string          `json:"userAgent,omitempty"`
	ErrorCode    string          `json:"errorCode,omitempty"`
	ErrorMessage string          `json:"errorMessage,omitempty"`
	Parameters   json.RawMessage `json:"requestParameters"`
	Response     json.RawMessage `json:"responseElements"`
	Additional   json.RawMessage `json:"additionalEventData,omitempty"`
	RequestID    string          `json:"requestID,omitempty"`
	ID           string          `json:"eventID"`
	ReadOnly     bool            `json:"readOnly"`
	Resources    []Resource      `json:"resources,omitempty"`
	Type         string          `json:"eventType"`
	Account      string          `json:"recipientAccountId,omitempty"`
}

// Bounds of what callers can put into a record, in bytes.
const (
	maxText     = 1 << 10  // of one text
	maxDocument = 16 << 10 // of one JSON document; CloudTrail's is 100 KB
)

// bounded is the event with nothing in it longer than the bounds.
func (e Event) bounded() Event {
	e.EventVersion = Version
	if e.Type == "" {
		e.Type = TypeCall
	}
	for _, s := range []*string{&e.Identity.Type, &e.Identity.PrincipalID, &e.Identity.ARN, &e.Identity.AccountID, &e.Identity.AccessKeyID,
		&e.Identity.UserName, &e.Identity.Provider, &e.Source, &e.Name, &e.Region, &e.SourceIP, &e.UserAgent, &e.ErrorCode, &e.ErrorMessage, &e.RequestID, &e.ID, &e.Account} {
		if len(*s) > maxText {
			*s = (*s)[:maxText] + "..."
		}
	}
	e.Resources = e.Resources[:min(len(e.Resources), 16)]
	for i, r := range e.Resources {
		e.Resources[i].ARN = r.ARN[:min(len(r.ARN), maxText)]
	}
	for _, d := range []*json.RawMessage{&e.Parameters, &e.Response, &e.Additional} {
		switch {
		case len(*d) == 0:
			*d = nil
		case len(*d) > maxDocument:
			*d = json.RawMessage(`{"omitted":"larger than 16 KiB"}`)
		case !json.Valid(*d):
			*d = json.RawMessage(`{"omitted":"not JSON"}`)
		}
	}
	return e
}
