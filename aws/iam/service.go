package iam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of.
type Config struct {
	Store  *store.Store
	Random io.Reader        // of ids and secrets: crypto/rand.Reader
	Keys   *seal.Ring       // seals secrets and authenticates session tokens; nil is one that is gone with the process
	Now    func() time.Time // nil is the clock
	// Issuers proves tokens of identity providers; nil proves none.
	Issuers Issuers
}

// Service keeps identities and judges what they may do. Its methods may be
// called concurrently.
type Service struct {
	store  *store.Store
	random io.Reader
	keys   *seal.Ring
	now    func() time.Time
	root   Credential // of the default account
	tokens tokens

	issuers Issuers

	revision atomic.Uint64 // of everything here; see Revision

	mu      sync.Mutex
	roots   map[string]string      // guarded by mu; account by the id of its root's access key
	handles map[handleKey]*handle  // guarded by mu; at most maxHandles
	used    map[string]lastUsed    // guarded by mu; by access key id, at most maxHandles
	managed map[string]managedInfo // AWS's own policies by name; immutable
}

var (
	_ sts.Service   = (*Service)(nil)
	_ shape.Service = (*Service)(nil)
)

// Credential is an access key with its secret.
type Credential struct {
	AccessKeyID string
	Secret      seal.Secret
	Account     string
	Expires     time.Time // of temporary credentials; zero: never
}

// legacyRoot is where the first version kept the default account's root
// credential, in plain text.
const legacyRoot = AccountID + "/-/iam/root"

