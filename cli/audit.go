package cli

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/server"
	"github.com/millrace/millrace/vfs"
)

func (a *app) auditCommand() *cobra.Command {
	return a.family("audit", "Verify and read the audit log", a.auditVerify(), a.auditShow())
}

func (a *app) auditVerify() *cobra.Command {
	var partial bool
	var publicKey string
	cmd := &cobra.Command{
		Use:   "verify [DIR]",
		Short: "Check that no record was changed, removed, moved or cut off",
		Long: `Check the audit log's chain of hashes, its signed digests and its signed head, and
name the first record that is not what was written. DIR is a directory of audit
files; without it, that of the data directory. Exits 1 when the log is broken.

Whoever has the signing key, or can put back an old copy of the whole directory,
is found only by comparing what this prints with what it printed before, and by
giving the public key from a copy that was kept elsewhere.`,
		Example: `  millrace audit verify
  millrace audit verify /backup/audit --public-key /safe/key.pub --partial`,
		Args: atMostOne,
		RunE: func(_ *cobra.Command, args []string) error { return a.verifyAudit(args, partial, publicKey) },
	}
	cmd.Flags().BoolVar(&partial, "partial", false, "accept that the oldest files were moved elsewhere")
	cmd.Flags().StringVar(&publicKey, "public-key", "", "`FILE` with the public key (default key.pub in DIR)")
	return cmd
}

// atMostOne wants no or one argument.
func atMostOne(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("unexpected argument %q", args[1])
	}
	return nil
}

func (a *app) auditDir(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	return filepath.Join(a.dataDir, server.AuditDir)
}

func (a *app) verifyAudit(args []string, partial bool, publicKey string) error {
	o := audit.Options{Partial: partial}
	if publicKey != "" {
		data, err := os.ReadFile(publicKey)
		if err == nil {
			o.Key, err = audit.ParsePublicKey(data)
		}
		if err != nil {
			return usagef("--public-key %s: %w", publicKey, err)
		}
	}
	dir := a.auditDir(args)
	report, err := readAudit(dir, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%d records (%d to %d), %d digests, last hash %s\n", report.Records, report.First, report.Last, report.Digests, report.Hash)
	if report.Unsealed > 0 || report.Torn {
		fmt.Fprintf(a.out, "%d records and%s are not sealed yet: the server is writing them, or was killed\n",
			report.Unsealed, map[bool]string{true: " a part of one"}[report.Torn])
	}
	return nil
}

// readAudit is audit.Verify that says what to do.
func readAudit(dir string, o audit.Options) (audit.Report, error) {
	if _, err := os.Stat(dir); err != nil {
		return audit.Report{}, notReadyf("there is no audit log in %s: 'millrace serve' keeps one, and 'millrace dev --audit'", dir)
	}
	report, err := audit.Verify(vfs.OS, dir, o)
	var broken *audit.Broken
	if errors.As(err, &broken) {
		return report, fmt.Errorf("the audit log is BROKEN at %w", err)
	}
	return report, err
}

func (a *app) auditShow() *cobra.Command {
	var asJSON bool
	var last int
	cmd := &cobra.Command{
		Use:     "show [DIR]",
		Short:   "Print the records of the audit log, verifying them",
		Long:    "Print the records of the audit log, one a line, oldest first, verifying them on the way.",
		Example: "  millrace audit show --last 20\n  millrace audit show --json | jq 'select(.errorCode != null)'",
		Args:    atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			if last < 0 {
				return usagef("--last must not be negative")
			}
			return a.showAudit(a.auditDir(args), asJSON, last)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "whole records in CloudTrail's shape")
	cmd.Flags().IntVar(&last, "last", 0, "only the last `N` (0: all)")
	return cmd
}

func (a *app) showAudit(dir string, asJSON bool, last int) error {
	var kept []string // with last: a ring of that many lines
	n := 0
	print := func(line string) error {
		_, err := fmt.Fprintln(a.out, line)
		return err
	}
	_, err := readAudit(dir, audit.Options{Partial: true, Key: ed25519.PublicKey(nil), Each: func(line []byte) error {
		text, err := auditLine(line, asJSON)
		if err != nil || text == "" {
			return err
		}
		switch {
		case last == 0:
			return print(text)
		case len(kept) < last:
			kept = append(kept, text)
		default:
			kept[n%last] = text
		}
		n++
		return nil
	}})
	for i := range kept {
		if e := print(kept[(n+i)%len(kept)]); e != nil {
			return e
		}
	}
	return err
}

// auditLine is a record for people, or as it is; digests are "".
func auditLine(line []byte, asJSON bool) (string, error) {
	var e struct {
		EventTime, EventSource, EventName, SourceIPAddress, ErrorCode, ErrorMessage string
		UserIdentity                                                                struct{ Type, Arn, UserName, AccessKeyID string }
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return "", err
	}
	if e.EventName == "" {
		return "", nil
	}
	if asJSON {
		return string(line), nil
	}
	who := e.UserIdentity.Arn
	for _, other := range []string{e.UserIdentity.UserName, e.UserIdentity.AccessKeyID, e.UserIdentity.Type} {
		if who == "" {
			who = other
		}
	}
	out := []string{e.EventTime, e.EventSource, e.EventName, who, e.SourceIPAddress}
	if e.ErrorCode != "" {
		out = append(out, e.ErrorCode+": "+e.ErrorMessage)
	}
	for i := range out { // what strangers have written must not move a terminal's cursor
		out[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
				return '?'
			}
			return r
		}, out[i])
	}
	return strings.Join(out, "  "), nil
}
