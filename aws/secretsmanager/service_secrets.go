package secretsmanager

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/secretsmanager"
	"github.com/millrace/millrace/store"
)

// CreateSecret makes a secret, with a first version when a value is given.
func (s *Service) CreateSecret(ctx context.Context, c model.Caller, in *secretsmanager.CreateSecretRequest) (*secretsmanager.CreateSecretResponse, error) {
	name := deref(in.Name)
	p, err := given(in.SecretString, in.SecretBinary)
	switch {
	case err != nil:
		return nil, err
	case len(name) > maxName || !nameShape.MatchString(name):
		return nil, fault("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	case len(in.AddReplicaRegions) > 0:
		return nil, invalidParameter("millrace does not implement the replication of secrets.")
	case in.Type != nil || in.CrossAccountPrimaryARN != nil:
		return nil, invalidParameter("millrace does not implement external secrets.")
	}
	sec, err := s.newSecret(c, in)
	if err != nil {
		return nil, err
	}
	token, err := s.token(in.ClientRequestToken)
	if err != nil {
		return nil, err
	}
	w, err := s.prepare(ctx, c, sec, token, p)
	if err != nil {
		return nil, err
	}
	made := false
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		made, err = s.insert(tx, sec, w)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !made {
		return s.repeated(ctx, c, name, token, p)
	}
	out := &secretsmanager.CreateSecretResponse{ARN: new(sec.ARN), Name: new(name)}
	if p != nil {
		out.VersionId = new(token)
	}
	return out, nil
}

// repeated answers a CreateSecret that was done already: told by its token.
func (s *Service) repeated(ctx context.Context, c model.Caller, name, token string, p *plain) (*secretsmanager.CreateSecretResponse, error) {
	sec, err := s.read(ctx, c, name)
	if err != nil {
		return nil, err
	}
	if v := sec.version(token); v != nil && p != nil {
		if err := s.sameValue(ctx, c, sec, v, p); err != nil {
			return nil, err
		}
		return &secretsmanager.CreateSecretResponse{ARN: new(sec.ARN), Name: new(name), VersionId: new(token)}, nil
	}
	return nil, fault("ResourceExistsException", "The operation failed because the secret %s already exists.", name)
}

func (s *Service) newSecret(c model.Caller, in *secretsmanager.CreateSecretRequest) (*secret, error) {
	suffix, err := s.text(suffixChars, suffixBytes)
	if err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, in.Tags)
	now := s.now()
	return &secret{
		ARN: arnPrefix(c) + *in.Name + "-" + suffix, Name: *in.Name, Suffix: suffix, Account: c.Account, Region: c.Region,
		Description: deref(in.Description), Key: deref(in.KmsKeyId), Tags: tags, Created: now, Changed: now,
	}, err
}

// insert writes a new secret unless its name is taken: made says so. A name
// whose secret is gone is free.
func (s *Service) insert(tx *store.Tx, sec *secret, w *written) (made bool, err error) {
	if err := s.eraseGone(tx, sec.at()); err != nil {
		return false, err
	}
	old, ok, err := store.GetJSON[secret](tx, sec.at())
	switch {
	case err != nil:
		return false, err
	case ok && !old.Deletion.IsZero():
		return false, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	case ok:
		return false, nil
	}
	fresh := *sec
	if w != nil {
		if err := w.apply(tx, &fresh, nil, s.now()); err != nil {
			return false, err
		}
	}
	return true, store.PutJSON(tx, fresh.at(), fresh)
}

// token is the id of the version that a call makes.
func (s *Service) token(in *string) (string, error) {
	if in != nil {
		if !tokenShape.MatchString(*in) {
			return "", invalidParameter("The ClientRequestToken must have 32 to 64 letters, digits and hyphens.")
		}
		return *in, nil
	}
	b, err := s.random(16)
	if err != nil {
		return "", err
	}
	return model.FormatUUID([16]byte(b), 4), nil
}

// written is a value encrypted for a version, not stored yet. It is made before
// the transaction that stores it, since it asks KMS.
type written struct {
	id     string
	keyARN string
	value  value
}

// prepare encrypts a value; nil for none.
func (s *Service) prepare(ctx context.Context, c model.Caller, sec *secret, id string, p *plain) (*written, error) {
	if p == nil {
		return nil, nil
	}
	v, keyARN, err := s.seal(ctx, c, sec.ARN, sec.Key, id, p)
	return &written{id, keyARN, v}, err
}

