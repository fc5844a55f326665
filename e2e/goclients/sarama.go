package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/IBM/sarama"
	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/xdg-go/scram"
)

func (j job) sarama() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Net.TLS.Enable, c.Net.TLS.Config = j.tls != nil, j.tls
	c.Producer.RequiredAcks, c.Producer.Idempotent, c.Net.MaxOpenRequests = sarama.WaitForAll, true, 1
	c.Producer.Return.Successes = true
	c.Producer.Compression = sarama.CompressionZSTD
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	switch j.way {
	case "scram":
		c.Net.SASL.Enable, c.Net.SASL.User, c.Net.SASL.Password = true, j.user, j.password
		c.Net.SASL.Mechanism = sarama.SASLTypeSCRAMSHA512
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{} }
	case "iam":
		c.Net.SASL.Enable, c.Net.SASL.Mechanism, c.Net.SASL.TokenProvider = true, sarama.SASLTypeOAuth, tokens{}
	}
	return c
}

// conversation is SCRAM as sarama wants to be given it.
type conversation struct{ *scram.ClientConversation }

func (c *conversation) Begin(user, password, authz string) error {
	client, err := scram.SHA512.NewClient(user, password, authz)
	if err != nil {
		return err
	}
	c.ClientConversation = client.NewConversation()
	return nil
}

// tokens are AWS's.
type tokens struct{}

func (tokens) Token() (*sarama.AccessToken, error) {
	token, _, err := signer.GenerateAuthToken(context.Background(), os.Getenv("AWS_REGION"))
	return &sarama.AccessToken{Token: token}, err
}

func runSarama(ctx context.Context, j job) (err error) {
	admin, err := sarama.NewClusterAdmin(j.brokers, j.sarama())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	if err := j.administer(admin); err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	if err := j.produce(); err != nil {
		return fmt.Errorf("producer: %w", err)
	}
	if err := j.move(ctx); err != nil {
		return fmt.Errorf("group: %w", err)
	}
	got, err := j.read(ctx)
	if err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	if err := j.check(got); err != nil {
		return err
	}
	return j.groupsOf(admin)
}

// administer makes the topics and asks what tools ask.
func (j job) administer(admin sarama.ClusterAdmin) error {
	value := "3600000"
	for _, topic := range []string{j.from, j.to} {
		if err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 3, ConfigEntries: map[string]*string{"retention.ms": &value}}, false); err != nil {
			return err
		}
	}
	if err := admin.CreateTopic(j.from, &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 3}, false); !errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return fmt.Errorf("a second topic of the name: %w", err)
	}
	if err := admin.CreatePartitions(j.from, 4, nil, false); err != nil {
		return err
	}
	more := "7200000"
	err := admin.IncrementalAlterConfig(sarama.TopicResource, j.from, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &more},
	}, false)
	if err != nil {
		return err
	}
	entries, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: j.from, ConfigNames: []string{"retention.ms"}})
	if err != nil || len(entries) != 1 || entries[0].Value != more {
		return fmt.Errorf("configs %v: %w", entries, err)
	}
	brokers, _, err := admin.DescribeCluster()
	if err != nil || len(brokers) != 3 {
		return fmt.Errorf("%d brokers: %w", len(brokers), err)
	}
	topics, err := admin.ListTopics()
	if err != nil || topics[j.from].NumPartitions != 4 {
		return fmt.Errorf("topics %v: %w", topics, err)
	}
	dirs, err := admin.DescribeLogDirs([]int32{1, 2, 3})
	if err != nil || len(dirs) != 3 {
		return fmt.Errorf("log dirs of %d brokers: %w", len(dirs), err)
	}
	results, err := admin.ElectLeaders(sarama.PreferredElection, map[string][]int32{j.from: {0}})
	if err != nil {
		return fmt.Errorf("elect leaders %v: %w", results, err)
	}
	return nil
}

func (j job) produce() (err error) {
	producer, err := sarama.NewSyncProducer(j.brokers, j.sarama())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, producer.Close()) }()
	var messages []*sarama.ProducerMessage
	for _, v := range j.values() {
		messages = append(messages, &sarama.ProducerMessage{
			Topic: j.from, Key: sarama.StringEncoder(v), Value: sarama.StringEncoder(v),
			Headers: []sarama.RecordHeader{{Key: []byte("way"), Value: []byte(j.way)}},
		})
	}
	return producer.SendMessages(messages)
}

// mover is a member of the group that moves records in transactions.
type mover struct {
	job
	id      string
	claimed chan struct{} // told of each assignment with partitions
	moved   chan<- string
}

