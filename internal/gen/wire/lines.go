package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// baseline is the broker whose lowest versions no line goes below.
const baseline = "4.1"

// firstKRaftOnly is the first major version without ZooKeeper.
const firstKRaftOnly = 4

// line is what the brokers of one Kafka line answered.
type line struct {
	version      string
	major, minor int
	kraft        bool
	ranges       [][3]int16
	features     []lineFeature
}

type lineFeature struct {
	Name           string
	Min, Max       int16
	Finalized      int16
	FinalizedEpoch int64
}

func readLines(dir string, messages []message) ([]line, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []line
	for _, name := range names {
		l, err := readLine(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.major, b.major), cmp.Compare(a.minor, b.minor), strings.Compare(a.version, b.version), boolCompare(a.kraft, b.kraft))
	})
	floor := floors(out)
	if len(floor) == 0 {
		return nil, fmt.Errorf("no answer of Kafka %s in %s", baseline, dir)
	}
	for i := range out {
		out[i].ranges = cut(out[i].ranges, floor, messages)
	}
	return out, nil
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func readLine(name string) (line, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return line{}, err
	}
	var a struct {
		Keys     [][3]int16
		Features []lineFeature
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return line{}, err
	}
	version, zookeeper := strings.CutSuffix(strings.TrimSuffix(filepath.Base(name), ".json"), "-zk")
	l := line{version: version, ranges: a.Keys, features: a.Features, kraft: !zookeeper}
	if _, err := fmt.Sscanf(version, "%d.%d", &l.major, &l.minor); err != nil {
		return line{}, err
	}
	if zookeeper && l.major >= firstKRaftOnly {
		return line{}, fmt.Errorf("Kafka %s has no ZooKeeper mode", version)
	}
	slices.SortFunc(l.ranges, func(a, b [3]int16) int { return int(a[0]) - int(b[0]) })
	slices.SortFunc(l.features, func(a, b lineFeature) int { return strings.Compare(a.Name, b.Name) })
	return l, nil
}

// Produce (KAFKA-18659) and JoinGroup (KAFKA-19444) are advertised from 0
// whatever is served: some clients read the wrong thing into a higher number.
const (
	produceKey   = 0
	joinGroupKey = 11
)

// floors are the lowest versions of the baseline, by key.
func floors(lines []line) map[int16]int16 {
	out := map[int16]int16{}
	for _, l := range lines {
		if fmt.Sprintf("%d.%d", l.major, l.minor) != baseline {
			continue
		}
		for _, r := range l.ranges {
			out[r[0]] = r[1]
		}
	}
	return out
}

// cut leaves the keys that are served, raised to the floor, and at most the
// versions that the schemas know.
func cut(ranges [][3]int16, floor map[int16]int16, messages []message) [][3]int16 {
	var out [][3]int16
	for _, r := range ranges {
		i := slices.IndexFunc(messages, func(m message) bool { return m.key == r[0] })
		if i < 0 {
			continue
		}
		r[1] = max(floor[r[0]], r[1])
		if r[0] == produceKey || r[0] == joinGroupKey {
			r[1] = 0
		}
		r[2] = min(r[2], int16(messages[i].versions.max))
		if r[1] <= r[2] {
			out = append(out, r)
		}
	}
	return out
}

func linesSource(lines []line) []byte {
	var out bytes.Buffer
	out.WriteString("// lines are the answers of real brokers, oldest first, cut to what clients may be served.\nvar lines = [...]line{\n")
	for _, l := range lines {
		fmt.Fprintf(&out, "{major: %d, minor: %d, Line: Line{Kafka: %q, KRaft: %t, Ranges: []Range{", l.major, l.minor, l.version, l.kraft)
		for i, r := range l.ranges {
			if i%8 == 0 {
				out.WriteByte('\n')
			}
			fmt.Fprintf(&out, "{%d, %d, %d},", r[0], r[1], r[2])
		}
		out.WriteString("\n}, Features: []Feature{\n")
		for _, f := range l.features {
			fmt.Fprintf(&out, "{Name: %q, Min: %d, Max: %d, Finalized: %d},\n", f.Name, f.Min, f.Max, f.Finalized)
		}
		out.WriteString("}}},\n")
	}
	out.WriteString("}\n")
	return out.Bytes()
}
