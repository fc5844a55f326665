package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/monitor"
)

// exporters are the endpoints of a cluster's open monitoring: up to two for each
// broker, on ports of their own (aws:kafka developer guide, open monitoring).
// Whom the security groups let in may read them, as on MSK.
type exporters struct {
	e *embedded
	r *runningCluster

	mu   sync.Mutex
	open map[string]*exporter // by key of the port book; guarded by mu
}

// exporter is one endpoint.
type exporter struct {
	Broker int32
	Kind   string // jmx or node
	Port   int
	server *http.Server
	done   chan struct{} // closed when it has ended
}

// The kinds of exporters, and the ports that they have on MSK.
const (
	jmxKind  = "jmx"
	nodeKind = "node"
)

var exporterPorts = map[string]int{jmxKind: 11001, nodeKind: 11002}

// Limits of one exporter.
const (
	exporterTimeout     = 30 * time.Second
	exporterHeaderBytes = 16 << 10
)

func newExporters(e *embedded, r *runningCluster) *exporters {
	return &exporters{e: e, r: r, open: make(map[string]*exporter)}
}

// converge opens and closes endpoints until there are those of the spec.
func (x *exporters) converge(s fleet.Spec) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	want := make(map[string]exporter)
	for _, b := range s.Brokers {
		if s.Monitoring.JMX {
			want[listenerKey(b.ID, jmxKind)] = exporter{Broker: b.ID, Kind: jmxKind}
		}
		if s.Monitoring.Node {
			want[listenerKey(b.ID, nodeKind)] = exporter{Broker: b.ID, Kind: nodeKind}
		}
	}
	for key, have := range x.open {
		if _, ok := want[key]; !ok {
			have.stop()
			delete(x.open, key)
		}
	}
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(want)), func(k string) bool { return x.open[k] != nil })
	if len(keys) == 0 {
		return nil
	}
	bound, err := x.e.ports.listenAll(filepath.Join(x.e.directory(s.ARN), portsFile), keys)
	if err != nil {
		return err
	}
	for _, key := range keys {
		x.open[key] = x.serve(want[key], bound[key])
	}
	return nil
}

// serve starts one endpoint.
func (x *exporters) serve(want exporter, ln net.Listener) *exporter {
	want.Port, want.done = portOf(ln), make(chan struct{})
	guard := x.r.firewall.before(x.r.firewall.allows(uint16(exporterPorts[want.Kind])))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) { x.answer(w, r, want.Broker, want.Kind) })
	want.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: exporterTimeout, WriteTimeout: exporterTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: exporterHeaderBytes,
		ErrorLog: slog.NewLogLogger(x.e.log.Handler(), slog.LevelDebug), // strangers cause it without end
	}
	go func() { // owned by the exporters: stop waits for it
		defer close(want.done)
		if err := want.server.Serve(limit(guard(ln))); !errors.Is(err, http.ErrServerClosed) {
			x.e.log.Error("open monitoring", "broker", want.Broker, "exporter", want.Kind, "error", err)
		}
	}()
	return &want
}

func (x *exporter) stop() {
	_ = x.server.Close() // it serves no state
	<-x.done
}

// close ends every endpoint.
func (x *exporters) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key, have := range x.open {
		have.stop()
		delete(x.open, key)
	}
}

// answer writes what one exporter of one broker knows. That of a broker that
// does not run is unavailable.
func (x *exporters) answer(w http.ResponseWriter, r *http.Request, broker int32, kind string) {
	if x.r.c.BrokerStates()[broker] == "STOPPED" {
		http.Error(w, "the broker is stopped", http.StatusServiceUnavailable)
		return
	}
	text := metrics.NewText()
	now := time.Now()
	if kind == nodeKind {
		x.e.host.Node(text, now)
	} else {
		lagLook(r.Context(), x.r, now)
		monitor.JMX(text, x.r.c.Measure(now), broker, x.r.lags.At(broker), x.e.host.Process(now))
	}
	writeText(w, text)
}

func writeText(w http.ResponseWriter, text *metrics.Text) {
	w.Header().Set("Content-Type", metrics.ContentType)
	_, _ = text.WriteTo(w) // the peer may be gone
}

// Exporter is where one broker's open monitoring is read.
type Exporter struct {
	Broker  int32  `json:"broker"`
	Kind    string `json:"kind"`    // jmx or node
	Port    int    `json:"port"`    // that MSK has it on
	Address string `json:"address"` // HOST:PORT
}

// list is the endpoints by broker and kind.
func (x *exporters) list(host string) []Exporter {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []Exporter
	for _, have := range x.open {
		out = append(out, Exporter{have.Broker, have.Kind, exporterPorts[have.Kind], net.JoinHostPort(host, strconv.Itoa(have.Port))})
	}
	slices.SortFunc(out, func(a, b Exporter) int { return cmp.Or(cmp.Compare(a.Broker, b.Broker), cmp.Compare(a.Port, b.Port)) })
	return out
}

const (
	lagAge      = time.Second      // of the groups' lags in an answer, at most: all brokers are asked at about the same time
	lagPatience = 10 * time.Second // that one question to the coordinators may take
)

// Exporters lists a running cluster's endpoints of open monitoring.
func (s *System) Exporters(clusterARN string) ([]Exporter, error) {
	r := s.driver.find(clusterARN)
	if r == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotRunning, clusterARN)
	}
	return r.exporters.list(s.cfg.AdvertiseHost), nil
}

// lagLook has a cluster's lags looked at unless they are new enough.
func lagLook(ctx context.Context, r *runningCluster, now time.Time) {
	if r.lags.Fresh(now, lagAge) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lagPatience)
	defer cancel()
	r.lags.Note(r.c.GroupOffsets(ctx), now)
}
