//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// terraform is HashiCorp's command in the directory of a stack of
// testdata/terraform, with the server's endpoint and credentials in its
// environment as `millrace env` prints them, and no other setting.
type terraform struct {
	*instance
	path, dir string
}

// terraform takes the AWS provider from a file system mirror: the directory
// that TF_PLUGIN_MIRROR names, or one of Terraform's own. A machine without
// the command or the provider skips the test.
func (i *instance) terraform(stack string) terraform {
	t := i.t
	t.Helper()
	path, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("SKIPPED, NOT TESTED: Terraform is not installed: ", err)
	}
	mirror := pluginMirror()
	if mirror == "" {
		t.Skip("SKIPPED, NOT TESTED: no mirror has Terraform's AWS provider: let TF_PLUGIN_MIRROR name the directory that holds registry.terraform.io/hashicorp/aws")
	}
	at := *i
	at.env = maps.Clone(i.env)
	at.env["TF_CLI_CONFIG_FILE"] = writeFile(t, "terraformrc", fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror))
	at.env["CHECKPOINT_DISABLE"], at.env["TF_IN_AUTOMATION"], at.env["TF_INPUT"] = "1", "1", "0"
	tf := terraform{&at, path, t.TempDir()}
	if err := os.CopyFS(tf.dir, os.DirFS(filepath.Join("testdata", "terraform", stack))); err != nil {
		t.Fatal(err)
	}
	tf.do("init")
	return tf
}

// pluginMirror is the first directory that holds the AWS provider, "" if none.
func pluginMirror() string {
	home, _ := os.UserHomeDir() // without a home there is one place less
	for _, dir := range []string{
		os.Getenv("TF_PLUGIN_MIRROR"), "/opt/tf-plugins", filepath.Join(home, ".terraform.d", "plugins"),
		"/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins",
	} {
		if _, err := fs.Stat(os.DirFS(dir), "registry.terraform.io/hashicorp/aws"); dir != "" && err == nil {
			return dir
		}
	}
	return ""
}

// do runs a command that must succeed and answers what it prints.
func (tf terraform) do(command string, args ...string) string {
	tf.t.Helper()
	return tf.must("", tf.path, append([]string{"-chdir=" + tf.dir, command, "-no-color"}, args...)...)
}

// apply makes the stack as the variables say, which must change as many
// resources as told, and make and delete none else; then a plan must find
// nothing to do.
func (tf terraform) apply(added, changed, destroyed int, vars ...string) {
	tf.t.Helper()
	out := tf.do("apply", append([]string{"-auto-approve", "-parallelism=20"}, vars...)...)
	want := fmt.Sprintf("Resources: %d added, %d changed, %d destroyed", added, changed, destroyed)
	if got := regexp.MustCompile(`Resources: .* destroyed`).FindString(out); got != want {
		tf.t.Errorf("apply %q: %s; want %s\n%s", vars, got, want, out)
	}
	args := append([]string{"-chdir=" + tf.dir, "plan", "-no-color", "-detailed-exitcode", "-parallelism=20"}, vars...)
	out, words, err := tf.exec("", tf.path, args...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 2 {
		tf.t.Errorf("a plan right after apply %q finds differences:\n%s", vars, out)
	} else if err != nil {
		tf.t.Errorf("plan %q: %v\n%s%s", vars, err, out, words)
	}
}

// output is an output of the stack.
func (tf terraform) output(name string) string {
	tf.t.Helper()
	var out string
	if text := tf.do("output", "-json", name); json.Unmarshal([]byte(text), &out) != nil {
		tf.t.Fatalf("output %s: %s", name, text)
	}
	return out
}

// destroy deletes the stack, all of it.
func (tf terraform) destroy(resources int, vars ...string) {
	tf.t.Helper()
	out := tf.do("destroy", append([]string{"-auto-approve", "-parallelism=20"}, vars...)...)
	want := fmt.Sprintf("Resources: %d destroyed", resources)
	if got := regexp.MustCompile(`Resources: .* destroyed`).FindString(out); got != want {
		tf.t.Errorf("destroy: %s; want %s", got, want)
	}
}

// TestTerraformIdentities shows it.
//
// Works: Terraform: aws_iam_* users, groups, roles, policies, boundaries, instance profiles and service-linked roles, without drift
func TestTerraformIdentities(t *testing.T) {
	t.Parallel()
	i := start(t)
	tf := i.terraform("identity")
	tf.apply(18, 0, 0)
	var me struct{ Arn string }
	i.as(tf.output("access_key"), tf.output("secret"), "").aws().call(&me, "sts", "get-caller-identity")
	if me.Arn != "arn:aws:iam::000000000000:user/apps/app" {
		t.Errorf("the access key is of %s", me.Arn)
	}
	changed := []string{"-var=team=risk", `-var=actions=["kafka-cluster:Connect","kafka-cluster:DescribeCluster"]`}
	tf.apply(0, 8, 0, changed...)
	tf.destroy(18, changed...)
}

// TestTerraformCluster shows it.
//
// Works: Terraform: aws_msk_serverless_cluster, and aws_msk_cluster with its configuration, secret, KMS key, private authority, users, cluster policy and log group, changed in place, without drift
func TestTerraformCluster(t *testing.T) {
	t.Parallel()
	i := start(t)
	tf := i.terraform("cluster")
	const first, second = "canary-first-7a90", "canary-second-7a90"
	tf.apply(16, 0, 0, "-var=password="+first)
	ping := func(password string) error {
		c := &cluster{instance: i, scram: tf.output("scram")}
		cl := c.franzAs("scram", kgo.RequestRetries(1), kgo.SASL(scram.Auth{User: "alice", Pass: password}.AsSha512Mechanism()))
		defer cl.Close()
		return cl.Ping(t.Context())
	}
	if err := ping(first); err != nil {
		t.Error("alice's login:", err)
	}
	changed := []string{"-var=password=" + second, "-var=team=risk", "-var=volume=200", "-var=monitoring=PER_BROKER", "-var=hours=48"}
	tf.apply(1, 6, 1, changed...)
	if err := ping(second); err != nil {
		t.Error("alice's login with her new password:", err)
	}
	tf.destroy(16, changed...)
	i.holdsNo(first, second)
}
