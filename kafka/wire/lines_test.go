package wire_test

import (
	"testing"

	"github.com/millrace/millrace/kafka/wire"
)

func TestLineOf(t *testing.T) {
	for name, want := range map[string]struct {
		kafka string
		kraft bool
	}{
		"2.2.1": {"2.8.1", false}, "1.1.1": {"2.8.1", false}, "2.4.1.1": {"2.8.1", false}, "2.8.1": {"2.8.1", false},
		"2.8.2.tiered": {"2.8.1", false}, "3.3.2": {"2.8.1", false}, "3.4.0": {"3.4.1", false}, "3.5.1": {"3.5.1", false},
		"3.6.0": {"3.6.2", false}, "3.7.x": {"3.7.2", false}, "3.7.x.kraft": {"3.7.2", true}, "3.8.x": {"3.8.1", false},
		"3.9.x": {"3.9.2", false}, "3.9.x.kraft": {"3.9.2", true}, "4.0.x.kraft": {"4.0.2", true},
		"4.1.x.kraft": {"4.1.2", true}, "4.1.x": {"4.1.2", true}, "4.2.x": {"4.1.2", true},
	} {
		l, err := wire.LineOf(name)
		if err != nil || l.Kafka != want.kafka || l.KRaft != want.kraft {
			t.Errorf("%s: %s KRaft %v, %v", name, l.Kafka, l.KRaft, err)
		}
	}
	for _, name := range []string{"", "4", "x.y", "3.x", "3.9.x.zk", "-1.2.3", "3.9.1.2.3", "99999.1"} {
		if l, err := wire.LineOf(name); err == nil {
			t.Errorf("%q is %s", name, l.Kafka)
		}
	}
}

func TestLinesAdvertiseWhatIsServed(t *testing.T) {
	newest, err := wire.LineOf("4.1.x.kraft")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"2.8.1", "3.4.0", "3.5.1", "3.6.0", "3.7.x", "3.7.x.kraft", "3.8.x", "3.8.x.kraft", "3.9.x", "3.9.x.kraft", "4.0.x.kraft", "4.1.x.kraft"} {
		l, err := wire.LineOf(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range l.Ranges {
			for _, never := range []int16{4, 5, 6, 7, 52, 56, 58, 62, 67, 71, 72} {
				if r.Key == never {
					t.Errorf("%s advertises key %d", name, r.Key)
				}
			}
			floor, ok := newest.Range(r.Key)
			if !ok || r.Min < floor.Min || r.Max > floor.Max || r.Min > r.Max {
				t.Errorf("%s: %+v against %+v of the newest line", name, r, floor)
			}
		}
		for _, key := range []int16{0, 11} { // KAFKA-18659, KAFKA-19444
			if r, ok := l.Range(key); !ok || r.Min != 0 {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if r, _ := l.Range(1); r.Min != 4 {
			t.Errorf("%s: Fetch from %d", name, r.Min)
		}
	}
	old, _ := wire.LineOf("2.8.1")
	if r, ok := old.Range(18); !ok || r.Max != 3 {
		t.Errorf("2.8.1 has ApiVersions to %d", r.Max)
	}
	if r, ok := old.Range(68); ok {
		t.Errorf("2.8.1 has %+v", r)
	}
}

func TestCut(t *testing.T) {
	l, err := wire.LineOf("4.1.x.kraft")
	if err != nil {
		t.Fatal(err)
	}
	levels := func(l wire.Line) map[string]int16 {
		out := map[string]int16{}
		for _, f := range l.Features {
			out[f.Name] = f.Finalized
		}
		return out
	}
	cut := l.Cut([]int16{18, 3, 200})
	if len(cut.Ranges) != 2 || cut.Ranges[0].Key != 3 || cut.Ranges[1].Key != 18 {
		t.Errorf("ranges %v", cut.Ranges)
	}
	if got := levels(cut); got["metadata.version"] != 27 || got["group.version"] != 0 || got["transaction.version"] != 0 || len(got) != 1 {
		t.Errorf("levels %v", got)
	}
	if got := levels(l.Cut(nil, "transaction.version")); got["transaction.version"] != 2 || got["group.version"] != 0 {
		t.Errorf("levels %v", got)
	}
	if got := levels(l); got["group.version"] != 1 {
		t.Errorf("Cut changed the table: %v", got)
	}
}
