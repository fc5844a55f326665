package iam_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/seal"
	"github.com/millrace/millrace/store"
)

const region = "us-east-1"

// world is a service over a real store, with a clock that stands still.
type world struct {
	*iam.Service
	t   *testing.T
	st  *store.Store
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w := &world{t: t, st: st, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	w.Service, err = iam.New(t.Context(), iam.Config{Store: st, Random: rand.Reader, Keys: seal.New(), Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// as is the caller of a credential.
func (w *world) as(accessKeyID, token string) model.Caller {
	w.t.Helper()
	_, caller, ok := w.Authenticate(context.Background(), accessKeyID, token, region)
	if !ok {
		w.t.Fatalf("%s is not known", accessKeyID)
	}
	return caller
}

func (w *world) root() model.Caller { w.t.Helper(); return w.as(w.Root().AccessKeyID, "") }

// ok fails the test on an error.
func ok[T any](t *testing.T) func(out *T, err error) *T {
	return func(out *T, err error) *T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// refused fails the test unless the error has a code.
func refused(t *testing.T, code string, err error) {
	t.Helper()
	var e *model.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

// user makes a user with an inline policy and a key.
func (w *world) user(name, document string) (model.Caller, *shape.AccessKey) {
	w.t.Helper()
	ctx, root := w.t.Context(), w.root()
	ok[shape.CreateUserResponse](w.t)(w.CreateUser(ctx, root, &shape.CreateUserRequest{UserName: &name}))
	if document != "" {
		w.grant(name, document)
	}
	key := ok[shape.CreateAccessKeyResponse](w.t)(w.CreateAccessKey(ctx, root, &shape.CreateAccessKeyRequest{UserName: &name})).AccessKey
	return w.as(*key.AccessKeyId, ""), key
}

func (w *world) grant(name, document string) {
	w.t.Helper()
	ok[shape.PutUserPolicyResponse](w.t)(w.PutUserPolicy(w.t.Context(), w.root(), &shape.PutUserPolicyRequest{UserName: &name, PolicyName: p("own"), PolicyDocument: &document}))
}

func p[T any](v T) *T { return &v }

// may asks for a decision.
func (w *world) may(c model.Caller, action, resource string) bool {
	w.t.Helper()
	v, err := w.Decide(context.Background(), &iam.Question{Caller: c, Action: action, Resource: resource})
	if err != nil {
		w.t.Fatal(err)
	}
	return v.Allowed
}

func statement(effect, actions, resources string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":` + quote(actions) + `,"Resource":` + quote(resources) + `}]}`
}

func quote(list string) string { return `["` + strings.Join(strings.Fields(list), `","`) + `"]` }

func trust(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"}]}`
}

func TestRootCredentialIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	keys := seal.New()
	var first iam.Credential
	for start := range 2 {
		st, err := store.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := iam.New(t.Context(), iam.Config{Store: st, Random: rand.Reader, Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		if start == 0 {
			first = s.Root()
		}
		if s.Root() != first {
			t.Error("a restart changed the root credential")
		}
		if start == 1 {
			if _, err := iam.New(t.Context(), iam.Config{Store: st, Random: rand.Reader, Keys: seal.New()}); !errors.Is(err, seal.ErrUnknownKey) {
				t.Errorf("opened with another key file: %v", err)
			}
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(first.AccessKeyID) || len(first.Secret.Reveal()) != 40 || first.Account != iam.AccountID {
		t.Errorf("the credential has not AWS's shape: key %q, account %q, %d characters of secret", first.AccessKeyID, first.Account, len(first.Secret.Reveal()))
	}
}

// TestRootOfTheFirstVersion opens what the first version left: it is kept, and
// sealed from then on.
func TestRootOfTheFirstVersion(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	const keyID, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	err = st.Update(t.Context(), func(tx *store.Tx) error {
		return tx.Put("000000000000/-/iam/root", []byte(`{"accessKeyId":"`+keyID+`","secret":"`+secret+`","account":"000000000000"}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := seal.New()
	for range 2 {
		s, err := iam.New(t.Context(), iam.Config{Store: st, Random: rand.Reader, Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		c, caller, ok := s.Authenticate(t.Context(), keyID, "", region)
		if s.Root().AccessKeyID != keyID || !ok || c.Secret.Reveal() != secret || caller.ARN != "arn:aws:iam::000000000000:root" {
			t.Errorf("the root is %+v, %v", caller, ok)
		}
	}
	noSecretIn(t, st, secret)
}

// noSecretIn looks for a secret in everything that the store holds.
func noSecretIn(t *testing.T, st *store.Store, secret string) {
	t.Helper()
	err := st.View(t.Context(), func(tx *store.Tx) error {
		all, err := tx.List("", "", store.MaxList)
		for _, kv := range all {
			if bytes.Contains(kv.Value, []byte(secret)) {
				t.Errorf("the secret stands in %s", kv.Key)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
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

func TestRootAndNobody(t *testing.T) {
	w := newWorld(t)
	for region, arn := range map[string]string{"eu-west-1": "arn:aws:iam::000000000000:root", "cn-north-1": "arn:aws-cn:iam::000000000000:root"} {
		_, root, ok := w.Authenticate(t.Context(), w.Root().AccessKeyID, "", region)
		if !ok || root.ARN != arn || root.Region != region || root.UserID != iam.AccountID || !w.may(root, "kafka:DeleteCluster", "*") {
			t.Errorf("root is %+v, %v", root, ok)
		}
	}
	if _, _, ok := w.Authenticate(t.Context(), w.Root().AccessKeyID, "token", region); ok {
		t.Error("a token with a long-term key is nobody's")
	}
	for _, id := range []string{"AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "", "AKIA", strings.Repeat("A", 20)} {
		if _, _, ok := w.Authenticate(t.Context(), id, "", region); ok {
			t.Errorf("%q has an owner", id)
		}
	}
	if w.may(model.Caller{ARN: "arn:aws:iam::000000000000:root", Account: iam.AccountID}, "kafka:ListClusters", "*") {
		t.Error("a caller without a credential may list clusters")
	}
}

func TestUsersAndTheirKeys(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	alice, key := w.user("Alice", statement("Allow", "kafka:List*", "*"))
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(*key.AccessKeyId) || len(*key.SecretAccessKey) != 40 || !strings.HasPrefix(alice.UserID, "AIDA") || len(alice.UserID) != 20 {
		t.Errorf("key %s, user id %s", *key.AccessKeyId, alice.UserID)
	}
	noSecretIn(t, w.st, *key.SecretAccessKey)
	if alice.ARN != "arn:aws:iam::000000000000:user/Alice" || !w.may(alice, "kafka:ListClusters", "*") || w.may(alice, "kafka:DeleteCluster", "*") {
		t.Errorf("alice is %s", alice.ARN)
	}
	me := ok[shape.GetUserResponse](t)(w.GetUser(ctx, alice, &shape.GetUserRequest{}))
	if *me.User.UserName != "Alice" || *me.User.Path != "/" {
		t.Errorf("GetUser: %v", *me.User.UserName)
	}
	_, err := w.CreateUser(ctx, root, &shape.CreateUserRequest{UserName: p("alice")})
	refused(t, "EntityAlreadyExists", err)
	_, err = w.GetUser(ctx, root, &shape.GetUserRequest{UserName: p("alice")})
	refused(t, "NoSuchEntity", err)
	second := ok[shape.CreateAccessKeyResponse](t)(w.CreateAccessKey(ctx, alice, &shape.CreateAccessKeyRequest{}))
	_, err = w.CreateAccessKey(ctx, alice, &shape.CreateAccessKeyRequest{})
	refused(t, "LimitExceeded", err)
	info := ok[sts.GetAccessKeyInfoResponse](t)(w.GetAccessKeyInfo(ctx, root, &sts.GetAccessKeyInfoRequest{AccessKeyId: key.AccessKeyId}))
	if *info.Account != iam.AccountID {
		t.Errorf("the key's account is %s", *info.Account)
	}
	w.Used(*key.AccessKeyId, region, "kafka")
	used := ok[shape.GetAccessKeyLastUsedResponse](t)(w.GetAccessKeyLastUsed(ctx, root, &shape.GetAccessKeyLastUsedRequest{AccessKeyId: key.AccessKeyId}))
	if *used.AccessKeyLastUsed.ServiceName != "kafka" || *used.UserName != "Alice" {
		t.Errorf("last used: %+v", used)
	}

	// a key out of use ends what its holder may do, at once
	ok[shape.UpdateAccessKeyResponse](t)(w.UpdateAccessKey(ctx, root, &shape.UpdateAccessKeyRequest{UserName: p("Alice"), AccessKeyId: key.AccessKeyId, Status: p("Inactive")}))
	if _, _, known := w.Authenticate(ctx, *key.AccessKeyId, "", region); known || w.may(alice, "kafka:ListClusters", "*") {
		t.Error("an inactive key works")
	}
	ok[shape.UpdateAccessKeyResponse](t)(w.UpdateAccessKey(ctx, root, &shape.UpdateAccessKeyRequest{UserName: p("Alice"), AccessKeyId: key.AccessKeyId, Status: p("Active")}))
	if !w.may(alice, "kafka:ListClusters", "*") {
		t.Error("the key does not work again")
	}
	ok[shape.UpdateUserResponse](t)(w.UpdateUser(ctx, root, &shape.UpdateUserRequest{UserName: p("Alice"), NewUserName: p("Alicia"), NewPath: p("/team/")}))
	if alice = w.as(*key.AccessKeyId, ""); alice.ARN != "arn:aws:iam::000000000000:user/team/Alicia" {
		t.Errorf("renamed, she is %s", alice.ARN)
	}
	_, err = w.DeleteUser(ctx, root, &shape.DeleteUserRequest{UserName: p("Alicia")})
	refused(t, "DeleteConflict", err)
	for _, id := range []*string{key.AccessKeyId, second.AccessKey.AccessKeyId} {
		ok[shape.DeleteAccessKeyResponse](t)(w.DeleteAccessKey(ctx, root, &shape.DeleteAccessKeyRequest{UserName: p("Alicia"), AccessKeyId: id}))
	}
	ok[shape.DeleteUserPolicyResponse](t)(w.DeleteUserPolicy(ctx, root, &shape.DeleteUserPolicyRequest{UserName: p("Alicia"), PolicyName: p("own")}))
	ok[shape.DeleteUserResponse](t)(w.DeleteUser(ctx, root, &shape.DeleteUserRequest{UserName: p("Alicia")}))
	if w.may(alice, "kafka:ListClusters", "*") {
		t.Error("a deleted user may list clusters")
	}
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	bob, _ := w.user("bob", "")
	ok[shape.CreateGroupResponse](t)(w.CreateGroup(ctx, root, &shape.CreateGroupRequest{GroupName: p("ops")}))
	ok[shape.PutGroupPolicyResponse](t)(w.PutGroupPolicy(ctx, root, &shape.PutGroupPolicyRequest{GroupName: p("ops"), PolicyName: p("p"), PolicyDocument: p(statement("Allow", "kafka:*", "*"))}))
	ok[shape.AddUserToGroupResponse](t)(w.AddUserToGroup(ctx, root, &shape.AddUserToGroupRequest{GroupName: p("ops"), UserName: p("bob")}))
	if !w.may(bob, "kafka:DeleteCluster", "*") {
		t.Error("a group's policy does not reach its user")
	}
	ok[shape.UpdateGroupResponse](t)(w.UpdateGroup(ctx, root, &shape.UpdateGroupRequest{GroupName: p("ops"), NewGroupName: p("sre")}))
	got := ok[shape.GetGroupResponse](t)(w.GetGroup(ctx, root, &shape.GetGroupRequest{GroupName: p("sre")}))
	if len(got.Users) != 1 || *got.Users[0].UserName != "bob" || !w.may(bob, "kafka:DeleteCluster", "*") {
		t.Errorf("after the renaming: %d users", len(got.Users))
	}
	_, err := w.DeleteGroup(ctx, root, &shape.DeleteGroupRequest{GroupName: p("sre")})
	refused(t, "DeleteConflict", err)
	ok[shape.RemoveUserFromGroupResponse](t)(w.RemoveUserFromGroup(ctx, root, &shape.RemoveUserFromGroupRequest{GroupName: p("sre"), UserName: p("bob")}))
	if w.may(bob, "kafka:DeleteCluster", "*") {
		t.Error("a right outlived its membership")
	}
}

func TestManagedPolicies(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	bob, _ := w.user("bob", "")
	made := ok[shape.CreatePolicyResponse](t)(w.CreatePolicy(ctx, root, &shape.CreatePolicyRequest{PolicyName: p("produce"), Path: p("/kafka/"), PolicyDocument: p(statement("Allow", "kafka:ListClusters", "*"))})).Policy
	if *made.Arn != "arn:aws:iam::000000000000:policy/kafka/produce" || *made.DefaultVersionId != "v1" || !strings.HasPrefix(*made.PolicyId, "ANPA") {
		t.Errorf("made %s %s", *made.Arn, *made.DefaultVersionId)
	}
	attach := &shape.AttachUserPolicyRequest{UserName: p("bob"), PolicyArn: made.Arn}
	ok[shape.AttachUserPolicyResponse](t)(w.AttachUserPolicy(ctx, root, attach))
	ok[shape.AttachUserPolicyResponse](t)(w.AttachUserPolicy(ctx, root, attach)) // again is no error
	if !w.may(bob, "kafka:ListClusters", "*") {
		t.Error("an attached policy does not act")
	}
	version := &shape.CreatePolicyVersionRequest{PolicyArn: made.Arn, PolicyDocument: p(statement("Allow", "kafka:DeleteCluster", "*")), SetAsDefault: p(true)}
	ok[shape.CreatePolicyVersionResponse](t)(w.CreatePolicyVersion(ctx, root, version))
	if w.may(bob, "kafka:ListClusters", "*") || !w.may(bob, "kafka:DeleteCluster", "*") {
		t.Error("the new version does not act")
	}
	for range 3 {
		ok[shape.CreatePolicyVersionResponse](t)(w.CreatePolicyVersion(ctx, root, version))
	}
	_, err := w.CreatePolicyVersion(ctx, root, version)
	refused(t, "LimitExceeded", err)
	_, err = w.DeletePolicyVersion(ctx, root, &shape.DeletePolicyVersionRequest{PolicyArn: made.Arn, VersionId: p("v5")})
	refused(t, "DeleteConflict", err)
	ok[shape.SetDefaultPolicyVersionResponse](t)(w.SetDefaultPolicyVersion(ctx, root, &shape.SetDefaultPolicyVersionRequest{PolicyArn: made.Arn, VersionId: p("v1")}))
	if !w.may(bob, "kafka:ListClusters", "*") {
		t.Error("the first version does not act again")
	}
	got := ok[shape.GetPolicyVersionResponse](t)(w.GetPolicyVersion(ctx, root, &shape.GetPolicyVersionRequest{PolicyArn: made.Arn, VersionId: p("v1")}))
	if document, err := url.PathUnescape(*got.PolicyVersion.Document); err != nil || document != statement("Allow", "kafka:ListClusters", "*") || strings.ContainsAny(*got.PolicyVersion.Document, `{" +`) {
		t.Errorf("the document is %s (%v)", *got.PolicyVersion.Document, err)
	}
	entities := ok[shape.ListEntitiesForPolicyResponse](t)(w.ListEntitiesForPolicy(ctx, root, &shape.ListEntitiesForPolicyRequest{PolicyArn: made.Arn}))
	if len(entities.PolicyUsers) != 1 || len(entities.PolicyRoles) != 0 {
		t.Errorf("used by %+v", entities)
	}
	_, err = w.DeletePolicy(ctx, root, &shape.DeletePolicyRequest{PolicyArn: made.Arn})
	refused(t, "DeleteConflict", err)
	ok[shape.DetachUserPolicyResponse](t)(w.DetachUserPolicy(ctx, root, &shape.DetachUserPolicyRequest{UserName: p("bob"), PolicyArn: made.Arn}))
	_, err = w.DeletePolicy(ctx, root, &shape.DeletePolicyRequest{PolicyArn: made.Arn})
	refused(t, "DeleteConflict", err) // it has versions
	for _, v := range []string{"v2", "v3", "v4", "v5"} {
		ok[shape.DeletePolicyVersionResponse](t)(w.DeletePolicyVersion(ctx, root, &shape.DeletePolicyVersionRequest{PolicyArn: made.Arn, VersionId: p(v)}))
	}
	ok[shape.DeletePolicyResponse](t)(w.DeletePolicy(ctx, root, &shape.DeletePolicyRequest{PolicyArn: made.Arn}))
	_, err = w.GetPolicy(ctx, root, &shape.GetPolicyRequest{PolicyArn: made.Arn})
	refused(t, "NoSuchEntity", err)
	_, err = w.AttachUserPolicy(ctx, root, attach)
	refused(t, "NoSuchEntity", err)
}

// TestPoliciesOfAWS parses all of them, and attaches the ten that a user may
// have.
func TestPoliciesOfAWS(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	bob, _ := w.user("bob", "")
	all := ok[shape.ListPoliciesResponse](t)(w.ListPolicies(ctx, root, &shape.ListPoliciesRequest{Scope: p("AWS"), MaxItems: p(int32(1000))})).Policies
	if len(all) < 20 {
		t.Fatalf("%d policies", len(all))
	}
	for _, a := range all {
		ok[shape.AttachUserPolicyResponse](t)(w.AttachUserPolicy(ctx, root, &shape.AttachUserPolicyRequest{UserName: p("bob"), PolicyArn: a.Arn}))
		w.may(bob, "kafka:ListClusters", "*") // parses it
		ok[shape.DetachUserPolicyResponse](t)(w.DetachUserPolicy(ctx, root, &shape.DetachUserPolicyRequest{UserName: p("bob"), PolicyArn: a.Arn}))
	}
	for i, a := range all[:11] {
		if _, err := w.AttachUserPolicy(ctx, root, &shape.AttachUserPolicyRequest{UserName: p("bob"), PolicyArn: a.Arn}); i < 10 && err != nil {
			t.Error(err)
		} else if i == 10 {
			refused(t, "LimitExceeded", err)
		}
	}
	carol, _ := w.user("carol", "")
	for arn, want := range map[string][2]bool{
		"arn:aws:iam::aws:policy/AmazonMSKFullAccess":     {true, false},
		"arn:aws:iam::aws:policy/AmazonMSKReadOnlyAccess": {false, false},
		"arn:aws:iam::aws:policy/AdministratorAccess":     {true, true},
		"arn:aws:iam::aws:policy/PowerUserAccess":         {true, false},
		"arn:aws:iam::aws:policy/ReadOnlyAccess":          {false, false},
		"arn:aws:iam::aws:policy/IAMFullAccess":           {false, true},
	} {
		ok[shape.AttachUserPolicyResponse](t)(w.AttachUserPolicy(ctx, root, &shape.AttachUserPolicyRequest{UserName: p("carol"), PolicyArn: &arn}))
		if got := [2]bool{w.may(carol, "kafka:DeleteCluster", "*"), w.may(carol, "iam:CreateUser", "*")}; got != want {
			t.Errorf("%s: delete clusters, create users: %v, want %v", arn, got, want)
		}
		ok[shape.DetachUserPolicyResponse](t)(w.DetachUserPolicy(ctx, root, &shape.DetachUserPolicyRequest{UserName: p("carol"), PolicyArn: &arn}))
	}
	_, err := w.CreatePolicyVersion(ctx, root, &shape.CreatePolicyVersionRequest{PolicyArn: p("arn:aws:iam::aws:policy/ReadOnlyAccess"), PolicyDocument: p(statement("Allow", "*", "*"))})
	refused(t, "AccessDeniedException", err)
	_, err = w.GetPolicy(ctx, root, &shape.GetPolicyRequest{PolicyArn: p("arn:aws:iam::aws:policy/other-path/ReadOnlyAccess")})
	refused(t, "NoSuchEntity", err)
}

func TestDocumentsThatAreNone(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	w.user("bob", "")
	for _, document := range []string{`{`, `{}`, `{"Version":"2012-10-17","Statement":[]}`, `{"Version":"2013-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, trust("*")} {
		_, err := w.PutUserPolicy(ctx, root, &shape.PutUserPolicyRequest{UserName: p("bob"), PolicyName: p("x"), PolicyDocument: &document})
		refused(t, "MalformedPolicyDocument", err)
		_, err = w.CreatePolicy(ctx, root, &shape.CreatePolicyRequest{PolicyName: p("x"), PolicyDocument: &document})
		refused(t, "MalformedPolicyDocument", err)
	}
	for _, document := range []string{`{`, statement("Allow", "sts:AssumeRole", "*"), trust("arn:aws:iam::000000000000:user/nobody")} {
		_, err := w.CreateRole(ctx, root, &shape.CreateRoleRequest{RoleName: p("r"), AssumeRolePolicyDocument: &document})
		refused(t, "MalformedPolicyDocument", err)
	}
	long := statement("Allow", "kafka:"+strings.Repeat("a", 2100), "*")
	_, err := w.PutUserPolicy(ctx, root, &shape.PutUserPolicyRequest{UserName: p("bob"), PolicyName: p("x"), PolicyDocument: &long})
	refused(t, "LimitExceeded", err)
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	w.user("bob", "")
	tags := func(pairs ...string) (out []shape.Tag) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, shape.Tag{Key: &pairs[i], Value: &pairs[i+1]})
		}
		return out
	}
	ok[shape.TagUserResponse](t)(w.TagUser(ctx, root, &shape.TagUserRequest{UserName: p("bob"), Tags: tags("Team", "a", "env", "dev")}))
	ok[shape.TagUserResponse](t)(w.TagUser(ctx, root, &shape.TagUserRequest{UserName: p("bob"), Tags: tags("team", "b")}))
	got := ok[shape.ListUserTagsResponse](t)(w.ListUserTags(ctx, root, &shape.ListUserTagsRequest{UserName: p("bob")})).Tags
	if len(got) != 2 || *got[0].Key != "team" || *got[0].Value != "b" {
		t.Errorf("tags: %d", len(got))
	}
	_, err := w.TagUser(ctx, root, &shape.TagUserRequest{UserName: p("bob"), Tags: tags("x", "1", "X", "2")})
	refused(t, "InvalidInput", err)
	_, err = w.TagUser(ctx, root, &shape.TagUserRequest{UserName: p("bob"), Tags: tags("aws:x", "1")})
	refused(t, "InvalidInput", err)
	var many []string
	for i := range 51 {
		many = append(many, "k"+strings.Repeat("x", i), "v")
	}
	_, err = w.TagUser(ctx, root, &shape.TagUserRequest{UserName: p("bob"), Tags: tags(many...)})
	refused(t, "LimitExceeded", err)
	ok[shape.UntagUserResponse](t)(w.UntagUser(ctx, root, &shape.UntagUserRequest{UserName: p("bob"), TagKeys: []string{"TEAM", "none"}}))
	if got := ok[shape.GetUserResponse](t)(w.GetUser(ctx, root, &shape.GetUserRequest{UserName: p("bob")})).User.Tags; len(got) != 1 {
		t.Errorf("%d tags are left", len(got))
	}
}

func TestPages(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	for _, name := range []string{"e", "B", "d", "A", "c"} {
		path := "/x/"
		if name == "d" {
			path = "/y/"
		}
		ok[shape.CreateUserResponse](t)(w.CreateUser(ctx, root, &shape.CreateUserRequest{UserName: &name, Path: &path}))
	}
	var names string
	in := &shape.ListUsersRequest{MaxItems: p(int32(2)), PathPrefix: p("/x/")}
	for pages := 1; ; pages++ {
		out := ok[shape.ListUsersResponse](t)(w.ListUsers(ctx, root, in))
		for _, u := range out.Users {
			names += *u.UserName
		}
		if !*out.IsTruncated {
			if pages != 2 || out.Marker != nil {
				t.Errorf("%d pages", pages)
			}
			break
		}
		in.Marker = out.Marker
	}
	if names != "ABce" {
		t.Errorf("listed %s", names)
	}
	_, err := w.ListUsers(ctx, root, &shape.ListUsersRequest{Marker: p("%%%")})
	refused(t, "ValidationError", err)
}

func TestInstanceProfilesAndLinkedRoles(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	service := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	role := ok[shape.CreateRoleResponse](t)(w.CreateRole(ctx, root, &shape.CreateRoleRequest{RoleName: p("worker"), AssumeRolePolicyDocument: &service})).Role
	if !strings.HasPrefix(*role.RoleId, "AROA") || *role.MaxSessionDuration != 3600 {
		t.Errorf("role %s", *role.RoleId)
	}
	ok[shape.CreateInstanceProfileResponse](t)(w.CreateInstanceProfile(ctx, root, &shape.CreateInstanceProfileRequest{InstanceProfileName: p("box")}))
	add := &shape.AddRoleToInstanceProfileRequest{InstanceProfileName: p("box"), RoleName: p("worker")}
	ok[shape.AddRoleToInstanceProfileResponse](t)(w.AddRoleToInstanceProfile(ctx, root, add))
	_, err := w.AddRoleToInstanceProfile(ctx, root, add)
	refused(t, "LimitExceeded", err)
	_, err = w.DeleteRole(ctx, root, &shape.DeleteRoleRequest{RoleName: p("worker")})
	refused(t, "DeleteConflict", err)
	got := ok[shape.GetInstanceProfileResponse](t)(w.GetInstanceProfile(ctx, root, &shape.GetInstanceProfileRequest{InstanceProfileName: p("box")}))
	if len(got.InstanceProfile.Roles) != 1 || !strings.HasPrefix(*got.InstanceProfile.InstanceProfileId, "AIPA") {
		t.Errorf("%d roles", len(got.InstanceProfile.Roles))
	}
	linked := &shape.CreateServiceLinkedRoleRequest{AWSServiceName: p("kafka.amazonaws.com")}
	slr := ok[shape.CreateServiceLinkedRoleResponse](t)(w.CreateServiceLinkedRole(ctx, root, linked)).Role
	if *slr.Arn != "arn:aws:iam::000000000000:role/aws-service-role/kafka.amazonaws.com/AWSServiceRoleForKafka" {
		t.Errorf("linked role %s", *slr.Arn)
	}
	_, err = w.CreateServiceLinkedRole(ctx, root, linked)
	refused(t, "InvalidInput", err)
	_, err = w.DeleteRole(ctx, root, &shape.DeleteRoleRequest{RoleName: slr.RoleName})
	refused(t, "UnmodifiableEntity", err)
	_, err = w.UpdateRole(ctx, root, &shape.UpdateRoleRequest{RoleName: slr.RoleName, MaxSessionDuration: p(int32(7200))})
	refused(t, "UnmodifiableEntity", err)
	ok[shape.UpdateRoleResponse](t)(w.UpdateRole(ctx, root, &shape.UpdateRoleRequest{RoleName: slr.RoleName, Description: p("ours")}))
	if r := ok[shape.GetRoleResponse](t)(w.GetRole(ctx, root, &shape.GetRoleRequest{RoleName: slr.RoleName})).Role; *r.Description != "ours" {
		t.Errorf("the linked role's description: %s", *r.Description)
	}
	task := ok[shape.DeleteServiceLinkedRoleResponse](t)(w.DeleteServiceLinkedRole(ctx, root, &shape.DeleteServiceLinkedRoleRequest{RoleName: slr.RoleName}))
	status := ok[shape.GetServiceLinkedRoleDeletionStatusResponse](t)(w.GetServiceLinkedRoleDeletionStatus(ctx, root, &shape.GetServiceLinkedRoleDeletionStatusRequest{DeletionTaskId: task.DeletionTaskId}))
	if *status.Status != "SUCCEEDED" {
		t.Errorf("status %s", *status.Status)
	}
	summary := ok[shape.GetAccountSummaryResponse](t)(w.GetAccountSummary(ctx, root, &shape.GetAccountSummaryRequest{})).SummaryMap
	if summary["Roles"] != 1 || summary["InstanceProfiles"] != 1 || summary["UsersQuota"] != 5000 {
		t.Errorf("summary %v", summary)
	}
	details := ok[shape.GetAccountAuthorizationDetailsResponse](t)(w.GetAccountAuthorizationDetails(ctx, root, &shape.GetAccountAuthorizationDetailsRequest{Filter: []string{"Role"}}))
	if len(details.RoleDetailList) != 1 || len(details.RoleDetailList[0].InstanceProfileList) != 1 || len(details.Policies) != 0 {
		t.Errorf("details %+v", details)
	}
}

func TestUsersHaveNoPasswords(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	ok[shape.CreateUserResponse](t)(w.CreateUser(ctx, root, &shape.CreateUserRequest{UserName: p("alice")}))
	for _, name := range []string{"alice", "nobody"} {
		_, err := w.GetLoginProfile(ctx, root, &shape.GetLoginProfileRequest{UserName: &name})
		refused(t, "NoSuchEntity", err)
		_, err = w.DeleteLoginProfile(ctx, root, &shape.DeleteLoginProfileRequest{UserName: &name})
		refused(t, "NoSuchEntity", err)
	}
}
