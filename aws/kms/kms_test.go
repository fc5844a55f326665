package kms_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/kms"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/store"
)

var caller = model.Caller{Account: "123456789012", Region: "eu-west-1", ARN: "arn:aws:iam::123456789012:root"}

// world is a service whose clock the test sets.
type world struct {
	*kms.Service
	t    *testing.T
	now  time.Time
	file string
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), file: filepath.Join(t.TempDir(), "state.db")}
	st, err := store.Open(w.file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w.Service = kms.New(kms.Config{Store: st, Ring: seal.New(), Now: func() time.Time { return w.now }, Random: rand.Reader})
	return w
}

func (w *world) key() string {
	w.t.Helper()
	out, err := w.CreateKey(w.t.Context(), caller, &shape.CreateKeyRequest{Description: new("a key"), Tags: []shape.Tag{{TagKey: new("team"), TagValue: new("data")}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.KeyMetadata.Arn
}

func (w *world) encrypt(key, text string, context map[string]string) []byte {
	w.t.Helper()
	out, err := w.Encrypt(w.t.Context(), caller, &shape.EncryptRequest{KeyId: &key, Plaintext: []byte(text), EncryptionContext: context})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.CiphertextBlob
}

func (w *world) decrypt(blob []byte, context map[string]string) (string, error) {
	out, err := w.Decrypt(w.t.Context(), caller, &shape.DecryptRequest{CiphertextBlob: blob, EncryptionContext: context})
	if err != nil {
		return "", err
	}
	return string(out.Plaintext), nil
}

// wants checks the code of an error.
func wants(t *testing.T, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[*model.Error](err); !ok || e.Code != code || e.HTTP != 400 {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestEncryptionIsBoundToKeyAndContext(t *testing.T) {
	w := open(t)
	key, other := w.key(), w.key()
	context := map[string]string{"a": "bc", "ab": "c"}
	blob := w.encrypt(key, "text", context)
	if got, err := w.decrypt(blob, context); got != "text" {
		t.Errorf("%q, %v", got, err)
	}
	for _, wrong := range []map[string]string{nil, {"a": "bc"}, {"a": "b", "cab": "c"}, {"A": "bc", "ab": "c"}} {
		_, err := w.decrypt(blob, wrong)
		wants(t, err, "InvalidCiphertextException")
	}
	for i := range blob {
		changed := bytes.Clone(blob)
		changed[i] ^= 1
		_, err := w.decrypt(changed, context)
		wants(t, err, "InvalidCiphertextException")
	}
	_, err := w.Decrypt(t.Context(), caller, &shape.DecryptRequest{KeyId: &other, CiphertextBlob: blob, EncryptionContext: context})
	wants(t, err, "IncorrectKeyException")
	// Who of another account was let in uses the key by its ARN alone.
	guest := model.Caller{Account: "210987654321", Region: "eu-west-1"}
	if out, err := w.Decrypt(t.Context(), guest, &shape.DecryptRequest{CiphertextBlob: blob, EncryptionContext: context}); err != nil || string(out.Plaintext) != "text" {
		t.Errorf("for a guest: %v", err)
	}
	_, id, _ := strings.Cut(key, "key/")
	for _, elsewhere := range []string{id, strings.Replace(key, "eu-west-1", "eu-west-2", 1)} {
		_, err = w.DescribeKey(t.Context(), guest, &shape.DescribeKeyRequest{KeyId: &elsewhere})
		wants(t, err, "NotFoundException")
	}
	_, err = w.GetKeyPolicy(t.Context(), guest, &shape.GetKeyPolicyRequest{KeyId: &key})
	wants(t, err, "NotFoundException")
	_, err = w.DisableKey(t.Context(), guest, &shape.DisableKeyRequest{KeyId: &key})
	wants(t, err, "NotFoundException")

	again, err := w.ReEncrypt(t.Context(), caller, &shape.ReEncryptRequest{
		CiphertextBlob: blob, SourceEncryptionContext: context, DestinationKeyId: &other, DestinationEncryptionContext: map[string]string{"x": "y"},
	})
	if err != nil || *again.SourceKeyId != key || *again.KeyId != other {
		t.Fatal(again, err)
	}
	if got, err := w.decrypt(again.CiphertextBlob, map[string]string{"x": "y"}); got != "text" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDataKeys(t *testing.T) {
	w := open(t)
	key := w.key()
	made, err := w.GenerateDataKey(t.Context(), caller, &shape.GenerateDataKeyRequest{KeyId: &key, KeySpec: new("AES_256")})
	if err != nil || len(made.Plaintext) != 32 {
		t.Fatal(made, err)
	}
	if got, err := w.decrypt(made.CiphertextBlob, nil); got != string(made.Plaintext) {
		t.Error(err)
	}
	_, err = w.GenerateDataKey(t.Context(), caller, &shape.GenerateDataKeyRequest{KeyId: &key})
	wants(t, err, "ValidationException")
	if data, err := os.ReadFile(w.file); err != nil || bytes.Contains(data, made.Plaintext) {
		t.Error("the store holds a data key", err)
	}
}

func TestStatesOfAKey(t *testing.T) {
	w := open(t)
	key, ctx := w.key(), t.Context()
	blob := w.encrypt(key, "text", nil)
	if _, err := w.DisableKey(ctx, caller, &shape.DisableKeyRequest{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	_, err := w.decrypt(blob, nil)
	wants(t, err, "DisabledException")
	if _, err := w.EnableKey(ctx, caller, &shape.EnableKeyRequest{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	_, err = w.ScheduleKeyDeletion(ctx, caller, &shape.ScheduleKeyDeletionRequest{KeyId: &key, PendingWindowInDays: new(int32(6))})
	wants(t, err, "ValidationException")
	schedule := func() {
		t.Helper()
		if _, err := w.ScheduleKeyDeletion(ctx, caller, &shape.ScheduleKeyDeletionRequest{KeyId: &key, PendingWindowInDays: new(int32(7))}); err != nil {
			t.Fatal(err)
		}
	}
	schedule()
	_, err = w.decrypt(blob, nil)
	wants(t, err, "KMSInvalidStateException")
	if _, err := w.CancelKeyDeletion(ctx, caller, &shape.CancelKeyDeletionRequest{KeyId: &key}); err != nil {
		t.Fatal(err)
	}
	d, err := w.DescribeKey(ctx, caller, &shape.DescribeKeyRequest{KeyId: &key})
	if err != nil || *d.KeyMetadata.KeyState != "Disabled" || *d.KeyMetadata.Enabled {
		t.Errorf("a key that is kept: %v, %v", d, err)
	}
	if _, err := w.CreateAlias(ctx, caller, &shape.CreateAliasRequest{AliasName: new("alias/mine"), TargetKeyId: &key}); err != nil {
		t.Fatal(err)
	}
	schedule()
	w.now = w.now.AddDate(0, 0, 7)
	_, err = w.DescribeKey(ctx, caller, &shape.DescribeKeyRequest{KeyId: &key})
	wants(t, err, "NotFoundException")
	if err := w.Expire(ctx); err != nil {
		t.Fatal(err)
	}
	aliases, err := w.ListAliases(ctx, caller, &shape.ListAliasesRequest{})
	if err != nil || len(aliases.Aliases) != 0 {
		t.Error(aliases, err)
	}
}

func TestRotationKeepsOldCiphertexts(t *testing.T) {
	w := open(t)
	key, ctx := w.key(), t.Context()
	blob := w.encrypt(key, "old", nil)
	if _, err := w.EnableKeyRotation(ctx, caller, &shape.EnableKeyRotationRequest{KeyId: &key, RotationPeriodInDays: new(int32(90))}); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.AddDate(0, 0, 200)
	fresh := w.encrypt(key, "new", nil)
	if blob[24] != 0 || fresh[24] != 1 {
		t.Errorf("materials %d and %d", blob[24], fresh[24])
	}
	status, err := w.GetKeyRotationStatus(ctx, caller, &shape.GetKeyRotationStatusRequest{KeyId: &key})
	if err != nil || !*status.KeyRotationEnabled || !status.NextRotationDate.After(w.now) {
		t.Error(status, err)
	}
	older := slices.Concat([]byte{1}, blob[1:17], blob[23:]) // format 1 had no account
	for _, c := range []struct {
		want string
		blob []byte
	}{{"old", blob}, {"new", fresh}, {"old", older}} {
		if got, err := w.decrypt(c.blob, nil); got != c.want {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestAliases(t *testing.T) {
	w := open(t)
	a, b, ctx := w.key(), w.key(), t.Context()
	for name, code := range map[string]string{"mine": "ValidationException", "alias/aws/mine": "NotAuthorizedException"} {
		_, err := w.CreateAlias(ctx, caller, &shape.CreateAliasRequest{AliasName: &name, TargetKeyId: &a})
		wants(t, err, code)
	}
	alias := "alias/mine"
	if _, err := w.CreateAlias(ctx, caller, &shape.CreateAliasRequest{AliasName: &alias, TargetKeyId: &a}); err != nil {
		t.Fatal(err)
	}
	_, err := w.CreateAlias(ctx, caller, &shape.CreateAliasRequest{AliasName: &alias, TargetKeyId: &a})
	wants(t, err, "AlreadyExistsException")
	if _, err := w.UpdateAlias(ctx, caller, &shape.UpdateAliasRequest{AliasName: &alias, TargetKeyId: &b}); err != nil {
		t.Fatal(err)
	}
	d, err := w.DescribeKey(ctx, caller, &shape.DescribeKeyRequest{KeyId: new("arn:aws:kms:eu-west-1:123456789012:alias/mine")})
	if err != nil || *d.KeyMetadata.Arn != b {
		t.Error(d, err)
	}
	_, err = w.DisableKey(ctx, caller, &shape.DisableKeyRequest{KeyId: &alias})
	wants(t, err, "NotFoundException")

	managed, err := w.DescribeKey(ctx, caller, &shape.DescribeKeyRequest{KeyId: new("alias/aws/kafka")})
	if err != nil || *managed.KeyMetadata.KeyManager != "AWS" || *managed.KeyMetadata.KeyId != model.ManagedKeyID("kafka", caller.Region, caller.Account) {
		t.Fatal(managed, err)
	}
	_, err = w.ScheduleKeyDeletion(ctx, caller, &shape.ScheduleKeyDeletionRequest{KeyId: managed.KeyMetadata.KeyId})
	wants(t, err, "AccessDeniedException")
	list, err := w.ListAliases(ctx, caller, &shape.ListAliasesRequest{})
	if err != nil || len(list.Aliases) != 2 {
		t.Error(list, err)
	}
}

func TestGrantsAndPolicies(t *testing.T) {
	w := open(t)
	key, ctx := w.key(), t.Context()
	in := &shape.CreateGrantRequest{KeyId: &key, Name: new("once"), GranteePrincipal: new("arn:aws:iam::123456789012:role/r"), Operations: []string{"Decrypt"}}
	first, err := w.CreateGrant(ctx, caller, in)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := w.CreateGrant(ctx, caller, in); err != nil || *second.GrantId != *first.GrantId {
		t.Error("a named grant was made twice", err)
	}
	in.Operations = []string{"Sign"}
	_, err = w.CreateGrant(ctx, caller, in)
	wants(t, err, "ValidationException")
	f, ok, err := w.Facts(ctx, caller, key)
	if err != nil || !ok || len(f.Grants) != 1 || f.Tags["team"] != "data" || !strings.Contains(f.Policy, "kms:*") {
		t.Error(f, ok, err)
	}
	if _, err := w.RetireGrant(ctx, caller, &shape.RetireGrantRequest{GrantToken: first.GrantToken}); err != nil {
		t.Fatal(err)
	}
	if list, err := w.ListGrants(ctx, caller, &shape.ListGrantsRequest{KeyId: &key}); err != nil || len(list.Grants) != 0 {
		t.Error(list, err)
	}
	in.Operations, in.GranteePrincipal = []string{"Decrypt"}, new("role/r")
	_, err = w.CreateGrant(ctx, caller, in)
	wants(t, err, "InvalidArnException")
	in.GranteePrincipal = nil
	_, err = w.CreateGrant(ctx, caller, in)
	wants(t, err, "ValidationException")
	_, err = w.PutKeyPolicy(ctx, caller, &shape.PutKeyPolicyRequest{KeyId: &key, Policy: new("{}")})
	wants(t, err, "MalformedPolicyDocumentException")
	_, err = w.CreateKey(ctx, caller, &shape.CreateKeyRequest{KeySpec: new("RSA_2048")})
	wants(t, err, "UnsupportedOperationException")
}

// TestWhatGrantsGive: the operations to the grantee, under the constraint, and
// the retiring of itself.
func TestWhatGrantsGive(t *testing.T) {
	const alice, bob = "arn:aws:iam::123456789012:user/alice", "arn:aws:iam::210987654321:role/bob"
	plain := kms.Grant{ID: "1", Token: "t", Grantee: alice, Retirer: bob, Operations: []string{"Decrypt", "CreateGrant", "DescribeKey"}}
	whole, part := plain, plain
	whole.Equals, part.Subset = map[string]string{"a": "b"}, map[string]string{"a": "b"}
	service := kms.Grant{ID: "2", Grantee: "kafka.amazonaws.com", Operations: []string{"Decrypt"}}
	ab, abc := map[string]string{"a": "b"}, map[string]string{"a": "b", "c": "d"}
	for _, c := range []struct {
		name  string
		grant kms.Grant
		use   kms.Use
		want  string
	}{
		{"an operation", plain, kms.Use{Action: "kms:Decrypt"}, alice},
		{"another", plain, kms.Use{Action: "kms:Encrypt"}, ""},
		{"any context", plain, kms.Use{Action: "kms:Decrypt", Encryption: ab}, alice},
		{"the whole context", whole, kms.Use{Action: "kms:Decrypt", Encryption: ab}, alice},
		{"more than it", whole, kms.Use{Action: "kms:Decrypt", Encryption: abc}, ""},
		{"less than it", whole, kms.Use{Action: "kms:Decrypt"}, ""},
		{"a part", part, kms.Use{Action: "kms:Decrypt", Encryption: abc}, alice},
		{"not the part", part, kms.Use{Action: "kms:Decrypt", Encryption: map[string]string{"a": "c"}}, ""},
		{"no context to have", whole, kms.Use{Action: "kms:DescribeKey"}, alice},
		{"given on", plain, kms.Use{Action: "kms:CreateGrant", Operations: []string{"Decrypt"}}, alice},
		{"more given on", plain, kms.Use{Action: "kms:CreateGrant", Operations: []string{"Decrypt", "Encrypt"}}, ""},
		{"without the constraint", whole, kms.Use{Action: "kms:CreateGrant", Operations: []string{"Decrypt"}}, ""},
		{"with a weaker one", whole, kms.Use{Action: "kms:CreateGrant", Operations: []string{"Decrypt"}, Encryption: ab}, ""},
		{"with the same", whole, kms.Use{Action: "kms:CreateGrant", Operations: []string{"Decrypt"}, Encryption: ab, Equals: true}, alice},
		{"with a stronger one", part, kms.Use{Action: "kms:CreateGrant", Operations: []string{"Decrypt"}, Encryption: abc, Equals: true}, alice},
		{"retired by token", plain, kms.Use{Action: "kms:RetireGrant", Grant: "t"}, bob},
		{"another retired", plain, kms.Use{Action: "kms:RetireGrant", Grant: "3"}, ""},
		{"a service's", service, kms.Use{Action: "kms:Decrypt"}, ""},
	} {
		if got := strings.Join(c.grant.Gives(c.use), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{1}, 64))
	f.Fuzz(func(t *testing.T, blob []byte) {
		s := kms.New(kms.Config{})
		if arn, ok := s.KeyOf(caller, blob); ok && len(arn) != len("arn:aws:kms:eu-west-1:123456789012:key/")+36 {
			t.Fatal(arn)
		}
	})
}
