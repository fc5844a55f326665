package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/millrace/millrace/aws/sigv4"
)

// brokerVerb is one way to change a broker.
type brokerVerb struct {
	name, short, long string
	done              string // what the broker is then
}

var brokerVerbs = []brokerVerb{
	{"stop", "Shut a broker down", `Shut a broker down, as a controlled shutdown of Kafka does: other brokers lead
its partitions and coordinate its groups first, the requests that it has read
are answered, and then its ports refuse connections. Clients go on with the
other brokers, with acks=all while min.insync.replicas are left.

It stays stopped until 'millrace broker start', or until the server starts
again.`, "stopped; its ports refuse connections"},
	{"start", "Start a stopped broker", `Start a stopped broker on its ports. It is in sync at once; it leads again after
a leader election, which comes by itself after 5 minutes.`, "running"},
	{"fence", "Part a broker from its controller", `Part a broker from its controller, as a network partition does: other brokers
lead its partitions, but its clients stay connected to it, and are told by it
who leads.`, "fenced: it leads nothing"},
	{"unfence", "End what fence began", `End what 'millrace broker fence' began. It is in sync at once, and leads again
after a leader election.`, "running"},
}

func (a *app) brokerCommand() *cobra.Command {
	var cluster string
	children := []*cobra.Command{a.brokerList(&cluster)}
	for _, verb := range brokerVerbs {
		children = append(children, a.brokerChange(verb, &cluster))
	}
	cmd := a.family("broker", "See brokers, and stop, start or fence them", children...)
	cmd.Long = `See the brokers of a cluster, and make them fail: what does your application do
while one is away? Brokers of a cluster are parts of one server; records are
safe whatever is done to them here.`
	cmd.Example = `  millrace broker list --cluster orders
  millrace broker stop 2 --cluster orders
  millrace broker start 2 --cluster orders`
	clusterFlag(cmd, &cluster)
	return cmd
}

func (a *app) brokerList(cluster *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List brokers with their state", Example: "  millrace broker list --cluster orders", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, brokers, err := a.callBrokers(cmd.Context(), http.MethodGet, *cluster, "")
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "BROKER\tSTATE\tENDPOINTS")
			for _, b := range brokers {
				var ends []string
				for _, listener := range slices.Sorted(maps.Keys(b.Endpoints)) {
					ends = append(ends, listener+"="+b.Endpoints[listener])
				}
				fmt.Fprintf(table, "%d\t%s\t%s\n", b.ID, b.State, strings.Join(ends, " "))
			}
			return table.Flush()
		},
	}
}

func (a *app) brokerChange(verb brokerVerb, cluster *string) *cobra.Command {
	return &cobra.Command{
		Use: verb.name + " ID", Short: verb.short, Long: verb.long,
		Example: fmt.Sprintf("  millrace broker %s 2\n  millrace broker %s 2 --cluster orders", verb.name, verb.name), Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n, err := strconv.ParseInt(args[0], 10, 32); err != nil || n < 1 {
				return usagef("%q is no broker id: give a number of 'millrace broker list'", args[0])
			}
			name, _, err := a.callBrokers(cmd.Context(), http.MethodPost, *cluster, "/"+args[0]+"/"+verb.name)
			if err != nil {
				return err
			}
			a.say("broker %s of %s is %s", args[0], name, verb.done)
			return nil
		},
	}
}

// brokerStatus is a broker as the server says.
type brokerStatus struct {
	ID        int32             `json:"id"`
	State     string            `json:"state"`
	Endpoints map[string]string `json:"endpoints"`
}

const (
	brokerTimeout   = time.Minute
	maxBrokersBytes = 1 << 20
)

// callBrokers calls the server's own service about the brokers of a cluster,
// which it finds by name, signed as AWS's calls are.
func (a *app) callBrokers(ctx context.Context, method, cluster, path string) (name string, brokers []brokerStatus, err error) {
	c, err := a.connect()
	if err != nil {
		return "", nil, err
	}
	found, err := c.cluster(ctx, cluster)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, brokerTimeout)
	defer cancel()
	at := c.env.endpoint() + "/_millrace/v1/clusters/" + url.PathEscape(aws.ToString(found.ClusterArn)) + "/brokers" + path
	req, err := http.NewRequestWithContext(ctx, method, at, nil)
	if err != nil {
		return "", nil, err
	}
	key := sigv4.Key{AccessKeyID: c.env["AWS_ACCESS_KEY_ID"], Secret: c.env["AWS_SECRET_ACCESS_KEY"], SessionToken: c.env["AWS_SESSION_TOKEN"]}
	sigv4.Sign(req, nil, key, "millrace", c.env["AWS_REGION"], time.Now())
	resp, err := c.http.Do(req)
	if err != nil {
		return "", nil, c.fail("change a broker", err)
	}
	defer resp.Body.Close()
	name = aws.ToString(found.ClusterName)
	brokers, err = readBrokers(resp, name)
	return name, brokers, err
}

// readBrokers reads the answer; an error names the fix.
func readBrokers(resp *http.Response, cluster string) ([]brokerStatus, error) {
	var out struct {
		Brokers []brokerStatus `json:"brokers"`
		Message string         `json:"message"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxBrokersBytes)).Decode(&out); err != nil {
		return nil, fmt.Errorf("the server answered %s, which is no answer about brokers: is it an older millrace?", resp.Status)
	}
	switch code := resp.Header.Get("X-Amzn-Errortype"); {
	case resp.StatusCode == http.StatusOK:
		return out.Brokers, nil
	case code == "NotFoundException":
		return nil, fmt.Errorf("%s See 'millrace broker list --cluster %s'", out.Message, cluster)
	case code == "ConflictException" && strings.Contains(out.Message, "ACTIVE"):
		return nil, notReadyf("%s Wait with 'millrace wait --cluster %s'", out.Message, cluster)
	default:
		return nil, fmt.Errorf("%s (%s)", out.Message, resp.Status)
	}
}
