package iam_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/policy"
)

// role makes a role with an inline policy.
func (w *world) role(account model.Caller, name, trustPolicy, document string) *shape.Role {
	w.t.Helper()
	made := ok[shape.CreateRoleResponse](w.t)(w.CreateRole(w.t.Context(), account, &shape.CreateRoleRequest{RoleName: &name, Path: p("/app/"), AssumeRolePolicyDocument: &trustPolicy})).Role
	if document != "" {
		ok[shape.PutRolePolicyResponse](w.t)(w.PutRolePolicy(w.t.Context(), account, &shape.PutRolePolicyRequest{RoleName: &name, PolicyName: p("own"), PolicyDocument: &document}))
	}
	return made
}

// assume assumes a role and answers its caller.
func (w *world) assume(c model.Caller, in *sts.AssumeRoleRequest) (model.Caller, *sts.AssumeRoleResponse) {
	w.t.Helper()
	if in.RoleSessionName == nil {
		in.RoleSessionName = p("s1")
	}
	out := ok[sts.AssumeRoleResponse](w.t)(w.AssumeRole(w.t.Context(), c, in))
	return w.as(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken), out
}

func (w *world) mayNotAssume(c model.Caller, code string, in *sts.AssumeRoleRequest) {
	w.t.Helper()
	if in.RoleSessionName == nil {
		in.RoleSessionName = p("s1")
	}
	_, err := w.AssumeRole(w.t.Context(), c, in)
	refused(w.t, code, err)
}

func TestAssumeRole(t *testing.T) {
	w := newWorld(t)
	alice, _ := w.user("alice", "")
	r := w.role(w.root(), "writer", trust(alice.ARN), statement("Allow", "kafka-cluster:*", "*"))
	s, out := w.assume(alice, &sts.AssumeRoleRequest{RoleArn: r.Arn})
	if s.ARN != "arn:aws:sts::000000000000:assumed-role/writer/s1" || s.UserID != *r.RoleId+":s1" || *out.AssumedRoleUser.Arn != s.ARN {
		t.Errorf("the session is %s %s", s.ARN, s.UserID)
	}
	if !strings.HasPrefix(*out.Credentials.AccessKeyId, "ASIA") || len(*out.Credentials.SecretAccessKey) != 40 || !out.Credentials.Expiration.Equal(w.now.Add(time.Hour)) {
		t.Errorf("credentials %s until %v", *out.Credentials.AccessKeyId, out.Credentials.Expiration)
	}
	if !w.may(s, "kafka-cluster:WriteData", "arn:aws:kafka:us-east-1:000000000000:topic/a/b/c") || w.may(s, "kafka:DeleteCluster", "*") || w.may(alice, "kafka-cluster:WriteData", "*") {
		t.Error("the session has not the role's rights, or alice has them")
	}
	for _, token := range []string{"", "x", (*out.Credentials.SessionToken)[:40], *out.Credentials.SessionToken + "AAAA"} {
		if _, _, known := w.Authenticate(t.Context(), *out.Credentials.AccessKeyId, token, region); known {
			t.Errorf("the token %.10q is taken", token)
		}
	}
	// it ends by time
	w.now = w.now.Add(time.Hour)
	if w.may(s, "kafka-cluster:WriteData", "*") {
		t.Error("an expired session may write")
	}
	if c, _, known := w.Authenticate(t.Context(), *out.Credentials.AccessKeyId, *out.Credentials.SessionToken, region); !known || w.now.Before(c.Expires) {
		t.Error("expired credentials are not known as such")
	}
}

func TestSessionsEndWithTheirRole(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	alice, _ := w.user("alice", "")
	r := w.role(root, "writer", trust(alice.ARN), statement("Allow", "kafka:*", "*"))
	s, out := w.assume(alice, &sts.AssumeRoleRequest{RoleArn: r.Arn})
	ok[shape.DeleteRolePolicyResponse](t)(w.DeleteRolePolicy(ctx, root, &shape.DeleteRolePolicyRequest{RoleName: p("writer"), PolicyName: p("own")}))
	if w.may(s, "kafka:ListClusters", "*") {
		t.Error("a session keeps what its role lost")
	}
	ok[shape.DeleteRoleResponse](t)(w.DeleteRole(ctx, root, &shape.DeleteRoleRequest{RoleName: p("writer")}))
	w.role(root, "writer", trust(alice.ARN), statement("Allow", "kafka:*", "*")) // another role of the name
	if _, _, known := w.Authenticate(ctx, *out.Credentials.AccessKeyId, *out.Credentials.SessionToken, region); known || w.may(s, "kafka:ListClusters", "*") {
		t.Error("a session outlived its role")
	}
}

