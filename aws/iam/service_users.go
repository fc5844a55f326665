package iam

import (
	"context"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
)

// edit changes one entity and answers nothing.
func edit[T any](ctx context.Context, s *Service, c model.Caller, k kind, name string, fn func(t *tx, e *entity) error) (*T, error) {
	return change(ctx, s, c, func(t *tx) (*T, error) {
		e, err := t.entity(k, name)
		if err != nil {
			return nil, err
		}
		if err := fn(t, e); err != nil {
			return nil, err
		}
		return new(T), put(t, k, e)
	})
}

// userName is the user that a call names, or else the caller; ok is false when
// the caller is no user.
func userName(c model.Caller, name *string) (string, bool) {
	if name != nil {
		return *name, true
	}
	h, _ := c.Handle.(*handle)
	return h.userName(), h.userName() != ""
}

func errNotUser() error {
	return validation("Must specify userName when calling with non-User credentials")
}

// checkBoundary checks that a boundary exists.
func (t *tx) checkBoundary(arn *string) (string, error) {
	if arn == nil {
		return "", nil
	}
	return *arn, t.attachable(*arn)
}

// CreateUser makes a user. aws:iam CreateUser
func (s *Service) CreateUser(ctx context.Context, c model.Caller, in *shape.CreateUserRequest) (*shape.CreateUserResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.CreateUserResponse, error) {
		h, err := t.begin(users, *in.UserName, in.Path, parsedTags(in.Tags))
		if err != nil {
			return nil, err
		}
		u := &entity{head: h}
		if u.Boundary, err = t.checkBoundary(in.PermissionsBoundary); err != nil {
			return nil, err
		}
		return &shape.CreateUserResponse{User: t.user(u, whole)}, put(t, users, u)
	})
}

// GetUser describes a user, by default the caller. aws:iam GetUser
func (s *Service) GetUser(ctx context.Context, c model.Caller, in *shape.GetUserRequest) (*shape.GetUserResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetUserResponse, error) {
		if in.UserName == nil && c.ARN == rootARN(t.partition, t.account) {
			a, err := t.ownAccount()
			return &shape.GetUserResponse{User: &shape.User{Arn: &c.ARN, UserId: &t.account, Path: ptr("/"), UserName: ptr("root"), CreateDate: model.NewTime(a.Created)}}, err
		}
		name, ok := userName(c, in.UserName)
		if !ok {
			return nil, errNotUser()
		}
		u, err := t.entity(users, name)
		if err != nil {
			return nil, err
		}
		return &shape.GetUserResponse{User: t.user(u, whole)}, nil
	})
}

// ListUsers lists users. aws:iam ListUsers
func (s *Service) ListUsers(ctx context.Context, c model.Caller, in *shape.ListUsersRequest) (*shape.ListUsersResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListUsersResponse, error) {
		p, err := entities(t, users, in.PathPrefix, in.Marker, in.MaxItems)
		out := &shape.ListUsersResponse{IsTruncated: &p.truncated, Marker: p.marker, Users: []shape.User{}}
		for _, u := range p.items {
			out.Users = append(out.Users, *t.user(u, short))
		}
		return out, err
	})
}

// entities is a page of entities below a path.
func entities(t *tx, k kind, path, marker *string, maxItems *int32) (page[*entity], error) {
	all, err := list[entity](t, k)
	if err != nil {
		return page[*entity]{}, err
	}
	return paged(under(all, path), marker, maxItems, order[*entity])
}

// UpdateUser renames or moves a user. aws:iam UpdateUser
func (s *Service) UpdateUser(ctx context.Context, c model.Caller, in *shape.UpdateUserRequest) (*shape.UpdateUserResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.UpdateUserResponse, error) {
		u, err := t.entity(users, *in.UserName)
		if err != nil {
			return nil, err
		}
		if err := rename(t, users, u, in.NewUserName, in.NewPath); err != nil {
			return nil, err
		}
		return &shape.UpdateUserResponse{}, t.renameKeys(u)
	})
}

// DeleteUser deletes a user without anything left. aws:iam DeleteUser
func (s *Service) DeleteUser(ctx context.Context, c model.Caller, in *shape.DeleteUserRequest) (*shape.DeleteUserResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.DeleteUserResponse, error) {
		u, err := t.entity(users, *in.UserName)
		if err != nil {
			return nil, err
		}
		if err := u.deletable(); err != nil {
			return nil, err
		}
		return &shape.DeleteUserResponse{}, t.remove(users, u.Name)
	})
}

// TagUser sets tags. aws:iam TagUser
func (s *Service) TagUser(ctx context.Context, c model.Caller, in *shape.TagUserRequest) (*shape.TagUserResponse, error) {
	return edit[shape.TagUserResponse](ctx, s, c, users, *in.UserName, func(_ *tx, u *entity) error { return u.setTags(parsedTags(in.Tags)) })
}

// UntagUser removes tags. aws:iam UntagUser
func (s *Service) UntagUser(ctx context.Context, c model.Caller, in *shape.UntagUserRequest) (*shape.UntagUserResponse, error) {
	return edit[shape.UntagUserResponse](ctx, s, c, users, *in.UserName, func(_ *tx, u *entity) error {
		u.untag(in.TagKeys)
		return nil
	})
}

