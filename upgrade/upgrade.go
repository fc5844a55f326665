// Package upgrade does what an upgrade to Express brokers asks of a cluster's
// topics: it looks at them for assessments, and moves them for topic
// reassignments.
//
// It goes by msk's errands and talks to brokers over the Kafka Admin protocol, on
// the control plane's own connections. It keeps nothing: what is left to do it
// reads from the cluster's metadata, each time anew, so it can be killed at any
// line and started again. server makes it and calls Run. It never starts or stops
// a broker.
package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/msk"
)

const (
	maxAtOnce   = 8                      // errands that are done at a time
	patience    = 15 * time.Second       // of one step of an errand
	retries     = 5                      // of one request
	backoff     = 50 * time.Millisecond  // before each of them
	pollEvery   = 250 * time.Millisecond // while brokers work, and nothing tells when they are done
	retryAfter  = time.Second            // a first failed step, doubled by each
	retryAtMost = 30 * time.Second
	maxFailures = 8 // in a row: then an errand has failed
)

// Dial connects to a broker of a running cluster as its super user; address is
// what Metadata answers on such a connection.
type Dial func(ctx context.Context, clusterARN, address string) (net.Conn, error)

// Config is what an Upgrader is made of. All but Between must be set.
type Config struct {
	Work *msk.Service
	Dial Dial
	Log  *slog.Logger
	// Between is asked before what a step does, and before its report: tests end
	// the process there.
	Between func() error
}

// Upgrader does errands. Only Run may be called on it, once.
type Upgrader struct {
	cfg      Config
	failures map[string]failure // by ARN of the errand; belongs to Run
}

// failure is how often an errand has failed in a row, and when it is tried again.
type failure struct {
	times int
	due   time.Time
}

// New makes an Upgrader; it starts nothing.
func New(cfg Config) *Upgrader {
	if cfg.Between == nil {
		cfg.Between = func() error { return nil }
	}
	return &Upgrader{cfg: cfg, failures: map[string]failure{}}
}

// Run does errands until ctx ends, and waits for those under way.
func (u *Upgrader) Run(ctx context.Context) {
	changed, cancel := u.cfg.Work.WatchErrands()
	defer cancel()
	timer := time.NewTimer(0) // what was left when the process ended
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-timer.C:
		}
		if next := u.round(ctx); next > 0 {
			timer.Reset(next)
		}
	}
}

// round does one step of every errand that is due. It answers when to look again;
// 0: when something has changed.
func (u *Upgrader) round(ctx context.Context) time.Duration {
	all, err := u.cfg.Work.Errands(ctx)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			u.cfg.Log.Error("read the errands of upgrades", "error", err)
		}
		return retryAfter
	}
	open := map[string]failure{}
	outcomes := make([]error, len(all))
	var doing sync.WaitGroup
	slots := make(chan struct{}, maxAtOnce)
	now := time.Now()
	for i, e := range all {
		if f, failed := u.failures[e.ARN]; failed {
			open[e.ARN] = f
		}
		if now.Before(e.Moves.NotBefore) || now.Before(open[e.ARN].due) {
			continue
		}
		slots <- struct{}{}
		doing.Go(func() {
			defer func() { <-slots }()
			outcomes[i] = u.step(ctx, e)
		})
	}
	doing.Wait()
	for i, e := range all {
		if err := outcomes[i]; err != nil && ctx.Err() == nil {
			open[e.ARN] = u.failed(ctx, e, open[e.ARN], err)
		} else if !now.Before(open[e.ARN].due) {
			delete(open, e.ARN)
		}
	}
	u.failures = open
	if len(all) == 0 {
		return 0
	}
	return pollEvery
}

// failed takes the error of a step; the last one ends the errand.
func (u *Upgrader) failed(ctx context.Context, e msk.Errand, f failure, err error) failure {
	f.times++
	wait := min(retryAtMost, retryAfter<<min(f.times-1, 16))
	f.due = time.Now().Add(wait)
	u.cfg.Log.Warn("upgrade to Express brokers", "errand", e.ARN, "error", err, "retry_in", wait)
	if f.times < maxFailures {
		return f
	}
	const text = "The cluster did not do what it was asked. The server's log says why."
	if e.Scan {
		err = u.cfg.Work.ReportScanFailed(ctx, e, text)
	} else {
		err = u.cfg.Work.ReportMovesFailed(ctx, e, "InternalServerError", text)
	}
	if err != nil {
		u.cfg.Log.Error("report a failure", "errand", e.ARN, "error", err)
	}
	return f
}

// step does one step of an errand.
func (u *Upgrader) step(ctx context.Context, e msk.Errand) error {
	if e.Scan {
		seen, err := Look(ctx, u.cfg.Dial, e.Cluster)
		if err == nil {
			err = u.cfg.Between()
		}
		if err != nil {
			return err
		}
		return u.cfg.Work.ReportScan(ctx, e, seen)
	}
	return ask(ctx, u.cfg.Dial, e.Cluster, func(ctx context.Context, c *kgo.Client) error { return u.move(ctx, e, c) })
}

// ask runs requests on a cluster.
func ask(ctx context.Context, dial Dial, cluster string, requests func(context.Context, *kgo.Client) error) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers("control:0"), kgo.ClientID("millrace-upgrade"), kgo.RequestRetries(retries), kgo.RetryTimeout(patience),
		kgo.RetryBackoffFn(func(int) time.Duration { return backoff }),
		kgo.Dialer(func(ctx context.Context, _, address string) (net.Conn, error) { return dial(ctx, cluster, address) }),
	)
	if err != nil {
		return fmt.Errorf("make a client of cluster %s: %w", cluster, err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return requests(ctx, client)
}
