package server

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/metrics"
)

// MetricsTokenFile is the file in the data directory that holds the token with
// which a secure server's own metrics are read: mode 0600.
const MetricsTokenFile = "metrics-token"

// ownMetrics is what the process counts of itself. Its methods may be called
// concurrently.
type ownMetrics struct {
	mu    sync.Mutex
	calls map[call]*metrics.Histogram // guarded by mu; bounded by the operations that are served and their errors

	allowed, denied, unknown metrics.Counter // decisions about API calls; unknown ended with another error
	reconciled, unreconciled metrics.Histogram
}

// call is what API calls are told apart by. All values are of tables, none is of
// a caller.
type call struct {
	operation string // service:Name
	status    int
}

// maxCalls bounds the kinds of calls: past it they are counted as others.
const maxCalls = 4096

func newOwnMetrics() *ownMetrics { return &ownMetrics{calls: make(map[call]*metrics.Histogram)} }

// called counts an API call.
func (m *ownMetrics) called(operation string, status int, took time.Duration) {
	m.mu.Lock()
	c := call{operation, status}
	h := m.calls[c]
	if h == nil {
		if len(m.calls) >= maxCalls {
			c.operation = "other"
		}
		if h = m.calls[c]; h == nil {
			h = new(metrics.Histogram)
			m.calls[c] = h
		}
	}
	m.mu.Unlock()
	h.Observe(took.Microseconds())
}

// judged counts a decision about an API call.
func (m *ownMetrics) judged(err error) {
	switch refused := (*iam.Refused)(nil); {
	case err == nil:
		m.allowed.Add(1)
	case errors.As(err, &refused):
		m.denied.Add(1)
	default:
		m.unknown.Add(1)
	}
}

// reconciledIn counts a step of fleet.
func (m *ownMetrics) reconciledIn(took time.Duration, err error) {
	if err != nil {
		m.unreconciled.Observe(took.Microseconds())
		return
	}
	m.reconciled.Observe(took.Microseconds())
}

// countedDriver counts the steps of another driver.
type countedDriver struct {
	fleet.Driver
	metrics *ownMetrics
}

func (d countedDriver) Ensure(ctx context.Context, s fleet.Spec) (fleet.Observed, error) {
	began := time.Now()
	o, err := d.Driver.Ensure(ctx, s)
	d.metrics.reconciledIn(time.Since(began), err)
	return o, err
}

func (d countedDriver) Remove(ctx context.Context, arn string) error {
	began := time.Now()
	err := d.Driver.Remove(ctx, arn)
	d.metrics.reconciledIn(time.Since(began), err)
	return err
}

// countedAuthorizer counts the decisions of the API's authorizer.
type countedAuthorizer struct {
	apiAuthorizer
	metrics *ownMetrics
}

// Authorize judges and counts.
func (a countedAuthorizer) Authorize(ctx context.Context, q *iam.Question) error {
	err := a.apiAuthorizer.Authorize(ctx, q)
	a.metrics.judged(err)
	return err
}

// text writes the process's metrics.
func (m *ownMetrics) text(t *metrics.Text, s *System, now time.Time) {
	t.Add("millrace_build_info", metrics.Gauge, "The server's version", 1, metrics.Label{Name: "version", Value: s.cfg.Version})
	m.mu.Lock()
	calls := make(map[call]*metrics.Histogram, len(m.calls))
	for c, h := range m.calls {
		calls[c] = h
	}
	m.mu.Unlock()
	order := make([]call, 0, len(calls))
	for c := range calls {
		order = append(order, c)
	}
	slices.SortFunc(order, func(a, b call) int {
		if a.operation != b.operation {
			return strings.Compare(a.operation, b.operation)
		}
		return a.status - b.status
	})
	for _, c := range order {
		n, sum := calls[c].Totals()
		labels := []metrics.Label{{Name: "operation", Value: c.operation}, {Name: "status", Value: strconv.Itoa(c.status)}}
		t.Add("millrace_api_calls_total", metrics.Counting, "API calls by operation and HTTP status", float64(n), labels...)
		t.Add("millrace_api_call_seconds_total", metrics.Counting, "Time that API calls took", float64(sum)/1e6, labels...)
	}
	for name, c := range map[string]*metrics.Counter{"allow": &m.allowed, "deny": &m.denied, "error": &m.unknown} {
		t.Add("millrace_authorization_decisions_total", metrics.Counting, "Decisions about API calls", float64(c.Count()), metrics.Label{Name: "decision", Value: name})
	}
	for name, h := range map[string]*metrics.Histogram{"ok": &m.reconciled, "error": &m.unreconciled} {
		n, sum := h.Totals()
		t.Add("millrace_reconcile_steps_total", metrics.Counting, "Steps that made clusters what they are wanted to be", float64(n), metrics.Label{Name: "result", Value: name})
		t.Add("millrace_reconcile_seconds_total", metrics.Counting, "Time that these steps took", float64(sum)/1e6, metrics.Label{Name: "result", Value: name})
	}
	t.Add("millrace_clusters_running", metrics.Gauge, "Clusters that run in this process", float64(len(s.driver.all())))
	p := s.driver.host.Process(now)
	t.Add("process_cpu_seconds_total", metrics.Counting, "Processor time of the process", p.CPU)
	t.Add("process_resident_memory_bytes", metrics.Gauge, "Memory of the process", p.Resident)
	t.Add("process_open_fds", metrics.Gauge, "Open files of the process", p.Files)
	t.Add("process_start_time_seconds", metrics.Gauge, "When the process began, in seconds since 1970", float64(p.Started.UnixMilli())/1000)
	t.Add("go_heap_bytes", metrics.Gauge, "Bytes of the heap in use", p.Heap)
}

