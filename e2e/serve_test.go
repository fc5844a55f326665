//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// served is a server of a test's own: bin/millrace serve.
func served(t *testing.T, flags ...string) *instance {
	t.Helper()
	i := &instance{t: t, dir: filepath.Join(t.TempDir(), "data"), flags: flags}
	i.runServe()
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

// serveCommand is the process, not started.
func (i *instance) serveCommand() *exec.Cmd {
	cmd := exec.Command(binary(i.t), append([]string{"serve", "--data-dir", i.dir, "--advertise-host", "localhost,127.0.0.1", "--group-rebalance-delay", "100ms"}, i.flags...)...)
	cmd.Env = i.environ()
	return cmd
}

// runServe starts the process and waits until it speaks TLS.
func (i *instance) runServe() {
	t := i.t
	t.Helper()
	i.cmd, i.log, i.ended = i.serveCommand(), &lockedBuffer{}, make(chan error, 1)
	i.cmd.Stdout, i.cmd.Stderr = i.log, i.log
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := i.ended
	cmd := i.cmd
	go func() { ended <- cmd.Wait() }()
	poll(t, startTime, "the server's start", func() bool {
		select {
		case err := <-i.ended:
			t.Fatalf("the server ended: %v\n%s", err, i.log)
		default:
		}
		data, err := os.ReadFile(filepath.Join(i.dir, "env.json"))
		i.env = nil
		if err != nil || json.Unmarshal(data, &i.env) != nil {
			return false
		}
		conn, err := tls.Dial("tcp", strings.TrimPrefix(i.env["AWS_ENDPOINT_URL"], "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	credentials, err := os.ReadFile(filepath.Join(i.dir, "root-credentials"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(credentials)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok {
			i.env[strings.ToUpper(name)] = value
		}
	}
}

func (i *instance) peerCertificate() *x509.Certificate {
	i.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(i.env["AWS_ENDPOINT_URL"], "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		i.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// freePort is one for --listen, so that a restart keeps the address.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestServe shows it.
//
// Works: `millrace serve`: AWS CLI over HTTPS with AWS_CA_BUNDLE, IAM clients, restarts, refused modes and plain HTTP, an audit log that verifies
func TestServe(t *testing.T) {
	i := served(t, "--listen", freePort(t))
	a := i.aws()
	c := i.clusterByCLI(a, "orders")
	produceAndConsume(t, c, "before")

	// Clients without the authority, and without TLS, get nothing.
	bundle := i.env["AWS_CA_BUNDLE"]
	delete(i.env, "AWS_CA_BUNDLE")
	a.refused("SSL", "list-clusters-v2")
	i.env["AWS_CA_BUNDLE"] = bundle
	address := strings.TrimPrefix(i.env["AWS_ENDPOINT_URL"], "https://")
	if resp, err := http.Get("http://" + address + "/_millrace/health"); err == nil {
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest || bytes.Contains(body, []byte("running")) {
			t.Errorf("plain HTTP: %s %s", resp.Status, body)
		}
	}
	for what, weak := range map[string]*tls.Config{
		"TLS 1.1": {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"CBC":     {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}},
	} {
		weak.InsecureSkipVerify = true
		for _, at := range []string{address, strings.Split(c.iam, ",")[0], strings.Split(c.scram, ",")[0]} {
			if conn, err := tls.Dial("tcp", at, weak); err == nil {
				conn.Close()
				t.Errorf("%s is accepted at %s", what, at)
			}
		}
	}
	good := i.env["AWS_SECRET_ACCESS_KEY"]
	i.env["AWS_SECRET_ACCESS_KEY"] = "wrong"
	a.refused("InvalidSignature", "list-clusters-v2")
	i.env["AWS_SECRET_ACCESS_KEY"] = good
	if client, err := kgo.NewClient(c.scramClient("nobody", "wrong")...); err == nil {
		if err := client.Ping(t.Context()); err == nil {
			t.Error("an unknown SCRAM user is let in")
		}
		client.Close()
	}

	userSecret := i.deniedUser(c)

	i.stop()
	i.refusesModes()
	i.runServe()
	if got := i.clusterNames(a); !slices.Equal(got, []string{"orders"}) {
		t.Errorf("after a restart: %v", got)
	}
	i.cli("", "wait", "--cluster", "orders", "--timeout", "30s")
	produceAndConsume(t, c, "after")
	i.stop()

	out := i.cli("", "audit", "verify")
	if !strings.Contains(out, "records (1 to ") || strings.Contains(out, "not sealed") {
		t.Errorf("audit verify: %s", out)
	}
	shown := i.cli("", "audit", "show")
	for _, want := range []string{"CreateCluster  arn:aws:iam::000000000000:root", "InvalidSignature", "SaslAuthenticate  nobody",
		"iam.amazonaws.com  CreateUser", "DescribeCluster  arn:aws:iam::000000000000:user/reader", "kafka-cluster.amazonaws.com  Produce  arn:aws:iam::000000000000:user/reader",
		"kafka-cluster:WriteData on arn:aws:kafka:us-east-1:000000000000:topic/orders/"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the audit log lacks %q:\n%s", want, shown)
		}
	}
	whole := i.cli("", "audit", "show", "--json")
	if text := i.log.String() + whole; strings.Contains(text, good) || strings.Contains(text, userSecret) {
		t.Error("a secret is in a log")
	}
}

// deniedUser makes an IAM user who may read alone, and lets him try more. It
// returns his secret.
func (i *instance) deniedUser(c *cluster) (secret string) {
	t, aws := i.t, i.aws().path
	t.Helper()
	i.must("", aws, "iam", "create-user", "--user-name", "reader")
	i.must("", aws, "iam", "put-user-policy", "--user-name", "reader", "--policy-name", "own", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kafka:ListClustersV2","kafka:GetBootstrapBrokers","kafka-cluster:Connect","kafka-cluster:DescribeTopic","kafka-cluster:ReadData","kafka-cluster:WriteDataIdempotently"],"Resource":"*"}]}`)
	var made struct {
		AccessKey struct{ AccessKeyID, SecretAccessKey string }
	}
	if err := json.Unmarshal([]byte(i.must("", aws, "iam", "create-access-key", "--user-name", "reader", "--output", "json")), &made); err != nil {
		t.Fatal(err)
	}
	root := maps.Clone(i.env)
	defer func() { i.env = root }()
	i.env = maps.Clone(root)
	i.env["AWS_ACCESS_KEY_ID"], i.env["AWS_SECRET_ACCESS_KEY"] = made.AccessKey.AccessKeyID, made.AccessKey.SecretAccessKey
	i.aws().refused("AccessDenied", "describe-cluster", "--cluster-arn", c.arn)
	if _, words, err := i.exec("x\n", binary(t), "topic", "produce", "before", "--data-dir", i.dir); err == nil || !strings.Contains(words, "TOPIC_AUTHORIZATION_FAILED") {
		t.Errorf("the reader writes: %v, %s", err, words)
	}
	if got := i.cli("", "topic", "consume", "before", "--from-beginning", "--max-messages", "2"); got != "a\nb\n" {
		t.Errorf("the reader reads %q", got)
	}
	return made.AccessKey.SecretAccessKey
}

// clusterByCLI is a cluster with IAM and SCRAM that the AWS CLI makes.
func (i *instance) clusterByCLI(a awsCLI, name string) *cluster {
	var made struct{ ClusterArn string }
	nodes := `{"InstanceType":"kafka.m5.large","ClientSubnets":["` + strings.Join(i.subnets(), `","`) + `"]}`
	a.kafka(&made, "create-cluster", "--cluster-name", name, "--kafka-version", "3.9.x", "--number-of-broker-nodes", "3",
		"--broker-node-group-info", nodes, "--client-authentication", "Sasl={Iam={Enabled=true},Scram={Enabled=true}}")
	i.cli("", "wait", "--cluster", name, "--timeout", "60s")
	var boot struct{ BootstrapBrokerStringSaslIam, BootstrapBrokerStringSaslScram string }
	a.kafka(&boot, "get-bootstrap-brokers", "--cluster-arn", made.ClusterArn)
	return &cluster{instance: i, arn: made.ClusterArn, iam: boot.BootstrapBrokerStringSaslIam, scram: boot.BootstrapBrokerStringSaslScram}
}

// clusterNames is the names of all clusters.
func (i *instance) clusterNames(a awsCLI) (names []string) {
	var out struct {
		ClusterInfoList []struct{ ClusterName string }
	}
	a.kafka(&out, "list-clusters-v2")
	for _, c := range out.ClusterInfoList {
		names = append(names, c.ClusterName)
	}
	return names
}

// produceAndConsume goes through a topic by IAM, with the command's own client.
func produceAndConsume(t *testing.T, c *cluster, topic string) {
	t.Helper()
	c.cli("", "topic", "create", topic, "--partitions", "1")
	c.cli("a\nb\n", "topic", "produce", topic)
	if got := c.cli("", "topic", "consume", topic, "--from-beginning", "--max-messages", "2"); got != "a\nb\n" {
		t.Errorf("consumed %q", got)
	}
}

// scramClient is the options of a SCRAM client.
func (c *cluster) scramClient(user, password string) []kgo.Opt {
	pool := x509.NewCertPool()
	if data, err := os.ReadFile(c.env["MILLRACE_CA_PEM"]); err == nil {
		pool.AppendCertsFromPEM(data)
	}
	return []kgo.Opt{kgo.SeedBrokers(strings.Split(c.scram, ",")[0]), kgo.DialTLSConfig(&tls.Config{RootCAs: pool}), kgo.RequestRetries(0),
		kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism())}
}

// refusesModes: the server does not start over what others may read.
func (i *instance) refusesModes() {
	t := i.t
	t.Helper()
	for name, right := range map[string]os.FileMode{".": 0o700, "state.db": 0o600, "pki/ca-key.pem": 0o600, "audit/key": 0o600} {
		path := filepath.Join(i.dir, name)
		if err := os.Chmod(path, right|0o044); err != nil {
			t.Fatal(err)
		}
		out, err := i.serveCommand().CombinedOutput()
		if err == nil || !strings.Contains(string(out), "chmod ") {
			t.Errorf("%s is readable by all: %v, %s", name, err, out)
		}
		if err := os.Chmod(path, right); err != nil {
			t.Fatal(err)
		}
	}
}

// TestServeReplacesItsCertificate shows it.
//
// Works: the API's certificate is replaced while the server runs: noticed by itself, or by SIGHUP
func TestServeReplacesItsCertificate(t *testing.T) {
	files := t.TempDir()
	cert, key := filepath.Join(files, "cert.pem"), filepath.Join(files, "key.pem")
	selfSigned(t, cert, key, 1)
	i := served(t, "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	if got := i.peerCertificate().SerialNumber.Int64(); got != 1 {
		t.Fatalf("serial %d", got)
	}
	i.env["AWS_CA_BUNDLE"] = cert
	a := i.aws()
	a.kafka(nil, "list-clusters-v2")
	selfSigned(t, cert, key, 2)
	poll(t, 20*time.Second, "the new certificate", func() bool { return i.peerCertificate().SerialNumber.Int64() == 2 })
	a.kafka(nil, "list-clusters-v2")
	selfSigned(t, cert, key, 3)
	if err := i.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	poll(t, 20*time.Second, "the newest certificate", func() bool { return i.peerCertificate().SerialNumber.Int64() == 3 })
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := i.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	poll(t, 20*time.Second, "the refusal in the log", func() bool { return strings.Contains(i.log.String(), "the certificate is not replaced") })
	if got := i.peerCertificate().SerialNumber.Int64(); got != 3 {
		t.Errorf("serial %d", got)
	}
}

// TestAuditOverKills shows it.
//
// Works: kill -9 under API calls: every answered change is in the audit log, which verifies
func TestAuditOverKills(t *testing.T) {
	i := served(t, "--listen", freePort(t))
	a := i.aws()
	c := i.clusterByCLI(a, "orders")
	answered := map[string]bool{}
	cycles := 3
	if n, err := strconv.Atoi(os.Getenv("MILLRACE_AUDIT_KILLS")); err == nil {
		cycles = n
	}
	for kill := range cycles {
		var mu sync.Mutex
		var calls sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		client := i.secureMSK()
		for w := range 4 {
			calls.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					value := fmt.Sprintf("value-%d-%d-%d", kill, w, n)
					_, err := client.TagResource(ctx, &kafka.TagResourceInput{ResourceArn: &c.arn, Tags: map[string]string{"k": value}})
					if err != nil {
						return // killed
					}
					mu.Lock()
					answered[value] = true
					mu.Unlock()
				}
			})
		}
		poll(t, startTime, "some calls", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(answered) > 20*(kill+1)
		})
		i.kill()
		cancel()
		calls.Wait()
		i.runServe()
	}
	i.stop()
	if out := i.cli("", "audit", "verify"); strings.Contains(out, "not sealed") {
		t.Errorf("audit verify: %s", out)
	}
	shown := i.cli("", "audit", "show", "--json")
	for value := range answered {
		if !strings.Contains(shown, `"`+value+`"`) {
			t.Errorf("the answered change %s is not on record", value)
		}
	}
	t.Logf("%d answered changes are on record", len(answered))
}

// secureMSK is AWS's SDK on the server, without retries.
func (i *instance) secureMSK() *kafka.Client {
	i.t.Helper()
	pool := x509.NewCertPool()
	data, err := os.ReadFile(i.env["AWS_CA_BUNDLE"])
	if err != nil || !pool.AppendCertsFromPEM(data) {
		i.t.Fatal("the bundle: ", err)
	}
	return kafka.New(kafka.Options{
		Region: i.env["AWS_REGION"], BaseEndpoint: aws.String(i.env["AWS_ENDPOINT_URL"]), RetryMaxAttempts: 1,
		HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: i.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: i.env["AWS_SECRET_ACCESS_KEY"]}, nil
		}),
	})
}

// selfSigned writes a certificate for localhost and its key.
func selfSigned(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{key: {Type: "EC PRIVATE KEY", Bytes: keyDER}, cert: {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(name+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
	}
}
