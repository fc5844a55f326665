package metadata

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// access does the verbs of ACLs.
func (s *stage) access(verb string, words []string, args map[string]string) string {
	switch verb {
	case "allow", "deny":
		return s.createACL(verb, words)
	case "acls":
		return s.acls(args)
	case "unallow":
		return s.deleteACLs(args)
	case "may":
		return s.may(words)
	}
	s.t.Fatalf("unknown verb %q", verb)
	return ""
}

// createACL does: allow User:a READ TOPIC LITERAL name [host]
func (s *stage) createACL(verb string, words []string) string {
	req := kmsg.NewPtrCreateACLsRequest()
	in := kmsg.NewCreateACLsRequestCreation()
	in.PermissionType, in.Host = kmsg.ACLPermissionTypeDeny, "*"
	if verb == "allow" {
		in.PermissionType = kmsg.ACLPermissionTypeAllow
	}
	in.Principal = strings.Trim(words[0], "'")
	in.Operation, _ = kmsg.ParseACLOperation(words[1])
	in.ResourceType, _ = kmsg.ParseACLResourceType(words[2])
	in.ResourcePatternType, _ = kmsg.ParseACLResourcePatternType(words[3])
	in.ResourceName = strings.Trim(words[4], "'")
	if len(words) > 5 {
		in.Host = words[5]
	}
	req.Creations = append(req.Creations, in)
	r := s.do(req).(*kmsg.CreateACLsResponse).Results[0]
	if r.ErrorCode == 0 {
		return "ok\n"
	}
	return said(r.ErrorCode, r.ErrorMessage) + "\n"
}

// aclFilter reads type= pattern= name= principal= host= op= permission=
func aclFilter(args map[string]string) kmsg.DeleteACLsRequestFilter {
	text := func(name string) *string {
		if v, ok := args[name]; ok {
			return &v
		}
		return nil
	}
	word := func(name string) string {
		if v, ok := args[name]; ok {
			return v
		}
		return "ANY"
	}
	f := kmsg.NewDeleteACLsRequestFilter()
	f.ResourceType, _ = kmsg.ParseACLResourceType(word("type"))
	f.ResourcePatternType, _ = kmsg.ParseACLResourcePatternType(word("pattern"))
	f.Operation, _ = kmsg.ParseACLOperation(word("op"))
	f.PermissionType, _ = kmsg.ParseACLPermissionType(word("permission"))
	f.ResourceName, f.Principal, f.Host = text("name"), text("principal"), text("host")
	return f
}

// acls lists what a filter selects.
func (s *stage) acls(args map[string]string) (out string) {
	f := aclFilter(args)
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType, req.ResourcePatternType, req.Operation, req.PermissionType = f.ResourceType, f.ResourcePatternType, f.Operation, f.PermissionType
	req.ResourceName, req.Principal, req.Host = f.ResourceName, f.Principal, f.Host
	for _, r := range s.Image().DescribeACLs(req).Resources {
		for _, a := range r.ACLs {
			out += fmt.Sprintf("%s %s %s: %s %s %s from %s\n", r.ResourceType, r.ResourcePatternType, r.ResourceName, a.PermissionType, a.Principal, a.Operation, a.Host)
		}
	}
	if out == "" {
		return "(nothing)\n"
	}
	return out
}

// unallow deletes what a filter selects.
func (s *stage) deleteACLs(args map[string]string) (out string) {
	req := kmsg.NewPtrDeleteACLsRequest()
	req.Filters = append(req.Filters, aclFilter(args))
	for _, r := range s.do(req).(*kmsg.DeleteACLsResponse).Results {
		out += fmt.Sprintf("%s, %d selected\n", said(r.ErrorCode, r.ErrorMessage), len(r.MatchingACLs))
	}
	return out
}

// may does: may User:a READ TOPIC name [host]; the name ANYWHERE asks for any
func (s *stage) may(words []string) string {
	a := Access{Principal: words[0], Host: "10.0.0.1", Name: words[3]}
	a.Operation, _ = kmsg.ParseACLOperation(words[1])
	a.Type, _ = kmsg.ParseACLResourceType(words[2])
	if len(words) > 4 {
		a.Host = words[4]
	}
	if a.Name == "ANYWHERE" {
		return fmt.Sprintln(s.Image().AllowedSomewhere(a))
	}
	return fmt.Sprintln(s.Image().Allowed(a))
}
