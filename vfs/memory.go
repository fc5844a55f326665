package vfs

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// sector is the unit in which a power cut tears writes, in bytes.
const sector = 512

// Memory is a file system in memory that remembers what has been synced, so
// that Crash can make the images a power cut may leave. It may be used
// concurrently.
type Memory struct {
	mu      sync.Mutex
	names   map[string]*inode // as programs see it; guarded by mu
	durable map[string]*inode // as the disk would show it; guarded by mu
	moved   map[string]string // renames, old name to new, that no SyncDir has made durable; guarded by mu
	off     bool              // PowerOff was called; guarded by mu
}

// inode is one file or directory; guarded by Memory.mu.
type inode struct {
	dir     bool
	data    []byte
	durable []byte
	pending []change // since the last sync

	modified time.Time
}

// change is one write, or a truncation when data is nil.
type change struct {
	at   int64
	data []byte
}

// NewMemory returns an empty file system with a root directory.
func NewMemory() *Memory {
	root := &inode{dir: true}
	return &Memory{names: map[string]*inode{"/": root}, durable: map[string]*inode{"/": root}, moved: map[string]string{}}
}

func clean(name string) string { return path.Clean("/" + name) }

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// OpenFile opens or makes a file.
func (m *Memory) OpenFile(name string, flag int, _ fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return nil, pathError("open", name, ErrPowerOff)
	}
	p := clean(name)
	n, ok := m.names[p]
	switch {
	case ok && n.dir:
		return nil, pathError("open", name, fs.ErrInvalid)
	case ok && flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, pathError("open", name, fs.ErrExist)
	case !ok && flag&os.O_CREATE == 0:
		return nil, pathError("open", name, fs.ErrNotExist)
	case !ok:
		if parent := m.names[path.Dir(p)]; parent == nil || !parent.dir {
			return nil, pathError("open", name, fs.ErrNotExist)
		}
		n = &inode{modified: time.Now()}
		m.names[p] = n
	case flag&os.O_TRUNC != 0:
		n.apply(change{at: 0})
	}
	return &memoryFile{fs: m, n: n, name: name, atEnd: flag&os.O_APPEND != 0, writable: flag&(os.O_WRONLY|os.O_RDWR) != 0}, nil
}

// apply makes a change as programs see it.
func (n *inode) apply(c change) {
	n.pending = append(n.pending, c)
	n.data = c.to(n.data)
	n.modified = time.Now()
}

func (c change) to(data []byte) []byte {
	if c.data == nil {
		return resize(data, c.at)
	}
	if end := c.at + int64(len(c.data)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[c.at:], c.data)
	return data
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func (n *inode) sync() {
	for _, c := range n.pending {
		n.durable = c.to(n.durable)
	}
	n.pending = nil
}

// MkdirAll makes a directory and its parents.
func (m *Memory) MkdirAll(name string, _ fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return pathError("mkdir", name, ErrPowerOff)
	}
	p := clean(name)
	for i := 1; i <= len(p); i++ {
		if i < len(p) && p[i] != '/' {
			continue
		}
		n, ok := m.names[p[:i]]
		if ok && !n.dir {
			return pathError("mkdir", name, fs.ErrExist)
		}
		if !ok {
			m.names[p[:i]] = &inode{dir: true}
		}
	}
	return nil
}

// Remove removes a file or an empty directory.
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return pathError("remove", name, ErrPowerOff)
	}
	p := clean(name)
	if _, ok := m.names[p]; !ok {
		return pathError("remove", name, fs.ErrNotExist)
	}
	for other := range m.names {
		if strings.HasPrefix(other, p+"/") {
			return pathError("remove", name, fs.ErrInvalid)
		}
	}
	delete(m.names, p)
	return nil
}

// RemoveAll removes a name and everything below it.
func (m *Memory) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return pathError("remove", name, ErrPowerOff)
	}
	p := clean(name)
	for other := range m.names {
		if other == p || strings.HasPrefix(other, p+"/") {
			delete(m.names, other)
		}
	}
	return nil
}

