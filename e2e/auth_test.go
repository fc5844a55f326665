//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	bigendian "encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/e2e/clients"
)

// iamToken is what an AWS_MSK_IAM client says of itself.
type iamToken struct {
	host, key, secret, region string
	at                        time.Time
	unsigned                  bool
}

// payload signs a token and writes it as the mechanism's JSON.
func (k iamToken) payload(t *testing.T) []byte {
	t.Helper()
	const noBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	req, err := http.NewRequest(http.MethodGet, "https://"+k.host+"/?Action=kafka-cluster%3AConnect&X-Amz-Expires=900", nil)
	if err != nil {
		t.Fatal(err)
	}
	credentials := aws.Credentials{AccessKeyID: k.key, SecretAccessKey: k.secret}
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), credentials, req, noBody, "kafka-cluster", k.region, k.at)
	if err != nil {
		t.Fatal(err)
	}
	if req, err = http.NewRequest(http.MethodGet, signed, nil); err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{"version": "2020_10_22", "host": k.host, "user-agent": "e2e"}
	for name, values := range req.URL.Query() {
		fields[strings.ToLower(name)] = values[0]
	}
	if k.unsigned {
		delete(fields, "x-amz-signature")
	}
	out, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// goodToken is one that the shared cluster's brokers accept.
func (c *cluster) goodToken() iamToken {
	return iamToken{
		host: "localhost", key: c.env["AWS_ACCESS_KEY_ID"], secret: c.env["AWS_SECRET_ACCESS_KEY"],
		region: c.env["AWS_REGION"], at: time.Now(),
	}
}

// rawConn speaks Kafka's protocol and nothing else: no retry, no re-authentication.
type rawConn struct {
	conn        *tls.Conn
	correlation int32
}

func (c *cluster) dialRaw(t *testing.T) *rawConn {
	t.Helper()
	pem, err := os.ReadFile(c.env["MILLRACE_CA_PEM"])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	address, _, _ := strings.Cut(c.iam, ",")
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &rawConn{conn: conn}
}

// ask sends a request and reads its answer; both must have headers without tags.
func (c *rawConn) ask(req kmsg.Request) (kmsg.Response, error) {
	c.correlation++
	if err := c.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, c.correlation)); err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, int(bigendian.BigEndian.Uint32(head[:4]))-4)
	if _, err := io.ReadFull(c.conn, body); err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	return resp, resp.ReadFrom(body)
}

// login does both requests of SASL with a payload.
func (c *rawConn) login(t *testing.T, payload []byte) *kmsg.SASLAuthenticateResponse {
	t.Helper()
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, "AWS_MSK_IAM"
	resp, err := c.ask(handshake)
	if err != nil || resp.(*kmsg.SASLHandshakeResponse).ErrorCode != 0 {
		t.Fatalf("handshake: %v %v", resp, err)
	}
	authenticate := kmsg.NewPtrSASLAuthenticateRequest()
	authenticate.Version, authenticate.SASLAuthBytes = 1, payload
	if resp, err = c.ask(authenticate); err != nil {
		t.Fatalf("authenticate: %v", err)
	}
	return resp.(*kmsg.SASLAuthenticateResponse)
}

// metadata is a request that needs an authenticated session.
func (c *rawConn) metadata() error {
	m := kmsg.NewPtrMetadataRequest()
	m.Version = 1
	_, err := c.ask(m)
	return err
}

// TestRefusedTokens sends tokens that are not good, each wrong in one way. All
// are refused in the same words; the server's log alone says why.
//
// Works: tokens with a wrong secret, expired, for another host or region, or unsigned are refused as MSK refuses them, and the log says why
func TestRefusedTokens(t *testing.T) {
	c := start(t).cluster("tokens")
	good := c.dialRaw(t)
	if got := good.login(t, c.goodToken().payload(t)); got.ErrorCode != 0 {
		t.Fatalf("the good token is refused: %d %s", got.ErrorCode, aws.ToString(got.ErrorMessage))
	}
	if err := good.metadata(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*iamToken)
		reason string // in the server's log
	}{
		{"wrong secret", func(k *iamToken) { k.secret = "wrong" }, `reason=.*signature`},
		{"unknown key", func(k *iamToken) { k.key = "AKIAUNKNOWN000000000" }, `reason=.*(security token|unknown|access key)`},
		{"expired", func(k *iamToken) { k.at = time.Now().Add(-time.Hour) }, `reason=.*[Ee]xpired`},
		{"other host", func(k *iamToken) { k.host = "b-1.other.abcdef.c2.kafka.us-east-1.amazonaws.com" }, `reason=.*signed for host .*b-1\.other`},
		{"other region", func(k *iamToken) { k.region = "eu-west-1" }, `reason=.*region`},
		{"unsigned", func(k *iamToken) { k.unsigned = true }, `reason=.*[Ss]ignature`},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, before := c.goodToken(), len(c.log.String())
			test.change(&token)
			conn := c.dialRaw(t)
			got := conn.login(t, token.payload(t))
			if got.ErrorCode != kerr.SaslAuthenticationFailed.Code {
				t.Errorf("error code %d, want %d", got.ErrorCode, kerr.SaslAuthenticationFailed.Code)
			}
			match(t, "message", aws.ToString(got.ErrorMessage), `^\[[0-9a-f-]{36}\]: Access denied$`)
			if err := conn.metadata(); err == nil {
				t.Error("the connection is of use after a refusal")
			}
			poll(t, 5*time.Second, "the refusal is logged", func() bool { return strings.Contains(c.log.String()[before:], "authentication failed") })
			match(t, "log", c.log.String()[before:], `authentication failed.*mechanism=AWS_MSK_IAM.*`+test.reason)
			if token.secret == c.env["AWS_SECRET_ACCESS_KEY"] && strings.Contains(c.log.String(), token.secret) {
				t.Error("the log holds the secret")
			}
		})
	}
}

