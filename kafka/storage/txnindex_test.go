package storage

import (
	"slices"
	"testing"
)

// FuzzTxnIndex reads arbitrary bytes as an index, and what is found to be valid
// with a search that looks at every entry.
func FuzzTxnIndex(f *testing.F) {
	var good []byte
	for _, a := range []aborted{{7, 10, 14, 12}, {8, 12, 15, 16}, {7, 20, 22, 23}} {
		good = a.append(good)
	}
	f.Add(good, int64(0), int64(30), int64(13), int64(21))
	f.Add(good, int64(14), int64(23), int64(0), int64(12))
	f.Add(good[:40], int64(0), int64(30), int64(0), int64(30))
	f.Add([]byte{}, int64(0), int64(0), int64(0), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, base, next, from, below int64) {
		if !validTxnIndex(data, base, next) {
			return
		}
		var want []AbortedTransaction
		done := false
		for i := 0; i < len(data)/txnIndexEntry && !done; i++ {
			a := abortedAt(data, i)
			if again := a.append(nil); !slices.Equal(again, data[i*txnIndexEntry:][:txnIndexEntry]) {
				t.Fatalf("entry %d: %x is written as %x", i, data[i*txnIndexEntry:], again)
			}
			if a.last >= from && a.first < below {
				want = append(want, AbortedTransaction{a.producer, a.first})
			}
			done = a.last >= from && a.stable >= below
		}
		if got, d := collect(nil, data, from, below); !slices.Equal(got, want) || d != done {
			t.Errorf("[%d, %d): %v, %v; want %v, %v", from, below, got, d, want, done)
		}
	})
}
