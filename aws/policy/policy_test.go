package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/policy"
)

const (
	account = "111122223333"
	other   = "444455556666"
	alice   = "arn:aws:iam::111122223333:user/alice"
	role    = "arn:aws:iam::111122223333:role/R"
	session = "arn:aws:sts::111122223333:assumed-role/R/s"
	topic   = "arn:aws:kafka:us-east-1:111122223333:topic/demo/uuid/orders"
)

func parse(t *testing.T, kind policy.Kind, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse(kind, []byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

// allow is an identity policy that allows an action on everything.
func allow(action string, more ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":%q,"Resource":"*"%s}}`, action, strings.Join(more, ""))
}

// resource is a resource policy with a principal and an effect.
func resource(effect, principal string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":%q,"Principal":%s,"Action":"kafka:*","Resource":"*"}}`, effect, principal)
}

// TestEvaluation goes through the evaluation logic: who needs which policy.
func TestEvaluation(t *testing.T) {
	user := policy.Principal{Account: account, ARN: alice}
	roleSession := policy.Principal{Account: account, ARN: session, RoleARN: role}
	stranger := policy.Principal{Account: other, ARN: "arn:aws:iam::444455556666:user/bob"}
	root := policy.Principal{Account: account, ARN: "arn:aws:iam::111122223333:root"}
	service := policy.Principal{Service: "kafka.amazonaws.com"}
	yes, no := allow("kafka:*"), allow("s3:*")
	deny := `{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	for _, tc := range []struct {
		name                                  string
		who                                   policy.Principal
		identity, boundary, session, resource string
		want                                  policy.Reason
	}{
		{"nothing", user, "", "", "", "", policy.NoIdentityAllow},
		{"identity", user, yes, "", "", "", policy.AllowedByPolicy},
		{"another action", user, no, "", "", "", policy.NoIdentityAllow},
		{"deny beats allow", user, yes, "", "", resource("Deny", `"*"`), policy.ExplicitDeny},
		{"identity deny beats the resource's allow", user, deny, "", "", resource("Allow", `{"AWS":"`+alice+`"}`), policy.ExplicitDeny},
		{"boundary alone gives nothing", user, "", yes, "", "", policy.NoIdentityAllow},
		{"boundary limits", user, yes, no, "", "", policy.NotInBoundary},
		{"boundary denies", user, yes, deny, "", "", policy.ExplicitDeny},
		{"boundary allows", user, yes, yes, "", "", policy.AllowedByPolicy},
		{"session limits", roleSession, yes, "", no, "", policy.NotInSession},
		{"session allows", roleSession, yes, "", yes, "", policy.AllowedByPolicy},
		{"resource to the user passes the boundary", user, "", no, "", resource("Allow", `{"AWS":"`+alice+`"}`), policy.AllowedByPolicy},
		{"resource to the session passes boundary and session", roleSession, "", no, no, resource("Allow", `{"AWS":"`+session+`"}`), policy.AllowedByPolicy},
		{"resource to the role does not pass the boundary", roleSession, "", no, "", resource("Allow", `{"AWS":"`+role+`"}`), policy.NoIdentityAllow},
		{"resource to the role does not pass the session", roleSession, "", "", no, resource("Allow", `{"AWS":"`+role+`"}`), policy.NoIdentityAllow},
		{"resource to the role", roleSession, "", "", "", resource("Allow", `{"AWS":"`+role+`"}`), policy.AllowedByPolicy},
		{"resource to the account needs identity", user, "", "", "", resource("Allow", `{"AWS":"`+account+`"}`), policy.NoIdentityAllow},
		{"resource to everybody", user, "", "", "", resource("Allow", `"*"`), policy.AllowedByPolicy},
		{"stranger with identity alone", stranger, yes, "", "", "", policy.NoResourceAllow},
		{"stranger with resource alone", stranger, "", "", "", resource("Allow", `{"AWS":"`+other+`"}`), policy.NoIdentityAllow},
		{"stranger with both", stranger, yes, "", "", resource("Allow", `{"AWS":"arn:aws:iam::444455556666:root"}`), policy.AllowedByPolicy},
		{"stranger with both and a boundary", stranger, yes, no, "", resource("Allow", `{"AWS":"`+other+`"}`), policy.NotInBoundary},
		{"root", root, "", "", "", "", policy.AllowedToAccount},
		{"root denied by the resource", root, "", "", "", resource("Deny", `{"AWS":"`+account+`"}`), policy.ExplicitDeny},
		{"service without a policy", service, "", "", "", "", policy.NoResourceAllow},
		{"service", service, "", "", "", resource("Allow", `{"Service":"kafka.amazonaws.com"}`), policy.AllowedByPolicy},
		{"another service", service, "", "", "", resource("Allow", `{"Service":"firehose.amazonaws.com"}`), policy.NoResourceAllow},
		{"not principal spares", user, yes, "", "", `{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":["` + account + `","` + alice + `"]},"Action":"*","Resource":"*"}}`, policy.AllowedByPolicy},
		{"not principal without the account", user, yes, "", "", `{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"` + alice + `"},"Action":"*","Resource":"*"}}`, policy.ExplicitDeny},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p policy.Policies
			named := func(kind policy.Kind, text string) *policy.Named {
				if text == "" {
					return nil
				}
				return &policy.Named{Name: tc.name, Document: parse(t, kind, text)}
			}
			if n := named(policy.Identity, tc.identity); n != nil {
				p.Identity = []policy.Named{*n}
			}
			if n := named(policy.Identity, tc.session); n != nil {
				p.Session = []policy.Named{*n}
			}
			p.Boundary, p.Resource = named(policy.Identity, tc.boundary), named(policy.Resource, tc.resource)
			r := policy.Request{Principal: tc.who, Action: "kafka:DescribeCluster", Resource: "arn:aws:kafka:us-east-1:111122223333:cluster/demo/uuid", Owner: account}
			got := p.Decide(&r)
			if got.Reason != tc.want || got.Allowed != (tc.want == policy.AllowedByPolicy || tc.want == policy.AllowedToAccount) {
				t.Errorf("%+v, want reason %d\n%v", got, tc.want, p.Explain(&r))
			}
		})
	}
}

