package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

func (a *app) groupCommand() *cobra.Command {
	var cluster string
	cmd := a.family("group", "List consumer groups and show their lag", a.groupList(&cluster), a.groupDescribe(&cluster))
	clusterFlag(cmd, &cluster)
	return cmd
}

func (a *app) groupList(cluster *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List groups", Example: "  millrace group list --cluster demo", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.admin(cmd.Context(), *cluster, func(adm *kadm.Client) error {
				groups, err := adm.ListGroups(cmd.Context())
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "GROUP\tSTATE\tCOORDINATOR")
				for _, g := range groups.Sorted() {
					fmt.Fprintf(table, "%s\t%s\t%d\n", g.Group, g.State, g.Coordinator)
				}
				return table.Flush()
			})
		},
	}
}

func (a *app) groupDescribe(cluster *string) *cobra.Command {
	return &cobra.Command{
		Use: "describe GROUP", Short: "Show a group's members, offsets and lag",
		Example: "  millrace group describe billing", Args: exactly("GROUP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.admin(cmd.Context(), *cluster, func(adm *kadm.Client) error {
				// A cluster before 4.0 knows no such groups, and says so.
				if next, err := adm.DescribeConsumerGroups(cmd.Context(), args[0]); err == nil && next.Error() == nil {
					return a.printConsumerGroup(cmd.Context(), adm, next[args[0]])
				}
				lags, err := adm.Lag(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				group := lags[args[0]]
				if err := group.Error(); err != nil {
					return err
				}
				return a.printGroup(group)
			})
		},
	}
}

// printConsumerGroup prints a group of the consumer protocol (KIP-848): what is
// committed or assigned.
func (a *app) printConsumerGroup(ctx context.Context, adm *kadm.Client, group kadm.DescribedConsumerGroup) error {
	committed, err := adm.FetchOffsets(ctx, group.Group)
	if err != nil {
		return err
	}
	owners := make(map[string]map[int32]string)
	note := func(topic string, partition int32, member string) {
		if owners[topic] == nil {
			owners[topic] = make(map[int32]string)
		}
		owners[topic][partition] = member
	}
	committed.Each(func(o kadm.OffsetResponse) { note(o.Topic, o.Partition, "-") })
	for _, m := range group.Members {
		m.Assignment.Each(func(topic string, partition int32) { note(topic, partition, m.MemberID) })
	}
	ends := kadm.ListedOffsets{}
	if len(owners) > 0 {
		if ends, err = adm.ListEndOffsets(ctx, slices.Collect(maps.Keys(owners))...); err != nil {
			return err
		}
	}
	var rows strings.Builder
	total := int64(0)
	for _, topic := range slices.Sorted(maps.Keys(owners)) {
		for _, partition := range slices.Sorted(maps.Keys(owners[topic])) {
			end, _ := ends.Lookup(topic, partition)
			at, ok := committed.Lookup(topic, partition)
			if !ok {
				fmt.Fprintf(&rows, "%s\t%d\t-\t%d\t-\t%s\n", topic, partition, end.Offset, owners[topic][partition])
				continue
			}
			lag := max(0, end.Offset-at.At)
			total += lag
			fmt.Fprintf(&rows, "%s\t%d\t%d\t%d\t%d\t%s\n", topic, partition, at.At, end.Offset, lag, owners[topic][partition])
		}
	}
	fmt.Fprintf(a.out, "group %s: %s, %d members, lag %d\n", group.Group, group.State, len(group.Members), total)
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "TOPIC\tPARTITION\tCOMMITTED\tEND\tLAG\tMEMBER\n", rows.String())
	return table.Flush()
}

func (a *app) printGroup(group kadm.DescribedGroupLag) error {
	fmt.Fprintf(a.out, "group %s: %s, %d members, lag %d\n", group.Group, group.State, len(group.Members), group.Lag.Total())
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TOPIC\tPARTITION\tCOMMITTED\tEND\tLAG\tMEMBER")
	for _, l := range group.Lag.Sorted() {
		member := "-"
		if l.Member != nil {
			member = l.Member.MemberID
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\n", l.Topic, l.Partition, l.Commit.At, l.End.Offset, l.Lag, member)
	}
	return table.Flush()
}
