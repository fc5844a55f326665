package listener

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/record"
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

// TestJudgingAllocatesOnce: of a request that is allowed, no more than what holds
// its questions.
func TestJudgingAllocatesOnce(t *testing.T) {
	few := make([]kmsg.ProduceRequestTopic, fewQuestions-1)
	for i := range few {
		batch := make([]byte, record.HeaderSize) // of producer 0
		few[i] = kmsg.ProduceRequestTopic{Topic: "topic-" + string(rune('a'+i)), Partitions: []kmsg.ProduceRequestTopicPartition{{Records: batch}}}
	}
	for _, msg := range []kmsg.Request{
		&kmsg.ProduceRequest{Acks: -1, Topics: few},
		&kmsg.FetchRequest{Version: 12, ReplicaID: -1, ReplicaState: kmsg.NewFetchRequestReplicaState(), Topics: []kmsg.FetchRequestTopic{{Topic: "a"}, {Topic: "b"}}},
		&kmsg.HeartbeatRequest{Group: "g"},
	} {
		b := &echo{}
		ask := func() {
			if v := judge(t.Context(), AllowAll{}, b, nil, msg); len(v.denied) > 0 || len(v.granted) == 0 {
				t.Fatalf("%T: %v", msg, v)
			}
		}
		if n := testing.AllocsPerRun(100, ask); n > 1 {
			t.Errorf("%T: %v allocations", msg, n)
		}
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

// TestProducesKeepTheirContent: the memory of requests that are under way at once,
// of many connections, is not shared.
func TestProducesKeepTheirContent(t *testing.T) {
	answer := func(context.Context) kmsg.Response { return &kmsg.ProduceResponse{Version: 9} }
	var wrong atomic.Int64
	b := &backend{handle: func(r *Request) Answer {
		req := r.Msg.(*kmsg.ProduceRequest)
		runtime.Gosched()
		for _, c := range req.Topics[0].Partitions[0].Records {
			if c != byte(req.TimeoutMillis) {
				wrong.Add(1)
			}
		}
		return answer
	}}
	_, addr := serve(t, Config{Backend: b})
	var all sync.WaitGroup
	for c := range 8 {
		p := dial(t, addr)
		all.Go(func() {
			for i := range 50 {
				p.n++
				req := &kmsg.ProduceRequest{Version: 9, Acks: -1, TimeoutMillis: int32(1 + c)}
				records := bytes.Repeat([]byte{byte(1 + c)}, 1+i*1000)
				req.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: records}}}}
				if _, err := p.nc.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, p.n)); err != nil {
					t.Error(err)
					return
				}
				if i%2 == 1 { // two at a time
					for range 2 {
						if _, err := p.receive(&kmsg.ProduceResponse{Version: 9}); err != nil {
							t.Error(err)
							return
						}
					}
				}
			}
		})
	}
	all.Wait()
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d bytes were another request's", n)
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
