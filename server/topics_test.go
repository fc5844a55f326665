package server_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/millracetest"
)

// topicAPI is MSK's topic operations as a principal sees them.
type topicAPI struct {
	*kafka.Client
	t   *testing.T
	arn string
}

func (w *cloud) topics(who *aws.Credentials) topicAPI {
	cfg := w.AWS()
	cfg.RetryMaxAttempts = 1
	if who != nil {
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return *who, nil })
	}
	return topicAPI{kafka.NewFromConfig(cfg), w.t, w.c.ARN()}
}

func encoded(text string) *string { return aws.String(base64.StdEncoding.EncodeToString([]byte(text))) }

func (a topicAPI) create(name string, partitions, replicas int32, configs *string) error {
	out, err := a.CreateTopic(a.t.Context(), &kafka.CreateTopicInput{
		ClusterArn: &a.arn, TopicName: &name, PartitionCount: &partitions, ReplicationFactor: &replicas, Configs: configs,
	})
	if err == nil && (out.Status != "CREATING" || *out.TopicName != name || *out.TopicArn != strings.Replace(a.arn, ":cluster/", ":topic/", 1)+"/"+name) {
		a.t.Errorf("CreateTopic answers %+v", out)
	}
	return err
}

func (a topicAPI) update(name string, partitions *int32, configs *string) error {
	out, err := a.UpdateTopic(a.t.Context(), &kafka.UpdateTopicInput{ClusterArn: &a.arn, TopicName: &name, PartitionCount: partitions, Configs: configs})
	if err == nil && out.Status != "UPDATING" {
		a.t.Errorf("UpdateTopic answers %+v", out)
	}
	return err
}

func (a topicAPI) remove(name string) error {
	out, err := a.DeleteTopic(a.t.Context(), &kafka.DeleteTopicInput{ClusterArn: &a.arn, TopicName: &name})
	if err == nil && out.Status != "DELETING" {
		a.t.Errorf("DeleteTopic answers %+v", out)
	}
	return err
}

// configs is what DescribeTopic tells of some configs.
func (a topicAPI) configs(name string, keys ...string) string {
	a.t.Helper()
	out, err := a.DescribeTopic(a.t.Context(), &kafka.DescribeTopicInput{ClusterArn: &a.arn, TopicName: &name})
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(*out.Configs)
	all := map[string]string{}
	if err = errors.Join(err, json.Unmarshal(text, &all)); err != nil {
		a.t.Fatal(err)
	}
	var some []string
	for _, key := range keys {
		some = append(some, key+"="+all[key])
	}
	return fmt.Sprintf("%s %d partitions, %d replicas, %s", out.Status, *out.PartitionCount, *out.ReplicationFactor, strings.Join(some, " "))
}

// list is every topic of clients in pages of a size.
func (a topicAPI) list(prefix string, size int32) (names []string) {
	a.t.Helper()
	pages := kafka.NewListTopicsPaginator(a.Client, &kafka.ListTopicsInput{ClusterArn: &a.arn, TopicNameFilter: &prefix, MaxResults: &size})
	for pages.HasMorePages() {
		page, err := pages.NextPage(a.t.Context())
		if err != nil {
			a.t.Fatal(err)
		}
		if len(page.Topics) > int(size) {
			a.t.Errorf("a page of %d topics, asked for %d", len(page.Topics), size)
		}
		for _, topic := range page.Topics {
			if *topic.OutOfSyncReplicaCount != 0 {
				a.t.Errorf("%s: %d replicas are out of sync", *topic.TopicName, *topic.OutOfSyncReplicaCount)
			}
			names = append(names, *topic.TopicName)
		}
	}
	return names
}

// refusedAs is an error as its client sees it: status, name and the message's beginning.
func refusedAs(t *testing.T, what string, err error, status int, code, message string) {
	t.Helper()
	var named interface {
		ErrorCode() string
		ErrorMessage() string
	}
	var answered interface{ HTTPStatusCode() int }
	if !errors.As(err, &named) || !errors.As(err, &answered) || named.ErrorCode() != code || answered.HTTPStatusCode() != status || !strings.HasPrefix(named.ErrorMessage(), message) {
		t.Errorf("%s: got %v, want %d %s: %s", what, err, status, code, message)
	}
}

