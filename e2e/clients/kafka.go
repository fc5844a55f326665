package clients

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	kafkaStart = time.Minute      // until the first broker answers, on a busy machine
	kafkaStop  = 20 * time.Second // until it is killed
)

// brokerFlags make a broker start in two seconds rather than five; it is as
// slow afterwards as a test can bear. A log cleaner that is configured anew takes
// 128 MiB beside those of the one before.
var brokerFlags = []string{"-Xlog:disable", "-Xlog:all=error:stderr", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx512M", "-Xms64M", "-Djava.awt.headless=true"}

// Kafka is a broker of Apache Kafka on loopback: of a cluster of its own, or one
// of several.
type Kafka struct {
	Address string // host:port of the plaintext listener CLIENT
	Log     string // the file with what it wrote

	jvm        jvm
	properties map[string]string
	zookeeper  string     // the port of its own one; "" in KRaft mode
	processes  []*process // in the order of their start
}

// process is a JVM; keep runs after its end.
type process struct {
	cmd   *exec.Cmd
	ended chan error
	keep  func()
}

// StartKafka formats a directory and starts the broker of a set on it, in KRaft
// mode with itself as the only voter, or with a ZooKeeper of its own for Kafka
// 2.8. properties are added to what a cluster of one needs, format to the
// arguments of the format. The caller stops it; dir must be its own.
func (c *Cache) StartKafka(ctx context.Context, set, dir string, properties map[string]string, format ...string) (*Kafka, error) {
	all := map[string]string{
		"offsets.topic.replication.factor": "1", "transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
	}
	maps.Copy(all, properties)
	brokers, err := c.StartKafkas(ctx, set, dir, []map[string]string{all}, format...)
	if err != nil {
		return nil, err
	}
	return brokers[0], nil
}

// StartKafkas starts a cluster with a broker 1, 2, ... for each of properties. In
// KRaft mode the first is its controller too; Kafka 2.8 can be a cluster of one
// alone.
func (c *Cache) StartKafkas(ctx context.Context, set, dir string, properties []map[string]string, format ...string) ([]*Kafka, error) {
	brokers, err := c.newKafkas(ctx, set, dir, properties)
	if err != nil {
		return nil, err
	}
	if brokers[0].zookeeper == "" {
		err = formatAll(ctx, brokers, format)
	}
	errs := make([]error, len(brokers))
	if err == nil {
		var starting sync.WaitGroup
		for i, k := range brokers {
			starting.Go(func() { errs[i] = k.Start(ctx) })
		}
		starting.Wait()
		err = errors.Join(errs...)
	}
	if err != nil {
		for _, k := range brokers {
			_ = k.Stop()
		}
		return nil, err
	}
	return brokers, nil
}

// newKafkas are brokers with their ports and properties, which are not started.
func (c *Cache) newKafkas(ctx context.Context, set, dir string, properties []map[string]string) ([]*Kafka, error) {
	jars, err := c.Jars(ctx, set)
	if err != nil {
		return nil, err
	}
	java, err := c.Program(ctx, "java", "default-jre-headless")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(len(properties) + 1)
	if err != nil {
		return nil, err
	}
	var brokers []*Kafka
	for i, given := range properties {
		id := strconv.Itoa(i + 1)
		own := filepath.Join(dir, "broker-"+id)
		if err := os.Mkdir(own, 0o755); err != nil {
			return nil, err
		}
		k := &Kafka{Address: "127.0.0.1:" + ports[i+1], Log: filepath.Join(own, "kafka.log")}
		k.jvm = jvm{java: java, jars: jars, dir: own, log: k.Log}
		k.properties = map[string]string{
			"log.dirs": filepath.Join(own, "logs"), "inter.broker.listener.name": "CLIENT", "listeners": "CLIENT://" + k.Address,
			"listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		}
		if strings.HasPrefix(set, "kafka-2.") {
			k.zookeeper = ports[0]
			k.properties["zookeeper.connect"], k.properties["broker.id"] = "127.0.0.1:"+ports[0], id
		} else {
			kraft(k.properties, id, ports[0])
		}
		maps.Copy(k.properties, given)
		brokers = append(brokers, k)
	}
	return brokers, nil
}

// kraft makes a broker one of a cluster whose controller is broker 1.
func kraft(properties map[string]string, id, controller string) {
	properties["node.id"], properties["process.roles"] = id, "broker"
	properties["controller.listener.names"] = "CONTROLLER"
	properties["controller.quorum.voters"] = "1@127.0.0.1:" + controller
	if id == "1" {
		properties["process.roles"] = "broker,controller"
		properties["listeners"] += ",CONTROLLER://127.0.0.1:" + controller
	}
}

// Start starts the broker on its old directory and port.
func (k *Kafka) Start(ctx context.Context) error {
	if k.zookeeper != "" {
		if err := k.startZooKeeper(ctx); err != nil {
			return err
		}
	}
	file, err := k.jvm.properties(k.properties)
	if err != nil {
		return err
	}
	p, err := k.jvm.start("kafka.Kafka", file)
	if err != nil {
		return err
	}
	k.processes = append(k.processes, p)
	return k.await(ctx, p, k.Address)
}

func (k *Kafka) startZooKeeper(ctx context.Context) error {
	file := filepath.Join(k.jvm.dir, "zookeeper.properties")
	err := writeProperties(file, map[string]string{
		"dataDir": filepath.Join(k.jvm.dir, "zookeeper"), "clientPort": k.zookeeper, "clientPortAddress": "127.0.0.1", "admin.enableServer": "false",
	})
	if err != nil {
		return err
	}
	p, err := k.jvm.start("org.apache.zookeeper.server.quorum.QuorumPeerMain", file)
	if err != nil {
		return err
	}
	k.processes = append(k.processes, p)
	return k.await(ctx, p, "127.0.0.1:"+k.zookeeper)
}

// formatAll makes the log directories of KRaft brokers: Kafka that of the first,
// which is the controller. The others need no more than to know the cluster.
func formatAll(ctx context.Context, brokers []*Kafka, more []string) error {
	cluster := newID()
	if err := brokers[0].format(ctx, cluster, more); err != nil {
		return err
	}
	for _, k := range brokers[1:] {
		dir := k.properties["log.dirs"]
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		err := writeProperties(filepath.Join(dir, "meta.properties"), map[string]string{
			"version": "1", "cluster.id": cluster, "node.id": k.properties["node.id"], "directory.id": newID(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// newID is a random id as Kafka writes it.
func newID() string {
	id := make([]byte, 16)
	rand.Read(id)
	id[0] &= 0x7f // a leading - would look like a flag
	return base64.RawURLEncoding.EncodeToString(id)
}

func (k *Kafka) format(ctx context.Context, cluster string, more []string) error {
	file, err := k.jvm.properties(k.properties)
	if err != nil {
		return err
	}
	p, err := k.jvm.start("kafka.tools.StorageTool", append([]string{"format", "-t", cluster, "-c", file}, more...)...)
	if err != nil {
		return err
	}
	if err := p.wait(ctx); err != nil {
		return fmt.Errorf("format Kafka's storage: %w\n%s", err, k.words())
	}
	return nil
}

// await waits until something accepts connections at the address, or the
// process ends.
func (k *Kafka) await(ctx context.Context, p *process, address string) error {
	ctx, cancel := context.WithTimeout(ctx, kafkaStart)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("%s ended: %v\n%s", p.cmd.Args[len(p.cmd.Args)-2], err, k.words())
		case <-ctx.Done():
			return fmt.Errorf("nothing listens at %s: %w\n%s", address, ctx.Err(), k.words())
		case <-tick.C:
		}
	}
}

// words are the last of the broker's log.
func (k *Kafka) words() []byte {
	data, _ := os.ReadFile(k.Log)
	return tail(data)
}

// Stop ends the broker as an operator does, with SIGTERM, and kills what does not
// end. It can be started again. The error is of processes that could not be ended.
func (k *Kafka) Stop() error {
	var errs []error
	for _, p := range slices.Backward(k.processes) {
		errs = append(errs, p.stop())
	}
	k.processes = nil
	return errors.Join(errs...)
}

// Kill ends the broker at once, as a power cut does.
func (k *Kafka) Kill() {
	for _, p := range slices.Backward(k.processes) {
		p.kill()
	}
	k.processes = nil
}

// jvm starts classes of a set of jars.
type jvm struct{ java, jars, dir, log string }

// properties writes server.properties and returns its path.
func (j jvm) properties(p map[string]string) (string, error) {
	file := filepath.Join(j.dir, "server.properties")
	return file, writeProperties(file, p)
}

func (j jvm) start(class string, args ...string) (*process, error) {
	share, keep := archive(j.java, j.jars, class)
	flags := slices.Clone(brokerFlags)
	if share != "" {
		flags = append(flags, share)
	}
	log, err := os.OpenFile(j.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(j.java, append(append(flags, "-cp", classPath(j.jars), class), args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = j.dir, log, log, endsWithParent()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan error, 1), keep: keep}
	go func() { p.ended <- cmd.Wait() }()
	return p, nil
}

// wait waits for a process that ends by itself.
func (p *process) wait(ctx context.Context) error {
	select {
	case err := <-p.ended:
		p.keep()
		return err
	case <-ctx.Done():
		p.kill()
		return ctx.Err()
	}
}

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	late := time.NewTimer(kafkaStop)
	defer late.Stop()
	select {
	case <-p.ended: // a JVM that was asked to end says 143
		p.keep()
	case <-late.C:
		p.kill()
	}
	return nil
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func writeProperties(file string, properties map[string]string) error {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&b, "%s=%s\n", k, properties[k])
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// freePorts are n ports that nobody listened at just now.
func freePorts(n int) ([]string, error) {
	out := make([]string, n)
	for i := range out {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		out[i] = strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	}
	return out, nil
}
