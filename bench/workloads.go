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

// workload is one question asked of every contender in its turn.
type workload struct {
	name string
	run  func(ctx context.Context, c *contender, d time.Duration) (result, error)
}

// result is what a workload measured, and how many bytes of values it moved
// through the broker (0 when CPU per byte means nothing).
type result struct {
	figures []measured
	bytes   int64
}

type measured struct {
	what  string // added to the workload's name
	unit  string
	value float64
}

func one(unit string, value float64) result { return result{figures: []measured{{"", unit, value}}} }

const (
	recordBytes = 1 << 10
	smallBytes  = 100
)

// workloads of one round; every round has topics of its own, because deleting
// one frees pages beside the next measurement.
func workloads(round int) []workload {
	topic := func(name string) string { return fmt.Sprintf("%s-%d", name, round) }
	var out []workload
	add := func(name string, run func(ctx context.Context, c *contender, d time.Duration) (result, error)) {
		out = append(out, workload{name, run})
	}
	for _, partitions := range []int32{1, 6, 100, 1000} {
		add(fmt.Sprintf("produce 1 KiB, acks=all, %d partitions", partitions), func(ctx context.Context, c *contender, d time.Duration) (result, error) {
			return produceBulk(ctx, c, topic(fmt.Sprint("bulk-", partitions)), partitions, recordBytes, d)
		})
	}
	add("produce 100 B, acks=all, 6 partitions", func(ctx context.Context, c *contender, d time.Duration) (result, error) {
		return produceBulk(ctx, c, topic("small"), 6, smallBytes, d)
	})
	add("catch up: consume from the start, 6 partitions", func(ctx context.Context, c *contender, d time.Duration) (result, error) {
		return consumeBulk(ctx, c, topic("bulk-6"), d)
	})
	add("produce and tail at once, 1 KiB, 6 partitions", func(ctx context.Context, c *contender, d time.Duration) (result, error) {
		return produceAndTail(ctx, c, topic("tail"), d)
	})
	add("16 synchronous senders, 1 KiB", func(ctx context.Context, c *contender, d time.Duration) (result, error) {
		return synchronous(ctx, c, topic("sync"), 16, d)
	})
	add("open loop 5000/s, end to end", func(ctx context.Context, c *contender, d time.Duration) (result, error) {
		return openLoop(ctx, c, topic("open"), d)
	})
	add("transactions of 10 records of 1 KiB", func(ctx context.Context, c *contender, d time.Duration) (result, error) {
		return transactions(ctx, c, topic("txn"), 10, d)
	})
	add("group of 100 members", func(ctx context.Context, c *contender, _ time.Duration) (result, error) {
		return rebalance(ctx, c, topic("group"), 100)
	})
	return out
}

// authorized is what authorization costs: every contender has a topic of its
// own, since both are of one cluster.
func authorized(round int) workload {
	return workload{"produce 1 KiB over IAM and TLS, 6 partitions", func(ctx context.Context, c *contender, d time.Duration) (result, error) {
		return produceBulk(ctx, c, fmt.Sprintf("iam-%d-%d", round, len(c.name)), 6, recordBytes, d)
	}}
}

func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p/100))]
}

func percentiles(sorted []time.Duration) []measured {
	return []measured{{", p50", "ms", ms(percentile(sorted, 50))}, {", p99", "ms", ms(percentile(sorted, 99))}}
}

// flood produces as fast as acknowledgements allow until ctx ends, calling
// acked for every acknowledged record.
func flood(ctx context.Context, cl *kgo.Client, size int, acked func()) error {
	var failed atomic.Pointer[error]
	value := make([]byte, size)
	promise := func(_ *kgo.Record, err error) {
		if err == nil {
			acked()
		} else if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			failed.Store(&err)
		}
	}
	for ctx.Err() == nil {
		cl.Produce(ctx, &kgo.Record{Value: value}, promise)
		if e := failed.Load(); e != nil {
			return *e
		}
	}
	return nil
}

func bulkClient(c *contender, topic string) (*kgo.Client, error) {
	return c.client(kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(50_000),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.UniformBytesPartitioner(64<<10, false, false, nil)))
}

