package listener

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/kafka/sasl"
	"github.com/millrace/millrace/kafka/wire"
)

var (
	errUnsupportedVersion = kerr.UnsupportedVersion.Code
	errInvalidRequest     = kerr.InvalidRequest.Code
)

// auth is the SASL state of a connection.
type auth struct {
	mechanism string      // of the first authentication: it may not change
	server    sasl.Server // nil: no exchange is running
	raw       bool        // the exchange runs in frames without headers (SaslHandshake v0)
	expires   time.Time   // end of the session; zero: never
}

func (a *auth) expired(now time.Time) bool { return !a.expires.IsZero() && now.After(a.expires) }

// handshake is SaslHandshake: it picks the mechanism.
func (c *conn) handshake(ctx context.Context, h wire.Header, m *kmsg.SASLHandshakeRequest) error {
	resp := m.ResponseKind().(*kmsg.SASLHandshakeResponse)
	resp.SupportedMechanisms = slices.Clone(c.l.cfg.Mechanisms)
	switch {
	case len(c.l.cfg.Mechanisms) == 0:
		resp.ErrorCode = kerr.IllegalSaslState.Code
		return c.reply(ctx, h, resp)
	case c.auth.server != nil:
		return errors.New("SaslHandshake within an exchange")
	}
	var server sasl.Server
	err := fmt.Errorf("SASL mechanism %.40q is not enabled", m.Mechanism)
	if slices.Contains(c.l.cfg.Mechanisms, m.Mechanism) && (c.auth.mechanism == "" || c.auth.mechanism == m.Mechanism) {
		server, err = sasl.NewServer(m.Mechanism, c.saslOptions())
	}
	if err != nil {
		resp.ErrorCode = kerr.UnsupportedSaslMechanism.Code
		return c.refuse(ctx, h, resp, &sasl.Failure{Reason: err.Error()})
	}
	c.auth.mechanism, c.auth.server, c.auth.raw = m.Mechanism, server, m.Version == 0
	return c.reply(ctx, h, resp)
}

// refuse sends the last answer of a connection whose authentication failed.
func (c *conn) refuse(ctx context.Context, h wire.Header, resp kmsg.Response, f *sasl.Failure) error {
	if err := c.failedLogin(ctx, h.ClientID, f); err != nil {
		return err
	}
	if err := c.reply(ctx, h, resp); err != nil {
		return err
	}
	return errDrain
}

// authenticate is SaslAuthenticate: one step, also of re-authentication
// (KIP-368).
func (c *conn) authenticate(ctx context.Context, h wire.Header, m *kmsg.SASLAuthenticateRequest) error {
	resp := m.ResponseKind().(*kmsg.SASLAuthenticateResponse)
	resp.SASLAuthBytes = []byte{}
	if c.auth.server == nil {
		resp.ErrorCode = kerr.IllegalSaslState.Code
		if c.session != nil {
			resp.ErrorMessage = kmsg.StringPtr("SaslAuthenticate request received after successful authentication")
			return c.reply(ctx, h, resp)
		}
		return c.refuse(ctx, h, resp, &sasl.Failure{Reason: "SaslAuthenticate before SaslHandshake"})
	}
	out, lifetime, err := c.step(ctx, m.SASLAuthBytes)
	var f *sasl.Failure
	if errors.As(err, &f) {
		resp.ErrorCode, resp.ErrorMessage = kerr.SaslAuthenticationFailed.Code, &f.Text
		return c.refuse(ctx, h, resp, f)
	}
	if err != nil {
		return err
	}
	if out != nil {
		resp.SASLAuthBytes = out
	}
	resp.SessionLifetimeMillis = lifetime.Milliseconds()
	return c.reply(ctx, h, resp)
}

// rawToken is a step after SaslHandshake v0: frames are the tokens themselves,
// and a failure has no answer.
func (c *conn) rawToken(ctx context.Context) error {
	var size [4]byte
	if _, err := io.ReadFull(c.r, size[:]); err != nil {
		return err
	}
	n := int32(binary.BigEndian.Uint32(size[:]))
	if n < 0 || n > wire.MaxFrameBeforeAuth {
		return fmt.Errorf("SASL token of %d bytes", n)
	}
	in := make([]byte, n)
	if _, err := io.ReadFull(c.r, in); err != nil {
		return err
	}
	out, _, err := c.step(ctx, in)
	var f *sasl.Failure
	if errors.As(err, &f) {
		if err := c.failedLogin(ctx, "", f); err != nil {
			return err
		}
		return errDrain
	}
	if err != nil {
		return err
	}
	if c.auth.server == nil {
		c.auth.raw = false
	}
	return c.out.push(ctx, &pending{0, func(context.Context) kmsg.Response { return &rawToken{token: out} }, 0, nil, 0, measure.Times{}, nil})
}

