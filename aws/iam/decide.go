package iam

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/millrace/millrace/aws/policy"
)

// Quotas of one account: "IAM and AWS STS quotas" in the IAM user guide.
const (
	maxUsers         = 5000
	maxGroups        = 300
	maxRoles         = 1000
	maxPolicies      = 1500
	maxProfiles      = 1000
	maxAttached      = 10 // managed policies of one entity
	maxGroupsOfUser  = 10
	maxKeysOfUser    = 2
	maxVersions      = 5 // of a managed policy
	maxTags          = 50
	maxManagedLength = 6144 // characters of a managed policy, without white space
	maxTrustLength   = 2048
	maxInlineNames   = 100 // policies of one entity; AWS bounds their length alone
)

// kind is one of the kinds of entities.
type kind struct {
	dir        string // in the store's keys and in ARNs
	noun, Noun string // in messages
	prefix     string // of ids
	quota      string
	limit      int
	inline     int // characters of all inline policies of one together
}

var (
	users    = kind{"user", "user", "User", "AIDA", "UsersPerAccount", maxUsers, 2048}
	groups   = kind{"group", "group", "Group", "AGPA", "GroupsPerAccount", maxGroups, 5120}
	roles    = kind{"role", "role", "Role", "AROA", "RolesPerAccount", maxRoles, 10240}
	policies = kind{"policy", "policy", "Policy", "ANPA", "PoliciesPerAccount", maxPolicies, 0}
	profiles = kind{"instance-profile", "instance profile", "Instance Profile", "AIPA", "InstanceProfilesPerAccount", maxProfiles, 0}
)

// missing is the error of a name that does not exist.
func (k kind) missing(name string) error {
	switch k.dir {
	case "instance-profile":
		return noSuchEntity("Instance Profile %s cannot be found.", name)
	default:
		return noSuchEntity("The %s with name %s cannot be found.", k.noun, name)
	}
}

// taken is the error of a name that exists.
func (k kind) taken(name string) error {
	switch k.dir {
	case "oidc-provider":
		return alreadyExists("Provider with url https://%s already exists.", name)
	case "policy":
		return alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", name)
	case "instance-profile":
		return alreadyExists("Instance Profile %s already exists.", name)
	default:
		return alreadyExists("%s with name %s already exists.", k.Noun, name)
	}
}

// characters is a document's length as quotas count it: without white space.
func characters(document string) (n int) {
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// checkDocument parses a document for a kind of use.
func checkDocument(kind policy.Kind, document string) (*policy.Document, error) {
	doc, err := policy.Parse(kind, []byte(document))
	var syntax *policy.SyntaxError
	if errors.As(err, &syntax) {
		return nil, malformed("%s", syntax.Message)
	}
	return doc, err
}

// putInline sets an inline policy.
func (e *entity) putInline(k kind, name, document string) error {
	if _, err := checkDocument(policy.Identity, document); err != nil {
		return err
	}
	total := characters(document)
	for other, text := range e.Inline {
		if other != name {
			total += characters(text)
		}
	}
	if total > k.inline {
		return limitExceeded("Maximum policy size of %d bytes exceeded for %s %s", k.inline, k.noun, e.Name)
	}
	if _, again := e.Inline[name]; !again && len(e.Inline) == maxInlineNames {
		return overQuota("InlinePoliciesPer"+k.Noun, maxInlineNames)
	}
	if e.Inline == nil {
		e.Inline = make(map[string]string)
	}
	e.Inline[name] = document
	return nil
}

func (e *entity) inline(k kind, name string) (string, error) {
	document, ok := e.Inline[name]
	if !ok {
		return "", noSuchEntity("The %s policy with name %s cannot be found.", k.noun, name)
	}
	return document, nil
}

func (e *entity) inlineNames() []string { return slices.Sorted(maps.Keys(e.Inline)) }

// attach adds a managed policy; one that is attached already is no error.
func (e *entity) attach(k kind, arn string) error {
	if slices.Contains(e.Attached, arn) {
		return nil
	}
	if len(e.Attached) == maxAttached {
		return overQuota("PoliciesPer"+k.Noun, maxAttached)
	}
	e.Attached = append(e.Attached, arn)
	return nil
}

func (e *entity) detach(arn string) error {
	i := slices.Index(e.Attached, arn)
	if i < 0 {
		return noSuchEntity("Policy %s was not found.", arn)
	}
	e.Attached = slices.Delete(e.Attached, i, i+1)
	return nil
}

// deletable says why an entity may not be deleted yet.
func (e *entity) deletable() error {
	switch {
	case len(e.Attached) > 0:
		return deleteConflict("Cannot delete entity, must detach all policies first.")
	case len(e.Inline) > 0:
		return deleteConflict("Cannot delete entity, must delete policies first.")
	case len(e.Keys) > 0:
		return deleteConflict("Cannot delete entity, must delete access keys first.")
	case len(e.Groups) > 0:
		return deleteConflict("Cannot delete entity, must remove users from group first.")
	}
	return nil
}

// join puts a user into a group; a member already is no error.
func (e *entity) join(group string) error {
	if slices.Contains(e.Groups, group) {
		return nil
	}
	if len(e.Groups) == maxGroupsOfUser {
		return overQuota("GroupsPerUser", maxGroupsOfUser)
	}
	e.Groups = append(e.Groups, group)
	return nil
}

// leave takes a user out of a group.
func (e *entity) leave(group string) {
	e.Groups = slices.DeleteFunc(e.Groups, func(g string) bool { return g == group })
}

// setTags adds tags and replaces those of the same keys.
func (h *head) setTags(added []tag) error {
	seen := make(map[string]bool)
	list := slices.Clone(h.Tags)
	for _, t := range added {
		key := strings.ToLower(t.Key)
		switch {
		case seen[key]:
			return invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		case strings.HasPrefix(key, "aws:"):
			return invalidInput("Tag keys beginning with aws: are reserved for system use.")
		}
		seen[key] = true
		if i := slices.IndexFunc(list, func(x tag) bool { return strings.EqualFold(x.Key, t.Key) }); i >= 0 {
			list[i] = t
		} else {
			list = append(list, t)
		}
	}
	if len(list) > maxTags {
		return limitExceeded("The number of tags has reached the maximum limit.")
	}
	h.Tags = list
	return nil
}

// untag removes tags by key; those that are not there are no error.
func (h *head) untag(keys []string) {
	h.Tags = slices.DeleteFunc(h.Tags, func(t tag) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, t.Key) })
	})
}
