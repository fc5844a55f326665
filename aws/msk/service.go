package msk

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// Config is what a Service is made of. Store, Now, Random and Subnet are
// required.
type Config struct {
	Store  *store.Store
	Now    func() time.Time
	Random io.Reader // read concurrently; crypto/rand.Reader

	// Subnet tells what is known of a subnet of the caller's account and region.
	Subnet func(ctx context.Context, caller model.Caller, id string) (s Subnet, ok bool, err error)
	// DefaultSecurityGroup names the default group of a VPC, for clusters that
	// name none; nil leaves them without.
	DefaultSecurityGroup func(ctx context.Context, caller model.Caller, vpc string) (id string, ok bool, err error)
	// SecurityGroupVPC tells the VPC of a security group of the caller's account
	// and region; nil leaves groups unchecked.
	SecurityGroupVPC func(ctx context.Context, caller model.Caller, id string) (vpc string, ok bool, err error)
	// Secret tells what is known of a secret of the caller's account and region,
	// for the account's SCRAM users; nil: there are no secrets.
	Secret func(ctx context.Context, caller model.Caller, arn string) (s Secret, ok bool, err error)
	// AuthorityActive says whether a private certificate authority of the
	// caller's account and region exists and signs; nil: there are none.
	AuthorityActive func(ctx context.Context, caller model.Caller, arn string) (bool, error)
	// Key tells what is known of a KMS key of the caller's account and region that
	// its ARN, id or alias names, and makes the service's own at its first use. It
	// refuses callers who may not give the key to a cluster. nil: there are no keys.
	Key func(ctx context.Context, caller model.Caller, id string) (k Key, ok bool, err error)
	// LogGroup and Bucket say whether a log group of the caller's account and
	// region, and a bucket of its account, exist for brokers' logs; nil leaves
	// them unchecked.
	LogGroup, Bucket func(ctx context.Context, caller model.Caller, name string) (bool, error)
	// LinkedRole makes sure that the caller's account has the role that the
	// service acts with. It refuses callers who may not make it when it is not
	// there. nil: there are no roles.
	LinkedRole func(ctx context.Context, caller model.Caller) error
	// Missing is a user or role that a policy names and that is known not
	// to exist, empty for none; nil leaves them unchecked.
	Missing func(ctx context.Context, doc *policy.Document) (arn string, err error)
	// Runs says which Kafka versions of the table can be run here; nil is all.
	Runs func(kafkaVersion string) bool
	// Quotas is what the caller's account may have; nil is DefaultQuotas.
	Quotas func(ctx context.Context, caller model.Caller) (Quotas, error)
	// Pace is how long things last; nil is as long as they take.
	Pace Pace
	// Held tells what each broker of a running cluster holds; nil, or false,
	// leaves the limits that rest on it unchecked.
	Held func(clusterARN string) (held map[int32]Held, ok bool)
	// Scan looks at the topics of a running cluster; nil, or an error, refuses what
	// rests on it.
	Scan func(ctx context.Context, clusterARN string) (Scan, error)
}

// Service is MSK's API over the store. Its methods may be called concurrently.
type Service struct{ cfg Config }

// New makes a Service.
func New(cfg Config) *Service {
	if cfg.Runs == nil {
		cfg.Runs = func(string) bool { return true }
	}
	return &Service{cfg}
}

// create answers the questions that a decision needs, decides and writes.
func (s *Service) create(ctx context.Context, caller model.Caller, w wish) (cluster, error) {
	quotas, err := s.quotas(ctx, caller)
	if err != nil {
		return cluster{}, fmt.Errorf("read the quotas: %w", err)
	}
	ids, err := drawIDs(s.cfg.Random, max(serverlessBrokers, min(w.brokers, quotas.brokers(w.kafkaVersion)))) // more are refused
	if err != nil {
		return cluster{}, fmt.Errorf("draw fresh ids: %w", err)
	}
	f := facts{runs: s.cfg.Runs, pace: s.cfg.Pace, quotas: quotas}
	if f.subnets, err = s.lookUp(ctx, caller, w.subnets()); err != nil {
		return cluster{}, err
	}
	if w.provisioned != nil {
		if err := s.checkLogTargets(ctx, caller, w.provisioned.Logs); err != nil {
			return cluster{}, err
		}
		if f.active, err = s.activeAuthorities(ctx, caller, w.provisioned.Authorities); err != nil {
			return cluster{}, err
		}
		if f.key, err = s.lookUpKey(ctx, caller, w.provisioned.Key); err != nil {
			return cluster{}, err
		}
		f.managed = managedKeyARN(caller.Partition(), caller.Region, caller.Account)
	}
	if err := s.fillSecurityGroups(ctx, caller, w, f.subnets); err != nil {
		return cluster{}, err
	}
	if f.groups, err = s.groupVPCs(ctx, caller, w.securityGroups()); err != nil {
		return cluster{}, err
	}
	if s.cfg.LinkedRole != nil {
		if err := s.cfg.LinkedRole(ctx, caller); err != nil {
			return cluster{}, err
		}
	}
	at := place{caller.Partition(), caller.Account, caller.Region}
	var c cluster
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		f.existing, err = readAll(tx, caller.Account, caller.Region)
		if err != nil {
			return err
		}
		if w.provisioned != nil && w.provisioned.Configuration != nil {
			if f.wanted, f.properties, err = findRef(tx, caller, *w.provisioned.Configuration); err != nil {
				return err
			}
		}
		e, err := decideCreate(at, w, f, ids, s.cfg.Now())
		if err != nil {
			return err
		}
		c = e.c
		return commit(tx, cluster{}, e)
	})
	return c, err
}

