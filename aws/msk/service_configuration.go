package msk

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/store"
)

// CreateConfiguration keeps a configuration and its first revision.
func (s *Service) CreateConfiguration(ctx context.Context, caller model.Caller, in *kafka.CreateConfigurationRequest) (*kafka.CreateConfigurationResponse, error) {
	ids, err := drawIDs(s.cfg.Random, 0)
	if err != nil {
		return nil, fmt.Errorf("draw fresh ids: %w", err)
	}
	quotas, err := s.quotas(ctx, caller)
	if err != nil {
		return nil, fmt.Errorf("read the quotas: %w", err)
	}
	at := place{caller.Partition(), caller.Account, caller.Region}
	var c configuration
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		existing, err := listDocuments[configuration](tx, configurationPrefix(caller.Account, caller.Region))
		if err != nil {
			return err
		}
		var r revision
		c, r, err = decideConfiguration(at, in, existing, quotas.Configurations, fmt.Sprintf("%s-%d", ids.uuid, ids.n), s.cfg.Now())
		if err != nil {
			return err
		}
		return writeRevision(tx, caller, c, r)
	})
	if err != nil {
		return nil, err
	}
	out := c.render()
	return &kafka.CreateConfigurationResponse{
		Arn: out.Arn, CreationTime: out.CreationTime, LatestRevision: out.LatestRevision, Name: out.Name, State: out.State,
	}, nil
}

func writeRevision(tx *store.Tx, caller model.Caller, c configuration, r revision) error {
	if err := store.PutJSON(tx, configurationPrefix(caller.Account, caller.Region)+c.Name, c); err != nil {
		return err
	}
	return store.PutJSON(tx, revisionKey(caller.Account, caller.Region, c.Name, r.Number), r)
}

// listDocuments reads all documents under a prefix, of which quotas keep the
// number below one page.
func listDocuments[T any](tx *store.Tx, prefix string) ([]T, error) {
	found, err := tx.List(prefix, "", store.MaxList)
	if err != nil {
		return nil, err
	}
	all := make([]T, 0, len(found))
	for _, kv := range found {
		v, _, err := store.GetJSON[T](tx, kv.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// findConfiguration reads the configuration that an ARN names.
func findConfiguration(tx *store.Tx, caller model.Caller, arn string) (configuration, error) {
	name, err := nameOfConfiguration(caller, arn)
	if err != nil {
		return configuration{}, err
	}
	c, ok, err := store.GetJSON[configuration](tx, configurationPrefix(caller.Account, caller.Region)+name)
	if err == nil && (!ok || c.ARN != arn) {
		err = errNoConfiguration
	}
	return c, err
}

// findRevision reads a revision of a configuration.
func findRevision(tx *store.Tx, caller model.Caller, c configuration, number int64) (revision, error) {
	r, ok, err := store.GetJSON[revision](tx, revisionKey(caller.Account, caller.Region, c.Name, number))
	if err == nil && !ok { // UNVERIFIED wording
		err = badRequest("revision", "Configuration revision does not exist.")
	}
	return r, err
}

// readConfiguration answers the configuration that an ARN names.
func (s *Service) readConfiguration(ctx context.Context, caller model.Caller, arn string) (c configuration, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, err = findConfiguration(tx, caller, arn)
		return err
	})
	return c, err
}

// DescribeConfiguration shows a configuration and its latest revision.
func (s *Service) DescribeConfiguration(ctx context.Context, caller model.Caller, in *kafka.DescribeConfigurationRequest) (*kafka.DescribeConfigurationResponse, error) {
	c, err := s.readConfiguration(ctx, caller, deref(in.Arn))
	if err != nil {
		return nil, err
	}
	out := c.render()
	return &kafka.DescribeConfigurationResponse{
		Arn: out.Arn, CreationTime: out.CreationTime, Description: out.Description, KafkaVersions: out.KafkaVersions,
		LatestRevision: out.LatestRevision, Name: out.Name, State: out.State,
	}, nil
}

// DescribeConfigurationRevision shows a revision with its text as it was given.
func (s *Service) DescribeConfigurationRevision(ctx context.Context, caller model.Caller, in *kafka.DescribeConfigurationRevisionRequest) (*kafka.DescribeConfigurationRevisionResponse, error) {
	var r revision
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, err := findConfiguration(tx, caller, deref(in.Arn))
		if err == nil {
			r, err = findRevision(tx, caller, c, deref(in.Revision))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &kafka.DescribeConfigurationRevisionResponse{
		Arn: in.Arn, CreationTime: model.NewTime(r.Created), Description: new(r.Description), Revision: new(r.Number),
		ServerProperties: new(base64.StdEncoding.EncodeToString(r.Properties)),
	}, nil
}

// ListConfigurations lists the configurations of the caller's account and region
// by name.
func (s *Service) ListConfigurations(ctx context.Context, caller model.Caller, in *kafka.ListConfigurationsRequest) (*kafka.ListConfigurationsResponse, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	var all []configuration
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		all, err = listDocuments[configuration](tx, configurationPrefix(caller.Account, caller.Region))
		return err
	})
	if err != nil {
		return nil, err
	}
	found, next, err := page(all, func(c configuration) string { return c.Name }, []string{"ListConfigurations", caller.Account, caller.Region}, deref(in.NextToken), size)
	if err != nil {
		return nil, err
	}
	out := &kafka.ListConfigurationsResponse{Configurations: []kafka.Configuration{}, NextToken: given(next)}
	for _, c := range found {
		out.Configurations = append(out.Configurations, c.render())
	}
	return out, nil
}

