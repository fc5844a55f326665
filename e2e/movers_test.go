//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/e2e/clients"
)

// Movers are applications of foreign clients that do the same work: they make
// topics, ask what tools ask, write records idempotently, and move them to
// another topic in transactions, as two members of a group of which the second
// comes later. What has arrived must be what was sent, each record once. More
// pairs of clients and ways are in the long form (MILLRACE_CONFORMANCE).

// mover is one of them: a name that ends in a way, and how it runs.
type mover struct {
	name string
	run  func(c *cluster, name string) error
}

// move runs movers side by side on one cluster of Kafka 4.1.
func move(t *testing.T, movers ...mover) {
	t.Parallel()
	c := start(t).clusterOf("movers", "4.1.x.kraft")
	c.addUserOver("plain")
	t.Run("together", func(t *testing.T) { // returns when all of them have
		for _, m := range movers {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				if err := m.run(c.in(t), m.name); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

// program is a mover's command line, with what every mover is told at its end.
func (c *cluster) program(name string, args ...string) error {
	out, words, err := c.exec("", args[0], append(args[1:], c.bootstrapOf(name), scramUser, scramPassword)...)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, out, words)
	}
	return nil
}

// TestGoMovers shows it.
//
// Works: sarama 1.61.1 (group with a rebalance, transactions, admin) over SCRAM and IAM, segmentio/kafka-go 0.4.51 (group, admin, offsets in a transaction) over TLS and IAM
func TestGoMovers(t *testing.T) {
	program := filepath.Join(t.TempDir(), "goclients")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "goclients", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(c *cluster, name string) error {
		at := strings.LastIndexByte(name, '-')
		return c.program(name, program, name[:at], name[at+1:])
	}
	movers := []mover{{"sarama-iam", run}, {"kafka-go-tls", run}, {"kafka-go-iam", run}}
	if whole() {
		movers = append(movers, mover{"sarama-scram", run}, mover{"sarama-tls", run}, mover{"kafka-go-scram", run})
	}
	move(t, movers...)
}

// TestPythonMovers shows it: testdata/groups.py.
//
// Works: aiokafka 0.14.0 over SCRAM and IAM, confluent-kafka 2.16.1 (librdkafka) with both group protocols over SCRAM and IAM: transactions, rebalances, admin
func TestPythonMovers(t *testing.T) {
	bin, err := cache(t).Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run := func(c *cluster, name string) error {
		return c.program(name, filepath.Join(bin, "python"), "testdata/groups.py", name)
	}
	movers := []mover{{"aiokafka-scram", run}, {"confluent-scram", run}}
	if whole() {
		movers = append(movers, mover{"aiokafka-iam", run}, mover{"confluent-iam", run}, mover{"confluent-848-scram", run}, mover{"confluent-848-iam", run})
	}
	move(t, movers...)
}

// TestJavaMovers shows it: testdata/java/Mover.java.
//
// Works: Java kafka-clients 2.8.1 and 4.4.0, the oldest and the newest, over SCRAM and IAM, the newest with both group protocols: transactions, rebalances, admin
func TestJavaMovers(t *testing.T) {
	run := func(set string, member ...string) func(*cluster, string) error {
		return func(c *cluster, name string) error { return c.javaMover(set, name, member...) }
	}
	movers := []mover{{"old-scram", run("clients-2.8.1")}, {"new-848-iam", run("clients-4.4.0", "group.protocol=consumer")}}
	if whole() {
		movers = append(movers, mover{"new-scram", run("clients-4.4.0")})
	}
	move(t, movers...)
}

func (c *cluster) javaMover(set, name string, member ...string) error {
	t := c.t
	source, err := os.ReadFile(filepath.Join("testdata", "java", "Mover.java"))
	if err != nil {
		return err
	}
	jar, err := cache(t).Compile(t.Context(), set, "Mover", string(source))
	if err != nil {
		return err
	}
	properties := clientProperties
	if strings.HasSuffix(name, "-scram") {
		properties = strings.Replace(scramProperties, "PASSWORD", scramPassword, 1)
	}
	ctx, cancel := context.WithTimeout(t.Context(), toolTime)
	defer cancel()
	_, _, err = cache(t).Java(ctx, clients.JavaTool{
		Set: set, Jar: jar, Class: "Mover", Env: c.environ(),
		Args: append([]string{c.bootstrapOf(name), writeFile(t, "client.properties", properties), name}, member...),
	})
	return err
}
