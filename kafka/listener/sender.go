package listener

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/measure"
	"github.com/millrace/millrace/kafka/wire"
)

// pending is a request whose answer is not sent yet.
type pending struct {
	correlation int32
	answer      Answer
	bytes       int           // of the request's frame, which is held until then
	charge      *charge       // nil: it costs nothing
	key         int16         // of the API
	times       measure.Times // Read is zero of what is no request
	told        *completion   // nil: nobody is told of it
}

// encoded is an answer as it goes over the wire, in memory that serves one answer
// after another.
type encoded struct {
	frame  []byte
	pieces [][]byte // of a Fetched: frame cut at its records, and those
}

func (e *encoded) encode(correlation int32, resp kmsg.Response) {
	if f, ok := resp.(*Fetched); ok {
		e.frame, e.pieces = wire.AppendFetch(e.frame[:0], e.pieces[:0], correlation, f.FetchResponse)
		return
	}
	e.frame = wire.AppendResponse(e.frame[:0], correlation, resp)
}

// sender is the queue of answers and the bytes on their way out. The reader
// calls push and end, the writer the rest.
type sender struct {
	nc      net.Conn
	timeout time.Duration // for one write
	queue   chan *pending // cap maxPending
	stopped chan struct{} // the writer is gone

	mu       sync.Mutex
	room     sync.Cond // of mu: held shrank, unsent was taken, or it failed
	held     int       // under mu: bytes of pending requests
	unsent   []byte    // under mu: at most maxUnsent and one answer
	flushing bool      // under mu: a flusher runs
	err      error     // under mu: the first write that went wrong
}

func newSender(nc net.Conn, timeout time.Duration) *sender {
	s := &sender{nc: nc, timeout: timeout, queue: make(chan *pending, maxPending), stopped: make(chan struct{})}
	s.room.L = &s.mu
	return s
}

// push queues an answer; it waits while 64 of them or 16 MiB of requests do.
func (s *sender) push(ctx context.Context, p *pending) error {
	s.mu.Lock()
	for s.held > 0 && s.held+p.bytes > maxPendingBytes && s.err == nil {
		s.room.Wait()
	}
	s.held += p.bytes
	err := s.err
	s.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case s.queue <- p:
		return nil
	case <-s.stopped:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end tells that nothing more is pushed.
func (s *sender) end() { close(s.queue) }

// done gives back what p held.
func (s *sender) done(p *pending) {
	s.mu.Lock()
	s.held -= p.bytes
	s.mu.Unlock()
	s.room.Broadcast()
}

// send writes at once when nothing else is waiting. Otherwise it leaves the
// bytes to a flusher, so that they go out together with what is ready next, and
// yet do not wait for an answer that is not.
func (s *sender) send(buf []byte) error {
	if len(buf) == 0 {
		return nil
	}
	s.mu.Lock()
	for s.err == nil && len(s.unsent) > maxUnsent {
		s.room.Wait()
	}
	if s.err != nil || s.flushing || len(s.queue) > 0 {
		s.unsent = append(s.unsent, buf...)
		if !s.flushing && s.err == nil {
			s.flushing = true
			go s.flush() // drainAndStop waits for it
		}
		defer s.mu.Unlock()
		return s.err
	}
	s.mu.Unlock()
	return s.writeOut(buf)
}

// sendPieces is send for an answer in pieces: one alone is like any other, more
// are worth a write of their own.
func (s *sender) sendPieces(pieces [][]byte) error {
	if len(pieces) == 1 {
		return s.send(pieces[0])
	}
	s.drain()
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := s.nc.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	buffers := net.Buffers(pieces)
	_, err = buffers.WriteTo(s.nc)
	return err
}

func (s *sender) writeOut(buf []byte) error {
	if err := s.nc.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	_, err := s.nc.Write(buf)
	return err
}

// flush writes until there is nothing left.
func (s *sender) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.unsent) > 0 && s.err == nil {
		buf := s.unsent
		s.unsent = nil
		s.mu.Unlock()
		err := s.writeOut(buf)
		s.mu.Lock()
		s.err = err
		s.room.Broadcast()
	}
	s.flushing = false
	if s.err != nil {
		s.nc.Close()
	}
	s.room.Broadcast()
}

// drain waits until what was given to send is written, or cannot be.
func (s *sender) drain() {
	s.mu.Lock()
	for s.flushing {
		s.room.Wait()
	}
	s.mu.Unlock()
}

// drainAndStop also lets go of a reader that pushes.
func (s *sender) drainAndStop() {
	s.drain()
	close(s.stopped)
}

// abandon fails whoever waits for room.
func (s *sender) abandon() {
	s.mu.Lock()
	if s.err == nil {
		s.err = net.ErrClosed
	}
	s.mu.Unlock()
	s.room.Broadcast()
}
