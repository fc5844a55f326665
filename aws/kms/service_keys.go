package kms

import (
	"context"
	"maps"
	"slices"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/store"
)

const (
	symmetric = "SYMMETRIC_DEFAULT" // the only key spec, and the only algorithm
	policyOf  = "default"           // the only policy's name
)

// CreateKey makes a symmetric key.
func (s *Service) CreateKey(ctx context.Context, c model.Caller, in *kms.CreateKeyRequest) (*kms.CreateKeyResponse, error) {
	if err := refuseUnbuilt(in); err != nil {
		return nil, err
	}
	id, err := s.uuid()
	if err != nil {
		return nil, err
	}
	k, err := s.newKey(c, id)
	if err != nil {
		return nil, err
	}
	if k.Description = deref(in.Description); len(k.Description) > maxDescription {
		return nil, validation("The description is longer than %d bytes.", maxDescription)
	}
	if in.Policy != nil {
		if err := s.checkPolicy(ctx, *in.Policy); err != nil {
			return nil, err
		}
		if err := checkLockout(c, k.ARN, *in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
			return nil, err
		}
		k.Policy = *in.Policy
	}
	if k.Tags, err = mergeTags(nil, in.Tags); err != nil {
		return nil, err
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		return store.PutJSON(tx, keyKey(c.Account, c.Region, id), k)
	})
	if err != nil {
		return nil, err
	}
	return &kms.CreateKeyResponse{KeyMetadata: k.describe()}, nil
}

// refuseUnbuilt refuses keys of kinds that are not built.
func refuseUnbuilt(in *kms.CreateKeyRequest) error {
	spec := in.KeySpec
	if spec == nil {
		spec = in.CustomerMasterKeySpec
	}
	switch {
	case spec != nil && *spec != symmetric:
		return unsupported("keys of KeySpec " + *spec)
	case in.KeyUsage != nil && *in.KeyUsage != "ENCRYPT_DECRYPT":
		return fault("ValidationException", "KeyUsage %s is not compatible with KeySpec %s", *in.KeyUsage, symmetric)
	case in.Origin != nil && *in.Origin != "AWS_KMS":
		return unsupported("keys of Origin " + *in.Origin)
	case in.CustomKeyStoreId != nil:
		return unsupported("custom key stores")
	case deref(in.MultiRegion):
		return unsupported("multi-region keys")
	}
	return nil
}

// describe shows a key.
func (k *key) describe() *kms.KeyMetadata {
	m := &kms.KeyMetadata{
		AWSAccountId: new(k.Account), Arn: new(k.ARN), KeyId: new(k.ID), CreationDate: model.NewEpoch(k.Created),
		Description: new(k.Description), Enabled: new(k.State == Enabled), KeyState: new(string(k.State)),
		KeyManager: new("CUSTOMER"), KeySpec: new(symmetric), CustomerMasterKeySpec: new(symmetric),
		EncryptionAlgorithms: []string{symmetric}, KeyUsage: new("ENCRYPT_DECRYPT"), MultiRegion: new(false), Origin: new("AWS_KMS"),
		DeletionDate: model.NewEpoch(k.Deletion),
	}
	if k.Managed != "" {
		m.KeyManager = new("AWS")
	}
	return m
}

// DescribeKey shows a key.
func (s *Service) DescribeKey(ctx context.Context, c model.Caller, in *kms.DescribeKeyRequest) (*kms.DescribeKeyResponse, error) {
	k, err := s.shared(ctx, c, deref(in.KeyId))
	if err != nil {
		return nil, err
	}
	return &kms.DescribeKeyResponse{KeyMetadata: k.describe()}, nil
}

// pageOf cuts a list of names that is held in order: what follows the marker.
func pageOf(names []string, limit *int32, marker *string, standard int) (page []string, next *string, truncated *bool) {
	n := standard
	if limit != nil {
		n = int(*limit)
	}
	from := 0
	if marker != nil {
		var found bool
		if from, found = slices.BinarySearch(names, *marker); found {
			from++
		}
	}
	page = names[from:min(from+n, len(names))]
	if from+n < len(names) {
		return page, new(page[len(page)-1]), new(true)
	}
	return page, nil, new(false)
}

const (
	standardPage = 100 // keys in an answer
	standardTags = 50
)

