package msk

import (
	"slices"
	"strings"
	"testing"
)

// TestUpgrades is every path between versions: to all that come later and keep
// their metadata in the same place, and from the last version with ZooKeeper to
// its twin; none is a way back.
func TestUpgrades(t *testing.T) {
	everywhere := func(string) bool { return true }
	for name, want := range map[string]string{
		"2.2.1":       "2.3.1 2.4.1 2.4.1.1 2.5.1 2.6.0 2.6.1 2.6.2 2.6.3 2.7.0 2.7.1 2.7.2 2.8.0 2.8.1 2.8.2.tiered 3.1.1 3.2.0 3.3.1 3.3.2 3.4.0 3.5.1 3.6.0 3.7.x 3.8.x 3.9.x",
		"3.7.x":       "3.8.x 3.9.x",
		"3.8.x":       "3.9.x",
		"3.9.x":       "3.9.x.kraft",
		"3.7.x.kraft": "3.8.x.kraft 3.9.x.kraft 4.0.x.kraft 4.1.x.kraft",
		"3.9.x.kraft": "4.0.x.kraft 4.1.x.kraft",
		"4.0.x.kraft": "4.1.x.kraft",
		"4.1.x.kraft": "",
	} {
		if got := strings.Join(upgradesOf(name, everywhere), " "); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
	names := versionNames()
	for _, from := range names {
		for _, to := range upgradesOf(from, everywhere) {
			switch {
			case slices.Index(names, to) <= slices.Index(names, from):
				t.Errorf("%s goes back to %s", from, to)
			case kraft(to) != kraft(from) && (from != "3.9.x" || to != "3.9.x.kraft"):
				t.Errorf("%s changes its metadata with %s", from, to)
			}
		}
	}
	if got := upgradesOf("3.8.x", func(v string) bool { return v != "3.9.x" }); len(got) != 0 {
		t.Errorf("3.8.x becomes %v where 3.9.x does not run", got)
	}
}
