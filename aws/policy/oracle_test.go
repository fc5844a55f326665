package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/policy"
)

// The oracle decides on plain JSON, statement by statement, straight from AWS's
// published rules and with other means than the package: regular expressions,
// recursion, no compiled form.

type plain = map[string]any

// oracle is one request with all that applies to it.
type oracle struct {
	arn, roleARN, account, service string
	action, resource, owner        string
	context                        map[string][]string
	identity, session              []plain
	boundary, resourcePolicy       plain // nil: none
}

func (o *oracle) allowed() bool {
	every := append([]plain{}, o.identity...)
	every = append(every, o.session...)
	if o.boundary != nil {
		every = append(every, o.boundary)
	}
	for _, doc := range every {
		if o.says(doc, "Deny", nil) {
			return false
		}
	}
	if o.resourcePolicy != nil && o.says(o.resourcePolicy, "Deny", o.denied) {
		return false
	}
	granted := func(how func(string) bool) bool {
		return o.resourcePolicy != nil && o.says(o.resourcePolicy, "Allow", func(s plain) bool { return o.anyPrincipal(s["Principal"], how) })
	}
	self := func(v string) bool {
		return v == o.arn || v == "service:"+o.service || o.isRoot() && o.isAccount(v)
	}
	byRole := func(v string) bool { return o.roleARN != "" && v == o.roleARN }
	byAll := func(v string) bool { return v == "*" }
	anyway := func(v string) bool { return self(v) || byRole(v) || byAll(v) || o.isAccount(v) }
	if o.service != "" {
		return granted(func(v string) bool { return self(v) || byAll(v) })
	}
	inBoundary := o.boundary == nil || o.says(o.boundary, "Allow", nil)
	inSession := o.session == nil || o.anySays(o.session)
	inIdentity := o.anySays(o.identity)
	if o.owner != o.account { // both sides must agree
		return granted(anyway) && (o.isRoot() || inIdentity && inBoundary && inSession)
	}
	switch {
	case o.isRoot(), granted(self):
		return true
	case granted(byRole) && inBoundary && inSession:
		return true
	case granted(byAll) && (o.roleARN == "" || inBoundary && inSession):
		return true
	}
	return inIdentity && inBoundary && inSession
}

func (o *oracle) isRoot() bool { return path.Base(o.arn) == o.arn && strings.HasSuffix(o.arn, ":root") }

func (o *oracle) isAccount(v string) bool {
	return v == o.account || v == "arn:aws:iam::"+o.account+":root"
}

func (o *oracle) anySays(docs []plain) bool {
	for _, d := range docs {
		if o.says(d, "Allow", nil) {
			return true
		}
	}
	return false
}

// denied is the principal rule of a resource policy's Deny statements.
func (o *oracle) denied(s plain) bool {
	if not, ok := s["NotPrincipal"]; ok {
		identities := []func(string) bool{func(v string) bool { return o.isAccount(v) }}
		if o.service != "" {
			identities = []func(string) bool{func(v string) bool { return v == "service:"+o.service }}
		} else if !o.isRoot() {
			identities = append(identities, func(v string) bool { return v == o.arn })
		}
		if o.roleARN != "" {
			identities = append(identities, func(v string) bool { return v == o.roleARN })
		}
		if o.anyPrincipal(not, func(v string) bool { return v == "*" }) {
			return false
		}
		for _, is := range identities {
			if !o.anyPrincipal(not, is) {
				return true
			}
		}
		return false
	}
	return o.anyPrincipal(s["Principal"], func(v string) bool {
		return v == "*" || v == "service:"+o.service || o.service == "" && (v == o.arn || v == o.roleARN || o.isAccount(v))
	})
}

func (o *oracle) anyPrincipal(element any, is func(string) bool) bool {
	if s, ok := element.(string); ok {
		return is(s)
	}
	for kind, list := range element.(plain) {
		for _, v := range several(list) {
			if kind == "Service" {
				v = "service:" + v
			}
			if v != "service:" && is(v) {
				return true
			}
		}
	}
	return false
}

// says reports whether a statement of the document with an effect applies.
func (o *oracle) says(doc plain, effect string, principal func(plain) bool) bool {
	vars := doc["Version"] == "2012-10-17"
	statements, ok := doc["Statement"].([]any)
	if !ok {
		statements = []any{doc["Statement"]}
	}
	for _, raw := range statements {
		s := raw.(plain)
		if s["Effect"] != effect || principal != nil && !principal(s) {
			continue
		}
		action := o.anyLike(s["Action"], o.action, true, false)
		if _, not := s["NotAction"]; not {
			action = !o.anyLike(s["NotAction"], o.action, true, false)
		}
		resource := o.anyLike(s["Resource"], o.resource, false, vars)
		if _, not := s["NotResource"]; not {
			resource = !o.anyLike(s["NotResource"], o.resource, false, vars)
		}
		if action && resource && o.conditions(s["Condition"], vars) {
			return true
		}
	}
	return false
}

