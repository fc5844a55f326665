package msk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/store"
)

// CreateVpcConnection connects a VPC of the caller's to a cluster, of whichever
// account: its policy has let the caller in.
func (s *Service) CreateVpcConnection(ctx context.Context, caller model.Caller, in *kafka.CreateVpcConnectionRequest) (*kafka.CreateVpcConnectionResponse, error) {
	d := drawer{random: s.cfg.Random}
	id := d.uuid()
	ids, err := drawOperationIDs(s.cfg.Random, 0)
	if err = errors.Join(d.err, err); err != nil {
		return nil, fmt.Errorf("draw fresh ids: %w", err)
	}
	f, err := s.vpcFacts(ctx, caller, in)
	if err != nil {
		return nil, err
	}
	var v vpcConnection
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		if f.cluster, err = find(tx, caller, "targetClusterArn", deref(in.TargetClusterArn)); err != nil {
			return asRequest(err)
		}
		if f.existing, err = sweep(tx, f.cluster, f.now); err != nil {
			return err
		}
		own, err := tx.List(vpcPrefix(caller.Account, caller.Region), "", store.MaxList)
		if err != nil {
			return err
		}
		f.own = len(own)
		v, err = decideVPCConnection(place{caller.Partition(), caller.Account, caller.Region}, in, f, id)
		if err != nil {
			return err
		}
		return errors.Join(putVPC(tx, v, f.now), recordVPC(tx, &f.cluster, v, createVPC, ids, f.now))
	})
	if err != nil {
		return nil, err
	}
	return &kafka.CreateVpcConnectionResponse{
		Authentication: new(v.Authentication), ClientSubnets: v.Subnets, CreationTime: model.NewTime(v.Created), SecurityGroups: v.SecurityGroups,
		State: new(vpcCreating), Tags: tagsOf(v.Tags), VpcConnectionArn: new(v.ARN), VpcId: new(v.VPC),
	}, nil
}

// vpcFacts asks what a new connection is decided from.
func (s *Service) vpcFacts(ctx context.Context, caller model.Caller, in *kafka.CreateVpcConnectionRequest) (f vpcFacts, err error) {
	f = vpcFacts{pace: s.cfg.Pace, now: s.cfg.Now()}
	at, _ := parseARN(deref(in.TargetClusterArn)) // an ARN of nothing is refused later
	theirs, err := s.quotas(ctx, model.Caller{Account: at.account, Region: caller.Region})
	if err != nil {
		return f, fmt.Errorf("read the quotas: %w", err)
	}
	own, err := s.quotas(ctx, caller)
	if err != nil {
		return f, fmt.Errorf("read the quotas: %w", err)
	}
	f.mayOwn, f.mayLead = own.VPCConnectionsAccount, theirs.VPCConnections
	if f.subnets, err = s.lookUp(ctx, caller, in.ClientSubnets); err != nil {
		return f, err
	}
	f.groups, err = s.groupVPCs(ctx, caller, in.SecurityGroups[:min(len(in.SecurityGroups), maxSecurityGroups)])
	return f, err
}

// asRequest is a refusal for operations that know no 404.
func asRequest(err error) error {
	if e, ok := errors.AsType[*model.Error](err); ok && e.HTTP == http.StatusNotFound {
		return badRequest(e.InvalidParameter, "%s", e.Message)
	}
	return err
}

// putVPC writes a connection and its entry in the cluster's list, or takes them
// out once it is gone. The list is written each time, so that those who watch
// the cluster see the change.
func putVPC(tx *store.Tx, v vpcConnection, now time.Time) error {
	if v.Deleted && !now.Before(v.Due) {
		return forgetVPC(tx, v)
	}
	if err := store.PutJSON(tx, v.clientKey(), v.ARN); err != nil {
		return err
	}
	return store.PutJSON(tx, v.key(), v)
}

func forgetVPC(tx *store.Tx, v vpcConnection) error {
	if err := tx.Delete(v.clientKey()); err != nil {
		return err
	}
	return tx.Delete(v.key())
}

// recordVPC writes an operation beside those of the cluster.
func recordVPC(tx *store.Tx, c *cluster, v vpcConnection, kind string, ids operationIDs, now time.Time) error {
	if err := forgetOperations(tx, *c, maxOperations-1); err != nil {
		return err
	}
	return store.PutJSON(tx, c.operationPrefix()+ids.id, v.operation(c, kind, ids, now))
}

// maxSwept bounds the keys of one transaction: a connection has two.
const maxSwept = 20

