//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// as is the server as somebody else sees it.
func (i *instance) as(accessKeyID, secret, token string) *instance {
	out := *i
	out.env = maps.Clone(i.env)
	out.env["AWS_ACCESS_KEY_ID"], out.env["AWS_SECRET_ACCESS_KEY"] = accessKeyID, secret
	if token != "" {
		out.env["AWS_SESSION_TOKEN"] = token
	}
	return &out
}

// call runs AWS's command line and decodes its answer.
func (a awsCLI) call(out any, args ...string) {
	a.t.Helper()
	text := a.must("", a.path, append([]string{"--output", "json"}, args...)...)
	if out == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		a.t.Fatalf("aws %s: %v in %s", strings.Join(args, " "), err, text)
	}
}

// fails runs a call that must fail, with AWS's name of the error.
func (a awsCLI) fails(want string, args ...string) {
	a.t.Helper()
	out, words, err := a.exec("", a.path, args...)
	if err == nil || !strings.Contains(words, want) {
		a.t.Errorf("aws %s: %v, %s%s; want %s", strings.Join(args, " "), err, out, words, want)
	}
}

// keyPair is an access key as the command line shows it.
type keyPair struct{ AccessKeyId, SecretAccessKey, SessionToken string }

// user makes a user with an inline policy and answers it.
func (a awsCLI) user(name, document string) *instance {
	a.t.Helper()
	a.call(nil, "iam", "create-user", "--user-name", name)
	a.call(nil, "iam", "put-user-policy", "--user-name", name, "--policy-name", "own", "--policy-document", document)
	var made struct{ AccessKey keyPair }
	a.call(&made, "iam", "create-access-key", "--user-name", name)
	return a.as(made.AccessKey.AccessKeyId, made.AccessKey.SecretAccessKey, "")
}

// kafkaPolicy allows kafka-cluster actions on everything.
func kafkaPolicy(actions ...string) string {
	for i := range actions {
		actions[i] = `"kafka-cluster:` + actions[i] + `"`
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + strings.Join(actions, ",") + `],"Resource":"*"}]}`
}

const accountTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}]}`

// TestIAMCommandLine shows it.
//
// Works: AWS CLI: users, groups, roles, policies and access keys of IAM; temporary credentials of STS
func TestIAMCommandLine(t *testing.T) {
	i := start(t)
	a := i.aws()
	alice := awsCLI{a.user("alice", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kafka:ListClustersV2","sts:AssumeRole","iam:GetUser"],"Resource":"*"}]}`), a.path}
	var me struct{ Arn, UserId string }
	alice.call(&me, "sts", "get-caller-identity")
	if me.Arn != "arn:aws:iam::000000000000:user/alice" || !strings.HasPrefix(me.UserId, "AIDA") {
		t.Errorf("alice is %+v", me)
	}
	alice.call(nil, "kafka", "list-clusters-v2")
	alice.fails("AccessDenied", "kafka", "list-clusters")
	alice.fails("(AccessDenied)", "iam", "list-users")
	var got struct{ User struct{ UserName string } }
	if alice.call(&got, "iam", "get-user"); got.User.UserName != "alice" {
		t.Errorf("get-user: %+v", got)
	}
	a.fails("(EntityAlreadyExists)", "iam", "create-user", "--user-name", "alice")
	a.fails("(DeleteConflict)", "iam", "delete-user", "--user-name", "alice")
	a.fails("(NoSuchEntity)", "iam", "get-role", "--role-name", "none")
	a.fails("(MalformedPolicyDocument)", "iam", "create-policy", "--policy-name", "x", "--policy-document", "{}")
	a.managed()
	a.role(alice)
	a.pages()
}

// managed makes a policy with versions and attaches it to a group.
func (a awsCLI) managed() {
	a.t.Helper()
	var made struct {
		Policy struct{ Arn, DefaultVersionId string }
	}
	document := kafkaPolicy("Connect")
	a.call(&made, "iam", "create-policy", "--policy-name", "connect", "--path", "/kafka/", "--policy-document", document, "--tags", "Key=team,Value=a")
	a.call(nil, "iam", "create-policy-version", "--policy-arn", made.Policy.Arn, "--policy-document", document, "--set-as-default")
	var version struct {
		PolicyVersion struct{ Document map[string]any }
	}
	a.call(&version, "iam", "get-policy-version", "--policy-arn", made.Policy.Arn, "--version-id", "v2")
	if version.PolicyVersion.Document["Version"] != "2012-10-17" {
		a.t.Errorf("get-policy-version: %+v", version)
	}
	a.call(nil, "iam", "create-group", "--group-name", "apps")
	a.call(nil, "iam", "attach-group-policy", "--group-name", "apps", "--policy-arn", made.Policy.Arn)
	a.call(nil, "iam", "add-user-to-group", "--group-name", "apps", "--user-name", "alice")
	var attached struct{ AttachedPolicies []struct{ PolicyName string } }
	a.call(&attached, "iam", "list-attached-group-policies", "--group-name", "apps")
	if len(attached.AttachedPolicies) != 1 || attached.AttachedPolicies[0].PolicyName != "connect" {
		a.t.Errorf("list-attached-group-policies: %+v", attached)
	}
	var simulated struct {
		EvaluationResults []struct{ EvalDecision string }
	}
	a.call(&simulated, "iam", "simulate-principal-policy", "--policy-source-arn", "arn:aws:iam::000000000000:user/alice", "--action-names", "kafka-cluster:Connect", "kafka-cluster:ReadData")
	if r := simulated.EvaluationResults; len(r) != 2 || r[0].EvalDecision != "allowed" || r[1].EvalDecision != "implicitDeny" {
		a.t.Errorf("simulate-principal-policy: %+v", simulated)
	}
}

