package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
	"github.com/spf13/cobra"
)

const pollInterval = 200 * time.Millisecond

func (a *app) waitCommand() *cobra.Command {
	var timeout time.Duration
	var cluster string
	cmd := &cobra.Command{
		Use:   "wait",
		Short: "Wait until the server, and a cluster if named, is ready",
		Long: `Wait until the server answers and, with --cluster, until that cluster is ACTIVE.
Exits 0 when it is, 3 when it is not in time, 1 when the cluster FAILED.`,
		Example: `  millrace dev & millrace wait && eval "$(millrace env)"
  millrace wait --cluster orders --timeout 2m`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return a.wait(ctx, cluster)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait")
	cmd.Flags().StringVar(&cluster, "cluster", "", "`NAME` or ARN of a cluster to wait for")
	return cmd
}

// wait asks until the answer is yes, the cluster failed or ctx ends.
func (a *app) wait(ctx context.Context, cluster string) error {
	last := notReadyf("not ready")
	for {
		err := a.ready(ctx, cluster)
		var notReady notReadyError
		if err == nil || ctx.Err() == nil && !errors.As(err, &notReady) {
			return err
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return notReadyf("gave up waiting: %w", last)
		case <-time.After(pollInterval):
		}
	}
}

// ready is nil, a notReadyError that may pass, or an error that stays.
func (a *app) ready(ctx context.Context, cluster string) error {
	api, err := a.connect() // anew each time: the server may write it any moment
	if err != nil {
		return err
	}
	h, err := api.health(ctx)
	if err != nil {
		return err
	}
	if h.Status != "running" {
		return notReadyf("the server is %s", h.Status)
	}
	if cluster == "" {
		return nil
	}
	c, err := api.cluster(ctx, cluster)
	if err != nil {
		return err
	}
	switch c.State {
	case types.ClusterStateActive:
		return nil
	case types.ClusterStateFailed:
		reason := ""
		if c.StateInfo != nil {
			reason = ": " + aws.ToString(c.StateInfo.Message)
		}
		return fmt.Errorf("cluster %s FAILED%s", cluster, reason)
	}
	return notReadyf("cluster %s is %s", cluster, c.State)
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show the server and its clusters",
		Example: "  millrace status",
		Args:    exactly(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context()) },
	}
}

func (a *app) status(ctx context.Context) error {
	api, err := a.connect()
	if err != nil {
		return err
	}
	h, err := api.health(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "server %s at %s, version %s\n", h.Status, api.env.endpoint(), h.Version)
	clusters, err := api.clusters(ctx)
	if err != nil {
		return err
	}
	for _, c := range clusters {
		fmt.Fprintf(a.out, "\n%s\n", aws.ToString(c.ClusterName))
		table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(table, "  state\t%s\n  arn\t%s\n", c.State, aws.ToString(c.ClusterArn))
		if p := c.Provisioned; p != nil {
			fmt.Fprintf(table, "  brokers\t%d\n", aws.ToInt32(p.NumberOfBrokerNodes))
			if p.CurrentBrokerSoftwareInfo != nil {
				fmt.Fprintf(table, "  kafka\t%s\n", aws.ToString(p.CurrentBrokerSoftwareInfo.KafkaVersion))
			}
		}
		if c.State == types.ClusterStateActive {
			if err := api.printBootstrap(ctx, table, aws.ToString(c.ClusterArn)); err != nil {
				return err
			}
			if err := api.printExporters(ctx, table, c); err != nil {
				return err
			}
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func (c *api) printBootstrap(ctx context.Context, table *tabwriter.Writer, arn string) error {
	b, err := c.bootstrap(ctx, arn)
	if err != nil {
		return err
	}
	for _, way := range append([]string{viaIAM, viaSCRAM, viaTLS, viaPlain}, elsewhere...) {
		if b[way] != "" {
			fmt.Fprintf(table, "  %s\t%s\n", way, b[way])
		}
	}
	return nil
}
