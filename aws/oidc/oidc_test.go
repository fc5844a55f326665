package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/millrace/millrace/aws/oidc"
	"github.com/millrace/millrace/aws/oidc/oidctest"
)

// verify parses and verifies a token with a fetcher that trusts the thumbprints.
func verify(t *testing.T, f *oidc.Fetcher, i *oidctest.Issuer, text string, thumbprints ...string) error {
	t.Helper()
	token, err := oidc.Parse(text)
	if err != nil {
		return err
	}
	return f.Verify(t.Context(), oidc.Provider{Issuer: i.URL, Thumbprints: thumbprints}, token)
}

func TestVerify(t *testing.T) {
	i := oidctest.New(t)
	f := oidc.NewFetcher(oidc.Config{Roots: i.Roots, Loopback: true})
	claims := i.Claims("client", "me")
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256} {
		if err := verify(t, f, i, i.Sign(t, algorithm, claims)); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	good := i.Sign(t, jose.RS256, claims)
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	kid := func(algorithm string) string { // of the key that is published for it
		for _, k := range i.Published().Keys {
			if k.Algorithm == algorithm {
				return k.KeyID
			}
		}
		return ""
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(i.Published())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no algorithm":         encode(`{"alg":"none"}`) + "." + payload + ".",
		"none with a key":      encode(`{"alg":"none","kid":"`+kid("RS256")+`"}`) + "." + payload + "." + signature,
		"another payload":      head + "." + encode(`{"iss":"`+i.URL+`","aud":"client","sub":"you","exp":9999999999}`) + "." + signature,
		"another signature":    head + "." + payload + "." + strings.Repeat("A", len(signature)),
		"a key of its own":     oidctest.Signed(t, jose.RS256, jose.JSONWebKey{Key: stranger, KeyID: kid("RS256")}, claims),
		"an unknown key":       oidctest.Signed(t, jose.RS256, jose.JSONWebKey{Key: stranger, KeyID: "unknown"}, claims),
		"no key's id":          oidctest.Signed(t, jose.RS256, stranger, claims),
		"the other kind's key": oidctest.Signed(t, jose.RS256, jose.JSONWebKey{Key: stranger, KeyID: kid("ES256")}, claims),
		"a shared secret":      oidctest.Signed(t, jose.HS256, jose.JSONWebKey{Key: public, KeyID: kid("RS256")}, claims),
		"a longer hash":        oidctest.Signed(t, jose.RS512, jose.JSONWebKey{Key: stranger, KeyID: kid("RS256")}, claims),
		"empty":                "",
		"two parts":            head + "." + payload,
	} {
		if err := verify(t, f, i, text); err == nil {
			t.Errorf("%s is accepted", name)
		} else if strings.Contains(err.Error(), payload[:20]) {
			t.Errorf("%s: the error shows the token: %v", name, err)
		}
	}
}

