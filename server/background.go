package server

import (
	"context"
	"sync"
)

// keepHouse does what is to be done from time to time, until ctx ends.
func (s *System) keepHouse(ctx context.Context) {
	var work sync.WaitGroup
	for _, do := range []func(context.Context){s.expire, s.sweepS3, s.scale, s.runUpgrades, s.evaluateAlarms} {
		work.Go(func() { do(ctx) })
	}
	work.Wait()
}
