//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	embedded "github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/listener"
)

// wholeVariable asks for the long forms of conformance tests: as many records
// as the suites' authors have chosen, and every kind of listener.
const wholeVariable = "MILLRACE_CONFORMANCE"

const (
	kgoPackage = "github.com/twmb/franz-go/pkg/kgo"
	kgoTime    = 15 * time.Minute // of one run of the suite
	kgoRecords = "10000"          // of the short form
	kgoNoTLS   = "^TestIssue769$" // brings a dialer of its own, to which the suite then cannot add TLS
)

func whole() bool { return os.Getenv(wholeVariable) != "" }

// kgoSuite is franz-go's integration suite, compiled.
type kgoSuite struct {
	program string
	dir     string // the package's: a test reads its sources
}

func newKgoSuite(t *testing.T) kgoSuite {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", kgoPackage)
	dir, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	s := kgoSuite{program: filepath.Join(t.TempDir(), "kgo.test"), dir: strings.TrimSpace(string(dir))}
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", s.program, kgoPackage).CombinedOutput(); err != nil {
		t.Fatalf("go test -c %s: %v\n%s", kgoPackage, err, out)
	}
	return s
}

var (
	kgoResult = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+)`)
	// Share groups (KIP-932) are not served, and so not announced; and Kafka 4.1
	// too says that it takes the old produce requests that one test wants refused.
	kgoMaySkip = regexp.MustCompile(`^(TestShareGroup.*|TestConsumeRegexShareSkipsInternal|TestIssueProduceBrokerTooOldFailsRecords)$`)
	kgoScram   = regexp.MustCompile(`^TestSCRAMAuth`)
)

// run runs the suite's tests that match (all when it is empty) but for those
// that match without, and reports what fails or is skipped without a reason.
func (s kgoSuite) run(t *testing.T, match, without, seeds string, env ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kgoTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, "-test.v", "-test.timeout", kgoTime.String(), "-test.run", match, "-test.skip", without)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "KGO_SEEDS="+seeds, "KGO_TEST_RF=3", "KGO_LOG_LEVEL=none")
	if !whole() {
		cmd.Env = append(cmd.Env, "KGO_TEST_RECORDS="+kgoRecords)
	}
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	passed := 0
	for _, m := range kgoResult.FindAllStringSubmatch(string(out), -1) {
		scram := kgoScram.MatchString(m[2]) && match == ""
		switch {
		case m[1] == "PASS":
			passed++
		case m[1] == "FAIL", !kgoMaySkip.MatchString(m[2]) && !scram:
			t.Errorf("%s: %s", m[1], m[2])
		}
	}
	if err != nil || passed == 0 || t.Failed() {
		t.Errorf("the suite: %v; %d tests have passed\n%s", err, passed, out[max(0, len(out)-64<<10):])
	}
	t.Logf("%d tests have passed", passed)
}

// TestKgoSuite shows it: short, or with MILLRACE_CONFORMANCE whole and over
// TLS and on connections that break all the time too.
//
// Works: franz-go's own integration suite, unmodified: groups, KIP-848, transactions, regular expressions, purges
func TestKgoSuite(t *testing.T) {
	suite := newKgoSuite(t)
	c := start(t).clusterOf("kgo", "4.1.x.kraft")
	t.Run("plaintext", func(t *testing.T) { suite.run(t, "", "", c.plain) })
	t.Run("scram", func(t *testing.T) {
		seeds := scramCluster(t, "suite", "suite-secret")
		suite.run(t, "^TestSCRAMAuth", "", seeds, "KGO_TEST_SCRAM_SEEDS="+seeds, "KGO_TEST_SCRAM=suite:suite-secret")
	})
	if !whole() {
		return
	}
	t.Run("tls", func(t *testing.T) { suite.run(t, "", kgoNoTLS, c.tls, "KGO_TEST_TLS=ca:"+c.env["MILLRACE_CA_PEM"]) })
	t.Run("breaking connections", func(t *testing.T) { suite.run(t, "^TestGroupETL$", "", c.plain, "KGO_TEST_CHAOS=1") })
}

// scramCluster is a broker that takes SCRAM without TLS, as the suite wants it
// and MSK has it not, and a user of it.
func scramCluster(t *testing.T, user, password string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string, ln net.Listener, mechanisms ...string) embedded.Listener {
		return embedded.Listener{Name: name, Net: ln, Host: "127.0.0.1", Port: int32(ln.Addr().(*net.TCPAddr).Port), Mechanisms: mechanisms, Authorizer: listener.AllowAll{}}
	}
	c, err := embedded.Open(embedded.Config{
		Dir: t.TempDir(), ClusterID: "e2eAAAAAAAAAAAAAAAAAAA", KafkaVersion: "4.1.x.kraft", Region: "us-east-1",
		Brokers: []embedded.Broker{{ID: 1, Listeners: []embedded.Listener{
			at("CLIENT", plain), at("CLIENT_SASL_SCRAM", ln, "SCRAM-SHA-256", "SCRAM-SHA-512"),
		}}},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	client, err := kgo.NewClient(kgo.SeedBrokers(plain.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	result, err := kadm.NewClient(client).AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{
		{User: user, Mechanism: kadm.ScramSha256, Iterations: 4096, Password: password},
	})
	if err == nil {
		err = result.Error()
	}
	if err != nil {
		t.Fatal(fmt.Errorf("a user of SCRAM: %w", err))
	}
	return ln.Addr().String()
}
