package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/policy"
)

// identityOperations is Millrace's own service about accounts and decisions.
func (s *System) identityOperations() []model.Operation {
	const accounts, explain = "/_millrace/v1/accounts", "/_millrace/v1/explain"
	return []model.Operation{
		{
			Name: "CreateAccount", Method: http.MethodPost, Path: accounts, Status: http.StatusOK, Decode: decodeJSON[accountRequest],
			Call: func(ctx context.Context, c model.Caller, in model.Request) (any, error) {
				return s.createAccount(ctx, c, in.(*accountRequest))
			},
		}, {
			Name: "ListAccounts", Method: http.MethodGet, Path: accounts, Status: http.StatusOK, Decode: decodeJSON[accountRequest],
			Call: func(ctx context.Context, c model.Caller, _ model.Request) (any, error) { return s.listAccounts(ctx, c) },
		}, {
			Name: "ExplainAccess", Method: http.MethodPost, Path: explain, Status: http.StatusOK, Decode: decodeJSON[explainRequest],
			Call: func(ctx context.Context, c model.Caller, in model.Request) (any, error) {
				return s.explain(ctx, c, in.(*explainRequest))
			},
		},
	}
}

func decodeJSON[T any, P interface {
	*T
	model.Request
}](in *model.Input) (model.Request, error) {
	out := P(new(T))
	in.JSON(out)
	return out, in.Err()
}

// accountRequest is the input of CreateAccount and ListAccounts.
type accountRequest struct {
	AccountID *string `json:"accountId"` // nil: drawn
}

// Validate accepts: iam checks the id.
func (*accountRequest) Validate() *model.Error { return nil }

// accountAnswer is one account. Keys are told when it is made, and never again.
type accountAnswer struct {
	AccountID       string     `json:"accountId"`
	AccessKeyID     string     `json:"accessKeyId,omitempty"`
	SecretAccessKey string     `json:"secretAccessKey,omitempty"`
	Created         *time.Time `json:"created,omitempty"`
}

// ofDefault refuses callers of other accounts: accounts are the installation's.
func ofDefault(c model.Caller) error {
	if c.Account == iam.AccountID {
		return nil
	}
	return &model.Error{Code: "AccessDeniedException", HTTP: http.StatusForbidden, Message: "Accounts are made and listed by callers of the account " + iam.AccountID + "."}
}

func (s *System) createAccount(ctx context.Context, c model.Caller, in *accountRequest) (*accountAnswer, error) {
	if err := ofDefault(c); err != nil {
		return nil, err
	}
	id := ""
	if in.AccountID != nil {
		id = *in.AccountID
	}
	made, err := s.iam.CreateAccount(ctx, id)
	switch {
	case errors.Is(err, iam.ErrAccountExists):
		return nil, model.Conflict("accountId", "The account exists already.")
	case errors.Is(err, iam.ErrAccountID), errors.Is(err, iam.ErrTooMany):
		return nil, model.BadRequest("accountId", err.Error())
	case err != nil:
		return nil, err
	}
	return &accountAnswer{AccountID: made.Account, AccessKeyID: made.AccessKeyID, SecretAccessKey: made.Secret.Reveal()}, nil
}

func (s *System) listAccounts(ctx context.Context, c model.Caller) (any, error) {
	if err := ofDefault(c); err != nil {
		return nil, err
	}
	all, err := s.iam.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	out := struct {
		Accounts []accountAnswer `json:"accounts"`
	}{[]accountAnswer{}}
	for _, a := range all {
		out.Accounts = append(out.Accounts, accountAnswer{AccountID: a.ID, Created: &a.Created})
	}
	return out, nil
}

// explainRequest is the input of ExplainAccess.
type explainRequest struct {
	Principal *string           `json:"principal"`
	Action    *string           `json:"action"`
	Resource  *string           `json:"resource"`
	Context   map[string]string `json:"context"` // condition keys of the request
}

// Validate checks that everything is there.
func (r *explainRequest) Validate() *model.Error {
	switch {
	case r.Principal == nil:
		return model.Missing("principal")
	case r.Action == nil || !strings.Contains(*r.Action, ":"):
		return model.BadRequest("action", "The action is SERVICE:NAME, such as kafka-cluster:WriteData.")
	}
	return nil
}

// explain answers what the judge would, with every step. Callers ask about
// principals of their own account; those of the default account about all.
func (s *System) explain(ctx context.Context, c model.Caller, in *explainRequest) (*iam.Explanation, error) {
	if account, _ := placeOf(*in.Principal); account != c.Account && c.Account != iam.AccountID {
		return nil, model.BadRequest("principal", "The principal is of another account.")
	}
	q := iam.Question{Caller: c, Action: *in.Action, Resource: "*", Context: make(policy.Map)}
	if in.Resource != nil {
		q.Resource = *in.Resource
	}
	for key, value := range in.Context {
		q.Context[strings.ToLower(key)] = []string{value}
	}
	if err := s.authorizer().complete(ctx, &q); err != nil {
		return nil, err
	}
	out, err := s.iam.Explain(ctx, *in.Principal, q)
	if err != nil {
		return nil, err
	}
	return &out, nil
}
