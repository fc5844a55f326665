// Package oidc reads the tokens of OpenID Connect providers and verifies their
// signatures with the keys that the provider publishes.
//
// aws/iam checks what a token says; server makes the one Fetcher, which asks
// providers for their keys. Nothing here decides who may do what, and nothing of
// a token is kept or logged.
package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of a token.
const (
	maxToken = 20_000 // characters, as aws:sts AssumeRoleWithWebIdentity has it
	maxText  = 255    // bytes of a subject, an audience or a method (OpenID Connect Core section 2)
	maxList  = 10     // audiences, and methods
)

// algorithms are the signatures that are taken, as on AWS: "Create an OpenID
// Connect identity provider" in the IAM user guide. "none" and the algorithms of
// shared secrets are not among them.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

// Token is what a token says. Nothing of it is true before Verify has said so.
type Token struct {
	Issuer     string
	Subject    string
	Audience   []string // at most maxList, none empty
	Authorized string   // azp: who asked for it; often empty
	Methods    []string // amr: how the subject was authenticated
	Expires    time.Time
	NotBefore  time.Time // zero: it does not say
	Issued     time.Time // zero: it does not say

	Tags           map[string][]string // principal_tags of aws.amazon.com
	Transitive     []string            // keys of Tags that go on
	SourceIdentity string              // of aws.amazon.com

	signed *jose.JSONWebSignature
}

// claims is the payload as it is written (RFC 7519 section 4.1, OpenID Connect
// Core section 2, "Passing session tags" in the IAM user guide).
type claims struct {
	Issuer         string   `json:"iss"`
	Subject        string   `json:"sub"`
	Audience       oneOrAll `json:"aud"`
	Authorized     string   `json:"azp"`
	Methods        []string `json:"amr"`
	Expires        *float64 `json:"exp"`
	NotBefore      *float64 `json:"nbf"`
	Issued         *float64 `json:"iat"`
	SourceIdentity string   `json:"https://aws.amazon.com/source_identity"`
	Tags           struct {
		Principal  map[string][]string `json:"principal_tags"`
		Transitive []string            `json:"transitive_tag_keys"`
	} `json:"https://aws.amazon.com/tags"`
}

// oneOrAll is a text or a list of texts.
type oneOrAll []string

// UnmarshalJSON reads either.
func (o *oneOrAll) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*o = oneOrAll{one}
		return nil
	}
	var all []string
	err := json.Unmarshal(data, &all)
	*o = all
	return err
}

// MissingClaim names a claim that a token lacks.
type MissingClaim string

// Error names the claim.
func (m MissingClaim) Error() string { return "the token has no claim " + string(m) }

// ErrNoToken is of a text that is no signed token. It does not show the text.
var ErrNoToken = errors.New("the text is no JSON web token with a signature that is taken")

// Parse reads a token in its compact form. Errors are ErrNoToken, MissingClaim
// or about a claim; none shows the token.
func Parse(text string) (*Token, error) {
	if len(text) > maxToken {
		return nil, ErrNoToken
	}
	signed, err := jose.ParseSignedCompact(text, algorithms)
	if err != nil {
		return nil, ErrNoToken
	}
	var c claims
	d := json.NewDecoder(bytes.NewReader(signed.UnsafePayloadWithoutVerification()))
	if err := d.Decode(&c); err != nil || d.More() {
		return nil, ErrNoToken
	}
	t := &Token{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, Authorized: c.Authorized, Methods: c.Methods,
		Tags: c.Tags.Principal, Transitive: c.Tags.Transitive, SourceIdentity: c.SourceIdentity, signed: signed,
	}
	switch {
	case t.Issuer == "":
		return nil, MissingClaim("iss")
	case t.Subject == "":
		return nil, MissingClaim("sub")
	case len(t.Audience) == 0 || slices.Contains(t.Audience, ""):
		return nil, MissingClaim("aud")
	case len(t.Audience) > maxList || len(t.Methods) > maxList:
		return nil, fmt.Errorf("the token has more than %d audiences or methods", maxList)
	case c.Expires == nil:
		return nil, MissingClaim("exp")
	}
	for _, text := range slices.Concat([]string{t.Issuer, t.Subject, t.Authorized}, t.Audience, t.Methods) {
		if len(text) > maxText {
			return nil, fmt.Errorf("the token has a claim of more than %d bytes", maxText)
		}
	}
	for _, at := range []struct {
		to   *time.Time
		from *float64
	}{{&t.Expires, c.Expires}, {&t.NotBefore, c.NotBefore}, {&t.Issued, c.Issued}} {
		if err := setTime(at.to, at.from); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// lastTime bounds the times of a token: the end of the year 9999.
const lastTime = 253_402_300_799

// setTime reads a NumericDate.
func setTime(to *time.Time, from *float64) error {
	if from == nil {
		return nil
	}
	if math.IsNaN(*from) || *from < 0 || *from > lastTime {
		return errors.New("the token has a time that is none")
	}
	whole, part := math.Modf(*from)
	*to = time.Unix(int64(whole), int64(part*float64(time.Second))).UTC()
	return nil
}

// keyID names the key that signed.
func (t *Token) keyID() string { return t.signed.Signatures[0].Header.KeyID }

// ErrUnknownKey is of a token whose key is not among the provider's.
var ErrUnknownKey = errors.New("the provider has no key of the token's id for its algorithm")

// Verify checks the signature with the one of keys that the token names.
func (t *Token) Verify(keys *Keys) error {
	algorithm := t.signed.Signatures[0].Header.Algorithm
	for _, k := range keys.set.Key(t.keyID()) {
		if k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != algorithm || !k.IsPublic() || !fits(algorithm, k.Key) {
			continue
		}
		if _, err := t.signed.Verify(k.Key); err != nil {
			return errors.New("the token's signature is not that of its key")
		}
		return nil
	}
	return ErrUnknownKey
}
