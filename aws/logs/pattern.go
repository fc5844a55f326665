package logs

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// A filter pattern is a list of terms that a message must contain, or one
// selector of a message that is a JSON object. (aws:logs user guide, filter
// pattern syntax). The model bounds it to 1024 characters.

// term is one word of a pattern.
type term struct {
	match func(message string) bool
	sign  byte // '?': one of those must match; '-': must not; 0: must
}

// compile makes a pattern a question about messages; nil for every message.
// Terms match anywhere in a message. UNVERIFIED for letters beside a term.
func compile(pattern string) (func(message string) bool, error) {
	switch p := strings.TrimSpace(pattern); {
	case p == "":
		return nil, nil
	case !utf8.ValidString(p):
		return nil, invalid("Invalid filter pattern: it is not UTF-8.")
	case p[0] == '{':
		return compileSelector(p)
	case p[0] == '[':
		return nil, invalid("Invalid filter pattern: millrace does not implement patterns of space-delimited fields.")
	default:
		terms, err := parseTerms(p)
		if err != nil {
			return nil, err
		}
		return func(message string) bool { return matches(terms, message) }, nil
	}
}

// matches applies terms. Where there are others, those with ? do not count.
func matches(terms []term, message string) bool {
	must, any, found := false, false, false
	for _, t := range terms {
		switch t.sign {
		case '-':
			if t.match(message) {
				return false
			}
		case '?':
			any = true
			found = found || t.match(message)
		default:
			if must = true; !t.match(message) {
				return false
			}
		}
	}
	return must || !any || found
}

func parseTerms(p string) (out []term, err error) {
	for p = strings.TrimSpace(p); p != ""; p = strings.TrimSpace(p) {
		var t term
		if p[0] == '-' || p[0] == '?' {
			t.sign, p = p[0], p[1:]
		}
		var word string
		switch {
		case p == "":
			return nil, invalid("Invalid filter pattern")
		case p[0] == '"':
			if word, p, err = quoted(p); err != nil {
				return nil, err
			}
			t.match = contains(word)
		case p[0] == '%':
			var re *regexp.Regexp
			if re, p, err = expression(p); err != nil {
				return nil, err
			}
			t.match = re.MatchString
		default:
			if word, p = bare(p); word == "" {
				return nil, invalid("Invalid character(s) in term '%s'", p)
			}
			t.match = contains(word)
		}
		out = append(out, t)
	}
	return out, nil
}

func contains(word string) func(string) bool {
	return func(message string) bool { return strings.Contains(message, word) }
}

// bare cuts a word of letters, digits, underscores and what AWS takes without
// quotes otherwise.
func bare(p string) (word, rest string) {
	i := strings.IndexFunc(p, func(r rune) bool {
		return r <= ' ' || strings.ContainsRune(`"%(){}[]=!<>&|$,;`, r)
	})
	if i < 0 {
		i = len(p)
	}
	if i < len(p) && p[i] > ' ' {
		return "", p // a character that needs quotes
	}
	return p[:i], p[i:]
}

// quoted cuts a word in double quotes, in which a backslash keeps the next
// character.
func quoted(p string) (word, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(p); i++ {
		switch {
		case p[i] == '"':
			return b.String(), p[i+1:], nil
		case p[i] == '\\' && i+1 < len(p):
			i++
		}
		b.WriteByte(p[i])
	}
	return "", "", invalid("Invalid filter pattern: a quotation mark is missing.")
}

// expression cuts a regular expression between percent signs.
func expression(p string) (re *regexp.Regexp, rest string, err error) {
	end := strings.IndexByte(p[1:], '%')
	if end < 0 {
		return nil, "", invalid("Invalid filter pattern: a percent sign is missing.")
	}
	re, err = regexp.Compile(p[1 : 1+end])
	if err != nil {
		return nil, "", invalid("Invalid filter pattern: %s", err)
	}
	return re, p[end+2:], nil
}
