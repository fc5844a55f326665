package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	maxLineBytes  = 8 << 20
	commitTimeout = 5 * time.Second
)

func (a *app) topicCommand() *cobra.Command {
	var cluster string
	cmd := a.family("topic", "List, make, remove, fill and read topics",
		a.topicList(&cluster), a.topicDescribe(&cluster), a.topicCreate(&cluster), a.topicDelete(&cluster),
		a.topicProduce(&cluster), a.topicConsume(&cluster))
	clusterFlag(cmd, &cluster)
	return cmd
}

func (a *app) topicList(cluster *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List topics", Example: "  millrace topic list --cluster demo", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.admin(cmd.Context(), *cluster, func(adm *kadm.Client) error {
				topics, err := adm.ListTopics(cmd.Context())
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "TOPIC\tPARTITIONS\tREPLICAS")
				for _, t := range topics.Sorted() {
					fmt.Fprintf(table, "%s\t%d\t%d\n", t.Topic, len(t.Partitions), t.Partitions.NumReplicas())
				}
				return table.Flush()
			})
		},
	}
}

func (a *app) topicDescribe(cluster *string) *cobra.Command {
	return &cobra.Command{
		Use: "describe TOPIC", Short: "Show a topic's partitions and offsets",
		Example: "  millrace topic describe flights", Args: exactly("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.admin(cmd.Context(), *cluster, func(adm *kadm.Client) error {
				return a.describeTopic(cmd.Context(), adm, args[0])
			})
		},
	}
}

func (a *app) describeTopic(ctx context.Context, adm *kadm.Client, name string) error {
	topics, err := adm.ListTopics(ctx, name)
	if err != nil {
		return err
	}
	topic := topics[name]
	if topic.Err != nil {
		return topic.Err
	}
	starts, err := adm.ListStartOffsets(ctx, name)
	if err != nil {
		return err
	}
	ends, err := adm.ListEndOffsets(ctx, name)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PARTITION\tLEADER\tREPLICAS\tISR\tSTART\tEND")
	for _, p := range topic.Partitions.Sorted() {
		start, _ := starts.Lookup(name, p.Partition)
		end, _ := ends.Lookup(name, p.Partition)
		fmt.Fprintf(table, "%d\t%d\t%v\t%v\t%d\t%d\n", p.Partition, p.Leader, p.Replicas, p.ISR, start.Offset, end.Offset)
	}
	return table.Flush()
}

func (a *app) topicCreate(cluster *string) *cobra.Command {
	var partitions int32
	var replicas int16
	var configs []string
	cmd := &cobra.Command{
		Use: "create TOPIC", Short: "Make a topic",
		Example: `  millrace topic create orders --partitions 6
  millrace topic create state --set retention.ms=3600000`,
		Args: exactly("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := topicConfigs(configs)
			if err != nil {
				return err
			}
			return a.admin(cmd.Context(), *cluster, func(adm *kadm.Client) error {
				_, err := adm.CreateTopic(cmd.Context(), partitions, replicas, values, args[0])
				if err == nil {
					a.say("made topic %s", args[0])
				}
				return err
			})
		},
	}
	cmd.Flags().Int32Var(&partitions, "partitions", -1, "number of partitions (-1: the cluster's default)")
	cmd.Flags().Int16Var(&replicas, "replication-factor", -1, "replicas of each partition (-1: the cluster's default)")
	cmd.Flags().StringArrayVar(&configs, "set", nil, "topic configuration `NAME=VALUE`; may be repeated")
	return cmd
}

func topicConfigs(settings []string) (map[string]*string, error) {
	out := map[string]*string{}
	for _, s := range settings {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, usagef("--set %q is not NAME=VALUE", s)
		}
		out[name] = &value
	}
	return out, nil
}

func (a *app) topicDelete(cluster *string) *cobra.Command {
	return &cobra.Command{
		Use: "delete TOPIC...", Short: "Remove topics and their records",
		Example: "  millrace topic delete orders", Args: atLeastOne("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.admin(cmd.Context(), *cluster, func(adm *kadm.Client) error {
				done, err := adm.DeleteTopics(cmd.Context(), args...)
				if err != nil {
					return err
				}
				var errs []error
				for _, r := range done.Sorted() {
					if r.Err != nil {
						errs = append(errs, fmt.Errorf("%s: %w", r.Topic, r.Err))
					}
				}
				return errors.Join(errs...)
			})
		},
	}
}

