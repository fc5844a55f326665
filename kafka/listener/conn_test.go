package listener

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	kgosasl "github.com/twmb/franz-go/pkg/sasl"
	kgoaws "github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/millrace/millrace/kafka/sasl"
	"github.com/millrace/millrace/kafka/wire"
)

func line(t testing.TB) wire.Line {
	l, err := wire.LineOf("3.9.x.kraft")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func header(req kmsg.Request) wire.Header {
	return wire.Header{Key: req.Key(), Version: req.GetVersion()}
}

// backend serves by function; nil serves like echo.
type backend struct {
	echo
	handle func(*Request) Answer
}

func (b *backend) Handle(ctx context.Context, r *Request) Answer {
	if b.handle != nil {
		return b.handle(r)
	}
	return b.echo.Handle(ctx, r)
}

type users struct {
	mu      sync.Mutex
	name    string    // under mu: whom tokens belong to
	expires time.Time // under mu
	connect bool      // under mu
}

func (u *users) VerifyToken(_ context.Context, t sasl.Token) (sasl.Identity, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.name == "" {
		return sasl.Identity{}, errors.New("unknown key")
	}
	return sasl.Identity{Type: "IAM", Name: u.name, Expires: u.expires}, nil
}

func (u *users) Authorize(_ context.Context, _ *Session, ops []Operation, allowed []bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, op := range ops {
		allowed[i] = op.Op != Connect || u.connect
	}
}

func scramCredential(_, user string) (sasl.Credential, bool) {
	salt := []byte("0123456789abcdef")
	salted, _ := pbkdf2.Key(sha512.New, "secret", salt, 4096, 64)
	mac := func(text string) []byte {
		h := hmac.New(sha512.New, salted)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := sha512.Sum512(mac("Client Key"))
	return sasl.Credential{Salt: salt, StoredKey: stored[:], ServerKey: mac("Server Key"), Iterations: 4096}, user == "alice"
}

// serve starts a listener on loopback.
func serve(t testing.TB, cfg Config) (*Listener, string) {
	t.Helper()
	if cfg.Backend == nil {
		cfg.Backend = &backend{}
	}
	if cfg.Authorizer == nil {
		cfg.Authorizer = AllowAll{}
	}
	cfg.Line, cfg.Region = line(t), "us-east-1"
	cfg.Hosts = func(h string) bool { return h == "127.0.0.1" || h == "localhost" }
	l := New(cfg)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- l.Serve(ln) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return l, ln.Addr().String()
}

func ping(t *testing.T, addr string, mechanism kgosasl.Mechanism) error {
	t.Helper()
	opts := []kgo.Opt{kgo.SeedBrokers(addr), kgo.RequestRetries(0), kgo.RetryTimeout(time.Second), kgo.DialTimeout(time.Second)}
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	_, err = cl.SeedBrokers()[0].Request(t.Context(), kmsg.NewPtrListGroupsRequest())
	return err
}

func TestFranzGoLogsIn(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	u := &users{name: "arn:aws:iam::1:user/a", connect: true}
	_, addr := serve(t, Config{Mechanisms: []string{sasl.AWSMSKIAM, sasl.ScramSHA512}, Verifier: u, Authorizer: u, SCRAM: scramCredential})
	iam := kgoaws.Auth{AccessKey: "AKID", SecretKey: "secret"}.AsManagedStreamingIAMMechanism()
	if err := ping(t, addr, iam); err != nil {
		t.Error("IAM:", err)
	}
	if err := ping(t, addr, scram.Auth{User: "alice", Pass: "secret"}.AsSha512Mechanism()); err != nil {
		t.Error("SCRAM:", err)
	}
	if err := ping(t, addr, scram.Auth{User: "alice", Pass: "wrong"}.AsSha512Mechanism()); !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Error("wrong password:", err)
	}
	if err := ping(t, addr, scram.Auth{User: "alice", Pass: "secret"}.AsSha256Mechanism()); err == nil {
		t.Error("a mechanism that is not enabled was accepted")
	}
	u.mu.Lock()
	u.connect = false
	u.mu.Unlock()
	if err := ping(t, addr, iam); !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Error("without Connect:", err)
	}
}

