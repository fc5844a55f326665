package millracetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/millracetest"
)

// quick are clients that try again soon: what they meet here lasts milliseconds.
func quick(opts ...kgo.Opt) []kgo.Opt {
	return append([]kgo.Opt{
		kgo.MetadataMinAge(10 * time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }),
		kgo.HeartbeatInterval(50 * time.Millisecond), kgo.FetchMaxWait(50 * time.Millisecond),
	}, opts...)
}

// counts is how often each value was seen.
type counts struct {
	mu      sync.Mutex
	seen    map[string]int // guarded by mu
	changed chan struct{}  // capacity 1
}

func newCounts() *counts { return &counts{seen: map[string]int{}, changed: make(chan struct{}, 1)} }

func (c *counts) add(value string) {
	c.mu.Lock()
	c.seen[value]++
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *counts) copy() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.seen)
}

func (c *counts) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

// reach waits until there are n values.
func (c *counts) reach(t *testing.T, what string, n int) {
	t.Helper()
	late := time.After(30 * time.Second)
	for c.len() < n {
		select {
		case <-c.changed:
		case <-late:
			t.Fatalf("%s: %d of %d values", what, c.len(), n)
		}
	}
}

// load produces numbered records, as idempotent producers do, until stop; that
// waits for the last answers. done is what was acknowledged.
func load(t *testing.T, c *millracetest.Cluster, topic string) (done *counts, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	client := c.Client(quick(kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(20), kgo.ProducerLinger(0))...)
	done = newCounts()
	var producing sync.WaitGroup
	producing.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			value := fmt.Sprint(i)
			client.Produce(context.Background(), kgo.StringRecord(value), func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("record %s: %v", value, err)
					return
				}
				done.add(value)
			})
		}
	})
	return done, func() {
		cancel()
		producing.Wait()
		if err := client.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// follow consumes as a member of a group until the test ends.
func follow(t *testing.T, c *millracetest.Cluster, topic, group string) *counts {
	t.Helper()
	client := c.Client(quick(kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	got := newCounts()
	var polling sync.WaitGroup
	polling.Go(func() {
		for {
			f := client.PollFetches(t.Context())
			if f.IsClientClosed() || t.Context().Err() != nil {
				return
			}
			f.EachRecord(func(r *kgo.Record) { got.add(string(r.Value)) })
		}
	})
	t.Cleanup(polling.Wait) // the test's context has ended by then
	return got
}

// inLog reads everything that is in a topic.
func inLog(t *testing.T, c *millracetest.Cluster, topic string) map[string]int {
	t.Helper()
	client := c.Client(quick(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	for err == nil && ends.Error() != nil || err != nil && ctx.Err() == nil { // it may begin with a stopped broker and give up
		ends, err = kadm.NewClient(client).ListEndOffsets(ctx, topic)
	}
	if err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	got := map[string]int{}
	for left > 0 {
		f := client.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) { got[string(r.Value)]++; left-- })
	}
	return got
}

// exactlyOnce checks that the log has each acknowledged value once, and nothing
// twice.
func exactlyOnce(t *testing.T, acknowledged, log map[string]int) {
	t.Helper()
	for v := range acknowledged {
		if log[v] != 1 {
			t.Errorf("acknowledged record %s is in the log %d times", v, log[v])
		}
	}
	for v, n := range log {
		if n > 1 {
			t.Errorf("record %s is in the log %d times", v, n)
		}
	}
	t.Logf("%d records acknowledged, %d in the log", len(acknowledged), len(log))
}

// TestBrokersStopInTurn: an idempotent producer and a consumer group go on while
// the brokers stop and start, one at a time.
//
// Works: brokers stop and start under load: nothing lost, nothing twice, the consumer group goes on
func TestBrokersStopInTurn(t *testing.T) {
	m := millracetest.Start(t)
	c := m.Cluster("c")
	c.CreateTopic("t", 6)
	acknowledged, stop := load(t, c, "t")
	consumed := follow(t, c, "t", "g")
	const stops, records = 12, 100 // between two changes
	n := 0
	for i := range stops {
		id := i%3 + 1
		n = max(n, consumed.len()) + records
		c.StopBroker(id)
		acknowledged.reach(t, fmt.Sprintf("producing without broker %d", id), n)
		consumed.reach(t, fmt.Sprintf("consuming without broker %d", id), n)
		c.StartBroker(id)
		n += records
		consumed.reach(t, fmt.Sprintf("consuming with broker %d again", id), n)
	}
	stop()
	all := acknowledged.copy()
	consumed.reach(t, "consuming the rest", len(all))
	exactlyOnce(t, all, inLog(t, c, "t"))
	groups, err := kadm.NewClient(c.Client()).DescribeGroups(t.Context(), "g")
	if g := groups["g"]; err != nil || g.State != "Stable" || len(g.Members) != 1 {
		t.Errorf("the group after all: %+v, %v", g, err)
	}
}

// TestAnythingGoes does what the seed says to any broker, all of them at once
// and the process included, and then lets everything run again.
func TestAnythingGoes(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := millracetest.Start(t, millracetest.Seed(int64(seed)))
			c := m.Cluster("c")
			c.CreateTopic("t", 6)
			acknowledged, stop := load(t, c, "t")
			consumed := follow(t, c, "t", "g")
			consumed.reach(t, "the beginning", 10) // clients know the brokers before these go
			rng := rand.New(rand.NewPCG(seed, 0))
			for step := range 40 {
				id := rng.IntN(3) + 1
				what := rng.IntN(10)
				switch {
				case what < 3:
					c.StopBroker(id)
				case what < 7:
					c.StartBroker(id)
				case what < 8:
					c.FenceBroker(id)
				case what < 9 && c.BrokerState(id) == "FENCED":
					c.UnfenceBroker(id)
				case step%8 == 0:
					m.Crash()
				}
				running := 0
				for id := range 3 {
					if c.BrokerState(id+1) == "RUNNING" {
						running++
					}
				}
				if running >= 2 { // min.insync.replicas
					acknowledged.reach(t, fmt.Sprintf("step %d with %d brokers", step, running), acknowledged.len()+10)
				}
			}
			for id := range 3 {
				c.StartBroker(id + 1)
			}
			stop()
			all := acknowledged.copy()
			consumed.reach(t, "consuming the rest", len(all))
			exactlyOnce(t, all, inLog(t, c, "t"))
		})
	}
}

