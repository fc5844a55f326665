package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
)

// environmentFile is what a server writes into its data directory.
const environmentFile = "env.json"

// environment is what a client needs to reach a server, by variable name.
type environment map[string]string

func (e environment) endpoint() string { return strings.TrimSuffix(e["AWS_ENDPOINT_URL"], "/") }

func readEnvironment(dir string) (environment, error) {
	path := filepath.Join(dir, environmentFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notReadyf("no server has run in %s: start one with 'millrace dev', or name its directory with --data-dir", dir)
	}
	if err != nil {
		return nil, err
	}
	env := environment{}
	if err := json.Unmarshal(data, &env); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if env.endpoint() == "" {
		return nil, fmt.Errorf("%s names no endpoint: start the server again", path)
	}
	return env, nil
}

// environment is the server to talk to: that of a data directory that was
// named; else that of `eval "$(millrace env)"`; else the default one.
func (a *app) environment() (environment, error) {
	if a.inherits() {
		return environment(a.env), nil
	}
	env, err := readEnvironment(a.dataDir)
	if err != nil || env["AWS_ACCESS_KEY_ID"] != "" {
		return env, err
	}
	for _, name := range credentialVariables { // a secure server keeps none for others
		env[name] = a.env[name]
	}
	return env, nil
}

var credentialVariables = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

// inherits says whether the server is the one that the caller's variables name.
func (a *app) inherits() bool {
	return a.sources["data-dir"] == "" && a.env["AWS_ENDPOINT_URL"] != "" && a.env["MILLRACE_CA_PEM"] != ""
}

func (a *app) envCommand() *cobra.Command {
	var asJSON, hosts bool
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print what clients need to reach the server, as shell exports",
		Long: `Print what AWS and Kafka clients need to reach the server: its endpoint, root
credentials, region, CA, JVM trust store and default VPC, as shell exports. A
server that 'millrace serve' runs gives no credentials away: its first start has
put the root credential into root-credentials in its data directory, which
AWS_SHARED_CREDENTIALS_FILE can name.`,
		Example: `  eval "$(millrace env)"
  millrace env --json | jq -r .AWS_ENDPOINT_URL
  millrace env --hosts | sudo tee -a /etc/hosts   # for dev --broker-domain`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON && hosts {
				return usagef("--json and --hosts exclude each other: give one of them")
			}
			if hosts {
				return a.printHosts(cmd.Context())
			}
			env, err := readEnvironment(a.dataDir)
			if err != nil {
				return err
			}
			return a.printEnvironment(env, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	cmd.Flags().BoolVar(&hosts, "hosts", false, "lines for /etc/hosts with every broker's name")
	return cmd
}

func (a *app) printEnvironment(env environment, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(env)
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if _, err := fmt.Fprintf(a.out, "export %s=%s\n", name, shellWord(env[name])); err != nil {
			return err
		}
	}
	return nil
}

// shellWord quotes s so that a POSIX shell reads it as one word, whatever it holds.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// printHosts prints the names of all brokers, as bootstrap strings and node
// lists have them, each at 127.0.0.1.
func (a *app) printHosts(ctx context.Context) error {
	api, err := a.connect()
	if err != nil {
		return err
	}
	clusters, err := api.clusters(ctx)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, c := range clusters {
		hosts, err := api.brokerNames(ctx, aws.ToString(c.ClusterArn))
		if err != nil {
			return err
		}
		for _, host := range hosts {
			names[host] = true
		}
	}
	delete(names, "localhost")
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if net.ParseIP(name) == nil {
			fmt.Fprintf(a.out, "127.0.0.1 %s\n", name)
		}
	}
	return nil
}
