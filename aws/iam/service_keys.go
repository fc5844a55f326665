package iam

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/store"
)

// Statuses of an access key.
const (
	statusActive   = "Active"
	statusInactive = "Inactive"
)

func (k *accessKey) status() *string {
	if k.Active {
		return ptr(statusActive)
	}
	return ptr(statusInactive)
}

func (t *tx) ownAccount() (account, error) {
	a, ok, err := store.GetJSON[account](t.Tx, accountKey(t.account))
	return a, errors.Join(err, missingIf(!ok, "the account "+t.account))
}

// key reads an access key of the account; nil when there is none.
func (t *tx) key(id string) (*accessKey, error) {
	k, ok, err := store.GetJSON[accessKey](t.Tx, accessKeyKey(t.account, id))
	if err != nil || !ok {
		return nil, err
	}
	return &k, nil
}

// keyOf is a user's access key.
func (t *tx) keyOf(u *entity, id string) (*accessKey, error) {
	k, err := t.key(id)
	if err == nil && (k == nil || k.User != u.Name || !slices.Contains(u.Keys, id)) {
		err = noSuchEntity("The Access Key with id %s cannot be found.", id)
	}
	return k, err
}

// renameKeys tells a user's keys its new name.
func (t *tx) renameKeys(u *entity) error {
	for _, id := range u.Keys {
		k, err := t.key(id)
		if err != nil || k == nil {
			return errors.Join(err, missingIf(k == nil, "the access key "+id))
		}
		k.User = u.Name
		if err := store.PutJSON(t.Tx, accessKeyKey(t.account, id), k); err != nil {
			return err
		}
	}
	return nil
}

// CreateAccessKey makes a credential, whose secret is told this once.
// aws:iam CreateAccessKey
func (s *Service) CreateAccessKey(ctx context.Context, c model.Caller, in *shape.CreateAccessKeyRequest) (*shape.CreateAccessKeyResponse, error) {
	name, ok := userName(c, in.UserName)
	if !ok {
		return nil, errNotUser()
	}
	return change(ctx, s, c, func(t *tx) (*shape.CreateAccessKeyResponse, error) {
		u, err := t.entity(users, name)
		if err != nil {
			return nil, err
		}
		if len(u.Keys) >= maxKeysOfUser {
			return nil, overQuota("AccessKeysPerUser", maxKeysOfUser)
		}
		random, err := t.fresh(idBytes + secretBytes)
		if err != nil {
			return nil, err
		}
		k := accessKey{ID: newKeyID(longTermPrefix, t.account, random), User: u.Name, Active: true, Created: t.now}
		secret := newSecret(random[idBytes:])
		u.Keys = append(u.Keys, k.ID)
		out := &shape.AccessKey{AccessKeyId: &k.ID, CreateDate: model.NewTime(k.Created), SecretAccessKey: &secret, Status: k.status(), UserName: &u.Name}
		return &shape.CreateAccessKeyResponse{AccessKey: out}, errors.Join(put(t, users, u), s.putKey(t.Tx, t.account, k, seal.NewSecret(secret)))
	})
}

// UpdateAccessKey takes a key out of use, or back. aws:iam UpdateAccessKey
func (s *Service) UpdateAccessKey(ctx context.Context, c model.Caller, in *shape.UpdateAccessKeyRequest) (*shape.UpdateAccessKeyResponse, error) {
	name, ok := userName(c, in.UserName)
	if !ok {
		return nil, errNotUser()
	}
	if *in.Status != statusActive && *in.Status != statusInactive {
		return nil, validation("Value '%s' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]", *in.Status)
	}
	return change(ctx, s, c, func(t *tx) (*shape.UpdateAccessKeyResponse, error) {
		u, err := t.entity(users, name)
		if err != nil {
			return nil, err
		}
		k, err := t.keyOf(u, *in.AccessKeyId)
		if err != nil {
			return nil, err
		}
		k.Active = *in.Status == statusActive
		return &shape.UpdateAccessKeyResponse{}, store.PutJSON(t.Tx, accessKeyKey(t.account, k.ID), k)
	})
}