func (a *app) topicProduce(cluster *string) *cobra.Command {
	var separator string
	cmd := &cobra.Command{
		Use: "produce TOPIC", Short: "Write each line of stdin as a record",
		Example: `  seq 100 | millrace topic produce numbers
  echo user1:hello | millrace topic produce greetings --key-separator :`,
		Args: exactly("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.produce(cmd.Context(), *cluster, args[0], separator)
		},
	}
	cmd.Flags().StringVar(&separator, "key-separator", "", "what ends the key in a line (default: no keys)")
	return cmd
}

func (a *app) produce(ctx context.Context, cluster, topic, separator string) error {
	client, err := a.kafkaClient(ctx, cluster, kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	var written atomic.Int64
	var failed atomic.Pointer[error]
	lines := bufio.NewScanner(a.in)
	lines.Buffer(nil, maxLineBytes)
	for failed.Load() == nil && lines.Scan() {
		client.Produce(ctx, lineRecord(lines.Text(), separator), func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
				return
			}
			written.Add(1)
		})
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	a.say("wrote %d records to %s", written.Load(), topic)
	if err := failed.Load(); err != nil {
		return explain(*err)
	}
	return lines.Err()
}

// lineRecord is the record of a line; without the separator it has no key.
func lineRecord(line, separator string) *kgo.Record {
	if separator != "" {
		if key, value, ok := strings.Cut(line, separator); ok {
			return &kgo.Record{Key: []byte(key), Value: []byte(value)}
		}
	}
	return &kgo.Record{Value: []byte(line)}
}

// consumeOptions are the flags of topic consume.
type consumeOptions struct {
	cluster, topic string
	fromBeginning  bool
	maxMessages    int
	group          string
	format         string
}

func (a *app) topicConsume(cluster *string) *cobra.Command {
	var o consumeOptions
	cmd := &cobra.Command{
		Use: "consume TOPIC", Short: "Print records until ctrl-C or --max-messages",
		Long: `Print records until ctrl-C or --max-messages. --format has kcat's verbs: %k key,
%v value, %t topic, %p partition, %o offset, %h headers, \n newline.`,
		Example: `  millrace topic consume flights --from-beginning --max-messages 10
  millrace topic consume orders --group billing --format '%p/%o %k=%v\n'`,
		Args: exactly("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.cluster, o.topic = *cluster, args[0]
			return a.consume(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.fromBeginning, "from-beginning", false, "start with the oldest record (a group: where it has no offset)")
	cmd.Flags().IntVar(&o.maxMessages, "max-messages", 0, "stop after `N` records (0: never)")
	cmd.Flags().StringVar(&o.group, "group", "", "consume as a member of this `GROUP` and commit")
	cmd.Flags().StringVar(&o.format, "format", `%v\n`, "how to print a record")
	return cmd
}

func (a *app) consume(ctx context.Context, o consumeOptions) error {
	format, err := kgo.NewRecordFormatter(o.format)
	if err != nil {
		return usagef("--format %q: %v", o.format, err)
	}
	if err := a.admin(ctx, o.cluster, func(adm *kadm.Client) error { // a consumer would wait for the topic for ever
		topics, err := adm.ListTopics(ctx, o.topic)
		if err != nil {
			return err
		}
		return topics[o.topic].Err
	}); err != nil {
		return err
	}
	start := kgo.NewOffset().AtEnd()
	if o.fromBeginning {
		start = kgo.NewOffset().AtStart()
	}
	opts := []kgo.Opt{kgo.ConsumeTopics(o.topic), kgo.ConsumeResetOffset(start)}
	if o.group != "" {
		opts = append(opts, kgo.ConsumerGroup(o.group), kgo.AutoCommitMarks(), kgo.BlockRebalanceOnPoll())
	}
	client, err := a.kafkaClient(ctx, o.cluster, opts...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	err = a.printRecords(ctx, client, format, o.maxMessages)
	if o.group != "" {
		commitCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
		defer cancel()
		err = errors.Join(err, client.CommitMarkedOffsets(commitCtx))
	}
	return explain(err)
}

// printRecords prints until limit records (0: no limit) or the end of ctx.
func (a *app) printRecords(ctx context.Context, client *kgo.Client, format *kgo.RecordFormatter, limit int) error {
	out := bufio.NewWriter(a.out)
	printed := 0
	var line []byte
	for {
		client.AllowRebalance()
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil // ctrl-C is how one stops it
		}
		if i := slices.IndexFunc(fetches.Errors(), func(e kgo.FetchError) bool { return e.Err != nil }); i >= 0 {
			return fetches.Errors()[i].Err
		}
		for r := range fetches.RecordsAll() {
			line = format.AppendRecord(line[:0], r)
			if _, err := out.Write(line); err != nil {
				return err
			}
			client.MarkCommitRecords(r)
			if printed++; printed == limit {
				return out.Flush()
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}
