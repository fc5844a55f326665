package iam

import (
	"cmp"
	"context"
	"slices"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/store"
)

// count is how many documents of a kind there are.
func (t *tx) count(k kind) (int, error) {
	all, err := list[struct{}](t, k)
	return len(all), err
}

// GetAccountSummary counts what the account has, beside the quotas.
// aws:iam GetAccountSummary
func (s *Service) GetAccountSummary(ctx context.Context, c model.Caller, _ *shape.GetAccountSummaryRequest) (*shape.GetAccountSummaryResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetAccountSummaryResponse, error) {
		out := map[string]int32{
			"UsersQuota": maxUsers, "GroupsQuota": maxGroups, "RolesQuota": maxRoles, "PoliciesQuota": maxPolicies, "InstanceProfilesQuota": maxProfiles,
			"UserPolicySizeQuota": int32(users.inline), "GroupPolicySizeQuota": int32(groups.inline), "RolePolicySizeQuota": int32(roles.inline),
			"AssumeRolePolicySizeQuota": maxTrustLength, "PolicySizeQuota": maxManagedLength, "VersionsPerPolicyQuota": maxVersions,
			"AttachedPoliciesPerUserQuota": maxAttached, "AttachedPoliciesPerGroupQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxAttached,
			"GroupsPerUserQuota": maxGroupsOfUser, "AccessKeysPerUserQuota": maxKeysOfUser, "AccountAccessKeysPresent": 1,
			"AccountMFAEnabled": 0, "MFADevices": 0, "MFADevicesInUse": 0, "ServerCertificates": 0,
		}
		for name, k := range map[string]kind{"Users": users, "Groups": groups, "Roles": roles, "Policies": policies, "InstanceProfiles": profiles, "Providers": providers} {
			n, err := t.count(k)
			if err != nil {
				return nil, err
			}
			out[name] = int32(n)
		}
		all, err := list[managed](t, policies)
		for _, m := range all {
			out["PolicyVersionsInUse"] += int32(len(m.Versions))
		}
		return &shape.GetAccountSummaryResponse{SummaryMap: out}, err
	})
}

// ListAccountAliases lists nothing: accounts have no aliases here.
// aws:iam ListAccountAliases
func (s *Service) ListAccountAliases(context.Context, model.Caller, *shape.ListAccountAliasesRequest) (*shape.ListAccountAliasesResponse, error) {
	return &shape.ListAccountAliasesResponse{AccountAliases: []string{}, IsTruncated: ptr(false)}, nil
}

// GetAccountAuthorizationDetails answers all users, groups, roles and policies
// in one page. aws:iam GetAccountAuthorizationDetails
func (s *Service) GetAccountAuthorizationDetails(ctx context.Context, c model.Caller, in *shape.GetAccountAuthorizationDetailsRequest) (*shape.GetAccountAuthorizationDetailsResponse, error) {
	return look(ctx, s, c, func(t *tx) (*shape.GetAccountAuthorizationDetailsResponse, error) {
		out := &shape.GetAccountAuthorizationDetailsResponse{
			IsTruncated: ptr(false), UserDetailList: []shape.UserDetail{}, GroupDetailList: []shape.GroupDetail{},
			RoleDetailList: []shape.RoleDetail{}, Policies: []shape.ManagedPolicyDetail{},
		}
		wants := func(name string) bool { return len(in.Filter) == 0 || slices.Contains(in.Filter, name) }
		for name, add := range map[string]func(*shape.GetAccountAuthorizationDetailsResponse) error{
			"User": t.userDetails, "Group": t.groupDetails, "Role": t.roleDetails,
		} {
			if !wants(name) {
				continue
			}
			if err := add(out); err != nil {
				return nil, err
			}
		}
		return out, t.policyDetails(out, wants("LocalManagedPolicy"), wants("AWSManagedPolicy"))
	})
}

func inlineDetails(e *entity) []shape.PolicyDetail {
	out := []shape.PolicyDetail{}
	for _, name := range e.inlineNames() {
		out = append(out, shape.PolicyDetail{PolicyName: ptr(name), PolicyDocument: encoded(e.Inline[name])})
	}
	return out
}

