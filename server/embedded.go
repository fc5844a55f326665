package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/audit/trail"
	"github.com/millrace/millrace/aws/ec2"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/kms"
	"github.com/millrace/millrace/aws/logs"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/s3"
	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/kafka/cluster"
	"github.com/millrace/millrace/monitor"
	"github.com/millrace/millrace/pki"
	"github.com/millrace/millrace/store"
	"github.com/millrace/millrace/vfs"
)

// embedded is the fleet's driver for clusters in this process. Each has a
// directory: its ports, and the log directory of its brokers.
type embedded struct {
	cfg   Config
	dir   string // of all clusters
	ports *portBook
	store *store.Store
	msk   *msk.Service
	ec2   *ec2.Service
	iam   *iam.Service
	pki   *pki.Authority
	kms   *kms.Service
	known accessSources
	logs  *logs.Service
	s3    *s3.Service
	log   *slog.Logger
	audit *trail.Trail // nil: nothing is recorded
	host  *monitor.Host

	failed chan string // ARNs of clusters that have failed, for the fleet

	// between is asked between two changes of a cluster, and before what is done
	// is told, nil for always yes: tests end the process there.
	between func() error // guarded by mu

	mu      sync.Mutex
	running map[string]*runningCluster // by ARN; guarded by mu
}

type runningCluster struct {
	c         *cluster.Cluster
	facts     *factsKeeper
	observed  atomic.Pointer[fleet.Observed]
	access    *access
	door      *vpcDoor
	firewall  *firewall
	exporters *exporters
	logs      *brokerLogs
	lags      *monitor.Lags
	told      atomic.Pointer[msk.Monitoring] // what is told of it
	spec      fleet.Spec                     // that it runs as; belongs to Ensure
	torn      bool                           // a change went wrong midway; belongs to Ensure
	refused   map[int32]int64                // by broker: the generation whose wish that it starts again came to nothing, since its volume's key cannot be used; it has not stopped. Belongs to Ensure
	closed    chan struct{}
	watch     sync.WaitGroup
}

var _ fleet.Driver = (*embedded)(nil)

func newEmbedded(s *System) (*embedded, error) {
	ports, err := parsePorts(s.cfg.BrokerPorts)
	if err != nil {
		return nil, err
	}
	bind, _, err := net.SplitHostPort(s.cfg.Listen)
	if err != nil {
		return nil, err
	}
	e := &embedded{
		cfg: s.cfg, dir: filepath.Join(s.cfg.DataDir, "clusters"), ports: newPortBook(bind, ports),
		store: s.store, msk: s.msk, ec2: s.ec2, iam: s.iam, pki: s.pki, kms: s.kms, known: accessSources{s.msk, s.secrets, s.pca}, logs: s.logs, s3: s.s3, log: s.cfg.Log, audit: s.audit, failed: make(chan string), running: make(map[string]*runningCluster),
	}
	e.host = monitor.NewHost(os.DirFS("/proc"), e.dir)
	if err := vfs.MakeDirs(vfs.OS, e.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the clusters' directory: %w", err)
	}
	return e, e.reservePorts()
}

// reservePorts keeps the ports of clusters that do not run yet from new ones.
func (e *embedded) reservePorts() error {
	entries, err := os.ReadDir(e.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := e.ports.reserve(filepath.Join(e.dir, entry.Name(), portsFile)); err != nil {
			return err
		}
	}
	return nil
}

// What a cluster's directory holds.
const (
	portsFile = "ports.json"
	logsDir   = "kafka" // on Config.FS
)

// directory is a cluster's: the last part of its ARN is its id.
func (e *embedded) directory(arn string) string {
	return filepath.Join(e.dir, arn[strings.LastIndexByte(arn, '/')+1:])
}

// Ensure starts the cluster unless it runs, and makes one that runs what the
// spec says. One that has failed since is closed and opened again, which
// recovers its logs.
func (e *embedded) Ensure(ctx context.Context, s fleet.Spec) (fleet.Observed, error) {
	seen, err := e.ensure(ctx, s)
	return seen, errors.Join(err, e.ask())
}

// ask asks between.
func (e *embedded) ask() error {
	e.mu.Lock()
	between := e.between
	e.mu.Unlock()
	if between == nil {
		return nil
	}
	return between()
}

