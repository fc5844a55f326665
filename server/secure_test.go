package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/sasl"
	"github.com/millrace/millrace/pki"
	"github.com/millrace/millrace/vfs"
)

// secureConfig is a secure server's in a directory of its own.
func secureConfig(dir string) Config {
	return Config{
		DataDir: dir, Listen: "127.0.0.1:0", AdvertiseHost: "localhost", BrokerPorts: os.Getenv(portsVariable), Audit: true,
		Secure: &Secure{Names: []string{"127.0.0.1", "kafka.test"}}, Log: slog.New(slog.DiscardHandler), RebalanceDelay: new(time.Duration), Version: "v9",
	}
}

// startSecure runs a server until stop.
func startSecure(t *testing.T, cfg Config) (s *System, stop func()) {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Began()
	return s, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func roots(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(data)
	return pool
}

// handshake is the server's certificate, as a client with these settings gets it.
func handshake(s *System, c *tls.Config) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", s.Address(), c)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// TestSecureServer: HTTPS alone, by the own authority's certificate for every
// name, and no weak TLS.
func TestSecureServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s, stop := startSecure(t, secureConfig(dir))
	defer stop()
	pool := roots(t, s.pki.CAFile())
	for _, name := range []string{"localhost", "127.0.0.1", "kafka.test"} {
		if _, err := handshake(s, &tls.Config{RootCAs: pool, ServerName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for what, c := range map[string]*tls.Config{
		"another name":          {RootCAs: pool, ServerName: "other.test"},
		"TLS 1.1":               {RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"CBC":                   {RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}},
		"without forward":       {RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}},
		"without authority":     {ServerName: "localhost"},
		"an insecure old suite": {RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}},
	} {
		if _, err := handshake(s, c); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
	for _, suite := range suites[:1] {
		if _, err := handshake(s, &tls.Config{RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}); err != nil {
			t.Errorf("suite %x: %v", suite, err)
		}
	}
	resp, err := http.Get("http://" + s.Address() + "/_millrace/health")
	if err == nil {
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadRequest || strings.Contains(string(body), "running") {
			t.Errorf("plain HTTP: %s %s", resp.Status, body)
		}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	resp, err = client.Get("https://" + strings.Replace(s.Address(), "127.0.0.1", "localhost", 1) + "/_millrace/health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if own, err := client.Get("https://" + strings.Replace(s.Address(), "127.0.0.1", "localhost", 1) + metricsPath); err != nil || own.StatusCode != http.StatusUnauthorized {
		t.Errorf("the server's own metrics: %+v, %v", own, err)
	} else {
		own.Body.Close()
	}
	if body, _ := io.ReadAll(resp.Body); resp.Proto != "HTTP/1.1" || !strings.Contains(string(body), "running") || strings.Contains(string(body), "v9") {
		t.Errorf("%s %s", resp.Proto, body)
	}
}

// TestRootCredentialIsWrittenOnce: into a file of its own, at the first start,
// and nowhere else.
func TestRootCredentialIsWrittenOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s, stop := startSecure(t, secureConfig(dir))
	secret := s.rootSecret()
	stop()
	file := filepath.Join(dir, RootCredentialsFile)
	data, err := os.ReadFile(file)
	info, statErr := os.Stat(file)
	if err != nil || statErr != nil || info.Mode().Perm() != secretMode || !strings.Contains(string(data), secret) || !strings.HasPrefix(string(data), "[default]\n") {
		t.Errorf("%v, %v, %s", err, info, data)
	}
	env, err := os.ReadFile(filepath.Join(dir, EnvironmentFile))
	if err != nil || strings.Contains(string(env), secret) || !strings.Contains(string(env), `"AWS_ENDPOINT_URL": "https://localhost:`) || !strings.Contains(string(env), "AWS_CA_BUNDLE") {
		t.Errorf("%v, %s", err, env)
	}
	if err := os.Remove(file); err != nil { // moved to a safe place
		t.Fatal(err)
	}
	_, stop = startSecure(t, secureConfig(dir))
	stop()
	if _, err := os.Stat(file); err == nil {
		t.Error("the second start writes it again")
	}
}

// TestModesAreChecked: what others may read is refused, with the fix.
func TestModesAreChecked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	_, stop := startSecure(t, secureConfig(dir))
	stop()
	for _, c := range []struct {
		name  string
		mode  fs.FileMode
		right fs.FileMode
	}{
		{".", 0o750, 0o700}, {".", 0o701, 0o700}, {"state.db", 0o640, 0o600}, {EnvironmentFile, 0o604, 0o600}, {RootCredentialsFile, 0o644, 0o600},
		{"pki/ca-key.pem", 0o640, 0o600}, {AuditDir + "/" + audit.KeyFile, 0o660, 0o600}, {AuditDir + "/head", 0o622, 0o600},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		s, err := New(secureConfig(dir))
		if err == nil {
			s.close()
			t.Errorf("%s with mode %o is accepted", c.name, c.mode)
		} else if want := "chmod " + map[fs.FileMode]string{0o700: "700 ", 0o600: "600 "}[c.right] + path; !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not name %q", c.name, err, want)
		}
		if err := os.Chmod(path, c.right); err != nil {
			t.Fatal(err)
		}
	}
	_, stop = startSecure(t, secureConfig(dir)) // all is well again
	stop()
	if _, err := audit.Verify(vfs.OS, filepath.Join(dir, AuditDir), audit.Options{}); err != nil {
		t.Error(err)
	}
}

