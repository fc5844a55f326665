package wire_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/wire"
)

// randomFetch is an answer of any shape that a broker gives.
func randomFetch(r *rand.Rand, version int16) *kmsg.FetchResponse {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version, resp.ThrottleMillis, resp.ErrorCode, resp.SessionID = version, r.Int32(), int16(r.IntN(100)), r.Int32()
	for i := range r.IntN(4) {
		t := kmsg.NewFetchResponseTopic()
		t.Topic, t.TopicID = fmt.Sprintf("topic-%0*d", r.IntN(150), i), [16]byte{byte(i), 1}
		for range r.IntN(4) {
			t.Partitions = append(t.Partitions, randomPartition(r))
		}
		resp.Topics = append(resp.Topics, t)
	}
	for range r.IntN(3) {
		b := kmsg.NewFetchResponseBroker()
		b.NodeID, b.Host, b.Port = r.Int32(), "host", r.Int32()
		if r.IntN(2) == 0 {
			b.Rack = kmsg.StringPtr("rack")
		}
		resp.Brokers = append(resp.Brokers, b)
	}
	return resp
}

func randomPartition(r *rand.Rand) kmsg.FetchResponseTopicPartition {
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.ErrorCode, p.HighWatermark = r.Int32(), int16(r.IntN(100)), r.Int64()
	p.LastStableOffset, p.LogStartOffset, p.PreferredReadReplica = r.Int64(), r.Int64(), r.Int32()
	for range r.IntN(3) {
		p.AbortedTransactions = append(p.AbortedTransactions, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: r.Int64(), FirstOffset: r.Int64()})
	}
	if r.IntN(5) > 0 {
		p.RecordBatches = bytes.Repeat([]byte{byte(r.Uint32())}, []int{0, 1, 100, 200, 40_000, 70_000}[r.IntN(6)])
	}
	if r.IntN(3) == 0 {
		p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = r.Int32(), r.Int64()
	}
	if r.IntN(3) == 0 {
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = r.Int32(), r.Int32()
	}
	return p
}

// TestFetchInPieces: together the pieces are what kmsg writes, in every version.
func TestFetchInPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	scratch := make([]byte, 0, 64)
	for i := range 3000 {
		resp := randomFetch(r, int16(4+i%15))
		frame, pieces := wire.AppendFetch(scratch, nil, 7, resp)
		want := wire.AppendResponse(nil, 7, resp)
		if got := bytes.Join(pieces, nil); !bytes.Equal(got, want) {
			t.Fatalf("version %d, %+v:\n got %d bytes %.200x\nwant %d bytes %.200x", resp.Version, resp, len(got), got, len(want), want)
		}
		if len(frame) > 16<<10 {
			t.Errorf("records were copied: %d bytes beside them", len(frame))
		}
		scratch = frame[:0]
	}
}

// TestFetchAllocations: what is written goes into memory that is there.
func TestFetchAllocations(t *testing.T) {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = 17
	resp.Topics = []kmsg.FetchResponseTopic{{Partitions: make([]kmsg.FetchResponseTopicPartition, 100)}}
	for i := range resp.Topics[0].Partitions {
		resp.Topics[0].Partitions[i] = kmsg.NewFetchResponseTopicPartition()
	}
	var scratch []byte
	var pieces [][]byte
	if n := testing.AllocsPerRun(100, func() { scratch, pieces = wire.AppendFetch(scratch[:0], pieces[:0], 7, resp) }); n > 0 {
		t.Errorf("%v allocations for 100 partitions", n)
	}
}

// BenchmarkFetch encodes an answer about 1000 partitions without records.
func BenchmarkFetch(b *testing.B) {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = 17
	resp.Topics = []kmsg.FetchResponseTopic{{Partitions: make([]kmsg.FetchResponseTopicPartition, 1000)}}
	for i := range resp.Topics[0].Partitions {
		resp.Topics[0].Partitions[i] = kmsg.NewFetchResponseTopicPartition()
	}
	var scratch []byte
	b.Run("in pieces", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			scratch, _ = wire.AppendFetch(scratch[:0], nil, 7, resp)
		}
	})
	b.Run("kmsg", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			scratch = wire.AppendResponse(scratch[:0], 7, resp)
		}
	})
}
