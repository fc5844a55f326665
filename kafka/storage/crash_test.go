package storage_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

const crashLogs = 3 // logs of the directory, so that commits have groups

// sent is one batch that a run has sent; record i of a log has value i, and so
// belongs at offset i.
type sent struct{ first, count uint64 }

func (s sent) values() (values []uint64) {
	for i := range s.count {
		values = append(values, s.first+i)
	}
	return values
}

// workload appends to a directory at random and remembers what it was told.
type workload struct {
	rng    *rand.Rand
	disk   *vfs.Memory
	logs   [crashLogs]*storage.Log
	sent   [crashLogs][]sent
	starts [crashLogs]int64 // what DeleteBefore has promised
}

// promise is what an image must hold of one log.
type promise struct {
	durable          int64 // offsets below were called durable
	startMin, endMax int64
	startMax         int64
	sent             []sent
}

// outcome counts what an image broke.
type outcome struct{ lost, duplicates int }

func (o *outcome) add(p outcome) { o.lost += p.lost; o.duplicates += p.duplicates }

// TestPowerCuts appends under concurrent commits, takes images that a power cut
// may leave, and wants in each every record that was durable before, no hole,
// and no record twice after the producers have sent again what they last sent.
func TestPowerCuts(t *testing.T) {
	runs := 150
	if testing.Short() {
		runs = 40
	}
	got, images := cutPower(t, runs, storage.DirOptions{}, storage.DirOptions{})
	if got != (outcome{}) {
		t.Errorf("%d images: %+v", images, got)
	}
	t.Logf("%d images: %d durable records lost, %d records twice", images, got.lost, got.duplicates)
}

// TestPowerCutsAreCaught are the controls: without syncs records must be seen to
// go, without producer state they must be seen to come twice.
func TestPowerCutsAreCaught(t *testing.T) {
	if got, images := cutPower(t, 15, storage.DirOptions{PageCache: true}, storage.DirOptions{}); got.lost == 0 {
		t.Error("without syncs nothing was lost: the test sees nothing")
	} else {
		t.Logf("without syncs: %d lost in %d images", got.lost, images)
	}
	if got, images := cutPower(t, 15, storage.DirOptions{}, storage.DirOptions{ForgetProducers: true}); got.duplicates == 0 {
		t.Error("without producer state nothing came twice: the test sees nothing")
	} else {
		t.Logf("without producer state: %d twice in %d images", got.duplicates, images)
	}
}

func cutPower(t *testing.T, runs int, before, after storage.DirOptions) (sum outcome, images int) {
	t.Helper()
	for seed := range int64(runs) {
		w := &workload{rng: rand.New(rand.NewPCG(uint64(seed), 1)), disk: vfs.NewMemory()}
		d := openDir(t, w.disk, before)
		config := storage.LogConfig{SegmentBytes: 300 + w.rng.Int64N(2500), RetentionBytes: -1, RetentionAge: -1, IndexIntervalBytes: 200}
		for i := range w.logs {
			w.logs[i] = openNamed(t, d, i, config)
		}
		for range 3 {
			for range 1 + w.rng.IntN(40) {
				w.step(t, !before.PageCache)
			}
			promises := w.promises()
			image := w.disk.Crash(w.rng.Int64())
			sum.add(check(t, image, promises, after))
			images++
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return sum, images
}

func openNamed(t *testing.T, d *storage.Dir, i int, c storage.LogConfig) *storage.Log {
	t.Helper()
	l, err := d.OpenLog(fmt.Sprintf("t-%d", i), topicID, c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// step appends a batch, and now and then waits for it or deletes old records.
func (w *workload) step(t *testing.T, wait bool) {
	t.Helper()
	i := w.rng.IntN(crashLogs)
	l := w.logs[i]
	s := sent{first: uint64(l.EndOffset()), count: uint64(1 + w.rng.IntN(3))}
	a := appendTo(t, l, batch(int64(10+i), int32(s.first), s.values()...))
	if a.Duplicate || a.BaseOffset != int64(s.first) {
		t.Fatalf("batch %+v went to %+v", s, a)
	}
	w.sent[i] = append(w.sent[i], s)
	if wait && w.rng.IntN(10) == 0 {
		waitDurable(t, l)
	}
	if w.rng.IntN(40) == 0 && l.DurableOffset() > 16 {
		at := l.DurableOffset() - 16 // what is left holds the last five batches
		if err := l.DeleteBefore(at); err != nil {
			t.Fatal(err)
		}
		w.starts[i] = max(w.starts[i], at)
	}
}

// promises notes what was promised until now; the image is taken afterwards.
func (w *workload) promises() (out [crashLogs]promise) {
	for i, l := range w.logs {
		out[i] = promise{durable: l.DurableOffset(), startMin: w.starts[i], startMax: l.StartOffset(), endMax: l.EndOffset(), sent: w.sent[i]}
	}
	return out
}

func check(t *testing.T, image *vfs.Memory, promises [crashLogs]promise, o storage.DirOptions) (sum outcome) {
	t.Helper()
	d := openDir(t, image, storage.DirOptions{})
	for i := range promises {
		openNamed(t, d, i, forever)
	}
	again := openDir(t, image.Crash(7), o) // a second cut, right after recovery, is survived too
	defer again.Close()
	for i, p := range promises {
		sum.add(p.check(t, openNamed(t, again, i, forever), int64(10+i)))
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return sum
}

func (p promise) check(t *testing.T, l *storage.Log, producer int64) (o outcome) {
	t.Helper()
	start, end := l.StartOffset(), l.EndOffset()
	if start < p.startMin || start > max(p.startMax, p.startMin) || end > p.endMax {
		t.Fatalf("the log goes from %d to %d; want a start in [%d, %d], an end of at most %d", start, end, p.startMin, p.startMax, p.endMax)
	}
	o.lost = int(max(0, p.durable-end))
	got := values(t, l)
	for off := start; off < end; off++ {
		if v, ok := got[off]; !ok || v != uint64(off) {
			t.Fatalf("offset %d of [%d, %d) holds %d, %v", off, start, end, v, ok)
		}
	}
	if o.lost > 0 {
		return o // the producers are told nothing new by that
	}
	for _, s := range p.resend(end) {
		if a := appendTo(t, l, batch(producer, int32(s.first), s.values()...)); a.BaseOffset != int64(s.first) {
			o.duplicates++
		}
	}
	return o
}

// resend is the last five batches that are in the log, and all after them.
func (p promise) resend(end int64) []sent {
	i := 0
	for i < len(p.sent) && int64(p.sent[i].first) < end {
		i++
	}
	return p.sent[max(0, i-5):]
}
