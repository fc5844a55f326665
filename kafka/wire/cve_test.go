package wire_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/wire"
)

// The tests of this file are named after weaknesses that other servers had.

// TestCVE2026_111108_ArrayCountsCostNothing: Kafka allocated as many elements as
// an array announced, before any had arrived. For each request and version, a body
// that announces two thousand million of something in its first array.
func TestCVE2026_111108_ArrayCountsCostNothing(t *testing.T) {
	served(t, func(key, version int16) {
		for _, count := range [][]byte{{0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xff, 0x07}} {
			body := append(bytes.Repeat(count, 40), make([]byte, 256)...)
			took, allocated := cost(func() { _, _ = wire.Decode(key, version, body) })
			if took > hostileTime || allocated > 64<<10+4*uint64(len(body)) {
				t.Errorf("%s version %d: %v, %d bytes for %d", kmsg.NameForKey(key), version, took, allocated, len(body))
			}
		}
	})
}

// TestCVE2026_111115_TagCountsCostNothing: the same of tagged fields, in headers
// and bodies.
func TestCVE2026_111115_TagCountsCostNothing(t *testing.T) {
	count := binary.AppendUvarint(nil, 1<<31-1)
	served(t, func(key, version int16) {
		body := append(bytes.Repeat([]byte{0, 1}, 8), count...)
		_, allocated := cost(func() { _, _ = wire.Decode(key, version, body) })
		if allocated > 64<<10+4*uint64(len(body)) {
			t.Errorf("%s version %d: %d bytes", kmsg.NameForKey(key), version, allocated)
		}
	})
	frame := append([]byte{0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff}, count...)
	if _, _, err := wire.ParseHeader(frame); !errors.Is(err, kerr.InvalidRequest) {
		t.Errorf("header: %v", err)
	}
}

// TestCVE2026_27889_FrameLengths: lengths that overflow, are negative or announce
// more than is allowed end the connection without an allocation.
func TestCVE2026_27889_FrameLengths(t *testing.T) {
	for _, size := range []uint32{0, 7, 1<<31 - 1, 1 << 31, 1<<32 - 1, wire.MaxFrame + 1} {
		in := append(binary.BigEndian.AppendUint32(nil, size), make([]byte, 64)...)
		var err error
		_, allocated := cost(func() { _, err = wire.ReadFrame(bufio.NewReaderSize(bytes.NewReader(in), 16), wire.MaxFrame, nil) })
		if err == nil || allocated > 8<<10 {
			t.Errorf("size %d: %v, %d bytes", size, err, allocated)
		}
	}
}