func TestPlaintextIsAnonymous(t *testing.T) {
	var who string
	b := &backend{}
	b.handle = func(r *Request) Answer {
		who = r.Session.Identity.String()
		return b.echo.Handle(t.Context(), r)
	}
	_, addr := serve(t, Config{Backend: b})
	if err := ping(t, addr, nil); err != nil || who != "User:ANONYMOUS" {
		t.Error(who, err)
	}
}

// peer speaks the protocol by hand.
type peer struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
	n  int32
}

func dial(t *testing.T, addr string) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(5 * time.Second))
	return &peer{t: t, nc: nc, r: bufio.NewReader(nc)}
}

func (p *peer) send(req kmsg.Request) {
	p.t.Helper()
	p.n++
	if _, err := p.nc.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, p.n)); err != nil {
		p.t.Fatal(err)
	}
}

// receive reads the next response; header says whether it has tags.
func (p *peer) receive(resp kmsg.Response) (correlation int32, err error) {
	frame, err := wire.ReadFrame(p.r, wire.MaxFrame, nil)
	if err != nil {
		return 0, err
	}
	body := frame[4:]
	if resp.IsFlexible() && resp.Key() != 18 {
		body = body[1:]
	}
	return int32(binary.BigEndian.Uint32(frame)), resp.ReadFrom(body)
}

func (p *peer) call(req kmsg.Request) kmsg.Response {
	p.t.Helper()
	p.send(req)
	resp := req.ResponseKind()
	if n, err := p.receive(resp); err != nil || n != p.n {
		p.t.Fatalf("%T: correlation %d, want %d: %v", req, n, p.n, err)
	}
	return resp
}

func (p *peer) closed() {
	p.t.Helper()
	if b, err := io.ReadAll(p.r); err != nil && !strings.Contains(err.Error(), "reset") || len(b) > 0 {
		p.t.Errorf("not closed: %d bytes, %v", len(b), err)
	}
}

const iamPayload = `{"version":"2020_10_22","host":"localhost","user-agent":"x","action":"kafka-cluster:Connect","x-amz-algorithm":"AWS4-HMAC-SHA256",` +
	`"x-amz-credential":"A/20250101/us-east-1/kafka-cluster/aws4_request","x-amz-date":"20250101T000000Z","x-amz-expires":"900","x-amz-signedheaders":"host","x-amz-signature":"00"}`

func (p *peer) login() *kmsg.SASLAuthenticateResponse {
	p.t.Helper()
	h := p.call(&kmsg.SASLHandshakeRequest{Version: 1, Mechanism: sasl.AWSMSKIAM}).(*kmsg.SASLHandshakeResponse)
	if h.ErrorCode != 0 {
		p.t.Fatalf("handshake: %d", h.ErrorCode)
	}
	return p.call(&kmsg.SASLAuthenticateRequest{Version: 2, SASLAuthBytes: []byte(iamPayload)}).(*kmsg.SASLAuthenticateResponse)
}

func TestSessionAndReauthentication(t *testing.T) {
	clock := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return clock }
	u := &users{name: "arn:a", connect: true, expires: clock.Add(time.Hour)}
	_, addr := serve(t, Config{Mechanisms: []string{sasl.AWSMSKIAM}, Verifier: u, Authorizer: u, SessionMax: 30 * time.Minute, Now: now})

	p := dial(t, addr)
	if r := p.login(); r.ErrorCode != 0 || r.SessionLifetimeMillis != 1800_000 {
		t.Fatalf("login %+v", r)
	}
	mu.Lock()
	clock = clock.Add(40 * time.Minute)
	mu.Unlock()
	if r := p.login(); r.ErrorCode != 0 || r.SessionLifetimeMillis != 1200_000 {
		t.Fatalf("re-authentication %+v", r)
	}
	p.call(&kmsg.ListGroupsRequest{Version: 4})
	mu.Lock()
	clock = clock.Add(20*time.Minute + time.Second)
	mu.Unlock()
	p.send(&kmsg.ListGroupsRequest{Version: 4})
	p.closed()

	p = dial(t, addr)
	if r := p.login(); r.ErrorCode != 58 || !strings.HasSuffix(*r.ErrorMessage, "]: Session too short") {
		t.Errorf("too short: %+v", r)
	}
	p.closed()

	u.mu.Lock()
	u.expires = clock.Add(time.Hour)
	u.mu.Unlock()
	p = dial(t, addr)
	p.login()
	u.mu.Lock()
	u.name = "arn:b"
	u.mu.Unlock()
	want := "Cannot change principals during re-authentication from IAM.arn:a: IAM.arn:b"
	if r := p.login(); r.ErrorCode != 58 || *r.ErrorMessage != want {
		t.Errorf("other principal: %+v", r)
	}
	p.closed()
}

