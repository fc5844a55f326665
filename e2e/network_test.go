//go:build e2e

package e2e

import "testing"

// TestAWSCLINetwork shows it.
//
// Works: AWS CLI: VPCs, subnets, security groups and their rules, tags, pages, waiters; IAM policies by resource and tag on them
func TestAWSCLINetwork(t *testing.T) {
	t.Parallel()
	i := start(t)
	a := i.aws()
	var made struct {
		Vpc   struct{ VpcId, State string }
		Group string `json:"GroupId"`
		Rules []struct {
			Rule string `json:"SecurityGroupRuleId"`
			Port int    `json:"ToPort"`
		} `json:"SecurityGroupRules"`
	}
	a.call(&made, "ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--tag-specifications", "ResourceType=vpc,Tags=[{Key=team,Value=payments}]")
	a.call(nil, "ec2", "wait", "vpc-available", "--vpc-ids", made.Vpc.VpcId)
	a.call(&made, "ec2", "create-security-group", "--group-name", "brokers", "--description", "of Kafka", "--vpc-id", made.Vpc.VpcId)
	a.call(&made, "ec2", "authorize-security-group-ingress", "--group-id", made.Group, "--ip-permissions",
		"IpProtocol=tcp,FromPort=9098,ToPort=9098,UserIdGroupPairs=[{GroupId="+made.Group+",Description=peers}],IpRanges=[{CidrIp=10.0.0.0/16}]")
	if len(made.Rules) != 2 || made.Rules[0].Port != 9098 {
		t.Errorf("authorized %+v", made.Rules)
	}
	a.fails("InvalidPermission.Duplicate", "ec2", "authorize-security-group-ingress", "--group-id", made.Group, "--protocol", "tcp", "--port", "9098", "--cidr", "10.0.0.0/16")
	var listed struct {
		SecurityGroupRules []struct{ SecurityGroupRuleId string }
	}
	a.call(&listed, "ec2", "describe-security-group-rules", "--page-size", "5", "--filters", "Name=group-id,Values="+made.Group)
	if len(listed.SecurityGroupRules) != 3 {
		t.Errorf("listed %+v", listed)
	}
	ops := a.user("ops", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:Describe*"],"Resource":"*"},
		{"Effect":"Allow","Action":["ec2:CreateSubnet","ec2:CreateTags"],"Resource":"*","Condition":{"StringEquals":{"ec2:ResourceTag/team":"payments"}}},
		{"Effect":"Allow","Action":"ec2:CreateSubnet","Resource":"arn:aws:ec2:*:*:subnet/*"},
		{"Effect":"Allow","Action":"ec2:RevokeSecurityGroupIngress","Resource":"arn:aws:ec2:us-east-1:000000000000:security-group/`+made.Group+`"}]}`).aws()
	ops.call(nil, "ec2", "create-subnet", "--vpc-id", made.Vpc.VpcId, "--cidr-block", "10.0.1.0/24")
	ops.call(nil, "ec2", "revoke-security-group-ingress", "--group-id", made.Group, "--security-group-rule-ids", made.Rules[0].Rule)
	ops.fails("UnauthorizedOperation", "ec2", "revoke-security-group-egress", "--group-id", made.Group, "--security-group-rule-ids", "sgr-1")
	ops.fails("UnauthorizedOperation", "ec2", "create-tags", "--resources", made.Vpc.VpcId, made.Group, "--tags", "Key=a,Value=b")
	ops.fails("UnauthorizedOperation", "ec2", "create-subnet", "--vpc-id", made.Vpc.VpcId, "--cidr-block", "10.0.2.0/24", "--tag-specifications", "ResourceType=subnet,Tags=[{Key=a,Value=b}]")
	a.call(nil, "ec2", "create-tags", "--resources", made.Vpc.VpcId, "--tags", "Key=team,Value=risk")
	ops.fails("UnauthorizedOperation", "ec2", "create-subnet", "--vpc-id", made.Vpc.VpcId, "--cidr-block", "10.0.2.0/24")
}
