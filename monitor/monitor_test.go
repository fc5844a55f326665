package monitor_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/millrace/millrace/aws/cloudwatch"
	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/monitor"
)

var rewrite = flag.Bool("rewrite", false, "write docs/metrics.md")

const (
	documentFile = "../docs/metrics.md"
	documentMark = "<!-- below: written by go test ./monitor -run TestDocument -rewrite -->\n"
)

// TestDocument: docs/metrics.md has the tables as the code has them.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	head, tables, ok := strings.Cut(string(data), documentMark)
	if !ok {
		t.Fatalf("%s has no line %q", documentFile, documentMark)
	}
	want := "\n" + monitor.Document()
	if *rewrite {
		if err := os.WriteFile(documentFile, []byte(head+documentMark+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if tables != want {
		t.Errorf("%s is not what the code has: run go test ./monitor -run TestDocument -rewrite", documentFile)
	}
}

// proc is a machine's /proc, shortened.
func proc() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"stat":      file("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 100 0 50 800 50 0 0 0 0 0\nintr 1 2\nbtime 1790000000\n"),
		"meminfo":   file("MemTotal:       1000 kB\nMemFree:         400 kB\nBuffers:          50 kB\nCached:          150 kB\nActive(anon):     10 kB\nHugePages_Total:       3\n"),
		"loadavg":   file("0.50 0.25 0.10 1/100 4242\n"),
		"net/dev":   file("Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    lo:    1000      10    0    0    0     0          0         0     2000      20    1    2    0     0       0          0\n"),
		"diskstats": file("   8       0 sda 100 0 2000 30 50 0 1000 40 0 0 0\n"),
		"self/stat": file("1 (a (b) c) S 0 0 0 0 0 0 0 0 0 0 300 200 0 0 20 0 7 0 0 0 25 0\n"),
		"self/fd/0": file(""), "self/fd/1": file(""),
	}
}

