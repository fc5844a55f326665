package iam

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/millrace/millrace/aws/seal"
)

// session is what a session token says. Nothing of a session is stored: the
// token is encrypted and authenticated with a key of the key file, and what it
// names (a role, a user, a long-term key) is looked up with every change.
type session struct {
	Account     string    `json:"account"`
	AccessKeyID string    `json:"key"`
	Issued      time.Time `json:"issued"`
	Expires     time.Time `json:"expires"`

	Role   string `json:"role,omitempty"` // of AssumeRole
	RoleID string `json:"roleId,omitempty"`
	Name   string `json:"name,omitempty"` // of the session

	Parent string `json:"parent,omitempty"` // of GetSessionToken: the long-term key that asked

	Policies       []string `json:"policies,omitempty"`
	PolicyARNs     []string `json:"policyArns,omitempty"`
	Tags           []tag    `json:"tags,omitempty"`
	Transitive     []string `json:"transitive,omitempty"` // keys of Tags that go on to sessions of this one
	SourceIdentity string   `json:"sourceIdentity,omitempty"`

	Federated *federated `json:"federated,omitempty"` // of AssumeRoleWithWebIdentity
}

// tokens makes session tokens and reads them.
type tokens struct {
	aead   cipher.AEAD
	secret []byte // derives the secrets of access keys
}

const (
	tokenVersion    = 1
	tokenNonceBytes = 12
	maxToken        = 16 << 10 // characters; a token with all that it may hold is shorter
)

func newTokens(key []byte) tokens {
	derive := func(purpose string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(purpose))
		return m.Sum(nil)
	}
	block, err := aes.NewCipher(derive("token"))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return tokens{aead, derive("secret")}
}

// seal writes a token.
func (t tokens) seal(s *session) (string, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	out := make([]byte, 1+tokenNonceBytes, 1+tokenNonceBytes+len(text)+t.aead.Overhead())
	out[0] = tokenVersion
	rand.Read(out[1:])
	return base64.StdEncoding.EncodeToString(t.aead.Seal(out, out[1:], text, []byte(s.AccessKeyID))), nil
}

// open reads a token of an access key; nil when it is not one of ours.
func (t tokens) open(accessKeyID, token string) *session {
	if len(token) > maxToken {
		return nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < 1+tokenNonceBytes || raw[0] != tokenVersion {
		return nil
	}
	text, err := t.aead.Open(nil, raw[1:1+tokenNonceBytes], raw[1+tokenNonceBytes:], []byte(accessKeyID))
	if err != nil {
		return nil
	}
	s := new(session)
	if json.Unmarshal(text, s) != nil || s.AccessKeyID != accessKeyID {
		return nil
	}
	return s
}

// secretOf is the secret of a temporary access key.
func (t tokens) secretOf(accessKeyID string) seal.Secret {
	m := hmac.New(sha256.New, t.secret)
	m.Write([]byte(accessKeyID))
	return seal.NewSecret(newSecret(m.Sum(nil)))
}

// transitive is the tags that go on to sessions of this one.
func (s *session) transitive() (out []tag) {
	if s == nil {
		return nil
	}
	for _, t := range s.Tags {
		if slices.Contains(s.Transitive, t.Key) {
			out = append(out, t)
		}
	}
	return out
}
