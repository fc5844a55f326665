package policy

import (
	"strings"
	"unicode/utf8"
)

// pattern is a string with wildcards: * stands for any characters, also : and /,
// and ? for one. Variables are replaced by their values, in which nothing is a
// wildcard.
type pattern struct {
	source string
	tokens []token
	exact  bool // no wildcard and no variable: source is the value
	vars   bool
}

type token struct {
	kind     tokenKind
	text     string // of a literal; the name of a variable, lower case
	fallback string // of a variable
	hasElse  bool
}

type tokenKind int8

const (
	literal tokenKind = iota
	anyRun            // *
	anyOne            // ?
	variable
)

// newPattern reads a pattern. withVars is set for documents of version
// 2012-10-17; before, ${ is just text.
func newPattern(source string, withVars bool) pattern {
	p := pattern{source: source, exact: true}
	text := ""
	flush := func() {
		if text != "" {
			p.tokens = append(p.tokens, token{kind: literal, text: text})
			text = ""
		}
	}
	for i := 0; i < len(source); i++ {
		switch c := source[i]; {
		case c == '*' || c == '?':
			flush()
			kind := anyRun
			if c == '?' {
				kind = anyOne
			}
			p.exact = false
			p.tokens = append(p.tokens, token{kind: kind})
		case withVars && c == '$' && strings.HasPrefix(source[i:], "${"):
			end := strings.IndexByte(source[i:], '}')
			if end < 0 {
				text += string(c)
				continue
			}
			name := source[i+2 : i+end]
			i += end
			if name == "*" || name == "?" || name == "$" {
				text += name
				p.exact = false // source is not the value
				continue
			}
			flush()
			p.exact, p.vars = false, true
			p.tokens = append(p.tokens, newVariable(name))
		default:
			text += string(c)
		}
	}
	flush()
	return p
}

// newVariable reads "aws:username" or "aws:username, 'nobody'".
func newVariable(inside string) token {
	name, fallback, has := strings.Cut(inside, ",")
	fallback = strings.TrimSpace(fallback)
	t := token{kind: variable, text: strings.ToLower(strings.TrimSpace(name)), hasElse: has}
	t.fallback = strings.TrimSuffix(strings.TrimPrefix(fallback, "'"), "'")
	return t
}

// match reports whether s is what the pattern stands for. fold compares without
// regard to ASCII case. A variable that the request has no value for, or more
// than one, matches nothing.
func (p *pattern) match(s string, ctx Context, fold bool) bool {
	if p.exact {
		return s == p.source || fold && strings.EqualFold(s, p.source)
	}
	tokens := p.tokens
	if p.vars {
		var ok bool
		if tokens, ok = p.replaced(ctx); !ok {
			return false
		}
	}
	return matchTokens(tokens, s, fold)
}

// replaced is the tokens with values in the place of variables.
func (p *pattern) replaced(ctx Context) (tokens []token, ok bool) {
	tokens = make([]token, len(p.tokens))
	for i, t := range p.tokens {
		if t.kind == variable {
			value, known := valueOf(ctx, t)
			if !known {
				return nil, false
			}
			t = token{kind: literal, text: value}
		}
		tokens[i] = t
	}
	return tokens, true
}

func valueOf(ctx Context, t token) (value string, ok bool) {
	values, known := ctx.Values(t.text)
	if known && len(values) == 1 {
		return values[0], true
	}
	return t.fallback, t.hasElse
}

// matchTokens is greedy matching that goes back to the last * only. Most
// patterns of a principal do not fit, and their ends say so first.
func matchTokens(tokens []token, s string, fold bool) bool {
	if end := &tokens[len(tokens)-1]; end.kind == literal && !fold && !strings.HasSuffix(s, end.text) {
		return false
	}
	at, starAt, starFrom := 0, -1, 0
	for rest := s; ; {
		switch {
		case at == len(tokens) && rest == "":
			return true
		case at < len(tokens) && tokens[at].kind == anyRun:
			if at == len(tokens)-1 {
				return true
			}
			starAt, starFrom = at, len(s)-len(rest)
			at++
			continue
		case at < len(tokens):
			if n := tokens[at].prefix(rest, fold); n >= 0 {
				rest, at = rest[n:], at+1
				continue
			}
		}
		if starAt < 0 || starFrom >= len(s) {
			return false
		}
		starFrom++ // the * takes one byte more, or all up to where a literal can go on
		if next := &tokens[starAt+1]; next.kind == literal && !fold {
			n := strings.Index(s[starFrom:], next.text)
			if n < 0 {
				return false
			}
			starFrom += n
		}
		at, rest = starAt+1, s[starFrom:]
	}
}

// prefix is how many bytes of s the token takes, -1 when it does not fit.
func (t *token) prefix(s string, fold bool) int {
	if t.kind == anyOne {
		if s == "" {
			return -1
		}
		_, n := utf8.DecodeRuneInString(s)
		return n
	}
	if len(s) < len(t.text) {
		return -1
	}
	head := s[:len(t.text)]
	if head == t.text || fold && strings.EqualFold(head, t.text) {
		return len(t.text)
	}
	return -1
}

// patterns are alternatives.
type patterns []pattern

func newPatterns(list []string, withVars bool) patterns {
	out := make(patterns, len(list))
	for i, s := range list {
		out[i] = newPattern(s, withVars)
	}
	return out
}

func (ps patterns) match(s string, ctx Context, fold bool) bool {
	for i := range ps {
		if ps[i].match(s, ctx, fold) {
			return true
		}
	}
	return false
}

// arnParts is how many parts an ARN has; the last may have colons of its own.
const arnParts = 6

// arnPattern is matched part by part, so that * does not cross a colon but in
// the last part (ArnLike, ArnEquals).
type arnPattern struct {
	parts []pattern // arnParts, or one that is not an ARN
}

func newARNPattern(source string, withVars bool) arnPattern {
	var out arnPattern
	for _, part := range splitARN(source) {
		out.parts = append(out.parts, newPattern(part, withVars))
	}
	return out
}

// splitARN cuts at colons that are not inside a variable.
func splitARN(s string) []string {
	var parts []string
	for from, i, inside := 0, 0, false; ; i++ {
		switch {
		case i == len(s) || len(parts) == arnParts-1:
			return append(parts, s[from:])
		case strings.HasPrefix(s[i:], "${"):
			inside = true
		case s[i] == '}':
			inside = false
		case s[i] == ':' && !inside:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
}

func (a *arnPattern) match(s string, ctx Context) bool {
	if len(a.parts) == 1 && a.parts[0].source == "*" {
		return true
	}
	if len(a.parts) != arnParts {
		return false
	}
	for i := range a.parts {
		part := s
		if i < arnParts-1 {
			var more bool
			if part, s, more = strings.Cut(s, ":"); !more {
				return false
			}
		}
		if !a.parts[i].match(part, ctx, false) {
			return false
		}
	}
	return true
}
