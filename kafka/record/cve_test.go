package record_test

import (
	"encoding/binary"
	"runtime"
	"slices"
	"testing"

	"github.com/millrace/millrace/kafka/record"
)

// TestCVE2023_34455_SnappyChunksCostWhatTheyHold: snappy-java allocated the length
// that a chunk announces.
func TestCVE2023_34455_SnappyChunksCostWhatTheyHold(t *testing.T) {
	magic := []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1}
	for name, payload := range map[string][]byte{
		"a chunk of 2 GiB":        append(slices.Clone(magic), 0x7f, 0xff, 0xff, 0xff, 1, 2, 3),
		"a negative chunk":        append(slices.Clone(magic), 0xff, 0xff, 0xff, 0xff, 1, 2, 3),
		"an announced 4 GiB":      append(binary.AppendUvarint(nil, 1<<32-1), 1, 2, 3),
		"a chunk that announces":  append(append(slices.Clone(magic), 0, 0, 0, 8), append(binary.AppendUvarint(nil, 1<<31-1), 0, 0, 0)...),
		"a header and no content": magic[:12],
	} {
		b := slices.Concat(build(record.BuilderOptions{}, 1, 1)[:record.HeaderSize], payload)
		b[22] = byte(record.Snappy)
		b = reseal(b)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := record.Batch(b).Walk(0, func(*record.Record) error { return nil })
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 4*uint64(len(b))+256<<10 {
			t.Errorf("%s: %d bytes for %d", name, got, len(b))
		}
	}
}
