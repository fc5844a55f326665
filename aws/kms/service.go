package kms

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of. Every field but Missing is required.
type Config struct {
	Store  *store.Store
	Ring   *seal.Ring // seals key material
	Now    func() time.Time
	Random io.Reader // read concurrently; crypto/rand.Reader

	// Missing answers a user or role that a policy names and that does not exist,
	// empty for none; nil: they are not looked for.
	Missing func(ctx context.Context, d *policy.Document) (arn string, err error)
}

// Service is the API over the store. Its methods may be called concurrently.
type Service struct{ cfg Config }

var _ kms.Service = (*Service)(nil)

// New makes a Service.
func New(cfg Config) *Service { return &Service{cfg} }

var (
	uuidShape    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	accountShape = regexp.MustCompile(`^[0-9]{12}$`)
	aliasName    = regexp.MustCompile(`^alias/[a-zA-Z0-9:/_-]+$`)
)

func arnOf(c model.Caller, resource string) string {
	return strings.Join([]string{"arn", c.Partition(), "kms", c.Region, c.Account, resource}, ":")
}

// placed is the caller with the account that a KeyId names: an ARN may be of
// another account's key or alias in the same region, for what AWS lets other
// accounts do. Who may has been judged.
func placed(c model.Caller, id string) model.Caller {
	if parts := strings.SplitN(id, ":", 6); len(parts) == 6 && accountShape.MatchString(parts[4]) {
		c.Account = parts[4]
	}
	return c
}

// local cuts an ARN of the caller's account and region down to its resource;
// what is no ARN stays. Keys of other accounts and regions are not found.
func local(c model.Caller, id string) (resource string, err error) {
	if !strings.HasPrefix(id, "arn:") {
		return id, nil
	}
	resource, ok := strings.CutPrefix(id, arnOf(c, ""))
	if !ok {
		return "", noKey(id)
	}
	return strings.TrimPrefix(resource, "key/"), nil
}

// resolve finds the key id that a KeyId stands for: a key's id, its ARN, an
// alias or an alias's ARN.
func (s *Service) resolve(tx *store.Tx, c model.Caller, id string) (string, error) {
	name, err := local(c, id)
	switch {
	case err != nil:
		return "", err
	case strings.HasPrefix(name, "alias/"):
		a, ok, err := store.GetJSON[alias](tx, aliasKey(c.Account, c.Region, name))
		if err == nil && !ok {
			err = noAlias(arnOf(c, name))
		}
		return a.Key, err
	case uuidShape.MatchString(name):
		return name, nil
	}
	return "", fault("NotFoundException", "Invalid keyId '%s'", id)
}

// find reads the key that a KeyId stands for.
func (s *Service) find(tx *store.Tx, c model.Caller, id string) (*key, error) {
	found, err := s.resolve(tx, c, id)
	if err != nil {
		return nil, err
	}
	k, ok, err := store.GetJSON[key](tx, keyKey(c.Account, c.Region, found))
	if err == nil && (!ok || k.gone(s.cfg.Now())) {
		err = noKey(arnOf(c, "key/"+found))
	}
	return &k, err
}

// shared is read for what other accounts may do with a key too.
func (s *Service) shared(ctx context.Context, c model.Caller, id string) (*key, error) {
	if at := placed(c, id); at.Account != c.Account {
		var k *key
		err := s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
			k, err = s.find(tx, at, id)
			return err
		})
		if err == nil && k.Managed != "" { // AWS's own serve their account alone
			err = noKey(k.ARN)
		}
		return k, err
	}
	return s.read(ctx, c, id)
}

// read answers the key of the caller's account that a KeyId stands for, and
// makes AWS's own at its first use.
func (s *Service) read(ctx context.Context, c model.Caller, id string) (k *key, err error) {
	if err := s.ensureManaged(ctx, c, id); err != nil {
		return nil, err
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		k, err = s.find(tx, c, id)
		return err
	})
	return k, err
}

// change runs a decision about a key and writes what it left.
func (s *Service) change(ctx context.Context, c model.Caller, id string, decide func(k *key) error) (k *key, err error) {
	if strings.HasPrefix(strings.TrimPrefix(id, arnOf(c, "")), "alias/") {
		return nil, fault("NotFoundException", "Invalid keyId '%s'", id) // aliases are for use, not for management
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		if k, err = s.find(tx, c, id); err != nil {
			return err
		}
		if err := decide(k); err != nil {
			return err
		}
		return store.PutJSON(tx, keyKey(k.Account, k.Region, k.ID), k)
	})
	return k, err
}

// managed are the services that have a key of their own in every account.
var managed = map[string]bool{"kafka": true, "secretsmanager": true, "ssm": true}

// ensureManaged makes AWS's key when a KeyId names it and it is not there yet.
func (s *Service) ensureManaged(ctx context.Context, c model.Caller, id string) error {
	name, err := local(c, id)
	if err != nil {
		return nil // the caller finds that out
	}
	for service := range managed {
		keyID := model.ManagedKeyID(service, c.Region, c.Account)
		if name != "alias/aws/"+service && name != keyID {
			continue
		}
		there := false
		err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
			_, there = tx.Get(keyKey(c.Account, c.Region, keyID))
			return nil
		})
		if err != nil || there {
			return err
		}
		return s.makeManaged(ctx, c, service, keyID)
	}
	return nil
}

