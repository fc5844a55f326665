package acmpca

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/acmpca"
	"github.com/millrace/millrace/store"
)

// CreateCertificateAuthority makes an authority with a key and no certificate.
func (s *Service) CreateCertificateAuthority(ctx context.Context, c model.Caller, in *acmpca.CreateCertificateAuthorityRequest) (*acmpca.CreateCertificateAuthorityResponse, error) {
	cfg := in.CertificateAuthorityConfiguration
	if _, err := signatureFor(deref(cfg.SigningAlgorithm), deref(cfg.KeyAlgorithm)); err != nil {
		return nil, err
	}
	if _, err := subjectOf(cfg.Subject); err != nil {
		return nil, err
	}
	if cfg.CsrExtensions != nil {
		return nil, invalidArgs("millrace does not implement CsrExtensions.")
	}
	if err := checkRevocation(in.RevocationConfiguration); err != nil {
		return nil, err
	}
	a, err := s.newAuthority(c, in)
	if err != nil {
		return nil, err
	}
	arn := a.ARN
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		all, err := s.readAll(tx, c.Account, c.Region)
		if err != nil {
			return err
		}
		arn = a.ARN
		for _, o := range all {
			if a.Token != "" && o.Token == a.Token && o.Created.Add(tokenLife).After(a.Created) && o.Status != Deleted {
				arn = o.ARN
				return nil
			}
		}
		if len(all) >= maxAuthorities {
			return fault("LimitExceededException", "An account has at most %d certificate authorities in a region.", maxAuthorities)
		}
		return store.PutJSON(tx, a.at(), a)
	})
	if err != nil {
		return nil, err
	}
	return &acmpca.CreateCertificateAuthorityResponse{CertificateAuthorityArn: &arn}, nil
}

