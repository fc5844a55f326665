package listener

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/kafka/sasl"
	"github.com/millrace/millrace/kafka/wire"
)

const (
	keySaslHandshake    = 17
	keyApiVersions      = 18
	keySaslAuthenticate = 36
)

// errDrain ends a connection after the answers given so far are sent.
var errDrain = errors.New("close after the last answer")

// conn is one connection. Its fields belong to the reader, but for out.
type conn struct {
	l       *Listener
	nc      net.Conn
	id      string
	remote  netip.Addr
	r       *bufio.Reader
	out     *sender
	held    *held
	auth    auth
	session *Session      // nil before authentication
	muted   atomic.Int64  // until when requests wait, in nanoseconds since the listener began
	known   func()        // it is a stranger no more; may be called again
	key     int16         // of the request being read, and when it came so far
	times   measure.Times // likewise
	cancel  context.CancelFunc
}

// serveConn is the reader: it runs until the connection ends.
func (l *Listener) serveConn(nc net.Conn, h *held) {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	c := &conn{l: l, nc: nc, held: h, cancel: cancel, remote: remoteAddr(nc)}
	c.id = fmt.Sprintf("%v-%v-%d", nc.LocalAddr(), nc.RemoteAddr(), l.serial.Add(1))
	c.known = sync.OnceFunc(func() { l.gauge.Strangers.Add(-1) })
	defer c.known()
	if l.gauge.Strangers.Add(1) > int64(l.cfg.MaxStrangers) {
		l.counts.refused.Add(1)
		l.log.warn("connection refused", "remote", nc.RemoteAddr(), "reason", "too many connections that are not authenticated")
		return
	}
	if err := c.open(ctx); err != nil {
		l.log.warn("connection not opened", "connection", c.id, "reason", err)
		return
	}
	defer c.nc.Close() // with TLS's own goodbye
	c.out = newSender(c.nc, sendTimeout)
	var writer sync.WaitGroup
	writer.Go(func() { c.write(ctx) })
	err := c.read(ctx)
	if !errors.Is(err, errDrain) {
		cancel()
		nc.Close()
	}
	c.out.end()
	writer.Wait()
	if errors.Is(err, errDrain) && l.draining.Load() && !h.served.Load() {
		abort(nc)
	}
	if !quiet(err) {
		l.log.warn("connection closed", "connection", c.id, "principal", c.principal(), "reason", err)
	}
}

// quiet errors are how connections end every day.
func quiet(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, errDrain) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, context.Canceled) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func remoteAddr(nc net.Conn) netip.Addr {
	ap, _ := netip.ParseAddrPort(nc.RemoteAddr().String()) // a pipe has none
	return ap.Addr().Unmap()
}

// open shakes hands over TLS and, without SASL, says who it is.
func (c *conn) open(ctx context.Context) error {
	var subject string
	if c.l.cfg.TLS != nil {
		t := tls.Server(c.nc, c.l.cfg.TLS)
		hctx, cancel := context.WithTimeout(ctx, tlsTimeout)
		defer cancel()
		if err := t.HandshakeContext(hctx); err != nil {
			return fmt.Errorf("TLS handshake: %w", err)
		}
		if certs := t.ConnectionState().VerifiedChains; len(certs) > 0 {
			var ok bool
			if subject, ok = javaName(certs[0][0].RawSubject); !ok {
				return errors.New("the client's certificate has no subject")
			}
		}
		c.nc = t
	}
	c.r = bufio.NewReaderSize(c, 16<<10)
	if len(c.l.cfg.Mechanisms) > 0 {
		return c.nc.SetReadDeadline(time.Now().Add(saslTimeout))
	}
	id := sasl.Identity{Type: "User", Name: Anonymous}
	switch {
	case c.l.cfg.Identity.Name != "":
		id = c.l.cfg.Identity
	case subject != "":
		id.Name = subject
	}
	c.session = c.newSession(id)
	c.known()
	_, err := c.outlast()
	return err
}

