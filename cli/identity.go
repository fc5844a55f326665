package cli

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) accountCommand() *cobra.Command {
	cmd := a.family("account", "Make and list AWS accounts", a.accountCreate(), a.accountList())
	cmd.Long = `Make and list AWS accounts of this server. The account 000000000000 is there from
the first start, and 'millrace env' prints its root credentials; others are for
trying out what crosses accounts.`
	cmd.Example = `  millrace account create --id 111122223333
  millrace account list`
	return cmd
}

// account is an account as the server says.
type account struct {
	AccountID       string    `json:"accountId"`
	AccessKeyID     string    `json:"accessKeyId"`
	SecretAccessKey string    `json:"secretAccessKey"`
	Created         time.Time `json:"created"`
}

func (a *app) accountCreate() *cobra.Command {
	id := ""
	cmd := &cobra.Command{
		Use: "create", Short: "Make an account", Args: exactly(),
		Long: `Make an account and print its root credentials as shell variables. They are shown
this once.`,
		Example: `  millrace account create --id 111122223333
  millrace account create`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			in := map[string]string{}
			if id != "" {
				in["accountId"] = id
			}
			var made account
			if err := c.own(cmd.Context(), http.MethodPost, "/accounts", in, &made); err != nil {
				return err
			}
			a.say("account %s is made; its root credentials are shown this once", made.AccountID)
			_, err = fmt.Fprintf(a.out, "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n", shellWord(made.AccessKeyID), shellWord(made.SecretAccessKey))
			return err
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "the account's `NUMBER`, twelve digits (default: drawn)")
	return cmd
}

func (a *app) accountList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List accounts", Example: "  millrace account list", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			var out struct {
				Accounts []account `json:"accounts"`
			}
			if err := c.own(cmd.Context(), http.MethodGet, "/accounts", nil, &out); err != nil {
				return err
			}
			table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "ACCOUNT\tCREATED")
			for _, x := range out.Accounts {
				fmt.Fprintf(table, "%s\t%s\n", x.AccountID, x.Created.UTC().Format(time.RFC3339))
			}
			return table.Flush()
		},
	}
}

// explainRequest is what ExplainAccess is asked.
type explainRequest struct {
	Principal string            `json:"principal"`
	Action    string            `json:"action"`
	Resource  string            `json:"resource"`
	Context   map[string]string `json:"context,omitempty"`
}

func (a *app) explainCommand() *cobra.Command {
	in, pairs := explainRequest{}, []string(nil)
	cmd := &cobra.Command{
		Use: "explain", Short: "Say why somebody may or may not do something", Args: exactly(),
		Long: `Say whether a user, role, session or root may do an action on a resource, and what
every statement of every policy had to say about it. It is the judgement that
API calls and Kafka requests get, as the policies are now.`,
		Example: `  millrace explain --principal arn:aws:iam::000000000000:user/app \
    --action kafka-cluster:WriteData \
    --resource arn:aws:kafka:us-east-1:000000000000:topic/orders/UUID/payments
  millrace explain --principal arn:aws:iam::000000000000:role/ops --action kafka:DeleteCluster --resource '*' --context aws:SourceIp=10.0.0.1`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if in.Principal == "" || in.Action == "" {
				return usagef("--principal and --action are needed")
			}
			in.Context = make(map[string]string)
			for _, pair := range pairs {
				key, value, ok := strings.Cut(pair, "=")
				if !ok {
					return usagef("--context %q is not KEY=VALUE", pair)
				}
				in.Context[key] = value
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			var out struct {
				Allowed bool     `json:"allowed"`
				Why     string   `json:"why"`
				Steps   []string `json:"steps"`
			}
			if err := c.own(cmd.Context(), http.MethodPost, "/explain", in, &out); err != nil {
				return err
			}
			verdict := "DENIED"
			if out.Allowed {
				verdict = "ALLOWED"
			}
			fmt.Fprintf(a.out, "%s: %s\n", verdict, out.Why)
			for _, step := range out.Steps {
				fmt.Fprintln(a.out, "  "+step)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&in.Principal, "principal", "", "the `ARN` of a user, role, role session or root")
	flags.StringVar(&in.Action, "action", "", "the `ACTION`, such as kafka-cluster:WriteData")
	flags.StringVar(&in.Resource, "resource", "*", "the `ARN` of the resource")
	flags.StringArrayVar(&pairs, "context", nil, "a condition `KEY=VALUE` of the request; may be given again")
	return cmd
}
