package iam

import (
	"context"
	"errors"
	"slices"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// defaultSession is how long sessions of a role may last when nothing is said,
// in seconds.
const defaultSession = 3600

// checkTrust checks a trust policy, and that the users and roles that it names
// exist, as far as their accounts are here.
func (t *tx) checkTrust(document string) error {
	doc, err := checkTrust(document)
	if err != nil {
		return err
	}
	arn, err := t.missingPrincipal(doc)
	if err == nil && arn != "" {
		err = malformed("Invalid principal in policy: \"AWS\":%q", arn)
	}
	return err
}

// MissingPrincipal answers the first user or role that a policy names and that is
// not there, as far as its account is here; empty: all are.
func (s *Service) MissingPrincipal(ctx context.Context, doc *policy.Document) (arn string, err error) {
	err = s.store.View(ctx, func(st *store.Tx) error {
		arn, err = s.tx(st, AccountID, "aws").missingPrincipal(doc)
		return err
	})
	return arn, err
}

func (t *tx) missingPrincipal(doc *policy.Document) (string, error) {
	for _, arn := range doc.PrincipalARNs() {
		n, ok := parseARN(arn)
		if !ok { // a session
			continue
		}
		if _, here := t.Get(accountKey(n.account)); !here {
			continue
		}
		k := users
		if n.kind == roles.dir {
			k = roles
		}
		e, err := find[entity](t.in(n.account), k, n.name)
		if err != nil || e == nil || e.Path != n.path {
			return arn, err
		}
	}
	return "", nil
}

// in is the transaction in another account.
func (t *tx) in(account string) *tx {
	other := *t
	other.account = account
	return &other
}

// CreateRole makes a role. aws:iam CreateRole
func (s *Service) CreateRole(ctx context.Context, c model.Caller, in *shape.CreateRoleRequest) (*shape.CreateRoleResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.CreateRoleResponse, error) {
		h, err := t.begin(roles, *in.RoleName, in.Path, parsedTags(in.Tags))
		if err != nil {
			return nil, err
		}
		r := &entity{head: h, Trust: *in.AssumeRolePolicyDocument, MaxSession: defaultSession}
		if in.Description != nil {
			r.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			r.MaxSession = *in.MaxSessionDuration
		}
		if r.Boundary, err = t.checkBoundary(in.PermissionsBoundary); err != nil {
			return nil, err
		}
		if err := t.checkTrust(r.Trust); err != nil {
			return nil, err
		}
		return &shape.CreateRoleResponse{Role: t.role(r, whole)}, put(t, roles, r)
	})
}

// GetRole describes a role. aws:iam GetRole
func (s *Service) GetRole(ctx context.Context, c model.Caller, in *shape.GetRoleRequest) (*shape.GetRoleResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetRoleResponse, error) {
		r, err := t.entity(roles, *in.RoleName)
		if err != nil {
			return nil, err
		}
		return &shape.GetRoleResponse{Role: t.role(r, whole)}, nil
	})
}

// ListRoles lists roles. aws:iam ListRoles
func (s *Service) ListRoles(ctx context.Context, c model.Caller, in *shape.ListRolesRequest) (*shape.ListRolesResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListRolesResponse, error) {
		p, err := entities(t, roles, in.PathPrefix, in.Marker, in.MaxItems)
		out := &shape.ListRolesResponse{IsTruncated: &p.truncated, Marker: p.marker, Roles: []shape.Role{}}
		for _, r := range p.items {
			out.Roles = append(out.Roles, *t.role(r, short))
		}
		return out, err
	})
}

// UpdateRole changes a role's description and longest session.
// aws:iam UpdateRole
func (s *Service) UpdateRole(ctx context.Context, c model.Caller, in *shape.UpdateRoleRequest) (*shape.UpdateRoleResponse, error) {
	return edit[shape.UpdateRoleResponse](ctx, s, c, roles, *in.RoleName, func(_ *tx, r *entity) error {
		if in.Description != nil {
			r.Description = *in.Description
		}
		if in.MaxSessionDuration == nil {
			return nil
		}
		r.MaxSession = *in.MaxSessionDuration
		return r.modifiable()
	})
}

// editRole is edit for what a service-linked role does not allow.
func editRole[T any](ctx context.Context, s *Service, c model.Caller, name string, fn func(t *tx, r *entity) error) (*T, error) {
	return edit[T](ctx, s, c, roles, name, func(t *tx, r *entity) error {
		if err := r.modifiable(); err != nil {
			return err
		}
		return fn(t, r)
	})
}

// modifiable says that only its service may change more of a service-linked
// role than its description.
func (e *entity) modifiable() error {
	if e.Service == "" {
		return nil
	}
	return unmodifiable("Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", e.Name)
}

