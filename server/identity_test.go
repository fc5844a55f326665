package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	saslaws "github.com/twmb/franz-go/pkg/sasl/aws"

	"github.com/millrace/millrace/aws/sigv4"
	"github.com/millrace/millrace/millracetest"
)

// cloud is a Millrace with a cluster, seen by its principals.
type cloud struct {
	*millracetest.Millrace
	c *millracetest.Cluster
	t *testing.T
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	m := millracetest.Start(t)
	c := m.Cluster("orders")
	c.CreateTopic("t", 1)
	return &cloud{m, c, t}
}

// form calls iam or sts as the root, or as somebody, and decodes the answer.
func (w *cloud) form(by *aws.Credentials, service string, out any, fields ...string) {
	w.t.Helper()
	form := url.Values{"Version": {map[string]string{"iam": "2010-05-08", "sts": "2011-06-15", "ec2": "2016-11-15"}[service]}}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		form.Set(name, value)
	}
	body := []byte(form.Encode())
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.Endpoint()+"/", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	key := sigv4.Key{AccessKeyID: w.AccessKeyID(), Secret: w.SecretAccessKey()}
	if by != nil {
		key = sigv4.Key{AccessKeyID: by.AccessKeyID, Secret: by.SecretAccessKey, SessionToken: by.SessionToken}
	}
	sigv4.Sign(r, body, key, service, w.Region(), time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%v: %s %s %v", fields, resp.Status, answer, err)
	}
	if out == nil {
		return
	}
	if err := xml.Unmarshal(answer, out); err != nil {
		w.t.Fatal(err)
	}
}

type credentials struct {
	AccessKeyID string `xml:"AccessKeyId"`
	Secret      string `xml:"SecretAccessKey"`
	Token       string `xml:"SessionToken"`
}

func (c credentials) aws() aws.Credentials {
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret, SessionToken: c.Token}
}

// user makes a user with an access key and a policy.
func (w *cloud) user(name, document string) aws.Credentials {
	w.t.Helper()
	w.form(nil, "iam", nil, "Action=CreateUser", "UserName="+name)
	w.grant(name, document)
	var key struct {
		Key credentials `xml:"CreateAccessKeyResult>AccessKey"`
	}
	w.form(nil, "iam", &key, "Action=CreateAccessKey", "UserName="+name)
	return key.Key.aws()
}

func (w *cloud) grant(user, document string) {
	w.t.Helper()
	w.form(nil, "iam", nil, "Action=PutUserPolicy", "UserName="+user, "PolicyName=own", "PolicyDocument="+document)
}

