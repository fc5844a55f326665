package server

import (
	"context"
	"time"

	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/kafka/cluster"
)

const (
	megabyte = 1e6
	mebibyte = 1 << 20
	gibibyte = 1 << 30
)

// bytes is a number of bytes in a time when tests have them scaled.
func (c Config) bytes(n float64) float64 { return n * float64(c.BytesPerGiB) / gibibyte }

func isExpress(instanceType string) bool {
	t, _ := msk.FindInstanceType(instanceType)
	return t.Express()
}

// limits is what one broker of a provisioned cluster may hold and how fast its
// clients may be, by its type: Express brokers what AWS guarantees for their type, standard
// brokers what their volume's provisioned throughput lets them write, and as slow
// as AWS's network only where everything lasts as long as on AWS.
func (c Config) limits(s fleet.Spec, instanceType string) cluster.Limits {
	t, _ := msk.FindInstanceType(instanceType)
	l := cluster.Limits{Ingress: c.bytes(t.Ingress * megabyte), Egress: c.bytes(t.Egress * megabyte)}
	l.IAMConnections, l.IAMConnects = c.iamLimits(instanceType)
	if t.Express() {
		return l // no volume
	}
	l.VolumeBytes = int64(s.VolumeGiB) * c.BytesPerGiB
	if c.Realistic {
		network := c.bytes(t.Gigabits * 1e9 / 8)
		l.Ingress, l.Egress = network, network
	}
	if s.VolumeMiB > 0 {
		// Each record is written on as many volumes as there are copies of it.
		written := c.bytes(float64(s.VolumeMiB)*mebibyte) / float64(min(3, zones(s)))
		if l.Ingress == 0 || written < l.Ingress {
			l.Ingress = written
		}
	}
	return l
}

func zones(s fleet.Spec) int {
	seen := map[string]bool{}
	for _, b := range s.Brokers {
		seen[b.ZoneID] = true
	}
	return len(seen)
}

// Limits of partitions of Express brokers, in megabytes a second. (aws:kafka
// developer guide, Express broker quotas)
const expressPartition = 15

// throttles is the limits of a cluster as a whole. (aws:kafka developer guide,
// serverless quotas)
func (c Config) throttles(s fleet.Spec) cluster.Throttles {
	if t, _ := msk.FindInstanceType(s.InstanceType); t.Express() {
		return cluster.Throttles{PartitionIngress: c.bytes(expressPartition * megabyte)}
	}
	if !s.Serverless {
		return cluster.Throttles{}
	}
	return cluster.Throttles{
		Ingress: c.bytes(200 * megabyte), Egress: c.bytes(400 * megabyte),
		Requests: 15_000, TopicRequests: 2,
		Partitions: 250, PartitionsIn: 5 * time.Minute,
		PartitionIngress: c.bytes(5 * megabyte), PartitionEgress: c.bytes(10 * megabyte),
		CompactedBytes: int64(c.bytes(250 * 1e9)),
		BatchBytes:     8 << 20, FetchBytes: 55 * megabyte,
		Groups: 500,
	}
}

// volumes gives the volumes of the brokers that run another size or throughput.
func (v *converging) volumes(ctx context.Context) error {
	if v.spec.VolumeGiB == v.r.spec.VolumeGiB && v.spec.VolumeMiB == v.r.spec.VolumeMiB {
		return nil
	}
	for _, b := range v.r.spec.Brokers {
		want := v.e.cfg.limits(v.spec, b.InstanceType)
		err := v.do(func() error { return v.r.c.Limit(ctx, b.ID, func(l *cluster.Limits) { *l = want }) })
		if err != nil {
			return err
		}
	}
	v.r.spec.VolumeGiB, v.r.spec.VolumeMiB = v.spec.VolumeGiB, v.spec.VolumeMiB
	return nil
}

// partitions gives the partitions other limits, when the brokers that are left are
// Express brokers.
func (v *converging) partitions(ctx context.Context) error {
	want := v.e.cfg.throttles(v.spec).PartitionIngress
	if want == v.e.cfg.throttles(v.r.spec).PartitionIngress {
		return nil
	}
	err := v.do(func() error { return v.r.c.LimitPartitions(ctx, want) })
	if err == nil {
		v.r.spec.InstanceType = v.spec.InstanceType
	}
	return err
}

// rebalance gives brokers replicas of those of their zone that have more. It is
// tried at every look at the cluster: what was killed on the way goes on then.
func (v *converging) rebalance(ctx context.Context) error {
	if !v.spec.Rebalances {
		return nil
	}
	moved, err := v.r.c.Rebalance(ctx)
	if moved > 0 {
		v.e.log.Info("rebalancing", "cluster", v.spec.Name, "replicas", moved)
	}
	return err
}
