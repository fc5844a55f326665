// Package ssm keeps the parameters of Parameter Store: named values with
// versions and labels, those of type SecureString encrypted under KMS keys.
//
// aws/api calls it through the generated service interface. It owns the
// parameters' documents in store. decide.go is pure; the service files know the
// store and the clock. SecureStrings are encrypted through Keys (aws/kms,
// supplied by server), stand in no log and no error, and answer as they are
// stored, encrypted, to who does not ask for decryption. Who may ask is judged
// before it is called. There are no public parameters below /aws/service.
//
// Keys: docs/formats/ssm.md.
package ssm

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
)

// parameter is the document of a parameter, without its values.
type parameter struct {
	Name     string            `json:"name"`
	Tags     map[string]string `json:"tags,omitempty"`
	Versions []int64           `json:"versions"` // that are kept, oldest first; the last is the current one
	Labels   map[string]int64  `json:"labels,omitempty"`
}

// version is one version.
type version struct {
	Version     int64     `json:"version"`
	Type        string    `json:"type"`
	Value       string    `json:"value,omitempty"`
	Sealed      []byte    `json:"sealed,omitempty"` // of a SecureString, instead of Value
	Key         string    `json:"key,omitempty"`    // as given
	Description string    `json:"description,omitempty"`
	Pattern     string    `json:"pattern,omitempty"`
	Tier        string    `json:"tier"`
	Modified    time.Time `json:"modified"`
	User        string    `json:"user"` // ARN
}

func prefix(c model.Caller) string {
	return c.Account + "/" + c.Region + "/ssm/parameter/"
}

func versionPrefix(c model.Caller, name string) string {
	return c.Account + "/" + c.Region + "/ssm/version/" + name + ":"
}

func versionKey(c model.Caller, name string, n int64) string {
	return fmt.Sprintf("%s%019d", versionPrefix(c, name), n)
}

// arn is a parameter's ARN, in which the first slash of a path stands for the
// one that separates.
func arn(c model.Caller, name string) string {
	return strings.Join([]string{"arn", c.Partition(), "ssm", c.Region, c.Account, "parameter/" + strings.TrimPrefix(name, "/")}, ":")
}

func fault(code, format string, args ...any) error {
	return &model.Error{Code: code, HTTP: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return fault("ValidationException", format, args...) }

func notFound(name string) error { return fault("ParameterNotFound", "Parameter %s not found.", name) }

// deref answers what p points to, or the zero value.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