// may is a policy that allows kafka-cluster actions on everything.
func may(actions string) string {
	list := strings.Fields(actions)
	for i := range list {
		list[i] = `"kafka-cluster:` + list[i] + `"`
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + strings.Join(list, ",") + `],"Resource":"*"}]}`
}

const (
	writes = "Connect DescribeTopic WriteData WriteDataIdempotently"
	reads  = "Connect DescribeTopic ReadData DescribeGroup AlterGroup"
)

func (w *cloud) client(who aws.Credentials, opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	client, err := kgo.NewClient(append(append(w.c.IAMOptionsAs(who), kgo.DefaultProduceTopic("t")), opts...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return client
}

func produce(ctx context.Context, c *kgo.Client, value string) error {
	return c.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr()
}

// fetch polls until there is a record or an error.
func fetch(ctx context.Context, c *kgo.Client) (value string, err error) {
	for ctx.Err() == nil {
		got := c.PollFetches(ctx)
		if err := got.Err0(); err != nil && ctx.Err() == nil {
			return "", err
		}
		for _, e := range got.Errors() {
			return "", e.Err
		}
		for _, r := range got.Records() {
			return string(r.Value), nil
		}
	}
	return "", ctx.Err()
}

func consume() kgo.Opt { return kgo.ConsumeTopics("t") }

func TestWritersAndReaders(t *testing.T) {
	w := newCloud(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	writer, reader := w.user("writer", may(writes)), w.user("reader", may(reads))
	if err := produce(ctx, w.client(writer), "one"); err != nil {
		t.Errorf("the writer may not write: %v", err)
	}
	if value, err := fetch(ctx, w.client(reader, consume(), kgo.ConsumerGroup("g"))); value != "one" {
		t.Errorf("the reader got %q, %v", value, err)
	}
	if err := produce(ctx, w.client(reader, kgo.DisableIdempotentWrite()), "two"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("the reader wrote: %v", err)
	}
	if value, err := fetch(ctx, w.client(writer, consume())); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("the writer read %q, %v", value, err)
	}
	if err := w.client(w.user("nobody", may("DescribeTopic"))).Ping(ctx); err == nil {
		t.Error("somebody without Connect is connected")
	}
}

// TestChangesActOnOpenConnections: a policy, a key and a deleted user.
func TestChangesActOnOpenConnections(t *testing.T) {
	w := newCloud(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	who := w.user("alice", may(writes))
	alice := w.client(who)
	if err := produce(ctx, alice, "one"); err != nil {
		t.Fatal(err)
	}
	w.grant("alice", may("Connect DescribeTopic WriteDataIdempotently"))
	if err := produce(ctx, alice, "two"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("after the right is gone: %v", err)
	}
	w.grant("alice", may(writes))
	alice = w.client(who)
	if err := produce(ctx, alice, "three"); err != nil {
		t.Errorf("after the right is back: %v", err)
	}
	w.form(nil, "iam", nil, "Action=UpdateAccessKey", "UserName=alice", "AccessKeyId="+who.AccessKeyID, "Status=Inactive")
	if err := produce(ctx, alice, "four"); !errors.Is(err, kerr.ClusterAuthorizationFailed) {
		t.Errorf("with an inactive key: %v", err)
	}
	if err := w.client(who).Ping(ctx); err == nil {
		t.Error("an inactive key connects")
	}
}

// TestAFetchThatWaits is refused what comes after the right to read is gone.
func TestAFetchThatWaits(t *testing.T) {
	w := newCloud(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	root := w.c.Client(kgo.DefaultProduceTopic("t"))
	if err := produce(ctx, root, "before"); err != nil {
		t.Fatal(err)
	}
	reader := w.client(w.user("reader", may(reads)), consume(), kgo.FetchMaxWait(20*time.Second), kgo.KeepRetryableFetchErrors())
	if value, err := fetch(ctx, reader); value != "before" {
		t.Fatalf("got %q, %v", value, err)
	}
	result := make(chan string, 1)
	go func() {
		value, err := fetch(ctx, reader)
		if err != nil {
			value = "refused"
		}
		result <- value
	}()
	w.grant("reader", may("Connect DescribeTopic"))
	if err := produce(ctx, root, "after"); err != nil {
		t.Fatal(err)
	}
	if got := <-result; got != "refused" {
		t.Errorf("the fetch answered %q", got)
	}
}

func TestAssumedRoleOnTheWire(t *testing.T) {
	w := newCloud(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	alice := w.user("alice", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`)
	w.form(nil, "iam", nil, "Action=CreateRole", "RoleName=producer", `AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}]}`)
	w.form(nil, "iam", nil, "Action=PutRolePolicy", "RoleName=producer", "PolicyName=p", "PolicyDocument="+may(writes))
	var out struct {
		Credentials credentials `xml:"AssumeRoleResult>Credentials"`
	}
	w.form(&alice, "sts", &out, "Action=AssumeRole", "RoleArn=arn:aws:iam::000000000000:role/producer", "RoleSessionName=app")
	session := out.Credentials.aws()
	if err := produce(ctx, w.client(session), "by OAUTHBEARER"); err != nil {
		t.Error(err)
	}
	t.Setenv("AWS_REGION", w.Region()) // the mechanism reads it for brokers whose names are not AWS's
	auth := saslaws.Auth{AccessKey: session.AccessKeyID, SecretKey: session.SecretAccessKey, SessionToken: session.SessionToken}
	client, err := kgo.NewClient(append(w.c.IAMOptionsAs(session), kgo.SASL(auth.AsManagedStreamingIAMMechanism()), kgo.DefaultProduceTopic("t"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := produce(ctx, client, "by AWS_MSK_IAM"); err != nil {
		t.Error(err)
	}
	w.form(nil, "iam", nil, "Action=DeleteRolePolicy", "RoleName=producer", "PolicyName=p")
	w.form(nil, "iam", nil, "Action=DeleteRole", "RoleName=producer")
	if err := produce(ctx, client, "of nobody"); !errors.Is(err, kerr.ClusterAuthorizationFailed) {
		t.Errorf("after the role is gone: %v", err)
	}
	wrong := session
	wrong.SessionToken = ""
	if err := w.client(wrong).Ping(ctx); err == nil {
		t.Error("temporary credentials without their token connect")
	}
}

// TestClusterTagsDecide: aws:ResourceTag is of the cluster, and a changed tag
// acts on open connections.
func TestClusterTagsDecide(t *testing.T) {
	w := newCloud(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	msk := kafka.NewFromConfig(w.AWS())
	arn := w.c.ARN()
	tag := func(team string) {
		if _, err := msk.TagResource(ctx, &kafka.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"team": team}}); err != nil {
			t.Fatal(err)
		}
	}
	tag("blue")
	who := w.user("alice", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["kafka-cluster:Connect","kafka-cluster:WriteDataIdempotently"],"Resource":"arn:aws:kafka:*:*:cluster/orders/*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}},
		{"Effect":"Allow","Action":["kafka-cluster:DescribeTopic","kafka-cluster:WriteData"],"Resource":"arn:aws:kafka:*:*:topic/orders/*/t"},
		{"Effect":"Allow","Action":"kafka:DescribeClusterV2","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}}]}`)
	cfg := w.AWS()
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return who, nil })
	describe := func() error {
		_, err := kafka.NewFromConfig(cfg).DescribeClusterV2(ctx, &kafka.DescribeClusterV2Input{ClusterArn: &arn})
		return err
	}
	if err := produce(ctx, w.client(who), "one"); err != nil {
		t.Errorf("with the tag: %v", err)
	}
	if err := describe(); err != nil {
		t.Errorf("with the tag: %v", err)
	}
	tag("red")
	if err := w.client(who).Ping(ctx); err == nil {
		t.Error("without the tag it connects")
	}
	if err := describe(); err == nil || !strings.Contains(err.Error(), "AccessDeniedException") {
		t.Errorf("without the tag: %v", err)
	}
}

// TestAnotherAccount has clusters of its own, and is refused by others'.
func TestAnotherAccount(t *testing.T) {
	w := newCloud(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	who := w.account("111122223333")
	if err := w.client(who).Ping(ctx); err == nil {
		t.Error("the root of another account is connected")
	}
	cfg := w.AWS()
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return who, nil })
	msk := kafka.NewFromConfig(cfg)
	list, err := msk.ListClustersV2(ctx, &kafka.ListClustersV2Input{})
	if err != nil || len(list.ClusterInfoList) != 0 {
		t.Errorf("it sees %d clusters, %v", len(list.ClusterInfoList), err)
	}
	arn := w.c.ARN()
	if _, err := msk.DescribeClusterV2(ctx, &kafka.DescribeClusterV2Input{ClusterArn: &arn}); err == nil || !strings.Contains(err.Error(), "because no resource-based policy allows the kafka:DescribeClusterV2 action") {
		t.Errorf("a cluster of another account: %v", err)
	}
	w.letIn(msk, who)
}

