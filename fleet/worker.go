package fleet

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/millrace/millrace/aws/msk"
)

// action is what a cluster's state asks for.
type action string

const (
	nothing action = ""
	ensure  action = "ensure"
	remove  action = "remove"
)

// cluster is what Run remembers of one cluster between steps.
type cluster struct {
	spec     Spec
	state    msk.State
	action   action
	due      time.Time // not before this time
	failures int       // in a row
	falls    int       // of a cluster that ran, one soon after the other
	lastFall time.Time // the last of them
	wish     int       // counts changes of spec and action
	running  bool
	stop     context.CancelFunc // of the step that runs
}

// want takes what msk wants now. A changed wish is due at once and ends a step
// that runs for the old one.
func (c *cluster) want(w msk.Wanted, now time.Time) {
	next, spec := actionFor(w.State), specOf(w)
	c.state = w.State
	if next == c.action && reflect.DeepEqual(spec, c.spec) {
		return
	}
	c.action, c.spec, c.due, c.failures = next, spec, now, 0
	c.wish++
	if c.running {
		c.stop()
	}
}

// fell takes that the driver's cluster has failed: it is looked at at once, also
// after the step that runs, which may have seen it before. One that falls again
// and again waits as after failed steps.
func (c *cluster) fell(cfg Config, now time.Time) {
	if now.Sub(c.lastFall) > 2*cfg.RetryMax {
		c.falls = 0
	}
	c.due, c.lastFall = now, now
	if c.falls > 0 {
		c.due = now.Add(cfg.backoff(c.falls - 1))
	}
	c.falls++
	c.wish++
}

// backoff is the wait after the n-th failure in a row.
func (cfg Config) backoff(n int) time.Duration {
	if n >= 16 { // 2^16 times any sensible RetryMin is past any RetryMax
		return cfg.RetryMax
	}
	return min(cfg.RetryMax, cfg.RetryMin<<n)
}

func actionFor(s msk.State) action {
	switch s {
	case msk.Deleting:
		return remove
	case msk.Creating, msk.Active, msk.Healing, msk.Updating, msk.Rebooting:
		return ensure
	}
	return nothing // FAILED: it waits to be deleted
}

func specOf(w msk.Wanted) Spec {
	s := Spec{
		ARN: w.ARN, Name: w.Name, Account: w.Account, Region: w.Region,
		KafkaVersion: w.KafkaVersion, Serverless: w.Serverless, SecurityGroups: w.SecurityGroups,
		InstanceType: w.InstanceType, VolumeGiB: w.VolumeGiB, VolumeMiB: w.VolumeMiB, Rebalances: w.Rebalances, Authorities: w.Authorities, CertificateOnly: w.CertificateOnly, Key: w.Key,
		Label: w.Names.Label, Random: w.Names.Random, N: w.Names.N, Monitoring: w.Monitoring, Generation: w.Generation,
	}
	for _, b := range w.Brokers {
		s.Brokers = append(s.Brokers, Broker(b))
	}
	for _, l := range w.Listeners {
		s.Listeners = append(s.Listeners, string(l))
	}
	return s
}

// outcome is the end of a step.
type outcome struct {
	arn    string
	action action
	wish   int // of the cluster when the step began
	err    error
	took   time.Duration
}

// start starts every step that is due, the longest due first, while there are
// workers. The goroutines end by themselves; Run waits for them through done.
func (f *Fleet) start(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	var ready []*cluster
	for _, c := range f.known {
		if !c.running && c.action != nothing && !c.due.After(now) {
			ready = append(ready, c)
		}
	}
	slices.SortFunc(ready, func(a, b *cluster) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.spec.ARN, b.spec.ARN))
	})
	for _, c := range ready[:min(len(ready), maxWorkers-f.running)] {
		step, stop := context.WithTimeout(ctx, attemptTimeout)
		c.running, c.stop = true, stop
		f.running++
		what, wish, spec, state, failures := c.action, c.wish, c.spec, c.state, c.failures
		go func() {
			defer stop()
			began := time.Now()
			err := f.step(step, what, spec, state, failures)
			f.done <- outcome{spec.ARN, what, wish, err, time.Since(began)}
		}()
	}
}

// step does one action and reports it. It is what may be killed at any line:
// until the report is committed, the next start does all of it again.
func (f *Fleet) step(ctx context.Context, what action, s Spec, state msk.State, failures int) error {
	if what == remove {
		return f.settle(ctx, s, state, f.cfg.Driver.Remove(ctx, s.ARN), func() error {
			return f.cfg.Clusters.ReportGone(ctx, s.ARN)
		})
	}
	seen, err := f.cfg.Driver.Ensure(ctx, s)
	if err != nil && failures+1 >= maxUpdateFailures && (state == msk.Updating || state == msk.Rebooting) {
		err = errors.Join(err, &PermanentError{"InternalServerError", "The brokers could not be changed. The server's log says why."})
	}
	return f.settle(ctx, s, state, err, func() error {
		return f.cfg.Clusters.ReportActive(ctx, s.ARN, s.Generation, endpointsOf(seen))
	})
}

// maxUpdateFailures is how many failures in a row end an update of a running
// cluster, which then goes back to what it was.
const maxUpdateFailures = 8

// settle reports the driver's success, or its failure where clients are to know:
// for good, or of a cluster that was ACTIVE. The time of the step may be over
// then; the report has its own.
func (f *Fleet) settle(ctx context.Context, s Spec, state msk.State, err error, succeeded func() error) error {
	var permanent *PermanentError
	switch {
	case err == nil:
		return succeeded()
	case ctx.Err() == context.Canceled: // stopped by us; says nothing of the cluster
		return err
	case errors.As(err, &permanent):
		return errors.Join(err, f.cfg.Clusters.ReportFailed(context.WithoutCancel(ctx), s.ARN, s.Generation, permanent.Code, permanent.Message))
	case state == msk.Active:
		return errors.Join(err, f.cfg.Clusters.ReportHealing(context.WithoutCancel(ctx), s.ARN))
	}
	return err
}

func endpointsOf(o Observed) msk.Endpoints {
	e := msk.Endpoints{Boot: o.Boot}
	for _, b := range o.Brokers {
		at := make(map[msk.Listener]string, len(b.Endpoints))
		for l, addr := range b.Endpoints {
			at[msk.Listener(l)] = addr
		}
		e.Brokers = append(e.Brokers, msk.BrokerEndpoints{ID: b.ID, Listeners: at})
	}
	return e
}

// finish takes the end of a step and decides when the next one is due.
func (f *Fleet) finish(o outcome) {
	f.running--
	c := f.known[o.arn]
	c.running, c.stop = false, nil
	if c.wish != o.wish {
		return // the wish changed meanwhile, and is due already
	}
	if o.err == nil {
		if c.failures > 0 || c.state != msk.Active { // a look at what runs is no news
			f.cfg.Log.Info("reconciled a cluster", "cluster", o.arn, "action", o.action, "took", o.took)
		}
		c.failures, c.due = 0, time.Now().Add(f.cfg.Resync)
		return
	}
	wait := f.cfg.backoff(c.failures)
	c.failures++
	c.due = time.Now().Add(wait)
	f.cfg.Log.Warn("could not reconcile a cluster", "cluster", o.arn, "action", o.action, "error", o.err, "retry_in", wait)
}
