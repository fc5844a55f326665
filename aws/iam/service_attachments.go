package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
)

// Inline and attached policies: the same for users, groups and roles, whose
// shapes differ by a name.

// inlinePage is a page of the names of inline policies.
func (t *tx) inlinePage(k kind, name string, marker *string, maxItems *int32) (page[string], error) {
	e, err := t.entity(k, name)
	if err != nil {
		return page[string]{}, err
	}
	return paged(e.inlineNames(), marker, maxItems, same)
}

// inlineOf answers an inline policy, encoded.
func (t *tx) inlineOf(k kind, name, policy string) (*string, error) {
	e, err := t.entity(k, name)
	if err != nil {
		return nil, err
	}
	document, err := e.inline(k, policy)
	return encoded(document), err
}

// attachedPage is a page of attached policies below a path.
func (t *tx) attachedPage(k kind, name string, path, marker *string, maxItems *int32) (page[shape.AttachedPolicy], error) {
	e, err := t.entity(k, name)
	if err != nil {
		return page[shape.AttachedPolicy]{}, err
	}
	all := []shape.AttachedPolicy{}
	for _, p := range t.attached(e) {
		if n, _ := parseARN(*p.PolicyArn); path == nil || strings.HasPrefix(n.path, *path) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b shape.AttachedPolicy) int { return strings.Compare(*a.PolicyArn, *b.PolicyArn) })
	return paged(all, marker, maxItems, func(p shape.AttachedPolicy) string { return *p.PolicyArn })
}

// attachPolicy attaches a managed policy that exists.
func attachPolicy[T any](ctx context.Context, s *Service, c model.Caller, k kind, name, arn string) (*T, error) {
	return edit[T](ctx, s, c, k, name, func(t *tx, e *entity) error {
		if err := t.attachable(arn); err != nil {
			return err
		}
		if err := e.modifiable(); err != nil {
			return err
		}
		return e.attach(k, arn)
	})
}

func detachPolicy[T any](ctx context.Context, s *Service, c model.Caller, k kind, name, arn string) (*T, error) {
	return edit[T](ctx, s, c, k, name, func(_ *tx, e *entity) error {
		if err := e.modifiable(); err != nil {
			return err
		}
		return e.detach(arn)
	})
}

func putInline[T any](ctx context.Context, s *Service, c model.Caller, k kind, name, policy, document string) (*T, error) {
	return edit[T](ctx, s, c, k, name, func(_ *tx, e *entity) error {
		if err := e.modifiable(); err != nil {
			return err
		}
		return e.putInline(k, policy, document)
	})
}

func deleteInline[T any](ctx context.Context, s *Service, c model.Caller, k kind, name, policy string) (*T, error) {
	return edit[T](ctx, s, c, k, name, func(_ *tx, e *entity) error {
		if _, err := e.inline(k, policy); err != nil {
			return err
		}
		delete(e.Inline, policy)
		return nil
	})
}

// PutUserPolicy sets an inline policy of a user. aws:iam PutUserPolicy
func (s *Service) PutUserPolicy(ctx context.Context, c model.Caller, in *shape.PutUserPolicyRequest) (*shape.PutUserPolicyResponse, error) {
	return putInline[shape.PutUserPolicyResponse](ctx, s, c, users, *in.UserName, *in.PolicyName, *in.PolicyDocument)
}

// GetUserPolicy answers an inline policy of a user. aws:iam GetUserPolicy
func (s *Service) GetUserPolicy(ctx context.Context, c model.Caller, in *shape.GetUserPolicyRequest) (*shape.GetUserPolicyResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetUserPolicyResponse, error) {
		document, err := t.inlineOf(users, *in.UserName, *in.PolicyName)
		return &shape.GetUserPolicyResponse{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: document}, err
	})
}

// DeleteUserPolicy deletes an inline policy of a user. aws:iam DeleteUserPolicy
func (s *Service) DeleteUserPolicy(ctx context.Context, c model.Caller, in *shape.DeleteUserPolicyRequest) (*shape.DeleteUserPolicyResponse, error) {
	return deleteInline[shape.DeleteUserPolicyResponse](ctx, s, c, users, *in.UserName, *in.PolicyName)
}