// Read reads from the peer until the connection has been idle for too long:
// nothing came and nothing was sent. A stranger has until the deadline that is
// set.
func (c *conn) Read(p []byte) (n int, err error) {
	for {
		n, err = c.nc.Read(p)
		if n > 0 {
			c.l.touch(c.held)
			return n, err
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.session == nil {
			return n, err
		}
		if more, setErr := c.outlast(); !more || setErr != nil {
			return n, errors.Join(err, setErr)
		}
	}
}

// outlast has the peer read from until it will have been idle for too long, and
// reports whether that is not now. What ends with the listener's draining stays.
func (c *conn) outlast() (more bool, err error) {
	var deadline time.Time
	if most := c.l.cfg.IdleMax; most >= 0 {
		deadline = c.l.began.Add(time.Duration(c.held.active.Load()) + most)
		more = time.Now().Before(deadline)
	} else {
		more = true
	}
	if !more || c.l.draining.Load() {
		return false, nil
	}
	err = c.nc.SetReadDeadline(deadline)
	if c.l.draining.Load() { // its own deadline may have come before this one
		err = c.nc.SetReadDeadline(time.Unix(1, 0))
	}
	return true, err
}

func (c *conn) newSession(id sasl.Identity) *Session {
	return &Session{
		Identity: id, Listener: c.l.cfg.Name, BrokerID: c.l.cfg.BrokerID, RemoteAddr: c.remote,
		principal: id.String(), host: c.remote.String(),
	}
}

func (c *conn) principal() string {
	if c.session == nil {
		return ""
	}
	return c.session.Identity.String()
}

// read takes requests one by one until one of them ends the connection.
func (c *conn) read(ctx context.Context) error {
	for {
		limit := c.l.cfg.RequestBytes
		if c.session == nil {
			limit = min(limit, wire.MaxFrameBeforeAuth)
		}
		if c.l.draining.Load() {
			return errDrain
		}
		var err error
		if c.auth.raw {
			err = c.rawToken(ctx)
		} else {
			err = c.next(ctx, limit)
		}
		if c.l.draining.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
			return errDrain
		}
		if err != nil {
			return err
		}
	}
}

// next reads one request and takes it up to its place in the queue of answers. A
// Produce is read into memory that serves the next one when its records are in
// the log; the strings of a request are never in its frame.
func (c *conn) next(ctx context.Context, limit int) error {
	if c.session == nil || wire.NextKey(c.r) != keyProduce {
		return c.nextIn(ctx, limit, new([]byte))
	}
	memory := c.l.frames.Get().(*[]byte)
	err := c.nextIn(ctx, limit, memory)
	if err == nil && cap(*memory) <= maxKeptFrame {
		c.l.frames.Put(memory)
	}
	return err
}

// nextIn is next in some memory, which grows as it must.
func (c *conn) nextIn(ctx context.Context, limit int, memory *[]byte) error {
	frame, err := wire.ReadFrame(c.r, limit, *memory)
	if err != nil {
		return err
	}
	*memory = frame
	if err := c.waitMuted(ctx); err != nil {
		return err
	}
	return c.request(ctx, frame)
}

