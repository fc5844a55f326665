package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The committed tables are what the committed facts give.
func TestTablesAreFresh(t *testing.T) {
	const root = "../../.."
	fresh := t.TempDir()
	for _, dir := range []string{filepath.Join(factsDir, "apiversions"), outDir} {
		if err := os.MkdirAll(filepath.Join(fresh, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(fresh, factsDir, "apiversions"), os.DirFS(filepath.Join(root, factsDir, "apiversions"))); err != nil {
		t.Fatal(err)
	}
	facts, err := os.ReadFile(filepath.Join(root, factsDir, messagesFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(fresh, factsDir, messagesFile), facts, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(fresh, ""); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"schema_gen.go", "lines_gen.go"} {
		want, err := os.ReadFile(filepath.Join(fresh, outDir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, outDir, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate ./kafka/wire (%v)", name, err)
		}
	}
}

func TestBrokenFactsAreRefused(t *testing.T) {
	for _, text := range []string{
		"request x Name 0-1 flexible none", "request 1 Name 0-x flexible none", "request 1 Name 0-1",
		"request 1 Name 0-1 flexible none\n  TooDeep int8 0+", "request 1 Name 0-1 flexible none\n F int8 0+ what 1",
	} {
		if m, err := parseMessages(text); err == nil {
			t.Errorf("%q gives %+v", text, m)
		}
	}
}
