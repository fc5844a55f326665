package oidc

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How providers are asked.
const (
	fetchTimeout = 5 * time.Second  // of both documents together, as AWS's is
	fetchAgain   = 10 * time.Second // at the soonest, after a failure or for a key that is not known
	fetchOld     = time.Hour        // keys older than this are fetched again
	fetchLost    = 24 * time.Hour   // keys that could not be fetched again for so long are forgotten
	maxProviders = 1000             // whose keys are remembered; beyond, remembering starts over
	maxFetches   = 16               // at a time
)

// Provider is whom a Fetcher asks.
type Provider struct {
	Issuer      string   // https://HOST[:PORT][/PATH], as tokens name it
	Thumbprints []string // SHA-1 of certificates in lower hexadecimal, which are trusted beside the roots
}

// key is what is remembered under: another thumbprint asks anew.
func (p Provider) key() string { return p.Issuer + " " + strings.Join(p.Thumbprints, " ") }

// Config is what a Fetcher is made of. The zero value works.
type Config struct {
	Roots    *x509.CertPool   // nil: the system's
	Loopback bool             // providers may be on this machine
	Now      func() time.Time // nil is the clock
}

// Fetcher asks providers for their keys and remembers them. Its methods may be
// called concurrently; a provider is asked once at a time.
type Fetcher struct {
	cfg    Config
	places chan struct{} // capacity maxFetches

	mu    sync.Mutex
	known map[string]*entry // guarded by mu; at most maxProviders
}

// entry is what is known of a provider.
type entry struct {
	keys  *Keys
	got   time.Time     // when keys were fetched
	err   error         // why there are none
	asked time.Time     // when the last fetch ended
	busy  chan struct{} // closed when the fetch under way has ended; nil: none is
}

// NewFetcher makes a Fetcher.
func NewFetcher(cfg Config) *Fetcher {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Fetcher{cfg: cfg, places: make(chan struct{}, maxFetches), known: map[string]*entry{}}
}

// Verify checks a token's signature with its provider's keys, which are asked
// for when they are not known, are old, or lack the token's. Errors: *Unreachable
// when the provider gave no keys, and those of Token.Verify.
func (f *Fetcher) Verify(ctx context.Context, p Provider, t *Token) error {
	keys, asked, err := f.keys(ctx, p, time.Time{})
	if err != nil {
		return err
	}
	if err = t.Verify(keys); !errors.Is(err, ErrUnknownKey) {
		return err
	}
	if keys, _, err = f.keys(ctx, p, asked); err != nil { // the provider has changed its keys
		return err
	}
	return t.Verify(keys)
}

// keys answers a provider's keys, and when they were fetched; only those fetched
// after the given time, unless that was just now.
func (f *Fetcher) keys(ctx context.Context, p Provider, after time.Time) (*Keys, time.Time, error) {
	for {
		f.mu.Lock()
		e := f.known[p.key()]
		if e == nil {
			if len(f.known) >= maxProviders {
				clear(f.known)
			}
			e = &entry{}
			f.known[p.key()] = e
		}
		now := f.cfg.Now()
		switch age := now.Sub(e.asked); {
		case e.busy != nil:
		case age < fetchAgain, e.err == nil && age < fetchOld && e.asked.After(after):
			defer f.mu.Unlock()
			return e.keys, e.asked, e.err
		default:
			e.busy = make(chan struct{})
			go f.fetch(context.WithoutCancel(ctx), p, e) // ends by fetchTimeout
		}
		busy := e.busy
		f.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, time.Time{}, ctx.Err()
		}
	}
}

// Unreachable is why a provider's keys are not known.
type Unreachable struct {
	Cause      error
	Thumbprint bool // its certificate is neither of the roots nor of the thumbprints
}

// Error says what was wrong, for the log.
func (u *Unreachable) Error() string { return "ask the provider for its keys: " + u.Cause.Error() }

// Unwrap is the cause.
func (u *Unreachable) Unwrap() error { return u.Cause }

// fetch asks and notes the answer. Good keys outlive a failure to renew them.
func (f *Fetcher) fetch(ctx context.Context, p Provider, e *entry) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	keys, err := f.ask(ctx, p)
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.asked = f.cfg.Now(); err == nil {
		e.keys, e.got, e.err = keys, e.asked, nil
	} else if e.keys == nil || e.asked.Sub(e.got) > fetchLost {
		e.keys, e.err = nil, &Unreachable{Cause: err, Thumbprint: errors.Is(err, errCertificate)}
	}
	close(e.busy)
	e.busy = nil
}