func TestNothingIsServedBeforeAuthentication(t *testing.T) {
	u := &users{name: "arn:a", connect: true}
	l, addr := serve(t, Config{Mechanisms: []string{sasl.AWSMSKIAM}, Verifier: u, Authorizer: u})
	for name, send := range map[string]func(p *peer){
		"request": func(p *peer) { p.send(&kmsg.ListGroupsRequest{Version: 4}) },
		"after handshake": func(p *peer) {
			p.call(&kmsg.SASLHandshakeRequest{Version: 1, Mechanism: sasl.AWSMSKIAM})
			p.send(&kmsg.ListGroupsRequest{})
		},
		"frame over limit": func(p *peer) { p.nc.Write(binary.BigEndian.AppendUint32(nil, 64<<10+1)) },
		"negative frame":   func(p *peer) { p.nc.Write([]byte{0xff, 0xff, 0xff, 0xff}) },
		"unknown key":      func(p *peer) { p.nc.Write([]byte{0, 0, 0, 10, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff}) },
	} {
		t.Log(name)
		p := dial(t, addr)
		send(p)
		p.closed()
	}
	p := dial(t, addr)
	if r := p.call(&kmsg.SASLAuthenticateRequest{Version: 2}).(*kmsg.SASLAuthenticateResponse); r.ErrorCode != kerr.IllegalSaslState.Code {
		t.Errorf("%+v", r)
	}
	p.closed()
	p = dial(t, addr)
	if r := p.call(&kmsg.SASLHandshakeRequest{Version: 1, Mechanism: "PLAIN"}).(*kmsg.SASLHandshakeResponse); r.ErrorCode != 33 || len(r.SupportedMechanisms) != 1 {
		t.Errorf("%+v", r)
	}
	p.closed()
	if got := l.Counts().AuthFailures; got != 2 {
		t.Errorf("%d failures counted", got)
	}
}

func TestRawTokensAfterHandshakeV0(t *testing.T) {
	u := &users{name: "arn:a", connect: true}
	_, addr := serve(t, Config{Mechanisms: []string{sasl.AWSMSKIAM}, Verifier: u, Authorizer: u})
	p := dial(t, addr)
	p.call(&kmsg.SASLHandshakeRequest{Version: 0, Mechanism: sasl.AWSMSKIAM})
	p.nc.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(iamPayload))), iamPayload...))
	if token, err := wire.ReadFrame(p.r, 1000, nil); err != nil || !strings.Contains(string(token), "request-id") {
		t.Fatalf("%q %v", token, err)
	}
	p.call(&kmsg.ListGroupsRequest{Version: 4})
}

func TestApiVersions(t *testing.T) {
	_, addr := serve(t, Config{})
	p := dial(t, addr)
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = 3, "a", "1.0"
	if r := p.call(req).(*kmsg.ApiVersionsResponse); r.ErrorCode != 0 || len(r.ApiKeys) != len(table)+3 {
		t.Errorf("%+v", r)
	}
	req.ClientSoftwareName = "-a"
	if r := p.call(req).(*kmsg.ApiVersionsResponse); r.ErrorCode != 42 {
		t.Errorf("%+v", r)
	}
	p.nc.Write([]byte{0, 0, 0, 11, 0, 18, 0x7f, 0xff, 0, 0, 0, 9, 0xff, 0xff, 0})
	r := &kmsg.ApiVersionsResponse{}
	if n, err := p.receive(r); err != nil || n != 9 || r.ErrorCode != 35 || len(r.ApiKeys) != 1 || r.ApiKeys[0].ApiKey != 18 {
		t.Errorf("future version: %d %v %+v", n, err, r)
	}
	p.send(&kmsg.MetadataRequest{Version: 100})
	p.closed()
}

