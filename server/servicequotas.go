package server

import (
	"context"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/servicequotas"
)

// mskQuotas is what msk asks of Service Quotas.
func (s *System) mskQuotas(ctx context.Context, c model.Caller) (msk.Quotas, error) {
	v, err := s.quotas.Values(ctx, c.Account, c.Region)
	return msk.Quotas{
		BrokersPerCluster: v[servicequotas.BrokersPerCluster], BrokersPerKRaftCluster: v[servicequotas.BrokersPerKRaftCluster],
		BrokersPerAccount: v[servicequotas.BrokersPerAccount], ServerlessClusters: v[servicequotas.ServerlessClusters],
		Configurations: v[servicequotas.Configurations], Revisions: v[servicequotas.Revisions], ScramSecrets: v[servicequotas.ScramSecrets],
		VPCConnections: v[servicequotas.VPCConnections], VPCConnectionsAccount: v[servicequotas.VPCConnectionsAccount],
	}, err
}
