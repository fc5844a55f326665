package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/millrace/millrace/aws/model"
	pca "github.com/millrace/millrace/aws/model/acmpca"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/model/kms"
	"github.com/millrace/millrace/aws/model/secretsmanager"
)

// lockedBuffer is a log that is written by many.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// guarded is a server with a cluster whose clients must show who they are.
type guarded struct {
	*System
	t      *testing.T
	log    *lockedBuffer
	caller model.Caller
	key    string // ARN of a customer's key
	arn    string // of the cluster
}

func startGuarded(t *testing.T, auth func(g *guarded) *kafka.ClientAuthentication) *guarded {
	t.Helper()
	g := &guarded{t: t, log: &lockedBuffer{}}
	s, err := New(Config{
		DataDir: t.TempDir(), Listen: "127.0.0.1:0", BrokerPorts: os.Getenv(portsVariable), Region: "us-east-1", Audit: true,
		RebalanceDelay: new(time.Duration), Log: slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	g.System = s
	g.caller = rootOf(t, s)
	made, err := s.kms.CreateKey(t.Context(), g.caller, &kms.CreateKeyRequest{})
	if err != nil {
		t.Fatal(err)
	}
	g.key = *made.KeyMetadata.Arn
	g.create(auth(g))
	return g
}

func (g *guarded) create(auth *kafka.ClientAuthentication) {
	g.t.Helper()
	out, err := g.msk.CreateCluster(g.t.Context(), g.caller, &kafka.CreateClusterRequest{
		ClusterName: new("guarded"), KafkaVersion: new("3.9.x.kraft"), NumberOfBrokerNodes: new(int32(2)),
		BrokerNodeGroupInfo:  &kafka.BrokerNodeGroupInfo{ClientSubnets: g.vpc.SubnetIDs[:2], InstanceType: new("kafka.m5.large")},
		ClientAuthentication: auth,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.arn = *out.ClusterArn
	changed, cancel := g.msk.Watch()
	defer cancel()
	for late := time.After(20 * time.Second); ; {
		if d, err := g.msk.DescribeCluster(g.t.Context(), g.caller, &kafka.DescribeClusterRequest{ClusterArn: &g.arn}); err == nil && *d.ClusterInfo.State == "ACTIVE" {
			return
		}
		select {
		case <-changed:
		case <-late:
			g.t.Fatal("the cluster does not become ACTIVE")
		}
	}
}

func (g *guarded) bootstrap() *kafka.GetBootstrapBrokersResponse {
	g.t.Helper()
	b, err := g.msk.GetBootstrapBrokers(g.t.Context(), g.caller, &kafka.GetBootstrapBrokersRequest{ClusterArn: &g.arn})
	if err != nil {
		g.t.Fatal(err)
	}
	return b
}

// tls is the clients' TLS: it trusts the brokers.
func (g *guarded) tls() *tls.Config {
	g.t.Helper()
	data, err := os.ReadFile(g.pki.CAFile())
	if err != nil {
		g.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(data)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

func (g *guarded) client(seeds string, opts ...kgo.Opt) *kgo.Client {
	g.t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(strings.Split(seeds, ",")...), kgo.MetadataMinAge(10 * time.Millisecond), kgo.RequestRetries(1),
		kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }), kgo.RetryTimeout(5 * time.Second),
	}, opts...)...)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(c.Close)
	return c
}

// asUser is a client with a password.
func (g *guarded) asUser(user, password string) *kgo.Client {
	return g.client(*g.bootstrap().BootstrapBrokerStringSaslScram, kgo.DialTLSConfig(g.tls()),
		kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism()))
}

// eventually waits until what is reconciled in the background has come.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for late := time.After(10 * time.Second); !ok(); {
		select {
		case <-again.C:
		case <-late:
			t.Fatal("it does not come about:", what)
		}
	}
}

func (g *guarded) secret(name, value, key string) string {
	g.t.Helper()
	in := &secretsmanager.CreateSecretRequest{Name: &name, SecretString: &value}
	if key != "" {
		in.KmsKeyId = &key
	}
	out, err := g.secrets.CreateSecret(g.t.Context(), g.caller, in)
	if err != nil {
		g.t.Fatal(err)
	}
	return *out.ARN
}

func scramOnly(*guarded) *kafka.ClientAuthentication {
	return &kafka.ClientAuthentication{Sasl: &kafka.Sasl{Scram: &kafka.Scram{Enabled: new(true)}}}
}

