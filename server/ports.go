package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// portBook chooses the ports of broker listeners once and keeps them with the
// cluster's directory, so that bootstrap strings stay true over restarts.
type portBook struct {
	bind  string // address to bind
	ports portRange

	mu   sync.Mutex
	used map[int]bool // ports of every cluster of this server; guarded by mu
}

func newPortBook(bind string, ports portRange) *portBook {
	return &portBook{bind: bind, ports: ports, used: make(map[int]bool)}
}

// errPortTaken says that a port which a cluster has kept belongs to another
// process now.
var errPortTaken = errors.New("port is taken by another process")

// listenAll opens one listener for each name, on the ports kept in file or on
// fresh ones. The choice is on disk before it is returned.
func (b *portBook) listenAll(file string, names []string) (map[string]net.Listener, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept, err := readPorts(file)
	if err != nil {
		return nil, err
	}
	out := make(map[string]net.Listener, len(names))
	fresh := false
	for _, name := range names {
		ln, isNew, err := b.listen(kept[name])
		if err != nil {
			closeAll(out)
			return nil, fmt.Errorf("listener %s: %w", name, err)
		}
		out[name] = ln
		if isNew {
			fresh = true
			kept[name] = portOf(ln)
			b.used[kept[name]] = true
		}
	}
	if fresh {
		if err := writePorts(file, kept); err != nil {
			closeAll(out)
			return nil, err
		}
	}
	return out, nil
}

// listen binds the kept port, or the first free one of the range.
func (b *portBook) listen(kept int) (ln net.Listener, isNew bool, err error) {
	if kept != 0 {
		b.used[kept] = true
		ln, err = net.Listen("tcp", net.JoinHostPort(b.bind, strconv.Itoa(kept)))
		if err != nil {
			return nil, false, fmt.Errorf("%w: %d: %w", errPortTaken, kept, err)
		}
		return ln, false, nil
	}
	for p := b.ports.first; p <= b.ports.last; p++ {
		if b.used[p] {
			continue
		}
		if ln, err = net.Listen("tcp", net.JoinHostPort(b.bind, strconv.Itoa(p))); err == nil {
			return ln, true, nil
		}
	}
	return nil, false, fmt.Errorf("no free port in %d-%d on %s: widen --broker-ports", b.ports.first, b.ports.last, b.bind)
}

// release forgets the ports of a removed cluster.
func (b *portBook) release(file string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept, err := readPorts(file)
	if err != nil {
		return
	}
	for _, p := range kept {
		delete(b.used, p)
	}
}

// reserve marks the ports of a cluster that is not running yet, so that no
// other cluster is given them.
func (b *portBook) reserve(file string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept, err := readPorts(file)
	for _, p := range kept {
		b.used[p] = true
	}
	return err
}

func portOf(ln net.Listener) int { return ln.Addr().(*net.TCPAddr).Port }

func closeAll(lns map[string]net.Listener) {
	for _, ln := range lns {
		ln.Close()
	}
}

func readPorts(file string) (map[string]int, error) {
	kept := make(map[string]int)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the cluster's ports: %w", err)
	}
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("read the cluster's ports from %s: %w", file, err)
	}
	return kept, nil
}

func writePorts(file string, ports map[string]int) error {
	data, err := json.MarshalIndent(ports, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(file, append(data, '\n'), 0o644)
}

// writeFile replaces a file whole: temporary file, fsync, rename, fsync of the
// directory.
func writeFile(name string, data []byte, perm fs.FileMode) error {
	tmp := name + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return syncDir(filepath.Dir(name))
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
