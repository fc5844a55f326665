// Package store is the control plane's memory: a transactional, ordered
// key-value store in one file, with watches.
//
// It owns the file, the bounds of a transaction and the notifications that
// follow a commit. The service.go of each AWS core calls it, one transaction
// per API call, and fleet watches what the cores wrote. It never interprets a
// key or a value, and it promises only what a store shared by several hosts
// could promise too: a transaction's function may run again, transactions are
// small, and no cursor outlives a call.
package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Bounds of one transaction and of its parts. They are what the smallest of
// the possible stores accepts, so that callers fit all of them.
const (
	MaxKeys     = 100     // distinct keys written by one Update
	MaxBytes    = 1 << 20 // keys and values written by one Update, in bytes
	MaxKeyBytes = 2048    // one key
	MaxList     = 1000    // pairs answered by one List
)

// Errors that callers tell apart with errors.Is.
var (
	ErrInUse    = errors.New("the data directory is in use by another millrace")
	ErrClosed   = errors.New("the store is closed")
	ErrTooLarge = errors.New("the transaction is too large")
	ErrReadOnly = errors.New("a View may not write")
)

const (
	openTimeout = time.Second // how long Open waits for another holder's lock
	format      = 1           // of the file, see docs/formats/store.md
)

var (
	bucketMeta = []byte("meta")
	bucketData = []byte("data")
	keyFormat  = []byte("format")
)

// Store is an open store. All methods may be called concurrently; Updates run
// one after another, Views beside them on a consistent snapshot.
type Store struct {
	db   *bolt.DB
	turn chan struct{} // one token: the right to run an Update

	mu       sync.Mutex
	watchers map[*watcher]struct{} // guarded by mu; one per Watch not cancelled
}

type watcher struct {
	prefix string
	ch     chan struct{} // capacity 1: notifications coalesce
}

// KV is one pair that List answers; both are the caller's to keep.
type KV struct {
	Key   string
	Value []byte
}

// Open opens the store in the file at path and makes the file if it is absent;
// the directory must exist. One process holds the file at a time: when another
// does not let go within a second, the error is ErrInUse.
func Open(path string) (*Store, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: openTimeout})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: %w", path, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := prepare(db); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	s := &Store{db: db, turn: make(chan struct{}, 1), watchers: map[*watcher]struct{}{}}
	s.turn <- struct{}{}
	return s, nil
}

// prepare writes the format number into a new file and checks it in an old one.
func prepare(db *bolt.DB) error {
	return db.Update(func(btx *bolt.Tx) error {
		meta, err := btx.CreateBucketIfNotExists(bucketMeta)
		if err != nil {
			return err
		}
		if _, err := btx.CreateBucketIfNotExists(bucketData); err != nil {
			return err
		}
		found := meta.Get(keyFormat)
		if found == nil {
			return meta.Put(keyFormat, binary.BigEndian.AppendUint32(nil, format))
		}
		if len(found) != 4 || binary.BigEndian.Uint32(found) != format {
			return fmt.Errorf("format %x is not known to this version of millrace, which reads format %d", found, format)
		}
		return nil
	})
}

// Close waits for running transactions and closes the file. Later calls answer
// ErrClosed; the channels of watchers fall silent and are not closed.
func (s *Store) Close() error { return s.db.Close() }

