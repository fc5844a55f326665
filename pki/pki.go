// Package pki is the server's own certificate authority: one ECDSA P-256 CA
// kept in a directory, the server certificates it signs, and the two files that
// clients need to trust it: the CA as PEM, and a PKCS #12 trust store for JVMs
// that holds the JVM's usual roots too. The server package calls it. It never
// listens, never signs for clients, and keeps no certificate but the CA's own
// on disk.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	keyFile        = "ca-key.pem"
	certFile       = "ca.pem"
	trustStoreFile = "truststore.p12"

	// trustStorePassword is the JVM's own default. A trust store holds nothing
	// secret: the password guards its integrity alone.
	trustStorePassword = "changeit"

	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 825 * 24 * time.Hour // the most that Apple's TLS stack accepts
	renewIn  = 90 * 24 * time.Hour  // a cached certificate with less left is issued anew
	backdate = time.Hour            // for clients whose clock is behind

	maxCached  = 4096 // certificates in memory; the cache starts over beyond it
	maxNames   = 256  // of one certificate
	maxCNBytes = 64   // X.520 ub-common-name
)

// Authority is a certificate authority. It is safe for concurrent use.
type Authority struct {
	dir    string
	random io.Reader
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate

	mu     sync.Mutex
	issued map[string]tls.Certificate // by sorted names
}

// Open loads the authority kept in dir, or makes dir and a new authority at
// first start. random supplies keys and serial numbers.
func Open(dir string, now time.Time, random io.Reader) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("pki: make the directory: %w", err)
	}
	a := &Authority{dir: dir, random: random, issued: map[string]tls.Certificate{}}
	err := a.load(now)
	if errors.Is(err, fs.ErrNotExist) {
		err = a.create(now)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// CAFile is the path of the CA's certificate as PEM.
func (a *Authority) CAFile() string { return filepath.Join(a.dir, certFile) }

// TrustStoreFile is the path of the PKCS #12 trust store.
func (a *Authority) TrustStoreFile() string { return filepath.Join(a.dir, trustStoreFile) }

// TrustStorePassword opens the trust store.
func (a *Authority) TrustStorePassword() string { return trustStorePassword }

// load reads the authority; fs.ErrNotExist says that there is none yet. The
// certificate is written last, so without it there never was an authority.
func (a *Authority) load(now time.Time) error {
	der, err := readPEM(a.CAFile(), "CERTIFICATE")
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("pki: %s: %w", a.CAFile(), err)
	}
	path := filepath.Join(a.dir, keyFile)
	if der, err = readPEM(path, "EC PRIVATE KEY"); err != nil {
		// Hides fs.ErrNotExist: a CA that clients trust is never replaced silently.
		return fmt.Errorf("pki: the CA certificate has no usable key: %v; remove %s to make a new authority", err, a.dir)
	}
	if a.key, err = x509.ParseECPrivateKey(der); err != nil {
		return fmt.Errorf("pki: %s: %w", path, err)
	}
	if !a.key.PublicKey.Equal(a.cert.PublicKey) {
		return fmt.Errorf("pki: key and certificate in %s do not belong together; remove the directory to make a new authority", a.dir)
	}
	if now.After(a.cert.NotAfter) {
		return fmt.Errorf("pki: the CA expired on %s; remove %s to make a new authority", a.cert.NotAfter.Format(time.DateOnly), a.dir)
	}
	return nil
}

// create makes key and certificate and writes them, the certificate last.
func (a *Authority) create(now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), a.random)
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	serial, err := a.serial()
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{"Millrace"}, CommonName: fmt.Sprintf("Millrace local CA %08x", serial.Uint64()>>32)},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(a.random, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	a.key = key
	return a.write(der)
}

func (a *Authority) write(der []byte) error {
	// A trust store that an earlier authority left would hide the new one.
	if err := os.Remove(a.TrustStoreFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("pki: %w", err)
	}
	keyDER, err := x509.MarshalECPrivateKey(a.key)
	if err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	if err := writeFile(filepath.Join(a.dir, keyFile), block, 0o600); err != nil {
		return err
	}
	return writeFile(a.CAFile(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// ServerCertificate is a certificate, with its key, for a server reached by
// names: DNS names and IP addresses, at least one. It is valid for at most 825
// days; the same names get the same certificate until it is nearly over.
func (a *Authority) ServerCertificate(names []string, now time.Time) (tls.Certificate, error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	if len(sorted) == 0 || len(sorted) > maxNames {
		return tls.Certificate{}, fmt.Errorf("pki: a certificate needs 1 to %d names, not %d", maxNames, len(sorted))
	}
	id := strings.Join(sorted, "\n")
	a.mu.Lock()
	defer a.mu.Unlock()
	if c, ok := a.issued[id]; ok && now.Add(renewIn).Before(c.Leaf.NotAfter) && now.After(c.Leaf.NotBefore) {
		return c, nil
	}
	c, err := a.issue(names[0], sorted, now)
	if err != nil {
		return tls.Certificate{}, err
	}
	if len(a.issued) >= maxCached {
		clear(a.issued)
	}
	a.issued[id] = c
	return c, nil
}

func (a *Authority) issue(first string, names []string, now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), a.random)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("pki: %w", err)
	}
	serial, err := a.serial()
	if err != nil {
		return tls.Certificate{}, err
	}
	start := now.Add(-backdate)
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"Millrace"}},
		NotBefore:    start,
		NotAfter:     start.Add(leafLife - time.Second), // both ends count
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	if len(first) <= maxCNBytes {
		template.Subject.CommonName = first
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(a.random, template, a.cert, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("pki: certificate for %s: %w", first, err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("pki: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// serial is a positive random serial number of 127 bits (RFC 5280, 4.1.2.2).
func (a *Authority) serial() (*big.Int, error) {
	var b [16]byte
	if _, err := io.ReadFull(a.random, b[:]); err != nil {
		return nil, fmt.Errorf("pki: randomness: %w", err)
	}
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b[:]), nil
}
