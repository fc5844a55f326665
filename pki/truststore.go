package pki

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	keystore "github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// systemRoots are where systems keep their roots as PEM: Debian and Alpine,
// Fedora, macOS and BSD.
var systemRoots = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/cert.pem",
}

// KeepTrustStore writes the trust store unless it is there. It takes longer than
// all of Open, and may run beside everything else.
func (a *Authority) KeepTrustStore() error {
	if _, err := os.Stat(a.TrustStoreFile()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return a.writeTrustStore()
}

// writeTrustStore writes a trust store with the JVM's roots and the CA: a JVM
// that is given a trust store uses it in place of its own, and must still reach
// the rest of the world.
//
// The encoding is the older PKCS #12 one (3DES, SHA-1 MAC): Java 8 and Java
// before 11.0.12 read no other, and there is no secret in it.
func (a *Authority) writeTrustStore() error {
	entries := []pkcs12.TrustStoreEntry{{Cert: a.cert, FriendlyName: "millrace"}}
	for _, cert := range roots(javaRoots(), systemRoots) {
		sum := sha256.Sum256(cert.Raw)
		// Aliases must differ, or Java keeps the last of them alone.
		entries = append(entries, pkcs12.TrustStoreEntry{Cert: cert, FriendlyName: "root-" + hex.EncodeToString(sum[:8])})
	}
	data, err := pkcs12.LegacyDES.WithRand(a.random).EncodeTrustStoreEntries(entries, trustStorePassword)
	if err != nil {
		return fmt.Errorf("pki: trust store: %w", err)
	}
	return writeFile(a.TrustStoreFile(), data, 0o644)
}

// roots is the certificates of the first file that holds any; none when no
// file does, for roots are a courtesy and the CA is what must be trusted.
func roots(paths ...[]string) []*x509.Certificate {
	for _, path := range slices.Concat(paths...) {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if certs := parseRoots(data); len(certs) > 0 {
			return certs
		}
	}
	return nil
}

// javaRoots are where the JVM in use keeps its roots.
func javaRoots() []string {
	var out []string
	if home := os.Getenv("JAVA_HOME"); home != "" {
		out = append(out, filepath.Join(home, "lib", "security", "cacerts"), filepath.Join(home, "jre", "lib", "security", "cacerts"))
	}
	if java, err := exec.LookPath("java"); err == nil {
		if java, err = filepath.EvalSymlinks(java); err == nil {
			out = append(out, filepath.Join(filepath.Dir(filepath.Dir(java)), "lib", "security", "cacerts"))
		}
	}
	return out
}

// parseRoots reads a JKS or PKCS #12 trust store or a PEM bundle. What cannot
// be read is left out.
func parseRoots(data []byte) []*x509.Certificate {
	switch {
	case bytes.HasPrefix(data, []byte{0xfe, 0xed, 0xfe, 0xed}):
		return parseJKS(data)
	case bytes.HasPrefix(data, []byte{0x30}):
		for _, password := range []string{"", trustStorePassword} {
			if certs, err := pkcs12.DecodeTrustStore(data, password); err == nil {
				return certs
			}
		}
		return nil
	}
	return parsePEM(data)
}

func parseJKS(data []byte) []*x509.Certificate {
	ks := keystore.New(keystore.WithOrderedAliases())
	if ks.Load(bytes.NewReader(data), []byte(trustStorePassword)) != nil {
		return nil
	}
	var out []*x509.Certificate
	for _, alias := range ks.Aliases() {
		if entry, err := ks.GetTrustedCertificateEntry(alias); err == nil {
			out = appendCertificate(out, entry.Certificate.Content)
		}
	}
	return out
}

func parsePEM(data []byte) []*x509.Certificate {
	var out []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			out = appendCertificate(out, block.Bytes)
		}
	}
	return out
}

func appendCertificate(out []*x509.Certificate, der []byte) []*x509.Certificate {
	if cert, err := x509.ParseCertificate(der); err == nil {
		out = append(out, cert)
	}
	return out
}
