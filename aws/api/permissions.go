package api

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
	"github.com/millrace/millrace/aws/policy"
)

// permission is what an operation asks of its caller: the action of its own
// name on a resource, and what else. "Actions, resources, and condition keys"
// of each service in the service authorization reference.
type permission struct {
	on     target                  // nil: on everything, "*"
	action string                  // where it is not the operation's own name
	each   func(a *asked) []string // not nil: on every resource of these
	own    bool                    // the service's core judges, because only it knows the resource
	tags   string                  // the action that tags in the request need too
	also   []also                  // what else is asked
	uses   func(a *asked) []also   // not nil: what the service does elsewhere as its caller, which is asked too
	passes string                  // the member that names a role that is passed
	to     string                  // the service that it is passed to
}

// target finds an operation's resource, with its tags.
type target func(ctx context.Context, a *asked) (arn string, tags map[string]string, err error)

// asked is one call as targets see it.
type asked struct {
	identity Identity
	caller   model.Caller
	in       *model.Input
	req      model.Request
}

// inPath is the ARN in the path.
func inPath(_ context.Context, a *asked) (string, map[string]string, error) {
	for _, v := range a.in.Segments {
		if strings.HasPrefix(v, "arn:") {
			return v, nil, nil
		}
	}
	return "*", nil, nil
}

// theCluster is the cluster's ARN in a path that has others too.
func theCluster(_ context.Context, a *asked) (string, map[string]string, error) {
	return a.in.Segments["clusterArn"], nil, nil
}

// member is an ARN in a member of the request.
func member(name string) target {
	return func(_ context.Context, a *asked) (string, map[string]string, error) {
		if v := text(a.req, name); v != nil {
			return *v, nil, nil
		}
		return "*", nil, nil
	}
}

// across is for operations that are about no one resource within an account, and
// about the resource for others, whom only its policy lets in.
func across(inner target) target {
	return func(ctx context.Context, a *asked) (string, map[string]string, error) {
		arn, tags, err := inner(ctx, a)
		if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && parts[4] != a.caller.Account {
			return arn, tags, err
		}
		return "*", nil, err
	}
}

// entity is something of iam that a member names; without a name it is the
// caller.
func entity(kind, name string) target {
	return func(ctx context.Context, a *asked) (string, map[string]string, error) {
		v := text(a.req, name)
		if v == nil {
			return a.caller.ARN, nil, nil
		}
		path := ""
		if given := text(a.req, "Path"); given != nil {
			path = *given
		}
		return a.identity.Described(ctx, a.caller, kind, *v, path)
	}
}

// renamed is what an entity becomes by another name or path.
func renamed(kind, name string) target {
	return func(ctx context.Context, a *asked) (string, map[string]string, error) {
		arn, tags, err := entity(kind, name)(ctx, a)
		if path := text(a.req, "NewPath"); path != nil {
			arn = arn[:strings.IndexByte(arn, '/')] + *path + *text(a.req, name)
		}
		if other := text(a.req, "New"+name); other != nil {
			arn = arn[:strings.LastIndexByte(arn, '/')+1] + *other
		}
		return arn, tags, err
	}
}

// linkedRole is the role that a service is to get.
func linkedRole(_ context.Context, a *asked) (string, map[string]string, error) {
	service := *text(a.req, "AWSServiceName")
	name, ok := iam.LinkedRole(service)
	if !ok {
		name = "*"
	}
	return "arn:" + a.caller.Partition() + ":iam::" + a.caller.Account + ":role/aws-service-role/" + service + "/" + name, nil, nil
}

// text is a string member of a request; nil when it is absent or not there.
func text(req model.Request, name string) *string {
	f := reflect.Indirect(reflect.ValueOf(req)).FieldByName(name)
	if !f.IsValid() {
		return nil
	}
	v, _ := f.Interface().(*string)
	return v
}

// everywhere is for operations that are about no one resource.
var everywhere = permission{}