// DeleteAccessKey deletes a key. aws:iam DeleteAccessKey
func (s *Service) DeleteAccessKey(ctx context.Context, c model.Caller, in *shape.DeleteAccessKeyRequest) (*shape.DeleteAccessKeyResponse, error) {
	name, ok := userName(c, in.UserName)
	if !ok {
		return nil, errNotUser()
	}
	return change(ctx, s, c, func(t *tx) (*shape.DeleteAccessKeyResponse, error) {
		u, err := t.entity(users, name)
		if err != nil {
			return nil, err
		}
		k, err := t.keyOf(u, *in.AccessKeyId)
		if err != nil {
			return nil, err
		}
		u.Keys = slices.DeleteFunc(u.Keys, func(id string) bool { return id == k.ID })
		return &shape.DeleteAccessKeyResponse{}, errors.Join(put(t, users, u), t.Delete(accessKeyKey(t.account, k.ID)))
	})
}

// ListAccessKeys lists a user's keys, or the root's own. aws:iam ListAccessKeys
func (s *Service) ListAccessKeys(ctx context.Context, c model.Caller, in *shape.ListAccessKeysRequest) (*shape.ListAccessKeysResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListAccessKeysResponse, error) {
		out := &shape.ListAccessKeysResponse{IsTruncated: ptr(false), AccessKeyMetadata: []shape.AccessKeyMetadata{}}
		ids, err := t.keysOf(c, in.UserName)
		for _, id := range ids {
			k, err := t.key(id)
			if err != nil || k == nil {
				return nil, errors.Join(err, missingIf(k == nil, "the access key "+id))
			}
			m := shape.AccessKeyMetadata{AccessKeyId: &k.ID, CreateDate: model.NewTime(k.Created), Status: k.status()}
			if k.User != "" {
				m.UserName = &k.User
			}
			out.AccessKeyMetadata = append(out.AccessKeyMetadata, m)
		}
		return out, err
	})
}

func (t *tx) keysOf(c model.Caller, user *string) ([]string, error) {
	if user == nil && c.ARN == rootARN(t.partition, t.account) {
		a, err := t.ownAccount()
		return []string{a.RootKey}, err
	}
	name, ok := userName(c, user)
	if !ok {
		return nil, errNotUser()
	}
	u, err := t.entity(users, name)
	if err != nil {
		return nil, err
	}
	return u.Keys, nil
}

// lastUsed is when a key was last used, and where.
type lastUsed struct {
	at              time.Time
	region, service string
}

// Used notes that a key was used with success. It is kept in memory alone.
func (s *Service) Used(accessKeyID, region, service string) {
	now := s.now().UTC()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.used[accessKeyID]; !known && len(s.used) >= maxHandles {
		clear(s.used)
	}
	s.used[accessKeyID] = lastUsed{now, region, service}
}

// GetAccessKeyLastUsed says when a key was used. aws:iam GetAccessKeyLastUsed
func (s *Service) GetAccessKeyLastUsed(ctx context.Context, c model.Caller, in *shape.GetAccessKeyLastUsedRequest) (*shape.GetAccessKeyLastUsedResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetAccessKeyLastUsedResponse, error) {
		k, err := t.key(*in.AccessKeyId)
		if err != nil {
			return nil, err
		}
		if k == nil {
			return nil, accessDenied("User: %s is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key %s", c.ARN, *in.AccessKeyId)
		}
		s.mu.Lock()
		used, ok := s.used[k.ID]
		s.mu.Unlock()
		out := &shape.AccessKeyLastUsed{Region: ptr("N/A"), ServiceName: ptr("N/A")}
		if ok {
			out = &shape.AccessKeyLastUsed{LastUsedDate: model.NewTime(used.at), Region: &used.region, ServiceName: &used.service}
		}
		name := k.User
		return &shape.GetAccessKeyLastUsedResponse{AccessKeyLastUsed: out, UserName: &name}, nil
	})
}
