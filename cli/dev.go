package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace/millrace/server"
)

// devOptions are the flags of a server of one machine.
type devOptions struct {
	serverOptions
	ephemeral bool
	advertise string
	audit     bool
}

// serverOptions are the flags of every server.
type serverOptions struct {
	listen          string
	brokerPorts     string
	brokerDomain    string
	vpcNetworks     []string
	region          string
	durability      string
	sessionMax      time.Duration
	rebalanceDelay  time.Duration
	lifecycle       string
	iamConnections  int
	iamConnectRate  int
	auditGroup      string
	logLevel        string
	fallback        string
	forgetProducers bool
	metricsInterval time.Duration
}

func (o *devOptions) register(flags *pflag.FlagSet) {
	o.serverOptions.register(flags, "127.0.0.1:4566", "warn")
	flags.StringVar(&o.advertise, "advertise", "localhost", "`HOST` that brokers tell clients to connect to")
	flags.BoolVar(&o.audit, "audit", false, "keep an audit log (see millrace audit)")
}

func (o *serverOptions) register(flags *pflag.FlagSet, listen, logLevel string) {
	flags.StringVar(&o.listen, "listen", listen, "`HOST:PORT` of the AWS API; brokers listen on the same host")
	flags.StringVar(&o.brokerPorts, "broker-ports", "20000-29999", "`FIRST-LAST` port for brokers")
	flags.StringVar(&o.brokerDomain, "broker-domain", "", "`DOMAIN` for broker names shaped as MSK's, e.g. amazonaws.com (see millrace env --hosts)")
	flags.StringSliceVar(&o.vpcNetworks, "vpc-networks", nil, "`CIDR,...` whose clients count as hosts in every VPC for security groups, as those on this machine do (default: private networks; with serve none)")
	flags.StringVar(&o.region, "region", "us-east-1", "AWS `REGION` that millrace env names")
	flags.StringVar(&o.durability, "durability", "sync", "sync: acknowledged records outlive a power cut; page-cache: a crash of the process alone")
	flags.DurationVar(&o.sessionMax, "session-max", 12*time.Hour, "longest time between authentications of a connection")
	flags.DurationVar(&o.rebalanceDelay, "group-rebalance-delay", 3*time.Second, "how long an empty consumer group waits for more members")
	flags.StringVar(&o.lifecycle, "lifecycle", "instant", "instant: clusters are made and changed as fast as can be; realistic: about as slowly as on AWS")
	flags.IntVar(&o.iamConnections, "iam-connections", 0, "IAM connections of a broker; 0: MSK's 3000, -1: no limit of their own")
	flags.IntVar(&o.iamConnectRate, "iam-connect-rate", 0, "IAM logins a second of a broker; 0: MSK's for the instance type, -1: no limit")
	flags.StringVar(&o.auditGroup, "audit-log-group", "", "`NAME` of a CloudWatch log group that gets each record of the audit log too")
	flags.StringVar(&o.logLevel, "log-level", logLevel, "debug, info, warn or error")
	flags.StringVar(&o.fallback, "fallback-endpoint", "", "`URL` of another AWS endpoint, for signed calls to services that are not served here")
	flags.BoolVar(&o.forgetProducers, "forget-producers", false, "")
	_ = flags.MarkHidden("forget-producers")
	flags.DurationVar(&o.metricsInterval, "metrics-interval", 0, "")
	_ = flags.MarkHidden("metrics-interval")
}

func (a *app) devCommand() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a server in the foreground",
		Long: `Run a server in the foreground: the AWS API, and the brokers of every cluster
that is made through it. Ctrl-C stops it; clusters and records are there again
at the next start.`,
		Example: `  millrace dev
  millrace dev --ephemeral --listen 127.0.0.1:0
  millrace dev --data-dir ./state --durability page-cache`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dev(cmd.Context(), o) },
	}
	o.register(cmd.Flags())
	cmd.Flags().BoolVar(&o.ephemeral, "ephemeral", false, "keep everything in a temporary directory, removed at the end")
	return cmd
}

func (a *app) dev(ctx context.Context, o devOptions) (err error) {
	if o.ephemeral {
		if a.sources["data-dir"] == "flag" {
			return usagef("--ephemeral and --data-dir exclude each other: give one of them")
		}
		if a.dataDir, err = os.MkdirTemp("", "millrace-"); err != nil {
			return err
		}
		defer func() {
			if e := os.RemoveAll(a.dataDir); err == nil {
				err = e
			}
		}()
	}
	cfg, err := a.devConfig(o)
	if err != nil {
		return err
	}
	s, err := server.New(cfg)
	if err != nil {
		return err
	}
	where := ""
	if a.sources["data-dir"] != "" || o.ephemeral {
		where = " --data-dir " + shellWord(s.DataDir())
	}
	a.say("Millrace %s: AWS API at http://%s, data in %s", a.version, s.Address(), s.DataDir())
	a.say("\nIn another terminal:")
	a.say("  eval \"$(%s env%s)\"   # endpoint and credentials", self(), where)
	a.say("  aws kafka list-clusters-v2")
	a.say("  %s demo%s   # a cluster with real data through it", self(), where)
	a.say("\nCtrl-C stops the server.")
	return s.Run(ctx)
}

func (a *app) devConfig(o devOptions) (server.Config, error) {
	cfg, err := a.serverConfig(o.serverOptions)
	cfg.AdvertiseHost, cfg.Audit = o.advertise, o.audit
	return cfg, err
}

// serverConfig checks the flags whose values this package knows; package
// server checks the others.
func (a *app) serverConfig(o serverOptions) (server.Config, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return server.Config{}, usagef("--log-level %q is none of debug, info, warn, error", o.logLevel)
	}
	if o.durability != "sync" && o.durability != "page-cache" {
		return server.Config{}, usagef("--durability %q is neither sync nor page-cache", o.durability)
	}
	if o.lifecycle != "instant" && o.lifecycle != "realistic" {
		return server.Config{}, usagef("--lifecycle %q is neither instant nor realistic", o.lifecycle)
	}
	if o.sessionMax <= 0 || o.rebalanceDelay < 0 {
		return server.Config{}, usagef("--session-max must be positive and --group-rebalance-delay not negative")
	}
	if a.dataDir == "" {
		return server.Config{}, usagef("--data-dir must not be empty")
	}
	networks, err := parseNetworks(o.vpcNetworks)
	if err != nil {
		return server.Config{}, err
	}
	return server.Config{
		DataDir: a.dataDir, Listen: o.listen,
		BrokerPorts: o.brokerPorts, BrokerDomain: o.brokerDomain, Region: o.region, VPCNetworks: networks,
		PageCache: o.durability == "page-cache", ForgetProducers: o.forgetProducers, MetricsInterval: o.metricsInterval,
		SessionMax: o.sessionMax, RebalanceDelay: &o.rebalanceDelay, Realistic: o.lifecycle == "realistic",
		IAMConnections: o.iamConnections, IAMConnectRate: o.iamConnectRate,
		AuditLogGroup: o.auditGroup, FallbackEndpoint: o.fallback, Version: a.version,
		Log: slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: level})),
	}, nil
}

// parseNetworks reads --vpc-networks; nil when it is not given.
func parseNetworks(in []string) (out []netip.Prefix, err error) {
	for _, text := range in {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, usagef("--vpc-networks %q is not a network such as 10.0.0.0/8", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Example: "  millrace version", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.out, "millrace", a.version)
			return err
		},
	}
}
