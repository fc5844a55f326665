package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
)

const (
	healthPath     = "/_millrace/health"
	healthTimeout  = 2 * time.Second
	maxHealthBytes = 64 << 10
)

// api is a server's AWS API.
type api struct {
	env   environment
	kafka *kafka.Client
	http  *http.Client // that trusts the server
}

func (a *app) connect() (*api, error) {
	env, err := a.environment()
	if err != nil {
		return nil, err
	}
	return newAPI(env), nil
}

func newAPI(env environment) *api {
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{
			AccessKeyID: env["AWS_ACCESS_KEY_ID"], SecretAccessKey: env["AWS_SECRET_ACCESS_KEY"],
			SessionToken: env["AWS_SESSION_TOKEN"],
		}, nil
	})
	c := &api{env: env, http: http.DefaultClient}
	options := kafka.Options{Region: env["AWS_REGION"], BaseEndpoint: aws.String(env.endpoint()), Credentials: credentials}
	if strings.HasPrefix(env.endpoint(), "https:") {
		c.http = &http.Client{Transport: &http.Transport{TLSClientConfig: env.trust(), ForceAttemptHTTP2: false}}
		options.HTTPClient = c.http
	}
	c.kafka = kafka.New(options)
	return c
}

// trust is how to speak TLS to the API: the system's roots and the server's own
// authority. Without the latter's file it is the former alone.
func (e environment) trust() *tls.Config {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if data, err := os.ReadFile(e["MILLRACE_CA_PEM"]); err == nil {
		pool.AppendCertsFromPEM(data)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// health is what a server says of itself.
type health struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

func (c *api) health(ctx context.Context) (health, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.env.endpoint()+healthPath, nil)
	if err != nil {
		return health{}, err
	}
	resp, err := c.http.Do(req)
	if tlsError := (*tls.CertificateVerificationError)(nil); errors.As(err, &tlsError) {
		return health{}, fmt.Errorf("the certificate of %s: %w", c.env.endpoint(), err)
	}
	if err != nil {
		return health{}, notReadyf("no server answers at %s: start one with 'millrace dev'", c.env.endpoint())
	}
	defer resp.Body.Close()
	var h health
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxHealthBytes)).Decode(&h); err != nil {
		return health{}, notReadyf("%s is no Millrace server (status %s)", c.env.endpoint(), resp.Status)
	}
	return h, nil
}

// fail makes an error of an AWS call one that names the fix.
func (c *api) fail(doing string, err error) error {
	var dial *net.OpError
	if errors.As(err, &dial) {
		return notReadyf("no server answers at %s: start one with 'millrace dev'", c.env.endpoint())
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// clusters is every cluster of the account.
func (c *api) clusters(ctx context.Context) ([]types.Cluster, error) {
	var out []types.Cluster
	pages := kafka.NewListClustersV2Paginator(c.kafka, &kafka.ListClustersV2Input{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, c.fail("list clusters", err)
		}
		out = append(out, page.ClusterInfoList...)
	}
	return out, nil
}

// cluster is the one of the given name or ARN; without a name, the only one.
func (c *api) cluster(ctx context.Context, name string) (types.Cluster, error) {
	all, err := c.clusters(ctx)
	if err != nil {
		return types.Cluster{}, err
	}
	var names []string
	for _, cluster := range all {
		if name != "" && (aws.ToString(cluster.ClusterName) == name || aws.ToString(cluster.ClusterArn) == name) {
			return cluster, nil
		}
		names = append(names, aws.ToString(cluster.ClusterName))
	}
	switch {
	case len(all) == 0:
		return types.Cluster{}, notReadyf("there is no cluster yet: make one with 'aws kafka create-cluster-v2' or 'millrace demo'")
	case name != "":
		return types.Cluster{}, notReadyf("there is no cluster %q, but %s", name, strings.Join(names, ", "))
	case len(all) > 1:
		return types.Cluster{}, usagef("which cluster? give --cluster with one of %s", strings.Join(names, ", "))
	}
	return all[0], nil
}

// brokerNames is the host names of a cluster's brokers, with repetitions.
func (c *api) brokerNames(ctx context.Context, arn string) ([]string, error) {
	b, err := c.bootstrap(ctx, arn)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, list := range b {
		for address := range strings.SplitSeq(list, ",") {
			if host, _, err := net.SplitHostPort(address); err == nil {
				out = append(out, host)
			}
		}
	}
	pages := kafka.NewListNodesPaginator(c.kafka, &kafka.ListNodesInput{ClusterArn: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, c.fail("list nodes", err)
		}
		for _, node := range page.NodeInfoList {
			if node.BrokerNodeInfo != nil {
				out = append(out, node.BrokerNodeInfo.Endpoints...)
			}
		}
	}
	return out, nil
}

// Ways to connect to a cluster, best first.
const (
	viaIAM   = "IAM"
	viaTLS   = "TLS"
	viaPlain = "plaintext"
	viaSCRAM = "SCRAM"
)

// elsewhere is the ways that begin outside the cluster's VPC, in the order in
// which they are shown.
var elsewhere = []string{
	"public " + viaIAM, "public " + viaSCRAM, "public " + viaTLS,
	"other VPCs " + viaIAM, "other VPCs " + viaSCRAM, "other VPCs " + viaTLS,
}

// bootstrap is a cluster's bootstrap strings by way.
func (c *api) bootstrap(ctx context.Context, arn string) (map[string]string, error) {
	b, err := c.kafka.GetBootstrapBrokers(ctx, &kafka.GetBootstrapBrokersInput{ClusterArn: &arn})
	if err != nil {
		return nil, c.fail("get bootstrap brokers", err)
	}
	out := map[string]string{}
	for way, list := range map[string]*string{
		viaIAM: b.BootstrapBrokerStringSaslIam, viaTLS: b.BootstrapBrokerStringTls,
		viaPlain: b.BootstrapBrokerString, viaSCRAM: b.BootstrapBrokerStringSaslScram,
		elsewhere[0]: b.BootstrapBrokerStringPublicSaslIam, elsewhere[1]: b.BootstrapBrokerStringPublicSaslScram, elsewhere[2]: b.BootstrapBrokerStringPublicTls,
		elsewhere[3]: b.BootstrapBrokerStringVpcConnectivitySaslIam, elsewhere[4]: b.BootstrapBrokerStringVpcConnectivitySaslScram,
		elsewhere[5]: b.BootstrapBrokerStringVpcConnectivityTls,
	} {
		if aws.ToString(list) != "" {
			out[way] = *list
		}
	}
	return out, nil
}
