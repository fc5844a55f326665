//go:build e2e

package differential

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/wire"
)

// answerTime is how long an answer may take; a broker that stays silent this
// long has none.
const answerTime = 5 * time.Second

// stateTime is how long brokers may take until they are as a script waits for.
const stateTime = 15 * time.Second

// maxSilent is how often a broker may stay silent before its script ends.
const maxSilent = 3

// outcomes of a request
const (
	answered = "answered"
	closed   = "closed the connection"
	silent   = "did not answer"
	garbled  = "answered what cannot be decoded"
)

// exchange is one request and what came of it.
type exchange struct {
	step    string // of the script
	request kmsg.Request
	outcome string
	answer  kmsg.Response // of answered
	exact   bool          // encoding the decoded answer gives the same bytes
	err     error         // of garbled
	took    time.Duration // from the question to the answer, or since until began
}

// session is a script's run against one side.
type session struct {
	target
	ranges map[int16]wire.Range // what both sides advertise
	prefix string               // of the names of topics and groups
	conns  map[string]*conn
	log    []*exchange
	silent int // requests without an answer

	down     []int32 // brokers that the script has stopped
	barriers int     // that brokers were made to pass
}

// unserved ends a script: the side does not advertise the key.
type unserved struct{ key int16 }

// target is one side as a script is told.
type target struct {
	addresses []string             // of brokers 1, 2, ...
	serves    map[int16]wire.Range // what it advertises
	faults    faults               // nil where a script may not stop brokers
}

// faults are what is done to brokers, by id. Both return when it is done: when
// nothing listens any more, and when something listens again.
type faults interface {
	Stop(id int32) error
	Start(id int32) error
}

// conn is a named connection of a script to one broker. Its client id is its
// name. It is dialed when first needed, and again after it was closed.
type conn struct {
	s    *session
	name string
	to   int32 // the broker
	tcp  net.Conn
	r    *bufio.Reader
	next int32
	open []*pending // requests without an answer yet, in order
}

// pending is a request whose answer was not read yet.
type pending struct {
	c  *conn
	id int32
	x  *exchange
	at time.Time // when it was sent
}

// conn is a connection to broker 1.
func (s *session) conn(name string) *conn { return s.at(1, name) }

// at is a connection to a broker.
func (s *session) at(broker int32, name string) *conn {
	key := step("%s to %d", name, broker)
	c := s.conns[key]
	if c == nil {
		c = &conn{s: s, name: name, to: broker}
		s.conns[key] = c
	}
	return c
}

func (s *session) close() {
	for _, c := range s.conns {
		c.hangUp()
	}
}

// versions are those of a key that both sides advertise; none end the script
// when this side has none of its own.
func (s *session) versions(key int16) []int16 {
	if _, ok := s.serves[key]; !ok {
		panic(unserved{key})
	}
	r, ok := s.ranges[key]
	if !ok {
		r = s.serves[key]
	}
	var out []int16
	for v := r.Min; v <= min(r.Max, kmsg.RequestForKey(key).MaxVersion()); v++ {
		if key == 0 && v < 3 {
			continue // advertised for old librdkafka, and refused: KAFKA-18659
		}
		out = append(out, v)
	}
	return out
}

// last is the newest version of a key that both sides advertise.
func (s *session) last(key int16) int16 {
	all := s.versions(key)
	return all[len(all)-1]
}

// has tells whether both sides advertise a version of a key.
func (s *session) has(key, version int16) bool {
	r, ok := s.ranges[key]
	return ok && r.Min <= version && version <= r.Max
}

func (c *conn) hangUp() {
	if c.tcp != nil {
		c.tcp.Close()
	}
	c.tcp, c.open = nil, nil
}

// send sends a request in the version that it has; step names it in reports.
func (c *conn) send(step string, req kmsg.Request) *pending {
	if _, ok := c.s.serves[req.Key()]; !ok {
		panic(unserved{req.Key()})
	}
	return c.sendAny(step, req)
}

// sendAny sends a request of a key that the side may not serve.
func (c *conn) sendAny(step string, req kmsg.Request) *pending {
	x := &exchange{step: step, request: copyOf(req), outcome: closed}
	c.s.log = append(c.s.log, x)
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.name))
	p := &pending{c: c, x: x, id: c.next, at: time.Now()}
	c.next++
	if err := c.write(f.AppendRequest(nil, req, p.id)); err == nil {
		c.open = append(c.open, p)
	}
	return p
}

func (c *conn) write(frame []byte) error {
	if c.tcp == nil {
		tcp, err := net.Dial("tcp", c.s.addresses[c.to-1])
		if err != nil {
			return err
		}
		c.tcp, c.r = tcp, bufio.NewReader(tcp)
	}
	_, err := c.tcp.Write(frame)
	if err != nil {
		c.hangUp()
	}
	return err
}