// all is the clusters that run now, by ARN.
func (e *embedded) all() map[string]*runningCluster {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make(map[string]*runningCluster, len(e.running))
	for arn, r := range e.running {
		out[arn] = r
	}
	return out
}

// The paths of what Prometheus reads of the process itself, on the API's port.
const (
	metricsPath   = "/metrics"
	discoveryPath = "/_millrace/sd/prometheus"
)

// observed answers Prometheus before the API is asked.
func (s *System) observed(next http.Handler) (http.Handler, error) {
	token, err := keepToken(filepath.Join(s.cfg.DataDir, MetricsTokenFile))
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet || r.URL.Path != metricsPath && r.URL.Path != discoveryPath, ofBucket(r):
			next.ServeHTTP(w, r)
		case !s.mayObserve(r, token):
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "metrics need the token in the file "+MetricsTokenFile+" of the data directory", http.StatusUnauthorized)
		case r.URL.Path == discoveryPath:
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(s.targets()) // the peer may be gone
		default:
			text := metrics.NewText()
			s.own.text(text, s, time.Now())
			writeText(w, text)
		}
	}), nil
}

// ofBucket says whether a request is signed as AWS's are: a bucket may have the
// name that is the path of the metrics.
func ofBucket(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") || r.URL.Query().Has("X-Amz-Signature")
}

// mayObserve lets in who has the token, and, unless the server is a secure one,
// who asks on this machine: by a name of it, so that no page of a browser can,
// and without a proxy between.
func (s *System) mayObserve(r *http.Request, token string) bool {
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
	}
	if s.cfg.Secure != nil || r.Header.Get("Forwarded")+r.Header.Get("X-Forwarded-For")+r.Header.Get("Via")+r.Header.Get("Origin") != "" {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	host := r.Host
	if name, _, split := net.SplitHostPort(host); split == nil {
		host = name
	}
	return err == nil && peer.Addr().Unmap().IsLoopback() && (host == defaultHost || net.ParseIP(host) != nil)
}

// keepToken reads the token, or makes it.
func keepToken(file string) (string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		data = []byte(rand.Text() + "\n")
		err = writeFile(file, data, 0o600)
	}
	return strings.TrimSpace(string(data)), err
}

// target is an element of Prometheus's http_sd_config.
type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// nameOf is the cluster's name in its ARN.
func nameOf(arn string) string {
	if parts := strings.Split(arn, "/"); len(parts) > 1 {
		return parts[1]
	}
	return ""
}

// targets is every exporter of every running cluster.
func (s *System) targets() []target {
	out := []target{}
	clusters := s.driver.all()
	for _, arn := range slices.Sorted(maps.Keys(clusters)) {
		r := clusters[arn]
		for _, x := range r.exporters.list(s.cfg.AdvertiseHost) {
			out = append(out, target{[]string{x.Address}, map[string]string{
				"job": x.Kind, "cluster": nameOf(arn), "cluster_arn": arn, "broker": strconv.Itoa(int(x.Broker)), "port": strconv.Itoa(x.Port),
			}})
		}
	}
	return out
}

// exporterOperations is the part of Millrace's own service that says where
// Prometheus reads a cluster.
func (s *System) exporterOperations() []model.Operation {
	return []model.Operation{{
		Name: "ListExporters", Method: http.MethodGet, Path: "/_millrace/v1/clusters/{clusterArn}/exporters", Status: http.StatusOK,
		Decode: decodeBroker,
		Call: func(ctx context.Context, c model.Caller, in model.Request) (any, error) {
			arn := in.(*brokerRequest).arn
			if err := s.mayKnow(ctx, c, arn); err != nil {
				return nil, err
			}
			list, err := s.Exporters(arn)
			if err != nil {
				return nil, faultError(err)
			}
			return &exporterList{list}, nil
		},
	}}
}

type exporterList struct {
	Exporters []Exporter `json:"exporters"`
}
