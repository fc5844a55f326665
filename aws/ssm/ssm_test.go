package ssm_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/kms"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/ssm"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/aws/ssm"
	"github.com/millrace/millrace/store"
)

var caller = model.Caller{Account: "000000000000", Region: "us-east-1", ARN: "arn:aws:iam::000000000000:root"}

// keys is the real kms, without a judge.
type keys struct{ *kms.Service }

func (k keys) Seal(ctx context.Context, c model.Caller, _, key string, plaintext []byte, encryption map[string]string) ([]byte, error) {
	sealed, _, err := k.Service.Seal(ctx, c, key, plaintext, encryption)
	return sealed, err
}

func (k keys) Open(ctx context.Context, c model.Caller, ciphertext []byte, encryption map[string]string) ([]byte, error) {
	plain, _, err := k.Service.Open(ctx, c, "", ciphertext, encryption)
	return plain, err
}

func start(t *testing.T) (*ssm.Service, *store.Store) {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	k := kms.New(kms.Config{Store: st, Ring: seal.New(), Now: time.Now, Random: rand.Reader})
	return ssm.New(ssm.Config{Store: st, Keys: keys{k}, Now: time.Now}), st
}

func code(err error) string {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

// put puts a parameter that must be taken.
func put(t *testing.T, s *ssm.Service, in shape.PutParameterRequest) int64 {
	t.Helper()
	out, err := s.PutParameter(t.Context(), caller, &in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.Version
}

func get(t *testing.T, s *ssm.Service, name string) string {
	t.Helper()
	out, err := s.GetParameter(t.Context(), caller, &shape.GetParameterRequest{Name: &name, WithDecryption: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Parameter.Value
}

func TestVersionsAndLabels(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	in := shape.PutParameterRequest{Name: new("/app/db"), Value: new("one"), Type: new("String"), Tags: []shape.Tag{{Key: new("a"), Value: new("b")}}}
	put(t, s, in)
	if _, err := s.PutParameter(ctx, caller, &in); code(err) != "ParameterAlreadyExists" {
		t.Error(err)
	}
	if n := put(t, s, shape.PutParameterRequest{Name: new("/app/db"), Value: new("two"), Overwrite: new(true)}); n != 2 {
		t.Errorf("the second version is %d", n)
	}
	if _, err := s.LabelParameterVersion(ctx, caller, &shape.LabelParameterVersionRequest{Name: new("/app/db"), ParameterVersion: new(int64(1)), Labels: []string{"good"}}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"/app/db": "two", "/app/db:1": "one", "/app/db:good": "one", "arn:aws:ssm:us-east-1:000000000000:parameter/app/db": "two"} {
		if got := get(t, s, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"/app/db:3": "ParameterVersionNotFound", "/app/db:bad": "ParameterVersionNotFound", "/aws/service/ami": "ParameterNotFound", "app/db": "ParameterNotFound", "\x00": "ParameterNotFound",
	} {
		if _, err := s.GetParameter(ctx, caller, &shape.GetParameterRequest{Name: &name}); code(err) != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	for range 98 {
		put(t, s, shape.PutParameterRequest{Name: new("/app/db"), Value: new("more"), Overwrite: new(true)})
	}
	again := shape.PutParameterRequest{Name: new("/app/db"), Value: new("more"), Overwrite: new(true)}
	if _, err := s.PutParameter(ctx, caller, &again); code(err) != "ParameterMaxVersionLimitExceeded" {
		t.Errorf("the oldest version has a label: %v", err)
	}
	if _, err := s.UnlabelParameterVersion(ctx, caller, &shape.UnlabelParameterVersionRequest{Name: new("/app/db"), ParameterVersion: new(int64(1)), Labels: []string{"good"}}); err != nil {
		t.Fatal(err)
	}
	put(t, s, again)
	history, err := s.GetParameterHistory(ctx, caller, &shape.GetParameterHistoryRequest{Name: new("/app/db")})
	if err != nil || len(history.Parameters) != 50 || *history.Parameters[0].Version != 2 || history.NextToken == nil {
		t.Errorf("the history begins with %v, %v", history, err)
	}
	rest, err := s.GetParameterHistory(ctx, caller, &shape.GetParameterHistoryRequest{Name: new("/app/db"), NextToken: history.NextToken})
	if err != nil || len(rest.Parameters) != 50 || *rest.Parameters[49].Version != 101 || rest.NextToken != nil {
		t.Errorf("and ends with %v, %v", rest, err)
	}
	gone, err := s.DeleteParameters(ctx, caller, &shape.DeleteParametersRequest{Names: []string{"/app/db", "none"}})
	if err != nil || len(gone.DeletedParameters) != 1 || len(gone.InvalidParameters) != 1 {
		t.Errorf("%+v, %v", gone, err)
	}
	if n := put(t, s, in); n != 1 {
		t.Errorf("a deleted parameter goes on with version %d", n)
	}
}

func TestSecureStringsAreEncrypted(t *testing.T) {
	s, st := start(t)
	const canary = "correct horse battery staple"
	put(t, s, shape.PutParameterRequest{Name: new("secret"), Value: new(canary), Type: new("SecureString")})
	if got := get(t, s, "secret"); got != canary {
		t.Errorf("decrypted %q", got)
	}
	out, err := s.GetParameter(t.Context(), caller, &shape.GetParameterRequest{Name: new("secret")})
	if err != nil || strings.Contains(*out.Parameter.Value, "horse") || len(*out.Parameter.Value) < 40 {
		t.Errorf("without decryption: %v %v", out, err)
	}
	all, err := s.DescribeParameters(t.Context(), caller, &shape.DescribeParametersRequest{})
	if err != nil || *all.Parameters[0].KeyId != "alias/aws/ssm" {
		t.Errorf("described %+v, %v", all, err)
	}
	err = st.View(t.Context(), func(tx *store.Tx) error {
		found, err := tx.List("", "", store.MaxList)
		for _, kv := range found {
			if strings.Contains(string(kv.Value), canary) {
				t.Errorf("the store has the value in the clear under %s", kv.Key)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	_, err = s.PutParameter(t.Context(), caller, &shape.PutParameterRequest{Name: new("other"), Value: new("x"), Type: new("SecureString"), KeyId: new("alias/none")})
	if code(err) != "InvalidKeyId" {
		t.Errorf("a key that does not exist: %v", err)
	}
}

func TestRefusedParameters(t *testing.T) {
	s, _ := start(t)
	long := strings.Repeat("x", 4097)
	for _, c := range []struct {
		in   shape.PutParameterRequest
		want string
	}{
		{shape.PutParameterRequest{Name: new("/aws/mine"), Value: new("x"), Type: new("String")}, "AccessDeniedException"},
		{shape.PutParameterRequest{Name: new("SSMx"), Value: new("x"), Type: new("String")}, "ValidationException"},
		{shape.PutParameterRequest{Name: new("a b"), Value: new("x"), Type: new("String")}, "ValidationException"},
		{shape.PutParameterRequest{Name: new("a/b"), Value: new("x"), Type: new("String")}, "ValidationException"},
		{shape.PutParameterRequest{Name: new(strings.Repeat("/a", 16)), Value: new("x"), Type: new("String")}, "HierarchyLevelLimitExceededException"},
		{shape.PutParameterRequest{Name: new("a"), Value: new("x")}, "ValidationException"},
		{shape.PutParameterRequest{Name: new("a"), Value: &long, Type: new("String")}, "ValidationException"},
		{shape.PutParameterRequest{Name: new("a"), Value: new("x"), Type: new("String"), AllowedPattern: new(`^\d+$`)}, "ParameterPatternMismatchException"},
		{shape.PutParameterRequest{Name: new("a"), Value: new("x"), Type: new("String"), AllowedPattern: new(`(`)}, "InvalidAllowedPatternException"},
		{shape.PutParameterRequest{Name: new("a"), Value: new("x"), Type: new("String"), KeyId: new("alias/aws/ssm")}, "ValidationException"},
		{shape.PutParameterRequest{Name: new("a"), Value: new("x"), Type: new("String"), Policies: new(`[{}]`)}, "InvalidPolicyTypeException"},
	} {
		if _, err := s.PutParameter(t.Context(), caller, &c.in); code(err) != c.want {
			t.Errorf("%s: %v, want %s", *c.in.Name, err, c.want)
		}
	}
	out, err := s.PutParameter(t.Context(), caller, &shape.PutParameterRequest{Name: new("a"), Value: &long, Type: new("String"), Tier: new("Intelligent-Tiering")})
	if err != nil || *out.Tier != "Advanced" {
		t.Errorf("%v, %v", out, err)
	}
}

func TestListsOfParameters(t *testing.T) {
	s, _ := start(t)
	for i := range 25 {
		put(t, s, shape.PutParameterRequest{Name: new(fmt.Sprintf("/app/a%02d", i)), Value: new("x"), Type: new("String")})
	}
	put(t, s, shape.PutParameterRequest{Name: new("/app/deep/x"), Value: new("x"), Type: new("StringList"), Tags: []shape.Tag{{Key: new("team"), Value: new("blue")}}})
	put(t, s, shape.PutParameterRequest{Name: new("/apple"), Value: new("x"), Type: new("String")})
	count := func(in shape.GetParametersByPathRequest) (n int) {
		for {
			out, err := s.GetParametersByPath(t.Context(), caller, &in)
			if err != nil {
				t.Fatal(err)
			}
			n += len(out.Parameters)
			if in.NextToken = out.NextToken; out.NextToken == nil {
				return n
			}
		}
	}
	if n := count(shape.GetParametersByPathRequest{Path: new("/app")}); n != 25 {
		t.Errorf("%d on the level below /app", n)
	}
	if n := count(shape.GetParametersByPathRequest{Path: new("/app/"), Recursive: new(true), MaxResults: new(int32(3))}); n != 26 {
		t.Errorf("%d below /app", n)
	}
	if n := count(shape.GetParametersByPathRequest{Path: new("/"), Recursive: new(true), ParameterFilters: []shape.ParameterStringFilter{{Key: new("Type"), Values: []string{"StringList"}}}}); n != 1 {
		t.Errorf("%d lists", n)
	}
	for want, f := range map[string]shape.ParameterStringFilter{
		"1":                   {Key: new("Name"), Values: []string{"/app/a01"}},
		"10":                  {Key: new("Name"), Option: new("BeginsWith"), Values: []string{"/app/a0"}},
		"1 ":                  {Key: new("tag:team"), Values: []string{"blue"}},
		"1  ":                 {Key: new("Path"), Option: new("OneLevel"), Values: []string{"/app/deep"}},
		"InvalidFilterKey":    {Key: new("Label"), Values: []string{"x"}},
		"InvalidFilterOption": {Key: new("Name"), Option: new("Like"), Values: []string{"x"}},
		"InvalidFilterValue":  {Key: new("Name")},
	} {
		out, err := s.DescribeParameters(t.Context(), caller, &shape.DescribeParametersRequest{ParameterFilters: []shape.ParameterStringFilter{f}})
		if err == nil && fmt.Sprint(len(out.Parameters)) != strings.TrimSpace(want) || err != nil && code(err) != want {
			t.Errorf("%s %v: %v %v, want %s", *f.Key, f.Values, out, err, want)
		}
	}
}

func TestTagsAndSeveralParameters(t *testing.T) {
	s, _ := start(t)
	ctx := t.Context()
	put(t, s, shape.PutParameterRequest{Name: new("one"), Value: new("1"), Type: new("String"), Tags: []shape.Tag{{Key: new("a"), Value: new("b")}}})
	put(t, s, shape.PutParameterRequest{Name: new("two"), Value: new("2"), Type: new("String")})
	if _, err := s.AddTagsToResource(ctx, caller, &shape.AddTagsToResourceRequest{ResourceType: new("Parameter"), ResourceId: new("one"), Tags: []shape.Tag{{Key: new("c"), Value: new("d")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RemoveTagsFromResource(ctx, caller, &shape.RemoveTagsFromResourceRequest{ResourceType: new("Parameter"), ResourceId: new("one"), TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := s.ListTagsForResource(ctx, caller, &shape.ListTagsForResourceRequest{ResourceType: new("Parameter"), ResourceId: new("one")})
	if err != nil || len(tags.TagList) != 1 || *tags.TagList[0].Key != "c" {
		t.Errorf("%+v, %v", tags, err)
	}
	if _, err := s.ListTagsForResource(ctx, caller, &shape.ListTagsForResourceRequest{ResourceType: new("Parameter"), ResourceId: new("none")}); code(err) != "InvalidResourceId" {
		t.Error(err)
	}
	if _, err := s.ListTagsForResource(ctx, caller, &shape.ListTagsForResourceRequest{ResourceType: new("Document"), ResourceId: new("one")}); code(err) != "InvalidResourceType" {
		t.Error(err)
	}
	out, err := s.GetParameters(ctx, caller, &shape.GetParametersRequest{Names: []string{"one", "two:1", "three"}})
	if err != nil || len(out.Parameters) != 2 || len(out.InvalidParameters) != 1 || *out.Parameters[1].Selector != ":1" {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := s.DeleteParameter(ctx, caller, &shape.DeleteParameterRequest{Name: new("one")}); err != nil {
		t.Error(err)
	}
	if _, err := s.DeleteParameter(ctx, caller, &shape.DeleteParameterRequest{Name: new("one")}); code(err) != "ParameterNotFound" {
		t.Error(err)
	}
}
