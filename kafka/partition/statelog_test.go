package partition_test

import (
	"log/slog"
	"testing"

	"github.com/millrace/millrace/kafka/partition"
	"github.com/millrace/millrace/kafka/statemachine"
	"github.com/millrace/millrace/kafka/statemachine/logtest"
	"github.com/millrace/millrace/kafka/storage"
	"github.com/millrace/millrace/vfs"
)

// TestStateLog: a partition is a log for state machines, over a stop too.
func TestStateLog(t *testing.T) {
	logtest.Run(t, func(t *testing.T) (statemachine.Log, func() statemachine.Log) {
		fsys := vfs.NewMemory()
		var dir *storage.Dir
		open := func() statemachine.Log {
			var err error
			if dir != nil {
				if err := dir.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if dir, err = storage.OpenDir(fsys, "data", storage.DirOptions{}); err != nil {
				t.Fatal(err)
			}
			set := partition.New(partition.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
			p, err := set.OpenMetadata("__cluster_metadata", [16]byte{15: 1}, 1)
			if err != nil {
				t.Fatal(err)
			}
			log, err := partition.OpenStateLog(p)
			if err != nil {
				t.Fatal(err)
			}
			return log
		}
		t.Cleanup(func() { dir.Close() })
		return open(), open
	})
}
