package iam_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// TestMessages checks AWS's words for each way to be refused.
func TestMessages(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), w.root()
	arn := "arn:aws:kafka:us-east-1:000000000000:cluster/a/b"
	ask := func(c model.Caller) string {
		err := w.Authorize(ctx, &iam.Question{Caller: c, Action: "kafka:DeleteCluster", Resource: arn})
		if err == nil {
			return ""
		}
		return strings.TrimPrefix(err.Error(), "AccessDeniedException: User: "+c.ARN+" is not authorized to perform: kafka:DeleteCluster on resource: "+arn+" ")
	}
	alice, key := w.user("alice", "")
	step := func(want string) {
		t.Helper()
		if got := ask(alice); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	step("because no identity-based policy allows the kafka:DeleteCluster action")
	w.grant("alice", statement("Allow", "kafka:*", "*"))
	step("")
	w.grant("alice", strings.Replace(statement("Allow", "kafka:*", "*"), `[{"Effect`, `[{"Sid":"Never","Effect":"Deny","Action":"kafka:Delete*","Resource":"*"},{"Effect`, 1))
	step("with an explicit deny in an identity-based policy")
	w.grant("alice", statement("Allow", "kafka:*", "*"))
	limit := ok[shape.CreatePolicyResponse](t)(w.CreatePolicy(ctx, root, &shape.CreatePolicyRequest{PolicyName: p("limit"), PolicyDocument: p(statement("Allow", "kafka:List*", "*"))})).Policy.Arn
	ok[shape.PutUserPermissionsBoundaryResponse](t)(w.PutUserPermissionsBoundary(ctx, root, &shape.PutUserPermissionsBoundaryRequest{UserName: p("alice"), PermissionsBoundary: limit}))
	step("because no permissions boundary allows the kafka:DeleteCluster action")
	_, err := w.DeletePolicy(ctx, root, &shape.DeletePolicyRequest{PolicyArn: limit})
	refused(t, "DeleteConflict", err)
	ok[shape.DeleteUserPermissionsBoundaryResponse](t)(w.DeleteUserPermissionsBoundary(ctx, root, &shape.DeleteUserPermissionsBoundaryRequest{UserName: p("alice")}))
	step("")
	r := w.role(root, "all", trust(alice.ARN), statement("Allow", "kafka:*", "*"))
	s, _ := w.assume(alice, &sts.AssumeRoleRequest{RoleArn: r.Arn, Policy: p(statement("Allow", "kafka:List*", "*"))})
	if got := ask(s); got != "because no session policy allows the kafka:DeleteCluster action" {
		t.Errorf("a session: %q", got)
	}
	s, _ = w.assume(alice, &sts.AssumeRoleRequest{RoleArn: r.Arn, Policy: p(statement("Deny", "kafka:Delete*", "*"))})
	if got := ask(s); got != "with an explicit deny in a session policy" {
		t.Errorf("a session: %q", got)
	}
	ok[shape.DeleteAccessKeyResponse](t)(w.DeleteAccessKey(ctx, root, &shape.DeleteAccessKeyRequest{UserName: p("alice"), AccessKeyId: key.AccessKeyId}))
	step("because its access key does not exist or is not active")
}