// UpdateRoleDescription changes a role's description.
// aws:iam UpdateRoleDescription
func (s *Service) UpdateRoleDescription(ctx context.Context, c model.Caller, in *shape.UpdateRoleDescriptionRequest) (*shape.UpdateRoleDescriptionResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.UpdateRoleDescriptionResponse, error) {
		r, err := t.entity(roles, *in.RoleName)
		if err != nil {
			return nil, err
		}
		r.Description = *in.Description
		return &shape.UpdateRoleDescriptionResponse{Role: t.role(r, whole)}, put(t, roles, r)
	})
}

// UpdateAssumeRolePolicy changes who may assume a role.
// aws:iam UpdateAssumeRolePolicy
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, c model.Caller, in *shape.UpdateAssumeRolePolicyRequest) (*shape.UpdateAssumeRolePolicyResponse, error) {
	return editRole[shape.UpdateAssumeRolePolicyResponse](ctx, s, c, *in.RoleName, func(t *tx, r *entity) error {
		r.Trust = *in.PolicyDocument
		return t.checkTrust(r.Trust)
	})
}

// DeleteRole deletes a role without anything left; its sessions end.
// aws:iam DeleteRole
func (s *Service) DeleteRole(ctx context.Context, c model.Caller, in *shape.DeleteRoleRequest) (*shape.DeleteRoleResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.DeleteRoleResponse, error) {
		r, err := t.entity(roles, *in.RoleName)
		if err != nil {
			return nil, err
		}
		held, err := t.profilesOf(r.Name)
		switch {
		case err != nil:
			return nil, err
		case len(held) > 0:
			return nil, deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		if err := errors.Join(r.modifiable(), r.deletable()); err != nil {
			return nil, err
		}
		return &shape.DeleteRoleResponse{}, t.remove(roles, r.Name)
	})
}

// TagRole sets tags. aws:iam TagRole
func (s *Service) TagRole(ctx context.Context, c model.Caller, in *shape.TagRoleRequest) (*shape.TagRoleResponse, error) {
	return edit[shape.TagRoleResponse](ctx, s, c, roles, *in.RoleName, func(_ *tx, r *entity) error { return r.setTags(parsedTags(in.Tags)) })
}

// UntagRole removes tags. aws:iam UntagRole
func (s *Service) UntagRole(ctx context.Context, c model.Caller, in *shape.UntagRoleRequest) (*shape.UntagRoleResponse, error) {
	return edit[shape.UntagRoleResponse](ctx, s, c, roles, *in.RoleName, func(_ *tx, r *entity) error {
		r.untag(in.TagKeys)
		return nil
	})
}

// ListRoleTags lists a role's tags. aws:iam ListRoleTags
func (s *Service) ListRoleTags(ctx context.Context, c model.Caller, in *shape.ListRoleTagsRequest) (*shape.ListRoleTagsResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListRoleTagsResponse, error) {
		r, err := t.entity(roles, *in.RoleName)
		if err != nil {
			return nil, err
		}
		return &shape.ListRoleTagsResponse{IsTruncated: ptr(false), Tags: allTags(r.Tags)}, nil
	})
}

// PutRolePermissionsBoundary limits a role. aws:iam PutRolePermissionsBoundary
func (s *Service) PutRolePermissionsBoundary(ctx context.Context, c model.Caller, in *shape.PutRolePermissionsBoundaryRequest) (*shape.PutRolePermissionsBoundaryResponse, error) {
	return editRole[shape.PutRolePermissionsBoundaryResponse](ctx, s, c, *in.RoleName, func(t *tx, r *entity) (err error) {
		r.Boundary, err = t.checkBoundary(in.PermissionsBoundary)
		return err
	})
}

// DeleteRolePermissionsBoundary ends a limit. aws:iam DeleteRolePermissionsBoundary
func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context, c model.Caller, in *shape.DeleteRolePermissionsBoundaryRequest) (*shape.DeleteRolePermissionsBoundaryResponse, error) {
	return edit[shape.DeleteRolePermissionsBoundaryResponse](ctx, s, c, roles, *in.RoleName, func(_ *tx, r *entity) error {
		r.Boundary = ""
		return nil
	})
}

// linkedRoles is the services that have a linked role here: its name and the
// policy that it has. "Service-linked roles for Amazon MSK" in the MSK guide
var linkedRoles = map[string]struct{ role, policy string }{
	"kafka.amazonaws.com":        {"AWSServiceRoleForKafka", "KafkaServiceRolePolicy"},
	"kafkaconnect.amazonaws.com": {"AWSServiceRoleForKafkaConnect", "KafkaConnectServiceRolePolicy"},
}

// LinkedRole is the name of a service's linked role, for services that have one
// here.
func LinkedRole(service string) (name string, ok bool) {
	linked, ok := linkedRoles[service]
	return linked.role, ok
}

