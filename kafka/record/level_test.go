package record

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// TestLevels: what every level of every codec makes is read again, and a level
// that tries harder makes no more bytes of it.
func TestLevels(t *testing.T) {
	var text bytes.Buffer
	words := bytes.Fields([]byte("a batch of records that a client has produced is kept as it came unless its topic wants another codec then all of it is compressed again"))
	for i, n := 0, 1; i < 6_000; i++ {
		n = n * 48271 % 2147483647
		fmt.Fprintf(&text, "%s ", words[n%len(words)])
	}
	b := NewBuilder(BuilderOptions{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
	b.Add(1000, nil, text.Bytes())
	plain := b.Batch()
	size := func(codec string, level Level) int {
		t.Helper()
		out, _, err := Validate(bytes.Clone(plain), Rules{Compression: codec, Level: level, ZstdAllowed: true, Now: time.UnixMilli(1000)})
		if err != nil {
			t.Fatalf("%s at level %d: %v", codec, level, err)
		}
		err = Batch(out).Walk(0, func(r *Record) error {
			if !bytes.Equal(r.Value, text.Bytes()) {
				t.Errorf("%s at level %d: other bytes", codec, level)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s at level %d: %v", codec, level, err)
		}
		return len(out)
	}
	for codec, c := range map[string]struct {
		levels           []Level
		standard         Level
		fast, thoroughly Level
	}{
		"gzip": {[]Level{-1, 1, 2, 3, 4, 5, 6, 7, 8, 9}, -1, 1, 9},
		"lz4":  {[]Level{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 17}, 9, 9, 17},
		"zstd": {[]Level{-131072, -1, 1, 2, 3, 6, 12, 22}, 3, 1, 22},
	} {
		for _, level := range c.levels {
			size(codec, level)
		}
		if size(codec, 0) != size(codec, c.standard) {
			t.Errorf("%s without a level is not as with level %d", codec, c.standard)
		}
		if fast, small := size(codec, c.fast), size(codec, c.thoroughly); small >= fast {
			t.Errorf("%s: %d bytes at level %d, %d at level %d", codec, fast, c.fast, small, c.thoroughly)
		}
	}
}