// permissions is the table of every operation that is served; Millrace's own
// operations are judged by the ARN in their path.
var permissions = map[string]map[string]permission{
	"kafka": {
		"CreateCluster": {tags: "kafka:TagResource", uses: asCaller(lookAtNetwork...)}, "CreateClusterV2": {tags: "kafka:TagResource", uses: asCaller(lookAtNetwork...)},
		"DeleteCluster": {on: inPath}, "DescribeCluster": {on: inPath}, "DescribeClusterV2": {on: inPath}, "ListNodes": {on: inPath},
		"GetBootstrapBrokers": {on: across(inPath)}, "GetCompatibleKafkaVersions": {on: across(member("ClusterArn"))}, "ListClusters": everywhere, "ListClustersV2": everywhere, "ListKafkaVersions": everywhere,
		"ListTagsForResource": {on: inPath}, "TagResource": {on: inPath}, "UntagResource": {on: inPath},
		"DescribeClusterOperation": everywhere, "DescribeClusterOperationV2": everywhere,
		"ListClusterOperations": {on: inPath}, "ListClusterOperationsV2": {on: inPath}, "RebootBroker": {on: inPath},
		"UpdateBrokerCount": {on: inPath}, "UpdateBrokerStorage": {on: inPath}, "UpdateBrokerType": {on: inPath}, "UpdateClusterConfiguration": {on: inPath},
		"UpdateClusterKafkaVersion": {on: inPath}, "UpdateConnectivity": {on: inPath, uses: asCaller("ec2:DescribeSubnets", "ec2:DescribeRouteTables")}, "UpdateMonitoring": {on: inPath, uses: asCaller()}, "UpdateRebalancing": {on: inPath}, "UpdateSecurity": {on: inPath}, "UpdateStorage": {on: inPath},
		"CreateConfiguration": everywhere, "ListConfigurations": everywhere, "DeleteConfiguration": {on: inPath}, "DescribeConfiguration": {on: inPath},
		"DescribeConfigurationRevision": {on: inPath}, "ListConfigurationRevisions": {on: inPath}, "UpdateConfiguration": {on: inPath},
		"BatchAssociateScramSecret": {on: inPath}, "BatchDisassociateScramSecret": {on: inPath}, "ListScramSecrets": {on: inPath},
		"CreateTopic": onTopic("CreateTopic"), "DeleteTopic": onTopic("DescribeTopic", "DeleteTopic"), "UpdateTopic": onTopic("DescribeTopic", "AlterTopic", "AlterTopicDynamicConfiguration"),
		"DescribeTopic": onTopic("DescribeTopic", "DescribeTopicDynamicConfiguration"), "DescribeTopicPartitions": onTopic("DescribeTopic", "DescribeTopicDynamicConfiguration"),
		"ListTopics":            {on: inPath, also: []also{{"kafka-cluster:Connect", inPath}}}, // and DescribeTopic on each that it shows
		"CreateVpcConnection":   {on: member("TargetClusterArn"), also: []also{{"kafka:CreateVpcConnection", newVPCConnection}}, uses: asCaller(lookAtNetwork...)},
		"DescribeVpcConnection": {on: inPath}, "DeleteVpcConnection": {on: inPath}, "ListVpcConnections": everywhere,
		"ListClientVpcConnections": {on: inPath}, "RejectClientVpcConnection": {on: inPath},
		"CreateAssessment": {on: theCluster, tags: "kafka:TagResource"}, "DescribeAssessment": {on: theCluster}, "ListAssessments": {on: theCluster}, "ListAssessmentFindings": {on: theCluster}, "DeleteAssessment": {on: theCluster},
		"StartTopicReassignment": {on: theCluster}, "StopTopicReassignment": {on: theCluster}, "DescribeTopicReassignment": {on: theCluster}, "ListTopicReassignments": {on: theCluster},
		"PutClusterPolicy": {on: inPath}, "GetClusterPolicy": {on: inPath}, "DeleteClusterPolicy": {on: inPath},
	},
	"sts": {
		"AssumeRole": {own: true}, "AssumeRoleWithWebIdentity": {own: true}, "GetAccessKeyInfo": everywhere, "GetCallerIdentity": everywhere, "GetSessionToken": everywhere,
	},
	"ec2":            ec2Permissions(),
	"iam":            iamPermissions(),
	"kms":            kmsPermissions(),
	"secretsmanager": secretsPermissions(),
	"acm-pca":        pcaPermissions(),
	"monitoring":     metricsPermissions(),
	"logs":           logsPermissions(),
	"servicequotas":  quotaPermissions(),

	"ssm":                     parameterPermissions(),
	"application-autoscaling": autoscalingPermissions(),
}

