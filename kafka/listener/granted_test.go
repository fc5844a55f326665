package listener

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fickle allows everything until it does not, and says why.
type fickle struct{ no atomic.Bool }

func (f *fickle) Authorize(_ context.Context, _ *Session, _ []Operation, allowed []bool) {
	for i := range allowed {
		allowed[i] = !f.no.Load()
	}
}

func (*fickle) Why(_ context.Context, _ *Session, op Operation) string {
	return "statement 7 denies " + op.Name
}

// lockedBuffer is a log that may be written while it is read.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestAFetchIsAskedForAgain: a right that is taken back while a Fetch waits ends
// the connection, and what came since is not sent.
func TestAFetchIsAskedForAgain(t *testing.T) {
	for _, taken := range []bool{false, true} {
		f, log := &fickle{}, &lockedBuffer{}
		waiting, come := make(chan struct{}), make(chan struct{})
		b := &backend{handle: func(r *Request) Answer {
			close(waiting)
			return func(context.Context) kmsg.Response {
				<-come
				resp := r.Msg.ResponseKind().(*kmsg.FetchResponse)
				resp.ThrottleMillis = 7
				return resp
			}
		}}
		_, addr := serve(t, Config{Backend: b, Authorizer: f, Log: slog.New(slog.NewTextHandler(log, nil))})
		p := dial(t, addr)
		req := kmsg.NewPtrFetchRequest()
		req.Version = 12
		topic := kmsg.NewFetchRequestTopic()
		topic.Topic = "orders"
		topic.Partitions = []kmsg.FetchRequestTopicPartition{kmsg.NewFetchRequestTopicPartition()}
		req.Topics = append(req.Topics, topic)
		p.send(req)
		<-waiting
		f.no.Store(taken)
		close(come)
		if !taken {
			resp := req.ResponseKind().(*kmsg.FetchResponse)
			if _, err := p.receive(resp); err != nil || resp.ThrottleMillis != 7 {
				t.Errorf("answered %+v, %v", resp, err)
			}
			continue
		}
		p.closed()
		if !strings.Contains(log.String(), "request denied") || !strings.Contains(log.String(), `why="statement 7 denies orders"`) {
			t.Errorf("the log says %s", log)
		}
	}
}
