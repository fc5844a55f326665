package iam

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/policy"
)

// Question is one decision that is asked for: may the caller do the action on
// the resource? Whoever asks tells all that must be known of the resource.
type Question struct {
	Caller   model.Caller
	Action   string // kafka:DeleteCluster
	Resource string // an ARN, or * for actions without one

	Owner  string            // the resource's account; empty: that of its ARN, or else the caller's
	Tags   map[string]string // of the resource, or nil
	Policy *policy.Named     // the resource's own, or nil
	// Guarded says that the resource's policy must allow also those of its own
	// account: KMS's keys.
	Guarded bool

	// Context is further condition keys, in lower case: of the request
	// (aws:requesttag/..., aws:tagkeys), of the service
	// (kafka:publicaccessenabled, iam:passedtoservice).
	Context policy.Map

	// Encryption is the encryption context of a use of a KMS key, or of the
	// constraint of a grant that is to be made; nil for everything else.
	Encryption map[string]string
	// Grant is the id or token of a KMS grant that the question is about.
	Grant string
}

// Verdict is the answer to a Question.
type Verdict struct {
	policy.Decision
	// Lasting says that the answer is the same until Revision or the resource
	// changes, or Expires is reached; otherwise it also depends on the time.
	Lasting bool
	Expires time.Time // of the credential; zero: never
	gone    string    // why the caller may do nothing at all
	who     string
	action  string
	on      string
}

// open is what everybody may do, whatever policies say: "Actions" of AWS STS in
// the service authorization reference.
func open(action string) bool {
	return action == "sts:GetCallerIdentity" || action == "sts:GetSessionToken"
}

// owner is the account of the resource.
func (q *Question) owner() string {
	if q.Owner != "" {
		return q.Owner
	}
	if account := accountOf(q.Resource); account != "" {
		return account
	}
	return q.Caller.Account
}

// facts is the policy.Context of one question.
type facts struct {
	p   *principal
	q   *Question
	now time.Time
}

// Values finds a condition key: "AWS global condition context keys".
func (f *facts) Values(key string) ([]string, bool) {
	if v, ok := f.q.Context[key]; ok {
		return v, true
	}
	if v, ok := f.p.keys[key]; ok {
		return v, true
	}
	one := func(v string) ([]string, bool) { return []string{v}, v != "" }
	switch key {
	case "aws:currenttime":
		return one(f.now.UTC().Format(time.RFC3339))
	case "aws:epochtime":
		return one(strconv.FormatInt(f.now.Unix(), 10))
	case "aws:sourceip":
		return one(f.q.Caller.SourceIP)
	case "aws:securetransport":
		return one(strconv.FormatBool(f.q.Caller.Secure))
	case "aws:useragent":
		return one(f.q.Caller.UserAgent)
	case "aws:requestedregion":
		return one(f.q.Caller.Region)
	case "aws:resourceaccount":
		return one(f.q.owner())
	}
	if values, ok := encryptionKey(key, f.q.Encryption); ok {
		return values, true
	}
	if tag, ok := strings.CutPrefix(key, "aws:resourcetag/"); ok {
		for name, value := range f.q.Tags {
			if strings.EqualFold(name, tag) {
				return []string{value}, true
			}
		}
	}
	return nil, false
}

// encryptionKey finds a condition key about an encryption context: "AWS KMS
// condition keys".
func encryptionKey(key string, encryption map[string]string) ([]string, bool) {
	if key == "kms:encryptioncontextkeys" {
		return slices.Sorted(maps.Keys(encryption)), len(encryption) > 0
	}
	want, ok := strings.CutPrefix(key, "kms:encryptioncontext:")
	for name, value := range encryption {
		if ok && strings.EqualFold(name, want) {
			return []string{value}, true
		}
	}
	return nil, false
}

// decide answers a question about a principal.
func (p *principal) decide(q *Question, now time.Time) Verdict {
	v := Verdict{who: q.Caller.ARN, action: q.Action, on: q.Resource, Expires: p.expires}
	switch {
	case p.gone != "":
		v.gone, v.Lasting = p.gone, true
		return v
	case !p.expires.IsZero() && !now.Before(p.expires):
		v.gone = "its credentials have expired"
		return v
	case open(q.Action):
		v.Allowed = true
		return v
	case p.token && strings.HasPrefix(q.Action, "iam:"):
		v.gone = "credentials of GetSessionToken may not call IAM without MFA"
		return v
	}
	r := policy.Request{Principal: p.who, Action: q.Action, Resource: q.Resource, Owner: q.owner(), Context: &facts{p, q, now}}
	all := p.policies
	all.Resource, all.Guarded = q.Policy, q.Guarded
	v.Decision = all.Decide(&r)
	v.Lasting = !p.timed && (q.Policy == nil || !timed(q.Policy.Document))
	return v
}

// Refused is the error of a refusal: what AWS answers, in AWS's words, and what
// decided, for the log alone.
type Refused struct {
	Answer *model.Error
	Why    string
}

// Error is the answer's code and message.
func (r *Refused) Error() string { return r.Answer.Error() }

// Unwrap is the error that callers see.
func (r *Refused) Unwrap() error { return r.Answer }

// refusal is the error of a verdict that does not allow: "Troubleshoot access
// denied error messages" in the IAM user guide.
func (v *Verdict) refusal() *Refused {
	return &Refused{accessDenied("User: %s is not authorized to perform: %s on resource: %s %s", v.who, v.action, v.on, v.because()), v.Why()}
}

func (v *Verdict) because() string {
	part := v.Where.String()
	switch {
	case v.gone != "":
		return "because " + v.gone
	case v.Reason == policy.ExplicitDeny:
		return "with an explicit deny in " + article(part)
	}
	return fmt.Sprintf("because no %s allows the %s action", part, v.action)
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// Why says in one line what decided: for logs. It names policies, never what is
// in a request.
func (v *Verdict) Why() string {
	switch {
	case v.Allowed && open(v.action):
		return "allowed to everybody"
	case v.Allowed && v.Statement == nil:
		return "allowed to the root of the account"
	case v.Statement != nil:
		name := fmt.Sprintf("statement %d", v.Index+1)
		if v.Statement.SID != "" {
			name += " (" + v.Statement.SID + ")"
		}
		return fmt.Sprintf("%s %s, %s: %s", v.Where, v.Policy, name, v.Statement.Effect)
	}
	return strings.TrimPrefix(v.because(), "because ")
}

// Explanation is a decision with what every statement had to say.
type Explanation struct {
	Allowed bool     `json:"allowed"`
	Why     string   `json:"why"`
	Steps   []string `json:"steps"`
}

// explain answers a question with every step.
func (p *principal) explain(q *Question, now time.Time) Explanation {
	v := p.decide(q, now)
	out := Explanation{Allowed: v.Allowed, Why: v.Why(), Steps: []string{}}
	all := p.policies
	all.Resource, all.Guarded = q.Policy, q.Guarded
	r := policy.Request{Principal: p.who, Action: q.Action, Resource: q.Resource, Owner: q.owner(), Context: &facts{p, q, now}}
	for _, step := range all.Explain(&r) {
		out.Steps = append(out.Steps, step.String())
	}
	return out
}

// tagKeys adds the condition keys of tags in a request.
func tagKeys(into policy.Map, tags []tag) {
	var keys []string
	for _, t := range tags {
		into["aws:requesttag/"+strings.ToLower(t.Key)] = []string{t.Value}
		keys = append(keys, t.Key)
	}
	if slices.Sort(keys); len(keys) > 0 {
		into["aws:tagkeys"] = keys
	}
}
