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
	"syscall"
	"time"
)

const (
	kafkaStart = time.Minute      // until the first broker answers, on a busy machine
	kafkaStop  = 20 * time.Second // until it is killed
)

// brokerFlags make a broker start in two seconds rather than five; it is as
// slow afterwards as a test can bear.
var brokerFlags = []string{"-Xlog:disable", "-Xlog:all=error:stderr", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx512M", "-Xms64M", "-Djava.awt.headless=true"}

// Kafka is a running broker of Apache Kafka on loopback, a cluster of one.
type Kafka struct {
	Address string // host:port of the plaintext listener CLIENT
	Log     string // the file with what it wrote

	dir       string
	processes []*process // in the order of their start
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
	jars, err := c.Jars(ctx, set)
	if err != nil {
		return nil, err
	}
	java, err := c.Program(ctx, "java", "default-jre-headless")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	k := &Kafka{Address: "127.0.0.1:" + ports[0], Log: filepath.Join(dir, "kafka.log"), dir: dir}
	all := map[string]string{
		"log.dirs": filepath.Join(dir, "logs"), "offsets.topic.replication.factor": "1",
		"transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
		"listeners": "CLIENT://" + k.Address, "inter.broker.listener.name": "CLIENT",
		"listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
	}
	jvm := jvm{java: java, jars: jars, dir: dir, log: k.Log}
	zookeeper := strings.HasPrefix(set, "kafka-2.")
	if zookeeper {
		err = k.startZooKeeper(ctx, jvm, ports[1], all)
	} else {
		all["listeners"] += ",CONTROLLER://127.0.0.1:" + ports[1]
		all["process.roles"], all["node.id"] = "broker,controller", "1"
		all["controller.listener.names"] = "CONTROLLER"
		all["controller.quorum.voters"] = "1@127.0.0.1:" + ports[1]
	}
	if err != nil {
		return nil, err
	}
	maps.Copy(all, properties)
	if !zookeeper {
		err = k.format(ctx, jvm, all, format)
	}
	if err == nil {
		err = k.startBroker(ctx, jvm, all)
	}
	if err != nil {
		_ = k.Stop()
		return nil, err
	}
	return k, nil
}

func (k *Kafka) startZooKeeper(ctx context.Context, j jvm, port string, properties map[string]string) error {
	file := filepath.Join(k.dir, "zookeeper.properties")
	err := writeProperties(file, map[string]string{
		"dataDir": filepath.Join(k.dir, "zookeeper"), "clientPort": port, "clientPortAddress": "127.0.0.1", "admin.enableServer": "false",
	})
	if err != nil {
		return err
	}
	p, err := j.start("org.apache.zookeeper.server.quorum.QuorumPeerMain", file)
	if err != nil {
		return err
	}
	k.processes = append(k.processes, p)
	properties["zookeeper.connect"], properties["broker.id"] = "127.0.0.1:"+port, "1"
	return k.await(ctx, p, "127.0.0.1:"+port)
}

func (k *Kafka) startBroker(ctx context.Context, j jvm, properties map[string]string) error {
	file, err := j.properties(properties)
	if err != nil {
		return err
	}
	p, err := j.start("kafka.Kafka", file)
	if err != nil {
		return err
	}
	k.processes = append(k.processes, p)
	return k.await(ctx, p, k.Address)
}

// format makes the log directories of a KRaft broker.
func (k *Kafka) format(ctx context.Context, j jvm, properties map[string]string, more []string) error {
	file, err := j.properties(properties)
	if err != nil {
		return err
	}
	id := make([]byte, 16)
	rand.Read(id)
	id[0] &= 0x7f // a leading - would look like a flag
	p, err := j.start("kafka.tools.StorageTool", append([]string{"format", "-t", base64.RawURLEncoding.EncodeToString(id), "-c", file}, more...)...)
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

// Stop ends what StartKafka started, and kills what does not end. It returns
// the first error of a process that could not be ended.
func (k *Kafka) Stop() error {
	var errs []error
	for _, p := range slices.Backward(k.processes) {
		errs = append(errs, p.stop())
	}
	k.processes = nil
	return errors.Join(errs...)
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
		_ = p.cmd.Process.Kill()
		<-p.ended
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
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	return nil
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
