// Package secretsmanager keeps secrets: named values with versions and stages,
// encrypted under KMS keys.
//
// aws/api calls it through the generated service interface; server asks it for
// the secrets that are associated with clusters. It owns the secret documents
// and their values in store. decide.go is pure; the service files know the
// store, the clock and randomness. A value is encrypted with a data key of its
// own, which Keys (aws/kms, supplied by server) encrypts; it stands in no log
// and no error. Who may read a secret is judged before it is called.
//
// Keys: "{account}/{region}/secretsmanager/secret/{name}" and
// "{account}/{region}/secretsmanager/value/{name-suffix}/{version}"
// (docs/formats/secretsmanager.md).
package secretsmanager

import "time"

// secret is the document of one secret, without its values.
type secret struct {
	ARN         string            `json:"arn"`
	Name        string            `json:"name"`
	Suffix      string            `json:"suffix"` // six random characters at the end of the ARN
	Account     string            `json:"account"`
	Region      string            `json:"region"`
	Description string            `json:"description,omitempty"`
	Key         string            `json:"key,omitempty"` // KmsKeyId as given; empty: aws/secretsmanager
	Tags        map[string]string `json:"tags,omitempty"`
	Policy      string            `json:"policy,omitempty"`
	Created     time.Time         `json:"created"`
	Changed     time.Time         `json:"changed"`
	Accessed    time.Time         `json:"accessed,omitzero"` // the day
	Deleted     time.Time         `json:"deleted,omitzero"`  // when it was marked
	Deletion    time.Time         `json:"deletion,omitzero"` // when it will be gone
	Versions    []version         `json:"versions"`          // oldest first
}

// version is one version of a secret.
type version struct {
	ID      string    `json:"id"`
	Stages  []string  `json:"stages,omitempty"` // sorted; none: deprecated
	Created time.Time `json:"created"`
	KeyARN  string    `json:"keyArn"`
}

// value is an encrypted value.
type value struct {
	DataKey []byte `json:"dataKey"` // encrypted by Keys
	Nonce   []byte `json:"nonce"`
	Sealed  []byte `json:"sealed"`
	Binary  bool   `json:"binary,omitempty"`
}

// The stages that the service moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

func secretKey(account, region, name string) string { return secretPrefix(account, region) + name }

func secretPrefix(account, region string) string {
	return account + "/" + region + "/secretsmanager/secret/"
}

func (s *secret) at() string { return secretKey(s.Account, s.Region, s.Name) }

func (s *secret) valuePrefix() string {
	return s.Account + "/" + s.Region + "/secretsmanager/value/" + s.Name + "-" + s.Suffix + "/"
}