// TestStatements has one statement and one request a line: does it apply?
func TestStatements(t *testing.T) {
	for _, tc := range []struct {
		name, statement, action, resource string
		context                           policy.Map
		want                              bool
	}{
		{"action wildcard", `"Action":"kafka-cluster:*Topic","Resource":"*"`, "kafka-cluster:DescribeTopic", topic, nil, true},
		{"action wildcard ends", `"Action":"kafka-cluster:*Topic","Resource":"*"`, "kafka-cluster:DescribeTopicDynamicConfiguration", topic, nil, false},
		{"action case", `"Action":"KAFKA-cluster:describetopic","Resource":"*"`, "kafka-cluster:DescribeTopic", topic, nil, true},
		{"not action", `"NotAction":"kafka-cluster:*","Resource":"*"`, "kafka-cluster:DescribeTopic", topic, nil, false},
		{"resource prefix", `"Action":"*","Resource":"arn:aws:kafka:*:111122223333:topic/demo/*/ord*"`, "kafka-cluster:ReadData", topic, nil, true},
		{"resource case", `"Action":"*","Resource":"arn:aws:kafka:*:111122223333:topic/demo/*/ORDERS"`, "kafka-cluster:ReadData", topic, nil, false},
		{"star crosses slashes", `"Action":"*","Resource":"arn:aws:kafka:us-east-1:111122223333:topic/demo/*"`, "kafka-cluster:ReadData", topic, nil, true},
		{"one character", `"Action":"*","Resource":"arn:aws:kafka:us-east-1:111122223333:topic/demo/uuid/order?"`, "kafka-cluster:ReadData", topic, nil, true},
		{"not resource", `"Action":"*","NotResource":"arn:aws:kafka:*:*:topic/*"`, "kafka-cluster:ReadData", topic, nil, false},
		{"variable", `"Action":"*","Resource":"arn:aws:kafka:*:*:topic/demo/*/${aws:username}"`, "kafka-cluster:ReadData", topic, policy.Map{"aws:username": {"orders"}}, true},
		{"variable is literal", `"Action":"*","Resource":"arn:aws:kafka:*:*:topic/demo/*/${aws:username}"`, "kafka-cluster:ReadData", topic, policy.Map{"aws:username": {"*"}}, false},
		{"variable missing", `"Action":"*","Resource":"arn:aws:kafka:*:*:topic/demo/*/${aws:username}"`, "kafka-cluster:ReadData", topic, nil, false},
		{"variable default", `"Action":"*","Resource":"arn:aws:kafka:*:*:topic/demo/*/${aws:username, 'orders'}"`, "kafka-cluster:ReadData", topic, nil, true},
		{"escaped star", `"Action":"*","Resource":"arn:aws:kafka:*:*:topic/demo/*/${*}"`, "kafka-cluster:ReadData", topic, nil, false},
		{"equals", `"Action":"*","Resource":"*","Condition":{"StringEquals":{"AWS:ResourceTag/Team":["a","b"]}}`, "x:Y", "*", policy.Map{"aws:resourcetag/team": {"b"}}, true},
		{"equals missing", `"Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:x":"a"}}`, "x:Y", "*", nil, false},
		{"equals takes * as text", `"Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:x":"*"}}`, "x:Y", "*", policy.Map{"aws:x": {"a"}}, false},
		{"not equals missing", `"Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:x":"a"}}`, "x:Y", "*", nil, true},
		{"not equals any", `"Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:x":["a","b"]}}`, "x:Y", "*", policy.Map{"aws:x": {"b"}}, false},
		{"if exists missing", `"Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:x":"a"}}`, "x:Y", "*", nil, true},
		{"if exists there", `"Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:x":"a"}}`, "x:Y", "*", policy.Map{"aws:x": {"b"}}, false},
		{"like", `"Action":"*","Resource":"*","Condition":{"StringLike":{"aws:x":"a*z"}}`, "x:Y", "*", policy.Map{"aws:x": {"a:/z"}}, true},
		{"ignore case", `"Action":"*","Resource":"*","Condition":{"StringEqualsIgnoreCase":{"aws:x":"ABC"}}`, "x:Y", "*", policy.Map{"aws:x": {"abc"}}, true},
		{"numbers", `"Action":"*","Resource":"*","Condition":{"NumericLessThanEquals":{"aws:n":10}}`, "x:Y", "*", policy.Map{"aws:n": {"1e1"}}, true},
		{"no number", `"Action":"*","Resource":"*","Condition":{"NumericNotEquals":{"aws:n":10}}`, "x:Y", "*", policy.Map{"aws:n": {"ten"}}, true},
		{"dates", `"Action":"*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}`, "x:Y", "*", policy.Map{"aws:currenttime": {"2026-01-01T00:00:01Z"}}, true},
		{"seconds", `"Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:EpochTime":"2026-01-01"}}`, "x:Y", "*", policy.Map{"aws:epochtime": {"1767225599"}}, true},
		{"bool", `"Action":"*","Resource":"*","Condition":{"Bool":{"kafka:publicAccessEnabled":false}}`, "x:Y", "*", policy.Map{"kafka:publicaccessenabled": {"FALSE"}}, true},
		{"null absent", `"Action":"*","Resource":"*","Condition":{"Null":{"aws:x":"true"}}`, "x:Y", "*", nil, true},
		{"null present", `"Action":"*","Resource":"*","Condition":{"Null":{"aws:x":"false"}}`, "x:Y", "*", policy.Map{"aws:x": {"a"}}, true},
		{"ip range", `"Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]}}`, "x:Y", "*", policy.Map{"aws:sourceip": {"10.1.2.3"}}, true},
		{"ip mapped", `"Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, "x:Y", "*", policy.Map{"aws:sourceip": {"::ffff:10.1.2.3"}}, true},
		{"not ip", `"Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, "x:Y", "*", policy.Map{"aws:sourceip": {"192.0.2.1"}}, true},
		{"arn like does not cross colons", `"Action":"*","Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:kafka:*:cluster/x"}}`, "x:Y", "*", policy.Map{"aws:sourcearn": {"arn:aws:kafka:us-east-1:1:cluster/x"}}, false},
		{"arn like", `"Action":"*","Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:kafka:*:*:cluster/x*"}}`, "x:Y", "*", policy.Map{"aws:sourcearn": {"arn:aws:kafka:us-east-1:1:cluster/x/y"}}, true},
		{"binary", `"Action":"*","Resource":"*","Condition":{"BinaryEquals":{"aws:x":"QUI="}}`, "x:Y", "*", policy.Map{"aws:x": {"QUI="}}, true},
		{"for all", `"Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, "x:Y", "*", policy.Map{"aws:tagkeys": {"a", "c"}}, false},
		{"for all of none", `"Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, "x:Y", "*", nil, true},
		{"for any", `"Action":"*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}`, "x:Y", "*", policy.Map{"aws:tagkeys": {"a", "c"}}, true},
		{"for any of none", `"Action":"*","Resource":"*","Condition":{"ForAnyValue:StringNotEquals":{"aws:TagKeys":"a"}}`, "x:Y", "*", nil, false},
		{"all conditions", `"Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:x":"a"},"Bool":{"aws:y":"true"}}`, "x:Y", "*", policy.Map{"aws:x": {"a"}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := parse(t, policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",`+tc.statement+`}]}`)
			p := policy.Policies{Identity: []policy.Named{{Name: "p", Document: d}}}
			r := policy.Request{Principal: policy.Principal{Account: account, ARN: alice}, Action: tc.action, Resource: tc.resource, Context: tc.context}
			if got := p.Decide(&r); got.Allowed != tc.want {
				t.Errorf("allowed %v: %v", got.Allowed, p.Explain(&r))
			}
		})
	}
}

// TestSyntax refuses what IAM refuses, in its words.
func TestSyntax(t *testing.T) {
	for _, tc := range []struct {
		kind           policy.Kind
		document, want string
	}{
		{policy.Identity, ``, "Syntax errors in policy."},
		{policy.Identity, `{"Statement":[]}`, "Syntax errors in policy."},
		{policy.Identity, `{"Version":"2020-01-01","Statement":{}}`, "Policy document must be version 2012-10-17 or greater."},
		{policy.Identity, `{"Statement":{"Effect":"Maybe","Action":"*","Resource":"*"}}`, "Syntax errors in policy."},
		{policy.Identity, `{"Statement":{"Effect":"Allow","Resource":"*"}}`, "Policy statement must contain actions."},
		{policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*"}}`, "Policy statement must contain resources."},
		{policy.Identity, `{"Statement":{"Effect":"Allow","Action":"Describe","Resource":"*"}}`, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"demo"}}`, `Resource demo must be in ARN format or "*".`},
		{policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}`, "Policy document should not specify a principal."},
		{policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}}`, "Syntax errors in policy."},
		{policy.Identity, `{"Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}}`, "Syntax errors in policy."},
		{policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Extra":1}}`, "Syntax errors in policy."},
		{policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringAlmost":{"a:b":"c"}}}}`, "Syntax errors in policy."},
		{policy.Identity, `{"Statement":{"Sid":"a b","Effect":"Allow","Action":"*","Resource":"*"}}`, "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},
		{policy.Identity, `{"Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"}]}`, "Statement IDs (SID) in a single policy must be unique."},
		{policy.Identity, strings.Repeat("[", 100), "Syntax errors in policy."},
		{policy.Trust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}}`, "Has prohibited field Resource"},
		{policy.Trust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`, "Missing required field Principal"},
		{policy.Trust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"bob"}}}`, `Invalid principal in policy: "AWS":"bob"`},
		{policy.Resource, `{"Statement":{"Effect":"Allow","Action":"kafka:*","Resource":"*","NotPrincipal":{"AWS":"111122223333"}}}`, "Allow with NotPrincipal is not allowed."},
	} {
		_, err := policy.Parse(tc.kind, []byte(tc.document))
		var s *policy.SyntaxError
		if !errors.As(err, &s) || s.Message != tc.want {
			t.Errorf("%s: %v, want %s", tc.document, err, tc.want)
		}
	}
}

// TestStatementIDsOfResources: KMS's default key policy has one with spaces.
func TestStatementIDsOfResources(t *testing.T) {
	const document = `{"Statement":{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}}`
	if _, err := policy.Parse(policy.Resource, []byte(document)); err != nil {
		t.Error(err)
	}
}

// FuzzParse wants no document to end in a panic, nor in an evaluation that does.
func FuzzParse(f *testing.F) {
	f.Add([]byte(allow("kafka:*", `,"Condition":{"StringLike":{"aws:x":"${aws:y, 'z'}*"},"ArnLike":{"aws:z":"arn:*"}}`)))
	f.Add([]byte(resource("Deny", `{"AWS":["*","111122223333"],"Service":"kafka.amazonaws.com"}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, kind := range []policy.Kind{policy.Identity, policy.Resource, policy.Trust} {
			d, err := policy.Parse(kind, data)
			if err != nil {
				continue
			}
			n := policy.Named{Name: "p", Document: d}
			p := policy.Policies{Identity: []policy.Named{n}, Resource: &n}
			r := policy.Request{Principal: policy.Principal{Account: account, ARN: alice}, Action: "kafka:X", Resource: topic, Context: policy.Map{"aws:x": {"1"}}}
			if got := p.Decide(&r); got.Allowed && got.Reason == policy.ExplicitDeny {
				t.Error("allowed and denied")
			}
			p.Explain(&r)
		}
	})
}
