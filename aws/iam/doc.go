// Package iam is the core of identity: accounts, users, groups, roles, policies
// and credentials, and who may do what. It serves aws:iam and aws:sts, tells
// aws/api and the server who signed a request or a Kafka token, and judges
// every API call and every Kafka request (Authorize, Decide).
//
// decide*.go, parse.go, render.go and managed.go are pure: documents and a
// request in, changed documents or an error out. The service files know the
// store, the clock and randomness, one transaction for each operation. What it
// must know of a resource (its account, tags, its own policy) travels in the
// Question; it asks no other core.
//
// Policies of a principal are parsed once and kept until Revision changes,
// which every change here does: a decision reads no store, and a change acts
// with the next decision, on open connections too.
//
// The documents are described in docs/formats/iam.md.
package iam

import "time"

// entity is a user, a group or a role. What a kind does not have stays empty.
type entity struct {
	head
	Inline   map[string]string `json:"inline,omitempty"`   // documents by policy name
	Attached []string          `json:"attached,omitempty"` // ARNs of managed policies, in the order of attaching
	Boundary string            `json:"boundary,omitempty"` // ARN of a managed policy

	Groups []string `json:"groups,omitempty"` // of a user
	Keys   []string `json:"keys,omitempty"`   // of a user: ids of access keys

	Trust       string `json:"trust,omitempty"` // of a role, the document
	Description string `json:"description,omitempty"`
	MaxSession  int32  `json:"maxSessionSeconds,omitempty"`
	Service     string `json:"service,omitempty"` // of a service-linked role: whose
}

// head is what everything with a name has.
type head struct {
	Name    string    `json:"name"`
	Path    string    `json:"path"`
	ID      string    `json:"id"` // AIDA..., AGPA..., AROA..., ANPA..., AIPA...
	Created time.Time `json:"created"`
	Tags    []tag     `json:"tags,omitempty"` // in the order of tagging
}

type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// managed is a managed policy.
type managed struct {
	head
	Description string          `json:"description,omitempty"`
	Updated     time.Time       `json:"updated"`
	Versions    []policyVersion `json:"versions"` // oldest first
	Default     int             `json:"default"`  // number of the version in force
	Last        int             `json:"last"`     // highest number ever given

	aws bool // one of AWS's own, which are not stored
}

type policyVersion struct {
	Number   int       `json:"number"`
	Document string    `json:"document"`
	Created  time.Time `json:"created"`
}

// profile is an instance profile.
type profile struct {
	head
	Role string `json:"role,omitempty"`
}

// accessKey is a long-term credential.
type accessKey struct {
	ID      string    `json:"id"`
	User    string    `json:"user"` // empty for the account's root
	Active  bool      `json:"active"`
	Created time.Time `json:"created"`
	Sealed  []byte    `json:"secret"` // by aws/seal, under the document's key
}

// account is one account.
type account struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	RootKey string    `json:"rootKey"` // id of the root's access key
}
