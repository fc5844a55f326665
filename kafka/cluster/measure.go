package cluster

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/group"
	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/kafka/metadata"
)

// rateInterval is how often rates are brought up to date, as in Kafka.
const rateInterval = 5 * time.Second

// keepRates brings the rates of all brokers up to date until ctx ends.
func (c *Cluster) keepRates(ctx context.Context) {
	tick := time.NewTicker(rateInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, n := range c.all() {
				if counts := n.counts.Load(); counts != nil {
					counts.Tick(now, c.topicExists)
				}
			}
		}
	}
}

func (c *Cluster) topicExists(name string) bool { return c.Image().Topic(name) != nil }

// countISR counts the ISRs that another image has larger or smaller, for the
// brokers that lead them.
func (c *Cluster) countISR(prev, next *metadata.Image) {
	counts := make(map[int32]*measure.Broker)
	for _, n := range c.all() {
		counts[n.cfg.ID] = n.counts.Load()
	}
	for _, t := range next.Topics() {
		was := prev.TopicByID(t.ID)
		if was == nil || was == t { // images share the topics that did not change
			continue
		}
		for i := range min(len(was.Partitions), len(t.Partitions)) {
			leader := t.Partitions[i].Leader
			if leader < 0 {
				leader = was.Partitions[i].Leader
			}
			b := counts[leader]
			switch more := len(t.Partitions[i].ISR) - len(was.Partitions[i].ISR); {
			case b == nil || more == 0:
			case more > 0:
				b.ISRExpands.Add(1)
			default:
				b.ISRShrinks.Add(1)
			}
		}
	}
}

// Measure reads what there is to measure of the cluster.
func (c *Cluster) Measure(now time.Time) measure.Reading {
	img := c.Image()
	failed := c.set.Err() != nil
	r := measure.Reading{At: now, Controller: img.Controller(), Topics: len(img.Topics())}
	at := make(map[int32]int)
	for _, n := range c.all() {
		b := measure.BrokerReading{ID: n.cfg.ID, Counts: n.counts.Load()}
		b.LogBytes, b.VolumeBytes = c.set.Volume(n.cfg.ID)
		if b.Counts == nil {
			b.Counts = new(measure.Broker) // it has never served
		}
		if started := n.started.Load(); started != nil {
			b.Started = *started
		}
		m := img.Broker(n.cfg.ID)
		b.Running, b.Express = !n.stopped.Load() && m != nil && !m.Fenced, m != nil && m.Express
		at[b.ID] = len(r.Brokers)
		r.Brokers = append(r.Brokers, b)
	}
	for _, t := range img.Topics() {
		settings := img.TopicSettingsOn(t)
		for i := range t.Partitions {
			c.measurePartition(&r, at, t, int32(i), settings(t.Partitions[i].Leader), failed)
		}
	}
	return r
}

// measurePartition reads a partition, and counts it for its brokers; failed says
// that the log directory of all has.
func (c *Cluster) measurePartition(r *measure.Reading, at map[int32]int, t *metadata.Topic, index int32, s metadata.TopicSettings, failed bool) {
	m := &t.Partitions[index]
	p := measure.Partition{Topic: t.Name, Index: index, Internal: t.Internal, Leader: m.Leader, Replicas: m.Replicas, InSync: len(m.ISR), MinISR: s.MinInsyncReplicas}
	if found, ok := c.set.Get(t.ID, index); ok {
		o := found.Offsets()
		p.Start, p.End, p.HighWatermark = o.Start, o.End, o.HighWatermark
		p.Bytes, p.Segments = found.Size(), found.Segments()
	}
	r.Partitions = append(r.Partitions, p)
	if m.Leader < 0 {
		r.Unled++
	} else if len(m.Replicas) > 0 && m.Leader != m.Replicas[0] {
		r.Unbalanced++
	}
	for _, id := range m.Replicas {
		i, ok := at[id]
		if !ok {
			continue
		}
		b := &r.Brokers[i]
		b.Holds++
		if failed {
			b.Offline++
		}
		b.HoldsUsers = b.HoldsUsers || !t.Internal
		if id != m.Leader {
			continue
		}
		b.Leads++
		if p.InSync < len(m.Replicas) {
			b.UnderReplicated++
		}
		if p.InSync < p.MinISR {
			b.UnderMinISR++
		}
		if p.InSync == p.MinISR {
			b.AtMinISR++
		}
	}
}

// MaxGroupOffsets is how many committed offsets GroupOffsets answers at most.
const MaxGroupOffsets = 100_000

// GroupOffsets asks the coordinators for every offset that is committed now, by
// group, topic and partition. What a coordinator cannot answer at the moment is
// left out, and so are topics that are gone.
func (c *Cluster) GroupOffsets(ctx context.Context) []measure.GroupOffset {
	var out []measure.GroupOffset
	for _, n := range c.all() {
		list := kmsg.NewPtrListGroupsRequest()
		list.Version = 4
		listed, ok := c.groups.Do(n.cfg.ID, group.Request{Msg: list}).Wait(ctx).(*kmsg.ListGroupsResponse)
		if !ok {
			continue
		}
		for _, g := range listed.Groups {
			if len(out) >= MaxGroupOffsets || ctx.Err() != nil {
				return out
			}
			settled := g.GroupState == "Stable" || g.GroupState == "Empty"
			out = append(out, c.offsetsOf(ctx, n.cfg.ID, g.Group, settled)...)
		}
	}
	slices.SortFunc(out, func(a, b measure.GroupOffset) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return out[:min(len(out), MaxGroupOffsets)]
}

// offsetsOf is the offsets of one group.
func (c *Cluster) offsetsOf(ctx context.Context, broker int32, name string, settled bool) (out []measure.GroupOffset) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version = 7 // one group, all its topics
	req.Group, req.Topics = name, nil
	resp, ok := c.groups.Do(broker, group.Request{Msg: req}).Wait(ctx).(*kmsg.OffsetFetchResponse)
	if !ok || resp.ErrorCode != 0 {
		return nil
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			found, err := c.set.Find(t.Topic, p.Partition)
			if err != nil || p.ErrorCode != 0 || p.Offset < 0 {
				continue
			}
			out = append(out, measure.GroupOffset{Group: name, Topic: t.Topic, Partition: p.Partition, Coordinator: broker, Settled: settled, Committed: p.Offset, End: found.Offsets().HighWatermark})
		}
	}
	return out
}
