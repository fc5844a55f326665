package server

import (
	"context"
	"time"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/aws/ssm"
)

// newParameters makes the service of parameters.
func (s *System) newParameters() *ssm.Service {
	return ssm.New(ssm.Config{Store: s.store, Keys: parameterKeys{s}, Now: time.Now})
}

// parameterKeys is kms as ssm asks it, for callers who must be allowed to use a
// customer's key. The key that AWS has for the service serves everybody who may
// use the service.
type parameterKeys struct{ s *System }

var _ ssm.Keys = parameterKeys{}

// Seal encrypts for the caller.
func (k parameterKeys) Seal(ctx context.Context, c model.Caller, action, key string, plaintext []byte, encryption map[string]string) ([]byte, error) {
	if err := k.may(ctx, c, action, key, encryption); err != nil {
		return nil, err
	}
	ciphertext, _, err := k.s.kms.Seal(ctx, c, key, plaintext, encryption)
	return ciphertext, err
}

// Open decrypts for the caller.
func (k parameterKeys) Open(ctx context.Context, c model.Caller, ciphertext []byte, encryption map[string]string) ([]byte, error) {
	if of, ok := k.s.kms.KeyOf(c, ciphertext); ok {
		if err := k.may(ctx, c, "kms:Decrypt", of, encryption); err != nil {
			return nil, err
		}
	}
	plaintext, _, err := k.s.kms.Open(ctx, c, "", ciphertext, encryption)
	return plaintext, err
}

func (k parameterKeys) may(ctx context.Context, c model.Caller, action, key string, encryption map[string]string) error {
	f, ok, err := k.s.kms.Facts(ctx, c, key)
	if err != nil || !ok || f.Managed && f.Account == c.Account {
		return err // of a key that does not exist kms tells
	}
	return k.s.authorizer().Authorize(ctx, &iam.Question{
		Caller: c, Action: action, Resource: f.ARN, Encryption: encryption,
		Context: policy.Map{"kms:viaservice": {"ssm." + c.Region + ".amazonaws.com"}, "kms:calleraccount": {c.Account}},
	})
}
