package server

import (
	"context"

	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/upgrade"
)

// runUpgrades does what upgrades to Express brokers ask of topics, until ctx ends.
func (s *System) runUpgrades(ctx context.Context) {
	upgrade.New(upgrade.Config{Work: s.msk, Dial: s.dialCluster, Log: s.cfg.Log, Between: s.driver.ask}).Run(ctx)
}

// lookAtTopics is what msk asks before an upgrade.
func (s *System) lookAtTopics(ctx context.Context, clusterARN string) (msk.Scan, error) {
	return upgrade.Look(ctx, s.dialCluster, clusterARN)
}
