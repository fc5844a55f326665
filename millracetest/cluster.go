package millracetest

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/millrace/millrace/aws/sigv4"
	"github.com/millrace/millrace/server"
)

// Cluster is one cluster of a Millrace. Its methods fail the test when
// something does not work, so they belong to the test's goroutine; the clients
// and options that they return do not.
type Cluster struct {
	m    *Millrace
	arn  string
	name string

	// Bootstrap addresses by authentication, comma separated, as
	// GetBootstrapBrokers answers them; empty for a way that the cluster has
	// not: a serverless one has IAM alone.
	Plaintext, TLS, SCRAM, IAM string
}

// Cluster makes a cluster through the MSK API and waits until it is ACTIVE, or
// finds the one of that name that is there. It has every authentication at
// once. The options go before those of Start.
func (m *Millrace) Cluster(name string, opts ...Option) *Cluster {
	m.tb.Helper()
	if c := m.known[name]; c != nil {
		return c
	}
	o := m.options
	for _, opt := range opts {
		opt(&o)
	}
	c := &Cluster{m: m, name: name}
	if c.arn = m.find(name); c.arn == "" {
		out, err := m.msk().CreateClusterV2(m.tb.Context(), m.wanted(name, o))
		if err != nil {
			m.tb.Fatalf("create cluster %s: %v", name, err)
		}
		c.arn = aws.ToString(out.ClusterArn)
	}
	c.awaitActive()
	b, err := m.msk().GetBootstrapBrokers(m.tb.Context(), &kafka.GetBootstrapBrokersInput{ClusterArn: &c.arn})
	if err != nil {
		m.tb.Fatalf("bootstrap brokers of %s: %v", name, err)
	}
	c.Plaintext, c.TLS = aws.ToString(b.BootstrapBrokerString), aws.ToString(b.BootstrapBrokerStringTls)
	c.SCRAM, c.IAM = aws.ToString(b.BootstrapBrokerStringSaslScram), aws.ToString(b.BootstrapBrokerStringSaslIam)
	m.known[name] = c
	return c
}

func (m *Millrace) msk() *kafka.Client { return kafka.NewFromConfig(m.AWS()) }

// find is the ARN of the cluster of a name, or "".
func (m *Millrace) find(name string) string {
	m.tb.Helper()
	out, err := m.msk().ListClustersV2(m.tb.Context(), &kafka.ListClustersV2Input{ClusterNameFilter: &name})
	if err != nil {
		m.tb.Fatalf("list clusters: %v", err)
	}
	for _, c := range out.ClusterInfoList { // the filter is a prefix
		if aws.ToString(c.ClusterName) == name {
			return aws.ToString(c.ClusterArn)
		}
	}
	return ""
}

// wanted is the request for a cluster with every authentication.
func (m *Millrace) wanted(name string, o options) *kafka.CreateClusterV2Input {
	subnets := strings.Split(m.env["MILLRACE_SUBNETS"], ",")
	iam := &types.Iam{Enabled: aws.Bool(true)}
	if o.serverless {
		return &kafka.CreateClusterV2Input{ClusterName: &name, Serverless: &types.ServerlessRequest{
			VpcConfigs:           []types.VpcConfig{{SubnetIds: subnets}},
			ClientAuthentication: &types.ServerlessClientAuthentication{Sasl: &types.ServerlessSasl{Iam: iam}},
		}}
	}
	zones := 3
	if o.brokers%3 != 0 {
		zones = 2
	}
	return &kafka.CreateClusterV2Input{ClusterName: &name, Provisioned: &types.ProvisionedRequest{
		KafkaVersion: &o.version, NumberOfBrokerNodes: aws.Int32(int32(o.brokers)),
		BrokerNodeGroupInfo: &types.BrokerNodeGroupInfo{InstanceType: aws.String("kafka.m7g.large"), ClientSubnets: subnets[:min(zones, len(subnets))]},
		ClientAuthentication: &types.ClientAuthentication{
			Sasl:            &types.Sasl{Iam: iam, Scram: &types.Scram{Enabled: aws.Bool(true)}},
			Unauthenticated: &types.Unauthenticated{Enabled: aws.Bool(true)},
		},
		EncryptionInfo: &types.EncryptionInfo{EncryptionInTransit: &types.EncryptionInTransit{ClientBroker: types.ClientBrokerTlsPlaintext}},
	}}
}

