package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/vfs"
)

const dir = "/audit"

var began = time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)

func call(n int) Event {
	return Event{
		Identity: Identity{Type: "IAMUser", ARN: "arn:aws:iam::000000000000:user/alice"}, Time: Stamp{began},
		Source: "kafka.amazonaws.com", Name: "CreateTopic", ID: fmt.Sprintf("event-%d", n),
		Parameters: json.RawMessage(`{"name":"orders <&>"}`),
	}
}

func open(t *testing.T, fsys vfs.FS, now time.Time) *Writer {
	t.Helper()
	if err := vfs.MakeDirs(fsys, dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := Open(fsys, dir, now)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// written is a log of three days with digests, closed.
func written(t *testing.T, records int) *vfs.Memory {
	t.Helper()
	fsys := vfs.NewMemory()
	w := open(t, fsys, began)
	for i := range records {
		now := began.Add(time.Duration(i) * 48 * time.Hour / time.Duration(records))
		if err := w.Write([]Event{call(i)}, now); err != nil {
			t.Fatal(err)
		}
		if i%7 == 6 {
			if err := w.Digest(now); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(began.Add(48 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	return fsys
}

func TestWhatIsWrittenVerifies(t *testing.T) {
	fsys := written(t, 40)
	var ids []string
	r, err := Verify(fsys, dir, Options{Each: func(line []byte) error {
		var e struct {
			EventID string
			Name    string `json:"eventName"`
			Version string `json:"eventVersion"`
			At      string `json:"eventTime"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if e.EventID != "" {
			if e.Name != "CreateTopic" || e.Version != Version || e.At != "2026-03-01T22:00:00Z" {
				t.Errorf("%s", line)
			}
			ids = append(ids, e.EventID)
		}
		return nil
	}})
	if err != nil || len(ids) != 40 || r.Records != 40+r.Digests || r.Digests < 5 || r.Torn || r.Unsealed != 0 || r.Last != r.Records {
		t.Errorf("%+v, %d events, %v", r, len(ids), err)
	}
	if names, _ := files(fsys, dir); len(names) < 3 {
		t.Errorf("days: %v", names)
	}
	if err := fsys.Remove(dir + "/2026-03-01.jsonl"); err != nil { // archived
		t.Fatal(err)
	}
	var broken *Broken
	if _, err := Verify(fsys, dir, Options{}); !errors.As(err, &broken) || broken.File != "2026-03-02.jsonl" || broken.Line != 1 || broken.Sequence != 1 {
		t.Errorf("without its first file: %v", err)
	}
	if _, err := Verify(fsys, dir, Options{Partial: true}); err != nil {
		t.Errorf("partial: %v", err)
	}
}

// copyOf is a file system with the same log.
func copyOf(t *testing.T, from map[string][]byte) *vfs.Memory {
	fsys := vfs.NewMemory()
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range from {
		f, err := fsys.OpenFile(path.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
		if err == nil {
			_, err = f.WriteAt(data, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return fsys
}

func contents(t *testing.T, fsys vfs.FS) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == KeyFile { // who has it may write what he likes
			continue
		}
		if out[e.Name()], err = vfs.ReadFile(fsys, path.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// manipulate does one thing that somebody with write access could do, and says
// what; "" when it has changed nothing.
func manipulate(r *rand.Rand, log map[string][]byte) string {
	names := []string{"2026-03-01.jsonl", "2026-03-02.jsonl", "2026-03-03.jsonl"}
	name := names[r.IntN(3)]
	data := log[name]
	lines := bytes.SplitAfter(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	lines[len(lines)-1] = append(bytes.Clone(lines[len(lines)-1]), '\n')
	i, j := r.IntN(len(lines)), r.IntN(len(lines))
	switch r.IntN(9) {
	case 0:
		data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		return "flip in " + name
	case 1:
		log[name] = bytes.Join(append(lines[:i:i], lines[i+1:]...), nil)
		return "line deleted in " + name
	case 2:
		lines[i], lines[j] = lines[j], lines[i]
		if log[name] = bytes.Join(lines, nil); i == j {
			return ""
		}
		return "lines swapped in " + name
	case 3:
		log[name] = data[:r.IntN(len(data))]
		return "cut off " + name
	case 4:
		delete(log, name)
		return "removed " + name
	case 5:
		at := r.IntN(len(data))
		log[name] = append(data[:at:at], data[at+1:]...)
		return "byte deleted in " + name
	case 6:
		other := []string{"head", PublicKeyFile}[r.IntN(2)]
		log[other][r.IntN(len(log[other]))] ^= 1 << r.IntN(8)
		return "flip in " + other
	case 7:
		lines = append(lines[:i:i], append([][]byte{lines[j]}, lines[i:]...)...)
		log[name] = bytes.Join(lines, nil)
		return "line repeated in " + name
	default:
		k := min(i, j) + 1
		log[name] = bytes.Join(lines[:k], nil)
		for _, later := range names {
			if later > name {
				delete(log, later)
			}
		}
		if k == len(lines) && name == names[2] {
			return ""
		}
		return "whole records cut off from " + name
	}
}

// TestTenThousandManipulations: none goes unnoticed.
func TestTenThousandManipulations(t *testing.T) {
	original := contents(t, written(t, 30))
	r := rand.New(rand.NewPCG(1, 2))
	kinds, done, all := map[string]int{}, 0, 10_000
	if testing.Short() {
		all = 1000
	}
	for done < all {
		log := map[string][]byte{}
		for name, data := range original {
			log[name] = bytes.Clone(data)
		}
		what := manipulate(r, log)
		if what == "" {
			continue
		}
		done++
		kinds[strings.Fields(what)[0]]++
		_, err := Verify(copyOf(t, log), dir, Options{})
		var broken *Broken
		if !errors.As(err, &broken) {
			t.Fatalf("manipulation %d, %s: %v", done, what, err)
		}
	}
	t.Log("detected", done, "of", done, kinds)
	if _, err := Verify(copyOf(t, original), dir, Options{}); err != nil { // control
		t.Errorf("unchanged: %v", err)
	}
}

// TestPowerCuts: whatever was answered is there after a power cut, and what the
// cut tore is no manipulation.
func TestPowerCuts(t *testing.T) {
	torn, unsealed := 0, 0
	for seed := range int64(300) {
		fsys := vfs.NewMemory()
		w := open(t, fsys, began)
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		n := r.IntN(12)
		for i := range n {
			if err := w.Write([]Event{call(i)}, began.Add(time.Duration(i)*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		// One more that nobody was answered about, stopped before its syncs.
		now := began.Add(time.Duration(n) * time.Hour)
		if err := w.rotate(now); err != nil {
			t.Fatal(err)
		}
		line, err := w.at.event(nil, call(n))
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(4) > 0 {
			line = line[:r.IntN(len(line))]
		}
		if _, err := w.file.WriteAt(line, w.size); err != nil {
			t.Fatal(err)
		}
		image := fsys.Crash(seed)
		report, err := Verify(image, dir, Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if report.Torn {
			torn++
		}
		unsealed += int(report.Unsealed)
		ids := 0
		again := open(t, image, now)
		if err := again.Write([]Event{call(99)}, now); err != nil {
			t.Fatal(err)
		}
		if err := again.Close(now); err != nil {
			t.Fatal(err)
		}
		report, err = Verify(image, dir, Options{Each: func(line []byte) error {
			if bytes.Contains(line, []byte("eventID\":\"event-")) {
				ids++
			}
			return nil
		}})
		if err != nil || report.Torn || report.Unsealed != 0 || ids < n+1 {
			t.Fatalf("seed %d after recovery: %+v, %d of %d events, %v", seed, report, ids, n+1, err)
		}
	}
	if torn < 20 || unsealed < 5 { // control: the cuts do cut
		t.Errorf("only %d torn lines and %d unsealed records", torn, unsealed)
	}
}

func TestABrokenLogIsNotContinued(t *testing.T) {
	for what, change := range map[string]func(vfs.FS) error{
		"no head":  func(f vfs.FS) error { return f.Remove(dir + "/head") },
		"no key":   func(f vfs.FS) error { return f.Remove(dir + "/key") },
		"last day": func(f vfs.FS) error { return f.Remove(dir + "/2026-03-03.jsonl") },
	} {
		fsys := written(t, 20)
		if err := change(fsys); err != nil {
			t.Fatal(err)
		}
		if w, err := Open(fsys, dir, began); err == nil {
			t.Errorf("%s: the log goes on", what)
			w.close()
		}
	}
}

func TestNothingIsWrittenAfterAFailedSync(t *testing.T) {
	fail := false
	fsys := vfs.NewFaulty(vfs.NewMemory(), func(op vfs.Op) error {
		if fail && strings.HasSuffix(op.Name, ".jsonl") && strings.Contains(strings.ToLower(op.Kind), "sync") {
			return errors.New("no sync")
		}
		return nil
	})
	w := open(t, fsys, began)
	if err := w.Write([]Event{call(1)}, began); err != nil {
		t.Fatal(err)
	}
	fail = true
	first := w.Write([]Event{call(2)}, began)
	fail = false
	if again := w.Write([]Event{call(3)}, began); first == nil || again == nil {
		t.Errorf("%v, then %v", first, again)
	}
}

func TestBounds(t *testing.T) {
	fsys := vfs.NewMemory()
	w := open(t, fsys, began)
	e := call(1)
	e.UserAgent = strings.Repeat("<", 1<<20)
	e.Parameters = json.RawMessage(`{"a":"` + strings.Repeat("<", 15<<10) + `"}`)
	e.Response = json.RawMessage(`{"a":"` + strings.Repeat("<", 17<<10) + `"}`)
	e.Additional = json.RawMessage(`{"a":`)
	for range 2 {
		if err := w.Write([]Event{e}, began); err != nil {
			t.Fatal(err)
		}
	}
	if w.size > 2*maxLine {
		t.Errorf("two records have %d bytes", w.size)
	}
	if _, err := Verify(fsys, dir, Options{}); err != nil {
		t.Error(err)
	}
}

func TestRedaction(t *testing.T) {
	got := string(Redact([]byte(`{"SecretString":"canary","secretArnList":["arn:a"],"list":[{"Password":"canary","name":"n"}],
		"MasterUserPassword":{"deep":"canary"},"ClientToken":"canary","SecretId":"id","big":12345678901234567890,"private_key":"canary","Plaintext":null}`)))
	want := `{"ClientToken":"` + Hidden + `","MasterUserPassword":"` + Hidden + `","Plaintext":null,"SecretId":"id","SecretString":"` + Hidden +
		`","big":12345678901234567890,"list":[{"Password":"` + Hidden + `","name":"n"}],"private_key":"` + Hidden + `","secretArnList":["arn:a"]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if Redact([]byte("[1]")) != nil || Redact(nil) != nil || Redact([]byte("{")) != nil {
		t.Error("what is no object is shown")
	}
}

func FuzzVerify(f *testing.F) {
	p := position{0, genesis}
	line, err := p.event(nil, call(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte(`{"sequence":1,"previousHash":"` + genesis + `","digest":{"time":1},"hash":"`))
	key := make([]byte, 32)
	f.Fuzz(func(t *testing.T, data []byte) {
		p := position{0, genesis}
		if _, err := p.next(bytes.TrimSuffix(data, []byte("\n")), key); err == nil && p.sequence != 1 {
			t.Errorf("sequence %d", p.sequence)
		}
		first(data)
	})
}
