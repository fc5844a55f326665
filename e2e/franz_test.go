//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	saslaws "github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// franz makes a franz-go client; way is plain, tls, scram or iam.
func (c *cluster) franz(way string, opts ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	switch way {
	case "iam":
		auth := saslaws.Auth{AccessKey: c.env["AWS_ACCESS_KEY_ID"], SecretKey: c.env["AWS_SECRET_ACCESS_KEY"]}
		opts = append(opts, kgo.SASL(auth.AsManagedStreamingIAMMechanism()))
	case "scram":
		opts = append(opts, kgo.SASL(scram.Auth{User: scramUser, Pass: scramPassword}.AsSha512Mechanism()))
	}
	return c.franzAs(way, opts...)
}

// franzAs is franz without credentials: SASL options add up.
func (c *cluster) franzAs(way string, opts ...kgo.Opt) *kgo.Client {
	t := c.t
	t.Helper()
	if way == "iam" {
		t.Setenv("AWS_REGION", c.env["AWS_REGION"]) // franz-go reads IAM's region there alone
	}
	brokers := map[string]string{"plain": c.plain, "tls": c.tls, "scram": c.scram, "iam": c.iam}[way]
	base := []kgo.Opt{kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.RecordDeliveryTimeout(30 * time.Second), kgo.RetryTimeout(30 * time.Second)}
	if way != "plain" {
		pem, err := os.ReadFile(c.env["MILLRACE_CA_PEM"])
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		base = append(base, kgo.DialTLSConfig(&tls.Config{RootCAs: pool}))
	}
	client, err := kgo.NewClient(append(base, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

const (
	scramUser     = "alice"
	scramPassword = "alice-secret"
)

// addUser makes the SCRAM user through the Kafka Admin protocol.
func (c *cluster) addUser() {
	c.t.Helper()
	c.addUserOver("iam")
}

// addUserOver is addUser over another listener: that of IAM needs an environment,
// which parallel tests must not set.
func (c *cluster) addUserOver(way string) {
	t := c.t
	t.Helper()
	result, err := kadm.NewClient(c.franz(way)).AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{{
		User: scramUser, Mechanism: kadm.ScramSha512, Iterations: 8192, Password: scramPassword,
	}})
	if err == nil {
		err = result.Error()
	}
	if err != nil {
		t.Fatalf("make a SCRAM user: %v", err)
	}
}

// topic makes a topic of three replicas.
func (c *cluster) topic(name string, partitions int32) {
	c.t.Helper()
	if _, err := kadm.NewClient(c.franz("iam")).CreateTopic(c.t.Context(), partitions, 3, nil, name); err != nil {
		c.t.Fatalf("create topic %s: %v", name, err)
	}
}

// drain consumes want records.
func drain(t *testing.T, client *kgo.Client, want int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []string
	for len(got) < want {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(got), want, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	return got
}

// TestFranzGo shows it.
//
// Works: franz-go over plaintext, TLS, SCRAM-SHA-512 and IAM, idempotent producer and consumer group
func TestFranzGo(t *testing.T) {
	c := start(t).cluster("franz")
	c.addUser()
	for _, way := range []string{"plain", "tls", "scram", "iam"} {
		t.Run(way, func(t *testing.T) {
			c := c.in(t)
			topic := "t-" + way
			c.topic(topic, 3)
			want := numbered(way, 200)
			producer := c.franz(way, kgo.DefaultProduceTopic(topic))
			var records []*kgo.Record
			for _, v := range want {
				records = append(records, kgo.KeyStringRecord(v, v))
			}
			if err := producer.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			consumer := c.franz(way, kgo.ConsumeTopics(topic), kgo.ConsumerGroup("g-"+way), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			same(t, "records", drain(t, consumer, len(want)), want)
			if err := consumer.CommitUncommittedOffsets(t.Context()); err != nil {
				t.Fatal(err)
			}
			lag, err := kadm.NewClient(producer).Lag(t.Context(), "g-"+way)
			if err == nil {
				err = lag.Error()
			}
			if err != nil || lag["g-"+way].Lag.Total() != 0 {
				t.Errorf("lag after committing all: %v, %v", lag, err)
			}
		})
	}
}

// TestWrongSecretsAreRefused shows it.
//
// Works: wrong passwords and secrets are refused
func TestWrongSecretsAreRefused(t *testing.T) {
	c := start(t).cluster("refused")
	c.addUser()
	good := c.franz("scram")
	if err := good.Ping(t.Context()); err != nil {
		t.Fatalf("the right password: %v", err)
	}
	for _, password := range []string{"", "wrong", scramPassword + " "} {
		bad := c.franzAs("scram", kgo.RetryTimeout(time.Second), kgo.SASL(scram.Auth{User: scramUser, Pass: password}.AsSha512Mechanism()))
		if err := bad.Ping(t.Context()); err == nil {
			t.Errorf("password %q was accepted", password)
		}
	}
	secret := c.env["AWS_SECRET_ACCESS_KEY"]
	auth := saslaws.Auth{AccessKey: c.env["AWS_ACCESS_KEY_ID"], SecretKey: strings.ToLower(secret)}
	bad := c.franzAs("iam", kgo.SASL(auth.AsManagedStreamingIAMMechanism()), kgo.RetryTimeout(time.Second))
	if err := bad.Ping(t.Context()); err == nil || !strings.Contains(fmt.Sprint(err), kerr.SaslAuthenticationFailed.Message) {
		t.Errorf("IAM with another secret: %v", err)
	}
}

// TestServerless is a serverless cluster: one address, IAM alone.
//
// Works: serverless clusters behind one boot address, IAM only
func TestServerless(t *testing.T) {
	i := start(t)
	out, err := i.msk().CreateClusterV2(t.Context(), &kafka.CreateClusterV2Input{
		ClusterName: aws.String("less"),
		Serverless: &types.ServerlessRequest{
			VpcConfigs:           []types.VpcConfig{{SubnetIds: i.subnets()}},
			ClientAuthentication: &types.ServerlessClientAuthentication{Sasl: &types.ServerlessSasl{Iam: &types.Iam{Enabled: aws.Bool(true)}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	i.cli("", "wait", "--cluster", "less", "--timeout", "30s")
	b, err := i.msk().GetBootstrapBrokers(t.Context(), &kafka.GetBootstrapBrokersInput{ClusterArn: out.ClusterArn})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{instance: i, arn: *out.ClusterArn, iam: aws.ToString(b.BootstrapBrokerStringSaslIam)}
	if strings.Contains(c.iam, ",") || c.iam == "" || b.BootstrapBrokerStringTls != nil || b.BootstrapBrokerString != nil {
		t.Errorf("bootstrap: %+v", b)
	}
	c.topic("t", 3)
	want := numbered("less", 100)
	producer := c.franz("iam", kgo.DefaultProduceTopic("t"))
	for _, v := range want {
		if err := producer.ProduceSync(t.Context(), kgo.StringRecord(v)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	consumer := c.franz("iam", kgo.ConsumeTopics("t"), kgo.ConsumerGroup("g"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	same(t, "records", drain(t, consumer, len(want)), want)
}
