//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/e2e/clients"
)

// A golden is a script of Kafka's tools with what they print. It is recorded
// from Apache Kafka, three brokers of it, and Millrace must print the same. A
// line of a script is one of
//
//	# a comment
//	$ kafka-topics --list       runs a tool; $BROKERS and $DIR are replaced
//	@ produce orders 0 10       does something without a tool, see verbs
//	| orders                    is a line that the tool before it printed; after
//	                            | ! one that a failing tool wrote to stderr
//
// Between $ and the tool, marks in brackets say how it is read:
//
//	[sort]     in any order of lines
//	[set]      in any order and number of equal lines
//	[numbers]  every number is N
//	[until]    run again until it says what is recorded: it shows something that
//	           happens a little later
//	[layout]   without what says where brokers run and by whom they are reached
//	[subset]   some of Kafka's lines are enough
//	[silent]   only the exit status counts
//	[alone]    in a JVM of its own, since it goes on after its main has returned
//
// What differs from run to run stands under a name: broker-1 for its address,
// <id-1> for the first topic's or cluster's id, <uuid>, <time>. With what brokers
// to record is in testdata/tools/server.properties.
var (
	record       = flag.String("record", "", "write the goldens of tools from the Apache Kafka at these `ADDRESSES`, in the order of broker ids")
	recordBroker = flag.String("record-broker", "", "with -record: the `COMMAND` that stops and starts its brokers: COMMAND stop|start ID")
)

const (
	toolSet   = "tools-4.3.1"
	untilTime = 15 * time.Second // of a command marked [until]
)

// step is a line of a script with what belongs to it.
type step struct {
	text  string   // as written, with marks
	marks []string // of a command
	tool  string   // or verb, or empty: a comment
	args  []string
	want  []string
}

// met says whether what was printed is what is wanted.
func (s step) met(printed []string) bool {
	if !slices.Contains(s.marks, "subset") {
		return slices.Equal(printed, s.want)
	}
	return len(printed) > 0 && !slices.ContainsFunc(printed, func(line string) bool { return !slices.Contains(s.want, line) })
}

var stepLine = regexp.MustCompile(`^([$@]) +((?:\[[a-z]+\] *)*)(.*)$`)

