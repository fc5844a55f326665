// Command aws generates aws/model/... from facts files: names, types,
// constraints and bindings of the operations that are served, and the names of
// all others. The facts files hold no prose; -botocore makes them again from
// botocore's public service models.
//
//	go run ./internal/gen/aws
//	go run ./internal/gen/aws -botocore DIR/botocore/data
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
)

// service is one service that is generated.
type service struct {
	name     string // package name
	model    string // its model below botocore's data directory
	protocol string // rest-json, json, query, ec2, or jsonAndQuery
	served   []string
}

// jsonAndQuery is a service whose shapes are read and written in the json
// protocols and in the query protocol.
const jsonAndQuery = "json+query"

func (s service) json() bool { return s.protocol == "json" || s.protocol == jsonAndQuery }

// services says which operations of which services are served.
var services = []service{
	{name: "kafka", model: "kafka/2018-11-14", protocol: "rest-json", served: []string{
		"BatchAssociateScramSecret", "BatchDisassociateScramSecret", "CreateAssessment", "CreateCluster", "CreateClusterV2",
		"CreateConfiguration", "CreateTopic", "CreateVpcConnection", "DeleteAssessment", "DeleteCluster",
		"DeleteClusterPolicy", "DeleteConfiguration", "DeleteTopic", "DeleteVpcConnection", "DescribeAssessment",
		"DescribeCluster", "DescribeClusterOperation", "DescribeClusterOperationV2", "DescribeClusterV2",
		"DescribeConfiguration", "DescribeConfigurationRevision", "DescribeTopic", "DescribeTopicPartitions",
		"DescribeTopicReassignment", "DescribeVpcConnection", "GetBootstrapBrokers", "GetClusterPolicy",
		"GetCompatibleKafkaVersions", "ListAssessmentFindings", "ListAssessments", "ListClientVpcConnections",
		"ListClusterOperations", "ListClusterOperationsV2", "ListClusters", "ListClustersV2", "ListConfigurationRevisions",
		"ListConfigurations", "ListKafkaVersions", "ListNodes", "ListScramSecrets", "ListTagsForResource",
		"ListTopicReassignments", "ListTopics", "ListVpcConnections", "PutClusterPolicy", "RebootBroker",
		"RejectClientVpcConnection", "StartTopicReassignment", "StopTopicReassignment", "TagResource", "UntagResource",
		"UpdateBrokerCount", "UpdateBrokerStorage", "UpdateBrokerType", "UpdateClusterConfiguration",
		"UpdateClusterKafkaVersion", "UpdateConfiguration", "UpdateConnectivity", "UpdateMonitoring", "UpdateRebalancing",
		"UpdateSecurity", "UpdateStorage", "UpdateTopic",
	}},
	{name: "servicequotas", model: "service-quotas/2019-06-24", protocol: "json", served: []string{
		"GetAWSDefaultServiceQuota", "GetRequestedServiceQuotaChange", "GetServiceQuota", "ListAWSDefaultServiceQuotas",
		"ListRequestedServiceQuotaChangeHistory", "ListRequestedServiceQuotaChangeHistoryByQuota", "ListServiceQuotas", "ListServices",
		"RequestServiceQuotaIncrease",
	}},
	{name: "sts", model: "sts/2011-06-15", protocol: "query", served: []string{
		"AssumeRole", "AssumeRoleWithWebIdentity", "GetAccessKeyInfo", "GetCallerIdentity", "GetSessionToken",
	}},
	{name: "iam", model: "iam/2010-05-08", protocol: "query", served: []string{
		"AddClientIDToOpenIDConnectProvider", "AddRoleToInstanceProfile", "AddUserToGroup", "AttachGroupPolicy", "AttachRolePolicy", "AttachUserPolicy",
		"CreateAccessKey", "CreateGroup", "CreateInstanceProfile", "CreateOpenIDConnectProvider", "CreatePolicy", "CreatePolicyVersion", "CreateRole",
		"CreateServiceLinkedRole", "CreateUser", "DeleteAccessKey", "DeleteGroup", "DeleteGroupPolicy",
		"DeleteInstanceProfile", "DeleteLoginProfile", "DeleteOpenIDConnectProvider", "DeletePolicy", "DeletePolicyVersion", "DeleteRole", "DeleteRolePermissionsBoundary",
		"DeleteRolePolicy", "DeleteServiceLinkedRole", "DeleteUser", "DeleteUserPermissionsBoundary", "DeleteUserPolicy",
		"DetachGroupPolicy", "DetachRolePolicy", "DetachUserPolicy", "GetAccessKeyLastUsed",
		"GetAccountAuthorizationDetails", "GetAccountSummary", "GetGroup", "GetGroupPolicy", "GetInstanceProfile",
		"GetLoginProfile", "GetOpenIDConnectProvider", "GetPolicy", "GetPolicyVersion", "GetRole", "GetRolePolicy", "GetServiceLinkedRoleDeletionStatus",
		"GetUser", "GetUserPolicy", "ListAccessKeys", "ListAccountAliases", "ListAttachedGroupPolicies",
		"ListAttachedRolePolicies", "ListAttachedUserPolicies", "ListEntitiesForPolicy", "ListGroupPolicies", "ListGroups",
		"ListGroupsForUser", "ListInstanceProfileTags", "ListInstanceProfiles", "ListInstanceProfilesForRole",
		"ListMFADevices", "ListOpenIDConnectProviderTags", "ListOpenIDConnectProviders", "ListPolicies", "ListPolicyTags", "ListPolicyVersions", "ListRolePolicies", "ListRoleTags",
		"ListRoles", "ListSSHPublicKeys", "ListServiceSpecificCredentials", "ListSigningCertificates", "ListUserPolicies",
		"ListUserTags", "ListUsers", "ListVirtualMFADevices", "PutGroupPolicy", "PutRolePermissionsBoundary", "PutRolePolicy",
		"PutUserPermissionsBoundary", "PutUserPolicy", "RemoveClientIDFromOpenIDConnectProvider", "RemoveRoleFromInstanceProfile", "RemoveUserFromGroup",
		"SetDefaultPolicyVersion", "SimulateCustomPolicy", "SimulatePrincipalPolicy", "TagInstanceProfile", "TagOpenIDConnectProvider", "TagPolicy",
		"TagRole", "TagUser", "UntagInstanceProfile", "UntagOpenIDConnectProvider", "UntagPolicy", "UntagRole", "UntagUser", "UpdateAccessKey",
		"UpdateAssumeRolePolicy", "UpdateGroup", "UpdateOpenIDConnectProviderThumbprint", "UpdateRole", "UpdateRoleDescription", "UpdateUser",
	}},
	{name: "ec2", model: "ec2/2016-11-15", protocol: "ec2", served: []string{
		"AllocateAddress", "AssociateRouteTable", "AssociateSubnetCidrBlock", "AssociateVpcCidrBlock", "AttachInternetGateway",
		"AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateDefaultSubnet", "CreateDefaultVpc",
		"CreateInternetGateway", "CreateNatGateway", "CreateRoute", "CreateRouteTable", "CreateSecurityGroup", "CreateSubnet",
		"CreateTags", "CreateVpc", "DeleteInternetGateway", "DeleteNatGateway", "DeleteRoute", "DeleteRouteTable",
		"DeleteSecurityGroup", "DeleteSubnet", "DeleteTags", "DeleteVpc", "DescribeAccountAttributes", "DescribeAddresses",
		"DescribeAddressesAttribute", "DescribeAvailabilityZones", "DescribeDhcpOptions", "DescribeInternetGateways",
		"DescribeNatGateways", "DescribeNetworkAcls", "DescribeNetworkInterfaces", "DescribeRegions", "DescribeRouteTables",
		"DescribeSecurityGroupRules", "DescribeSecurityGroups", "DescribeSubnets", "DescribeTags", "DescribeVpcAttribute",
		"DescribeVpcEndpoints", "DescribeVpcs", "DetachInternetGateway", "DisassociateAddress", "DisassociateRouteTable",
		"DisassociateSubnetCidrBlock", "DisassociateVpcCidrBlock", "ModifySecurityGroupRules", "ModifySubnetAttribute", "ModifyVpcAttribute", "ReleaseAddress",
		"ReplaceRoute", "ReplaceRouteTableAssociation", "RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress",
		"UpdateSecurityGroupRuleDescriptionsEgress", "UpdateSecurityGroupRuleDescriptionsIngress",
	}},
	{name: "kms", model: "kms/2014-11-01", protocol: "json", served: []string{
		"CancelKeyDeletion", "CreateAlias", "CreateGrant", "CreateKey", "Decrypt", "DeleteAlias", "DescribeKey",
		"DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "Encrypt", "GenerateDataKey",
		"GenerateDataKeyWithoutPlaintext", "GenerateRandom", "GetKeyPolicy", "GetKeyRotationStatus", "ListAliases",
		"ListGrants", "ListKeyPolicies", "ListKeys", "ListResourceTags", "ListRetirableGrants", "PutKeyPolicy", "ReEncrypt",
		"RetireGrant", "RevokeGrant", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias",
		"UpdateKeyDescription",
	}},
	{name: "secretsmanager", model: "secretsmanager/2017-10-17", protocol: "json", served: []string{
		"CreateSecret", "DeleteResourcePolicy", "DeleteSecret", "DescribeSecret", "GetRandomPassword", "GetResourcePolicy",
		"GetSecretValue", "ListSecretVersionIds", "ListSecrets", "PutResourcePolicy", "PutSecretValue", "RestoreSecret",
		"TagResource", "UntagResource", "UpdateSecret", "UpdateSecretVersionStage", "ValidateResourcePolicy",
	}},
	{name: "acmpca", model: "acm-pca/2017-08-22", protocol: "json", served: []string{
		"CreateCertificateAuthority", "CreatePermission", "DeleteCertificateAuthority", "DeletePermission",
		"DescribeCertificateAuthority", "GetCertificate", "GetCertificateAuthorityCertificate", "GetCertificateAuthorityCsr",
		"ImportCertificateAuthorityCertificate", "IssueCertificate", "ListCertificateAuthorities", "ListPermissions",
		"ListTags", "RestoreCertificateAuthority", "RevokeCertificate", "TagCertificateAuthority",
		"UntagCertificateAuthority", "UpdateCertificateAuthority",
	}},
	{name: "cloudwatch", model: "cloudwatch/2010-08-01", protocol: jsonAndQuery, served: []string{
		"DeleteAlarms", "DescribeAlarmHistory", "DescribeAlarms", "DisableAlarmActions", "EnableAlarmActions",
		"GetMetricData", "GetMetricStatistics", "ListMetrics", "ListTagsForResource", "PutMetricAlarm", "PutMetricData",
		"SetAlarmState", "TagResource", "UntagResource",
	}},
	{name: "logs", model: "logs/2014-03-28", protocol: "json", served: []string{
		"AssociateKmsKey", "CreateLogGroup", "CreateLogStream", "DeleteLogGroup", "DeleteLogStream", "DeleteResourcePolicy",
		"DeleteRetentionPolicy", "DescribeLogGroups", "DescribeLogStreams", "DescribeResourcePolicies", "DisassociateKmsKey",
		"FilterLogEvents", "GetLogEvents", "ListTagsForResource", "ListTagsLogGroup", "PutLogEvents", "PutLogGroupDeletionProtection", "PutResourcePolicy",
		"PutRetentionPolicy", "TagLogGroup", "TagResource", "UntagLogGroup", "UntagResource",
	}},
	{name: "ssm", model: "ssm/2014-11-06", protocol: "json", served: []string{
		"AddTagsToResource", "DeleteParameter", "DeleteParameters", "DescribeParameters", "GetParameter", "GetParameterHistory",
		"GetParameters", "GetParametersByPath", "LabelParameterVersion", "ListTagsForResource", "PutParameter",
		"RemoveTagsFromResource", "UnlabelParameterVersion",
	}},
	{name: "applicationautoscaling", model: "application-autoscaling/2016-02-06", protocol: "json", served: []string{
		"DeleteScalingPolicy", "DeregisterScalableTarget", "DescribeScalableTargets", "DescribeScalingActivities",
		"DescribeScalingPolicies", "ListTagsForResource", "PutScalingPolicy", "RegisterScalableTarget", "TagResource",
		"UntagResource",
	}},
}