// TestWhoMayAssume: the trust policy must let the caller in, and unless it
// names the caller, so must the caller's own policies.
func TestWhoMayAssume(t *testing.T) {
	w := newWorld(t)
	root := w.root()
	alice, _ := w.user("alice", "")
	bob, _ := w.user("bob", statement("Allow", "sts:AssumeRole", "arn:aws:iam::000000000000:role/app/*"))
	carol, _ := w.user("carol", statement("Deny", "sts:AssumeRole", "*"))
	forAlice := w.role(root, "for-alice", trust(alice.ARN), "").Arn
	forAccount := w.role(root, "for-account", trust("000000000000"), "").Arn
	forCarol := w.role(root, "for-carol", trust(carol.ARN), "").Arn
	for _, tc := range []struct {
		who  model.Caller
		role *string
		may  bool
	}{
		{alice, forAlice, true}, {bob, forAlice, false},
		{alice, forAccount, false}, {bob, forAccount, true},
		{carol, forCarol, false}, {root, forAccount, true}, {root, forAlice, false},
		{bob, p("arn:aws:iam::000000000000:role/app/none"), false},
		{bob, p("arn:aws:iam::000000000000:role/for-account"), false}, // another path
		{bob, p("arn:aws:iam::999999999999:role/app/x"), false},
	} {
		if tc.may {
			w.assume(tc.who, &sts.AssumeRoleRequest{RoleArn: tc.role})
		} else {
			w.mayNotAssume(tc.who, "AccessDeniedException", &sts.AssumeRoleRequest{RoleArn: tc.role})
		}
	}
}

func TestTrustWithConditions(t *testing.T) {
	w := newWorld(t)
	alice, _ := w.user("alice", "")
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + alice.ARN + `"},"Action":["sts:AssumeRole","sts:TagSession"],
		"Condition":{"StringEquals":{"sts:ExternalId":"42"},"StringLike":{"sts:RoleSessionName":"${aws:username}-*"}}}]}`
	r := w.role(w.root(), "vendor", document, statement("Allow", "kafka:*", "*"))
	in := func(id, name string) *sts.AssumeRoleRequest {
		return &sts.AssumeRoleRequest{RoleArn: r.Arn, ExternalId: &id, RoleSessionName: &name}
	}
	w.assume(alice, in("42", "alice-1"))
	w.mayNotAssume(alice, "AccessDeniedException", in("43", "alice-1"))
	w.mayNotAssume(alice, "AccessDeniedException", in("42", "bob-1"))
	tagged := in("42", "alice-1")
	tagged.Tags = []sts.Tag{{Key: p("team"), Value: p("a")}}
	w.assume(alice, tagged)
	named := in("42", "alice-1")
	named.SourceIdentity = p("alice")
	w.mayNotAssume(alice, "AccessDeniedException", named) // it lacks sts:SetSourceIdentity
}

