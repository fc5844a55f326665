// Package msktopics is the edge of MSK's synchronous topic operations: each call
// is a few requests of the Kafka Admin protocol to the cluster, over the control
// plane's own connections. It keeps nothing, and what it changes is done when the
// call is answered.
//
// server makes it: beside aws/msk, which serves MSK's other operations and
// decides whether a cluster's topics can be managed, and with the way to its
// brokers.
package msktopics

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/msk"
)

// What a call waits for brokers: some answers are right a moment later.
const (
	patience = 15 * time.Second
	retries  = 5
	backoff  = 50 * time.Millisecond
)

// maxPage is how many topics or partitions one answer holds; fewer by
// maxResults.
const maxPage = 100

// Config is what Topics is made of. Everything must be set.
type Config struct {
	Clusters *msk.Service
	// Dial connects to a broker of a running cluster as its super user; address
	// is what Metadata answers on such a connection.
	Dial func(ctx context.Context, clusterARN, address string) (net.Conn, error)
	// MayDescribe says whether a caller may describe a topic: ListTopics leaves
	// out the others.
	MayDescribe func(ctx context.Context, c model.Caller, topicARN string) (bool, error)
}

// Topics serves MSK's topic operations. Its methods may be called concurrently.
type Topics struct{ cfg Config }

// New makes Topics.
func New(cfg Config) *Topics { return &Topics{cfg} }