// CreateServiceLinkedRole makes the role that a service acts with.
// aws:iam CreateServiceLinkedRole
func (s *Service) CreateServiceLinkedRole(ctx context.Context, c model.Caller, in *shape.CreateServiceLinkedRoleRequest) (*shape.CreateServiceLinkedRoleResponse, error) {
	linked, ok := linkedRoles[*in.AWSServiceName]
	if !ok {
		return nil, invalidInput("Service linked role is not supported by Millrace for the service %s", *in.AWSServiceName)
	}
	if in.CustomSuffix != nil {
		return nil, invalidInput("Custom suffix is not allowed for %s", *in.AWSServiceName)
	}
	return change(ctx, s, c, func(t *tx) (*shape.CreateServiceLinkedRoleResponse, error) {
		if _, taken := t.Get(entityKey(t.account, roles, linked.role)); taken {
			return nil, invalidInput("Service role name %s has been taken in this account, please try a different suffix.", linked.role)
		}
		r, err := t.linkedRole(*in.AWSServiceName, in.Description)
		if err != nil {
			return nil, err
		}
		return &shape.CreateServiceLinkedRoleResponse{Role: t.role(r, whole)}, nil
	})
}

// linkedRole makes a service's role.
func (t *tx) linkedRole(service string, description *string) (*entity, error) {
	linked := linkedRoles[service]
	path := "/aws-service-role/" + service + "/"
	h, err := t.begin(roles, linked.role, &path, nil)
	if err != nil {
		return nil, err
	}
	r := &entity{
		head: h, Service: service, MaxSession: defaultSession,
		Trust:    `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`,
		Attached: []string{entityARN(t.partition, awsAccount, policies.dir, "/aws-service-role/", linked.policy)},
	}
	if description != nil {
		r.Description = *description
	}
	return r, put(t, roles, r)
}

// LinkedRoleOf is the ARN of a service's linked role in the caller's account,
// and whether it is there. The service must have one here (LinkedRole).
func (s *Service) LinkedRoleOf(ctx context.Context, c model.Caller, service string) (arn string, there bool, err error) {
	err = s.store.View(ctx, func(st *store.Tx) error {
		t := s.tx(st, c.Account, c.Partition())
		name := linkedRoles[service].role
		arn = entityARN(t.partition, t.account, roles.dir, "/aws-service-role/"+service+"/", name)
		_, there = t.Get(entityKey(t.account, roles, name))
		return nil
	})
	return arn, there, err
}

// EnsureLinkedRole makes a service's linked role in the caller's account when it
// is not there, as the service does by itself. Whoever calls has been judged.
func (s *Service) EnsureLinkedRole(ctx context.Context, c model.Caller, service string) error {
	_, err := change(ctx, s, c, func(t *tx) (*entity, error) {
		if _, there := t.Get(entityKey(t.account, roles, linkedRoles[service].role)); there {
			return nil, nil
		}
		return t.linkedRole(service, nil)
	})
	return err
}

func deletionTask(account string, r *entity) string {
	return "task" + r.Path + r.Name + "/" + account + "/" + r.ID
}

// DeleteServiceLinkedRole deletes a service's role at once.
// aws:iam DeleteServiceLinkedRole
func (s *Service) DeleteServiceLinkedRole(ctx context.Context, c model.Caller, in *shape.DeleteServiceLinkedRoleRequest) (*shape.DeleteServiceLinkedRoleResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.DeleteServiceLinkedRoleResponse, error) {
		r, err := t.entity(roles, *in.RoleName)
		if err != nil {
			return nil, err
		}
		if r.Service == "" {
			return nil, invalidInput("The role %s is not a service-linked role", r.Name)
		}
		task := deletionTask(t.account, r)
		return &shape.DeleteServiceLinkedRoleResponse{DeletionTaskId: &task}, errors.Join(t.remove(roles, r.Name), store.PutJSON(t.Tx, taskKey(t.account), task))
	})
}

// taskKey is where the last deletion of a service-linked role is remembered.
func taskKey(account string) string { return account + "/-/iam/deletion-task" }

// GetServiceLinkedRoleDeletionStatus says that a deletion is over.
// aws:iam GetServiceLinkedRoleDeletionStatus
func (s *Service) GetServiceLinkedRoleDeletionStatus(ctx context.Context, c model.Caller, in *shape.GetServiceLinkedRoleDeletionStatusRequest) (*shape.GetServiceLinkedRoleDeletionStatusResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetServiceLinkedRoleDeletionStatusResponse, error) {
		last, ok, err := store.GetJSON[string](t.Tx, taskKey(t.account))
		if err != nil {
			return nil, err
		}
		if !ok || last != *in.DeletionTaskId {
			return nil, noSuchEntity("The deletion task %s cannot be found.", *in.DeletionTaskId)
		}
		return &shape.GetServiceLinkedRoleDeletionStatusResponse{Status: ptr("SUCCEEDED")}, nil
	})
}

// profilesOf lists the instance profiles that hold a role.
func (t *tx) profilesOf(role string) ([]*profile, error) {
	all, err := list[profile](t, profiles)
	return slices.DeleteFunc(all, func(p *profile) bool { return p.Role != role }), err
}
