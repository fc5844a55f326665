// Command bench measures Millrace beside Apache Kafka and beside the machine's
// own limits, in the same run, and prints ratios.
//
// Absolute numbers of a shared virtual machine mean little. The page cache is
// filled first (a cold one falsifies everything by up to four times), every
// contender has had load before anything is measured, so that Kafka's code is
// compiled, and they take turns in every round, in another order each time. What
// is printed is the median of the ratios of adjacent runs, what CPU time of the
// broker it cost, and whether other processes disturbed it. Nothing is asserted.
//
// Millrace is one process with three brokers, which share its disk; Kafka is one
// broker with Kafka's own settings but for its ports, its directories, the
// replication of internal topics, the delay before a new group's first rebalance
// and how long deleted segments stay. "kafka, fsync" syncs before it acknowledges,
// as Millrace always does. Clients run beside the brokers, on the same cores.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	binary   string
	jars     string
	dir      string
	out      string
	rounds   int
	duration time.Duration
	warmup   time.Duration
	fill     bool
	only     *regexp.Regexp
}

func run(ctx context.Context, args []string) error {
	var o options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&o.binary, "millrace", "bin/millrace", "the binary to measure")
	fs.StringVar(&o.jars, "kafka-jars", "", "directory with Apache Kafka's jars; without it only Millrace and the limits are measured")
	fs.StringVar(&o.dir, "dir", "", "working directory on the disk to measure (default: a temporary one)")
	fs.StringVar(&o.out, "json", "bench.json", "where to write the results")
	fs.IntVar(&o.rounds, "rounds", 3, "rounds; the contenders take turns in each")
	fs.DurationVar(&o.duration, "duration", 3*time.Second, "length of one measurement")
	fs.DurationVar(&o.warmup, "warmup", 15*time.Second, "load that each contender has before the first measurement")
	fs.BoolVar(&o.fill, "fill", true, "fill the page cache first, and measure nothing while memory was never touched; without it compare CPU time at most")
	only := fs.String("only", "", "only the workloads whose names match this regular expression")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	if o.rounds < 1 || o.duration < time.Second {
		return errors.New("at least one round of one second")
	}
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "millrace-bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	r := &report{Rounds: o.rounds, Duration: o.duration.String(), Filled: o.fill, Machine: machine(ctx, o)}
	err = measure(ctx, o, r)
	return errors.Join(err, r.write(o.out)) // what was measured before an error was measured
}

// measure starts the contenders, warms them up, runs every round and stops them.
func measure(ctx context.Context, o options, r *report) error {
	mill, err := startMillrace(ctx, o, r)
	if err != nil {
		return err
	}
	defer mill.stop()
	r.own = []int{os.Getpid(), mill.pid()}
	contenders := []*contender{mill}
	if o.jars != "" {
		for _, flush := range []bool{false, true} {
			k, err := startKafka(ctx, o, flush, r)
			if err != nil {
				return err
			}
			defer k.stop()
			contenders, r.own = append(contenders, k), append(r.own, k.pid())
		}
	}
	identities, err := mill.identities(ctx, mill.env)
	if err != nil {
		return err
	}
	for _, c := range contenders {
		if err := warmUp(ctx, c, o.warmup); err != nil {
			return fmt.Errorf("warm up %s: %w", c.name, err)
		}
	}
	for round := range o.rounds {
		if err := measureRound(ctx, o, r, round, contenders, identities); err != nil {
			return err
		}
	}
	return nil
}

// measureRound asks every question once. Whoever comes first finds other memory
// than who comes last, so the turns begin with another one each round.
func measureRound(ctx context.Context, o options, r *report, round int, contenders, identities []*contender) error {
	fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
	if err := measureLimits(ctx, o, r); err != nil {
		return err
	}
	for _, w := range workloads(round) {
		if err := r.ask(ctx, o, w, turns(contenders, round)); err != nil {
			return err
		}
	}
	for _, w := range authorized(round) {
		if err := r.ask(ctx, o, w, turns(identities, round)); err != nil {
			return err
		}
	}
	for _, c := range contenders {
		r.add("memory after a round", c.name, "MB", residentMB(c.pid()))
	}
	return nil
}

// turns is the order of a round.
func turns(all []*contender, round int) []*contender {
	first := round % len(all)
	return slices.Concat(all[first:], all[:first])
}

// warmUp gives a contender load of every kind that is measured.
func warmUp(ctx context.Context, c *contender, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	d /= 3
	if _, err := produceAndTail(ctx, c, "warm-bulk", d); err != nil {
		return err
	}
	if _, err := synchronous(ctx, c, "warm-sync", 16, d); err != nil {
		return err
	}
	_, err := transactions(ctx, c, "warm-txn", 10, d)
	return err
}
