package msk

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// CreateCluster makes a provisioned cluster; it is CREATING until fleet reports.
func (s *Service) CreateCluster(ctx context.Context, caller model.Caller, in *kafka.CreateClusterRequest) (*kafka.CreateClusterResponse, error) {
	w, err := wishOfV1(in)
	if err != nil {
		return nil, err
	}
	c, err := s.create(ctx, caller, w)
	if err != nil {
		return nil, err
	}
	return &kafka.CreateClusterResponse{ClusterArn: new(c.ARN), ClusterName: new(c.Name), State: new(string(c.State))}, nil
}

// CreateClusterV2 makes a provisioned or a serverless cluster.
func (s *Service) CreateClusterV2(ctx context.Context, caller model.Caller, in *kafka.CreateClusterV2Request) (*kafka.CreateClusterV2Response, error) {
	w, err := wishOf(in)
	if err != nil {
		return nil, err
	}
	c, err := s.create(ctx, caller, w)
	if err != nil {
		return nil, err
	}
	return &kafka.CreateClusterV2Response{
		ClusterArn: new(c.ARN), ClusterName: new(c.Name), State: new(string(c.State)), ClusterType: new(c.kind()),
	}, nil
}

// DescribeCluster shows a provisioned cluster.
func (s *Service) DescribeCluster(ctx context.Context, caller model.Caller, in *kafka.DescribeClusterRequest) (*kafka.DescribeClusterResponse, error) {
	c, err := s.readProvisioned(ctx, caller, deref(in.ClusterArn))
	if err != nil {
		return nil, err
	}
	return &kafka.DescribeClusterResponse{ClusterInfo: describeV1(c)}, nil
}

// readProvisioned answers a cluster for an operation that serverless clusters
// do not have.
func (s *Service) readProvisioned(ctx context.Context, caller model.Caller, arn string) (cluster, error) {
	c, err := s.read(ctx, caller, "clusterArn", arn)
	if err == nil && c.Serverless != nil { // UNVERIFIED code and wording
		err = badRequest("clusterArn", "This operation cannot be performed on serverless clusters.")
	}
	return c, err
}

// DescribeClusterV2 shows a cluster of either type.
func (s *Service) DescribeClusterV2(ctx context.Context, caller model.Caller, in *kafka.DescribeClusterV2Request) (*kafka.DescribeClusterV2Response, error) {
	c, err := s.read(ctx, caller, "clusterArn", deref(in.ClusterArn))
	if err != nil {
		return nil, err
	}
	return &kafka.DescribeClusterV2Response{ClusterInfo: describeV2(c)}, nil
}

// ListClusters lists the provisioned clusters of the caller's account and region.
func (s *Service) ListClusters(ctx context.Context, caller model.Caller, in *kafka.ListClustersRequest) (*kafka.ListClustersResponse, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	found, next, err := s.list(ctx, caller, listQuery{"ListClusters", deref(in.ClusterNameFilter), "PROVISIONED", deref(in.NextToken), size})
	if err != nil {
		return nil, err
	}
	out := &kafka.ListClustersResponse{ClusterInfoList: []kafka.ClusterInfo{}, NextToken: given(next)}
	for _, c := range found {
		out.ClusterInfoList = append(out.ClusterInfoList, *describeV1(c))
	}
	return out, nil
}

// ListClustersV2 lists the clusters of the caller's account and region.
func (s *Service) ListClustersV2(ctx context.Context, caller model.Caller, in *kafka.ListClustersV2Request) (*kafka.ListClustersV2Response, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	kind := deref(in.ClusterTypeFilter)
	if kind != "" && kind != "PROVISIONED" && kind != "SERVERLESS" { // UNVERIFIED wording
		return nil, badRequest("clusterTypeFilter", "Unsupported ClusterType [%s]. Valid values: [PROVISIONED, SERVERLESS]", kind)
	}
	found, next, err := s.list(ctx, caller, listQuery{"ListClustersV2", deref(in.ClusterNameFilter), kind, deref(in.NextToken), size})
	if err != nil {
		return nil, err
	}
	out := &kafka.ListClustersV2Response{ClusterInfoList: []kafka.Cluster{}, NextToken: given(next)}
	for _, c := range found {
		out.ClusterInfoList = append(out.ClusterInfoList, *describeV2(c))
	}
	return out, nil
}

