package cli

import (
	"fmt"
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
