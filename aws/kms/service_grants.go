package kms

import (
	"context"
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
	k, err := s.shared(ctx, c, deref(in.KeyId))
	if err != nil {
		return nil, err
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	if err := checkGrant(in); err != nil {
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
		ID: hex.EncodeToString(id), Token: newToken(token, k.ARN), KeyARN: k.ARN, Name: deref(in.Name),
		Grantee: deref(in.GranteePrincipal) + deref(in.GranteeServicePrincipal), Retirer: deref(in.RetiringPrincipal) + deref(in.RetiringServicePrincipal),
		Operations: slices.Clone(in.Operations), Issuer: c.ARN, Created: s.now(),
	}
	if in.Constraints != nil {
		g.Equals, g.Subset, g.SourceARN = in.Constraints.EncryptionContextEquals, in.Constraints.EncryptionContextSubset, deref(in.Constraints.SourceArn)
	}
	return g, nil
}

func (g Grant) describe() kms.GrantListEntry {
	e := kms.GrantListEntry{
		KeyId: new(g.KeyARN), GrantId: new(g.ID), GranteePrincipal: new(g.Grantee), Operations: g.Operations,
		IssuingAccount: new(rootOf(g.Issuer)), CreationDate: model.NewEpoch(g.Created),
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
	k, err := s.shared(ctx, c, deref(in.KeyId))
	if err != nil {
		return nil, err
	}
	all, err := s.grants(ctx, k)
	if err != nil {
		return nil, err
	}
	grantee := deref(in.GranteePrincipal) + deref(in.GranteeServicePrincipal)
	return listGrants(all, in.Limit, in.Marker, func(g Grant) bool {
		return (in.GrantId == nil || g.ID == *in.GrantId) && (grantee == "" || g.Grantee == grantee)
	}), nil
}

func listGrants(all []Grant, limit *int32, marker *string, want func(Grant) bool) *kms.ListGrantsResponse {
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
		out.Grants = append(out.Grants, byID[id].describe())
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
	return listGrants(all, in.Limit, in.Marker, func(g Grant) bool { return g.Retirer == retirer }), nil
}

// RevokeGrant takes a grant back.
func (s *Service) RevokeGrant(ctx context.Context, c model.Caller, in *kms.RevokeGrantRequest) (*kms.RevokeGrantResponse, error) {
	k, err := s.shared(ctx, c, deref(in.KeyId))
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

// GrantedKey is the ARN of the key that a grant's token is of, for its judge; ok
// is false for what is no token.
func (s *Service) GrantedKey(ctx context.Context, c model.Caller, token string) (arn string, ok bool, err error) {
	g, _, err := s.granted(ctx, c, token)
	return g.KeyARN, g.KeyARN != "", ignoreFault(err)
}

// granted finds a grant by its token.
func (s *Service) granted(ctx context.Context, c model.Caller, token string) (found Grant, at string, err error) {
	prefix := c.Account + "/" + c.Region + "/kms/grant/"
	if arn := keyOfToken(token); arn != "" {
		k, err := s.shared(ctx, c, arn)
		if err != nil {
			return found, "", err
		}
		prefix = grantPrefix(k.Account, k.Region, k.ID)
	}
	err = s.each(ctx, prefix, func(tx *store.Tx, document string) error {
		g, _, err := store.GetJSON[Grant](tx, document)
		if g.Token == token {
			found, at = g, document
		}
		return err
	})
	if err == nil && at == "" {
		err = fault("NotFoundException", "Grant not found")
	}
	return found, at, err
}

// RetireGrant gives a grant back, by its token or its id.
func (s *Service) RetireGrant(ctx context.Context, c model.Caller, in *kms.RetireGrantRequest) (*kms.RetireGrantResponse, error) {
	if in.GrantToken == nil {
		if in.GrantId == nil || in.KeyId == nil {
			return nil, validation("A grant is named by its token, or by its id and the ARN of its key.")
		}
		k, err := s.shared(ctx, c, *in.KeyId)
		if err != nil {
			return nil, err
		}
		return &kms.RetireGrantResponse{}, s.dropGrant(ctx, k, *in.GrantId)
	}
	_, at, err := s.granted(ctx, c, *in.GrantToken)
	if err != nil {
		return nil, err
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error { return tx.Delete(at) })
	return &kms.RetireGrantResponse{}, err
}

// RevokeGrantsOf takes back every grant of a key that is for a resource: which a
// service does when the resource is gone. A key that is gone has none.
func (s *Service) RevokeGrantsOf(ctx context.Context, c model.Caller, id, resourceARN string) error {
	k, err := s.shared(ctx, c, id)
	if err != nil {
		return ignoreFault(err)
	}
	all, err := s.grants(ctx, k)
	for _, g := range all {
		if err == nil && g.SourceARN == resourceARN {
			err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error { return tx.Delete(grantKey(k.Account, k.Region, k.ID, g.ID)) })
		}
	}
	return err
}