// ListConfigurationRevisions lists the revisions of a configuration, the first
// first.
func (s *Service) ListConfigurationRevisions(ctx context.Context, caller model.Caller, in *kafka.ListConfigurationRevisionsRequest) (*kafka.ListConfigurationRevisionsResponse, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	var all []revision
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, err := findConfiguration(tx, caller, deref(in.Arn))
		if err == nil {
			all, err = listDocuments[revision](tx, revisionPrefix(caller.Account, caller.Region, c.Name))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	found, next, err := page(number(all), position, []string{"ListConfigurationRevisions", deref(in.Arn)}, deref(in.NextToken), size)
	if err != nil {
		return nil, err
	}
	out := &kafka.ListConfigurationRevisionsResponse{Revisions: []kafka.ConfigurationRevision{}, NextToken: given(next)}
	for _, r := range values(found) {
		out.Revisions = append(out.Revisions, *r.render())
	}
	return out, nil
}

// UpdateConfiguration makes the next revision. Clusters keep theirs until they
// are given another.
func (s *Service) UpdateConfiguration(ctx context.Context, caller model.Caller, in *kafka.UpdateConfigurationRequest) (*kafka.UpdateConfigurationResponse, error) {
	quotas, err := s.quotas(ctx, caller)
	if err != nil {
		return nil, fmt.Errorf("read the quotas: %w", err)
	}
	var c configuration
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) (err error) {
		if c, err = findConfiguration(tx, caller, deref(in.Arn)); err != nil {
			return err
		}
		var r revision
		if c, r, err = decideRevision(c, in, quotas.Revisions, s.cfg.Now()); err != nil {
			return err
		}
		return writeRevision(tx, caller, c, r)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateConfigurationResponse{Arn: in.Arn, LatestRevision: c.Latest.render()}, nil
}

// DeleteConfiguration forgets a configuration that no cluster has. It answers
// DELETING, as the service does; nothing is left by then.
func (s *Service) DeleteConfiguration(ctx context.Context, caller model.Caller, in *kafka.DeleteConfigurationRequest) (*kafka.DeleteConfigurationResponse, error) {
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := findConfiguration(tx, caller, deref(in.Arn))
		if err != nil {
			return err
		}
		clusters, err := readAll(tx, caller.Account, caller.Region)
		if err != nil {
			return err
		}
		if err := decideForget(c, clusters); err != nil {
			return err
		}
		for n := range c.Latest.Number {
			if err := tx.Delete(revisionKey(caller.Account, caller.Region, c.Name, n+1)); err != nil {
				return err
			}
		}
		return tx.Delete(configurationPrefix(caller.Account, caller.Region) + c.Name)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.DeleteConfigurationResponse{Arn: in.Arn, State: new("DELETING")}, nil
}