func (m *mover) Setup(s sarama.ConsumerGroupSession) error {
	if len(s.Claims()) > 0 {
		select {
		case m.claimed <- struct{}{}:
		default:
		}
	}
	return nil
}

func (m *mover) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *mover) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) (err error) {
	c := m.sarama()
	c.Producer.Transaction.ID = fmt.Sprintf("%s-%s-%d", m.group, m.id, claim.Partition())
	producer, err := sarama.NewSyncProducer(m.brokers, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, producer.Close()) }()
	for message := range claim.Messages() {
		if err := producer.BeginTxn(); err != nil {
			return err
		}
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: m.to, Value: sarama.ByteEncoder(message.Value)})
		if err == nil {
			err = producer.AddMessageToTxn(message, m.group, nil)
		}
		if err != nil {
			return errors.Join(err, producer.AbortTxn())
		}
		if err := producer.CommitTxn(); err != nil {
			return err
		}
		m.moved <- string(message.Value)
	}
	return nil
}

// move runs two members, the second of which comes later, until all is moved.
func (j job) move(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	moved, failed := make(chan string, records), make(chan error, 2)
	var members sync.WaitGroup
	defer members.Wait()
	defer cancel()
	join := func(m *mover) error {
		c := m.sarama()
		c.ClientID = m.group + "-" + m.id
		c.Consumer.Offsets.AutoCommit.Enable = false
		c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
		group, err := sarama.NewConsumerGroup(m.brokers, m.group, c)
		if err != nil {
			return err
		}
		members.Go(func() {
			var err error
			for err == nil && ctx.Err() == nil {
				err = group.Consume(ctx, []string{m.from}, m)
			}
			if err := errors.Join(err, group.Close()); err != nil && ctx.Err() == nil {
				failed <- err
			}
		})
		select {
		case <-m.claimed:
			return nil
		case err := <-failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("%s: no partitions: %w", m.id, ctx.Err())
		}
	}
	for _, id := range []string{"a", "b"} {
		if err := join(&mover{job: j, id: id, claimed: make(chan struct{}, 1), moved: moved}); err != nil {
			return err
		}
	}
	for n := range records {
		select {
		case <-moved:
		case err := <-failed:
			return fmt.Errorf("after %d records: %w", n, err)
		case <-ctx.Done():
			return fmt.Errorf("after %d records: %w", n, ctx.Err())
		}
	}
	return nil
}

// read is what transactions have committed, whole: the end is known.
func (j job) read(ctx context.Context) (got []string, err error) {
	consumer, err := sarama.NewConsumer(j.brokers, j.sarama())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, consumer.Close()) }()
	partitions, err := consumer.Partitions(j.to)
	if err != nil {
		return nil, err
	}
	messages := make(chan *sarama.ConsumerMessage)
	for _, p := range partitions {
		part, err := consumer.ConsumePartition(j.to, p, sarama.OffsetOldest)
		if err != nil {
			return nil, err
		}
		go func() {
			for m := range part.Messages() {
				messages <- m
			}
		}()
		defer part.AsyncClose()
	}
	for len(got) < records {
		select {
		case m := <-messages:
			got = append(got, string(m.Value))
		case <-ctx.Done():
			return got, fmt.Errorf("after %d records: %w", len(got), ctx.Err())
		}
	}
	return got, nil
}

// groupsOf looks at the group that is gone, and deletes it and the topics.
func (j job) groupsOf(admin sarama.ClusterAdmin) error {
	groups, err := admin.ListConsumerGroups()
	if _, ok := groups[j.group]; err != nil || !ok {
		return fmt.Errorf("groups %v: %w", groups, err)
	}
	described, err := admin.DescribeConsumerGroups([]string{j.group})
	if err != nil || len(described) != 1 || described[0].State != "Empty" {
		return fmt.Errorf("the group is %+v: %w", described, err)
	}
	offsets, err := admin.ListConsumerGroupOffsets(j.group, map[string][]int32{j.from: {0, 1, 2, 3}})
	if err != nil {
		return err
	}
	var sum int64
	for p := range int32(4) {
		sum += max(offsets.GetBlock(j.from, p).Offset, 0)
	}
	if sum != records {
		return fmt.Errorf("the group's offsets are %d in all", sum)
	}
	if err := admin.DeleteRecords(j.from, map[int32]int64{0: 1}); err != nil {
		return err
	}
	err = admin.DeleteConsumerGroup(j.group)
	for _, topic := range slices.Backward([]string{j.from, j.to}) {
		err = errors.Join(err, admin.DeleteTopic(topic))
	}
	return err
}
