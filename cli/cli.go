// Package cli is the command line: the verbs of the millrace command, their
// settings and what they print. cmd/millrace calls Main. Data goes to stdout,
// words for people go to stderr. It starts a server through package server and
// otherwise talks to one as any client does: by the AWS API and by the Kafka
// protocol. It never reads a server's files but env.json, the CA's certificate and
// the audit log.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotReady = 3
)

// usageError is the caller's mistake on the command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// notReadyError is a server or a cluster that does not answer yet.
type notReadyError struct{ err error }

func (e notReadyError) Error() string { return e.err.Error() }
func (e notReadyError) Unwrap() error { return e.err }

func notReadyf(format string, args ...any) error { return notReadyError{fmt.Errorf(format, args...)} }

// app is one run of the command.
type app struct {
	version string
	env     map[string]string
	in      io.Reader
	out     io.Writer // data
	log     io.Writer // words for people

	config  string            // --config
	dataDir string            // --data-dir
	sources map[string]string // flag name -> where its value came from; absent means default
}

// Main runs the command line args (without the program's name) and returns the
// exit code: 0 done, 1 failed, 2 used wrongly, 3 not ready. env holds KEY=VALUE
// strings. A server that it runs stops when ctx ends.
func Main(ctx context.Context, version string, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{version: version, env: parseEnv(env), in: stdin, out: stdout, log: stderr, sources: map[string]string{}}
	root := a.root()
	if args == nil {
		args = []string{} // cobra would read os.Args
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "millrace: %v\n", err)
	var usage usageError
	var notReady notReadyError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "See '%s --help'.\n", cmd.CommandPath())
		return exitUsage
	case errors.As(err, &notReady):
		return exitNotReady
	}
	return exitFailed
}

func (a *app) root() *cobra.Command {
	root := a.family("millrace", "Amazon MSK that you run yourself",
		a.devCommand(), a.serveCommand(), a.demoCommand(), a.envCommand(), a.trustCommand(), a.waitCommand(), a.statusCommand(),
		a.topicCommand(), a.groupCommand(), a.brokerCommand(), a.accountCommand(), a.explainCommand(), a.auditCommand(), a.versionCommand())
	root.Long = `Amazon MSK that you run yourself: clusters are made through the AWS API and
used by any Kafka client, with IAM, SCRAM, TLS or plaintext.

Every flag can also be set by a MILLRACE_<FLAG> variable (--data-dir is
MILLRACE_DATA_DIR) or in a YAML file: --config FILE, $MILLRACE_CONFIG or
./millrace.yaml. A flag goes before a variable, a variable before the file.`
	root.Example = `  millrace dev                      # a server, until ctrl-C
  eval "$(millrace env)"            # in another terminal
  aws kafka list-clusters-v2
  millrace demo                     # a cluster with real data through it`
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.settle(cmd) }
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", "", "settings `FILE` (default ./millrace.yaml when there is one)")
	flags.StringVar(&a.dataDir, "data-dir", defaultDataDir, "`DIR` that holds everything a server keeps")
	return root
}

// defaultDataDir is beside where the command runs, so that every project has
// its own.
const defaultDataDir = ".millrace"

// self is how to call this program again: by its path when it was called so.
func self() string {
	if called := os.Args[0]; filepath.Base(called) == "millrace" && strings.ContainsRune(called, filepath.Separator) {
		return called
	}
	return "millrace"
}

// family is a command that only has children.
func (a *app) family(name, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: cobra.ArbitraryArgs}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("%s has no command %q", cmd.CommandPath(), args[0])
		}
		cmd.SetOut(a.log)
		_ = cmd.Help()
		return usagef("%s needs a command", cmd.CommandPath())
	}
	cmd.AddCommand(children...)
	return cmd
}

// exactly wants one argument per name.
func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) > len(names):
			return usagef("unexpected argument %q", args[len(names)])
		case len(args) < len(names):
			return usagef("missing argument %s", names[len(args)])
		}
		return nil
	}
}

func atLeastOne(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("missing argument %s", name)
		}
		return nil
	}
}

// say writes words for people.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.log, format+"\n", args...) }

func parseEnv(env []string) map[string]string {
	out := make(map[string]string, len(env))
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok {
			out[k] = v
		}
	}
	return out
}
