package cli

import (
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/millrace/millrace/millracetest"
)

// TestBrokers stops, starts and fences brokers of a real server by its API.
func TestBrokers(t *testing.T) {
	m := millracetest.Start(t)
	c := m.Cluster("orders")
	second := strings.Split(c.Plaintext, ",")[1]
	port := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	for _, step := range []struct {
		args   string
		code   int
		stdout string // with every port as PORT
		stderr string
	}{
		{"broker stop 2", exitOK, "", "broker 2 of orders is stopped; its ports refuse connections\n"},
		{"broker fence 3 --cluster orders", exitOK, "", "broker 3 of orders is fenced: it leads nothing\n"},
		{"broker list", exitOK, "" +
			"BROKER  STATE    ENDPOINTS\n" +
			"1       RUNNING  PLAINTEXT=PORT SASL_IAM=PORT SASL_SCRAM=PORT TLS=PORT\n" +
			"2       STOPPED  PLAINTEXT=PORT SASL_IAM=PORT SASL_SCRAM=PORT TLS=PORT\n" +
			"3       FENCED   PLAINTEXT=PORT SASL_IAM=PORT SASL_SCRAM=PORT TLS=PORT\n", ""},
		{"broker unfence 2", exitFailed, "", "millrace: The broker is stopped: it must be started, not unfenced. (409 Conflict)\n"},
		{"broker stop 9", exitFailed, "", "millrace: The cluster has no such broker. See 'millrace broker list --cluster orders'\n"},
		{"broker stop 2 --cluster none", exitNotReady, "", "millrace: there is no cluster \"none\", but orders\n"},
		{"broker start 2", exitOK, "", "broker 2 of orders is running\n"},
		{"broker unfence 3", exitOK, "", "broker 3 of orders is running\n"},
	} {
		code, stdout, stderr := run(t, "", m.Env(), strings.Fields(step.args)...)
		stdout = port.ReplaceAllString(stdout, "PORT")
		if code != step.code || stdout != step.stdout || stderr != step.stderr {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want %d, %q, %q", step.args, code, stdout, stderr, step.code, step.stdout, step.stderr)
		}
		if step.args == "broker stop 2" {
			if conn, err := net.Dial("tcp", second); err == nil {
				conn.Close()
				t.Error("a stopped broker accepts connections")
			}
		}
	}
	env := append(m.Env(), "AWS_SECRET_ACCESS_KEY=wrong")
	if code, _, stderr := run(t, "", env, "broker", "stop", "1"); code != exitFailed || c.BrokerState(1) != "RUNNING" {
		t.Errorf("with a wrong secret: exit %d, %s", code, stderr)
	}
}
