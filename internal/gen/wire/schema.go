package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// span is an inclusive range of versions; never is the empty one.
type span struct{ min, max int }

const openEnd = 127 // "5+"

var never = span{-1, -1}

type message struct {
	key      int16
	name     string
	versions span
	flexible int // first flexible version, openEnd if none
	fields   []*field
}

type field struct {
	name, typ              string
	versions, null, tagged span
	tag                    int
	fields                 []*field
}

// parseMessages reads the requests of messages.txt.
func parseMessages(text string) ([]message, error) {
	var out []message
	var open []*[]*field // where fields of each depth go
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		depth := len(line) - len(strings.TrimLeft(line, " "))
		if depth == 0 {
			open = nil
			if words[0] != "request" {
				continue
			}
			m, err := parseMessage(words)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n+1, err)
			}
			out = append(out, m)
			open = []*[]*field{&out[len(out)-1].fields}
			continue
		}
		if open == nil {
			continue // below a response
		}
		f, err := parseField(words)
		if err != nil || depth > len(open) {
			return nil, fmt.Errorf("line %d: %q: %v", n+1, line, err)
		}
		*open[depth-1] = append(*open[depth-1], f)
		open = append(open[:depth], &f.fields)
	}
	return out, nil
}

func parseMessage(words []string) (message, error) {
	if len(words) != 6 || words[4] != "flexible" {
		return message{}, fmt.Errorf("not a request: %q", words)
	}
	key, err := strconv.ParseInt(words[1], 10, 16)
	if err != nil {
		return message{}, err
	}
	m := message{key: int16(key), name: words[2], flexible: openEnd}
	if m.versions, err = parseSpan(words[3]); err != nil {
		return m, err
	}
	flexible, err := parseSpan(words[5])
	if err == nil && flexible != never {
		m.flexible = flexible.min
	}
	return m, err
}

func parseField(words []string) (*field, error) {
	if len(words) < 3 {
		return nil, fmt.Errorf("not a field")
	}
	f := &field{name: words[0], typ: words[1], null: never, tagged: never}
	var err error
	if f.versions, err = parseSpan(words[2]); err != nil {
		return nil, err
	}
	for rest := words[3:]; len(rest) > 0 && err == nil; {
		switch {
		case rest[0] == "null" && len(rest) >= 2:
			f.null, err = parseSpan(rest[1])
			rest = rest[2:]
		case rest[0] == "tag" && len(rest) >= 3:
			if f.tag, err = strconv.Atoi(rest[1]); err == nil {
				f.tagged, err = parseSpan(rest[2])
			}
			rest = rest[3:]
		default:
			err = fmt.Errorf("unknown word %q", rest[0])
		}
	}
	return f, err
}

// parseSpan reads "none", "3", "3+" or "3-7".
func parseSpan(s string) (span, error) {
	if s == "none" {
		return never, nil
	}
	if first, ok := strings.CutSuffix(s, "+"); ok {
		n, err := strconv.Atoi(first)
		return span{n, openEnd}, err
	}
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		last = first
	}
	a, err := strconv.Atoi(first)
	if err != nil {
		return span{}, err
	}
	b, err := strconv.Atoi(last)
	return span{a, b}, err
}

var kinds = map[string]string{
	"bool": "fixed1", "int8": "fixed1", "int16": "fixed2", "uint16": "fixed2", "int32": "fixed4", "int64": "fixed8",
	"float64": "fixed8", "uuid": "fixed16", "string": "text", "bytes": "blob", "records": "blob", "struct": "object",
}

func schemaSource(messages []message) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "// schemas are the structures of the requests that are served, by API key.\nvar schemas = [...]schema{\n")
	for _, m := range messages {
		fmt.Fprintf(&out, "%d: { // %s\n", m.key, m.name)
		fmt.Fprintf(&out, "known: true, versions: span{%d, %d}, flexible: %d,\n", m.versions.min, m.versions.max, m.flexible)
		writeFields(&out, m.fields)
		out.WriteString("},\n")
	}
	out.WriteString("}\n")
	return out.Bytes()
}

func writeFields(out *bytes.Buffer, fields []*field) {
	if len(fields) == 0 {
		return
	}
	out.WriteString("fields: []field{\n")
	for _, f := range fields {
		kind, array := strings.CutPrefix(f.typ, "[]")
		fmt.Fprintf(out, "{kind: %s, array: %t, versions: %s, nullable: %s, tagged: %s, tag: %d,", kinds[kind], array,
			f.versions.source(), f.null.source(), f.tagged.source(), f.tag)
		writeFields(out, f.fields)
		fmt.Fprintf(out, "}, // %s\n", f.name)
	}
	out.WriteString("},\n")
}

func (s span) source() string {
	if s == never {
		return "never"
	}
	return fmt.Sprintf("span{%d, %d}", s.min, s.max)
}
