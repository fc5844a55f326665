//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"

	"github.com/millrace/millrace/e2e/clients"
)

const (
	startTime  = 20 * time.Second // of a server, on a busy machine
	activeTime = 30 * time.Second // of a cluster
	toolTime   = 2 * time.Minute  // of one foreign program
)

// instance is a server of a test's own: bin/millrace dev.
type instance struct {
	t     *testing.T
	dir   string // its data directory
	flags []string
	env   map[string]string // what `millrace env` prints
	cmd   *exec.Cmd
	log   *lockedBuffer
	ended chan error // the process's end, once
}

// start runs a server on free ports until the test ends.
func start(t *testing.T, flags ...string) *instance {
	t.Helper()
	i := &instance{t: t, dir: filepath.Join(t.TempDir(), "data"), flags: flags}
	i.run()
	t.Cleanup(func() {
		if i.cmd != nil {
			i.stop()
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", i.log)
		}
	})
	return i
}

// run starts the process on the data directory and waits for its health.
func (i *instance) run() {
	t := i.t
	t.Helper()
	_ = os.Remove(filepath.Join(i.dir, "env.json")) // the last process's
	args := append([]string{"dev", "--data-dir", i.dir, "--listen", "127.0.0.1:0", "--group-rebalance-delay", "100ms"}, i.flags...)
	i.cmd = exec.Command(binary(t), args...)
	i.cmd.Env = i.environ()
	i.log = &lockedBuffer{}
	i.cmd.Stdout, i.cmd.Stderr = i.log, i.log
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	i.ended = make(chan error, 1)
	go func() { i.ended <- i.cmd.Wait() }()
	poll(t, startTime, "the server's start", func() bool {
		select {
		case err := <-i.ended:
			t.Fatalf("the server ended: %v\n%s", err, i.log)
		default:
		}
		data, err := os.ReadFile(filepath.Join(i.dir, "env.json"))
		if err != nil || json.Unmarshal(data, &i.env) != nil {
			return false
		}
		resp, err := http.Get(i.env["AWS_ENDPOINT_URL"] + "/_millrace/health")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// stop asks the server to end, which must succeed.
func (i *instance) stop() {
	i.t.Helper()
	_ = i.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-i.ended:
		if err != nil {
			i.t.Errorf("the server's end: %v", err)
		}
	case <-time.After(startTime):
		_ = i.cmd.Process.Kill()
		i.t.Errorf("the server did not stop within %s", startTime)
	}
	i.cmd = nil
}

// kill ends the server as a crash would.
func (i *instance) kill() {
	_ = i.cmd.Process.Kill()
	<-i.ended
	i.cmd = nil
}

// environ is a user's environment after eval "$(millrace env)", without the
// machine's own AWS settings.
func (i *instance) environ() []string {
	out := []string{"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "HOME=" + i.t.TempDir()}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); !strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "MILLRACE_") && name != "JAVA_TOOL_OPTIONS" && name != "HOME" {
			out = append(out, kv)
		}
	}
	for k, v := range i.env {
		out = append(out, k+"="+v)
	}
	return out
}

// cli runs the millrace command on this server.
func (i *instance) cli(stdin string, args ...string) string {
	i.t.Helper()
	out, words, err := i.exec(stdin, binary(i.t), append(args, "--data-dir", i.dir)...)
	if err != nil {
		i.t.Fatalf("millrace %s: %v\n%s", strings.Join(args, " "), err, words)
	}
	return out
}

// exec runs a foreign program in the user's environment.
func (i *instance) exec(stdin, program string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(i.t.Context(), toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = i.environ()
	cmd.Stdin = strings.NewReader(stdin)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	err = cmd.Run()
	return out.String(), words.String(), err
}

// must is exec of a program that must succeed.
func (i *instance) must(stdin, program string, args ...string) string {
	i.t.Helper()
	out, words, err := i.exec(stdin, program, args...)
	if err != nil {
		i.t.Fatalf("%s %s: %v\n%s%s", filepath.Base(program), strings.Join(args, " "), err, out, words)
	}
	return out
}

// msk is AWS's SDK on this server.
func (i *instance) msk() *kafka.Client {
	return kafka.New(kafka.Options{
		Region: i.env["AWS_REGION"], BaseEndpoint: aws.String(i.env["AWS_ENDPOINT_URL"]),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: i.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: i.env["AWS_SECRET_ACCESS_KEY"]}, nil
		}),
	})
}

