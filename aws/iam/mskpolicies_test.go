package iam_test

import (
	"context"
	"strings"
	"testing"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/policy"
)

const (
	mskPlace   = "arn:aws:kafka:us-east-1:000000000000:"
	mskCluster = "MyTestCluster/abcd1234-0123-abcd-5678-1234abcd-1"
)

// of is the ARN of something of the cluster that the examples are about.
func of(kind, name string) string {
	if kind == "cluster" {
		return mskPlace + "cluster/" + mskCluster
	}
	return mskPlace + kind + "/" + mskCluster + "/" + name
}

// asks is a question as "Action kind name".
func asks(question string) (action, resource string) {
	f := strings.Fields(question + " -")
	return "kafka-cluster:" + f[0], of(f[1], f[2])
}

// mskExamples is the kinds of policies that "IAM access control" of the MSK
// developer guide shows, as ours, with what each allows and does not allow.
var mskExamples = []struct {
	name     string
	document string
	may      string // questions by comma
	mayNot   string
}{
	{
		"everything on one cluster by wildcards",
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["kafka-cluster:Connect","kafka-cluster:AlterCluster","kafka-cluster:DescribeCluster"],"Resource":["arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/*"]},
			{"Effect":"Allow","Action":["kafka-cluster:*Topic*","kafka-cluster:WriteData","kafka-cluster:ReadData"],"Resource":["arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*"]},
			{"Effect":"Allow","Action":["kafka-cluster:AlterGroup","kafka-cluster:DescribeGroup"],"Resource":["arn:aws:kafka:us-east-1:000000000000:group/MyTestCluster/*"]}]}`,
		"Connect cluster, AlterCluster cluster, CreateTopic topic a, DeleteTopic topic a, AlterTopicDynamicConfiguration topic a, WriteData topic b, ReadData topic b, AlterGroup group g",
		"WriteDataIdempotently cluster, DeleteGroup group g, AlterTransactionalId transactional-id t, AlterClusterDynamicConfiguration cluster",
	},
	{
		"connect alone",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/abcd1234-0123-abcd-5678-1234abcd-1"}]}`,
		"Connect cluster", "DescribeCluster cluster, DescribeTopic topic a, ReadData topic a",
	},
	{
		"an administrator of the cluster and of all topics",
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["kafka-cluster:Connect","kafka-cluster:*Cluster*"],"Resource":"arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/*"},
			{"Effect":"Allow","Action":"kafka-cluster:*Topic","Resource":"arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*"}]}`,
		"Connect cluster, DescribeCluster cluster, AlterClusterDynamicConfiguration cluster, CreateTopic topic x, DescribeTopic topic x, AlterTopic topic x, DeleteTopic topic x",
		"AlterTopicDynamicConfiguration topic x, ReadData topic x, WriteData topic x, DescribeGroup group g",
	},
	{
		"create one topic",
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/*"},
			{"Effect":"Allow","Action":["kafka-cluster:CreateTopic"],"Resource":"arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*/orders"}]}`,
		"Connect cluster, CreateTopic topic orders", "CreateTopic topic orders2, DeleteTopic topic orders, DescribeTopic topic orders",
	},
	{
		"produce alone",
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/*"},
			{"Effect":"Allow","Action":["kafka-cluster:DescribeTopic","kafka-cluster:WriteData"],"Resource":"arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*/orders"}]}`,
		"Connect cluster, DescribeTopic topic orders, WriteData topic orders", "ReadData topic orders, WriteData topic other, WriteDataIdempotently cluster",
	},
	{
		"consume alone, by groups of a prefix",
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/*"},
			{"Effect":"Allow","Action":["kafka-cluster:DescribeTopic","kafka-cluster:ReadData"],"Resource":"arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*/orders"},
			{"Effect":"Allow","Action":["kafka-cluster:DescribeGroup","kafka-cluster:AlterGroup"],"Resource":"arn:aws:kafka:us-east-1:000000000000:group/MyTestCluster/*/billing-*"}]}`,
		"ReadData topic orders, AlterGroup group billing-1, DescribeGroup group billing-", "WriteData topic orders, AlterGroup group billing, DeleteGroup group billing-1",
	},
	{
		"topics of a prefix, in the cluster of any uuid",
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/*"},
			{"Effect":"Allow","Action":["kafka-cluster:*Topic","kafka-cluster:WriteData","kafka-cluster:ReadData"],"Resource":"arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*/team-a.*"}]}`,
		"WriteData topic team-a.x, CreateTopic topic team-a.y, ReadData topic team-a.", "WriteData topic team-b.x, WriteData topic xteam-a.x",
	},
	{
		"transactions",
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["kafka-cluster:Connect","kafka-cluster:WriteDataIdempotently"],"Resource":"arn:aws:kafka:us-east-1:000000000000:cluster/MyTestCluster/*"},
			{"Effect":"Allow","Action":["kafka-cluster:DescribeTopic","kafka-cluster:WriteData"],"Resource":"arn:aws:kafka:us-east-1:000000000000:topic/MyTestCluster/*"},
			{"Effect":"Allow","Action":["kafka-cluster:DescribeTransactionalId","kafka-cluster:AlterTransactionalId"],"Resource":"arn:aws:kafka:us-east-1:000000000000:transactional-id/MyTestCluster/*/my-tx-*"}]}`,
		"WriteDataIdempotently cluster, AlterTransactionalId transactional-id my-tx-1, DescribeTransactionalId transactional-id my-tx-2", "AlterTransactionalId transactional-id other, ReadData topic a",
	},
	{
		"alter a topic's configuration",
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"*"},
			{"Effect":"Allow","Action":["kafka-cluster:DescribeTopicDynamicConfiguration","kafka-cluster:AlterTopicDynamicConfiguration"],"Resource":"arn:aws:kafka:*:*:topic/*/*/orders"}]}`,
		"DescribeTopicDynamicConfiguration topic orders, AlterTopicDynamicConfiguration topic orders", "AlterTopic topic orders, AlterTopicDynamicConfiguration topic x",
	},
	{
		"cluster-wide, but for one topic",
		`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"kafka-cluster:*","Resource":"*"},
			{"Effect":"Deny","Action":"kafka-cluster:*","Resource":"arn:aws:kafka:*:*:topic/*/*/secret"}]}`,
		"Connect cluster, DeleteTopic topic a, DeleteGroup group g", "ReadData topic secret, DescribeTopic topic secret",
	},
}