func (c *Cluster) awaitActive() {
	c.m.tb.Helper()
	client := c.m.msk()
	c.m.await("cluster "+c.name+" ACTIVE", func() bool {
		out, err := client.DescribeClusterV2(c.m.tb.Context(), &kafka.DescribeClusterV2Input{ClusterArn: &c.arn})
		if err != nil {
			c.m.tb.Fatalf("describe cluster %s: %v", c.name, err)
		}
		if s := out.ClusterInfo.StateInfo; out.ClusterInfo.State == types.ClusterStateFailed && s != nil {
			c.m.tb.Fatalf("cluster %s FAILED: %s", c.name, aws.ToString(s.Message))
		}
		return out.ClusterInfo.State == types.ClusterStateActive
	})
	c.awaitBrokers()
}

// awaitBrokers waits until the process runs the brokers: the API may say ACTIVE
// of what the last one ran.
func (c *Cluster) awaitBrokers() {
	c.m.tb.Helper()
	c.m.await("the brokers of "+c.name, func() bool {
		_, err := c.m.running.system.Brokers(c.arn)
		return err == nil
	})
}

// ARN names the cluster to the API.
func (c *Cluster) ARN() string { return c.arn }

func seeds(addresses string) kgo.Opt { return kgo.SeedBrokers(strings.Split(addresses, ",")...) }

// PlaintextOptions connect a client without encryption or authentication.
func (c *Cluster) PlaintextOptions() []kgo.Opt { return []kgo.Opt{seeds(c.Plaintext)} }

// TLSOptions connect a client with encryption alone.
func (c *Cluster) TLSOptions() []kgo.Opt {
	c.m.tb.Helper()
	return []kgo.Opt{seeds(c.TLS), kgo.DialTLSConfig(c.m.TLS())}
}

// SCRAMOptions connect a client as a user of CreateSCRAMUser.
func (c *Cluster) SCRAMOptions(user, password string) []kgo.Opt {
	c.m.tb.Helper()
	auth := scram.Auth{User: user, Pass: password}
	return []kgo.Opt{seeds(c.SCRAM), kgo.DialTLSConfig(c.m.TLS()), kgo.SASL(auth.AsSha512Mechanism())}
}

// IAMOptions connect a client as the account's root, by OAUTHBEARER with tokens
// as AWS's signers make them. AWS_MSK_IAM works too, with the region that
// Millrace.Region says.
func (c *Cluster) IAMOptions() []kgo.Opt {
	c.m.tb.Helper()
	return c.IAMOptionsAs(aws.Credentials{AccessKeyID: c.m.AccessKeyID(), SecretAccessKey: c.m.SecretAccessKey()})
}

// IAMOptionsAs connect a client with the credentials of somebody: of a user's
// access key, or of a role that was assumed.
func (c *Cluster) IAMOptionsAs(who aws.Credentials) []kgo.Opt {
	c.m.tb.Helper()
	key := sigv4.Key{AccessKeyID: who.AccessKeyID, Secret: who.SecretAccessKey, SessionToken: who.SessionToken}
	return []kgo.Opt{seeds(c.IAM), kgo.DialTLSConfig(c.m.TLS()), kgo.SASL(oauth.Oauth(func(context.Context) (oauth.Auth, error) {
		return oauth.Auth{Token: token(key, time.Now())}, nil
	}))}
}

// tokenLife is how long a token of AWS's signers is good for.
const tokenLife = 15 * time.Minute