func (e *embedded) ensure(ctx context.Context, s fleet.Spec) (fleet.Observed, error) {
	if r := e.find(s.ARN); r != nil {
		err := r.c.Err()
		if err == nil && !r.torn {
			return e.converge(ctx, r, s)
		}
		e.log.Error("cluster failed; opening it again", "cluster", s.Name, "error", err)
		e.close(s.ARN)
	}
	r, err := e.open(ctx, s)
	if err != nil {
		return fleet.Observed{}, refusal(fmt.Errorf("start cluster %s: %w", s.Name, err))
	}
	e.mu.Lock()
	e.running[s.ARN] = r
	e.mu.Unlock()
	r.watch.Go(func() { e.watch(s.ARN, r) })
	return *r.observed.Load(), nil
}

// find is the cluster while it runs, or nil.
func (e *embedded) find(arn string) *runningCluster {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running[arn]
}

// watch tells the fleet when the cluster has failed.
func (e *embedded) watch(arn string, r *runningCluster) {
	select {
	case <-r.c.Failed():
	case <-r.closed:
		return
	}
	select {
	case e.failed <- arn:
	case <-r.closed:
	}
}

// Remove stops a cluster and deletes its directory.
func (e *embedded) Remove(ctx context.Context, arn string) error {
	e.close(arn)
	if err := e.releaseKey(ctx, arn); err != nil {
		return fmt.Errorf("give back the cluster's key: %w", err)
	}
	if err := e.ask(); err != nil {
		return err
	}
	dir := e.directory(arn)
	e.ports.release(filepath.Join(dir, portsFile))
	if err := errors.Join(e.cfg.FS.RemoveAll(filepath.Join(dir, logsDir)), os.RemoveAll(dir)); err != nil {
		return fmt.Errorf("remove the cluster's data: %w", err)
	}
	return e.ask()
}

func (e *embedded) close(arn string) {
	e.mu.Lock()
	r := e.running[arn]
	delete(e.running, arn)
	e.mu.Unlock()
	if r == nil {
		return
	}
	close(r.closed)
	r.watch.Wait()
	r.exporters.close()
	r.facts.close()
	end := r.c.Close
	if e.cfg.Secure != nil {
		end = r.c.Shutdown
	}
	err := end()
	r.access.close()
	r.door.close()
	r.logs.close()
	r.firewall.close()
	if err != nil {
		e.log.Error("close cluster", "cluster", arn, "error", err)
	}
}

// closeAll stops every cluster; the fleet has stopped before.
func (e *embedded) closeAll() {
	e.mu.Lock()
	arns := slices.Sorted(maps.Keys(e.running))
	e.mu.Unlock()
	var closing sync.WaitGroup
	for _, arn := range arns {
		closing.Go(func() { e.close(arn) })
	}
	closing.Wait()
}

// listenerKind is how one of MSK's listeners is made.
type listenerKind struct {
	name       string // as brokers call it: aws:kafka custom.advertised.listeners
	host       string // how its brokers are called, where that is not "b-%d"
	tls        bool
	mechanisms []string
	iam        bool
	vpce       bool // VPC connections lead here, and nothing else does
}

var listenerKinds = map[string]listenerKind{
	string(msk.Plaintext): {name: "CLIENT"},
	string(msk.TLS):       {name: "CLIENT_SECURE", tls: true},
	string(msk.SCRAM):     {name: "CLIENT_SASL_SCRAM", tls: true, mechanisms: []string{"SCRAM-SHA-512", "SCRAM-SHA-256"}},
	string(msk.IAM):       {name: "CLIENT_IAM", tls: true, mechanisms: []string{"AWS_MSK_IAM", "OAUTHBEARER"}, iam: true},

	string(msk.PublicTLS):   {name: "CLIENT_SECURE_PUBLIC", host: "b-%d-public", tls: true},
	string(msk.PublicSCRAM): {name: "CLIENT_SASL_SCRAM_PUBLIC", host: "b-%d-public", tls: true, mechanisms: []string{"SCRAM-SHA-512", "SCRAM-SHA-256"}},
	string(msk.PublicIAM):   {name: "CLIENT_IAM_PUBLIC", host: "b-%d-public", tls: true, mechanisms: []string{"AWS_MSK_IAM", "OAUTHBEARER"}, iam: true},

	string(msk.VPCTLS):   {name: "CLIENT_SECURE_VPCE", host: "b-%d.tls", tls: true, vpce: true},
	string(msk.VPCSCRAM): {name: "CLIENT_SASL_SCRAM_VPCE", host: "b-%d.scram", tls: true, vpce: true, mechanisms: []string{"SCRAM-SHA-512", "SCRAM-SHA-256"}},
	string(msk.VPCIAM):   {name: "CLIENT_IAM_VPCE", host: "b-%d.iam", tls: true, vpce: true, mechanisms: []string{"AWS_MSK_IAM", "OAUTHBEARER"}, iam: true},
}

