package storage_test

import (
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

// TestCVE2020_15112_MalformedLogsDoNotPanic: etcd crashed on a write-ahead log
// with odd lengths (also CVE-2020-15106). Whatever stands behind good batches, the
// log opens with them or says what is wrong.
func TestCVE2020_15112_MalformedLogsDoNotPanic(t *testing.T) {
	good := batch(-1, 0, 0, 1, 2)
	rng := rand.New(rand.NewPCG(15, 112))
	tails := [][]byte{{0xff}, {0, 0, 0, 0, 0, 0, 0, 3, 0x7f, 0xff, 0xff, 0xff}, {0, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff}, make([]byte, 4096)}
	for range 300 {
		tail := make([]byte, rng.IntN(200))
		for i := range tail {
			tail[i] = byte(rng.IntN(256))
		}
		if len(tail) > 12 { // a plausible length
			copy(tail, []byte{0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, byte(rng.IntN(256))})
		}
		tails = append(tails, tail)
	}
	for _, tail := range tails {
		disk := vfs.NewMemory()
		put(t, disk, "/data/t-0/00000000000000000000.log", append(append([]byte{}, good...), tail...))
		d := openDir(t, disk, storage.DirOptions{})
		if end := openLog(t, d, forever).EndOffset(); end != 3 {
			t.Errorf("%x: the log ends at %d", tail, end)
		}
		d.Close()
	}
}
