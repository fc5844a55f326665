package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// served says whether Millrace serves clients this API key.
func served(key int16) bool {
	switch {
	case key >= 0 && key <= 3, key >= 8 && key <= 51:
		return true
	}
	return slices.Contains([]int16{55, 57, 60, 61, 64, 65, 66, 68, 69, 74, 75, 80, 81}, key)
}

// definition is one of Kafka's JSON message definitions.
type definition struct {
	APIKey                int16
	Name                  string
	ValidVersions         string
	FlexibleVersions      string
	LatestVersionUnstable bool
	Fields                []definitionField
	CommonStructs         []definitionField
}

type definitionField struct {
	Name             string
	Type             string
	Versions         string
	NullableVersions string
	TaggedVersions   string
	Tag              *int
	Fields           []definitionField
}

var comment = regexp.MustCompile(`(?m)(^|[\s,{}\[\]])//.*$`)

func extractMessages(dir string) ([]byte, error) {
	out := bytes.NewBufferString("# Apache Kafka's messages: names, types and versions, from kafka-clients 4.3.1.\n" +
		"# request KEY NAME VERSIONS flexible VERSIONS, then one field a line, indented by depth: NAME TYPE VERSIONS [null VERSIONS] [tag N VERSIONS]\n" +
		"# response KEY NAME, then its nullable arrays: PATH VERSIONS\n")
	for _, kind := range []string{"Request", "Response"} {
		names, err := filepath.Glob(filepath.Join(dir, "*"+kind+".json"))
		if err != nil || len(names) == 0 {
			return nil, fmt.Errorf("no %s definitions in %s", kind, dir)
		}
		var all []definition
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			var d definition
			if err := json.Unmarshal(comment.ReplaceAll(text, []byte("$1")), &d); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			d.Name = strings.TrimSuffix(d.Name, kind)
			if served(d.APIKey) {
				all = append(all, d)
			}
		}
		slices.SortFunc(all, func(a, b definition) int { return int(a.APIKey) - int(b.APIKey) })
		for _, d := range all {
			if kind == "Request" {
				d.writeRequest(out)
			} else {
				d.writeResponse(out)
			}
		}
	}
	return out.Bytes(), nil
}

func (d definition) writeRequest(out *bytes.Buffer) {
	versions := d.ValidVersions
	if first, last, ok := strings.Cut(versions, "-"); ok && d.LatestVersionUnstable {
		n, _ := strconv.Atoi(last)
		versions = fmt.Sprintf("%s-%d", first, n-1)
	}
	fmt.Fprintf(out, "request %d %s %s flexible %s\n", d.APIKey, d.Name, versions, d.FlexibleVersions)
	d.writeFields(out, d.Fields, 1)
}

func (d definition) writeFields(out *bytes.Buffer, fields []definitionField, depth int) {
	for _, f := range fields {
		typ, sub := d.resolve(f)
		fmt.Fprintf(out, "%s%s %s %s", strings.Repeat(" ", depth), f.Name, typ, f.Versions)
		if f.NullableVersions != "" {
			fmt.Fprintf(out, " null %s", f.NullableVersions)
		}
		if f.Tag != nil {
			fmt.Fprintf(out, " tag %d %s", *f.Tag, f.TaggedVersions)
		}
		out.WriteByte('\n')
		d.writeFields(out, sub, depth+1)
	}
}

// resolve replaces the names of structs by "struct" and finds their fields.
func (d definition) resolve(f definitionField) (string, []definitionField) {
	name, array := strings.CutPrefix(f.Type, "[]")
	if name[0] < 'A' || name[0] > 'Z' {
		return f.Type, nil
	}
	fields := f.Fields
	for _, c := range d.CommonStructs {
		if c.Name == name {
			fields = c.Fields
		}
	}
	if array {
		return "[]struct", fields
	}
	return "struct", fields
}

func (d definition) writeResponse(out *bytes.Buffer) {
	var lines []string
	var walk func(path string, fields []definitionField)
	walk = func(path string, fields []definitionField) {
		for _, f := range fields {
			typ, sub := d.resolve(f)
			if strings.HasPrefix(typ, "[]") && f.NullableVersions != "" {
				lines = append(lines, fmt.Sprintf(" %s%s %s\n", path, f.Name, f.NullableVersions))
			}
			walk(path+f.Name+".", sub)
		}
	}
	walk("", d.Fields)
	if len(lines) > 0 {
		fmt.Fprintf(out, "response %d %s\n%s", d.APIKey, d.Name, strings.Join(lines, ""))
	}
}
