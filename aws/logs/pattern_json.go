package logs

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// maxNesting bounds parentheses in a selector.
const maxNesting = 32

// question is a condition about a decoded message.
type question func(doc any) bool

// selector parses { $.name = "value" && ... }.
type selector struct {
	rest  string
	depth int
}

// compileSelector makes a selector a question about messages. A message that is
// no JSON object does not match.
func compileSelector(p string) (func(string) bool, error) {
	if !strings.HasSuffix(p, "}") {
		return nil, invalid("Invalid filter pattern: a brace is missing.")
	}
	s := &selector{rest: p[1 : len(p)-1]}
	ask, err := s.either()
	if err == nil && !s.end() {
		err = s.wrong()
	}
	if err != nil {
		return nil, err
	}
	return func(message string) bool {
		if !strings.HasPrefix(strings.TrimLeft(message, " \t\r\n"), "{") {
			return false
		}
		var doc map[string]any
		return json.Unmarshal([]byte(message), &doc) == nil && ask(any(doc))
	}, nil
}

func (s *selector) wrong() error {
	return invalid("Invalid filter pattern: '%.40s' is not understood.", s.rest)
}

func (s *selector) end() bool {
	s.rest = strings.TrimLeft(s.rest, " \t\r\n")
	return s.rest == ""
}

// take cuts a text that comes next.
func (s *selector) take(text string) bool {
	if s.end() || !strings.HasPrefix(s.rest, text) {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

// keyword cuts a word that ends there.
func (s *selector) keyword(word string) bool {
	if s.end() || len(s.rest) < len(word) || !strings.EqualFold(s.rest[:len(word)], word) {
		return false
	}
	if after := s.rest[len(word):]; after != "" && !strings.ContainsRune(" \t\r\n)&|", rune(after[0])) {
		return false
	}
	s.rest = s.rest[len(word):]
	return true
}

func (s *selector) either() (question, error) {
	return s.joined("||", s.both, func(a, b question) question { return func(d any) bool { return a(d) || b(d) } })
}

func (s *selector) both() (question, error) {
	return s.joined("&&", s.one, func(a, b question) question { return func(d any) bool { return a(d) && b(d) } })
}

func (s *selector) joined(sign string, part func() (question, error), join func(a, b question) question) (question, error) {
	out, err := part()
	for err == nil && s.take(sign) {
		var next question
		if next, err = part(); err == nil {
			out = join(out, next)
		}
	}
	return out, err
}

func (s *selector) one() (question, error) {
	if !s.take("(") {
		return s.comparison()
	}
	if s.depth++; s.depth > maxNesting {
		return nil, invalid("Invalid filter pattern: more than %d parentheses.", maxNesting)
	}
	out, err := s.either()
	s.depth--
	if err == nil && !s.take(")") {
		err = s.wrong()
	}
	return out, err
}

// comparison parses one condition about a property.
func (s *selector) comparison() (question, error) {
	at, err := s.path()
	if err != nil {
		return nil, err
	}
	switch {
	case s.keyword("NOT"):
		if !s.keyword("EXISTS") {
			return nil, s.wrong()
		}
		return func(d any) bool { return len(at.of(d)) == 0 }, nil
	case s.keyword("EXISTS"):
		return func(d any) bool { return len(at.of(d)) > 0 }, nil
	case s.keyword("IS"):
		for word, want := range map[string]any{"NULL": nil, "TRUE": true, "FALSE": false} {
			if s.keyword(word) {
				return at.some(func(v any) bool { return is(v, want) }), nil
			}
		}
		return nil, s.wrong()
	}
	for _, sign := range []string{"!=", "<=", ">=", "=", "<", ">"} {
		if s.take(sign) {
			return s.value(at, sign)
		}
	}
	return nil, s.wrong()
}

// is compares with null, true and false alone.
func is(v, want any) bool {
	switch v.(type) {
	case nil, bool:
		return v == want
	}
	return false
}

// value parses what a property is compared with.
func (s *selector) value(at path, sign string) (question, error) {
	if s.end() {
		return nil, s.wrong()
	}
	var text string
	var err error
	switch {
	case s.rest[0] == '"':
		if text, s.rest, err = quoted(s.rest); err != nil {
			return nil, err
		}
	case s.rest[0] == '%':
		var re *regexp.Regexp
		if re, s.rest, err = expression(s.rest); err != nil {
			return nil, err
		}
		return equality(at, sign, func(v any) bool { t, ok := shown(v); return ok && re.MatchString(t) })
	default:
		i := strings.IndexAny(s.rest, " \t\r\n)&|")
		if i < 0 {
			i = len(s.rest)
		}
		text, s.rest = s.rest[:i], s.rest[i:]
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return at.some(number(sign, n)), nil
		}
		if text == "" {
			return nil, s.wrong()
		}
	}
	return equality(at, sign, wildcard(text))
}

// equality is = and !=, all that texts have. A property that is absent is not
// unequal to anything. UNVERIFIED
func equality(at path, sign string, same func(any) bool) (question, error) {
	switch sign {
	case "=":
		return at.some(same), nil
	case "!=":
		return at.some(func(v any) bool { return !same(v) }), nil
	}
	return nil, invalid("Invalid filter pattern: only a number may be compared with %s.", sign)
}

func number(sign string, want float64) func(any) bool {
	return func(v any) bool {
		n, ok := v.(float64)
		if !ok {
			return sign == "!="
		}
		switch sign {
		case "=":
			return n == want
		case "!=":
			return n != want
		case "<":
			return n < want
		case "<=":
			return n <= want
		case ">":
			return n > want
		}
		return n >= want
	}
}

// shown is a text or a truth value as text.
func shown(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// wildcard compares with a text in which * stands for any characters.
func wildcard(text string) func(any) bool {
	parts := strings.Split(text, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	re := regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `$`)
	return func(v any) bool {
		t, ok := shown(v)
		return ok && re.MatchString(t)
	}
}

// path is the steps to a property: names, and indexes of lists, of which -1 is
// all.
type path []any

var step = regexp.MustCompile(`^(?:\.([A-Za-z0-9_\-@:/]+)|\.?\[\s*(\d{1,6}|\*)\s*\]|\.?\[\s*['"]([^'"]*)['"]\s*\])`)

func (s *selector) path() (out path, err error) {
	if !s.take("$") {
		return nil, s.wrong()
	}
	for {
		m := step.FindStringSubmatch(s.rest)
		switch {
		case m == nil && len(out) == 0:
			return nil, s.wrong()
		case m == nil:
			return out, nil
		case m[2] == "*":
			out = append(out, -1)
		case m[2] != "":
			i, _ := strconv.Atoi(m[2]) // at most six digits
			out = append(out, i)
		default:
			out = append(out, m[1]+m[3])
		}
		s.rest = s.rest[len(m[0]):]
	}
}

// of is the values that the path leads to.
func (p path) of(doc any) []any {
	at := []any{doc}
	for _, step := range p {
		var next []any
		for _, v := range at {
			switch step := step.(type) {
			case string:
				if m, ok := v.(map[string]any); ok {
					if child, ok := m[step]; ok {
						next = append(next, child)
					}
				}
			case int:
				list, _ := v.([]any)
				switch {
				case step < 0:
					next = append(next, list...)
				case step < len(list):
					next = append(next, list[step])
				}
			}
		}
		at = next
	}
	return at
}

// some asks whether one of the values is as wanted.
func (p path) some(as func(any) bool) question {
	return func(doc any) bool {
		for _, v := range p.of(doc) {
			if as(v) {
				return true
			}
		}
		return false
	}
}
