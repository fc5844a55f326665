package kms

import (
	"context"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/store"
)

// checkAlias refuses names that customers cannot give.
func checkAlias(name string) error {
	switch {
	case !aliasName.MatchString(name):
		return validation("Invalid identifier")
	case strings.HasPrefix(name, "alias/aws/"):
		return fault("NotAuthorizedException", "")
	}
	return nil
}

// CreateAlias names a key.
func (s *Service) CreateAlias(ctx context.Context, c model.Caller, in *kms.CreateAliasRequest) (*kms.CreateAliasResponse, error) {
	name := deref(in.AliasName)
	if err := checkAlias(name); err != nil {
		return nil, err
	}
	return &kms.CreateAliasResponse{}, s.point(ctx, c, name, deref(in.TargetKeyId), false)
}

// UpdateAlias gives a name to another key.
func (s *Service) UpdateAlias(ctx context.Context, c model.Caller, in *kms.UpdateAliasRequest) (*kms.UpdateAliasResponse, error) {
	name := deref(in.AliasName)
	if err := checkAlias(name); err != nil {
		return nil, err
	}
	return &kms.UpdateAliasResponse{}, s.point(ctx, c, name, deref(in.TargetKeyId), true)
}

// point makes an alias stand for a key.
func (s *Service) point(ctx context.Context, c model.Caller, name, target string, exists bool) error {
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		at := aliasKey(c.Account, c.Region, name)
		a, ok, err := store.GetJSON[alias](tx, at)
		switch {
		case err != nil:
			return err
		case ok && !exists:
			return fault("AlreadyExistsException", "An alias with the name %s already exists", arnOf(c, name))
		case !ok && exists:
			return noAlias(arnOf(c, name))
		}
		if id, err := local(c, target); err == nil && strings.HasPrefix(id, "alias/") {
			return validation("Aliases must refer to keys. Not aliases")
		}
		k, err := s.find(tx, c, target)
		if err != nil {
			return err
		}
		if err := k.changeable(); err != nil {
			return err
		}
		if !ok {
			a = alias{Name: name, Created: s.now()}
		}
		a.Key, a.Updated = k.ID, s.now()
		return store.PutJSON(tx, at, a)
	})
}

// DeleteAlias drops a name; the key stays.
func (s *Service) DeleteAlias(ctx context.Context, c model.Caller, in *kms.DeleteAliasRequest) (*kms.DeleteAliasResponse, error) {
	name := deref(in.AliasName)
	if err := checkAlias(name); err != nil {
		return nil, err
	}
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		at := aliasKey(c.Account, c.Region, name)
		if _, ok := tx.Get(at); !ok {
			return noAlias(arnOf(c, name))
		}
		return tx.Delete(at)
	})
	return &kms.DeleteAliasResponse{}, err
}

// ListAliases lists the aliases of the caller's account and region, or of one
// key, by name. AWS's own stand in it from their first use on.
func (s *Service) ListAliases(ctx context.Context, c model.Caller, in *kms.ListAliasesRequest) (*kms.ListAliasesResponse, error) {
	only := ""
	if in.KeyId != nil {
		k, err := s.read(ctx, c, *in.KeyId)
		if err != nil {
			return nil, err
		}
		only = k.ID
	}
	all := map[string]alias{}
	var names []string
	err := s.each(ctx, aliasPrefix(c.Account, c.Region), func(tx *store.Tx, at string) error {
		a, _, err := store.GetJSON[alias](tx, at)
		if only == "" || a.Key == only {
			names = append(names, a.Name)
			all[a.Name] = a
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	page, next, truncated := pageOf(names, in.Limit, in.Marker, standardTags)
	out := &kms.ListAliasesResponse{Aliases: []kms.AliasListEntry{}, NextMarker: next, Truncated: truncated}
	for _, name := range page {
		a := all[name]
		out.Aliases = append(out.Aliases, kms.AliasListEntry{
			AliasName: new(name), AliasArn: new(arnOf(c, name)), TargetKeyId: new(a.Key),
			CreationDate: model.NewEpoch(a.Created), LastUpdatedDate: model.NewEpoch(a.Updated),
		})
	}
	return out, nil
}
