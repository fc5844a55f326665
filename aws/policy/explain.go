package policy

import (
	"fmt"
	"strings"
)

// Step is what one statement has to say about a request.
type Step struct {
	Where   Part
	Policy  string
	Index   int // of the statement in its document, from 0
	SID     string
	Effect  Effect
	Applies bool
	Why     string // of a statement that does not apply: what does not fit
}

// String is the step as a line for people.
func (s Step) String() string {
	name := fmt.Sprintf("%s %s, statement %d", s.Where, s.Policy, s.Index+1)
	if s.SID != "" {
		name += " (" + s.SID + ")"
	}
	if s.Applies {
		return fmt.Sprintf("%s: %s", name, s.Effect)
	}
	return fmt.Sprintf("%s: does not apply: %s", name, s.Why)
}

// Explain goes through every statement of every part, in the order in which
// Decide looks at them.
func (p *Policies) Explain(r *Request) (steps []Step) {
	add := func(part Part, list ...Named) {
		for i := range list {
			for j := range list[i].Statements {
				s := &list[i].Statements[j]
				step := Step{Where: part, Policy: list[i].Name, Index: j, SID: s.SID, Effect: s.Effect}
				if _, step.Applies = s.applies(part, r); !step.Applies {
					step.Why = s.mismatch(part, r)
				}
				steps = append(steps, step)
			}
		}
	}
	add(PartIdentity, p.Identity...)
	if p.Boundary != nil {
		add(PartBoundary, *p.Boundary)
	}
	add(PartSession, p.Session...)
	if p.Resource != nil {
		add(PartResource, *p.Resource)
	}
	return steps
}

// mismatch says what first does not fit of a statement that does not apply.
func (s *Statement) mismatch(part Part, r *Request) string {
	switch {
	case s.actions.match(r.Action, None, true) == s.notActions:
		return fmt.Sprintf("%s is %s %s", r.Action, among(s.notActions, "Action"), s.actions)
	case part == PartResource && s.principal(&r.Principal) == notNamed:
		return "it does not name the principal"
	case !s.covers(r):
		return fmt.Sprintf("%s is %s %s", r.Resource, among(s.notResources, "Resource"), s.resources)
	}
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.holds(r.context()) {
			continue
		}
		values, there := r.context().Values(c.key)
		if !there {
			return fmt.Sprintf("condition %s: the request has no %s", c.operator, c.key)
		}
		return fmt.Sprintf("condition %s does not hold for %s = %s", c.operator, c.key, strings.Join(values, ", "))
	}
	return "" // it applies
}

func among(not bool, element string) string {
	if not {
		return "excepted by Not" + element
	}
	return "not in " + element
}

// String lists the patterns as the document has them, the first few of many.
func (ps patterns) String() string {
	const few = 5
	list := make([]string, 0, few)
	for i := range ps[:min(len(ps), few)] {
		list = append(list, ps[i].source)
	}
	text := strings.Join(list, ", ")
	if len(ps) > few {
		text += fmt.Sprintf(", and %d more", len(ps)-few)
	}
	return "[" + text + "]"
}
