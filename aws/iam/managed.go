package iam

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// awsAccount stands in the ARNs of AWS's own managed policies.
const awsAccount = "aws"

// managedInfo is one of AWS's own managed policies: its place and what it
// grants. Names and grants are facts of the "AWS managed policy reference"; the
// documents are ours and grant the same of the services that are here.
type managedInfo struct {
	path       string
	statements []statement
}

type statement struct {
	Effect    string
	Action    []string                       `json:",omitempty"`
	NotAction []string                       `json:",omitempty"`
	Resource  []string                       `json:",omitempty"`
	Condition map[string]map[string][]string `json:",omitempty"`
}

func allow(actions ...string) statement {
	return statement{Effect: "Allow", Action: actions, Resource: []string{"*"}}
}

func (s statement) on(resources ...string) statement {
	s.Resource = resources
	return s
}

func (s statement) when(operator, key string, values ...string) statement {
	s.Condition = map[string]map[string][]string{operator: {key: values}}
	return s
}

// linkedRole lets a policy make a service's linked role.
func linkedRole(service, role string) statement {
	return allow("iam:CreateServiceLinkedRole").on("arn:aws:iam::*:role/aws-service-role/"+service+"/"+role+"*").
		when("StringLike", "iam:AWSServiceName", service)
}

// managedPolicies is AWS's own managed policies by name.
func managedPolicies() map[string]managedInfo {
	out := make(map[string]managedInfo)
	at := func(path, name string, statements ...statement) { out[name] = managedInfo{path, statements} }
	generalPolicies(at)
	kafkaPolicies(at)
	servicePolicies(at)
	return out
}

func generalPolicies(at func(path, name string, statements ...statement)) {
	at("/", "AdministratorAccess", allow("*"))
	at("/", "PowerUserAccess",
		statement{Effect: "Allow", NotAction: []string{"iam:*", "organizations:*", "account:*"}, Resource: []string{"*"}},
		allow("account:GetAccountInformation", "account:GetPrimaryEmail", "account:ListRegions", "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles", "organizations:DescribeOrganization"))
	at("/", "ReadOnlyAccess", allow(readOnly()...))
	at("/job-function/", "ViewOnlyAccess", allow("ec2:Describe*", "iam:List*", "iam:GetAccountSummary", "kafka:Describe*", "kafka:List*", "kafkaconnect:List*", "secretsmanager:List*", "kms:ListAliases", "kms:ListKeys"))
	at("/", "SecurityAudit", allow("iam:Get*", "iam:List*", "iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy", "kafka:Describe*", "kafka:List*", "kms:Describe*", "kms:Get*", "kms:List*", "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:List*", "ec2:Describe*", "sts:GetCallerIdentity"))
	at("/", "IAMFullAccess", allow("iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization", "organizations:ListPolicies"))
	at("/", "IAMReadOnlyAccess", allow("iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Get*", "iam:List*", "iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy"))
	at("/", "IAMUserChangePassword", allow("iam:ChangePassword").on("arn:aws:iam::*:user/${aws:username}"), allow("iam:GetAccountPasswordPolicy"))
}

// readOnly is what reads of the services that a stack around Kafka has. Values
// of secrets are not among it.
func readOnly() []string {
	out := []string{"secretsmanager:Describe*", "secretsmanager:GetResourcePolicy", "secretsmanager:List*", "kms:Describe*", "kms:Get*", "kms:List*", "sts:GetAccessKeyInfo", "sts:GetCallerIdentity", "sts:GetSessionToken", "iam:Generate*", "iam:Simulate*", "logs:FilterLogEvents", "logs:StartQuery"}
	for _, service := range []string{"acm-pca", "autoscaling", "cloudformation", "cloudwatch", "dynamodb", "ec2", "elasticloadbalancing", "firehose", "glue", "iam", "kafka", "kafkaconnect", "lambda", "logs", "rds", "s3", "sns", "sqs", "ssm", "tag"} {
		out = append(out, service+":Describe*", service+":Get*", service+":List*")
	}
	return out
}

