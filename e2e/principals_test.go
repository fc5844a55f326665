//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/go-jose/go-jose/v4"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/oidc/oidctest"
	"github.com/millrace/millrace/e2e/clients"
)

// Logging of the tools' JVM to whatever is stdout at the time.
const (
	log4j2 = `<Configuration><Appenders><Console name="c" follow="true"><PatternLayout pattern="%p %m%n%throwable{short}%n"/></Console></Appenders><Loggers><Root level="ERROR"><AppenderRef ref="c"/></Root></Loggers></Configuration>`
	log4j1 = "log4j.rootLogger=ERROR, c\nlog4j.appender.c=org.apache.log4j.ConsoleAppender\nlog4j.appender.c.follow=true\nlog4j.appender.c.layout=org.apache.log4j.PatternLayout\nlog4j.appender.c.layout.ConversionPattern=%p %m%n\n"
)

// identities is a cluster with principals of every kind, and what their
// clients' machines hold.
type identities struct {
	*cluster
	issuer           *oidctest.Issuer
	token            string // file with an identity provider's token
	writer, reader   *instance
	session          keyPair // of the role
	profiles, config string  // files of AWS's tools
}

const roleARN = "arn:aws:iam::000000000000:role/app"

// form calls iam or sts as the instance's credentials, without the second that
// AWS's command line takes for each call.
func (i *instance) form(service string, out any, fields ...string) {
	t := i.t
	t.Helper()
	values := url.Values{"Version": {map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]}}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		values.Set(name, value)
	}
	body := values.Encode()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.env["AWS_ENDPOINT_URL"]+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: i.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: i.env["AWS_SECRET_ACCESS_KEY"]}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), service, i.env["AWS_REGION"], time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", fields[0], resp.Status, answer, err)
	}
	if out != nil {
		if err := xml.Unmarshal(answer, out); err != nil {
			t.Fatal(err)
		}
	}
}

// quickUser makes a user with an inline policy and answers it.
func (i *instance) quickUser(name, document string) *instance {
	i.t.Helper()
	i.form("iam", nil, "Action=CreateUser", "UserName="+name)
	i.form("iam", nil, "Action=PutUserPolicy", "UserName="+name, "PolicyName=own", "PolicyDocument="+document)
	var made struct {
		Key keyPair `xml:"CreateAccessKeyResult>AccessKey"`
	}
	i.form("iam", &made, "Action=CreateAccessKey", "UserName="+name)
	return i.as(made.Key.AccessKeyId, made.Key.SecretAccessKey, "")
}

