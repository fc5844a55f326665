package metadata

import (
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/statemachine"
)

// balanceInterval is the time between two checks of the leaders. Like KRaft's
// controller, and unlike ZooKeeper's, a check moves every leader that can move;
// leader.imbalance.per.broker.percentage is not asked.
func (i *Image) balanceInterval() time.Duration {
	seconds, _ := strconv.ParseInt(i.brokerValue("leader.imbalance.check.interval.seconds"), 10, 32) // the config has been checked
	return time.Duration(max(1, seconds)) * time.Second
}

// maxElections bounds the partitions of one check; what is left is due at once
// (ReplicationControlManager, MAX_ELECTIONS_PER_IMBALANCE).
const maxElections = 1000

// noticeImbalance begins to wait for the next check when a topic has a leader
// that is not preferred. When that was is not remembered over a restart.
func (c *Core) noticeImbalance(topic string, at time.Time) {
	if t := c.image.topics[topic]; t != nil && c.balanceAt.IsZero() && t.imbalanced() {
		c.balanceAt = at.Add(c.image.balanceInterval())
	}
}

func (t *Topic) imbalanced() bool {
	return slices.ContainsFunc(t.Partitions, func(p Partition) bool { return p.Leader != p.Replicas[0] })
}

// Deadline is when leaders move back to the preferred replicas next, and at once
// while a reassignment can go on.
func (c *Core) Deadline() time.Time {
	if c.image.advances() {
		return time.UnixMilli(0) // long past
	}
	if c.balanceAt.IsZero() || c.image.brokerValue("auto.leader.rebalance.enable") != "true" {
		return time.Time{}
	}
	return c.balanceAt
}

// Expire carries reassignments on; without any it elects preferred leaders
// wherever they are in the ISR and alive.
func (c *Core) Expire(now time.Time) statemachine.Decision {
	d := &decision{core: c, image: c.image}
	if d.image.advances() {
		d.advance()
		return statemachine.Decision{Records: d.records}
	}
	left := d.balance(maxElections)
	switch {
	case !slices.ContainsFunc(d.image.sorted, (*Topic).imbalanced):
		c.balanceAt = time.Time{}
	case left == 0:
		c.balanceAt = now
	default:
		c.balanceAt = now.Add(c.image.balanceInterval())
	}
	return statemachine.Decision{Records: d.records}
}

// balance elects up to limit preferred leaders and answers what is left of the
// limit.
func (d *decision) balance(limit int) (left int) {
	for _, t := range slices.Clone(d.image.sorted) { // setTopic writes to sorted
		if limit == 0 || !t.imbalanced() {
			continue
		}
		in := kmsg.NewElectLeadersRequestTopic()
		in.Topic = t.Name
		for i, p := range t.Partitions {
			if preferred := p.Replicas[0]; p.Leader != preferred && d.image.alive(preferred) && slices.Contains(p.ISR, preferred) && limit > 0 {
				in.Partitions = append(in.Partitions, int32(i))
				limit--
			}
		}
		if len(in.Partitions) > 0 {
			d.electIn(in, electPreferred, true)
		}
	}
	return limit
}

// Loaded begins the wait for the next check anew: the replayed events are
// otherwise the state.
func (c *Core) Loaded(now time.Time) {
	c.balanceAt = time.Time{}
	if slices.ContainsFunc(c.image.sorted, (*Topic).imbalanced) {
		c.balanceAt = now.Add(c.image.balanceInterval())
	}
}
