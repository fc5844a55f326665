// Package clients installs the foreign programs that tests and the bench run
// beside Millrace: Apache Kafka's tools and brokers, AWS's command line and
// signers, and other Kafka clients, each at a pinned version, by package name,
// through the registries' ordinary programs.
//
// Everything but Debian packages goes into one cache directory, keyed by what
// was asked: a second call finds it there. What cannot be installed is an
// error with the installer's words, never a skipped test.
package clients

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// CacheVariable overrides where things are installed; the default is .cache in
// the repository.
const CacheVariable = "MILLRACE_TEST_CACHE"

const (
	installTime = 10 * time.Minute // one installer
	complete    = ".complete"      // written last into an installed directory
	maxOutput   = 16 << 10         // of a failed installer, from the end
)

// Cache is the directory with what is installed. Its methods may be called
// concurrently, by several processes too: a lock file orders installers.
type Cache struct {
	dir string
	log io.Writer
}

// Open finds the cache. What is installed is told to log, one line each.
func Open(log io.Writer) (*Cache, error) {
	dir := os.Getenv(CacheVariable)
	if dir == "" {
		root, err := Root()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(root, ".cache")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return &Cache{dir: dir, log: log}, nil
}

// Root is the repository: the directory with go.mod at or above the working
// directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod at or above the working directory")
		}
		dir = up
	}
}

// Dir is where the cache is.
func (c *Cache) Dir() string { return c.dir }

// install makes the directory of name, once for each spec, by calling fill in
// it. A directory that was not completed is made anew.
func (c *Cache) install(ctx context.Context, name, spec string, fill func(ctx context.Context, dir string) error) (string, error) {
	unlock, err := c.lock(ctx)
	if err != nil {
		return "", fmt.Errorf("install %s: %w", name, err)
	}
	defer unlock()
	sum := sha256.Sum256([]byte(spec))
	dir := filepath.Join(c.dir, name+"-"+hex.EncodeToString(sum[:4]))
	if _, err := os.Stat(filepath.Join(dir, complete)); err == nil {
		return dir, nil
	}
	fmt.Fprintf(c.log, "installing %s: %s\n", name, strings.Join(strings.Fields(spec), " "))
	ctx, cancel := context.WithTimeout(ctx, installTime)
	defer cancel()
	err = os.RemoveAll(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = fill(ctx, dir)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, complete), []byte(spec+"\n"), 0o644)
	}
	if err != nil {
		return "", fmt.Errorf("install %s: %w", name, err)
	}
	return dir, nil
}

// lock waits for other installers, other processes' too.
func (c *Cache) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(c.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another installer is at work: %w", ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// run runs an installer without stdin, and returns its words when it fails.
func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		words := out.Bytes()
		return fmt.Errorf("%s: %w\n%s", strings.Join(append([]string{name}, args...), " "), err, words[max(0, len(words)-maxOutput):])
	}
	return nil
}

// Program finds program on the PATH, and installs Debian's package of it when
// it is missing.
func (c *Cache) Program(ctx context.Context, program, debian string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return "", fmt.Errorf("install %s: %w", debian, err)
	}
	defer unlock()
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	fmt.Fprintf(c.log, "installing Debian package %s\n", debian)
	ctx, cancel := context.WithTimeout(ctx, installTime)
	defer cancel()
	env := []string{"DEBIAN_FRONTEND=noninteractive"}
	for _, args := range [][]string{{"apt-get", "-q", "update"}, {"apt-get", "-q", "install", "-y", "--no-install-recommends", debian}} {
		if os.Getuid() != 0 {
			args = append([]string{"sudo", "-n", "-E"}, args...)
		}
		if err := run(ctx, "", env, args[0], args[1:]...); err != nil {
			return "", fmt.Errorf("install %s: %w", debian, err)
		}
	}
	return exec.LookPath(program)
}
