package iam

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/policy"
)

// Limits of AssumeRole: "IAM and AWS STS quotas".
const (
	chainedSeconds   = 3600 // of a role assumed by a role
	maxSessionPolicy = 2048 // characters
	maxSessionARNs   = 10
	packedRoom       = 4096 // bytes that session policies and tags may take
)

// sessionSeconds is how long a role's session lasts.
func sessionSeconds(asked *int32, longest int32, from *session) (int32, error) {
	chained := from != nil && from.Role != ""
	seconds := int32(defaultSession)
	if asked != nil {
		seconds = *asked
	}
	switch {
	case chained && seconds > chainedSeconds:
		return 0, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case seconds > longest:
		return 0, validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return seconds, nil
}

// sessionTags is the tags of a session: those of the request, and those that
// the caller's session passes on, which the request may not change.
func sessionTags(in *sts.AssumeRoleRequest, from *session) ([]tag, error) {
	h := head{Tags: slices.Clone(from.transitive())}
	var added []tag
	for _, t := range in.Tags {
		if slices.ContainsFunc(h.Tags, func(x tag) bool { return strings.EqualFold(x.Key, *t.Key) }) {
			return nil, fail(http.StatusBadRequest, "InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		added = append(added, tag{*t.Key, *t.Value})
	}
	if err := h.setTags(added); err != nil {
		return nil, err
	}
	return h.Tags, nil
}

// sourceIdentity is set once and goes on through every role.
func sourceIdentity(in *sts.AssumeRoleRequest, from *session) (string, error) {
	inherited := ""
	if from != nil {
		inherited = from.SourceIdentity
	}
	switch {
	case in.SourceIdentity == nil:
		return inherited, nil
	case inherited != "" && inherited != *in.SourceIdentity:
		return "", accessDenied("Source identity is set already and cannot be changed.")
	}
	return *in.SourceIdentity, nil
}

// packedSize is how much of the room for session policies and tags a session
// takes, in percent.
func packedSize(of *session) (int32, error) {
	bytes := 0
	for _, document := range of.Policies {
		if n := len([]rune(document)); n > maxSessionPolicy {
			return 0, validation("Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to %d", maxSessionPolicy)
		}
		bytes += characters(document)
	}
	if len(of.PolicyARNs) > maxSessionARNs {
		return 0, validation("Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to %d", maxSessionARNs)
	}
	for _, arn := range of.PolicyARNs {
		bytes += len(arn)
	}
	for _, t := range of.Tags {
		bytes += len(t.Key) + len(t.Value)
	}
	percent := int32((bytes*100 + packedRoom - 1) / packedRoom)
	if percent > 100 {
		return 0, fail(http.StatusBadRequest, "PackedPolicyTooLarge", "Packed size of session tags or session policies consumes %d%% of allotted space.", percent)
	}
	return percent, nil
}

// assumeContext is the condition keys of AssumeRole: "Available keys for AWS
// STS".
func assumeContext(in *sts.AssumeRoleRequest, tags []tag) policy.Map {
	out := policy.Map{"sts:rolesessionname": {*in.RoleSessionName}}
	if in.ExternalId != nil {
		out["sts:externalid"] = []string{*in.ExternalId}
	}
	if in.SourceIdentity != nil {
		out["sts:sourceidentity"] = []string{*in.SourceIdentity}
	}
	if len(in.TransitiveTagKeys) > 0 {
		out["sts:transitivetagkeys"] = in.TransitiveTagKeys
	}
	tagKeys(out, tags)
	return out
}

// everything allows everything.
func everything() policy.Named {
	doc, err := policy.Parse(policy.Identity, []byte(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`))
	if err != nil {
		panic(err) // it is a constant
	}
	return policy.Named{Name: "everything", Document: doc}
}

// elsewhere is no account: what is of it, only its own policy gives.
const elsewhere = "elsewhere"

// mayAssume judges a question about a role: its trust policy must let the
// principal in even when the role is of the principal's own account, and then
// the usual rules hold.
func (p *principal) mayAssume(q *Question, now time.Time) bool {
	v := p.decide(q, now)
	if !v.Allowed {
		return false
	}
	trusted := policy.Policies{Identity: []policy.Named{everything()}, Resource: q.Policy}
	return trusted.Decide(&policy.Request{Principal: p.who, Action: q.Action, Resource: q.Resource, Owner: elsewhere, Context: &facts{p, q, now}}).Allowed
}
