//go:build e2e

package differential

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/e2e/clients"
	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/wire"
)

// defaultKafka is the release that is compared when MILLRACE_KAFKA names none.
const defaultKafka = "4.1.2"

// mskVersions are the kafkaVersion of each release that can be compared.
var mskVersions = map[string]string{"4.1.2": "4.1.x.kraft", "3.9.2": "3.9.x.kraft", "3.4.1": "3.4.1.kraft", "2.8.1": "2.8.1"}

// static is what both sides have in their server.properties.
var static = map[string]string{
	"auto.create.topics.enable": "false", "default.replication.factor": "1", "min.insync.replicas": "1", "num.partitions": "1",
}

// kafkaOnly is what Millrace takes in another way.
var kafkaOnly = map[string]string{
	"group.initial.rebalance.delay.ms": "0", "super.users": "User:ANONYMOUS", "log.retention.check.interval.ms": "60000",
}

// formats are arguments of Kafka's format: features that Millrace leaves alone
// have the same level there.
var formats = map[string][]string{"4.1.2": {"--feature", "eligible.leader.replicas.version=0"}}

// script is a sequence of requests on one or more connections.
type script struct {
	name string
	run  func(s *session)
}

// side is a script's run on one broker.
type side struct {
	log     []*exchange
	missing int16  // the key that the broker does not serve and the script needs
	broke   string // the panic of a script that met an answer it cannot go on with
}

// TestDifferential shows it.
//
// Works: answers field by field as Apache Kafka's, to scripts of valid and invalid requests in every version
func TestDifferential(t *testing.T) {
	version := os.Getenv("MILLRACE_KAFKA")
	if version == "" {
		version = defaultKafka
	}
	msk, ok := mskVersions[version]
	if !ok {
		t.Fatalf("MILLRACE_KAFKA=%s is none of those that are compared", version)
	}
	lines, err := accepted("accepted.txt", version)
	if err != nil {
		t.Fatal(err)
	}
	kafka, millrace := startKafka(t, version), startMillrace(t, msk)
	theirs, ours := advertised(t, kafka), advertised(t, millrace)
	both := common(theirs, ours)
	var total counts
	all := true
	for _, sc := range scripts() {
		ran := t.Run(strings.ReplaceAll(sc.name, " ", "_"), func(t *testing.T) {
			var k, m side
			var both2 sync.WaitGroup
			both2.Go(func() { k = run(sc, kafka, theirs, both) })
			both2.Go(func() { m = run(sc, millrace, ours, both) })
			both2.Wait()
			show(t, k)
			tellSlow(t, "Kafka", k)
			tellSlow(t, "Millrace", m)
			c := compare(sc.name, &k, &m)
			good, left := split(c.differences, lines)
			total.add(k, c, good, left)
			if m.missing > 0 {
				t.Logf("waits for %s: %d requests", kmsg.NameForKey(m.missing), c.waiting)
			}
			report(t, left)
		})
		all = all && ran
	}
	t.Logf("Kafka %s: %d scripts, %d requests: %d answers equal, %d with accepted differences, %d different, %d waiting for keys that are not served",
		version, total.scripts, total.requests, total.equal, total.accepted, total.different, total.waiting)
	if total.scripts < len(scripts()) {
		return // chosen with -run
	}
	for _, a := range lines {
		if a.must && !a.used {
			t.Errorf("accepted.txt:%d matches no difference any more: remove it (%s)", a.line, a.reason)
		}
	}
}

// maxReported is how many differences of one script are printed; the others
// are mostly the same again.
const maxReported = 200

func report(t *testing.T, left []difference) {
	for i, d := range left {
		if i == maxReported {
			t.Errorf("and %d differences more", len(left)-i)
			return
		}
		t.Error(d)
	}
}

func (c *counts) add(k side, r compared, accepted, left []difference) {
	c.scripts++
	c.requests += len(k.log)
	c.equal += r.equal
	c.waiting += r.waiting
	if len(left) > 0 {
		c.different += r.differing
	} else {
		c.accepted += r.differing
	}
}

// run runs a script on one side.
func run(sc script, address string, serves, both map[int16]wire.Range) (out side) {
	s := &session{address: address, serves: serves, ranges: both, prefix: strings.NewReplacer(" ", "-", "'", "").Replace(sc.name), conns: make(map[string]*conn)}
	defer s.close()
	defer func() {
		out.log = s.log
		switch r := recover().(type) {
		case nil:
		case unserved:
			out.missing = r.key
			if out.missing == 0 {
				panic("Produce is always served")
			}
		default:
			out.broke = fmt.Sprint(r)
			if _, ok := r.(error); ok { // of the run time
				out.broke += "\n" + string(debug.Stack())
			}
		}
	}()
	sc.run(s)
	return out
}

