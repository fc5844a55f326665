package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// structs lists the structure shapes by name.
func (w *writer) structs() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(w.f.Shapes)) {
		if w.f.Shapes[name].Type == "structure" {
			out = append(out, name)
		}
	}
	return out
}

// goName is a shape's or member's exported Go name.
func goName(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// goType is the Go type of a member of a shape: scalars are pointers, so that
// absent and zero differ.
func (w *writer) goType(name string) string {
	switch s := w.f.Shapes[name]; s.Type {
	case "structure":
		return "*" + goName(name)
	case "list":
		return "[]" + strings.TrimPrefix(w.goType(s.Element.Shape), "*")
	case "map":
		return "map[string]" + strings.TrimPrefix(w.goType(s.Value.Shape), "*")
	case "blob":
		if w.s.json() {
			return "[]byte"
		}
		return "*string"
	case "timestamp":
		if w.s.json() {
			return "*model.Epoch"
		}
		return "*model.Time"
	default:
		return "*" + scalar(s.Type)
	}
}

func scalar(kind string) string {
	switch kind {
	case "string":
		return "string"
	case "boolean":
		return "bool"
	case "integer":
		return "int32"
	case "long":
		return "int64"
	case "double", "float":
		return "float64"
	}
	panic("no Go type for " + kind)
}

func (w *writer) uses(kind string) bool {
	for _, s := range w.f.Shapes {
		if s.Type == kind {
			return true
		}
	}
	return false
}

func (w *writer) shapes() {
	imports := []string{}
	if w.uses("timestamp") {
		imports = append(imports, "github.com/millrace/millrace/aws/model")
	}
	w.begin(imports...)
	for _, name := range w.structs() {
		w.p("\n// %s is aws:%s's shape of that name.", goName(name), w.s.name)
		w.p("type %s struct {", goName(name))
		for _, m := range w.f.Shapes[name].Members {
			w.p("%s %s `%s`", goName(m.Name), w.goType(m.Shape), w.tag(m))
		}
		w.p("}")
	}
}

// tag says how a member stands on the wire.
func (w *writer) tag(m member) string {
	wire := m.WireName
	if wire == "" {
		wire = m.Name
	}
	if w.s.protocol == "rest-json" || w.s.json() {
		if m.Location != "" {
			return `json:"-"`
		}
		tag := fmt.Sprintf(`json:"%s,omitzero"`, wire)
		if w.s.protocol == jsonAndQuery {
			tag += " " + w.xmlTag(m, wire)
		}
		return tag
	}
	return w.xmlTag(m, wire)
}

func (w *writer) xmlTag(m member, wire string) string {
	switch s := w.f.Shapes[m.Shape]; s.Type {
	case "map":
		return fmt.Sprintf(`xml:"%s>entry"`, wire)
	case "list":
		item := s.Element.WireName
		if item == "" {
			item = "member"
		}
		return fmt.Sprintf(`xml:"%s>%s"`, wire, item)
	}
	return fmt.Sprintf(`xml:"%s,omitempty"`, wire)
}

// validators writes Validate for every shape that an input reaches.
func (w *writer) validators() {
	reached := make(map[string]bool)
	for _, op := range w.f.Operations {
		if op.Input != "" {
			w.reach(op.Input, reached)
		}
	}
	w.begin("github.com/millrace/millrace/aws/model")
	for _, name := range w.structs() {
		if !reached[name] {
			continue
		}
		w.p("\n// Validate checks the model's constraints: the error names the first member\n// that breaks one.")
		w.p("func (s *%s) Validate() *model.Error {", goName(name))
		sh := w.f.Shapes[name]
		for _, m := range sh.Members {
			w.validateMember(m, slices.Contains(sh.Required, m.Name))
		}
		w.p("return nil\n}")
	}
}

func (w *writer) reach(name string, into map[string]bool) {
	if into[name] {
		return
	}
	into[name] = true
	s := w.f.Shapes[name]
	for _, m := range s.Members {
		w.reach(m.Shape, into)
	}
	if s.Element != nil {
		w.reach(s.Element.Shape, into)
	}
	if s.Value != nil {
		w.reach(s.Value.Shape, into)
	}
}

func (w *writer) validateMember(m member, required bool) {
	field, wire := "s."+goName(m.Name), m.WireName
	if wire == "" {
		wire = m.Name
	}
	if required {
		w.p("if %s == nil {\nreturn model.Missing(%q)\n}", field, wire)
	}
	s := w.f.Shapes[m.Shape]
	switch s.Type {
	case "structure":
		w.p("if %s != nil {\nif e := %s.Validate(); e != nil {\nreturn e\n}\n}", field, field)
	case "list":
		w.validateLength(m.Shape, field, wire)
		w.validateElements(field, wire, s.Element.Shape)
	case "map":
		w.validateLength(m.Shape, field, wire)
	default:
		w.validateScalar(m.Shape, field, wire)
	}
}

func (w *writer) validateElements(field, wire, element string) {
	switch e := w.f.Shapes[element]; {
	case e.Type == "structure":
		w.p("for i := range %s {\nif e := %s[i].Validate(); e != nil {\nreturn e\n}\n}", field, field)
	case e.Type == "string" && (e.Min != nil || e.Max != nil || e.Pattern != "" || e.Enum != nil):
		w.p("for i := range %s {", field)
		w.validateScalar(element, "&"+field+"[i]", wire)
		w.p("}")
	}
}

func bound(v *float64, none string) string {
	if v == nil {
		return none
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

func (w *writer) limits(shapeName string) (low, high *float64) {
	s := w.f.Shapes[shapeName]
	low, high = s.Min, s.Max
	if notEnforced[shapeName+" max"] {
		high = nil
	}
	return low, high
}

func (w *writer) validateLength(shapeName, field, wire string) {
	if low, high := w.limits(shapeName); low != nil || high != nil {
		w.p("if e := model.CheckCount(%q, len(%s), %s != nil, %s, %s); e != nil {\nreturn e\n}", wire, field, field, bound(low, "0"), bound(high, "-1"))
	}
}

func (w *writer) validateScalar(shapeName, field, wire string) {
	s := w.f.Shapes[shapeName]
	low, high := w.limits(shapeName)
	switch s.Type {
	case "string":
		if low != nil || high != nil {
			w.p("if e := model.CheckLength(%q, %s, %s, %s); e != nil {\nreturn e\n}", wire, field, bound(low, "0"), bound(high, "-1"))
		}
		if s.Pattern != "" {
			w.p("if e := model.CheckPattern(%q, %s, %q); e != nil {\nreturn e\n}", wire, field, w.pattern(s.Pattern))
		}
		if s.Enum != nil {
			w.p("if e := model.CheckEnum(%q, %s, %s); e != nil {\nreturn e\n}", wire, field, quoted(s.Enum))
		}
	case "blob":
		if w.s.json() {
			w.validateLength(shapeName, field, wire)
		}
	case "integer", "long", "double", "float":
		if low != nil || high != nil {
			w.p("if e := model.CheckRange(%q, %s, %s, %s); e != nil {\nreturn e\n}", wire, field, bound(low, "model.NoLimit"), bound(high, "model.NoLimit"))
		}
	}
}

// javaEscape is a character of the models' patterns that Go writes otherwise.
var javaEscape = regexp.MustCompile(`\\u(10FFFF|10000|[0-9A-Fa-f]{4})`)

// pattern is a model's pattern for Go. Those of the query and json services are
// about the whole value, though they do not say so.
func (w *writer) pattern(p string) string {
	p = strings.ReplaceAll(p, `\uD800\uDC00-\uDBFF\uDFFF`, `\x{10000}-\x{10FFFF}`) // pairs of surrogates
	p = strings.ReplaceAll(p, `\p{Print}`, `[\x20-\x7e]`)
	p = javaEscape.ReplaceAllString(p, `\x{$1}`)
	if w.s.protocol == "query" || w.s.json() {
		p = "^(?:" + p + ")$"
	}
	return p
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return strings.Join(out, ", ")
}

// service writes the interface and the table of operations.
func (w *writer) service() {
	w.begin("context", "github.com/millrace/millrace/aws/model")
	w.p("\n// APIVersion is the version of aws:%s's model.\nconst APIVersion = %q\n", w.s.name, w.f.APIVersion)
	if w.f.Target != "" {
		w.p("// Target stands before an operation's name in the X-Amz-Target header.\nconst Target = %q\n", w.f.Target)
	}
	w.p("// Service serves the operations. An error that callers are to see is a\n// *model.Error; every other one is internal.\ntype Service interface {")
	for _, op := range w.f.Operations {
		w.p("%s(ctx context.Context, c model.Caller, in *%s) (*%s, error)", op.Name, w.input(op), w.output(op))
	}
	w.p("}\n")
	for _, op := range w.f.Operations {
		if op.Input == "" {
			w.p("// %s is empty.\ntype %s struct{}\n\n// Validate accepts.\nfunc (*%s) Validate() *model.Error { return nil }\n", w.input(op), w.input(op), w.input(op))
		}
		if op.Output == "" {
			w.p("// %s is empty.\ntype %s struct{}\n", w.output(op), w.output(op))
		}
	}
	w.p("// Operations is the table of what s serves.\nfunc Operations(s Service) []model.Operation {\nreturn []model.Operation{")
	for _, op := range w.f.Operations {
		w.operation(op)
	}
	w.p("}\n}\n\n// Others are the operations that are not served.\nvar Others = []model.Other{")
	for _, o := range w.f.Others {
		w.p("{Name: %q, Method: %q, Path: %q},", o.Name, o.Method, o.Path)
	}
	w.p("}")
}

func (w *writer) input(op operation) string {
	if op.Input == "" {
		return op.Name + "Request"
	}
	return goName(op.Input)
}

func (w *writer) output(op operation) string {
	if op.Output == "" {
		return op.Name + "Response"
	}
	return goName(op.Output)
}

func (w *writer) operation(op operation) {
	status := op.Status
	if status == 0 {
		status = 200
	}
	w.p("{\nName: %q, Method: %q, Path: %q, Status: %d, ResultWrapper: %q,", op.Name, op.Method, op.Path, status, op.ResultWrapper)
	if w.s.json() && op.Output == "" {
		w.p("Empty: true,")
	}
	w.p("Decode: func(r *model.Input) (model.Request, error) {\nin := new(%s)", w.input(op))
	w.decode(op)
	w.p("return in, r.Err()\n},")
	w.p("Call: func(ctx context.Context, c model.Caller, in model.Request) (any, error) {\nreturn s.%s(ctx, c, in.(*%s))\n},\n},", op.Name, w.input(op))
}

// decode writes how an input is read.
func (w *writer) decode(op operation) {
	if op.Input == "" {
		return
	}
	switch w.s.protocol {
	case "query":
		w.p("r.Members(in)")
		return
	case "ec2":
		w.p("r.EC2Members(in)")
		return
	case jsonAndQuery:
		w.p("if r.Form != nil {\nr.Members(in)\n} else {\nr.JSON(in)\n}")
		return
	}
	body := false
	for _, m := range w.f.Shapes[op.Input].Members {
		switch {
		case w.s.json():
			body = true
		case m.Location == "uri":
			read := "Path"
			if w.f.Shapes[m.Shape].Type == "long" {
				read = "PathInt64"
			}
			w.p("in.%s = r.%s(%q)", goName(m.Name), read, m.WireName)
		case m.Location == "querystring":
			w.p("in.%s = r.Query%s(%q)", goName(m.Name), w.reader(m.Shape), m.WireName)
		default:
			body = true
		}
	}
	if body {
		w.p("r.JSON(in)")
	}
}

// reader is the method suffix that reads a shape from a query or form.
func (w *writer) reader(name string) string {
	switch s := w.f.Shapes[name]; s.Type {
	case "string":
		return "String"
	case "integer":
		return "Int32"
	case "boolean":
		return "Bool"
	case "list":
		return "Strings"
	default:
		panic("cannot read a " + s.Type + " from a query")
	}
}
