package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
)

// editPolicy changes one of the account's managed policies.
func editPolicy[T any](ctx context.Context, s *Service, c model.Caller, arn string, fn func(t *tx, m *managed) error) (*T, error) {
	return change(ctx, s, c, func(t *tx) (*T, error) {
		m, err := t.ownPolicy(arn)
		if err != nil {
			return nil, err
		}
		if err := fn(t, m); err != nil {
			return nil, err
		}
		return new(T), put(t, policies, m)
	})
}

// seen is policy for one that must exist.
func (t *tx) seen(arn string) (*managed, error) {
	m, err := t.policy(arn)
	if err == nil && m == nil {
		err = noSuchEntity("Policy %s was not found.", arn)
	}
	return m, err
}

func noVersion(arn, version string) error {
	return noSuchEntity("Policy %s version %s does not exist or is not attachable.", arn, version)
}

// CreatePolicy makes a managed policy. aws:iam CreatePolicy
func (s *Service) CreatePolicy(ctx context.Context, c model.Caller, in *shape.CreatePolicyRequest) (*shape.CreatePolicyResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.CreatePolicyResponse, error) {
		h, err := t.begin(policies, *in.PolicyName, in.Path, parsedTags(in.Tags))
		if err != nil {
			return nil, err
		}
		m := &managed{head: h}
		if in.Description != nil {
			m.Description = *in.Description
		}
		if _, err := m.addVersion(*in.PolicyDocument, true, t.now); err != nil {
			return nil, err
		}
		return &shape.CreatePolicyResponse{Policy: t.policyShape(m, usage{}, whole)}, put(t, policies, m)
	})
}

// GetPolicy describes a managed policy. aws:iam GetPolicy
func (s *Service) GetPolicy(ctx context.Context, c model.Caller, in *shape.GetPolicyRequest) (*shape.GetPolicyResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetPolicyResponse, error) {
		m, err := t.seen(*in.PolicyArn)
		if err != nil {
			return nil, err
		}
		used, err := t.usages()
		return &shape.GetPolicyResponse{Policy: t.policyShape(m, used[*in.PolicyArn], whole)}, err
	})
}

// ListPolicies lists managed policies, the account's and AWS's.
// aws:iam ListPolicies
func (s *Service) ListPolicies(ctx context.Context, c model.Caller, in *shape.ListPoliciesRequest) (*shape.ListPoliciesResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListPoliciesResponse, error) {
		all, err := t.scoped(in.Scope)
		if err != nil {
			return nil, err
		}
		used, err := t.usages()
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(under(all, in.PathPrefix), func(m *managed) bool { return !t.wanted(in, used[t.policyARN(m)]) })
		p, err := paged(all, in.Marker, in.MaxItems, orderPolicies)
		out := &shape.ListPoliciesResponse{IsTruncated: &p.truncated, Marker: p.marker, Policies: []shape.Policy{}}
		for _, m := range p.items {
			out.Policies = append(out.Policies, *t.policyShape(m, used[t.policyARN(m)], short))
		}
		return out, err
	})
}

// orderPolicies sorts AWS's policies after the account's of the same name.
func orderPolicies(m *managed) string {
	if m.aws {
		return order(m) + "\x01"
	}
	return order(m) + "\x00"
}

func (t *tx) scoped(scope *string) (all []*managed, err error) {
	if scope == nil || *scope != "AWS" {
		if all, err = list[managed](t, policies); err != nil {
			return nil, err
		}
	}
	if scope == nil || *scope != "Local" {
		all = append(all, t.s.awsPolicies()...)
		slices.SortFunc(all, func(a, b *managed) int { return strings.Compare(orderPolicies(a), orderPolicies(b)) })
	}
	return all, nil
}

func (*tx) wanted(in *shape.ListPoliciesRequest, u usage) bool {
	if in.OnlyAttached != nil && *in.OnlyAttached && u.attached == 0 {
		return false
	}
	return in.PolicyUsageFilter == nil || *in.PolicyUsageFilter != "PermissionsBoundary" || u.boundary > 0
}

// DeletePolicy deletes a managed policy that nothing uses. aws:iam DeletePolicy
func (s *Service) DeletePolicy(ctx context.Context, c model.Caller, in *shape.DeletePolicyRequest) (*shape.DeletePolicyResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.DeletePolicyResponse, error) {
		m, err := t.ownPolicy(*in.PolicyArn)
		if err != nil {
			return nil, err
		}
		used, err := t.usages()
		if err != nil {
			return nil, err
		}
		if err := m.deletable(used[*in.PolicyArn]); err != nil {
			return nil, err
		}
		return &shape.DeletePolicyResponse{}, t.remove(policies, m.Name)
	})
}

// CreatePolicyVersion adds a version. aws:iam CreatePolicyVersion
func (s *Service) CreatePolicyVersion(ctx context.Context, c model.Caller, in *shape.CreatePolicyVersionRequest) (*shape.CreatePolicyVersionResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.CreatePolicyVersionResponse, error) {
		m, err := t.ownPolicy(*in.PolicyArn)
		if err != nil {
			return nil, err
		}
		v, err := m.addVersion(*in.PolicyDocument, in.SetAsDefault != nil && *in.SetAsDefault, t.now)
		if err != nil {
			return nil, err
		}
		return &shape.CreatePolicyVersionResponse{PolicyVersion: m.shape(v, short)}, put(t, policies, m)
	})
}

// GetPolicyVersion answers a version with its document.
// aws:iam GetPolicyVersion
func (s *Service) GetPolicyVersion(ctx context.Context, c model.Caller, in *shape.GetPolicyVersionRequest) (*shape.GetPolicyVersionResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetPolicyVersionResponse, error) {
		m, err := t.seen(*in.PolicyArn)
		if err != nil {
			return nil, err
		}
		v := m.version(parseVersion(*in.VersionId))
		if v == nil {
			return nil, noVersion(*in.PolicyArn, *in.VersionId)
		}
		return &shape.GetPolicyVersionResponse{PolicyVersion: m.shape(v, whole)}, nil
	})
}

