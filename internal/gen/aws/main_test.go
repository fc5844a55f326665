package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../.."

// TestFresh generates again from the committed facts and compares.
func TestFresh(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "internal/gen/aws/models"), os.DirFS("models")); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, ""); err != nil {
		t.Fatal(err)
	}
	for _, s := range services {
		for _, name := range []string{"shapes_gen.go", "validate_gen.go", "service_gen.go"} {
			file := filepath.Join("aws/model", s.name, name)
			want, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(root, file))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is not what its facts say (%v): go run ./internal/gen/aws", file, err)
			}
		}
	}
}

// TestFacts checks that the facts are complete and hold no prose, and that Go
// can use their patterns.
func TestFacts(t *testing.T) {
	word := regexp.MustCompile(`<p>|[a-z]{2,} [a-z]{2,} [a-z]{2,}`)
	for _, s := range services {
		data, err := os.ReadFile(filepath.Join("models", s.name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(`"documentation"`)) || word.Match(data) {
			t.Errorf("%s.json holds prose: %.80q", s.name, word.Find(data))
		}
		var f facts
		if err := json.Unmarshal(data, &f); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, op := range f.Operations {
			names = append(names, op.Name)
		}
		if got, want := strings.Join(names, " "), strings.Join(s.served, " "); got != want {
			t.Errorf("%s.json has the operations %s, want %s", s.name, got, want)
		}
		for name, sh := range f.Shapes {
			if sh.Pattern == "" || !inputReaches(&f, name) {
				continue
			}
			if _, err := regexp.Compile((&writer{s: s}).pattern(sh.Pattern)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func inputReaches(f *facts, shape string) bool {
	w, reached := writer{f: f}, make(map[string]bool)
	for _, op := range f.Operations {
		if op.Input != "" {
			w.reach(op.Input, reached)
		}
	}
	return reached[shape]
}