// sweep answers a cluster's connections and forgets some of those that are gone.
func sweep(tx *store.Tx, c cluster, now time.Time) (left []vpcConnection, err error) {
	all, err := clientConnections(tx, c)
	swept := 0
	for _, v := range all {
		if v.state(&c, now) != vpcGone {
			left = append(left, v)
			continue
		}
		if swept++; swept > maxSwept {
			continue
		}
		if err := forgetVPC(tx, v); err != nil {
			return nil, err
		}
	}
	return left, err
}

// clientConnections reads a cluster's connections by account and id;
// the quota keeps them below one page.
func clientConnections(tx *store.Tx, c cluster) (all []vpcConnection, err error) {
	at, _ := parseARN(c.ARN)
	found, err := tx.List(at.clientPrefix(), "", store.MaxList)
	if err != nil {
		return nil, err
	}
	for _, kv := range found {
		arn, _, err := store.GetJSON[string](tx, kv.Key)
		if err != nil {
			return nil, err
		}
		named, _ := parseVPCARN(arn)
		v, ok, err := store.GetJSON[vpcConnection](tx, named.key())
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, v)
		}
	}
	return all, nil
}

// findVPC reads the connection that an ARN names, and its cluster: nil when that
// is gone. Who may ask is judged by the ARN before.
func (s *Service) findVPC(tx *store.Tx, caller model.Caller, parameter, arn string) (v vpcConnection, c *cluster, err error) {
	at, ok := parseVPCARN(arn)
	if !ok { // UNVERIFIED wording
		return v, nil, badRequest(parameter, "Invalid VPC connection ARN.")
	}
	if at.region != caller.Region {
		return v, nil, notFound(parameter)
	}
	if v, ok, err = store.GetJSON[vpcConnection](tx, at.key()); err != nil {
		return v, nil, err
	}
	if !ok || v.ARN != arn {
		return v, nil, notFound(parameter)
	}
	if c, err = clusterOf(tx, v); err == nil && v.state(c, s.cfg.Now()) == vpcGone {
		err = notFound(parameter)
	}
	return v, c, err
}

// clusterOf reads a connection's cluster; nil when that is gone.
func clusterOf(tx *store.Tx, v vpcConnection) (*cluster, error) {
	at, _ := parseARN(v.Cluster)
	c, ok, err := store.GetJSON[cluster](tx, documentKey(at.account, at.region, at.name))
	if err != nil || !ok || c.ARN != v.Cluster {
		return nil, err
	}
	return &c, nil
}

// DescribeVpcConnection shows a connection to its owner.
func (s *Service) DescribeVpcConnection(ctx context.Context, caller model.Caller, in *kafka.DescribeVpcConnectionRequest) (out *kafka.DescribeVpcConnectionResponse, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		v, c, err := s.findVPC(tx, caller, "arn", deref(in.Arn))
		if err == nil {
			out = v.describe(v.state(c, s.cfg.Now()))
		}
		return err
	})
	return out, err
}

// DeleteVpcConnection ends a connection; what goes over it is cut off.
func (s *Service) DeleteVpcConnection(ctx context.Context, caller model.Caller, in *kafka.DeleteVpcConnectionRequest) (*kafka.DeleteVpcConnectionResponse, error) {
	ids, err := drawOperationIDs(s.cfg.Random, 0)
	if err != nil {
		return nil, fmt.Errorf("draw fresh ids: %w", err)
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		v, c, err := s.findVPC(tx, caller, "arn", deref(in.Arn))
		if err != nil {
			return err
		}
		if v, err = decideDisconnect(v, c, s.cfg.Pace, s.cfg.Now()); err != nil {
			return err
		}
		if err = putVPC(tx, v, s.cfg.Now()); err != nil || c == nil {
			return err
		}
		return recordVPC(tx, c, v, deleteVPC, ids, s.cfg.Now())
	})
	if err != nil {
		return nil, err
	}
	return &kafka.DeleteVpcConnectionResponse{State: new(vpcDeleting), VpcConnectionArn: in.Arn}, nil
}

