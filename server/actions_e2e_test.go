//go:build e2e

package server

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/e2e/clients"
	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/kafka/listener"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/actions.golden anew")

const goldenARN = "arn:aws:kafka:us-east-1:000000000000:cluster/golden/11111111-2222-3333-4444-555555555555-1"

// recorder allows everything and notes what was asked, as IAM sees it.
type recorder struct {
	mu    sync.Mutex
	asked map[string]bool // guarded by mu
}

func (r *recorder) Authorize(_ context.Context, _ *listener.Session, ops []listener.Operation, out []bool) {
	a := wireAuthorizer{cluster: goldenARN}
	r.mu.Lock()
	defer r.mu.Unlock()
	everything := asksEverything(ops)
	for i, op := range ops {
		if out[i] = true; everything {
			continue
		}
		action, ok := actionOf(op)
		if !ok {
			action = fmt.Sprintf("(none for %s on %s)", op.Op, op.Resource)
		}
		r.asked[action+" "+a.resource(op)] = true
	}
}

// asksEverything reports whether the question is what the caller may do to a
// resource at all (KIP-430), which takes no right: no request needs three.
func asksEverything(ops []listener.Operation) bool {
	kinds := make(map[listener.Operation]int)
	for _, op := range ops {
		op.Op = ops[0].Op
		if kinds[op]++; kinds[op] >= 3 {
			return true
		}
	}
	return false
}

// take returns what was asked since the last call, sorted.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for line := range r.asked {
		out = append(out, line)
	}
	r.asked = make(map[string]bool)
	slices.Sort(out)
	return out
}

// TestActionsOfJavaTools runs Kafka's own tools and compares the IAM actions and
// resources that each needs with a golden file: what a user's policy must allow.
//
// Works: the IAM actions that each Java tool needs
func TestActionsOfJavaTools(t *testing.T) {
	cache, err := clients.Open(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{asked: make(map[string]bool)}
	bootstrap := openRecorded(t, r)
	tools := "org.apache.kafka.tools."
	topic := func(args ...string) []string { return append([]string{tools + "TopicCommand"}, args...) }
	var got strings.Builder
	for _, step := range []struct {
		name  string
		args  []string
		stdin string
	}{
		{"kafka-topics --create", topic("--create", "--topic", "flights", "--partitions", "1"), ""},
		{"kafka-topics --list", topic("--list"), ""},
		{"kafka-topics --describe", topic("--describe", "--topic", "flights"), ""},
		{"kafka-topics --alter", topic("--alter", "--topic", "flights", "--partitions", "2"), ""},
		{"kafka-configs --describe", []string{"kafka.admin.ConfigCommand", "--describe", "--topic", "flights"}, ""},
		{"kafka-configs --alter", []string{"kafka.admin.ConfigCommand", "--alter", "--topic", "flights", "--add-config", "retention.ms=3600000"}, ""},
		{"kafka-console-producer", []string{tools + "ConsoleProducer", "--topic", "flights"}, "one\ntwo\n"},
		{"kafka-console-consumer", []string{tools + "consumer.ConsoleConsumer", "--topic", "flights", "--group", "g", "--from-beginning", "--max-messages", "2", "--timeout-ms", "20000"}, ""},
		{"kafka-consumer-groups --list", []string{tools + "consumer.group.ConsumerGroupCommand", "--list"}, ""},
		{"kafka-consumer-groups --describe", []string{tools + "consumer.group.ConsumerGroupCommand", "--describe", "--group", "g"}, ""},
		{"kafka-get-offsets", []string{tools + "GetOffsetShell", "--topic", "flights"}, ""},
		{"kafka-consumer-groups --delete", []string{tools + "consumer.group.ConsumerGroupCommand", "--delete", "--group", "g"}, ""},
		{"kafka-topics --delete", topic("--delete", "--topic", "flights"), ""},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, _, err := cache.Java(ctx, clients.JavaTool{
			Set: "tools-4.3.1", Class: step.args[0], Args: append([]string{"--bootstrap-server", bootstrap}, step.args[1:]...), Stdin: step.stdin,
		})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%s\n", step.name)
		for _, line := range r.take() {
			fmt.Fprintf(&got, "  %s\n", line)
		}
	}
	golden := filepath.Join("testdata", "actions.golden")
	if *rewrite {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the tools asked for\n%s\nand not, as %s says, for\n%s", got.String(), golden, want)
	}
}

// openRecorded starts a plaintext cluster that notes what is asked of it.
func openRecorded(t *testing.T, r *recorder) (bootstrap string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Open(cluster.Config{
		Dir: t.TempDir(), ClusterID: clusterID(goldenARN), KafkaVersion: "4.1.x.kraft", Region: "us-east-1",
		Static: map[string]string{"auto.create.topics.enable": "false"}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Brokers: []cluster.Broker{{ID: 1, Rack: "use1-az1", Listeners: []cluster.Listener{{
			Name: "CLIENT", Net: ln, Host: "127.0.0.1", Port: int32(portOf(ln)), Authorizer: r,
		}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return ln.Addr().String()
}
