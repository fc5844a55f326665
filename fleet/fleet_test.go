package fleet_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/store"
)

var caller = model.Caller{Account: "123456789012", Region: "eu-west-1"}

func clusters(t *testing.T) *msk.Service {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return msk.New(msk.Config{
		Store: st, Random: rand.Reader, Now: time.Now,
		Subnet: func(_ context.Context, _ model.Caller, id string) (msk.Subnet, bool, error) {
			return msk.Subnet{Zone: "zone-" + id, ZoneID: "id-" + id, VPC: "vpc"}, true, nil
		},
	})
}

func create(t *testing.T, s *msk.Service, name string) string {
	t.Helper()
	out, err := s.CreateCluster(t.Context(), caller, &kafka.CreateClusterRequest{
		ClusterName: &name, KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(2)),
		BrokerNodeGroupInfo: &kafka.BrokerNodeGroupInfo{ClientSubnets: []string{"a", "b"}, InstanceType: new("kafka.m5.large")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ClusterArn
}

func remove(t *testing.T, s *msk.Service, arn string) {
	t.Helper()
	if _, err := s.DeleteCluster(t.Context(), caller, &kafka.DeleteClusterRequest{ClusterArn: &arn}); err != nil {
		t.Fatal(err)
	}
}

func reboot(t *testing.T, s *msk.Service, arn string) (operation string) {
	t.Helper()
	out, err := s.RebootBroker(t.Context(), caller, &kafka.RebootBrokerRequest{ClusterArn: &arn, BrokerIds: []string{"1"}})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ClusterOperationArn
}

// await waits until the states of all clusters by name read as wanted.
func await(t *testing.T, s *msk.Service, want string) {
	t.Helper()
	changed, cancel := s.Watch()
	defer cancel()
	for {
		all, err := s.Wanted(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var states []string
		for _, w := range all {
			states = append(states, w.Name+"="+string(w.State))
		}
		got := strings.Join(states, " ")
		if got == want {
			return
		}
		select {
		case <-changed:
		case <-time.After(time.Hour): // in the bubble's time
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// machines is the Driver of these tests: the brokers that run, which a killed
// fleet leaves running.
type machines struct {
	at func(point string, s string) error // called at each point of a call; may fail it

	mu      sync.Mutex
	running map[string]int // calls of Ensure by ARN of what runs
	busy    map[string]bool
	most    int // clusters worked on at a time
}

func newMachines(at func(point, arn string) error) *machines {
	return &machines{at: at, running: map[string]int{}, busy: map[string]bool{}}
}

// enter checks that a cluster is worked on once at a time.
func (m *machines) enter(arn string) (leave func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy[arn] {
		panic("two workers at " + arn)
	}
	m.busy[arn] = true
	m.most = max(m.most, len(m.busy))
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.busy, arn)
	}
}

func (m *machines) Ensure(ctx context.Context, s fleet.Spec) (fleet.Observed, error) {
	defer m.enter(s.ARN)()
	if err := errors.Join(m.at("before ensure", s.ARN), ctx.Err()); err != nil {
		return fleet.Observed{}, err
	}
	m.mu.Lock()
	m.running[s.ARN]++
	m.mu.Unlock()
	var o fleet.Observed
	for _, b := range s.Brokers {
		at := map[string]string{}
		for _, l := range s.Listeners {
			at[l] = fmt.Sprintf("127.0.0.%d:9094", b.ID)
		}
		o.Brokers = append(o.Brokers, fleet.ObservedBroker{ID: b.ID, Endpoints: at})
	}
	return o, m.at("after ensure", s.ARN)
}

func (m *machines) Remove(ctx context.Context, arn string) error {
	defer m.enter(arn)()
	if err := errors.Join(m.at("before remove", arn), ctx.Err()); err != nil {
		return err
	}
	m.mu.Lock()
	delete(m.running, arn)
	m.mu.Unlock()
	return m.at("after remove", arn)
}

func (m *machines) arns() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.running))
}

// start runs a fleet; stop kills it and waits.
func start(t *testing.T, s *msk.Service, d fleet.Driver) (stop func()) {
	return startWith(t, fleet.Config{Clusters: s, Driver: d})
}

func startWith(t *testing.T, cfg fleet.Config) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Log = slog.New(slog.DiscardHandler)
	f := fleet.New(cfg)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = f.Run(ctx)
	}()
	return func() { cancel(); <-ended }
}

func fine(string, string) error { return nil }

func TestClustersComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := clusters(t), newMachines(fine)
		a := create(t, s, "a")
		stop := start(t, s, m)
		await(t, s, "a=ACTIVE")
		b := create(t, s, "b")
		await(t, s, "a=ACTIVE b=ACTIVE")
		remove(t, s, a)
		await(t, s, "b=ACTIVE")
		stop()
		if got := m.arns(); !slices.Equal(got, []string{b}) {
			t.Errorf("what runs after the fleet stopped: %v", got)
		}
		m.running = map[string]int{} // the host restarts
		stop = start(t, s, m)
		synctest.Wait()
		if got := m.arns(); !slices.Equal(got, []string{b}) {
			t.Errorf("what runs after the host restarted: %v", got)
		}
		stop()
	})
}

