package kms

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"slices"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/store"
)

// Limits of grants.
const (
	maxGrants  = 1000 // of one key; AWS has 50 000
	grantBytes = 32   // of a grant's id
)

// grants reads every grant of a key.
func (s *Service) grants(ctx context.Context, k *key) (all []Grant, err error) {
	err = s.each(ctx, grantPrefix(k.Account, k.Region, k.ID), func(tx *store.Tx, at string) error {
		g, _, err := store.GetJSON[Grant](tx, at)
		all = append(all, g)
		return err
	})
	return all, err
}

// CreateGrant lets another use a key. A grant with a name that says the same is
// made once.
func (s *Service) CreateGrant(ctx context.Context, c model.Caller, in *kms.CreateGrantRequest) (*kms.CreateGrantResponse, error) {
	k, err := s.read(ctx, c, deref(in.KeyId))
	if err != nil {
		return nil, err
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	if err := checkGrantOperations(in.Operations); err != nil {
		return nil, err
	}
	g, err := s.newGrant(c, k, in)
	if err != nil {
		return nil, err
	}
	known, err := s.grants(ctx, k)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(known, g.same); g.Name != "" && i >= 0 {
		return &kms.CreateGrantResponse{GrantId: new(known[i].ID), GrantToken: new(known[i].Token)}, nil
	}
	if len(known) >= maxGrants {
		return nil, fault("LimitExceededException", "A key can have at most %d grants.", maxGrants)
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		return store.PutJSON(tx, grantKey(k.Account, k.Region, k.ID, g.ID), g)
	})
	if err != nil {
		return nil, err
	}
	return &kms.CreateGrantResponse{GrantId: new(g.ID), GrantToken: new(g.Token)}, nil
}

func (s *Service) newGrant(c model.Caller, k *key, in *kms.CreateGrantRequest) (Grant, error) {
	id, err := s.random(grantBytes)
	if err != nil {
		return Grant{}, err
	}
	token, err := s.random(2 * grantBytes)
	if err != nil {
		return Grant{}, err
	}
	g := Grant{
		ID: hex.EncodeToString(id), Token: base64.StdEncoding.EncodeToString(token), KeyARN: k.ARN, Name: deref(in.Name),
		Grantee: deref(in.GranteePrincipal) + deref(in.GranteeServicePrincipal), Retirer: deref(in.RetiringPrincipal) + deref(in.RetiringServicePrincipal),
		Operations: slices.Clone(in.Operations), Issuer: c.ARN, Created: s.now(),
	}
	if in.Constraints != nil {
		g.Equals, g.Subset, g.SourceARN = in.Constraints.EncryptionContextEquals, in.Constraints.EncryptionContextSubset, deref(in.Constraints.SourceArn)
	}
	if (in.GranteePrincipal == nil) == (in.GranteeServicePrincipal == nil) {
		return g, validation("Exactly one of GranteePrincipal and GranteeServicePrincipal must be given.")
	}
	return g, nil
}

func (g Grant) describe(account string) kms.GrantListEntry {
	e := kms.GrantListEntry{
		KeyId: new(g.KeyARN), GrantId: new(g.ID), GranteePrincipal: new(g.Grantee), Operations: g.Operations,
		IssuingAccount: new("arn:aws:iam::" + account + ":root"), CreationDate: model.NewEpoch(g.Created),
	}
	if g.Name != "" {
		e.Name = new(g.Name)
	}
	if g.Retirer != "" {
		e.RetiringPrincipal = new(g.Retirer)
	}
	if g.Equals != nil || g.Subset != nil || g.SourceARN != "" {
		e.Constraints = &kms.GrantConstraints{EncryptionContextEquals: g.Equals, EncryptionContextSubset: g.Subset}
		if g.SourceARN != "" {
			e.Constraints.SourceArn = new(g.SourceARN)
		}
	}
	return e
}

// ListGrants lists the grants of a key.
func (s *Service) ListGrants(ctx context.Context, c model.Caller, in *kms.ListGrantsRequest) (*kms.ListGrantsResponse, error) {
	k, err := s.read(ctx, c, deref(in.KeyId))
	if err != nil {
		return nil, err
	}
	all, err := s.grants(ctx, k)
	if err != nil {
		return nil, err
	}
	grantee := deref(in.GranteePrincipal) + deref(in.GranteeServicePrincipal)
	return listGrants(all, c, in.Limit, in.Marker, func(g Grant) bool {
		return (in.GrantId == nil || g.ID == *in.GrantId) && (grantee == "" || g.Grantee == grantee)
	}), nil
}

func listGrants(all []Grant, c model.Caller, limit *int32, marker *string, want func(Grant) bool) *kms.ListGrantsResponse {
	byID := map[string]Grant{}
	var ids []string
	for _, g := range all {
		if want(g) {
			byID[g.ID] = g
			ids = append(ids, g.ID)
		}
	}
	slices.Sort(ids)
	page, next, truncated := pageOf(ids, limit, marker, standardTags)
	out := &kms.ListGrantsResponse{Grants: []kms.GrantListEntry{}, NextMarker: next, Truncated: truncated}
	for _, id := range page {
		out.Grants = append(out.Grants, byID[id].describe(c.Account))
	}
	return out
}

// ListRetirableGrants lists the grants that a principal may retire.
func (s *Service) ListRetirableGrants(ctx context.Context, c model.Caller, in *kms.ListRetirableGrantsRequest) (*kms.ListGrantsResponse, error) {
	var all []Grant
	err := s.each(ctx, c.Account+"/"+c.Region+"/kms/grant/", func(tx *store.Tx, at string) error {
		g, _, err := store.GetJSON[Grant](tx, at)
		all = append(all, g)
		return err
	})
	if err != nil {
		return nil, err
	}
	retirer := deref(in.RetiringPrincipal) + deref(in.RetiringServicePrincipal)
	return listGrants(all, c, in.Limit, in.Marker, func(g Grant) bool { return g.Retirer == retirer }), nil
}

// RevokeGrant takes a grant back.
func (s *Service) RevokeGrant(ctx context.Context, c model.Caller, in *kms.RevokeGrantRequest) (*kms.RevokeGrantResponse, error) {
	k, err := s.read(ctx, c, deref(in.KeyId))
	if err != nil {
		return nil, err
	}
	return &kms.RevokeGrantResponse{}, s.dropGrant(ctx, k, deref(in.GrantId))
}

func (s *Service) dropGrant(ctx context.Context, k *key, id string) error {
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		at := grantKey(k.Account, k.Region, k.ID, id)
		if _, ok := tx.Get(at); !ok {
			return fault("NotFoundException", "Grant ID %s not found", id)
		}
		return tx.Delete(at)
	})
}

// RetireGrant gives a grant back, by its token or its id.
func (s *Service) RetireGrant(ctx context.Context, c model.Caller, in *kms.RetireGrantRequest) (*kms.RetireGrantResponse, error) {
	var at string
	err := s.each(ctx, c.Account+"/"+c.Region+"/kms/grant/", func(tx *store.Tx, document string) error {
		g, _, err := store.GetJSON[Grant](tx, document)
		if in.GrantToken != nil && g.Token == *in.GrantToken ||
			in.GrantToken == nil && in.GrantId != nil && g.ID == *in.GrantId && g.KeyARN == deref(in.KeyId) {
			at = document
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if at == "" {
		return nil, fault("NotFoundException", "Grant not found")
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error { return tx.Delete(at) })
	return &kms.RetireGrantResponse{}, err
}