// withIdentities makes a user who may write, one who may read, and a role that
// may write, which a user and a subject of an identity provider may assume.
func withIdentities(t *testing.T, c *cluster) *identities {
	t.Helper()
	w := &identities{cluster: c, issuer: oidctest.New(t)}
	writes, reads := kafkaPolicy("Connect", "DescribeTopic", "WriteData", "WriteDataIdempotently"), kafkaPolicy("Connect", "DescribeTopic", "ReadData", "DescribeGroup", "AlterGroup")
	w.writer, w.reader = c.quickUser("writer", writes), c.quickUser("reader", reads)
	assumer := c.quickUser("assumer", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"`+roleARN+`"}]}`)
	name := strings.TrimPrefix(w.issuer.URL, "https://")
	c.form("iam", nil, "Action=CreateOpenIDConnectProvider", "Url="+w.issuer.URL, "ClientIDList.member.1=sts.amazonaws.com")
	c.form("iam", nil, "Action=CreateRole", "RoleName=app", `AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"},
		{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::000000000000:oidc-provider/`+name+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+name+`:sub":"system:serviceaccount:apps:orders"}}}]}`)
	c.form("iam", nil, "Action=PutRolePolicy", "RoleName=app", "PolicyName=own", "PolicyDocument="+writes)
	w.token = writeFile(t, "token", w.issuer.Sign(t, jose.RS256, w.issuer.Claims("sts.amazonaws.com", "system:serviceaccount:apps:orders")))
	var assumed struct {
		Credentials keyPair `xml:"AssumeRoleResult>Credentials"`
	}
	assumer.form("sts", &assumed, "Action=AssumeRole", "RoleArn="+roleARN, "RoleSessionName=outside")
	w.session = assumed.Credentials
	process := writeFile(t, "credentials.json", fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":%q,"SessionToken":%q,"Expiration":%q}`,
		w.session.AccessKeyId, w.session.SecretAccessKey, w.session.SessionToken, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
	keys := func(name string, i *instance) string {
		return fmt.Sprintf("[%s]\naws_access_key_id=%s\naws_secret_access_key=%s\n", name, i.env["AWS_ACCESS_KEY_ID"], i.env["AWS_SECRET_ACCESS_KEY"])
	}
	w.profiles = writeFile(t, "credentials", keys("writer", w.writer)+keys("reader", w.reader)+keys("assumer", assumer)+keys("root", c.instance)+
		fmt.Sprintf("[session]\naws_access_key_id=%s\naws_secret_access_key=%s\naws_session_token=%s\n", w.session.AccessKeyId, w.session.SecretAccessKey, w.session.SessionToken))
	w.config = writeFile(t, "config", `[profile assumed]
role_arn=`+roleARN+`
source_profile=assumer
role_session_name=profile
[profile process]
credential_process=cat `+process+`
[profile web]
role_arn=`+roleARN+`
role_session_name=web
web_identity_token_file=`+w.token+`
`)
	return w
}

// environment is a client's: its profiles, no keys but those given, and AWS's
// endpoint.
func (w *identities) environment(more ...string) []string {
	var out []string
	for _, kv := range w.environ() {
		if name, _, _ := strings.Cut(kv, "="); name != "AWS_ACCESS_KEY_ID" && name != "AWS_SECRET_ACCESS_KEY" && name != "AWS_SESSION_TOKEN" {
			out = append(out, kv)
		}
	}
	return append(append(out, "AWS_SHARED_CREDENTIALS_FILE="+w.profiles, "AWS_CONFIG_FILE="+w.config), more...)
}

// jvm is one JVM that runs the tools of a release as anybody.
type jvm struct {
	*identities
	tools *clients.Tools
	class map[string]string
	flag  map[string]string // tool -> the flag that takes client.properties
}

func (w *identities) jvm(t *testing.T, set string, class map[string]string, producer, consumer string, flags, env []string) *jvm {
	t.Helper()
	flags = append([]string{"-Dlog4j2.configurationFile=" + writeFile(t, "log4j2.xml", log4j2), "-Dlog4j.configuration=file:" + writeFile(t, "log4j.properties", log4j1)}, flags...)
	tools, err := cache(t).StartTools(context.WithoutCancel(t.Context()), set, flags, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tools.Close(); err != nil {
			t.Error(err)
		}
	})
	return &jvm{w, tools, class, map[string]string{"producer": producer, "consumer": consumer, "topics": "--command-config"}}
}

// run runs a tool with options of AWS's login module and answers what it wrote.
func (j *jvm) run(module, tool, stdin string, args ...string) string {
	j.t.Helper()
	config := writeFile(j.t, "client.properties", strings.Replace(clientProperties, "IAMLoginModule required;", "IAMLoginModule required"+module+";", 1))
	_, out, words, err := j.tools.Run(j.class[tool], append([]string{"--bootstrap-server", j.iam, j.flag[tool], config}, args...), stdin)
	if err != nil {
		j.t.Fatal(err)
	}
	return out + words
}

// writes produces one line that names who, and reports what went wrong.
func (j *jvm) writes(who, module string) {
	j.t.Helper()
	if out := j.run(module, "producer", "by "+who+"\n", "--topic", "events", "--sync"); strings.Contains(out, "Exception") {
		j.t.Errorf("%s does not write: %s", who, out)
	}
}

