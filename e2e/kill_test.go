//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	killTopic      = "killed"
	killPartitions = 6
	killGroup      = "killed-group"
)

// TestKill: after kill -9 at any moment every acknowledged record, committed
// offset and topic is there, and no record twice.
//
// Works: kill -9 fifty times under load: no acknowledged record lost, none twice, offsets kept
func TestKill(t *testing.T) {
	k := newKiller(t)
	cycles := 50
	if n, err := strconv.Atoi(os.Getenv("MILLRACE_KILLS")); err == nil {
		cycles = n
	}
	k.run(cycles)
	lost, twice, acked := k.verify()
	if lost > 0 || twice > 0 || acked == 0 {
		t.Errorf("%d of %d acknowledged records lost, %d records twice", lost, acked, twice)
	}
	t.Logf("%d kills: %d acknowledged records, none lost, none twice; %d topics, offset %d", cycles, acked, len(k.topics), k.committed)
}

// TestKillControl: a server that forgets producers' state at start must be
// caught with records twice.
func TestKillControl(t *testing.T) {
	k := newKiller(t, "--forget-producers")
	for round := range 5 {
		k.run(10)
		if _, twice, acked := k.verify(); twice > 0 {
			t.Logf("caught: %d records twice of %d acknowledged, after %d kills", twice, acked, (round+1)*10)
			return
		}
	}
	t.Error("a server without producer state was not caught: the test sees nothing")
}

// killer is a server under load that is killed again and again.
type killer struct {
	t   *testing.T
	c   *cluster
	rng *rand.Rand

	mu        sync.Mutex
	acked     map[string]position // guarded by mu
	failed    []error             // records that a producer gave up; guarded by mu
	topics    map[string]bool     // whose creation was acknowledged; guarded by mu
	committed int64               // the last group offset that was acknowledged
	next      int                 // number of the last producer or topic; guarded by mu
}

type position struct {
	partition int32
	offset    int64
}

func newKiller(t *testing.T, flags ...string) *killer {
	t.Helper()
	// Ports that nobody is likely to take while the server is dead: above those
	// that other servers choose first, below those of outgoing connections.
	first := 25000 + rand.IntN(230)*30
	flags = append(flags, "--broker-ports", fmt.Sprintf("%d-%d", first, first+29))
	k := &killer{
		t: t, c: start(t, flags...).cluster("killed"), rng: rand.New(rand.NewPCG(1, 2)),
		acked: make(map[string]position), topics: make(map[string]bool),
	}
	if _, err := kadm.NewClient(k.c.franz("plain")).CreateTopic(t.Context(), killPartitions, 3, nil, killTopic); err != nil {
		t.Fatal(err)
	}
	return k
}

// quickly makes a client that does not sit out its backoff.
func quickly() []kgo.Opt {
	return []kgo.Opt{
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
		kgo.MetadataMinAge(20 * time.Millisecond), kgo.RequestRetries(1000), kgo.RecordDeliveryTimeout(time.Minute),
	}
}

// run kills and restarts the server under the load of three idempotent
// producers, which live through all of it.
func (k *killer) run(cycles int) {
	ctx, cancel := context.WithCancel(k.t.Context())
	var load sync.WaitGroup
	for range 3 {
		client := k.c.franz("plain", append(quickly(), kgo.DefaultProduceTopic(killTopic), kgo.ProducerLinger(0), kgo.MaxBufferedRecords(100))...)
		k.mu.Lock()
		k.next++
		name := k.next
		k.mu.Unlock()
		load.Go(func() { k.produce(ctx, client, name) })
	}
	admin := kadm.NewClient(k.c.franz("plain", quickly()...))
	for cycle := range cycles {
		if cycle%5 < 4 { // the fifth kill may come before recovery has ended
			k.commit(k.committed + 1)
			load.Go(func() { k.createTopic(ctx, admin) })
		}
		time.Sleep(time.Duration(50+k.rng.IntN(200)) * time.Millisecond) // the moment of the kill is the test
		k.c.kill()
		k.c.run()
	}
	k.c.connect()
	cancel()
	load.Wait()
}

