package secretsmanager_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/secretsmanager"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/aws/secretsmanager"
	"github.com/millrace/millrace/store"
)

var caller = model.Caller{Account: "123456789012", Region: "eu-west-1", ARN: "arn:aws:iam::123456789012:root"}

// keys stands where KMS does: one key, that can be disabled.
type keys struct {
	ring     *seal.Ring
	disabled bool
}

func (k *keys) Seal(_ context.Context, _ model.Caller, key string, plain []byte, c map[string]string) ([]byte, string, error) {
	if k.disabled || key == "none" {
		return nil, "", &model.Error{Code: "NotFoundException", HTTP: 400}
	}
	out, err := k.ring.Seal(fmt.Sprint(c), plain)
	return out, "arn:aws:kms:eu-west-1:123456789012:key/k", err
}

func (k *keys) Open(_ context.Context, _ model.Caller, _ string, blob []byte, c map[string]string) ([]byte, string, error) {
	if k.disabled {
		return nil, "", &model.Error{Code: "DisabledException", HTTP: 400}
	}
	out, err := k.ring.Open(fmt.Sprint(c), blob)
	return out, "arn:aws:kms:eu-west-1:123456789012:key/k", err
}

type world struct {
	*secretsmanager.Service
	t    *testing.T
	keys *keys
	now  time.Time
	file string
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, keys: &keys{ring: seal.New()}, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), file: filepath.Join(t.TempDir(), "state.db")}
	st, err := store.Open(w.file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w.Service = secretsmanager.New(secretsmanager.Config{Store: st, Keys: w.keys, Now: func() time.Time { return w.now }, Random: rand.Reader})
	return w
}

func (w *world) create(name, text string) string {
	w.t.Helper()
	out, err := w.CreateSecret(w.t.Context(), caller, &shape.CreateSecretRequest{Name: &name, SecretString: &text})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.ARN
}

func (w *world) put(id, text string, stages ...string) string {
	w.t.Helper()
	out, err := w.PutSecretValue(w.t.Context(), caller, &shape.PutSecretValueRequest{SecretId: &id, SecretString: &text, VersionStages: stages})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.VersionId
}

func (w *world) get(id, version, stage string) (string, error) {
	in := &shape.GetSecretValueRequest{SecretId: &id}
	if version != "" {
		in.VersionId = &version
	}
	if stage != "" {
		in.VersionStage = &stage
	}
	out, err := w.GetSecretValue(w.t.Context(), caller, in)
	if err != nil {
		return "", err
	}
	return *out.SecretString, nil
}

