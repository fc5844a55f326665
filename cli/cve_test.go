package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestCVE2026_33247_NoSecretsOnTheCommandLine: NATS took passwords as arguments,
// which every user of a machine can read. No flag takes one.
func TestCVE2026_33247_NoSecretsOnTheCommandLine(t *testing.T) {
	a := &app{env: map[string]string{}, sources: map[string]string{}}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			for _, word := range []string{"secret", "password", "token", "credential", "passphrase"} {
				if strings.Contains(f.Name, word) {
					t.Errorf("%s --%s takes a secret", cmd.CommandPath(), f.Name)
				}
			}
		})
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(a.root())
}
