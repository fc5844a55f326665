package server

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/pki"
)

// TestTLSSessionsResume: old clients ask for session tickets. They get them, and
// go on with them, until the cluster asks for certificates.
func TestTLSSessionsResume(t *testing.T) {
	authority, err := pki.Open(t.TempDir(), time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := authority.ServerCertificate([]string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	a := &access{}
	a.spec.Store(&fleet.Spec{})
	a.trust.Store(x509.NewCertPool())
	served := a.clientCertificates(&tls.Config{Certificates: []tls.Certificate{cert}})
	client := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(1), ServerName: "localhost"}
	connect := func() bool {
		t.Helper()
		near, far := net.Pipe()
		defer near.Close()
		go func() {
			defer far.Close()
			_ = tls.Server(far, served).HandshakeContext(t.Context()) // the client says what went wrong
		}()
		c := tls.Client(near, client)
		if err := c.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return c.ConnectionState().DidResume
	}
	if connect() || !connect() {
		t.Error("the second connection does not resume the first one's session")
	}
	a.spec.Store(&fleet.Spec{Authorities: []string{"arn"}})
	if connect() {
		t.Error("a session is resumed though certificates are asked for")
	}
}
