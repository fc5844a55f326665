package acmpca

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/aws/model/acmpca"
)

// Limits. (aws:acm-pca user guide, quotas)
const (
	maxAuthorities  = 200 // of an account and region
	maxCertificates = 1_000_000
	maxPermissions  = 20
	maxTags         = 50
	maxTagKey       = 128 // characters
	maxTagValue     = 256
	minWindow       = 7 // days
	maxWindow       = 30
	tokenLife       = 5 * time.Minute // of an IdempotencyToken
)

// status is the authority's status at a time.
func (a *authority) status(now time.Time) Status {
	if a.Status == Active && now.After(a.NotAfter) {
		return expired
	}
	return a.Status
}

// gone says that an authority cannot be restored any more.
func (a *authority) gone(now time.Time) bool { return a.Status == Deleted && !now.Before(a.Restorable) }

func (a *authority) set(s Status, now time.Time) { a.Status, a.Changed = s, now }

// mayIssue says whether an authority may sign with a template: only an active
// one, but for the certificate of a root itself.
func (a *authority) mayIssue(name string, now time.Time) (self bool, err error) {
	switch s := a.status(now); {
	case name == rootTemplate && !a.Root:
		return false, invalidArgs("The template %s is for root certificate authorities.", name)
	case name == rootTemplate && (s == Pending || s == Active):
		return true, nil
	case s != Active:
		return false, invalidState("The certificate authority %s is not in the correct state to issue certificates: %s.", a.ARN, s)
	case a.Issued >= maxCertificates:
		return false, fault("LimitExceededException", "A certificate authority issues at most %d certificates.", maxCertificates)
	}
	return false, nil
}

// decideImport takes an authority's certificate. own is its public key.
// aws:acm-pca ImportCertificateAuthorityCertificate
func decideImport(a *authority, own crypto.PublicKey, leaf *x509.Certificate, chain []*x509.Certificate, now time.Time) error {
	if s := a.status(now); s == Deleted || s == Disabled {
		return invalidState("The certificate authority %s is in the state %s.", a.ARN, s)
	}
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case !ok || !public.Equal(own):
		return fault("CertificateMismatchException", "The certificate does not have the public key of the certificate authority.")
	case !leaf.IsCA || leaf.KeyUsage&x509.KeyUsageCertSign == 0:
		return fault("MalformedCertificateException", "The certificate is not that of a certificate authority.")
	case now.After(leaf.NotAfter):
		return fault("MalformedCertificateException", "The certificate has expired.")
	case a.Root && len(chain) > 0:
		return invalidArgs("A root certificate authority has no certificate chain.")
	case a.Root && leaf.CheckSignatureFrom(leaf) != nil:
		return fault("CertificateMismatchException", "The certificate of a root certificate authority must be signed by itself.")
	case !a.Root && len(chain) == 0:
		return invalidArgs("The certificate chain of a subordinate certificate authority is missing.")
	}
	at := leaf
	for _, issuer := range chain {
		if !bytes.Equal(at.RawIssuer, issuer.RawSubject) || at.CheckSignatureFrom(issuer) != nil {
			return fault("CertificateMismatchException", "The certificate chain does not lead from the certificate to its root.")
		}
		at = issuer
	}
	a.Certificate, a.Chain = leaf.Raw, nil
	for _, c := range chain {
		a.Chain = append(a.Chain, c.Raw)
	}
	a.NotBefore, a.NotAfter = leaf.NotBefore.UTC(), leaf.NotAfter.UTC()
	a.set(Active, now)
	return nil
}

// decideUpdate changes status and revocation.
// aws:acm-pca UpdateCertificateAuthority
func decideUpdate(a *authority, status *string, r *acmpca.RevocationConfiguration, now time.Time) error {
	if s := a.status(now); s != Active && s != Disabled {
		return invalidState("The certificate authority must be in the ACTIVE or DISABLED state to be updated") // Terraform's provider looks for it
	}
	if err := checkRevocation(r); err != nil {
		return err
	}
	if r != nil {
		a.Revocation = r
	}
	switch s := Status(deref(status)); {
	case s == "" || s == a.Status:
	case s != Active && s != Disabled:
		return invalidArgs("The status %s cannot be set.", s)
	default:
		a.set(s, now)
	}
	return nil
}

// checkRevocation refuses what is not published here.
func checkRevocation(r *acmpca.RevocationConfiguration) error {
	if r != nil && (r.CrlConfiguration != nil && deref(r.CrlConfiguration.Enabled) || r.OcspConfiguration != nil && deref(r.OcspConfiguration.Enabled)) {
		return invalidArgs("millrace does not implement revocation lists and OCSP (revocationConfiguration).")
	}
	return nil
}

// decideDelete begins the time in which an authority can be restored.
// aws:acm-pca DeleteCertificateAuthority
func decideDelete(a *authority, days *int32, now time.Time) error {
	switch s := a.status(now); s {
	case Deleted:
		return invalidState("The certificate authority %s is deleted.", a.ARN)
	case Active:
		return invalidState("The certificate authority %s must be disabled before it is deleted.", a.ARN)
	}
	window := int32(maxWindow)
	if days != nil {
		window = *days
	}
	if window < minWindow || window > maxWindow {
		return invalidArgs("PermanentDeletionTimeInDays must be between %d and %d.", minWindow, maxWindow)
	}
	a.Before, a.Restorable = a.Status, now.Add(time.Duration(window)*day)
	a.set(Deleted, now)
	return nil
}

// decideRestore takes that back; an authority that was active stays disabled.
// aws:acm-pca RestoreCertificateAuthority
func decideRestore(a *authority, now time.Time) error {
	if a.Status != Deleted {
		return invalidState("The certificate authority %s is not deleted.", a.ARN)
	}
	to := Disabled
	if a.Before == Pending {
		to = Pending
	}
	a.Before, a.Restorable = "", time.Time{}
	a.set(to, now)
	return nil
}

var tagShape = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_./=+@:-]*$`)

// mergeTags adds tags to those that an authority has.
func mergeTags(have map[string]string, add []acmpca.Tag) (map[string]string, error) {
	out := maps.Clone(have)
	if out == nil {
		out = map[string]string{}
	}
	for _, t := range add {
		name, v := deref(t.Key), deref(t.Value)
		if n := utf8.RuneCountInString(name); n == 0 || n > maxTagKey || !tagShape.MatchString(name) || strings.HasPrefix(strings.ToLower(name), "aws:") ||
			utf8.RuneCountInString(v) > maxTagValue || !tagShape.MatchString(v) {
			return nil, fault("InvalidTagException", "The tag '%s' is not valid.", name)
		}
		out[name] = v
	}
	if len(out) > maxTags {
		return nil, fault("TooManyTagsException", "A certificate authority can have at most %d tags.", maxTags)
	}
	return out, nil
}

// decidePermission lets a service issue certificates.
// aws:acm-pca CreatePermission
func decidePermission(a *authority, p permission) error {
	if slices.ContainsFunc(a.Permissions, func(o permission) bool { return o.Principal == p.Principal && o.Account == p.Account }) {
		return fault("PermissionAlreadyExistsException", "The permission exists already.")
	}
	if len(a.Permissions) == maxPermissions {
		return fault("LimitExceededException", "A certificate authority has at most %d permissions.", maxPermissions)
	}
	a.Permissions = append(a.Permissions, p)
	return nil
}
