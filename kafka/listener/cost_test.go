package listener

import (
	"bufio"
	"context"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceFrame is a Produce of one batch that nobody checks.
func produceFrame(bytes int) []byte {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks = 9, -1
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = make([]byte, bytes)
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{p}}}
	return kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)
}

// exchange sends a request and takes the answer, again and again, and allocates
// nothing itself.
type exchange struct {
	nc    net.Conn
	r     *bufio.Reader
	frame []byte
}

func newExchange(t testing.TB, frame []byte) *exchange {
	resp := kmsg.NewPtrProduceResponse()
	resp.Version = 9
	answer := func(context.Context) kmsg.Response { return resp }
	_, addr := serve(t, Config{Backend: &backend{handle: func(*Request) Answer { return answer }}})
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	e := &exchange{nc, bufio.NewReader(nc), frame}
	e.once(t)
	return e
}

func (e *exchange) once(t testing.TB) {
	if _, err := e.nc.Write(e.frame); err != nil {
		t.Fatal(err)
	}
	size, err := e.r.Peek(4)
	if err == nil {
		_, err = io.CopyN(io.Discard, e.r, 4+int64(size[3]))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestProducesShareMemory: what one Produce was read to serves the next.
func TestProducesShareMemory(t *testing.T) {
	e := newExchange(t, produceFrame(1<<20))
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which empties pools
	const requests = 50
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range requests {
		e.once(t)
	}
	runtime.ReadMemStats(&after)
	// The race detector has pools lose a quarter of what they are given.
	if each := (after.TotalAlloc - before.TotalAlloc) / requests; each > 1<<20 {
		t.Errorf("each request of 1 MiB allocates %d bytes", each)
	}
}

// BenchmarkProduce is a request and its answer over loopback, to a backend that
// does nothing.
func BenchmarkProduce(b *testing.B) {
	for name, bytes := range map[string]int{"1 KiB": 1 << 10, "1 MiB": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			e := newExchange(b, produceFrame(bytes))
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				e.once(b)
			}
		})
	}
}
