package iam_test

import (
	"bytes"
	"crypto/rand"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/store"
)

func TestRootCredentialIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	var first iam.Credential
	for start := range 2 {
		st, err := store.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := iam.New(t.Context(), iam.Config{Store: st, Random: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		if start == 0 {
			first = s.Root()
		}
		if s.Root() != first {
			t.Error("a restart changed the root credential")
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(first.AccessKeyID) || len(first.Secret) != 40 || first.Account != iam.AccountID {
		t.Errorf("the credential has not AWS's shape: key %q, account %q, %d characters of secret", first.AccessKeyID, first.Account, len(first.Secret))
	}
}

func TestTooLittleRandomness(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := iam.New(t.Context(), iam.Config{Store: st, Random: bytes.NewReader(make([]byte, 39))}); err == nil {
		t.Error("made a credential of too few random bytes")
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s, err := iam.New(t.Context(), iam.Config{Store: st, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := s.Authenticate("AKIAIOSFODNN7EXAMPLE", "us-east-1"); ok {
		t.Error("an unknown key has an owner")
	}
	for region, arn := range map[string]string{"eu-west-1": "arn:aws:iam::000000000000:root", "cn-north-1": "arn:aws-cn:iam::000000000000:root"} {
		cred, root, ok := s.Authenticate(s.Root().AccessKeyID, region)
		if !ok || cred != s.Root() || root.ARN != arn || root.Region != region || root.UserID != iam.AccountID {
			t.Errorf("root is %+v, %v", root, ok)
		}
		if err := s.Authorize(t.Context(), root, "kafka:DeleteCluster", "*"); err != nil {
			t.Errorf("root may not: %v", err)
		}
	}
	alice := model.Caller{Account: iam.AccountID, Region: "us-east-1", ARN: "arn:aws:iam::000000000000:user/alice"}
	err = s.Authorize(t.Context(), alice, "kafka:ListClusters", "*")
	want := "AccessDeniedException: User: arn:aws:iam::000000000000:user/alice is not authorized to perform: kafka:ListClusters on resource: * because no identity-based policy allows the kafka:ListClusters action"
	if err == nil || err.Error() != want {
		t.Errorf("alice: got %v, want %s", err, want)
	}
	if err := s.Authorize(t.Context(), alice, "sts:GetCallerIdentity", "*"); err != nil {
		t.Errorf("alice may not ask who she is: %v", err)
	}
	if err := s.Authorize(t.Context(), model.Caller{}, "kafka:ListClusters", "*"); err == nil {
		t.Error("nobody may list clusters")
	}
}