func TestExamplesOfMSK(t *testing.T) {
	for _, tc := range mskExamples {
		t.Run(strings.ReplaceAll(tc.name, " ", "-"), func(t *testing.T) {
			w := newWorld(t)
			alice, _ := w.user("alice", tc.document)
			for want, list := range map[bool]string{true: tc.may, false: tc.mayNot} {
				for question := range strings.SplitSeq(list, ", ") {
					action, resource := asks(question)
					if got := w.may(alice, action, resource); got != want {
						t.Errorf("%s: %v, want %v", question, got, want)
					}
				}
			}
		})
	}
}

// TestCrossAccountExample: a cluster's policy lets another account in, and that
// account's policies let its users.
func TestCrossAccountExample(t *testing.T) {
	w := newWorld(t)
	c, err := w.CreateAccount(t.Context(), "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := policy.Parse(policy.Resource, []byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":["123456789012"]},"Action":["kafka:CreateVpcConnection","kafka:GetBootstrapBrokers","kafka:DescribeCluster","kafka:DescribeClusterV2","kafka-cluster:*"],"Resource":"`+of("cluster", "")+`"},
		{"Effect":"Allow","Principal":{"AWS":["123456789012"]},"Action":"kafka-cluster:*","Resource":["`+of("topic", "*")+`","`+of("group", "*")+`","`+of("transactional-id", "*")+`"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	own := &policy.Named{Name: "cluster policy", Document: doc}
	other := w.as(c.AccessKeyID, "")
	ask := func(c model.Caller, question string, own *policy.Named) bool {
		action, resource := asks(question)
		v, err := w.Decide(context.Background(), &iam.Question{Caller: c, Action: action, Resource: resource, Policy: own})
		if err != nil {
			t.Fatal(err)
		}
		return v.Allowed
	}
	for _, question := range []string{"Connect cluster", "WriteData topic a", "AlterGroup group g"} {
		if !ask(other, question, own) || ask(other, question, nil) {
			t.Errorf("%s: the root of the other account needs the cluster's policy, and nothing more", question)
		}
	}
	r := w.role(other, "writer", trust("123456789012"), statement("Allow", "kafka-cluster:Connect kafka-cluster:WriteData", mskPlace+"*"))
	v, err := w.Explain(t.Context(), *r.Arn, iam.Question{Action: "kafka-cluster:WriteData", Resource: of("topic", "a"), Policy: own})
	if err != nil || !v.Allowed {
		t.Errorf("its role may not write: %+v, %v", v, err)
	}
	v, err = w.Explain(t.Context(), *r.Arn, iam.Question{Action: "kafka-cluster:ReadData", Resource: of("topic", "a"), Policy: own})
	if err != nil || v.Allowed || v.Why != "no identity-based policy allows the kafka-cluster:ReadData action" || len(v.Steps) != 3 {
		t.Errorf("its role may read: %+v, %v", v, err)
	}
}
