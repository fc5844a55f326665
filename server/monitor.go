package server

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/aws/cloudwatch"
	"github.com/millrace/millrace/monitor"
)

// metering is the part of a System that measures it.
type metering struct {
	own        *ownMetrics
	cloudwatch *cloudwatch.Service
	monitor    *monitor.Monitor
}

// newMonitor makes what records the clusters' metrics for CloudWatch.
func (s *System) newMonitor() *monitor.Monitor {
	return monitor.New(monitor.Config{
		Targets: s.monitorTargets, Record: s.cloudwatch.Record, Host: s.driver.host, Interval: s.cfg.MetricsInterval, Log: s.cfg.Log,
	})
}

// monitorTargets is the clusters that run now, by ARN.
func (s *System) monitorTargets() []monitor.Target {
	var out []monitor.Target
	running := s.driver.all()
	for _, arn := range slices.Sorted(maps.Keys(running)) {
		r := running[arn]
		told := r.told.Load()
		account, region := placeOf(arn)
		out = append(out, monitor.Target{
			ARN: arn, Name: nameOf(arn), Account: account, Region: region, Level: told.Level, Serverless: told.Level == "",
			Measure: r.c.Measure, Offsets: r.c.GroupOffsets, Lags: r.lags,
		})
	}
	return out
}

// runMonitor records metrics until ctx ends.
func (s *System) runMonitor(ctx context.Context) {
	changed, cancel := s.msk.Watch()
	defer cancel()
	s.monitor.Run(ctx, changed)
}

// evaluateAlarms looks at all alarms once a minute, a sixth of it after its end,
// when what monitor records is there; until ctx ends.
func (s *System) evaluateAlarms(ctx context.Context) {
	every := s.cfg.MetricsInterval
	switch {
	case every < 0: // EvaluateAlarms alone does
		return
	case every == 0:
		every = cloudwatch.EvaluateEvery
	}
	for {
		now, after := time.Now(), every/6
		next := now.Add(-after).Truncate(every).Add(every + after)
		select {
		case <-ctx.Done():
			return
		case <-time.After(next.Sub(now)):
		}
		if err := s.cloudwatch.EvaluateAlarms(ctx, time.Now()); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("evaluate alarms", "error", err)
		}
	}
}

// EvaluateAlarms looks at all alarms as happens after each minute: for tests.
func (s *System) EvaluateAlarms(ctx context.Context, now time.Time) error {
	return s.cloudwatch.EvaluateAlarms(ctx, now)
}

// CollectMetrics records what the clusters have done up to now, as happens at
// each minute's end: for tests, which do not wait for one.
func (s *System) CollectMetrics(ctx context.Context, now time.Time) { s.monitor.Collect(ctx, now) }
