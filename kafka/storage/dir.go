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

	"github.com/millrace/millrace/kafka/record"
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
	// a file of size to. For a whole file that followed a cut, from is 0.
	OnCut func(name string, from, to int64)
}

const (
	cleanMarker  = ".kafka_cleanshutdown"
	startsFile   = "log-start-offset-checkpoint"
	epochsFile   = "leader-epoch-checkpoint"
	cleanerFile  = "cleaner-offset-checkpoint"
	deleteSuffix = "-delete"
)

// Dir is an open log directory. Its methods may be called concurrently; logs may
// be opened in parallel.
type Dir struct {
	fs      vfs.FS
	path    string
	o       DirOptions
	clean   bool             // the last user closed it
	floors  map[string]int64 // as found at open; guarded by ops
	commit  *committer
	indexes indexCache
	headers sync.Pool // of *[record.HeaderSize]byte

	failure atomic.Pointer[error]

	ops    sync.RWMutex // held for reading by OpenLog, for writing by Remove and Close
	closed bool         // guarded by ops
	saves  sync.Mutex   // one writer of the starts file at a time; taken before mu
	mu     sync.Mutex
	logs   map[string]*Log  // guarded by mu
	starts map[string]int64 // of logs that are not open; guarded by mu

	compacted map[string]int64 // how far logs were compacted; guarded by mu
}

// OpenDir opens a log directory and makes it when it is missing. The caller
// makes sure that nobody else has it open.
func OpenDir(fsys vfs.FS, dirPath string, o DirOptions) (*Dir, error) {
	d := &Dir{fs: fsys, path: dirPath, o: o, logs: make(map[string]*Log)}
	d.indexes.fs = fsys
	d.headers.New = func() any { return new([record.HeaderSize]byte) }
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("open log directory: %w", err)
	}
	return d, nil
}

func (d *Dir) open() error {
	if err := vfs.MakeDirs(d.fs, d.path, 0o755); err != nil {
		return err
	}
	var err error
	if d.starts, err = readOffsets(d.fs, path.Join(d.path, startsFile)); err != nil {
		return err
	}
	if d.compacted, err = readOffsets(d.fs, path.Join(d.path, cleanerFile)); err != nil {
		return err
	}
	if err := d.takeMarker(); err != nil {
		return err
	}
	if err := d.sweep(); err != nil {
		return err
	}
	if err := d.adopt(); err != nil {
		return err
	}
	d.commit, d.floors, err = openCommitter(d)
	return err
}

