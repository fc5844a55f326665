package cloudwatch

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// expression is metric math as far as it is served: numbers, ids, + - * /,
// parentheses, arrays, and SUM, AVG, MIN, MAX, METRICS and FILL.
// (aws:cloudwatch user guide, metric math)
type expression struct {
	root node
	ids  []string // that it names
}

// node is a part of an expression.
type node struct {
	op     string // "number", "id", "array", a function's name, or an operator
	number float64
	name   string
	args   []node
}

// maxExpressionDepth bounds parentheses; the model bounds the length.
const maxExpressionDepth = 30

// maxSeries bounds an array.
const maxSeries = 500

// functions are those that are served, and how many arguments they take.
var functions = map[string]int{"SUM": 1, "AVG": 1, "MIN": 1, "MAX": 1, "METRICS": 0, "FILL": 2}

// parseExpression reads an expression. Errors are for its author.
func parseExpression(text string) (*expression, error) {
	p := &expressionParser{text: text}
	p.skip()
	root, err := p.sum(0)
	if err == nil && p.at < len(p.text) {
		err = fmt.Errorf("unexpected %q at character %d", p.text[p.at:p.at+1], p.at+1)
	}
	if err != nil {
		return nil, err
	}
	return &expression{root, p.ids}, nil
}

type expressionParser struct {
	text string
	at   int
	ids  []string
}

func (p *expressionParser) skip() {
	for p.at < len(p.text) && strings.ContainsRune(" \t\r\n", rune(p.text[p.at])) {
		p.at++
	}
}

// take takes one of some characters, and the space after it.
func (p *expressionParser) take(any string) (string, bool) {
	if p.at >= len(p.text) || !strings.Contains(any, p.text[p.at:p.at+1]) {
		return "", false
	}
	c := p.text[p.at : p.at+1]
	p.at++
	p.skip()
	return c, true
}

func (p *expressionParser) sum(depth int) (node, error) {
	return p.chain("+-", depth, func(d int) (node, error) { return p.chain("*/", d, p.unary) })
}

// chain reads operands with operators of one rank between them.
func (p *expressionParser) chain(operators string, depth int, operand func(depth int) (node, error)) (node, error) {
	left, err := operand(depth)
	for err == nil {
		op, ok := p.take(operators)
		if !ok {
			return left, nil
		}
		var right node
		right, err = operand(depth)
		left = node{op: op, args: []node{left, right}}
	}
	return node{}, err
}

func (p *expressionParser) unary(depth int) (node, error) {
	if depth > maxExpressionDepth {
		return node{}, errors.New("it is nested too deep")
	}
	if _, ok := p.take("-"); ok {
		inner, err := p.unary(depth + 1)
		return node{op: "*", args: []node{{op: "number", number: -1}, inner}}, err
	}
	if _, ok := p.take("("); ok {
		inner, err := p.sum(depth + 1)
		if err == nil {
			err = p.expect(")")
		}
		return inner, err
	}
	if _, ok := p.take("["); ok {
		args, err := p.list("]", depth+1)
		return node{op: "array", args: args}, err
	}
	return p.word(depth)
}

func (p *expressionParser) expect(c string) error {
	if _, ok := p.take(c); !ok {
		return fmt.Errorf("%q is missing at character %d", c, p.at+1)
	}
	return nil
}

// list reads arguments up to the closing character.
func (p *expressionParser) list(end string, depth int) (args []node, err error) {
	if _, ok := p.take(end); ok {
		return nil, nil
	}
	for {
		arg, err := p.sum(depth)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		if _, ok := p.take(","); ok {
			continue
		}
		return args, p.expect(end)
	}
}

