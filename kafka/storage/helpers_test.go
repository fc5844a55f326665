package storage_test

import (
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/kafka/record"
	"github.com/millrace/millrace/vfs"
)

// producerBatch is one record of an idempotent producer.
func producerBatch(producer int64, epoch int16, sequence int32) record.Batch {
	b := record.NewBuilder(record.BuilderOptions{ProducerID: producer, ProducerEpoch: epoch, BaseSequence: sequence, Idempotent: true})
	b.Add(epoch0.UnixMilli(), nil, []byte("12345678"))
	return b.Batch()
}

func openFile(t *testing.T, fsys vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// damageTail puts garbage after the last batch of a file, as a torn write does.
func damageTail(t *testing.T, fsys vfs.FS, name string) {
	t.Helper()
	f := openFile(t, fsys, name)
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("garbage"), st.Size()); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, fsys vfs.FS, name string, size int64) {
	t.Helper()
	f := openFile(t, fsys, name)
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}

// names lists the files of a directory that end with a suffix.
func names(t *testing.T, fsys vfs.FS, dir, suffix string) (out []string) {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			out = append(out, e.Name())
		}
	}
	return out
}
