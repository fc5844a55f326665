package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// run is one run of the command in an empty directory of its own, unless dir
// is given.
func run(t *testing.T, dir string, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	t.Chdir(dir)
	var out, log bytes.Buffer
	env = append([]string{"HOME=" + dir}, env...)
	code = Main(t.Context(), "v0", args, env, strings.NewReader(""), &out, &log)
	return code, out.String(), log.String()
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no command", nil, "needs a command"},
		{"unknown command", []string{"dove"}, `no command "dove"`},
		{"unknown child", []string{"topic", "dove"}, `no command "dove"`},
		{"unknown flag", []string{"dev", "--dove"}, "unknown flag: --dove"},
		{"too many", []string{"status", "now"}, `unexpected argument "now"`},
		{"too few", []string{"topic", "describe"}, "missing argument TOPIC"},
		{"none", []string{"topic", "delete"}, "missing argument TOPIC"},
		{"bad duration", []string{"wait", "--timeout", "soon"}, "invalid argument"},
		{"bad durability", []string{"dev", "--durability", "hope"}, "neither sync nor page-cache"},
		{"bad level", []string{"dev", "--log-level", "loud"}, "none of debug"},
		{"bad network", []string{"dev", "--vpc-networks", "10.0.0.0"}, "not a network such as"},
		{"two homes", []string{"dev", "--ephemeral", "--data-dir", "x"}, "exclude each other"},
		{"two forms", []string{"env", "--json", "--hosts"}, "exclude each other"},
		{"negative rate", []string{"demo", "--rate", "-1"}, "must not be negative"},
		{"bad topic setting", []string{"topic", "create", "t", "--set", "x"}, "not NAME=VALUE"},
		{"bad broker id", []string{"broker", "stop", "two"}, "no broker id"},
		{"no broker id", []string{"broker", "fence"}, "missing argument ID"},
		{"bad format", []string{"topic", "consume", "t", "--format", "%z"}, "--format"},
		{"no such settings file", []string{"version", "--config", "none.yaml"}, "none.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := run(t, "", nil, c.args...)
			if code != exitUsage || !strings.Contains(stderr, c.want) || stdout != "" {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit 2 and %q", code, stdout, stderr, c.want)
			}
		})
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	a := &app{env: map[string]string{}, sources: map[string]string{}}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" || !cmd.HasSubCommands() && cmd.Example == "" {
			t.Errorf("%s has no words or no example", cmd.CommandPath())
		}
		for _, f := range reserved {
			if name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(f, variablePrefix), "_", "-")); cmd.Flags().Lookup(name) != nil {
				t.Errorf("%s --%s takes a variable that millrace env exports", cmd.CommandPath(), name)
			}
		}
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(a.root())
	if code, stdout, _ := run(t, "", nil, "topic", "consume", "--help"); code != exitOK || !strings.Contains(stdout, "Examples:") {
		t.Errorf("exit %d, %q", code, stdout)
	}
}

func TestPrecedence(t *testing.T) {
	const file = "region: eu-file-1\ndurability: page-cache\ncluster: of-a-topic\n"
	for _, c := range []struct {
		name   string
		env    []string
		args   []string
		region string
		source string
	}{
		{"default", nil, []string{"--config", "/dev/null"}, "us-east-1", ""},
		{"file", nil, nil, "eu-file-1", configFile},
		{"variable", []string{"MILLRACE_REGION=eu-var-1"}, nil, "eu-var-1", "MILLRACE_REGION"},
		{"empty variable", []string{"MILLRACE_REGION="}, nil, "eu-file-1", configFile},
		{"unknown variable", []string{"MILLRACE_REIGN=x", "MILLRACE_VPC=vpc-1"}, nil, "eu-file-1", configFile},
		{"flag", []string{"MILLRACE_REGION=eu-var-1"}, []string{"--region", "eu-flag-1"}, "eu-flag-1", "flag"},
		{"named file", []string{"MILLRACE_CONFIG=/dev/null"}, nil, "us-east-1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile(configFile, []byte(file), 0o600); err != nil {
				t.Fatal(err)
			}
			a := &app{env: parseEnv(c.env), sources: map[string]string{}}
			root := a.root()
			var region string
			dev, _, err := root.Find([]string{"dev"})
			if err != nil {
				t.Fatal(err)
			}
			dev.RunE = func(cmd *cobra.Command, _ []string) (err error) {
				region, err = cmd.Flags().GetString("region")
				return err
			}
			root.SetArgs(append([]string{"dev"}, c.args...))
			if err := root.Execute(); err != nil {
				t.Fatal(err)
			}
			if region != c.region || a.sources["region"] != c.source {
				t.Errorf("region %q from %q, want %q from %q", region, a.sources["region"], c.region, c.source)
			}
		})
	}
}

func TestSettingsFileIsChecked(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"unknown key", "reigon: x\n", `unknown setting "reigon"`},
		{"config in the file", "config: x\n", `unknown setting "config"`},
		{"many values", "region: [a, b]\n", "region must be one value"},
		{"bad value", "timeout: soon\n", `"soon" is no value for timeout`},
		{"no mapping", "- a\n", configFile},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, configFile), []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := run(t, dir, nil, "wait")
			if code != exitUsage || !strings.Contains(stderr, c.want) {
				t.Errorf("exit %d, stderr %q; want exit 2 and %q", code, stderr, c.want)
			}
		})
	}
}

