package upgrade

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/aws/msk"
)

// topicsAtOnce is how many topics' configs one request asks for.
const topicsAtOnce = 200

// Look sees what there is of a cluster's topics.
func Look(ctx context.Context, dial Dial, cluster string) (seen msk.Scan, err error) {
	err = ask(ctx, dial, cluster, func(ctx context.Context, c *kgo.Client) error {
		seen, err = look(ctx, c)
		return err
	})
	return seen, err
}

func look(ctx context.Context, c *kgo.Client) (seen msk.Scan, err error) {
	moving, err := reassignments(ctx, c)
	if err != nil {
		return seen, err
	}
	admin := kadm.NewClient(c)
	meta, err := admin.Metadata(ctx)
	if err != nil {
		return seen, fmt.Errorf("ask for all topics: %w", err)
	}
	topics := meta.Topics.Sorted()
	seen.Replicas = map[int32]int{}
	for _, t := range topics {
		s := msk.ScannedTopic{Name: t.Topic, Internal: t.IsInternal, Partitions: len(t.Partitions), Reassigning: len(moving[t.Topic])}
		for _, p := range t.Partitions.Sorted() {
			n := len(p.Replicas)
			if s.Replicas == 0 || s.Replicas == copies && n != copies {
				s.Replicas = n // any that is not as it should be
			}
			if p.Leader < 0 {
				s.Offline++
			} else if len(p.ISR) < n {
				s.OutOfSync++
			}
			for _, id := range p.Replicas {
				seen.Replicas[id]++
			}
		}
		seen.Topics = append(seen.Topics, s)
	}
	return seen, configs(ctx, admin, seen.Topics)
}

// copies is how many replicas topics of Express brokers have.
const copies = 3

// configs fills in what topics have set.
func configs(ctx context.Context, admin *kadm.Client, topics []msk.ScannedTopic) error {
	for some := range slices.Chunk(topics, topicsAtOnce) {
		var names []string
		for _, t := range some {
			names = append(names, t.Name)
		}
		answers, err := admin.DescribeTopicConfigs(ctx, names...)
		if err != nil {
			return fmt.Errorf("ask for topics' configs: %w", err)
		}
		for i := range some {
			one, err := answers.On(some[i].Name, nil)
			if err != nil || one.Err != nil {
				continue // deleted meanwhile
			}
			for _, c := range one.Configs {
				read(&some[i], c)
			}
		}
	}
	return nil
}

func read(t *msk.ScannedTopic, c kadm.Config) {
	switch {
	case c.Key == "min.insync.replicas":
		t.MinISR = c.MaybeValue()
	case c.Key == "remote.storage.enable":
		t.TieredStorage = c.MaybeValue() == "true"
	}
	if c.Source == kmsg.ConfigSourceDynamicTopicConfig {
		t.Set = append(t.Set, c.Key)
	}
}