func (t *tx) userDetails(out *shape.GetAccountAuthorizationDetailsResponse) error {
	all, err := list[entity](t, users)
	for _, e := range all {
		u := t.user(e, whole)
		out.UserDetailList = append(out.UserDetailList, shape.UserDetail{
			Arn: u.Arn, AttachedManagedPolicies: t.attached(e), CreateDate: u.CreateDate, GroupList: append([]string{}, e.Groups...), Path: u.Path,
			PermissionsBoundary: u.PermissionsBoundary, Tags: u.Tags, UserId: u.UserId, UserName: u.UserName, UserPolicyList: inlineDetails(e),
		})
	}
	return err
}

func (t *tx) groupDetails(out *shape.GetAccountAuthorizationDetailsResponse) error {
	all, err := list[entity](t, groups)
	for _, e := range all {
		g := t.group(e)
		out.GroupDetailList = append(out.GroupDetailList, shape.GroupDetail{
			Arn: g.Arn, AttachedManagedPolicies: t.attached(e), CreateDate: g.CreateDate, GroupId: g.GroupId, GroupName: g.GroupName,
			GroupPolicyList: inlineDetails(e), Path: g.Path,
		})
	}
	return err
}

func (t *tx) roleDetails(out *shape.GetAccountAuthorizationDetailsResponse) error {
	all, err := list[entity](t, roles)
	if err != nil {
		return err
	}
	for _, e := range all {
		held, err := t.profilesOf(e.Name)
		if err != nil {
			return err
		}
		shapes, err := t.profileShapes(held)
		if err != nil {
			return err
		}
		r := t.role(e, whole)
		out.RoleDetailList = append(out.RoleDetailList, shape.RoleDetail{
			Arn: r.Arn, AssumeRolePolicyDocument: r.AssumeRolePolicyDocument, AttachedManagedPolicies: t.attached(e), CreateDate: r.CreateDate,
			InstanceProfileList: shapes, Path: r.Path, PermissionsBoundary: r.PermissionsBoundary, RoleId: r.RoleId, RoleLastUsed: r.RoleLastUsed,
			RoleName: r.RoleName, RolePolicyList: inlineDetails(e), Tags: r.Tags,
		})
	}
	return nil
}

func (t *tx) policyDetails(out *shape.GetAccountAuthorizationDetailsResponse, local, aws bool) error {
	used, err := t.usages()
	if err != nil {
		return err
	}
	all, err := t.scoped(nil)
	for _, m := range all {
		if m.aws && !aws || !m.aws && !local {
			continue
		}
		p := t.policyShape(m, used[t.policyARN(m)], whole)
		d := shape.ManagedPolicyDetail{
			Arn: p.Arn, AttachmentCount: p.AttachmentCount, CreateDate: p.CreateDate, DefaultVersionId: p.DefaultVersionId, Description: p.Description,
			IsAttachable: p.IsAttachable, Path: p.Path, PermissionsBoundaryUsageCount: p.PermissionsBoundaryUsageCount, PolicyId: p.PolicyId,
			PolicyName: p.PolicyName, UpdateDate: p.UpdateDate,
		}
		for i := range m.Versions {
			d.PolicyVersionList = append(d.PolicyVersionList, *m.shape(&m.Versions[i], whole))
		}
		out.Policies = append(out.Policies, d)
	}
	return err
}

// Described is the ARN and the tags of a user, group, role, policy or instance
// profile by name, as policies see it: the ARN has its path. What does not
// exist has the path that is given, "/" when that is empty, and no tags.
func (s *Service) Described(ctx context.Context, c model.Caller, kindName, entityName, path string) (arn string, tags map[string]string, err error) {
	err = s.store.View(ctx, func(st *store.Tx) error {
		t := s.tx(st, c.Account, c.Partition())
		for _, k := range []kind{users, groups, roles, policies, profiles, providers} {
			if k.dir != kindName {
				continue
			}
			h := head{Name: entityName, Path: cmp.Or(path, "/")}
			found, err := find[entity](t, k, entityName)
			if err != nil {
				return err
			}
			if found != nil {
				h = found.head
			}
			arn, tags = t.arn(k, &h), make(map[string]string)
			for _, tag := range h.Tags {
				tags[tag.Key] = tag.Value
			}
		}
		return nil
	})
	return arn, tags, err
}