// TestTopicOperations: what the API does to topics, Kafka's clients see, and the
// other way round.
func TestTopicOperations(t *testing.T) {
	w := newCloud(t)
	a := w.topics(nil)
	for _, c := range []struct{ name, configs string }{
		{"lines", "retention.ms=86400000\n\n# a note\n cleanup.policy = compact\n"},
		{"object", `{"retention.ms": 86400000, "cleanup.policy": "compact", "preallocate": false, "max.message.bytes": null}`},
	} {
		if err := a.create(c.name, 3, 3, encoded(c.configs)); err != nil {
			t.Fatal(err)
		}
		want := "ACTIVE 3 partitions, 3 replicas, retention.ms=86400000 cleanup.policy=compact max.message.bytes=1048588"
		if got := a.configs(c.name, "retention.ms", "cleanup.policy", "max.message.bytes"); got != want {
			t.Errorf("%s: %s, want %s", c.name, got, want)
		}
	}
	seen, err := kadm.NewClient(w.c.Client()).ListTopics(t.Context())
	if err != nil || !seen.Has("lines") || !seen.Has("object") || len(seen["lines"].Partitions) != 3 {
		t.Errorf("clients see %v, %v", seen.Names(), err)
	}

	if err := a.update("lines", nil, encoded(`{"retention.ms":"1000","cleanup.policy":null}`)); err != nil {
		t.Error(err)
	}
	if err := a.update("lines", aws.Int32(5), nil); err != nil {
		t.Error(err)
	}
	if got, want := a.configs("lines", "retention.ms", "cleanup.policy"), "ACTIVE 5 partitions, 3 replicas, retention.ms=1000 cleanup.policy=delete"; got != want {
		t.Errorf("after the update: %s, want %s", got, want)
	}
	w.partitions(a, "lines", 5)
	if got, want := a.list("", 1), []string{"lines", "object", "t"}; !slices.Equal(got, want) {
		t.Errorf("the topics are %v, want %v", got, want)
	}
	if got, want := a.list("ob", 100), []string{"object"}; !slices.Equal(got, want) {
		t.Errorf("the topics of ob are %v, want %v", got, want)
	}
	if err := a.remove("object"); err != nil {
		t.Error(err)
	}
	if seen, err = kadm.NewClient(w.c.Client()).ListTopics(t.Context()); err != nil || seen.Has("object") {
		t.Errorf("clients see %v, %v", seen.Names(), err)
	}
}

// partitions reads a topic's partitions in pages of two.
func (w *cloud) partitions(a topicAPI, topic string, want int32) {
	w.t.Helper()
	var next *string
	for at := int32(0); ; {
		out, err := a.DescribeTopicPartitions(w.t.Context(), &kafka.DescribeTopicPartitionsInput{ClusterArn: &a.arn, TopicName: &topic, MaxResults: aws.Int32(2), NextToken: next})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, p := range out.Partitions {
			if *p.Partition != at || *p.Leader != p.Replicas[0] || len(p.Isr) != 3 {
				w.t.Errorf("partition %d is %d, leader %d, replicas %v, isr %v", at, *p.Partition, *p.Leader, p.Replicas, p.Isr)
			}
			at++
		}
		if next = out.NextToken; next == nil {
			if at != want {
				w.t.Errorf("%s has %d partitions, want %d", topic, at, want)
			}
			return
		}
	}
}