func TestSessionPoliciesNarrow(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	alice, _ := w.user("alice", "")
	r := w.role(root, "all", trust(alice.ARN), statement("Allow", "kafka:*", "*"))
	s, out := w.assume(alice, &sts.AssumeRoleRequest{RoleArn: r.Arn, Policy: p(statement("Allow", "kafka:List* ec2:*", "*"))})
	if !w.may(s, "kafka:ListClusters", "*") || w.may(s, "kafka:DeleteCluster", "*") || w.may(s, "ec2:DescribeVpcs", "*") || *out.PackedPolicySize < 1 {
		t.Error("a session policy gives what the role has not, or does not narrow")
	}
	managed := ok[shape.CreatePolicyResponse](t)(w.CreatePolicy(ctx, root, &shape.CreatePolicyRequest{PolicyName: p("describe"), PolicyDocument: p(statement("Allow", "kafka:Describe*", "*"))})).Policy
	s, _ = w.assume(alice, &sts.AssumeRoleRequest{RoleArn: r.Arn, PolicyArns: []sts.PolicyDescriptorType{{Arn: managed.Arn}}})
	if !w.may(s, "kafka:DescribeCluster", "*") || w.may(s, "kafka:ListClusters", "*") {
		t.Error("a managed session policy does not narrow")
	}
	ok[shape.DeletePolicyResponse](t)(w.DeletePolicy(ctx, root, &shape.DeletePolicyRequest{PolicyArn: managed.Arn}))
	if w.may(s, "kafka:DescribeCluster", "*") {
		t.Error("a session whose policy is gone may do everything")
	}
	w.mayNotAssume(alice, "MalformedPolicyDocument", &sts.AssumeRoleRequest{RoleArn: r.Arn, Policy: p("{")})
	w.mayNotAssume(alice, "MalformedPolicyDocument", &sts.AssumeRoleRequest{RoleArn: r.Arn, PolicyArns: []sts.PolicyDescriptorType{{Arn: managed.Arn}}})
	w.mayNotAssume(alice, "ValidationError", &sts.AssumeRoleRequest{RoleArn: r.Arn, Policy: p(statement("Allow", "kafka:"+strings.Repeat("a", 2048), "*"))})
}

