package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	paceInterval     = 10 * time.Millisecond
	progressInterval = time.Second
	runHeader        = "run"  // which demo wrote a record
	sentHeader       = "sent" // when, in nanoseconds of Unix time
)

// streamResult is what a demo measured.
type streamResult struct {
	records  int
	bytes    int64
	elapsed  time.Duration   // from the first record sent to the last one consumed
	acks     []time.Duration // from sent to acknowledged
	arrivals []time.Duration // from sent to consumed
	airports map[string]*airport
}

// airport is what the consumer learned of the departures of one airport.
type airport struct {
	name    string
	flights int
	delay   int // minutes, in all
}

func (p *airport) mean() float64 { return float64(p.delay) / float64(p.flights) }

// stream produces records at a rate and consumes them as a group, until the
// last one arrived.
func (a *app) stream(ctx context.Context, opts []kgo.Opt, records [][]byte, rate int) (*streamResult, error) {
	limit := demoTimeout
	if rate > 0 {
		limit += time.Duration(len(records)) * time.Second / time.Duration(rate)
	}
	ctx, done := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the stream did not end in %s", limit))
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	assigned := make(chan struct{})
	var once sync.Once
	consumer, err := kgo.NewClient(append(slices.Clone(opts), kgo.ConsumeTopics(demoTopic), kgo.ConsumerGroup(demoGroup),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { once.Do(func() { close(assigned) }) }))...)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	producer, err := kgo.NewClient(append(slices.Clone(opts), kgo.DefaultProduceTopic(demoTopic), kgo.ProducerLinger(0))...)
	if err != nil {
		return nil, err
	}
	defer producer.Close()

	a.say("group %s: joining (Kafka waits a few seconds for more members)", demoGroup)
	select {
	case <-assigned:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	result := &streamResult{records: len(records), airports: map[string]*airport{}}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	start := time.Now()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if err := result.send(ctx, producer, records, run, rate); err != nil {
			cancel(fmt.Errorf("produce: %w", err)) // there is nothing more to wait for
		}
	}()
	err = result.receive(ctx, a, consumer, run)
	result.elapsed = time.Since(start)
	<-sent
	if err != nil {
		return nil, err
	}
	return result, consumer.CommitUncommittedOffsets(ctx)
}

// send produces the records in steps of paceInterval and waits for every
// acknowledgement.
func (s *streamResult) send(ctx context.Context, client *kgo.Client, records [][]byte, run string, rate int) error {
	var mu sync.Mutex
	var failed error
	done := func(r *kgo.Record, err error) {
		took := time.Since(sentAt(r))
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed = cmp.Or(failed, err)
			return
		}
		s.acks = append(s.acks, took)
	}
	tick := time.NewTicker(paceInterval)
	defer tick.Stop()
	start := time.Now()
	for i, value := range records {
		for rate > 0 && i >= int(time.Since(start).Seconds()*float64(rate)) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		client.Produce(ctx, flightRecord(value, run), done)
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return failed
}

func flightRecord(value []byte, run string) *kgo.Record {
	f, _ := parseFlight(value)
	return &kgo.Record{Key: []byte(f.Origin), Value: value, Headers: []kgo.RecordHeader{
		{Key: runHeader, Value: []byte(run)},
		{Key: sentHeader, Value: strconv.AppendInt(nil, time.Now().UnixNano(), 10)},
	}}
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func sentAt(r *kgo.Record) time.Time {
	nanos, _ := strconv.ParseInt(header(r, sentHeader), 10, 64)
	return time.Unix(0, nanos)
}

// receive consumes until every record of this run arrived.
func (s *streamResult) receive(ctx context.Context, a *app, client *kgo.Client, run string) error {
	shown := time.Now()
	for len(s.arrivals) < s.records {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consume: %w", err)
		}
		now := time.Now()
		for r := range fetches.RecordsAll() {
			if header(r, runHeader) != run {
				continue // of an earlier demo
			}
			s.arrivals = append(s.arrivals, now.Sub(sentAt(r)))
			s.bytes += int64(len(r.Key) + len(r.Value))
			s.learn(r.Value)
		}
		if now.Sub(shown) >= progressInterval {
			a.say("  %d of %d flights arrived", len(s.arrivals), s.records)
			shown = now
		}
	}
	return nil
}

type flight struct {
	Delay  int    `json:"delay"`
	Origin string `json:"origin"`
}

func parseFlight(value []byte) (f flight, err error) {
	err = json.Unmarshal(value, &f)
	return f, err
}

func (s *streamResult) learn(value []byte) {
	f, err := parseFlight(value)
	if err != nil {
		return
	}
	p := s.airports[f.Origin]
	if p == nil {
		p = &airport{name: f.Origin}
		s.airports[f.Origin] = p
	}
	p.flights++
	p.delay += f.Delay
}

// latest is the n airports with the longest mean delay.
func (s *streamResult) latest(n int) []*airport {
	all := slices.SortedFunc(maps.Values(s.airports), func(x, y *airport) int {
		return cmp.Or(cmp.Compare(y.mean(), x.mean()), cmp.Compare(x.name, y.name))
	})
	return all[:min(n, len(all))]
}

func (s *streamResult) print(a *app) {
	seconds := s.elapsed.Seconds()
	fmt.Fprintf(a.out, "%d flights in %.2f s: %.0f records/s, %.2f MB/s\n",
		s.records, seconds, float64(s.records)/seconds, float64(s.bytes)/1e6/seconds)
	fmt.Fprintf(a.out, "acknowledged after  p50 %s  p99 %s\n", percentile(s.acks, 50), percentile(s.acks, 99))
	fmt.Fprintf(a.out, "consumed after      p50 %s  p99 %s\n", percentile(s.arrivals, 50), percentile(s.arrivals, 99))
	for _, p := range s.latest(3) {
		fmt.Fprintf(a.out, "departures from %s: %d flights, %.1f minutes late on average\n", p.name, p.flights, p.mean())
	}
}

// percentile is the nearest-rank percentile, to 10 µs; 0 without values. It
// sorts what it is given.
func percentile(values []time.Duration, p int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	rank := (len(values)*p + 99) / 100
	return values[max(rank, 1)-1].Round(10 * time.Microsecond)
}