func wants(t *testing.T, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[*model.Error](err); !ok || e.Code != code || e.HTTP != 400 {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestVersionsAndStages(t *testing.T) {
	w := open(t)
	arn := w.create("app/db", "one")
	if !regexp.MustCompile(`^arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-[A-Za-z0-9]{6}$`).MatchString(arn) {
		t.Error(arn)
	}
	w.put(arn, "two")
	pending := w.put("app/db", "three", "AWSPENDING")
	for stage, want := range map[string]string{"": "two", "AWSCURRENT": "two", "AWSPREVIOUS": "one", "AWSPENDING": "three"} {
		for _, id := range []string{arn, "app/db", arn[:len(arn)-7]} {
			if got, err := w.get(id, "", stage); got != want {
				t.Errorf("%s %s: %q, %v", id, stage, got, err)
			}
		}
	}
	d, err := w.DescribeSecret(t.Context(), caller, &shape.DescribeSecretRequest{SecretId: &arn})
	if err != nil || len(d.VersionIdsToStages) != 3 {
		t.Fatal(d, err)
	}
	holder := ""
	for id, stages := range d.VersionIdsToStages {
		if slices.Contains(stages, "AWSCURRENT") {
			holder = id
		}
	}
	move := &shape.UpdateSecretVersionStageRequest{SecretId: &arn, VersionStage: new("AWSCURRENT"), MoveToVersionId: &pending}
	_, err = w.UpdateSecretVersionStage(t.Context(), caller, move)
	wants(t, err, "InvalidParameterException")
	move.RemoveFromVersionId = &holder
	if _, err := w.UpdateSecretVersionStage(t.Context(), caller, move); err != nil {
		t.Fatal(err)
	}
	for stage, want := range map[string]string{"": "three", "AWSPREVIOUS": "two"} {
		if got, err := w.get(arn, "", stage); got != want {
			t.Errorf("%s: %q, %v", stage, got, err)
		}
	}
	_, err = w.get(arn, "", "none")
	wants(t, err, "ResourceNotFoundException")
	_, err = w.get(arn, holder, "AWSCURRENT")
	wants(t, err, "InvalidRequestException")
}

func TestOldVersionsGo(t *testing.T) {
	w := open(t)
	arn := w.create("s", "0")
	for i := range 90 {
		w.put(arn, fmt.Sprint(i))
	}
	out, err := w.ListSecretVersionIds(t.Context(), caller, &shape.ListSecretVersionIdsRequest{SecretId: &arn, IncludeDeprecated: new(true)})
	if err != nil || len(out.Versions) > 80 {
		t.Errorf("%d versions, %v", len(out.Versions), err)
	}
	if _, err := w.DeleteSecret(t.Context(), caller, &shape.DeleteSecretRequest{SecretId: &arn, ForceDeleteWithoutRecovery: new(true)}); err != nil {
		t.Fatal(err)
	}
	w.create("s", "again")
}

func TestTokensAreIdempotent(t *testing.T) {
	w := open(t)
	token := strings.Repeat("0123", 8)
	in := &shape.CreateSecretRequest{Name: new("s"), SecretString: new("v"), ClientRequestToken: &token}
	first, err := w.CreateSecret(t.Context(), caller, in)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := w.CreateSecret(t.Context(), caller, in); err != nil || *second.ARN != *first.ARN || *second.VersionId != token {
		t.Error(second, err)
	}
	in.SecretString = new("other")
	_, err = w.CreateSecret(t.Context(), caller, in)
	wants(t, err, "ResourceExistsException")
	in.ClientRequestToken = nil
	_, err = w.CreateSecret(t.Context(), caller, in)
	wants(t, err, "ResourceExistsException")
	_, err = w.PutSecretValue(t.Context(), caller, &shape.PutSecretValueRequest{SecretId: first.ARN, SecretString: new("x"), ClientRequestToken: &token})
	wants(t, err, "ResourceExistsException")
}

func TestDeletionAndRecovery(t *testing.T) {
	w := open(t)
	ctx, arn := t.Context(), w.create("s", "v")
	_, err := w.DeleteSecret(ctx, caller, &shape.DeleteSecretRequest{SecretId: &arn, RecoveryWindowInDays: new(int64(7)), ForceDeleteWithoutRecovery: new(true)})
	wants(t, err, "InvalidParameterException")
	_, err = w.DeleteSecret(ctx, caller, &shape.DeleteSecretRequest{SecretId: &arn, RecoveryWindowInDays: new(int64(3))})
	wants(t, err, "InvalidParameterException")
	mark := func() {
		t.Helper()
		if _, err := w.DeleteSecret(ctx, caller, &shape.DeleteSecretRequest{SecretId: &arn, RecoveryWindowInDays: new(int64(7))}); err != nil {
			t.Fatal(err)
		}
	}
	mark()
	_, err = w.get(arn, "", "")
	wants(t, err, "InvalidRequestException")
	_, err = w.CreateSecret(ctx, caller, &shape.CreateSecretRequest{Name: new("s")})
	wants(t, err, "InvalidRequestException")
	if list, err := w.ListSecrets(ctx, caller, &shape.ListSecretsRequest{}); err != nil || len(list.SecretList) != 0 {
		t.Error(list, err)
	}
	if _, err := w.RestoreSecret(ctx, caller, &shape.RestoreSecretRequest{SecretId: &arn}); err != nil {
		t.Fatal(err)
	}
	if got, err := w.get(arn, "", ""); got != "v" {
		t.Error(got, err)
	}
	mark()
	w.now = w.now.AddDate(0, 0, 7)
	_, err = w.get(arn, "", "")
	wants(t, err, "ResourceNotFoundException")
	if err := w.Expire(ctx); err != nil {
		t.Fatal(err)
	}
	if again := w.create("s", "v"); again == arn {
		t.Error("two secrets have one ARN")
	}
}

func TestKeysAndValues(t *testing.T) {
	w := open(t)
	ctx, arn := t.Context(), w.create("s", "canary-91c4")
	if data, err := os.ReadFile(w.file); err != nil || bytes.Contains(data, []byte("canary")) {
		t.Error("the store holds a value", err)
	}
	w.keys.disabled = true
	_, err := w.get(arn, "", "")
	wants(t, err, "DecryptionFailure")
	_, err = w.CreateSecret(ctx, caller, &shape.CreateSecretRequest{Name: new("t"), SecretString: new("v"), KmsKeyId: new("none")})
	wants(t, err, "EncryptionFailure")
	w.keys.disabled = false
	_, err = w.CreateSecret(ctx, caller, &shape.CreateSecretRequest{Name: new("t"), SecretString: new("v"), SecretBinary: []byte("v")})
	wants(t, err, "InvalidParameterException")
	_, err = w.CreateSecret(ctx, caller, &shape.CreateSecretRequest{Name: new("a b"), SecretString: new("v")})
	wants(t, err, "ValidationException")
	stranger := model.Caller{Account: "210987654321", Region: "eu-west-1"}
	_, err = w.GetSecretValue(ctx, stranger, &shape.GetSecretValueRequest{SecretId: &arn})
	wants(t, err, "ResourceNotFoundException")
	if _, err := w.UpdateSecret(ctx, caller, &shape.UpdateSecretRequest{SecretId: &arn, SecretBinary: []byte{1, 2}, Description: new("d")}); err != nil {
		t.Fatal(err)
	}
	if out, err := w.GetSecretValue(ctx, caller, &shape.GetSecretValueRequest{SecretId: &arn}); err != nil || string(out.SecretBinary) != "\x01\x02" || out.SecretString != nil {
		t.Error(out, err)
	}
}

func TestPoliciesTagsAndFilters(t *testing.T) {
	w := open(t)
	ctx, arn := t.Context(), w.create("app/one", "v")
	w.create("web", "v")
	public := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`
	_, err := w.PutResourcePolicy(ctx, caller, &shape.PutResourcePolicyRequest{SecretId: &arn, ResourcePolicy: &public, BlockPublicPolicy: new(true)})
	wants(t, err, "PublicPolicyException")
	_, err = w.PutResourcePolicy(ctx, caller, &shape.PutResourcePolicyRequest{SecretId: &arn, ResourcePolicy: new("{")})
	wants(t, err, "MalformedPolicyDocumentException")
	if _, err := w.PutResourcePolicy(ctx, caller, &shape.PutResourcePolicyRequest{SecretId: &arn, ResourcePolicy: &public}); err != nil {
		t.Fatal(err)
	}
	if got, err := w.GetResourcePolicy(ctx, caller, &shape.GetResourcePolicyRequest{SecretId: &arn}); err != nil || *got.ResourcePolicy != public {
		t.Error(got, err)
	}
	if v, err := w.ValidateResourcePolicy(ctx, caller, &shape.ValidateResourcePolicyRequest{ResourcePolicy: &public}); err != nil || *v.PolicyValidationPassed {
		t.Error(v, err)
	}
	if _, err := w.TagResource(ctx, caller, &shape.TagResourceRequest{SecretId: &arn, Tags: []shape.Tag{{Key: new("team"), Value: new("data")}}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key, value string
		want       int
	}{{"name", "app", 1}, {"name", "!app", 1}, {"tag-key", "team", 1}, {"tag-value", "none", 0}, {"all", "WEB", 1}} {
		list, err := w.ListSecrets(ctx, caller, &shape.ListSecretsRequest{Filters: []shape.Filter{{Key: &c.key, Values: []string{c.value}}}})
		if err != nil || len(list.SecretList) != c.want {
			t.Errorf("%s=%s: %d, %v", c.key, c.value, len(list.SecretList), err)
		}
	}
	first, err := w.ListSecrets(ctx, caller, &shape.ListSecretsRequest{MaxResults: new(int32(1))})
	if err != nil || first.NextToken == nil {
		t.Fatal(first, err)
	}
	rest, err := w.ListSecrets(ctx, caller, &shape.ListSecretsRequest{NextToken: first.NextToken})
	if err != nil || len(rest.SecretList) != 1 || *rest.SecretList[0].Name != "web" {
		t.Error(rest, err)
	}
}

func TestRandomPasswords(t *testing.T) {
	w := open(t)
	out, err := w.GetRandomPassword(t.Context(), caller, &shape.GetRandomPasswordRequest{PasswordLength: new(int64(8)), ExcludePunctuation: new(true), ExcludeCharacters: new("0O1l")})
	if err != nil || !regexp.MustCompile(`^[A-NP-Za-km-z2-9]{8}$`).MatchString(*out.RandomPassword) {
		t.Errorf("a password that breaks its rules, %v", err)
	}
	_, err = w.GetRandomPassword(t.Context(), caller, &shape.GetRandomPasswordRequest{PasswordLength: new(int64(3))})
	wants(t, err, "InvalidParameterException")
}
