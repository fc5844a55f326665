package policy

import "slices"

// PrincipalARNs lists the users, roles and sessions that a document names, so
// that whoever keeps it can check that they exist.
func (d *Document) PrincipalARNs() (out []string) {
	for i := range d.Statements {
		out = append(out, d.Statements[i].principals.arns...)
	}
	return out
}

// ContextKeys lists what a document asks of a request's Context: the keys of
// its conditions and its policy variables, in lower case, sorted, each once.
func (d *Document) ContextKeys() (out []string) {
	for i := range d.Statements {
		s := &d.Statements[i]
		for j := range s.conditions {
			out = append(append(out, s.conditions[j].key), s.conditions[j].asks...)
		}
		for j := range s.resources {
			out = append(out, s.resources[j].variables()...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (p *pattern) variables() (out []string) {
	for _, t := range p.tokens {
		if t.kind == variable {
			out = append(out, t.text)
		}
	}
	return out
}
