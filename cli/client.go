package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	saslaws "github.com/twmb/franz-go/pkg/sasl/aws"
)

// clusterFlag registers --cluster of a command family.
func clusterFlag(cmd *cobra.Command, cluster *string) {
	cmd.PersistentFlags().StringVar(cluster, "cluster", "", "`NAME` or ARN of the cluster (default the only one)")
}

// kafkaClient connects to a cluster by name; the caller closes it.
func (a *app) kafkaClient(ctx context.Context, cluster string, opts ...kgo.Opt) (*kgo.Client, error) {
	api, err := a.connect()
	if err != nil {
		return nil, err
	}
	c, err := api.cluster(ctx, cluster)
	if err != nil {
		return nil, err
	}
	if c.State != types.ClusterStateActive {
		name := aws.ToString(c.ClusterName)
		return nil, notReadyf("cluster %s is %s: wait with 'millrace wait --cluster %s'", name, c.State, name)
	}
	base, err := api.clientOptions(ctx, aws.ToString(c.ClusterArn))
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(base, opts...)...)
}

// admin runs fn with an admin client of a cluster.
func (a *app) admin(ctx context.Context, cluster string, fn func(*kadm.Client) error) error {
	client, err := a.kafkaClient(ctx, cluster)
	if err != nil {
		return err
	}
	defer client.Close()
	return explain(fn(kadm.NewClient(client)))
}

// clientOptions are how to reach a cluster: by IAM, else TLS, else plaintext.
func (c *api) clientOptions(ctx context.Context, arn string) ([]kgo.Opt, error) {
	b, err := c.bootstrap(ctx, arn)
	if err != nil {
		return nil, err
	}
	seeds := func(way string) kgo.Opt { return kgo.SeedBrokers(strings.Split(b[way], ",")...) }
	if b[viaIAM] == "" && b[viaTLS] == "" {
		if b[viaPlain] == "" {
			return nil, errors.New("the cluster has neither IAM nor TLS nor plaintext listeners: use a SCRAM client")
		}
		return []kgo.Opt{seeds(viaPlain)}, nil
	}
	config, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	if b[viaIAM] == "" {
		return []kgo.Opt{seeds(viaTLS), kgo.DialTLSConfig(config)}, nil
	}
	if err := c.exportRegion(arn); err != nil {
		return nil, err
	}
	auth := saslaws.Auth{
		AccessKey: c.env["AWS_ACCESS_KEY_ID"], SecretKey: c.env["AWS_SECRET_ACCESS_KEY"],
		SessionToken: c.env["AWS_SESSION_TOKEN"],
	}
	return []kgo.Opt{seeds(viaIAM), kgo.DialTLSConfig(config), kgo.SASL(auth.AsManagedStreamingIAMMechanism())}, nil
}

// exportRegion tells franz-go's IAM mechanism the cluster's region. It takes it
// from the broker's name when that is one of AWS, and otherwise from this
// variable of the process alone.
func (c *api) exportRegion(arn string) error {
	region := c.env["AWS_REGION"]
	if parsed, err := awsarn.Parse(arn); err == nil {
		region = parsed.Region
	}
	return os.Setenv("AWS_REGION", region)
}

func (c *api) tlsConfig() (*tls.Config, error) {
	data, err := os.ReadFile(c.env["MILLRACE_CA_PEM"])
	if err != nil {
		return nil, fmt.Errorf("the server's CA: %w: run this where its data directory is", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate", c.env["MILLRACE_CA_PEM"])
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// explain adds the fix to Kafka errors that have one.
func explain(err error) error {
	var lookup *net.DNSError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &lookup):
		return fmt.Errorf("brokers have names that do not resolve: put 'millrace env --hosts' into /etc/hosts, or start the server without --broker-domain (%w)", err)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("there is no such topic: make it with 'millrace topic create' (%w)", err)
	case errors.Is(err, kerr.TopicAlreadyExists):
		return fmt.Errorf("the topic is there already: see 'millrace topic describe' (%w)", err)
	case errors.Is(err, kerr.InvalidReplicationFactor):
		return fmt.Errorf("there are too few brokers: give --replication-factor (%w)", err)
	}
	return err
}
