package server

import (
	"context"
	"crypto/rand"
	"time"

	autoscaling "github.com/millrace/millrace/aws/applicationautoscaling"
)

// newAutoscaling makes the service that lets clusters' storage grow.
func (s *System) newAutoscaling() *autoscaling.Service {
	return autoscaling.New(autoscaling.Config{
		Store: s.store, Now: time.Now, Random: rand.Reader, Used: s.storageUsed, Grow: s.msk.GrowVolumes,
		Volume: func(ctx context.Context, cluster string) (autoscaling.Volume, bool, error) {
			v, ok, err := s.msk.Volume(ctx, cluster)
			return autoscaling.Volume(v), ok, err
		},
	})
}

// storageUsed is how much of their volumes a cluster's brokers use on average,
// in percent.
func (s *System) storageUsed(ctx context.Context, arn string) (percent float64, ok bool) {
	running := s.driver.find(arn)
	v, known, err := s.msk.Volume(ctx, arn)
	if running == nil || err != nil || !known || v.GiB == 0 {
		return 0, false
	}
	used, brokers := int64(0), running.c.StorageUsed()
	for _, bytes := range brokers {
		used += bytes
	}
	if len(brokers) == 0 {
		return 0, false
	}
	return 100 * float64(used) / float64(len(brokers)) / (float64(v.GiB) * (1 << 30)), true
}

// scale lets storage grow until ctx ends.
func (s *System) scale(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(autoscaling.Every):
		}
		if err := s.autoscaling.Tick(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("scale the storage of clusters", "error", err)
		}
	}
}
