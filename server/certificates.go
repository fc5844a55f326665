package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/pki"
)

// suites are the TLS 1.2 cipher suites with forward secrecy and authenticated
// encryption; those of TLS 1.3 all have both.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// serverTLS is how every listener of the server speaks TLS. get is asked at
// every handshake, so that a certificate can be replaced.
func serverTLS(get func() (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: suites,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return get() },
	}
}

// issuer gets a certificate for names from the server's own authority, a new one
// when the last is nearly over.
func issuer(authority *pki.Authority, names []string) func() (*tls.Certificate, error) {
	return func() (*tls.Certificate, error) {
		c, err := authority.ServerCertificate(names, time.Now())
		return &c, err
	}
}

// certificateFiles is a certificate that is kept in files by somebody else, who
// replaces them when it ends.
type certificateFiles struct {
	cert, key string
	log       *slog.Logger
	current   atomic.Pointer[tls.Certificate]
	seen      atomic.Pointer[[2]fileStamp] // of current, or of files that could not be read
}

// fileStamp tells whether a file has changed.
type fileStamp struct {
	modified time.Time
	size     int64
}

// certificateInterval is how often the files are looked at.
const certificateInterval = 5 * time.Second

// openCertificate reads the files, whose key nobody else may read.
func openCertificate(cert, key string, log *slog.Logger) (*certificateFiles, error) {
	c := &certificateFiles{cert: cert, key: key, log: log}
	return c, c.load()
}

func (c *certificateFiles) get() (*tls.Certificate, error) { return c.current.Load(), nil }

func (c *certificateFiles) stamps() (out [2]fileStamp, err error) {
	for i, name := range []string{c.cert, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return out, err
		}
		out[i] = fileStamp{info.ModTime(), info.Size()}
	}
	return out, nil
}

// load takes the files' certificate if it is good, and otherwise keeps the one
// before.
func (c *certificateFiles) load() error {
	stamps, err := c.stamps()
	if err != nil {
		return fmt.Errorf("the API's certificate: %w", err)
	}
	c.seen.Store(&stamps)
	if err := checkMode(c.key, secretMode); err != nil {
		return fmt.Errorf("the API's key: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("the API's certificate: %w", err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return fmt.Errorf("the API's certificate: %w", err)
		}
	}
	if now := time.Now(); now.After(pair.Leaf.NotAfter) {
		return fmt.Errorf("the API's certificate %s ended on %s", c.cert, pair.Leaf.NotAfter.Format(time.RFC3339))
	}
	c.current.Store(&pair)
	return nil
}

// watch loads the files again when they have changed, until ctx ends.
func (c *certificateFiles) watch(ctx context.Context) {
	tick := time.NewTicker(certificateInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		stamps, err := c.stamps()
		if err != nil || stamps == *c.seen.Load() { // a file that is just being replaced comes back
			continue
		}
		c.reload()
	}
}

// reload is load that says what came of it.
func (c *certificateFiles) reload() {
	if err := c.load(); err != nil {
		c.log.Error("the certificate is not replaced", "error", err)
		return
	}
	c.log.Warn("the certificate is replaced", "file", c.cert, "ends", c.current.Load().Leaf.NotAfter)
}
