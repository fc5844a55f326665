package secretsmanager

import (
	"context"
	"errors"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/secretsmanager"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// TagResource adds or replaces tags of a secret.
func (s *Service) TagResource(ctx context.Context, c model.Caller, in *secretsmanager.TagResourceRequest) (*secretsmanager.TagResourceResponse, error) {
	_, err := s.change(ctx, c, deref(in.SecretId), func(_ *store.Tx, sec *secret) (err error) {
		if err := sec.live(); err != nil {
			return err
		}
		sec.Tags, err = mergeTags(sec.Tags, in.Tags)
		return err
	})
	return &secretsmanager.TagResourceResponse{}, err
}

// UntagResource drops tags of a secret.
func (s *Service) UntagResource(ctx context.Context, c model.Caller, in *secretsmanager.UntagResourceRequest) (*secretsmanager.UntagResourceResponse, error) {
	_, err := s.change(ctx, c, deref(in.SecretId), func(_ *store.Tx, sec *secret) error {
		for _, name := range in.TagKeys {
			delete(sec.Tags, name)
		}
		return sec.live()
	})
	return &secretsmanager.UntagResourceResponse{}, err
}

// GetResourcePolicy shows a secret's policy, if it has one.
func (s *Service) GetResourcePolicy(ctx context.Context, c model.Caller, in *secretsmanager.GetResourcePolicyRequest) (*secretsmanager.GetResourcePolicyResponse, error) {
	sec, err := s.read(ctx, c, deref(in.SecretId))
	if err != nil {
		return nil, err
	}
	return &secretsmanager.GetResourcePolicyResponse{ARN: new(sec.ARN), Name: new(sec.Name), ResourcePolicy: optional(sec.Policy)}, nil
}

// PutResourcePolicy replaces a secret's policy.
func (s *Service) PutResourcePolicy(ctx context.Context, c model.Caller, in *secretsmanager.PutResourcePolicyRequest) (*secretsmanager.PutResourcePolicyResponse, error) {
	text := deref(in.ResourcePolicy)
	d, err := s.checkPolicy(ctx, text)
	if err != nil {
		return nil, err
	}
	if deref(in.BlockPublicPolicy) && d.Public() {
		return nil, fault("PublicPolicyException", "This resource policy grants broad access to the secret.")
	}
	sec, err := s.setPolicy(ctx, c, in.SecretId, text)
	if err != nil {
		return nil, err
	}
	return &secretsmanager.PutResourcePolicyResponse{ARN: new(sec.ARN), Name: new(sec.Name)}, nil
}

// checkPolicy refuses a resource policy that is none, or names somebody who does
// not exist.
func (s *Service) checkPolicy(ctx context.Context, text string) (*policy.Document, error) {
	d, err := parsePolicy(text)
	if err != nil || s.cfg.Missing == nil {
		return d, err
	}
	missing, err := s.cfg.Missing(ctx, d)
	if err == nil && missing != "" {
		err = fault("MalformedPolicyDocumentException", "This resource policy contains an unsupported principal.")
	}
	return d, err
}

// DeleteResourcePolicy drops a secret's policy.
func (s *Service) DeleteResourcePolicy(ctx context.Context, c model.Caller, in *secretsmanager.DeleteResourcePolicyRequest) (*secretsmanager.DeleteResourcePolicyResponse, error) {
	sec, err := s.setPolicy(ctx, c, in.SecretId, "")
	if err != nil {
		return nil, err
	}
	return &secretsmanager.DeleteResourcePolicyResponse{ARN: new(sec.ARN), Name: new(sec.Name)}, nil
}

func (s *Service) setPolicy(ctx context.Context, c model.Caller, id *string, text string) (*secret, error) {
	return s.change(ctx, c, deref(id), func(_ *store.Tx, sec *secret) error {
		sec.Policy = text
		return sec.live()
	})
}

// ValidateResourcePolicy says what would be refused of a policy.
func (s *Service) ValidateResourcePolicy(ctx context.Context, _ model.Caller, in *secretsmanager.ValidateResourcePolicyRequest) (*secretsmanager.ValidateResourcePolicyResponse, error) {
	text := deref(in.ResourcePolicy)
	out := &secretsmanager.ValidateResourcePolicyResponse{PolicyValidationPassed: new(true), ValidationErrors: []secretsmanager.ValidationErrorsEntry{}}
	check, message := "", ""
	switch d, err := s.checkPolicy(ctx, text); {
	case errors.As(err, new(*model.Error)):
		check, message = "POLICY_SYNTAX", err.Error()
	case err != nil:
		return nil, err
	case d.Public():
		check, message = "PUBLIC_POLICY", "This resource policy grants broad access to the secret."
	}
	if check != "" {
		*out.PolicyValidationPassed = false
		out.ValidationErrors = append(out.ValidationErrors, secretsmanager.ValidationErrorsEntry{CheckName: &check, ErrorMessage: &message})
	}
	return out, nil
}

// The characters of passwords. aws:secretsmanager GetRandomPassword
const (
	lower       = "abcdefghijklmnopqrstuvwxyz"
	upper       = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits      = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

	standardPassword = 32
)

// GetRandomPassword draws a password.
func (s *Service) GetRandomPassword(_ context.Context, _ model.Caller, in *secretsmanager.GetRandomPasswordRequest) (*secretsmanager.GetRandomPasswordResponse, error) {
	var kinds []string
	for _, k := range []struct {
		chars string
		out   bool
	}{
		{lower, deref(in.ExcludeLowercase)}, {upper, deref(in.ExcludeUppercase)}, {digits, deref(in.ExcludeNumbers)},
		{punctuation, deref(in.ExcludePunctuation)}, {" ", !deref(in.IncludeSpace)},
	} {
		chars := strings.Map(func(r rune) rune {
			if strings.ContainsRune(deref(in.ExcludeCharacters), r) {
				return -1
			}
			return r
		}, k.chars)
		if !k.out && chars != "" {
			kinds = append(kinds, chars)
		}
	}
	n := int64(standardPassword)
	if in.PasswordLength != nil {
		n = *in.PasswordLength
	}
	each := in.RequireEachIncludedType == nil || *in.RequireEachIncludedType
	if len(kinds) == 0 || each && n < int64(len(kinds)) {
		return nil, invalidParameter("The password length is too short for the included character types, or no character is left.")
	}
	for {
		text, err := s.text(strings.Join(kinds, ""), int(n))
		if err != nil {
			return nil, err
		}
		if !each || hasEach(text, kinds) {
			return &secretsmanager.GetRandomPasswordResponse{RandomPassword: &text}, nil
		}
	}
}

func hasEach(text string, kinds []string) bool {
	for _, chars := range kinds {
		if !strings.ContainsAny(text, chars) {
			return false
		}
	}
	return true
}
