package metadata

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Access is one question to the ACLs.
type Access struct {
	Principal string // such as User:alice
	Host      string // the client's IP address
	Operation kmsg.ACLOperation
	Type      kmsg.ACLResourceType
	Name      string // of the cluster it is ClusterName
}

// Allowed answers by the ACLs as Kafka's StandardAuthorizer: super users may do
// everything; a rule that denies wins; without a rule that allows, what nobody
// has an ACL for is allowed if allow.everyone.if.no.acl.found says so.
func (i *Image) Allowed(a Access) bool {
	if i.superUsers[a.Principal] {
		return true
	}
	v := verdict{access: a}
	literal := pattern{a.Type, kmsg.ACLResourcePatternTypeLiteral, a.Name}
	v.judge(i.acls[literal])
	if literal.Name = wildcard; a.Name != wildcard {
		v.judge(i.acls[literal])
	}
	for n := len(a.Name); n > 0 && !v.denied; n-- {
		v.judge(i.acls[pattern{a.Type, kmsg.ACLResourcePatternTypePrefixed, a.Name[:n]}])
	}
	switch {
	case v.denied:
		return false
	case v.allowed:
		return true
	}
	return !v.found && i.openByDefault
}

// verdict gathers what the rules that are about a resource say.
type verdict struct {
	access                 Access
	found, allowed, denied bool
}

func (v *verdict) judge(rules []rule) {
	v.found = v.found || len(rules) > 0
	for _, r := range rules {
		if !r.isAbout(v.access.Principal, v.access.Host) {
			continue
		}
		allows := r.Permission == kmsg.ACLPermissionTypeAllow
		switch {
		case allows && r.allows(v.access.Operation):
			v.allowed = true
		case !allows && r.names(v.access.Operation):
			v.denied = true
		}
	}
}

func (r rule) isAbout(principal, host string) bool {
	return (r.Principal == principal || r.Principal == "User:*") && (r.Host == host || r.Host == wildcard)
}

// names reports whether a rule is about an operation.
func (r rule) names(op kmsg.ACLOperation) bool {
	return r.Operation == op || r.Operation == kmsg.ACLOperationAll
}

// allows is names for rules that allow: some operations imply others.
func (r rule) allows(op kmsg.ACLOperation) bool {
	if r.names(op) {
		return true
	}
	switch r.Operation {
	case kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDelete, kmsg.ACLOperationAlter:
		return op == kmsg.ACLOperationDescribe
	case kmsg.ACLOperationAlterConfigs:
		return op == kmsg.ACLOperationDescribeConfigs
	}
	return false
}

// AllowedSomewhere answers whether there is any resource of the type that the
// principal may operate on (KIP-679): a rule allows it, and no rule denies all
// that the first one allows. The access's Name is not used.
func (i *Image) AllowedSomewhere(a Access) bool {
	a.Name = "hardcode" // Kafka asks for a name of its own first: super users, and clusters without ACLs
	if i.Allowed(a) {
		return true
	}
	var allowed []pattern
	denied := map[pattern]bool{}
	for p, rules := range i.acls {
		for _, r := range rules {
			if p.Type != a.Type || !r.isAbout(a.Principal, a.Host) || !r.names(a.Operation) {
				continue
			}
			if r.Permission == kmsg.ACLPermissionTypeAllow {
				allowed = append(allowed, p)
			} else {
				denied[p] = true
			}
		}
	}
	if denied[pattern{a.Type, kmsg.ACLResourcePatternTypeLiteral, wildcard}] {
		return false
	}
	for _, p := range allowed {
		if !dominated(p, denied) {
			return true
		}
	}
	return false
}

// dominated reports whether all that a pattern stands for is denied.
func dominated(p pattern, denied map[pattern]bool) bool {
	if denied[p] {
		return true
	}
	if p.Kind == kmsg.ACLResourcePatternTypeLiteral && p.Name == wildcard {
		return false
	}
	for n := range len(p.Name) {
		if denied[pattern{p.Type, kmsg.ACLResourcePatternTypePrefixed, p.Name[:n+1]}] {
			return true
		}
	}
	return false
}

// readAccess takes what server.properties says of access: super.users is a list
// of principals between semicolons.
func (i *Image) readAccess() {
	i.superUsers = map[string]bool{}
	for _, u := range strings.Split(i.staticOf("")["super.users"], ";") {
		if u = strings.TrimSpace(u); u != "" {
			i.superUsers[u] = true
		}
	}
	i.openByDefault = strings.TrimSpace(i.staticOf("")["allow.everyone.if.no.acl.found"]) == "true"
}
