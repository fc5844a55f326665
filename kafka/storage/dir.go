package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/vfs"
)

// DirOptions are the options of a log directory. The zero value is durable.
type DirOptions struct {
	// PageCache makes what is written count as durable (durability=page-cache):
	// a power cut then loses acknowledged records.
	PageCache bool
	// ForgetProducers drops the state of idempotent producers at open: the
	// control of tests that must see duplicates.
	ForgetProducers bool
	// OnFail is called once, when the directory fails. It must not call back.
	OnFail func(error)
	// OnCut is called when recovery cuts the tail of a log: at position from of
	// a file of size to.
	OnCut func(name string, from, to int64)
}

const (
	cleanMarker  = ".kafka_cleanshutdown"
	startsFile   = "log-start-offset-checkpoint"
	epochsFile   = "leader-epoch-checkpoint"
	deleteSuffix = "-delete"
)

// Dir is an open log directory. Its methods may be called concurrently.
type Dir struct {
	fs     vfs.FS
	path   string
	o      DirOptions
	clean  bool // the last user closed it
	starts map[string]int64
	floors map[string]int64
	commit *committer

	failure atomic.Pointer[error]

	mu    sync.Mutex
	logs  map[string]*Log // guarded by mu
	saves sync.Mutex      // one writer of the starts file at a time
}

// OpenDir opens a log directory and makes it when it is missing. The caller
// makes sure that nobody else has it open.
func OpenDir(fsys vfs.FS, dirPath string, o DirOptions) (*Dir, error) {
	d := &Dir{fs: fsys, path: dirPath, o: o, logs: make(map[string]*Log)}
	if err := fsys.MkdirAll(dirPath, 0o755); err != nil {
		return nil, fmt.Errorf("open log directory: %w", err)
	}
	if err := fsys.SyncDir(path.Dir(dirPath)); err != nil {
		return nil, fmt.Errorf("open log directory: %w", err)
	}
	var err error
	if d.starts, err = readOffsets(fsys, path.Join(dirPath, startsFile)); err != nil {
		return nil, fmt.Errorf("open log directory: %w", err)
	}
	if err := d.takeMarker(); err != nil {
		return nil, fmt.Errorf("open log directory: %w", err)
	}
	if err := d.sweep(); err != nil {
		return nil, fmt.Errorf("open log directory: %w", err)
	}
	if d.commit, d.floors, err = openCommitter(d); err != nil {
		return nil, fmt.Errorf("open log directory: %w", err)
	}
	return d, nil
}

// takeMarker notes whether the last stop was clean and removes the marker,
// durably, before anything is written.
func (d *Dir) takeMarker() error {
	marker := path.Join(d.path, cleanMarker)
	if _, err := d.fs.Stat(marker); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	d.clean = true
	if err := d.fs.Remove(marker); err != nil {
		return err
	}
	return d.fs.SyncDir(d.path)
}

// sweep finishes removals that a stop interrupted.
func (d *Dir) sweep() error {
	entries, err := d.fs.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasSuffix(e.Name(), deleteSuffix) {
			if err := d.fs.RemoveAll(path.Join(d.path, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Err is why the directory has failed, or nil.
func (d *Dir) Err() error {
	if p := d.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// fail makes the directory fail for good and returns what callers answer.
func (d *Dir) fail(err error) error {
	if d.failure.CompareAndSwap(nil, &err) && d.o.OnFail != nil {
		d.o.OnFail(err)
	}
	return kerr.KafkaStorageError
}

// OpenLog opens a log, recovering it after an unclean stop. name is
// "<topic>-<partition>". A new log is on disk from its first append on. It is
// an error, and fails the directory, when records that were durable are
// damaged or missing: nothing is cut then.
func (d *Dir) OpenLog(name string, topicID [16]byte, c LogConfig) (*Log, error) {
	if name == "" || strings.ContainsAny(name, "/\x00") || name == "." || name == ".." {
		return nil, fmt.Errorf("log name %q is not a directory name", name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Err() != nil {
		return nil, kerr.KafkaStorageError
	}
	if l := d.logs[name]; l != nil {
		return nil, fmt.Errorf("log %s is open", name)
	}
	l := &Log{dir: d, name: name, path: path.Join(d.path, name), id: topicID, cfg: c.complete(), producers: producers{}}
	l.segments.Store(&[]*segment{})
	if err := l.recover(); err != nil {
		_ = d.fail(fmt.Errorf("recover %s: %w", name, err))
		return nil, fmt.Errorf("recover %s: %w", name, err)
	}
	d.logs[name] = l
	return l, nil
}

// Names lists the logs that are on disk, sorted.
func (d *Dir) Names() []string {
	entries, err := d.fs.ReadDir(d.path)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasSuffix(e.Name(), deleteSuffix) {
			names = append(names, e.Name())
		}
	}
	return names
}

// Remove closes a log and deletes it: once it returns, the log does not come
// back, whatever happens. A log that is not there is no error.
func (d *Dir) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.logs[name]; l != nil {
		delete(d.logs, name)
		l.close()
	}
	d.commit.settle(name)
	delete(d.starts, name)
	maps.DeleteFunc(d.floors, func(key string, _ int64) bool { return strings.HasPrefix(key, name+"\x00") })
	from := path.Join(d.path, name)
	if _, err := d.fs.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	to := from + deleteSuffix
	err := d.fs.Rename(from, to)
	if err == nil {
		err = d.fs.SyncDir(d.path)
	}
	if err == nil {
		err = d.fs.RemoveAll(to)
	}
	if err != nil {
		return d.fail(fmt.Errorf("remove log %s: %w", name, err))
	}
	return nil
}

// close ends appends; the segments' files close when their readers are done.
func (l *Log) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	l.unsynced = nil
	for _, s := range *l.segments.Load() {
		s.release()
	}
}

// saveStarts writes the start offsets of all logs, durably.
func (d *Dir) saveStarts() error {
	d.saves.Lock()
	defer d.saves.Unlock()
	d.mu.Lock()
	starts := maps.Clone(d.starts) // of logs that are not open
	for name, l := range d.logs {
		delete(starts, name)
		if at := l.start.Load(); at > 0 {
			starts[name] = at
		}
	}
	d.mu.Unlock()
	return vfs.Replace(d.fs, d.path, startsFile, encodeOffsets(starts))
}

// Close commits what is written, saves what makes the next open fast and
// leaves the clean-shutdown marker. A failed directory gets no marker; its
// failure is the error.
func (d *Dir) Close() error {
	d.commit.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() {
		for _, l := range d.logs {
			l.close()
		}
	}()
	if err := d.Err(); err != nil {
		return fmt.Errorf("close log directory: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(d.logs)) {
		if err := d.logs[name].saveAll(); err != nil {
			return fmt.Errorf("close log %s: %w", name, err)
		}
	}
	return vfs.Replace(d.fs, d.path, cleanMarker, []byte("{\"version\":0}\n"))
}

// saveAll writes the helpers of the last segment and syncs it.
func (l *Log) saveAll() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := *l.segments.Load()
	if len(list) == 0 {
		return nil
	}
	if err := l.closeActive(list[len(list)-1], l.end.Load()); err != nil {
		return err
	}
	if err := list[len(list)-1].file.Sync(); err != nil {
		return err
	}
	if err := vfs.Replace(l.dir.fs, l.path, epochsFile, l.epochs.encode()); err != nil {
		return err
	}
	return l.dir.fs.SyncDir(l.path)
}
