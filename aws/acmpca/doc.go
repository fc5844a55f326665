// Package acmpca keeps private certificate authorities that truly sign: root and
// subordinate authorities with ECDSA and RSA keys, the certificates that they
// issued, and what was revoked.
//
// aws/api calls it through the generated service interface; server asks it for
// the authorities that clusters trust. It owns the documents in store; private
// keys are sealed (aws/seal) and leave the package in no answer, error or log.
// decide.go, issue.go and subject.go are pure but for the randomness that they
// are given; service.go knows the store and the clock. It publishes no
// revocation lists and answers no OCSP.
//
// Keys: "{account}/{region}/acm-pca/authority/{id}",
// "{account}/{region}/acm-pca/certificate/{id}/{serial}" and
// "{account}/{region}/acm-pca/token/{id}/{hash}" (docs/formats/acmpca.md).
package acmpca

import (
	"time"

	"github.com/millrace/millrace/aws/model/acmpca"
)

// Status is an authority's status as the API names it.
type Status string

// The statuses that are stored; EXPIRED is told by the time.
const (
	Pending  Status = "PENDING_CERTIFICATE"
	Active   Status = "ACTIVE"
	Disabled Status = "DISABLED"
	Deleted  Status = "DELETED"
	expired  Status = "EXPIRED"
)

// authority is the document of one authority.
type authority struct {
	ID          string                                    `json:"id"`
	ARN         string                                    `json:"arn"`
	Account     string                                    `json:"account"`
	Region      string                                    `json:"region"`
	Root        bool                                      `json:"root"`
	Status      Status                                    `json:"status"`
	Before      Status                                    `json:"before,omitempty"` // of Deleted: what it was
	UsageMode   string                                    `json:"usageMode"`
	Storage     string                                    `json:"storage"`
	Config      *acmpca.CertificateAuthorityConfiguration `json:"config"`
	Revocation  *acmpca.RevocationConfiguration           `json:"revocation,omitempty"`
	Tags        map[string]string                         `json:"tags,omitempty"`
	Token       string                                    `json:"token,omitempty"` // of the call that made it
	Created     time.Time                                 `json:"created"`
	Changed     time.Time                                 `json:"changed"` // of the status
	Restorable  time.Time                                 `json:"restorable,omitzero"`
	Key         []byte                                    `json:"key"`                   // PKCS #8, sealed
	Certificate []byte                                    `json:"certificate,omitempty"` // DER
	Chain       [][]byte                                  `json:"chain,omitempty"`       // DER, the issuer first
	NotBefore   time.Time                                 `json:"notBefore,omitzero"`
	NotAfter    time.Time                                 `json:"notAfter,omitzero"`
	Issued      int                                       `json:"issued,omitempty"` // certificates
	Permissions []permission                              `json:"permissions,omitempty"`
}

type permission struct {
	Principal string    `json:"principal"`
	Account   string    `json:"account"`
	Actions   []string  `json:"actions"`
	Created   time.Time `json:"created"`
}

// certificate is the document of one certificate that was issued.
type certificate struct {
	DER     []byte    `json:"der"`
	Issued  time.Time `json:"issued"`
	Revoked time.Time `json:"revoked,omitzero"`
	Reason  string    `json:"reason,omitempty"`
}

// issuedOnce remembers the answer to an IdempotencyToken.
type issuedOnce struct {
	Serial string    `json:"serial"`
	At     time.Time `json:"at"`
}

func authorityPrefix(account, region string) string {
	return account + "/" + region + "/acm-pca/authority/"
}

func (a *authority) at() string { return authorityPrefix(a.Account, a.Region) + a.ID }

func (a *authority) certificateKey(serial string) string {
	return a.Account + "/" + a.Region + "/acm-pca/certificate/" + a.ID + "/" + serial
}

func (a *authority) tokenKey(hash string) string {
	return a.Account + "/" + a.Region + "/acm-pca/token/" + a.ID + "/" + hash
}