// account makes another account and answers its root's credentials.
func (w *cloud) account(id string) aws.Credentials {
	t := w.t
	t.Helper()
	body := []byte(`{"accountId":"` + id + `"}`)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Endpoint()+"/_millrace/v1/accounts", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Sign(r, body, sigv4.Key{AccessKeyID: w.AccessKeyID(), Secret: w.SecretAccessKey()}, "millrace", w.Region(), time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct{ AccessKeyID, SecretAccessKey string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.SecretAccessKey == "" {
		t.Fatal(resp.Status, err)
	}
	return aws.Credentials{AccessKeyID: made.AccessKeyID, SecretAccessKey: made.SecretAccessKey}
}

// letIn lets another account in by the cluster's policy, and out again.
func (w *cloud) letIn(theirs *kafka.Client, who aws.Credentials) {
	t, ctx, arn := w.t, w.t.Context(), w.c.ARN()
	t.Helper()
	ours := kafka.NewFromConfig(w.AWS())
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},
		"Action":["kafka:DescribeClusterV2","kafka:GetBootstrapBrokers","kafka-cluster:*"],"Resource":["` + arn + `","` + strings.Replace(arn, ":cluster/", ":topic/", 1) + `/*"]}]}`
	if _, err := theirs.GetBootstrapBrokers(ctx, &kafka.GetBootstrapBrokersInput{ClusterArn: &arn}); err == nil {
		t.Error("another account reads the brokers' addresses")
	}
	if _, err := theirs.GetCompatibleKafkaVersions(ctx, &kafka.GetCompatibleKafkaVersionsInput{ClusterArn: &arn}); err == nil {
		t.Error("another account reads the cluster's version")
	}
	if _, err := ours.PutClusterPolicy(ctx, &kafka.PutClusterPolicyInput{ClusterArn: &arn, Policy: &text}); err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.DescribeClusterV2(ctx, &kafka.DescribeClusterV2Input{ClusterArn: &arn}); err != nil {
		t.Errorf("with the policy: %v", err)
	}
	if _, err := theirs.GetBootstrapBrokers(ctx, &kafka.GetBootstrapBrokersInput{ClusterArn: &arn}); err != nil {
		t.Errorf("with the policy: %v", err)
	}
	if _, err := theirs.DeleteCluster(ctx, &kafka.DeleteClusterInput{ClusterArn: &arn}); err == nil {
		t.Error("the policy lets another account delete the cluster")
	}
	cl := w.client(who)
	if err := produce(ctx, cl, "theirs"); err != nil {
		t.Errorf("with the policy: %v", err)
	}
	if _, err := ours.DeleteClusterPolicy(ctx, &kafka.DeleteClusterPolicyInput{ClusterArn: &arn}); err != nil {
		t.Fatal(err)
	}
	if err := produce(ctx, cl, "late"); err == nil {
		t.Error("without the policy the open connection still writes")
	}
}