// ListVpcConnections lists the connections of the caller's account and region.
func (s *Service) ListVpcConnections(ctx context.Context, caller model.Caller, in *kafka.ListVpcConnectionsRequest) (*kafka.ListVpcConnectionsResponse, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	all := []kafka.VpcConnection{}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		found, err := tx.List(vpcPrefix(caller.Account, caller.Region), "", store.MaxList)
		if err != nil {
			return err
		}
		for _, kv := range found {
			v, _, err := store.GetJSON[vpcConnection](tx, kv.Key)
			if err != nil {
				return err
			}
			c, err := clusterOf(tx, v)
			if err != nil {
				return err
			}
			if state := v.state(c, s.cfg.Now()); state != vpcGone {
				all = append(all, v.render(state))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found, next, err := page(all, func(v kafka.VpcConnection) string { return *v.VpcConnectionArn },
		[]string{"ListVpcConnections", caller.Account, caller.Region}, deref(in.NextToken), size)
	if err != nil {
		return nil, err
	}
	return &kafka.ListVpcConnectionsResponse{VpcConnections: found, NextToken: given(next)}, nil
}

// ListClientVpcConnections lists the connections to a cluster.
func (s *Service) ListClientVpcConnections(ctx context.Context, caller model.Caller, in *kafka.ListClientVpcConnectionsRequest) (*kafka.ListClientVpcConnectionsResponse, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	all := []kafka.ClientVpcConnection{}
	var arn string
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, err := find(tx, caller, "clusterArn", deref(in.ClusterArn))
		if err != nil {
			return asRequest(err)
		}
		arn = c.ARN
		found, err := clientConnections(tx, c)
		for _, v := range found {
			if state := v.state(&c, s.cfg.Now()); state != vpcGone {
				all = append(all, v.renderClient(state))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	found, next, err := page(all, func(v kafka.ClientVpcConnection) string { return *v.VpcConnectionArn },
		[]string{"ListClientVpcConnections", arn}, deref(in.NextToken), size)
	if err != nil {
		return nil, err
	}
	return &kafka.ListClientVpcConnectionsResponse{ClientVpcConnections: found, NextToken: given(next)}, nil
}

// RejectClientVpcConnection ends a connection to a cluster for the cluster's
// owner; what goes over it is cut off. The connection's owner can only delete it.
func (s *Service) RejectClientVpcConnection(ctx context.Context, caller model.Caller, in *kafka.RejectClientVpcConnectionRequest) (*kafka.RejectClientVpcConnectionResponse, error) {
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := find(tx, caller, "clusterArn", deref(in.ClusterArn))
		if err != nil {
			return asRequest(err)
		}
		v, _, err := s.findVPC(tx, caller, "vpcConnectionArn", deref(in.VpcConnectionArn))
		if err == nil && v.Cluster != c.ARN {
			err = notFound("vpcConnectionArn")
		}
		if err != nil {
			return asRequest(err)
		}
		if v, err = decideReject(v, c, s.cfg.Pace, s.cfg.Now()); err != nil {
			return err
		}
		return putVPC(tx, v, s.cfg.Now())
	})
	if err != nil {
		return nil, err
	}
	return &kafka.RejectClientVpcConnectionResponse{}, nil
}

// VPCEntry is a VPC connection as brokers see it: clients of the account whom
// the security groups let in may come to the listener, from a time on.
type VPCEntry struct {
	Listener       Listener
	Account        string // the VPC's
	VPC            string
	SecurityGroups []string
	From           time.Time
}

// VPCEntries answers the connections through which clients may come to a
// cluster; none for one that is gone. WatchFacts tells of changes.
func (s *Service) VPCEntries(ctx context.Context, clusterARN string) (entries []VPCEntry, err error) {
	at, ok := parseARN(clusterARN)
	if !ok {
		return nil, badRequest("clusterArn", "Invalid cluster ARN.")
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, ok, err := store.GetJSON[cluster](tx, documentKey(at.account, at.region, at.name))
		if err != nil || !ok || c.ARN != clusterARN {
			return err
		}
		all, err := clientConnections(tx, c)
		for _, v := range all {
			if slices.Contains([]string{vpcCreating, vpcAvailable, vpcDeactivating}, v.state(&c, s.cfg.Now())) {
				entries = append(entries, VPCEntry{vpcListener(v.Authentication), v.Account, v.VPC, v.SecurityGroups, v.Due})
			}
		}
		return err
	})
	return entries, err
}

// VPCConnectionTags tells the tags of the connection that an ARN names; ok is
// false when there is none.
func (s *Service) VPCConnectionTags(ctx context.Context, arn string) (tags map[string]string, ok bool, err error) {
	at, ok := parseVPCARN(arn)
	if !ok {
		return nil, false, nil
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		var v vpcConnection
		v, ok, err = store.GetJSON[vpcConnection](tx, at.key())
		tags = v.Tags
		return err
	})
	return tags, ok, err
}