func TestSecureNeedsExplicitAddresses(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"--listen":             func(c *Config) { c.Listen = "" },
		"--advertise-host":     func(c *Config) { c.AdvertiseHost = "" },
		"is not a host name":   func(c *Config) { c.Secure.Names = []string{"http://x"} },
		"--tls-cert and --tls": func(c *Config) { c.Secure.CertFile = "x" },
		"the API's":            func(c *Config) { c.Secure.CertFile, c.Secure.KeyFile = "none.pem", "none.key" },
	} {
		cfg := secureConfig(filepath.Join(t.TempDir(), "data"))
		change(&cfg)
		if s, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
			if s != nil {
				s.close()
			}
		}
	}
}

// writePair writes a certificate and its key for a name, by an authority of its
// own, and returns that one's file.
func writePair(t *testing.T, dir, name string) (ca string) {
	t.Helper()
	a, err := pki.Open(t.TempDir(), time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := a.ServerCertificate([]string{name}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var chain []byte
	for _, der := range pair.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	for file, data := range map[string][]byte{"cert.pem": chain, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})} {
		if err := writeFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return a.CAFile()
}

// TestCertificateIsReplacedWhileRunning: a good one at once, a bad one never.
func TestCertificateIsReplacedWhileRunning(t *testing.T) {
	files := t.TempDir()
	first := writePair(t, files, "localhost")
	cfg := secureConfig(filepath.Join(t.TempDir(), "data"))
	cfg.Secure.CertFile, cfg.Secure.KeyFile = filepath.Join(files, "cert.pem"), filepath.Join(files, "key.pem")
	s, stop := startSecure(t, cfg)
	defer stop()
	trusts := func(ca string) bool {
		_, err := handshake(s, &tls.Config{RootCAs: roots(t, ca), ServerName: "localhost"})
		return err == nil
	}
	if !trusts(first) {
		t.Fatal("the given certificate is not used")
	}
	second := writePair(t, files, "localhost")
	s.Reload()
	if !trusts(second) || trusts(first) {
		t.Error("the certificate is not replaced")
	}
	for _, damage := range []func(){
		func() { _ = os.WriteFile(cfg.Secure.CertFile, []byte("nonsense"), 0o600) },
		func() { writePair(t, files, "localhost"); _ = os.Chmod(cfg.Secure.KeyFile, 0o644) },
		func() { _ = os.Remove(cfg.Secure.KeyFile) },
	} {
		damage()
		s.Reload()
		if !trusts(second) {
			t.Error("a bad certificate has replaced a good one")
		}
	}
	if env, _ := os.ReadFile(filepath.Join(cfg.DataDir, EnvironmentFile)); strings.Contains(string(env), "AWS_CA_BUNDLE") {
		t.Error("clients are told to trust the wrong authority")
	}
}

// TestConnectionsAreLimited: of one address, and a closed one makes room.
func TestConnectionsAreLimited(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(inner)
	defer l.Close()
	peer := netip.MustParseAddr("192.0.2.1")
	for range maxConnectionsFrom {
		if !l.take(peer) {
			t.Fatal("refused below the limit")
		}
	}
	if l.take(peer) {
		t.Error("accepted beyond the limit")
	}
	l.give(peer)
	if !l.take(peer) {
		t.Error("a closed connection leaves no room")
	}
	for range maxConnectionsFrom {
		l.give(peer)
	}
	if l.all != 0 || len(l.from) != 0 {
		t.Errorf("%d connections of %d addresses are left", l.all, len(l.from))
	}
}

func TestRefusalsOnRecord(t *testing.T) {
	const arn = "arn:aws:kafka:us-east-1:000000000000:cluster/c/u-1"
	e := refusalEvent(listener.Refusal{
		Session: &listener.Session{Identity: sasl.Identity{Type: "User", Name: "alice"}}, API: "Produce", ClientID: "app", Denied: 2,
		Operation: listener.Operation{Op: listener.Write, Resource: listener.Topic, Name: "orders"},
	}, arn, "us-east-1")
	if e.ErrorCode != "AccessDenied" || e.Name != "Produce" || e.Account != "000000000000" || e.Identity.UserName != "alice" ||
		e.ErrorMessage != "User:alice is not authorized to perform kafka-cluster:WriteData on arn:aws:kafka:us-east-1:000000000000:topic/c/u-1/orders" ||
		!strings.Contains(string(e.Additional), `"resource":"orders"`) {
		t.Errorf("%+v %s", e, e.Additional)
	}
	e = refusalEvent(listener.Refusal{API: "SaslAuthenticate", Mechanism: "SCRAM-SHA-512", User: "bob", Reason: "wrong"}, arn, "us-east-1")
	if e.ErrorCode != "AuthenticationFailed" || e.Identity.UserName != "bob" || e.ErrorMessage != "wrong" {
		t.Errorf("%+v", e)
	}
}
