package iam

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
)

// encoded is a document as IAM answers it: percent-encoded (RFC 3986).
func encoded(document string) *string {
	out := strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
	return &out
}

func ptr[T any](v T) *T { return &v }

func rendered(tags []tag) []shape.Tag {
	if len(tags) == 0 {
		return nil
	}
	return allTags(tags)
}

// allTags is rendered for lists that are there when they are empty.
func allTags(tags []tag) []shape.Tag {
	out := make([]shape.Tag, len(tags))
	for i, t := range tags {
		out[i] = shape.Tag{Key: ptr(t.Key), Value: ptr(t.Value)}
	}
	return out
}

func parsedTags(tags []shape.Tag) []tag {
	out := make([]tag, len(tags))
	for i, t := range tags {
		out[i] = tag{*t.Key, *t.Value}
	}
	return out
}

func boundary(arn string) *shape.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &shape.AttachedPermissionsBoundary{PermissionsBoundaryArn: &arn, PermissionsBoundaryType: ptr("Policy")}
}

// short leaves out of a user or role what lists leave out.
const (
	short = false
	whole = true
)

func (t *tx) user(u *entity, all bool) *shape.User {
	out := &shape.User{Arn: ptr(t.arn(users, &u.head)), CreateDate: model.NewTime(u.Created), Path: &u.Path, UserId: &u.ID, UserName: &u.Name}
	if all {
		out.PermissionsBoundary, out.Tags = boundary(u.Boundary), rendered(u.Tags)
	}
	return out
}

func (t *tx) group(g *entity) *shape.Group {
	return &shape.Group{Arn: ptr(t.arn(groups, &g.head)), CreateDate: model.NewTime(g.Created), GroupId: &g.ID, GroupName: &g.Name, Path: &g.Path}
}

func (t *tx) role(r *entity, all bool) *shape.Role {
	out := &shape.Role{
		Arn: ptr(t.arn(roles, &r.head)), AssumeRolePolicyDocument: encoded(r.Trust), CreateDate: model.NewTime(r.Created),
		MaxSessionDuration: &r.MaxSession, Path: &r.Path, RoleId: &r.ID, RoleName: &r.Name,
	}
	if r.Description != "" {
		out.Description = &r.Description
	}
	if all {
		out.PermissionsBoundary, out.Tags, out.RoleLastUsed = boundary(r.Boundary), rendered(r.Tags), &shape.RoleLastUsed{}
	}
	return out
}

func (t *tx) policyARN(m *managed) string {
	account := t.account
	if m.aws {
		account = awsAccount
	}
	return entityARN(t.partition, account, policies.dir, m.Path, m.Name)
}

func (t *tx) policyShape(m *managed, u usage, all bool) *shape.Policy {
	out := &shape.Policy{
		Arn: ptr(t.policyARN(m)), AttachmentCount: ptr(int32(u.attached)), PermissionsBoundaryUsageCount: ptr(int32(u.boundary)),
		CreateDate: model.NewTime(m.Created), UpdateDate: model.NewTime(m.Updated), DefaultVersionId: ptr(versionID(m.Default)),
		IsAttachable: ptr(true), Path: &m.Path, PolicyId: &m.ID, PolicyName: &m.Name,
	}
	if all {
		out.Tags = rendered(m.Tags)
		if m.Description != "" {
			out.Description = &m.Description
		}
	}
	return out
}

func versionID(n int) string { return "v" + strconv.Itoa(n) }

func (m *managed) shape(v *policyVersion, all bool) *shape.PolicyVersion {
	out := &shape.PolicyVersion{CreateDate: model.NewTime(v.Created), IsDefaultVersion: ptr(v.Number == m.Default), VersionId: ptr(versionID(v.Number))}
	if all {
		out.Document = encoded(v.Document)
	}
	return out
}

func (t *tx) profile(p *profile, all bool) (*shape.InstanceProfile, error) {
	out := &shape.InstanceProfile{
		Arn: ptr(t.arn(profiles, &p.head)), CreateDate: model.NewTime(p.Created), InstanceProfileId: &p.ID, InstanceProfileName: &p.Name,
		Path: &p.Path, Roles: []shape.Role{},
	}
	if all {
		out.Tags = rendered(p.Tags)
	}
	if p.Role == "" {
		return out, nil
	}
	r, err := find[entity](t, roles, p.Role)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, fmt.Errorf("instance profile %s holds the role %s, which is not there", p.Name, p.Role)
	}
	out.Roles = append(out.Roles, *t.role(r, short))
	return out, nil
}

func (t *tx) attached(e *entity) []shape.AttachedPolicy {
	out := make([]shape.AttachedPolicy, len(e.Attached))
	for i, arn := range e.Attached {
		n, _ := parseARN(arn)
		out[i] = shape.AttachedPolicy{PolicyArn: ptr(arn), PolicyName: ptr(n.name)}
	}
	return out
}