// apply stores a version and its value.
func (w *written) apply(tx *store.Tx, sec *secret, stages []string, now time.Time) error {
	dropped, err := decideVersion(sec, version{ID: w.id, KeyARN: w.keyARN}, stages, now)
	if err != nil {
		return err
	}
	for _, id := range dropped {
		if err := tx.Delete(sec.valuePrefix() + id); err != nil {
			return err
		}
	}
	return store.PutJSON(tx, sec.valuePrefix()+w.id, w.value)
}

// sameValue accepts a version that is written again with the same value.
func (s *Service) sameValue(ctx context.Context, c model.Caller, sec *secret, v *version, p *plain) error {
	have, err := s.open(ctx, c, sec, v)
	if err != nil {
		return err
	}
	if have.binary != p.binary || !bytes.Equal(have.bytes, p.bytes) {
		return fault("ResourceExistsException", "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", v.ID, sec.ARN)
	}
	return nil
}

// put adds a version to a secret that exists.
func (s *Service) put(ctx context.Context, c model.Caller, id string, token *string, p *plain, stages []string, edit func(*secret) error) (*secret, *version, error) {
	versionID, err := s.token(token)
	if err != nil {
		return nil, nil, err
	}
	sec, err := s.read(ctx, c, id)
	if err != nil {
		return nil, nil, err
	}
	if err := sec.live(); err != nil {
		return nil, nil, err
	}
	if v := sec.version(versionID); v != nil && p != nil {
		if err := s.sameValue(ctx, c, sec, v, p); err != nil {
			return nil, nil, err
		}
		p = nil
	}
	if err := edit(sec); err != nil { // the value is encrypted under the key that the secret will have
		return nil, nil, err
	}
	w, err := s.prepare(ctx, c, sec, versionID, p)
	if err != nil {
		return nil, nil, err
	}
	sec, err = s.change(ctx, c, sec.ARN, func(tx *store.Tx, sec *secret) error {
		if err := sec.live(); err != nil {
			return err
		}
		if err := edit(sec); err != nil || w == nil || sec.version(versionID) != nil {
			return err
		}
		return w.apply(tx, sec, stages, s.now())
	})
	if err != nil {
		return nil, nil, err
	}
	return sec, sec.version(versionID), nil
}

// PutSecretValue adds a version.
func (s *Service) PutSecretValue(ctx context.Context, c model.Caller, in *secretsmanager.PutSecretValueRequest) (*secretsmanager.PutSecretValueResponse, error) {
	p, err := given(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, invalidRequest("You must provide either SecretString or SecretBinary.")
	}
	sec, v, err := s.put(ctx, c, deref(in.SecretId), in.ClientRequestToken, p, in.VersionStages, func(*secret) error { return nil })
	if err != nil {
		return nil, err
	}
	return &secretsmanager.PutSecretValueResponse{ARN: new(sec.ARN), Name: new(sec.Name), VersionId: new(v.ID), VersionStages: v.Stages}, nil
}

