package storage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path"
	"testing"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

func put(t *testing.T, fsys vfs.FS, name string, data []byte) {
	t.Helper()
	if err := fsys.MkdirAll(path.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// FuzzRecoverTail puts arbitrary bytes behind good batches: the batches stay,
// the log takes more, and a second start finds the same.
func FuzzRecoverTail(f *testing.F) {
	next := batch(-1, 0, 3)
	next.SetBaseOffset(3)
	for _, tail := range [][]byte{nil, next, next[:70], make([]byte, 100), batch(-1, 0, 0)} {
		f.Add(tail)
	}
	f.Fuzz(func(t *testing.T, tail []byte) {
		disk := vfs.NewMemory()
		good := batch(-1, 0, 0, 1, 2)
		put(t, disk, "/data/t-0/00000000000000000000.log", append(append([]byte{}, good...), tail...))
		d := openDir(t, disk, storage.DirOptions{})
		l := openLog(t, d, forever)
		end := l.EndOffset()
		if end < 3 {
			t.Fatalf("the log ends at %d, want 3 or more", end)
		}
		for from := int64(0); from < end; {
			data, err := l.Read(from, end, 1)
			if err != nil {
				t.Fatal(err)
			}
			b, _, err := record.Split(data)
			if err != nil || b.Check() != nil || b.LastOffset() < from {
				t.Fatalf("at %d: %v, last offset %d", from, err, b.LastOffset())
			}
			from = b.LastOffset() + 1
		}
		if _, err := l.Append(batch(-1, 0, 1), 1, epoch0, storage.Coordinator); err != nil && end < 1<<62 {
			t.Fatal(err)
		}
		written := l.EndOffset()
		d.Close()
		d = openDir(t, disk, storage.DirOptions{})
		defer d.Close()
		if l = openLog(t, d, forever); l.EndOffset() != written {
			t.Errorf("the log ends at %d after a restart, want %d", l.EndOffset(), written)
		}
	})
}

// FuzzHelpers puts arbitrary bytes in the place of the files that are only ever
// a help: after a clean stop, when they are believed, and after a kill.
func FuzzHelpers(f *testing.F) {
	helpers := []string{
		"t-0/00000000000000000000.index", "t-0/00000000000000000000.timeindex", "t-0/00000000000000000002.snapshot",
		"t-0/00000000000000000009.snapshot", "t-0/leader-epoch-checkpoint", "durable-offsets",
	}
	for i := range helpers {
		f.Add(uint8(i), true, []byte("0\n1\n0 0\n"))
		f.Add(uint8(i), false, make([]byte, 24))
		f.Add(uint8(i), true, []byte{0, 0, 0, 1, 0, 0, 0, 100})
	}
	f.Fuzz(func(t *testing.T, which uint8, clean bool, data []byte) {
		disk := vfs.NewMemory()
		d := openDir(t, disk, storage.DirOptions{})
		l := openLog(t, d, small)
		for i := range uint64(9) {
			appendTo(t, l, batch(3, int32(i), i))
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if !clean {
			if err := disk.Remove("/data/.kafka_cleanshutdown"); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
		put(t, disk, "/data/"+helpers[int(which)%len(helpers)], data)
		d = openDir(t, disk, storage.DirOptions{})
		defer d.Close()
		l, err := d.OpenLog("t-0", topicID, small)
		if err != nil {
			return // a checkpoint that makes a false promise is for an operator
		}
		for off, v := range values(t, l) {
			if v != uint64(off) {
				t.Errorf("offset %d holds %d", off, v)
			}
		}
		if len(values(t, l)) != 9 {
			t.Errorf("%d records, want 9", len(values(t, l)))
		}
		if _, _, _, _, err := l.LookupTimestamp(epoch0.UnixMilli()+4, 9); err != nil {
			t.Error(err)
		}
	})
}

// FuzzStartOffsets opens a directory with an arbitrary checkpoint of starts.
func FuzzStartOffsets(f *testing.F) {
	f.Add([]byte("0\n1\nt 0 4\n"))
	f.Add([]byte("0\n1\nt 0 -4\n"))
	f.Add([]byte("0\n1\nt 0 9223372036854775807\n"))
	f.Add([]byte("1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		disk := vfs.NewMemory()
		put(t, disk, "/data/log-start-offset-checkpoint", data)
		put(t, disk, "/data/durable-offsets", nil)
		put(t, disk, "/data/t-0/00000000000000000000.log", batch(-1, 0, 0, 1, 2))
		d, err := storage.OpenDir(disk, "/data", storage.DirOptions{})
		if err != nil {
			return
		}
		defer d.Close()
		l := openLog(t, d, forever)
		if l.StartOffset() < 0 || l.StartOffset() > l.EndOffset() {
			t.Errorf("the log goes from %d to %d", l.StartOffset(), l.EndOffset())
		}
	})
}

// FuzzTransactionHelpers puts arbitrary bytes in the place of one file that
// helps a start to know transactions. Of so small a log everything is read
// again: the state must be right whatever they are, except that a snapshot with
// a good CRC is believed.
func FuzzTransactionHelpers(f *testing.F) {
	for which := range uint8(3) {
		f.Add(which, true, []byte("0\n1\n0 0\n"))
		f.Add(which, false, make([]byte, 34))
		f.Add(which, true, append([]byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, make([]byte, 46)...))
		f.Add(which, true, []byte{})
	}
	f.Fuzz(func(t *testing.T, which uint8, clean bool, data []byte) {
		s := newStory(t, 11, 0)
		for range 40 {
			s.append(t)
		}
		if err := s.dir.Close(); err != nil {
			t.Fatal(err)
		}
		if !clean {
			if err := s.disk.Remove("/data/.kafka_cleanshutdown"); err != nil {
				t.Fatal(err)
			}
		}
		suffix := []string{".txnindex", ".snapshot", ".index"}[which%3]
		believed := false
		if suffix == ".snapshot" && len(data) >= 10 {
			believed = true
			data = bytes.Clone(data)
			binary.BigEndian.PutUint32(data[2:], crc32.Checksum(data[6:], crc32.MakeTable(crc32.Castagnoli)))
		}
		files := names(t, s.disk, "/data/t-0", suffix)
		put(t, s.disk, "/data/t-0/"+files[len(files)/2], data)
		for range 2 {
			s.open(t)
			if err := s.check(); err != nil && !believed {
				t.Error(err)
			}
			if s.log.EndOffset() != s.model[len(s.model)-1].last+1 {
				t.Errorf("the log ends at %d", s.log.EndOffset())
			}
			if err := s.dir.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
