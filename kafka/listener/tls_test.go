package listener

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// selfSigned is a certificate that is its own authority.
func selfSigned(t *testing.T, subject pkix.Name) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: subject, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestClientCertificateIsThePrincipal(t *testing.T) {
	serverCert, serverPool := selfSigned(t, pkix.Name{CommonName: "broker"})
	clientCert, clientPool := selfSigned(t, pkix.Name{CommonName: "app", OrganizationalUnit: []string{"Team"}, Organization: []string{"Org"}})
	stranger, _ := selfSigned(t, pkix.Name{CommonName: "app"})
	who := make(chan string, 1)
	b := &backend{}
	b.handle = func(r *Request) Answer {
		who <- r.Session.Identity.String()
		return b.echo.Handle(t.Context(), r)
	}
	_, addr := serve(t, Config{Backend: b, TLS: &tls.Config{
		Certificates: []tls.Certificate{serverCert}, ClientCAs: clientPool, ClientAuth: tls.RequireAndVerifyClientCert,
	}})
	connect := func(cert tls.Certificate) *peer {
		p := dial(t, addr)
		// The certificate is sent even if the server does not ask for its issuer.
		get := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		p.nc = tls.Client(p.nc, &tls.Config{RootCAs: serverPool, ServerName: "127.0.0.1", GetClientCertificate: get})
		p.r.Reset(p.nc)
		return p
	}
	connect(clientCert).call(&kmsg.ListGroupsRequest{Version: 4})
	if got := <-who; got != "User:CN=app,OU=Team,O=Org" {
		t.Errorf("principal %q", got)
	}
	p := connect(stranger)
	p.send(&kmsg.ListGroupsRequest{Version: 4})
	if _, err := p.receive(&kmsg.ListGroupsResponse{Version: 4}); err == nil {
		t.Error("a certificate of another authority was accepted")
	}
}
