package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// workload is one question asked of every contender.
type workload struct {
	name string
	unit string
	run  func(ctx context.Context, c *contender, d time.Duration) (float64, error)
}

const recordBytes = 1 << 10

// workloads of one round; every round has topics of its own, because deleting
// one frees pages beside the next measurement.
func workloads(round int) []workload {
	var out []workload
	for _, partitions := range []int32{1, 6, 100} {
		topic := fmt.Sprintf("bulk-%d-%d", partitions, round)
		out = append(out, workload{
			name: fmt.Sprintf("produce 1 KiB, acks=all, %d partitions", partitions), unit: "MB/s",
			run: func(ctx context.Context, c *contender, d time.Duration) (float64, error) {
				return produceBulk(ctx, c, topic, partitions, d)
			},
		})
		if partitions == 6 {
			out = append(out, workload{name: "consume from the start, 6 partitions", unit: "MB/s",
				run: func(ctx context.Context, c *contender, d time.Duration) (float64, error) {
					return consumeBulk(ctx, c, topic, d)
				}})
		}
	}
	topic := fmt.Sprintf("open-%d", round)
	var last *latencies
	measure := func(p float64) func(ctx context.Context, c *contender, d time.Duration) (float64, error) {
		return func(ctx context.Context, c *contender, d time.Duration) (float64, error) {
			if p == 50 {
				l, err := openLoop(ctx, c, topic, d)
				if err != nil {
					return 0, err
				}
				if last == nil {
					last = &latencies{by: make(map[string][]time.Duration)}
				}
				last.by[c.name] = l
			}
			return ms(percentile(last.by[c.name], p)), nil
		}
	}
	return append(out,
		workload{name: "open loop 5000/s, end to end p50", unit: "ms", run: measure(50)},
		workload{name: "open loop 5000/s, end to end p99", unit: "ms", run: measure(99)})
}

type latencies struct{ by map[string][]time.Duration }

func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p/100))]
}

// produceBulk sends as fast as acknowledgements allow and returns MB/s of
// values acknowledged, after a second of warm-up.
func produceBulk(ctx context.Context, c *contender, topic string, partitions int32, d time.Duration) (float64, error) {
	if err := c.createTopic(ctx, topic, partitions); err != nil {
		return 0, err
	}
	cl, err := c.client(kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(50_000),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.UniformBytesPartitioner(64<<10, false, false, nil)))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	var acked atomic.Int64
	var failed atomic.Pointer[error]
	value := make([]byte, recordBytes)
	promise := func(_ *kgo.Record, err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			failed.Store(&err)
			return
		}
		acked.Add(1)
	}
	runCtx, cancel := context.WithTimeout(ctx, d+time.Second)
	defer cancel()
	warmed := time.AfterFunc(time.Second, func() { acked.Store(0) })
	defer warmed.Stop()
	for runCtx.Err() == nil {
		cl.Produce(runCtx, &kgo.Record{Value: value}, promise)
		if e := failed.Load(); e != nil {
			return 0, *e
		}
	}
	rate := float64(acked.Load()) * recordBytes / d.Seconds() / 1e6
	return rate, cl.Flush(ctx)
}

// consumeBulk reads a filled topic from its start for at most d.
func consumeBulk(ctx context.Context, c *contender, topic string, d time.Duration) (float64, error) {
	cl, err := c.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	runCtx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var bytes int64
	began, last := time.Now(), time.Now()
	for runCtx.Err() == nil && time.Since(last) < 500*time.Millisecond {
		f := cl.PollRecords(runCtx, 10_000)
		if n := f.NumRecords(); n > 0 {
			last = time.Now()
			bytes += int64(n) * recordBytes
		}
	}
	return float64(bytes) / last.Sub(began).Seconds() / 1e6, nil
}

// openLoop sends 5000 records a second whatever the broker does, and measures
// from the time a record was due to the time a consumer has it.
func openLoop(ctx context.Context, c *contender, topic string, d time.Duration) ([]time.Duration, error) {
	const rate = 5000
	if err := c.createTopic(ctx, topic, 6); err != nil {
		return nil, err
	}
	cl, err := c.client(kgo.DefaultProduceTopic(topic), kgo.ConsumeTopics(topic), kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMinBytes(1))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	warm := time.Second
	total := int((warm + d).Seconds() * rate)
	began := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() { sendOpenLoop(ctx, cl, began, total, rate) })
	out := make([]time.Duration, 0, total)
	deadline, cancel := context.WithTimeout(ctx, warm+d+10*time.Second)
	defer cancel()
	for seen := 0; seen < total && deadline.Err() == nil; {
		cl.PollFetches(deadline).EachRecord(func(r *kgo.Record) {
			seen++
			if due := r.Timestamp.Sub(began); due > warm {
				out = append(out, time.Since(r.Timestamp))
			}
		})
	}
	wg.Wait()
	if deadline.Err() != nil {
		return nil, errors.New("not every record came back within ten seconds")
	}
	slices.Sort(out)
	return out, nil
}

func sendOpenLoop(ctx context.Context, cl *kgo.Client, began time.Time, total, rate int) {
	value := make([]byte, recordBytes)
	for i := range total {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		cl.Produce(ctx, &kgo.Record{Value: value, Timestamp: due.Truncate(time.Millisecond)}, nil)
	}
}
