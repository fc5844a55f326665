package metrics

import (
	"io"
	"strconv"
	"strings"
)

// ContentType is of the text that Text writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Kind is what a family of samples is.
type Kind string

// The kinds that are written.
const (
	Untyped  Kind = "untyped"
	Gauge    Kind = "gauge"
	Counting Kind = "counter"
)

// Label is one label of a sample.
type Label struct{ Name, Value string }

// Text gathers samples and writes them in Prometheus's text format 0.0.4. It is
// used by one goroutine.
//
// https://prometheus.io/docs/instrumenting/exposition_formats/
type Text struct {
	families map[string]*family
	order    []*family
}

type family struct {
	name string
	head string
	body strings.Builder
}

// NewText returns an empty text.
func NewText() *Text { return &Text{families: make(map[string]*family)} }

// Add adds a sample. The first of a name gives its family's kind and help; help
// has no line ends. No two samples of a name have the same labels.
func (t *Text) Add(name string, kind Kind, help string, value float64, labels ...Label) {
	f := t.families[name]
	if f == nil {
		f = &family{name: name, head: "# HELP " + name + " " + strings.ReplaceAll(help, `\`, `\\`) + "\n# TYPE " + name + " " + string(kind) + "\n"}
		t.families[name] = f
		t.order = append(t.order, f)
	}
	f.body.WriteString(name)
	if len(labels) > 0 {
		f.body.WriteByte('{')
		for _, l := range labels {
			f.body.WriteString(l.Name)
			f.body.WriteString(`="`)
			_, _ = labelEscaper.WriteString(&f.body, l.Value) // a Builder does not fail
			f.body.WriteString(`",`)
		}
		f.body.WriteByte('}')
	}
	f.body.WriteByte(' ')
	f.body.WriteString(strconv.FormatFloat(value, 'g', -1, 64))
	f.body.WriteByte('\n')
}

var labelEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// WriteTo writes the families in the order of their first samples.
func (t *Text) WriteTo(w io.Writer) (n int64, err error) {
	for _, f := range t.order {
		for _, s := range []string{f.head, f.body.String()} {
			m, err := io.WriteString(w, s)
			if n += int64(m); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}