func (s *Service) newAuthority(c model.Caller, in *acmpca.CreateCertificateAuthorityRequest) (*authority, error) {
	var b [16]byte
	if _, err := io.ReadFull(s.cfg.Random, b[:]); err != nil {
		return nil, fmt.Errorf("draw an id: %w", err)
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	id, now := model.FormatUUID(b, 4), s.now()
	a := &authority{
		ID: id, ARN: arnPrefix(c) + id, Account: c.Account, Region: c.Region, Root: deref(in.CertificateAuthorityType) == "ROOT",
		Status: Pending, UsageMode: "GENERAL_PURPOSE", Storage: "FIPS_140_2_LEVEL_3_OR_HIGHER", Config: in.CertificateAuthorityConfiguration,
		Revocation: in.RevocationConfiguration, Tags: tags, Token: deref(in.IdempotencyToken), Created: now, Changed: now,
	}
	if in.UsageMode != nil {
		a.UsageMode = *in.UsageMode
	}
	if in.KeyStorageSecurityStandard != nil {
		a.Storage = *in.KeyStorageSecurityStandard
	}
	key, err := generateKey(deref(a.Config.KeyAlgorithm), s.cfg.Random)
	if err != nil {
		return nil, err
	}
	return a, s.seal(a, key)
}

// describe shows an authority.
func (s *Service) describe(a *authority) *acmpca.CertificateAuthority {
	out := &acmpca.CertificateAuthority{
		Arn: new(a.ARN), OwnerAccount: new(a.Account), CreatedAt: model.NewEpoch(a.Created), LastStateChangeAt: model.NewEpoch(a.Changed),
		Type: new("SUBORDINATE"), Status: new(string(a.status(s.cfg.Now()))), UsageMode: new(a.UsageMode), KeyStorageSecurityStandard: new(a.Storage),
		CertificateAuthorityConfiguration: a.Config, RevocationConfiguration: a.Revocation, RestorableUntil: model.NewEpoch(a.Restorable),
		NotBefore: model.NewEpoch(a.NotBefore), NotAfter: model.NewEpoch(a.NotAfter),
	}
	if a.Root {
		out.Type = new("ROOT")
	}
	if out.RevocationConfiguration == nil {
		out.RevocationConfiguration = &acmpca.RevocationConfiguration{
			CrlConfiguration: &acmpca.CrlConfiguration{Enabled: new(false)}, OcspConfiguration: &acmpca.OcspConfiguration{Enabled: new(false)},
		}
	}
	if leaf, err := x509.ParseCertificate(a.Certificate); err == nil {
		out.Serial = new(colons(leaf.SerialNumber.Bytes()))
	}
	return out
}

// colons writes a serial number as certificates are shown.
func colons(b []byte) string {
	parts := make([]string, len(b))
	for i, c := range b {
		parts[i] = hex.EncodeToString([]byte{c})
	}
	return strings.Join(parts, ":")
}

// DescribeCertificateAuthority shows an authority.
func (s *Service) DescribeCertificateAuthority(ctx context.Context, c model.Caller, in *acmpca.DescribeCertificateAuthorityRequest) (*acmpca.DescribeCertificateAuthorityResponse, error) {
	a, err := s.read(ctx, c, in.CertificateAuthorityArn)
	if err != nil {
		return nil, err
	}
	return &acmpca.DescribeCertificateAuthorityResponse{CertificateAuthority: s.describe(a)}, nil
}

const standardPage = 100

// pageOf cuts a list at the key that the token holds.
func pageOf[T any](all []T, key func(T) string, limit *int32, token *string) (page []T, next *string, err error) {
	n, from := standardPage, 0
	if limit != nil {
		n = int(*limit)
	}
	if token != nil {
		at := slices.IndexFunc(all, func(v T) bool { return key(v) == *token })
		if at < 0 {
			return nil, nil, fault("InvalidNextTokenException", "The NextToken is not valid.")
		}
		from = at + 1
	}
	page = all[from:min(from+n, len(all))]
	if from+n < len(all) {
		next = new(key(page[len(page)-1]))
	}
	return page, next, nil
}

// ListCertificateAuthorities lists the authorities of the caller's account and
// region by id.
func (s *Service) ListCertificateAuthorities(ctx context.Context, c model.Caller, in *acmpca.ListCertificateAuthoritiesRequest) (*acmpca.ListCertificateAuthoritiesResponse, error) {
	var all []*authority
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		if deref(in.ResourceOwner) != "OTHER_ACCOUNTS" {
			all, err = s.readAll(tx, c.Account, c.Region)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(all, func(a *authority) string { return a.ID }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &acmpca.ListCertificateAuthoritiesResponse{CertificateAuthorities: []acmpca.CertificateAuthority{}, NextToken: next}
	for _, a := range page {
		out.CertificateAuthorities = append(out.CertificateAuthorities, *s.describe(a))
	}
	return out, nil
}

// GetCertificateAuthorityCsr answers the request for the authority's own
// certificate.
func (s *Service) GetCertificateAuthorityCsr(ctx context.Context, c model.Caller, in *acmpca.GetCertificateAuthorityCsrRequest) (*acmpca.GetCertificateAuthorityCsrResponse, error) {
	a, err := s.read(ctx, c, in.CertificateAuthorityArn)
	if err != nil {
		return nil, err
	}
	der, err := s.csr(a)
	if err != nil {
		return nil, err
	}
	return &acmpca.GetCertificateAuthorityCsrResponse{Csr: new(requestPEM(der))}, nil
}

// GetCertificateAuthorityCertificate answers the authority's certificate and
// chain.
func (s *Service) GetCertificateAuthorityCertificate(ctx context.Context, c model.Caller, in *acmpca.GetCertificateAuthorityCertificateRequest) (*acmpca.GetCertificateAuthorityCertificateResponse, error) {
	a, err := s.read(ctx, c, in.CertificateAuthorityArn)
	if err != nil {
		return nil, err
	}
	if a.Certificate == nil {
		return nil, invalidState("The certificate authority %s has no certificate yet.", a.ARN)
	}
	out := &acmpca.GetCertificateAuthorityCertificateResponse{Certificate: new(certificatePEM(a.Certificate))}
	if len(a.Chain) > 0 {
		out.CertificateChain = new(certificatePEM(a.Chain...))
	}
	return out, nil
}

// ImportCertificateAuthorityCertificate gives an authority its certificate, and
// makes it active.
func (s *Service) ImportCertificateAuthorityCertificate(ctx context.Context, c model.Caller, in *acmpca.ImportCertificateAuthorityCertificateRequest) (*acmpca.ImportCertificateAuthorityCertificateResponse, error) {
	leaf, err := parseCertificates(in.Certificate)
	if err != nil {
		return nil, err
	}
	chain, err := parseCertificates(in.CertificateChain)
	if err != nil {
		return nil, err
	}
	if len(leaf) != 1 {
		return nil, fault("MalformedCertificateException", "Certificate must be one PEM certificate.")
	}
	a, err := s.read(ctx, c, in.CertificateAuthorityArn)
	if err != nil {
		return nil, err
	}
	key, err := s.key(a)
	if err != nil {
		return nil, err
	}
	_, err = s.change(ctx, c, in.CertificateAuthorityArn, func(_ *store.Tx, a *authority) error {
		return decideImport(a, key.Public(), leaf[0], chain, s.now())
	})
	return &acmpca.ImportCertificateAuthorityCertificateResponse{}, err
}

// UpdateCertificateAuthority enables or disables an authority.
func (s *Service) UpdateCertificateAuthority(ctx context.Context, c model.Caller, in *acmpca.UpdateCertificateAuthorityRequest) (*acmpca.UpdateCertificateAuthorityResponse, error) {
	_, err := s.change(ctx, c, in.CertificateAuthorityArn, func(_ *store.Tx, a *authority) error {
		return decideUpdate(a, in.Status, in.RevocationConfiguration, s.now())
	})
	return &acmpca.UpdateCertificateAuthorityResponse{}, err
}

// DeleteCertificateAuthority deletes an authority; for some days it can be
// restored.
func (s *Service) DeleteCertificateAuthority(ctx context.Context, c model.Caller, in *acmpca.DeleteCertificateAuthorityRequest) (*acmpca.DeleteCertificateAuthorityResponse, error) {
	_, err := s.change(ctx, c, in.CertificateAuthorityArn, func(_ *store.Tx, a *authority) error {
		return decideDelete(a, in.PermanentDeletionTimeInDays, s.now())
	})
	return &acmpca.DeleteCertificateAuthorityResponse{}, err
}

// RestoreCertificateAuthority takes a deletion back.
func (s *Service) RestoreCertificateAuthority(ctx context.Context, c model.Caller, in *acmpca.RestoreCertificateAuthorityRequest) (*acmpca.RestoreCertificateAuthorityResponse, error) {
	_, err := s.change(ctx, c, in.CertificateAuthorityArn, func(_ *store.Tx, a *authority) error { return decideRestore(a, s.now()) })
	return &acmpca.RestoreCertificateAuthorityResponse{}, err
}

// TagCertificateAuthority adds or replaces tags.
func (s *Service) TagCertificateAuthority(ctx context.Context, c model.Caller, in *acmpca.TagCertificateAuthorityRequest) (*acmpca.TagCertificateAuthorityResponse, error) {
	_, err := s.change(ctx, c, in.CertificateAuthorityArn, func(_ *store.Tx, a *authority) (err error) {
		a.Tags, err = mergeTags(a.Tags, in.Tags)
		return err
	})
	return &acmpca.TagCertificateAuthorityResponse{}, err
}

// UntagCertificateAuthority drops tags: those with the value that is given, or
// with any.
func (s *Service) UntagCertificateAuthority(ctx context.Context, c model.Caller, in *acmpca.UntagCertificateAuthorityRequest) (*acmpca.UntagCertificateAuthorityResponse, error) {
	_, err := s.change(ctx, c, in.CertificateAuthorityArn, func(_ *store.Tx, a *authority) error {
		for _, t := range in.Tags {
			if name := deref(t.Key); t.Value == nil || a.Tags[name] == *t.Value {
				delete(a.Tags, name)
			}
		}
		return nil
	})
	return &acmpca.UntagCertificateAuthorityResponse{}, err
}

// ListTags lists an authority's tags by name.
func (s *Service) ListTags(ctx context.Context, c model.Caller, in *acmpca.ListTagsRequest) (*acmpca.ListTagsResponse, error) {
	a, err := s.read(ctx, c, in.CertificateAuthorityArn)
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(slices.Sorted(maps.Keys(a.Tags)), func(name string) string { return name }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &acmpca.ListTagsResponse{Tags: []acmpca.Tag{}, NextToken: next}
	for _, name := range page {
		out.Tags = append(out.Tags, acmpca.Tag{Key: new(name), Value: new(a.Tags[name])})
	}
	return out, nil
}

// CreatePermission lets a service issue certificates.
func (s *Service) CreatePermission(ctx context.Context, c model.Caller, in *acmpca.CreatePermissionRequest) (*acmpca.CreatePermissionResponse, error) {
	p := permission{Principal: deref(in.Principal), Account: c.Account, Actions: slices.Clone(in.Actions), Created: s.now()}
	if in.SourceAccount != nil {
		p.Account = *in.SourceAccount
	}
	_, err := s.change(ctx, c, in.CertificateAuthorityArn, func(_ *store.Tx, a *authority) error { return decidePermission(a, p) })
	return &acmpca.CreatePermissionResponse{}, err
}

// DeletePermission takes that back.
func (s *Service) DeletePermission(ctx context.Context, c model.Caller, in *acmpca.DeletePermissionRequest) (*acmpca.DeletePermissionResponse, error) {
	account := c.Account
	if in.SourceAccount != nil {
		account = *in.SourceAccount
	}
	_, err := s.change(ctx, c, in.CertificateAuthorityArn, func(_ *store.Tx, a *authority) error {
		a.Permissions = slices.DeleteFunc(a.Permissions, func(p permission) bool {
			return p.Principal == deref(in.Principal) && p.Account == account
		})
		return nil
	})
	return &acmpca.DeletePermissionResponse{}, err
}

// ListPermissions lists who may issue certificates.
func (s *Service) ListPermissions(ctx context.Context, c model.Caller, in *acmpca.ListPermissionsRequest) (*acmpca.ListPermissionsResponse, error) {
	a, err := s.read(ctx, c, in.CertificateAuthorityArn)
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(a.Permissions, func(p permission) string { return p.Principal + " " + p.Account }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &acmpca.ListPermissionsResponse{Permissions: []acmpca.Permission{}, NextToken: next}
	for _, p := range page {
		out.Permissions = append(out.Permissions, acmpca.Permission{
			CertificateAuthorityArn: new(a.ARN), Principal: new(p.Principal), SourceAccount: new(p.Account), Actions: p.Actions, CreatedAt: model.NewEpoch(p.Created),
		})
	}
	return out, nil
}