func several(v any) (out []string) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, e := range list {
		if e != nil {
			out = append(out, fmt.Sprint(e))
		}
	}
	return out
}

func (o *oracle) anyLike(patterns any, value string, fold, vars bool) bool {
	for _, p := range several(patterns) {
		if o.like(p, value, fold, vars, true) {
			return true
		}
	}
	return false
}

var variableSyntax = regexp.MustCompile(`\$\{[^}]*\}`)

// like turns a pattern into a regular expression.
func (o *oracle) like(pattern, value string, fold, vars, wild bool) bool {
	expr := "(?s)^"
	if fold {
		expr = "(?is)^"
	}
	quote := func(s string) {
		q := regexp.QuoteMeta(s)
		if wild {
			q = strings.ReplaceAll(strings.ReplaceAll(q, `\*`, ".*"), `\?`, ".")
		}
		expr += q
	}
	rest := pattern
	for vars {
		at := variableSyntax.FindStringIndex(rest)
		if at == nil {
			break
		}
		quote(rest[:at[0]])
		name := rest[at[0]+2 : at[1]-1]
		rest = rest[at[1]:]
		switch name {
		case "*", "?", "$":
			expr += regexp.QuoteMeta(name)
			continue
		}
		name, fallback, has := strings.Cut(name, ",")
		values := o.context[strings.ToLower(strings.TrimSpace(name))]
		switch {
		case len(values) == 1:
			expr += regexp.QuoteMeta(values[0])
		case has:
			expr += regexp.QuoteMeta(strings.Trim(strings.TrimSpace(fallback), "'"))
		default:
			return false
		}
	}
	quote(rest)
	return regexp.MustCompile(expr + "$").MatchString(value)
}

func (o *oracle) conditions(element any, vars bool) bool {
	if element == nil {
		return true
	}
	for operator, keys := range element.(plain) {
		for key, values := range keys.(plain) {
			if !o.condition(strings.ToLower(operator), strings.ToLower(key), several(values), vars) {
				return false
			}
		}
	}
	return true
}

func (o *oracle) condition(operator, key string, want []string, vars bool) bool {
	got := o.context[key]
	if operator == "null" {
		return (want[0] == "true") == (len(got) == 0)
	}
	quantifier, name, ok := strings.Cut(operator, ":")
	if !ok {
		quantifier, name = "", operator
	}
	name, ifExists := strings.CutSuffix(name, "ifexists")
	positive := strings.Replace(name, "not", "", 1)
	negated := positive != name
	fits := func(v string) bool {
		for _, w := range want {
			if o.compare(positive, v, w, vars) {
				return true
			}
		}
		return false
	}
	if len(got) == 0 {
		return ifExists || quantifier == "forallvalues" || quantifier == "" && negated
	}
	all, any := true, false
	for _, v := range got {
		ok := fits(v) != negated
		all, any = all && ok, any || ok
	}
	if quantifier == "forallvalues" || quantifier == "" && negated {
		return all
	}
	return any
}

func (o *oracle) compare(operator, got, want string, vars bool) bool {
	switch operator {
	case "stringequals":
		return o.like(want, got, false, vars, false)
	case "stringequalsignorecase":
		return o.like(want, got, true, vars, false)
	case "stringlike":
		return o.like(want, got, false, vars, true)
	case "bool":
		want = strings.ToLower(want)
		return (want == "true" || want == "false") && strings.ToLower(got) == want
	case "ipaddress":
		ip := net.ParseIP(got)
		_, network, err := net.ParseCIDR(want)
		return ip != nil && (err == nil && network.Contains(ip) || ip.Equal(net.ParseIP(want)))
	case "arnequals", "arnlike":
		if want == "*" {
			return true
		}
		a, b := strings.SplitN(want, ":", 6), strings.SplitN(got, ":", 6)
		for i := range a {
			if len(a) != 6 || len(b) != 6 || !o.like(a[i], b[i], false, vars, true) {
				return false
			}
		}
		return true
	}
	a, err1 := strconv.ParseFloat(got, 64)
	b, err2 := strconv.ParseFloat(want, 64)
	if err1 != nil || err2 != nil {
		return false
	}
	switch operator {
	case "numericequals":
		return a == b
	case "numericlessthan":
		return a < b
	case "numericlessthanequals":
		return a <= b
	case "numericgreaterthan":
		return a > b
	case "numericgreaterthanequals":
		return a >= b
	}
	panic(operator)
}