func (s *Service) makeManaged(ctx context.Context, c model.Caller, service, id string) error {
	k, err := s.newKey(c, id)
	if err != nil {
		return err
	}
	k.Managed, k.Description = service, "Default key that protects my "+service+" data when no other key is defined"
	k.Rotation, k.Next = defaultPeriod, k.Created.Add(defaultPeriod*day)
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		at := keyKey(c.Account, c.Region, id)
		if _, there := tx.Get(at); there {
			return nil
		}
		name := "alias/aws/" + service
		if err := store.PutJSON(tx, aliasKey(c.Account, c.Region, name), alias{name, id, k.Created, k.Created}); err != nil {
			return err
		}
		return store.PutJSON(tx, at, k)
	})
}

// newKey is an enabled key with fresh material.
func (s *Service) newKey(c model.Caller, id string) (*key, error) {
	k := &key{
		ID: id, ARN: arnOf(c, "key/"+id), Account: c.Account, Region: c.Region, State: Enabled,
		Created: s.now(), Policy: defaultPolicy(c.Partition(), c.Account),
	}
	return k, s.addMaterial(k)
}

func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// addMaterial gives a key new material to encrypt with.
func (s *Service) addMaterial(k *key) error {
	fresh, err := s.random(materialBytes)
	if err != nil {
		return err
	}
	sealed, err := s.cfg.Ring.Seal(keyKey(k.Account, k.Region, k.ID), fresh)
	k.Material = append(k.Material, sealed)
	return err
}

// material opens one of a key's materials.
func (s *Service) material(k *key, index int) ([]byte, error) {
	if index >= len(k.Material) {
		return nil, fault("InvalidCiphertextException", "The ciphertext is not valid.")
	}
	return s.cfg.Ring.Open(keyKey(k.Account, k.Region, k.ID), k.Material[index])
}

func (s *Service) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return nil, fmt.Errorf("draw random bytes: %w", err)
	}
	return b, nil
}

func (s *Service) uuid() (string, error) {
	b, err := s.random(idBytes)
	if err != nil {
		return "", err
	}
	return model.FormatUUID([16]byte(b), 4), nil
}

// Facts is what a judge must know of a key.
type Facts struct {
	ARN     string
	Account string
	Managed bool // AWS's own, not a customer's
	State   State
	Policy  string
	Tags    map[string]string
	Grants  []Grant
}

// Facts tells of the key that a KeyId stands for; ok is false when there is
// none.
func (s *Service) Facts(ctx context.Context, c model.Caller, id string) (f Facts, ok bool, err error) {
	k, err := s.shared(ctx, c, id)
	if err != nil {
		return f, false, ignoreFault(err)
	}
	f = Facts{ARN: k.ARN, Account: k.Account, Managed: k.Managed != "", State: k.State, Policy: k.Policy, Tags: k.Tags}
	f.Grants, err = s.grants(ctx, k)
	return f, err == nil, err
}

// Expire deletes every key, of all accounts, whose time has come, with its aliases and grants.
// server calls it from time to time; until then such keys are unknown already.
func (s *Service) Expire(ctx context.Context) error {
	var gone []*key
	err := s.each(ctx, "", func(tx *store.Tx, at string) error {
		if !strings.Contains(at, "/kms/key/") {
			return nil
		}
		k, ok, err := store.GetJSON[key](tx, at)
		if ok && k.gone(s.cfg.Now()) {
			gone = append(gone, &k)
		}
		return err
	})
	for _, k := range gone {
		if err == nil {
			err = s.erase(ctx, k)
		}
	}
	return err
}

// each calls fn for every document below a prefix, in pages.
func (s *Service) each(ctx context.Context, prefix string, fn func(tx *store.Tx, key string) error) error {
	for after := ""; ; {
		n := 0
		err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
			found, err := tx.List(prefix, after, listPage)
			n = len(found)
			for _, kv := range found {
				after = kv.Key
				if err := fn(tx, kv.Key); err != nil {
					return err
				}
			}
			return err
		})
		if err != nil || n < listPage {
			return err
		}
	}
}

const (
	listPage  = 200 // documents read in one transaction
	erasePage = 50  // documents deleted in one
)

// erase deletes a key that is gone: first what refers to it.
func (s *Service) erase(ctx context.Context, k *key) error {
	var names []string
	err := s.each(ctx, aliasPrefix(k.Account, k.Region), func(tx *store.Tx, at string) error {
		a, _, err := store.GetJSON[alias](tx, at)
		if a.Key == k.ID {
			names = append(names, at)
		}
		return err
	})
	if err == nil {
		err = s.each(ctx, grantPrefix(k.Account, k.Region, k.ID), func(_ *store.Tx, at string) error {
			names = append(names, at)
			return nil
		})
	}
	names = append(names, keyKey(k.Account, k.Region, k.ID))
	for len(names) > 0 && err == nil {
		some := names[:min(len(names), erasePage)]
		names = names[len(some):]
		err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
			for _, at := range some {
				if err := tx.Delete(at); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}
