package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/millrace/millrace/aws/acmpca"
	"github.com/millrace/millrace/aws/ec2"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/kms"
	"github.com/millrace/millrace/aws/logs"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/aws/s3"
	"github.com/millrace/millrace/aws/secretsmanager"
	"github.com/millrace/millrace/aws/ssm"
	"github.com/millrace/millrace/store"
)

// clusterFacts is what iam must know of a cluster. It is immutable.
type clusterFacts struct {
	tags   map[string]string
	policy *policy.Named // the cluster's own, or nil
	err    error         // why they are not known: then nothing is allowed
}

// factsOf asks msk about a cluster; of one that does not exist nothing is known.
func factsOf(ctx context.Context, m *msk.Service, arn string) *clusterFacts {
	f, _, err := m.Facts(ctx, arn)
	if err != nil {
		return &clusterFacts{err: err}
	}
	out := &clusterFacts{tags: f.Tags}
	out.policy, out.err = resourcePolicy(f.Policy)
	return out
}

// resourcePolicy reads a resource's own policy; nil for none. The core that
// keeps it has parsed it before.
func resourcePolicy(text string) (*policy.Named, error) {
	if text == "" {
		return nil, nil
	}
	d, err := policy.Parse(policy.Resource, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("a resource's policy: %w", err)
	}
	return &policy.Named{Name: "the resource's policy", Document: d}, nil
}

// placeOf is the account and region in an ARN.
func placeOf(arn string) (account, region string) {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4], parts[3]
	}
	return "", ""
}

// factsKeeper keeps a running cluster's facts until msk changes something in
// the cluster's account and region.
type factsKeeper struct {
	msk     *msk.Service
	arn     string
	changed <-chan struct{}
	close   func() // ends the watch
	current atomic.Pointer[clusterFacts]

	mu   sync.Mutex
	news int // guarded by mu; how often changed has been heard
}

func keepFacts(st *store.Store, m *msk.Service, arn string) *factsKeeper {
	account, region := placeOf(arn)
	k := &factsKeeper{msk: m, arn: arn}
	k.changed, k.close = st.Watch(account + "/" + region + "/msk/")
	return k
}

// now is the facts as they are: without a look into the store while nothing has
// changed.
func (k *factsKeeper) now(ctx context.Context) *clusterFacts {
	select {
	case <-k.changed:
		k.mu.Lock()
		k.news++
		k.current.Store(nil)
		k.mu.Unlock()
	default:
	}
	if f := k.current.Load(); f != nil {
		return f
	}
	k.mu.Lock()
	asked := k.news
	k.mu.Unlock()
	f := factsOf(ctx, k.msk, k.arn)
	k.mu.Lock()
	defer k.mu.Unlock()
	if f.err == nil && asked == k.news { // else they may be older than the news
		k.current.Store(f)
	}
	return f
}

// apiAuthorizer judges API calls by iam, with what the other cores know of
// their resources.
type apiAuthorizer struct {
	iam     *iam.Service
	msk     *msk.Service
	kms     *kms.Service
	secrets *secretsmanager.Service
	pca     *acmpca.Service
	logs    *logs.Service
	s3      *s3.Service
	ec2     *ec2.Service

	parameters *ssm.Service
}

func (s *System) authorizer() apiAuthorizer {
	return apiAuthorizer{s.iam, s.msk, s.kms, s.secrets, s.pca, s.logs, s.s3, s.ec2, s.parameters}
}

// Authorize adds the resource's facts to a question of aws/api.
func (a apiAuthorizer) Authorize(ctx context.Context, q *iam.Question) error {
	if err := a.complete(ctx, q); err != nil {
		return err
	}
	return a.iam.Authorize(ctx, q)
}

// complete finds the resource that a name or alias stands for, and what must be
// known of it. Of what does not exist nothing is known.
func (a apiAuthorizer) complete(ctx context.Context, q *iam.Question) error {
	if cluster := clusterARN(q.Resource); cluster != "" {
		f := factsOf(ctx, a.msk, cluster)
		if q.Policy = f.policy; cluster == q.Resource {
			q.Tags = f.tags
		}
		return f.err
	}
	if q.Action == "kms:RetireGrant" && q.Resource == "*" {
		return a.completeGrant(ctx, q)
	}
	switch parts := strings.SplitN(q.Resource, ":", 6); {
	case len(parts) != 6:
		return nil
	case parts[2] == "kafka" && strings.HasPrefix(parts[5], "vpc-connection/"):
		tags, _, err := a.msk.VPCConnectionTags(ctx, q.Resource)
		q.Tags = tags
		return err
	case parts[2] == "kms" && !(aboutAlias[q.Action] && strings.HasPrefix(parts[5], "alias/")):
		return a.completeKey(ctx, q)
	case parts[2] == "secretsmanager":
		f, ok, err := a.secrets.Facts(ctx, q.Caller, q.Resource)
		if err != nil || !ok {
			return err
		}
		q.Resource, q.Tags = f.ARN, f.Tags
		q.Policy, err = resourcePolicy(f.Policy)
		return err
	case parts[2] == "s3":
		return a.completeBucket(ctx, q, parts[5])
	case parts[2] == "ec2":
		return a.completeNetwork(ctx, q, parts[5])
	case parts[2] == "ssm":
		return a.completeParameter(ctx, q)
	case parts[2] == "acm-pca":
		arn, _, _ := strings.Cut(q.Resource, "/certificate/")
		f, ok, err := a.pca.Facts(ctx, q.Caller, arn)
		if ok {
			q.Tags = f.Tags
		}
		return err
	case parts[2] == "logs":
		tags, ok, err := a.logs.Tags(ctx, q.Caller, q.Resource)
		if ok {
			q.Tags = tags
		}
		return err
	}
	return nil
}

// completeParameter finds the tags of a parameter, which is named by its ARN: that
// of a path and that of a name are one and the same.
func (a apiAuthorizer) completeParameter(ctx context.Context, q *iam.Question) error {
	tags, _, err := a.parameters.Tags(ctx, q.Caller, q.Resource)
	if errors.As(err, new(*model.Error)) {
		return nil // there is none
	}
	q.Tags = tags
	return err
}

// completeBucket finds the owner and the policy of the bucket of a resource of
// s3, whose ARN has no account.
func (a apiAuthorizer) completeBucket(ctx context.Context, q *iam.Question, resource string) error {
	name, _, _ := strings.Cut(resource, "/")
	b, err := a.s3.Bucket(ctx, name)
	if errors.As(err, new(*model.Error)) {
		return nil // there is none
	}
	if err != nil {
		return err
	}
	q.Owner = b.Account
	if b.ClosedTo(q.Caller.Account) {
		return nil // without the policy another account has no right
	}
	q.Policy, err = resourcePolicy(b.Policy)
	return err
}

// aboutAlias is the actions that are about an alias, not about its key.
var aboutAlias = map[string]bool{"kms:CreateAlias": true, "kms:UpdateAlias": true, "kms:DeleteAlias": true}

// clusterARN is the cluster that an ARN of kafka is of: of the cluster itself,
// or of a topic, group or transactional id in it. Empty when there is none.
func clusterARN(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "kafka" {
		return ""
	}
	kind, rest, _ := strings.Cut(parts[5], "/")
	names := strings.SplitN(rest, "/", 3)
	switch kind {
	case "cluster", "topic", "group", "transactional-id":
		if len(names) >= 2 {
			return strings.Join(parts[:5], ":") + ":cluster/" + names[0] + "/" + names[1]
		}
	}
	return ""
}