// Rename gives a file or a directory another name, replacing a file there.
func (m *Memory) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return pathError("rename", oldName, ErrPowerOff)
	}
	from, to := clean(oldName), clean(newName)
	if _, ok := m.names[from]; !ok {
		return pathError("rename", oldName, fs.ErrNotExist)
	}
	m.moved[from] = to
	for p, n := range maps.Clone(m.names) {
		if p == from || strings.HasPrefix(p, from+"/") {
			delete(m.names, p)
			m.names[to+strings.TrimPrefix(p, from)] = n
		}
	}
	// What is below a renamed directory moves with it on the disk too.
	for p, n := range maps.Clone(m.durable) {
		if strings.HasPrefix(p, from+"/") {
			m.durable[to+strings.TrimPrefix(p, from)] = n
		}
	}
	return nil
}

// ReadDir lists a directory, sorted by name.
func (m *Memory) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return nil, pathError("readdir", name, ErrPowerOff)
	}
	p := clean(name)
	if n, ok := m.names[p]; !ok || !n.dir {
		return nil, pathError("readdir", name, fs.ErrNotExist)
	}
	var out []fs.DirEntry
	for other, n := range m.names {
		if other != p && path.Dir(other) == p {
			out = append(out, fs.FileInfoToDirEntry(n.info(path.Base(other))))
		}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

// Stat describes a name.
func (m *Memory) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return nil, pathError("stat", name, ErrPowerOff)
	}
	n, ok := m.names[clean(name)]
	if !ok {
		return nil, pathError("stat", name, fs.ErrNotExist)
	}
	return n.info(path.Base(name)), nil
}

// SetModified sets when a file was last written to.
func (m *Memory) SetModified(name string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return pathError("chtimes", name, ErrPowerOff)
	}
	n, ok := m.names[clean(name)]
	if !ok {
		return pathError("chtimes", name, fs.ErrNotExist)
	}
	n.modified = at
	return nil
}

// SyncDir makes the names in a directory durable: those that came and those
// that went.
func (m *Memory) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return pathError("syncdir", name, ErrPowerOff)
	}
	p := clean(name)
	if n, ok := m.names[p]; !ok || !n.dir {
		return pathError("syncdir", name, fs.ErrNotExist)
	}
	for other := range m.durable {
		if other != p && path.Dir(other) == p && m.names[other] == nil {
			delete(m.durable, other)
		}
	}
	for other, n := range m.names {
		if path.Dir(other) == p {
			m.durable[other] = n
		}
	}
	maps.DeleteFunc(m.moved, func(_, to string) bool { return path.Dir(to) == p })
	return nil
}

// Crash returns an image that a power cut now could leave, chosen by seed:
// synced content under synced names is whole; of every other write each
// sector, and of every other name change each name, is there or not. A rename
// happened or it did not: no journaling file system loses both names.
func (m *Memory) Crash(seed int64) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.crash(seed)
}

// ErrPowerOff is what every operation answers after PowerOff.
var ErrPowerOff = errors.New("the power is off")

// PowerOff is a Crash after which the file system answers nothing any more but
// ErrPowerOff: what was not synced by then never will be, so that nobody can be
// told that it was.
func (m *Memory) PowerOff(seed int64) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off = true
	return m.crash(seed)
}

// crash makes an image; mu is held.
func (m *Memory) crash(seed int64) *Memory {
	rng := rand.New(rand.NewPCG(uint64(seed), 0x6d696c6c72616365))
	union := maps.Clone(m.durable)
	maps.Copy(union, m.names)
	image := NewMemory()
	copied := map[*inode]*inode{}
	coins := map[string]bool{}
	happened := func(name string) bool {
		if to, ok := m.moved[name]; ok {
			name = to
		}
		if _, thrown := coins[name]; !thrown {
			coins[name] = rng.IntN(2) == 0
		}
		return coins[name]
	}
	for _, p := range slices.Sorted(maps.Keys(union)) { // parents come first
		before, after := m.durable[p], m.names[p]
		n := before
		if after != before && happened(p) {
			n = after
		}
		if n == nil || p == "/" || image.names[path.Dir(p)] == nil {
			continue
		}
		if copied[n] == nil {
			copied[n] = n.crash(rng)
		}
		image.names[p], image.durable[p] = copied[n], copied[n]
	}
	return image
}