// notEnforced are constraints of the models that the services do not have.
var notEnforced = map[string]bool{
	"__integerMin1Max15 max": true, // numberOfBrokerNodes: really 30 with ZooKeeper and 60 with KRaft, as aws/msk knows
}

func main() {
	botocore := flag.String("botocore", "", "botocore's data directory, to make the facts again")
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	if err := run(*root, *botocore); err != nil {
		fmt.Fprintln(os.Stderr, "aws:", err)
		os.Exit(1)
	}
}

func run(root, botocore string) error {
	for _, s := range services {
		file := filepath.Join(root, "internal/gen/aws/models", s.name+".json")
		if botocore != "" {
			if err := extract(botocore, s, file); err != nil {
				return fmt.Errorf("extract %s: %w", s.name, err)
			}
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var f facts
		if err := json.Unmarshal(data, &f); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := generate(root, s, &f); err != nil {
			return fmt.Errorf("generate %s: %w", s.name, err)
		}
	}
	return nil
}

func generate(root string, s service, f *facts) error {
	dir := filepath.Join(root, "aws/model", s.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, write := range map[string]func(*writer){
		"shapes_gen.go": (*writer).shapes, "validate_gen.go": (*writer).validators, "service_gen.go": (*writer).service,
	} {
		w := &writer{s: s, f: f}
		write(w)
		src, err := format.Source(w.buf.Bytes())
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, w.buf.Bytes())
		}
		if err := os.WriteFile(filepath.Join(dir, name), src, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writer writes one generated file.
type writer struct {
	s   service
	f   *facts
	buf bytes.Buffer
}

func (w *writer) p(format string, args ...any) { fmt.Fprintf(&w.buf, format+"\n", args...) }

func (w *writer) begin(imports ...string) {
	w.p("// Code generated by internal/gen/aws; DO NOT EDIT.\n\npackage %s\n", w.s.name)
	if len(imports) > 0 {
		w.p("import (")
		for _, i := range imports {
			w.p("%q", i)
		}
		w.p(")")
	}
}