func TestClaims(t *testing.T) {
	i := oidctest.New(t)
	for name, change := range map[string]func(map[string]any){
		"iss": func(c map[string]any) { delete(c, "iss") }, "sub": func(c map[string]any) { delete(c, "sub") },
		"aud": func(c map[string]any) { delete(c, "aud") }, "exp": func(c map[string]any) { delete(c, "exp") },
	} {
		claims := i.Claims("client", "me")
		change(claims)
		_, err := oidc.Parse(i.Sign(t, jose.ES256, claims))
		if missing := oidc.MissingClaim(""); !errors.As(err, &missing) || string(missing) != name {
			t.Errorf("without %s: %v", name, err)
		}
	}
	for name, change := range map[string]func(map[string]any){
		"a time that is none": func(c map[string]any) { c["exp"] = -1 }, "a time that is a text": func(c map[string]any) { c["exp"] = "soon" },
		"a time beyond all": func(c map[string]any) { c["nbf"] = 1e30 }, "a long subject": func(c map[string]any) { c["sub"] = strings.Repeat("x", 256) },
		"many audiences": func(c map[string]any) { c["aud"] = strings.Split(strings.Repeat("a ", 10)+"a", " ") },
		"an empty one":   func(c map[string]any) { c["aud"] = []string{"client", ""} },
	} {
		claims := i.Claims("client", "me")
		change(claims)
		if _, err := oidc.Parse(i.Sign(t, jose.ES256, claims)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	claims := i.Claims("client", "me")
	claims["aud"], claims["azp"], claims["amr"] = []string{"a", "b"}, "b", []string{"pwd"}
	claims["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": map[string][]string{"team": {"x"}}, "transitive_tag_keys": []string{"team"}}
	got, err := oidc.Parse(i.Sign(t, jose.ES256, claims))
	if err != nil || len(got.Audience) != 2 || got.Authorized != "b" || got.Methods[0] != "pwd" || got.Tags["team"][0] != "x" || got.Transitive[0] != "team" || time.Until(got.Expires) < time.Minute {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestKeysAreRemembered: one fetch serves many tokens, a new key is found
// without a restart, and an unknown one does not make the provider be asked
// without end.
func TestKeysAreRemembered(t *testing.T) {
	i := oidctest.New(t)
	var mu sync.Mutex
	now := time.Now()
	f := oidc.NewFetcher(oidc.Config{Roots: i.Roots, Loopback: true, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	later := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	asked := func(want int32, when string) {
		t.Helper()
		if got := i.Asked.Load(); got != want {
			t.Errorf("%s: asked %d times, want %d", when, got, want)
		}
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := verify(t, f, i, i.Sign(t, jose.ES256, i.Claims("client", "me"))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	asked(1, "many tokens at once")
	i.Rotate(t)
	fresh := i.Sign(t, jose.ES256, i.Claims("client", "me"))
	if err := verify(t, f, i, fresh); !errors.Is(err, oidc.ErrUnknownKey) {
		t.Errorf("a new key just after a fetch: %v", err)
	}
	later(11 * time.Second)
	if err := verify(t, f, i, fresh); err != nil {
		t.Errorf("a new key: %v", err)
	}
	asked(2, "a new key")
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) })
	i.Answer.Store(&broken)
	later(2 * time.Hour)
	if err := verify(t, f, i, fresh); err != nil {
		t.Errorf("while the provider is away: %v", err)
	}
	later(25 * time.Hour)
	if err := verify(t, f, i, fresh); !errors.As(err, new(*oidc.Unreachable)) {
		t.Errorf("a day after it went: %v", err)
	}
	i.Answer.Store(nil)
	if err := verify(t, f, i, fresh); !errors.As(err, new(*oidc.Unreachable)) {
		t.Errorf("at once after a failure: %v", err)
	}
	later(11 * time.Second)
	if err := verify(t, f, i, fresh); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

func TestWhoIsAsked(t *testing.T) {
	i := oidctest.New(t)
	text := i.Sign(t, jose.ES256, i.Claims("client", "me"))
	none := x509.NewCertPool()
	for name, test := range map[string]struct {
		config oidc.Config
		prints []string
		want   string
	}{
		"a thumbprint":       {oidc.Config{Roots: none, Loopback: true}, []string{i.Thumbprint}, ""},
		"another thumbprint": {oidc.Config{Roots: none, Loopback: true}, []string{strings.Repeat("0", 40)}, "no thumbprint"},
		"no trust":           {oidc.Config{Roots: none, Loopback: true}, nil, "no thumbprint"},
		"this machine":       {oidc.Config{Roots: i.Roots}, nil, "is not asked for keys"},
	} {
		err := verify(t, oidc.NewFetcher(test.config), i, text, test.prints...)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := oidc.NewFetcher(oidc.Config{Loopback: true})
	if got, err := f.Thumbprint(t.Context(), i.URL); err != nil || got != i.Thumbprint {
		t.Errorf("the thumbprint is %s, %v", got, err)
	}
	if _, err := oidc.NewFetcher(oidc.Config{}).Thumbprint(t.Context(), i.URL); err == nil {
		t.Error("this machine was asked for its thumbprint")
	}
	// The certificate is for 127.0.0.1 and example.com; by another name it is
	// another's, whatever is trusted.
	byName := strings.Replace(i.URL, "127.0.0.1", "localhost", 1)
	token, err := oidc.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []oidc.Provider{{Issuer: byName}, {Issuer: byName, Thumbprints: []string{i.Thumbprint}}} {
		f := oidc.NewFetcher(oidc.Config{Roots: i.Roots, Loopback: true})
		if err := f.Verify(t.Context(), p, token); err == nil || !strings.Contains(err.Error(), "localhost") {
			t.Errorf("by another name: %v", err)
		}
	}
}

func TestBadAnswers(t *testing.T) {
	i := oidctest.New(t)
	keys, err := json.Marshal(i.Published())
	if err != nil {
		t.Fatal(err)
	}
	document := func(issuer, at string) string { return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, at) }
	for name, test := range map[string]struct{ discovery, keys string }{
		"another issuer":  {document("https://example.com", i.URL+"/keys"), string(keys)},
		"keys over HTTP":  {document(i.URL, strings.Replace(i.URL, "https", "http", 1)+"/keys"), string(keys)},
		"no keys' place":  {document(i.URL, ""), string(keys)},
		"no JSON":         {"<html>", string(keys)},
		"a large one":     {document(i.URL, i.URL+"/keys") + strings.Repeat(" ", 64<<10), string(keys)},
		"keys not JSON":   {document(i.URL, i.URL+"/keys"), "<html>"},
		"large keys":      {document(i.URL, i.URL+"/keys"), string(keys) + strings.Repeat(" ", 512<<10)},
		"too many keys":   {document(i.URL, i.URL+"/keys"), `{"keys":[` + strings.Repeat("{},", 200) + `{}]}`},
		"a redirect":      {"", string(keys)},
		"secrets as keys": {document(i.URL, i.URL+"/keys"), `{"keys":[{"kty":"oct","k":"AAAA","kid":"0"}]}`},
	} {
		answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/keys":
				_, _ = w.Write([]byte(test.keys))
			case test.discovery == "":
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
			default:
				_, _ = w.Write([]byte(test.discovery))
			}
		})
		i.Answer.Store(&answer)
		f := oidc.NewFetcher(oidc.Config{Roots: i.Roots, Loopback: true})
		if err := verify(t, f, i, i.Sign(t, jose.ES256, i.Claims("client", "me"))); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestManyKeys: more keys of a kind than AWS takes are refused.
func TestManyKeys(t *testing.T) {
	short, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := jose.JSONWebKeySet{}
	for range 100 {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: short.Public(), KeyID: "k"})
	}
	parse := func() error {
		data, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		_, err = oidc.ParseKeys(data)
		return err
	}
	if err := parse(); err != nil {
		t.Error(err)
	}
	set.Keys = append(set.Keys, set.Keys[0])
	if parse() == nil {
		t.Error("101 keys are taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EiLCJhdWQiOlsiYiJdLCJzdWIiOiJjIiwiZXhwIjoxZTl9.AAAA")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := oidc.Parse(text)
		if err == nil && (token.Issuer == "" || token.Subject == "" || len(token.Audience) == 0 || token.Expires.IsZero()) {
			t.Errorf("%+v", token)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"1"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		token, err := oidc.Parse("eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwczovL2EiLCJhdWQiOlsiYiJdLCJzdWIiOiJjIiwiZXhwIjoxZTl9.AAAA")
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := oidc.ParseKeys(data); err == nil && token.Verify(keys) == nil {
			t.Error("a signature of nothing is good")
		}
	})
}
