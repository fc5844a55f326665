//go:build e2e

package e2e

import (
	"context"
	bigendian "encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/e2e/clients"
)

const (
	streamsSet  = "streams-4.3.1"
	streamsTime = 2 * time.Minute // of a stage
)

// javaProcess is a Java program of the tests that runs until it is killed.
type javaProcess struct {
	cmd  *exec.Cmd
	keep func()
	log  *lockedBuffer
}

// runJava compiles testdata/java/CLASS.java and starts it.
func runJava(t *testing.T, set, class string, args ...string) *javaProcess {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", "java", class+".java"))
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cache(t).Compile(t.Context(), set, class, string(source))
	if err != nil {
		t.Fatal(err)
	}
	return startJava(t, clients.JavaTool{Set: set, Jar: jar, Class: class, Args: args})
}

// startJava starts a class that runs until it is killed, at the latest at the
// test's end.
func startJava(t *testing.T, tool clients.JavaTool) *javaProcess {
	t.Helper()
	cmd, keep, err := cache(t).JavaCommand(context.Background(), tool)
	if err != nil {
		t.Fatal(err)
	}
	p := &javaProcess{cmd: cmd, keep: keep, log: &lockedBuffer{}}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if text := p.log.String(); t.Failed() {
			t.Logf("%s wrote:\n%s", tool.Class, text[max(0, len(text)-16<<10):])
		}
	})
	return p
}

// kill ends the process as a crash would.
func (p *javaProcess) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.keep()
	p.cmd = nil
}

// wordCounts reads what the application has committed: each word's counts in
// their order.
type wordCounts struct {
	client *kgo.Client
	seen   map[string]int64
	err    error
}

func (w *wordCounts) poll(t *testing.T) {
	w.client.PollFetches(shortly(t)).EachRecord(func(r *kgo.Record) {
		n := int64(bigendian.BigEndian.Uint64(r.Value))
		if n != w.seen[string(r.Key)]+1 && w.err == nil {
			w.err = fmt.Errorf("%s was counted %d after %d", r.Key, n, w.seen[string(r.Key)])
		}
		w.seen[string(r.Key)] = n
	})
}

// shortly is a context for one look at what may have come.
func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// TestStreams kills an application of Kafka Streams, stops a broker under it and
// kills the server. Each word's counts must come one after the other, to the
// last.
//
// Works: a Kafka Streams 4.3.1 application with exactly-once v2 counts exactly, over kill -9 of itself and of the server, and a broker's stop
func TestStreams(t *testing.T) {
	i := start(t)
	c := i.clusterOf("streams", "4.1.x.kraft")
	c.topic("lines", 3)
	c.topic("counts", 3)
	state := t.TempDir()
	app := runJava(t, streamsSet, "WordCount", c.plain, state)
	producer := c.franz("plain")
	counts := &wordCounts{seen: map[string]int64{}, client: c.franz("plain", kgo.ConsumeTopics("counts"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))}
	want := map[string]int64{}
	send := func() {
		t.Helper()
		for n := range 100 {
			line := fmt.Sprintf("the mill grinds w%d w%d", n%7, n%31)
			if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: "lines", Value: []byte(line)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			for word := range strings.FieldsSeq(line) {
				want[word]++
			}
		}
	}
	stage := func(name string, counted int64) {
		t.Helper()
		poll(t, streamsTime, name, func() bool {
			counts.poll(t)
			return counts.err != nil || counts.seen["the"] >= counted
		})
		if counts.err != nil {
			t.Fatalf("%s: %v", name, counts.err)
		}
	}
	send()
	stage("the first counts", 10) // within a stream of commits
	app.kill()
	send()
	runJava(t, streamsSet, "WordCount", c.plain, state)
	stage("counts of the second process", 150)
	i.cli("", "broker", "stop", "2", "--cluster", "streams")
	send()
	stage("counts without a broker", 250)
	i.cli("", "broker", "start", "2", "--cluster", "streams")
	send()
	stage("counts with it again", 310)
	i.kill()
	i.run()
	i.cli("", "wait", "--cluster", "streams")
	send()
	stage("all counts", want["the"])
	poll(t, streamsTime, "all words", func() bool {
		counts.poll(t)
		for word, n := range want {
			if counts.seen[word] < n {
				return counts.err != nil
			}
		}
		return true
	})
	if counts.err != nil {
		t.Fatal(counts.err)
	}
	for word, n := range want {
		if counts.seen[word] != n {
			t.Errorf("%s: counted %d, want %d", word, counts.seen[word], n)
		}
	}
}
