package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/kafka/metadata"
	"github.com/millrace/millrace/kafka/quota"
	"github.com/millrace/millrace/throttle"
)

// Limits is what a broker may hold, and how fast its clients may be, all
// together. Zero members do not limit.
type Limits struct {
	VolumeBytes int64   // of all partitions that it has a replica of; clients' records beyond are refused
	Ingress     float64 // bytes of Produce requests a second; clients beyond are silenced, as by Kafka's quotas
	Egress      float64 // bytes of Fetch answers a second; likewise

	// Of the listeners for IAM together, from a broker's start on; where brokers
	// share Throttles, of all brokers.
	IAMConnections int           // that are served at once, others wait; clients change it for a listener
	IAMConnects    throttle.Rule // sessions that begin
}

// iamListeners are those whose clients authenticate with IAM.
var iamListeners = []string{"CLIENT_IAM", "CLIENT_IAM_PUBLIC", "CLIENT_IAM_VPCE"}

// iamOf limits the sessions with IAM that begin on a broker, or on all.
func (c *Cluster) iamOf(n *node) *throttle.Failures {
	rule := n.cfg.Limits.IAMConnects
	if rule.Burst == 0 {
		return nil
	}
	rule.Keys = 1
	if c.shared == nil {
		return throttle.New(rule)
	}
	if c.iam == nil {
		c.iam = throttle.New(rule)
	}
	return c.iam
}

// Throttles is the limits of a cluster, whichever of its brokers clients talk
// to. Zero members do not limit, and what is too fast is silenced as by Kafka's
// quotas.
type Throttles struct {
	Ingress, Egress float64 // bytes a second of Produce requests and of Fetch answers
	Requests        float64 // a second
	TopicRequests   float64 // a second: those that create, change or delete topics
	Partitions      int     // created and deleted within PartitionsIn, beyond: THROTTLING_QUOTA_EXCEEDED
	PartitionsIn    time.Duration

	PartitionIngress, PartitionEgress float64 // bytes a second of one partition
	CompactedBytes                    int64   // of one compacted partition, beyond: THROTTLING_QUOTA_EXCEEDED
	BatchBytes                        int     // of one batch, beyond: INVALID_REQUEST
	FetchBytes                        int     // that one Fetch may ask for, beyond: INVALID_REQUEST
	Groups                            int     // beyond, JoinGroup of a new one answers GROUP_MAX_SIZE_REACHED
}

// ceilings is what brokers share of a cluster's limits; nil when each has its own.
func (t *Throttles) ceilings() *quota.Ceilings {
	if t.Ingress == 0 && t.Requests == 0 && t.Partitions == 0 {
		return nil
	}
	c := &quota.Ceilings{}
	c.In.Set(t.Ingress)
	c.Out.Set(t.Egress)
	c.Requests.Set(t.Requests)
	c.Topics.Set(t.TopicRequests)
	c.Partitions.Set(t.Partitions, t.PartitionsIn)
	c.On.Store(true)
	return c
}

// Limit changes the limits of a broker at once. Nobody is sent away, and what a
// full volume refused is taken when it is sent again.
func (c *Cluster) Limit(ctx context.Context, id int32, change func(*Limits)) error {
	return c.change(ctx, "limit", id, func(n *node) error {
		change(&n.cfg.Limits)
		c.limit(n)
		return nil
	})
}

// LimitPartitions changes how many bytes a second clients may write to a
// partition, at once; 0 is no limit.
func (c *Cluster) LimitPartitions(ctx context.Context, ingress float64) error {
	give, err := c.takeTurn(ctx)
	if err != nil {
		return fmt.Errorf("limit partitions: %w", err)
	}
	defer give()
	c.cfg.Throttles.PartitionIngress = ingress
	c.set.SetIn(ingress)
	for _, n := range c.all() {
		c.limit(n)
	}
	return nil
}

// limit has a broker's limits act.
func (c *Cluster) limit(n *node) {
	l := n.cfg.Limits
	c.set.SetVolume(n.cfg.ID, l.VolumeBytes)
	if n.ceilings == c.shared {
		return
	}
	n.ceilings.In.Set(l.Ingress)
	n.ceilings.Out.Set(l.Egress)
	t := c.cfg.Throttles
	n.ceilings.On.Store(l.Ingress > 0 || l.Egress > 0 || t.PartitionIngress > 0 || t.PartitionEgress > 0)
}

// StorageUsed is how many bytes each broker holds: the logs of all partitions
// that it has a replica of. It is cheap.
func (c *Cluster) StorageUsed() map[int32]int64 {
	out := make(map[int32]int64, len(c.all()))
	for _, n := range c.all() {
		out[n.cfg.ID], _ = c.set.Volume(n.cfg.ID)
	}
	return out
}

// Rebalance moves replicas of clients' topics to the brokers of each rack that
// have fewer (metadata.Rebalance), and answers how many; 0 when all have as many.
func (c *Cluster) Rebalance(ctx context.Context) (moved int, err error) {
	reply, err := c.meta.Do(metadata.Rebalance{}).Wait(ctx)
	if err != nil {
		return 0, fmt.Errorf("rebalance: %w", err)
	}
	return reply.(int), nil
}
