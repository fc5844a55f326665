// Package fleet makes the clusters that msk wants real, and reports what it saw.
//
// It owns the life cycle of everything that runs for a cluster: it alone starts
// and removes clusters, through the Driver it is given. server builds it and
// calls Run. It keeps nothing that is not in msk's documents: it can be killed
// at any line and started again, and then does every step that is not reported
// once more. It knows no Kafka and answers no API call.
package fleet

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/millrace/millrace/aws/msk"
)

// Spec is a cluster as the driver is to run it.
type Spec struct {
	ARN, Name       string
	Account, Region string
	KafkaVersion    string
	Serverless      bool
	Brokers         []Broker // by id
	Listeners       []string // PLAINTEXT, TLS, SASL_SCRAM, SASL_IAM and those with _PUBLIC and _VPCE; the same on every broker
	SecurityGroups  []string
	InstanceType    string   // of provisioned clusters; of Standard brokers while there are Express brokers too
	VolumeGiB       int32    // what a broker may hold; 0: no limit; acts at once
	VolumeMiB       int32    // a second: the throughput of its volume; 0: no limit; acts at once
	Rebalances      bool     // brokers are to have as many replicas as others of their zone
	Authorities     []string // ARNs of who signs clients' certificates; none: they show none
	CertificateOnly bool     // clients of TLS must show one
	Key             string   // ARN of the KMS key that must be usable when brokers start; "" is the service's own, which is
	Label, Random   string   // parts of the cluster's host names
	N               int
	Monitoring      msk.Monitoring
	Generation      int64 // another one is another wish, whatever else is the same
}

// Broker is one broker of a Spec and where it stands.
type Broker struct {
	ID                   int32
	Zone, ZoneID, Subnet string
	InstanceType         string  // of provisioned clusters
	Replaces             []int32 // brokers that are gone, at whose addresses this one is to be reached too

	// Boot counts the wishes that the broker starts again: one that has run
	// since the driver was asked with another count is stopped and started.
	Boot         int64
	KafkaVersion string            // acts when the broker starts
	Static       map[string]string // its server.properties; with the same Boot, what differs acts at once
}

// Observed is where a running cluster's clients connect.
type Observed struct {
	Brokers []ObservedBroker
	Boot    string // host:port; the only address of a serverless cluster
}

// ObservedBroker is the advertised host:port of one broker by listener.
type ObservedBroker struct {
	ID        int32
	Endpoints map[string]string
}

// Driver runs clusters. Calls about different clusters come concurrently, at
// most maxWorkers at a time; about one cluster they come one after another.
type Driver interface {
	// Ensure makes the cluster run as the spec says and answers when every
	// broker serves. Where a running cluster differs from its spec, Ensure
	// changes what differs, and drops no client that the difference does not
	// concern. It is called again for clusters that run already, after a
	// restart and every Config.Resync, and then finds out whether they still
	// do. It ends soon after ctx does.
	Ensure(ctx context.Context, s Spec) (Observed, error)
	// Remove stops a cluster and deletes its data; a cluster that the driver
	// does not know is removed already.
	Remove(ctx context.Context, clusterARN string) error
}

// PermanentError is what a Driver answers when trying again cannot help.
type PermanentError struct {
	Code    string // shown to the cluster's owner, like "InsufficientCapacity"
	Message string // likewise
}

// Error answers the code and the message.
func (e *PermanentError) Error() string { return e.Code + ": " + e.Message }

// Config is what a Fleet is made of.
type Config struct {
	Clusters *msk.Service
	Driver   Driver
	Failed   <-chan string // ARNs of running clusters that have failed; nil: Resync finds them
	Log      *slog.Logger
	Resync   time.Duration // how often a running cluster is looked at; 0 is 30 s
	RetryMin time.Duration // wait after a first failure, doubled by each; 0 is 1 s
	RetryMax time.Duration // at most; 0 is 1 min
}

const (
	maxWorkers     = 8               // steps that run at a time
	attemptTimeout = 5 * time.Minute // of one step
)

// Fleet is the reconciler. Only Run may be called on it, once.
type Fleet struct {
	cfg  Config
	done chan outcome // capacity maxWorkers: a worker never waits to report

	// Owned by Run's goroutine.
	known   map[string]*cluster // by ARN
	running int
}

// New makes a Fleet; it starts nothing.
func New(cfg Config) *Fleet {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&cfg.Resync, 30 * time.Second}, {&cfg.RetryMin, time.Second}, {&cfg.RetryMax, time.Minute}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return &Fleet{cfg: cfg, done: make(chan outcome, maxWorkers), known: map[string]*cluster{}}
}

// Run reconciles until ctx ends, waits for the steps under way and answers
// ctx's error. It leaves running what runs.
func (f *Fleet) Run(ctx context.Context) error {
	changed, cancel := f.cfg.Clusters.Watch()
	defer cancel()
	defer f.drain()
	timer := time.NewTimer(0) // the first look at what is wanted
	defer timer.Stop()
	look := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			look = true
		case o := <-f.done:
			f.finish(o)
		case arn := <-f.cfg.Failed:
			if c := f.known[arn]; c != nil {
				c.fell(f.cfg, time.Now())
			}
		case <-timer.C:
			look = true
		}
		if look {
			look = !f.look(ctx)
		}
		f.start(ctx)
		timer.Reset(f.untilNext(look))
	}
}

// drain waits for the workers, which end because ctx did.
func (f *Fleet) drain() {
	for ; f.running > 0; f.running-- {
		<-f.done
	}
}

// look reads what is wanted. It answers false when that could not be read.
func (f *Fleet) look(ctx context.Context) bool {
	wanted, err := f.cfg.Clusters.Wanted(ctx)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			f.cfg.Log.Error("read the wanted clusters", "error", err)
		}
		return false
	}
	seen := make(map[string]bool, len(wanted))
	for _, w := range wanted {
		seen[w.ARN] = true
		c := f.known[w.ARN]
		if c == nil {
			c = &cluster{}
			f.known[w.ARN] = c
		}
		c.want(w, time.Now())
	}
	for arn, c := range f.known {
		if !seen[arn] {
			c.action = nothing
			c.wish++
			if !c.running {
				delete(f.known, arn)
			}
		}
	}
	return true
}

// untilNext answers how long nothing is due. While every worker is busy the
// end of one is waited for, not a time.
func (f *Fleet) untilNext(lookAgain bool) time.Duration {
	wait := f.cfg.Resync
	if lookAgain {
		wait = f.cfg.RetryMin
	}
	if f.running == maxWorkers {
		return wait
	}
	now := time.Now()
	for _, c := range f.known {
		if !c.running && c.action != nothing {
			wait = min(wait, max(0, c.due.Sub(now)))
		}
	}
	return wait
}
