package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is every figure of a run, in the order measured.
type report struct {
	Machine  []string `json:"machine"`
	Rounds   int      `json:"rounds"`
	Duration string   `json:"duration"`
	Filled   bool     `json:"filled"` // memory that was never touched was filled first
	Figures  []figure `json:"figures"`

	own       []int // processes of this benchmark
	measured  int
	disturbed int // measurements beside which others used the CPU
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
		if w.prepare != nil {
			if err := w.prepare(ctx, c); err != nil {
				return fmt.Errorf("prepare %s on %s: %w", w.name, c.name, err)
			}
		}
		if err := warm(o); err != nil {
			return err
		}
		if err := r.run(ctx, w, c, o.duration); err != nil {
			return err
		}
	}
	return nil
}

// maxOthers is the share of the CPU that other processes, the kernel and other
// machines of the host may use beside a measurement.
const maxOthers = 0.10

// run asks a contender one question and notes the answers, and what CPU time
// of the broker it cost.
func (r *report) run(ctx context.Context, w workload, c *contender, d time.Duration) error {
	began, others, before := time.Now(), r.others(), cpuTime(c.pid())
	got, err := w.run(ctx, c, d)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", w.name, c.name, err)
	}
	spent := ms(cpuTime(c.pid()) - before)
	r.measured++
	if share := float64(r.others()-others) / float64(time.Since(began)) / float64(runtime.NumCPU()); share > maxOthers {
		r.disturbed++
	}
	for _, m := range got.figures {
		r.add(w.name+m.what, c.name, m.unit, m.value)
	}
	if got.bytes > 0 {
		r.add(w.name+", broker's CPU", c.name, "ms/MB", spent/(float64(got.bytes)/1e6))
	}
	if got.count > 0 {
		r.add(w.name+", broker's CPU", c.name, "ms/1000", spent/(float64(got.count)/1000))
	}
	return nil
}

// others is the CPU time that was not spent by this benchmark's own processes.
func (r *report) others() time.Duration {
	busy := busyTime()
	for _, pid := range r.own {
		busy -= cpuTime(pid)
	}
	return busy
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
	for _, line := range r.Machine {
		fmt.Println(line)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "workload\tcontender\tmedian\tunit\tbetter is\tmillrace is … times it (each round: median)")
	for _, f := range r.Figures {
		better := "lower" // times and memory
		if strings.HasSuffix(f.Unit, "/s") {
			better = "higher"
		}
		fmt.Fprintf(w, "%s\t%s\t%.4g\t%s\t%s\t%s\n", f.Workload, f.Contender, median(f.Values), f.Unit, better, r.ratio(f))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !r.Filled {
		fmt.Println("Memory was not filled: rates are up to four times too low, and CPU times too high.")
	}
	if r.disturbed > 0 {
		fmt.Printf("Beside %d of %d measurements others used more than %.0f %% of the CPU: rates and latencies are not to be trusted, CPU times are too high.\n", r.disturbed, r.measured, 100*maxOthers)
	}
	return nil
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
