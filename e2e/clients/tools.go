package clients

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	_ "embed" // the launcher's source
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

//go:embed Tools.java
var toolsSource string

const maxWords = 16 << 20 // of one tool's stdout or stderr

// Tools is one JVM that runs the tools of a set one after the other, which
// saves each the second that a JVM takes to start. Its methods may be called
// concurrently; tools do not run concurrently.
type Tools struct {
	mu    sync.Mutex
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   io.Reader
	words *strings.Builder // the JVM's own stderr
	keep  func()
}

// StartTools starts the JVM with a set on its class path; env is its whole
// environment but for PATH and HOME. The caller closes it.
func (c *Cache) StartTools(ctx context.Context, set string, flags, env []string) (*Tools, error) {
	launcher, err := c.Compile(ctx, set, "Tools", toolsSource)
	if err != nil {
		return nil, err
	}
	cmd, keep, err := c.JavaCommand(ctx, JavaTool{Set: set, Jar: launcher, Class: "Tools", Flags: flags, Env: env})
	if err != nil {
		return nil, err
	}
	t := &Tools{cmd: cmd, words: &strings.Builder{}, keep: keep}
	cmd.Stdin, cmd.Stderr = nil, t.words
	if t.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if t.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return t, cmd.Start()
}

// Run runs a class with arguments and a standard input. A status other than 0
// is no error: the error says that the JVM itself failed.
func (t *Tools) Run(class string, args []string, stdin string) (status int, stdout, stderr string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	request := binary.BigEndian.AppendUint32(nil, uint32(len(args)+2))
	for _, s := range append([]string{stdin, class}, args...) {
		request = binary.BigEndian.AppendUint32(request, uint32(len(s)))
		request = append(request, s...)
	}
	if _, err := t.in.Write(request); err != nil {
		return 0, "", "", fmt.Errorf("the tools' JVM: %w", err)
	}
	var code int32
	if err = binary.Read(t.out, binary.BigEndian, &code); err == nil {
		stdout, err = t.text()
	}
	if err == nil {
		stderr, err = t.text()
	}
	if err != nil {
		return 0, "", "", fmt.Errorf("the tools' JVM: %w", err)
	}
	return int(code), stdout, stderr, nil
}

func (t *Tools) text() (string, error) {
	var size uint32
	if err := binary.Read(t.out, binary.BigEndian, &size); err != nil {
		return "", err
	}
	if size > maxWords {
		return "", fmt.Errorf("a tool wrote %d bytes, more than %d", size, maxWords)
	}
	text := make([]byte, size)
	_, err := io.ReadFull(t.out, text)
	return string(text), err
}

// Close ends the JVM.
func (t *Tools) Close() error {
	_ = t.in.Close() // which ends it
	err := t.cmd.Wait()
	t.keep()
	if err != nil {
		return fmt.Errorf("the tools' JVM: %w\n%s", err, t.words)
	}
	return nil
}

// Compile compiles one Java source against a set, and returns the jar with its
// classes: a jar, since a class data archive takes nothing else. name is the
// public class.
func (c *Cache) Compile(ctx context.Context, set, name, source string) (string, error) {
	jars, err := c.Jars(ctx, set)
	if err != nil {
		return "", err
	}
	javac, err := c.Program(ctx, "javac", "default-jdk-headless")
	if err != nil {
		return "", err
	}
	spec := fmt.Sprintf("%s.java of SHA-256 %x for %s", name, sha256.Sum256([]byte(source)), filepath.Base(filepath.Dir(jars)))
	dir, err := c.install(ctx, "java-"+name, spec, func(ctx context.Context, dir string) error {
		file := filepath.Join(dir, name+".java")
		if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
			return err
		}
		if err := run(ctx, dir, nil, javac, "-nowarn", "-cp", classPath(jars), "-d", "classes", file); err != nil {
			return err
		}
		return pack(filepath.Join(dir, name+".jar"), filepath.Join(dir, "classes"))
	})
	return filepath.Join(dir, name+".jar"), err
}

// pack writes a directory into a jar.
func pack(jar, dir string) (err error) {
	f, err := os.Create(jar)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := zip.NewWriter(f)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	return w.Close()
}
