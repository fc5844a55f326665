package listener

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestDrain: what was read is answered, nothing more is read, and who does not
// answer in time is cut off.
func TestDrain(t *testing.T) {
	for name, c := range map[string]struct {
		release  bool
		patience time.Duration
	}{"answered": {true, time.Minute}, "too late": {false, time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			parked, release := make(chan struct{}), make(chan struct{})
			b := &backend{handle: func(r *Request) Answer {
				return func(ctx context.Context) kmsg.Response {
					close(parked)
					select {
					case <-release:
					case <-ctx.Done():
						return CloseConnection
					}
					return r.Msg.ResponseKind()
				}
			}}
			l, addr := serve(t, Config{Backend: b})
			idle, busy := dial(t, addr), dial(t, addr)
			busy.send(&kmsg.HeartbeatRequest{Version: 3, Group: "g"})
			<-parked
			drained := make(chan struct{})
			go func() {
				defer close(drained)
				l.Drain(c.patience)
			}()
			idle.closed()
			if l.accepts() {
				t.Error("a draining listener accepts")
			}
			if c.release {
				close(release)
				if n, err := busy.receive(&kmsg.HeartbeatResponse{Version: 3}); err != nil || n != 1 {
					t.Errorf("the answer was %d, %v", n, err)
				}
			}
			busy.closed()
			<-drained
		})
	}
}

// accepts reports whether one of the listener's sockets is open. Dialing would
// not tell: somebody else may have the port by now.
func (l *Listener) accepts() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ln := range l.listening {
		if err := ln.(*net.TCPListener).SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
			return true
		}
	}
	return false
}
