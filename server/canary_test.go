package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/twmb/franz-go/pkg/kgo"
	saslaws "github.com/twmb/franz-go/pkg/sasl/aws"

	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/oidc/oidctest"
	"github.com/millrace/millrace/aws/sigv4"
)

// canaries is a server through its front door, and the secrets that were given
// to it or made by it.
type canaries struct {
	*guarded
	secrets []string
	refused strings.Builder // what it answered when it refused
}

func (c *canaries) secret(list ...string) { c.secrets = append(c.secrets, list...) }

// send posts a body and answers; who has no key sends it unsigned.
func (c *canaries) send(key sigv4.Key, service, contentType, target, body string) (status int, answer string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, "http://"+c.Address()+"/", strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	if key.AccessKeyID != "" {
		sigv4.Sign(r, []byte(body), key, service, "us-east-1", time.Now())
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		c.refused.Write(data)
	}
	return resp.StatusCode, string(data)
}

func (c *canaries) root() sigv4.Key {
	return sigv4.Key{AccessKeyID: c.guarded.root.AccessKeyID, Secret: c.guarded.root.Secret.Reveal()}
}

// form calls iam or sts; out nil wants a refusal.
func (c *canaries) form(key sigv4.Key, service string, out any, fields ...string) {
	c.t.Helper()
	values := url.Values{"Version": {map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]}}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		values.Set(name, value)
	}
	c.check(out, xml.Unmarshal, fields[0])(c.send(key, service, "application/x-www-form-urlencoded", "", values.Encode()))
}

// target calls a service of JSON; out nil wants a refusal.
func (c *canaries) target(key sigv4.Key, service, operation string, in map[string]any, out any) {
	c.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	c.check(out, json.Unmarshal, operation)(c.send(key, service, "application/x-amz-json-1.1", operation, string(body)))
}