func pageSize(maxResults *int32) (int, error) {
	n := int(or(maxResults, defaultPage))
	if n < 1 || n > defaultPage { // UNVERIFIED wording
		return 0, badRequest("maxResults", "maxResults must be between 1 and %d.", defaultPage)
	}
	return n, nil
}

// DeleteCluster starts a deletion; the cluster is DELETING until fleet reports
// that nothing is left, and then unknown.
func (s *Service) DeleteCluster(ctx context.Context, caller model.Caller, in *kafka.DeleteClusterRequest) (*kafka.DeleteClusterResponse, error) {
	arn := deref(in.ClusterArn)
	err := s.change(ctx, caller, "clusterArn", arn, func(c cluster) (event, error) {
		return decideDelete(c, deref(in.CurrentVersion))
	})
	if err != nil {
		return nil, err
	}
	return &kafka.DeleteClusterResponse{ClusterArn: new(arn), State: new(string(Deleting))}, nil
}

// GetBootstrapBrokers answers the connection strings of a running cluster.
func (s *Service) GetBootstrapBrokers(ctx context.Context, caller model.Caller, in *kafka.GetBootstrapBrokersRequest) (*kafka.GetBootstrapBrokersResponse, error) {
	c, err := s.read(ctx, caller, "clusterArn", deref(in.ClusterArn))
	if err == nil {
		err = decideBootstrap(c)
	}
	if err != nil {
		return nil, err
	}
	return bootstrapResponse(c), nil
}

// ListNodes lists the controllers and brokers of a provisioned cluster.
func (s *Service) ListNodes(ctx context.Context, caller model.Caller, in *kafka.ListNodesRequest) (*kafka.ListNodesResponse, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	c, err := s.readProvisioned(ctx, caller, deref(in.ClusterArn))
	if err != nil {
		return nil, err
	}
	all := number(nodes(c))
	found, next, err := page(all, position, []string{"ListNodes", c.ARN}, deref(in.NextToken), size)
	if err != nil {
		return nil, err
	}
	return &kafka.ListNodesResponse{NodeInfoList: values(found), NextToken: given(next)}, nil
}

// ListKafkaVersions lists the versions that clusters can be made with.
func (s *Service) ListKafkaVersions(_ context.Context, _ model.Caller, in *kafka.ListKafkaVersionsRequest) (*kafka.ListKafkaVersionsResponse, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	all := number(versionList(s.cfg.Runs, s.cfg.Now()))
	found, next, err := page(all, position, []string{"ListKafkaVersions"}, deref(in.NextToken), size)
	if err != nil {
		return nil, err
	}
	return &kafka.ListKafkaVersionsResponse{KafkaVersions: values(found), NextToken: given(next)}, nil
}

// numbered is an item of a list whose order is not that of its keys.
type numbered[T any] struct {
	at    string // sorts as the position does
	value T
}

func number[T any](all []T) []numbered[T] {
	out := make([]numbered[T], len(all))
	for i, v := range all {
		out[i] = numbered[T]{fmt.Sprintf("%06d", i), v}
	}
	return out
}

func position[T any](n numbered[T]) string { return n.at }

func values[T any](all []numbered[T]) []T {
	out := make([]T, len(all))
	for i, n := range all {
		out[i] = n.value
	}
	return out
}

// GetCompatibleKafkaVersions lists what a cluster, or every version, can be
// updated to.
func (s *Service) GetCompatibleKafkaVersions(ctx context.Context, caller model.Caller, in *kafka.GetCompatibleKafkaVersionsRequest) (*kafka.GetCompatibleKafkaVersionsResponse, error) {
	of := ""
	if in.ClusterArn != nil {
		c, err := s.readProvisioned(ctx, caller, *in.ClusterArn)
		if err != nil {
			return nil, err
		}
		of = c.KafkaVersion
	}
	return &kafka.GetCompatibleKafkaVersionsResponse{CompatibleKafkaVersions: compatibleList(of, s.cfg.Runs)}, nil
}
