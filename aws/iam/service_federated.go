package iam

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/oidc"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// Issuers proves tokens of OpenID Connect providers: *oidc.Fetcher. Its methods
// may be called concurrently.
type Issuers interface {
	Verify(ctx context.Context, p oidc.Provider, t *oidc.Token) error
	Thumbprint(ctx context.Context, issuer string) (string, error)
}

// noIssuers knows none.
type noIssuers struct{}

var errNoIssuers = errors.New("identity providers are not asked here")

func (noIssuers) Verify(context.Context, oidc.Provider, *oidc.Token) error {
	return &oidc.Unreachable{Cause: errNoIssuers}
}

func (noIssuers) Thumbprint(context.Context, string) (string, error) { return "", errNoIssuers }

// AssumeRoleWithWebIdentity makes temporary credentials of a role for whoever
// shows a token that an identity provider of the role's account has signed. The
// caller needs no credentials: all that is known of it is the token.
// aws:sts AssumeRoleWithWebIdentity
func (s *Service) AssumeRoleWithWebIdentity(ctx context.Context, c model.Caller, in *sts.AssumeRoleWithWebIdentityRequest) (*sts.AssumeRoleWithWebIdentityResponse, error) {
	n, isRole := parseARN(*in.RoleArn)
	if !isRole || n.kind != roles.dir || !accountPattern.MatchString(n.account) {
		return nil, validation("Request ARN is invalid")
	}
	if in.ProviderId != nil {
		return nil, validation("ProviderId is of OAuth 2.0 access tokens, which Millrace does not take: show a token of OpenID Connect.")
	}
	token, err := oidc.Parse(*in.WebIdentityToken)
	if err != nil {
		return nil, unreadable(err)
	}
	asked := asAssumeRole(in, token)
	if bad := asked.Validate(); bad != nil { // tags and source identity are the token's
		return nil, bad
	}
	c = model.Caller{Account: n.account, Region: c.Region, SourceIP: c.SourceIP, Secure: c.Secure, UserAgent: c.UserAgent}
	who, err := s.identified(ctx, strings.Split(*in.RoleArn, ":")[1], n.account, token)
	if err != nil {
		return nil, err
	}
	var out *sts.AssumeRoleResponse
	err = s.store.View(ctx, func(st *store.Tx) error {
		t := s.tx(st, n.account, strings.Split(*in.RoleArn, ":")[1])
		r, err := find[entity](t, roles, n.name)
		if err != nil {
			return err
		}
		if r == nil || r.Path != n.path {
			return notFederated("sts:AssumeRoleWithWebIdentity")
		}
		a := assumption{t: t, c: c, role: r, in: asked, who: who}
		out, err = a.run()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &sts.AssumeRoleWithWebIdentityResponse{
		AssumedRoleUser: out.AssumedRoleUser, Credentials: out.Credentials, PackedPolicySize: out.PackedPolicySize, SourceIdentity: out.SourceIdentity,
		Audience: &who.Audience[0], Provider: &who.ARN, SubjectFromWebIdentityToken: &who.Subject,
	}, nil
}

// notFederated is the one refusal, whether the role exists or not.
func notFederated(action string) *model.Error {
	return accessDenied("Not authorized to perform %s", action)
}

// identified proves a token: what it says first, because that costs nothing.
func (s *Service) identified(ctx context.Context, partition, account string, token *oidc.Token) (*federated, error) {
	name, err := providerOf(token.Issuer)
	if err != nil {
		return nil, invalidToken("Issuer must be a URL of https.") // UNVERIFIED wording
	}
	var p *provider
	var arn string
	err = s.store.View(ctx, func(st *store.Tx) error {
		t := s.tx(st, account, partition)
		if p, err = find[provider](t, providers, name); err == nil && p != nil {
			arn = t.arn(providers, &p.head)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, invalidToken("No OpenIDConnect provider found in your account for %s", token.Issuer)
	}
	who, err := p.accept(token, arn, s.now())
	if err != nil {
		return nil, err
	}
	err = s.issuers.Verify(ctx, oidc.Provider{Issuer: p.issuer(), Thumbprints: p.Thumbprints}, token)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, unverified(err)
	}
	return who, nil
}

// asAssumeRole is the request of AssumeRole that a token stands for: its session
// tags and source identity are the token's.
func asAssumeRole(in *sts.AssumeRoleWithWebIdentityRequest, token *oidc.Token) *sts.AssumeRoleRequest {
	out := &sts.AssumeRoleRequest{
		RoleArn: in.RoleArn, RoleSessionName: in.RoleSessionName, DurationSeconds: in.DurationSeconds,
		Policy: in.Policy, PolicyArns: in.PolicyArns, TransitiveTagKeys: token.Transitive,
	}
	for key, values := range token.Tags {
		if len(values) > 0 {
			out.Tags = append(out.Tags, sts.Tag{Key: ptr(key), Value: ptr(values[0])})
		}
	}
	slices.SortFunc(out.Tags, func(a, b sts.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	if token.SourceIdentity != "" {
		out.SourceIdentity = &token.SourceIdentity
	}
	return out
}

// admitted judges a web identity: the role's trust policy alone decides.
func (a *assumption) admitted(trust *policy.Named, actions []string) error {
	p := &principal{who: policy.Principal{Federated: a.who.ARN}, keys: policy.Map{"aws:principaltype": {"WebIdentityUser"}}}
	for _, action := range actions {
		q := Question{
			Caller: a.c, Action: action, Resource: a.t.arn(roles, &a.role.head), Owner: a.t.account,
			Policy: trust, Context: assumeContext(a.in, a.tags),
		}
		a.who.conditions(q.Context)
		if v := p.decide(&q, a.t.s.now()); !v.Allowed {
			return &Refused{notFederated(action), v.Why()}
		}
	}
	return nil
}
