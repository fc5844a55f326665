//go:build e2e

package differential

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
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
	log       []*exchange
	addresses []string // of its brokers
	missing   int16    // the key that the broker does not serve and the script needs
	broke     string   // the panic of a script that met an answer it cannot go on with
}

// TestDifferential shows it.
//
// Works: answers field by field as Apache Kafka's, to scripts of valid and invalid requests in every version
func TestDifferential(t *testing.T) {
	version, msk := releases(t)
	k, m := startKafka(t, version), startMillrace(t, msk)
	runScripts(t, version, "accepted.txt", scripts(), k, m)
}

// releases are the release of Apache Kafka that is compared, and its kafkaVersion.
func releases(t *testing.T) (version, msk string) {
	t.Helper()
	version = os.Getenv("MILLRACE_KAFKA")
	if version == "" {
		version = defaultKafka
	}
	msk, ok := mskVersions[version]
	if !ok {
		t.Fatalf("MILLRACE_KAFKA=%s is none of those that are compared", version)
	}
	return version, msk
}

// runScripts runs scripts on both sides at the same time and reports what
// differs and is not accepted.
func runScripts(t *testing.T, version, file string, all []script, kafka, millrace target) {
	t.Helper()
	lines, err := accepted(file, version)
	if err != nil {
		t.Fatal(err)
	}
	kafka.serves, millrace.serves = advertised(t, kafka), advertised(t, millrace)
	both := common(kafka.serves, millrace.serves)
	var total counts
	for _, sc := range all {
		t.Run(strings.ReplaceAll(sc.name, " ", "_"), func(t *testing.T) {
			var k, m side
			var running sync.WaitGroup
			running.Go(func() { k = run(sc, kafka, both) })
			running.Go(func() { m = run(sc, millrace, both) })
			running.Wait()
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
			if k.broke != "" && k.broke == m.broke {
				t.Errorf("the script ends early on both sides: %s", k.broke)
			}
		})
	}
	t.Logf("Kafka %s: %d scripts, %d requests: %d answers equal, %d with accepted differences, %d different, %d waiting for keys that are not served",
		version, total.scripts, total.requests, total.equal, total.accepted, total.different, total.waiting)
	if total.scripts < len(all) {
		return // chosen with -run
	}
	for _, a := range lines {
		if a.must && !a.used {
			t.Errorf("%s:%d matches no difference any more: remove it (%s)", file, a.line, a.reason)
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
func run(sc script, on target, both map[int16]wire.Range) (out side) {
	s := &session{target: on, ranges: both, prefix: strings.NewReplacer(" ", "-", "'", "").Replace(sc.name), conns: make(map[string]*conn)}
	defer s.close()
	defer func() {
		out.log, out.addresses = s.log, on.addresses
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
	s := newSymbols(k.addresses)
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

func startKafka(t *testing.T, version string) target {
	t.Helper()
	k, err := javaClients(t).StartKafka(t.Context(), "kafka-"+version, t.TempDir(), properties(version, static), formats[version]...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Stop(); err != nil {
			t.Error(err)
		}
	})
	waitForBrokers(t, k.Address)
	return target{addresses: []string{k.Address}}
}

func javaClients(t *testing.T) *clients.Cache {
	t.Helper()
	cache, err := clients.Open(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return cache
}

// properties are those of a broker of Apache Kafka beside some that Millrace has
// too.
func properties(version string, shared map[string]string) map[string]string {
	out := maps.Clone(shared)
	maps.Copy(out, kafkaOnly)
	out["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
	if strings.HasPrefix(version, "2.") {
		out["authorizer.class.name"] = "kafka.security.authorizer.AclAuthorizer"
	}
	return out
}

// waitForBrokers waits until each broker's metadata has them all.
func waitForBrokers(t *testing.T, addresses ...string) {
	t.Helper()
	s := &session{target: target{addresses: addresses, serves: map[int16]wire.Range{3: {}}}, conns: make(map[string]*conn)}
	defer s.close()
	for i, address := range addresses {
		req := kmsg.NewPtrMetadataRequest()
		req.Topics = []kmsg.MetadataRequestTopic{}
		r := until(s.at(int32(i+1), "start"), "", in(1, req), func(r *kmsg.MetadataResponse) bool { return len(r.Brokers) == len(addresses) })
		if len(r.Brokers) != len(addresses) {
			t.Fatalf("the broker at %s knows %d brokers, want %d", address, len(r.Brokers), len(addresses))
		}
	}
}

// startMillrace opens a cluster of one broker.
func startMillrace(t *testing.T, kafkaVersion string) target {
	t.Helper()
	on, _ := openMillrace(t, kafkaVersion, static, "")
	return on
}

// openMillrace opens a cluster with a broker for each of the racks, each with a
// plaintext listener.
func openMillrace(t *testing.T, kafkaVersion string, static map[string]string, racks ...string) (target, *cluster.Cluster) {
	t.Helper()
	out := io.Discard
	if os.Getenv("MILLRACE_SHOW") != "" {
		out = os.Stderr
	}
	cfg := cluster.Config{
		Dir: t.TempDir(), ClusterID: "ZGlmZmVyZW50aWFsLWlkMQ", KafkaVersion: kafkaVersion, Region: "us-east-1", Static: static,
		Log: slog.New(slog.NewTextHandler(out, nil)),
	}
	var on target
	for i, rack := range racks {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		on.addresses = append(on.addresses, ln.Addr().String())
		cfg.Brokers = append(cfg.Brokers, cluster.Broker{ID: int32(i + 1), Rack: rack, Listeners: []cluster.Listener{{
			Name: "CLIENT", Net: ln, Host: "127.0.0.1", Port: int32(ln.Addr().(*net.TCPAddr).Port), Authorizer: listener.AllowAll{},
		}}})
	}
	c, err := cluster.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return on, c
}

// advertised is what the first broker says it serves.
func advertised(t *testing.T, on target) map[int16]wire.Range {
	t.Helper()
	on.serves = map[int16]wire.Range{18: {}}
	s := &session{target: on, conns: make(map[string]*conn)}
	defer s.close()
	r := ask[*kmsg.ApiVersionsResponse](s.conn("versions"), "", in(0, kmsg.NewPtrApiVersionsRequest()))
	out := make(map[int16]wire.Range)
	for _, k := range r.ApiKeys {
		out[k.ApiKey] = wire.Range{Key: k.ApiKey, Min: k.MinVersion, Max: k.MaxVersion}
	}
	if len(out) == 0 {
		t.Fatalf("%s says %+v", on.addresses[0], r)
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
