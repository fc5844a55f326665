package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/aws/logs"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/s3"
	"github.com/millrace/millrace/kafka/loggers"
	"github.com/millrace/millrace/store"
)

// Limits of the delivery of one cluster's broker logs.
const (
	maxLogLines  = 4096     // that wait to be taken; more are left out and counted
	maxLogBatch  = 512      // lines that one broker's log group gets at a time
	maxLogLine   = 16 << 10 // bytes
	maxLogObject = 4 << 20  // bytes of lines in an object of S3

	logLinger      = 500 * time.Millisecond // how long a line waits for others
	logTimeout     = 10 * time.Second       // of one delivery
	objectInterval = 5 * time.Minute        // between objects of S3; aws:kafka developer guide, broker logs
	objectSoon     = 5 * time.Second        // where nothing lasts as long as on AWS
)

// logLine is a line of a broker's log.
type logLine struct {
	broker int32
	at     time.Time
	text   string
}

// brokerLogs delivers the logs of one cluster's brokers to where its
// loggingInfo says. Brokers never wait for it.
type brokerLogs struct {
	arn, account, region string
	first                atomic.Int32 // the broker whose log has what no broker is named in
	interval             time.Duration
	msk                  *msk.Service
	logs                 *logs.Service
	s3                   *s3.Service
	log                  *slog.Logger

	levels  loggers.Brokers // of the brokers' loggers, which decide what is delivered
	targets atomic.Pointer[msk.Logging]
	dropped atomic.Int64
	queue   chan logLine // capacity maxLogLines
	changed <-chan struct{}
	unwatch func()
	stop    chan struct{} // closed by close
	done    chan struct{} // closed when the last line is delivered

	// Of run alone.
	waiting map[int32][]logs.Event // by broker, for CloudWatch
	objects map[int32]*logObject   // by broker, for S3
	failing string                 // the last error, which is told once
}

// logObject is the lines of the next object of one broker.
type logObject struct {
	lines bytes.Buffer
	since time.Time
}

// openBrokerLogs starts the delivery of a cluster's logs. close must be called.
func openBrokerLogs(ctx context.Context, e *embedded, arn string, first int32) (*brokerLogs, error) {
	b := &brokerLogs{
		arn: arn, interval: objectSoon, msk: e.msk, logs: e.logs, s3: e.s3, log: e.log.With("cluster", arn),
		queue: make(chan logLine, maxLogLines), stop: make(chan struct{}), done: make(chan struct{}),
		waiting: map[int32][]logs.Event{}, objects: map[int32]*logObject{},
	}
	b.first.Store(first)
	if e.cfg.Realistic {
		b.interval = objectInterval
	}
	b.account, b.region = placeOf(arn)
	b.changed, b.unwatch = watchClusters(e.store, b.account, b.region)
	l, err := b.msk.Logging(ctx, arn)
	if err != nil {
		b.unwatch()
		return nil, err
	}
	b.targets.Store(&l)
	go b.run() // close waits for it
	return b, nil
}

func watchClusters(st *store.Store, account, region string) (<-chan struct{}, func()) {
	return st.Watch(account + "/" + region + "/msk/")
}

// close delivers what waits and ends.
func (b *brokerLogs) close() {
	b.unwatch()
	close(b.stop)
	<-b.done
}

// on says whether the logs go anywhere.
func (b *brokerLogs) on() bool {
	t := b.targets.Load()
	return t.LogGroup != "" || t.Bucket != ""
}

// put hands a line over, or counts it when there are too many.
func (b *brokerLogs) put(l logLine) {
	select {
	case b.queue <- l:
	default:
		b.dropped.Add(1)
	}
}

