package server

import (
	"context"

	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/kafka/cluster"
)

// limits is what one broker of a cluster may hold.
func (c Config) limits(s fleet.Spec) cluster.Limits {
	return cluster.Limits{VolumeBytes: int64(s.VolumeGiB) * c.BytesPerGiB}
}

// volumes gives the brokers that run other volumes.
func (v *converging) volumes(ctx context.Context) error {
	if v.spec.VolumeGiB == v.r.spec.VolumeGiB {
		return nil
	}
	want := v.e.cfg.limits(v.spec)
	for _, b := range v.r.spec.Brokers {
		err := v.do(func() error {
			return v.r.c.Limit(ctx, b.ID, func(l *cluster.Limits) { l.VolumeBytes = want.VolumeBytes })
		})
		if err != nil {
			return err
		}
	}
	v.r.spec.VolumeGiB = v.spec.VolumeGiB
	return nil
}
