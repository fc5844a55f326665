package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	_ "embed" // the data set
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/term"

	"github.com/millrace/millrace/server"
)

// flights is the data set: see demo/ORIGIN.md.
//
//go:embed demo/flights.ndjson.gz
var flights []byte

const (
	demoCluster    = "demo"
	demoTopic      = "flights"
	demoGroup      = "departures-board"
	demoPartitions = 6
	demoTimeout    = 2 * time.Minute // for each of: server, cluster, stream beyond its own length
)

func (a *app) demoCommand() *cobra.Command {
	var o devOptions
	var rate int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Make a cluster and stream real data through it",
		Long: `Make a cluster of three brokers with IAM and TLS through the AWS API, and stream
20,000 real flights through a topic: an idempotent producer and a consumer
group, both signed in by IAM. Uses the running server, or starts one; that one
goes on until ctrl-C when stdin is a terminal, and stops at the end when not.`,
		Example: "  millrace demo\n  millrace demo --rate 0   # as fast as it goes",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rate < 0 {
				return usagef("--rate must not be negative")
			}
			err := a.demo(cmd.Context(), o, rate)
			if cmd.Context().Err() != nil {
				return nil // ctrl-C
			}
			return err
		},
	}
	o.register(cmd.Flags())
	cmd.Flags().IntVar(&rate, "rate", 5000, "records a second (0: as fast as it goes)")
	return cmd
}

func (a *app) demo(ctx context.Context, o devOptions, rate int) (err error) {
	if env, err := a.environment(); err == nil {
		target := newAPI(env)
		if _, err := target.health(ctx); err == nil {
			a.say("using the server at %s", env.endpoint())
			return a.demoOn(ctx, target, rate)
		}
	}
	cfg, err := a.devConfig(o)
	if err != nil {
		return err
	}
	s, err := server.New(cfg)
	if err != nil {
		return err
	}
	a.say("started a server: AWS API at http://%s, data in %s", s.Address(), s.DataDir())
	serverCtx, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(serverCtx) }()
	defer func() {
		stop()
		err = errors.Join(err, <-stopped)
	}()
	env, err := readEnvironment(s.DataDir())
	if err != nil {
		return err
	}
	if err := a.demoOn(ctx, newAPI(env), rate); err != nil {
		return err
	}
	if !isTerminal(a.in) {
		return nil
	}
	a.say("\nThe server runs on. Ctrl-C stops it.")
	select {
	case <-ctx.Done():
		return nil
	case err := <-stopped:
		stopped <- nil
		return err
	}
}

func isTerminal(in any) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// demoOn is the demo on a server that runs.
func (a *app) demoOn(ctx context.Context, target *api, rate int) error {
	arn, err := a.ensureDemoCluster(ctx, target)
	if err != nil {
		return err
	}
	opts, err := target.clientOptions(ctx, arn)
	if err != nil {
		return err
	}
	if err := a.ensureDemoTopic(ctx, opts); err != nil {
		return err
	}
	records, err := loadFlights()
	if err != nil {
		return err
	}
	result, err := a.stream(ctx, opts, records, rate)
	if err != nil {
		return err
	}
	result.print(a)
	a.say("\nGo on by hand:")
	if !a.inherits() { // else the shell has it
		a.say("  eval \"$(%s env --data-dir %s)\"", self(), shellWord(a.dataDir))
	}
	a.say(`  aws kafka list-clusters-v2
  %[1]s status
  %[1]s topic consume %[2]s --cluster %[3]s --from-beginning --max-messages 5
  %[1]s group describe %[4]s --cluster %[3]s`, self(), demoTopic, demoCluster, demoGroup)
	return nil
}

// ensureDemoCluster makes the cluster unless it is there, and waits for it.
func (a *app) ensureDemoCluster(ctx context.Context, target *api) (arn string, err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	start := time.Now()
	for {
		c, err := target.cluster(ctx, demoCluster)
		var notReady notReadyError
		switch {
		case errors.As(err, &notReady):
			if err := a.createDemoCluster(ctx, target); err != nil {
				return "", err
			}
		case err != nil:
			return "", err
		case c.State == types.ClusterStateActive:
			a.say("cluster %s is ACTIVE (%s): %s", demoCluster, time.Since(start).Round(time.Millisecond), aws.ToString(c.ClusterArn))
			return aws.ToString(c.ClusterArn), nil
		case c.State == types.ClusterStateFailed:
			return "", fmt.Errorf("cluster %s FAILED: see 'millrace status' and the server's log", demoCluster)
		}
		select {
		case <-ctx.Done():
			return "", notReadyf("cluster %s did not become ACTIVE in %s: see 'millrace status'", demoCluster, demoTimeout)
		case <-time.After(pollInterval):
		}
	}
}

func (a *app) createDemoCluster(ctx context.Context, target *api) error {
	const brokers = 3
	subnets := strings.Split(target.env["MILLRACE_SUBNETS"], ",")
	if len(subnets) < brokers {
		return fmt.Errorf("MILLRACE_SUBNETS names %d subnets, and the demo needs %d: start the server with another --region", len(subnets), brokers)
	}
	_, err := target.kafka.CreateClusterV2(ctx, &kafka.CreateClusterV2Input{
		ClusterName: aws.String(demoCluster),
		Provisioned: &types.ProvisionedRequest{
			KafkaVersion:        aws.String("3.9.x"),
			NumberOfBrokerNodes: aws.Int32(brokers),
			BrokerNodeGroupInfo: &types.BrokerNodeGroupInfo{
				InstanceType: aws.String("kafka.m7g.large"), ClientSubnets: subnets[:brokers],
			},
			ClientAuthentication: &types.ClientAuthentication{
				Sasl: &types.Sasl{Iam: &types.Iam{Enabled: aws.Bool(true)}},
			},
			EncryptionInfo: &types.EncryptionInfo{
				EncryptionInTransit: &types.EncryptionInTransit{ClientBroker: types.ClientBrokerTls, InCluster: aws.Bool(true)},
			},
		},
	})
	if err != nil {
		return target.fail("create cluster "+demoCluster, err)
	}
	a.say("creating cluster %s: %d brokers, IAM and TLS", demoCluster, brokers)
	return nil
}

func (a *app) ensureDemoTopic(ctx context.Context, opts []kgo.Opt) error {
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	_, err = kadm.NewClient(client).CreateTopic(ctx, demoPartitions, 3, nil, demoTopic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", demoTopic, explain(err))
	}
	return nil
}

// loadFlights is the data set, one JSON object a flight.
func loadFlights() ([][]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(flights))
	if err != nil {
		return nil, fmt.Errorf("the data set: %w", err)
	}
	var out [][]byte
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		out = append(out, bytes.Clone(lines.Bytes()))
	}
	return out, lines.Err()
}