func TestHost(t *testing.T) {
	h := monitor.NewHost(proc(), t.TempDir())
	if c := h.CPUs()[""]; c["user"] != 1 || c["idle"] != 8 || c["iowait"] != 0.5 {
		t.Errorf("processors: %v", c)
	}
	if m := h.Memory(); m["MemTotal"] != 1024000 || m["Cached"] != 153600 {
		t.Errorf("memory: %v", m)
	}
	if n := h.Network()["lo"]; n[0].Packets != 10 || n[1].Bytes != 2000 || n[1].Errors != 1 || n[1].Dropped != 2 {
		t.Errorf("network: %v", n)
	}
	if d := h.Disks()["sda"]; d.Reads != 100 || d.ReadBytes != 1024000 || d.WriteSeconds != 0.04 {
		t.Errorf("disks: %v", d)
	}
	if p := h.Process(time.Now()); p.CPU != 5 || p.Threads != 7 || p.Files != 2 || p.Resident != float64(25*os.Getpagesize()) || p.Heap <= 0 {
		t.Errorf("process: %+v", p)
	}
	families := parse(t, func(text *metrics.Text) { h.Node(text, time.Unix(1_800_000_000, 0)) })
	for name, want := range map[string]float64{"node_load5": 0.25, "node_memory_Active_anon_bytes": 10240, "node_boot_time_seconds": 1790000000, "node_time_seconds": 1800000000} {
		if got := families[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if _, there := families["node_memory_HugePages_Total_bytes"]; there {
		t.Error("a number of pages is told as bytes")
	}
}

// parse reads a text as Prometheus does: the first value of each family.
func parse(t *testing.T, write func(*metrics.Text)) map[string]float64 {
	t.Helper()
	text := metrics.NewText()
	write(text)
	var out bytes.Buffer
	if _, err := text.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(&out)
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for name, f := range families {
		m := f.Metric[0]
		values[name] = m.GetUntyped().GetValue() + m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	return values
}

// TestMachinesWithoutProc: what cannot be read is left out.
func TestMachinesWithoutProc(t *testing.T) {
	h := monitor.NewHost(fstest.MapFS{}, t.TempDir())
	families := parse(t, func(text *metrics.Text) { h.Node(text, time.Now()) })
	if _, there := families["node_load1"]; there {
		t.Error("a load of a machine that does not tell it")
	}
}

func FuzzProc(f *testing.F) {
	for name, file := range proc() {
		f.Add(name, file.Data)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		all := proc()
		if _, known := all[name]; !known {
			return
		}
		all[name] = &fstest.MapFile{Data: data}
		h := monitor.NewHost(all, "")
		h.Process(time.Now())
		text := metrics.NewText()
		h.Node(text, time.Now())
		_, _ = text.WriteTo(io.Discard) // it ends
	})
}

// TestTheEndIsNoError: what a monitor that is stopped cannot record any more is
// not logged.
func TestTheEndIsNoError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var log bytes.Buffer
	recorded := false
	monitor.New(monitor.Config{
		Targets: func() []monitor.Target {
			return []monitor.Target{{
				Name: "c", Lags: &monitor.Lags{}, Measure: func(now time.Time) measure.Reading { return measure.Reading{At: now} },
				Offsets: func(context.Context) []measure.GroupOffset { return nil },
			}}
		},
		Record: func(ctx context.Context, _, _, _ string, _ []cloudwatch.Datum) error {
			recorded = true
			cancel()
			return ctx.Err()
		},
		Host: monitor.NewHost(proc(), t.TempDir()), Interval: time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}).Run(ctx, nil)
	if !recorded || log.Len() > 0 {
		t.Errorf("recorded: %v, logged %s", recorded, &log)
	}
}

func TestLags(t *testing.T) {
	var l monitor.Lags
	now := time.Unix(1_800_000_000, 0)
	note := func(committed int64, end int64) monitor.GroupLag {
		l.Note([]measure.GroupOffset{
			{Group: "g", Topic: "t", Partition: 0, Coordinator: 2, Settled: true, Committed: committed, End: end},
			{Group: "g", Topic: "t", Partition: 1, Coordinator: 2, Settled: true, Committed: 5, End: 5},
			{Group: "g:h", Topic: "t", Partition: 0, Coordinator: 2, Settled: true, Committed: 0, End: 1},
			{Group: "h", Topic: "t", Partition: 0, Coordinator: 1, Settled: true, Committed: 0, End: 0},
			{Group: "rebalances", Topic: "t", Partition: 0, Coordinator: 2, Committed: 0, End: 1},
		}, now)
		if all := l.At(2); len(all) == 1 {
			return all[0]
		}
		t.Fatalf("lags of broker 2: %+v", l.At(2))
		return monitor.GroupLag{}
	}
	if g := note(0, 100); g.Sum != 100 || g.Max != 100 || g.TimeKnown {
		t.Errorf("a group that was not seen to read: %+v", g)
	}
	if l.Fresh(now.Add(20*time.Second), 10*time.Second) || !l.Fresh(now.Add(5*time.Second), 10*time.Second) {
		t.Error("Fresh")
	}
	now = now.Add(time.Minute)
	if g := note(60, 100); g.Sum != 40 || !g.TimeKnown || g.Time != 40 {
		t.Errorf("one record a second, 40 behind: %+v", g)
	}
	now = now.Add(time.Minute)
	if g := note(60, 200); g.Time != 140 {
		t.Errorf("a group that stands still: %+v", g)
	}
	now = now.Add(time.Minute)
	if g := note(10, 200); g.Sum != 190 || g.TimeKnown {
		t.Errorf("a group that was set back: %+v", g)
	}
	if g := note(200, 200); g.Sum != 0 || !g.TimeKnown || g.Time != 0 {
		t.Errorf("a group that is not behind: %+v", g)
	}
}
