package secretsmanager

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/secretsmanager"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// Keys is what is asked of KMS; server supplies it from aws/kms. A caller
// without an ARN is the service itself.
type Keys interface {
	Seal(ctx context.Context, c model.Caller, key string, plaintext []byte, encryption map[string]string) (ciphertext []byte, arn string, err error)
	Open(ctx context.Context, c model.Caller, key string, ciphertext []byte, encryption map[string]string) (plaintext []byte, arn string, err error)
}

// Config is what a Service is made of. Every field but Missing is required.
type Config struct {
	Store  *store.Store
	Keys   Keys
	Now    func() time.Time
	Random io.Reader // read concurrently; crypto/rand.Reader

	// Missing answers a user or role that a policy names and that does not exist,
	// empty for none; nil: they are not looked for.
	Missing func(ctx context.Context, d *policy.Document) (arn string, err error)
}

// Service is the API over the store. Its methods may be called concurrently.
type Service struct{ cfg Config }

var _ secretsmanager.Service = (*Service)(nil)

// New makes a Service.
func New(cfg Config) *Service { return &Service{cfg} }

const (
	managedKey  = "alias/aws/secretsmanager"
	suffixChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	suffixBytes = 6
	dataKeySize = 32 // bytes: AES-256
)

func arnPrefix(c model.Caller) string {
	return strings.Join([]string{"arn", c.Partition(), "secretsmanager", c.Region, c.Account, "secret:"}, ":")
}

// find reads the secret that a SecretId stands for: a name, an ARN, or an ARN
// without its random end.
func (s *Service) find(tx *store.Tx, c model.Caller, id string) (*secret, error) {
	names := []string{id}
	if resource, ok := strings.CutPrefix(id, arnPrefix(c)); ok {
		names = []string{resource}
		if i := len(resource) - suffixBytes - 1; i > 0 && resource[i] == '-' {
			names = []string{resource[:i], resource}
		}
	} else if strings.HasPrefix(id, "arn:") {
		return nil, noSecret() // of another account or region
	}
	for _, name := range names {
		found, ok, err := store.GetJSON[secret](tx, secretKey(c.Account, c.Region, name))
		if err != nil {
			return nil, err
		}
		whole := strings.HasPrefix(id, "arn:") && len(names) == 2 && name == names[0]
		if ok && !found.gone(s.cfg.Now()) && (!whole || found.ARN == id) {
			return &found, nil
		}
	}
	return nil, noSecret()
}

// read answers the secret that a SecretId stands for.
func (s *Service) read(ctx context.Context, c model.Caller, id string) (found *secret, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		found, err = s.find(tx, c, id)
		return err
	})
	return found, err
}

// change runs a decision about a secret and writes what it left.
func (s *Service) change(ctx context.Context, c model.Caller, id string, decide func(tx *store.Tx, sec *secret) error) (found *secret, err error) {
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		if found, err = s.find(tx, c, id); err != nil {
			return err
		}
		if err := decide(tx, found); err != nil {
			return err
		}
		return store.PutJSON(tx, found.at(), found)
	})
	return found, err
}

func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

func (s *Service) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return nil, fmt.Errorf("draw random bytes: %w", err)
	}
	return b, nil
}

// pickFrom draws one of some characters evenly.
func (s *Service) pickFrom(chars string) (byte, error) {
	limit := 256 / len(chars) * len(chars)
	for {
		b, err := s.random(1)
		if err != nil {
			return 0, err
		}
		if int(b[0]) < limit {
			return chars[int(b[0])%len(chars)], nil
		}
	}
}

func (s *Service) text(chars string, n int) (string, error) {
	out := make([]byte, n)
	for i := range out {
		var err error
		if out[i], err = s.pickFrom(chars); err != nil {
			return "", err
		}
	}
	return string(out), nil
}

// plain is a value in the clear. It prints as what it is not.
type plain struct {
	bytes  []byte
	binary bool
}

// String keeps values out of logs and errors.
func (plain) String() string { return "***" }

// GoString is String.
func (plain) GoString() string { return "***" }

// given is the value in a request; nil when there is none.
func given(text *string, binary []byte) (*plain, error) {
	switch {
	case text != nil && binary != nil:
		return nil, invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	case text != nil && len(*text) > maxValue, len(binary) > maxValue:
		return nil, invalidParameter("The secret value is longer than %d bytes.", maxValue)
	case text != nil:
		return &plain{[]byte(*text), false}, nil
	case binary != nil:
		return &plain{binary, true}, nil
	}
	return nil, nil
}

// encryption is what a data key is bound to. aws:secretsmanager user guide,
// encryption context
func encryption(arn, version string) map[string]string {
	return map[string]string{"SecretARN": arn, "SecretVersionId": version}
}

