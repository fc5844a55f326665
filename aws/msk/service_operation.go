package msk

import (
	"context"
	"fmt"
	"slices"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/store"
)

// begin decides a change of the cluster that an ARN names and starts its operation.
func (s *Service) begin(ctx context.Context, caller model.Caller, arn string, ch change) (operationARN *string, err error) {
	quotas, err := s.quotas(ctx, caller)
	if err != nil {
		return nil, fmt.Errorf("read the quotas: %w", err)
	}
	ids, err := drawOperationIDs(s.cfg.Random, max(quotas.BrokersPerCluster, quotas.BrokersPerKRaftCluster))
	if err != nil {
		return nil, fmt.Errorf("draw fresh ids: %w", err)
	}
	c, err := s.read(ctx, caller, "clusterArn", arn)
	if err != nil {
		return nil, err
	}
	f := changeFacts{ids: ids, now: s.cfg.Now(), runs: s.cfg.Runs, pace: s.cfg.Pace, quotas: quotas}
	if f.active, err = s.activeAuthorities(ctx, caller, ch.authorities); err != nil {
		return nil, err
	}
	if c.Provisioned != nil {
		owner := model.Caller{Account: c.Account, Region: c.Region}
		if f.zones, err = s.lookUp(ctx, owner, c.Provisioned.Subnets); err != nil { // they never change
			return nil, err
		}
	}
	if s.cfg.Held != nil {
		f.held, _ = s.cfg.Held(arn)
	}
	if ch.scans {
		if err := s.scan(ctx, c, &f); err != nil {
			return nil, err
		}
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := find(tx, caller, "clusterArn", arn)
		if err == nil {
			err = f.read(tx, caller, c, ch)
		}
		if err != nil {
			return err
		}
		e, err := decideChange(c, ch, f)
		if err != nil {
			return err
		}
		operationARN = new(e.o.ARN)
		return commit(tx, c, e)
	})
	return operationARN, err
}

// scan fills in what is to be known for an upgrade to Express brokers.
func (s *Service) scan(ctx context.Context, c cluster, f *changeFacts) error {
	d := drawer{random: s.cfg.Random}
	if f.reassignment = d.uuid(); d.err != nil {
		return fmt.Errorf("draw fresh ids: %w", d.err)
	}
	if s.cfg.Scan == nil || c.State != Active {
		return nil
	}
	seen, err := s.cfg.Scan(ctx, c.ARN)
	if err != nil {
		return fmt.Errorf("look at the topics of %s: %w", c.ARN, err)
	}
	f.scan = &seen
	return nil
}

// beginParsed begins a change unless its request could not be read.
func (s *Service) beginParsed(ctx context.Context, caller model.Caller, arn *string, ch change, err error) (*string, error) {
	if err != nil {
		return nil, err
	}
	return s.begin(ctx, caller, deref(arn), ch)
}

// read fills in what is stored.
func (f *changeFacts) read(tx *store.Tx, caller model.Caller, c cluster, ch change) (err error) {
	if f.existing, err = readAll(tx, caller.Account, caller.Region); err != nil {
		return err
	}
	if f.reassigning, err = activeReassignment(tx, c); err != nil {
		return err
	}
	if ch.names != nil {
		if f.wanted, f.properties, err = findRef(tx, caller, *ch.names); err != nil {
			return err
		}
	}
	if c.Provisioned != nil && c.Provisioned.Configuration != nil {
		f.configured, f.current, err = findRef(tx, caller, *c.Provisioned.Configuration)
	}
	return err
}

// findRef reads a configuration and what a revision of it sets.
func findRef(tx *store.Tx, caller model.Caller, ref configurationRef) (configuration, map[string]string, error) {
	c, err := findConfiguration(tx, caller, ref.ARN)
	if err != nil {
		return c, nil, err
	}
	r, err := findRevision(tx, caller, c, ref.Revision)
	return c, propertiesOf(r.Properties), err
}

// RebootBroker stops one broker and starts it again.
func (s *Service) RebootBroker(ctx context.Context, caller model.Caller, in *kafka.RebootBrokerRequest) (*kafka.RebootBrokerResponse, error) {
	ch, err := rebootOf(in.BrokerIds)
	o, err := s.beginParsed(ctx, caller, in.ClusterArn, ch, err)
	if err != nil {
		return nil, err
	}
	return &kafka.RebootBrokerResponse{ClusterArn: in.ClusterArn, ClusterOperationArn: o}, nil
}