// crash copies an inode as a power cut could leave it.
func (n *inode) crash(rng *rand.Rand) *inode {
	data := slices.Clone(n.durable)
	for _, c := range n.pending {
		switch fate := rng.IntN(3); {
		case fate == 0: // lost
		case fate == 1 || c.data == nil:
			data = c.to(data)
		default:
			data = c.torn(data, rng)
		}
	}
	return &inode{dir: n.dir, data: data, durable: slices.Clone(data), modified: n.modified}
}

// torn applies some of a write's sectors.
func (c change) torn(data []byte, rng *rand.Rand) []byte {
	for at := 0; at < len(c.data); {
		end := min(len(c.data), at+sector-int((c.at+int64(at))%sector))
		if rng.IntN(2) == 0 {
			data = change{at: c.at + int64(at), data: c.data[at:end]}.to(data)
		}
		at = end
	}
	return data
}

// memoryFile is an open file. Using it after Close is an error, as on an
// operating system, so that tests see files closed too early.
type memoryFile struct {
	fs       *Memory
	n        *inode
	name     string
	atEnd    bool
	writable bool
	at       int64 // cursor of Write; guarded by fs.mu
	closed   bool  // guarded by fs.mu
}

func (f *memoryFile) Name() string    { return f.name }
func (f *memoryFile) Datasync() error { return f.Sync() }

// use locks the file system for an operation on an open file.
func (f *memoryFile) use(op string) (unlock func(), err error) {
	f.fs.mu.Lock()
	why := fs.ErrClosed
	if f.fs.off {
		why = ErrPowerOff
	}
	if f.closed || f.fs.off {
		f.fs.mu.Unlock()
		return nil, pathError(op, f.name, why)
	}
	return f.fs.mu.Unlock, nil
}

// change makes a change to a file that is open for writing.
func (f *memoryFile) change(op string, c func() change) error {
	unlock, err := f.use(op)
	if err != nil {
		return err
	}
	defer unlock()
	if !f.writable {
		return pathError(op, f.name, fs.ErrPermission)
	}
	f.n.apply(c())
	return nil
}

func (f *memoryFile) Close() error {
	unlock, err := f.use("close")
	if err != nil {
		return err
	}
	defer unlock()
	f.closed = true
	return nil
}

func (f *memoryFile) Sync() error {
	unlock, err := f.use("sync")
	if err != nil {
		return err
	}
	defer unlock()
	f.n.sync()
	return nil
}

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	unlock, err := f.use("read")
	if err != nil {
		return 0, err
	}
	defer unlock()
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.change("write", func() change { return change{at: off, data: append([]byte{}, p...)} })
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *memoryFile) Write(p []byte) (int, error) {
	err := f.change("write", func() change {
		at := f.at
		if f.atEnd {
			at = int64(len(f.n.data))
		}
		f.at = at + int64(len(p))
		return change{at: at, data: append([]byte{}, p...)}
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *memoryFile) Truncate(size int64) error {
	return f.change("truncate", func() change { return change{at: size} })
}

func (f *memoryFile) Stat() (fs.FileInfo, error) {
	unlock, err := f.use("stat")
	if err != nil {
		return nil, err
	}
	defer unlock()
	return f.n.info(path.Base(f.name)), nil
}

func (n *inode) info(name string) fs.FileInfo {
	return memoryInfo{name: name, size: int64(len(n.data)), dir: n.dir, modified: n.modified}
}

type memoryInfo struct {
	name     string
	size     int64
	dir      bool
	modified time.Time
}

func (i memoryInfo) Name() string       { return i.name }
func (i memoryInfo) Size() int64        { return i.size }
func (i memoryInfo) ModTime() time.Time { return i.modified }
func (i memoryInfo) IsDir() bool        { return i.dir }
func (i memoryInfo) Sys() any           { return nil }
func (i memoryInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
