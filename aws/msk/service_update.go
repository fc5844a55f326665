package msk

import (
	"context"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// UpdateBrokerCount adds brokers, or takes out those with the highest ids of
// each zone.
func (s *Service) UpdateBrokerCount(ctx context.Context, caller model.Caller, in *kafka.UpdateBrokerCountRequest) (*kafka.UpdateBrokerCountResponse, error) {
	ch, err := countChange(in)
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateBrokerCountResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}

// UpdateBrokerStorage makes the volumes of all brokers larger.
func (s *Service) UpdateBrokerStorage(ctx context.Context, caller model.Caller, in *kafka.UpdateBrokerStorageRequest) (*kafka.UpdateBrokerStorageResponse, error) {
	ch, err := storageChange(in)
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateBrokerStorageResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}

// UpdateStorage makes the volumes of all brokers larger.
func (s *Service) UpdateStorage(ctx context.Context, caller model.Caller, in *kafka.UpdateStorageRequest) (*kafka.UpdateStorageResponse, error) {
	ch, err := storageChangeV2(in)
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateStorageResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}

// UpdateRebalancing says whether the brokers of a cluster of Express brokers are
// given replicas of one another by the service.
func (s *Service) UpdateRebalancing(ctx context.Context, caller model.Caller, in *kafka.UpdateRebalancingRequest) (*kafka.UpdateRebalancingResponse, error) {
	ch, err := rebalancingChange(in)
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateRebalancingResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}

// UpdateBrokerType gives all brokers another type, one after another.
func (s *Service) UpdateBrokerType(ctx context.Context, caller model.Caller, in *kafka.UpdateBrokerTypeRequest) (*kafka.UpdateBrokerTypeResponse, error) {
	ch, err := typeChange(in)
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateBrokerTypeResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}

// UpdateClusterConfiguration gives a cluster another configuration, or another
// revision of its own.
func (s *Service) UpdateClusterConfiguration(ctx context.Context, caller model.Caller, in *kafka.UpdateClusterConfigurationRequest) (*kafka.UpdateClusterConfigurationResponse, error) {
	ch, err := configurationChange(in)
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateClusterConfigurationResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}

// UpdateClusterKafkaVersion brings brokers to a later Kafka version, one after
// another.
func (s *Service) UpdateClusterKafkaVersion(ctx context.Context, caller model.Caller, in *kafka.UpdateClusterKafkaVersionRequest) (*kafka.UpdateClusterKafkaVersionResponse, error) {
	ch, err := versionChange(in)
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateClusterKafkaVersionResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}

// UpdateMonitoring changes what of the monitoring settings is named.
func (s *Service) UpdateMonitoring(ctx context.Context, caller model.Caller, in *kafka.UpdateMonitoringRequest) (*kafka.UpdateMonitoringResponse, error) {
	ch, err := monitoringChange(in)
	if err == nil {
		err = s.checkLogTargets(ctx, caller, logsOf(in.LoggingInfo))
	}
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateMonitoringResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}

// UpdateSecurity opens and closes ways for clients to connect.
func (s *Service) UpdateSecurity(ctx context.Context, caller model.Caller, in *kafka.UpdateSecurityRequest) (*kafka.UpdateSecurityResponse, error) {
	ch, err := securityChange(in)
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateSecurityResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}

// UpdateConnectivity opens and closes a cluster to the internet and to other VPCs.
func (s *Service) UpdateConnectivity(ctx context.Context, caller model.Caller, in *kafka.UpdateConnectivityRequest) (*kafka.UpdateConnectivityResponse, error) {
	ch, err := connectivityChange(in)
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateConnectivityResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}