// produceBulk sends as fast as acknowledgements allow and returns MB/s of
// values acknowledged, after a second of warm-up.
func produceBulk(ctx context.Context, c *contender, topic string, partitions int32, size int, d time.Duration) (result, error) {
	if err := c.createTopic(ctx, topic, partitions); err != nil {
		return result{}, err
	}
	cl, err := bulkClient(c, topic)
	if err != nil {
		return result{}, err
	}
	defer cl.Close()
	var acked, all atomic.Int64
	runCtx, cancel := context.WithTimeout(ctx, d+time.Second)
	defer cancel()
	warmed := time.AfterFunc(time.Second, func() { acked.Store(0) })
	defer warmed.Stop()
	if err := flood(runCtx, cl, size, func() { acked.Add(1); all.Add(1) }); err != nil {
		return result{}, err
	}
	out := one("MB/s", float64(acked.Load())*float64(size)/d.Seconds()/1e6)
	out.bytes = all.Load() * int64(size)
	return out, cl.Flush(ctx)
}

// consumeBulk reads a filled topic from its start for at most d.
func consumeBulk(ctx context.Context, c *contender, topic string, d time.Duration) (result, error) {
	cl, err := c.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return result{}, err
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
	out := one("MB/s", float64(bytes)/last.Sub(began).Seconds()/1e6)
	out.bytes = bytes
	return out, nil
}

// produceAndTail produces as fast as it can while a consumer follows.
func produceAndTail(ctx context.Context, c *contender, topic string, d time.Duration) (result, error) {
	if err := c.createTopic(ctx, topic, 6); err != nil {
		return result{}, err
	}
	cl, err := bulkClient(c, topic)
	if err != nil {
		return result{}, err
	}
	defer cl.Close()
	tail, err := c.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return result{}, err
	}
	defer tail.Close()
	runCtx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var acked, seen int64
	var reader sync.WaitGroup
	reader.Go(func() {
		for runCtx.Err() == nil {
			seen += int64(tail.PollRecords(runCtx, 10_000).NumRecords())
		}
	})
	var n atomic.Int64
	err = flood(runCtx, cl, recordBytes, func() { n.Add(1) })
	acked = n.Load()
	reader.Wait()
	rate := func(records int64) float64 { return float64(records) * recordBytes / d.Seconds() / 1e6 }
	return result{[]measured{{", produced", "MB/s", rate(acked)}, {", consumed", "MB/s", rate(seen)}}, acked * recordBytes}, err
}

// synchronous has senders that each wait for their record's acknowledgement.
func synchronous(ctx context.Context, c *contender, topic string, senders int, d time.Duration) (result, error) {
	if err := c.createTopic(ctx, topic, 6); err != nil {
		return result{}, err
	}
	cl, err := c.client(kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return result{}, err
	}
	defer cl.Close()
	deadline := time.Now().Add(d)
	took, errs := make([][]time.Duration, senders), make([]error, senders)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			value := make([]byte, recordBytes)
			for errs[i] == nil && time.Now().Before(deadline) {
				began := time.Now()
				errs[i] = cl.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr()
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	wg.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	return result{figures: append(percentiles(all), measured{"", "records/s", float64(len(all)) / d.Seconds()})}, errors.Join(errs...)
}

// openLoop sends 5000 records a second whatever the broker does, and measures
// from the time a record was due to the time a consumer has it.
func openLoop(ctx context.Context, c *contender, topic string, d time.Duration) (result, error) {
	const rate = 5000
	if err := c.createTopic(ctx, topic, 6); err != nil {
		return result{}, err
	}
	cl, err := c.client(kgo.DefaultProduceTopic(topic), kgo.ConsumeTopics(topic), kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMinBytes(1))
	if err != nil {
		return result{}, err
	}
	defer cl.Close()
	warm := time.Second
	total := int((warm + d).Seconds() * rate)
	began := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() { sendOpenLoop(ctx, cl, began, total, rate) })
	took := make([]time.Duration, 0, total)
	deadline, cancel := context.WithTimeout(ctx, warm+d+10*time.Second)
	defer cancel()
	for seen := 0; seen < total && deadline.Err() == nil; {
		cl.PollFetches(deadline).EachRecord(func(r *kgo.Record) {
			seen++
			if due := r.Timestamp.Sub(began); due > warm {
				took = append(took, time.Since(r.Timestamp))
			}
		})
	}
	wg.Wait()
	if deadline.Err() != nil {
		return result{}, errors.New("not every record came back within ten seconds")
	}
	slices.Sort(took)
	return result{figures: percentiles(took)}, nil
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
