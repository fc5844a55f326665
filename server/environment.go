package server

import (
	"encoding/json"
	"path/filepath"
	"strings"
)

// EnvironmentFile is the file in the data directory that holds the values of
// `millrace env` as one JSON object. It holds the secret key, but for a secure
// server: mode 0600.
const EnvironmentFile = "env.json"

// environment is what a client on this machine needs, by variable name.
type environment map[string]string

func (s *System) environment() environment {
	env := environment{
		"AWS_ENDPOINT_URL":             "http://" + s.apiAddress(),
		"AWS_ACCESS_KEY_ID":            s.root.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":        s.root.Secret.Reveal(),
		"AWS_REGION":                   s.cfg.Region,
		"AWS_DEFAULT_REGION":           s.cfg.Region,
		"MILLRACE_CA_PEM":              s.pki.CAFile(),
		"MILLRACE_TRUSTSTORE":          s.pki.TrustStoreFile(),
		"MILLRACE_TRUSTSTORE_PASSWORD": s.pki.TrustStorePassword(),
		"MILLRACE_VPC":                 s.vpc.ID,
		"MILLRACE_SUBNETS":             strings.Join(s.vpc.SubnetIDs, ","),
		"MILLRACE_SECURITY_GROUP":      s.vpc.SecurityGroupID,
	}
	if sec := s.cfg.Secure; sec != nil {
		env["AWS_ENDPOINT_URL"] = "https://" + s.apiAddress()
		delete(env, "AWS_ACCESS_KEY_ID")
		delete(env, "AWS_SECRET_ACCESS_KEY")
		if sec.CertFile == "" {
			env["AWS_CA_BUNDLE"] = s.pki.CAFile()
		}
	}
	env["JAVA_TOOL_OPTIONS"] = "-Djavax.net.ssl.trustStore=" + env["MILLRACE_TRUSTSTORE"] +
		" -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=" + env["MILLRACE_TRUSTSTORE_PASSWORD"]
	return env
}

func (s *System) writeEnvironment() error {
	if s.cfg.Secure != nil {
		if err := s.writeRootCredentials(); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(s.environment(), "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(s.cfg.DataDir, EnvironmentFile), append(data, '\n'), 0o600)
}