// wait reads the answer; it is never nil, but empty if there was none.
func (p *pending) wait() kmsg.Response {
	for p.x.answer == nil && len(p.c.open) > 0 {
		q := p.c.open[0]
		p.c.open = p.c.open[1:]
		if err := q.read(); err != nil {
			break
		}
		if q == p {
			break
		}
	}
	if p.x.answer != nil {
		return p.x.answer
	}
	return p.x.request.ResponseKind()
}

func (p *pending) read() error {
	c := p.c
	_ = c.tcp.SetReadDeadline(time.Now().Add(answerTime))
	defer func() { p.x.took = time.Since(p.at) }()
	frame, err := readFrame(c.r)
	var late net.Error
	switch {
	case errors.As(err, &late) && late.Timeout():
		p.x.outcome = silent
		if c.s.silent++; c.s.silent >= maxSilent {
			panic(step("no answer to %d requests, the last %q", maxSilent, p.x.step))
		}
	case err != nil:
		p.x.outcome = closed
		if err != io.EOF {
			p.x.err = err
		}
		if !errors.As(err, new(net.Error)) && err != io.EOF && err != io.ErrUnexpectedEOF {
			p.x.outcome = garbled
		}
	default:
		err = p.decode(frame)
	}
	if err != nil {
		c.hangUp()
	}
	return err
}

// readFrame reads an answer without its size field.
func readFrame(r *bufio.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 4 || n > wire.MaxFrame {
		return nil, fmt.Errorf("an answer of %d bytes", n)
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func (p *pending) decode(frame []byte) error {
	resp := p.x.request.ResponseKind()
	body := frame[4:]
	if id := int32(binary.BigEndian.Uint32(frame)); id != p.id {
		p.x.outcome, p.x.err = garbled, fmt.Errorf("correlation id %d, want %d", id, p.id)
		return p.x.err
	}
	if resp.IsFlexible() && resp.Key() != 18 {
		body = body[1:] // no tags are known in the header
	}
	if resp.Key() == 18 && len(body) >= 2 && binary.BigEndian.Uint16(body) == 35 {
		resp.SetVersion(0) // KIP-511
	}
	if err := resp.ReadFrom(body); err != nil {
		p.x.outcome, p.x.err = garbled, fmt.Errorf("%w: % x", err, body[:min(len(body), 256)])
		return p.x.err
	}
	p.x.outcome, p.x.answer = answered, resp
	p.x.exact = string(resp.AppendTo(nil)) == string(body)
	return nil
}

// ask sends a request and reads its answer.
func ask[R kmsg.Response](c *conn, step string, req kmsg.Request) R {
	return c.send(step, req).wait().(R)
}

// quiet asks what is no part of the comparison.
func quiet[R kmsg.Response](c *conn, req kmsg.Request) R {
	had := len(c.s.log)
	r := c.send("", req).wait().(R)
	c.s.log = c.s.log[:had]
	return r
}

// until asks until ok is satisfied; only the last answer is compared.
func until[R kmsg.Response](c *conn, step string, req kmsg.Request, ok func(R) bool) R {
	had, began := len(c.s.log), time.Now()
	for {
		r := ask[R](c, step, req)
		if took := time.Since(began); ok(r) || took > answerTime {
			c.s.log[had].took = took
			return r
		}
		c.s.log = c.s.log[:had]
		pause()
	}
}

// await asks until ok is satisfied, which is no part of the comparison; the
// script cannot go on otherwise.
func await[R kmsg.Response](c *conn, what string, req kmsg.Request, ok func(R) bool) R {
	for began := time.Now(); ; pause() {
		r := quiet[R](c, req)
		if ok(r) {
			return r
		}
		if time.Since(began) > stateTime {
			panic(step("broker %d: %s: never came about, the last answer was %+v", c.to, what, r))
		}
	}
}

// pause is between two questions of until.
func pause() { <-time.After(10 * time.Millisecond) }

// in is a request in a version.
func in[R kmsg.Request](version int16, req R) R {
	req.SetVersion(version)
	return req
}

// copyOf keeps a request as it was sent, since scripts change theirs and send
// them again.
func copyOf(req kmsg.Request) kmsg.Request {
	c := reflect.New(reflect.TypeOf(req).Elem())
	c.Elem().Set(reflect.ValueOf(req).Elem())
	return c.Interface().(kmsg.Request)
}

// alive compares whether a connection is still served, not what it serves.
func (s *session) alive(step string, c *conn) {
	req := in(0, kmsg.NewPtrMetadataRequest())
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: pointer("in valid")}}
	ask[*kmsg.MetadataResponse](c, step, req)
}

// note compares a number that a script made of answers that hold more than its
// own.
func (s *session) note(step string, n int) {
	req := in(0, kmsg.NewPtrApiVersionsRequest())
	resp := in2(0, kmsg.NewPtrApiVersionsResponse())
	resp.ThrottleMillis = int32(n)
	s.log = append(s.log, &exchange{step: "number of " + step, request: req, outcome: answered, answer: resp, exact: true})
}

func in2[R kmsg.Response](version int16, resp R) R {
	resp.SetVersion(version)
	return resp
}
