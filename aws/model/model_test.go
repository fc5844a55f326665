package model_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ec2"
	"github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/model/kafka"
	"github.com/millrace/millrace/aws/model/sts"
)

func TestJSON(t *testing.T) {
	for _, tc := range []struct {
		body string
		want string // the shape, encoded again
		bad  string // or the member at fault
	}{
		{`{}`, `{}`, ""},
		{`{"clusterName":"a","unknown":{"x":[1]}}`, `{"clusterName":"a"}`, ""},
		{`{"ClusterName":"a","clustername":"b"}`, `{}`, ""}, // other names, not other spellings
		{`{"clusterName":null,"tags":null}`, `{}`, ""},
		{`{"tags":{},"brokerNodeGroupInfo":{"clientSubnets":[]}}`, `{"brokerNodeGroupInfo":{"clientSubnets":[]},"tags":{}}`, ""},
		{`{"numberOfBrokerNodes":3,"encryptionInfo":{"encryptionInTransit":{"inCluster":true}}}`, `{"encryptionInfo":{"encryptionInTransit":{"inCluster":true}},"numberOfBrokerNodes":3}`, ""},
		{`{"configurationInfo":{"revision":9007199254740993}}`, `{"configurationInfo":{"revision":9007199254740993}}`, ""},
		{`{"numberOfBrokerNodes":"3"}`, "", "numberOfBrokerNodes"},
		{`{"numberOfBrokerNodes":3.5}`, "", "numberOfBrokerNodes"},
		{`{"numberOfBrokerNodes":2147483648}`, "", "numberOfBrokerNodes"},
		{`{"brokerNodeGroupInfo":{"clientSubnets":["a",7]}}`, "", "clientSubnets"},
		{`{"brokerNodeGroupInfo":{"clientSubnets":[null]}}`, "", "clientSubnets"},
		{`{"brokerNodeGroupInfo":[]}`, "", "brokerNodeGroupInfo"},
		{`{"tags":{"a":1}}`, "", "tags"},
		{`{"encryptionInfo":{"encryptionInTransit":{"inCluster":"yes"}}}`, "", "inCluster"},
	} {
		in, r := new(kafka.CreateClusterRequest), model.Input{Body: []byte(tc.body)}
		r.JSON(in)
		if err := r.Err(); err != nil || tc.bad != "" {
			e, _ := err.(*model.Error)
			if e == nil || e.InvalidParameter != tc.bad || e.HTTP != 400 {
				t.Errorf("%s: error %v, want one about %q", tc.body, err, tc.bad)
			}
			continue
		}
		got, err := json.Marshal(in)
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: got %s %v, want %s", tc.body, got, err, tc.want)
		}
	}
	for _, body := range []string{`null`, `[]`, `"x"`, `1`} {
		r := model.Input{Body: []byte(body)}
		if r.JSON(new(kafka.CreateClusterRequest)); r.Err() == nil {
			t.Errorf("%s passed for an object", body)
		}
	}
}

func TestTime(t *testing.T) {
	at := model.NewTime(time.Date(2026, 11, 24, 13, 5, 0, 0, time.FixedZone("", 3600)))
	got, err := json.Marshal(at)
	if err != nil || string(got) != `"2026-11-24T12:05:00.000Z"` {
		t.Errorf("got %s, %v", got, err)
	}
	var back model.Time
	if err := json.Unmarshal(got, &back); err != nil || !back.Equal(at.Time) {
		t.Errorf("read back %v, %v", back, err)
	}
}

