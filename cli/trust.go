package cli

import (
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) trustCommand() *cobra.Command {
	var fingerprint bool
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Print the certificate authority that clients must trust",
		Long: `Print the certificate of the server's own authority as PEM: clients of its brokers
must trust it, and clients of its API unless --tls-cert is another authority's.
AWS's tools take the file as AWS_CA_BUNDLE. Compare the fingerprint when the file
has come over a network.`,
		Example: `  millrace trust > millrace-ca.pem && export AWS_CA_BUNDLE=$PWD/millrace-ca.pem
  millrace trust --fingerprint`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error { return a.trust(fingerprint) },
	}
	cmd.Flags().BoolVar(&fingerprint, "fingerprint", false, "print the SHA-256 fingerprint instead")
	return cmd
}

func (a *app) trust(fingerprint bool) error {
	env, err := a.environment()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(env["MILLRACE_CA_PEM"])
	if err != nil {
		return fmt.Errorf("the server's CA: %w: run this where its data directory is", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return errors.New("the server's CA file holds no certificate")
	}
	if !fingerprint {
		_, err = a.out.Write(data)
		return err
	}
	sum := sha256.Sum256(block.Bytes)
	_, err = fmt.Fprintln(a.out, strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"))
	return err
}