// run takes lines until close.
func (b *brokerLogs) run() {
	defer close(b.done)
	timer := time.NewTimer(logLinger)
	timer.Stop()
	due := false // the timer runs
	wake := func(in time.Duration) {
		if !due {
			due = true
			timer.Reset(in)
		}
	}
	for {
		select {
		case l := <-b.queue:
			if b.take(l) {
				b.deliver(false)
			}
			wake(logLinger)
		case <-timer.C:
			due = false
			b.deliver(false)
			if len(b.objects) > 0 {
				wake(min(b.interval, time.Second))
			}
		case <-b.changed:
			b.retarget()
		case <-b.stop:
			for len(b.queue) > 0 {
				if b.take(<-b.queue) {
					b.deliver(false)
				}
			}
			b.deliver(true)
			return
		}
	}
}

// retarget follows the cluster's loggingInfo. What waits goes where it was to
// go.
func (b *brokerLogs) retarget() {
	ctx, cancel := context.WithTimeout(context.Background(), logTimeout)
	defer cancel()
	next, err := b.msk.Logging(ctx, b.arn)
	if err != nil || next.Name == "" || next == *b.targets.Load() { // a cluster that is deleted has said where its last lines go
		b.tell(err)
		return
	}
	b.deliver(true)
	b.targets.Store(&next)
}

// take keeps a line for its broker. full says that a delivery is due.
func (b *brokerLogs) take(l logLine) (full bool) {
	t := b.targets.Load()
	if n := b.dropped.Swap(0); n > 0 {
		b.take(logLine{l.broker, l.at, logText(l.at, slog.LevelWarn, fmt.Sprintf("%d lines were left out, since they came faster than they are delivered", n), "millrace.BrokerLogs")})
	}
	text := redactAddresses(l.text)
	text = text[:min(len(text), maxLogLine)]
	if t.LogGroup != "" {
		b.waiting[l.broker] = append(b.waiting[l.broker], logs.Event{Time: l.at, Message: text})
		full = len(b.waiting[l.broker]) >= maxLogBatch
	}
	if t.Bucket != "" {
		o := b.objects[l.broker]
		if o == nil {
			o = &logObject{since: l.at}
			b.objects[l.broker] = o
		}
		o.lines.WriteString(text + "\n")
		full = full || o.lines.Len() >= maxLogObject
	}
	return full
}

// deliver sends what waits; objects of S3 when their time has come, or all.
func (b *brokerLogs) deliver(all bool) {
	ctx, cancel := context.WithTimeout(context.Background(), logTimeout)
	defer cancel()
	t, now := b.targets.Load(), time.Now()
	var failed error
	for _, id := range slices.Sorted(maps.Keys(b.waiting)) {
		events := b.waiting[id]
		slices.SortStableFunc(events, func(x, y logs.Event) int { return x.Time.Compare(y.Time) })
		err := b.logs.Append(ctx, itself(b.account, b.region), t.LogGroup, fmt.Sprintf("%s-Broker-%d", t.Name, id), events)
		failed = errors.Join(failed, err)
	}
	clear(b.waiting)
	for id, o := range b.objects {
		if !all && now.Sub(o.since) < b.interval && o.lines.Len() < maxLogObject {
			continue
		}
		delete(b.objects, id)
		failed = errors.Join(failed, b.s3.Put(ctx, b.account, t.Bucket, b.objectKey(t, id, o.since), zipped(o.lines.Bytes())))
	}
	b.tell(failed)
}

// objectKey is the key of an object with a broker's log. (aws:kafka developer
// guide, broker logs)
func (b *brokerLogs) objectKey(t *msk.Logging, broker int32, at time.Time) string {
	var unique [4]byte
	rand.Read(unique[:])
	at = at.UTC()
	return path.Join(t.Prefix, "AWSLogs", b.account, "KafkaBrokerLogs", b.region, t.Name, at.Format("2006-01-02-15"),
		fmt.Sprintf("Broker-%d_%s_%s.log.gz", broker, at.Format("15-04"), hex.EncodeToString(unique[:])))
}

