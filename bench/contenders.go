package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	nameMillrace  = "millrace"
	startToRecord = "process start to first acknowledged record, with making the cluster or formatting"
	idleMemory    = "idle memory, one cluster"
)

// contender is a running broker.
type contender struct {
	name      string
	bootstrap string
	cmd       *exec.Cmd
	opts      []kgo.Opt // how its clients connect, beside the addresses

	iam string            // the IAM listeners, of Millrace
	env map[string]string // of Millrace's API
}

func (c *contender) pid() int { return c.cmd.Process.Pid }

func (c *contender) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(slices.Concat([]kgo.Opt{kgo.SeedBrokers(strings.Split(c.bootstrap, ",")...)}, c.opts, opts)...)
}

// stop ends the process that start made, and waits for it.
func (c *contender) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = c.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		_ = c.cmd.Process.Kill()
		<-done
	}
}

// startMillrace starts the server and makes a plaintext cluster of one broker
// in each of three zones; it records the times to start, to ACTIVE and to the
// first acknowledged record, and the idle memory.
func startMillrace(ctx context.Context, o options, r *report) (*contender, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(o.dir, "millrace")
	cmd := exec.Command(o.binary, "dev", "--data-dir", data, "--listen", "127.0.0.1:"+port)
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w (run make build first)", o.binary, err)
	}
	c := &contender{name: nameMillrace, cmd: cmd}
	if err := waitHealthy(ctx, "http://127.0.0.1:"+port+"/_millrace/health"); err != nil {
		c.stop()
		return nil, err
	}
	r.add("process start to a healthy API (first start)", nameMillrace, "ms", ms(time.Since(began)))
	if err := c.createCluster(ctx, data, r); err != nil {
		c.stop()
		return nil, err
	}
	r.add(startToRecord, nameMillrace, "ms", ms(time.Since(began)))
	r.add(idleMemory, nameMillrace, "MB", residentMB(c.pid()))
	return c, nil
}

func (c *contender) createCluster(ctx context.Context, data string, r *report) error {
	env, err := readEnv(filepath.Join(data, "env.json"))
	if err != nil {
		return err
	}
	api := kafka.New(kafka.Options{
		Region: env["AWS_REGION"], BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
	began := time.Now()
	out, err := api.CreateClusterV2(ctx, &kafka.CreateClusterV2Input{
		ClusterName: aws.String("bench"),
		Provisioned: &types.ProvisionedRequest{
			KafkaVersion: aws.String("4.1.x.kraft"), NumberOfBrokerNodes: aws.Int32(3),
			BrokerNodeGroupInfo: &types.BrokerNodeGroupInfo{
				ClientSubnets: strings.Split(env["MILLRACE_SUBNETS"], ","), InstanceType: aws.String("kafka.m5.large"),
			},
			EncryptionInfo: &types.EncryptionInfo{EncryptionInTransit: &types.EncryptionInTransit{ClientBroker: types.ClientBrokerTlsPlaintext}},
			ClientAuthentication: &types.ClientAuthentication{
				Sasl: &types.Sasl{Iam: &types.Iam{Enabled: aws.Bool(true)}}, Unauthenticated: &types.Unauthenticated{Enabled: aws.Bool(true)},
			},
		},
	})
	if err != nil {
		return fmt.Errorf("create cluster: %w", err)
	}
	for {
		d, err := api.DescribeClusterV2(ctx, &kafka.DescribeClusterV2Input{ClusterArn: out.ClusterArn})
		if err != nil {
			return err
		}
		if d.ClusterInfo.State == types.ClusterStateActive {
			break
		}
		if time.Since(began) > time.Minute {
			return errors.New("the cluster did not become ACTIVE in a minute")
		}
		time.Sleep(5 * time.Millisecond)
	}
	r.add("CreateCluster to ACTIVE", nameMillrace, "ms", ms(time.Since(began)))
	b, err := api.GetBootstrapBrokers(ctx, &kafka.GetBootstrapBrokersInput{ClusterArn: out.ClusterArn})
	if err != nil {
		return err
	}
	c.bootstrap, c.iam, c.env = aws.ToString(b.BootstrapBrokerString), aws.ToString(b.BootstrapBrokerStringSaslIam), env
	if err := c.firstRecord(ctx); err != nil {
		return err
	}
	r.add("CreateCluster to first acknowledged record", nameMillrace, "ms", ms(time.Since(began)))
	return nil
}

func (c *contender) firstRecord(ctx context.Context) error {
	if err := c.createTopic(ctx, "first", 1); err != nil {
		return err
	}
	cl, err := c.client(kgo.DefaultProduceTopic("first"))
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.ProduceSync(ctx, kgo.StringRecord("first")).FirstErr()
}

func (c *contender) createTopic(ctx context.Context, topic string, partitions int32) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	_, err = kadm.NewClient(cl).CreateTopic(ctx, partitions, -1, nil, topic)
	return err
}

const serverProperties = `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:%[2]s
listeners=PLAINTEXT://127.0.0.1:%[1]s,CONTROLLER://127.0.0.1:%[2]s
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]s,CONTROLLER://127.0.0.1:%[2]s
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[3]s
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.segment.delete.delay.ms=1000
group.initial.rebalance.delay.ms=0
`

// startKafka formats and starts Apache Kafka: as shipped, or with an fsync
// before every acknowledgement.
func startKafka(ctx context.Context, o options, flush bool, r *report) (*contender, error) {
	name, extra := "kafka", ""
	if flush {
		name, extra = "kafka, fsync", "log.flush.interval.messages=1\n"
	}
	dir := filepath.Join(o.dir, strings.ReplaceAll(name, ", ", "-"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	controller, err := freePort()
	if err != nil {
		return nil, err
	}
	props := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(props, fmt.Appendf(nil, serverProperties+extra, port, controller, filepath.Join(dir, "logs")), 0o644); err != nil {
		return nil, err
	}
	id := make([]byte, 16)
	rand.Read(id)
	began := time.Now()
	classes := filepath.Join(o.jars, "*")
	format := exec.CommandContext(ctx, "java", "-cp", classes, "kafka.tools.StorageTool", "format",
		"--cluster-id="+base64.RawURLEncoding.EncodeToString(id), "-c", props, "--standalone")
	if out, err := format.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("format Kafka's storage: %w\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(dir, "kafka.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("java", "-server", "-Xmx1G", "-Xms1G", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
		"-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-XX:MaxInlineLevel=15",
		"-Djava.awt.headless=true", "-cp", classes, "kafka.Kafka", props)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &contender{name: name, bootstrap: "127.0.0.1:" + port, cmd: cmd}
	if err := waitPort(ctx, c.bootstrap); err != nil {
		c.stop()
		return nil, fmt.Errorf("%s did not start; see %s: %w", name, log.Name(), err)
	}
	if err := c.firstRecord(ctx); err != nil {
		c.stop()
		return nil, err
	}
	r.add(startToRecord, name, "ms", ms(time.Since(began)))
	r.add(idleMemory, name, "MB", residentMB(c.pid()))
	return c, nil
}

// waitHealthy waits until the server says that it runs.
func waitHealthy(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if bytes.Contains(body, []byte(`"running"`)) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server is not healthy: %w", ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// waitPort waits until something accepts connections.
func waitPort(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nothing listens on %s: %w", address, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), nil
}

func readEnv(file string) (map[string]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	env := make(map[string]string)
	return env, json.Unmarshal(data, &env)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
