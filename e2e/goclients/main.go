// Command goclients does the work of an application with a Kafka client for Go
// that the product itself does not use. It is a module of its own, so that the
// product's does not require it.
//
//	goclients sarama|kafka-go plain|tls|scram|iam BROKERS USER PASSWORD
//
// The environment is what millrace env prints. Each client makes a topic, asks
// what tools ask, writes 200 records idempotently or with acks=all, and moves
// them to another topic as two members of a group, with sarama in transactions.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	records = 200
	limit   = time.Minute // of the whole
)

// job is what a client is to do, and where.
type job struct {
	way, user, password string
	brokers             []string
	tls                 *tls.Config // nil is plaintext
	from, to, group     string
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 6 {
		log.Fatal("goclients sarama|kafka-go plain|tls|scram|iam BROKERS USER PASSWORD")
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		log.Fatalf("%s over %s: %v", os.Args[1], os.Args[2], err)
	}
	fmt.Println(os.Args[1], os.Args[2], "ok")
}

func run(client string, args []string) error {
	clients := map[string]func(context.Context, job) error{"sarama": runSarama, "kafka-go": runKafkaGo}
	do := clients[client]
	if do == nil {
		return fmt.Errorf("there is no client %s", client)
	}
	name := client + "-" + args[0]
	j := job{
		way: args[0], brokers: strings.Split(args[1], ","), user: args[2], password: args[3],
		from: name + "-from", to: name + "-to", group: name,
	}
	if j.way != "plain" {
		pem, err := os.ReadFile(os.Getenv("MILLRACE_CA_PEM"))
		if err != nil {
			return err
		}
		j.tls = &tls.Config{RootCAs: x509.NewCertPool()}
		j.tls.RootCAs.AppendCertsFromPEM(pem)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return do(ctx, j)
}

// values are what is written.
func (j job) values() []string {
	out := make([]string, records)
	for i := range out {
		out[i] = fmt.Sprintf("%s-%03d", j.group, i)
	}
	return out
}

// check compares what was read with what was written, each once.
func (j job) check(got []string) error {
	want := j.values()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return fmt.Errorf("read %d records, want %d: %q", len(got), len(want), got[:min(len(got), 5)])
	}
	return nil
}