// request takes one request up to its place in the queue of answers.
func (c *conn) request(ctx context.Context, frame []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.panicked(p)
		}
	}()
	c.times = measure.Times{Read: time.Now()}
	h, body, err := wire.ParseHeader(frame)
	if err != nil {
		return err
	}
	c.key = h.Key
	c.l.counts.requests.Add(1)
	own := h.Key == keyApiVersions || h.Key == keySaslHandshake || h.Key == keySaslAuthenticate
	if !own && (c.session == nil || c.auth.server != nil) {
		return fmt.Errorf("request %d before authentication", h.Key)
	}
	if !own && c.auth.expired(c.l.cfg.Now()) {
		return errors.New("session expired without re-authentication")
	}
	rg, ok := c.l.line.Range(h.Key)
	if served := ok && h.Version >= rg.Min && h.Version <= rg.Max; !served && h.Key == keyApiVersions {
		return c.reply(ctx, h, c.l.apiVersions(0, errUnsupportedVersion))
	} else if !served {
		return fmt.Errorf("API key %d version %d is not served", h.Key, h.Version)
	}
	msg, err := wire.Decode(h.Key, h.Version, body)
	if err != nil {
		return err
	}
	c.times.Judged = time.Now()
	if own {
		return c.ownRequest(ctx, h, msg)
	}
	c.l.cfg.Measure.Request(h.Key).Bytes.Observe(int64(len(frame)))
	bill := c.charge(h)
	answer := c.authorized(ctx, h, msg, bill)
	bill.handled(msg, len(frame)+4) // with its size, as Kafka counts
	if answer == nil {
		c.unanswered(h.Key)
		return nil
	}
	c.times.Handled = time.Now()
	return c.out.push(ctx, &pending{h.CorrelationID, answer, len(frame), bill, c.key, c.times, c.toTell(h)})
}

// unanswered counts a request that needs no answer: acks=0.
func (c *conn) unanswered(key int16) {
	t, now := c.times, time.Now()
	t.Handled, t.Taken, t.Ready, t.Sent = now, now, now, now
	c.l.cfg.Measure.Request(key).Done(t)
}

func (c *conn) panicked(p any) error {
	c.l.counts.panics.Add(1)
	c.l.cfg.Log.Error("panic while serving a request", "connection", c.id, "panic", p, "stack", string(debug.Stack()))
	return errors.New("panic")
}

// reply queues an answer that is ready.
func (c *conn) reply(ctx context.Context, h wire.Header, resp kmsg.Response) error {
	t := c.times
	if t.Handled = time.Now(); t.Judged.IsZero() { // refused before it was decoded
		t.Judged = t.Handled
	}
	return c.out.push(ctx, &pending{h.CorrelationID, func(context.Context) kmsg.Response { return resp }, 0, nil, h.Key, t, c.toTell(h)})
}

func (c *conn) ownRequest(ctx context.Context, h wire.Header, msg kmsg.Request) error {
	switch m := msg.(type) {
	case *kmsg.ApiVersionsRequest:
		code := int16(0)
		if m.Version >= 3 && !(softwareName(m.ClientSoftwareName) && softwareName(m.ClientSoftwareVersion)) {
			code = errInvalidRequest
		}
		return c.reply(ctx, h, c.l.apiVersions(m.Version, code))
	case *kmsg.SASLHandshakeRequest:
		return c.handshake(ctx, h, m)
	case *kmsg.SASLAuthenticateRequest:
		return c.authenticate(ctx, h, m)
	}
	return fmt.Errorf("unexpected message %T", msg)
}

// authorized asks the authorizer, and the backend for what is left.
func (c *conn) authorized(ctx context.Context, h wire.Header, msg kmsg.Request, bill *charge) Answer {
	s := c.session
	verdict := judge(ctx, c.l.cfg.Authorizer, c.l.cfg.Backend, s, msg)
	if len(verdict.denied) > 0 {
		c.l.counts.denied.Add(1)
		c.logDenied(ctx, h, s, verdict.denied)
	}
	c.tellAllowed(h, s, verdict.granted)
	if verdict.whole != nil {
		return func(context.Context) kmsg.Response { return verdict.whole }
	}
	r := &Request{
		Header: h, Msg: msg, Session: s, ConnID: c.id, charge: bill,
		May: func(op Operation) bool { return c.may(ctx, s, op) },
	}
	if h.Key == keyFetch {
		r.MayRead = verdict.inquiry.mayRead
	}
	answer := c.l.cfg.Backend.Handle(ctx, r)
	if answer == nil {
		return nil
	}
	answer = c.recorded(h, s, verdict.granted, answer)
	if h.Key == keyFetch {
		answer = c.whileGranted(s, h, verdict.granted, answer)
	}
	return func(ctx context.Context) kmsg.Response {
		resp := answer(ctx)
		if resp == nil || resp == CloseConnection {
			return resp
		}
		c.grant(ctx, s, msg, resp)
		if verdict.restore != nil {
			verdict.restore(resp)
		}
		return resp
	}
}