func (j *jvm) consume(module, group, messages string) string {
	j.t.Helper()
	return j.run(module, "consumer", "", "--topic", "events", "--group", group, "--from-beginning", "--max-messages", messages, "--timeout-ms", "15000")
}

// says reports words that are not there.
func (j *jvm) says(what, out string, words ...string) {
	j.t.Helper()
	for _, w := range words {
		if !strings.Contains(out, w) {
			j.t.Errorf("%s: no %q in:\n%s", what, w, out)
		}
	}
}

// TestJavaCredentials: two releases of AWS's library with credentials from
// wherever it takes them, and what a principal of half the rights sees.
//
// Works: aws-msk-iam-auth 2.3.9 and 1.1.7 with a named profile, a role (awsRoleArn, role_arn), credential_process, session tokens and AWS_WEB_IDENTITY_TOKEN_FILE; Kafka's own authorization errors
func TestJavaCredentials(t *testing.T) {
	t.Parallel()
	i := start(t, "--broker-domain", "amazonaws.com")
	c := i.cluster("credentials")
	w := withIdentities(t, c)
	hosts := "-Djdk.net.hosts.file=" + writeFile(t, "hosts", i.cli("", "env", "--hosts")+"127.0.0.1 localhost\n")

	j := w.jvm(t, "tools-4.3.1", classes4, "--command-config", "--command-config", []string{hosts},
		w.environment("AWS_ROLE_ARN="+roleARN, "AWS_WEB_IDENTITY_TOKEN_FILE="+w.token, "AWS_ROLE_SESSION_NAME=environment"))
	j.says("root", j.run(` awsProfileName="root"`, "topics", "", "--create", "--topic", "events", "--partitions", "1"), "Created topic events")
	j.writes("environment", "")
	j.writes("writer", ` awsProfileName="writer"`)
	j.writes("assumed", ` awsProfileName="assumed"`)
	j.writes("process", ` awsProfileName="process"`)
	j.writes("web", ` awsProfileName="web"`)
	w.form("iam", nil, "Action=PutRolePolicy", "RoleName=app", "PolicyName=more", `PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`)
	j.writes("role", ` awsRoleArn="`+roleARN+`" awsRoleSessionName="java" awsStsRegion="us-east-1"`)

	// And an older release, whose SDK takes no endpoint of STS from the
	// environment: its credentials are made outside.
	old := w.jvm(t, "tools-3.4.1", classes3, "--producer.config", "--consumer.config", []string{hosts},
		w.environment("AWS_ACCESS_KEY_ID="+w.session.AccessKeyId, "AWS_SECRET_ACCESS_KEY="+w.session.SecretAccessKey, "AWS_SESSION_TOKEN="+w.session.SessionToken))
	old.writes("old-environment", "")
	old.writes("old-writer", ` awsProfileName="writer"`)
	old.writes("old-session", ` awsProfileName="session"`)
	old.writes("old-process", ` awsProfileName="process"`)

	got := j.consume(` awsProfileName="reader"`, "g", "10")
	j.says("the reader", got, "by environment", "by writer", "by assumed", "by process", "by web", "by role", "by old-environment", "by old-writer", "by old-session", "by old-process")

	const topics, groups = "TopicAuthorizationException: Not authorized to access topics: [events]", "GroupAuthorizationException: Not authorized to access group: g"
	plain := []string{"--topic", "events", "--sync", "--producer-property", "enable.idempotence=false"}
	newPlain := []string{"--topic", "events", "--sync", "--command-property", "enable.idempotence=false"}
	j.says("the reader writes", j.run(` awsProfileName="reader"`, "producer", "no\n", newPlain...), topics)
	j.says("the reader writes once", j.run(` awsProfileName="reader"`, "producer", "no\n", "--topic", "events", "--sync"), "ClusterAuthorizationException: Cluster authorization failed.")
	j.says("the writer reads", j.consume(` awsProfileName="writer"`, "g", "1"), groups)
	old.says("the reader writes", old.run(` awsProfileName="reader"`, "producer", "no\n", plain...), topics)
	old.says("the writer reads", old.consume(` awsProfileName="writer"`, "g", "1"), groups)
	w.form("iam", nil, "Action=PutUserPolicy", "UserName=writer", "PolicyName=groups", "PolicyDocument="+kafkaPolicy("DescribeGroup", "AlterGroup"))
	j.says("the writer in a group reads", j.consume(` awsProfileName="writer"`, "h", "1"), topics)
}

