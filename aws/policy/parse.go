package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Kind is what a document is for: it decides which elements it may have.
type Kind int

// Kinds of documents.
const (
	Identity Kind = iota // attached to a user, group or role; also boundaries and session policies
	Resource             // attached to a resource, such as a cluster
	Trust                // a role's: who may assume it
)

// Effect is what a statement says.
type Effect bool

// Effects.
const (
	Deny  Effect = false
	Allow Effect = true
)

// String is the effect as documents have it.
func (e Effect) String() string {
	if e == Allow {
		return "Allow"
	}
	return "Deny"
}

// Document is a parsed policy.
type Document struct {
	Version    string // 2012-10-17 or 2008-10-17
	Statements []Statement
}

// Statement is one statement of a document.
type Statement struct {
	SID    string // may be empty
	Effect Effect

	principals    principals
	notPrincipals bool
	actions       patterns
	notActions    bool
	resources     patterns // nil in trust policies: everything
	notResources  bool
	conditions    []condition
}

// Versions of the language; the older one has no variables.
const (
	versionVariables = "2012-10-17"
	versionOld       = "2008-10-17"
)

// Limits of one document. Its length is the caller's matter, since it differs by
// where it is attached.
const (
	maxDepth      = 16   // of nested JSON
	maxStatements = 1000 // far more than fit into the longest document
)

// SyntaxError says why a document is not a policy, in IAM's words.
type SyntaxError struct{ Message string }

// Error is the message.
func (e *SyntaxError) Error() string { return e.Message }

func syntax(format string, args ...any) error { return &SyntaxError{fmt.Sprintf(format, args...)} }

// errSyntax is what IAM says of anything that is not JSON of the right shape.
var errSyntax = &SyntaxError{"Syntax errors in policy."}

// Parse reads a document and checks all that IAM checks when it is stored:
// elements, versions, names and patterns. Elements that the language does not
// have and names that come twice are errors. An error is a *SyntaxError.
func Parse(kind Kind, document []byte) (*Document, error) {
	root, err := object(document, maxDepth)
	if err != nil {
		return nil, err
	}
	doc := &Document{Version: versionOld}
	var statements json.RawMessage
	for _, f := range root {
		switch f.name {
		case "Version":
			if json.Unmarshal(f.value, &doc.Version) != nil || doc.Version != versionOld && doc.Version != versionVariables {
				return nil, syntax("Policy document must be version 2012-10-17 or greater.")
			}
		case "Id":
			if json.Unmarshal(f.value, new(string)) != nil {
				return nil, errSyntax
			}
		case "Statement":
			statements = f.value
		default:
			return nil, errSyntax
		}
	}
	list, err := listOf(statements)
	if err != nil || len(list) == 0 || len(list) > maxStatements {
		return nil, errSyntax
	}
	sids := make(map[string]bool)
	for _, raw := range list {
		s, err := parseStatement(kind, raw, doc.Version == versionVariables)
		if err != nil {
			return nil, err
		}
		if s.SID != "" && sids[s.SID] {
			return nil, syntax("Statement IDs (SID) in a single policy must be unique.")
		}
		sids[s.SID] = true
		doc.Statements = append(doc.Statements, s)
	}
	return doc, nil
}

// elements of a statement that say who, what and where; one of each pair.
type elements struct {
	action, notAction, resource, notResource, principal, notPrincipal json.RawMessage
}

func parseStatement(kind Kind, raw json.RawMessage, withVars bool) (Statement, error) {
	fields, err := object(raw, maxDepth)
	if err != nil {
		return Statement{}, err
	}
	var s Statement
	var e elements
	effect := ""
	for _, f := range fields {
		var err error
		switch f.name {
		case "Sid":
			err = s.parseSID(kind, f.value)
		case "Effect":
			err = json.Unmarshal(f.value, &effect)
		case "Action":
			e.action = f.value
		case "NotAction":
			e.notAction = f.value
		case "Resource":
			e.resource = f.value
		case "NotResource":
			e.notResource = f.value
		case "Principal":
			e.principal = f.value
		case "NotPrincipal":
			e.notPrincipal = f.value
		case "Condition":
			err = s.parseConditions(f.value, withVars)
		default:
			err = errSyntax
		}
		if err != nil {
			return Statement{}, asSyntax(err)
		}
	}
	if effect != "Allow" && effect != "Deny" {
		return Statement{}, errSyntax
	}
	s.Effect = Effect(effect == "Allow")
	return s, s.parseElements(kind, e, withVars)
}

func asSyntax(err error) error {
	var s *SyntaxError
	if errors.As(err, &s) {
		return s
	}
	return errSyntax
}

func (s *Statement) parseElements(kind Kind, e elements, withVars bool) error {
	if err := s.parseActions(e); err != nil {
		return err
	}
	if err := s.parseResources(kind, e, withVars); err != nil {
		return err
	}
	return s.parsePrincipals(kind, e)
}

var sidPattern = regexp.MustCompile(`^[0-9A-Za-z]*$`)

