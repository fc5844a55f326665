package listener

import (
	"context"
	"net/netip"
	"time"

	"github.com/millrace/millrace/kafka/sasl"
	"github.com/millrace/millrace/throttle"
)

// Failed logins are answered late, as by Kafka
// (connection.failed.authentication.delay.ms), and later from an address that
// fails too often.
const (
	failureDelay     = 100 * time.Millisecond
	longFailureDelay = time.Second
)

// loginRule is how often a SCRAM user may fail from one address: after five
// failures no password opens, and each twelve seconds one more try counts.
var loginRule = throttle.Rule{Burst: 5, Every: 12 * time.Second, Keys: 1 << 16}

// NewLogins counts the failed logins of a cluster.
func NewLogins() *throttle.Failures { return throttle.New(loginRule) }

// Refusal is a request or a login that was refused.
type Refusal struct {
	Session   *Session // nil for a login
	Remote    netip.Addr
	Listener  string
	BrokerID  int32
	ClientID  string
	API       string    // Kafka's name of the request; SaslAuthenticate is a login
	Operation Operation // the first that was refused
	Denied    int       // how many were
	Mechanism string    // of a login
	User      string    // whom a login claims to be; "" when that is not known
	Reason    string    // why a login failed, or what refused a request: for records, not for the client
}

// tell hands a refusal on.
func (c *conn) tell(r Refusal) {
	if c.l.cfg.Refused != nil {
		r.Remote, r.Listener, r.BrokerID = c.remote, c.l.cfg.Name, c.l.cfg.BrokerID
		c.l.cfg.Refused(r)
	}
}

// loginKey is what failures are counted by: the user, or the mechanism, and the
// address or what one host has in IPv6.
func (c *conn) loginKey(user string) string {
	from := throttle.Source(c.remote)
	if user == "" {
		return from.String() + " " + c.auth.mechanism
	}
	return from.String() + " User:" + user
}

// saslOptions are the listener's for this connection.
func (c *conn) saslOptions() sasl.Options {
	o := c.l.sasl
	o.Locked = func(user string) bool { return c.l.cfg.Logins.Wait(c.loginKey(user), c.l.cfg.Now()) > 0 }
	return o
}

// failedLogin counts a failure, tells of it and waits until it may be answered.
func (c *conn) failedLogin(ctx context.Context, clientID string, f *sasl.Failure) error {
	c.l.counts.authFailures.Add(1)
	c.l.log.warn("authentication failed", "connection", c.id, "mechanism", c.auth.mechanism, "principal", c.principal(), "reason", f.Reason)
	c.tell(Refusal{Session: c.session, ClientID: clientID, API: "SaslAuthenticate", Mechanism: c.auth.mechanism, User: f.User, Reason: f.Reason})
	key, now, delay := c.loginKey(f.User), c.l.cfg.Now(), failureDelay
	if c.l.cfg.Logins.Wait(key, now) > 0 {
		delay = longFailureDelay
	}
	c.l.cfg.Logins.Failed(key, now)
	return c.l.pause(ctx, delay)
}
