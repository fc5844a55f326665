package iam

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/oidc"
)

// Limits of identity providers: "IAM and AWS STS quotas".
const (
	maxProviders   = 100
	maxClientIDs   = 100
	maxThumbprints = 5
)

var providers = kind{"oidc-provider", "OpenIDConnect provider", "OpenIDConnect Provider", "", "OpenIdConnectProvidersPerAccount", maxProviders, 0}

// provider is an OpenID Connect provider; its head's name is the issuer without
// https://.
type provider struct {
	head
	ClientIDs   []string `json:"clientIds,omitempty"` // audiences that are taken, in the order of adding
	Thumbprints []string `json:"thumbprints"`         // SHA-1 of certificates, lower hexadecimal
}

func (p *provider) issuer() string { return "https://" + p.Name }

// providerARN parses the ARN of a provider: what follows is a name that may
// have slashes, at its end too.
var providerARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):oidc-provider/(.+)$`)

// providerName finds an account's provider in an ARN.
func (t *tx) providerName(arn string) (string, error) {
	m := providerARN.FindStringSubmatch(arn)
	if m == nil {
		return "", invalidInput("Invalid ARN: %s", arn)
	}
	if m[1] != t.account {
		return "", noSuchProvider(arn)
	}
	return m[2], nil
}

func noSuchProvider(arn string) error {
	return noSuchEntity("OpenIDConnect Provider not found for arn %s", arn)
}

// providerOf is the name of an issuer's provider. Unlike AWS's it may have a
// port: providers of one's own network have.
func providerOf(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(issuer, "?#") {
		return "", invalidInput("Invalid Open ID Connect Provider URL")
	}
	return issuer[len("https://"):], nil
}

var thumbprintShape = regexp.MustCompile(`^[0-9a-f]{40}$`)

// setThumbprints checks and sets the whole list.
func (p *provider) setThumbprints(list []string) error {
	if len(list) > maxThumbprints {
		return invalidInput("Thumbprint list must contain fewer than %d entries.", maxThumbprints)
	}
	out := make([]string, len(list))
	for i, one := range list {
		out[i] = strings.ToLower(one)
		if !thumbprintShape.MatchString(out[i]) {
			return invalidInput("Invalid thumbprint: a thumbprint has 40 hexadecimal digits.")
		}
	}
	p.Thumbprints = out
	return nil
}

// addClients adds audiences; those that are there are no error.
func (p *provider) addClients(ids ...string) error {
	for _, id := range ids {
		if !slices.Contains(p.ClientIDs, id) {
			p.ClientIDs = append(p.ClientIDs, id)
		}
	}
	if len(p.ClientIDs) > maxClientIDs {
		return overQuota("ClientIdsPerOpenIdConnectProvider", maxClientIDs)
	}
	return nil
}

// leeway is how long after their end tokens are taken, for clocks that differ:
// "OIDC federation" in the IAM user guide.
const leeway = 5 * time.Minute

// federated is what a session keeps of the token that it was made of.
type federated struct {
	Provider string   `json:"provider"` // the issuer without https://
	ARN      string   `json:"arn"`      // of the provider
	Subject  string   `json:"sub"`
	Audience []string `json:"aud"`
	Original []string `json:"oaud,omitempty"` // aud of a token that has azp, which then is the audience
	Methods  []string `json:"amr,omitempty"`
}

func invalidToken(format string, args ...any) *model.Error {
	return fail(http.StatusBadRequest, "InvalidIdentityToken", format, args...)
}

// unreadable is the error of a token that does not parse.
func unreadable(err error) *model.Error {
	if claim := oidc.MissingClaim(""); errors.As(err, &claim) {
		return invalidToken("Missing a required claim: %s", string(claim))
	}
	return invalidToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
}

// unverified is the error of a token whose signature is not proven.
func unverified(err error) error {
	lost := (*oidc.Unreachable)(nil)
	switch {
	case errors.As(err, &lost) && lost.Thumbprint:
		return invalidToken("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")
	case errors.As(err, &lost), errors.Is(err, oidc.ErrUnknownKey):
		return invalidToken("Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements")
	}
	return invalidToken("The token's signature is not valid.") // UNVERIFIED wording
}

// accept checks what a token says, all but its signature: it is of the provider,
// for one of its clients, and of now.
func (p *provider) accept(t *oidc.Token, arn string, now time.Time) (*federated, error) {
	switch {
	case now.After(t.Expires.Add(leeway)):
		return nil, &model.Error{
			Code: "ExpiredIdentityToken", HTTP: http.StatusBadRequest,
			Message: "Token expired: current date/time " + unix(now) + " must be before the expiration date/time " + unix(t.Expires),
		}
	case !t.NotBefore.IsZero() && now.Add(leeway).Before(t.NotBefore), !t.Issued.IsZero() && now.Add(leeway).Before(t.Issued):
		return nil, invalidToken("The token is not valid yet.") // UNVERIFIED wording
	}
	out := &federated{Provider: p.Name, ARN: arn, Subject: t.Subject, Methods: t.Methods}
	if t.Authorized != "" {
		out.Audience, out.Original = []string{t.Authorized}, t.Audience
	} else {
		out.Audience = t.Audience
	}
	out.Audience = slices.DeleteFunc(slices.Clone(out.Audience), func(one string) bool { return !slices.Contains(p.ClientIDs, one) })
	if len(out.Audience) == 0 {
		return nil, invalidToken("Incorrect token audience")
	}
	return out, nil
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// conditions is the condition keys of a web identity: "Available keys for AWS
// OIDC federation". They stand in the call and in its session's requests.
func (f *federated) conditions(into map[string][]string) {
	name := strings.ToLower(f.Provider)
	into["aws:federatedprovider"] = []string{f.ARN}
	for key, values := range map[string][]string{"aud": f.Audience, "oaud": f.Original, "amr": f.Methods, "sub": {f.Subject}} {
		if len(values) > 0 {
			into[name+":"+key] = values
		}
	}
}
