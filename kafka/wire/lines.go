package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Range is the versions of one API key, both inclusive.
type Range struct{ Key, Min, Max int16 }

// Feature is a feature (KIP-584): the levels a broker supports, and the level
// its cluster has finalized, 0 for none.
type Feature struct {
	Name      string
	Min, Max  int16
	Finalized int16
}

// Line is what the brokers of one Kafka line say about themselves. Ranges are
// sorted by key. The functions here never change a Line's slices; neither may
// a caller.
type Line struct {
	Kafka    string // version of the real broker that was asked
	KRaft    bool   // false: in ZooKeeper mode
	Ranges   []Range
	Features []Feature
}

// line is a Line and its place in the order of versions.
type line struct {
	major, minor int
	Line
}

// firstKRaftOnly is the first major version without ZooKeeper.
const firstKRaftOnly = 4

// metadataVersion is the feature that every KRaft cluster finalizes.
const metadataVersion = "metadata.version"

// LineOf returns the table for a Kafka version as MSK names it: "2.8.1",
// "3.9.x", "3.9.x.kraft", "4.1.x.kraft", "2.8.2.tiered". Versions without a
// table of their own get the nearest older one of the same mode, or the oldest
// there is. Minimums are never below those of Kafka 4.1, whatever the line:
// older versions are not served. Produce is advertised from 0 although its
// versions 0 to 2 are refused (KAFKA-18659).
func LineOf(kafkaVersion string) (Line, error) {
	major, minor, kraft, err := parseVersion(kafkaVersion)
	if err != nil {
		return Line{}, err
	}
	best := -1
	for i, l := range lines {
		if l.KRaft != kraft {
			continue
		}
		if best < 0 || l.major < major || l.major == major && l.minor <= minor {
			best = i
		}
	}
	return lines[best].Line, nil
}

func parseVersion(s string) (major, minor int, kraft bool, err error) {
	name, kraft := strings.CutSuffix(s, ".kraft")
	name = strings.TrimSuffix(name, ".tiered")
	parts := strings.Split(name, ".")
	numbers := make([]int, 0, len(parts))
	for i, p := range parts {
		if i >= 2 && p == "x" {
			continue
		}
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return 0, 0, false, fmt.Errorf("Kafka version %q is not like 3.9.x or 2.8.1", s)
		}
		numbers = append(numbers, int(n))
	}
	if len(parts) < 2 || len(parts) > 4 {
		return 0, 0, false, fmt.Errorf("Kafka version %q is not like 3.9.x or 2.8.1", s)
	}
	return numbers[0], numbers[1], kraft || numbers[0] >= firstKRaftOnly, nil
}

// Release is the line as a number to compare: major and minor, 309 for 3.9.
func (l Line) Release() int {
	major, minor, _, _ := parseVersion(l.Kafka) // it is a version
	return major*100 + minor
}

// Cut returns the line with only the given API keys, and with no feature but
// metadata.version and the given ones: a client acts on a finalized level
// (transactions v2, KIP-890), and a user finalizes a supported one, so it must
// be built.
func (l Line) Cut(keys []int16, built ...string) Line {
	out := Line{Kafka: l.Kafka, KRaft: l.KRaft}
	for _, r := range l.Ranges {
		if slices.Contains(keys, r.Key) {
			out.Ranges = append(out.Ranges, r)
		}
	}
	for _, f := range l.Features {
		if f.Name == metadataVersion || slices.Contains(built, f.Name) {
			out.Features = append(out.Features, f)
		}
	}
	return out
}

// Range is the range of one API key; ok is false if the line does not have it.
func (l Line) Range(key int16) (r Range, ok bool) {
	i, ok := slices.BinarySearchFunc(l.Ranges, key, func(r Range, key int16) int { return int(r.Key) - int(key) })
	if !ok {
		return Range{}, false
	}
	return l.Ranges[i], true
}