func (c *canaries) check(out any, decode func([]byte, any) error, what string) func(status int, answer string) {
	return func(status int, answer string) {
		c.t.Helper()
		switch {
		case out == nil && status == http.StatusOK:
			c.t.Errorf("%s is not refused: %s", what, answer)
		case out != nil && status != http.StatusOK:
			c.t.Fatalf("%s: %d %s", what, status, answer)
		case out != nil:
			if err := decode([]byte(answer), out); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

type canaryKey struct {
	AccessKeyID string `xml:"AccessKeyId"`
	Secret      string `xml:"SecretAccessKey"`
	Token       string `xml:"SessionToken"`
}

func (k canaryKey) key() sigv4.Key {
	return sigv4.Key{AccessKeyID: k.AccessKeyID, Secret: k.Secret, SessionToken: k.Token}
}

// TestCanarySecrets gives and makes secrets of every kind, uses each rightly and
// wrongly, and finds none of them in the clear: not in the log at its most
// talkative, not in what is answered to those who are refused, not in the store,
// the audit log or any other file.
func TestCanarySecrets(t *testing.T) {
	g := startGuarded(t, func(*guarded) *kafka.ClientAuthentication {
		return &kafka.ClientAuthentication{Sasl: &kafka.Sasl{Scram: &kafka.Scram{Enabled: new(true)}, Iam: &kafka.Iam{Enabled: new(true)}}}
	})
	c := &canaries{guarded: g}
	c.accessKeys()
	c.webIdentity()
	c.values()
	c.scram()
	c.authority()
	for _, secret := range slices.Clone(c.secrets) { // as they stand in forms, and in base64 of JSON
		c.secret(url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)))
	}
	c.nowhere(c.secrets...)
	for _, secret := range c.secrets {
		if strings.Contains(c.refused.String(), secret) {
			t.Errorf("a refusal shows %.12s...", secret)
		}
	}
	if len(c.secrets) < 40 || c.refused.Len() == 0 {
		t.Errorf("only %d secrets and %d bytes of refusals", len(c.secrets), c.refused.Len())
	}
}

// accessKeys: of a user and of a role's session, right, forged, and where they
// do not belong.
func (c *canaries) accessKeys() {
	var made struct {
		Key canaryKey `xml:"CreateAccessKeyResult>AccessKey"`
	}
	var none struct{}
	c.form(c.root(), "iam", &none, "Action=CreateUser", "UserName=canary")
	c.form(c.root(), "iam", &none, "Action=PutUserPolicy", "UserName=canary", "PolicyName=own", `PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kafka-cluster:*","sts:AssumeRole"],"Resource":"*"}]}`)
	c.form(c.root(), "iam", &made, "Action=CreateAccessKey", "UserName=canary")
	c.form(c.root(), "iam", &none, "Action=CreateRole", "RoleName=canary", `AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}]}`)
	var assumed struct {
		Key canaryKey `xml:"AssumeRoleResult>Credentials"`
	}
	c.form(made.Key.key(), "sts", &assumed, "Action=AssumeRole", "RoleArn=arn:aws:iam::000000000000:role/canary", "RoleSessionName=one")
	c.secret(made.Key.Secret, assumed.Key.Secret, assumed.Key.Token)
	for _, key := range []canaryKey{made.Key, assumed.Key} {
		c.form(key.key(), "sts", &none, "Action=GetCallerIdentity")
		c.form(key.key(), "iam", nil, "Action=ListUsers")
		wrong := key
		wrong.Secret = "canary-secret-" + key.Secret[:8]
		c.secret(wrong.Secret)
		c.form(wrong.key(), "sts", nil, "Action=GetCallerIdentity")
		misplaced := sigv4.Key{AccessKeyID: "AKIAUNKNOWN000000000", Secret: key.Secret, SessionToken: key.Token}
		c.form(misplaced, "sts", nil, "Action=GetCallerIdentity")
		c.form(c.root(), "iam", nil, "Action=UpdateAccessKey", "UserName=canary", "AccessKeyId=AKIAUNKNOWN000000000", "SecretAccessKey="+key.Secret)
		c.kafka(saslaws.Auth{AccessKey: key.AccessKeyID, SecretKey: key.Secret, SessionToken: key.Token})
		c.kafka(saslaws.Auth{AccessKey: key.AccessKeyID, SecretKey: wrong.Secret, SessionToken: key.Token})
	}
}

// kafka logs in to the brokers, whether it may or not.
func (c *canaries) kafka(auth saslaws.Auth) {
	c.t.Setenv("AWS_REGION", "us-east-1")
	_ = c.client(*c.bootstrap().BootstrapBrokerStringSaslIam, kgo.DialTLSConfig(c.tls()), kgo.SASL(auth.AsManagedStreamingIAMMechanism())).Ping(c.t.Context())
}

// webIdentity: tokens that are good, of another subject, forged, too long, and
// in the place of a session token.
func (c *canaries) webIdentity() {
	issuer := oidctest.New(c.t)
	name := strings.TrimPrefix(issuer.URL, "https://")
	var none struct{}
	c.form(c.root(), "iam", &none, "Action=CreateOpenIDConnectProvider", "Url="+issuer.URL, "ClientIDList.member.1=canary")
	c.form(c.root(), "iam", &none, "Action=CreateRole", "RoleName=web", `AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::000000000000:oidc-provider/`+name+`"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+name+`:sub":"good"}}}]}`)
	assume := func(out any, token string) {
		c.form(sigv4.Key{}, "sts", out, "Action=AssumeRoleWithWebIdentity", "RoleArn=arn:aws:iam::000000000000:role/web", "RoleSessionName=one", "WebIdentityToken="+token)
	}
	good, other := issuer.Sign(c.t, jose.RS256, issuer.Claims("canary", "good")), issuer.Sign(c.t, jose.ES256, issuer.Claims("canary", "other"))
	long := issuer.Claims("canary", "good")
	long["padding"] = strings.Repeat("canary-padding", 1500)
	tooLong := issuer.Sign(c.t, jose.ES256, long)
	c.secret(good, other, good[strings.LastIndexByte(good, '.')+1:], other[strings.LastIndexByte(other, '.')+1:], tooLong[40:90])
	var granted struct {
		Key canaryKey `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	}
	assume(&granted, good)
	c.secret(granted.Key.Secret, granted.Key.Token)
	c.form(granted.Key.key(), "sts", &none, "Action=GetCallerIdentity")
	assume(nil, other)
	assume(nil, good[:len(good)-4]+"AAAA")
	assume(nil, tooLong)
	c.form(sigv4.Key{AccessKeyID: granted.Key.AccessKeyID, Secret: granted.Key.Secret, SessionToken: good}, "sts", nil, "Action=GetCallerIdentity")
}

// values: of Secrets Manager and of KMS.
func (c *canaries) values() {
	const value, second, long, plain, other = "canary-value-6c1f", "canary-second-6c1f", "canary-long-6c1f", "canary-plain-6c1f", "canary-other-6c1f"
	c.secret(value, second, long, plain, other)
	var made struct{ ARN string }
	const secrets, keys = "secretsmanager.", "TrentService."
	c.target(c.root(), "secretsmanager", secrets+"CreateSecret", map[string]any{"Name": "canary", "SecretString": value}, &made)
	var read struct{ SecretString string }
	c.target(c.root(), "secretsmanager", secrets+"GetSecretValue", map[string]any{"SecretId": "canary"}, &read)
	if read.SecretString != value {
		c.t.Errorf("the value is %q", read.SecretString)
	}
	c.target(c.root(), "secretsmanager", secrets+"PutSecretValue", map[string]any{"SecretId": "canary", "SecretBinary": base64.StdEncoding.EncodeToString([]byte(second))}, &made)
	c.target(c.root(), "secretsmanager", secrets+"PutSecretValue", map[string]any{"SecretId": "none", "SecretString": second}, nil)
	c.target(c.root(), "secretsmanager", secrets+"PutSecretValue", map[string]any{"SecretId": "canary", "SecretString": []string{second}}, nil)
	c.target(c.root(), "secretsmanager", secrets+"CreateSecret", map[string]any{"Name": "canary-long", "SecretString": long + strings.Repeat("x", 70_000)}, nil)
	c.target(sigv4.Key{AccessKeyID: c.root().AccessKeyID, Secret: "wrong"}, "secretsmanager", secrets+"CreateSecret", map[string]any{"Name": "x", "SecretString": value}, nil)

	text := base64.StdEncoding.EncodeToString([]byte(plain))
	var blob struct{ CiphertextBlob string }
	c.target(c.root(), "kms", keys+"Encrypt", map[string]any{"KeyId": c.key, "Plaintext": text, "EncryptionContext": map[string]string{"a": "b"}}, &blob)
	var opened struct{ Plaintext string }
	c.target(c.root(), "kms", keys+"Decrypt", map[string]any{"CiphertextBlob": blob.CiphertextBlob, "EncryptionContext": map[string]string{"a": "b"}}, &opened)
	if opened.Plaintext != text {
		c.t.Errorf("the plaintext is %q", opened.Plaintext)
	}
	c.target(c.root(), "kms", keys+"Decrypt", map[string]any{"CiphertextBlob": blob.CiphertextBlob}, nil)
	c.target(c.root(), "kms", keys+"Encrypt", map[string]any{"KeyId": "none", "Plaintext": text}, nil)
	c.target(c.root(), "kms", keys+"Encrypt", map[string]any{"KeyId": c.key, "Plaintext": other}, nil) // no base64
	c.target(c.root(), "kms", keys+"Encrypt", map[string]any{"KeyId": c.key, "Plaintext": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte(other), 300))}, nil)
	var data struct{ Plaintext string }
	c.target(c.root(), "kms", keys+"GenerateDataKey", map[string]any{"KeyId": c.key, "KeySpec": "AES_256"}, &data)
	raw, err := base64.StdEncoding.DecodeString(data.Plaintext)
	if err != nil {
		c.t.Fatal(err)
	}
	c.secret(data.Plaintext, string(raw))
}

// scram: a user of a secret, with the right and with a wrong password.
func (c *canaries) scram() {
	const password, wrong = "canary-password-6c1f", "canary-wrong-6c1f"
	c.secret(password, wrong)
	arn := c.guarded.secret("AmazonMSK_canary", `{"username":"canary","password":"`+password+`"}`, c.key)
	if _, err := c.msk.BatchAssociateScramSecret(c.t.Context(), c.caller, &kafka.BatchAssociateScramSecretRequest{ClusterArn: &c.arn, SecretArnList: []string{arn}}); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, "canary is a user", func() bool {
		_, ok := c.driver.find(c.arn).access.credential("SCRAM-SHA-512", "canary")
		return ok
	})
	if err := c.asUser("canary", password).Ping(c.t.Context()); err != nil {
		c.t.Error(err)
	}
	if c.asUser("canary", wrong).Ping(c.t.Context()) == nil {
		c.t.Error("a wrong password opens")
	}
}

// authority: the private key of a certificate authority, whose bytes nobody
// sees. It begins as each of P-256 does, in DER and as base64 of it (RFC 5915,
// RFC 5958).
func (c *canaries) authority() {
	c.guarded.authority("canary")
	sec1, pkcs8 := "\x30\x77\x02\x01\x01\x04\x20", "\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
	c.secret(sec1, pkcs8)
	data, err := os.ReadFile(filepath.Join(c.cfg.DataDir, "state.db")) // the brokers' authority has a file of its own
	if err != nil {
		c.t.Fatal(err)
	}
	for _, der := range []string{sec1[:6], pkcs8[:15]} {
		if bytes.Contains(data, []byte(base64.StdEncoding.EncodeToString([]byte(der)))) {
			c.t.Error("the store holds a private key")
		}
	}
}
