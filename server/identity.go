package server

import (
	"context"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/sigv4"
	"github.com/millrace/millrace/kafka/listener"
	"github.com/millrace/millrace/kafka/sasl"
)

// tokenVerifier answers kafka/sasl's question with iam's knowledge: who signed
// this token?
type tokenVerifier struct {
	iam    *iam.Service
	region string // of the cluster
	now    func() time.Time
}

var _ sasl.Verifier = tokenVerifier{}

// VerifyToken recomputes the signature of an MSK token from the stored secret
// (aws:kafka IAM access control). An AWS_MSK_IAM session lasts as long as its
// credential, an OAUTHBEARER one as long as its token.
func (v tokenVerifier) VerifyToken(_ context.Context, t sasl.Token) (sasl.Identity, error) {
	signed, err := sigv4.ParseQuery(t.Method, t.Host, t.Query)
	if err != nil {
		return sasl.Identity{}, err
	}
	if err := signed.CheckScope("kafka-cluster", v.region); err != nil {
		return sasl.Identity{}, err
	}
	cred, caller, known := v.iam.Authenticate(signed.AccessKeyID, signed.Region)
	if !known {
		return sasl.Identity{}, signed.VerifyUnknown(nil, v.now()) // takes as long as a known key
	}
	if err := signed.Verify(cred.Secret, nil, v.now()); err != nil {
		return sasl.Identity{}, err
	}
	id := sasl.Identity{Type: "IAM", Name: caller.ARN, Handle: caller}
	if t.Mechanism == "OAUTHBEARER" {
		id.Expires = signed.Time.Add(signed.Expires)
	}
	return id, nil
}

// wireAuthorizer judges Kafka operations by IAM: it turns each operation into
// its kafka-cluster action on the cluster's, topic's, group's or transactional
// id's ARN.
type wireAuthorizer struct {
	iam     *iam.Service
	cluster string // the cluster's ARN
}

var _ listener.Authorizer = wireAuthorizer{}

// Authorize answers for each operation whether the session may do it.
func (a wireAuthorizer) Authorize(ctx context.Context, s *listener.Session, ops []listener.Operation) []bool {
	out := make([]bool, len(ops))
	caller, ok := s.Identity.Handle.(model.Caller)
	if !ok {
		return out
	}
	for i, op := range ops {
		if action, ok := actionOf(op); ok {
			out[i] = a.iam.Authorize(ctx, caller, action, a.resource(op)) == nil
		}
	}
	return out
}

// resource is the ARN that an operation's resource has in IAM: the cluster's
// with the resource type and the name put in.
func (a wireAuthorizer) resource(op listener.Operation) string {
	kind := map[listener.ResourceType]string{
		listener.Topic: ":topic/", listener.Group: ":group/", listener.TransactionalID: ":transactional-id/",
	}[op.Resource]
	if kind == "" {
		return a.cluster
	}
	return strings.Replace(a.cluster, ":cluster/", kind, 1) + "/" + op.Name
}

type operationKind struct {
	op       listener.Op
	resource listener.ResourceType
}

// actions is Kafka's operations as kafka-cluster actions: the table of
// "IAM access control" in the MSK developer guide.
var actions = map[operationKind]string{
	{listener.Connect, listener.Cluster}:          "Connect",
	{listener.Describe, listener.Cluster}:         "DescribeCluster",
	{listener.Alter, listener.Cluster}:            "AlterCluster",
	{listener.DescribeConfigs, listener.Cluster}:  "DescribeClusterDynamicConfiguration",
	{listener.AlterConfigs, listener.Cluster}:     "AlterClusterDynamicConfiguration",
	{listener.IdempotentWrite, listener.Cluster}:  "WriteDataIdempotently",
	{listener.Create, listener.Topic}:             "CreateTopic",
	{listener.Describe, listener.Topic}:           "DescribeTopic",
	{listener.Alter, listener.Topic}:              "AlterTopic",
	{listener.Delete, listener.Topic}:             "DeleteTopic",
	{listener.DescribeConfigs, listener.Topic}:    "DescribeTopicDynamicConfiguration",
	{listener.AlterConfigs, listener.Topic}:       "AlterTopicDynamicConfiguration",
	{listener.Read, listener.Topic}:               "ReadData",
	{listener.Write, listener.Topic}:              "WriteData",
	{listener.Describe, listener.Group}:           "DescribeGroup",
	{listener.Read, listener.Group}:               "AlterGroup",
	{listener.Delete, listener.Group}:             "DeleteGroup",
	{listener.Describe, listener.TransactionalID}: "DescribeTransactionalId",
	{listener.Write, listener.TransactionalID}:    "AlterTransactionalId",
}

// actionOf is the IAM action of an operation; what has none is never allowed.
func actionOf(op listener.Operation) (string, bool) {
	name, ok := actions[operationKind{op.Op, op.Resource}]
	return "kafka-cluster:" + name, ok
}
