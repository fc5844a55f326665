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
	name    string
	prepare func(ctx context.Context, c *contender) error // what is not measured; nil: nothing
	run     func(ctx context.Context, c *contender, d time.Duration) (result, error)
}

// result is what a workload measured, and over how many bytes of values, or of
// records or transactions where those count, the broker's CPU time is spread.
type result struct {
	figures []measured
	bytes   int64
	count   int64
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
	catchUp     = 512 << 20 // bytes of values that are read from the start
)

// workloads of one round; every round has topics of its own, because deleting
// one frees pages beside the next measurement.
func workloads(round int) []workload {
	topic := func(name string) string { return fmt.Sprintf("%s-%d", name, round) }
	var out []workload
	add := func(name string, run func(ctx context.Context, c *contender, d time.Duration) (result, error)) {
		out = append(out, workload{name: name, run: run})
	}
	for _, partitions := range []int32{1, 6, 100, 1000} {
		out = append(out, bulk(fmt.Sprintf("produce 1 KiB, acks=all, %d partitions", partitions), topic(fmt.Sprint("bulk-", partitions)), partitions, recordBytes, kgo.AllISRAcks()))
	}
	out = append(out, bulk("produce 1 KiB, acks=1, 6 partitions", topic("leader"), 6, recordBytes, kgo.LeaderAck()),
		bulk("produce 100 B, acks=all, 6 partitions", topic("small"), 6, smallBytes, kgo.AllISRAcks()),
		consume("catch up: consume from the start, 6 partitions", topic("read-6"), 6),
		consume("catch up: consume from the start, 1000 partitions", topic("read-1000"), 1000))
	add("produce and tail at once, 1 KiB, 6 partitions", func(ctx context.Context, c *contender, d time.Duration) (result, error) {
		return produceAndTail(ctx, c, topic("tail"), d)
	})
	for _, senders := range []int{1, 16} {
		add(fmt.Sprintf("%d synchronous senders, 1 KiB", senders), func(ctx context.Context, c *contender, d time.Duration) (result, error) {
			return synchronous(ctx, c, topic(fmt.Sprint("sync-", senders)), senders, d)
		})
	}
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

// authorized is what authorization and TLS cost: every contender has topics of its
// own, since both are of one cluster.
func authorized(round int) []workload {
	topic := func(c *contender, name string) string { return fmt.Sprintf("%s-%d-%d", name, round, len(c.name)) }
	const partitions = 6
	return []workload{{
		name: "produce 1 KiB over IAM and TLS, 6 partitions",
		prepare: func(ctx context.Context, c *contender) error {
			return createFull(ctx, c, topic(c, "iam"), partitions)
		},
		run: func(ctx context.Context, c *contender, d time.Duration) (result, error) {
			return produceBulk(ctx, c, topic(c, "iam"), recordBytes, kgo.AllISRAcks(), d)
		},
	}, {
		name: "catch up over IAM and TLS, 6 partitions",
		prepare: func(ctx context.Context, c *contender) error {
			return fillTopic(ctx, c, topic(c, "iam-read"), partitions)
		},
		run: func(ctx context.Context, c *contender, d time.Duration) (result, error) {
			return consumeBulk(ctx, c, topic(c, "iam-read"), d)
		},
	}}
}

func bulk(name, topic string, partitions int32, size int, acks kgo.Acks) workload {
	return workload{name,
		func(ctx context.Context, c *contender) error { return createFull(ctx, c, topic, partitions) },
		func(ctx context.Context, c *contender, d time.Duration) (result, error) {
			return produceBulk(ctx, c, topic, size, acks, d)
		}}
}

func consume(name, topic string, partitions int32) workload {
	return workload{name,
		func(ctx context.Context, c *contender) error { return fillTopic(ctx, c, topic, partitions) },
		func(ctx context.Context, c *contender, d time.Duration) (result, error) {
			return consumeBulk(ctx, c, topic, d)
		}}
}

// createFull makes a topic and has a record in each partition: Kafka opens a
// partition's files when it becomes a leader and after, for seconds when there
// are many.
func createFull(ctx context.Context, c *contender, topic string, partitions int32) error {
	if err := c.createTopic(ctx, topic, partitions); err != nil {
		return err
	}
	cl, err := c.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer cl.Close()
	var records []*kgo.Record
	for p := range partitions {
		records = append(records, &kgo.Record{Topic: topic, Partition: p, Value: []byte("first")})
	}
	return cl.ProduceSync(ctx, records...).FirstErr()
}

// fillTopic makes a topic that holds catchUp bytes of values.
func fillTopic(ctx context.Context, c *contender, topic string, partitions int32) error {
	if err := createFull(ctx, c, topic, partitions); err != nil {
		return err
	}
	cl, err := bulkClient(c, topic, kgo.AllISRAcks())
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var acked atomic.Int64
	return flood(ctx, cl, recordBytes, func() {
		if acked.Add(recordBytes) >= catchUp {
			cancel()
		}
	})
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

func bulkClient(c *contender, topic string, acks kgo.Acks) (*kgo.Client, error) {
	opts := []kgo.Opt{kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(50_000),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RequiredAcks(acks),
		kgo.RecordPartitioner(kgo.UniformBytesPartitioner(64<<10, false, false, nil))}
	if acks != kgo.AllISRAcks() {
		opts = append(opts, kgo.DisableIdempotentWrite())
	}
	return c.client(opts...)
}

// produceBulk sends as fast as acknowledgements allow and returns MB/s of
// values acknowledged, after a second of warm-up.
func produceBulk(ctx context.Context, c *contender, topic string, size int, acks kgo.Acks, d time.Duration) (result, error) {
	cl, err := bulkClient(c, topic, acks)
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

// consumeBulk reads what fillTopic wrote from the start, for at most d.
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
	for runCtx.Err() == nil && bytes < catchUp {
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
	cl, err := bulkClient(c, topic, kgo.AllISRAcks())
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
	return result{figures: []measured{{", produced", "MB/s", rate(acked)}, {", consumed", "MB/s", rate(seen)}}, bytes: acked * recordBytes}, err
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
	figures := append(percentiles(all), measured{"", "records/s", float64(len(all)) / d.Seconds()})
	return result{figures: figures, count: int64(len(all))}, errors.Join(errs...)
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
	return result{figures: percentiles(took), count: int64(total)}, nil
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