// CreateTopic makes a topic. It is there when the call is answered, whose status
// says what was begun. aws:kafka CreateTopic
func (t *Topics) CreateTopic(ctx context.Context, c model.Caller, in *kafka.CreateTopicRequest) (*kafka.CreateTopicResponse, error) {
	name, arn := *in.TopicName, topicARN(*in.ClusterArn, *in.TopicName)
	configs, err := parseConfigs(in.Configs)
	if err == nil && *in.ReplicationFactor > math.MaxInt16 {
		err = model.BadRequest("replicationFactor", "The replication factor is too large.") // UNVERIFIED wording
	}
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(configs, func(_ string, v *string) bool { return v == nil }) // as nobody has set them
	err = t.ask(ctx, c, *in.ClusterArn, func(ctx context.Context, admin *kadm.Client) error {
		made, err := admin.CreateTopics(ctx, *in.PartitionCount, int16(*in.ReplicationFactor), configs, name)
		if err != nil {
			return refusal(err, "")
		}
		return refusal(made[name].Err, made[name].ErrMessage)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.CreateTopicResponse{TopicArn: &arn, TopicName: &name, Status: new("CREATING")}, nil
}

// UpdateTopic changes a topic's configs, of which those that are not given stay
// and those that are null in JSON become the brokers', or its number of
// partitions. aws:kafka UpdateTopic; that other configs stay is UNVERIFIED
func (t *Topics) UpdateTopic(ctx context.Context, c model.Caller, in *kafka.UpdateTopicRequest) (*kafka.UpdateTopicResponse, error) {
	if (in.Configs == nil) == (in.PartitionCount == nil) {
		return nil, model.BadRequest("", "You must specify either configs or partitionCount to update.")
	}
	name, arn := *in.TopicName, topicARN(*in.ClusterArn, *in.TopicName)
	configs, err := parseConfigs(in.Configs)
	if err != nil {
		return nil, err
	}
	err = t.ask(ctx, c, *in.ClusterArn, func(ctx context.Context, admin *kadm.Client) error {
		if in.PartitionCount == nil {
			return alter(ctx, admin, name, configs)
		}
		done, err := admin.UpdatePartitions(ctx, int(*in.PartitionCount), name)
		if err != nil {
			return refusal(err, "")
		}
		return refusal(done[name].Err, done[name].ErrMessage)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.UpdateTopicResponse{TopicArn: &arn, TopicName: &name, Status: new("UPDATING")}, nil
}

func alter(ctx context.Context, admin *kadm.Client, topic string, configs map[string]*string) error {
	var changes []kadm.AlterConfig
	for _, key := range slices.Sorted(maps.Keys(configs)) {
		change := kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: configs[key]}
		if change.Value == nil {
			change.Op = kadm.DeleteConfig
		}
		changes = append(changes, change)
	}
	done, err := admin.AlterTopicConfigs(ctx, changes, topic)
	if err != nil {
		return refusal(err, "")
	}
	one, err := done.On(topic, nil)
	if err != nil {
		return refusal(err, "")
	}
	return refusal(one.Err, one.ErrMessage)
}

// DeleteTopic deletes a topic. It is gone when the call is answered.
// aws:kafka DeleteTopic
func (t *Topics) DeleteTopic(ctx context.Context, c model.Caller, in *kafka.DeleteTopicRequest) (*kafka.DeleteTopicResponse, error) {
	name, arn := *in.TopicName, topicARN(*in.ClusterArn, *in.TopicName)
	err := t.ask(ctx, c, *in.ClusterArn, func(ctx context.Context, admin *kadm.Client) error {
		gone, err := admin.DeleteTopics(ctx, name)
		if err != nil {
			return refusal(err, "")
		}
		return refusal(gone[name].Err, gone[name].ErrMessage)
	})
	if err != nil {
		return nil, err
	}
	return &kafka.DeleteTopicResponse{TopicArn: &arn, TopicName: &name, Status: new("DELETING")}, nil
}

// DescribeTopic shows a topic and all configs that act on it, also those that it
// has from the brokers. aws:kafka DescribeTopic
func (t *Topics) DescribeTopic(ctx context.Context, c model.Caller, in *kafka.DescribeTopicRequest) (*kafka.DescribeTopicResponse, error) {
	name := *in.TopicName
	out := &kafka.DescribeTopicResponse{TopicArn: new(topicARN(*in.ClusterArn, name)), TopicName: &name, Status: new("ACTIVE")}
	err := t.ask(ctx, c, *in.ClusterArn, func(ctx context.Context, admin *kadm.Client) error {
		found, err := describe(ctx, admin, name)
		if err != nil {
			return err
		}
		out.PartitionCount, out.ReplicationFactor, out.ReplicaIds = new(int32(len(found.Partitions))), new(replicationFactor(found)), replicaIDs(found)
		configs, err := admin.DescribeTopicConfigs(ctx, name)
		if err != nil {
			return refusal(err, "")
		}
		one, err := configs.On(name, nil)
		if err = cmp.Or(err, one.Err); err != nil {
			return missing(err, one.ErrMessage)
		}
		out.Configs, err = formatConfigs(one.Configs)
		return err
	})
	if err != nil {
		return nil, ofReads(err, http.StatusInternalServerError)
	}
	return out, nil
}

// DescribeTopicPartitions shows the partitions of a topic, by number.
// aws:kafka DescribeTopicPartitions
func (t *Topics) DescribeTopicPartitions(ctx context.Context, c model.Caller, in *kafka.DescribeTopicPartitionsRequest) (*kafka.DescribeTopicPartitionsResponse, error) {
	out := &kafka.DescribeTopicPartitionsResponse{Partitions: []kafka.TopicPartitionInfo{}}
	err := t.ask(ctx, c, *in.ClusterArn, func(ctx context.Context, admin *kadm.Client) error {
		found, err := describe(ctx, admin, *in.TopicName)
		if err != nil {
			return err
		}
		number := func(p kadm.PartitionDetail) string { return fmt.Sprintf("%010d", p.Partition) }
		query := []string{"DescribeTopicPartitions", *in.ClusterArn, *in.TopicName}
		some, next, err := msk.Page(found.Partitions.Sorted(), number, query, deref(in.NextToken), pageSize(in.MaxResults))
		if err != nil {
			return err
		}
		for _, p := range some {
			out.Partitions = append(out.Partitions, kafka.TopicPartitionInfo{Partition: &p.Partition, Leader: &p.Leader, Replicas: p.Replicas, Isr: p.ISR})
		}
		out.NextToken = given(next)
		return nil
	})
	if err != nil {
		return nil, ofReads(err, http.StatusInternalServerError)
	}
	return out, nil
}

// ListTopics lists the topics that the caller may describe, by name: also
// internal ones. aws:kafka ListTopics
func (t *Topics) ListTopics(ctx context.Context, c model.Caller, in *kafka.ListTopicsRequest) (*kafka.ListTopicsResponse, error) {
	var all []kadm.TopicDetail
	err := t.ask(ctx, c, *in.ClusterArn, func(ctx context.Context, admin *kadm.Client) error {
		found, err := admin.ListTopicsWithInternal(ctx)
		if err != nil {
			return refusal(err, "")
		}
		all = found.Sorted()
		return nil
	})
	if err != nil {
		return nil, ofReads(err, http.StatusServiceUnavailable)
	}
	all = slices.DeleteFunc(all, func(d kadm.TopicDetail) bool { return !strings.HasPrefix(d.Topic, deref(in.TopicNameFilter)) })
	some, next, err := t.page(ctx, c, in, all)
	if err != nil {
		return nil, err
	}
	out := &kafka.ListTopicsResponse{Topics: []kafka.TopicInfo{}, NextToken: given(next)}
	for _, d := range some {
		out.Topics = append(out.Topics, kafka.TopicInfo{
			TopicArn: new(topicARN(*in.ClusterArn, d.Topic)), TopicName: &d.Topic, PartitionCount: new(int32(len(d.Partitions))),
			ReplicationFactor: new(replicationFactor(d)), OutOfSyncReplicaCount: new(outOfSync(d)), ReplicaIds: replicaIDs(d),
		})
	}
	return out, nil
}

// page is the next topics that the caller may describe. It asks about no more
// topics than it must; a page that is full ends with one that is shown, so that
// its token tells of no other.
func (t *Topics) page(ctx context.Context, c model.Caller, in *kafka.ListTopicsRequest, all []kadm.TopicDetail) (kept []kadm.TopicDetail, next string, err error) {
	query := []string{"ListTopics", *in.ClusterArn, c.ARN, deref(in.TopicNameFilter)}
	name := func(d kadm.TopicDetail) string { return d.Topic }
	next = deref(in.NextToken)
	for size := pageSize(in.MaxResults); ; {
		var some []kadm.TopicDetail
		if some, next, err = msk.Page(all, name, query, next, size-len(kept)); err != nil {
			return nil, "", err
		}
		for _, d := range some {
			may, err := t.cfg.MayDescribe(ctx, c, topicARN(*in.ClusterArn, d.Topic))
			if err != nil {
				return nil, "", err
			}
			if may {
				kept = append(kept, d)
			}
		}
		if next == "" || len(kept) == size {
			return kept, next, nil
		}
	}
}

// ask runs requests on a cluster whose topics can be managed.
func (t *Topics) ask(ctx context.Context, c model.Caller, cluster string, requests func(context.Context, *kadm.Client) error) error {
	if err := t.cfg.Clusters.ManagesTopics(ctx, c, cluster); err != nil {
		return err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers("control:0"), kgo.ClientID("millrace-control"), kgo.RequestRetries(retries), kgo.RetryTimeout(patience),
		kgo.RetryBackoffFn(func(int) time.Duration { return backoff }),
		kgo.Dialer(func(ctx context.Context, _, address string) (net.Conn, error) {
			return t.cfg.Dial(ctx, cluster, address)
		}),
	)
	if err != nil {
		return fmt.Errorf("make a client of cluster %s: %w", cluster, err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return requests(ctx, kadm.NewClient(client))
}

// describe finds one topic.
func describe(ctx context.Context, admin *kadm.Client, name string) (kadm.TopicDetail, error) {
	all, err := admin.ListTopicsWithInternal(ctx, name)
	if err != nil {
		return kadm.TopicDetail{}, refusal(err, "")
	}
	return all[name], missing(all[name].Err, "")
}

func topicARN(cluster, topic string) string {
	return strings.Replace(cluster, ":cluster/", ":topic/", 1) + "/" + topic
}

// replicationFactor is the partitions' number of replicas: the first one's, as
// Kafka's tools tell it.
func replicationFactor(d kadm.TopicDetail) int32 { return int32(d.Partitions.NumReplicas()) }

// replicaIDs is every broker that holds a replica, in order.
func replicaIDs(d kadm.TopicDetail) []int32 {
	ids := []int32{}
	for _, p := range d.Partitions {
		ids = append(ids, p.Replicas...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func outOfSync(d kadm.TopicDetail) (n int32) {
	for _, p := range d.Partitions {
		n += int32(len(p.Replicas) - len(p.ISR))
	}
	return n
}

func pageSize(maxResults *int32) int {
	if maxResults == nil {
		return maxPage
	}
	return int(*maxResults)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