func iamPermissions() map[string]permission {
	user, group, role := entity("user", "UserName"), entity("group", "GroupName"), entity("role", "RoleName")
	profile, policyARN := entity("instance-profile", "InstanceProfileName"), member("PolicyArn")
	out := map[string]permission{
		"CreateUser": {on: user, tags: "iam:TagUser"}, "CreateRole": {on: role, tags: "iam:TagRole"}, "CreateGroup": {on: group},
		"CreatePolicy":             {on: entity("policy", "PolicyName"), tags: "iam:TagPolicy"},
		"CreateInstanceProfile":    {on: profile, tags: "iam:TagInstanceProfile"},
		"AddRoleToInstanceProfile": {on: profile, passes: "RoleName", to: "ec2.amazonaws.com"},
		"CreateServiceLinkedRole":  {on: linkedRole},
		"UpdateUser":               {on: user, also: []also{{"iam:UpdateUser", renamed("user", "UserName")}}},
		"UpdateGroup":              {on: group, also: []also{{"iam:UpdateGroup", renamed("group", "GroupName")}}},
		"SimulatePrincipalPolicy":  {on: member("PolicySourceArn")},
	}
	for _, row := range []struct {
		on    target
		names []string
	}{
		{user, []string{"CreateAccessKey", "DeleteAccessKey", "DeleteLoginProfile", "DeleteUser", "DeleteUserPermissionsBoundary", "DeleteUserPolicy", "GetLoginProfile", "GetUser", "GetUserPolicy",
			"ListAccessKeys", "ListAttachedUserPolicies", "ListGroupsForUser", "ListMFADevices", "ListSSHPublicKeys", "ListServiceSpecificCredentials",
			"ListSigningCertificates", "ListUserPolicies", "ListUserTags", "PutUserPermissionsBoundary", "PutUserPolicy", "TagUser", "UntagUser", "UpdateAccessKey",
			"AttachUserPolicy", "DetachUserPolicy"}},
		{group, []string{"AddUserToGroup", "RemoveUserFromGroup", "DeleteGroup", "DeleteGroupPolicy", "GetGroup", "GetGroupPolicy", "ListAttachedGroupPolicies", "ListGroupPolicies",
			"PutGroupPolicy", "AttachGroupPolicy", "DetachGroupPolicy"}},
		{role, []string{"DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DeleteServiceLinkedRole", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies",
			"ListInstanceProfilesForRole", "ListRolePolicies", "ListRoleTags", "PutRolePermissionsBoundary", "PutRolePolicy", "TagRole", "UntagRole",
			"UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription", "AttachRolePolicy", "DetachRolePolicy"}},
		{profile, []string{"DeleteInstanceProfile", "GetInstanceProfile", "ListInstanceProfileTags", "RemoveRoleFromInstanceProfile", "TagInstanceProfile", "UntagInstanceProfile"}},
		{policyARN, []string{"CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "GetPolicy", "GetPolicyVersion", "ListEntitiesForPolicy", "ListPolicyTags",
			"ListPolicyVersions", "SetDefaultPolicyVersion", "TagPolicy", "UntagPolicy"}},
	} {
		for _, name := range row.names {
			out[name] = permission{on: row.on}
		}
	}
	for _, name := range []string{"GetAccessKeyLastUsed", "GetAccountAuthorizationDetails", "GetAccountSummary", "GetServiceLinkedRoleDeletionStatus", "ListAccountAliases",
		"ListGroups", "ListInstanceProfiles", "ListPolicies", "ListRoles", "ListUsers", "ListVirtualMFADevices", "SimulateCustomPolicy"} {
		out[name] = everywhere
	}
	maps.Copy(out, oidcPermissions())
	return out
}

// permissionOf finds an operation's row. What has none is refused to everybody.
func permissionOf(service, operation string) (permission, bool) {
	if service == "millrace" {
		return permission{on: inPath}, true
	}
	p, ok := permissions[service][operation]
	return p, ok
}

// authorize asks for everything that a call needs.
func (h *handler) authorize(ctx context.Context, s *service, op model.Operation, caller model.Caller, in *model.Input, req model.Request) error {
	p, ok := permissionOf(s.name, op.Name)
	switch {
	case !ok:
		return fmt.Errorf("%s:%s has no row in the table of permissions", s.name, op.Name)
	case p.own:
		return nil
	}
	a := &asked{h.cfg.Identity, caller, in, req}
	q := iam.Question{Caller: caller, Action: s.name + ":" + op.Name, Resource: "*", Context: contextOf(s.name, req)}
	if p.action != "" {
		q.Action = p.action
	}
	if s.name == "kms" {
		aboutKey(&q, req)
	}
	if p.on != nil {
		var err error
		if q.Resource, q.Tags, err = p.on(ctx, a); err != nil {
			return err
		}
	}
	if p.each != nil {
		return h.authorizeEach(ctx, p.each(a), q)
	}
	if err := h.cfg.Authorizer.Authorize(ctx, &q); err != nil {
		return err
	}
	if _, tagged := q.Context["aws:tagkeys"]; tagged && p.tags != "" {
		tagging := q
		tagging.Action = p.tags
		if err := h.cfg.Authorizer.Authorize(ctx, &tagging); err != nil {
			return err
		}
	}
	more := p.also
	if p.uses != nil {
		more = slices.Concat(more, p.uses(a))
	}
	if err := h.authorizeAlso(ctx, more, q, a); err != nil {
		return err
	}
	if p.passes == "" {
		return nil
	}
	pass := iam.Question{Caller: caller, Action: "iam:PassRole", Context: policy.Map{"iam:passedtoservice": {p.to}}}
	var err error
	if pass.Resource, pass.Tags, err = entity("role", p.passes)(ctx, a); err != nil {
		return err
	}
	return h.cfg.Authorizer.Authorize(ctx, &pass)
}

