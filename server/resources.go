package server

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// clusterFacts is what iam must know of a cluster. It is immutable.
type clusterFacts struct {
	tags   map[string]string
	policy *policy.Named // the cluster's own, or nil
}

// factsOf asks msk about a cluster; of one that does not exist nothing is known.
func factsOf(ctx context.Context, m *msk.Service, arn string) *clusterFacts {
	account, region := placeOf(arn)
	got, err := m.DescribeClusterV2(ctx, model.Caller{Account: account, Region: region}, &kafka.DescribeClusterV2Request{ClusterArn: &arn})
	if err != nil {
		return &clusterFacts{}
	}
	return &clusterFacts{tags: got.ClusterInfo.Tags}
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
		k.current.Store(nil)
	default:
	}
	if f := k.current.Load(); f != nil {
		return f
	}
	f := factsOf(ctx, k.msk, k.arn)
	k.current.Store(f)
	return f
}

// apiAuthorizer judges API calls by iam, with what msk knows of clusters.
type apiAuthorizer struct {
	iam *iam.Service
	msk *msk.Service
}

// Authorize adds the resource's facts to a question of aws/api.
func (a apiAuthorizer) Authorize(ctx context.Context, q *iam.Question) error {
	a.complete(ctx, q)
	return a.iam.Authorize(ctx, q)
}

func (a apiAuthorizer) complete(ctx context.Context, q *iam.Question) {
	if cluster := clusterARN(q.Resource); cluster != "" {
		f := factsOf(ctx, a.msk, cluster)
		if q.Policy = f.policy; cluster == q.Resource {
			q.Tags = f.tags
		}
	}
}

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
