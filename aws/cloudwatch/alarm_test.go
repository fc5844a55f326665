package cloudwatch

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestAlarmStory judges the datapoints of testdata/alarms.story.
func TestAlarmStory(t *testing.T) {
	data, err := os.ReadFile("testdata/alarms.story")
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		parts := strings.Split(line, "|")
		w := watch{minutes: 1, threshold: 1, compare: comparisons["GreaterThanOrEqualToThreshold"]}
		if _, err := fmt.Sscanf(parts[0], "%d/%d", &w.toAlarm, &w.periods); err != nil {
			t.Fatal(line, err)
		}
		var all []reading
		for i, p := range strings.Fields(parts[1]) {
			r := reading{at: int64(i), known: p != "-"}
			if p == "X" {
				r.value = 1
			}
			all = append(all, r)
		}
		slices.Reverse(all)
		for i, want := range strings.Fields(parts[2]) {
			w.missing = []string{asMissing, asIgnored, asBreaching, asNotBreaching}[i]
			if got := w.judge(all).state; got != strings.TrimPrefix(want, "=") {
				t.Errorf("%s: %s is %q, want %s", line, w.missing, got, want)
			}
			told++
		}
	}
	if told < 60 {
		t.Errorf("%d states are told", told)
	}
}

func TestReasons(t *testing.T) {
	at := func(values ...float64) (all []reading) {
		for i, v := range values {
			all = append(all, reading{at: minuteOf(timeOf(29_859_840)) - int64(i), value: v, known: v >= 0})
		}
		return all
	}
	w := watch{minutes: 1, periods: 1, toAlarm: 1, threshold: 50, compare: comparisons["GreaterThanThreshold"], missing: asMissing}
	two := w
	two.periods, two.toAlarm = 3, 2
	filled := w
	filled.missing = asNotBreaching
	for _, c := range []struct {
		w    watch
		all  []reading
		want string
	}{
		{w, at(99.5, 1, 1), "Threshold Crossed: 1 out of the last 1 datapoints [99.5 (10/10/26 00:00:00)] was greater than the threshold (50.0) (minimum 1 datapoint for OK -> ALARM transition)."},
		{w, at(0, 99, 99), "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (10/10/26 00:00:00)] was not greater than the threshold (50.0) (minimum 1 datapoint for ALARM -> OK transition)."},
		{two, at(51, 0, 52, -1, -1), "Threshold Crossed: 2 out of the last 3 datapoints [51.0 (10/10/26 00:00:00), 0.0 (09/10/26 23:59:00), 52.0 (09/10/26 23:58:00)] were greater than the threshold (50.0) (minimum 2 datapoints for OK -> ALARM transition)."},
		{two, at(-1, -1, -1, -1, -1), "Insufficient Data: 3 datapoints were unknown."},
		{filled, at(-1, -1, -1), "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching]."},
	} {
		if got := c.w.reason(c.w.judge(c.all)); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}
