package iam

import (
	"context"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
)

func editProfile[T any](ctx context.Context, s *Service, c model.Caller, name string, fn func(t *tx, p *profile) error) (*T, error) {
	return change(ctx, s, c, func(t *tx) (*T, error) {
		p, err := get[profile](t, profiles, name)
		if err != nil {
			return nil, err
		}
		if err := fn(t, p); err != nil {
			return nil, err
		}
		return new(T), put(t, profiles, p)
	})
}

func (t *tx) profileShapes(list []*profile) ([]shape.InstanceProfile, error) {
	out := []shape.InstanceProfile{}
	for _, p := range list {
		one, err := t.profile(p, short)
		if err != nil {
			return nil, err
		}
		out = append(out, *one)
	}
	return out, nil
}

// CreateInstanceProfile makes an instance profile. aws:iam CreateInstanceProfile
func (s *Service) CreateInstanceProfile(ctx context.Context, c model.Caller, in *shape.CreateInstanceProfileRequest) (*shape.CreateInstanceProfileResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.CreateInstanceProfileResponse, error) {
		h, err := t.begin(profiles, *in.InstanceProfileName, in.Path, parsedTags(in.Tags))
		if err != nil {
			return nil, err
		}
		p := &profile{head: h}
		out, err := t.profile(p, whole)
		if err != nil {
			return nil, err
		}
		return &shape.CreateInstanceProfileResponse{InstanceProfile: out}, put(t, profiles, p)
	})
}

// GetInstanceProfile describes an instance profile. aws:iam GetInstanceProfile
func (s *Service) GetInstanceProfile(ctx context.Context, c model.Caller, in *shape.GetInstanceProfileRequest) (*shape.GetInstanceProfileResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetInstanceProfileResponse, error) {
		p, err := get[profile](t, profiles, *in.InstanceProfileName)
		if err != nil {
			return nil, err
		}
		out, err := t.profile(p, whole)
		return &shape.GetInstanceProfileResponse{InstanceProfile: out}, err
	})
}

// ListInstanceProfiles lists instance profiles. aws:iam ListInstanceProfiles
func (s *Service) ListInstanceProfiles(ctx context.Context, c model.Caller, in *shape.ListInstanceProfilesRequest) (*shape.ListInstanceProfilesResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListInstanceProfilesResponse, error) {
		all, err := list[profile](t, profiles)
		if err != nil {
			return nil, err
		}
		p, err := paged(under(all, in.PathPrefix), in.Marker, in.MaxItems, order[*profile])
		if err != nil {
			return nil, err
		}
		shapes, err := t.profileShapes(p.items)
		return &shape.ListInstanceProfilesResponse{InstanceProfiles: shapes, IsTruncated: &p.truncated, Marker: p.marker}, err
	})
}

// ListInstanceProfilesForRole lists the instance profiles that hold a role.
// aws:iam ListInstanceProfilesForRole
func (s *Service) ListInstanceProfilesForRole(ctx context.Context, c model.Caller, in *shape.ListInstanceProfilesForRoleRequest) (*shape.ListInstanceProfilesForRoleResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListInstanceProfilesForRoleResponse, error) {
		r, err := t.entity(roles, *in.RoleName)
		if err != nil {
			return nil, err
		}
		all, err := t.profilesOf(r.Name)
		if err != nil {
			return nil, err
		}
		p, err := paged(all, in.Marker, in.MaxItems, order[*profile])
		if err != nil {
			return nil, err
		}
		shapes, err := t.profileShapes(p.items)
		return &shape.ListInstanceProfilesForRoleResponse{InstanceProfiles: shapes, IsTruncated: &p.truncated, Marker: p.marker}, err
	})
}

// DeleteInstanceProfile deletes an empty instance profile.
// aws:iam DeleteInstanceProfile
func (s *Service) DeleteInstanceProfile(ctx context.Context, c model.Caller, in *shape.DeleteInstanceProfileRequest) (*shape.DeleteInstanceProfileResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.DeleteInstanceProfileResponse, error) {
		p, err := get[profile](t, profiles, *in.InstanceProfileName)
		if err != nil {
			return nil, err
		}
		if p.Role != "" {
			return nil, deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		return &shape.DeleteInstanceProfileResponse{}, t.remove(profiles, p.Name)
	})
}

// AddRoleToInstanceProfile puts a role into an instance profile, which holds
// one. aws:iam AddRoleToInstanceProfile
func (s *Service) AddRoleToInstanceProfile(ctx context.Context, c model.Caller, in *shape.AddRoleToInstanceProfileRequest) (*shape.AddRoleToInstanceProfileResponse, error) {
	return editProfile[shape.AddRoleToInstanceProfileResponse](ctx, s, c, *in.InstanceProfileName, func(t *tx, p *profile) error {
		r, err := t.entity(roles, *in.RoleName)
		switch {
		case err != nil:
			return err
		case p.Role != "":
			return overQuota("InstanceSessionsPerInstanceProfile", 1)
		}
		p.Role = r.Name
		return nil
	})
}

// RemoveRoleFromInstanceProfile takes the role out.
// aws:iam RemoveRoleFromInstanceProfile
func (s *Service) RemoveRoleFromInstanceProfile(ctx context.Context, c model.Caller, in *shape.RemoveRoleFromInstanceProfileRequest) (*shape.RemoveRoleFromInstanceProfileResponse, error) {
	return editProfile[shape.RemoveRoleFromInstanceProfileResponse](ctx, s, c, *in.InstanceProfileName, func(_ *tx, p *profile) error {
		if p.Role != *in.RoleName {
			return roles.missing(*in.RoleName)
		}
		p.Role = ""
		return nil
	})
}

// TagInstanceProfile sets tags. aws:iam TagInstanceProfile
func (s *Service) TagInstanceProfile(ctx context.Context, c model.Caller, in *shape.TagInstanceProfileRequest) (*shape.TagInstanceProfileResponse, error) {
	return editProfile[shape.TagInstanceProfileResponse](ctx, s, c, *in.InstanceProfileName, func(_ *tx, p *profile) error { return p.setTags(parsedTags(in.Tags)) })
}

// UntagInstanceProfile removes tags. aws:iam UntagInstanceProfile
func (s *Service) UntagInstanceProfile(ctx context.Context, c model.Caller, in *shape.UntagInstanceProfileRequest) (*shape.UntagInstanceProfileResponse, error) {
	return editProfile[shape.UntagInstanceProfileResponse](ctx, s, c, *in.InstanceProfileName, func(_ *tx, p *profile) error {
		p.untag(in.TagKeys)
		return nil
	})
}

// ListInstanceProfileTags lists tags. aws:iam ListInstanceProfileTags
func (s *Service) ListInstanceProfileTags(ctx context.Context, c model.Caller, in *shape.ListInstanceProfileTagsRequest) (*shape.ListInstanceProfileTagsResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListInstanceProfileTagsResponse, error) {
		p, err := get[profile](t, profiles, *in.InstanceProfileName)
		if err != nil {
			return nil, err
		}
		return &shape.ListInstanceProfileTagsResponse{IsTruncated: ptr(false), Tags: allTags(p.Tags)}, nil
	})
}