// UpdateSecret changes a secret's description and key, and adds a version when
// a value is given.
func (s *Service) UpdateSecret(ctx context.Context, c model.Caller, in *secretsmanager.UpdateSecretRequest) (*secretsmanager.UpdateSecretResponse, error) {
	p, err := given(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	if in.Type != nil {
		return nil, invalidParameter("millrace does not implement external secrets.")
	}
	sec, v, err := s.put(ctx, c, deref(in.SecretId), in.ClientRequestToken, p, nil, func(sec *secret) error {
		if in.Description != nil {
			sec.Description = *in.Description
		}
		if in.KmsKeyId != nil {
			sec.Key = *in.KmsKeyId
		}
		sec.Changed = s.now()
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.UpdateSecretResponse{ARN: new(sec.ARN), Name: new(sec.Name)}
	if p != nil && v != nil {
		out.VersionId = new(v.ID)
	}
	return out, nil
}

// GetSecretValue decrypts a version.
func (s *Service) GetSecretValue(ctx context.Context, c model.Caller, in *secretsmanager.GetSecretValueRequest) (*secretsmanager.GetSecretValueResponse, error) {
	sec, err := s.read(ctx, c, deref(in.SecretId))
	if err != nil {
		return nil, err
	}
	if err := sec.live(); err != nil {
		return nil, err
	}
	v, err := sec.pick(deref(in.VersionId), deref(in.VersionStage))
	if err != nil {
		return nil, err
	}
	p, err := s.open(ctx, c, sec, v)
	if err != nil {
		return nil, err
	}
	if today := s.now().Truncate(day); sec.Accessed.Before(today) {
		_, err := s.change(ctx, c, sec.ARN, func(_ *store.Tx, sec *secret) error {
			sec.Accessed = today
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	out := &secretsmanager.GetSecretValueResponse{
		ARN: new(sec.ARN), Name: new(sec.Name), VersionId: new(v.ID), VersionStages: v.Stages, CreatedDate: model.NewEpoch(v.Created),
	}
	if p.binary {
		out.SecretBinary = p.bytes
	} else {
		out.SecretString = new(string(p.bytes))
	}
	return out, nil
}

// stagesOf is the versions that have stages.
func stagesOf(sec *secret) map[string][]string {
	out := map[string][]string{}
	for _, v := range sec.Versions {
		if len(v.Stages) > 0 {
			out[v.ID] = v.Stages
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return new(text)
}

// DescribeSecret shows a secret without its values.
func (s *Service) DescribeSecret(ctx context.Context, c model.Caller, in *secretsmanager.DescribeSecretRequest) (*secretsmanager.DescribeSecretResponse, error) {
	sec, err := s.read(ctx, c, deref(in.SecretId))
	if err != nil {
		return nil, err
	}
	return &secretsmanager.DescribeSecretResponse{
		ARN: new(sec.ARN), Name: new(sec.Name), Description: optional(sec.Description), KmsKeyId: optional(sec.Key),
		CreatedDate: model.NewEpoch(sec.Created), LastChangedDate: model.NewEpoch(sec.Changed), LastAccessedDate: model.NewEpoch(sec.Accessed),
		DeletedDate: model.NewEpoch(sec.Deleted), Tags: tagList(sec.Tags), VersionIdsToStages: stagesOf(sec),
	}, nil
}

const (
	standardPage = 100
	maxToken     = 1024
)

// ListSecrets lists the secrets of the caller's account and region by name.
func (s *Service) ListSecrets(ctx context.Context, c model.Caller, in *secretsmanager.ListSecretsRequest) (*secretsmanager.ListSecretsResponse, error) {
	var all []*secret
	err := s.each(ctx, secretPrefix(c.Account, c.Region), func(tx *store.Tx, key string) error {
		sec, _, err := store.GetJSON[secret](tx, key)
		if !sec.gone(s.cfg.Now()) && (sec.Deletion.IsZero() || deref(in.IncludePlannedDeletion)) && matches(&sec, in.Filters) {
			all = append(all, &sec)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if deref(in.SortOrder) == "desc" {
		slices.Reverse(all)
	}
	page, next, err := pageOf(all, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.ListSecretsResponse{SecretList: []secretsmanager.SecretListEntry{}, NextToken: next}
	for _, sec := range page {
		out.SecretList = append(out.SecretList, secretsmanager.SecretListEntry{
			ARN: new(sec.ARN), Name: new(sec.Name), Description: optional(sec.Description), KmsKeyId: optional(sec.Key),
			CreatedDate: model.NewEpoch(sec.Created), LastChangedDate: model.NewEpoch(sec.Changed), LastAccessedDate: model.NewEpoch(sec.Accessed),
			DeletedDate: model.NewEpoch(sec.Deleted), Tags: tagList(sec.Tags), SecretVersionsToStages: stagesOf(sec),
		})
	}
	return out, nil
}

// pageOf cuts a list at the name that the token holds.
func pageOf(all []*secret, limit *int32, token *string) ([]*secret, *string, error) {
	n := standardPage
	if limit != nil {
		n = int(*limit)
	}
	from := 0
	if token != nil {
		last, err := base64.RawURLEncoding.DecodeString(*token)
		at := slices.IndexFunc(all, func(s *secret) bool { return s.Name == string(last) })
		if len(*token) > maxToken || err != nil || at < 0 {
			return nil, nil, fault("InvalidNextTokenException", "The NextToken is not valid.")
		}
		from = at + 1
	}
	page := all[from:min(from+n, len(all))]
	if from+n < len(all) {
		return page, new(base64.RawURLEncoding.EncodeToString([]byte(page[len(page)-1].Name))), nil
	}
	return page, nil, nil
}

// matches says whether a secret passes every filter.
// aws:secretsmanager ListSecrets
func matches(sec *secret, filters []secretsmanager.Filter) bool {
	for _, f := range filters {
		if !slices.ContainsFunc(f.Values, func(want string) bool { return matchesOne(sec, deref(f.Key), want) }) {
			return false
		}
	}
	return true
}

func matchesOne(sec *secret, key, want string) bool {
	if not, negated := strings.CutPrefix(want, "!"); negated {
		return !matchesOne(sec, key, not)
	}
	folded := strings.ToLower(want)
	switch key {
	case "name":
		return strings.HasPrefix(sec.Name, want)
	case "description":
		return strings.HasPrefix(strings.ToLower(sec.Description), folded)
	case "tag-key", "tag-value":
		for name, v := range sec.Tags {
			if key == "tag-key" && strings.HasPrefix(name, want) || key == "tag-value" && strings.HasPrefix(v, want) {
				return true
			}
		}
	case "all":
		text := sec.Name + "\x00" + sec.Description
		for name, v := range sec.Tags {
			text += "\x00" + name + "\x00" + v
		}
		return strings.Contains(strings.ToLower(text), folded)
	}
	return false
}

// DeleteSecret marks a secret for deletion, or deletes it at once.
func (s *Service) DeleteSecret(ctx context.Context, c model.Caller, in *secretsmanager.DeleteSecretRequest) (*secretsmanager.DeleteSecretResponse, error) {
	if !deref(in.ForceDeleteWithoutRecovery) {
		sec, err := s.change(ctx, c, deref(in.SecretId), func(_ *store.Tx, sec *secret) error {
			return decideDelete(sec, in.RecoveryWindowInDays, s.now())
		})
		if err != nil {
			return nil, err
		}
		return &secretsmanager.DeleteSecretResponse{ARN: new(sec.ARN), Name: new(sec.Name), DeletionDate: model.NewEpoch(sec.Deletion)}, nil
	}
	if in.RecoveryWindowInDays != nil {
		return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}
	out := &secretsmanager.DeleteSecretResponse{DeletionDate: model.NewEpoch(s.now())}
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		sec, err := s.find(tx, c, deref(in.SecretId))
		if err != nil {
			return err
		}
		out.ARN, out.Name = new(sec.ARN), new(sec.Name)
		return erase(tx, sec)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// RestoreSecret takes the mark for deletion away.
func (s *Service) RestoreSecret(ctx context.Context, c model.Caller, in *secretsmanager.RestoreSecretRequest) (*secretsmanager.RestoreSecretResponse, error) {
	sec, err := s.change(ctx, c, deref(in.SecretId), func(_ *store.Tx, sec *secret) error {
		sec.Deleted, sec.Deletion = time.Time{}, time.Time{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &secretsmanager.RestoreSecretResponse{ARN: new(sec.ARN), Name: new(sec.Name)}, nil
}

// ListSecretVersionIds lists a secret's versions, newest first.
func (s *Service) ListSecretVersionIds(ctx context.Context, c model.Caller, in *secretsmanager.ListSecretVersionIdsRequest) (*secretsmanager.ListSecretVersionIdsResponse, error) {
	sec, err := s.read(ctx, c, deref(in.SecretId))
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.ListSecretVersionIdsResponse{ARN: new(sec.ARN), Name: new(sec.Name), Versions: []secretsmanager.SecretVersionsListEntry{}}
	for _, v := range slices.Backward(sec.Versions) {
		if len(v.Stages) == 0 && !deref(in.IncludeDeprecated) {
			continue
		}
		out.Versions = append(out.Versions, secretsmanager.SecretVersionsListEntry{
			VersionId: new(v.ID), VersionStages: v.Stages, CreatedDate: model.NewEpoch(v.Created), KmsKeyIds: []string{keyShown(sec, v)},
		})
	}
	return out, nil
}

// keyShown is a version's key as AWS lists it.
func keyShown(sec *secret, v version) string {
	if sec.Key == "" {
		return "DefaultEncryptionKey"
	}
	return v.KeyARN
}

// UpdateSecretVersionStage moves a stage between versions.
func (s *Service) UpdateSecretVersionStage(ctx context.Context, c model.Caller, in *secretsmanager.UpdateSecretVersionStageRequest) (*secretsmanager.UpdateSecretVersionStageResponse, error) {
	if in.MoveToVersionId == nil && in.RemoveFromVersionId == nil {
		return nil, invalidParameter("You must provide MoveToVersionId, RemoveFromVersionId or both.")
	}
	sec, err := s.change(ctx, c, deref(in.SecretId), func(_ *store.Tx, sec *secret) error {
		return decideStage(sec, deref(in.VersionStage), deref(in.RemoveFromVersionId), deref(in.MoveToVersionId), s.now())
	})
	if err != nil {
		return nil, err
	}
	return &secretsmanager.UpdateSecretVersionStageResponse{ARN: new(sec.ARN), Name: new(sec.Name)}, nil
}
