package pki_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/millrace/millrace/pki"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// private keeps the machine's own JVM out of a test.
func private(t *testing.T) string {
	t.Helper()
	t.Setenv("JAVA_HOME", "")
	t.Setenv("PATH", "")
	return filepath.Join(t.TempDir(), "pki")
}

func open(t *testing.T, dir string) *pki.Authority {
	t.Helper()
	a, err := pki.Open(dir, noon, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.KeepTrustStore(); err != nil {
		t.Fatal(err)
	}
	return a
}

func pool(t *testing.T, path string) *x509.CertPool {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(data) {
		t.Fatalf("%s holds no certificate", path)
	}
	return p
}

func TestAuthorityOutlivesARestart(t *testing.T) {
	dir := private(t)
	first := open(t, dir)
	trusted := pool(t, first.CAFile())
	info, err := os.Stat(filepath.Join(dir, "ca-key.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key's mode is %v (%v), want 0600", info.Mode(), err)
	}

	cert, err := open(t, dir).ServerCertificate([]string{"b-1.example.test", "127.0.0.1"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b-1.example.test", "127.0.0.1"} {
		_, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: trusted, DNSName: name, CurrentTime: noon})
		if err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
	if life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore); life > 825*24*time.Hour {
		t.Errorf("valid for %v, want at most 825 days", life)
	}
}

func TestHandshake(t *testing.T) {
	a := open(t, private(t))
	cert, err := a.ServerCertificate([]string{"localhost"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return noon }
	left, right := net.Pipe()
	defer left.Close()
	defer right.Close()
	go tls.Server(left, &tls.Config{Certificates: []tls.Certificate{cert}, Time: now}).Handshake()
	client := tls.Client(right, &tls.Config{RootCAs: pool(t, a.CAFile()), ServerName: "localhost", Time: now})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
}

func TestCertificatesAreKeptWhileTheyLast(t *testing.T) {
	a := open(t, private(t))
	issue := func(now time.Time, names ...string) string {
		c, err := a.ServerCertificate(names, now)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.String()
	}
	first := issue(noon, "a", "b")
	if issue(noon.Add(time.Hour), "b", "a") != first {
		t.Error("the same names got another certificate")
	}
	if issue(noon, "a") == first {
		t.Error("other names got the same certificate")
	}
	if issue(noon.Add(800*24*time.Hour), "a", "b") == first {
		t.Error("a certificate that is nearly over was not issued anew")
	}
	if _, err := a.ServerCertificate(nil, noon); err == nil {
		t.Error("a certificate without names was issued")
	}
}

func TestTrustStoreHoldsTheJVMsRootsAndOurs(t *testing.T) {
	dir := private(t)
	home := t.TempDir()
	other := open(t, filepath.Join(home, "other"))
	cacerts := filepath.Join(home, "lib", "security", "cacerts")
	if err := os.MkdirAll(filepath.Dir(cacerts), 0o700); err != nil {
		t.Fatal(err)
	}
	pemData, err := os.ReadFile(other.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(pemData)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	data, err := pkcs12.Passwordless.EncodeTrustStore([]*x509.Certificate{root}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cacerts, data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JAVA_HOME", home)

	a := open(t, dir)
	data, err = os.ReadFile(a.TrustStoreFile())
	if err != nil {
		t.Fatal(err)
	}
	certs, err := pkcs12.DecodeTrustStore(data, a.TrustStorePassword())
	if err != nil {
		t.Fatal(err)
	}
	if len(certs) != 2 || !certs[1].Equal(root) {
		t.Fatalf("%d certificates, want Millrace's CA and the JVM's one root", len(certs))
	}
}

func TestDamageIsNamed(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no key":     func(dir string) error { return os.Remove(filepath.Join(dir, "ca-key.pem")) },
		"not a cert": func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("x"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := private(t)
			open(t, dir)
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := pki.Open(dir, noon, rand.Reader); err == nil {
				t.Fatal("opened")
			}
		})
	}
	dir := private(t)
	open(t, dir)
	if _, err := pki.Open(dir, noon.Add(11*365*24*time.Hour), rand.Reader); err == nil {
		t.Fatal("an expired authority opened")
	}
}
