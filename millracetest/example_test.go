package millracetest_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/millracetest"
)

// A test of what a producer does while a broker is away.
func Example() {
	t, end := begin() // in a test: its *testing.T
	defer end()

	m := millracetest.Start(t, millracetest.Brokers(3))
	c := m.Cluster("orders")
	c.CreateTopic("t", 3)
	client := c.Client(kgo.DefaultProduceTopic("t"))
	c.StopBroker(2)
	err := client.ProduceSync(t.Context(), kgo.StringRecord("hello")).FirstErr()
	fmt.Println("without broker 2:", err)
	c.StartBroker(2)
	fmt.Println("broker 2 is", c.BrokerState(2))
	// Output:
	// without broker 2: <nil>
	// broker 2 is RUNNING
}

// AWS SDK clients reach the same server.
func ExampleMillrace_AWS() {
	t, end := begin()
	defer end()

	m := millracetest.Start(t)
	m.Cluster("orders")
	out, err := kafka.NewFromConfig(m.AWS()).ListClustersV2(t.Context(), &kafka.ListClustersV2Input{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(*out.ClusterInfoList[0].ClusterName, out.ClusterInfoList[0].State)
	// Output: orders ACTIVE
}

// What was acknowledged with acks=all is there after a power cut.
func ExampleMillrace_Crash() {
	t, end := begin()
	defer end()

	m := millracetest.Start(t, millracetest.Seed(42))
	c := m.Cluster("orders")
	c.CreateTopic("t", 1)
	client := c.Client(kgo.DefaultProduceTopic("t"), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err := client.ProduceSync(t.Context(), kgo.StringRecord("kept")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	m.Crash()
	for f := (kgo.Fetches{}); f.NumRecords() == 0; { // the client finds its way back
		f = client.PollFetches(t.Context())
		f.EachRecord(func(r *kgo.Record) { fmt.Println(string(r.Value)) })
	}
	// Output: kept
}

// A client of each authentication.
func ExampleCluster_SCRAMOptions() {
	t, end := begin()
	defer end()

	c := millracetest.Start(t).Cluster("orders")
	c.CreateSCRAMUser("alice", "wonderland")
	client, err := kgo.NewClient(c.SCRAMOptions("alice", "wonderland")...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fmt.Println(client.Ping(t.Context()))
	// Output: <nil>
}

// example is what an example has in place of a *testing.T.
type example struct {
	testing.TB
	ctx      context.Context
	cleanups []func()
}

func begin() (t *example, end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	t = &example{ctx: ctx}
	return t, func() {
		cancel()
		for _, fn := range slices.Backward(t.cleanups) {
			fn()
		}
	}
}

func (t *example) Context() context.Context     { return t.ctx }
func (t *example) Cleanup(fn func())            { t.cleanups = append(t.cleanups, fn) }
func (t *example) Helper()                      {}
func (t *example) Log(...any)                   {}
func (t *example) Logf(string, ...any)          {}
func (t *example) Errorf(f string, args ...any) { fmt.Printf(f+"\n", args...) }
func (t *example) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (t *example) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }
func (t *example) TempDir() string {
	dir, err := os.MkdirTemp("", "millracetest-")
	if err != nil {
		panic(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