// slow is what a script should not wait for.
const slow = time.Second

func tellSlow(t *testing.T, who string, s side) {
	for _, x := range s.log {
		if x.took > slow {
			t.Logf("%s took %s: %s: %s v%d", who, x.took.Round(time.Millisecond), x.step, kmsg.NameForKey(x.request.Key()), x.request.GetVersion())
		}
	}
}

// show prints what Kafka answered, when it was asked for.
func show(t *testing.T, k side) {
	if os.Getenv("MILLRACE_SHOW") == "" {
		return
	}
	s := newSymbols()
	for _, x := range k.log {
		t.Logf("%s: %s v%d, %s", x.step, kmsg.NameForKey(x.request.Key()), x.request.GetVersion(), x.took.Round(time.Millisecond))
		for _, f := range s.fields(x) {
			t.Logf("    %s = %s", f.path, f.value)
		}
	}
	if k.broke != "" {
		t.Log(k.broke)
	}
}

func startKafka(t *testing.T, version string) string {
	t.Helper()
	cache, err := clients.Open(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	properties := make(map[string]string)
	for _, m := range []map[string]string{static, kafkaOnly} {
		for k, v := range m {
			properties[k] = v
		}
	}
	properties["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
	if strings.HasPrefix(version, "2.") {
		properties["authorizer.class.name"] = "kafka.security.authorizer.AclAuthorizer"
	}
	k, err := cache.StartKafka(t.Context(), "kafka-"+version, t.TempDir(), properties, formats[version]...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Stop(); err != nil {
			t.Error(err)
		}
	})
	waitForBroker(t, k.Address)
	return k.Address
}

// waitForBroker waits until the broker's own metadata has it.
func waitForBroker(t *testing.T, address string) {
	s := &session{address: address, serves: map[int16]wire.Range{3: {}}, conns: make(map[string]*conn)}
	defer s.close()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	r := until(s.conn("start"), "", in(1, req), func(r *kmsg.MetadataResponse) bool { return len(r.Brokers) == 1 })
	if len(r.Brokers) != 1 {
		t.Fatalf("the broker at %s does not know itself", address)
	}
}

// startMillrace opens a cluster of one broker with a plaintext listener.
func startMillrace(t *testing.T, kafkaVersion string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := io.Discard
	if os.Getenv("MILLRACE_SHOW") != "" {
		out = os.Stderr
	}
	c, err := cluster.Open(cluster.Config{
		Dir: t.TempDir(), ClusterID: "ZGlmZmVyZW50aWFsLWlkMQ", KafkaVersion: kafkaVersion, Region: "us-east-1", Static: static,
		Brokers: []cluster.Broker{{ID: 1, Listeners: []cluster.Listener{{
			Name: "CLIENT", Net: ln, Host: "127.0.0.1", Port: int32(ln.Addr().(*net.TCPAddr).Port), Authorizer: listener.AllowAll{},
		}}}},
		Log: slog.New(slog.NewTextHandler(out, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// advertised is what a broker says it serves.
func advertised(t *testing.T, address string) map[int16]wire.Range {
	t.Helper()
	s := &session{address: address, serves: map[int16]wire.Range{18: {}}, conns: make(map[string]*conn)}
	defer s.close()
	r := ask[*kmsg.ApiVersionsResponse](s.conn("versions"), "", in(0, kmsg.NewPtrApiVersionsRequest()))
	out := make(map[int16]wire.Range)
	for _, k := range r.ApiKeys {
		out[k.ApiKey] = wire.Range{Key: k.ApiKey, Min: k.MinVersion, Max: k.MaxVersion}
	}
	if len(out) == 0 {
		t.Fatalf("%s says %+v", address, r)
	}
	return out
}

func common(a, b map[int16]wire.Range) map[int16]wire.Range {
	out := make(map[int16]wire.Range)
	for key, x := range a {
		if y, ok := b[key]; ok && max(x.Min, y.Min) <= min(x.Max, y.Max) {
			out[key] = wire.Range{Key: key, Min: max(x.Min, y.Min), Max: min(x.Max, y.Max)}
		}
	}
	return out
}
