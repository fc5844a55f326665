package msk

import (
	"context"
	"errors"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

const maxPolicyBytes = 20 << 10 // aws:kafka PutClusterPolicy

// clusterPolicy is the document of a cluster's policy.
type clusterPolicy struct {
	ARN     string `json:"arn"` // of the cluster
	Version string `json:"version"`
	Policy  string `json:"policy"`
}

func policyKey(account, region, name string) string {
	return account + "/" + region + "/msk/policy/" + name
}

// decidePolicy replaces a cluster's policy: who does must have seen it. missing is
// a principal that does not exist. aws:kafka PutClusterPolicy; UNVERIFIED wordings
// but for a version that is not given, a principal and a cluster
func decidePolicy(c cluster, have clusterPolicy, text, missing, expected, next string) (clusterPolicy, error) {
	switch {
	case expected == "" && have.Version != "":
		return have, badRequest("currentVersion", "Current cluster policy version needed for Update")
	case len(text) > maxPolicyBytes:
		return have, badRequest("policy", "The policy has %d bytes, at most %d are allowed.", len(text), maxPolicyBytes)
	case expected != "" && expected != have.Version:
		return have, badRequest("currentVersion", "The version of the cluster policy isn't current. Check the current version and try again.")
	}
	doc, err := policy.Parse(policy.Resource, []byte(text))
	if err != nil {
		return have, badPolicy("%s", err)
	}
	for _, arn := range doc.Named() {
		if strings.HasPrefix(arn, "arn:") && strings.Contains(arn, ":cluster/") && arn != c.ARN {
			return have, badPolicy("Invalid cluster arn: %q", arn)
		}
	}
	if missing != "" {
		return have, badPolicy("The IAM Principal was not found.")
	}
	return clusterPolicy{c.ARN, next, text}, nil
}

func badPolicy(format string, args ...any) error {
	return badRequest("policy", "The cluster policy is not valid. "+format, args...)
}

// missingPrincipal is a principal of a policy that does not exist.
func (s *Service) missingPrincipal(ctx context.Context, text string) (string, error) {
	doc, err := policy.Parse(policy.Resource, []byte(text))
	if err != nil || s.cfg.Missing == nil {
		return "", nil // decidePolicy says why
	}
	return s.cfg.Missing(ctx, doc)
}

// PutClusterPolicy replaces a cluster's policy.
func (s *Service) PutClusterPolicy(ctx context.Context, caller model.Caller, in *kafka.PutClusterPolicyRequest) (*kafka.PutClusterPolicyResponse, error) {
	d := drawer{random: s.cfg.Random}
	version := d.version()
	missing, err := s.missingPrincipal(ctx, deref(in.Policy))
	if err = errors.Join(d.err, err); err != nil {
		return nil, err
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, have, err := findPolicy(tx, caller, deref(in.ClusterArn))
		if err != nil {
			return err
		}
		next, err := decidePolicy(c, have, deref(in.Policy), missing, deref(in.CurrentVersion), version)
		if err != nil {
			return err
		}
		return store.PutJSON(tx, policyKey(c.Account, c.Region, c.Name), next)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.PutClusterPolicyResponse{CurrentVersion: new(version)}, nil
}

// findPolicy reads a cluster and its policy; without one Version is empty.
func findPolicy(tx *store.Tx, caller model.Caller, arn string) (c cluster, p clusterPolicy, err error) {
	if c, err = find(tx, caller, "clusterArn", arn); err != nil {
		return c, p, err
	}
	p, _, err = store.GetJSON[clusterPolicy](tx, policyKey(c.Account, c.Region, c.Name))
	return c, p, err
}

// noPolicy is an UNVERIFIED wording.
func noPolicy() error {
	return model.NotFound("clusterArn", "The cluster does not have a resource policy.")
}

// GetClusterPolicy shows a cluster's policy.
func (s *Service) GetClusterPolicy(ctx context.Context, caller model.Caller, in *kafka.GetClusterPolicyRequest) (*kafka.GetClusterPolicyResponse, error) {
	var p clusterPolicy
	err := s.cfg.Store.View(ctx, func(tx *store.Tx) (err error) {
		if _, p, err = findPolicy(tx, caller, deref(in.ClusterArn)); err == nil && p.Version == "" {
			err = noPolicy()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &kafka.GetClusterPolicyResponse{CurrentVersion: new(p.Version), Policy: new(p.Policy)}, nil
}

// DeleteClusterPolicy drops a cluster's policy.
func (s *Service) DeleteClusterPolicy(ctx context.Context, caller model.Caller, in *kafka.DeleteClusterPolicyRequest) (*kafka.DeleteClusterPolicyResponse, error) {
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, p, err := findPolicy(tx, caller, deref(in.ClusterArn))
		if err != nil {
			return err
		}
		if p.Version == "" {
			return noPolicy()
		}
		return tx.Delete(policyKey(c.Account, c.Region, c.Name))
	})
	if err != nil {
		return nil, err
	}
	return &kafka.DeleteClusterPolicyResponse{}, nil
}

// Facts is what a judge must know of a cluster.
type Facts struct {
	Account string
	Tags    map[string]string
	Policy  string // the cluster's own; empty: none
	Key     string // ARN of the customer's KMS key of its volumes; empty: none
}

// Facts tells of the cluster that an ARN names; ok is false when there is none.
// It reads the store: who judges many requests keeps the answer until
// WatchFacts tells.
func (s *Service) Facts(ctx context.Context, clusterARN string) (f Facts, ok bool, err error) {
	at, ok := parseARN(clusterARN)
	if !ok {
		return f, false, nil
	}
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, found, err := store.GetJSON[cluster](tx, documentKey(at.account, at.region, at.name))
		if ok = found && c.ARN == clusterARN; !ok || err != nil {
			return err
		}
		p, _, err := store.GetJSON[clusterPolicy](tx, policyKey(at.account, at.region, at.name))
		f = Facts{Account: c.Account, Tags: c.Tags, Policy: p.Policy}
		if c.Provisioned != nil {
			f.Key = c.Provisioned.Key
		}
		return err
	})
	return f, ok, err
}

// WatchFacts answers a channel that receives after the facts of a cluster of the
// account and region may have changed; notifications coalesce. cancel ends it.
func (s *Service) WatchFacts(account, region string) (changed <-chan struct{}, cancel func()) {
	return s.cfg.Store.Watch(account + "/" + region + "/msk/")
}