// dataDir is a data directory as a server at endpoint leaves it.
func dataDir(t *testing.T, env map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	data, err := json.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, environmentFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestEnvSurvivesTheShell(t *testing.T) {
	want := map[string]string{
		"AWS_ENDPOINT_URL":  "http://127.0.0.1:4566",
		"JAVA_TOOL_OPTIONS": "-Da=b -Dc='d e'",
		"MILLRACE_CA_PEM":   "/it's $HOME/`x`/\"ca\".pem\n",
	}
	dir := dataDir(t, want)
	code, exports, stderr := run(t, "", nil, "env", "--data-dir", dir)
	if code != exitOK {
		t.Fatal(stderr)
	}
	for name, value := range want {
		cmd := exec.Command("/bin/sh", "-c", exports+`printf %s "$`+name+`"`)
		got, err := cmd.Output()
		if err != nil || string(got) != value {
			t.Errorf("%s is %q after eval (%v), want %q", name, got, err, value)
		}
	}
	code, stdout, _ := run(t, "", []string{"MILLRACE_DATA_DIR=" + dir}, "env", "--json")
	var got map[string]string
	if err := json.Unmarshal([]byte(stdout), &got); code != exitOK || err != nil || got["MILLRACE_CA_PEM"] != want["MILLRACE_CA_PEM"] {
		t.Errorf("exit %d, %v: %q", code, err, stdout)
	}
}

func TestWithoutAServer(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	dir := dataDir(t, map[string]string{"AWS_ENDPOINT_URL": gone.URL})
	for _, args := range [][]string{
		{"env"}, {"env", "--hosts"}, {"status"}, {"topic", "list"}, {"broker", "list"}, {"wait", "--timeout", "1ms"},
		{"status", "--data-dir", dir}, {"wait", "--timeout", "1ms", "--data-dir", dir},
	} {
		code, stdout, stderr := run(t, "", nil, args...)
		if code != exitNotReady || stdout != "" || !strings.Contains(stderr, "millrace") {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want exit 3", args, code, stdout, stderr)
		}
	}
}

func TestWaitAsksUntilTheServerRuns(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		status := "starting"
		if asked > 1 {
			status = "running"
		}
		_ = json.NewEncoder(w).Encode(health{Status: status})
	}))
	defer server.Close()
	// As after eval "$(millrace env)", with no data directory at hand.
	env := []string{"AWS_ENDPOINT_URL=" + server.URL, "MILLRACE_CA_PEM=/ca.pem"}
	if code, _, stderr := run(t, "", env, "wait", "--timeout", "30s"); code != exitOK || asked != 2 {
		t.Errorf("exit %d after %d questions: %s", code, asked, stderr)
	}
}

func TestStoppedWaitIsNotReady(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if code := Main(ctx, "v0", []string{"wait"}, nil, strings.NewReader(""), &out, &out); code != exitNotReady {
		t.Errorf("exit %d: %s", code, &out)
	}
}

func TestLineRecord(t *testing.T) {
	for _, c := range []struct{ line, separator, key, value string }{
		{"a:b:c", ":", "a", "b:c"},
		{"a:b", "", "", "a:b"},
		{"ab", ":", "", "ab"},
		{"", ":", "", ""},
	} {
		r := lineRecord(c.line, c.separator)
		if string(r.Key) != c.key || string(r.Value) != c.value || r.Value == nil {
			t.Errorf("%q: key %q, value %q", c.line, r.Key, r.Value)
		}
	}
}

func TestFlights(t *testing.T) {
	records, err := loadFlights()
	if err != nil || len(records) != 20000 {
		t.Fatalf("%d flights, %v", len(records), err)
	}
	result := &streamResult{airports: map[string]*airport{}}
	for _, r := range records {
		result.learn(r)
	}
	if len(result.airports) != 59 || len(result.latest(3)) != 3 {
		t.Errorf("%d airports", len(result.airports))
	}
}

func TestPercentile(t *testing.T) {
	ms := time.Millisecond
	values := []time.Duration{4 * ms, ms, 3 * ms, 2 * ms}
	if percentile(values, 50) != 2*ms || percentile(values, 99) != 4*ms || percentile(nil, 50) != 0 {
		t.Errorf("p50 %s, p99 %s", percentile(values, 50), percentile(values, 99))
	}
}

func TestEphemeralServerLeavesNothing(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Chdir(t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	words, log := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, "v0", []string{"dev", "--ephemeral", "--listen", "127.0.0.1:0"}, nil, strings.NewReader(""), io.Discard, log)
		log.Close()
	}()
	lines := bufio.NewScanner(words)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			dirs, err := filepath.Glob(filepath.Join(tmp, "millrace-*", environmentFile))
			if err != nil || len(dirs) != 1 {
				t.Errorf("%v, %v: want one data directory", dirs, err)
			}
			stop()
		}
	}
	if got := <-code; got != exitOK {
		t.Errorf("exit %d", got)
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) != 0 {
		t.Errorf("%v, %v: want nothing left", left, err)
	}
}
