package iam

import (
	"context"
	"slices"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
)

// members lists the users of a group.
func (t *tx) members(group string) ([]*entity, error) {
	all, err := list[entity](t, users)
	return slices.DeleteFunc(all, func(u *entity) bool { return !slices.Contains(u.Groups, group) }), err
}

// CreateGroup makes a group. aws:iam CreateGroup
func (s *Service) CreateGroup(ctx context.Context, c model.Caller, in *shape.CreateGroupRequest) (*shape.CreateGroupResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.CreateGroupResponse, error) {
		h, err := t.begin(groups, *in.GroupName, in.Path, nil)
		if err != nil {
			return nil, err
		}
		g := &entity{head: h}
		return &shape.CreateGroupResponse{Group: t.group(g)}, put(t, groups, g)
	})
}

// GetGroup describes a group with its users. aws:iam GetGroup
func (s *Service) GetGroup(ctx context.Context, c model.Caller, in *shape.GetGroupRequest) (*shape.GetGroupResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetGroupResponse, error) {
		g, err := t.entity(groups, *in.GroupName)
		if err != nil {
			return nil, err
		}
		all, err := t.members(g.Name)
		if err != nil {
			return nil, err
		}
		p, err := paged(all, in.Marker, in.MaxItems, order[*entity])
		out := &shape.GetGroupResponse{Group: t.group(g), IsTruncated: &p.truncated, Marker: p.marker, Users: []shape.User{}}
		for _, u := range p.items {
			out.Users = append(out.Users, *t.user(u, short))
		}
		return out, err
	})
}

// ListGroups lists groups. aws:iam ListGroups
func (s *Service) ListGroups(ctx context.Context, c model.Caller, in *shape.ListGroupsRequest) (*shape.ListGroupsResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListGroupsResponse, error) {
		p, err := entities(t, groups, in.PathPrefix, in.Marker, in.MaxItems)
		out := &shape.ListGroupsResponse{IsTruncated: &p.truncated, Marker: p.marker, Groups: []shape.Group{}}
		for _, g := range p.items {
			out.Groups = append(out.Groups, *t.group(g))
		}
		return out, err
	})
}

// UpdateGroup renames or moves a group. aws:iam UpdateGroup
func (s *Service) UpdateGroup(ctx context.Context, c model.Caller, in *shape.UpdateGroupRequest) (*shape.UpdateGroupResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.UpdateGroupResponse, error) {
		g, err := t.entity(groups, *in.GroupName)
		if err != nil {
			return nil, err
		}
		members, err := t.members(g.Name)
		if err != nil {
			return nil, err
		}
		if in.NewGroupName != nil && len(members) > maxRenamed {
			return nil, limitExceeded("A group with more than %d users cannot be renamed.", maxRenamed)
		}
		if err := rename(t, groups, g, in.NewGroupName, in.NewPath); err != nil {
			return nil, err
		}
		for _, u := range members {
			u.Groups[slices.Index(u.Groups, *in.GroupName)] = g.Name
			if err := put(t, users, u); err != nil {
				return nil, err
			}
		}
		return &shape.UpdateGroupResponse{}, nil
	})
}

// maxRenamed bounds what one transaction writes: below store.MaxKeys.
const maxRenamed = 90

// DeleteGroup deletes a group without users and policies. aws:iam DeleteGroup
func (s *Service) DeleteGroup(ctx context.Context, c model.Caller, in *shape.DeleteGroupRequest) (*shape.DeleteGroupResponse, error) {
	return change(ctx, s, c, func(t *tx) (*shape.DeleteGroupResponse, error) {
		g, err := t.entity(groups, *in.GroupName)
		if err != nil {
			return nil, err
		}
		members, err := t.members(g.Name)
		if err != nil {
			return nil, err
		}
		if len(members) > 0 {
			return nil, deleteConflict("Cannot delete entity, must remove users from group first.")
		}
		if err := g.deletable(); err != nil {
			return nil, err
		}
		return &shape.DeleteGroupResponse{}, t.remove(groups, g.Name)
	})
}

// AddUserToGroup makes a user a member. aws:iam AddUserToGroup
func (s *Service) AddUserToGroup(ctx context.Context, c model.Caller, in *shape.AddUserToGroupRequest) (*shape.AddUserToGroupResponse, error) {
	return edit[shape.AddUserToGroupResponse](ctx, s, c, users, *in.UserName, func(t *tx, u *entity) error {
		g, err := t.entity(groups, *in.GroupName)
		if err != nil {
			return err
		}
		return u.join(g.Name)
	})
}

// RemoveUserFromGroup ends a membership. aws:iam RemoveUserFromGroup
func (s *Service) RemoveUserFromGroup(ctx context.Context, c model.Caller, in *shape.RemoveUserFromGroupRequest) (*shape.RemoveUserFromGroupResponse, error) {
	return edit[shape.RemoveUserFromGroupResponse](ctx, s, c, users, *in.UserName, func(t *tx, u *entity) error {
		g, err := t.entity(groups, *in.GroupName)
		if err != nil {
			return err
		}
		u.leave(g.Name)
		return nil
	})
}

// ListGroupsForUser lists a user's groups. aws:iam ListGroupsForUser
func (s *Service) ListGroupsForUser(ctx context.Context, c model.Caller, in *shape.ListGroupsForUserRequest) (*shape.ListGroupsForUserResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.ListGroupsForUserResponse, error) {
		u, err := t.entity(users, *in.UserName)
		if err != nil {
			return nil, err
		}
		out := &shape.ListGroupsForUserResponse{IsTruncated: ptr(false), Groups: []shape.Group{}}
		for _, name := range u.Groups {
			g, err := t.entity(groups, name)
			if err != nil {
				return nil, err
			}
			out.Groups = append(out.Groups, *t.group(g))
		}
		return out, nil
	})
}
