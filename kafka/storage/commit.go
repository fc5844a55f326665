package storage

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/millrace/millrace/vfs"
)

const (
	// maxParallelSyncs bounds the fdatasyncs of one commit that run at once.
	maxParallelSyncs = 16
	// manyDirty is the number of dirty logs from which one syncfs beats
	// parallel fdatasyncs, where the directory has a file system of its own.
	manyDirty = 24
)

// mounter is a file system that can sync a mount at once: vfs.OS.
type mounter interface {
	Mount(path string) (*vfs.Mount, error)
}

// committer makes written records durable in groups, without a timer: while
// one group is synced the next one gathers.
type committer struct {
	d       *Dir
	journal *journal
	mount   *vfs.Mount    // nil: one file at a time
	kick    chan struct{} // capacity 1: there may be dirty logs
	done    chan struct{}
	quit    chan struct{}

	mu    sync.Mutex
	dirty []*Log // guarded by mu

	last    []target   // the group committed last; the goroutine's own
	running sync.Mutex // held by a commit; Remove waits for one under way
}

// target is one log of a group and how far it will be durable.
type target struct {
	log      *Log
	end      int64
	files    []*segment
	helpers  []string
	newNames bool
	epochs   []byte // the checkpoint to write, nil when it is current
}

func openCommitter(d *Dir) (*committer, map[string]int64, error) {
	j, floors, err := openJournal(d.fs, d.path)
	if err != nil {
		return nil, nil, err
	}
	c := &committer{d: d, journal: j, kick: make(chan struct{}, 1), done: make(chan struct{}), quit: make(chan struct{})}
	if m, ok := d.fs.(mounter); ok {
		if c.mount, err = m.Mount(d.path); err != nil {
			j.close()
			return nil, nil, err
		}
	}
	go c.run()
	return c, floors, nil
}

// add queues a log for the next group. The caller holds the log's lock.
func (c *committer) add(l *Log) {
	c.mu.Lock()
	c.dirty = append(c.dirty, l)
	c.mu.Unlock()
}

// wake starts a commit when none is running.
func (c *committer) wake() {
	if c.d.o.PageCache {
		return
	}
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// settle waits for the commit under way, after which nothing touches the files
// of a log that was closed before, and forgets the log's floor.
func (c *committer) settle(name string) error {
	c.running.Lock()
	defer c.running.Unlock()
	return c.journal.forget(name)
}

// stop commits what is still dirty, writes down how far that was, and ends the
// goroutine.
func (c *committer) stop() {
	close(c.quit)
	<-c.done
	c.group(c.group(c.last))
	c.journal.close()
	if c.mount != nil {
		_ = c.mount.Close() // nothing was written through it
	}
}

// run is the goroutine of the directory's commits.
func (c *committer) run() {
	defer close(c.done)
	for {
		select {
		case <-c.kick:
			c.last = c.group(c.last)
		case <-c.quit:
			return
		}
	}
}

// group commits what is dirty, after writing down what the previous group made
// durable, and returns what it made durable itself.
func (c *committer) group(previous []target) []target {
	if c.d.Err() != nil {
		return nil
	}
	c.running.Lock()
	defer c.running.Unlock()
	c.mu.Lock()
	dirty := c.dirty
	c.dirty = nil
	c.mu.Unlock()
	targets := make([]target, 0, len(dirty))
	for _, l := range dirty {
		targets = append(targets, l.target())
	}
	err := c.journal.append(previous)
	if err == nil {
		err = c.sync(targets)
	}
	defer func() {
		for _, t := range targets {
			t.release()
		}
	}()
	if err != nil {
		_ = c.d.fail(fmt.Errorf("commit: %w", err))
		return nil
	}
	for _, t := range targets {
		if !t.log.closed.Load() { // a removed log's records are nowhere
			t.log.committed(t.end)
		}
	}
	return targets
}

// target takes what a log has to sync.
func (l *Log) target() target {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := target{log: l, end: l.end.Load(), helpers: l.helpers, newNames: l.newNames}
	for _, s := range l.unsynced {
		if s.acquire() {
			t.files = append(t.files, s)
		}
	}
	if l.newEpoch {
		t.epochs = l.epochs.encode()
	}
	l.unsynced, l.helpers, l.newNames, l.newEpoch = nil, nil, false, false
	return t
}

func (t *target) release() {
	for _, s := range t.files {
		s.release()
	}
}

// sync makes the targets durable: contents, then names.
func (c *committer) sync(targets []target) error {
	if c.mount != nil && len(targets) >= manyDirty {
		for i := range targets {
			if err := targets[i].names(c.d.fs, false); err != nil {
				return err
			}
		}
		return c.mount.Sync()
	}
	if len(targets) == 1 {
		return c.syncOne(&targets[0])
	}
	var wg sync.WaitGroup
	turns := make(chan struct{}, maxParallelSyncs)
	errs := make([]error, len(targets))
	for i := range targets {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			errs[i] = c.syncOne(&targets[i])
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (c *committer) syncOne(t *target) error {
	for _, s := range t.files {
		if err := s.file.Datasync(); err != nil {
			return fmt.Errorf("sync %s: %w", s.file.Name(), err)
		}
	}
	if err := syncNamed(c.d.fs, t.helpers); err != nil {
		return fmt.Errorf("sync indexes of %s: %w", t.log.name, err)
	}
	return t.names(c.d.fs, true)
}

// names writes the small files that go with new segments and epochs and makes
// new file names durable. Without sync a sync of the whole mount follows. A log
// that is being removed has none left to write.
func (t *target) names(fsys vfs.FS, sync bool) error {
	if t.log.closed.Load() {
		return nil
	}
	err := t.writeNames(fsys, sync)
	if err != nil && t.log.closed.Load() {
		return nil
	}
	return err
}

func (t *target) writeNames(fsys vfs.FS, sync bool) error {
	l := t.log
	if t.epochs != nil {
		if err := replaceName(fsys, l.path, epochsFile, t.epochs, sync); err != nil {
			return fmt.Errorf("write leader epochs of %s: %w", l.name, err)
		}
	}
	if t.newNames {
		if err := replaceName(fsys, l.path, metadataFile, encodeTopicID(l.id), sync); err != nil {
			return fmt.Errorf("write %s of %s: %w", metadataFile, l.name, err)
		}
	}
	if !sync || !t.newNames && t.epochs == nil {
		return nil
	}
	for _, dir := range []string{l.path, path.Dir(l.path)} {
		if err := fsys.SyncDir(dir); err != nil {
			return fmt.Errorf("sync directory %s: %w", dir, err)
		}
	}
	return nil
}

// replaceName puts a new file in the place of one, whole or not at all. The
// caller makes the name durable.
func replaceName(fsys vfs.FS, dir, name string, data []byte, sync bool) error {
	tmp := path.Join(dir, name+".tmp")
	if err := writeWhole(fsys, tmp, data); err != nil {
		return err
	}
	if sync {
		if err := syncNamed(fsys, []string{tmp}); err != nil {
			return err
		}
	}
	return fsys.Rename(tmp, path.Join(dir, name))
}

// metadataFile holds the topic's id, as in Kafka (KIP-516).
const metadataFile = "partition.metadata"

func encodeTopicID(id [16]byte) []byte {
	return []byte("version: 0\ntopic_id: " + base64.RawURLEncoding.EncodeToString(id[:]) + "\n")
}

// decodeTopicID reads a metadata file.
func decodeTopicID(data []byte) (id [16]byte, ok bool) {
	_, text, _ := strings.Cut(string(data), "topic_id: ")
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != len(id) {
		return id, false
	}
	return [16]byte(raw), true
}
