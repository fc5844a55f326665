package cluster

import "context"

// Limits is what a broker may hold. Zero members do not limit.
type Limits struct {
	VolumeBytes int64 // of all partitions that it has a replica of; clients' records beyond are refused
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

// limit has a broker's limits act.
func (c *Cluster) limit(n *node) {
	c.set.SetVolume(n.cfg.ID, n.cfg.Limits.VolumeBytes)
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
