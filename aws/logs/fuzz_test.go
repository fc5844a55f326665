package logs

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/eventlog"
)

// FuzzPattern: any pattern is refused or judges any message, the same each time.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{`ERROR -"a b" ?c %d.e%`, `{ ($.a.b[0] = "x*" && $.n >= 5) || $['k'] IS NULL }`, `{ $.a NOT EXISTS }`, `[a, b]`, `"`, `{(((`} {
		f.Add(p, `{"a":{"b":["xyz"]},"n":7}`)
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		if len(pattern) > 1024 { // the model's bound
			return
		}
		match, err := compile(pattern)
		if err != nil || match == nil {
			return
		}
		if match(message) != match(strings.Clone(message)) {
			t.Errorf("%q judges %q twice, differently", pattern, message)
		}
	})
}

// FuzzPosition: a token that is taken is written again the same way.
func FuzzPosition(f *testing.F) {
	f.Add(writePosition(eventlog.Position{Time: 1, Ingested: -2, Stream: 3, Seq: 4}))
	f.Add("1.2.3")
	f.Fuzz(func(t *testing.T, token string) {
		at, err := readPosition(token)
		if err != nil {
			return
		}
		if again, err := readPosition(writePosition(at)); err != nil || again != at {
			t.Errorf("%q is %+v, and then %+v, %v", token, at, again, err)
		}
	})
}