func TestAnswersKeepOrderAndReadyOnesDoNotWait(t *testing.T) {
	release := make(chan struct{})
	handled := make(chan string, 200)
	b := &backend{}
	b.handle = func(r *Request) Answer {
		m := r.Msg.(*kmsg.HeartbeatRequest)
		handled <- m.Group
		return func(ctx context.Context) kmsg.Response {
			switch m.Group {
			case "slow":
				<-release
			case "silent":
				return nil
			}
			return m.ResponseKind()
		}
	}
	_, addr := serve(t, Config{Backend: b})
	p := dial(t, addr)
	for _, g := range []string{"a", "silent", "b", "slow", "c"} {
		p.send(&kmsg.HeartbeatRequest{Version: 3, Group: g})
	}
	next := func(want int32) {
		t.Helper()
		if n, err := p.receive(&kmsg.HeartbeatResponse{Version: 3}); err != nil || n != want {
			t.Fatalf("got answer %d, want %d: %v", n, want, err)
		}
	}
	next(1)
	next(3) // although the next answer is not ready
	for range 5 {
		<-handled // the reader does not wait for answers
	}
	close(release)
	next(4)
	next(5)
}

func TestFullQueueMakesTheReaderWait(t *testing.T) {
	release := make(chan struct{})
	handled := make(chan struct{}, 1000)
	b := &backend{}
	b.handle = func(r *Request) Answer {
		handled <- struct{}{}
		resp := r.Msg.ResponseKind()
		return func(context.Context) kmsg.Response { <-release; return resp }
	}
	_, addr := serve(t, Config{Backend: b})
	p := dial(t, addr)
	for range 3 * maxPending {
		p.send(&kmsg.HeartbeatRequest{Version: 3, Group: "g"})
	}
	for range maxPending + 1 { // one more is being answered
		<-handled
	}
	close(release)
	for i := range 3 * maxPending {
		if n, err := p.receive(&kmsg.HeartbeatResponse{Version: 3}); err != nil || n != int32(i+1) {
			t.Fatal(n, err)
		}
	}
}

func TestPanicClosesThatConnectionOnly(t *testing.T) {
	b := &backend{}
	b.handle = func(r *Request) Answer {
		switch r.Msg.(*kmsg.HeartbeatRequest).Group {
		case "now":
			panic("boom")
		case "later":
			return func(context.Context) kmsg.Response { panic("boom") }
		case "close":
			return func(context.Context) kmsg.Response { return CloseConnection }
		}
		return func(context.Context) kmsg.Response { return r.Msg.ResponseKind() }
	}
	l, addr := serve(t, Config{Backend: b})
	other := dial(t, addr)
	for _, g := range []string{"now", "later", "close"} {
		p := dial(t, addr)
		p.send(&kmsg.HeartbeatRequest{Version: 3, Group: g})
		p.closed()
	}
	other.call(&kmsg.HeartbeatRequest{Version: 3, Group: "fine"})
	if got := l.Counts().Panics; got != 2 {
		t.Errorf("%d panics counted", got)
	}
}

func TestConnectionLimit(t *testing.T) {
	l, addr := serve(t, Config{MaxConnections: 1})
	p := dial(t, addr)
	p.call(&kmsg.ListGroupsRequest{Version: 4})
	if nc, err := net.Dial("tcp", addr); err == nil { // the reset may come before the dial is done
		defer nc.Close()
		(&peer{t: t, nc: nc, r: bufio.NewReader(nc)}).closed()
	} else if !strings.Contains(err.Error(), "reset") {
		t.Fatal(err)
	}
	if c := l.Counts(); c.Open != 1 || c.Refused != 1 {
		t.Errorf("%+v", c)
	}
}

func TestIdleConnectionIsClosed(t *testing.T) {
	_, addr := serve(t, Config{IdleMax: 20 * time.Millisecond})
	dial(t, addr).closed()
}

func TestIdentityIsNeverOpen(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a listener without an authorizer was made")
		}
	}()
	New(Config{Backend: &backend{}})
}