// seal encrypts a version's value under the secret's key.
func (s *Service) seal(ctx context.Context, c model.Caller, arn, key, version string, p *plain) (value, string, error) {
	data, err := s.random(dataKeySize)
	if err != nil {
		return value{}, "", err
	}
	nonce, err := s.random(12)
	if err != nil {
		return value{}, "", err
	}
	if key == "" {
		key = managedKey
	}
	wrapped, keyARN, err := s.cfg.Keys.Seal(ctx, c, key, data, encryption(arn, version))
	if err != nil {
		return value{}, "", ofKMS(err, "EncryptionFailure",
			"Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is available, enabled, and not in an invalid state.")
	}
	return value{DataKey: wrapped, Nonce: nonce, Sealed: newGCM(data).Seal(nil, nonce, p.bytes, []byte(arn+"\x00"+version)), Binary: p.binary}, keyARN, nil
}

// open decrypts a version's value.
func (s *Service) open(ctx context.Context, c model.Caller, sec *secret, v *version) (*plain, error) {
	var sealed value
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		var ok bool
		sealed, ok, err = store.GetJSON[value](tx, sec.valuePrefix()+v.ID)
		if err == nil && !ok {
			err = noSecret() // deleted meanwhile
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	data, _, err := s.cfg.Keys.Open(ctx, c, "", sealed.DataKey, encryption(sec.ARN, v.ID))
	if err != nil {
		return nil, ofKMS(err, "DecryptionFailure",
			"Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
	}
	text, err := newGCM(data).Open(nil, sealed.Nonce, sealed.Sealed, []byte(sec.ARN+"\x00"+v.ID))
	if err != nil {
		return nil, fmt.Errorf("the stored value of %s, version %s, is damaged", sec.ARN, v.ID)
	}
	return &plain{text, sealed.Binary}, nil
}

// newGCM cannot fail for a key of 32 bytes.
func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

// erase deletes a secret and its values in the transaction.
func erase(tx *store.Tx, sec *secret) error {
	found, err := tx.List(sec.valuePrefix(), "", maxDeprecated+maxStages+1)
	if err != nil {
		return err
	}
	for _, kv := range found {
		if err := tx.Delete(kv.Key); err != nil {
			return err
		}
	}
	return tx.Delete(sec.at())
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

const listPage = 200 // documents read in one transaction

// Expire deletes every secret, of all accounts, whose time has come. server
// calls it from time to time; until then such secrets are unknown already.
func (s *Service) Expire(ctx context.Context) error {
	var gone []secret
	err := s.each(ctx, "", func(tx *store.Tx, key string) error {
		if !strings.Contains(key, "/secretsmanager/secret/") {
			return nil
		}
		sec, ok, err := store.GetJSON[secret](tx, key)
		if ok && sec.gone(s.cfg.Now()) {
			gone = append(gone, sec)
		}
		return err
	})
	for i := range gone {
		if err == nil {
			err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error { return s.eraseGone(tx, gone[i].at()) })
		}
	}
	return err
}

// eraseGone deletes the secret under a key if its time has come.
func (s *Service) eraseGone(tx *store.Tx, at string) error {
	sec, ok, err := store.GetJSON[secret](tx, at)
	if err != nil || !ok || !sec.gone(s.cfg.Now()) {
		return err
	}
	return erase(tx, &sec)
}

// Facts is what others must know of a secret: its judge, and MSK.
type Facts struct {
	ARN, Name, Account string
	Policy             string // empty: none
	Tags               map[string]string
	KeyID              string // as given; empty: the service's own key
	Version            string // the id of the version that is AWSCURRENT, empty: none
}

// Facts tells of the secret that a SecretId stands for; ok is false when there
// is none, or it is marked for deletion.
func (s *Service) Facts(ctx context.Context, c model.Caller, id string) (f Facts, ok bool, err error) {
	sec, err := s.read(ctx, c, id)
	if e, is := err.(*model.Error); is && e.Code == "ResourceNotFoundException" {
		return f, false, nil
	}
	if err != nil {
		return f, false, err
	}
	f = Facts{ARN: sec.ARN, Name: sec.Name, Account: sec.Account, Policy: sec.Policy, Tags: sec.Tags, KeyID: sec.Key}
	if v := sec.staged(current); v != nil {
		f.Version = v.ID
	}
	return f, sec.Deletion.IsZero(), nil
}

// Current answers the current value of a secret and its version's id, as
// GetSecretValue does, without a trace of the reading.
func (s *Service) Current(ctx context.Context, c model.Caller, id string) (text []byte, version string, err error) {
	sec, err := s.read(ctx, c, id)
	if err != nil {
		return nil, "", err
	}
	if err := sec.live(); err != nil {
		return nil, "", err
	}
	v, err := sec.pick("", current)
	if err != nil {
		return nil, "", err
	}
	p, err := s.open(ctx, c, sec, v)
	if err != nil {
		return nil, "", err
	}
	return p.bytes, v.ID, nil
}

// Watch answers a channel that receives after a secret of an account and region
// may have changed; notifications coalesce. cancel ends it.
func (s *Service) Watch(account, region string) (changed <-chan struct{}, cancel func()) {
	return s.cfg.Store.Watch(secretPrefix(account, region))
}
