package metadata

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// maxACLs bounds the ACLs of one cluster.
	maxACLs = 100_000
	// maxACLChanges bounds what one request creates or deletes, as in Kafka.
	maxACLChanges = 10_000

	// ClusterName is the name that the one resource of type CLUSTER has.
	ClusterName = "kafka-cluster"
	wildcard    = "*"
)

// pattern is what an ACL is about.
type pattern struct {
	Type kmsg.ACLResourceType        `json:"type"`
	Kind kmsg.ACLResourcePatternType `json:"pattern"` // LITERAL or PREFIXED
	Name string                      `json:"name"`
}

// rule is who may or may not do what.
type rule struct {
	Principal  string                 `json:"principal"`
	Host       string                 `json:"host"`
	Operation  kmsg.ACLOperation      `json:"operation"`
	Permission kmsg.ACLPermissionType `json:"permission"`
}

// acl is one ACL. As JSON it is its own key in the log; the numbers are Kafka's.
type acl struct {
	Type       int8   `json:"type"`
	Pattern    int8   `json:"pattern"`
	Name       string `json:"name"`
	Principal  string `json:"principal"`
	Host       string `json:"host"`
	Operation  int8   `json:"operation"`
	Permission int8   `json:"permission"`
}

func (a acl) pattern() pattern {
	return pattern{kmsg.ACLResourceType(a.Type), kmsg.ACLResourcePatternType(a.Pattern), a.Name}
}

func (a acl) rule() rule {
	return rule{a.Principal, a.Host, kmsg.ACLOperation(a.Operation), kmsg.ACLPermissionType(a.Permission)}
}

func newACL(p pattern, r rule) acl {
	return acl{int8(p.Type), int8(p.Kind), p.Name, r.Principal, r.Host, int8(r.Operation), int8(r.Permission)}
}

func (a acl) key() string {
	text, err := json.Marshal(a)
	if err != nil {
		panic("metadata: acl does not encode: " + err.Error()) // strings and numbers always do
	}
	return aclPrefix + string(text)
}

// aclEvent is the value of an ACL: all that there is to know is in its key.
type aclEvent struct {
	Format int `json:"v"`
}

// applyACL adds or removes the ACL of a key. The rules of a pattern are sorted,
// and their slice is never changed: images share it.
func (i *Image) applyACL(key string, gone bool) {
	var a acl
	if !decode([]byte(key), &a) {
		return
	}
	p, r := a.pattern(), a.rule()
	rules := i.acls[p]
	at, found := slices.BinarySearchFunc(rules, r, compareRules)
	switch {
	case gone && found && len(rules) == 1:
		delete(i.acls, p)
	case gone && found:
		i.acls[p] = slices.Delete(slices.Clone(rules), at, at+1)
	case !gone && !found:
		i.acls[p] = slices.Insert(slices.Clone(rules), at, r)
	}
}

func compareRules(a, b rule) int {
	return cmp.Or(cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Host, b.Host),
		cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Permission, b.Permission))
}

// hasACL reports whether exactly this ACL exists.
func (i *Image) hasACL(a acl) bool {
	_, found := slices.BinarySearchFunc(i.acls[a.pattern()], a.rule(), compareRules)
	return found
}

// ACLCount is the number of ACLs.
func (i *Image) ACLCount() (n int) {
	for _, rules := range i.acls {
		n += len(rules)
	}
	return n
}

