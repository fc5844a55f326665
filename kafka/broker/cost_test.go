package broker

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/wire"
)

// filled is a node with a topic of n partitions, each with 1 MiB of records.
func filled(t testing.TB, n int32) (*node1, *kmsg.FetchRequest) {
	node := newNode(t, nil)
	node.topic(t, "t", n)
	for i := range n {
		for range 16 {
			node.produce(t, "t", i, 64<<10-100)
		}
	}
	req := fetchRequest("t", n)
	req.MaxBytes = n << 20
	return node, req
}

// send answers a Fetch as a listener does, into scratch, and is how many bytes
// that makes.
func (n *node1) send(t testing.TB, req *kmsg.FetchRequest, scratch *[]byte) (size int) {
	resp := n.Handle(t.Context(), &listener.Request{
		Header: wire.Header{Key: 1, Version: req.Version}, Msg: req, Session: &listener.Session{Listener: "CLIENT"},
		MayRead: func(string) (bool, bool) { return true, true },
	})(t.Context()).(*listener.Fetched)
	frame, pieces := wire.AppendFetch((*scratch)[:0], nil, 1, resp.FetchResponse)
	for _, p := range pieces {
		size += len(p)
	}
	*scratch = frame
	resp.Release()
	return size
}

// TestFetchesShareMemory: what one fetch read to serves the next.
func TestFetchesShareMemory(t *testing.T) {
	n, req := filled(t, 6)
	var scratch []byte
	if size := n.send(t, req, &scratch); size < 6*15*(64<<10-100) {
		t.Fatalf("an answer of %d bytes", size)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which empties pools
	const fetches = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range fetches {
		n.send(t, req, &scratch)
	}
	runtime.ReadMemStats(&after)
	// The race detector has pools lose a quarter of what they are given.
	if each := (after.TotalAlloc - before.TotalAlloc) / fetches; each > 4<<20 {
		t.Errorf("each fetch of 6 MiB allocates %d bytes", each)
	}
}

// BenchmarkFetch is a fetch of 1 MiB of each partition, from a file in memory to
// the encoded answer.
func BenchmarkFetch(b *testing.B) {
	for _, partitions := range []int32{1, 6} {
		b.Run(fmt.Sprint(partitions), func(b *testing.B) {
			n, req := filled(b, partitions)
			var scratch []byte
			b.SetBytes(int64(n.send(b, req, &scratch)))
			b.ReportAllocs()
			for b.Loop() {
				n.send(b, req, &scratch)
			}
		})
	}
}