// readGolden reads a script.
func readGolden(path string) ([]step, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var steps []step
	for n, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		if out, ok := strings.CutPrefix(line, "|"); ok && len(steps) > 0 {
			last := &steps[len(steps)-1]
			last.want = append(last.want, strings.TrimPrefix(out, " "))
			continue
		}
		s := step{text: line}
		if m := stepLine.FindStringSubmatch(line); m != nil {
			s.marks = strings.FieldsFunc(m[2], func(r rune) bool { return strings.ContainsRune("[] ", r) })
			words, err := splitWords(m[3])
			if err != nil || len(words) == 0 {
				return nil, fmt.Errorf("%s:%d: %q: %v", path, n+1, line, err)
			}
			s.tool, s.args = words[0], words[1:]
		} else if line != "" && line[0] != '#' {
			return nil, fmt.Errorf("%s:%d: %q is no line of a script", path, n+1, line)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// splitWords splits as a shell does, with single quotes alone.
func splitWords(text string) ([]string, error) {
	var words []string
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		var word strings.Builder
		for text != "" && text[0] != ' ' {
			if text[0] != '\'' {
				word.WriteByte(text[0])
				text = text[1:]
				continue
			}
			quoted, rest, ok := strings.Cut(text[1:], "'")
			if !ok {
				return nil, fmt.Errorf("a quote has no end")
			}
			word.WriteString(quoted)
			text = rest
		}
		words = append(words, word.String())
	}
	return words, nil
}

// writeGolden writes a script with what was printed.
func writeGolden(path string, steps []step, printed [][]string) error {
	var b strings.Builder
	for n, s := range steps {
		b.WriteString(s.text + "\n")
		for _, line := range printed[n] {
			b.WriteString(strings.TrimRight("| "+line, " ") + "\n")
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// player runs scripts against one cluster.
type player struct {
	*actors
	cache *clients.Cache
	tools *clients.Tools
	dir   string
	names map[string]string // what was named: id -> <id-1>
}

// play runs a script and returns what each step printed.
func (p *player) play(t *testing.T, steps []step) [][]string {
	t.Helper()
	p.dir, p.names = t.TempDir(), map[string]string{}
	printed := make([][]string, len(steps))
	for n, s := range steps {
		for i := range s.args {
			s.args[i] = strings.NewReplacer("$BROKERS", strings.Join(p.brokers, ","), "$DIR", p.dir).Replace(s.args[i])
		}
		switch {
		case s.tool == "":
		case s.text[0] == '@':
			if err := p.act(t, p.dir, s.tool, s.args); err != nil {
				t.Fatalf("%s: %v", s.text, err)
			}
		default:
			printed[n] = p.command(t, s)
		}
	}
	return printed
}

// command runs a tool, again as long as its marks ask.
func (p *player) command(t *testing.T, s step) []string {
	t.Helper()
	out := p.once(t, s)
	if !slices.Contains(s.marks, "until") {
		return out
	}
	end := time.Now().Add(untilTime)
	for same := 0; time.Now().Before(end); {
		if *record == "" && s.met(out) {
			return out
		}
		<-time.After(100 * time.Millisecond) // the tool itself takes as long
		again := p.once(t, s)
		if same++; !slices.Equal(again, out) {
			same = 0
		}
		if out = again; *record != "" && same >= 10 {
			break // it changes no more
		}
	}
	return out
}

func (p *player) once(t *testing.T, s step) []string {
	t.Helper()
	class, args, err := toolCall(s.tool, s.args, strings.Join(p.brokers, ","))
	if err != nil {
		t.Fatalf("%s: %v", s.text, err)
	}
	run := p.tools.Run
	if slices.Contains(s.marks, "alone") {
		run = p.alone
	}
	status, stdout, stderr, err := run(class, args, p.stdin)
	p.stdin = ""
	if err != nil {
		t.Fatalf("%s: %v", s.text, err)
	}
	out := p.plain(stdout)
	if slices.Contains(s.marks, "layout") {
		out = slices.DeleteFunc(out, layout.MatchString)
	}
	switch {
	case slices.Contains(s.marks, "silent"):
		out = nil
	case slices.Contains(s.marks, "numbers"):
		for i := range out {
			out[i] = number.ReplaceAllString(out[i], "N")
		}
	}
	if slices.Contains(s.marks, "sort") || slices.Contains(s.marks, "set") {
		slices.Sort(out)
	}
	if slices.Contains(s.marks, "set") {
		out = slices.Compact(out)
	}
	if status != 0 {
		for _, line := range p.plain(stderr) {
			out = append(out, "! "+line)
		}
		out = append(out, fmt.Sprintf("exit %d", status))
	}
	return out
}

// alone is Run of a JVM of the tool's own.
func (p *player) alone(class string, args []string, stdin string) (status int, stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), toolTime)
	defer cancel()
	cmd, keep, err := p.cache.JavaCommand(ctx, clients.JavaTool{Set: toolSet, Class: class, Args: args, Stdin: stdin})
	if err != nil {
		return 0, "", "", err
	}
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	err = cmd.Run()
	keep()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return cmd.ProcessState.ExitCode(), out.String(), words.String(), err
}

var (
	number = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
	uuid   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	member = regexp.MustCompile(`\b[A-Za-z0-9_-]{22}(==)?([ \t]+/127)`) // of a client that names itself (KIP-848)
	millis = regexp.MustCompile(`\b1[0-9]{12}\b`)
	trace  = regexp.MustCompile(`^(at [0-9a-zA-Z$_./]+\(.*\)|\.\.\. [0-9]+ more)$`) // of a stack
	spaces = regexp.MustCompile(`[ \t]+`)
	random = regexp.MustCompile(`(\bTopicId: +|\bCluster ID: +|\bClusterId: +)([A-Za-z0-9_-]{22})`)
	epoch  = regexp.MustCompile(`\bEpoch: [0-9]+$`) // of features
	// Millrace has neither directories nor controllers of Raft.
	directory = regexp.MustCompile(`, "directoryId": "[^"]*"`)
	endpoints = regexp.MustCompile(`"endpoints": \[[^]]*\]`)
	layout    = regexp.MustCompile(`^(advertised\.listeners|authorizer\.class\.name|broker\.id|broker\.rack|controller\..*|group\.initial\..*|inter\.broker\.listener\.name|listener.*|log\.dirs?|node\.id|offsets\.topic\.num\.partitions|process\.roles|super\.users)=`)
	logDir    = regexp.MustCompile(`"(logDir":|log_dirs":\[)[^]}]*`)
)

// plain replaces what differs from run to run. Columns of tables are as wide as
// their widest word, so runs of spaces are one.
func (p *player) plain(text string) []string {
	for n, b := range p.brokers {
		text = strings.ReplaceAll(text, b, fmt.Sprintf("broker-%d", n+1))
		if _, port, ok := strings.Cut(b, ":"); ok {
			text = regexp.MustCompile(`\b`+port+`\b`).ReplaceAllString(text, fmt.Sprintf("port-%d", n+1))
		}
	}
	text = strings.ReplaceAll(text, p.dir, "$DIR")
	text = directory.ReplaceAllString(text, "")
	text = endpoints.ReplaceAllString(text, `"endpoints": [...]`)
	text = logDir.ReplaceAllString(text, `"$1...`)
	text = uuid.ReplaceAllString(text, "<uuid>")
	text = member.ReplaceAllString(text, "<member>$2")
	text = millis.ReplaceAllString(text, "<time>")
	text = random.ReplaceAllStringFunc(text, func(found string) string {
		m := random.FindStringSubmatch(found)
		if p.names[m[2]] == "" {
			p.names[m[2]] = fmt.Sprintf("<id-%d>", len(p.names)+1)
		}
		return m[1] + p.names[m[2]]
	})
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(spaces.ReplaceAllString(line, " "))
		if line == "" || trace.MatchString(line) {
			continue
		}
		line = epoch.ReplaceAllString(line, "Epoch: N")
		if before, list, ok := strings.Cut(line, " Configs: "); ok { // in the order of a hash table
			words := strings.Split(list, ",")
			slices.Sort(words)
			line = before + " Configs: " + strings.Join(words, ",")
		}
		if strings.HasPrefix(line, `{"timestamp":`) { // another one
			words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("{}[],", r) })
			slices.Sort(words)
			line = strings.Join(words, " ")
		}
		out = append(out, line)
	}
	return out
}

