package server

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/aws/acmpca"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/msk"
	"github.com/millrace/millrace/aws/secretsmanager"
	"github.com/millrace/millrace/fleet"
	"github.com/millrace/millrace/kafka/sasl"
)

// accessSources is where clusters' users and authorities come from.
type accessSources struct {
	msk     *msk.Service
	secrets *secretsmanager.Service
	pca     *acmpca.Service
}

// access keeps who may log in to one running cluster: the users of its
// associated secrets, and the authorities of clients' certificates. It follows
// the store: what changes there acts with the next login, and on the next
// request of a user who is gone. credential and clientCertificates may be called
// concurrently.
type access struct {
	from accessSources
	spec atomic.Pointer[fleet.Spec]
	log  *slog.Logger

	users atomic.Pointer[map[string]sasl.Credential] // by name, for SCRAM-SHA-512
	trust atomic.Pointer[x509.CertPool]

	known map[string]scramEntry // by secret; of refresh alone

	cancel  context.CancelFunc
	running sync.WaitGroup
}

// scramEntry is the user that a version of a secret names, or why it names none.
type scramEntry struct {
	version string
	user    string
	cred    sasl.Credential
	failed  string
}

const (
	scramIterations = 4096 // Kafka's least, and what MSK has
	scramSaltBytes  = 24
	accessInterval  = time.Minute // between looks without news
)

// openAccess reads what there is and follows it until close.
func openAccess(ctx context.Context, from accessSources, spec fleet.Spec, log *slog.Logger) (*access, error) {
	a := &access{from: from, log: log, known: map[string]scramEntry{}, cancel: func() {}}
	a.users.Store(&map[string]sasl.Credential{})
	a.trust.Store(x509.NewCertPool())
	return a, a.retarget(ctx, spec)
}

// retarget follows what another spec of the cluster names. On error nothing is
// followed.
func (a *access) retarget(ctx context.Context, spec fleet.Spec) error {
	a.close()
	a.spec.Store(&spec)
	if !a.needed() {
		return nil
	}
	associated, stopAssociated := a.from.msk.WatchScramSecrets(spec.Account, spec.Region)
	values, stopValues := a.from.secrets.Watch(spec.Account, spec.Region)
	authorities, stopAuthorities := a.from.pca.Watch(spec.Account, spec.Region)
	stop := func() { stopAssociated(); stopValues(); stopAuthorities() }
	if err := a.refresh(ctx); err != nil {
		stop()
		return fmt.Errorf("read the cluster's users: %w", err)
	}
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	a.running.Go(func() {
		defer stop()
		a.follow(following, associated, values, authorities)
	})
	return nil
}

func (a *access) needed() bool {
	return slices.Contains(a.spec.Load().Listeners, string(msk.SCRAM)) || len(a.spec.Load().Authorities) > 0
}

// close stops following.
func (a *access) close() {
	a.cancel()
	a.running.Wait()
}

func (a *access) follow(ctx context.Context, news ...<-chan struct{}) {
	tick := time.NewTicker(accessInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-news[0]:
		case <-news[1]:
		case <-news[2]:
		case <-tick.C:
		}
		if err := a.refresh(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("read the cluster's users", "error", err)
		}
	}
}

// refresh reads the secrets and authorities. On error what is known stays.
func (a *access) refresh(ctx context.Context) error {
	if len(a.spec.Load().Authorities) > 0 {
		if err := a.refreshTrust(ctx); err != nil {
			return err
		}
	}
	arns, err := a.from.msk.ScramSecrets(ctx, a.spec.Load().ARN)
	if err != nil {
		return err
	}
	users, known := make(map[string]sasl.Credential, len(arns)), make(map[string]scramEntry, len(arns))
	for _, arn := range arns {
		e, err := a.entry(ctx, arn)
		if err != nil {
			return err
		}
		known[arn] = e
		if e.failed != "" {
			if a.known[arn].failed != e.failed {
				a.log.Warn("a secret makes no user", "secret", arn, "reason", e.failed)
			}
			continue
		}
		if _, taken := users[e.user]; !taken {
			users[e.user] = e.cred
		}
	}
	a.known = known
	a.users.Store(&users)
	return nil
}

// entry is the user of a secret. The password is hashed once for a version.
func (a *access) entry(ctx context.Context, arn string) (scramEntry, error) {
	c := itself(a.spec.Load().Account, a.spec.Load().Region)
	f, ok, err := a.from.secrets.Facts(ctx, c, arn)
	if err != nil {
		return scramEntry{}, err
	}
	if !ok || f.ARN != arn {
		return scramEntry{failed: "the secret does not exist"}, nil
	}
	if have := a.known[arn]; have.version == f.Version && f.Version != "" && have.failed == "" {
		return have, nil
	}
	value, version, err := a.from.secrets.Current(ctx, c, arn)
	if refused := (*model.Error)(nil); errors.As(err, &refused) {
		return scramEntry{failed: refused.Error()}, nil
	}
	if err != nil {
		return scramEntry{}, err
	}
	u, err := parseScramUser(value)
	if err != nil {
		return scramEntry{version: version, failed: err.Error()}, nil
	}
	cred, err := scramCredential(u.Password)
	return scramEntry{version: version, user: u.Username, cred: cred}, err
}

// scramCredential is what a server keeps of a password (RFC 5802 section 3).
func scramCredential(password string) (sasl.Credential, error) {
	salt := make([]byte, scramSaltBytes)
	rand.Read(salt)
	salted, err := pbkdf2.Key(sha512.New, password, salt, scramIterations, sha512.Size)
	if err != nil {
		return sasl.Credential{}, fmt.Errorf("hash a password: %w", err)
	}
	mac := func(text string) []byte {
		h := hmac.New(sha512.New, salted)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := sha512.Sum512(mac("Client Key"))
	return sasl.Credential{Salt: salt, StoredKey: stored[:], ServerKey: mac("Server Key"), Iterations: scramIterations}, nil
}

// credential finds a user of the associated secrets. MSK's are for SCRAM-SHA-512
// alone.
func (a *access) credential(mechanism, user string) (sasl.Credential, bool) {
	if mechanism != sasl.ScramSHA512 {
		return sasl.Credential{}, false
	}
	c, ok := (*a.users.Load())[user]
	return c, ok
}

// refreshTrust reads the authorities' certificates. One that is gone, or has no
// certificate yet, is not trusted.
func (a *access) refreshTrust(ctx context.Context) error {
	pool := x509.NewCertPool()
	for _, arn := range a.spec.Load().Authorities {
		f, ok, err := a.from.pca.Facts(ctx, itself(a.spec.Load().Account, a.spec.Load().Region), arn)
		if err != nil {
			return err
		}
		if ok && f.Certificate != nil {
			pool.AddCert(f.Certificate)
		}
	}
	a.trust.Store(pool)
	return nil
}

// clientCertificates is the TLS of a listener that asks for certificates while
// there are authorities: as they are at each handshake. Sessions are not resumed,
// which would leave the question out.
func (a *access) clientCertificates(base *tls.Config) *tls.Config {
	outer, inner := base.Clone(), base.Clone()
	inner.SessionTicketsDisabled = true
	outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		spec, c := a.spec.Load(), inner.Clone()
		if len(spec.Authorities) == 0 {
			return nil, nil // outer itself, whose ticket keys are its own
		}
		c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, a.trust.Load()
		if spec.CertificateOnly {
			c.ClientAuth = tls.RequireAndVerifyClientCert
		}
		return c, nil
	}
	return outer
}
