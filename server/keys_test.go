package server

import (
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/aws/model/secretsmanager"
)

// TestKeysGuardSecrets: who may read a secret must also be allowed to use its
// customer's key, by an alias too, and what a policy of the key denies is denied.
func TestKeysGuardSecrets(t *testing.T) {
	s, err := New(Config{
		DataDir: t.TempDir(), Listen: "127.0.0.1:0", BrokerPorts: os.Getenv(portsVariable), Region: "us-east-1",
		RebalanceDelay: new(time.Duration), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	ctx := t.Context()
	root := rootOf(t, s)
	bob := bobIn(t, s, root, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}}`)
	made, err := s.kms.CreateKey(ctx, root, &kms.CreateKeyRequest{})
	if err != nil {
		t.Fatal(err)
	}
	key := *made.KeyMetadata.Arn
	if _, err := s.kms.CreateAlias(ctx, root, &kms.CreateAliasRequest{AliasName: new("alias/k"), TargetKeyId: &key}); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]*string{"own": &key, "aliased": new("alias/k"), "default": nil} {
		if _, err := s.secrets.CreateSecret(ctx, root, &secretsmanager.CreateSecretRequest{Name: &name, SecretString: new("v"), KmsKeyId: id}); err != nil {
			t.Fatal(err)
		}
	}
	reads := func(want ...string) {
		t.Helper()
		for _, name := range []string{"own", "aliased", "default"} {
			_, err := s.secrets.GetSecretValue(ctx, bob, &secretsmanager.GetSecretValueRequest{SecretId: &name})
			allowed := false
			for _, w := range want {
				allowed = allowed || w == name
			}
			denied, is := errors.AsType[*model.Error](err)
			if allowed != (err == nil) || !allowed && (!is || denied.Code != "AccessDeniedException") {
				t.Errorf("bob reads %s: %v", name, err)
			}
		}
	}
	reads("default")
	allow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"},{"Effect":"Allow","Action":"kms:Decrypt","Resource":"` + key + `"}]}`
	setPolicy(t, s, root, allow)
	reads("default", "own", "aliased")
	question := iam.Question{Caller: bob, Action: "kms:Decrypt", Resource: "arn:aws:kms:us-east-1:" + s.root.Account + ":alias/k"}
	if err := s.authorizer().Authorize(ctx, &question); err != nil || question.Resource != key {
		t.Errorf("by the alias: %v on %s", err, question.Resource)
	}
	deny := `{"Version":"2012-10-17","Statement":[{"Sid":"all of us","Effect":"Allow","Principal":{"AWS":"` + root.ARN + `"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Deny","Principal":{"AWS":"` + bob.ARN + `"},"Action":"kms:Decrypt","Resource":"*"}]}`
	put := func(text string, bypass bool) error {
		_, err := s.kms.PutKeyPolicy(ctx, root, &kms.PutKeyPolicyRequest{KeyId: &key, Policy: &text, BypassPolicyLockoutSafetyCheck: &bypass})
		return err
	}
	if err := put(deny, false); err != nil {
		t.Fatal(err)
	}
	reads("default")
	// A policy without the account leaves nothing to the account's policies.
	bobs := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + bob.ARN + `"},"Action":"kms:Encrypt","Resource":"*"}}`
	if err := put(bobs, false); err == nil {
		t.Error("a policy that locks its author out was taken")
	}
	if err := put(bobs, true); err != nil {
		t.Fatal(err)
	}
	reads("default")
	if err := s.authorizer().Authorize(ctx, &iam.Question{Caller: root, Action: "kms:Decrypt", Resource: key}); err == nil {
		t.Error("the root may use a key whose policy does not name it")
	}
}

// rootOf is the account's root as a caller.
func rootOf(t *testing.T, s *System) model.Caller {
	t.Helper()
	_, c, ok := s.iam.Authenticate(t.Context(), s.root.AccessKeyID, "", "us-east-1")
	if !ok {
		t.Fatal("the root credential is unknown")
	}
	return c
}

func bobIn(t *testing.T, s *System, root model.Caller, document string) model.Caller {
	t.Helper()
	made, err := s.iam.CreateUser(t.Context(), root, &shape.CreateUserRequest{UserName: new("bob")})
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.iam.CreateAccessKey(t.Context(), root, &shape.CreateAccessKeyRequest{UserName: new("bob")})
	if err != nil {
		t.Fatal(err)
	}
	setPolicy(t, s, root, document)
	_, bob, ok := s.iam.Authenticate(t.Context(), *key.AccessKey.AccessKeyId, "", root.Region)
	if !ok || bob.ARN != *made.User.Arn {
		t.Fatalf("bob is %+v", bob)
	}
	return bob
}

func setPolicy(t *testing.T, s *System, root model.Caller, document string) {
	t.Helper()
	if _, err := s.iam.PutUserPolicy(t.Context(), root, &shape.PutUserPolicyRequest{UserName: new("bob"), PolicyName: new("p"), PolicyDocument: &document}); err != nil {
		t.Fatal(err)
	}
}