// word reads a number, an id or a function.
func (p *expressionParser) word(depth int) (node, error) {
	begin := p.at
	for p.at < len(p.text) && (isWord(p.text[p.at]) || p.text[p.at] == '.') {
		p.at++
	}
	word := p.text[begin:p.at]
	p.skip()
	if word == "" {
		return node{}, fmt.Errorf("a number, an id or a function is missing at character %d", begin+1)
	}
	if f, err := strconv.ParseFloat(word, 64); err == nil && word[0] <= '9' {
		return node{op: "number", number: f}, nil
	}
	if _, call := p.take("("); !call {
		if !queryID.MatchString(word) && word != "REPEAT" {
			return node{}, fmt.Errorf("%q is neither a number nor an id", word)
		}
		if word != "REPEAT" {
			p.ids = append(p.ids, word)
		}
		return node{op: "id", name: word}, nil
	}
	want, served := functions[word]
	if !served {
		return node{}, fmt.Errorf("the function %s is not served: + - * /, SUM, AVG, MIN, MAX, METRICS and FILL are", word)
	}
	args, err := p.list(")", depth+1)
	if err == nil && len(args) != want {
		err = fmt.Errorf("%s takes %d arguments", word, want)
	}
	return node{op: word, args: args}, err
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// series is a metric over time: values by the minute that each begins at.
type series struct {
	label   string
	minutes int64 // of each value
	values  map[int64]float64
}

// value is what a part of an expression is: a number, or one or more series.
type value struct {
	number float64
	list   []series // nil: a number
	array  bool     // several, also when there is one
}

func (v value) all() []series { return v.list }

// evaluation evaluates the expressions of one call.
type evaluation struct {
	queries  []dataQuery
	values   map[string]value
	from, to int64
	origin   int64    // datapoints begin at multiples of their minutes from it
	under    []string // ids whose expressions are being evaluated
}

// begin is where the datapoint begins that has the first minute in it.
func (e *evaluation) begin(minutes int64) int64 {
	return e.origin + floorDiv(e.from-e.origin, minutes)*minutes
}

// query is the value of an id.
func (e *evaluation) query(id string) (value, error) {
	if v, ok := e.values[id]; ok {
		return v, nil
	}
	if slices.Contains(e.under, id) {
		return value{}, fmt.Errorf("%s is defined by itself", id)
	}
	at := slices.IndexFunc(e.queries, func(q dataQuery) bool { return q.id == id })
	if at < 0 {
		return value{}, fmt.Errorf("the id %s is not defined", id)
	}
	e.under = append(e.under, id)
	v, err := e.node(e.queries[at].expr.root)
	e.under = e.under[:len(e.under)-1]
	if err != nil {
		return value{}, err
	}
	switch {
	case v.list == nil:
		return value{}, errors.New("the result is a number, not a time series")
	case len(v.list) > maxSeries:
		return value{}, fmt.Errorf("the result has more than %d series", maxSeries)
	}
	v.list = slices.Clone(v.list)
	for i := range v.list {
		if !v.array || len(v.list) == 1 {
			v.list[i].label = e.queries[at].label
		}
	}
	e.values[id] = v
	return v, nil
}

func (e *evaluation) node(n node) (value, error) {
	switch n.op {
	case "number":
		return value{number: n.number}, nil
	case "id":
		return e.query(n.name)
	case "METRICS":
		all := value{array: true, list: []series{}}
		for _, q := range e.queries {
			if q.expr == nil {
				all.list = append(all.list, e.values[q.id].list...)
			}
		}
		return all, nil
	case "FILL":
		return e.fill(n)
	}
	args := make([]value, len(n.args))
	for i := range n.args {
		var err error
		if args[i], err = e.node(n.args[i]); err != nil {
			return value{}, err
		}
	}
	switch n.op {
	case "array":
		all := value{array: true, list: []series{}}
		for _, a := range args {
			if a.list == nil {
				return value{}, errors.New("an array has series alone")
			}
			if all.list = append(all.list, a.list...); len(all.list) > maxSeries {
				return value{}, fmt.Errorf("an array has more than %d series", maxSeries)
			}
		}
		return all, nil
	case "SUM", "AVG", "MIN", "MAX":
		return aggregate(n.op, args[0])
	}
	return arithmetic(n.op, args[0], args[1])
}

// reduce is an aggregate of some numbers.
func reduce(op string, v []float64) float64 {
	total := v[0]
	for _, x := range v[1:] {
		switch op {
		case "MIN":
			total = min(total, x)
		case "MAX":
			total = max(total, x)
		default:
			total += x
		}
	}
	if op == "AVG" {
		total /= float64(len(v))
	}
	return total
}

// aggregate makes one series of an array, and a number of a series.
func aggregate(op string, v value) (value, error) {
	if len(v.list) == 0 {
		return value{}, fmt.Errorf("%s needs a series or an array", op)
	}
	if !v.array {
		var all []float64
		for _, at := range sorted(v.list[0].values) {
			all = append(all, v.list[0].values[at])
		}
		if len(all) == 0 {
			return value{}, fmt.Errorf("%s of no data", op)
		}
		return value{number: reduce(op, all)}, nil
	}
	byTime := make(map[int64][]float64)
	out := series{minutes: v.list[0].minutes, values: make(map[int64]float64)}
	for _, s := range v.list {
		for at, x := range s.values {
			byTime[at] = append(byTime[at], x)
		}
	}
	for at, all := range byTime {
		slices.Sort(all) // so that sums are the same every time
		out.values[at] = reduce(op, all)
	}
	return value{list: []series{out}}, nil
}

func arithmetic(op string, a, b value) (value, error) {
	switch {
	case a.list == nil && b.list == nil:
		x, ok := operate(op, a.number, b.number)
		if !ok {
			return value{}, errors.New("division by zero")
		}
		return value{number: x}, nil
	case a.list != nil && len(a.list) == 0, b.list != nil && len(b.list) == 0: // an empty array
		return value{array: true, list: []series{}}, nil
	case a.array && b.array && len(a.list) != len(b.list):
		return value{}, errors.New("arrays of different sizes cannot be combined")
	}
	out := value{array: a.array || b.array, list: []series{}}
	for i := range max(len(a.list), len(b.list)) {
		out.list = append(out.list, combine(op, a, b, i))
	}
	return out, nil
}

// combine is one series of the result; times that one side lacks are left out.
func combine(op string, a, b value, i int) series {
	side := func(v value) *series {
		if v.list == nil {
			return nil
		}
		return &v.list[min(i, len(v.list)-1)]
	}
	left, right := side(a), side(b)
	shape := left
	if shape == nil {
		shape = right
	}
	out := series{label: shape.label, minutes: shape.minutes, values: make(map[int64]float64)}
	for at := range shape.values {
		x, y, both := a.number, b.number, true
		if left != nil {
			x, both = left.values[at]
		}
		if right != nil && both {
			y, both = right.values[at]
		}
		if z, ok := operate(op, x, y); ok && both {
			out.values[at] = z
		}
	}
	return out
}

func operate(op string, x, y float64) (float64, bool) {
	switch op {
	case "+":
		return x + y, true
	case "-":
		return x - y, true
	case "*":
		return x * y, true
	}
	return x / y, y != 0
}

// fill gives a series values where it has none: a number, or the one before.
func (e *evaluation) fill(n node) (value, error) {
	v, err := e.node(n.args[0])
	switch {
	case err != nil:
		return value{}, err
	case v.list == nil:
		return value{}, errors.New("FILL needs a series")
	}
	by := n.args[1]
	repeat := by.op == "id" && by.name == "REPEAT"
	number, err := e.node(by)
	if !repeat && (err != nil || number.list != nil) {
		return value{}, errors.New("FILL takes a number or REPEAT")
	}
	out := value{array: v.array, list: []series{}}
	for _, s := range v.list {
		full := series{label: s.label, minutes: s.minutes, values: make(map[int64]float64)}
		last, have := number.number, !repeat
		for at := e.begin(s.minutes); at < e.to && s.minutes > 0; at += s.minutes {
			x, there := s.values[at]
			switch {
			case there:
				if full.values[at] = x; repeat {
					last, have = x, true
				}
			case have:
				full.values[at] = last
			}
		}
		out.list = append(out.list, full)
	}
	return out, nil
}
