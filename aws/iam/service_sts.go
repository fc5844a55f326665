package iam

import (
	"context"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/sts"
	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// GetCallerIdentity says who calls. aws:sts GetCallerIdentity
func (s *Service) GetCallerIdentity(_ context.Context, c model.Caller, _ *sts.GetCallerIdentityRequest) (*sts.GetCallerIdentityResponse, error) {
	return &sts.GetCallerIdentityResponse{Account: &c.Account, Arn: &c.ARN, UserId: &c.UserID}, nil
}

// GetAccessKeyInfo says whose an access key is. aws:sts GetAccessKeyInfo
func (s *Service) GetAccessKeyInfo(_ context.Context, _ model.Caller, in *sts.GetAccessKeyInfoRequest) (*sts.GetAccessKeyInfoResponse, error) {
	s.mu.Lock()
	account := s.roots[*in.AccessKeyId]
	s.mu.Unlock()
	if account == "" {
		var ok bool
		if account, ok = accountOfKey(*in.AccessKeyId); !ok {
			return nil, validation("Invalid access key ID: %s", *in.AccessKeyId)
		}
	}
	return &sts.GetAccessKeyInfoResponse{Account: &account}, nil
}

// issue makes temporary credentials of a session, whose times and key it fills
// in.
func (s *Service) issue(t *tx, of *session, seconds int32) (*sts.Credentials, error) {
	random, err := t.fresh(idBytes)
	if err != nil {
		return nil, err
	}
	of.AccessKeyID = newKeyID(temporaryPrefix, of.Account, random)
	of.Issued, of.Expires = t.now, t.now.Add(time.Duration(seconds)*time.Second)
	token, err := s.tokens.seal(of)
	if err != nil {
		return nil, err
	}
	return &sts.Credentials{
		AccessKeyId: &of.AccessKeyID, SecretAccessKey: ptr(s.tokens.secretOf(of.AccessKeyID).Reveal()), SessionToken: &token,
		Expiration: model.NewTime(of.Expires),
	}, nil
}

// Seconds that GetSessionToken's credentials last: "Request parameters" of
// aws:sts GetSessionToken.
const (
	defaultToken = 12 * 3600
	maxRootToken = 3600
)

// GetSessionToken makes temporary credentials of the caller's long-term ones:
// they end with them. aws:sts GetSessionToken
func (s *Service) GetSessionToken(ctx context.Context, c model.Caller, in *sts.GetSessionTokenRequest) (*sts.GetSessionTokenResponse, error) {
	h, ok := c.Handle.(*handle)
	if !ok || h.session != nil {
		return nil, accessDenied("Cannot call GetSessionToken with session credentials")
	}
	if in.TokenCode != nil || in.SerialNumber != nil {
		return nil, accessDenied("MultiFactorAuthentication failed, no MFA device of that serial number exists.")
	}
	seconds := int32(defaultToken)
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	if h.userName() == "" {
		seconds = min(seconds, maxRootToken)
	}
	return look(ctx, s, c, func(t *tx) (*sts.GetSessionTokenResponse, error) {
		out, err := s.issue(t, &session{Account: h.account, Parent: h.accessKeyID}, seconds)
		return &sts.GetSessionTokenResponse{Credentials: out}, err
	})
}

// AssumeRole makes temporary credentials of a role that lets the caller in.
// aws:sts AssumeRole
func (s *Service) AssumeRole(ctx context.Context, c model.Caller, in *sts.AssumeRoleRequest) (*sts.AssumeRoleResponse, error) {
	h, ok := c.Handle.(*handle)
	n, isRole := parseARN(*in.RoleArn)
	if !isRole || n.kind != roles.dir {
		return nil, validation("%s is invalid", *in.RoleArn)
	}
	if !ok {
		return nil, notAssumable(c, "sts:AssumeRole", *in.RoleArn)
	}
	p, err := s.principal(ctx, h)
	if err != nil {
		return nil, err
	}
	var out *sts.AssumeRoleResponse
	err = s.store.View(ctx, func(st *store.Tx) error {
		t := s.tx(st, n.account, c.Partition())
		r, err := find[entity](t, roles, n.name)
		if err != nil {
			return err
		}
		if r == nil || r.Path != n.path {
			return notAssumable(c, "sts:AssumeRole", *in.RoleArn)
		}
		a := assumption{t: t, c: c, p: p, role: r, in: in, from: h.session}
		out, err = a.run()
		return err
	})
	return out, err
}

// notAssumable is the one refusal, whether the role exists or not.
func notAssumable(c model.Caller, action, role string) error {
	return accessDenied("User: %s is not authorized to perform: %s on resource: %s", c.ARN, action, role)
}

// assumption is one AssumeRole under way.
type assumption struct {
	t    *tx
	c    model.Caller
	p    *principal
	role *entity
	in   *sts.AssumeRoleRequest
	from *session   // of a role that goes on to another role
	who  *federated // of AssumeRoleWithWebIdentity, which has no p
	tags []tag
}

func (a *assumption) run() (*sts.AssumeRoleResponse, error) {
	seconds, err := sessionSeconds(a.in.DurationSeconds, a.role.MaxSession, a.from)
	if err != nil {
		return nil, err
	}
	if a.tags, err = sessionTags(a.in, a.from); err != nil {
		return nil, err
	}
	if err := a.allowed(); err != nil {
		return nil, err
	}
	of := &session{
		Account: a.t.account, Role: a.role.Name, RoleID: a.role.ID, Name: *a.in.RoleSessionName,
		Tags: a.tags, Transitive: a.in.TransitiveTagKeys, Federated: a.who,
	}
	for _, t := range a.from.transitive() {
		of.Transitive = append(of.Transitive, t.Key)
	}
	if of.SourceIdentity, err = sourceIdentity(a.in, a.from); err != nil {
		return nil, err
	}
	packed, err := a.narrow(of)
	if err != nil {
		return nil, err
	}
	credentials, err := a.t.s.issue(a.t, of, seconds)
	if err != nil {
		return nil, err
	}
	id, arn := a.role.ID+":"+of.Name, sessionARN(a.t.partition, a.t.account, a.role.Name, of.Name)
	out := &sts.AssumeRoleResponse{AssumedRoleUser: &sts.AssumedRoleUser{Arn: &arn, AssumedRoleId: &id}, Credentials: credentials}
	if packed > 0 {
		out.PackedPolicySize = &packed
	}
	if of.SourceIdentity != "" {
		out.SourceIdentity = &of.SourceIdentity
	}
	return out, nil
}

// narrow reads the session policies, and says how much of the room for them
// they take, in percent.
func (a *assumption) narrow(of *session) (packed int32, err error) {
	if a.in.Policy != nil {
		if _, err := checkDocument(policy.Identity, *a.in.Policy); err != nil {
			return 0, err
		}
		of.Policies = []string{*a.in.Policy}
	}
	for _, d := range a.in.PolicyArns {
		if d.Arn == nil {
			return 0, validation("A policy ARN is missing.")
		}
		if err := a.t.attachable(*d.Arn); err != nil {
			return 0, malformed("The session policy %s does not exist.", *d.Arn)
		}
		of.PolicyARNs = append(of.PolicyARNs, *d.Arn)
	}
	return packedSize(of)
}

// allowed judges: the role's trust policy must let the caller in, and so must
// the caller's own policies, unless the trust policy names the caller itself.
func (a *assumption) allowed() error {
	doc, err := policy.Parse(policy.Trust, []byte(a.role.Trust))
	if err != nil {
		return err
	}
	trust := &policy.Named{Name: "trust policy of " + a.role.Name, Document: doc}
	actions := []string{"sts:AssumeRole"}
	if a.who != nil {
		actions = []string{"sts:AssumeRoleWithWebIdentity"}
	}
	if len(a.in.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if a.in.SourceIdentity != nil {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	if a.who != nil {
		return a.admitted(trust, actions)
	}
	for _, action := range actions {
		q := Question{
			Caller: a.c, Action: action, Resource: a.t.arn(roles, &a.role.head), Owner: a.t.account,
			Policy: trust, Context: assumeContext(a.in, a.tags),
		}
		if !a.p.mayAssume(&q, a.t.s.now()) {
			return notAssumable(a.c, action, *a.in.RoleArn)
		}
	}
	return nil
}