// rawToken as a response is a token without a header.
type rawToken struct {
	kmsg.SASLAuthenticateResponse
	token []byte
}

func (t *rawToken) frame() []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(t.token))), t.token...)
}

// step runs one step of the exchange. With the last one the session begins, or
// goes on under the same principal; lifetime is what is left of it, 0 for ever.
func (c *conn) step(ctx context.Context, in []byte) (out []byte, lifetime time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, saslTimeout)
	defer cancel()
	if c.session == nil && !c.l.mayConnect(c.auth.mechanism) {
		return nil, 0, sasl.TooManyConnects()
	}
	out, id, err := c.auth.server.Step(ctx, in)
	if err != nil || id == nil {
		return out, 0, err
	}
	if c.session != nil && (c.session.Identity.Type != id.Type || c.session.Identity.Name != id.Name) {
		text := fmt.Sprintf("Cannot change principals during re-authentication from %s.%s: %s.%s",
			c.session.Identity.Type, c.session.Identity.Name, id.Type, id.Name)
		return nil, 0, &sasl.Failure{Text: text, Reason: text}
	}
	now := c.l.cfg.Now()
	if !id.Expires.IsZero() && id.Expires.Sub(now) < shortestSession {
		return nil, 0, sasl.TooShort()
	}
	s := c.newSession(*id)
	if !c.may(ctx, s, Operation{Op: Connect, Resource: Cluster}) {
		return nil, 0, sasl.AccessDenied(id.String() + " may not Connect")
	}
	c.auth.server, c.auth.expires = nil, sessionEnd(*id, c.l.cfg.SessionMax, now)
	c.session = s
	c.known()
	if !c.auth.expires.IsZero() {
		lifetime = c.auth.expires.Sub(now)
	}
	return out, lifetime, nil
}

// mayConnect counts a login with IAM and says whether it comes too soon.
func (l *Listener) mayConnect(mechanism string) bool {
	if mechanism != sasl.AWSMSKIAM && mechanism != sasl.OAuthBearer {
		return true
	}
	l.cfg.Measure.IAMRequests.Add(1)
	q := l.cfg.Quotas
	if q == nil || q.IAM == nil {
		return true
	}
	now := l.cfg.Now()
	if q.IAM.Wait("", now) > 0 {
		l.cfg.Measure.IAMTooMany.Add(1)
		return false
	}
	q.IAM.Failed("", now)
	return true
}

// sessionEnd is the earlier of the identity's end and the listener's maximum.
func sessionEnd(id sasl.Identity, longest time.Duration, now time.Time) time.Time {
	if longest == 0 && id.Type == "IAM" {
		longest = defaultIAMSession
	}
	if longest == 0 || !id.Expires.IsZero() && id.Expires.Before(now.Add(longest)) {
		return id.Expires
	}
	return now.Add(longest)
}

// apiVersions is what this listener serves. An unknown version is answered in
// version 0 with the versions of ApiVersions alone (KIP-511), any other error
// with nothing.
func (l *Listener) apiVersions(version, code int16) kmsg.Response {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.Version, resp.ErrorCode = version, code
	if code != 0 && code != errUnsupportedVersion {
		return resp
	}
	for _, r := range l.line.Ranges {
		if code != 0 && r.Key != keyApiVersions {
			continue
		}
		resp.ApiKeys = append(resp.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: r.Key, MinVersion: r.Min, MaxVersion: r.Max})
	}
	epoch, levels := l.finalized()
	resp.FinalizedFeaturesEpoch = epoch
	for _, f := range l.line.Features {
		if f.Min > 0 || version >= 4 { // version 3 knows no minimum of 0
			resp.SupportedFeatures = append(resp.SupportedFeatures, kmsg.ApiVersionsResponseSupportedFeature{Name: f.Name, MinVersion: f.Min, MaxVersion: f.Max})
		}
		if level := levels[f.Name]; level > 0 {
			resp.FinalizedFeatures = append(resp.FinalizedFeatures, kmsg.ApiVersionsResponseFinalizedFeature{Name: f.Name, MinVersionLevel: level, MaxVersionLevel: level})
		}
	}
	return resp
}

// finalized is the levels of features and their epoch, -1 for a line without
// any.
func (l *Listener) finalized() (epoch int64, levels map[string]int16) {
	if l.cfg.Features != nil && len(l.line.Features) > 0 {
		return l.cfg.Features()
	}
	epoch, levels = -1, make(map[string]int16)
	for _, f := range l.line.Features {
		if f.Finalized > 0 {
			epoch, levels[f.Name] = 0, f.Finalized
		}
	}
	return epoch, levels
}

// softwareName is what KIP-511 allows as a client's name and version.
func softwareName(s string) bool {
	const ends = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return s != "" && strings.Trim(s, ends+"-.") == "" && strings.Trim(s[:1]+s[len(s)-1:], ends) == ""
}