// TestUsersAreTheAssociatedSecrets: a secret that is associated, rotated and
// disassociated acts at once, and leaves no trace in the clear.
func TestUsersAreTheAssociatedSecrets(t *testing.T) {
	g := startGuarded(t, scramOnly)
	const canary, next = "canary-7f2a9b-one", "canary-7f2a9b-two"
	arn := g.secret("AmazonMSK_alice", `{"username":"alice","password":"`+canary+`"}`, g.key)
	associate := func(arns ...string) []kafka.UnprocessedScramSecret {
		t.Helper()
		out, err := g.msk.BatchAssociateScramSecret(t.Context(), g.caller, &kafka.BatchAssociateScramSecretRequest{ClusterArn: &g.arn, SecretArnList: arns})
		if err != nil {
			t.Fatal(err)
		}
		return out.UnprocessedScramSecrets
	}
	refused := associate(
		g.secret("other_bob", `{"username":"bob","password":"x"}`, g.key), g.secret("AmazonMSK_default", `{"username":"bob","password":"x"}`, ""),
		g.secret("AmazonMSK_shape", "no JSON", g.key), "arn:aws:secretsmanager:us-east-1:"+g.caller.Account+":secret:AmazonMSK_none-AbCdEf", arn)
	if len(refused) != 4 {
		t.Fatalf("refused %d", len(refused))
	}
	for _, r := range refused {
		if *r.ErrorCode != "InvalidSecretArn" {
			t.Errorf("%s: %s %s", *r.SecretArn, *r.ErrorCode, *r.ErrorMessage)
		}
	}
	old := g.asUser("alice", canary)
	eventually(t, "alice is a user", func() bool { // tries that fail would lock her out
		_, ok := g.driver.find(g.arn).access.credential("SCRAM-SHA-512", "alice")
		return ok
	})
	if err := old.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(old).CreateTopic(t.Context(), 1, -1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	if err := g.asUser("alice", "wrong").Ping(t.Context()); !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Errorf("a wrong password: %v", err)
	}

	if _, err := g.secrets.PutSecretValue(t.Context(), g.caller, &secretsmanager.PutSecretValueRequest{
		SecretId: &arn, SecretString: new(`{"username":"alice","password":"` + next + `"}`),
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the old password ends", func() bool {
		return errors.Is(g.asUser("alice", canary).Ping(t.Context()), kerr.SaslAuthenticationFailed)
	})
	if err := g.asUser("alice", next).Ping(t.Context()); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if err := old.Ping(t.Context()); err != nil {
		t.Errorf("the session of before the rotation: %v", err)
	}

	out, err := g.msk.BatchDisassociateScramSecret(t.Context(), g.caller, &kafka.BatchDisassociateScramSecretRequest{ClusterArn: &g.arn, SecretArnList: []string{arn}})
	if err != nil || len(out.UnprocessedScramSecrets) != 0 {
		t.Fatal(out, err)
	}
	eventually(t, "alice is refused on an open connection", func() bool {
		resp, err := kmsg.NewPtrListGroupsRequest().RequestWith(t.Context(), old)
		created, _ := kadm.NewClient(old).CreateTopic(t.Context(), 1, -1, nil, "u")
		return err != nil || resp.ErrorCode != 0 || errors.Is(created.Err, kerr.TopicAuthorizationFailed)
	})
	if err := g.asUser("alice", next).Ping(t.Context()); !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Errorf("after disassociation: %v", err)
	}
	g.nowhere(canary, next)
}

// nowhere looks for secrets in the log and in every file of the server.
func (g *guarded) nowhere(secrets ...string) {
	g.t.Helper()
	err := filepath.WalkDir(g.cfg.DataDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, s := range secrets {
			if bytes.Contains(data, []byte(s)) {
				g.t.Errorf("%s holds a secret in the clear", path)
			}
		}
		return err
	})
	if err != nil {
		g.t.Error(err)
	}
	for _, s := range secrets {
		if strings.Contains(g.log.String(), s) {
			g.t.Error("the log holds a secret")
		}
	}
}

