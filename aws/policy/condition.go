package policy

import (
	"encoding/base64"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// condition is one operator of a statement's Condition with one key.
type condition struct {
	operator string // as written
	key      string // lower case
	test     test
	negated  bool // true when no value fits
	set      set
	ifExists bool
	null     *bool    // of the Null operator: whether the key must be absent
	asks     []string // the policy variables in its values
	fixed    bool     // only values hold that stand in it, without wildcards and variables
}

// set says how several values of the request count.
type set int8

const (
	single set = iota
	forAll
	forAny
)

// test reports whether one value of the request fits any of the condition's.
type test func(value string, ctx Context) bool

// operators are the operators without prefix and suffix, in lower case; negated
// ones share the test of their opposite.
var operators = map[string]struct {
	negated bool
	build   func(values []string, withVars bool) test
}{
	"stringequals":              {false, stringEquals(false)},
	"stringnotequals":           {true, stringEquals(false)},
	"stringequalsignorecase":    {false, stringEquals(true)},
	"stringnotequalsignorecase": {true, stringEquals(true)},
	"stringlike":                {false, stringLike},
	"stringnotlike":             {true, stringLike},
	"numericequals":             {false, numeric(func(a, b float64) bool { return a == b })},
	"numericnotequals":          {true, numeric(func(a, b float64) bool { return a == b })},
	"numericlessthan":           {false, numeric(func(a, b float64) bool { return a < b })},
	"numericlessthanequals":     {false, numeric(func(a, b float64) bool { return a <= b })},
	"numericgreaterthan":        {false, numeric(func(a, b float64) bool { return a > b })},
	"numericgreaterthanequals":  {false, numeric(func(a, b float64) bool { return a >= b })},
	"dateequals":                {false, date(func(a, b time.Time) bool { return a.Equal(b) })},
	"datenotequals":             {true, date(func(a, b time.Time) bool { return a.Equal(b) })},
	"datelessthan":              {false, date(func(a, b time.Time) bool { return a.Before(b) })},
	"datelessthanequals":        {false, date(func(a, b time.Time) bool { return !a.After(b) })},
	"dategreaterthan":           {false, date(func(a, b time.Time) bool { return a.After(b) })},
	"dategreaterthanequals":     {false, date(func(a, b time.Time) bool { return !a.Before(b) })},
	"bool":                      {false, boolean},
	"binaryequals":              {false, binaryEquals},
	"ipaddress":                 {false, ipAddress},
	"notipaddress":              {true, ipAddress},
	"arnequals":                 {false, arnLike},
	"arnlike":                   {false, arnLike},
	"arnnotequals":              {true, arnLike},
	"arnnotlike":                {true, arnLike},
}

// newCondition reads an operator; ok is false for one that there is not.
func newCondition(operator, key string, values []string, withVars bool) (c condition, ok bool) {
	c = condition{operator: operator, key: strings.ToLower(key)}
	name := strings.ToLower(operator)
	if rest, found := strings.CutPrefix(name, "forallvalues:"); found {
		name, c.set = rest, forAll
	} else if rest, found := strings.CutPrefix(name, "foranyvalue:"); found {
		name, c.set = rest, forAny
	}
	if name == "null" {
		return c.nullOf(values)
	}
	name, c.ifExists = strings.CutSuffix(name, "ifexists")
	op, ok := operators[name]
	if !ok {
		return condition{}, false
	}
	c.negated, c.test = op.negated, op.build(values, withVars)
	for _, v := range values {
		p := newPattern(v, withVars)
		c.asks = append(c.asks, p.variables()...)
	}
	c.fixed = !c.negated && !c.ifExists && c.set != forAll && len(c.asks) == 0 && !slices.ContainsFunc(values, broad)
	return c, true
}

// broad says whether a value of a condition stands for many: a pattern, or a very
// large range of addresses. "The meaning of public" of the S3 user guide
func broad(value string) bool {
	p, err := netip.ParsePrefix(value)
	return strings.ContainsAny(value, "*?") || err == nil && (p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 32)
}

func (c condition) nullOf(values []string) (condition, bool) {
	if len(values) != 1 || c.set != single {
		return condition{}, false
	}
	absent, err := strconv.ParseBool(strings.ToLower(values[0]))
	c.null = &absent
	return c, err == nil
}

// holds reports whether the request meets the condition.
func (c *condition) holds(ctx Context) bool {
	values, there := ctx.Values(c.key)
	there = there && len(values) > 0
	switch {
	case c.null != nil:
		return *c.null != there
	case !there && c.ifExists:
		return true
	case !there && c.set == forAll:
		return true // of no value it is true (the guide warns of Allow with it)
	case !there && c.set == forAny:
		return false
	case !there:
		return c.negated
	}
	for _, v := range values {
		fits := c.test(v, ctx) != c.negated
		switch {
		case c.set == forAny && fits:
			return true
		case c.set == forAll && !fits:
			return false
		case c.set == single && fits != c.negated:
			return fits // any value may fit; none may when negated
		}
	}
	return c.set == forAll || c.set == single && c.negated
}

func stringEquals(fold bool) func([]string, bool) test {
	return func(values []string, withVars bool) test {
		list := newPatterns(values, withVars)
		for i := range list {
			list[i].literally()
		}
		return func(v string, ctx Context) bool { return list.match(v, ctx, fold) }
	}
}

// literally takes the wildcards of a pattern as text; variables stay.
func (p *pattern) literally() {
	for i, t := range p.tokens {
		switch t.kind {
		case anyRun:
			p.tokens[i] = token{kind: literal, text: "*"}
		case anyOne:
			p.tokens[i] = token{kind: literal, text: "?"}
		}
	}
}

func stringLike(values []string, withVars bool) test {
	list := newPatterns(values, withVars)
	return func(v string, ctx Context) bool { return list.match(v, ctx, false) }
}

func arnLike(values []string, withVars bool) test {
	list := make([]arnPattern, len(values))
	for i, v := range values {
		list[i] = newARNPattern(v, withVars)
	}
	return func(v string, ctx Context) bool {
		for i := range list {
			if list[i].match(v, ctx) {
				return true
			}
		}
		return false
	}
}

// numeric compares with every value; what is no number never fits.
func numeric(fits func(request, policy float64) bool) func([]string, bool) test {
	return func(values []string, _ bool) test {
		var list []float64
		for _, v := range values {
			if n, ok := number(v); ok {
				list = append(list, n)
			}
		}
		return func(v string, _ Context) bool {
			n, ok := number(v)
			for _, p := range list {
				if ok && fits(n, p) {
					return true
				}
			}
			return false
		}
	}
}

func number(s string) (float64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

func date(fits func(request, policy time.Time) bool) func([]string, bool) test {
	return func(values []string, _ bool) test {
		var list []time.Time
		for _, v := range values {
			if t, ok := moment(v); ok {
				list = append(list, t)
			}
		}
		return func(v string, _ Context) bool {
			t, ok := moment(v)
			for _, p := range list {
				if ok && fits(t, p) {
					return true
				}
			}
			return false
		}
	}
}

// moment reads a W3C date and time, a date, or seconds since 1970.
func moment(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) > 4 {
		return time.Unix(n, 0), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func boolean(values []string, _ bool) test {
	return func(v string, _ Context) bool {
		for _, p := range values {
			if (strings.EqualFold(p, "true") || strings.EqualFold(p, "false")) && strings.EqualFold(v, p) {
				return true
			}
		}
		return false
	}
}

func binaryEquals(values []string, _ bool) test {
	decode := func(s string) (string, bool) {
		b, err := base64.StdEncoding.DecodeString(s)
		return string(b), err == nil
	}
	return func(v string, _ Context) bool {
		got, ok := decode(v)
		for _, p := range values {
			if want, valid := decode(p); ok && valid && got == want {
				return true
			}
		}
		return false
	}
}

// ipAddress takes addresses and CIDR ranges of both families. An IPv4 address
// that comes mapped into IPv6 is the IPv4 address.
func ipAddress(values []string, _ bool) test {
	var list []netip.Prefix
	for _, v := range values {
		if p, ok := prefixOf(v); ok {
			list = append(list, p)
		}
	}
	return func(v string, _ Context) bool {
		a, err := netip.ParseAddr(v)
		for _, p := range list {
			if err == nil && p.Contains(a.Unmap().WithZone("")) {
				return true
			}
		}
		return false
	}
}

func prefixOf(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}
