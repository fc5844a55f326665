package listener

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// javaNames is what Java 17's X500Principal.getName printed of each name:
// hexadecimal DER, then the hexadecimal text.
func javaNames(t testing.TB) (names []struct{ der, text string }) {
	t.Helper()
	data, err := os.ReadFile("testdata/java-names.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		der, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		d, err1 := hex.DecodeString(der)
		s, err2 := hex.DecodeString(text)
		if err1 != nil || err2 != nil {
			t.Fatal(line, err1, err2)
		}
		names = append(names, struct{ der, text string }{string(d), string(s)})
	}
	return names
}

// TestNamesAreJavas compares with what Java made of ordinary and hostile names:
// such that imitate another, with escapes, other encodings and broken UTF-8.
func TestNamesAreJavas(t *testing.T) {
	for _, n := range javaNames(t) {
		if got, ok := javaName([]byte(n.der)); !ok || got != n.text {
			t.Errorf("%x: %q, %v; Java says %q", n.der, got, ok, n.text)
		}
	}
	for _, der := range []string{"", "\x30\x00", "\x31\x00", "\x30\x05abc", "\x30\x00x"} {
		if got, ok := javaName([]byte(der)); ok {
			t.Errorf("%x is no name, and became %q", der, got)
		}
	}
}

// FuzzJavaName checks that no name is read as more parts than it has: what is
// between unescaped commas is one attribute.
func FuzzJavaName(f *testing.F) {
	for _, n := range javaNames(f) {
		f.Add([]byte(n.der))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		name, ok := javaName(der)
		if !ok {
			return
		}
		if !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			t.Fatalf("%q", name)
		}
		again, _ := javaName(der)
		if again != name {
			t.Fatalf("%q and %q", name, again)
		}
	})
}
