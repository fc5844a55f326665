// Package millracetest runs a whole Millrace inside a Go test: the AWS API and
// the brokers of the clusters made through it, the product itself, with
// controls for what goes wrong in production. Brokers stop, start and lose
// their controller; the process restarts or loses power.
//
//	m := millracetest.Start(t, millracetest.Brokers(3))
//	c := m.Cluster("orders")
//	client := c.Client(kgo.DefaultProduceTopic("t"))
//	c.StopBroker(2)
//
// It needs no other program and no network but loopback. By default everything
// the brokers write is in memory, which syncs in no time and can lose power;
// what the API keeps is in a directory of the test.
//
// This is the only package of the module whose API is promised to stay.
package millracetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/millrace/millrace/server"
	"github.com/millrace/millrace/vfs"
)

// Option changes what Start and Millrace.Cluster make.
type Option func(*options)

type options struct {
	brokers    int
	version    string
	serverless bool
	directory  string
	seed       int64
}

// Brokers is how many brokers clusters get: a multiple of 2 or 3, as MSK places
// the same number in each zone. The default is 3.
func Brokers(n int) Option { return func(o *options) { o.brokers = n } }

// KafkaVersion is the version of clusters, by MSK's name for it, such as
// "3.9.x"; it decides what the brokers say they can do. The default is the
// newest.
func KafkaVersion(v string) Option { return func(o *options) { o.version = v } }

// Serverless makes clusters serverless: one address, IAM only, and the topic
// rules of MSK Serverless.
func Serverless() Option { return func(o *options) { o.serverless = true } }

// Directory keeps everything in a directory, which a later Start of the same
// directory finds again. Crash is then the death of the process, not of the
// machine. Only for Start.
func Directory(path string) Option { return func(o *options) { o.directory = path } }

// Seed chooses what power cuts leave of what was not synced; each Crash adds
// one. The default is 1. Only for Start.
func Seed(n int64) Option { return func(o *options) { o.seed = n } }

// Limits.
const (
	readyTime  = 30 * time.Second // of a start, on a busy machine
	pollEvery  = time.Millisecond // how often a condition is looked at
	region     = "us-east-1"
	newest     = "4.1.x.kraft"
	envMaxSize = 64 << 10
)

// Millrace is a running server. Its methods fail the test when something does
// not work, so they belong to the test's goroutine.
type Millrace struct {
	tb      testing.TB
	options options
	dir     string
	ports   ports
	memory  *vfs.Memory  // nil over a directory
	dead    *atomic.Bool // over a directory: writes fail from here on
	crashes int64
	log     *testLog // of the process that runs
	env     map[string]string
	running *run
	known   map[string]*Cluster // by name
}

// run is the server between a start and a stop.
type run struct {
	system *server.System
	cancel context.CancelFunc
	done   chan error
}

// Start runs a server until the test ends.
func Start(tb testing.TB, opts ...Option) *Millrace {
	tb.Helper()
	o := options{brokers: 3, version: newest, seed: 1}
	for _, opt := range opts {
		opt(&o)
	}
	m := &Millrace{tb: tb, options: o, dir: o.directory, known: map[string]*Cluster{}}
	if m.dir == "" {
		m.dir, m.memory = tb.TempDir(), vfs.NewMemory()
	}
	var err error
	if m.ports, err = leasePorts(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if m.running != nil {
			m.stop()
		}
		m.ports.lease.Close()
	})
	m.start()
	return m
}