func (f *Fetcher) ask(ctx context.Context, p Provider) (*Keys, error) {
	select {
	case f.places <- struct{}{}:
		defer func() { <-f.places }()
	case <-ctx.Done():
		return nil, errors.New("too many providers are being asked")
	}
	client := f.client(p.Thumbprints)
	defer client.CloseIdleConnections()
	at, err := url.Parse(strings.TrimSuffix(p.Issuer, "/") + "/.well-known/openid-configuration")
	if err != nil || at.Scheme != "https" {
		return nil, errors.New("the issuer is no URL of https")
	}
	data, err := get(ctx, client, at, maxDiscovery)
	if err != nil {
		return nil, fmt.Errorf("the discovery document: %w", err)
	}
	if at, err = parseDiscovery(data, p.Issuer); err != nil {
		return nil, err
	}
	if data, err = get(ctx, client, at, maxKeySet); err != nil {
		return nil, fmt.Errorf("the key set: %w", err)
	}
	return ParseKeys(data)
}

// get reads a document of at most limit bytes.
func get(ctx context.Context, client *http.Client, at *url.URL, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("larger than %d bytes", limit)
	}
	return data, err
}

// client speaks HTTPS to the addresses that are allowed, and follows nothing.
func (f *Fetcher) client(thumbprints []string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			MaxResponseHeaderBytes: 64 << 10, MaxConnsPerHost: 1,
			DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return f.dial(ctx, network, address, func(c tls.ConnectionState, host string) error { return f.trusted(c, host, thumbprints) })
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dial opens TLS to an address that is allowed. check is all that looks at the
// certificate: it knows thumbprints, as the usual verification does not.
func (f *Fetcher) dial(ctx context.Context, network, address string, check func(c tls.ConnectionState, host string) error) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := tls.Dialer{
		NetDialer: &net.Dialer{ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error { return f.allowed(address) }},
		Config: &tls.Config{
			ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true,
			VerifyConnection: func(c tls.ConnectionState) error { return check(c, host) },
		},
	}
	return d.DialContext(ctx, network, address)
}

// allowed refuses addresses where no provider can be: those of this machine,
// unless that is wanted, of a link, where clouds tell machines their
// credentials, and of many.
func (f *Fetcher) allowed(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().Unmap()
	switch {
	case ip.IsLoopback() && f.cfg.Loopback:
		return nil
	case ip.IsLoopback(), ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast():
		return fmt.Errorf("the address %s is not asked for keys", ip)
	}
	return nil
}

var errCertificate = errors.New("the certificate is of no trusted authority and of no thumbprint")

// trusted checks a server's certificate: by the roots, or else by one of the
// certificates that it shows itself and that a thumbprint names. "Obtain the
// thumbprint for an OpenID Connect identity provider"
func (f *Fetcher) trusted(c tls.ConnectionState, host string, thumbprints []string) error {
	options := x509.VerifyOptions{DNSName: host, Roots: f.cfg.Roots, Intermediates: x509.NewCertPool(), CurrentTime: f.cfg.Now()}
	for _, cert := range c.PeerCertificates[1:] {
		options.Intermediates.AddCert(cert)
	}
	_, err := c.PeerCertificates[0].Verify(options)
	if err == nil {
		return nil
	}
	options.Roots = x509.NewCertPool()
	for _, cert := range c.PeerCertificates {
		if slices.Contains(thumbprints, thumbprint(cert)) {
			options.Roots.AddCert(cert)
		}
	}
	if _, again := c.PeerCertificates[0].Verify(options); again != nil {
		return fmt.Errorf("%w: %w", errCertificate, err)
	}
	return nil
}

func thumbprint(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// Thumbprint is that of the last certificate that a provider shows now: of the
// authority, as far as it tells it. It trusts what it sees.
func (f *Fetcher) Thumbprint(ctx context.Context, issuer string) (string, error) {
	at, err := url.Parse(issuer)
	if err != nil || at.Scheme != "https" || at.Hostname() == "" {
		return "", errors.New("the issuer is no URL of https")
	}
	port := at.Port()
	if port == "" {
		port = "443"
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	believe := func(tls.ConnectionState, string) error { return nil } // nothing is sent
	conn, err := f.dial(ctx, "tcp", net.JoinHostPort(at.Hostname(), port), believe)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	shown := conn.(*tls.Conn).ConnectionState().PeerCertificates
	return thumbprint(shown[len(shown)-1]), nil
}
