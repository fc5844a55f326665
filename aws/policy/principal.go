package policy

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Principal is who makes a request. One of ARN, Service and Federated is set.
type Principal struct {
	Account   string // twelve digits; empty for services and federated users
	ARN       string // arn:aws:iam::…:user/…, arn:aws:sts::…:assumed-role/role/session, …:root
	RoleARN   string // of a session, the role's
	Service   string // kafka.amazonaws.com
	Federated string // the provider of a web identity
}

// root reports whether the principal is the account itself.
func (p *Principal) root() bool { return strings.HasSuffix(p.ARN, ":root") }

// principals is a Principal or NotPrincipal element.
type principals struct {
	any       bool     // "*"
	accounts  []string // by number or by the account's root
	arns      []string
	services  []string
	federated []string
}

// grant is how a statement names a principal. The order is that of their reach.
type grant int

const (
	notNamed    grant = iota
	byAccount         // the account may give it on
	byRole            // the role of a session
	byEverybody       // "*"
	byARN             // the user or session itself, a service, a provider
)

// names says how the element names who.
func (ps *principals) names(who *Principal) grant {
	switch {
	case who.Service != "":
		return oneOf(slices.Contains(ps.services, who.Service), ps.any)
	case who.Federated != "":
		return oneOf(slices.Contains(ps.federated, who.Federated), ps.any)
	case slices.Contains(ps.arns, who.ARN):
		return byARN
	case ps.any:
		return byEverybody
	case who.RoleARN != "" && slices.Contains(ps.arns, who.RoleARN):
		return byRole
	case slices.Contains(ps.accounts, who.Account):
		if who.root() {
			return byARN
		}
		return byAccount
	}
	return notNamed
}

func oneOf(named, anybody bool) grant {
	switch {
	case named:
		return byARN
	case anybody:
		return byEverybody
	}
	return notNamed
}

// spares reports whether a NotPrincipal element names everything that who is:
// its account, its role and itself. A list that lacks one of them spares nobody
// of it.
func (ps *principals) spares(who *Principal) bool {
	switch {
	case ps.any:
		return true
	case who.Service != "":
		return slices.Contains(ps.services, who.Service)
	case who.Federated != "":
		return slices.Contains(ps.federated, who.Federated)
	}
	return slices.Contains(ps.accounts, who.Account) &&
		(who.root() || slices.Contains(ps.arns, who.ARN)) &&
		(who.RoleARN == "" || slices.Contains(ps.arns, who.RoleARN))
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	rootPattern    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):root$`)
	whoPattern     = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:(user|role|assumed-role|federated-user)/[\w+=,.@/-]+$`)
	servicePattern = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$`)
)

func (s *Statement) parsePrincipals(kind Kind, e elements) error {
	raw := e.principal
	if e.notPrincipal != nil {
		raw, s.notPrincipals = e.notPrincipal, true
	}
	switch {
	case e.principal != nil && e.notPrincipal != nil:
		return errSyntax
	case kind == Identity && raw != nil:
		return syntax("Policy document should not specify a principal.")
	case kind == Identity:
		return nil
	case raw == nil:
		return syntax("Missing required field Principal")
	case s.notPrincipals && s.Effect == Allow:
		return syntax("Allow with NotPrincipal is not allowed.")
	}
	var everybody string
	if json.Unmarshal(raw, &everybody) == nil {
		if everybody != "*" {
			return syntax("Invalid principal in policy: %q", everybody)
		}
		s.principals.any = true
		return nil
	}
	fields, err := object(raw, maxDepth)
	if err != nil {
		return err
	}
	for _, f := range fields {
		list, err := stringsOf(f.value)
		if err != nil || len(list) == 0 {
			return errSyntax
		}
		for _, v := range list {
			if err := s.principals.add(f.name, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (ps *principals) add(kind, value string) error {
	invalid := syntax("Invalid principal in policy: %q:%q", kind, value)
	switch kind {
	case "AWS":
		return ps.addAWS(value, invalid)
	case "Service":
		if !servicePattern.MatchString(value) {
			return invalid
		}
		ps.services = append(ps.services, value)
	case "Federated":
		ps.federated = append(ps.federated, value)
	default:
		return invalid
	}
	return nil
}

func (ps *principals) addAWS(value string, invalid error) error {
	root := rootPattern.FindStringSubmatch(value)
	switch {
	case value == "*":
		ps.any = true
	case accountPattern.MatchString(value):
		ps.accounts = append(ps.accounts, value)
	case root != nil:
		ps.accounts = append(ps.accounts, root[1])
	case whoPattern.MatchString(value):
		ps.arns = append(ps.arns, value)
	default:
		return invalid
	}
	return nil
}