// ListUserPolicies lists the inline policies of a user. aws:iam ListUserPolicies
func (s *Service) ListUserPolicies(ctx context.Context, c model.Caller, in *shape.ListUserPoliciesRequest) (*shape.ListUserPoliciesResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListUserPoliciesResponse, error) {
		p, err := t.inlinePage(users, *in.UserName, in.Marker, in.MaxItems)
		return &shape.ListUserPoliciesResponse{IsTruncated: &p.truncated, Marker: p.marker, PolicyNames: append([]string{}, p.items...)}, err
	})
}

// AttachUserPolicy attaches a managed policy to a user. aws:iam AttachUserPolicy
func (s *Service) AttachUserPolicy(ctx context.Context, c model.Caller, in *shape.AttachUserPolicyRequest) (*shape.AttachUserPolicyResponse, error) {
	return attachPolicy[shape.AttachUserPolicyResponse](ctx, s, c, users, *in.UserName, *in.PolicyArn)
}

// DetachUserPolicy detaches a managed policy from a user. aws:iam DetachUserPolicy
func (s *Service) DetachUserPolicy(ctx context.Context, c model.Caller, in *shape.DetachUserPolicyRequest) (*shape.DetachUserPolicyResponse, error) {
	return detachPolicy[shape.DetachUserPolicyResponse](ctx, s, c, users, *in.UserName, *in.PolicyArn)
}

// ListAttachedUserPolicies lists the managed policies of a user.
// aws:iam ListAttachedUserPolicies
func (s *Service) ListAttachedUserPolicies(ctx context.Context, c model.Caller, in *shape.ListAttachedUserPoliciesRequest) (*shape.ListAttachedUserPoliciesResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListAttachedUserPoliciesResponse, error) {
		p, err := t.attachedPage(users, *in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
		return &shape.ListAttachedUserPoliciesResponse{AttachedPolicies: p.items, IsTruncated: &p.truncated, Marker: p.marker}, err
	})
}

// PutGroupPolicy sets an inline policy of a group. aws:iam PutGroupPolicy
func (s *Service) PutGroupPolicy(ctx context.Context, c model.Caller, in *shape.PutGroupPolicyRequest) (*shape.PutGroupPolicyResponse, error) {
	return putInline[shape.PutGroupPolicyResponse](ctx, s, c, groups, *in.GroupName, *in.PolicyName, *in.PolicyDocument)
}

// GetGroupPolicy answers an inline policy of a group. aws:iam GetGroupPolicy
func (s *Service) GetGroupPolicy(ctx context.Context, c model.Caller, in *shape.GetGroupPolicyRequest) (*shape.GetGroupPolicyResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetGroupPolicyResponse, error) {
		document, err := t.inlineOf(groups, *in.GroupName, *in.PolicyName)
		return &shape.GetGroupPolicyResponse{GroupName: in.GroupName, PolicyName: in.PolicyName, PolicyDocument: document}, err
	})
}

// DeleteGroupPolicy deletes an inline policy of a group. aws:iam DeleteGroupPolicy
func (s *Service) DeleteGroupPolicy(ctx context.Context, c model.Caller, in *shape.DeleteGroupPolicyRequest) (*shape.DeleteGroupPolicyResponse, error) {
	return deleteInline[shape.DeleteGroupPolicyResponse](ctx, s, c, groups, *in.GroupName, *in.PolicyName)
}

// ListGroupPolicies lists the inline policies of a group. aws:iam ListGroupPolicies
func (s *Service) ListGroupPolicies(ctx context.Context, c model.Caller, in *shape.ListGroupPoliciesRequest) (*shape.ListGroupPoliciesResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListGroupPoliciesResponse, error) {
		p, err := t.inlinePage(groups, *in.GroupName, in.Marker, in.MaxItems)
		return &shape.ListGroupPoliciesResponse{IsTruncated: &p.truncated, Marker: p.marker, PolicyNames: append([]string{}, p.items...)}, err
	})
}

// AttachGroupPolicy attaches a managed policy to a group. aws:iam AttachGroupPolicy
func (s *Service) AttachGroupPolicy(ctx context.Context, c model.Caller, in *shape.AttachGroupPolicyRequest) (*shape.AttachGroupPolicyResponse, error) {
	return attachPolicy[shape.AttachGroupPolicyResponse](ctx, s, c, groups, *in.GroupName, *in.PolicyArn)
}