// New opens the service; at the first start it makes the default account with
// its root credential.
func New(ctx context.Context, cfg Config) (*Service, error) {
	s := &Service{
		store: cfg.Store, random: cfg.Random, keys: cfg.Keys, now: cfg.Now, issuers: cfg.Issuers,
		roots: make(map[string]string), handles: make(map[handleKey]*handle), used: make(map[string]lastUsed), managed: managedPolicies(),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.keys == nil {
		s.keys = seal.New()
	}
	if s.issuers == nil {
		s.issuers = noIssuers{}
	}
	s.tokens = newTokens(s.keys.Key("session token"))
	random := make([]byte, idBytes+secretBytes)
	if _, err := io.ReadFull(cfg.Random, random); err != nil {
		return nil, fmt.Errorf("draw a root credential: %w", err)
	}
	err := cfg.Store.Update(ctx, func(st *store.Tx) error {
		found := false
		s.root = Credential{AccessKeyID: newID(longTermPrefix, random), Secret: seal.NewSecret(newSecret(random[idBytes:])), Account: AccountID}
		if err := s.openDefault(st, &found); err != nil || found {
			return err
		}
		return s.putAccount(st, s.root)
	})
	if err != nil {
		return nil, fmt.Errorf("open the root credential: %w", err)
	}
	return s, s.loadRoots(ctx)
}

// openDefault reads the default account's root credential, also from where the
// first version put it.
func (s *Service) openDefault(st *store.Tx, found *bool) error {
	old, ok, err := store.GetJSON[struct{ AccessKeyID, Secret string }](st, legacyRoot)
	if err != nil {
		return err
	}
	if ok {
		s.root.AccessKeyID, s.root.Secret = old.AccessKeyID, seal.NewSecret(old.Secret)
		return st.Delete(legacyRoot) // and it is put sealed
	}
	a, ok, err := store.GetJSON[account](st, accountKey(AccountID))
	if err != nil || !ok {
		return err
	}
	*found = true
	k, ok, err := store.GetJSON[accessKey](st, accessKeyKey(AccountID, a.RootKey))
	if err != nil || !ok {
		return errors.Join(err, missingIf(!ok, "the root's access key"))
	}
	secret, err := s.keys.Open(accessKeyKey(AccountID, k.ID), k.Sealed)
	if err != nil {
		return err
	}
	s.root.AccessKeyID, s.root.Secret = k.ID, seal.NewSecret(string(secret))
	return nil
}

func missingIf(missing bool, what string) error {
	if !missing {
		return nil
	}
	return fmt.Errorf("%s is missing from the store", what)
}

// putAccount makes an account with its root credential.
func (s *Service) putAccount(st *store.Tx, root Credential) error {
	now := s.now().UTC()
	if err := s.putKey(st, root.Account, accessKey{ID: root.AccessKeyID, Active: true, Created: now}, root.Secret); err != nil {
		return err
	}
	if err := st.Put(accountIndex+root.Account, nil); err != nil {
		return err
	}
	return store.PutJSON(st, accountKey(root.Account), account{ID: root.Account, Created: now, RootKey: root.AccessKeyID})
}

// putKey writes an access key with its secret sealed.
func (s *Service) putKey(st *store.Tx, account string, k accessKey, secret seal.Secret) (err error) {
	at := accessKeyKey(account, k.ID)
	if k.Sealed, err = s.keys.Seal(at, []byte(secret.Reveal())); err != nil {
		return err
	}
	return store.PutJSON(st, at, k)
}

// loadRoots learns which access keys are those of roots: their ids may be older
// than the form that holds the account.
func (s *Service) loadRoots(ctx context.Context) error {
	accounts, err := s.Accounts(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range accounts {
		s.roots[a.rootKey] = a.ID
	}
	return nil
}

// Root is the default account's root credential.
func (s *Service) Root() Credential { return s.root }

// Revision changes with every change of what this service keeps: what it
// answered before holds while the revision is the same.
func (s *Service) Revision() uint64 { return s.revision.Load() }

// Account is one account.
type Account struct {
	ID      string
	Created time.Time
	rootKey string
}

// maxAccounts bounds the accounts of one installation.
const maxAccounts = 100

// Accounts lists the accounts by id.
func (s *Service) Accounts(ctx context.Context) (out []Account, err error) {
	err = s.store.View(ctx, func(st *store.Tx) error {
		out = nil
		index, err := st.List(accountIndex, "", maxAccounts)
		if err != nil {
			return err
		}
		for _, kv := range index {
			a, _, err := store.GetJSON[account](st, accountKey(kv.Key[len(accountIndex):]))
			if err != nil {
				return err
			}
			out = append(out, Account{a.ID, a.Created, a.RootKey})
		}
		return nil
	})
	return out, err
}

// Errors of CreateAccount.
var (
	ErrAccountExists = errors.New("the account exists already")
	ErrAccountID     = errors.New("an account is named by twelve digits")
	ErrTooMany       = fmt.Errorf("there are %d accounts already, which is the most", maxAccounts)
)

// CreateAccount makes an account with root credentials, which are told this
// once. An empty id is drawn.
func (s *Service) CreateAccount(ctx context.Context, id string) (Credential, error) {
	random := make([]byte, 2*idBytes+secretBytes)
	if _, err := io.ReadFull(s.random, random); err != nil {
		return Credential{}, fmt.Errorf("draw a root credential: %w", err)
	}
	if id == "" {
		id = drawnAccount(random[idBytes+secretBytes:])
	}
	if !accountPattern.MatchString(id) {
		return Credential{}, ErrAccountID
	}
	c := Credential{AccessKeyID: newKeyID(longTermPrefix, id, random), Secret: seal.NewSecret(newSecret(random[idBytes:])), Account: id}
	accounts, err := s.Accounts(ctx)
	switch {
	case err != nil:
		return Credential{}, err
	case slices.ContainsFunc(accounts, func(a Account) bool { return a.ID == id }):
		return Credential{}, ErrAccountExists
	case len(accounts) >= maxAccounts:
		return Credential{}, ErrTooMany
	}
	err = s.store.Update(ctx, func(st *store.Tx) error {
		if _, exists := st.Get(accountKey(id)); exists {
			return ErrAccountExists
		}
		return s.putAccount(st, c)
	})
	if err != nil {
		return Credential{}, err
	}
	s.mu.Lock()
	s.roots[c.AccessKeyID] = id
	s.mu.Unlock()
	s.revision.Add(1)
	return c, nil
}

// drawnAccount is an account's id of random bytes.
func drawnAccount(random []byte) string {
	var n uint64
	for _, b := range random[:8] {
		n = n<<8 | uint64(b)
	}
	return fmt.Sprintf("%012d", n%900_000_000_000+100_000_000_000)
}

// change runs a transaction that changes something, and makes the change known
// to every decision after it.
func change[T any](ctx context.Context, s *Service, c model.Caller, fn func(t *tx) (*T, error)) (out *T, err error) {
	err = s.store.Update(ctx, func(st *store.Tx) error {
		out, err = fn(s.tx(st, c.Account, c.Partition()))
		return err
	})
	if err != nil {
		return nil, err
	}
	s.revision.Add(1)
	return out, nil
}

// look runs a transaction that only reads.
func look[T any](ctx context.Context, s *Service, c model.Caller, fn func(t *tx) (*T, error)) (out *T, err error) {
	err = s.store.View(ctx, func(st *store.Tx) error {
		out, err = fn(s.tx(st, c.Account, c.Partition()))
		return err
	})
	return out, err
}