// TestTopicOperationsRefused is every error that a caller can come by.
func TestTopicOperationsRefused(t *testing.T) {
	w := newCloud(t)
	a := w.topics(nil)
	_, absent := a.DescribeTopic(t.Context(), &kafka.DescribeTopicInput{ClusterArn: &a.arn, TopicName: aws.String("absent")})
	_, partitions := a.DescribeTopicPartitions(t.Context(), &kafka.DescribeTopicPartitionsInput{ClusterArn: &a.arn, TopicName: aws.String("absent")})
	_, token := a.ListTopics(t.Context(), &kafka.ListTopicsInput{ClusterArn: &a.arn, NextToken: aws.String("nonsense")})
	nobody := strings.Replace(a.arn, "/orders/", "/nobody/", 1)
	_, cluster := a.ListTopics(t.Context(), &kafka.ListTopicsInput{ClusterArn: &nobody})
	for what, c := range map[string]struct {
		err           error
		status        int
		code, message string
	}{
		"a topic that is there":        {a.create("t", 1, 3, nil), http.StatusConflict, "TopicExistsException", "Topic 't' already exists."},
		"more replicas than brokers":   {a.create("n", 1, 4, nil), http.StatusBadRequest, "KafkaRequestException", ""},
		"more replicas than a short":   {a.create("n", 1, 40000, nil), http.StatusBadRequest, "BadRequestException", ""},
		"no partitions":                {a.create("n", 0, 3, nil), http.StatusBadRequest, "BadRequestException", ""},
		"a name that is none":          {a.create("a b", 1, 3, nil), http.StatusBadRequest, "KafkaRequestException", ""},
		"a config that is none":        {a.create("n", 1, 3, encoded("no.such=1")), http.StatusBadRequest, "KafkaRequestException", "Unknown topic config name: no.such"},
		"configs that are not base64":  {a.create("n", 1, 3, aws.String("retention.ms=1")), http.StatusBadRequest, "BadRequestException", "The configs must be encoded in Base64."},
		"configs that are not lines":   {a.create("n", 1, 3, encoded("retention.ms")), http.StatusBadRequest, "BadRequestException", "The configs can't be read"},
		"configs that are not flat":    {a.create("n", 1, 3, encoded(`{"a":{}}`)), http.StatusBadRequest, "BadRequestException", "The configs can't be read"},
		"an update of nothing":         {a.update("t", nil, nil), http.StatusBadRequest, "BadRequestException", "You must specify either configs or partitionCount to update."},
		"an update of both":            {a.update("t", aws.Int32(2), encoded("{}")), http.StatusBadRequest, "BadRequestException", "You must specify either configs or partitionCount to update."},
		"an update of what is not":     {a.update("absent", aws.Int32(2), nil), http.StatusNotFound, "UnknownTopicOrPartitionException", ""},
		"configs of what is not":       {a.update("absent", nil, encoded("retention.ms=1")), http.StatusNotFound, "UnknownTopicOrPartitionException", ""},
		"fewer partitions":             {a.update("t", aws.Int32(1), nil), http.StatusBadRequest, "KafkaRequestException", ""},
		"a deletion of what is not":    {a.remove("absent"), http.StatusNotFound, "UnknownTopicOrPartitionException", ""},
		"a description of what is not": {absent, http.StatusNotFound, "NotFoundException", ""},
		"partitions of what is not":    {partitions, http.StatusNotFound, "NotFoundException", ""},
		"a token that is none":         {token, http.StatusBadRequest, "BadRequestException", ""},
		"a cluster that is none":       {cluster, http.StatusNotFound, "NotFoundException", ""},
	} {
		refusedAs(t, what, c.err, c.status, c.code, c.message)
	}
}

// TestTopicOperationsWithoutBrokers: who cannot be reached is said to be so.
func TestTopicOperationsWithoutBrokers(t *testing.T) {
	w := newCloud(t)
	a := w.topics(nil)
	w.c.StopBroker(1)
	if err := a.create("one-less", 1, 2, nil); err != nil {
		t.Errorf("with two brokers of three: %v", err)
	}
	w.c.StopBroker(2)
	w.c.StopBroker(3)
	refusedAs(t, "a topic without brokers", a.create("none", 1, 3, nil), http.StatusConflict, "ClusterConnectivityException", "")
	_, err := a.ListTopics(t.Context(), &kafka.ListTopicsInput{ClusterArn: &a.arn})
	refusedAs(t, "topics without brokers", err, http.StatusServiceUnavailable, "ServiceUnavailableException", "")
	_, err = a.DescribeTopic(t.Context(), &kafka.DescribeTopicInput{ClusterArn: &a.arn, TopicName: aws.String("t")})
	refusedAs(t, "a description without brokers", err, http.StatusInternalServerError, "InternalServerErrorException", "")
}

