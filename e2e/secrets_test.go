//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const scramProperties = `security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="PASSWORD";
`

// scramTools is the tools of a user with a password.
func (c *cluster) scramTools(t *testing.T, password string) javaTools {
	at := *c
	at.iam = c.scram
	return javaTools{
		cluster: &at, set: "tools-4.3.1", class: classes4, producer: "--command-config", consumer: "--command-config",
		config: writeFile(t, "scram.properties", strings.Replace(scramProperties, "PASSWORD", password, 1)),
	}
}

// TestSecretsAreUsers makes a key, a secret under it and a user of the secret,
// all by AWS's command line, and connects.
//
// Works: AWS CLI: KMS keys, Secrets Manager secrets and their association with a cluster; SCRAM users of franz-go and of Kafka's tools follow the secrets
func TestSecretsAreUsers(t *testing.T) {
	i := start(t)
	c, a := i.cluster("guarded"), i.aws()
	const first, second = "canary-first-5d1e", "canary-second-5d1e"
	var key struct{ KeyMetadata struct{ Arn string } }
	a.call(&key, "kms", "create-key", "--description", "users", "--tags", "TagKey=team,TagValue=data")
	a.call(nil, "kms", "create-alias", "--alias-name", "alias/users", "--target-key-id", key.KeyMetadata.Arn)
	var secret struct{ ARN string }
	value := func(password string) string { return `{"username":"alice","password":"` + password + `"}` }
	a.call(&secret, "secretsmanager", "create-secret", "--name", "AmazonMSK_alice", "--kms-key-id", key.KeyMetadata.Arn, "--secret-string", value(first))
	var read struct{ SecretString string }
	if a.call(&read, "secretsmanager", "get-secret-value", "--secret-id", "AmazonMSK_alice"); read.SecretString != value(first) {
		t.Error("the value is read back otherwise")
	}
	var associated struct {
		UnprocessedScramSecrets []struct{ ErrorCode, ErrorMessage string }
	}
	a.call(&associated, "kafka", "batch-associate-scram-secret", "--cluster-arn", c.arn, "--secret-arn-list", secret.ARN)
	if len(associated.UnprocessedScramSecrets) != 0 {
		t.Fatalf("not associated: %+v", associated)
	}
	ping := func(password string) error {
		cl := c.franzAs("scram", kgo.RequestRetries(1), kgo.SASL(scram.Auth{User: "alice", Pass: password}.AsSha512Mechanism()))
		defer cl.Close()
		return cl.Ping(t.Context())
	}
	poll(t, activeTime, "alice's login", func() bool {
		a.call(nil, "kafka", "list-scram-secrets", "--cluster-arn", c.arn) // it takes its time: tries that fail would lock her out
		return ping(first) == nil
	})
	tools := c.scramTools(t, first)
	tools.says(tools.run("topics", "--create", "--topic", "t", "--partitions", "1", "--replication-factor", "3"), "Created topic t")

	a.call(nil, "secretsmanager", "put-secret-value", "--secret-id", "AmazonMSK_alice", "--secret-string", value(second))
	poll(t, activeTime, "the end of the old password", func() bool { return ping(first) != nil })
	if err := ping(second); err != nil {
		t.Error("the new password:", err)
	}
	tools = c.scramTools(t, second)
	tools.says(tools.run("topics", "--list"), "t")

	a.call(&associated, "kafka", "batch-disassociate-scram-secret", "--cluster-arn", c.arn, "--secret-arn-list", secret.ARN)
	poll(t, activeTime, "the end of alice", func() bool { return ping(second) != nil })
	a.call(nil, "secretsmanager", "delete-secret", "--secret-id", "AmazonMSK_alice", "--recovery-window-in-days", "7")
	a.call(nil, "kms", "schedule-key-deletion", "--key-id", key.KeyMetadata.Arn, "--pending-window-in-days", "7")
	i.holdsNo(first, second)
}

// holdsNo looks for secrets in every file of the server and in its log.
func (i *instance) holdsNo(secrets ...string) {
	i.t.Helper()
	err := filepath.WalkDir(i.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, s := range secrets {
			if strings.Contains(string(data), s) {
				i.t.Errorf("%s holds a secret in the clear", path)
			}
		}
		return err
	})
	if err != nil {
		i.t.Error(err)
	}
	for _, s := range secrets {
		if strings.Contains(i.log.String(), s) {
			i.t.Error("the log holds a secret")
		}
	}
}

// authority makes a root authority that signs, as AWS's guide does.
func (a awsCLI) authority() string {
	a.t.Helper()
	var made struct{ CertificateAuthorityArn string }
	a.call(&made, "acm-pca", "create-certificate-authority", "--certificate-authority-type", "ROOT", "--certificate-authority-configuration",
		`{"KeyAlgorithm":"RSA_2048","SigningAlgorithm":"SHA256WITHRSA","Subject":{"Country":"US","Organization":"Org","CommonName":"root"}}`)
	arn := made.CertificateAuthorityArn
	a.call(nil, "acm-pca", "wait", "certificate-authority-csr-created", "--certificate-authority-arn", arn)
	csr := a.must("", a.path, "--output", "text", "acm-pca", "get-certificate-authority-csr", "--certificate-authority-arn", arn)
	text, _ := a.issue(arn, csr, "--template-arn", "arn:aws:acm-pca:::template/RootCACertificate/V1", "--validity", "Value=3650,Type=DAYS")
	a.call(nil, "acm-pca", "import-certificate-authority-certificate", "--certificate-authority-arn", arn, "--certificate", "fileb://"+writeFile(a.t, "root.pem", text))
	return arn
}

func (a awsCLI) issue(authority, csr string, more ...string) (text, chain string) {
	a.t.Helper()
	var issued struct{ CertificateArn string }
	a.call(&issued, append([]string{"acm-pca", "issue-certificate", "--certificate-authority-arn", authority, "--signing-algorithm", "SHA256WITHRSA",
		"--csr", "fileb://" + writeFile(a.t, "csr.pem", csr)}, more...)...)
	a.call(nil, "acm-pca", "wait", "certificate-issued", "--certificate-authority-arn", authority, "--certificate-arn", issued.CertificateArn)
	var got struct{ Certificate, CertificateChain string }
	a.call(&got, "acm-pca", "get-certificate", "--certificate-authority-arn", authority, "--certificate-arn", issued.CertificateArn)
	return got.Certificate, got.CertificateChain
}

// keystore makes a key and its certificate, as the PEM that Java reads.
func (a awsCLI) keystore(authority string, subject pkix.Name) string {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject}, key)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	text, chain := a.issue(authority, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})), "--validity", "Value=30,Type=DAYS")
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})) + text + "\n" + chain + "\n"
}

// TestCertificatesAreUsers makes an authority and a client's certificate by
// AWS's command line, and has ACLs judge who shows it.
//
// Works: AWS CLI: private certificate authorities (acm-pca); mutual TLS with Kafka's tools, and kafka-acls 4.3.1 and 3.4.1 for principals of certificates and of SCRAM
func TestCertificatesAreUsers(t *testing.T) {
	i := start(t)
	a := i.aws()
	authority := a.authority()
	var made struct{ ClusterArn string }
	nodes := `{"InstanceType":"kafka.m5.large","ClientSubnets":["` + strings.Join(i.subnets(), `","`) + `"]}`
	a.kafka(&made, "create-cluster", "--cluster-name", "mutual", "--kafka-version", "3.9.x", "--number-of-broker-nodes", "3", "--broker-node-group-info", nodes,
		"--client-authentication", `{"Tls":{"Enabled":true,"CertificateAuthorityArnList":["`+authority+`"]},"Sasl":{"Scram":{"Enabled":true}}}`)
	i.cli("", "wait", "--cluster", "mutual", "--timeout", "30s")
	var boot struct{ BootstrapBrokerStringTls, BootstrapBrokerStringSaslScram string }
	a.kafka(&boot, "get-bootstrap-brokers", "--cluster-arn", made.ClusterArn)

	classes := map[string]string{"acls": "org.apache.kafka.tools.AclCommand"}
	for tool, class := range classes4 {
		classes[tool] = class
	}
	as := func(name string) javaTools {
		store := writeFile(t, "client.pem", a.keystore(authority, pkix.Name{CommonName: name, Organization: []string{"Org, Inc."}, Country: []string{"US"}}))
		return javaTools{
			cluster: &cluster{instance: i, arn: made.ClusterArn, iam: boot.BootstrapBrokerStringTls}, set: "tools-4.3.1", class: classes,
			producer: "--command-config", consumer: "--command-config",
			config: writeFile(t, "tls.properties", "security.protocol=SSL\nssl.keystore.type=PEM\nssl.keystore.location="+store+"\n"),
		}
	}
	app, other := as("app"), as("other")
	app.says(app.run("topics", "--create", "--topic", "t", "--partitions", "1", "--replication-factor", "3"), "Created topic t")
	const principal = `User:CN=app,O=Org\, Inc.,C=US`
	app.says(app.run("acls", "--add", "--allow-principal", principal, "--operation", "All", "--topic", "t"), principal)
	app.says(app.run("topics", "--describe", "--topic", "t"), "PartitionCount: 1")
	if out := other.run("topics", "--list"); strings.Contains(out, "t") {
		t.Errorf("another principal sees the topic: %s", out)
	}
	bare := app
	bare.config = writeFile(t, "bare.properties", "security.protocol=SSL\nrequest.timeout.ms=5000\ndefault.api.timeout.ms=5000\n")
	if out, err := bare.try("topics", "--command-config", "", "--list"); err == nil {
		t.Errorf("a client without a certificate is served: %s", out)
	}
	aclsOfUsers(app, boot.BootstrapBrokerStringTls, boot.BootstrapBrokerStringSaslScram, other.config)
}

// aclsOfUsers has kafka-acls of two releases give to a user of SCRAM and to one
// with a certificate, show it, and take it back. What that does is seen by
// kafka-topics of the newer one.
func aclsOfUsers(app javaTools, tls, scram, otherConfig string) {
	t := app.t
	t.Helper()
	alice := writeFile(t, "scram.properties", strings.Replace(scramProperties, "PASSWORD", scramPassword, 1))
	const topic, aliceName, otherName = "ledger", "User:" + scramUser, `User:CN=other,O=Org\, Inc.,C=US`
	tools, err := cache(t).StartTools(context.WithoutCancel(t.Context()), app.set, nil, app.environ())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tools.Close(); err != nil {
			t.Error(err)
		}
	}()
	run := func(class, bootstrap, config string, args ...string) string {
		t.Helper()
		_, out, words, err := tools.Run(class, append([]string{"--bootstrap-server", bootstrap, "--command-config", config}, args...), "")
		if err != nil {
			t.Fatal(err)
		}
		return out + words
	}
	sees := func(when string, aliceDoes, otherDoes bool) {
		t.Helper()
		if out := run(classes4["topics"], scram, alice, "--list"); strings.Contains(out, topic) != aliceDoes {
			t.Errorf("%s alice sees the topic: %v, want %v: %s", when, !aliceDoes, aliceDoes, out)
		}
		if out := run(classes4["topics"], tls, otherConfig, "--list"); strings.Contains(out, topic) != otherDoes {
			t.Errorf("%s other sees the topic: %v, want %v: %s", when, !otherDoes, otherDoes, out)
		}
	}
	acls := func(args ...string) string {
		t.Helper()
		return run("org.apache.kafka.tools.AclCommand", tls, app.config, args...)
	}
	run(classes4["topics"], tls, app.config, "--create", "--topic", topic, "--partitions", "1")
	run(classes4["configs"], tls, app.config, "--alter", "--entity-type", "users", "--entity-name", scramUser, "--add-config", "SCRAM-SHA-512=[password="+scramPassword+"]")
	sees("before any ACL", true, true)
	app.says(acls("--add", "--allow-principal", aliceName, "--operation", "Describe", "--topic", topic), aliceName)
	sees("with alice's", true, false)
	app.says(acls("--add", "--allow-principal", otherName, "--operation", "Describe", "--topic", topic), otherName)
	app.says(acls("--list", "--topic", topic), "name="+topic, aliceName, otherName, "DESCRIBE")
	acls("--remove", "--force", "--allow-principal", aliceName, "--operation", "Describe", "--topic", topic)
	sees("without alice's", false, true)
	acls("--add", "--deny-principal", otherName, "--operation", "All", "--topic", topic)
	sees("with a denial", false, false)
	acls("--remove", "--force", "--topic", topic)
	sees("when none is left", true, true)

	old := app // its tools write to the first one's stdout: a JVM for each
	old.set, old.class = "tools-3.4.1", map[string]string{"acls": "kafka.admin.AclCommand"}
	app.says(old.run("acls", "--add", "--allow-principal", aliceName, "--operation", "Describe", "--topic", topic), aliceName)
	sees("with the older's", true, false)
	app.says(old.run("acls", "--list", "--topic", topic), "name="+topic, aliceName, "DESCRIBE")
	old.run("acls", "--remove", "--force", "--topic", topic)
	sees("when the older has removed it", true, true)
}