// parseSID: the policies of resources take any text, as KMS's default key policy
// shows.
func (s *Statement) parseSID(kind Kind, raw json.RawMessage) error {
	if err := json.Unmarshal(raw, &s.SID); err != nil {
		return err
	}
	if kind != Resource && !sidPattern.MatchString(s.SID) {
		return syntax("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
	}
	return nil
}

var actionPattern = regexp.MustCompile(`^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$`)

func (s *Statement) parseActions(e elements) error {
	if e.action != nil && e.notAction != nil {
		return errSyntax
	}
	raw := e.action
	if e.notAction != nil {
		raw, s.notActions = e.notAction, true
	}
	if raw == nil {
		return syntax("Policy statement must contain actions.")
	}
	list, err := stringsOf(raw)
	if err != nil {
		return errSyntax
	}
	if len(list) == 0 {
		return syntax("Policy statement must contain actions.")
	}
	for _, a := range list {
		if a != "*" && !actionPattern.MatchString(a) {
			return syntax("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
		}
	}
	s.actions = newPatterns(list, false)
	return nil
}

func (s *Statement) parseResources(kind Kind, e elements, withVars bool) error {
	if e.resource != nil && e.notResource != nil {
		return errSyntax
	}
	raw := e.resource
	if e.notResource != nil {
		raw, s.notResources = e.notResource, true
	}
	if kind == Trust {
		if raw != nil {
			return syntax("Has prohibited field Resource")
		}
		return nil
	}
	list, err := stringsOf(raw)
	if err != nil {
		return errSyntax
	}
	if len(list) == 0 {
		return syntax("Policy statement must contain resources.")
	}
	for _, r := range list {
		if r != "*" && !isARNPattern(r) {
			return syntax("Resource %s must be in ARN format or \"*\".", r)
		}
	}
	s.resources = newPatterns(list, withVars)
	return nil
}

// isARNPattern reports whether a resource begins with arn: and has an ARN's
// parts; a * may stand for the last of them.
func isARNPattern(r string) bool {
	parts := splitARN(r)
	return parts[0] == "arn" && (len(parts) == arnParts || len(parts) > 2 && strings.HasSuffix(r, "*"))
}

func (s *Statement) parseConditions(raw json.RawMessage, withVars bool) error {
	byOperator, err := object(raw, maxDepth)
	if err != nil {
		return err
	}
	for _, op := range byOperator {
		byKey, err := object(op.value, maxDepth)
		if err != nil {
			return err
		}
		for _, k := range byKey {
			values, err := scalarsOf(k.value)
			if err != nil {
				return err
			}
			if !strings.Contains(k.name, ":") {
				return syntax("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			}
			c, ok := newCondition(op.name, k.name, values, withVars)
			if !ok {
				return errSyntax
			}
			s.conditions = append(s.conditions, c)
		}
	}
	return nil
}

// field is one member of a JSON object, in the document's order.
type field struct {
	name  string
	value json.RawMessage
}

// object reads a JSON object whose names must differ: a second one would hide
// the first from whoever reads the document.
func object(raw json.RawMessage, depth int) ([]field, error) {
	if deeper(raw, depth) {
		return nil, errSyntax
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errSyntax
	}
	var out []field
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok || slices.ContainsFunc(out, func(f field) bool { return f.name == name }) {
			return nil, errSyntax
		}
		f := field{name: name}
		if err := dec.Decode(&f.value); err != nil {
			return nil, errSyntax
		}
		out = append(out, f)
	}
	if _, err := dec.Token(); err != nil {
		return nil, errSyntax
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errSyntax
	}
	return out, nil
}

// deeper reports whether brackets nest deeper than a policy's may.
func deeper(raw []byte, limit int) bool {
	depth, inString := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// listOf reads an array, or one value as an array.
func listOf(raw json.RawMessage) ([]json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	if raw[0] != '[' {
		return []json.RawMessage{raw}, nil
	}
	var list []json.RawMessage
	err := json.Unmarshal(raw, &list)
	return list, err
}

func stringsOf(raw json.RawMessage) ([]string, error) {
	list, err := listOf(raw)
	out := make([]string, len(list))
	for i := range list {
		if err == nil {
			err = json.Unmarshal(list[i], &out[i])
		}
		if bytes.Equal(list[i], []byte("null")) {
			err = errSyntax
		}
	}
	return out, err
}

// scalarsOf reads strings, numbers and booleans as strings: condition values.
func scalarsOf(raw json.RawMessage) ([]string, error) {
	list, err := listOf(raw)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(list))
	for i, v := range list {
		v = bytes.TrimSpace(v)
		switch {
		case v[0] == '"':
			if err := json.Unmarshal(v, &out[i]); err != nil {
				return nil, err
			}
		case v[0] == '{' || v[0] == '[' || bytes.Equal(v, []byte("null")):
			return nil, errSyntax
		default:
			out[i] = string(v)
		}
	}
	return out, nil
}