// role makes a role, which alice assumes.
func (a awsCLI) role(alice awsCLI) {
	a.t.Helper()
	var made struct {
		Role struct {
			Arn                      string
			AssumeRolePolicyDocument map[string]any
		}
	}
	a.call(&made, "iam", "create-role", "--role-name", "reader", "--assume-role-policy-document", accountTrust, "--max-session-duration", "7200")
	if made.Role.AssumeRolePolicyDocument["Version"] != "2012-10-17" {
		a.t.Errorf("create-role: %+v", made)
	}
	a.call(nil, "iam", "attach-role-policy", "--role-name", "reader", "--policy-arn", "arn:aws:iam::aws:policy/AmazonMSKReadOnlyAccess")
	var assumed struct{ Credentials keyPair }
	alice.call(&assumed, "sts", "assume-role", "--role-arn", made.Role.Arn, "--role-session-name", "one", "--duration-seconds", "7200")
	session := awsCLI{a.as(assumed.Credentials.AccessKeyId, assumed.Credentials.SecretAccessKey, assumed.Credentials.SessionToken), a.path}
	var me struct{ Arn string }
	if session.call(&me, "sts", "get-caller-identity"); me.Arn != "arn:aws:sts::000000000000:assumed-role/reader/one" {
		a.t.Errorf("the session is %+v", me)
	}
	session.call(nil, "kafka", "list-clusters")
	alice.fails("(ValidationError)", "sts", "assume-role", "--role-arn", made.Role.Arn, "--role-session-name", "one", "--duration-seconds", "7201")
	a.call(nil, "iam", "detach-role-policy", "--role-name", "reader", "--policy-arn", "arn:aws:iam::aws:policy/AmazonMSKReadOnlyAccess")
	session.fails("AccessDenied", "kafka", "list-clusters")
	a.call(nil, "iam", "delete-role", "--role-name", "reader")
	session.fails("(InvalidClientTokenId)", "sts", "get-caller-identity")
	var linked struct{ Role struct{ RoleName string } }
	a.call(&linked, "iam", "create-service-linked-role", "--aws-service-name", "kafka.amazonaws.com")
	if linked.Role.RoleName != "AWSServiceRoleForKafka" {
		a.t.Errorf("create-service-linked-role: %+v", linked)
	}
}

// pages lists what is more than a page.
func (a awsCLI) pages() {
	a.t.Helper()
	var list struct{ Policies []struct{ PolicyName string } }
	a.call(&list, "iam", "list-policies", "--page-size", "7")
	if len(list.Policies) < 20 {
		a.t.Errorf("list-policies: %d", len(list.Policies))
	}
	var summary struct{ SummaryMap map[string]int }
	if a.call(&summary, "iam", "get-account-summary"); summary.SummaryMap["Users"] != 1 {
		a.t.Errorf("get-account-summary: %+v", summary)
	}
}

// TestIAMPrincipalsOfJava shows it.
//
// Works: Kafka's command line tools as IAM users that may only write or only read, and as an assumed role
func TestIAMPrincipalsOfJava(t *testing.T) {
	c := start(t).cluster("orders")
	a := c.aws()
	c.cli("", "topic", "create", "events")
	tools := func(who *instance, module string) javaTools {
		other := *c
		other.instance = who
		return javaTools{
			cluster: &other, set: "tools-4.3.1", class: classes4, producer: "--command-config", consumer: "--command-config",
			config: writeFile(t, "client.properties", strings.Replace(clientProperties, "IAMLoginModule required;", "IAMLoginModule required"+module+";", 1)),
		}
	}
	writer := tools(a.user("writer", kafkaPolicy("Connect", "DescribeTopic", "WriteData", "WriteDataIdempotently")), "")
	reader := tools(a.user("reader", kafkaPolicy("Connect", "DescribeTopic", "ReadData", "DescribeGroup", "AlterGroup")), "")
	a.call(nil, "iam", "create-role", "--role-name", "app", "--assume-role-policy-document", accountTrust)
	a.call(nil, "iam", "put-role-policy", "--role-name", "app", "--policy-name", "own", "--policy-document", kafkaPolicy("Connect", "DescribeTopic", "WriteData", "WriteDataIdempotently"))
	assumer := tools(a.user("assumer", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`),
		` awsRoleArn="arn:aws:iam::000000000000:role/app" awsRoleSessionName="tools" awsStsRegion="us-east-1"`)

	produce := []string{"--topic", "events"}
	consume := func(group, messages string) []string {
		return []string{"--topic", "events", "--from-beginning", "--max-messages", messages, "--timeout-ms", "10000", "--group", group}
	}
	for who, j := range map[string]javaTools{"writer": writer, "role": assumer} {
		if out, err := j.try("producer", j.producer, "by "+who+"\n", produce...); err != nil {
			t.Errorf("the %s may not write: %v\n%s", who, err, out)
		}
	}
	out, err := reader.try("consumer", reader.consumer, "", consume("g", "2")...)
	if err != nil || !strings.Contains(out, "by writer") || !strings.Contains(out, "by role") {
		t.Errorf("the reader got %s, %v", out, err)
	}
	if out, _ := writer.try("consumer", writer.consumer, "", consume("h", "1")...); strings.Contains(out, "by writer") {
		t.Errorf("the writer read %s", out)
	}
	_, _ = reader.try("producer", reader.producer, "by reader\n", produce...) // it says so and succeeds
	if out, _ := reader.try("consumer", reader.consumer, "", consume("i", "3")...); strings.Contains(out, "by reader") || !strings.Contains(out, "by writer") {
		t.Errorf("the reader wrote: %s", out)
	}
}
