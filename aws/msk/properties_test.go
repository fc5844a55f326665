package msk

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestReadProperties(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "[]",
		"# c\n! c\n\n  \t\n":             "[]",
		"a=1\r\nb : 2\nc 3\nd":           "[{a 1} {b 2} {c 3} {d }]",
		"  a  =  1 2  ":                  "[{a 1 2}]",
		"a=1\na=2":                       "[{a 2}]",
		"a=1,\\\n   2,\\\n# not\nb=3":    "[{a 1,2,# not} {b 3}]",
		"a\\=b=c\\\\":                    "[{a=b c\\}]",
		"a=\\u0041\\t\\x\\n\\r\\f.":      "[{a A\tx\n\r\f.}]",
		"a=\\":                           "[{a }]",
		"a=\\u00g0":                      "Invalid request body",
		"\xff=1":                         "Invalid request body",
		strings.Repeat("a", 1<<16) + "b": "Invalid request body",
		many(maxSettings):                "500 settings",
		many(maxSettings + 1):            "Invalid request body",
	} {
		list, err := readProperties([]byte(text))
		got := fmt.Sprint(list)
		if list == nil {
			got = "[]"
		}
		if len(list) == maxSettings {
			got = "500 settings"
		}
		if err != nil {
			got = told(err)[len("400 BadRequestException [serverProperties] "):]
		}
		if got != want {
			t.Errorf("%.40q: got %.80q, want %q", text, got, want)
		}
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d=v\n", i)
	}
	return b.String()
}

// TestExpressConfigurations: brokers of each kind refuse what the other takes.
func TestExpressConfigurations(t *testing.T) {
	express, standard := &provisioned{InstanceType: "express.m7g.large"}, &provisioned{InstanceType: "kafka.m7g.large"}
	for name, takes := range map[string][2]bool{ // Express, Standard
		"group.max.session.timeout.ms": {true, true}, "group.min.session.timeout.ms": {false, true}, "min.insync.replicas": {false, true},
		"log.segment.bytes": {false, true}, "max.connections.per.ip": {true, false}, "replica.lag.time.max.ms": {false, true},
	} {
		for i, p := range []*provisioned{express, standard} {
			if err := p.fits(map[string]string{name: "10000"}); (err == nil) != takes[i] {
				t.Errorf("%s of %s: %v", name, p.InstanceType, err)
			}
		}
	}
}

func TestPropertiesAreSorted(t *testing.T) {
	if !slices.IsSortedFunc(properties, func(a, b property) int { return strings.Compare(a.name, b.name) }) {
		t.Error("the table is searched, and must be sorted by name")
	}
}

func FuzzReadProperties(f *testing.F) {
	for _, s := range []string{"", "a=1\nb : 2\nc 3", "a=1,\\\n 2", "\\u0041=\\t\\", "# c\n!", "a\\=b=c"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := readProperties(text)
		if err != nil {
			return
		}
		var seen []string
		for _, s := range list {
			if slices.Contains(seen, s.name) {
				t.Fatalf("%q is there twice", s.name)
			}
			seen = append(seen, s.name)
		}
		_ = checkProperties(list)
	})
}