// TestTopicsOfClustersWithout: an old cluster's and a serverless cluster's topics
// are not managed by the API.
func TestTopicsOfClustersWithout(t *testing.T) {
	m := millracetest.Start(t)
	for _, c := range []*millracetest.Cluster{m.Cluster("old", millracetest.KafkaVersion("3.5.1")), m.Cluster("less", millracetest.Serverless())} {
		w := &cloud{m, c, t}
		refusedAs(t, c.ARN(), w.topics(nil).create("n", 1, 3, nil), http.StatusBadRequest, "BadRequestException", "")
	}
}

// TestTopicOperationsAreJudgedTwice: by kafka's actions on the topic, and by what
// a Kafka client would be asked for.
func TestTopicOperationsAreJudgedTwice(t *testing.T) {
	w := newCloud(t)
	topic := func(name string) string { return strings.Replace(w.c.ARN(), ":cluster/", ":topic/", 1) + "/" + name }
	allow := func(actions, resource string) string {
		return `{"Effect":"Allow","Action":["` + strings.ReplaceAll(actions, " ", `","`) + `"],"Resource":["` + strings.ReplaceAll(resource, " ", `","`) + `"]}`
	}
	document := func(statements ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	}
	api := allow("kafka:CreateTopic kafka:DescribeTopic kafka:DescribeTopicPartitions kafka:UpdateTopic kafka:DeleteTopic", topic("mine"))
	wire := allow("kafka-cluster:CreateTopic kafka-cluster:DescribeTopic kafka-cluster:DescribeTopicDynamicConfiguration kafka-cluster:AlterTopic kafka-cluster:AlterTopicDynamicConfiguration kafka-cluster:DeleteTopic", topic("mine"))
	connect := allow("kafka-cluster:Connect kafka:ListTopics", w.c.ARN())
	who := w.user("alice", document(api, wire))
	a := w.topics(&who)
	denied := func(what string, err error, action string) {
		t.Helper()
		refusedAs(t, what, err, http.StatusForbidden, "AccessDeniedException", "User: arn:aws:iam::000000000000:user/alice is not authorized to perform: "+action)
	}
	denied("without Connect", a.create("mine", 1, 3, nil), "kafka-cluster:Connect on resource: "+w.c.ARN())
	w.grant("alice", document(wire, connect))
	denied("without the operation", a.create("mine", 1, 3, nil), "kafka:CreateTopic on resource: "+topic("mine"))
	w.grant("alice", document(api, connect, allow("kafka-cluster:DescribeTopic", topic("mine"))))
	denied("without the operation on the wire", a.create("mine", 1, 3, nil), "kafka-cluster:CreateTopic on resource: "+topic("mine"))
	w.grant("alice", document(api, wire, connect))
	denied("another topic", a.create("other", 1, 3, nil), "kafka:CreateTopic on resource: "+topic("other"))
	if err := errors.Join(a.create("mine", 1, 3, nil), a.update("mine", aws.Int32(2), nil), a.update("mine", nil, encoded("retention.ms=1000"))); err != nil {
		t.Error(err)
	}
	if got := a.list("", 100); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("alice may describe one topic and is shown %v", got)
	}
	w.grant("alice", document(api, connect, allow("kafka-cluster:DescribeTopic", topic("mine"))))
	denied("partitions without AlterTopic", a.update("mine", aws.Int32(3), nil), "kafka-cluster:AlterTopic on")
	denied("a deletion", a.remove("mine"), "kafka-cluster:DeleteTopic on")
}