// ListPolicyVersions lists versions, the newest first.
// aws:iam ListPolicyVersions
func (s *Service) ListPolicyVersions(ctx context.Context, c model.Caller, in *shape.ListPolicyVersionsRequest) (*shape.ListPolicyVersionsResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListPolicyVersionsResponse, error) {
		m, err := t.seen(*in.PolicyArn)
		if err != nil {
			return nil, err
		}
		out := &shape.ListPolicyVersionsResponse{IsTruncated: ptr(false), Versions: []shape.PolicyVersion{}}
		for i := range m.Versions {
			out.Versions = append(out.Versions, *m.shape(&m.Versions[len(m.Versions)-1-i], short))
		}
		return out, nil
	})
}

// SetDefaultPolicyVersion puts a version in force.
// aws:iam SetDefaultPolicyVersion
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, c model.Caller, in *shape.SetDefaultPolicyVersionRequest) (*shape.SetDefaultPolicyVersionResponse, error) {
	return editPolicy[shape.SetDefaultPolicyVersionResponse](ctx, s, c, *in.PolicyArn, func(t *tx, m *managed) error {
		v := m.version(parseVersion(*in.VersionId))
		if v == nil {
			return noVersion(*in.PolicyArn, *in.VersionId)
		}
		m.Default, m.Updated = v.Number, t.now
		return nil
	})
}

// DeletePolicyVersion deletes a version that is not in force.
// aws:iam DeletePolicyVersion
func (s *Service) DeletePolicyVersion(ctx context.Context, c model.Caller, in *shape.DeletePolicyVersionRequest) (*shape.DeletePolicyVersionResponse, error) {
	return editPolicy[shape.DeletePolicyVersionResponse](ctx, s, c, *in.PolicyArn, func(t *tx, m *managed) error {
		v := m.version(parseVersion(*in.VersionId))
		if v == nil {
			return noVersion(*in.PolicyArn, *in.VersionId)
		}
		return m.removeVersion(v.Number, t.now)
	})
}

// TagPolicy sets tags. aws:iam TagPolicy
func (s *Service) TagPolicy(ctx context.Context, c model.Caller, in *shape.TagPolicyRequest) (*shape.TagPolicyResponse, error) {
	return editPolicy[shape.TagPolicyResponse](ctx, s, c, *in.PolicyArn, func(_ *tx, m *managed) error { return m.setTags(parsedTags(in.Tags)) })
}

// UntagPolicy removes tags. aws:iam UntagPolicy
func (s *Service) UntagPolicy(ctx context.Context, c model.Caller, in *shape.UntagPolicyRequest) (*shape.UntagPolicyResponse, error) {
	return editPolicy[shape.UntagPolicyResponse](ctx, s, c, *in.PolicyArn, func(_ *tx, m *managed) error {
		m.untag(in.TagKeys)
		return nil
	})
}

// ListPolicyTags lists tags. aws:iam ListPolicyTags
func (s *Service) ListPolicyTags(ctx context.Context, c model.Caller, in *shape.ListPolicyTagsRequest) (*shape.ListPolicyTagsResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListPolicyTagsResponse, error) {
		m, err := t.seen(*in.PolicyArn)
		if err != nil {
			return nil, err
		}
		return &shape.ListPolicyTagsResponse{IsTruncated: ptr(false), Tags: allTags(m.Tags)}, nil
	})
}

// ListEntitiesForPolicy lists who uses a managed policy, all of them in one
// page. aws:iam ListEntitiesForPolicy
func (s *Service) ListEntitiesForPolicy(ctx context.Context, c model.Caller, in *shape.ListEntitiesForPolicyRequest) (*shape.ListEntitiesForPolicyResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListEntitiesForPolicyResponse, error) {
		if _, err := t.seen(*in.PolicyArn); err != nil {
			return nil, err
		}
		out := &shape.ListEntitiesForPolicyResponse{IsTruncated: ptr(false), PolicyGroups: []shape.PolicyGroup{}, PolicyRoles: []shape.PolicyRole{}, PolicyUsers: []shape.PolicyUser{}}
		for _, k := range []kind{users, groups, roles} {
			if in.EntityFilter != nil && *in.EntityFilter != k.Noun {
				continue
			}
			all, err := list[entity](t, k)
			if err != nil {
				return nil, err
			}
			for _, e := range under(all, in.PathPrefix) {
				if uses(e, in) {
					addEntity(out, k, e)
				}
			}
		}
		return out, nil
	})
}

func uses(e *entity, in *shape.ListEntitiesForPolicyRequest) bool {
	var u usage
	u.add(e, *in.PolicyArn)
	switch {
	case in.PolicyUsageFilter == nil:
		return u.attached+u.boundary > 0
	case *in.PolicyUsageFilter == "PermissionsBoundary":
		return u.boundary > 0
	}
	return u.attached > 0
}

func addEntity(out *shape.ListEntitiesForPolicyResponse, k kind, e *entity) {
	switch k.dir {
	case users.dir:
		out.PolicyUsers = append(out.PolicyUsers, shape.PolicyUser{UserId: &e.ID, UserName: &e.Name})
	case groups.dir:
		out.PolicyGroups = append(out.PolicyGroups, shape.PolicyGroup{GroupId: &e.ID, GroupName: &e.Name})
	default:
		out.PolicyRoles = append(out.PolicyRoles, shape.PolicyRole{RoleId: &e.ID, RoleName: &e.Name})
	}
}