// TestToolsPrintTheSame shows it. With -record it writes the goldens instead.
//
// Works: Kafka 4.3.1 command line tools print what they print on Apache Kafka 4.1.2, recorded from it
func TestToolsPrintTheSame(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "tools", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	brokers, broker := strings.Split(*record, ","), recordedBroker
	if *record == "" {
		c := start(t).clusterOf("tools", "4.1.x.kraft")
		brokers = strings.Split(c.plain, ",")
		broker = func(_ context.Context, do, id string) error {
			c.cli("", "broker", do, id, "--cluster", "tools")
			return nil
		}
	}
	tools, err := cache(t).StartTools(context.Background(), toolSet, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tools.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &player{actors: newActors(t, brokers, broker), cache: cache(t), tools: tools}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			steps, err := readGolden(file)
			if err != nil {
				t.Fatal(err)
			}
			printed := p.play(t, steps)
			if *record != "" {
				if err := writeGolden(file, steps, printed); err != nil {
					t.Fatal(err)
				}
				return
			}
			for n, s := range steps {
				if !s.met(printed[n]) {
					t.Errorf("%s\n%s", s.text, difference(s.want, printed[n]))
				}
			}
		})
	}
}

// recordedBroker stops and starts a broker of the Apache Kafka that is recorded.
func recordedBroker(ctx context.Context, do, id string) error {
	if *recordBroker == "" {
		return errors.New("a script stops brokers: -record-broker says how")
	}
	return exec.CommandContext(ctx, *recordBroker, do, id).Run()
}

// difference shows lines that only Kafka or only Millrace printed.
func difference(kafka, millrace []string) string {
	var b strings.Builder
	for _, line := range kafka {
		if !slices.Contains(millrace, line) {
			fmt.Fprintf(&b, "  - %s\n", line)
		}
	}
	for _, line := range millrace {
		if !slices.Contains(kafka, line) {
			fmt.Fprintf(&b, "  + %s\n", line)
		}
	}
	if b.Len() == 0 {
		fmt.Fprintf(&b, "  the same lines in another order or number:\n  - %s\n  + %s\n", strings.Join(kafka, "\n  - "), strings.Join(millrace, "\n  + "))
	}
	return "  -: Apache Kafka, +: Millrace\n" + b.String()
}
