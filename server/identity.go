package server

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/audit/trail"
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
// credential, an OAUTHBEARER one at most as long as its token.
func (v tokenVerifier) VerifyToken(ctx context.Context, t sasl.Token) (sasl.Identity, error) {
	signed, err := sigv4.ParseQuery(t.Method, t.Host, t.Query)
	if err != nil {
		return sasl.Identity{}, err
	}
	if err := signed.CheckScope("kafka-cluster", v.region); err != nil {
		return sasl.Identity{}, err
	}
	cred, caller, known := v.iam.Authenticate(ctx, signed.AccessKeyID, signed.SessionToken, signed.Region)
	if !known {
		return sasl.Identity{}, signed.VerifyUnknown(nil, v.now()) // takes as long as a known key
	}
	if err := signed.Verify(cred.Secret.Reveal(), nil, v.now()); err != nil {
		return sasl.Identity{}, err
	}
	if !cred.Expires.IsZero() && !v.now().Before(cred.Expires) {
		return sasl.Identity{}, &sigv4.Error{Kind: sigv4.ExpiredToken, Message: "The security token included in the request is expired"}
	}
	v.iam.Used(signed.AccessKeyID, signed.Region, "kafka-cluster")
	caller.Secure, caller.UserAgent = true, t.UserAgent
	id := sasl.Identity{Type: "IAM", Name: caller.ARN, Expires: cred.Expires, Handle: &wireCaller{caller: caller}}
	if t.Mechanism == "OAUTHBEARER" {
		if end := signed.Time.Add(signed.Expires); id.Expires.IsZero() || end.Before(id.Expires) {
			id.Expires = end
		}
	}
	return id, nil
}

// wireCaller is the caller of one Kafka session, with what was decided for it.
type wireCaller struct {
	mu       sync.Mutex
	caller   model.Caller                // guarded by mu
	revision uint64                      // guarded by mu; of iam, when verdicts were given
	facts    *clusterFacts               // guarded by mu; that verdicts rest on
	verdicts map[listener.Operation]bool // guarded by mu; at most maxVerdicts
	expires  time.Time                   // guarded by mu; of the credential
}

// maxVerdicts bounds what is remembered of one session; beyond, remembering
// starts over.
const maxVerdicts = 4096

// wireAuthorizer judges Kafka operations by IAM: it turns each operation into
// its kafka-cluster action on the cluster's, topic's, group's or transactional
// id's ARN.
type wireAuthorizer struct {
	iam     *iam.Service
	cluster string // the cluster's ARN
	facts   *factsKeeper
	now     func() time.Time
	log     *slog.Logger
	audit   *trail.Trail // nil: nothing is recorded
}

var _ listener.Explainer = wireAuthorizer{}

// Authorize tells of each operation whether the session may do it. An answer is
// remembered with the session while neither iam nor the cluster changes.
func (a wireAuthorizer) Authorize(ctx context.Context, s *listener.Session, ops []listener.Operation, allowed []bool) {
	w, ok := s.Identity.Handle.(*wireCaller)
	if !ok {
		return
	}
	revision, facts := a.iam.Revision(), a.facts.now(ctx)
	unknown, caller := w.known(s, revision, facts, a.now(), ops, allowed)
	for _, i := range unknown {
		v, ok := a.decide(ctx, caller, ops[i], facts)
		if !ok {
			continue
		}
		allowed[i] = v.Allowed
		w.learn(revision, facts, ops[i], v)
	}
	a.refuseUnrecordable(ops, allowed)
}

// known fills in what is remembered and lists the other operations.
func (w *wireCaller) known(s *listener.Session, revision uint64, facts *clusterFacts, now time.Time, ops []listener.Operation, out []bool) (unknown []int, c model.Caller) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.verdicts == nil || w.revision != revision || w.facts != facts || len(w.verdicts) >= maxVerdicts {
		w.revision, w.facts, w.verdicts = revision, facts, make(map[listener.Operation]bool)
		if s.RemoteAddr.IsValid() {
			w.caller.SourceIP = s.Host()
		}
	}
	if !w.expires.IsZero() && !now.Before(w.expires) {
		return nil, w.caller
	}
	for i, op := range ops {
		allowed, known := w.verdicts[op]
		if out[i] = allowed; !known {
			unknown = append(unknown, i)
		}
	}
	return unknown, w.caller
}

// learn remembers a verdict that lasts.
func (w *wireCaller) learn(revision uint64, facts *clusterFacts, op listener.Operation, v iam.Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expires = v.Expires
	if v.Lasting && w.revision == revision && w.facts == facts {
		w.verdicts[op] = v.Allowed
	}
}

// decide judges one operation; ok is false for what is never allowed.
func (a wireAuthorizer) decide(ctx context.Context, c model.Caller, op listener.Operation, facts *clusterFacts) (v iam.Verdict, ok bool) {
	q, ok := a.question(c, op, facts)
	if !ok {
		return v, false
	}
	err := facts.err
	if err == nil {
		v, err = a.iam.Decide(ctx, &q)
	}
	if err != nil {
		a.log.Error("authorize", "principal", c.ARN, "action", q.Action, "error", err)
	}
	return v, err == nil
}

func (a wireAuthorizer) question(c model.Caller, op listener.Operation, facts *clusterFacts) (iam.Question, bool) {
	action, ok := actionOf(op)
	q := iam.Question{Caller: c, Action: action, Resource: a.resource(op), Policy: facts.policy}
	if q.Resource == a.cluster { // topics, groups and transactional ids have no tags
		q.Tags = facts.tags
	}
	return q, ok
}

// Why says what refused an operation: for the log.
func (a wireAuthorizer) Why(ctx context.Context, s *listener.Session, op listener.Operation) string {
	w, ok := s.Identity.Handle.(*wireCaller)
	if !ok {
		return "the session has no IAM principal"
	}
	w.mu.Lock()
	caller := w.caller
	w.mu.Unlock()
	q, ok := a.question(caller, op, a.facts.now(ctx))
	if !ok {
		return "IAM has no action for it"
	}
	v, err := a.iam.Decide(ctx, &q)
	if err != nil {
		return "the policies could not be read"
	}
	return q.Action + " on " + q.Resource + ": " + v.Why()
}

// resource is the ARN that an operation's resource has in IAM: the cluster's
// with the resource type and the name put in.
func (a wireAuthorizer) resource(op listener.Operation) string { return resourceARN(a.cluster, op) }

func resourceARN(cluster string, op listener.Operation) string {
	var kind string
	switch op.Resource {
	case listener.Topic:
		kind = ":topic/"
	case listener.Group:
		kind = ":group/"
	case listener.TransactionalID:
		kind = ":transactional-id/"
	default:
		return cluster
	}
	return strings.Replace(cluster, ":cluster/", kind, 1) + "/" + op.Name
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