// TestConditionKeys asks for each key that is there without being said.
func TestConditionKeys(t *testing.T) {
	w := newWorld(t)
	alice, _ := w.user("alice", "")
	ok[shape.TagUserResponse](t)(w.TagUser(t.Context(), w.root(), &shape.TagUserRequest{UserName: p("alice"), Tags: []shape.Tag{{Key: p("Team"), Value: p("blue")}}}))
	alice.SourceIP, alice.Secure, alice.UserAgent = "10.1.2.3", true, "aws-cli/2"
	for _, tc := range []struct {
		operator, key, value string
		holds                bool
	}{
		{"StringEquals", "aws:username", "alice", true},
		{"StringEquals", "aws:userid", alice.UserID, true},
		{"ArnEquals", "aws:PrincipalArn", "arn:aws:iam::000000000000:user/alice", true},
		{"StringEquals", "aws:PrincipalAccount", "000000000000", true},
		{"StringEquals", "aws:PrincipalType", "User", true},
		{"StringEquals", "aws:PrincipalTag/team", "blue", true},
		{"StringEquals", "aws:PrincipalTag/team", "red", false},
		{"IpAddress", "aws:SourceIp", "10.1.0.0/16", true},
		{"NotIpAddress", "aws:SourceIp", "10.1.0.0/16", false},
		{"Bool", "aws:SecureTransport", "true", true},
		{"StringLike", "aws:UserAgent", "aws-cli/*", true},
		{"StringEquals", "aws:RequestedRegion", "us-east-1", true},
		{"StringEquals", "aws:ResourceAccount", "000000000000", true},
		{"StringEquals", "aws:ResourceTag/env", "dev", true},
		{"DateGreaterThan", "aws:CurrentTime", "2026-11-24T11:59:59Z", true},
		{"DateLessThan", "aws:CurrentTime", "2026-11-24T11:59:59Z", false},
		{"NumericGreaterThan", "aws:EpochTime", "1700000000", true},
		{"Null", "aws:TokenIssueTime", "true", true}, // long-term credentials have none
		{"Null", "aws:MultiFactorAuthPresent", "true", true},
		{"StringEquals", "kafka:publicAccessEnabled", "true", true},
	} {
		w.grant("alice", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka:*","Resource":"*","Condition":{"`+tc.operator+`":{"`+tc.key+`":"`+tc.value+`"}}}]}`)
		v, err := w.Decide(t.Context(), &iam.Question{
			Caller: alice, Action: "kafka:UpdateConnectivity", Resource: "arn:aws:kafka:us-east-1:000000000000:cluster/a/b", Tags: map[string]string{"env": "dev"},
			Context: policy.Map{"kafka:publicaccessenabled": {"true"}},
		})
		if err != nil || v.Allowed != tc.holds || v.Lasting == strings.Contains(tc.key, "Time") && !strings.Contains(tc.key, "Token") {
			t.Errorf("%s %s %s: %v, lasting %v, %v", tc.operator, tc.key, tc.value, v.Allowed, v.Lasting, err)
		}
	}
}

// TestOlderSessionsAreRevoked by the time that their tokens were made, as the
// console's "revoke sessions" does.
func TestOlderSessionsAreRevoked(t *testing.T) {
	w := newWorld(t)
	alice, _ := w.user("alice", "")
	r := w.role(w.root(), "all", trust(alice.ARN), statement("Allow", "kafka:*", "*"))
	before, _ := w.assume(alice, &sts.AssumeRoleRequest{RoleArn: r.Arn})
	ok[shape.PutRolePolicyResponse](t)(w.PutRolePolicy(t.Context(), w.root(), &shape.PutRolePolicyRequest{RoleName: p("all"), PolicyName: p("AWSRevokeOlderSessions"),
		PolicyDocument: p(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"` + w.now.Add(time.Minute).Format(time.RFC3339) + `"}}}]}`)}))
	w.now = w.now.Add(2 * time.Minute)
	after, _ := w.assume(alice, &sts.AssumeRoleRequest{RoleArn: r.Arn})
	if w.may(before, "kafka:ListClusters", "*") || !w.may(after, "kafka:ListClusters", "*") {
		t.Error("the older session may, or the newer may not")
	}
}

func TestSimulation(t *testing.T) {
	w := newWorld(t)
	alice, _ := w.user("alice", `{"Version":"2012-10-17","Statement":[
		{"Sid":"Lists","Effect":"Allow","Action":"kafka:List*","Resource":"*"},
		{"Effect":"Deny","Action":"kafka:ListNodes","Resource":"*"},
		{"Effect":"Allow","Action":"kafka:DeleteCluster","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"dev"}}}]}`)
	in := &shape.SimulatePrincipalPolicyRequest{
		PolicySourceArn: p(alice.ARN), ActionNames: []string{"kafka:ListClusters", "kafka:ListNodes", "kafka:DeleteCluster", "ec2:RunInstances"},
	}
	decisions := func(out *shape.SimulatePolicyResponse) string {
		var list []string
		for _, r := range out.EvaluationResults {
			list = append(list, *r.EvalDecision)
		}
		return strings.Join(list, " ")
	}
	out := ok[shape.SimulatePolicyResponse](t)(w.SimulatePrincipalPolicy(t.Context(), w.root(), in))
	if got := decisions(out); got != "allowed explicitDeny implicitDeny implicitDeny" {
		t.Errorf("decided %s", got)
	}
	if m := out.EvaluationResults[0].MatchedStatements; len(m) != 1 || *m[0].SourcePolicyId != "user/alice/own" {
		t.Errorf("matched %d", len(m))
	}
	if missing := out.EvaluationResults[2].MissingContextValues; len(missing) != 1 || missing[0] != "aws:resourcetag/env" {
		t.Errorf("missing %v", missing)
	}
	in.ContextEntries = []shape.ContextEntry{{ContextKeyName: p("aws:ResourceTag/env"), ContextKeyType: p("string"), ContextKeyValues: []string{"dev"}}}
	in.PermissionsBoundaryPolicyInputList = []string{statement("Allow", "kafka:Delete*", "*")}
	if got := decisions(ok[shape.SimulatePolicyResponse](t)(w.SimulatePrincipalPolicy(t.Context(), w.root(), in))); got != "implicitDeny explicitDeny allowed implicitDeny" {
		t.Errorf("with a tag and a boundary: %s", got)
	}
	custom := ok[shape.SimulatePolicyResponse](t)(w.SimulateCustomPolicy(t.Context(), w.root(), &shape.SimulateCustomPolicyRequest{
		PolicyInputList: []string{statement("Allow", "kafka-cluster:WriteData", mskPlace+"topic/*/*/orders")}, ActionNames: []string{"kafka-cluster:WriteData"},
		ResourceArns: []string{of("topic", "orders"), of("topic", "other")},
	}))
	if got := decisions(custom); got != "allowed implicitDeny" {
		t.Errorf("custom: %s", got)
	}
	_, err := w.SimulatePrincipalPolicy(t.Context(), w.root(), &shape.SimulatePrincipalPolicyRequest{PolicySourceArn: p("arn:aws:iam::000000000000:user/none"), ActionNames: in.ActionNames})
	refused(t, "NoSuchEntity", err)
}

// TestADecisionReadsNoStore: it is made while the store is closed.
func TestADecisionReadsNoStore(t *testing.T) {
	w := newWorld(t)
	alice, _ := w.user("alice", statement("Allow", "kafka:*", "*"))
	w.may(alice, "kafka:ListClusters", "*")
	if err := w.st.Close(); err != nil {
		t.Fatal(err)
	}
	if !w.may(alice, "kafka:DeleteCluster", "*") || w.may(alice, "ec2:DescribeVpcs", "*") {
		t.Error("it cannot be made")
	}
}

func BenchmarkDecide(b *testing.B) {
	st, err := store.Open(filepath.Join(b.TempDir(), "state.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	w, err := iam.New(b.Context(), iam.Config{Store: st, Random: rand.Reader})
	if err != nil {
		b.Fatal(err)
	}
	caller := manyPolicies(b, w)
	q := iam.Question{Caller: caller, Action: "kafka-cluster:WriteData", Resource: of("topic", "topic-9-9")}
	b.ReportAllocs()
	for b.Loop() {
		if v, err := w.Decide(context.Background(), &q); err != nil || !v.Allowed {
			b.Fatal(v, err)
		}
	}
}

// manyPolicies makes a user with one hundred policies of ten groups.
func manyPolicies(b *testing.B, w *iam.Service) model.Caller {
	b.Helper()
	ctx := b.Context()
	_, root, _ := w.Authenticate(ctx, w.Root().AccessKeyID, "", region)
	must := func(_ any, err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(w.CreateUser(ctx, root, &shape.CreateUserRequest{UserName: p("alice")}))
	for g := range 10 {
		group := fmt.Sprintf("g%d", g)
		must(w.CreateGroup(ctx, root, &shape.CreateGroupRequest{GroupName: &group}))
		must(w.AddUserToGroup(ctx, root, &shape.AddUserToGroupRequest{GroupName: &group, UserName: p("alice")}))
		for i := range 10 {
			document := statement("Allow", "kafka-cluster:DescribeTopic kafka-cluster:WriteData", fmt.Sprintf("arn:aws:kafka:*:*:topic/MyTestCluster/*/topic-%d-%d", g, i))
			must(w.PutGroupPolicy(ctx, root, &shape.PutGroupPolicyRequest{GroupName: &group, PolicyName: p(fmt.Sprintf("p%d", i)), PolicyDocument: &document}))
		}
	}
	key, err := w.CreateAccessKey(ctx, root, &shape.CreateAccessKeyRequest{UserName: p("alice")})
	must(nil, err)
	_, caller, _ := w.Authenticate(ctx, *key.AccessKey.AccessKeyId, "", region)
	return caller
}
