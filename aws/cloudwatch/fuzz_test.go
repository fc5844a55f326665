package cloudwatch

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The bytes of docs/formats/cloudwatch.md: minutes of older servers are read.
func TestBlockFormat(t *testing.T) {
	entries := []entry{{0x010203040506, Value(5)}, {0x010203040507, Value(0.5)}, {0x010203040508, Sample{3, 1, 0, 1}}}
	const want = "01" + "010203040506" + "03" + "0a" + "010203040507" + "01" + "3fe0000000000000" + "010203040508" + "02" + "06020002"
	if got := hex.EncodeToString(appendBlock(nil, entries)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	raw, err := hex.DecodeString(want)
	if err != nil {
		t.Fatal(err)
	}
	back, err := readBlock(raw)
	if err != nil || len(back) != 3 || back[0] != entries[0] || back[1] != entries[1] || back[2] != entries[2] {
		t.Errorf("%v, %v", back, err)
	}
}

func FuzzBlock(f *testing.F) {
	f.Add(appendBlock(nil, []entry{{1, Value(5)}, {2, Value(0.5)}, {3, Sample{3, 1, 0, 1}}}))
	f.Add([]byte{blockFormat, 0, 0, 0, 0, 0, 1, 3, 0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := readBlock(data)
		if err != nil {
			return
		}
		again, err := readBlock(appendBlock(nil, entries))
		if err != nil || len(again) != len(entries) {
			t.Fatalf("%x: %v, %v", data, again, err)
		}
		if !bytes.Equal(appendBlock(nil, again), appendBlock(nil, entries)) {
			t.Fatalf("%x is written in two ways", data)
		}
	})
}

func FuzzExpression(f *testing.F) {
	for _, seed := range []string{"m1+n1*(2-1)", "SUM([m1, FILL(n1, REPEAT)])/METRICS()", "-1.5e3", "((("} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2048 { // the model's bound
			return
		}
		e, err := parseExpression(text)
		if err != nil {
			return
		}
		run := evaluation{values: make(map[string]value), from: 0, to: 10}
		for _, id := range e.ids {
			run.values[id] = value{list: []series{{minutes: 1, values: map[int64]float64{1: 2, 3: 4}}}}
		}
		_, _ = run.node(e.root) // whatever it is, it ends
	})
}
