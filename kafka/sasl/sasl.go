// Package sasl is the server side of Kafka's SASL mechanisms as steps: bytes
// in, bytes out, and at the end who it is. It has those of MSK: SCRAM
// (RFC 5802), AWS_MSK_IAM and OAUTHBEARER (RFC 7628) with MSK's tokens.
//
// kafka/listener makes a Server per exchange and runs its steps. This package
// parses and checks all that needs no secret; whose signature a token bears is
// the Verifier's answer. It never opens a connection, never decides what an
// identity may do, and never logs.
package sasl

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"time"
)

// The mechanisms.
const (
	AWSMSKIAM   = "AWS_MSK_IAM"
	OAuthBearer = "OAUTHBEARER"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// maxMessage bounds one client message in bytes.
const maxMessage = 16 << 10

// Verifier knows the secrets behind tokens. The server supplies it from its IAM.
type Verifier interface {
	// VerifyToken checks the signature, its time and its credentials. Its error
	// is for the log only. It may be called concurrently.
	VerifyToken(ctx context.Context, t Token) (Identity, error)
}

// Token is a presigned request as an MSK client sends it: a GET of "/" on Host.
type Token struct {
	Mechanism string
	Method    string
	Host      string
	Query     url.Values // Action and X-Amz-*, decoded, one value each
	UserAgent string     // not signed
}

// Identity is who authenticated.
type Identity struct {
	Type, Name string    // "IAM", "arn:..." or "User", "alice"
	Expires    time.Time // when the token or its credentials end; zero: never
	Handle     any       // the Verifier's own, for the Authorizer
}

// String is Kafka's form of a principal.
func (i Identity) String() string { return i.Type + ":" + i.Name }

// Credential is a stored SCRAM credential; passwords are not kept.
type Credential struct {
	Salt, StoredKey, ServerKey []byte
	Iterations                 int
}

// Options are what the mechanisms need. They may be shared between servers.
type Options struct {
	Verifier Verifier               // nil: AWS_MSK_IAM and OAUTHBEARER cannot be made
	Hosts    func(host string) bool // names that AWS_MSK_IAM may be signed for; nil: none
	Region   string                 // the one region that tokens may be scoped to
	SCRAM    func(mechanism, user string) (Credential, bool)
	Locked   func(user string) bool // SCRAM users whom no password opens now; nil: none
	Decoy    []byte                 // secret that makes the salts of unknown users look real; nil: random per server
}

// Failure is a refused authentication: Text is for the client, Reason for the
// log. Neither holds a secret.
type Failure struct {
	Text   string
	Reason string
	User   string // whom a SCRAM client claims to be; "" when it did not get that far
}

func (f *Failure) Error() string { return f.Reason }

// AccessDenied is MSK's only answer to a refused IAM login.
func AccessDenied(reason string) *Failure {
	return &Failure{Text: "[" + newUUID() + "]: Access denied", Reason: reason}
}

// TooManyConnects is MSK's answer when a broker has had too many IAM logins.
func TooManyConnects() *Failure {
	return &Failure{Text: "[" + newUUID() + "]: Too many connects", Reason: "too many logins with IAM in a short time"}
}

// TooShort is MSK's answer to credentials that are about to end.
func TooShort() *Failure {
	return &Failure{Text: "[" + newUUID() + "]: Session too short", Reason: "the session would end at once"}
}

// Server is one exchange, used by one goroutine. After an error or an Identity
// it is over.
type Server interface {
	// Step takes a client message and returns the answer; id is set with the
	// last one. The error is a *Failure.
	Step(ctx context.Context, in []byte) (out []byte, id *Identity, err error)
}

// NewServer starts an exchange. It fails for an unknown mechanism, and for one
// whose part of the options is missing.
func NewServer(mechanism string, o Options) (Server, error) {
	switch {
	case mechanism == AWSMSKIAM && o.Verifier != nil:
		return &iamServer{o: o}, nil
	case mechanism == OAuthBearer && o.Verifier != nil:
		return &oauthServer{o: o}, nil
	case (mechanism == ScramSHA256 || mechanism == ScramSHA512) && o.SCRAM != nil:
		return newScram(mechanism, o), nil
	}
	return nil, fmt.Errorf("SASL mechanism %q is not configured", mechanism)
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
