//go:build e2e

package differential

import (
	"bufio"
	"fmt"
	"iter"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// difference is one field of one answer that the two sides gave differently,
// in one or several versions of the request.
type difference struct {
	script, step    string
	key             int16
	versions        []int16
	path            string
	kafka, millrace string
}

// text is the difference without its versions: what lines of accepted.txt
// match.
func (d difference) text() string {
	return fmt.Sprintf("%s: %s: %s %s: kafka %s, millrace %s", d.script, d.step, kmsg.NameForKey(d.key), d.path, d.kafka, d.millrace)
}

func (d difference) String() string {
	return fmt.Sprintf("%s (%s)", d.text(), versionsText(d.versions))
}

func versionsText(vs []int16) string {
	slices.Sort(vs)
	vs = slices.Compact(vs)
	var parts []string
	for i := 0; i < len(vs); {
		j := i
		for j+1 < len(vs) && vs[j+1] == vs[j]+1 {
			j++
		}
		part := "v" + strconv.Itoa(int(vs[i]))
		if j > i {
			part += "-" + strconv.Itoa(int(vs[j]))
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, " ")
}

// counts are what a report says.
type counts struct{ scripts, requests, equal, accepted, different, waiting int }

// compared is the outcome of a script on both sides.
type compared struct {
	equal, waiting int
	differing      int // answers
	differences    []difference
}

// maxFields is how many fields of one answer are reported: an answer that
// differs altogether is one difference to a reader.
const maxFields = 8

// compare holds a script's exchanges on Millrace to those on Kafka. Exchanges
// are matched by step, key and version, since after a difference a script may
// ask other things.
func compare(script string, kafka, millrace *side) compared {
	var out compared
	type id struct {
		step         string
		key, version int16
		n            int
	}
	index := make(map[id]*exchange)
	count := make(map[id]int)
	name := func(x *exchange) id {
		i := id{step: x.step, key: x.request.Key(), version: x.request.GetVersion()}
		count[i]++
		i.n = count[i]
		return i
	}
	for _, x := range millrace.log {
		index[name(x)] = x
	}
	clear(count)
	a, b := newSymbols(kafka.addresses), newSymbols(millrace.addresses)
	for _, x := range kafka.log {
		y := index[name(x)]
		if y == nil {
			out.waiting++
			a.fields(x)
			continue
		}
		var found []difference
		for i, d := range differ(a.fields(x), b.fields(y)) {
			if i == maxFields {
				break
			}
			d.script, d.step, d.key, d.versions = script, x.step, x.request.Key(), []int16{x.request.GetVersion()}
			found = append(found, d)
		}
		if len(found) == 0 {
			out.equal++
			continue
		}
		out.differing++
		out.differences = append(out.differences, found...)
	}
	if out.waiting > 0 && millrace.missing == 0 {
		d := difference{script: script, step: "the script's end", path: "exchanges that happened on Kafka alone", kafka: strconv.Itoa(out.waiting), millrace: "0"}
		out.differences = append(out.differences, d)
	}
	if kafka.broke != millrace.broke {
		out.differences = append(out.differences, difference{script: script, step: "the script's end", path: "failure", kafka: kafka.broke, millrace: millrace.broke})
	}
	out.differences = merge(out.differences)
	return out
}

// fields are an exchange's outcome and the fields of its answer.
func (s *symbols) fields(x *exchange) []field {
	out := []field{{"the broker", x.outcome}}
	if x.outcome == answered {
		out = append(out, field{"is exactly what was decoded", strconv.FormatBool(x.exact)})
		out = append(out, s.flat(x.answer)...)
	}
	return out
}

// differ are the paths with different values. An element of an array that one
// side does not have is one difference.
func differ(kafka, millrace []field) []difference {
	if kafka[0] != millrace[0] {
		return []difference{{path: kafka[0].path, kafka: kafka[0].value, millrace: millrace[0].value}}
	}
	var out []difference
	ours, theirs := byPath(millrace), byPath(kafka)
	for only, f := range missing(kafka, ours) {
		if only {
			out = append(out, difference{path: f.path, kafka: f.value, millrace: "absent"})
		} else if v := ours[f.path]; v != f.value {
			out = append(out, difference{path: f.path, kafka: f.value, millrace: v})
		}
	}
	for only, f := range missing(millrace, theirs) {
		if only {
			out = append(out, difference{path: f.path, kafka: "absent", millrace: f.value})
		}
	}
	return out
}

func byPath(fields []field) map[string]string {
	out := make(map[string]string, len(fields))
	for _, f := range fields {
		out[f.path] = f.value
	}
	return out
}

// missing yields fields and whether the other side has none such. A missing
// element comes as one field with all its values.
func missing(fields []field, other map[string]string) iter.Seq2[bool, field] {
	return func(yield func(bool, field) bool) {
		for i := 0; i < len(fields); i++ {
			f := fields[i]
			_, has := other[f.path]
			if !has && f.value == element {
				f.value = "{"
				for ; i+1 < len(fields) && strings.HasPrefix(fields[i+1].path, f.path+"."); i++ {
					f.value += " " + strings.TrimPrefix(fields[i+1].path, f.path+".") + "=" + fields[i+1].value
				}
				f.value += " }"
			}
			if !yield(!has, f) {
				return
			}
		}
	}
}

// merge joins differences that are the same in several versions.
func merge(all []difference) []difference {
	var out []difference
	at := make(map[string]int)
	for _, d := range all {
		k := d.text()
		if i, ok := at[k]; ok {
			out[i].versions = append(out[i].versions, d.versions...)
			continue
		}
		at[k] = len(out)
		out = append(out, d)
	}
	return out
}

// acceptance is a line of accepted.txt.
type acceptance struct {
	line    int
	pattern *regexp.Regexp
	reason  string
	used    bool
	must    bool // match something
}

// accepted reads the lines that hold for a Kafka version. A line is
//
//	regular expression <TAB or two spaces> # reason
//
// and "[3.9.2 3.4.1]" begins the lines that hold for those versions alone, and
// must match something of the first of them; those above the first such heading
// hold for all, and must match something of the default.
func accepted(file, version string) ([]*acceptance, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []*acceptance
	var heading []string
	s := bufio.NewScanner(f)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			heading = strings.Fields(strings.Trim(line, "[]"))
			continue
		}
		pattern, reason, ok := strings.Cut(line, "  # ")
		if !ok || reason == "" {
			return nil, fmt.Errorf("%s:%d has no reason", file, n)
		}
		re, err := regexp.Compile(strings.TrimSpace(pattern))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		first := defaultKafka
		if len(heading) > 0 {
			first = heading[0]
		}
		if len(heading) == 0 || slices.Contains(heading, version) {
			out = append(out, &acceptance{line: n, pattern: re, reason: reason, must: first == version})
		}
	}
	return out, s.Err()
}

// split separates the differences that a line accepts.
func split(all []difference, lines []*acceptance) (accepted, left []difference) {
	for _, d := range all {
		ok := false
		for _, a := range lines {
			if a.pattern.MatchString(d.text()) {
				a.used, ok = true, true
			}
		}
		if ok {
			accepted = append(accepted, d)
		} else {
			left = append(left, d)
		}
	}
	return accepted, left
}