// The fleet is killed at the n-th point of its driver's calls, for every n, and
// a new one finishes what it left.
func TestKilledAtEveryPoint(t *testing.T) {
	for n, killed := 1, true; killed; n++ {
		killed = false
		synctest.Test(t, func(t *testing.T) {
			s := clusters(t)
			points, kill := 0, make(chan struct{})
			var mu sync.Mutex
			m := newMachines(func(string, string) error {
				mu.Lock()
				points++
				now := points == n
				mu.Unlock()
				if now {
					kill <- struct{}{} // and the step goes on: a kill does not wait
				}
				return nil
			})
			stop := start(t, s, m)
			done := make(chan struct{})
			go func() { // restarts the fleet once
				defer close(done)
				select {
				case <-kill:
					killed = true
					stop()
					stop = start(t, s, m)
				case <-t.Context().Done():
				}
			}()
			gone := create(t, s, "gone")
			kept := create(t, s, "kept")
			await(t, s, "gone=ACTIVE kept=ACTIVE")
			remove(t, s, gone)
			await(t, s, "kept=ACTIVE")
			reboot(t, s, kept)
			await(t, s, "kept=ACTIVE")
			synctest.Wait()
			if killed {
				<-done
			}
			stop()
			if got := m.arns(); !slices.Equal(got, []string{kept}) {
				t.Errorf("killed at point %d: what runs is %v", n, got)
			}
		})
		if n > 50 {
			t.Fatal("the points do not end")
		}
	}
}

// A cluster that fails is looked at at once; one that fails over and over waits
// longer each time.
func TestFailedClustersAreLookedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var looks []time.Duration
		began, s := time.Now(), clusters(t)
		m := newMachines(func(point, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			if point == "before ensure" {
				looks = append(looks, time.Since(began))
			}
			return nil
		})
		failed := make(chan string)
		stop := startWith(t, fleet.Config{Clusters: s, Driver: m, Failed: failed, Resync: time.Hour})
		defer stop()
		a := create(t, s, "a")
		await(t, s, "a=ACTIVE")
		time.Sleep(10 * time.Second) // the bubble's time
		for range 3 {
			failed <- a
			time.Sleep(5 * time.Second)
		}
		failed <- "arn:of:nobody"
		time.Sleep(5 * time.Minute)
		failed <- a
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if got, want := fmt.Sprint(looks), "[0s 10s 16s 22s 5m25s]"; got != want {
			t.Errorf("looked at %s, want %s", got, want)
		}
	})
}

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fail error
		var mu sync.Mutex
		set := func(err error) { mu.Lock(); defer mu.Unlock(); fail = err }
		var attempts []time.Duration
		began := time.Now()
		m := newMachines(func(point, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			if point == "before ensure" {
				attempts = append(attempts, time.Since(began))
			}
			if point == "before ensure" || point == "before remove" {
				return fail
			}
			return nil
		})
		s := clusters(t)
		stop := start(t, s, m)
		defer func() { stop() }()

		set(errors.New("no port yet"))
		a := create(t, s, "a")
		for range 3 {
			synctest.Wait()
			time.Sleep(2 * time.Second) // the bubble's time
		}
		await(t, s, "a=CREATING")
		set(nil)
		await(t, s, "a=ACTIVE")
		mu.Lock()
		if got, want := fmt.Sprint(attempts), "[0s 1s 3s 7s]"; got != want {
			t.Errorf("attempts at %s, want %s", got, want)
		}
		mu.Unlock()

		set(errors.New("the disk hiccups"))
		await(t, s, "a=HEALING")
		set(nil)
		await(t, s, "a=ACTIVE")

		set(&fleet.PermanentError{Code: "NoDisk", Message: "no disk"})
		b := create(t, s, "b")
		await(t, s, "a=HEALING b=FAILED") // a was looked at again meanwhile, or will be
		out, err := s.DescribeClusterV2(t.Context(), caller, &kafka.DescribeClusterV2Request{ClusterArn: &b})
		if err != nil || *out.ClusterInfo.StateInfo.Code != "NoDisk" {
			t.Errorf("got %+v %v", out, err)
		}
		set(nil)
		await(t, s, "a=ACTIVE b=FAILED")
		remove(t, s, b)
		await(t, s, "a=ACTIVE")
		set(errors.New("the directory is busy"))
		remove(t, s, a)
		synctest.Wait()
		await(t, s, "a=DELETING")
		set(nil)
		await(t, s, "")
	})
}

func TestWorkersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 12
		hold := make(chan struct{})
		s := clusters(t)
		m := newMachines(func(point, _ string) error {
			if point == "before ensure" {
				<-hold
			}
			return nil
		})
		var want []string
		for i := range many {
			name := fmt.Sprintf("c%02d", i)
			create(t, s, name)
			want = append(want, name+"=ACTIVE")
		}
		stop := start(t, s, m)
		synctest.Wait()
		close(hold)
		await(t, s, strings.Join(want, " "))
		stop()
		if m.most != 8 {
			t.Errorf("%d clusters were worked on at a time", m.most)
		}
	})
}

// An operation that fails over and over is given up, and the cluster is as it
// was; one that fails a few times is not.
func TestAnOperationThatFails(t *testing.T) {
	for _, c := range []struct {
		failures int
		want     string
	}{{7, "REBOOT_COMPLETE"}, {8, "REBOOT_FAILED"}} {
		synctest.Test(t, func(t *testing.T) {
			s := clusters(t)
			var mu sync.Mutex
			left := 0
			m := newMachines(func(point, _ string) error {
				mu.Lock()
				defer mu.Unlock()
				if point == "before ensure" && left > 0 {
					left--
					return errors.New("no")
				}
				return nil
			})
			stop := start(t, s, m)
			defer stop()
			arn := create(t, s, "a")
			await(t, s, "a=ACTIVE")
			mu.Lock()
			left = c.failures
			mu.Unlock()
			operation := reboot(t, s, arn)
			await(t, s, "a=ACTIVE")
			got, err := s.DescribeClusterOperation(t.Context(), caller, &kafka.DescribeClusterOperationRequest{ClusterOperationArn: &operation})
			if err != nil || *got.ClusterOperationInfo.OperationState != c.want {
				t.Errorf("after %d failures: %+v, %v; want %s", c.failures, got, err, c.want)
			}
		})
	}
}
