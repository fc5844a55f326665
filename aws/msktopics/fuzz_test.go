package msktopics

import (
	"encoding/base64"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

// FuzzConfigs: what can be read is written as a map that reads the same.
func FuzzConfigs(f *testing.F) {
	for _, seed := range []string{"", "a=b", "# c\na = b\r\n\nc=d=e", "=b", `{"a":"b","c":1,"d":true,"e":null}`, `{"a":{}}`, `{"a":[]}`, "{", `{"a":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		given := base64.StdEncoding.EncodeToString(text)
		first, err := parseConfigs(&given)
		if err != nil {
			return
		}
		var all []kadm.Config
		for key, value := range first {
			all = append(all, kadm.Config{Key: key, Value: value})
		}
		again, err := formatConfigs(all)
		if err != nil {
			t.Fatal(err)
		}
		second, err := parseConfigs(again)
		if err != nil {
			t.Fatalf("%q reads as %v, written as %s: %v", text, first, *again, err)
		}
		for key, value := range second {
			if was := first[key]; was != nil && *was != *value && validUTF8(*was) {
				t.Errorf("%q was %q and is %q", key, *was, *value)
			}
		}
	})
}

func validUTF8(s string) bool { return string([]rune(s)) == s }
