package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/aws_msk_iam_v2"
	"github.com/segmentio/kafka-go/sasl/scram"
)

func (j job) mechanism() (sasl.Mechanism, error) {
	switch j.way {
	case "scram":
		return scram.Mechanism(scram.SHA512, j.user, j.password)
	case "iam":
		keys := credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), "")
		return &aws_msk_iam_v2.Mechanism{Signer: v4.NewSigner(), Credentials: aws.NewCredentialsCache(keys), Region: os.Getenv("AWS_REGION")}, nil
	}
	return nil, nil
}

func runKafkaGo(ctx context.Context, j job) error {
	mechanism, err := j.mechanism()
	if err != nil {
		return err
	}
	transport := &kafka.Transport{TLS: j.tls, SASL: mechanism}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(j.brokers...), Transport: transport, Timeout: 20 * time.Second}
	if err := j.ask(ctx, client); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	writer := &kafka.Writer{
		Addr: kafka.TCP(j.brokers...), Transport: transport, Topic: j.from, RequiredAcks: kafka.RequireAll,
		Compression: kafka.Zstd, Balancer: &kafka.Hash{}, BatchTimeout: 10 * time.Millisecond,
	}
	var messages []kafka.Message
	for _, v := range j.values() {
		messages = append(messages, kafka.Message{Key: []byte(v), Value: []byte(v), Headers: []kafka.Header{{Key: "way", Value: []byte(j.way)}}})
	}
	if err := errors.Join(writer.WriteMessages(ctx, messages...), writer.Close()); err != nil {
		return fmt.Errorf("writer: %w", err)
	}
	got, err := j.readers(ctx, mechanism)
	if err != nil {
		return fmt.Errorf("readers: %w", err)
	}
	if err := j.check(got); err != nil {
		return err
	}
	return j.finish(ctx, client)
}

// ask makes the topic and asks what tools ask.
func (j job) ask(ctx context.Context, client *kafka.Client) error {
	created, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: j.from, NumPartitions: 4, ReplicationFactor: 3, ConfigEntries: []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: "3600000"}}},
	}})
	if err == nil {
		err = created.Errors[j.from]
	}
	if err != nil {
		return err
	}
	altered, err := client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: j.from,
		Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "retention.ms", Value: "7200000", ConfigOperation: kafka.ConfigOperationSet}},
	}}})
	if err != nil || altered.Resources[0].Error != nil {
		return fmt.Errorf("alter configs: %v: %w", altered, err)
	}
	configs, err := client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: j.from, ConfigNames: []string{"retention.ms"}},
	}})
	if err != nil || configs.Resources[0].ConfigEntries[0].ConfigValue != "7200000" {
		return fmt.Errorf("configs: %+v: %w", configs, err)
	}
	metadata, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{j.from}})
	if err != nil || len(metadata.Brokers) != 3 || len(metadata.Topics[0].Partitions) != 4 {
		return fmt.Errorf("metadata: %+v: %w", metadata, err)
	}
	if _, err := client.ApiVersions(ctx, &kafka.ApiVersionsRequest{}); err != nil {
		return err
	}
	elected, err := client.ElectLeaders(ctx, &kafka.ElectLeadersRequest{Topic: j.from, Partitions: []int{0}})
	if err != nil {
		return fmt.Errorf("elect leaders: %+v: %w", elected, err)
	}
	return nil
}

// readers are two members of a group, the second of which comes later.
func (j job) readers(ctx context.Context, mechanism sasl.Mechanism) (got []string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	values, failed := make(chan string, records), make(chan error, 2)
	for n := range 2 {
		reader := kafka.NewReader(kafka.ReaderConfig{
			Brokers: j.brokers, GroupID: j.group, Topic: j.from, StartOffset: kafka.FirstOffset, MaxWait: 100 * time.Millisecond,
			GroupBalancers: []kafka.GroupBalancer{kafka.RoundRobinGroupBalancer{}},
			Dialer:         &kafka.Dialer{ClientID: fmt.Sprintf("%s-%d", j.group, n), TLS: j.tls, SASLMechanism: mechanism, Timeout: 10 * time.Second},
		})
		defer func() { err = errors.Join(err, reader.Close()) }()
		go func() {
			for ctx.Err() == nil {
				m, err := reader.FetchMessage(ctx)
				if err == nil {
					err = reader.CommitMessages(ctx, m)
				}
				if err != nil {
					failed <- err
					return
				}
				values <- string(m.Value)
			}
		}()
	}
	seen := map[string]bool{}
	for len(seen) < records { // a rebalance may show a record twice
		select {
		case v := <-values:
			if !seen[v] {
				seen[v], got = true, append(got, v)
			}
		case err := <-failed:
			return got, fmt.Errorf("after %d records: %w", len(got), err)
		}
	}
	return got, nil
}

// finish moves the group's offsets in a transaction of requests, and deletes
// what was made.
func (j job) finish(ctx context.Context, client *kafka.Client) error {
	id, err := client.InitProducerID(ctx, &kafka.InitProducerIDRequest{TransactionalID: j.group, TransactionTimeoutMs: 30000})
	if err == nil {
		err = id.Error
	}
	if err != nil {
		return fmt.Errorf("init producer id: %w", err)
	}
	p := id.Producer
	added, err := client.AddOffsetsToTxn(ctx, &kafka.AddOffsetsToTxnRequest{TransactionalID: j.group, ProducerID: p.ProducerID, ProducerEpoch: p.ProducerEpoch, GroupID: j.group})
	if err != nil || added.Error != nil {
		return fmt.Errorf("add offsets to a transaction: %+v: %w", added, err)
	}
	offsets, err := client.TxnOffsetCommit(ctx, &kafka.TxnOffsetCommitRequest{
		TransactionalID: j.group, ProducerID: p.ProducerID, ProducerEpoch: p.ProducerEpoch, GroupID: j.group, GenerationID: -1,
		Topics: map[string][]kafka.TxnOffsetCommit{j.from: {{Partition: 0, Offset: 7}}},
	})
	if err != nil || offsets.Topics[j.from][0].Error != nil {
		return fmt.Errorf("commit offsets in a transaction: %+v: %w", offsets, err)
	}
	ended, err := client.EndTxn(ctx, &kafka.EndTxnRequest{TransactionalID: j.group, ProducerID: p.ProducerID, ProducerEpoch: p.ProducerEpoch, Committed: true})
	if err != nil || ended.Error != nil {
		return fmt.Errorf("end a transaction: %+v: %w", ended, err)
	}
	fetched, err := client.ConsumerOffsets(ctx, kafka.TopicAndGroup{Topic: j.from, GroupId: j.group})
	if err != nil || fetched[0] != 7 {
		return fmt.Errorf("offsets %v: %w", fetched, err)
	}
	groups, err := client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{j.group}})
	if err != nil || groups.Errors[j.group] != nil {
		return fmt.Errorf("delete the group: %+v: %w", groups, err)
	}
	topics, err := client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{j.from}})
	if err != nil || topics.Errors[j.from] != nil {
		return fmt.Errorf("delete the topic: %+v: %w", topics, err)
	}
	return nil
}