// patterns lists what ACLs are about, sorted.
func (i *Image) patterns() []pattern {
	out := make([]pattern, 0, len(i.acls))
	for p := range i.acls {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b pattern) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

func (d *decision) createACLs(req *kmsg.CreateACLsRequest) *kmsg.CreateACLsResponse {
	resp := req.ResponseKind().(*kmsg.CreateACLsResponse)
	resp.Results = []kmsg.CreateACLsResponseResult{}
	count, none := d.image.ACLCount(), ""
	for i := range req.Creations {
		a, err := checkCreation(&req.Creations[i])
		known := err == nil && d.image.hasACL(a)
		switch {
		case err != nil || known:
		case len(d.records) >= maxACLChanges:
			err = fail(kerr.PolicyViolation, "Unable to perform excessively large batch operation.")
		case count >= maxACLs:
			err = fail(kerr.PolicyViolation, "The cluster has %d ACLs already, which is the limit.", maxACLs)
		default:
			d.add(a.key(), aclEvent{Format: eventFormat})
			count++
		}
		out := kmsg.NewCreateACLsResponseResult()
		if out.ErrorCode, out.ErrorMessage = wire(err); err == nil {
			out.ErrorMessage = &none
		}
		resp.Results = append(resp.Results, out)
	}
	return resp
}

// checkCreation is Kafka's AclApis and AclControlManager.validateNewAcl, in
// their order.
func checkCreation(in *kmsg.CreateACLsRequestCreation) (acl, error) {
	_, _, principal := cutPrincipal(in.Principal)
	switch {
	case in.ResourceType == kmsg.ACLResourceTypeCluster && in.ResourceName != ClusterName:
		return acl{}, fail(kerr.InvalidRequest, "The only valid name for the CLUSTER resource is kafka-cluster")
	case in.ResourceName == "":
		return acl{}, fail(kerr.InvalidRequest, "Invalid empty resource name")
	case in.ResourceType == kmsg.ACLResourceTypeAny || !knownType(in.ResourceType):
		return acl{}, fail(kerr.InvalidRequest, "Invalid resourceType %s", orUnknown(knownType(in.ResourceType), in.ResourceType))
	case in.ResourcePatternType != kmsg.ACLResourcePatternTypeLiteral && in.ResourcePatternType != kmsg.ACLResourcePatternTypePrefixed:
		return acl{}, fail(kerr.InvalidRequest, "Invalid patternType %s", orUnknown(knownPattern(in.ResourcePatternType), in.ResourcePatternType))
	case in.Operation == kmsg.ACLOperationAny || !knownOperation(in.Operation):
		return acl{}, fail(kerr.InvalidRequest, "Invalid operation %s", orUnknown(knownOperation(in.Operation), in.Operation))
	case in.PermissionType != kmsg.ACLPermissionTypeAllow && in.PermissionType != kmsg.ACLPermissionTypeDeny:
		return acl{}, fail(kerr.InvalidRequest, "Invalid permissionType %s", orUnknown(knownPermission(in.PermissionType), in.PermissionType))
	case !principal:
		return acl{}, fail(kerr.InvalidRequest, "Could not parse principal from `%s` (no colon is present separating the principal type from the principal name)", in.Principal)
	}
	return newACL(pattern{in.ResourceType, in.ResourcePatternType, in.ResourceName},
		rule{in.Principal, in.Host, in.Operation, in.PermissionType}), nil
}

// cutPrincipal cuts "User:alice" at the colon.
func cutPrincipal(s string) (kind, name string, ok bool) { return strings.Cut(s, ":") }

func knownType(t kmsg.ACLResourceType) bool {
	return t >= kmsg.ACLResourceTypeAny && t <= kmsg.ACLResourceTypeUser
}

func knownPattern(p kmsg.ACLResourcePatternType) bool {
	return p >= kmsg.ACLResourcePatternTypeAny && p <= kmsg.ACLResourcePatternTypePrefixed
}

func knownOperation(o kmsg.ACLOperation) bool {
	return o >= kmsg.ACLOperationAny && o <= kmsg.ACLOperationDescribeTokens
}

func knownPermission(p kmsg.ACLPermissionType) bool {
	return p >= kmsg.ACLPermissionTypeAny && p <= kmsg.ACLPermissionTypeAllow
}

func orUnknown(known bool, v interface{ String() string }) string {
	if !known {
		return "UNKNOWN"
	}
	return v.String()
}

// ACLFilter selects ACLs; nil and ANY select everything.
type ACLFilter struct {
	Type       kmsg.ACLResourceType
	Name       *string
	Pattern    kmsg.ACLResourcePatternType // MATCH: what applies to a resource of the name
	Principal  *string
	Host       *string
	Operation  kmsg.ACLOperation
	Permission kmsg.ACLPermissionType
}

// Known says whether the filter has no element UNKNOWN. Kafka closes the
// connection of one that has; numbers that it does not know match nothing.
func (f ACLFilter) Known() bool {
	return f.Type != kmsg.ACLResourceTypeUnknown && f.Pattern != kmsg.ACLResourcePatternTypeUnknown &&
		f.Operation != kmsg.ACLOperationUnknown && f.Permission != kmsg.ACLPermissionTypeUnknown
}

// matchesPattern is Kafka's ResourcePatternFilter.matches (KIP-290).
func (f ACLFilter) matchesPattern(p pattern) bool {
	if f.Type != kmsg.ACLResourceTypeAny && f.Type != p.Type {
		return false
	}
	if f.Pattern == kmsg.ACLResourcePatternTypeLiteral || f.Pattern == kmsg.ACLResourcePatternTypePrefixed {
		if f.Pattern != p.Kind {
			return false
		}
	}
	switch {
	case f.Name == nil || *f.Name == p.Name:
		return true
	case f.Pattern != kmsg.ACLResourcePatternTypeMatch:
		return false
	case p.Kind == kmsg.ACLResourcePatternTypePrefixed:
		return strings.HasPrefix(*f.Name, p.Name)
	}
	return p.Name == wildcard
}

func (f ACLFilter) matchesRule(r rule) bool {
	return (f.Principal == nil || *f.Principal == r.Principal) && (f.Host == nil || *f.Host == r.Host) &&
		(f.Operation == kmsg.ACLOperationAny || f.Operation == r.Operation) &&
		(f.Permission == kmsg.ACLPermissionTypeAny || f.Permission == r.Permission)
}

// matching lists the rules of a pattern that the filter selects.
func (i *Image) matching(f ACLFilter, p pattern) (out []rule) {
	if !f.matchesPattern(p) {
		return nil
	}
	for _, r := range i.acls[p] {
		if f.matchesRule(r) {
			out = append(out, r)
		}
	}
	return out
}

// DescribeFilter is what a DescribeAcls request selects.
func DescribeFilter(r *kmsg.DescribeACLsRequest) ACLFilter {
	return ACLFilter{r.ResourceType, r.ResourceName, r.ResourcePatternType, r.Principal, r.Host, r.Operation, r.PermissionType}
}

// DeleteFilter is what one filter of a DeleteAcls request selects.
func DeleteFilter(f kmsg.DeleteACLsRequestFilter) ACLFilter {
	return ACLFilter{f.ResourceType, f.ResourceName, f.ResourcePatternType, f.Principal, f.Host, f.Operation, f.PermissionType}
}

// DescribeACLs lists ACLs, sorted by resource.
func (i *Image) DescribeACLs(req *kmsg.DescribeACLsRequest) *kmsg.DescribeACLsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeACLsResponse)
	none := ""
	resp.ErrorMessage, resp.Resources = &none, []kmsg.DescribeACLsResponseResource{}
	f := DescribeFilter(req)
	for _, p := range i.patterns() {
		rules := i.matching(f, p)
		if len(rules) == 0 {
			continue
		}
		out := kmsg.NewDescribeACLsResponseResource()
		out.ResourceType, out.ResourceName, out.ResourcePatternType = p.Type, p.Name, p.Kind
		for _, r := range rules {
			out.ACLs = append(out.ACLs, kmsg.DescribeACLsResponseResourceACL{
				Principal: r.Principal, Host: r.Host, Operation: r.Operation, PermissionType: r.Permission,
			})
		}
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}