func TestDurationsAndChaining(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	alice, _ := w.user("alice", "")
	first := w.role(root, "first", trust(alice.ARN), statement("Allow", "sts:*", "*"))
	w.mayNotAssume(alice, "ValidationError", &sts.AssumeRoleRequest{RoleArn: first.Arn, DurationSeconds: p(int32(3601))})
	ok[shape.UpdateRoleResponse](t)(w.UpdateRole(ctx, root, &shape.UpdateRoleRequest{RoleName: p("first"), MaxSessionDuration: p(int32(43200))}))
	document := strings.Replace(trust(alice.ARN), `"sts:AssumeRole"`, `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`, 1)
	ok[shape.UpdateAssumeRolePolicyResponse](t)(w.UpdateAssumeRolePolicy(ctx, root, &shape.UpdateAssumeRolePolicyRequest{RoleName: p("first"), PolicyDocument: &document}))
	s, out := w.assume(alice, &sts.AssumeRoleRequest{
		RoleArn: first.Arn, DurationSeconds: p(int32(43200)), SourceIdentity: p("alice"),
		Tags: []sts.Tag{{Key: p("team"), Value: p("a")}, {Key: p("env"), Value: p("dev")}}, TransitiveTagKeys: []string{"team"},
	})
	if !out.Credentials.Expiration.Equal(w.now.Add(12*time.Hour)) || *out.SourceIdentity != "alice" {
		t.Errorf("until %v", out.Credentials.Expiration)
	}
	conditions := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"a","aws:SourceIdentity":"alice"},"Null":{"aws:PrincipalTag/env":"true"}}}]}`
	second := w.role(root, "second", strings.Replace(trust(*first.Arn), `"sts:AssumeRole"`, `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`, 1), conditions)
	w.mayNotAssume(s, "ValidationError", &sts.AssumeRoleRequest{RoleArn: second.Arn, DurationSeconds: p(int32(3601))})
	w.mayNotAssume(s, "InvalidParameterValue", &sts.AssumeRoleRequest{RoleArn: second.Arn, Tags: []sts.Tag{{Key: p("team"), Value: p("b")}}})
	w.mayNotAssume(s, "AccessDeniedException", &sts.AssumeRoleRequest{RoleArn: second.Arn, SourceIdentity: p("bob")})
	chained, _ := w.assume(s, &sts.AssumeRoleRequest{RoleArn: second.Arn})
	if !w.may(chained, "kafka:ListClusters", "*") {
		t.Error("what is transitive did not go on, or more did")
	}
}

func TestGetSessionToken(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	alice, key := w.user("alice", statement("Allow", "kafka:*", "*"))
	out := ok[sts.GetSessionTokenResponse](t)(w.GetSessionToken(ctx, alice, &sts.GetSessionTokenRequest{}))
	s := w.as(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken)
	if s.ARN != alice.ARN || s.UserID != alice.UserID || !w.may(s, "kafka:ListClusters", "*") {
		t.Errorf("the session is %s", s.ARN)
	}
	if rs := ok[sts.GetSessionTokenResponse](t)(w.GetSessionToken(ctx, root, &sts.GetSessionTokenRequest{})).Credentials; w.may(w.as(*rs.AccessKeyId, *rs.SessionToken), "iam:CreateUser", "*") {
		t.Error("such credentials may call IAM without MFA")
	}
	_, err := w.GetSessionToken(ctx, s, &sts.GetSessionTokenRequest{})
	refused(t, "AccessDeniedException", err)
	ok[shape.UpdateAccessKeyResponse](t)(w.UpdateAccessKey(ctx, root, &shape.UpdateAccessKeyRequest{UserName: p("alice"), AccessKeyId: key.AccessKeyId, Status: p("Inactive")}))
	if w.may(s, "kafka:ListClusters", "*") {
		t.Error("a session outlived its key")
	}
	out = ok[sts.GetSessionTokenResponse](t)(w.GetSessionToken(ctx, root, &sts.GetSessionTokenRequest{DurationSeconds: p(int32(36000))}))
	if !out.Credentials.Expiration.Equal(w.now.Add(time.Hour)) {
		t.Errorf("the root's session lasts until %v", out.Credentials.Expiration)
	}
}

func TestAccounts(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c, err := w.CreateAccount(ctx, "111122223333")
	if err != nil {
		t.Fatal(err)
	}
	other := w.as(c.AccessKeyID, "")
	if other.ARN != "arn:aws:iam::111122223333:root" || !w.may(other, "kafka:ListClusters", "*") {
		t.Errorf("its root is %s", other.ARN)
	}
	if w.may(other, "kafka:DeleteCluster", "arn:aws:kafka:us-east-1:000000000000:cluster/a/b") {
		t.Error("the root of one account may delete clusters of another")
	}
	noSecretIn(t, w.st, c.Secret.Reveal())
	for id, want := range map[string]error{"111122223333": iam.ErrAccountExists, "1": iam.ErrAccountID} {
		if _, err := w.CreateAccount(ctx, id); err != want {
			t.Errorf("%s: %v", id, err)
		}
	}
	if _, err := w.CreateAccount(ctx, ""); err != nil {
		t.Error(err)
	}
	if all, err := w.Accounts(ctx); err != nil || len(all) != 3 || all[0].ID != iam.AccountID {
		t.Errorf("accounts %v, %v", all, err)
	}

	// users of one account are not those of another
	alice, _ := w.user("alice", statement("Allow", "sts:AssumeRole kafka:*", "*"))
	_, err = w.GetUser(ctx, other, &shape.GetUserRequest{UserName: p("alice")})
	refused(t, "NoSuchEntity", err)

	// a role of another account: both sides must allow
	r := w.role(other, "shared", trust("000000000000"), statement("Allow", "kafka:*", "*"))
	s, _ := w.assume(alice, &sts.AssumeRoleRequest{RoleArn: r.Arn})
	if s.Account != "111122223333" || !w.may(s, "kafka:DeleteCluster", "arn:aws:kafka:us-east-1:111122223333:cluster/a/b") {
		t.Errorf("the session is %s", s.ARN)
	}
	bob, _ := w.user("bob", "")
	w.mayNotAssume(bob, "AccessDeniedException", &sts.AssumeRoleRequest{RoleArn: r.Arn})

	// a resource of another account needs its own policy
	cluster := "arn:aws:kafka:us-east-1:111122223333:cluster/a/b"
	doc, err := policy.Parse(policy.Resource, []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"kafka:GetBootstrapBrokers","Resource":"*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		own  *policy.Named
		who  model.Caller
		want string
	}{
		{nil, alice, "because no resource-based policy allows the kafka:GetBootstrapBrokers action"},
		{&policy.Named{Name: "cluster policy", Document: doc}, alice, ""},
		{&policy.Named{Name: "cluster policy", Document: doc}, bob, "because no identity-based policy allows the kafka:GetBootstrapBrokers action"},
	} {
		err := w.Authorize(ctx, &iam.Question{Caller: tc.who, Action: "kafka:GetBootstrapBrokers", Resource: cluster, Policy: tc.own})
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.HasSuffix(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %s", tc.who.ARN, err, tc.want)
		}
	}
}