// DetachGroupPolicy detaches a managed policy from a group. aws:iam DetachGroupPolicy
func (s *Service) DetachGroupPolicy(ctx context.Context, c model.Caller, in *shape.DetachGroupPolicyRequest) (*shape.DetachGroupPolicyResponse, error) {
	return detachPolicy[shape.DetachGroupPolicyResponse](ctx, s, c, groups, *in.GroupName, *in.PolicyArn)
}

// ListAttachedGroupPolicies lists the managed policies of a group.
// aws:iam ListAttachedGroupPolicies
func (s *Service) ListAttachedGroupPolicies(ctx context.Context, c model.Caller, in *shape.ListAttachedGroupPoliciesRequest) (*shape.ListAttachedGroupPoliciesResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListAttachedGroupPoliciesResponse, error) {
		p, err := t.attachedPage(groups, *in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
		return &shape.ListAttachedGroupPoliciesResponse{AttachedPolicies: p.items, IsTruncated: &p.truncated, Marker: p.marker}, err
	})
}

// PutRolePolicy sets an inline policy of a role. aws:iam PutRolePolicy
func (s *Service) PutRolePolicy(ctx context.Context, c model.Caller, in *shape.PutRolePolicyRequest) (*shape.PutRolePolicyResponse, error) {
	return putInline[shape.PutRolePolicyResponse](ctx, s, c, roles, *in.RoleName, *in.PolicyName, *in.PolicyDocument)
}

// GetRolePolicy answers an inline policy of a role. aws:iam GetRolePolicy
func (s *Service) GetRolePolicy(ctx context.Context, c model.Caller, in *shape.GetRolePolicyRequest) (*shape.GetRolePolicyResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetRolePolicyResponse, error) {
		document, err := t.inlineOf(roles, *in.RoleName, *in.PolicyName)
		return &shape.GetRolePolicyResponse{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: document}, err
	})
}

// DeleteRolePolicy deletes an inline policy of a role. aws:iam DeleteRolePolicy
func (s *Service) DeleteRolePolicy(ctx context.Context, c model.Caller, in *shape.DeleteRolePolicyRequest) (*shape.DeleteRolePolicyResponse, error) {
	return deleteInline[shape.DeleteRolePolicyResponse](ctx, s, c, roles, *in.RoleName, *in.PolicyName)
}

// ListRolePolicies lists the inline policies of a role. aws:iam ListRolePolicies
func (s *Service) ListRolePolicies(ctx context.Context, c model.Caller, in *shape.ListRolePoliciesRequest) (*shape.ListRolePoliciesResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListRolePoliciesResponse, error) {
		p, err := t.inlinePage(roles, *in.RoleName, in.Marker, in.MaxItems)
		return &shape.ListRolePoliciesResponse{IsTruncated: &p.truncated, Marker: p.marker, PolicyNames: append([]string{}, p.items...)}, err
	})
}

// AttachRolePolicy attaches a managed policy to a role. aws:iam AttachRolePolicy
func (s *Service) AttachRolePolicy(ctx context.Context, c model.Caller, in *shape.AttachRolePolicyRequest) (*shape.AttachRolePolicyResponse, error) {
	return attachPolicy[shape.AttachRolePolicyResponse](ctx, s, c, roles, *in.RoleName, *in.PolicyArn)
}

// DetachRolePolicy detaches a managed policy from a role. aws:iam DetachRolePolicy
func (s *Service) DetachRolePolicy(ctx context.Context, c model.Caller, in *shape.DetachRolePolicyRequest) (*shape.DetachRolePolicyResponse, error) {
	return detachPolicy[shape.DetachRolePolicyResponse](ctx, s, c, roles, *in.RoleName, *in.PolicyArn)
}

// ListAttachedRolePolicies lists the managed policies of a role.
// aws:iam ListAttachedRolePolicies
func (s *Service) ListAttachedRolePolicies(ctx context.Context, c model.Caller, in *shape.ListAttachedRolePoliciesRequest) (*shape.ListAttachedRolePoliciesResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListAttachedRolePoliciesResponse, error) {
		p, err := t.attachedPage(roles, *in.RoleName, in.PathPrefix, in.Marker, in.MaxItems)
		return &shape.ListAttachedRolePoliciesResponse{AttachedPolicies: p.items, IsTruncated: &p.truncated, Marker: p.marker}, err
	})
}