// deleteACLs deletes what the filters select. Every filter's answer lists all
// that it selects, also what an earlier one has selected.
func (d *decision) deleteACLs(req *kmsg.DeleteACLsRequest) *kmsg.DeleteACLsResponse {
	resp := req.ResponseKind().(*kmsg.DeleteACLsResponse)
	resp.Results = []kmsg.DeleteACLsResponseResult{}
	var keys []string
	chosen, patterns := map[string]bool{}, d.image.patterns()
	for _, in := range req.Filters {
		out := kmsg.NewDeleteACLsResponseResult()
		out.MatchingACLs = []kmsg.DeleteACLsResponseResultMatchingACL{}
		f := DeleteFilter(in)
		for _, p := range patterns {
			for _, r := range d.image.matching(f, p) {
				if key := newACL(p, r).key(); !chosen[key] {
					chosen[key], keys = true, append(keys, key)
				}
				out.MatchingACLs = append(out.MatchingACLs, kmsg.DeleteACLsResponseResultMatchingACL{
					ResourceType: p.Type, ResourceName: p.Name, ResourcePatternType: p.Kind,
					Principal: r.Principal, Host: r.Host, Operation: r.Operation, PermissionType: r.Permission,
				})
			}
		}
		resp.Results = append(resp.Results, out)
	}
	if len(keys) > maxACLChanges {
		code, text := wire(fail(kerr.PolicyViolation, "Cannot remove more than %d acls in a single delete operation.", maxACLChanges))
		for i := range resp.Results {
			resp.Results[i] = kmsg.DeleteACLsResponseResult{ErrorCode: code, ErrorMessage: text, MatchingACLs: []kmsg.DeleteACLsResponseResultMatchingACL{}}
		}
		return resp
	}
	for _, key := range keys {
		d.remove(key)
	}
	return resp
}