// session is how long a SASL session lasts in TestSessions.
const session = 20 * time.Second

// reauthenticationLog is a log4j configuration that shows re-authentications
// and lost connections.
const reauthenticationLog = `appender.err.type=Console
appender.err.name=err
appender.err.target=SYSTEM_ERR
appender.err.layout.type=PatternLayout
appender.err.layout.pattern=%p %c{1} %m%n
rootLogger.level=info
rootLogger.appenderRef.err.ref=err
logger.sasl.name=org.apache.kafka.common.security.authenticator
logger.sasl.level=debug
`

// TestSessions is KIP-368: a session ends after its time. A Java producer goes
// on by authenticating again on its connection; who does not is closed.
//
// Works: SASL sessions end; a Java producer re-authenticates (KIP-368) and never notices, others are closed
func TestSessions(t *testing.T) {
	t.Parallel()
	c := start(t, "--session-max", session.String()).cluster("sessions")
	c.cli("", "topic", "create", "sessions", "--partitions", "1")
	idle := c.dialRaw(t)
	began := time.Now()
	got := idle.login(t, c.goodToken().payload(t))
	if got.ErrorCode != 0 || got.SessionLifetimeMillis <= 0 || got.SessionLifetimeMillis > session.Milliseconds() {
		t.Fatalf("code %d, lifetime %d ms", got.ErrorCode, got.SessionLifetimeMillis)
	}
	if err := idle.metadata(); err != nil {
		t.Fatalf("within the session: %v", err)
	}
	t.Run("clients", func(t *testing.T) {
		t.Run("re-authenticates", func(t *testing.T) {
			t.Parallel()
			c.produceThroughSessions(t)
		})
		t.Run("does not", func(t *testing.T) {
			t.Parallel()
			poll(t, 2*session, "closed", func() bool { return idle.metadata() != nil })
			if took := time.Since(began); took < session-time.Second {
				t.Errorf("closed after %s, before the session's end", took)
			}
			poll(t, 5*time.Second, "the server says why", func() bool {
				return strings.Contains(c.log.String(), "session expired without re-authentication")
			})
		})
	})
}

// produceThroughSessions runs Kafka's VerifiableProducer over three sessions.
func (c *cluster) produceThroughSessions(t *testing.T) {
	t.Helper()
	const perSecond, seconds = 10, 66
	out, errs, err := cache(t).Java(t.Context(), clients.JavaTool{
		Set: "tools-4.3.1", Class: "org.apache.kafka.tools.VerifiableProducer", Env: c.environ(),
		Flags: []string{"-Dlog4j2.configurationFile=" + writeFile(t, "log4j2.properties", reauthenticationLog)},
		Args: []string{"--bootstrap-server", c.iam, "--command-config", writeFile(t, "client.properties", clientProperties), "--topic", "sessions",
			"--max-messages", fmt.Sprint(perSecond * seconds), "--throughput", fmt.Sprint(perSecond)},
	})
	if err != nil {
		t.Fatal(err)
	}
	match(t, "result", out, fmt.Sprintf(`"acked":%d`, perSecond*seconds))
	if strings.Contains(out, "producer_send_error") {
		t.Errorf("a record failed:\n%s", out)
	}
	if again := strings.Count(errs, "Finished re-authentication"); again < 3 {
		t.Errorf("re-authenticated %d times in %d s with sessions of %s:\n%s", again, seconds, session, errs)
	}
	if lost := regexp.MustCompile(`(?m)^.*Node -?\d+ disconnected.*$`).FindString(errs); lost != "" {
		t.Errorf("a connection was lost: %s", lost)
	}
}

// match reports text that a regular expression does not find its place in.
func match(t *testing.T, what, text, pattern string) {
	t.Helper()
	if !regexp.MustCompile(pattern).MatchString(text) {
		t.Errorf("%s is %q, want %s", what, text, pattern)
	}
}
