package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestServeUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"--listen HOST:PORT is needed": {"serve"},
		"--advertise-host is needed":   {"serve", "--listen", "127.0.0.1:0"},
		"belong together":              {"serve", "--listen", "127.0.0.1:0", "--advertise-host", "h", "--tls-cert", "x"},
		"unknown flag: --ephemeral":    {"serve", "--ephemeral"},
		"unexpected argument":          {"audit", "verify", "a", "b"},
		"there is no audit log":        {"audit", "verify"},
		"--public-key":                 {"audit", "verify", "--public-key", "none"},
		"must not be negative":         {"audit", "show", "--last", "-1"},
		"no server has run":            {"trust"},
	} {
		if code, _, stderr := run(t, "", nil, args...); code == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d, %q; want %q", args, code, stderr, want)
		}
	}
}

// lockedText is what a running command prints.
type lockedText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestServe: the service manager is told, clients find the server, and no secret
// is printed.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	hear := func(want string) {
		t.Helper()
		_ = manager.SetReadDeadline(time.Now().Add(20 * time.Second))
		buf := make([]byte, 512)
		n, err := manager.Read(buf)
		if err != nil || !strings.HasPrefix(string(buf[:n]), want) {
			t.Fatalf("the manager hears %q, %v; want %q", buf[:n], err, want)
		}
	}
	if err := os.WriteFile(configFile, []byte("advertise-host: localhost,127.0.0.1\nlisten: 127.0.0.1:0\nlog-level: debug\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, log lockedText
	ended := make(chan int, 1)
	env := []string{"HOME=" + dir, "NOTIFY_SOCKET=" + filepath.Join(dir, "notify")}
	go func() { ended <- Main(ctx, "v0", []string{"serve"}, env, strings.NewReader(""), &out, &log) }()
	hear("READY=1\nSTATUS=serving 127.0.0.1:")

	credentials, err := os.ReadFile(filepath.Join(defaultDataDir, "root-credentials"))
	if err != nil {
		t.Fatal(err)
	}
	client := []string{"HOME=" + dir}
	secret := ""
	for line := range strings.Lines(string(credentials)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok {
			client = append(client, strings.ToUpper(name)+"="+value)
			secret = value
		}
	}
	if code, stdout, stderr := run(t, dir, client, "wait"); code != exitOK {
		t.Errorf("wait: %d %s %s", code, stdout, stderr)
	}
	if code, stdout, stderr := run(t, dir, client, "status"); code != exitOK || !strings.Contains(stdout, "https://localhost:") {
		t.Errorf("status: %d %s %s", code, stdout, stderr)
	}
	if _, stdout, _ := run(t, dir, nil, "env"); strings.Contains(stdout, secret) || !strings.Contains(stdout, "AWS_CA_BUNDLE") {
		t.Errorf("env: %s", stdout)
	}
	_, ca, _ := run(t, dir, nil, "trust")
	_, fingerprint, _ := run(t, dir, nil, "trust", "--fingerprint")
	block, _ := pem.Decode([]byte(ca))
	if block == nil || strings.TrimSpace(fingerprint) != strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(block.Bytes)), " ", ":") {
		t.Errorf("trust: %s %s", ca, fingerprint)
	}
	// A call that is refused is on record.
	bad := append(client[:2:2], "AWS_SECRET_ACCESS_KEY=wrong")
	if code, _, _ := run(t, dir, bad, "status"); code == exitOK {
		t.Error("a wrong secret works")
	}
	stop()
	hear("STOPPING=1")
	if code := <-ended; code != exitOK {
		t.Errorf("exit %d: %s", code, log.String())
	}
	if text := out.String() + log.String(); strings.Contains(text, secret) {
		t.Error("the root secret is printed")
	}
	code, stdout, stderr := run(t, dir, nil, "audit", "verify")
	if code != exitOK || !strings.Contains(stdout, "records (1 to ") || strings.Contains(stdout, "not sealed") {
		t.Errorf("audit verify: %d %s %s", code, stdout, stderr)
	}
	code, stdout, stderr = run(t, dir, nil, "audit", "show", "--last", "1")
	if code != exitOK || !strings.Contains(stdout, "InvalidSignature") || strings.Count(stdout, "\n") != 1 {
		t.Errorf("audit show: %d %q %s", code, stdout, stderr)
	}
	_, stdout, _ = run(t, dir, nil, "audit", "show", "--json")
	var record struct{ EventVersion string }
	if err := json.Unmarshal([]byte(strings.SplitN(stdout, "\n", 2)[0]), &record); err != nil || record.EventVersion == "" {
		t.Errorf("audit show --json: %v, %s", err, stdout)
	}
	files, _ := filepath.Glob(filepath.Join(defaultDataDir, "audit", "*.jsonl"))
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := run(t, dir, nil, "audit", "verify"); code != exitFailed || !strings.Contains(stderr, "BROKEN at "+filepath.Base(files[0])) {
		t.Errorf("audit verify of a changed log: %d %s", code, stderr)
	}
}

// TestSystemdUnit checks the unit with systemd's own parser where there is one,
// and in any case that it is hardened and fits the command.
func TestSystemdUnit(t *testing.T) {
	unit, err := filepath.Abs("../contrib/systemd/millrace.service")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Errorf("not a setting: %q", line)
		}
		if settings[name] == "" {
			settings[name] = value
		}
	}
	for name, want := range map[string]string{
		"Type": "notify", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateDevices": "yes", "StateDirectory": "millrace",
		"StateDirectoryMode": "0700", "CapabilityBoundingSet": "", "MemoryDenyWriteExecute": "yes", "UMask": "0077", "ExecReload": "/bin/kill -HUP $MAINPID",
	} {
		if got, ok := settings[name]; !ok || got != want {
			t.Errorf("%s=%q, want %q", name, got, want)
		}
	}
	if settings["LimitNOFILE"] == "" {
		t.Error("no LimitNOFILE")
	}
	a := &app{env: map[string]string{}, sources: map[string]string{}}
	words := strings.Fields(settings["ExecStart"])
	cmd, rest, err := a.root().Find(words[1:])
	if err != nil || cmd.Name() != "serve" || cmd.ParseFlags(rest) != nil {
		t.Errorf("ExecStart %q is no command: %v", settings["ExecStart"], err)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd-analyze is not installed: only parsed here")
		return
	}
	// The binary need not be installed where the unit says.
	here := strings.Replace(string(data), words[0], "/bin/true", 1)
	copied := filepath.Join(t.TempDir(), "millrace.service")
	if err := os.WriteFile(copied, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", copied).CombinedOutput(); err != nil || strings.Contains(string(out), "millrace.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