// TestOracle compares Decide with the oracle over generated policies and
// requests: MILLRACE_POLICY_CASES of them, by default few.
func TestOracle(t *testing.T) {
	cases := 20_000
	if testing.Short() {
		cases = 1_000
	}
	if s := os.Getenv("MILLRACE_POLICY_CASES"); s != "" {
		var err error
		if cases, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	allowed := 0
	for seed := range uint64(cases) {
		g := generator{rand.New(rand.NewPCG(seed, 11))}
		o, p, r := g.question(t)
		got := p.Decide(&r)
		if want := o.allowed(); got.Allowed != want {
			all, _ := json.MarshalIndent([]any{o.identity, o.boundary, o.session, o.resourcePolicy}, "", " ")
			t.Fatalf("case %d: allowed %v, the oracle says %v\n%+v\ncontext %v\n%s\n%v", seed, got.Allowed, want, r, o.context, all, p.Explain(&r))
		}
		if got.Allowed {
			allowed++
		}
		g.metamorphic(t, seed, p, r, got.Allowed)
	}
	t.Logf("%d cases, %d allowed, no difference", cases, allowed)
	if allowed < cases/20 || allowed > cases*19/20 {
		t.Errorf("%d of %d allowed: the cases show little", allowed, cases)
	}
}

// generator makes questions from few words, so that they often meet.
type generator struct{ *rand.Rand }

func pick[T any](g generator, of ...T) T { return of[g.IntN(len(of))] }

func (g generator) question(t *testing.T) (*oracle, *policy.Policies, policy.Request) {
	t.Helper()
	o := &oracle{action: pick(g, "kafka:DescribeCluster", "kafka-cluster:ReadData", "kafka-cluster:WriteData"), owner: account}
	o.resource = pick(g, topic, topic+"s", "arn:aws:kafka:us-east-1:111122223333:cluster/demo/uuid", "*")
	r := policy.Request{Action: o.action, Resource: o.resource, Owner: o.owner}
	switch g.IntN(6) {
	case 0:
		r.Principal = policy.Principal{Account: account, ARN: "arn:aws:iam::111122223333:root"}
	case 1:
		r.Principal = policy.Principal{Account: other, ARN: "arn:aws:iam::444455556666:user/bob"}
	case 2:
		r.Principal = policy.Principal{Service: "kafka.amazonaws.com"}
	case 3:
		r.Principal = policy.Principal{Account: account, ARN: session, RoleARN: role}
	default:
		r.Principal = policy.Principal{Account: account, ARN: alice}
	}
	o.arn, o.roleARN, o.account, o.service = r.Principal.ARN, r.Principal.RoleARN, r.Principal.Account, r.Principal.Service
	o.context = make(map[string][]string)
	for _, key := range []string{"aws:username", "aws:sourceip", "aws:n", "aws:b", "aws:arn"} {
		for range g.IntN(3) {
			o.context[key] = append(o.context[key], g.value(key))
		}
	}
	r.Context = policy.Map(o.context)
	p := &policy.Policies{}
	for range g.IntN(3) {
		o.identity = append(o.identity, g.document(false))
	}
	if o.service != "" || o.isRoot() {
		o.identity = nil
	}
	p.Identity = named(t, policy.Identity, o.identity)
	if g.IntN(4) == 0 && o.service == "" && !o.isRoot() {
		o.boundary = g.document(false)
		p.Boundary = &named(t, policy.Identity, []plain{o.boundary})[0]
	}
	if o.roleARN != "" && g.IntN(2) == 0 {
		o.session = []plain{g.document(false)}
		p.Session = named(t, policy.Identity, o.session)
	}
	if g.IntN(2) == 0 {
		o.resourcePolicy = g.document(true)
		p.Resource = &named(t, policy.Resource, []plain{o.resourcePolicy})[0]
	}
	return o, p, r
}

func named(t *testing.T, kind policy.Kind, docs []plain) (out []policy.Named) {
	t.Helper()
	for i, d := range docs {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, policy.Named{Name: strconv.Itoa(i), Document: parse(t, kind, string(text))})
	}
	return out
}

func (g generator) document(withPrincipal bool) plain {
	var list []any
	for range 1 + g.IntN(3) {
		list = append(list, g.statement(withPrincipal))
	}
	doc := plain{"Statement": list}
	if g.IntN(4) > 0 {
		doc["Version"] = "2012-10-17"
	}
	if len(list) == 1 && g.IntN(2) == 0 {
		doc["Statement"] = list[0]
	}
	return doc
}

