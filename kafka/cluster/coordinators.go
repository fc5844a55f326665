package cluster

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/kafka/coordinator"
	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/kafka/statemachine"
)

// internal is a topic of the cluster's own, for a coordinator.
func (c *Cluster) internal(name string, partitions int32) coordinator.Topic {
	return coordinator.Topic{
		Partitions: partitions,
		Open: func(index int32) (statemachine.Log, error) {
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
		Existing: func() (out []int32) {
			for i := range partitions {
				if p, err := c.set.Find(name, i); err == nil && p.Offsets().End > 0 {
					out = append(out, i)
				}
			}
			return out
		},
	}
}
