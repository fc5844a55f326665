package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/millrace/millrace/millracetest"
)

// TestAccountsAndExplain makes an account and asks for decisions of a real
// server.
func TestAccountsAndExplain(t *testing.T) {
	m := millracetest.Start(t)
	code, stdout, stderr := run(t, "", m.Env(), "account", "create", "--id", "111122223333")
	if code != exitOK || !regexp.MustCompile(`^export AWS_ACCESS_KEY_ID='AKIA[A-Z2-7]{16}'\nexport AWS_SECRET_ACCESS_KEY='[^']{40}'\n$`).MatchString(stdout) {
		t.Errorf("create: exit %d, %q, %s", code, stdout, stderr)
	}
	code, stdout, _ = run(t, "", m.Env(), "account", "list")
	if lines := strings.Split(stdout, "\n"); code != exitOK || len(lines) != 4 || !strings.HasPrefix(lines[1], "000000000000  ") || !strings.HasPrefix(lines[2], "111122223333  ") {
		t.Errorf("list: exit %d, %q", code, stdout)
	}
	root := "arn:aws:iam::111122223333:root"
	for _, step := range []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"account create --id 111122223333", exitFailed, "", "millrace: The account exists already. (409 Conflict)\n"},
		{"account create --id 1", exitFailed, "", "millrace: an account is named by twelve digits (400 Bad Request)\n"},
		{"explain --principal " + root + " --action kafka:ListClusters", exitOK, "ALLOWED: allowed to the root of the account\n", ""},
		{"explain --principal " + root + " --action kafka:DeleteCluster --resource arn:aws:kafka:us-east-1:000000000000:cluster/a/b", exitOK,
			"DENIED: no resource-based policy allows the kafka:DeleteCluster action\n", ""},
		{"explain --principal arn:aws:iam::111122223333:user/x --action kafka:ListClusters", exitFailed, "",
			"millrace: No user, role, session or root has the ARN arn:aws:iam::111122223333:user/x. (404 Not Found)\n"},
		{"explain --principal " + root, exitUsage, "", "millrace: --principal and --action are needed\n"},
		{"explain --principal " + root + " --action kafka:ListClusters --context x", exitUsage, "", "millrace: --context \"x\" is not KEY=VALUE\n"},
	} {
		code, stdout, stderr := run(t, "", m.Env(), strings.Fields(step.args)...)
		if code != step.code || stdout != step.stdout || !strings.HasPrefix(stderr, step.stderr) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want %d, %q, %q", step.args, code, stdout, stderr, step.code, step.stdout, step.stderr)
		}
	}
}