func (g generator) statement(withPrincipal bool) plain {
	s := plain{"Effect": pick(g, "Allow", "Allow", "Allow", "Deny")}
	s[pick(g, "Action", "Action", "Action", "Action", "NotAction")] = g.list("*", "kafka:*", "kafka-cluster:*Data", "KAFKA-CLUSTER:readdata", "kafka:Describe?luster", "s3:*")
	s[pick(g, "Resource", "Resource", "Resource", "Resource", "NotResource")] = g.list("*", "*", topic, "arn:aws:kafka:*:*:topic/demo/*", "arn:aws:kafka:us-east-1:111122223333:cluster/*",
		"arn:aws:kafka:*:*:topic/*/*/${aws:username}", "arn:aws:kafka:*:*:topic/*/*/${aws:username, 'orders'}*", "arn:aws:kafka:*:*:topic/*/order?${*}")
	if withPrincipal {
		element := "Principal"
		if s["Effect"] == "Deny" && g.IntN(3) == 0 {
			element = "NotPrincipal"
		}
		s[element] = pick[any](g, "*", plain{"AWS": g.list(account, alice, session, role, "arn:aws:iam::444455556666:root", "arn:aws:iam::111122223333:root", "*")},
			plain{"Service": "kafka.amazonaws.com", "AWS": g.list(other, alice)})
	}
	if g.IntN(2) == 0 {
		s["Condition"] = g.condition()
	}
	return s
}

// list is one or some of the words.
func (g generator) list(words ...string) any {
	if g.IntN(2) == 0 {
		return pick(g, words...)
	}
	var out []any
	for range 1 + g.IntN(3) {
		out = append(out, pick(g, words...))
	}
	return out
}

func (g generator) value(key string) string {
	switch key {
	case "aws:username":
		return pick(g, "orders", "Orders", "*", "order?")
	case "aws:sourceip":
		return pick(g, "10.0.0.1", "192.0.2.7", "2001:db8::1", "nonsense")
	case "aws:n":
		return pick(g, "1", "2", "3.5", "many")
	case "aws:b":
		return pick(g, "true", "FALSE", "maybe")
	}
	return pick(g, alice, topic, "arn:aws:kafka:us-east-1:1:cluster/x", "x")
}

func (g generator) condition() plain {
	out := plain{}
	for range 1 + g.IntN(2) {
		key := pick(g, "aws:username", "aws:SourceIp", "aws:N", "aws:b", "aws:arn")
		var operator string
		var values any
		switch key {
		case "aws:username":
			operator = pick(g, "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")
			values = g.list("orders", "o*", "order?", "${aws:b}", "${aws:n, 'orders'}", "${*}")
		case "aws:SourceIp":
			operator = pick(g, "IpAddress", "NotIpAddress")
			values = g.list("10.0.0.0/8", "192.0.2.7", "2001:db8::/32")
		case "aws:N":
			operator = pick(g, "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals")
			values = g.list("2", "3.5", "-1")
		case "aws:b":
			operator, values = "Bool", g.list("true", "false", "TRUE")
		default:
			operator = pick(g, "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike")
			values = g.list(alice, "arn:aws:kafka:*:*:topic/*", "arn:aws:*:cluster/x", "*", "arn:aws:iam::*:user/${aws:username}")
		}
		switch g.IntN(6) {
		case 0:
			operator += "IfExists"
		case 1:
			operator = "ForAllValues:" + operator
		case 2:
			operator = "ForAnyValue:" + operator
		case 3:
			operator, values = "Null", pick(g, "true", "false")
		}
		out[operator] = plain{key: values}
	}
	return out
}

// metamorphic checks what must hold whatever the policies say: a deny never
// allows, and a boundary never gives.
func (g generator) metamorphic(t *testing.T, seed uint64, p *policy.Policies, r policy.Request, allowed bool) {
	t.Helper()
	more := *p
	more.Identity = append(append([]policy.Named{}, p.Identity...), named(t, policy.Identity, []plain{{"Statement": plain{"Effect": "Deny", "Action": "*", "Resource": "*"}}})...)
	if more.Decide(&r).Allowed {
		t.Fatalf("case %d: allowed under a deny of everything", seed)
	}
	if p.Boundary != nil || r.Principal.Service != "" {
		return
	}
	more = *p
	more.Boundary = &named(t, policy.Identity, []plain{g.document(false)})[0]
	if !allowed && more.Decide(&r).Allowed {
		t.Fatalf("case %d: a boundary has given something", seed)
	}
}
