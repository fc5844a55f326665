package monitor

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/cloudwatch"
	"github.com/millrace/millrace/kafka/measure"
)

// Namespace is MSK's in CloudWatch.
const Namespace = "AWS/Kafka"

// Target is a cluster that runs, and how to ask it.
type Target struct {
	ARN, Name       string
	Account, Region string
	Level           string // enhancedMonitoring; "" of a serverless cluster
	Serverless      bool

	Measure func(now time.Time) measure.Reading
	Offsets func(ctx context.Context) []measure.GroupOffset
	Lags    *Lags
}

// Config is what a Monitor is made of.
type Config struct {
	Targets  func() []Target // those that run now
	Record   func(ctx context.Context, account, region, namespace string, data []cloudwatch.Datum) error
	Host     *Host
	Interval time.Duration // 0: a minute; below 0: Collect alone records, but for what is new
	Log      *slog.Logger
}

// offsetsPatience bounds how long a cluster is asked for its groups' offsets.
const offsetsPatience = 10 * time.Second

// Monitor records what clusters do. Collect may be called while Run runs.
type Monitor struct {
	cfg      Config
	interval time.Duration // that a datum is of

	turn chan struct{}        // capacity 1: holds a token while data are collected; guards the rest
	last map[string]*previous // by ARN
	host counters             // of the machine, by metric
	at   time.Time            // of them
	cpu  CPU
}

// previous is a cluster a minute ago.
type previous struct {
	at      time.Time
	brokers map[int32]baseline
}

// baseline is a broker a minute ago, as far as it counts.
type baseline struct {
	started time.Time
	counts  counters
}

// counters are counts by the name of what is counted.
type counters map[string]float64

// New makes a Monitor; it starts nothing.
func New(cfg Config) *Monitor {
	m := &Monitor{cfg: cfg, interval: cfg.Interval, turn: make(chan struct{}, 1), last: make(map[string]*previous)}
	if m.interval <= 0 {
		m.interval = time.Minute
	}
	return m
}

// Run records a datum of every metric at each minute's end, and the first of a
// cluster soon after changed tells of it, until ctx ends. What cannot be recorded is
// logged, and its minute is lost.
func (m *Monitor) Run(ctx context.Context, changed <-chan struct{}) {
	for {
		now := time.Now()
		timer := time.NewTimer(now.Truncate(m.interval).Add(m.interval).Sub(now))
		if m.cfg.Interval < 0 {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-changed:
			m.collect(ctx, time.Now(), true)
		case <-timer.C:
			m.collect(ctx, time.Now(), false)
		}
		timer.Stop()
	}
}

// Collect records a datum of every metric of all clusters, of the minute before
// now.
func (m *Monitor) Collect(ctx context.Context, now time.Time) { m.collect(ctx, now, false) }

// collect is Collect, of all clusters or of those that are new alone.
func (m *Monitor) collect(ctx context.Context, now time.Time, newOnes bool) {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return
	}
	there := make(map[string]*previous)
	targets := m.cfg.Targets()
	machine := m.machine(now)
	for _, t := range targets {
		prev := m.last[t.ARN]
		if there[t.ARN] = prev; prev != nil && newOnes || ctx.Err() != nil {
			continue
		}
		data, next := m.measure(ctx, t, prev, machine, now)
		there[t.ARN] = next
		if err := m.cfg.Record(ctx, t.Account, t.Region, Namespace, data); err != nil && ctx.Err() == nil {
			m.cfg.Log.Error("record metrics", "cluster", t.Name, "error", err)
		}
	}
	m.last = there
	if !newOnes || m.at.IsZero() {
		m.host, m.cpu, m.at = machine.counts, machine.cpu, now
	}
}

// machine is what all brokers of a minute share.
type machine struct {
	counts counters
	before counters
	cpu    CPU
	busy   CPU // since a minute ago, of 100
	memory map[string]float64
	heap   float64
	total  int64
	usable int64
}

func (m *Monitor) machine(now time.Time) *machine {
	h := m.cfg.Host
	out := &machine{counts: make(counters), before: m.host, cpu: h.CPUs()[""], memory: h.Memory(), heap: h.Process(now).Live}
	out.total, out.usable, _ = h.Space()
	for i, way := range []string{"rx", "tx"} {
		for _, t := range h.Network() {
			out.counts[way+".dropped"] += t[i].Dropped
			out.counts[way+".errors"] += t[i].Errors
			out.counts[way+".packets"] += t[i].Packets
		}
	}
	all := 0.0
	for mode, s := range out.cpu {
		all += s - m.cpu[mode]
	}
	if all > 0 {
		out.busy = make(CPU)
		for mode, s := range out.cpu {
			out.busy[mode] = 100 * (s - m.cpu[mode]) / all
		}
	}
	return out
}

// look is one broker being looked at.
type look struct {
	target   *Target
	reading  measure.Reading
	b        *measure.BrokerReading
	machine  *machine
	internal map[string]bool // of every topic
	since    time.Duration   // what rates are over
	before   counters        // of the broker
	now      counters
}

