package policy

// Request is one question: may this principal do this action on this resource?
type Request struct {
	Principal Principal
	Action    string // kafka:DeleteCluster; case does not count
	Resource  string // an ARN, or * for actions without one
	Owner     string // the account of the resource; empty: the principal's
	Context   Context
}

// Named is a document with the name that explanations use, an ARN for managed
// policies.
type Named struct {
	Name string
	*Document
}

// Policies are all documents that apply to a request. A principal that is its
// account's root has no identity policies and needs none.
type Policies struct {
	Identity []Named // the principal's own, its groups', its role's
	Boundary *Named  // nil: none. It gives nothing, it limits
	Session  []Named // of a session that was narrowed; nil: none. They limit
	Resource *Named  // the resource's own; nil: none
	Guarded  bool    // the resource's policy must allow within its account too, as KMS's key policies
}

// Reason is what a decision rests on.
type Reason int

// Reasons, in the order in which they are looked for.
const (
	ExplicitDeny     Reason = iota // a statement denies it
	NoResourceAllow                // of another account, or guarded: the resource's policy does not allow it
	NoIdentityAllow                // no identity policy allows it
	NotInBoundary                  // the permissions boundary does not allow it
	NotInSession                   // the session policies do not allow it
	AllowedByPolicy                // by identity policies, with the resource's where both are needed
	AllowedToAccount               // the principal is the owner's root
)

// Decision is the answer to a Request.
type Decision struct {
	Allowed   bool
	Reason    Reason
	Where     Part       // of the statement that decided, when one did
	Policy    string     // its name
	Statement *Statement // nil when none decided
	Index     int        // of the statement in its document, from 0
}

// Part is one of the fields of Policies.
type Part int

// Parts.
const (
	PartIdentity Part = iota
	PartBoundary
	PartSession
	PartResource
)

// String is how AWS's messages call the part.
func (p Part) String() string {
	return [...]string{"identity-based policy", "permissions boundary", "session policy", "resource-based policy"}[p]
}

// found is what one part says.
type found struct {
	effect    Effect
	matched   bool
	grant     grant // of a resource's policy
	part      Part
	policy    string
	statement *Statement
	index     int
}

func (f *found) decision(allowed bool, why Reason) Decision {
	return Decision{Allowed: allowed, Reason: why, Where: f.part, Policy: f.policy, Statement: f.statement, Index: f.index}
}

// Decide answers a request: an explicit deny anywhere decides; otherwise the
// request must be allowed, as "Policy evaluation logic" says.
func (p *Policies) Decide(r *Request) Decision {
	identity := scan(p.Identity, PartIdentity, r)
	boundary, session, resource := found{}, found{}, found{}
	if p.Boundary != nil {
		boundary = scanOne(p.Boundary, PartBoundary, r)
	}
	if p.Session != nil {
		session = scan(p.Session, PartSession, r)
	}
	if p.Resource != nil {
		resource = scanOne(p.Resource, PartResource, r)
	}
	for _, f := range [...]*found{&identity, &boundary, &session, &resource} {
		if f.matched && f.effect == Deny {
			return f.decision(false, ExplicitDeny)
		}
	}
	return p.allow(r, &identity, &boundary, &session, &resource)
}

// allow answers a request that nothing denies.
func (p *Policies) allow(r *Request, identity, boundary, session, resource *found) Decision {
	who := &r.Principal
	foreign := who.Service != "" || who.Federated != "" || r.Owner != "" && r.Owner != who.Account
	if (foreign || p.Guarded) && !resource.matched {
		return Decision{Reason: NoResourceAllow, Where: PartResource}
	}
	if who.Service != "" || who.Federated != "" {
		return resource.decision(true, AllowedByPolicy) // they have no identity policies
	}
	inBoundary := p.Boundary == nil || boundary.matched
	inSession := p.Session == nil || session.matched
	if !foreign && resource.matched && direct(who, resource.grant, inBoundary, inSession) {
		return resource.decision(true, AllowedByPolicy)
	}
	switch {
	case who.root() && foreign:
		return resource.decision(true, AllowedByPolicy)
	case who.root():
		return Decision{Allowed: true, Reason: AllowedToAccount}
	case !identity.matched:
		return Decision{Reason: NoIdentityAllow, Where: PartIdentity}
	case !inBoundary:
		return Decision{Reason: NotInBoundary, Where: PartBoundary}
	case !inSession:
		return Decision{Reason: NotInSession, Where: PartSession}
	}
	return identity.decision(true, AllowedByPolicy)
}

// direct reports whether a resource's policy of the same account allows by
// itself. What it gives to a user or a session is not cut by the silence of
// boundary and session policies; what it gives to a role or to everybody is,
// for sessions; what it gives to the account the account has to give on.
func direct(who *Principal, g grant, inBoundary, inSession bool) bool {
	switch g {
	case byARN:
		return true
	case byRole:
		return inBoundary && inSession
	case byEverybody:
		return who.RoleARN == "" || inBoundary && inSession
	}
	return false
}

// scan looks through documents: a deny ends it, else the widest allow counts.
func scan(list []Named, part Part, r *Request) (out found) {
	for i := range list {
		f := scanOne(&list[i], part, r)
		if f.matched && (!out.matched || f.effect == Deny) {
			out = f
		}
		if out.matched && out.effect == Deny {
			break
		}
	}
	return out
}

func scanOne(n *Named, part Part, r *Request) (out found) {
	for i := range n.Statements {
		s := &n.Statements[i]
		if s.Effect == Allow && out.matched && out.grant >= byARN {
			continue
		}
		g, ok := s.applies(part, r)
		if !ok || s.Effect == Allow && out.matched && g <= out.grant {
			continue
		}
		out = found{effect: s.Effect, matched: true, grant: g, part: part, policy: n.Name, statement: s, index: i}
		if s.Effect == Deny {
			break
		}
	}
	return out
}

// applies reports whether a statement is about the request. Statements of parts
// without principals are about everybody.
func (s *Statement) applies(part Part, r *Request) (g grant, ok bool) {
	if s.actions.match(r.Action, None, true) == s.notActions {
		return 0, false
	}
	if g = byARN; part == PartResource {
		if g = s.principal(&r.Principal); g == notNamed {
			return 0, false
		}
	}
	if !s.covers(r) {
		return 0, false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(r.context()) {
			return 0, false
		}
	}
	return g, true
}

func (s *Statement) principal(who *Principal) grant {
	if !s.notPrincipals {
		return s.principals.names(who)
	}
	if s.principals.spares(who) {
		return notNamed
	}
	return byARN
}

// covers reports whether the resource is the statement's. Documents without
// resources are about the one that they are attached to.
func (s *Statement) covers(r *Request) bool {
	return s.resources == nil || s.resources.match(r.Resource, r.context(), false) != s.notResources
}

func (r *Request) context() Context {
	if r.Context == nil {
		return None
	}
	return r.Context
}
