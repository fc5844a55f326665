package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	shape "github.com/millrace/millrace/aws/model/iam"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// simulation is what the two operations have in common.
type simulation struct {
	actions, resources, inputs, boundaries []string
	entries                                []shape.ContextEntry
	resourcePolicy, owner, callerARN       *string
}

// maxSimulated bounds the decisions of one call.
const maxSimulated = 1000

// SimulateCustomPolicy judges by documents of the request.
// aws:iam SimulateCustomPolicy
func (s *Service) SimulateCustomPolicy(_ context.Context, c model.Caller, in *shape.SimulateCustomPolicyRequest) (*shape.SimulatePolicyResponse, error) {
	p := &principal{who: policy.Principal{Account: c.Account, ARN: entityARN(c.Partition(), c.Account, users.dir, "/", "simulated")}, keys: policy.Map{}}
	return simulation{
		in.ActionNames, in.ResourceArns, in.PolicyInputList, in.PermissionsBoundaryPolicyInputList,
		in.ContextEntries, in.ResourcePolicy, in.ResourceOwner, in.CallerArn,
	}.run(p, s.now())
}

// SimulatePrincipalPolicy judges by the policies of a user, group or role, and
// by documents of the request. aws:iam SimulatePrincipalPolicy
func (s *Service) SimulatePrincipalPolicy(ctx context.Context, c model.Caller, in *shape.SimulatePrincipalPolicyRequest) (*shape.SimulatePolicyResponse, error) {
	var p *principal
	err := s.store.View(ctx, func(st *store.Tx) (err error) {
		n, ok := parseARN(*in.PolicySourceArn)
		switch {
		case ok && n.account != c.Account:
			return noSuchEntity("%s is not of the account %s.", *in.PolicySourceArn, c.Account)
		case ok && n.kind == groups.dir:
			p, err = s.tx(st, n.account, c.Partition()).groupAlone(n.name)
		default:
			p, err = s.named(st, *in.PolicySourceArn)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return simulation{
		in.ActionNames, in.ResourceArns, in.PolicyInputList, in.PermissionsBoundaryPolicyInputList,
		in.ContextEntries, in.ResourcePolicy, in.ResourceOwner, in.CallerArn,
	}.run(p, s.now())
}

// groupAlone is somebody who has the policies of a group and nothing else.
func (t *tx) groupAlone(name string) (*principal, error) {
	g, err := t.entity(groups, name)
	if err != nil {
		return nil, err
	}
	p := &principal{who: policy.Principal{Account: t.account, ARN: entityARN(t.partition, t.account, users.dir, "/", "simulated")}, keys: policy.Map{}}
	return p, t.grant(p, groups, g)
}

func (sim simulation) run(p *principal, now time.Time) (*shape.SimulatePolicyResponse, error) {
	resources := sim.resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	if len(resources)*len(sim.actions) > maxSimulated {
		return nil, invalidInput("At most %d actions on resources can be simulated in one call.", maxSimulated)
	}
	if err := sim.add(p); err != nil {
		return nil, err
	}
	context, err := sim.context(p)
	if err != nil {
		return nil, err
	}
	var own *policy.Named
	if sim.resourcePolicy != nil {
		doc, err := checkDocument(policy.Resource, *sim.resourcePolicy)
		if err != nil {
			return nil, err
		}
		own = &policy.Named{Name: "ResourcePolicy", Document: doc}
	}
	out := &shape.SimulatePolicyResponse{IsTruncated: ptr(false), EvaluationResults: []shape.EvaluationResult{}}
	for _, action := range sim.actions {
		for _, resource := range resources {
			q := Question{Caller: model.Caller{Account: p.who.Account, ARN: p.who.ARN}, Action: action, Resource: resource, Policy: own, Context: context}
			if sim.owner != nil {
				q.Owner = accountOf(*sim.owner)
			}
			out.EvaluationResults = append(out.EvaluationResults, evaluation(p, &q, now))
		}
	}
	return out, nil
}

// add adds the documents of the request to a principal's.
func (sim simulation) add(p *principal) error {
	for i, document := range sim.inputs {
		doc, err := checkDocument(policy.Identity, document)
		if err != nil {
			return err
		}
		p.policies.Identity = append(slices.Clip(p.policies.Identity), policy.Named{Name: fmt.Sprintf("PolicyInputList.%d", i+1), Document: doc})
	}
	for i, document := range sim.boundaries {
		doc, err := checkDocument(policy.Identity, document)
		if err != nil {
			return err
		}
		p.policies.Boundary = &policy.Named{Name: fmt.Sprintf("PermissionsBoundaryPolicyInputList.%d", i+1), Document: doc}
	}
	return nil
}

func (sim simulation) context(p *principal) (policy.Map, error) {
	out := make(policy.Map)
	for _, e := range sim.entries {
		if e.ContextKeyName == nil {
			return nil, invalidInput("A context entry has no key.")
		}
		out[strings.ToLower(*e.ContextKeyName)] = e.ContextKeyValues
	}
	if sim.callerARN != nil {
		out["aws:principalarn"] = []string{*sim.callerARN}
		p.who.ARN = *sim.callerARN
	}
	return out, nil
}

// evaluation judges one action on one resource, in the words of
// SimulatePolicy.
func evaluation(p *principal, q *Question, now time.Time) shape.EvaluationResult {
	v := p.decide(q, now)
	decision := "implicitDeny"
	switch {
	case v.Allowed:
		decision = "allowed"
	case v.Reason == policy.ExplicitDeny:
		decision = "explicitDeny"
	}
	out := shape.EvaluationResult{
		EvalActionName: &q.Action, EvalResourceName: &q.Resource, EvalDecision: &decision,
		MatchedStatements: []shape.Statement{}, MissingContextValues: missingKeys(p, q, now),
	}
	if p.policies.Boundary != nil {
		out.PermissionsBoundaryDecisionDetail = &shape.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: ptr(v.Allowed || v.Reason == policy.NoIdentityAllow)}
	}
	all := p.policies
	all.Resource = q.Policy
	r := policy.Request{Principal: p.who, Action: q.Action, Resource: q.Resource, Owner: q.owner(), Context: &facts{p, q, now}}
	for _, step := range all.Explain(&r) {
		if step.Applies && (step.Effect == policy.Deny) == (decision == "explicitDeny") {
			out.MatchedStatements = append(out.MatchedStatements, shape.Statement{SourcePolicyId: ptr(step.Policy), SourcePolicyType: ptr("IAM Policy")})
		}
	}
	return out
}

// missingKeys lists the condition keys that policies ask for and the request
// lacks.
func missingKeys(p *principal, q *Question, now time.Time) []string {
	out, f := []string{}, &facts{p, q, now}
	for _, n := range p.policies.Identity {
		for _, key := range n.ContextKeys() {
			if _, there := f.Values(key); !there && !slices.Contains(out, key) {
				out = append(out, key)
			}
		}
	}
	return out
}