func zipped(data []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(data) // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// tell logs an error when it is another than before.
func (b *brokerLogs) tell(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != b.failing {
		b.log.Warn("brokers' logs are not delivered; these lines are lost", "error", err)
	}
	b.failing = text
}

// handler is a slog.Handler that gives the records that their loggers write to the
// delivery, and all to another one, which may be nil.
func (b *brokerLogs) handler(next slog.Handler) slog.Handler {
	return &brokerHandler{to: b, next: next}
}

// brokerHandler is immutable.
type brokerHandler struct {
	to     *brokerLogs
	next   slog.Handler // nil: nobody else
	broker int32        // 0: none is named
	logger string
	more   string // attributes as text
}

// Enabled says whether somebody takes records of a level. Where the logger is not
// known yet, it may be that nobody does.
func (h *brokerHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.to.on() && (h.logger == "" && level >= slog.LevelInfo || h.logger != "" && h.to.levels.Of(h.broker).Enabled(h.logger, level)) ||
		h.next != nil && h.next.Enabled(ctx, level)
}

// Handle never waits for the delivery.
func (h *brokerHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.to.on() {
		line, level := *h, r.Level
		r.Attrs(func(a slog.Attr) bool { line.add(a); return true })
		if line.logger == "" {
			line.logger = loggerOf(r.Message)
		}
		if line.broker == 0 {
			line.broker = h.to.first.Load()
		}
		if line.logger == loggerDenied && level == slog.LevelWarn {
			level = slog.LevelInfo // as Kafka's authorizers log it
		}
		if h.to.levels.Of(line.broker).Enabled(line.logger, level) {
			h.to.put(logLine{line.broker, r.Time, logText(r.Time, level, r.Message+line.more, line.logger)})
		}
	}
	if h.next != nil && h.next.Enabled(ctx, r.Level) {
		return h.next.Handle(ctx, r)
	}
	return nil
}

func (h *brokerHandler) add(a slog.Attr) {
	switch v := a.Value.Resolve(); a.Key {
	case "broker":
		switch id := v.Any().(type) {
		case int64:
			h.broker = int32(id)
		case int32:
			h.broker = id
		}
	case "logger":
		h.logger = v.String()
	case "cluster", "why": // the log is one cluster's; policies are its owner's
	default:
		h.more += " " + a.Key + "=" + v.String()
	}
}

// WithAttrs adds attributes to every record.
func (h *brokerHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	for _, a := range attrs {
		out.add(a)
	}
	if h.next != nil {
		out.next = h.next.WithAttrs(attrs)
	}
	return &out
}

// WithGroup leaves groups out of brokers' logs: Kafka's have none.
func (h *brokerHandler) WithGroup(name string) slog.Handler {
	out := *h
	if h.next != nil {
		out.next = h.next.WithGroup(name)
	}
	return &out
}

// loggerDenied has the requests that were refused.
const loggerDenied = "kafka.authorizer.logger"

// loggerOf is Kafka's name of the logger that has what this server tells by
// itself.
func loggerOf(message string) string {
	switch message {
	case "request denied":
		return loggerDenied
	case "authentication failed":
		return "org.apache.kafka.common.network.Selector"
	case "connection refused", "connection not opened", "connection closed", "accept":
		return "kafka.network.SocketServer"
	case "retention", "retention removed segments", "recovery cut the tail of a log after an unclean stop; nothing acknowledged was in it":
		return "kafka.log.LogManager"
	case "compaction", "compacted":
		return "org.apache.kafka.storage.internals.log.LogCleaner"
	}
	return "kafka.server.BrokerServer"
}

// logText is a line as Kafka's log4j writes it.
func logText(at time.Time, level slog.Level, text, logger string) string {
	return fmt.Sprintf("[%s] %s %s (%s)", at.UTC().Format("2006-01-02 15:04:05,000"), loggers.Name(level), text, logger)
}

var (
	address4 = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`)
	address6 = regexp.MustCompile(`[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f]*`)
)

// redactAddresses hides IP addresses as MSK does.
func redactAddresses(text string) string {
	for _, shape := range []*regexp.Regexp{address4, address6} {
		text = shape.ReplaceAllStringFunc(text, func(s string) string {
			if _, err := netip.ParseAddr(s); err != nil {
				return s
			}
			return "INTERNAL_IP"
		})
	}
	return text
}
