package iam

import (
	"context"
	"strings"

	"github.com/millrace/millrace/aws/policy"
	"github.com/millrace/millrace/store"
)

// Decide answers a question without a look into the store while nothing has
// changed. An error is internal; it allows nothing.
func (s *Service) Decide(ctx context.Context, q *Question) (Verdict, error) {
	h, ok := q.Caller.Handle.(*handle)
	if !ok {
		return Verdict{who: q.Caller.ARN, action: q.Action, on: q.Resource, gone: "it has no credential"}, nil
	}
	p, err := s.principal(ctx, h)
	if err != nil {
		return Verdict{}, err
	}
	return p.decide(q, s.now()), nil
}

// Authorize is Decide for API calls: nil, or the *model.Error to answer.
func (s *Service) Authorize(ctx context.Context, q *Question) error {
	v, err := s.Decide(ctx, q)
	if err != nil {
		return err
	}
	if !v.Allowed {
		return v.refusal()
	}
	return nil
}

// Explain answers a question about somebody else: a user, a role, a role's
// session or a root, named by ARN, as the policies are now. A role is judged as
// one of its sessions without session policies. The caller of the question is
// ignored but for what it says of the request.
func (s *Service) Explain(ctx context.Context, principalARN string, q Question) (out Explanation, err error) {
	err = s.store.View(ctx, func(st *store.Tx) error {
		p, err := s.named(st, principalARN)
		if err != nil {
			return err
		}
		q.Caller.ARN, q.Caller.Account = p.who.ARN, p.who.Account
		out = p.explain(&q, s.now())
		return nil
	})
	return out, err
}

// named finds a principal by ARN.
func (s *Service) named(st *store.Tx, arn string) (*principal, error) {
	account := accountOf(arn)
	if _, exists := st.Get(accountKey(account)); !exists {
		return nil, noSuchEntity("The account of %s does not exist.", arn)
	}
	t := s.tx(st, account, strings.Split(arn, ":")[1])
	p := &principal{who: policy.Principal{Account: account}, keys: policy.Map{"aws:principalaccount": {account}, "aws:principalisawsservice": {"false"}}}
	if arn == rootARN(t.partition, account) {
		p.who.ARN, p.id = arn, account
		p.describe("Account", arn, nil)
		return p, nil
	}
	role, sessionName := "", "explain"
	n, ok := parseARN(arn)
	if _, rest, found := strings.Cut(arn, ":assumed-role/"); found {
		if role, sessionName, ok = strings.Cut(rest, "/"); !ok {
			sessionName = ""
		}
	} else if n.kind == roles.dir {
		role = n.name
	}
	switch {
	case role != "" && sessionName != "":
		r, err := t.entity(roles, role)
		if err != nil {
			return nil, err
		}
		return p, t.loadRole(p, &session{Account: account, Role: r.Name, RoleID: r.ID, Name: sessionName})
	case ok && n.kind == users.dir:
		if err := t.loadUser(p, n.name); err != nil || p.gone == "" && p.who.ARN == arn {
			return p, err
		}
	}
	return nil, noSuchEntity("No user, role, session or root has the ARN %s.", arn)
}