// ListUserTags lists a user's tags. aws:iam ListUserTags
func (s *Service) ListUserTags(ctx context.Context, c model.Caller, in *shape.ListUserTagsRequest) (*shape.ListUserTagsResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListUserTagsResponse, error) {
		u, err := t.entity(users, *in.UserName)
		if err != nil {
			return nil, err
		}
		return &shape.ListUserTagsResponse{IsTruncated: ptr(false), Tags: allTags(u.Tags)}, nil
	})
}

// PutUserPermissionsBoundary limits a user. aws:iam PutUserPermissionsBoundary
func (s *Service) PutUserPermissionsBoundary(ctx context.Context, c model.Caller, in *shape.PutUserPermissionsBoundaryRequest) (*shape.PutUserPermissionsBoundaryResponse, error) {
	return edit[shape.PutUserPermissionsBoundaryResponse](ctx, s, c, users, *in.UserName, func(t *tx, u *entity) (err error) {
		u.Boundary, err = t.checkBoundary(in.PermissionsBoundary)
		return err
	})
}

// DeleteUserPermissionsBoundary ends a limit. aws:iam DeleteUserPermissionsBoundary
func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context, c model.Caller, in *shape.DeleteUserPermissionsBoundaryRequest) (*shape.DeleteUserPermissionsBoundaryResponse, error) {
	return edit[shape.DeleteUserPermissionsBoundaryResponse](ctx, s, c, users, *in.UserName, func(_ *tx, u *entity) error {
		u.Boundary = ""
		return nil
	})
}

// What users do not have here: passwords, MFA devices, certificates, keys of
// other services. The lists are empty and true.

// mustExist is the error when a named user does not exist.
func (s *Service) mustExist(ctx context.Context, c model.Caller, user *string) error {
	if user == nil {
		return nil
	}
	_, err := look(ctx, s, c, func(t *tx) (*entity, error) { return t.entity(users, *user) })
	return err
}

// GetLoginProfile says that a user has no password. aws:iam GetLoginProfile
func (s *Service) GetLoginProfile(ctx context.Context, c model.Caller, in *shape.GetLoginProfileRequest) (*shape.GetLoginProfileResponse, error) {
	return nil, s.noLoginProfile(ctx, c, in.UserName)
}

// DeleteLoginProfile says that a user has no password. aws:iam DeleteLoginProfile
func (s *Service) DeleteLoginProfile(ctx context.Context, c model.Caller, in *shape.DeleteLoginProfileRequest) (*shape.DeleteLoginProfileResponse, error) {
	return nil, s.noLoginProfile(ctx, c, in.UserName)
}

// noLoginProfile is the answer to all who ask for a user's password.
func (s *Service) noLoginProfile(ctx context.Context, c model.Caller, user *string) error {
	name, ok := userName(c, user)
	if !ok {
		return errNotUser()
	}
	if err := s.mustExist(ctx, c, &name); err != nil {
		return err
	}
	return noSuchEntity("Login Profile for User %s cannot be found.", name)
}

// ListMFADevices lists nothing. aws:iam ListMFADevices
func (s *Service) ListMFADevices(ctx context.Context, c model.Caller, in *shape.ListMFADevicesRequest) (*shape.ListMFADevicesResponse, error) {
	return &shape.ListMFADevicesResponse{IsTruncated: ptr(false), MFADevices: []shape.MFADevice{}}, s.mustExist(ctx, c, in.UserName)
}

// ListVirtualMFADevices lists nothing. aws:iam ListVirtualMFADevices
func (s *Service) ListVirtualMFADevices(context.Context, model.Caller, *shape.ListVirtualMFADevicesRequest) (*shape.ListVirtualMFADevicesResponse, error) {
	return &shape.ListVirtualMFADevicesResponse{IsTruncated: ptr(false), VirtualMFADevices: []shape.VirtualMFADevice{}}, nil
}

// ListSSHPublicKeys lists nothing. aws:iam ListSSHPublicKeys
func (s *Service) ListSSHPublicKeys(ctx context.Context, c model.Caller, in *shape.ListSSHPublicKeysRequest) (*shape.ListSSHPublicKeysResponse, error) {
	return &shape.ListSSHPublicKeysResponse{IsTruncated: ptr(false), SSHPublicKeys: []shape.SSHPublicKeyMetadata{}}, s.mustExist(ctx, c, in.UserName)
}

// ListSigningCertificates lists nothing. aws:iam ListSigningCertificates
func (s *Service) ListSigningCertificates(ctx context.Context, c model.Caller, in *shape.ListSigningCertificatesRequest) (*shape.ListSigningCertificatesResponse, error) {
	return &shape.ListSigningCertificatesResponse{IsTruncated: ptr(false), Certificates: []shape.SigningCertificate{}}, s.mustExist(ctx, c, in.UserName)
}

// ListServiceSpecificCredentials lists nothing. aws:iam ListServiceSpecificCredentials
func (s *Service) ListServiceSpecificCredentials(ctx context.Context, c model.Caller, in *shape.ListServiceSpecificCredentialsRequest) (*shape.ListServiceSpecificCredentialsResponse, error) {
	return &shape.ListServiceSpecificCredentialsResponse{ServiceSpecificCredentials: []shape.ServiceSpecificCredentialMetadata{}}, s.mustExist(ctx, c, in.UserName)
}