// cluster is a running cluster with every way in.
type cluster struct {
	*instance
	arn                    string
	plain, tls, scram, iam string // bootstrap strings
}

// in is the cluster as a subtest sees it.
func (c *cluster) in(t *testing.T) *cluster {
	i, out := *c.instance, *c
	i.t, out.instance = t, &i
	return &out
}

// cluster makes a three-broker cluster with IAM, SCRAM, TLS and plaintext, and
// waits for it.
func (i *instance) cluster(name string) *cluster { return i.clusterOf(name, "3.9.x") }

// clusterOf is cluster with a version of Kafka.
func (i *instance) clusterOf(name, version string) *cluster {
	t := i.t
	t.Helper()
	client := i.msk()
	out, err := client.CreateClusterV2(t.Context(), &kafka.CreateClusterV2Input{
		ClusterName: &name,
		Provisioned: &types.ProvisionedRequest{
			KafkaVersion: &version, NumberOfBrokerNodes: aws.Int32(3),
			BrokerNodeGroupInfo: &types.BrokerNodeGroupInfo{InstanceType: aws.String("kafka.m7g.large"), ClientSubnets: i.subnets()},
			ClientAuthentication: &types.ClientAuthentication{
				Sasl:            &types.Sasl{Iam: &types.Iam{Enabled: aws.Bool(true)}, Scram: &types.Scram{Enabled: aws.Bool(true)}},
				Unauthenticated: &types.Unauthenticated{Enabled: aws.Bool(true)},
			},
			EncryptionInfo: &types.EncryptionInfo{EncryptionInTransit: &types.EncryptionInTransit{ClientBroker: types.ClientBrokerTlsPlaintext}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{instance: i, arn: *out.ClusterArn}
	c.connect()
	return c
}

func (i *instance) subnets() []string { return strings.Split(i.env["MILLRACE_SUBNETS"], ",") }

// connect waits for ACTIVE and reads the bootstrap strings.
func (c *cluster) connect() {
	t, client := c.t, c.msk()
	t.Helper()
	poll(t, activeTime, "ACTIVE", func() bool {
		out, err := client.DescribeClusterV2(t.Context(), &kafka.DescribeClusterV2Input{ClusterArn: &c.arn})
		if err != nil {
			t.Fatal(err)
		}
		if out.ClusterInfo.State == types.ClusterStateFailed {
			t.Fatalf("the cluster is %s", out.ClusterInfo.State)
		}
		return out.ClusterInfo.State == types.ClusterStateActive
	})
	b, err := client.GetBootstrapBrokers(t.Context(), &kafka.GetBootstrapBrokersInput{ClusterArn: &c.arn})
	if err != nil {
		t.Fatal(err)
	}
	c.plain, c.tls = aws.ToString(b.BootstrapBrokerString), aws.ToString(b.BootstrapBrokerStringTls)
	c.scram, c.iam = aws.ToString(b.BootstrapBrokerStringSaslScram), aws.ToString(b.BootstrapBrokerStringSaslIam)
	if slices.Contains([]string{c.plain, c.tls, c.scram, c.iam}, "") {
		t.Fatalf("bootstrap strings: %+v", b)
	}
}

// binary is bin/millrace of the repository.
func binary(t *testing.T) string {
	t.Helper()
	root, err := clients.Root()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "bin", "millrace")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make build", err)
	}
	return path
}

func cache(t *testing.T) *clients.Cache {
	t.Helper()
	c, err := clients.Open(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// poll waits until ok, asking ten times a second.
func poll(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited %s for %s", limit, what)
		}
	}
}

// lines is text's lines without the empty ones.
func lines(text string) []string {
	var out []string
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// numbered is n lines that begin with prefix.
func numbered(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s-%03d", prefix, i)
	}
	return out
}

// same reports lists that differ as sets.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %d %q, want %d %q", what, len(got), got[:min(len(got), 5)], len(want), want[:min(len(want), 5)])
	}
}

// lockedBuffer is a process's output, read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
