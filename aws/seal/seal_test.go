package seal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/seal"
)

func TestSealAndOpen(t *testing.T) {
	r := seal.New()
	for _, plain := range []string{"", "x", strings.Repeat("secret", 1000)} {
		a, err := r.Seal("000000000000/-/iam/key/A", []byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.Seal("000000000000/-/iam/key/A", []byte(plain))
		if err != nil || bytes.Equal(a, b) {
			t.Errorf("sealing twice gave the same bytes (%v)", err)
		}
		if len(a) != len(plain)+seal.Overhead || len(plain) > 1 && bytes.Contains(a, []byte(plain)) {
			t.Errorf("%d bytes became %d", len(plain), len(a))
		}
		got, err := r.Open("000000000000/-/iam/key/A", a)
		if err != nil || string(got) != plain {
			t.Errorf("opened %d bytes, %v", len(got), err)
		}
		if _, err := r.Open("000000000000/-/iam/key/B", a); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("it opened as another document: %v", err)
		}
		if _, err := seal.New().Open("000000000000/-/iam/key/A", a); !errors.Is(err, seal.ErrUnknownKey) {
			t.Errorf("it opened with another key: %v", err)
		}
	}
	if _, err := r.Seal("a", make([]byte, seal.MaxPlaintext+1)); err == nil {
		t.Error("sealed more than the limit")
	}
}

// TestEveryBitIsAuthenticated changes each bit in turn.
func TestEveryBitIsAuthenticated(t *testing.T) {
	r := seal.New()
	sealed, err := r.Seal("name", []byte("some secret"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			if _, err := r.Open("name", changed); err == nil {
				t.Fatalf("byte %d, bit %d: changed bytes opened", i, bit)
			}
		}
		if _, err := r.Open("name", sealed[:i]); err == nil {
			t.Fatalf("the first %d bytes opened", i)
		}
	}
}

func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	first, made, err := seal.Load(file)
	if err != nil || !made {
		t.Fatal(made, err)
	}
	sealed, err := first.Seal("name", []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	again, made, err := seal.Load(file)
	if err != nil || made {
		t.Fatal(made, err)
	}
	if got, err := again.Open("name", sealed); err != nil || string(got) != "value" {
		t.Errorf("after a restart: %q, %v", got, err)
	}
	if !bytes.Equal(first.Key("tokens"), again.Key("tokens")) || bytes.Equal(first.Key("tokens"), first.Key("others")) {
		t.Error("derived keys are not one for each purpose")
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, _, err := seal.Load(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others may read: %v", err)
	}
}

func TestBadKeyFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	for _, text := range []string{"", "millrace-key-1\n", "millrace-key-2\n" + strings.Repeat("0", 64), "millrace-key-1\n00", "millrace-key-1\n" + strings.Repeat("g", 64), strings.Repeat("x", 5000)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := seal.Load(file); err == nil {
			t.Errorf("%.20q passed for a key file", text)
		}
		if got, _ := os.ReadFile(file); string(got) != text {
			t.Errorf("%.20q was overwritten", text)
		}
	}
}

func TestRotation(t *testing.T) {
	old := seal.New()
	before, err := old.Seal("name", []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := old.Rotated()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Open("name", before); err != nil || string(got) != "value" {
		t.Errorf("what was sealed before: %q, %v", got, err)
	}
	after, err := r.Seal("name", []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Open("name", after); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("the old ring opens what the new key sealed: %v", err)
	}
	if !bytes.Equal(old.Key("tokens"), r.Key("tokens")) {
		t.Error("rotation changed a derived key")
	}
	for range 15 {
		if r, err = r.Rotated(); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("a ring grows without bound")
	}
}

func TestSecretsAreHidden(t *testing.T) {
	s := seal.NewSecret("hunter2")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "inside", struct{ S seal.Secret }{s}, "pointer", &s)
	doc, err := json.Marshal(map[string]any{"s": s, "list": []seal.Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{log.String(), string(doc), fmt.Sprintf("%s %v %+v %#v %q %x %d", s, s, s, s, s, s, s), fmt.Sprint([]seal.Secret{s}), fmt.Errorf("x: %v", s).Error()} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) || !strings.Contains(text, "***") {
			t.Errorf("it shows: %s", text)
		}
	}
	if s.Reveal() != "hunter2" {
		t.Error("the value is lost")
	}
}

func FuzzOpen(f *testing.F) {
	r := seal.New()
	sealed, err := r.Seal("name", []byte("value"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(sealed)
	f.Add(sealed[:len(sealed)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := r.Open("name", data); err == nil && (string(got) != "value" || !bytes.Equal(data, sealed)) {
			t.Fatalf("forged bytes opened: %x", data)
		}
	})
}