// start runs a process over what the last one left.
func (m *Millrace) start() {
	m.tb.Helper()
	m.log = &testLog{tb: m.tb}
	s, err := server.New(server.Config{
		DataDir: m.dir, FS: m.disk(), Listen: m.ports.api, AdvertiseHost: m.ports.host, BrokerPorts: m.ports.brokers, Region: region,
		RebalanceDelay: new(time.Duration), Version: "test",
		Log: slog.New(slog.NewTextHandler(m.log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		m.tb.Fatalf("start Millrace: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.running = &run{system: s, cancel: cancel, done: make(chan error, 1)}
	go func(r *run) { r.done <- r.system.Run(ctx) }(m.running) // stop waits for it
	m.readEnvironment()
	for _, name := range slices.Sorted(maps.Keys(m.known)) {
		m.known[name].awaitBrokers()
	}
}

func (m *Millrace) stop() {
	m.tb.Helper()
	m.running.cancel()
	if err := <-m.running.done; err != nil {
		m.tb.Errorf("stop Millrace: %v", err)
	}
	m.running = nil
}

// disk is the file system of the brokers in the next process.
func (m *Millrace) disk() vfs.FS {
	if m.memory != nil {
		return m.memory
	}
	dead := new(atomic.Bool)
	m.dead = dead
	return vfs.NewFaulty(vfs.OS, func(vfs.Op) error {
		if dead.Load() {
			return vfs.ErrPowerOff
		}
		return nil
	})
}

// Restart stops the server in good order and starts it again. Addresses and
// credentials stay; stopped and fenced brokers run again.
func (m *Millrace) Restart() {
	m.tb.Helper()
	m.stop()
	m.start()
}

// Crash cuts the power and starts the server again. Of what was written and not
// yet synced, parts are lost and parts are torn, as Seed chooses; what was
// acknowledged is there. Addresses and credentials stay; stopped and fenced
// brokers run again.
//
// What the API keeps (clusters, credentials) is not cut: its store syncs every
// change before it answers.
func (m *Millrace) Crash() {
	m.tb.Helper()
	seed := m.options.seed + m.crashes
	m.crashes++
	m.log.dead.Store(true) // the dead say nothing of their end
	if m.memory != nil {
		m.tb.Logf("power cut %d with seed %d", m.crashes, seed)
		m.memory = m.memory.PowerOff(seed)
	} else {
		m.dead.Store(true)
	}
	m.stop()
	m.start()
}

func (m *Millrace) readEnvironment() {
	m.tb.Helper()
	f, err := os.Open(filepath.Join(m.dir, server.EnvironmentFile))
	if err == nil {
		defer f.Close()
		err = json.NewDecoder(io.LimitReader(f, envMaxSize)).Decode(&m.env)
	}
	if err != nil {
		m.tb.Fatalf("read the server's environment: %v", err)
	}
}

// Endpoint is the URL of the AWS API.
func (m *Millrace) Endpoint() string { return m.env["AWS_ENDPOINT_URL"] }

// Region is the region of everything.
func (m *Millrace) Region() string { return region }

// AccessKeyID is the id of the account's root credential.
func (m *Millrace) AccessKeyID() string { return m.env["AWS_ACCESS_KEY_ID"] }

// SecretAccessKey is the secret of the account's root credential.
func (m *Millrace) SecretAccessKey() string { return m.env["AWS_SECRET_ACCESS_KEY"] }

// AWS is the configuration of AWS SDK clients: kafka.NewFromConfig(m.AWS()).
func (m *Millrace) AWS() aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(m.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(m.AccessKeyID(), m.SecretAccessKey(), ""),
	}
}

// Env is what other programs need, as KEY=VALUE: endpoint, credentials, region,
// the CA's file and the JVM's trust store.
func (m *Millrace) Env() []string {
	out := make([]string, 0, len(m.env))
	for _, k := range slices.Sorted(maps.Keys(m.env)) {
		out = append(out, k+"="+m.env[k])
	}
	return out
}

// TLS is the configuration of clients of the brokers: it trusts the server's
// own authority.
func (m *Millrace) TLS() *tls.Config {
	m.tb.Helper()
	data, err := os.ReadFile(m.env["MILLRACE_CA_PEM"])
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(data) {
		m.tb.Fatalf("read the server's authority: %v", err)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// await waits for a condition.
func (m *Millrace) await(what string, done func() bool) {
	m.tb.Helper()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for began := time.Now(); !done(); <-tick.C {
		if time.Since(began) > readyTime {
			m.tb.Fatalf("%s took longer than %s", what, readyTime)
		}
	}
}

// ports are a server's alone, of all servers in tests on this machine, also
// while it restarts.
type ports struct {
	lease   net.Listener
	host    string
	api     string
	brokers string
}

// Each server has a block of ports below those that the kernel gives to
// clients; who listens on the first has the others.
const (
	firstBlock = 10_000
	lastBlock  = 19_900
	blockSize  = 100
)

func leasePorts() (ports, error) {
	const host = "127.0.0.1"
	for block := firstBlock; block <= lastBlock; block += blockSize {
		lease, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(block)))
		if err != nil {
			continue
		}
		api, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(block+1)))
		if err != nil { // of something else
			lease.Close()
			continue
		}
		api.Close()
		return ports{lease, host, api.Addr().String(), fmt.Sprintf("%d-%d", block+2, block+blockSize-1)}, nil
	}
	return ports{}, fmt.Errorf("no free block of ports in %d-%d", firstBlock, lastBlock+blockSize-1)
}

// testLog writes the server's warnings into the test's log.
type testLog struct {
	tb   testing.TB
	dead atomic.Bool
}

func (l *testLog) Write(line []byte) (int, error) {
	if !l.dead.Load() {
		l.tb.Log("millrace: " + strings.TrimSuffix(string(line), "\n"))
	}
	return len(line), nil
}