// TestMinISR is min.insync.replicas=2, MSK's default, with one replica left.
func TestMinISR(t *testing.T) {
	m := millracetest.Start(t)
	c := m.Cluster("c")
	c.CreateTopic("t", 1)
	producer := func(acks kgo.Acks) *kgo.Client {
		return c.Client(quick(kgo.DefaultProduceTopic("t"), kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())...)
	}
	all, one := producer(kgo.AllISRAcks()), producer(kgo.LeaderAck())
	send := func(cl *kgo.Client, value string) {
		t.Helper()
		if err := cl.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
			t.Errorf("record %s: %v", value, err)
		}
	}
	send(all, "a")
	send(one, "a") // each client knows the brokers before most are gone
	c.StopBroker(1)
	c.StopBroker(2)
	waiting := make(chan error, 1) // acks=all is refused, and tried again
	all.Produce(t.Context(), kgo.StringRecord("b"), func(_ *kgo.Record, err error) { waiting <- err })
	late := time.After(20 * time.Second)
	for one.ProduceSync(t.Context(), kgo.StringRecord("c")).FirstErr() != nil { // it may give up at a stopped broker
		select {
		case <-late:
			t.Fatal("acks=1 with one replica does not get through")
		default:
		}
	}
	if got := inLog(t, c, "t"); len(got) != 1 || got["a"] != 2 {
		t.Errorf("with one replica consumers see %v, want what two replicas have", got)
	}
	select {
	case err := <-waiting:
		t.Errorf("acks=all with one replica: %v", err)
	default:
	}
	c.StartBroker(1)
	if err := <-waiting; err != nil {
		t.Errorf("acks=all with two replicas: %v", err)
	}
	if got := inLog(t, c, "t"); len(got) != 3 || got["b"] != 1 || got["c"] != 1 {
		t.Errorf("with two replicas consumers see %v", got)
	}
	if got := c.BrokerState(1) + " " + c.BrokerState(2) + " " + c.BrokerState(3); got != "RUNNING STOPPED RUNNING" {
		t.Errorf("the brokers are %s", got)
	}
}

