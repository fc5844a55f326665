// Package kms is a small key management service: symmetric keys that encrypt
// and decrypt with AES-256-GCM, their aliases, policies, grants and rotation.
//
// aws/api calls it through the generated service interface; server gives its
// keys to the other services. It owns the key, alias and grant documents in
// store; key material is sealed (aws/seal) and leaves the package in no answer,
// error or log. decide.go and cipher.go are pure; the service files know the
// store, the clock and randomness. Who may use a key is judged before it is
// called, by the policies and grants that it tells (Facts).
//
// Keys: "{account}/{region}/kms/key/{id}", "{account}/{region}/kms/alias/{name}"
// and "{account}/{region}/kms/grant/{key id}/{grant id}" (docs/formats/kms.md).
package kms

import "time"

// State is a key's state as the API names it.
type State string

// The states of a key.
const (
	Enabled         State = "Enabled"
	Disabled        State = "Disabled"
	PendingDeletion State = "PendingDeletion"
)

// key is the document of one key.
type key struct {
	ID          string            `json:"id"`
	ARN         string            `json:"arn"`
	Account     string            `json:"account"`
	Region      string            `json:"region"`
	Description string            `json:"description,omitempty"`
	State       State             `json:"state"`
	Managed     string            `json:"managed,omitempty"` // the AWS service whose key it is
	Created     time.Time         `json:"created"`
	Deletion    time.Time         `json:"deletion,omitzero"` // of PendingDeletion: when
	Window      int32             `json:"windowDays,omitempty"`
	Policy      string            `json:"policy"`
	Tags        map[string]string `json:"tags,omitempty"`
	Rotation    int32             `json:"rotationDays,omitempty"` // 0: it does not rotate
	Next        time.Time         `json:"nextRotation,omitzero"`
	Material    [][]byte          `json:"material"` // sealed, oldest first; the last one encrypts
}

// alias is the document of one alias.
type alias struct {
	Name    string    `json:"name"` // alias/...
	Key     string    `json:"key"`  // its id
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// Grant is the document of one grant. aws:kms CreateGrant
type Grant struct {
	ID         string            `json:"id"`
	Token      string            `json:"token"`
	KeyARN     string            `json:"keyArn"`
	Name       string            `json:"name,omitempty"`
	Grantee    string            `json:"grantee"`           // an ARN or a service's name
	Retirer    string            `json:"retirer,omitempty"` // likewise
	Operations []string          `json:"operations"`
	Equals     map[string]string `json:"equals,omitempty"` // the encryption context, whole
	Subset     map[string]string `json:"subset,omitempty"` // or a part of it
	SourceARN  string            `json:"sourceArn,omitempty"`
	Issuer     string            `json:"issuer"` // ARN of who made it
	Created    time.Time         `json:"created"`
}

func keyKey(account, region, id string) string { return keyPrefix(account, region) + id }

func keyPrefix(account, region string) string { return account + "/" + region + "/kms/key/" }

func aliasKey(account, region, name string) string { return aliasPrefix(account, region) + name }

func aliasPrefix(account, region string) string { return account + "/" + region + "/kms/alias/" }

func grantKey(account, region, key, id string) string { return grantPrefix(account, region, key) + id }

func grantPrefix(account, region, key string) string {
	return account + "/" + region + "/kms/grant/" + key + "/"
}
