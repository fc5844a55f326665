package msk

import (
	"context"

	"github.com/millrace/millrace/aws/model"
)

// Quotas is how much an account may have in a region.
type Quotas struct {
	BrokersPerCluster      int // with ZooKeeper metadata
	BrokersPerKRaftCluster int
	BrokersPerAccount      int
	ServerlessClusters     int
	Configurations         int
	Revisions              int // of one configuration
	ScramSecrets           int // of one cluster
	VPCConnections         int // to one cluster of the account
	VPCConnectionsAccount  int // of the account, to any cluster
}

// DefaultQuotas is what everybody has. (aws:kafka developer guide, quotas)
func DefaultQuotas() Quotas {
	return Quotas{
		BrokersPerCluster: 30, BrokersPerKRaftCluster: 60, BrokersPerAccount: 90,
		ServerlessClusters: 10, Configurations: 100, Revisions: 50, ScramSecrets: 1000,
		VPCConnections: 90, VPCConnectionsAccount: 500, // UNVERIFIED: AWS names no number
	}
}

// brokers is the most brokers of a cluster of a Kafka version.
func (q Quotas) brokers(kafkaVersion string) int {
	if kraft(kafkaVersion) {
		return q.BrokersPerKRaftCluster
	}
	return q.BrokersPerCluster
}

// quotas answers what the caller's account has.
func (s *Service) quotas(ctx context.Context, caller model.Caller) (Quotas, error) {
	if s.cfg.Quotas == nil {
		return DefaultQuotas(), nil
	}
	return s.cfg.Quotas(ctx, caller)
}