// TestPowerCuts: what was acknowledged outlives any number of them.
func TestPowerCuts(t *testing.T) {
	for name, opts := range map[string][]millracetest.Option{
		"memory":    {millracetest.Seed(7)},
		"directory": {millracetest.Directory(t.TempDir())},
	} {
		t.Run(name, func(t *testing.T) {
			m := millracetest.Start(t, opts...)
			c := m.Cluster("c", millracetest.Brokers(2))
			c.CreateTopic("t", 3)
			acknowledged, stop := load(t, c, "t")
			n := 0
			for range 8 {
				n += 100
				acknowledged.reach(t, "producing", n)
				m.Crash()
				n = acknowledged.len()
			}
			acknowledged.reach(t, "producing after the last cut", n+100)
			stop()
			exactlyOnce(t, acknowledged.copy(), inLog(t, c, "t"))
		})
	}
}

// TestEveryWayIn: each authentication, before and after a restart, at the same
// addresses.
func TestEveryWayIn(t *testing.T) {
	dir := t.TempDir()
	m := millracetest.Start(t, millracetest.Directory(dir), millracetest.KafkaVersion("3.9.x"))
	c := m.Cluster("c")
	c.CreateSCRAMUser("alice", "a long secret")
	c.FenceBroker(3)
	ways := map[string][]kgo.Opt{
		"plaintext": c.PlaintextOptions(), "TLS": c.TLSOptions(), "IAM": c.IAMOptions(), "SCRAM": c.SCRAMOptions("alice", "a long secret"),
	}
	ping := func(name string, opts []kgo.Opt) {
		t.Helper()
		cl, err := kgo.NewClient(append(opts, kgo.RetryTimeout(10*time.Second))...)
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		if err := cl.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, opts := range ways {
		ping(name, opts)
	}
	m.Restart()
	for name, opts := range ways {
		ping(name+" after a restart", opts)
	}
	if got := c.BrokerState(3); got != "RUNNING" {
		t.Errorf("a fenced broker is %s after a restart", got)
	}
	out, err := kafka.NewFromConfig(m.AWS()).ListClustersV2(t.Context(), &kafka.ListClustersV2Input{})
	if err != nil || len(out.ClusterInfoList) != 1 || *out.ClusterInfoList[0].ClusterArn != c.ARN() {
		t.Errorf("the API lists %+v, %v", out, err)
	}
	if env := strings.Join(m.Env(), "\n"); !strings.Contains(env, "AWS_ENDPOINT_URL="+m.Endpoint()) {
		t.Errorf("environment:\n%s", env)
	}
	less := m.Cluster("less", millracetest.Serverless())
	if less.Plaintext != "" || strings.Contains(less.IAM, ",") {
		t.Errorf("a serverless cluster has %+v", less)
	}
	less.CreateTopic("t", 1)
}

// TestTheAPIIsClosed: brokers are changed by who has credentials only.
func TestTheAPIIsClosed(t *testing.T) {
	m := millracetest.Start(t)
	resp, err := http.Get(m.Endpoint() + "/_millrace/v1/clusters/x/brokers")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("without a signature: %s %v, %v", resp.Status, body, err)
	}
}
