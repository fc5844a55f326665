package cluster

import (
	"context"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/coordinator"
	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/txn"
)

// internal is a topic of the cluster's own, for a coordinator.
func (c *Cluster) internal(name string) coordinator.Topic {
	partitions := func() int32 { return c.Image().InternalPartitions(name) }
	return coordinator.Topic{
		Partitions: partitions,
		Open: func(index int32) (coordinator.Log, error) {
			p, err := c.set.Find(name, index)
			if err != nil {
				return nil, kerr.CoordinatorNotAvailable
			}
			return partition.OpenStateLog(p)
		},
		Leader: func(index int32) (int32, bool) {
			p, err := c.set.Find(name, index)
			if err != nil {
				return -1, false
			}
			leader, _ := p.Leader()
			return leader, leader >= 0
		},
		Writable: func(index int32) bool {
			p, err := c.set.Find(name, index)
			return err != nil || p.Writable()
		},
		Existing: func() (out []int32) {
			for i := range partitions() {
				if p, err := c.set.Find(name, i); err == nil && p.Offsets().End > 0 {
					out = append(out, i)
				}
			}
			return out
		},
	}
}

// moveCoordinators ends the coordinators of partitions whose leadership has
// ended: who waits at one is told at once where to look. What transactions have
// decided goes on under the next leaders.
func (c *Cluster) moveCoordinators(prev, next *metadata.Image) {
	for _, index := range moved(prev.Topic(groupsTopic), next.Topic(groupsTopic)) {
		c.groups.Stop(index)
	}
	ended := moved(prev.Topic(transactionsTopic), next.Topic(transactionsTopic))
	if t := next.Topic(transactionsTopic); t != nil && prev.Level(transactionVersion) != next.Level(transactionVersion) {
		ended = nil
		for index := range t.Partitions {
			ended = append(ended, int32(index))
		}
	}
	for _, index := range ended {
		c.txns.Stop(index)
	}
	if len(ended) > 0 {
		c.txns.Resume()
	}
}

// moved lists the partitions of a topic whose leadership has ended.
func moved(prev, next *metadata.Topic) (ended []int32) {
	if prev == nil || prev == next {
		return nil
	}
	for i, p := range prev.Partitions {
		if next == nil || i >= len(next.Partitions) || next.Partitions[i].LeaderEpoch != p.LeaderEpoch {
			ended = append(ended, int32(i))
		}
	}
	return ended
}

// transactionParams are the transactions of the level that the cluster has
// finalized; moveCoordinators loads them anew when that changes.
func (c *Cluster) transactionParams() txn.Params {
	return txn.Params{
		Version:      c.Image().Level(transactionVersion),
		MaxTimeout:   c.milliseconds("transaction.max.timeout.ms"),
		IDExpiration: c.milliseconds("transactional.id.expiration.ms"),
	}
}

// milliseconds is a time of server.properties, zero when it is not set.
func (c *Cluster) milliseconds(name string) time.Duration {
	n, _ := strconv.ParseInt(c.Image().StaticValue(name), 10, 32) // others are refused where configurations are made
	return time.Duration(n) * time.Millisecond
}

// writeMarker ends a transaction in one partition. Those of groups are written
// by the groups' own machine, which must learn of the end.
func (c *Cluster) writeMarker(broker int32, tp txn.TopicPartition, m coordinator.Marker) (committed func(context.Context) error, err error) {
	p, err := c.set.Find(tp.Topic, tp.Partition)
	if err != nil {
		return nil, err
	}
	if broker < 0 {
		broker, _ = p.Leader()
	}
	switch {
	case broker < 0:
		return nil, kerr.NotLeaderForPartition
	case tp.Topic == groupsTopic:
		return c.groups.EndTransaction(broker, tp.Partition, group.EndTransaction{
			ProducerID: m.ProducerID, Epoch: m.Epoch, CoordinatorEpoch: m.CoordinatorEpoch, Commit: m.Commit,
		}), nil
	}
	end, epoch, err := p.AppendMarker(broker, m.ProducerID, m.Epoch, record.Marker{Commit: m.Commit, CoordinatorEpoch: m.CoordinatorEpoch}, time.Now())
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return p.WaitCommitted(ctx, end, epoch) }, nil
}

func (c *Cluster) allocateProducerIDs(ctx context.Context, count int64) (int64, error) {
	first, err := c.meta.Do(metadata.AllocateProducerIDs{Count: count}).Wait(ctx)
	if err != nil {
		return -1, err
	}
	return first.(int64), nil
}