// Update runs fn in a transaction that commits, synced to disk, when fn
// returns nil, and leaves no trace when it returns an error, which Update
// returns unchanged. fn may run more than once, so it must change nothing but
// tx. A transaction over the bounds fails with ErrTooLarge even if fn ignored
// the error of Put. Waiting for the turn ends with ctx.
func (s *Store) Update(ctx context.Context, fn func(tx *Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tx := &Tx{written: map[string]int{}}
	err := s.db.Update(func(btx *bolt.Tx) error {
		tx.bucket = btx.Bucket(bucketData)
		if err := fn(tx); err != nil {
			return err
		}
		return tx.failed
	})
	if err != nil {
		return closedOr(err)
	}
	s.notify(tx.written)
	return nil
}

// View runs fn in a transaction that only reads, on the newest committed state.
func (s *Store) View(ctx context.Context, fn func(tx *Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return closedOr(s.db.View(func(btx *bolt.Tx) error {
		return fn(&Tx{bucket: btx.Bucket(bucketData)})
	}))
}

func closedOr(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// Watch answers a channel that receives after a commit that wrote a key with
// this prefix. Notifications coalesce: one may stand for many commits, and none
// is lost. Nothing is sent for the state that exists already. cancel ends the
// watch and may be called more than once; the channel is never closed.
func (s *Store) Watch(prefix string) (changed <-chan struct{}, cancel func()) {
	w := &watcher{prefix: prefix, ch: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[w] = struct{}{}
	return w.ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, w)
	}
}

func (s *Store) notify(written map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watchers {
		if !anyHasPrefix(written, w.prefix) {
			continue
		}
		select {
		case w.ch <- struct{}{}:
		default: // one is waiting already and stands for this commit too
		}
	}
}

func anyHasPrefix(keys map[string]int, prefix string) bool {
	for key := range keys {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// Tx is a transaction, valid until the function it was given to returns. It
// reads its own writes. It is for one goroutine.
type Tx struct {
	bucket  *bolt.Bucket
	written map[string]int // key -> bytes it counts for; nil in a View
	bytes   int            // sum of written
	failed  error          // the first refused write; it fails the commit
}

// Get answers a copy of the value of key, and whether there is one.
func (tx *Tx) Get(key string) ([]byte, bool) {
	v := tx.bucket.Get([]byte(key))
	if v == nil {
		return nil, false
	}
	return bytes.Clone(v), true
}

// Put sets the value of key; an empty value is a value. It copies value.
func (tx *Tx) Put(key string, value []byte) error {
	if err := tx.charge(key, len(value)); err != nil {
		return err
	}
	if value == nil {
		value = []byte{}
	}
	return tx.keep(tx.bucket.Put([]byte(key), bytes.Clone(value)))
}

// Delete removes key; a key that is absent is no error.
func (tx *Tx) Delete(key string) error {
	if err := tx.charge(key, 0); err != nil {
		return err
	}
	return tx.keep(tx.bucket.Delete([]byte(key)))
}

// charge counts a write against the bounds; a second write of a key replaces
// the first in the count.
func (tx *Tx) charge(key string, valueBytes int) error {
	if tx.written == nil {
		return fmt.Errorf("write %q: %w", key, ErrReadOnly)
	}
	if key == "" || len(key) > MaxKeyBytes {
		return tx.keep(fmt.Errorf("a key has 1 to %d bytes, not %d", MaxKeyBytes, len(key)))
	}
	before, again := tx.written[key]
	if !again && len(tx.written) == MaxKeys {
		return tx.keep(fmt.Errorf("write %q: %w: at most %d keys", key, ErrTooLarge, MaxKeys))
	}
	total := tx.bytes - before + len(key) + valueBytes
	if total > MaxBytes {
		return tx.keep(fmt.Errorf("write %q: %w: %d of at most %d bytes", key, ErrTooLarge, total, MaxBytes))
	}
	tx.bytes, tx.written[key] = total, len(key)+valueBytes
	return nil
}

// keep remembers the first error of a write, so that the commit fails with it.
func (tx *Tx) keep(err error) error {
	if tx.failed == nil {
		tx.failed = err
	}
	return err
}

// List answers the pairs whose key begins with prefix and sorts after `after`
// (all of them for ""), in byte order of the keys, at most limit of them.
// limit is 1 to MaxList. To go on, pass the last key of the answer as after.
func (tx *Tx) List(prefix, after string, limit int) ([]KV, error) {
	if limit < 1 || limit > MaxList {
		return nil, fmt.Errorf("list %q: the limit is 1 to %d, not %d", prefix, MaxList, limit)
	}
	var found []KV
	c := tx.bucket.Cursor()
	key, value := c.Seek([]byte(max(prefix, after)))
	if after != "" && string(key) == after {
		key, value = c.Next()
	}
	for ; key != nil && bytes.HasPrefix(key, []byte(prefix)) && len(found) < limit; key, value = c.Next() {
		found = append(found, KV{string(key), bytes.Clone(value)})
	}
	return found, nil
}
