package storage

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path"
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

// wholeSyncer is a file system that can write everything of a mount at once.
type wholeSyncer interface {
	SyncAll(path string) error
	OwnFileSystem(path string) bool
}

// committer makes written records durable in groups, without a timer: while
// one group is synced the next one gathers.
type committer struct {
	d       *Dir
	journal *journal
	whole   wholeSyncer   // nil: one file at a time
	kick    chan struct{} // capacity 1: there may be dirty logs
	done    chan struct{}
	quit    chan struct{}

	mu    sync.Mutex
	dirty []*Log // guarded by mu

	running sync.Mutex // held by a commit; Remove waits for one under way
}

// target is one log of a group and how far it will be durable.
type target struct {
	log      *Log
	end      int64
	files    []*segment
	newNames bool
	epochs   []byte // the checkpoint to write, nil when it is current
}

func openCommitter(d *Dir) (*committer, map[string]int64, error) {
	j, floors, err := openJournal(d.fs, d.path)
	if err != nil {
		return nil, nil, err
	}
	c := &committer{d: d, journal: j, kick: make(chan struct{}, 1), done: make(chan struct{}), quit: make(chan struct{})}
	if w, ok := d.fs.(wholeSyncer); ok && w.OwnFileSystem(d.path) {
		c.whole = w
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
func (c *committer) settle(name string) {
	c.running.Lock()
	defer c.running.Unlock()
	c.journal.forget(name)
}

func (c *committer) stop() {
	close(c.quit)
	<-c.done
	c.group(nil) // what is still dirty
	c.journal.close()
}

// run is the goroutine of the directory's commits.
func (c *committer) run() {
	defer close(c.done)
	var previous []target
	for {
		select {
		case <-c.kick:
			previous = c.group(previous)
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
		t.log.committed(t.end)
	}
	return targets
}

// target takes what a log has to sync.
func (l *Log) target() target {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := target{log: l, end: l.end.Load(), newNames: l.newNames}
	for _, s := range l.unsynced {
		if s.acquire() {
			t.files = append(t.files, s)
		}
	}
	if l.newEpoch {
		t.epochs = l.epochs.encode()
	}
	l.unsynced, l.newNames, l.newEpoch = nil, false, false
	return t
}

func (t *target) release() {
	for _, s := range t.files {
		s.release()
	}
}

// sync makes the targets durable: contents first, then names.
func (c *committer) sync(targets []target) error {
	if c.whole != nil && len(targets) >= manyDirty {
		for i := range targets {
			if err := targets[i].names(c.d.fs); err != nil {
				return err
			}
		}
		return c.whole.SyncAll(c.d.path)
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
	return t.names(c.d.fs)
}

// names makes new file names durable, and writes the small files that go with
// them. A log that is being removed has none left to write.
func (t *target) names(fsys vfs.FS) error {
	if t.log.isClosed() {
		return nil
	}
	err := t.writeNames(fsys)
	if err != nil && t.log.isClosed() {
		return nil
	}
	return err
}

func (t *target) writeNames(fsys vfs.FS) error {
	l := t.log
	if t.epochs != nil {
		if err := vfs.Replace(fsys, l.path, epochsFile, t.epochs); err != nil {
			return fmt.Errorf("write leader epochs of %s: %w", l.name, err)
		}
	}
	if !t.newNames {
		return nil
	}
	id := base64.RawURLEncoding.EncodeToString(l.id[:])
	if err := vfs.Replace(fsys, l.path, metadataFile, []byte("version: 0\ntopic_id: "+id+"\n")); err != nil {
		return fmt.Errorf("write %s of %s: %w", metadataFile, l.name, err)
	}
	for _, dir := range []string{l.path, path.Dir(l.path)} {
		if err := fsys.SyncDir(dir); err != nil {
			return fmt.Errorf("sync directory %s: %w", dir, err)
		}
	}
	return nil
}

func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}