// produce sends numbered records, and flushes at the end.
func (k *killer) produce(ctx context.Context, client *kgo.Client, name int) {
	for i := 0; ctx.Err() == nil; i++ {
		value := fmt.Sprintf("%d-%d", name, i)
		client.Produce(k.t.Context(), kgo.StringRecord(value), func(r *kgo.Record, err error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			if err != nil {
				k.failed = append(k.failed, fmt.Errorf("%s: %w", value, err))
				return
			}
			k.acked[value] = position{r.Partition, r.Offset}
		})
	}
	ctx, cancel := context.WithTimeout(k.t.Context(), time.Minute)
	defer cancel()
	if err := client.Flush(ctx); err != nil {
		k.t.Errorf("flush of producer %d: %v", name, err)
	}
}

// createTopic makes a topic, which a kill may prevent, and remembers it once it
// is acknowledged.
func (k *killer) createTopic(ctx context.Context, admin *kadm.Client) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	k.mu.Lock()
	k.next++
	name := fmt.Sprintf("made-%d", k.next)
	k.mu.Unlock()
	if _, err := admin.CreateTopic(ctx, 1, 3, nil, name); err == nil {
		k.mu.Lock()
		k.topics[name] = true
		k.mu.Unlock()
	}
}

// commit commits a group offset and remembers it once it is acknowledged.
func (k *killer) commit(offset int64) {
	ctx, cancel := context.WithTimeout(k.t.Context(), 30*time.Second)
	defer cancel()
	var offsets kadm.Offsets
	offsets.AddOffset(killTopic, 0, offset, -1)
	client := k.c.franz("plain", quickly()...)
	defer client.Close()
	if err := kadm.NewClient(client).CommitAllOffsets(ctx, killGroup, offsets); err != nil {
		k.t.Errorf("commit %d: %v", offset, err)
		return
	}
	k.committed = offset
}

// verify reads everything and counts acknowledged records that are not at their
// place, and records that are there twice.
func (k *killer) verify() (lost, twice, acked int) {
	t := k.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := k.c.franz("plain", kgo.ConsumeTopics(killTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, killTopic)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	ends.Each(func(o kadm.ListedOffset) { want += int(o.Offset) })
	seen := make(map[string][]position)
	for n := 0; n < want && ctx.Err() == nil; {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			n++
			seen[string(r.Value)] = append(seen[string(r.Value)], position{r.Partition, r.Offset})
		})
	}
	for _, at := range seen {
		if len(at) > 1 {
			twice++
		}
	}
	for value, at := range k.acked {
		if got := seen[value]; len(got) == 0 || got[0] != at {
			lost++
		}
	}
	offsets, err := admin.FetchOffsets(ctx, killGroup)
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := offsets.Lookup(killTopic, 0); !ok || o.At != k.committed {
		t.Errorf("the group's committed offset is %d, acknowledged was %d", o.At, k.committed)
	}
	k.verifyTopics(ctx, admin)
	if len(k.failed) > 0 {
		t.Errorf("%d records failed, first %v", len(k.failed), k.failed[0])
	}
	return lost, twice, len(k.acked)
}

// verifyTopics looks for every topic whose creation was acknowledged.
func (k *killer) verifyTopics(ctx context.Context, admin *kadm.Client) {
	k.t.Helper()
	there, err := admin.ListTopics(ctx)
	if err != nil {
		k.t.Fatal(err)
	}
	if len(k.topics) == 0 {
		k.t.Error("no creation of a topic was acknowledged: the load did not run")
	}
	for name := range k.topics {
		if !there.Has(name) {
			k.t.Errorf("the creation of %s was acknowledged, and it is not there", name)
		}
	}
}
