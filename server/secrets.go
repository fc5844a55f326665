package server

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/millrace/millrace/aws/acmpca"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/aws/secretsmanager"
)

// scramUser is the value of a secret of MSK's users. (aws:kafka developer guide,
// username and password authentication)
type scramUser struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// maxUserBytes bounds a user's name and password each, in bytes.
const maxUserBytes = 1024

// parseScramUser reads a secret's value. Errors do not show it.
func parseScramUser(value []byte) (u scramUser, err error) {
	if json.Unmarshal(value, &u) != nil || u.Username == "" || u.Password == "" || len(u.Username) > maxUserBytes || len(u.Password) > maxUserBytes {
		return scramUser{}, errors.New(`the value is not a JSON object with "username" and "password"`)
	}
	return u, nil
}

// scramSecret is what msk asks of secretsmanager and kms.
func (s *System) scramSecret(ctx context.Context, c model.Caller, arn string) (out msk.Secret, ok bool, err error) {
	f, ok, err := s.secrets.Facts(ctx, c, arn)
	if err != nil || !ok || f.ARN != arn {
		return out, false, err
	}
	out.Name, out.ManagedKey = f.Name, f.KeyID == ""
	if f.KeyID != "" {
		key, ok, err := s.kms.Facts(ctx, c, f.KeyID)
		if err != nil || !ok {
			return out, false, err
		}
		out.ManagedKey = key.Managed
	}
	value, _, err := s.secrets.Current(ctx, itself(c.Account, c.Region), arn)
	if errors.As(err, new(*model.Error)) {
		return out, f.Version == "", nil // no value yet; or it cannot be decrypted
	}
	if err != nil {
		return out, false, err
	}
	_, err = parseScramUser(value)
	out.UserName = err == nil
	return out, true, nil
}

// itself is the server as a caller of its own services: it has no ARN.
func itself(account, region string) model.Caller {
	return model.Caller{Account: account, Region: region}
}

// authorityActive is what msk asks of acmpca.
func (s *System) authorityActive(ctx context.Context, c model.Caller, arn string) (bool, error) {
	f, ok, err := s.pca.Facts(ctx, c, arn)
	return ok && f.Status == acmpca.Active, err
}

const expireInterval = time.Hour // between looks for what was to be deleted

// expire deletes keys, secrets and log events whose time has come, until ctx
// ends.
func (s *System) expire(ctx context.Context) {
	for {
		err := errors.Join(s.secrets.Expire(ctx), s.kms.Expire(ctx), s.logs.Expire(ctx))
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("delete keys, secrets and log events whose time has come", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(expireInterval):
		}
	}
}

// systemKeys is kms as secretsmanager asks it: for a caller, who must be allowed
// to use a customer's key, or for the server itself. The key that AWS has for
// the service serves everybody who may use the service.
type systemKeys struct{ s *System }

var _ secretsmanager.Keys = systemKeys{}

// Seal encrypts for the caller.
func (k systemKeys) Seal(ctx context.Context, c model.Caller, key string, plaintext []byte, encryption map[string]string) ([]byte, string, error) {
	if err := k.may(ctx, c, "kms:GenerateDataKey", key, encryption); err != nil {
		return nil, "", err
	}
	return k.s.kms.Seal(ctx, c, key, plaintext, encryption)
}

// Open decrypts for the caller.
func (k systemKeys) Open(ctx context.Context, c model.Caller, key string, ciphertext []byte, encryption map[string]string) ([]byte, string, error) {
	if of, ok := k.s.kms.KeyOf(c, ciphertext); ok {
		if err := k.may(ctx, c, "kms:Decrypt", of, encryption); err != nil {
			return nil, "", err
		}
	}
	return k.s.kms.Open(ctx, c, key, ciphertext, encryption)
}

func (k systemKeys) may(ctx context.Context, c model.Caller, action, key string, encryption map[string]string) error {
	if c.ARN == "" {
		return nil // the server itself
	}
	f, ok, err := k.s.kms.Facts(ctx, c, key)
	if err != nil || !ok || f.Managed {
		return err // of a key that does not exist kms tells
	}
	return k.s.authorizer().Authorize(ctx, &iam.Question{
		Caller: c, Action: action, Resource: f.ARN, Encryption: encryption,
		Context: policy.Map{"kms:viaservice": {"secretsmanager." + c.Region + ".amazonaws.com"}, "kms:calleraccount": {c.Account}},
	})
}
