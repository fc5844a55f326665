package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// transactions commits small transactions one after another.
func transactions(ctx context.Context, c *contender, topic string, records int, d time.Duration) (result, error) {
	if err := c.createTopic(ctx, topic, 6); err != nil {
		return result{}, err
	}
	cl, err := c.client(kgo.DefaultProduceTopic(topic), kgo.TransactionalID(topic), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return result{}, err
	}
	defer cl.Close()
	value := make([]byte, recordBytes)
	var took []time.Duration
	for deadline := time.Now().Add(d); time.Now().Before(deadline); {
		began := time.Now()
		if err := cl.BeginTransaction(); err != nil {
			return result{}, err
		}
		for range records {
			cl.Produce(ctx, &kgo.Record{Value: value}, nil)
		}
		if err := cl.Flush(ctx); err != nil {
			return result{}, err
		}
		if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
			return result{}, fmt.Errorf("commit: %w", err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	figures := append(percentiles(took), measured{"", "transactions/s", float64(len(took)) / d.Seconds()})
	return result{figures: figures, count: int64(len(took))}, nil
}

// rebalance measures how long a group of members takes until one more has its
// partition, and until everybody has what it left again. Heartbeats come every
// 100 ms, so that the broker and not the clients' patience is measured.
func rebalance(ctx context.Context, c *contender, topic string, members int) (result, error) {
	if err := c.createTopic(ctx, topic, int32(members+1)); err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	g := &groupRun{c: c, topic: topic, ctx: ctx, moved: make(chan struct{}, 1), partitions: members + 1}
	defer g.close()
	for range members {
		if err := g.join(); err != nil {
			return result{}, err
		}
	}
	if err := g.settled(members); err != nil {
		return result{}, err
	}
	began := time.Now()
	if err := g.join(); err != nil {
		return result{}, err
	}
	if err := g.settled(members + 1); err != nil {
		return result{}, err
	}
	joined := time.Since(began)
	began = time.Now()
	last := len(g.members) - 1
	g.members[last].leave()
	g.members = g.members[:last]
	if err := g.settled(members); err != nil {
		return result{}, err
	}
	return result{figures: []measured{{", one more joins", "ms", ms(joined)}, {", one leaves", "ms", ms(time.Since(began))}}}, nil
}

// groupRun is a group of consumers that poll.
type groupRun struct {
	c     *contender
	topic string
	ctx   context.Context // of the run
	moved chan struct{}

	partitions int
	members    []*member
}

type member struct {
	cl     *kgo.Client
	owned  atomic.Int32
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (g *groupRun) join() error {
	m := &member{}
	change := func(by int32) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			m.owned.Add(by * int32(len(changed[g.topic])))
			select {
			case g.moved <- struct{}{}:
			default:
			}
		}
	}
	cl, err := g.c.client(kgo.ConsumerGroup(g.topic), kgo.ConsumeTopics(g.topic), kgo.Balancers(kgo.RangeBalancer()),
		kgo.HeartbeatInterval(100*time.Millisecond), kgo.RebalanceTimeout(time.Minute), kgo.FetchMaxWait(5*time.Second),
		kgo.OnPartitionsAssigned(change(1)), kgo.OnPartitionsRevoked(change(-1)), kgo.OnPartitionsLost(change(-1)))
	if err != nil {
		return err
	}
	m.cl = cl
	ctx, cancel := context.WithCancel(g.ctx)
	m.cancel = cancel
	m.done.Go(func() {
		for ctx.Err() == nil {
			cl.PollFetches(ctx)
		}
	})
	g.members = append(g.members, m)
	return nil
}

// settled waits until the members together own every partition, and each has
// one at least.
func (g *groupRun) settled(members int) error {
	for {
		total, idle := int32(0), 0
		for _, m := range g.members {
			n := m.owned.Load()
			total += n
			if n == 0 {
				idle++
			}
		}
		if idle == 0 && len(g.members) == members && int(total) == g.partitions {
			return nil
		}
		select {
		case <-g.moved:
		case <-g.ctx.Done():
			return fmt.Errorf("the group of %d members did not settle: %d own nothing, %d partitions are owned: %w", members, idle, total, g.ctx.Err())
		}
	}
}

func (m *member) leave() {
	m.cancel()
	m.cl.Close()
	m.done.Wait()
}

func (g *groupRun) close() {
	var all sync.WaitGroup
	for _, m := range g.members {
		all.Go(m.leave)
	}
	all.Wait()
}
