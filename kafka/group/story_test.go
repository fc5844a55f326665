package group_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/kafka/group"
)

var rewrite = flag.Bool("rewrite", false, "write what the stories print into testdata")

// TestStories runs testdata/*.story. A command's output follows it after
// "----": records written, and replies as "#n", where n counts the commands
// that are requests. Member ids end with the number of the request that got
// them. After every command a replay of the log must give the same state.
func TestStories(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.story")
	if len(files) == 0 {
		t.Fatal("no stories")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".story"), func(t *testing.T) {
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, string(in))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(in) {
				t.Errorf("%s differs (run with -rewrite and read the diff):\n%s", file, got)
			}
		})
	}
}

// tell runs a story and returns it with the output that it has now.
func tell(t *testing.T, story string) string {
	var out strings.Builder
	l := newLab(group.Params{})
	inOutput := false
	for _, line := range strings.Split(strings.TrimRight(story, "\n"), "\n") {
		switch {
		case line == "----":
			inOutput = true
		case line == "":
			if inOutput {
				inOutput = false
			}
			out.WriteString("\n")
		case inOutput:
		case strings.HasPrefix(line, "#"):
			fmt.Fprintln(&out, line)
		default:
			fmt.Fprintf(&out, "%s\n----\n", line)
			l = command(t, l, line)
			if l.out.Len() == 0 {
				l.out.WriteString("(nothing)\n")
			}
			out.WriteString(l.out.String())
			l.out.Reset()
			l.checkReplay(t)
		}
	}
	return out.String()
}

func command(t *testing.T, l *lab, line string) *lab {
	words := strings.Fields(line)
	a := args{}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		a[k] = v
	}
	switch words[0] {
	case "params":
		return newLab(group.Params{
			InitialRebalanceDelay: time.Duration(a.ms("delay", 0)) * time.Millisecond,
			MaxSize:               a.num("size", 0),
			ConsumerMaxSize:       a.num("consumers", 0),
			Migration:             group.Migration(a["migration"]),
		})
	case "sleep":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatal(err)
		}
		l.sleep(t, d)
	case "beat", "beats": // heartbeats over a long time, beats of a consumer: only what they let happen is shown
		verb := map[string]string{"beat": "heartbeat", "beats": "hb"}[words[0]]
		for range a.num("times", 1) {
			l.sleep(t, time.Duration(a.ms("every", time.Second))*time.Millisecond)
			l.do(request(verb, a))
		}
		lines := strings.SplitAfter(l.out.String(), "\n")
		l.out.Reset()
		for _, line := range lines {
			if !strings.Contains(line, ": heartbeat ok") && !(strings.Contains(line, ": hb ok") && !strings.Contains(line, "resolve!")) {
				l.out.WriteString(line)
			}
		}
	case "verify", "end":
		l.transaction(words[0], a)
	case "fill": // heartbeats of so many members that bring a megabyte: the last one is shown
		for i := range atoi(words[1]) {
			l.out.Reset()
			l.do(request("hb", args{"member": fmt.Sprint("m", i), "large": "1000000"}))
		}
	case "session":
		l.session = time.Duration(atoi(words[1])) * time.Second
	case "topics":
		l.setTopics(words[1:]...)
	case "deleted":
		l.tell(group.DeleteTopics{Names: words[1:]})
	case "resolve":
		if l.resolve == nil {
			t.Fatalf("nobody asked to resolve anything before %q", line)
		}
		l.tell(l.resolve.By(func(topic string) bool { return !slices.Contains(a.list("deny"), topic) }))
		l.resolve = nil
	case "restart":
		l.core = l.replayed()
	default:
		r := request(words[0], a)
		if words[0] == "txn-commit" {
			r = txnCommitRequest(cmp.Or(a["group"], "g"), a)
		}
		if r == nil {
			t.Fatalf("unknown verb in %q", line)
		}
		l.do(r)
	}
	return l
}