// authorizeEach asks about every resource of a call, once about "*" where it
// names none.
func (h *handler) authorizeEach(ctx context.Context, resources []string, q iam.Question) error {
	for i := range max(1, len(resources)) {
		next := q
		if len(resources) > 0 {
			next.Resource = resources[i]
		}
		if err := h.cfg.Authorizer.Authorize(ctx, &next); err != nil {
			return err
		}
	}
	return nil
}

// also is a further question about a call: another action, on another resource.
type also struct {
	action string
	on     target
}

func (h *handler) authorizeAlso(ctx context.Context, more []also, q iam.Question, a *asked) error {
	for _, m := range more {
		next := iam.Question{Caller: q.Caller, Action: m.action, Context: q.Context}
		var err error
		if next.Resource, next.Tags, err = m.on(ctx, a); err != nil {
			return err
		}
		if strings.HasPrefix(m.action, "kms:") {
			aboutKey(&next, a.req)
		}
		if err := h.cfg.Authorizer.Authorize(ctx, &next); err != nil {
			return err
		}
	}
	return nil
}

// contextOf is the condition keys that stand in a request: its tags, and what
// the service has keys for.
func contextOf(service string, req model.Request) policy.Map {
	out := make(policy.Map)
	tags := requestTags(req)
	for key, value := range tags {
		out["aws:requesttag/"+strings.ToLower(key)] = []string{value}
	}
	if len(tags) > 0 {
		out["aws:tagkeys"] = slices.Sorted(maps.Keys(tags))
	}
	if keys := reflect.Indirect(reflect.ValueOf(req)); keys.Kind() == reflect.Struct && keys.FieldByName("TagKeys").IsValid() {
		if list, ok := keys.FieldByName("TagKeys").Interface().([]string); ok && len(list) > 0 {
			out["aws:tagkeys"] = list
		}
	}
	connectivityKeys(out, req)
	if v := text(req, "Namespace"); service == "monitoring" && v != nil {
		out["cloudwatch:namespace"] = []string{*v}
	}
	if service == "application-autoscaling" {
		for member, key := range map[string]string{"ServiceNamespace": "application-autoscaling:service-namespace", "ScalableDimension": "application-autoscaling:scalable-dimension"} {
			if v := text(req, member); v != nil {
				out[key] = []string{*v}
			}
		}
	}
	if service == "iam" {
		for member, key := range map[string]string{"PolicyArn": "iam:policyarn", "PermissionsBoundary": "iam:permissionsboundary", "AWSServiceName": "iam:awsservicename"} {
			if v := text(req, member); v != nil {
				out[key] = []string{*v}
			}
		}
	}
	return out
}

// requestTags is the tags in a request: a map, or a list of keys and values.
func requestTags(req model.Request) map[string]string {
	v := reflect.Indirect(reflect.ValueOf(req))
	if v.Kind() != reflect.Struct {
		return nil
	}
	if specs := v.FieldByName("TagSpecifications"); specs.IsValid() {
		if list, ok := specs.Interface().([]ec2.TagSpecification); ok {
			return specifiedTags(list)
		}
	}
	f := v.FieldByName("Tags")
	if !f.IsValid() {
		return nil
	}
	if tags, ok := f.Interface().(map[string]string); ok {
		return tags
	}
	out := make(map[string]string)
	if f.Kind() != reflect.Slice || f.Type().Elem().Kind() != reflect.Struct {
		return nil
	}
	for i := range f.Len() {
		key, value := pair(f.Index(i))
		if key != nil && value != nil {
			out[*key] = *value
		}
	}
	return out
}

// pair reads Key and Value, which some services call TagKey and TagValue.
func pair(v reflect.Value) (key, value *string) {
	for i := range v.NumField() {
		s, _ := v.Field(i).Interface().(*string)
		switch v.Type().Field(i).Name {
		case "Key", "TagKey":
			key = s
		case "Value", "TagValue":
			value = s
		}
	}
	return key, value
}