// logDenied writes one line about a request of which something was refused, and
// tells the auditor.
func (c *conn) logDenied(ctx context.Context, h wire.Header, s *Session, denied []Operation) {
	d := denied[0]
	args := []any{"connection", c.id, "principal", s.Identity.String(), "api", kmsg.NameForKey(h.Key),
		"operation", d.Op.String(), "resource", d.Resource.String(), "name", d.Name, "denied", len(denied)}
	why := ""
	if e, ok := c.l.cfg.Authorizer.(Explainer); ok {
		why = e.Why(ctx, s, d)
		args = append(args, "why", why)
	}
	c.l.log.warn("request denied", args...)
	c.tell(Refusal{Session: s, ClientID: h.ClientID, API: kmsg.NameForKey(h.Key), Operation: d, Denied: len(denied), Reason: why})
}

// whileGranted asks again when the answer to a request that may wait long is
// there: records that came after a right was taken back are not sent, and the
// connection ends, so that its client asks anew.
func (c *conn) whileGranted(s *Session, h wire.Header, granted []Operation, answer Answer) Answer {
	return func(ctx context.Context) kmsg.Response {
		resp := answer(ctx)
		var few [fewQuestions]bool
		allowed := append(few[:0], make([]bool, len(granted))...)
		c.l.cfg.Authorizer.Authorize(ctx, s, granted, allowed)
		if i := slices.Index(allowed, false); i >= 0 {
			c.logDenied(ctx, h, s, granted[i:i+1])
			return CloseConnection
		}
		return resp
	}
}

// may asks the authorizer about one operation.
func (c *conn) may(ctx context.Context, s *Session, op Operation) bool {
	var allowed [1]bool
	c.l.cfg.Authorizer.Authorize(ctx, s, []Operation{op}, allowed[:])
	return allowed[0]
}

// write runs the answers in order and sends them.
func (c *conn) write(ctx context.Context) {
	defer c.out.drainAndStop()
	for p := range c.out.queue {
		p.times.Taken = time.Now()
		err := c.answer(ctx, p)
		if err == nil && p.bytes > 0 {
			c.held.served.Store(true)
		}
		c.l.touch(c.held)
		if err == nil && !p.times.Read.IsZero() {
			c.sent(p)
		}
		c.out.done(p)
		if err != nil {
			c.cancel()
			c.out.drain()
			c.nc.Close()
			c.out.abandon()
			return
		}
	}
}

// sent counts a request whose answer is on its way.
func (c *conn) sent(p *pending) {
	p.times.Sent = time.Now()
	r := c.l.cfg.Measure.Request(p.key)
	r.Done(p.times)
	if p.charge != nil {
		r.Throttle.Observe(p.charge.wait.Microseconds())
	}
	if p.told != nil {
		c.tellCompleted(p)
	}
}

// answer waits for a response, encodes and sends it. While it waits the
// connection holds no memory to encode to.
func (c *conn) answer(ctx context.Context, p *pending) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = c.panicked(r)
		}
	}()
	resp := p.answer(ctx)
	p.times.Ready = time.Now()
	switch {
	case resp == nil:
		return nil
	case resp == CloseConnection:
		return io.EOF
	}
	if raw, ok := resp.(*rawToken); ok {
		return c.out.send(raw.frame())
	}
	out := c.l.answers.Get().(*encoded)
	p.charge.encode(out, p.correlation, resp)
	if f, ok := resp.(*Fetched); ok {
		err = c.out.sendPieces(out.pieces)
		f.Release()
	} else {
		err = c.out.send(out.frame)
	}
	clear(out.pieces)
	c.l.answers.Put(out) // what was not written was copied
	return err
}