// open binds the cluster's ports, makes its certificate and starts it.
func (e *embedded) open(ctx context.Context, s fleet.Spec) (*runningCluster, error) {
	if err := e.useKey(ctx, s); err != nil {
		return nil, err
	}
	dir := e.directory(s.ARN)
	if err := vfs.MakeDirs(vfs.OS, dir, 0o700); err != nil {
		return nil, err
	}
	o := &opening{e: e, spec: s, facts: keepFacts(e.store, e.msk, s.ARN)}
	bound, err := e.ports.listenAll(filepath.Join(dir, portsFile), o.keys())
	if err == nil {
		err = o.prepare(ctx)
	}
	var cfg cluster.Config
	var observed fleet.Observed
	if err == nil {
		cfg, observed, err = o.config(dir, bound)
	}
	var c *cluster.Cluster
	if err == nil {
		c, err = cluster.Open(cfg)
	}
	if err != nil {
		o.close()
		closeAll(bound)
		return nil, err
	}
	r := &runningCluster{c: c, logs: o.logs, lags: new(monitor.Lags), access: o.access, door: o.door, firewall: o.firewall, facts: o.facts, spec: s, refused: make(map[int32]int64), closed: make(chan struct{})}
	r.observed.Store(&observed)
	r.told.Store(&s.Monitoring)
	r.exporters = newExporters(e, r)
	if err := r.exporters.converge(s); err != nil {
		e.log.Error("open monitoring", "cluster", s.Name, "error", err)
	}
	return r, nil
}

// opening is one cluster being opened.
type opening struct {
	e      *embedded
	spec   fleet.Spec
	facts  *factsKeeper
	access *access
	door   *vpcDoor
	logs   *brokerLogs

	firewall *firewall
}

// prepare opens what stands beside the cluster and before its listeners.
func (o *opening) prepare(ctx context.Context) (err error) {
	e, log := o.e, o.e.log.With("cluster", o.spec.Name)
	if o.access, err = openAccess(ctx, e.known, o.spec, log); err != nil {
		return err
	}
	if o.door, err = openVPCDoor(ctx, e.msk, e.ec2, o.spec.ARN, e.cfg.VPCNetworks, log); err != nil {
		return err
	}
	if o.firewall, err = openFirewall(ctx, e.ec2, o.spec, e.cfg.VPCNetworks, log); err != nil {
		return err
	}
	o.logs, err = openBrokerLogs(ctx, e, o.spec.ARN, o.spec.Brokers[0].ID)
	return err
}

// close ends what was opened for a cluster that did not open.
func (o *opening) close() {
	o.facts.close()
	if o.access != nil {
		o.access.close()
	}
	if o.door != nil {
		o.door.close()
	}
	if o.logs != nil {
		o.logs.close()
	}
	if o.firewall != nil {
		o.firewall.close()
	}
}

const bootKey = "boot"

func listenerKey(broker int32, listenerName string) string {
	return strconv.Itoa(int(broker)) + "/" + listenerName
}

// addresses is whose addresses a broker answers at: its own first.
func addresses(b fleet.Broker) []int32 { return append([]int32{b.ID}, b.Replaces...) }

// keysOf names the sockets of some listeners of a broker.
func keysOf(b fleet.Broker, listeners []string) (keys []string) {
	for _, id := range addresses(b) {
		for _, l := range listeners {
			keys = append(keys, listenerKey(id, l))
		}
	}
	return keys
}

// keys names every socket of the cluster.
func (o *opening) keys() []string {
	var keys []string
	for _, b := range o.spec.Brokers {
		keys = append(keys, keysOf(b, o.spec.Listeners)...)
	}
	if o.spec.Serverless {
		keys = append(keys, bootKey)
	}
	return keys
}

// brokerHost is the name that a broker has for the clients of a listener: the
// advertised host, or with a broker domain the name that MSK gives.
func (o *opening) brokerHost(id int32, listener string) string {
	if o.e.cfg.BrokerDomain == "" {
		return o.e.cfg.AdvertiseHost
	}
	s := o.spec
	if s.Serverless {
		return fmt.Sprintf("b-%d-%s", id, o.bootHost())
	}
	label := cmp.Or(listenerKinds[listener].host, "b-%d")
	return fmt.Sprintf(label+".%s.%s.c%d.kafka.%s.%s", id, s.Label, s.Random, s.N, s.Region, o.e.cfg.BrokerDomain)
}