// measure makes the data of one cluster.
func (m *Monitor) measure(ctx context.Context, t Target, prev *previous, machine *machine, now time.Time) ([]cloudwatch.Datum, *previous) {
	d := &data{target: &t, at: now.Truncate(time.Minute)}
	if prev != nil { // of the time that has just ended
		d.at = now.Add(-m.interval / 2).Truncate(time.Minute)
	}
	r := t.Measure(now)
	internal := make(map[string]bool)
	for _, p := range r.Partitions {
		internal[p.Topic] = p.Internal
	}
	next := &previous{at: now, brokers: make(map[int32]baseline)}
	for i := range r.Brokers {
		c := &look{target: &t, reading: r, b: &r.Brokers[i], internal: internal, machine: machine, now: make(counters), since: m.interval}
		if prev != nil {
			if was := prev.brokers[c.b.ID]; was.started.Equal(c.b.Started) {
				c.before = was.counts
				if past := now.Sub(prev.at); past > 0 { // else the clock was set back
					c.since = past
				}
			}
		}
		if c.b.Running {
			c.broker(d)
		}
		next.brokers[c.b.ID] = baseline{c.b.Started, c.now}
	}
	within, cancel := context.WithTimeout(ctx, offsetsPatience)
	defer cancel()
	t.Lags.Note(t.Offsets(within), now)
	d.lags(t.Lags.All())
	return d.all, next
}

// data is the data of one cluster and minute.
type data struct {
	target *Target
	at     time.Time
	all    []cloudwatch.Datum
}

func (d *data) add(name, unit string, v float64, dimensions ...string) {
	datum := cloudwatch.Datum{Name: name, Unit: unit, Time: d.at, Sample: cloudwatch.Value(v), Dimensions: []cloudwatch.Dimension{{Name: clusterName, Value: d.target.Name}}}
	for i := 0; i < len(dimensions); i += 2 {
		datum.Dimensions = append(datum.Dimensions, cloudwatch.Dimension{Name: dimensions[i], Value: dimensions[i+1]})
	}
	d.all = append(d.all, datum)
}

// broker makes the data of one broker.
func (c *look) broker(d *data) {
	list, has := rows, levelOf(c.target.Level)
	if c.target.Serverless {
		list = serverlessRows
	}
	id := strconv.Itoa(int(c.b.ID))
	for i := range list {
		r := &list[i]
		v, ok := c.row(r)
		switch {
		case r.topic != nil:
			c.topics(d, r, has)
		case !ok || r.level > has || !r.of(c.b):
		case r.dimensions == "":
			d.add(r.name, r.unit, v)
		default:
			d.add(r.name, r.unit, v, brokerID, id)
		}
	}
	if c.target.Serverless {
		return
	}
	for auth, n := range c.byAuthentication() {
		d.add("ClientConnectionCount", count, float64(n), brokerID, id, authentication, auth)
	}
}

// row is the value of a row that is about the broker. What counts is noted, also
// when nobody asks for it.
func (c *look) row(r *row) (float64, bool) {
	switch {
	case r.rate != nil:
		n := r.rate(c.b.Counts)
		return c.difference(r.name, float64(n)) / c.since.Seconds(), n > 0 || !r.late
	case r.mean != nil:
		n, total := r.mean(c.b.Counts)
		dn, dt := c.difference(r.name+" count", float64(n)), c.difference(r.name, float64(total))
		if dn == 0 {
			return 0, n > 0 || !r.late
		}
		return dt / dn / 1000, true
	case r.broker != nil:
		return r.broker(c)
	case r.onCluster != nil:
		return r.onCluster(c)
	case r.total != nil:
		return r.total(c)
	}
	return 0, false
}

// difference is how much a count has grown, which is 0 or more.
func (c *look) difference(name string, now float64) float64 {
	c.now[name] = now
	return max(0, now-c.before[name])
}

// topics makes a row's data of every topic that has had traffic.
func (c *look) topics(d *data, r *row, has level) {
	topics := c.b.Counts.Topics(func(name string) bool { _, ok := c.internal[name]; return ok })
	for _, name := range sorted(topics) {
		rate := c.difference(r.name+" of "+name, float64(r.topic(topics[name]))) / c.since.Seconds()
		switch {
		case r.level > has, c.internal[name] && c.target.Serverless:
		case c.target.Serverless:
			d.add(r.name, r.unit, rate, topicName, name)
		default:
			d.add(r.name, r.unit, rate, brokerID, strconv.Itoa(int(c.b.ID)), topicName, name)
		}
	}
}

// lags makes the data of groups. Names that are not ASCII have none, as on MSK.
func (d *data) lags(groups []GroupLag) {
	timeLag := "EstimatedMaxTimeLag"
	if d.target.Serverless {
		timeLag = "MaxEstimatedTimeLag"
	}
	for i := range groups {
		g := &groups[i]
		if strings.ContainsFunc(g.Group, func(r rune) bool { return r < ' ' || r > '~' }) || g.Group == "" {
			continue
		}
		about := []string{consumerGroup, g.Group, topicName, g.Topic}
		d.add("SumOffsetLag", count, float64(g.Sum), about...)
		d.add("MaxOffsetLag", count, float64(g.Max), about...)
		if g.TimeKnown {
			d.add(timeLag, seconds, g.Time, about...)
		}
		if levelOf(d.target.Level) < perPartition {
			continue
		}
		for _, p := range g.Partitions {
			of := append(about[:len(about):len(about)], partitionIndex, strconv.Itoa(int(p.Index)))
			d.add("OffsetLag", count, float64(p.Lag), of...)
			if p.TimeKnown {
				d.add("EstimatedTimeLag", seconds, p.Time, of...)
			}
		}
	}
}