// TestSigners: AWS's signers for Go, Python and JavaScript as a user, a session of
// a role, a profile, and a pod with an identity provider's token.
//
// Works: AWS's IAM signers for Go, Python and JavaScript as a user, a role's session, a profile and a web identity; boto3 with AWS_WEB_IDENTITY_TOKEN_FILE
func TestSigners(t *testing.T) {
	t.Parallel()
	c := start(t).cluster("signers")
	plain := c.franz("plain", kgo.ConsumeTopics("events"))
	if _, err := kadm.NewClient(plain).CreateTopic(t.Context(), 1, 3, nil, "events"); err != nil {
		t.Fatal(err)
	}
	w := withIdentities(t, c)
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	node, modules, err := cache(t).Node(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	goSigner := filepath.Join(t.TempDir(), "gosigner")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "e2e", "-o", goSigner, "./gosigner").CombinedOutput(); err != nil {
		t.Fatalf("build the signer for Go: %v\n%s", err, out)
	}
	temporary := []string{"AWS_ACCESS_KEY_ID=" + w.session.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + w.session.SecretAccessKey, "AWS_SESSION_TOKEN=" + w.session.SessionToken}
	web := []string{"AWS_ROLE_ARN=" + roleARN, "AWS_WEB_IDENTITY_TOKEN_FILE=" + w.token, "AWS_ROLE_SESSION_NAME=pod"}
	for _, test := range []struct {
		who, arn string
		env      []string
	}{
		{"writer", "iam::000000000000:user/writer", []string{"AWS_PROFILE=writer"}},
		{"session", "sts::000000000000:assumed-role/app/outside", temporary},
		{"assumed", "sts::000000000000:assumed-role/app/profile", []string{"AWS_PROFILE=assumed"}},
		{"web", "sts::000000000000:assumed-role/app/pod", web},
	} {
		if out := w.runs(test.env, filepath.Join(bin, "python"), "testdata/signer.py", c.iam, "events", test.who); !strings.Contains(out, "arn:aws:"+test.arn) {
			t.Errorf("%s is %s", test.who, out)
		}
		w.runs(test.env, node, "testdata/signer.js", filepath.Join(modules, "node_modules"), c.iam, "events", test.who)
		// The SDK for Go asks STS for a profile's role before it reads AWS_ENDPOINT_URL.
		w.runs(append(test.env, "AWS_ENDPOINT_URL_STS="+w.env["AWS_ENDPOINT_URL"]), goSigner, c.iam, "events", "go "+test.who)
	}
	w.runs(nil, goSigner, c.iam, "events", "go of profile writer", "profile", "writer")
	w.runs([]string{"AWS_PROFILE=assumer"}, goSigner, c.iam, "events", "go in role", "role", roleARN, "go")
	same(t, "lines", drain(t, plain, 14), []string{
		"go writer", "go session", "go assumed", "go web", "go of profile writer", "go in role",
		"python writer", "python session", "python assumed", "python web", "javascript writer", "javascript session", "javascript assumed", "javascript web",
	})
}

// runs runs a program that must succeed as a client with its own environment.
func (w *identities) runs(env []string, program string, args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = w.environment(env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Errorf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return string(out)
}
