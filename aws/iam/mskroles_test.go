package iam_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/iam"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/policy"
)

// mskRoles is the other policies that MSK's documentation shows: of who manages
// clusters, of the roles that MSK Connect, Replicator and Lambda act with, and
// AWS's own, with what each allows and does not. A line is an action, a
// resource, and what else is known of the request as KEY=VALUE; TAG:NAME=VALUE
// is a tag of the resource.
var mskRoles = []struct {
	name     string
	document string // or the name of one of AWS's policies
	may      []string
	mayNot   []string
}{
	{
		"one's own clusters, by a tag", // "Accessing Amazon MSK clusters based on tags"
		`{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Allow","Action":["kafka:Describe*","kafka:Get*","kafka:List*","kafka:Update*","kafka:Delete*"],
			"Resource":"arn:aws:kafka:us-east-1:000000000000:cluster/*","Condition":{"StringEquals":{"aws:ResourceTag/Owner":"${aws:username}"}}}]}`,
		[]string{"kafka:UpdateBrokerCount CLUSTER TAG:Owner=alice", "kafka:DeleteCluster CLUSTER TAG:owner=alice", "kafka:DescribeClusterV2 CLUSTER TAG:Owner=alice"},
		[]string{"kafka:UpdateBrokerCount CLUSTER TAG:Owner=bob", "kafka:DeleteCluster CLUSTER", "kafka:RebootBroker CLUSTER TAG:Owner=alice", "kafka:ListClustersV2 * TAG:Owner=alice"},
	}, {
		"one cluster alone", // "Accessing one Amazon MSK cluster"
		`{"Version":"2012-10-17","Statement":[
			{"Sid":"Update","Effect":"Allow","Action":["kafka:Describe*","kafka:Get*","kafka:List*","kafka:Update*"],"Resource":"arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/abcd1234-0123-abcd-5678-1234abcd-1"}]}`,
		[]string{"kafka:UpdateBrokerStorage CLUSTER", "kafka:ListNodes CLUSTER", "kafka:GetClusterPolicy CLUSTER"},
		[]string{"kafka:DeleteCluster CLUSTER", "kafka:UpdateBrokerStorage arn:aws:kafka:us-east-1:000000000000:cluster/Other/abcd1234-0123-abcd-5678-1234abcd-1", "kafka:ListClustersV2 *"},
	}, {
		"one's own user", // "Allow users to view their own permissions"
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetUserPolicy","iam:ListGroupsForUser","iam:ListAttachedUserPolicies","iam:ListUserPolicies","iam:GetUser"],
			"Resource":["arn:aws:iam::*:user/${aws:username}"]},{"Effect":"Allow","Action":["iam:GetGroupPolicy","iam:GetPolicyVersion","iam:GetPolicy","iam:ListAttachedGroupPolicies","iam:ListGroupPolicies","iam:ListPolicyVersions","iam:ListPolicies","iam:ListUsers"],"Resource":"*"}]}`,
		[]string{"iam:GetUser arn:aws:iam::000000000000:user/alice", "iam:ListUsers *"},
		[]string{"iam:GetUser arn:aws:iam::000000000000:user/bob", "iam:CreateAccessKey arn:aws:iam::000000000000:user/alice"},
	}, {
		"no cluster on the internet", // the condition key of UpdateConnectivity
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka:*","Resource":"*"},
			{"Effect":"Deny","Action":"kafka:UpdateConnectivity","Resource":"*","Condition":{"Bool":{"kafka:publicAccessEnabled":"true"}}}]}`,
		[]string{"kafka:UpdateConnectivity CLUSTER kafka:publicaccessenabled=false", "kafka:UpdateConnectivity CLUSTER"},
		[]string{"kafka:UpdateConnectivity CLUSTER kafka:publicaccessenabled=true"},
	}, {
		"new clusters with a tag", // "Tag-based access control": tags in the request
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kafka:CreateCluster*","kafka:TagResource"],"Resource":"*",
			"Condition":{"StringEquals":{"aws:RequestTag/env":["dev","test"]},"ForAllValues:StringEquals":{"aws:TagKeys":["env","team"]}}}]}`,
		[]string{"kafka:CreateClusterV2 * aws:requesttag/env=dev aws:tagkeys=env"},
		[]string{"kafka:CreateClusterV2 * aws:requesttag/env=prod aws:tagkeys=env", "kafka:CreateClusterV2 *", "kafka:CreateClusterV2 * aws:requesttag/env=dev aws:tagkeys=other"},
	}, {
		"a connector's role", // "Understand service execution role"
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["kafka-cluster:Connect","kafka-cluster:DescribeCluster"],"Resource":["arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/*"]},
			{"Effect":"Allow","Action":["kafka-cluster:ReadData","kafka-cluster:DescribeTopic"],"Resource":["arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*/orders"]},
			{"Effect":"Allow","Action":["kafka-cluster:WriteData","kafka-cluster:DescribeTopic"],"Resource":["arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*/copies"]},
			{"Effect":"Allow","Action":["kafka-cluster:CreateTopic","kafka-cluster:WriteData","kafka-cluster:ReadData","kafka-cluster:DescribeTopic"],"Resource":["arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*/__amazon_msk_connect_*"]},
			{"Effect":"Allow","Action":["kafka-cluster:AlterGroup","kafka-cluster:DescribeGroup"],"Resource":["arn:aws:kafka:us-east-1:000000000000:group/MyTestCluster/*/__amazon_msk_connect_*","arn:aws:kafka:us-east-1:000000000000:group/MyTestCluster/*/connect-*"]}]}`,
		[]string{"kafka-cluster:ReadData TOPIC/orders", "kafka-cluster:WriteData TOPIC/copies", "kafka-cluster:CreateTopic TOPIC/__amazon_msk_connect_offsets_c_1", "kafka-cluster:AlterGroup GROUP/connect-c", "kafka-cluster:AlterGroup GROUP/__amazon_msk_connect_c"},
		[]string{"kafka-cluster:WriteData TOPIC/orders", "kafka-cluster:CreateTopic TOPIC/copies", "kafka-cluster:AlterGroup GROUP/other", "kafka-cluster:AlterCluster CLUSTER"},
	}, {
		"who makes connectors", // "Example of IAM policy for MSK Connect"
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["kafkaconnect:CreateConnector","kafkaconnect:DeleteConnector","kafkaconnect:DescribeConnector","kafkaconnect:ListConnectors","kafkaconnect:UpdateConnector"],"Resource":"*"},
			{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::000000000000:role/MSKConnectServiceRole","Condition":{"StringEquals":{"iam:PassedToService":"kafkaconnect.amazonaws.com"}}},
			{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"arn:aws:iam::*:role/aws-service-role/kafkaconnect.amazonaws.com/AWSServiceRoleForKafkaConnect*","Condition":{"StringLike":{"iam:AWSServiceName":"kafkaconnect.amazonaws.com"}}}]}`,
		[]string{"kafkaconnect:CreateConnector *", "iam:PassRole arn:aws:iam::000000000000:role/MSKConnectServiceRole iam:passedtoservice=kafkaconnect.amazonaws.com",
			"iam:CreateServiceLinkedRole arn:aws:iam::000000000000:role/aws-service-role/kafkaconnect.amazonaws.com/AWSServiceRoleForKafkaConnect iam:awsservicename=kafkaconnect.amazonaws.com"},
		[]string{"iam:PassRole arn:aws:iam::000000000000:role/MSKConnectServiceRole iam:passedtoservice=ec2.amazonaws.com", "iam:PassRole arn:aws:iam::000000000000:role/Admin iam:passedtoservice=kafkaconnect.amazonaws.com",
			"iam:CreateServiceLinkedRole arn:aws:iam::000000000000:role/aws-service-role/kafka.amazonaws.com/AWSServiceRoleForKafka iam:awsservicename=kafka.amazonaws.com"},
	}, {
		"who makes replicators", // "IAM permissions required to create an MSK Replicator"
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::000000000000:role/MSKReplicationRole","Condition":{"StringEquals":{"iam:PassedToService":"kafka.amazonaws.com"}}},
			{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"arn:aws:iam::000000000000:role/aws-service-role/kafka.amazonaws.com/AWSServiceRoleForKafka*"},
			{"Effect":"Allow","Action":["ec2:DescribeSubnets","ec2:DescribeSecurityGroups","ec2:CreateNetworkInterface","ec2:DescribeVpcs"],"Resource":"*"},
			{"Effect":"Allow","Action":["kafka:CreateReplicator","kafka:TagResource"],"Resource":["arn:aws:kafka:*:000000000000:cluster/*","arn:aws:kafka:*:000000000000:replicator/*"]},
			{"Effect":"Allow","Action":["kafka:ListReplicators","kafka:ListTopics"],"Resource":"*"}]}`,
		[]string{"kafka:CreateReplicator arn:aws:kafka:us-east-1:000000000000:replicator/r/1", "iam:PassRole arn:aws:iam::000000000000:role/MSKReplicationRole iam:passedtoservice=kafka.amazonaws.com"},
		[]string{"kafka:DeleteReplicator arn:aws:kafka:us-east-1:000000000000:replicator/r/1", "iam:PassRole arn:aws:iam::000000000000:role/MSKReplicationRole iam:passedtoservice=kafkaconnect.amazonaws.com"},
	}, {
		"a function that consumes", // Lambda's event source of a cluster with IAM
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kafka-cluster:Connect","kafka-cluster:DescribeGroup","kafka-cluster:AlterGroup","kafka-cluster:DescribeTopic","kafka-cluster:ReadData","kafka-cluster:DescribeClusterDynamicConfiguration"],
			"Resource":["arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/*","arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*/orders","arn:aws:kafka:us-east-1:000000000000:group/MyTestCluster/*/fn"]}]}`,
		[]string{"kafka-cluster:Connect CLUSTER", "kafka-cluster:ReadData TOPIC/orders", "kafka-cluster:AlterGroup GROUP/fn", "kafka-cluster:DescribeClusterDynamicConfiguration CLUSTER"},
		[]string{"kafka-cluster:ReadData TOPIC/other", "kafka-cluster:AlterGroup GROUP/fn2", "kafka-cluster:WriteData TOPIC/orders"},
	}, {
		"a client of a serverless cluster", // "Create an IAM role for topics on MSK Serverless cluster"
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["kafka-cluster:Connect","kafka-cluster:AlterCluster","kafka-cluster:DescribeCluster"],"Resource":["arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/*"]},
			{"Effect":"Allow","Action":["kafka-cluster:*Topic*","kafka-cluster:WriteData","kafka-cluster:ReadData"],"Resource":["arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*"]},
			{"Effect":"Allow","Action":["kafka-cluster:AlterGroup","kafka-cluster:DescribeGroup"],"Resource":["arn:aws:kafka:us-east-1:000000000000:group/MyTestCluster/*"]}]}`,
		[]string{"kafka-cluster:CreateTopic TOPIC/msk-serverless-tutorial", "kafka-cluster:AlterGroup GROUP/any"},
		[]string{"kafka-cluster:WriteDataIdempotently CLUSTER", "kafka-cluster:DeleteGroup GROUP/any"},
	}, {
		"clusters of a team, by the cluster's tag", // aws:ResourceTag of kafka-cluster
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}}]}`,
		[]string{"kafka-cluster:Connect CLUSTER TAG:team=blue"}, []string{"kafka-cluster:Connect CLUSTER TAG:team=red", "kafka-cluster:Connect CLUSTER"},
	}, {
		"AWS's full access", "AmazonMSKFullAccess",
		[]string{"kafka:CreateClusterV2 *", "iam:PassRole arn:aws:iam::000000000000:role/any iam:passedtoservice=kafka.amazonaws.com",
			"iam:CreateServiceLinkedRole arn:aws:iam::000000000000:role/aws-service-role/kafka.amazonaws.com/AWSServiceRoleForKafka iam:awsservicename=kafka.amazonaws.com", "kms:CreateGrant *",
			"ec2:CreateVpcEndpoint arn:aws:ec2:us-east-1:000000000000:vpc-endpoint/vpce-1 aws:requesttag/AWSMSKManaged=true"},
		[]string{"kafka-cluster:Connect CLUSTER", "iam:PassRole arn:aws:iam::000000000000:role/any iam:passedtoservice=ec2.amazonaws.com", "iam:CreateRole *", "kms:Decrypt *",
			"ec2:CreateVpcEndpoint arn:aws:ec2:us-east-1:000000000000:vpc-endpoint/vpce-1"},
	}, {
		"AWS's reading", "AmazonMSKReadOnlyAccess",
		[]string{"kafka:DescribeClusterV2 CLUSTER", "kafka:GetBootstrapBrokers *", "kafka:ListClustersV2 *", "ec2:DescribeVpcs *"},
		[]string{"kafka:UpdateBrokerCount CLUSTER", "kafka-cluster:DescribeCluster CLUSTER", "kafka:TagResource CLUSTER"},
	}, {
		"AWS's reading of connectors", "AmazonMSKConnectReadOnlyAccess",
		[]string{"kafkaconnect:ListConnectors *", "kafkaconnect:DescribeConnector arn:aws:kafkaconnect:us-east-1:000000000000:connector/c/1"},
		[]string{"kafkaconnect:CreateConnector *", "kafkaconnect:DescribeConnector arn:aws:kafkaconnect:us-east-1:000000000000:custom-plugin/c/1", "kafka:ListClusters *"},
	}, {
		"AWS's replicator", "service-role/AWSMSKReplicatorExecutionRole",
		[]string{"kafka-cluster:Connect CLUSTER", "kafka-cluster:WriteDataIdempotently CLUSTER", "kafka-cluster:CreateTopic TOPIC/orders", "kafka-cluster:AlterGroup GROUP/g"},
		[]string{"kafka-cluster:DeleteTopic TOPIC/orders", "kafka-cluster:DeleteGroup GROUP/g", "kafka:DescribeClusterV2 CLUSTER", "kafka-cluster:AlterTransactionalId TXID/t"},
	}, {
		"AWS's function", "service-role/AWSLambdaMSKExecutionRole",
		[]string{"kafka:GetBootstrapBrokers *", "kafka:DescribeClusterV2 CLUSTER", "logs:PutLogEvents *"},
		[]string{"kafka-cluster:ReadData TOPIC/orders", "kafka:DeleteCluster CLUSTER"},
	},
}

// question reads a line of mskRoles.
func roleQuestion(line string) iam.Question {
	f := strings.Fields(line)
	q := iam.Question{Action: f[0], Tags: map[string]string{}, Context: policy.Map{}}
	kind, name, _ := strings.Cut(f[1], "/")
	switch kind {
	case "CLUSTER":
		q.Resource = of("cluster", "")
	case "TOPIC", "GROUP":
		q.Resource = of(strings.ToLower(kind), name)
	case "TXID":
		q.Resource = of("transactional-id", name)
	default:
		q.Resource = f[1]
	}
	for _, fact := range f[2:] {
		key, value, _ := strings.Cut(fact, "=")
		if tag, ok := strings.CutPrefix(key, "TAG:"); ok {
			q.Tags[tag] = value
		} else {
			q.Context[strings.ToLower(key)] = []string{value}
		}
	}
	return q
}

func TestRolesOfMSK(t *testing.T) {
	for _, tc := range mskRoles {
		t.Run(strings.ReplaceAll(tc.name, " ", "-"), func(t *testing.T) {
			w := newWorld(t)
			document := tc.document
			if !strings.HasPrefix(document, "{") {
				document = ""
			}
			alice, _ := w.user("alice", document)
			if document == "" {
				arn := "arn:aws:iam::aws:policy/" + tc.document
				ok[shape.AttachUserPolicyResponse](t)(w.AttachUserPolicy(t.Context(), w.root(), &shape.AttachUserPolicyRequest{UserName: p("alice"), PolicyArn: &arn}))
			}
			for want, list := range map[bool][]string{true: tc.may, false: tc.mayNot} {
				for _, line := range list {
					q := roleQuestion(line)
					q.Caller = alice
					v, err := w.Decide(t.Context(), &q)
					if err != nil || v.Allowed != want {
						t.Errorf("%s: %v, want %v (%s), %v", line, v.Allowed, want, v.Why(), err)
					}
				}
			}
		})
	}
}

// TestServicesInPolicies: what the documentation shows of services as
// principals. MSK Connect may take its role for this account's connectors, and
// Replicator may reach a cluster of another account.
func TestServicesInPolicies(t *testing.T) {
	connect := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"kafkaconnect.amazonaws.com"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"},"ArnLike":{"aws:SourceArn":"arn:aws:kafkaconnect:us-east-1:000000000000:connector/mine/*"}}}]}`
	cluster := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"kafka.amazonaws.com"},"Action":["kafka:CreateVpcConnection","kafka:GetBootstrapBrokers","kafka:DescribeClusterV2"],"Resource":"` + of("cluster", "") + `"}]}`
	source := func(account, connector string) policy.Map {
		return policy.Map{"aws:sourceaccount": {account}, "aws:sourcearn": {"arn:aws:kafkaconnect:us-east-1:" + account + ":connector/" + connector}}
	}
	for _, tc := range []struct {
		name, document, service, action string
		kind                            policy.Kind
		context                         policy.Map
		want                            bool
	}{
		{"its own connector", connect, "kafkaconnect.amazonaws.com", "sts:AssumeRole", policy.Trust, source("000000000000", "mine/1"), true},
		{"another connector", connect, "kafkaconnect.amazonaws.com", "sts:AssumeRole", policy.Trust, source("000000000000", "other/1"), false},
		{"another account's", connect, "kafkaconnect.amazonaws.com", "sts:AssumeRole", policy.Trust, source("123456789012", "mine/1"), false},
		{"for nobody", connect, "kafkaconnect.amazonaws.com", "sts:AssumeRole", policy.Trust, nil, false},
		{"another service", connect, "kafka.amazonaws.com", "sts:AssumeRole", policy.Trust, source("000000000000", "mine/1"), false},
		{"the replicator", cluster, "kafka.amazonaws.com", "kafka:GetBootstrapBrokers", policy.Resource, nil, true},
		{"the replicator, more", cluster, "kafka.amazonaws.com", "kafka:DeleteCluster", policy.Resource, nil, false},
	} {
		doc, err := policy.Parse(tc.kind, []byte(tc.document))
		if err != nil {
			t.Fatal(err)
		}
		all := policy.Policies{Resource: &policy.Named{Name: "own", Document: doc}}
		d := all.Decide(&policy.Request{Principal: policy.Principal{Service: tc.service}, Action: tc.action, Resource: of("cluster", ""), Owner: "000000000000", Context: tc.context})
		if d.Allowed != tc.want {
			t.Errorf("%s: %v", tc.name, d.Allowed)
		}
	}
}
