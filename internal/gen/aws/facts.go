package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// facts is what is kept of a service's model.
type facts struct {
	APIVersion string           `json:"apiVersion"`
	Target     string           `json:"target,omitempty"` // before the operation in X-Amz-Target
	Operations []operation      `json:"operations"`
	Others     []other          `json:"others"` // operations that are not served
	Shapes     map[string]shape `json:"shapes"`
}

type operation struct {
	Name   string `json:"name"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status,omitempty"`
	Input  string `json:"input,omitempty"`
	Output string `json:"output,omitempty"`
	// ResultWrapper is the element around the answer of the query protocol.
	ResultWrapper string `json:"resultWrapper,omitempty"`
}

type other struct {
	Name   string `json:"name"`
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
}

type shape struct {
	Type     string   `json:"type"`
	Required []string `json:"required,omitempty"`
	Members  []member `json:"members,omitempty"`
	Element  *member  `json:"element,omitempty"` // of a list
	Value    *member  `json:"value,omitempty"`   // of a map
	Enum     []string `json:"enum,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	Pattern  string   `json:"pattern,omitempty"`
}

type member struct {
	Name      string `json:"name,omitempty"`
	Shape     string `json:"shape"`
	Location  string `json:"location,omitempty"` // uri, querystring
	WireName  string `json:"wireName,omitempty"`
	QueryName string `json:"queryName,omitempty"`
}

// botoModel is the part of botocore's JSON that is read.
type botoModel struct {
	Metadata struct {
		APIVersion   string `json:"apiVersion"`
		TargetPrefix string `json:"targetPrefix"`
	} `json:"metadata"`
	Operations map[string]struct {
		HTTP struct {
			Method string `json:"method"`
			URI    string `json:"requestUri"`
			Code   int    `json:"responseCode"`
		} `json:"http"`
		Input, Output *struct {
			Shape         string `json:"shape"`
			ResultWrapper string `json:"resultWrapper"`
		}
	} `json:"operations"`
	Shapes map[string]botoShape `json:"shapes"`
}

type botoShape struct {
	Type     string                     `json:"type"`
	Required []string                   `json:"required"`
	Members  map[string]json.RawMessage `json:"members"`
	Member   *botoMember                `json:"member"`
	Value    *botoMember                `json:"value"`
	Enum     []string                   `json:"enum"`
	Min      *float64                   `json:"min"`
	Max      *float64                   `json:"max"`
	Pattern  string                     `json:"pattern"`
}

type botoMember struct {
	Shape        string `json:"shape"`
	Location     string `json:"location"`
	LocationName string `json:"locationName"`
	QueryName    string `json:"queryName"`
}

// extract makes a facts file from botocore's model.
func extract(data string, s service, file string) error {
	f, err := os.Open(filepath.Join(data, s.model, "service-2.json.gz"))
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	var m botoModel
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	out := facts{APIVersion: m.Metadata.APIVersion, Target: m.Metadata.TargetPrefix, Shapes: make(map[string]shape)}
	for _, name := range slices.Sorted(maps.Keys(m.Operations)) {
		op := m.Operations[name]
		if !slices.Contains(s.served, name) {
			o := other{Name: name}
			if s.protocol == "rest-json" {
				o.Method, o.Path = op.HTTP.Method, op.HTTP.URI
			}
			out.Others = append(out.Others, o)
			continue
		}
		o := operation{Name: name, Method: op.HTTP.Method, Path: op.HTTP.URI, Status: op.HTTP.Code}
		if op.Input != nil {
			o.Input = op.Input.Shape
			out.take(&m, o.Input)
		}
		if op.Output != nil {
			o.Output, o.ResultWrapper = op.Output.Shape, op.Output.ResultWrapper
			out.take(&m, o.Output)
		}
		out.Operations = append(out.Operations, o)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}

// take copies a shape and everything it refers to.
func (f *facts) take(m *botoModel, name string) {
	if _, done := f.Shapes[name]; done {
		return
	}
	b, ok := m.Shapes[name]
	if !ok {
		panic(fmt.Sprintf("the model has no shape %s", name))
	}
	s := shape{Type: b.Type, Required: b.Required, Enum: b.Enum, Min: b.Min, Max: b.Max, Pattern: b.Pattern}
	f.Shapes[name] = s
	for _, key := range slices.Sorted(maps.Keys(b.Members)) {
		var bm botoMember
		if err := json.Unmarshal(b.Members[key], &bm); err != nil {
			panic(err)
		}
		s.Members = append(s.Members, member{key, bm.Shape, bm.Location, bm.LocationName, bm.QueryName})
		f.take(m, bm.Shape)
	}
	if b.Member != nil {
		s.Element = &member{Shape: b.Member.Shape, WireName: b.Member.LocationName}
		f.take(m, b.Member.Shape)
	}
	if b.Value != nil {
		s.Value = &member{Shape: b.Value.Shape}
		f.take(m, b.Value.Shape)
	}
	f.Shapes[name] = s
}