// ListKeys lists the keys of the caller's account and region by id.
func (s *Service) ListKeys(ctx context.Context, c model.Caller, in *kms.ListKeysRequest) (*kms.ListKeysResponse, error) {
	var ids []string
	err := s.each(ctx, keyPrefix(c.Account, c.Region), func(tx *store.Tx, at string) error {
		k, _, err := store.GetJSON[key](tx, at)
		if !k.gone(s.cfg.Now()) {
			ids = append(ids, k.ID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	page, next, truncated := pageOf(ids, in.Limit, in.Marker, standardPage)
	out := &kms.ListKeysResponse{Keys: []kms.KeyListEntry{}, NextMarker: next, Truncated: truncated}
	for _, id := range page {
		out.Keys = append(out.Keys, kms.KeyListEntry{KeyId: new(id), KeyArn: new(arnOf(c, "key/"+id))})
	}
	return out, nil
}

// UpdateKeyDescription replaces a key's description.
func (s *Service) UpdateKeyDescription(ctx context.Context, c model.Caller, in *kms.UpdateKeyDescriptionRequest) (*kms.UpdateKeyDescriptionResponse, error) {
	_, err := s.change(ctx, c, deref(in.KeyId), func(k *key) error {
		k.Description = deref(in.Description)
		return k.changeable()
	})
	return &kms.UpdateKeyDescriptionResponse{}, err
}

// EnableKey lets a key be used again.
func (s *Service) EnableKey(ctx context.Context, c model.Caller, in *kms.EnableKeyRequest) (*kms.EnableKeyResponse, error) {
	return &kms.EnableKeyResponse{}, s.set(ctx, c, in.KeyId, Enabled)
}

// DisableKey ends the use of a key.
func (s *Service) DisableKey(ctx context.Context, c model.Caller, in *kms.DisableKeyRequest) (*kms.DisableKeyResponse, error) {
	return &kms.DisableKeyResponse{}, s.set(ctx, c, in.KeyId, Disabled)
}

func (s *Service) set(ctx context.Context, c model.Caller, id *string, state State) error {
	_, err := s.change(ctx, c, deref(id), func(k *key) error {
		if err := k.changeable(); err != nil {
			return err
		}
		k.State = state
		return nil
	})
	return err
}

// ScheduleKeyDeletion marks a key for deletion after a time of waiting.
func (s *Service) ScheduleKeyDeletion(ctx context.Context, c model.Caller, in *kms.ScheduleKeyDeletionRequest) (*kms.ScheduleKeyDeletionResponse, error) {
	days := int32(maxWindow)
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	k, err := s.change(ctx, c, deref(in.KeyId), func(k *key) error { return decideSchedule(k, days, s.now()) })
	if err != nil {
		return nil, err
	}
	return &kms.ScheduleKeyDeletionResponse{
		KeyId: new(k.ARN), KeyState: new(string(k.State)), DeletionDate: model.NewEpoch(k.Deletion), PendingWindowInDays: new(days),
	}, nil
}

// CancelKeyDeletion keeps a key, disabled.
func (s *Service) CancelKeyDeletion(ctx context.Context, c model.Caller, in *kms.CancelKeyDeletionRequest) (*kms.CancelKeyDeletionResponse, error) {
	k, err := s.change(ctx, c, deref(in.KeyId), decideCancel)
	if err != nil {
		return nil, err
	}
	return &kms.CancelKeyDeletionResponse{KeyId: new(k.ARN)}, nil
}

// GetKeyRotationStatus tells whether and when a key gets new material.
func (s *Service) GetKeyRotationStatus(ctx context.Context, c model.Caller, in *kms.GetKeyRotationStatusRequest) (*kms.GetKeyRotationStatusResponse, error) {
	k, err := s.shared(ctx, c, deref(in.KeyId))
	if err != nil {
		return nil, err
	}
	out := &kms.GetKeyRotationStatusResponse{KeyId: new(k.ID), KeyRotationEnabled: new(k.Rotation > 0)}
	if k.Rotation > 0 && k.State != PendingDeletion {
		out.NextRotationDate, out.RotationPeriodInDays = model.NewEpoch(k.Next), new(k.Rotation)
	}
	return out, nil
}

// EnableKeyRotation gives a key new material from time to time.
func (s *Service) EnableKeyRotation(ctx context.Context, c model.Caller, in *kms.EnableKeyRotationRequest) (*kms.EnableKeyRotationResponse, error) {
	_, err := s.change(ctx, c, deref(in.KeyId), func(k *key) error { return decideRotation(k, in.RotationPeriodInDays, s.now()) })
	return &kms.EnableKeyRotationResponse{}, err
}

// DisableKeyRotation ends that.
func (s *Service) DisableKeyRotation(ctx context.Context, c model.Caller, in *kms.DisableKeyRotationRequest) (*kms.DisableKeyRotationResponse, error) {
	_, err := s.change(ctx, c, deref(in.KeyId), func(k *key) error {
		if err := k.changeable(); err != nil {
			return err
		}
		k.Rotation = 0
		return k.usable()
	})
	return &kms.DisableKeyRotationResponse{}, err
}

// GetKeyPolicy shows a key's policy.
func (s *Service) GetKeyPolicy(ctx context.Context, c model.Caller, in *kms.GetKeyPolicyRequest) (*kms.GetKeyPolicyResponse, error) {
	k, err := s.read(ctx, c, deref(in.KeyId))
	if err != nil {
		return nil, err
	}
	if err := onlyDefault(in.PolicyName); err != nil {
		return nil, err
	}
	return &kms.GetKeyPolicyResponse{Policy: new(k.Policy), PolicyName: new(policyOf)}, nil
}

func onlyDefault(name *string) error {
	if name != nil && *name != policyOf {
		return fault("NotFoundException", "No such policy exists")
	}
	return nil
}

// checkPolicy refuses a key policy that is none, or names somebody who does not
// exist.
func (s *Service) checkPolicy(ctx context.Context, text string) error {
	d, err := parsePolicy(text)
	if err != nil || s.cfg.Missing == nil {
		return err
	}
	missing, err := s.cfg.Missing(ctx, d)
	if err == nil && missing != "" {
		err = fault("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals.")
	}
	return err
}

// PutKeyPolicy replaces a key's policy.
func (s *Service) PutKeyPolicy(ctx context.Context, c model.Caller, in *kms.PutKeyPolicyRequest) (*kms.PutKeyPolicyResponse, error) {
	if err := onlyDefault(in.PolicyName); err != nil {
		return nil, err
	}
	if err := s.checkPolicy(ctx, deref(in.Policy)); err != nil {
		return nil, err
	}
	_, err := s.change(ctx, c, deref(in.KeyId), func(k *key) error {
		if err := k.owned(); err != nil {
			return err
		}
		k.Policy = *in.Policy
		return checkLockout(c, k.ARN, k.Policy, in.BypassPolicyLockoutSafetyCheck)
	})
	return &kms.PutKeyPolicyResponse{}, err
}

// ListKeyPolicies lists the one policy that every key has.
func (s *Service) ListKeyPolicies(ctx context.Context, c model.Caller, in *kms.ListKeyPoliciesRequest) (*kms.ListKeyPoliciesResponse, error) {
	if _, err := s.read(ctx, c, deref(in.KeyId)); err != nil {
		return nil, err
	}
	return &kms.ListKeyPoliciesResponse{PolicyNames: []string{policyOf}, Truncated: new(false)}, nil
}

// TagResource adds or replaces tags of a key.
func (s *Service) TagResource(ctx context.Context, c model.Caller, in *kms.TagResourceRequest) (*kms.TagResourceResponse, error) {
	_, err := s.change(ctx, c, deref(in.KeyId), func(k *key) (err error) {
		if err := k.changeable(); err != nil {
			return err
		}
		k.Tags, err = mergeTags(k.Tags, in.Tags)
		return err
	})
	return &kms.TagResourceResponse{}, err
}

// UntagResource drops tags of a key.
func (s *Service) UntagResource(ctx context.Context, c model.Caller, in *kms.UntagResourceRequest) (*kms.UntagResourceResponse, error) {
	_, err := s.change(ctx, c, deref(in.KeyId), func(k *key) error {
		for _, name := range in.TagKeys {
			delete(k.Tags, name)
		}
		return k.changeable()
	})
	return &kms.UntagResourceResponse{}, err
}

// ListResourceTags lists the tags of a key by name.
func (s *Service) ListResourceTags(ctx context.Context, c model.Caller, in *kms.ListResourceTagsRequest) (*kms.ListResourceTagsResponse, error) {
	k, err := s.read(ctx, c, deref(in.KeyId))
	if err != nil {
		return nil, err
	}
	page, next, truncated := pageOf(slices.Sorted(maps.Keys(k.Tags)), in.Limit, in.Marker, standardTags)
	out := &kms.ListResourceTagsResponse{Tags: []kms.Tag{}, NextMarker: next, Truncated: truncated}
	for _, name := range page {
		out.Tags = append(out.Tags, kms.Tag{TagKey: new(name), TagValue: new(k.Tags[name])})
	}
	return out, nil
}