func (o *opening) bootHost() string {
	if o.e.cfg.BrokerDomain == "" {
		return o.e.cfg.AdvertiseHost
	}
	return fmt.Sprintf("boot-%s.c%d.kafka-serverless.%s.%s", o.spec.Random, o.spec.N, o.spec.Region, o.e.cfg.BrokerDomain)
}

// hosts is every name and address that a client may use for the cluster: for
// its certificate, and for the tokens that it signs.
func (o *opening) hosts() []string {
	names := []string{o.e.cfg.AdvertiseHost, o.e.ports.bind}
	if s := o.e.cfg.Secure; s != nil {
		names = append(names[:1], s.Names...)
	} else if ip := net.ParseIP(o.e.ports.bind); ip != nil && ip.IsLoopback() {
		names = append(names, "localhost", "127.0.0.1", "::1")
	}
	for _, b := range o.spec.Brokers {
		for _, id := range addresses(b) {
			for _, l := range o.spec.Listeners {
				names = append(names, o.brokerHost(id, l))
			}
		}
	}
	if o.spec.Serverless {
		names = append(names, o.bootHost())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (o *opening) config(dir string, bound map[string]net.Listener) (cluster.Config, fleet.Observed, error) {
	e, s := o.e, o.spec
	if _, err := e.pki.ServerCertificate(o.hosts(), time.Now()); err != nil { // what handshakes will get
		return cluster.Config{}, fleet.Observed{}, fmt.Errorf("make the brokers' certificate: %w", err)
	}
	cfg := cluster.Config{
		Dir: filepath.Join(dir, logsDir), FS: e.cfg.FS, ClusterID: clusterID(s.ARN), KafkaVersion: s.KafkaVersion, Region: s.Region,
		Static: s.Brokers[0].Static, Serverless: s.Serverless, Throttles: e.cfg.throttles(s),
		Verifier: tokenVerifier{iam: e.iam, region: s.Region, now: time.Now}, SessionMax: e.cfg.SessionMax, Users: o.access.credential,
		InitialRebalanceDelay: *e.cfg.RebalanceDelay, PageCache: e.cfg.PageCache, ForgetProducers: e.cfg.ForgetProducers,
		Refused: refusals(e.audit, s.ARN, s.Region), Changed: wireChanges(e.audit, s.ARN, s.Region),
		Log: slog.New(o.logs.handler(e.log.With("cluster", s.Name).Handler())), Journal: slog.New(o.logs.handler(nil)), Loggers: &o.logs.levels,
	}
	var observed fleet.Observed
	for _, b := range s.Brokers {
		kb, ob, err := o.broker(b, s.Listeners, bound)
		if err != nil {
			return cfg, observed, err
		}
		cfg.Brokers, observed.Brokers = append(cfg.Brokers, kb), append(observed.Brokers, ob)
	}
	if s.Serverless {
		l, err := o.listener(string(msk.IAM), bound[bootKey], o.bootHost())
		if err != nil {
			return cfg, observed, err
		}
		cfg.Boot, observed.Boot = &l, address(l)
	}
	return cfg, observed, nil
}

// broker is one broker with some of its listeners.
func (o *opening) broker(b fleet.Broker, listeners []string, bound map[string]net.Listener) (cluster.Broker, fleet.ObservedBroker, error) {
	kb := cluster.Broker{ID: b.ID, Rack: b.ZoneID, KafkaVersion: b.KafkaVersion, Static: b.Static, Express: isExpress(b.InstanceType), Limits: o.e.cfg.limits(o.spec, b.InstanceType)}
	ob := fleet.ObservedBroker{ID: b.ID, Endpoints: make(map[string]string)}
	for _, name := range listeners {
		l, err := o.listener(name, bound[listenerKey(b.ID, name)], o.brokerHost(b.ID, name))
		if err != nil {
			return kb, ob, err
		}
		kb.Listeners = append(kb.Listeners, l)
		ob.Endpoints[name] = address(l)
	}
	hidden, err := o.hidden(b, listeners, bound)
	kb.Listeners = append(kb.Listeners, hidden...)
	return kb, ob, err
}

// hidden is some listeners of a broker at the addresses of those that it replaces.
func (o *opening) hidden(b fleet.Broker, listeners []string, bound map[string]net.Listener) (all []cluster.Listener, err error) {
	for _, id := range b.Replaces {
		for _, name := range listeners {
			l, err := o.listener(name, bound[listenerKey(id, name)], o.brokerHost(id, name))
			if err != nil {
				return nil, err
			}
			l.Hidden = true
			all = append(all, l)
		}
	}
	return all, nil
}

func address(l cluster.Listener) string {
	return net.JoinHostPort(l.Host, strconv.Itoa(int(l.Port)))
}
