package api_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskafka "github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kafka/types"
)

// TestWhoMayTurnOnPublicAccess: a policy can keep that apart from the rest of
// UpdateConnectivity.
func TestWhoMayTurnOnPublicAccess(t *testing.T) {
	s := start(t)
	made, err := s.create(t, "orders")
	if err != nil {
		t.Fatal(err)
	}
	var key keyAnswer
	s.form(t, s.admin(), "iam", &struct{}{}, "Action=CreateUser", "UserName=alice")
	s.form(t, s.admin(), "iam", &key, "Action=CreateAccessKey", "UserName=alice")
	s.form(t, s.admin(), "iam", &struct{}{}, "Action=PutUserPolicy", "UserName=alice", "PolicyName=own", `PolicyDocument={"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["kafka:*","ec2:Describe*"],"Resource":"*"},
		{"Effect":"Deny","Action":"kafka:UpdateConnectivity","Resource":"*","Condition":{"Bool":{"kafka:publicAccessEnabled":"true"}}}]}`)
	alice := s.client(key.Key.AccessKeyID, key.Key.Secret)
	for _, tc := range []struct {
		info *types.ConnectivityInfo
		want string
	}{
		{&types.ConnectivityInfo{PublicAccess: &types.PublicAccess{Type: new("SERVICE_PROVIDED_EIPS")}}, "kafka:UpdateConnectivity on resource: " + *made.ClusterArn + " with an explicit deny"},
		{&types.ConnectivityInfo{PublicAccess: &types.PublicAccess{Type: new("DISABLED")}}, "You can't update cluster in CREATING state."},
		{&types.ConnectivityInfo{VpcConnectivity: &types.VpcConnectivity{}}, "You can't update cluster in CREATING state."},
	} {
		_, err := alice.UpdateConnectivity(t.Context(), &awskafka.UpdateConnectivityInput{ClusterArn: made.ClusterArn, CurrentVersion: new("K1"), ConnectivityInfo: tc.info})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}

// TestWhatMSKDoesAsItsCaller: who may not look at the network or have logs
// delivered has no cluster of it.
func TestWhatMSKDoesAsItsCaller(t *testing.T) {
	s := start(t)
	var key keyAnswer
	s.form(t, s.admin(), "iam", &struct{}{}, "Action=CreateUser", "UserName=alice")
	s.form(t, s.admin(), "iam", &key, "Action=CreateAccessKey", "UserName=alice")
	alice := s.client(key.Key.AccessKeyID, key.Key.Secret)
	group := types.BrokerLogs{CloudWatchLogs: &types.CloudWatchLogs{Enabled: aws.Bool(true), LogGroup: aws.String("none")}}
	bucket := types.BrokerLogs{S3: &types.S3{Enabled: aws.Bool(true), Bucket: aws.String("none")}}
	create := func(logs types.BrokerLogs) error {
		_, err := alice.CreateCluster(t.Context(), &awskafka.CreateClusterInput{
			ClusterName: aws.String("logged"), KafkaVersion: aws.String("3.9.x"), NumberOfBrokerNodes: aws.Int32(3), LoggingInfo: &types.LoggingInfo{BrokerLogs: &logs},
			BrokerNodeGroupInfo: &types.BrokerNodeGroupInfo{InstanceType: aws.String("kafka.m5.large"), ClientSubnets: []string{"subnet-1", "subnet-2", "subnet-3"}},
		})
		return err
	}
	update := func(logs types.BrokerLogs) error {
		_, err := alice.UpdateMonitoring(t.Context(), &awskafka.UpdateMonitoringInput{
			ClusterArn: aws.String("arn:aws:kafka:" + region + ":000000000000:cluster/none/1-1"), CurrentVersion: aws.String("K1"), LoggingInfo: &types.LoggingInfo{BrokerLogs: &logs},
		})
		return err
	}
	deliver := `"kafka:*","ec2:Describe*","logs:CreateLogDelivery"`
	for _, tc := range []struct {
		call       func(types.BrokerLogs) error
		logs       types.BrokerLogs
		may, wants string
	}{
		{create, types.BrokerLogs{}, `"kafka:*"`, "ec2:DescribeSubnets on resource: *"},
		{create, types.BrokerLogs{}, `"kafka:*","ec2:DescribeSubnets"`, "ec2:DescribeVpcs on resource: *"},
		{create, types.BrokerLogs{}, `"kafka:*","ec2:DescribeSubnets","ec2:DescribeVpcs"`, "ec2:DescribeSecurityGroups on resource: *"},
		{create, types.BrokerLogs{}, `"kafka:*","ec2:Describe*"`, "BadRequestException"},
		{create, group, `"kafka:*","ec2:Describe*"`, "logs:CreateLogDelivery on resource: *"},
		{create, group, deliver, "BadRequestException"},
		{create, bucket, deliver, "s3:GetBucketPolicy on resource: arn:aws:s3:::none"},
		{create, bucket, deliver + `,"s3:GetBucketPolicy"`, "s3:PutBucketPolicy on resource: arn:aws:s3:::none"},
		{create, bucket, deliver + `,"s3:*"`, "BadRequestException"},
		{update, types.BrokerLogs{}, `"kafka:*"`, "BadRequestException"},
		{update, group, `"kafka:*"`, "logs:CreateLogDelivery on resource: *"},
		{update, group, deliver, "BadRequestException"},
	} {
		s.form(t, s.admin(), "iam", &struct{}{}, "Action=PutUserPolicy", "UserName=alice", "PolicyName=own", `PolicyDocument={"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":[`+tc.may+`],"Resource":"*"}}`)
		if err := tc.call(tc.logs); err == nil || !strings.Contains(err.Error(), tc.wants) {
			t.Errorf("who may %s: %v, want %s", tc.may, err, tc.wants)
		}
	}
}
