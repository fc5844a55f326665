package eventlog

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/vfs"
)

func open(t *testing.T, fsys vfs.FS, limit int64) *Log {
	t.Helper()
	l, err := Open(Config{FS: fsys, Dir: "/data/logs", MaxBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func events(from, n, size int) (out []Event) {
	for i := range n {
		out = append(out, Event{Time: int64(from + i), Message: fmt.Sprintf("%d %s", from+i, strings.Repeat("x", size))})
	}
	return out
}

func appendTo(t *testing.T, l *Log, group, stream uint64, list []Event) {
	t.Helper()
	if err := l.Append(t.Context(), group, stream, 1, list); err != nil {
		t.Fatal(err)
	}
}

// all reads page after page, and answers the times of the events.
func all(t *testing.T, l *Log, q Query) (times []int64, pages int) {
	t.Helper()
	if q.Bytes == 0 {
		q.Bytes = 1 << 20
	}
	if q.To == 0 {
		q.To = math.MaxInt64
	}
	for {
		p, err := l.Read(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Events) > q.Limit {
			t.Fatalf("a page of %d events, %d were asked", len(p.Events), q.Limit)
		}
		for _, e := range p.Events {
			times = append(times, e.Time)
		}
		if pages++; p.More == nil {
			return times, pages
		}
		q.After = p.More
	}
}

func sequence(from, to int64) (out []int64) {
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// TestOrder: whatever the order of appends, over segments and streams, events
// are read in the order of their times, forward and backward, each once.
func TestOrder(t *testing.T) {
	l := open(t, vfs.NewMemory(), 0)
	for _, from := range []int{200, 0, 400, 300, 100} { // batches of 0.4 MiB: two in a segment
		appendTo(t, l, 1, uint64(from/100)%2, events(from, 100, 4000))
	}
	for _, back := range []bool{false, true} {
		for _, limit := range []int{20, 70, 1000} {
			got, pages := all(t, l, Query{Group: 1, Streams: []uint64{0, 1}, Backward: back, Limit: limit})
			if back {
				slices.Reverse(got)
			}
			if !slices.Equal(got, sequence(0, 500)) || pages < 500/limit {
				t.Errorf("backward %v, limit %d: %v in %d pages", back, limit, got, pages)
			}
			got, _ = all(t, l, Query{Group: 1, Streams: []uint64{0, 1}, From: 120, To: 333, Backward: back, Limit: limit})
			if back {
				slices.Reverse(got)
			}
			if !slices.Equal(got, sequence(120, 333)) {
				t.Errorf("a range, backward %v, limit %d: %v", back, limit, got)
			}
		}
	}
	got, pages := all(t, l, Query{Group: 1, Streams: []uint64{1}, Limit: 1000, Bytes: 50000})
	if want := append(sequence(100, 200), sequence(300, 400)...); !slices.Equal(got, want) || pages != 17 { // 12 of 4 KB in each
		t.Errorf("by bytes: %v in %d pages", got, pages)
	}
	sum, err := l.Summary(t.Context(), 1, 0)
	if want := (Summary{Count: 300, First: 0, Last: 499, Ingested: 1}); err != nil || sum != want {
		t.Errorf("summary: %+v, %v", sum, err)
	}
}

// TestScanIsBounded: a question that nothing matches is answered in pages, each
// of which looks through a bounded number of bytes.
func TestScanIsBounded(t *testing.T) {
	l := open(t, vfs.NewMemory(), 0)
	for i := range 40 {
		appendTo(t, l, 1, 1, events(i*10, 10, 100<<10)) // 1 MiB
	}
	looked := 0
	match := func(m string) bool { looked++; return strings.HasPrefix(m, "5 ") || strings.HasPrefix(m, "395 ") }
	for _, back := range []bool{false, true} {
		looked = 0
		got, pages := all(t, l, Query{Group: 1, Streams: []uint64{1}, Limit: 10, Backward: back, Match: match})
		if back {
			slices.Reverse(got)
		}
		if !slices.Equal(got, []int64{5, 395}) || pages < 2 || looked != 400 {
			t.Errorf("backward %v: %v in %d pages, %d events looked at", back, got, pages, looked)
		}
	}
}

// TestAgain: a Log that is opened again has everything, and goes on.
func TestAgain(t *testing.T) {
	mem := vfs.NewMemory()
	for i := range 30 {
		appendTo(t, open(t, mem, 0), 1, 1, events(i*10, 10, 10000))
	}
	l := open(t, mem, 0)
	if got, _ := all(t, l, Query{Group: 1, Streams: []uint64{1}, Limit: 100}); !slices.Equal(got, sequence(0, 300)) {
		t.Errorf("%v", got)
	}
	names, _ := mem.ReadDir("/data/logs/0000000000000001/0000000000000001")
	if len(names) < 3 {
		t.Errorf("%d segments", len(names))
	}
	if err := l.Expire(t.Context(), 1, 150); err != nil {
		t.Fatal(err)
	}
	if got, _ := all(t, open(t, mem, 0), Query{Group: 1, Streams: []uint64{1}, Limit: 100}); len(got) == 0 || got[0] == 0 || got[0] > 150 || got[len(got)-1] != 299 {
		t.Errorf("after Expire: %v", got)
	}
	before := l.Bytes(1)
	if fresh := open(t, mem, 0).Bytes(1); fresh != before {
		t.Errorf("%d bytes are counted, opened again %d", before, fresh)
	}
	if err := l.DropGroup(t.Context(), 1); err != nil || l.Bytes(1) != 0 {
		t.Fatal(err, l.Bytes(1))
	}
	if len(open(t, mem, 0).Groups()) != 0 {
		t.Error("a group that was dropped is back")
	}
}

// TestLimit: over the limit the largest group loses its oldest events, the
// others nothing.
func TestLimit(t *testing.T) {
	const limit = 5 << 20
	l := open(t, vfs.NewMemory(), limit)
	appendTo(t, l, 2, 1, events(0, 10, 100))
	for i := range 100 {
		appendTo(t, l, 1, uint64(i%2), events(i*10, 10, 10000))
	}
	if got := l.Bytes(1) + l.Bytes(2); got > limit || got < limit/2 {
		t.Errorf("%d bytes of at most %d", got, limit)
	}
	got, _ := all(t, l, Query{Group: 1, Streams: []uint64{0, 1}, Limit: 1000})
	if len(got) == 0 || got[0] == 0 || got[len(got)-1] != 999 {
		t.Errorf("kept %v", got)
	}
	if got, _ := all(t, l, Query{Group: 2, Streams: []uint64{1}, Limit: 1000}); !slices.Equal(got, sequence(0, 10)) {
		t.Errorf("the small group has %v", got)
	}
}

// TestPowerCut cuts the power at every operation of a run that rolls segments:
// what was acknowledged is there, and nothing twice or in part; then the stream
// goes on.
func TestPowerCut(t *testing.T) {
	cuts := 0
	for n := 1; ; n++ {
		mem := vfs.NewMemory()
		op, image := 0, (*vfs.Memory)(nil)
		fsys := vfs.NewFaulty(mem, func(vfs.Op) error {
			if op++; op == n {
				image = mem.PowerOff(int64(n))
				return vfs.ErrPowerOff
			}
			return nil
		})
		acked, done := run(t, fsys)
		if done {
			break
		}
		cuts++
		l := open(t, image, 0)
		got, _ := all(t, l, Query{Group: 1, Streams: []uint64{1}, Limit: 100})
		if len(got) < acked || len(got)%10 != 0 || !slices.Equal(got, sequence(0, int64(len(got)))) {
			t.Fatalf("cut at operation %d: %d events were acknowledged, there are %v", n, acked, got)
		}
		appendTo(t, l, 1, 1, events(len(got), 10, 100))
		if again, _ := all(t, open(t, image, 0), Query{Group: 1, Streams: []uint64{1}, Limit: 100}); !slices.Equal(again, sequence(0, int64(len(got)+10))) {
			t.Fatalf("cut at operation %d, later: %v", n, again)
		}
	}
	if cuts < 20 {
		t.Errorf("only %d operations were cut", cuts)
	}
}

// run appends until the power goes.
func run(t *testing.T, fsys vfs.FS) (acked int, done bool) {
	l, err := Open(Config{FS: fsys, Dir: "/data/logs"})
	for i := 0; err == nil && i < 5; i++ {
		if err = l.Append(t.Context(), 1, 1, 1, events(i*10, 10, 40<<10)); err == nil {
			acked += 10
		}
	}
	return acked, err == nil
}

// TestFailedWrite: a stream whose write failed takes nothing more, since what is
// on disk is not known.
func TestFailedWrite(t *testing.T) {
	broken := false
	disk := errors.New("no disk")
	l := open(t, vfs.NewFaulty(vfs.NewMemory(), func(o vfs.Op) error {
		if broken && o.Kind == "sync" {
			return disk
		}
		return nil
	}), 0)
	appendTo(t, l, 1, 1, events(0, 1, 1))
	broken = true
	if err := l.Append(t.Context(), 1, 1, 1, events(1, 1, 1)); !errors.Is(err, disk) {
		t.Fatal(err)
	}
	broken = false
	if err := l.Append(t.Context(), 1, 1, 1, events(2, 1, 1)); !errors.Is(err, disk) {
		t.Fatalf("the stream went on after a failed sync: %v", err)
	}
	appendTo(t, l, 1, 2, events(0, 1, 1)) // others do
}

// TestDamage: what no crash does is an error that names the file, not a shorter
// log.
func TestDamage(t *testing.T) {
	mem := vfs.NewMemory()
	l := open(t, mem, 0)
	for i := range 3 {
		appendTo(t, l, 1, 1, events(i*10, 10, 100<<10))
	}
	f, err := mem.OpenFile("/data/logs/0000000000000001/0000000000000001/00000000000000000000.seg", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("?"), 5000); err != nil {
		t.Fatal(err)
	}
	_, err = open(t, mem, 0).Read(t.Context(), Query{Group: 1, Streams: []uint64{1}, To: math.MaxInt64, Limit: 1, Bytes: 1})
	if err == nil || !strings.Contains(err.Error(), "00000000000000000000.seg: offset 16") {
		t.Errorf("damage is told as %v", err)
	}
}

// FuzzSegment: scan takes any bytes, and what it takes it writes again the same.
func FuzzSegment(f *testing.F) {
	g := segment{first: 7}
	g.add(3, events(1, 2, 3))
	whole := append(header(7), batch(3, events(1, 2, 3))...)
	f.Add(whole)
	f.Add(append(slices.Clone(whole), g.footer()...))
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		again := header(7)
		g, err := scan(data, 7, 1, func(list []Event) { again = append(again, batch(list[0].Ingested, list)...) })
		if g.size > int64(len(data)) || err == nil && g.size != int64(len(data)) {
			t.Fatalf("%d of %d bytes, %v", g.size, len(data), err)
		}
		if g.size > 0 && !g.sealed && !slices.Equal(again, data[:g.size]) {
			t.Fatalf("written again as %x, read from %x", again, data[:g.size])
		}
		if len(data) >= footerFull {
			_, _ = readFooter(data[len(data)-footerFull:], 7, int64(len(data)))
		}
	})
}
