// Package oidctest is an OpenID Connect provider for tests: it publishes its
// keys over HTTPS on this machine and signs what it is told to.
package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is a running provider. Its methods may be called concurrently.
type Issuer struct {
	URL        string // what its tokens say of it: https://127.0.0.1:PORT
	Thumbprint string // of its certificate, which signs itself
	Roots      *x509.CertPool

	Asked atomic.Int32 // how often its keys were asked for
	// Answer, when set, answers instead of it.
	Answer atomic.Pointer[http.HandlerFunc]

	mu   sync.Mutex
	keys []jose.JSONWebKey // guarded by mu; private, the last two are published
}

// New starts an issuer that ends with the test, with a key of RS256 and one of
// ES256.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{Roots: x509.NewCertPool()}
	s := httptest.NewUnstartedServer(http.HandlerFunc(i.serve))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // tests have it mistrusted
	s.StartTLS()
	t.Cleanup(s.Close)
	i.URL = s.URL
	i.Roots.AddCert(s.Certificate())
	sum := sha1.Sum(s.Certificate().Raw)
	i.Thumbprint = hex.EncodeToString(sum[:])
	i.Rotate(t)
	return i
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	if answer := i.Answer.Load(); answer != nil {
		(*answer)(w, r)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	case "/keys":
		i.Asked.Add(1)
		_ = json.NewEncoder(w).Encode(i.Published())
	default:
		http.NotFound(w, r)
	}
}

// Published is the key set as it is now.
func (i *Issuer) Published() (out jose.JSONWebKeySet) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, k := range i.keys[len(i.keys)-2:] {
		out.Keys = append(out.Keys, k.Public())
	}
	return out
}

// Rotate makes new keys and publishes them alone.
func (i *Issuer) Rotate(t testing.TB) {
	t.Helper()
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	short, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for algorithm, key := range map[jose.SignatureAlgorithm]any{jose.RS256: long, jose.ES256: short} {
		i.keys = append(i.keys, jose.JSONWebKey{Key: key, KeyID: strconv.Itoa(len(i.keys)), Algorithm: string(algorithm), Use: "sig"})
	}
}

// Claims are those of a good token for an audience and a subject, of now.
func (i *Issuer) Claims(audience, subject string) map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": i.URL, "aud": audience, "sub": subject, "iat": now, "nbf": now, "exp": now + 3600}
}

// Sign makes a token of claims with the issuer's newest key of an algorithm:
// RS256 or ES256.
func (i *Issuer) Sign(t testing.TB, algorithm jose.SignatureAlgorithm, claims map[string]any) string {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := len(i.keys) - 1; n >= 0; n-- {
		if i.keys[n].Algorithm == string(algorithm) {
			return Signed(t, algorithm, i.keys[n], claims)
		}
	}
	t.Fatalf("the issuer has no key of %s", algorithm)
	return ""
}

// Signed makes a token of claims with any key.
func Signed(t testing.TB, algorithm jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