// readOperation answers the operation that an ARN names, and its cluster.
func (s *Service) readOperation(ctx context.Context, caller model.Caller, arn string) (c cluster, o operation, err error) {
	of, id, ok := parseOperationARN(arn)
	if !ok { // UNVERIFIED wording
		return c, o, badRequest("clusterOperationArn", "Invalid cluster operation ARN.")
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		if c, err = find(tx, caller, "clusterOperationArn", of); err != nil {
			return err
		}
		o, ok, err = store.GetJSON[operation](tx, c.operationPrefix()+id)
		if err == nil && !ok {
			err = notFound("clusterOperationArn")
		}
		return err
	})
	return c, o, err
}

// DescribeClusterOperation shows an operation of a provisioned cluster.
func (s *Service) DescribeClusterOperation(ctx context.Context, caller model.Caller, in *kafka.DescribeClusterOperationRequest) (*kafka.DescribeClusterOperationResponse, error) {
	c, o, err := s.readOperation(ctx, caller, deref(in.ClusterOperationArn))
	if err != nil {
		return nil, err
	}
	return &kafka.DescribeClusterOperationResponse{ClusterOperationInfo: new(o.renderV1(c))}, nil
}

// DescribeClusterOperationV2 shows an operation.
func (s *Service) DescribeClusterOperationV2(ctx context.Context, caller model.Caller, in *kafka.DescribeClusterOperationV2Request) (*kafka.DescribeClusterOperationV2Response, error) {
	c, o, err := s.readOperation(ctx, caller, deref(in.ClusterOperationArn))
	if err != nil {
		return nil, err
	}
	return &kafka.DescribeClusterOperationV2Response{ClusterOperationInfo: o.renderV2(c)}, nil
}

// operations reads a cluster and its operations, by id.
func (s *Service) operations(ctx context.Context, caller model.Caller, arn string) (c cluster, all []operation, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		if c, err = find(tx, caller, "clusterArn", arn); err == nil {
			all, err = operationsOf(tx, c)
		}
		return err
	})
	return c, all, err
}

// ListClusterOperations lists the operations of a provisioned cluster, the
// latest first. UNVERIFIED order
func (s *Service) ListClusterOperations(ctx context.Context, caller model.Caller, in *kafka.ListClusterOperationsRequest) (*kafka.ListClusterOperationsResponse, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	c, all, err := s.operations(ctx, caller, deref(in.ClusterArn))
	if err == nil && c.Serverless != nil { // UNVERIFIED code and wording
		err = badRequest("clusterArn", "This operation cannot be performed on serverless clusters.")
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b operation) int { return b.Created.Compare(a.Created) })
	found, next, err := page(number(all), position, []string{"ListClusterOperations", c.ARN}, deref(in.NextToken), size)
	if err != nil {
		return nil, err
	}
	out := &kafka.ListClusterOperationsResponse{ClusterOperationInfoList: []kafka.ClusterOperationInfo{}, NextToken: given(next)}
	for _, o := range values(found) {
		out.ClusterOperationInfoList = append(out.ClusterOperationInfoList, o.renderV1(c))
	}
	return out, nil
}

// ListClusterOperationsV2 lists a cluster's operations by the uuids in their ARNs.
func (s *Service) ListClusterOperationsV2(ctx context.Context, caller model.Caller, in *kafka.ListClusterOperationsV2Request) (*kafka.ListClusterOperationsV2Response, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	c, all, err := s.operations(ctx, caller, deref(in.ClusterArn))
	if err != nil {
		return nil, err
	}
	found, next, err := page(all, func(o operation) string { return o.ID }, []string{"ListClusterOperationsV2", c.ARN}, deref(in.NextToken), size)
	if err != nil {
		return nil, err
	}
	out := &kafka.ListClusterOperationsV2Response{ClusterOperationInfoList: []kafka.ClusterOperationV2Summary{}, NextToken: given(next)}
	for _, o := range found {
		out.ClusterOperationInfoList = append(out.ClusterOperationInfoList, o.summary(c))
	}
	return out, nil
}