func TestEC2Members(t *testing.T) {
	r := model.Input{Form: url.Values{
		"VpcId.1": {"x"}, "VpcId.2": {"y"}, "VpcId.4": {"z"}, "Filter.1.Name": {"n"}, "Filter.1.Value.1": {"v"}, "MaxResults": {"7"}, "DryRun": {"true"},
	}}
	in := new(ec2.DescribeVpcsRequest)
	r.EC2Members(in)
	if r.Err() != nil || len(in.VpcIds) != 2 || in.VpcIds[1] != "y" || *in.MaxResults != 7 || !*in.DryRun || in.NextToken != nil {
		t.Errorf("decoded %+v, %v", in, r.Err())
	}
	if len(in.Filters) != 1 || *in.Filters[0].Name != "n" || len(in.Filters[0].Values) != 1 {
		t.Errorf("decoded %+v", in.Filters)
	}
	r = model.Input{Form: url.Values{
		"IpPermissions.1.IpProtocol": {"tcp"}, "IpPermissions.1.FromPort": {"9098"}, "IpPermissions.1.Groups.1.GroupId": {"sg-1"},
		"IpPermissions.1.IpRanges.1.CidrIp": {"10.0.0.0/8"}, "TagSpecification.1.Tag.1.Key": {"k"},
	}}
	deep := new(ec2.AuthorizeSecurityGroupIngressRequest)
	r.EC2Members(deep)
	if p := deep.IpPermissions; r.Err() != nil || len(p) != 1 || *p[0].FromPort != 9098 || *p[0].UserIdGroupPairs[0].GroupId != "sg-1" || *p[0].IpRanges[0].CidrIp != "10.0.0.0/8" ||
		*deep.TagSpecifications[0].Tags[0].Key != "k" {
		t.Errorf("decoded %+v, %v", deep, r.Err())
	}
	r = model.Input{Form: url.Values{"MaxResults": {"x"}}}
	if r.EC2Members(in); r.Err() == nil {
		t.Error("x passed for a number")
	}
}

func TestPartition(t *testing.T) {
	for region, want := range map[string]string{"us-east-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		if got := (model.Caller{Region: region}).Partition(); got != want {
			t.Errorf("%s: %s", region, got)
		}
	}
}

func TestMembers(t *testing.T) {
	r := model.Input{Form: url.Values{
		"UserName": {"alice"}, "Tags.member.1.Key": {"a"}, "Tags.member.1.Value": {"1"}, "Tags.member.2.Key": {"b"}, "Tags.member.4.Key": {"d"},
		"Unknown": {"x"}, "tags.member.1.Key": {"z"},
	}}
	in := new(iam.CreateUserRequest)
	r.Members(in)
	if r.Err() != nil || *in.UserName != "alice" || in.Path != nil || len(in.Tags) != 2 || *in.Tags[0].Value != "1" || in.Tags[1].Value != nil {
		t.Errorf("decoded %+v, %v", in, r.Err())
	}
	r = model.Input{Form: url.Values{"ContextEntries.member.1.ContextKeyValues.member.1": {"a"}, "ContextEntries.member.1.ContextKeyValues.member.2": {"b"}, "ActionNames.member.1": {"kafka:x"}}}
	deep := new(iam.SimulateCustomPolicyRequest)
	r.Members(deep)
	if r.Err() != nil || len(deep.ContextEntries) != 1 || len(deep.ContextEntries[0].ContextKeyValues) != 2 || len(deep.ActionNames) != 1 {
		t.Errorf("decoded %+v, %v", deep, r.Err())
	}
	for name, value := range map[string]string{"MaxItems": "x", "OnlyAttached": "perhaps"} {
		r := model.Input{Form: url.Values{name: {value}}}
		if r.Members(new(iam.ListPoliciesRequest)); r.Err() == nil {
			t.Errorf("%s=%s passed", name, value)
		}
	}
	long := model.Input{Form: url.Values{strings.Repeat("a.", 1<<20): {""}}}
	long.Members(new(iam.CreateUserRequest)) // takes no time and no memory
}

// FuzzMembers decodes any form: no input may panic, and what is decoded is
// bounded.
func FuzzMembers(f *testing.F) {
	f.Add("UserName=a&Tags.member.1.Key=b")
	f.Add("Tags.member.1=x&Tags.member.1.Key=y&Tags=z&MaxItems=1")
	f.Add("ContextEntries.member.1.ContextKeyValues.member.1=a&Tags.member.1.Key.member.1=x&.=.")
	f.Add("IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8&IpPermissions.1.FromPort=x&Filter.1.Value.1=v&Filter.3.Name=n")
	f.Fuzz(func(t *testing.T, form string) {
		values, err := url.ParseQuery(form)
		if err != nil {
			return
		}
		for _, in := range []model.Request{new(iam.CreateUserRequest), new(iam.SimulateCustomPolicyRequest), new(iam.ListPoliciesRequest), new(sts.AssumeRoleRequest)} {
			r := model.Input{Form: values}
			r.Members(in)
			_ = in.Validate()
		}
		for _, in := range []model.Request{new(ec2.AuthorizeSecurityGroupIngressRequest), new(ec2.DescribeVpcsRequest), new(ec2.ModifySecurityGroupRulesRequest)} {
			r := model.Input{Form: values}
			r.EC2Members(in)
			_ = in.Validate()
		}
	})
}
