package metrics_test

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/millrace/millrace/metrics"
)

func near(got, want, within float64) bool { return math.Abs(got-want) <= within }

func TestMeterRates(t *testing.T) {
	var m metrics.Meter
	now := time.Unix(1_000_000, 0)
	m.Tick(now)
	for range 24 { // two minutes of 10 a second
		m.Add(50)
		now = now.Add(5 * time.Second)
		m.Tick(now)
	}
	if r := m.Rates(now); !near(r.Mean, 10, .01) || !near(r.One, 10, .01) || !near(r.Five, 10, .01) || !near(r.Fifteen, 10, .01) {
		t.Fatalf("after two minutes of 10 a second: %+v", r)
	}
	for range 12 { // a silent minute leaves 1/e of the average over a minute
		now = now.Add(5 * time.Second)
		m.Tick(now)
	}
	if r := m.Rates(now); !near(r.One, 10/math.E, .01) || !near(r.Five, 10*math.Exp(-.2), .01) || !near(r.Mean, 1200./180, .01) {
		t.Fatalf("after a silent minute: %+v", r)
	}
	if m.Count() != 1200 {
		t.Fatalf("counted %d", m.Count())
	}
	var late metrics.Meter // one that is looked at seldom averages the pause
	late.Tick(now)
	late.Add(600)
	if r := late.Rates(now.Add(time.Minute)); !near(r.One, 10, .01) {
		t.Fatalf("looked at after a minute: %+v", r)
	}
}

func TestHistogram(t *testing.T) {
	var h metrics.Histogram
	now := time.Unix(1_000_000, 0)
	for v := range int64(10_000) {
		h.Observe(v)
	}
	s := h.Summary(now, .5, .99, .999, 1)
	if s.Count != 10_000 || s.Sum != 9999*5000 || s.Max != 9999 {
		t.Fatalf("%+v", s)
	}
	for i, want := range []float64{5000, 9900, 9990, 9999} {
		if !near(s.Percentiles[i], want, want*.13) {
			t.Errorf("percentile %d is %v, want about %v", i, s.Percentiles[i], want)
		}
	}
	h.Observe(-5)
	h.Observe(math.MaxInt64 / 4)
	if s := h.Summary(now, 0.00001, 1); s.Percentiles[0] != 0 || s.Max != math.MaxInt64/4 {
		t.Errorf("ends of the scale: %+v", s)
	}
}

// Percentiles forget; without values they stay as they were.
func TestHistogramForgets(t *testing.T) {
	var h metrics.Histogram
	now := time.Unix(1_000_000, 0)
	h.Summary(now)
	for range 100 {
		h.Observe(1000)
	}
	for range 3 {
		now = now.Add(6 * time.Minute)
		if s := h.Summary(now, .5); !near(s.Percentiles[0], 1000, 130) {
			t.Fatalf("without new values: %+v", s)
		}
	}
	for range 3 {
		h.Observe(3)
		now = now.Add(6 * time.Minute)
		h.Summary(now)
	}
	if s := h.Summary(now, .999); s.Percentiles[0] != 3 || s.Max != 1000 {
		t.Fatalf("after new values: %+v", s)
	}
}

func TestInstrumentsCostNoMemory(t *testing.T) {
	var m metrics.Meter
	var h metrics.Histogram
	if n := testing.AllocsPerRun(100, func() { m.Add(3); h.Observe(17) }); n != 0 {
		t.Fatalf("%v allocations an event", n)
	}
}

func TestInstrumentsAreConcurrent(t *testing.T) {
	var m metrics.Meter
	var h metrics.Histogram
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 1000 {
				m.Add(1)
				h.Observe(int64(i))
				m.Rates(time.Now())
				h.Summary(time.Now(), .5)
			}
		})
	}
	all.Wait()
	if n, _ := h.Totals(); n != 4000 || m.Count() != 4000 {
		t.Fatalf("%d and %d", n, m.Count())
	}
}

func TestText(t *testing.T) {
	text := metrics.NewText()
	text.Add("a_total", metrics.Counting, `it \ counts`, 3)
	text.Add("b", metrics.Gauge, "b", 1.5, metrics.Label{Name: "x", Value: "a \"b\"\nc\\"}, metrics.Label{Name: "y", Value: "é"})
	text.Add("a_total", metrics.Counting, "", 4, metrics.Label{Name: "z", Value: "1"})
	text.Add("b", metrics.Gauge, "b", math.NaN())
	text.Add("c", metrics.Untyped, "c", math.Inf(1))
	var out bytes.Buffer
	if _, err := text.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(out.String()))
	if err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	if got := families["b"].Metric[0].Label[0].GetValue(); got != "a \"b\"\nc\\" {
		t.Errorf("a label became %q", got)
	}
	if n := len(families["a_total"].Metric); n != 2 || families["a_total"].GetHelp() != `it \ counts` {
		t.Errorf("%d samples, help %q", n, families["a_total"].GetHelp())
	}
}

func BenchmarkMeter(b *testing.B) {
	var m metrics.Meter
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			m.Add(1)
		}
	})
}

func BenchmarkHistogram(b *testing.B) {
	var h metrics.Histogram
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			h.Observe(1234)
		}
	})
}