// authority makes a root authority that signs.
func (g *guarded) authority(name string) string {
	g.t.Helper()
	ctx := g.t.Context()
	made, err := g.pca.CreateCertificateAuthority(ctx, g.caller, &pca.CreateCertificateAuthorityRequest{
		CertificateAuthorityType: new("ROOT"),
		CertificateAuthorityConfiguration: &pca.CertificateAuthorityConfiguration{
			KeyAlgorithm: new("EC_prime256v1"), SigningAlgorithm: new("SHA256WITHECDSA"), Subject: &pca.ASN1Subject{CommonName: &name},
		},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	arn := *made.CertificateAuthorityArn
	csr, err := g.pca.GetCertificateAuthorityCsr(ctx, g.caller, &pca.GetCertificateAuthorityCsrRequest{CertificateAuthorityArn: &arn})
	if err != nil {
		g.t.Fatal(err)
	}
	text, _ := g.issue(arn, []byte(*csr.Csr), "arn:aws:acm-pca:::template/RootCACertificate/V1")
	_, err = g.pca.ImportCertificateAuthorityCertificate(ctx, g.caller, &pca.ImportCertificateAuthorityCertificateRequest{
		CertificateAuthorityArn: &arn, Certificate: []byte(text),
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return arn
}

// issue signs a request.
func (g *guarded) issue(authority string, csr []byte, template string) (text, chain string) {
	g.t.Helper()
	in := &pca.IssueCertificateRequest{
		CertificateAuthorityArn: &authority, Csr: csr, SigningAlgorithm: new("SHA256WITHECDSA"),
		Validity: &pca.Validity{Type: new("DAYS"), Value: new(int64(30))},
	}
	if template != "" {
		in.TemplateArn = &template
		in.Validity.Value = new(int64(365))
	}
	out, err := g.pca.IssueCertificate(g.t.Context(), g.caller, in)
	if err != nil {
		g.t.Fatal(err)
	}
	got, err := g.pca.GetCertificate(g.t.Context(), g.caller, &pca.GetCertificateRequest{CertificateAuthorityArn: &authority, CertificateArn: out.CertificateArn})
	if err != nil {
		g.t.Fatal(err)
	}
	if got.CertificateChain != nil {
		chain = *got.CertificateChain
	}
	return *got.Certificate, chain
}

// clientCertificate makes a key and has an authority sign it.
func (g *guarded) clientCertificate(authority string, subject pkix.Name) tls.Certificate {
	g.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject}, key)
	if err != nil {
		g.t.Fatal(err)
	}
	text, chain := g.issue(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}), "")
	cert := tls.Certificate{PrivateKey: key}
	for rest := []byte(text + "\n" + chain); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return cert
		}
		cert.Certificate = append(cert.Certificate, block.Bytes)
	}
}

func (g *guarded) withCertificate(cert *tls.Certificate) *kgo.Client {
	cfg := g.tls()
	if cert != nil {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	return g.client(*g.bootstrap().BootstrapBrokerStringTls, kgo.DialTLSConfig(cfg))
}

// TestCertificatesOfTheAuthoritiesAreClients: those alone, and their subject is
// the principal that ACLs judge.
func TestCertificatesOfTheAuthoritiesAreClients(t *testing.T) {
	var trusted string
	g := startGuarded(t, func(g *guarded) *kafka.ClientAuthentication {
		trusted = g.authority("trusted")
		return &kafka.ClientAuthentication{Tls: &kafka.Tls{CertificateAuthorityArnList: []string{trusted}}}
	})
	app := g.clientCertificate(trusted, pkix.Name{CommonName: "app", OrganizationalUnit: []string{"Team"}, Country: []string{"US"}})
	admin := kadm.NewClient(g.withCertificate(&app))
	if _, err := admin.CreateTopic(t.Context(), 1, -1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	stranger := g.clientCertificate(g.authority("stranger"), pkix.Name{CommonName: "app"})
	if err := g.withCertificate(&stranger).Ping(t.Context()); err == nil {
		t.Error("a certificate of another authority was taken")
	}
	if err := g.withCertificate(nil).Ping(t.Context()); err == nil {
		t.Error("a client without a certificate was taken")
	}
	acl := kadm.NewACLs().Topics("t").Allow("User:CN=app,OU=Team,C=US").AllowHosts().Operations(kadm.OpAll).ResourcePatternType(kadm.ACLPatternLiteral)
	if _, err := admin.CreateACLs(t.Context(), acl); err != nil {
		t.Fatal(err)
	}
	imitator := g.clientCertificate(trusted, pkix.Name{CommonName: "app,OU=Team,C=US"})
	for _, c := range []struct {
		cert tls.Certificate
		want error
	}{{app, nil}, {imitator, kerr.TopicAuthorizationFailed}} {
		err := g.withCertificate(&c.cert).ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr()
		if !errors.Is(err, c.want) {
			t.Errorf("produced: %v, want %v", err, c.want)
		}
	}
}

// TestCertificatesAreAnOffer: with unauthenticated access a client may come
// without one.
func TestCertificatesAreAnOffer(t *testing.T) {
	var trusted string
	g := startGuarded(t, func(g *guarded) *kafka.ClientAuthentication {
		trusted = g.authority("trusted")
		return &kafka.ClientAuthentication{
			Tls:             &kafka.Tls{CertificateAuthorityArnList: []string{trusted}, Enabled: new(true)},
			Unauthenticated: &kafka.Unauthenticated{Enabled: new(true)},
		}
	})
	app := g.clientCertificate(trusted, pkix.Name{CommonName: "app"})
	for _, cert := range []*tls.Certificate{nil, &app} {
		if err := g.withCertificate(cert).Ping(t.Context()); err != nil {
			t.Error(err)
		}
	}
	stranger := g.clientCertificate(g.authority("stranger"), pkix.Name{CommonName: "app"})
	if err := g.withCertificate(&stranger).Ping(t.Context()); err == nil {
		t.Error("a certificate of another authority was taken")
	}
}