func kafkaPolicies(at func(path, name string, statements ...statement)) {
	at("/", "AmazonMSKFullAccess",
		allow("kafka:*", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:DescribeSecurityGroups", "ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcAttribute", "kms:DescribeKey", "kms:CreateGrant", "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups", "S3:GetBucketPolicy", "firehose:TagDeliveryStream"),
		allow("ec2:CreateVpcEndpoint").on("arn:*:ec2:*:*:vpc/*", "arn:*:ec2:*:*:subnet/*", "arn:*:ec2:*:*:security-group/*"),
		allow("ec2:CreateVpcEndpoint").on("arn:*:ec2:*:*:vpc-endpoint/*").when("StringEquals", "aws:RequestTag/AWSMSKManaged", "true"),
		allow("ec2:CreateTags").on("arn:*:ec2:*:*:vpc-endpoint/*").when("StringEquals", "ec2:CreateAction", "CreateVpcEndpoint"),
		allow("ec2:DeleteVpcEndpoints").on("arn:*:ec2:*:*:vpc-endpoint/*").when("StringEquals", "ec2:ResourceTag/AWSMSKManaged", "true"),
		allow("iam:PassRole").when("StringEquals", "iam:PassedToService", "kafka.amazonaws.com"),
		linkedRole("kafka.amazonaws.com", "AWSServiceRoleForKafka"),
		allow("iam:AttachRolePolicy", "iam:PutRolePolicy").on("arn:aws:iam::*:role/aws-service-role/kafka.amazonaws.com/AWSServiceRoleForKafka*"),
		linkedRole("delivery.logs.amazonaws.com", "AWSServiceRoleForLogDelivery"))
	at("/", "AmazonMSKReadOnlyAccess", allow("kafka:Describe*", "kafka:List*", "kafka:Get*", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "kms:DescribeKey"))
	at("/", "AmazonMSKConnectReadOnlyAccess",
		allow("kafkaconnect:ListConnectors", "kafkaconnect:ListCustomPlugins", "kafkaconnect:ListWorkerConfigurations"),
		allow("kafkaconnect:DescribeConnector").on("arn:aws:kafkaconnect:*:*:connector/*"),
		allow("kafkaconnect:DescribeCustomPlugin").on("arn:aws:kafkaconnect:*:*:custom-plugin/*"),
		allow("kafkaconnect:DescribeWorkerConfiguration").on("arn:aws:kafkaconnect:*:*:worker-configuration/*"))
	at("/service-role/", "AWSMSKReplicatorExecutionRole",
		allow("kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:AlterCluster", "kafka-cluster:DescribeTopic", "kafka-cluster:CreateTopic", "kafka-cluster:AlterTopic", "kafka-cluster:WriteData", "kafka-cluster:ReadData", "kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup", "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:AlterTopicDynamicConfiguration", "kafka-cluster:WriteDataIdempotently").on("arn:aws:kafka:*:*:cluster/*"),
		allow("kafka-cluster:DescribeTopic", "kafka-cluster:CreateTopic", "kafka-cluster:AlterTopic", "kafka-cluster:WriteData", "kafka-cluster:ReadData", "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:AlterTopicDynamicConfiguration", "kafka-cluster:AlterCluster").on("arn:aws:kafka:*:*:topic/*/*"),
		allow("kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup").on("arn:aws:kafka:*:*:group/*/*"))
	network := []string{"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:CreateNetworkInterfacePermission", "ec2:AttachNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DetachNetworkInterface"}
	at("/service-role/", "AWSLambdaMSKExecutionRole", allow(append([]string{"kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers", "ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}, network...)...))
	at("/aws-service-role/", "KafkaServiceRolePolicy",
		allow(append([]string{"ec2:DescribeVpcEndpoints", "acm-pca:GetCertificateAuthorityCertificate", "secretsmanager:ListSecrets"}, network...)...),
		allow("secretsmanager:GetResourcePolicy", "secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy", "secretsmanager:DescribeSecret").when("ArnLike", "secretsmanager:SecretId", "arn:*:secretsmanager:*:*:secret:AmazonMSK_*"))
	at("/aws-service-role/", "KafkaConnectServiceRolePolicy", allow(network...))
}

func servicePolicies(at func(path, name string, statements ...statement)) {
	at("/", "AmazonEC2FullAccess", allow("ec2:*", "elasticloadbalancing:*", "cloudwatch:*", "autoscaling:*"))
	at("/", "AmazonEC2ReadOnlyAccess", allow("ec2:Describe*", "elasticloadbalancing:Describe*", "cloudwatch:ListMetrics", "cloudwatch:GetMetricStatistics", "cloudwatch:Describe*", "autoscaling:Describe*"))
	at("/", "AmazonVPCFullAccess", allow("ec2:*Vpc*", "ec2:*Subnet*", "ec2:*SecurityGroup*", "ec2:Describe*"))
	at("/", "AmazonS3FullAccess", allow("s3:*", "s3-object-lambda:*"))
	at("/", "AmazonS3ReadOnlyAccess", allow("s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"))
	at("/", "CloudWatchFullAccess", allow("autoscaling:Describe*", "cloudwatch:*", "logs:*", "sns:*", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "oam:ListSinks"))
	at("/", "CloudWatchReadOnlyAccess", allow("autoscaling:Describe*", "cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*", "logs:Get*", "logs:List*", "logs:StartQuery", "logs:StopQuery", "logs:Describe*", "logs:TestMetricFilter", "logs:FilterLogEvents", "sns:Get*", "sns:List*"))
	at("/", "CloudWatchLogsFullAccess", allow("logs:*", "cloudwatch:GenerateQuery"))
	at("/", "SecretsManagerReadWrite", allow("secretsmanager:*", "kms:DescribeKey", "kms:ListAliases", "kms:ListKeys", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "tag:GetResources"))
	at("/", "AWSKeyManagementServicePowerUser", allow("kms:CreateAlias", "kms:CreateKey", "kms:DeleteAlias", "kms:Describe*", "kms:GenerateRandom", "kms:Get*", "kms:List*", "kms:TagResource", "kms:UntagResource", "iam:ListGroups", "iam:ListRoles", "iam:ListUsers"))
	at("/", "AWSCertificateManagerPrivateCAFullAccess", allow("acm-pca:*"))
	at("/", "AWSGlueSchemaRegistryFullAccess", allow("glue:CreateRegistry", "glue:UpdateRegistry", "glue:DeleteRegistry", "glue:GetRegistry", "glue:ListRegistries", "glue:CreateSchema", "glue:UpdateSchema", "glue:DeleteSchema", "glue:GetSchema", "glue:ListSchemas", "glue:RegisterSchemaVersion", "glue:DeleteSchemaVersions", "glue:GetSchemaByDefinition", "glue:GetSchemaVersion", "glue:GetSchemaVersionsDiff", "glue:ListSchemaVersions", "glue:CheckSchemaVersionValidity", "glue:PutSchemaVersionMetadata", "glue:RemoveSchemaVersionMetadata", "glue:QuerySchemaVersionMetadata", "glue:GetTags", "glue:TagResource", "glue:UntagResource"))
	at("/", "AWSGlueSchemaRegistryReadonlyAccess", allow("glue:GetRegistry", "glue:ListRegistries", "glue:GetSchema", "glue:ListSchemas", "glue:GetSchemaByDefinition", "glue:GetSchemaVersion", "glue:ListSchemaVersions", "glue:GetSchemaVersionsDiff", "glue:CheckSchemaVersionValidity", "glue:QuerySchemaVersionMetadata", "glue:GetTags"))
	at("/service-role/", "AWSLambdaBasicExecutionRole", allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"))
	at("/", "AmazonSSMManagedInstanceCore", allow("ssm:DescribeAssociation", "ssm:GetDocument", "ssm:GetParameter", "ssm:GetParameters", "ssm:UpdateInstanceInformation", "ssmmessages:*", "ec2messages:*"))
}

// awsBegan is when AWS's own policies say that they were made.
var awsBegan = time.Date(2015, 2, 6, 18, 40, 0, 0, time.UTC)

// awsPolicy makes one of AWS's own policies; nil when there is none of the name
// and path.
func (s *Service) awsPolicy(n name) *managed {
	info, ok := s.managed[n.name]
	if !ok || info.path != n.path {
		return nil
	}
	return info.policy(n.name)
}

func (info managedInfo) policy(name string) *managed {
	document, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", info.statements})
	if err != nil {
		panic("iam: a table of strings does not encode: " + err.Error())
	}
	sum := sha256.Sum256([]byte(name))
	return &managed{
		head:    head{Name: name, Path: info.path, ID: newID(policies.prefix, sum[:]), Created: awsBegan},
		Updated: awsBegan, Versions: []policyVersion{{1, string(document), awsBegan}}, Default: 1, Last: 1, aws: true,
	}
}

// awsPolicies lists AWS's own policies by name in lower case.
func (s *Service) awsPolicies() []*managed {
	var out []*managed
	for name, info := range s.managed {
		out = append(out, info.policy(name))
	}
	slices.SortFunc(out, func(a, b *managed) int { return strings.Compare(order(a), order(b)) })
	return out
}