// adopt takes over a directory that Millrace has not had open: Kafka does not
// write down a log's start when that is where its first file begins.
func (d *Dir) adopt() error {
	if _, err := d.fs.Stat(path.Join(d.path, journalFile)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	changed := false
	for _, name := range d.Names() {
		entries, err := d.fs.ReadDir(path.Join(d.path, name))
		if err != nil {
			return err
		}
		for _, e := range entries { // sorted: the first one found is the oldest
			base, ok := parseName(e.Name(), logSuffix)
			if ok && base > d.starts[name] {
				d.starts[name], changed = base, true
			}
			if ok {
				break
			}
		}
	}
	if !changed {
		return nil
	}
	return d.saveStarts()
}

// takeMarker notes whether the last stop was clean and removes the marker,
// durably, before anything is written.
func (d *Dir) takeMarker() error {
	marker := path.Join(d.path, cleanMarker)
	_, err := d.fs.Stat(marker)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
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
	d.ops.RLock()
	defer d.ops.RUnlock()
	if d.closed || d.Err() != nil {
		return nil, kerr.KafkaStorageError
	}
	l := &Log{dir: d, name: name, path: path.Join(d.path, name), id: topicID, cfg: c.complete(), producers: newProducers()}
	l.segments.Store(&[]*segment{})
	d.mu.Lock()
	_, open := d.logs[name]
	if !open {
		l.start.Store(d.starts[name])
		l.compacted = d.compacted[name]
		d.logs[name] = l
	}
	d.mu.Unlock()
	if open {
		return nil, fmt.Errorf("log %s is open", name)
	}
	if err := l.recover(); err != nil {
		err = fmt.Errorf("recover %s: %w", name, err)
		_ = d.fail(err)
		return nil, err
	}
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
	d.ops.Lock()
	defer d.ops.Unlock()
	if d.closed || d.Err() != nil {
		return kerr.KafkaStorageError
	}
	d.mu.Lock()
	l := d.logs[name]
	moved := d.starts[name] > 0 || l != nil && l.start.Load() > 0
	delete(d.logs, name)
	delete(d.starts, name)
	d.mu.Unlock()
	if l != nil {
		l.close()
	}
	// What is known of the log is forgotten before its files are: a new log of
	// the same name begins at 0 and owes nothing.
	maps.DeleteFunc(d.floors, func(key string, _ int64) bool { return strings.HasPrefix(key, name+"\x00") })
	err := d.commit.settle(name)
	if err == nil && moved {
		err = d.saveStarts()
	}
	if err == nil {
		err = d.forgetCompacted(name)
	}
	if err == nil {
		err = d.removeFiles(path.Join(d.path, name))
	}
	if err != nil {
		return d.fail(fmt.Errorf("remove log %s: %w", name, err))
	}
	return nil
}

// removeFiles removes a log's directory, at once as far as a restart sees.
func (d *Dir) removeFiles(from string) error {
	if _, err := d.fs.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	to := from + deleteSuffix
	if err := d.fs.RemoveAll(to); err != nil { // of an earlier log of this name
		return err
	}
	if err := d.fs.Rename(from, to); err != nil {
		return err
	}
	if err := d.fs.SyncDir(d.path); err != nil {
		return err
	}
	return d.fs.RemoveAll(to)
}

// close ends appends and reads; the segments' files close when the readers that
// have them are done.
func (l *Log) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Swap(true) {
		return
	}
	l.unsynced, l.helpers = nil, nil
	for _, s := range *l.segments.Load() {
		l.dir.indexes.forget(s)
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

// saveCompacted writes down, durably, how far a log was compacted. The log may
// be removed meanwhile.
func (d *Dir) saveCompacted(l *Log, upto int64) error {
	d.ops.RLock()
	defer d.ops.RUnlock()
	l.mu.Lock()
	l.compacted = upto
	l.mu.Unlock()
	d.mu.Lock()
	known := d.logs[l.name] == l
	d.mu.Unlock()
	if !known {
		return nil
	}
	return d.changeCompacted(func(m map[string]int64) { m[l.name] = upto })
}

// forgetCompacted does so for a log that is removed: the next of its name begins
// at 0.
func (d *Dir) forgetCompacted(name string) error {
	d.mu.Lock()
	_, known := d.compacted[name]
	d.mu.Unlock()
	if !known {
		return nil
	}
	return d.changeCompacted(func(m map[string]int64) { delete(m, name) })
}

func (d *Dir) changeCompacted(change func(map[string]int64)) error {
	d.saves.Lock()
	defer d.saves.Unlock()
	d.mu.Lock()
	change(d.compacted)
	data := encodeOffsets(d.compacted)
	d.mu.Unlock()
	if err := vfs.Replace(d.fs, d.path, cleanerFile, data); err != nil {
		return d.fail(fmt.Errorf("save %s: %w", cleanerFile, err))
	}
	return nil
}

// Close commits what is written, saves what makes the next open fast and
// leaves the clean-shutdown marker. A failed directory gets no marker; its
// failure is the error. Closing again does nothing.
func (d *Dir) Close() error {
	d.ops.Lock()
	defer d.ops.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	d.mu.Lock()
	logs := maps.Clone(d.logs)
	d.mu.Unlock()
	for _, l := range logs {
		l.seal()
	}
	d.commit.stop()
	defer func() {
		for _, l := range logs {
			l.close()
		}
	}()
	if err := d.Err(); err != nil {
		return fmt.Errorf("close log directory: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(logs)) {
		if err := logs[name].saveAll(); err != nil {
			return fmt.Errorf("close log %s: %w", name, err)
		}
	}
	if !d.vouches(logs) {
		return nil
	}
	return vfs.Replace(d.fs, d.path, cleanMarker, []byte("{\"version\":0}\n"))
}

// vouches reports whether every log on disk is whole: it was so when the
// directory was opened, or it was recovered since.
func (d *Dir) vouches(logs map[string]*Log) bool {
	return d.clean || !slices.ContainsFunc(d.Names(), func(name string) bool { return logs[name] == nil })
}

// seal ends appends; what is written can still be committed and read.
func (l *Log) seal() {
	l.mu.Lock()
	l.sealed = true
	l.mu.Unlock()
}

// saveAll writes the helpers of the last segment, durably.
func (l *Log) saveAll() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := *l.segments.Load()
	if len(list) == 0 {
		return nil
	}
	last := list[len(list)-1]
	written, err := l.saveHelpers(last, l.end.Load())
	if err != nil {
		return err
	}
	if err := syncNamed(l.dir.fs, written); err != nil {
		return err
	}
	if err := last.file.Sync(); err != nil {
		return err
	}
	return vfs.Replace(l.dir.fs, l.path, epochsFile, l.epochs.encode()) // syncs the directory
}