// lookUp asks for every subnet once; those that do not exist are left out.
func (s *Service) lookUp(ctx context.Context, caller model.Caller, ids []string) (map[string]Subnet, error) {
	known := map[string]Subnet{}
	for _, id := range ids[:min(len(ids), maxServerlessVPCs*maxServerlessSubnets)] {
		found, ok, err := s.cfg.Subnet(ctx, caller, id)
		if err != nil {
			return nil, err
		}
		if ok {
			known[id] = found
		}
	}
	return known, nil
}

// activeAuthorities asks for every certificate authority of a request.
func (s *Service) activeAuthorities(ctx context.Context, caller model.Caller, arns []string) (map[string]bool, error) {
	if s.cfg.AuthorityActive == nil {
		return nil, nil
	}
	active := map[string]bool{}
	for _, arn := range arns[:min(len(arns), maxAuthorities)] {
		ok, err := s.cfg.AuthorityActive(ctx, caller, arn)
		if err != nil {
			return nil, err
		}
		active[arn] = ok
	}
	return active, nil
}

// readAll answers every cluster of an account and region; the quotas keep them
// below one page.
func readAll(tx *store.Tx, account, region string) ([]cluster, error) {
	prefix := documentPrefix(account, region)
	found, err := tx.List(prefix, "", store.MaxList)
	if err != nil {
		return nil, err
	}
	all := make([]cluster, 0, len(found))
	for _, kv := range found {
		c, _, err := store.GetJSON[cluster](tx, kv.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// find reads the cluster that an ARN names, of whichever account: who may ask is
// judged by the ARN before, with the cluster's policy. parameter is the request's member.
func find(tx *store.Tx, caller model.Caller, parameter, arn string) (cluster, error) {
	at, ok := parseARN(arn)
	if !ok {
		return cluster{}, badRequest(parameter, "Invalid cluster ARN.") // UNVERIFIED wording
	}
	if at.region != caller.Region {
		return cluster{}, notFound(parameter)
	}
	c, ok, err := store.GetJSON[cluster](tx, documentKey(at.account, at.region, at.name))
	if err == nil && (!ok || c.ARN != arn) {
		err = notFound(parameter)
	}
	return c, err
}

// read answers the cluster that an ARN names.
func (s *Service) read(ctx context.Context, caller model.Caller, parameter, arn string) (c cluster, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		c, err = find(tx, caller, parameter, arn)
		return err
	})
	return c, err
}

// change runs a decision about the cluster that an ARN names and writes it.
func (s *Service) change(ctx context.Context, caller model.Caller, parameter, arn string, decide func(cluster) (event, error)) error {
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := find(tx, caller, parameter, arn)
		if err != nil {
			return err
		}
		e, err := decide(c)
		if err != nil {
			return err
		}
		return commit(tx, c, e)
	})
}

// listQuery is a request to list clusters.
type listQuery struct {
	operation, namePrefix, clusterType, token string
	size                                      int
}

// list answers a page of the clusters of the caller's account and region, by name.
func (s *Service) list(ctx context.Context, caller model.Caller, q listQuery) (found []cluster, next string, err error) {
	var all []cluster
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		all, err = readAll(tx, caller.Account, caller.Region)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	kept := all[:0]
	for _, c := range all {
		if strings.HasPrefix(c.Name, q.namePrefix) && (q.clusterType == "" || q.clusterType == c.kind()) {
			kept = append(kept, c)
		}
	}
	bound := []string{q.operation, caller.Account, caller.Region, q.namePrefix, q.clusterType}
	return page(kept, func(c cluster) string { return c.Name }, bound, q.token, q.size)
}
