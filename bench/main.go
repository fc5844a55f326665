// Command bench measures Millrace beside Apache Kafka and beside the machine's
// own limits, in the same run, and prints ratios.
//
// Absolute numbers of a shared virtual machine mean little: the page cache is
// filled first (a cold one falsifies everything by up to four times), the
// contenders take turns in every round, and what is printed is the median of
// the ratios of adjacent runs. Nothing here is asserted.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"text/tabwriter"
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
	fs.BoolVar(&o.fill, "fill", true, "fill the page cache first")
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
	r, err := measure(ctx, o)
	if err != nil {
		return err
	}
	return r.write(o.out)
}

// measure starts the contenders, runs every round and stops them.
func measure(ctx context.Context, o options) (*report, error) {
	r := &report{Rounds: o.rounds, Duration: o.duration.String()}
	mill, err := startMillrace(ctx, o, r)
	if err != nil {
		return nil, err
	}
	defer mill.stop()
	contenders := []*contender{mill}
	if o.jars != "" {
		for _, flush := range []bool{false, true} {
			k, err := startKafka(ctx, o, flush)
			if err != nil {
				return nil, err
			}
			defer k.stop()
			contenders = append(contenders, k)
		}
	}
	identities, err := mill.identities(ctx, mill.env)
	if err != nil {
		return nil, err
	}
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		if err := measureLimits(ctx, o, r); err != nil {
			return nil, err
		}
		for _, w := range workloads(round) {
			if err := r.ask(ctx, o, w, contenders); err != nil {
				return nil, err
			}
		}
		if err := r.ask(ctx, o, authorized(round), identities); err != nil {
			return nil, err
		}
		for _, c := range contenders {
			r.add("memory after a round", c.name, "MB", residentMB(c.cmd.Process.Pid))
		}
	}
	return r, nil
}

// report is every figure of a run, in the order measured.
type report struct {
	Rounds   int      `json:"rounds"`
	Duration string   `json:"duration"`
	Figures  []figure `json:"figures"`
}

type figure struct {
	Workload  string    `json:"workload"`
	Contender string    `json:"contender"`
	Unit      string    `json:"unit"`
	Values    []float64 `json:"values"` // one for each round
}

// ask asks the contenders one question in turn.
func (r *report) ask(ctx context.Context, o options, w workload, contenders []*contender) error {
	if !o.only.MatchString(w.name) {
		return nil
	}
	for _, c := range contenders {
		if err := warm(o); err != nil {
			return err
		}
		if err := r.run(ctx, w, c, o.duration); err != nil {
			return err
		}
	}
	return nil
}

// run asks a contender one question and notes the answers, and what CPU time
// of the broker it cost.
func (r *report) run(ctx context.Context, w workload, c *contender, d time.Duration) error {
	before := cpuTime(c.cmd.Process.Pid)
	got, err := w.run(ctx, c, d)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", w.name, c.name, err)
	}
	for _, m := range got.figures {
		r.add(w.name+m.what, c.name, m.unit, m.value)
	}
	if got.bytes > 0 {
		spent := cpuTime(c.cmd.Process.Pid) - before
		r.add(w.name+", broker's CPU", c.name, "ms/MB", ms(spent)/(float64(got.bytes)/1e6))
	}
	return nil
}

func (r *report) add(workload, contender, unit string, value float64) {
	for i := range r.Figures {
		if f := &r.Figures[i]; f.Workload == workload && f.Contender == contender && f.Unit == unit {
			f.Values = append(f.Values, value)
			return
		}
	}
	r.Figures = append(r.Figures, figure{workload, contender, unit, []float64{value}})
}

// write prints the table and saves the JSON.
func (r *report) write(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "workload\tcontender\tmedian\tunit\tmillrace is … times it (each round, median)")
	for _, f := range r.Figures {
		fmt.Fprintf(w, "%s\t%s\t%.4g\t%s\t%s\n", f.Workload, f.Contender, median(f.Values), f.Unit, r.ratio(f))
	}
	return w.Flush()
}

// ratio is Millrace's value over the contender's, round by round.
func (r *report) ratio(f figure) string {
	for _, m := range r.Figures {
		if m.Contender != nameMillrace || m.Workload != f.Workload || m.Unit != f.Unit || f.Contender == nameMillrace || len(m.Values) != len(f.Values) {
			continue
		}
		ratios := make([]float64, len(f.Values))
		text := ""
		for i := range f.Values {
			ratios[i] = m.Values[i] / f.Values[i]
			text += fmt.Sprintf("%.2f ", ratios[i])
		}
		return fmt.Sprintf("%s: %.2f", text, median(ratios))
	}
	return ""
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
