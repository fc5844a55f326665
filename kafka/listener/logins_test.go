package listener

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/millrace/millrace/kafka/sasl"
)

// pipeConn is one end of a pipe with addresses.
type pipeConn struct {
	net.Conn
	remote net.Addr
}

func (c pipeConn) RemoteAddr() net.Addr { return c.remote }

// from connects to l without a network, as from an address.
func from(t *testing.T, l *Listener, ip string) *peer {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	l.admit(pipeConn{server, &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}})
	return &peer{t: t, nc: client, r: bufio.NewReader(client)}
}

// scramLogin is a whole SCRAM-SHA-512 login; how long its answer took.
func scramLogin(t *testing.T, l *Listener, ip, user, password string) (ok bool, took time.Duration) {
	t.Helper()
	p := from(t, l, ip)
	defer p.nc.Close()
	p.call(&kmsg.SASLHandshakeRequest{Version: 1, Mechanism: sasl.ScramSHA512})
	session, out, err := scram.Auth{User: user, Pass: password}.AsSha512Mechanism().Authenticate(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for {
		began := time.Now()
		r := p.call(&kmsg.SASLAuthenticateRequest{Version: 2, SASLAuthBytes: out}).(*kmsg.SASLAuthenticateResponse)
		if took = time.Since(began); r.ErrorCode != 0 {
			if r.ErrorCode != kerr.SaslAuthenticationFailed.Code || r.ErrorMessage == nil ||
				*r.ErrorMessage != "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512" {
				t.Errorf("%+v", r)
			}
			return false, took
		}
		done, next, err := session.Challenge(r.SASLAuthBytes)
		if err != nil {
			t.Fatal(err)
		}
		if out = next; done {
			return true, took
		}
	}
}

// TestGuessedPasswordsAreSlowed: the answer to a failed login is late, the sixth
// failure of a user from an address within a minute locks him there, which looks
// like a wrong password, and nowhere else.
func TestGuessedPasswordsAreSlowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Refusal
		l := New(Config{
			Name: "CLIENT_SASL_SCRAM", Backend: &backend{}, Authorizer: AllowAll{}, Line: line(t), Mechanisms: []string{sasl.ScramSHA512}, SCRAM: scramCredential,
			Refused: func(r Refusal) { told = append(told, r) },
		})
		defer l.Close()
		for i := range 5 {
			if ok, took := scramLogin(t, l, "192.0.2.1", "alice", "wrong"); ok || took != failureDelay {
				t.Fatalf("failure %d: %v after %s", i, ok, took)
			}
		}
		if ok, took := scramLogin(t, l, "192.0.2.1", "alice", "secret"); ok || took != longFailureDelay {
			t.Errorf("the right password of a locked user: %v after %s", ok, took)
		}
		for _, c := range []struct{ ip, user, password string }{{"192.0.2.2", "alice", "secret"}, {"2001:db8::1", "alice", "secret"}} {
			if ok, took := scramLogin(t, l, c.ip, c.user, c.password); !ok || took != 0 {
				t.Errorf("%+v: %v after %s", c, ok, took)
			}
		}
		time.Sleep(12 * time.Second)
		if ok, _ := scramLogin(t, l, "192.0.2.1", "alice", "secret"); !ok {
			t.Error("locked for longer than the rule says")
		}
		synctest.Wait()
		if len(told) != 6 || told[0].User != "alice" || told[0].API != "SaslAuthenticate" || told[0].Remote.String() != "192.0.2.1" || told[0].Mechanism != sasl.ScramSHA512 {
			t.Errorf("told %+v", told)
		}
	})
}

// TestCVE2026_33419_LockoutIsPerUserAndAddress: guessing is limited to five tries
// a minute however many connections are used, in a memory that names cannot fill.
func TestCVE2026_33419_LockoutIsPerUserAndAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logins := NewLogins()
		looked := 0
		for range 10 * 60 { // each 100 ms for a minute
			if logins.Wait("192.0.2.1 User:alice", time.Now()) == 0 {
				looked++
			}
			logins.Failed("192.0.2.1 User:alice", time.Now())
			time.Sleep(100 * time.Millisecond)
		}
		if looked < 5 || looked > 10 {
			t.Errorf("%d of 600 passwords were looked at", looked)
		}
		for i := range 1 << 17 {
			logins.Failed("192.0.2.1 User:"+strconv.Itoa(i), time.Now())
		}
		if n := logins.Len(); n > loginRule.Keys {
			t.Errorf("%d keys", n)
		}
	})
}

// TestStrangersLeaveRoomForClients: connections that do not authenticate cannot
// take all there are.
func TestStrangersLeaveRoomForClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{
			Name: "CLIENT_SASL_SCRAM", Backend: &backend{}, Authorizer: AllowAll{}, Line: line(t), Mechanisms: []string{sasl.ScramSHA512}, SCRAM: scramCredential,
			MaxStrangers: 3,
		})
		defer l.Close()
		for range 3 {
			from(t, l, "192.0.2.1")
		}
		synctest.Wait()
		p := from(t, l, "192.0.2.1")
		if _, err := p.r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("the fourth stranger: %v", err)
		}
		time.Sleep(saslTimeout + time.Second)
		for range 5 { // each is known before the next comes
			if ok, _ := scramLogin(t, l, "192.0.2.2", "alice", "secret"); !ok {
				t.Error("refused")
			}
		}
	})
}
