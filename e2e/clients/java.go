package clients

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// quick are flags for programs that live a second; the JVM's own warnings, of
// making archives above all, must not stand in a tool's stdout.
var quick = []string{"-Xlog:disable", "-Xlog:all=error:stderr", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256M"}

// JavaTool runs a class of a set of jars once.
type JavaTool struct {
	Set   string   // of Sets
	Jar   string   // one more jar, before those of the set; "" is none
	Class string   // main class
	Flags []string // of the JVM, after the quick ones
	Args  []string
	Env   []string // KEY=VALUE; replaces the whole environment but for PATH and HOME
	Stdin string
	Dir   string // working directory
}

// Java runs a tool and returns what it wrote. Most of a tool's second goes into
// loading classes, so the first run of a class on a set also writes an archive
// of them that later ones share (JEP 350). A tool that exits with another
// status than 0 is an error with its words.
func (c *Cache) Java(ctx context.Context, t JavaTool) (stdout, stderr string, err error) {
	cmd, keep, err := c.JavaCommand(ctx, t)
	if err != nil {
		return "", "", err
	}
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	err = cmd.Run()
	keep()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", t.Class, strings.Join(t.Args, " "), err, tail(out.Bytes()), tail(words.Bytes()))
	}
	return out.String(), words.String(), err
}

// JavaCommand is a tool ready to start, for those that run longer; keep must be
// called after its end. ctx kills it.
func (c *Cache) JavaCommand(ctx context.Context, t JavaTool) (cmd *exec.Cmd, keep func(), err error) {
	jars, err := c.Jars(ctx, t.Set)
	if err != nil {
		return nil, nil, err
	}
	java, err := c.Program(ctx, "java", "default-jre-headless")
	if err != nil {
		return nil, nil, err
	}
	classes := classPath(jars)
	if t.Jar != "" {
		classes = t.Jar + ":" + classes
	}
	share, keep := archive(java, jars, t.Jar+t.Class)
	args := append(append([]string{}, quick...), t.Flags...)
	if share != "" {
		args = append(args, share)
	}
	args = append(args, "-cp", classes, t.Class)
	cmd = exec.CommandContext(ctx, java, append(args, t.Args...)...)
	cmd.Dir = t.Dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LANG=C.UTF-8"}, t.Env...)
	cmd.Stdin = strings.NewReader(t.Stdin)
	return cmd, keep, nil
}

func tail(b []byte) []byte { return b[max(0, len(b)-maxOutput):] }

// classPath names every jar: a class data archive is bound to the exact list,
// and the JVM's own wildcard has no stable order.
func classPath(jars string) string {
	list, _ := filepath.Glob(filepath.Join(jars, "*.jar")) // sorted; a bad pattern is impossible
	return strings.Join(list, ":")
}

// archive is the flag that shares the class's archive, or that makes it; keep
// moves a made one into place.
func archive(java, jars, class string) (flag string, keep func()) {
	sum := sha256.Sum256([]byte(java + "\n" + classPath(jars) + "\n" + class))
	path := filepath.Join(filepath.Dir(jars), hex.EncodeToString(sum[:6])+".jsa")
	if _, err := os.Stat(path); err == nil {
		return "-XX:SharedArchiveFile=" + path, func() {}
	}
	f, err := os.CreateTemp(filepath.Dir(jars), "*.jsa.new")
	if err != nil {
		return "", func() {} // slower, nothing else
	}
	f.Close()
	os.Remove(f.Name()) // the JVM wants to make it
	return "-XX:ArchiveClassesAtExit=" + f.Name(), func() {
		if info, err := os.Stat(f.Name()); errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
			return // killed, or too old a JVM
		}
		_ = os.Rename(f.Name(), path)
	}
}