func token(key sigv4.Key, now time.Time) string {
	host := "kafka." + region + ".amazonaws.com"
	query := sigv4.SignToken(host, "kafka-cluster:Connect", key, region, tokenLife, now)
	return base64.RawURLEncoding.EncodeToString([]byte("https://" + host + "/?" + query.Encode() + "&User-Agent=millracetest"))
}

// Client is a client that the test closes at its end: by plaintext, or by IAM
// where the cluster has that alone.
func (c *Cluster) Client(opts ...kgo.Opt) *kgo.Client {
	c.m.tb.Helper()
	via := c.PlaintextOptions()
	if c.Plaintext == "" {
		via = c.IAMOptions()
	}
	client, err := kgo.NewClient(append(via, opts...)...)
	if err != nil {
		c.m.tb.Fatalf("client of %s: %v", c.name, err)
	}
	c.m.tb.Cleanup(client.Close)
	return client
}

// CreateTopic makes a topic with the cluster's default replication factor.
// configs are name, value, name, value.
func (c *Cluster) CreateTopic(topic string, partitions int, configs ...string) {
	c.m.tb.Helper()
	set := make(map[string]*string)
	for i := 0; i+1 < len(configs); i += 2 {
		set[configs[i]] = &configs[i+1]
	}
	client := c.Client()
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(c.m.tb.Context(), int32(partitions), -1, set, topic); err != nil {
		c.m.tb.Fatalf("create topic %s: %v", topic, err)
	}
}

// CreateSCRAMUser makes a user for SCRAM-SHA-512, or changes its password.
func (c *Cluster) CreateSCRAMUser(user, password string) {
	c.m.tb.Helper()
	client := c.Client()
	defer client.Close()
	done, err := kadm.NewClient(client).AlterUserSCRAMs(c.m.tb.Context(), nil, []kadm.UpsertSCRAM{{
		User: user, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: password,
	}})
	if err == nil {
		err = done.Error()
	}
	if err != nil {
		c.m.tb.Fatalf("SCRAM user %s: %v", user, err)
	}
}

// StopBroker shuts a broker down as Kafka does: others lead its partitions and
// coordinate its groups first, its connections end, and its ports refuse
// connections until StartBroker, Restart or Crash. Broker ids begin with 1. A
// broker that is stopped already stays so.
func (c *Cluster) StopBroker(id int) { c.m.tb.Helper(); c.change(server.StopBroker, id) }

// StartBroker starts a stopped broker on its ports. It joins the in-sync
// replicas at once, and leads again after an election: ElectLeaders, or five
// minutes.
func (c *Cluster) StartBroker(id int) { c.m.tb.Helper(); c.change(server.StartBroker, id) }

// FenceBroker parts a broker from the cluster's controller: others lead its
// partitions, but its clients stay connected and are told who does.
func (c *Cluster) FenceBroker(id int) { c.m.tb.Helper(); c.change(server.FenceBroker, id) }

// UnfenceBroker ends what FenceBroker began.
func (c *Cluster) UnfenceBroker(id int) { c.m.tb.Helper(); c.change(server.UnfenceBroker, id) }

func (c *Cluster) change(change server.BrokerChange, id int) {
	c.m.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readyTime) // also in a test's Cleanup
	defer cancel()
	if err := c.m.running.system.ChangeBroker(ctx, c.arn, change, int32(id)); err != nil {
		c.m.tb.Fatalf("cluster %s: %v", c.name, err)
	}
}

// BrokerState is RUNNING, FENCED or STOPPED.
func (c *Cluster) BrokerState(id int) string {
	c.m.tb.Helper()
	brokers, err := c.m.running.system.Brokers(c.arn)
	for _, b := range brokers {
		if int(b.ID) == id {
			return b.State
		}
	}
	c.m.tb.Fatalf("cluster %s: broker %d: %v", c.name, id, errors.Join(err, errors.New("there is no such broker")))
	return ""
}
