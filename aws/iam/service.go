package iam

import (
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of.
type Config struct {
	Store  *store.Store
	Random io.Reader // of keys and secrets: crypto/rand.Reader
}

// Service answers who callers are and what they may do. Its methods may be
// called concurrently.
type Service struct {
	root Credential
}

var _ sts.Service = (*Service)(nil)

// rootKey is where the root credential is kept: account, then "-" for services
// without regions.
const rootKey = AccountID + "/-/iam/root"

// New opens the service; at the first start it makes the root credential.
func New(ctx context.Context, cfg Config) (*Service, error) {
	random := make([]byte, keyIDBytes+secretBytes)
	if _, err := io.ReadFull(cfg.Random, random); err != nil {
		return nil, fmt.Errorf("draw a root credential: %w", err)
	}
	s := &Service{}
	err := cfg.Store.Update(ctx, func(tx *store.Tx) error {
		found, ok, err := store.GetJSON[Credential](tx, rootKey)
		if err != nil {
			return err
		}
		if !ok {
			found = newCredential(AccountID, random)
			if err := store.PutJSON(tx, rootKey, found); err != nil {
				return err
			}
		}
		s.root = found
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open the root credential: %w", err)
	}
	return s, nil
}

// Root is the account's root credential.
func (s *Service) Root() Credential { return s.root }

// Authenticate finds the credential of an access key and who its caller is in a
// region. For an unknown key ok is false.
func (s *Service) Authenticate(accessKeyID, region string) (c Credential, caller model.Caller, ok bool) {
	if accessKeyID != s.root.AccessKeyID {
		return Credential{}, model.Caller{}, false
	}
	return s.root, callerOf(s.root, region), true
}

// Authorize says whether a caller may do an action on a resource: nil, or the
// *model.Error that AWS answers.
func (s *Service) Authorize(_ context.Context, c model.Caller, action, resource string) error {
	return authorize(c, action, resource)
}

// GetCallerIdentity says who calls. aws:sts GetCallerIdentity
func (s *Service) GetCallerIdentity(_ context.Context, c model.Caller, _ *sts.GetCallerIdentityRequest) (*sts.GetCallerIdentityResponse, error) {
	return &sts.GetCallerIdentityResponse{Account: &c.Account, Arn: &c.ARN, UserId: &c.UserID}, nil
}
