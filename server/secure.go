package server

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Secure is what makes a server fit for a network (`millrace serve`): HTTPS and
// nothing else on the API, explicit addresses, checked file modes, no root
// credential in the environment file, and an audit log.
type Secure struct {
	// Names are more names and addresses of this host, beside the advertised
	// one, for the certificate of the server's own authority.
	Names []string
	// CertFile and KeyFile are the API's certificate chain and key as PEM, read
	// again when they change. Without them the server's own authority signs.
	CertFile, KeyFile string
}

// check says what is missing in c for a secure server.
func (c Config) checkSecure() error {
	s := c.Secure
	switch {
	case c.Listen == "":
		return errors.New("--listen HOST:PORT is needed: the address that the API and the brokers listen on, 0.0.0.0 or [::] for all")
	case c.AdvertiseHost == "":
		return errors.New("--advertise-host is needed: the name or address by which clients reach this host")
	case (s.CertFile == "") != (s.KeyFile == ""):
		return errors.New("--tls-cert and --tls-key belong together: give both, or none for a certificate of the server's own authority")
	}
	for _, name := range s.Names {
		if name == "" || strings.ContainsAny(name, "/ ") || strings.Contains(name, ":") && net.ParseIP(name) == nil {
			return fmt.Errorf("--advertise-host %q is not a host name or an address", name)
		}
	}
	return nil
}

// Modes of what a secure server keeps.
const (
	dirMode    fs.FileMode = 0o700
	secretMode fs.FileMode = 0o600
)

// RootCredentialsFile holds the account's root credential as the AWS CLI reads
// it (AWS_SHARED_CREDENTIALS_FILE). A secure server writes it once, at its first
// start, and never reads it.
const RootCredentialsFile = "root-credentials"

// public are the files directly in the data directory, or in one of the
// directories that are looked at, that may be read by all.
var public = map[string]bool{"ca.pem": true, "truststore.p12": true, "key.pub": true}

// checkModes refuses a data directory that others may enter, and files of
// secrets in it that others may read: whatever stands directly in it, and what
// the authority and the audit log keep.
func checkModes(dataDir string) error {
	if err := checkMode(dataDir, dirMode); err != nil {
		return err
	}
	for _, dir := range []string{".", "pki", AuditDir} {
		entries, err := os.ReadDir(filepath.Join(dataDir, dir))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !e.Type().IsRegular() || public[e.Name()] {
				continue
			}
			if err := checkMode(filepath.Join(dataDir, dir, e.Name()), secretMode); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMode refuses what others may use. The error names the fix.
func checkMode(path string, want fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s may be used by others (mode %04o): chmod %o %s", path, info.Mode().Perm(), want, path)
	}
	return nil
}

// writeRootCredentials puts the root credential into its file at the first start
// of a secure server, which is one without an environment file of such a server.
func (s *System) writeRootCredentials() error {
	before, err := os.ReadFile(filepath.Join(s.cfg.DataDir, EnvironmentFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && !bytes.Contains(before, []byte(`"AWS_SECRET_ACCESS_KEY"`)) {
		return nil
	}
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s.root.AccessKeyID, s.rootSecret())
	return writeFile(filepath.Join(s.cfg.DataDir, RootCredentialsFile), []byte(text), secretMode)
}

// rootSecret is the root credential's secret.
func (s *System) rootSecret() string { return s.root.Secret.Reveal() }
