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

// Named lists the resources that a document is about without a wildcard or a
// variable.
func (d *Document) Named() (out []string) {
	for i := range d.Statements {
		for _, p := range d.Statements[i].resources {
			if p.exact {
				out = append(out, p.source)
			}
		}
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

// fixing are the keys that make a statement for everybody one for somebody, when
// a condition allows only fixed values of them. "The meaning of public" of the S3
// user guide; the keys of the principal's own are its "fixed principal".
var fixing = []string{
	"aws:sourceip", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount", "aws:userid",
	"aws:principalorgid", "aws:principalaccount", "aws:principalarn", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
	"s3:x-amz-server-side-encryption-aws-kms-key-id",
}

// Public says whether a statement of a resource's policy allows something to
// everybody, without a condition that names who.
func (d *Document) Public() bool {
	return slices.ContainsFunc(d.Statements, func(s Statement) bool {
		return s.Effect == Allow && s.principals.any &&
			!slices.ContainsFunc(s.conditions, func(c condition) bool { return c.fixed && slices.Contains(fixing, c.key) })
	})
}

func (p *pattern) variables() (out []string) {
	for _, t := range p.tokens {
		if t.kind == variable {
			out = append(out, t.text)
		}
	}
	return out
}
